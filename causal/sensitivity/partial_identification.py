"""Bounds on a difference in means that assume little: pure functions of arrays and numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.estimate import NotEstimable
from causal.estimators.regression import arm_means

Assumption: TypeAlias = Literal["monotone_response", "monotone_selection"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval a difference lies in, with the standard errors of its ends.

    Attributes
    ----------
    lower, upper : the ends; ``lower`` is above ``upper`` where the data contradict an assumption.
    lower_error, upper_error : their standard errors.
    """

    lower: float
    upper: float
    lower_error: float
    upper_error: float

    def mirrored(self) -> Bounds:
        """Give the bounds of the difference taken the other way round."""
        return Bounds(-self.upper, -self.lower, self.upper_error, self.lower_error)

    def interval(self, level: float = inference.LEVEL) -> tuple[float, float]:
        r"""Give a confidence interval for the difference itself, not for the whole set.

        With :math:`\Delta` the width and s the larger standard error, c solves
        :math:`\Phi(c + \Delta / s) - \Phi(-c) = ` level; each end moves out by c standard
        errors. Between the two-sided quantile (width 0) and the one-sided one.

        References
        ----------
        Imbens & Manski (2004), doi:10.1111/j.1468-0262.2004.00555.x; it supposes that the width
        is estimated well where it is small (Stoye 2009, doi:10.3982/ECTA7347).
        """
        from scipy import optimize, special

        largest = max(self.lower_error, self.upper_error)
        if largest == 0:
            return self.lower, self.upper
        width = max(self.upper - self.lower, 0.0) / largest

        def excess(c: float) -> float:
            return float(special.ndtr(c + width) - special.ndtr(-c)) - level

        c = float(optimize.brentq(excess, 0.0, inference.critical_value(level) + 1e-9))
        return self.lower - c * self.lower_error, self.upper + c * self.upper_error


def manski_bounds(
    y: Floats,
    a: Floats,
    w: Floats,
    cluster: Ints | None,
    outcome_range: tuple[float, float],
    assume: tuple[Assumption, ...] = (),
) -> Bounds:
    r"""Bound the average difference when nothing is known of who is exposed, or lost.

    What the exposed would have had unexposed, and the unexposed exposed, may be anything in the
    range; so may missing outcomes. With p the share exposed, :math:`m_a` the arm means and
    :math:`[l, h]` the range, the upper end is
    :math:`p m_1 + (1 - p) h - (1 - p) m_0 - p l`, and the width of the bounds :math:`h - l`.
    Monotone response (exposure lowers nobody's outcome) narrows the mean the unexposed would
    have had exposed to at least :math:`m_0` and the other to at most :math:`m_1`; monotone
    selection (those exposed would have the higher mean either way) does the reverse.

    Parameters
    ----------
    y : (n,) floats, outcome; NaN where missing.
    a : (n,) floats, 0/1.
    w : (n,) floats.
    cluster : (n,) ints or None.
    outcome_range : the lowest and highest outcome there could be.
    assume : upwards, as above; give ``-y`` and turn the bounds round for downwards.

    References
    ----------
    Manski (1990), Am Econ Rev 80(2):319; Manski & Pepper (2000), doi:10.1111/1468-0262.00144;
    missing outcomes: Horowitz & Manski (2000),
    doi:10.1080/01621459.2000.10473902.
    """
    low, high = outcome_range
    missing = np.isnan(y)
    raised = np.where(missing, np.where(a == 1, high, low), y)
    lowered = np.where(missing, np.where(a == 1, low, high), y)
    upper, upper_error = _manski_end(raised, a, w, cluster, outcome_range, assume, upper=True)
    lower, lower_error = _manski_end(lowered, a, w, cluster, outcome_range, assume, upper=False)
    return Bounds(lower, upper, lower_error, upper_error)


def _manski_end(
    y: Floats,
    a: Floats,
    w: Floats,
    cluster: Ints | None,
    outcome_range: tuple[float, float],
    assume: tuple[Assumption, ...],
    *,
    upper: bool,
) -> tuple[float, float]:
    """Give one end of the bounds with its standard error."""
    (m0, m1), influence = arm_means(y, a, w)
    p = float(np.average(a, weights=w))
    low, high = outcome_range
    # the mean the unexposed would have exposed, and the exposed unexposed, with their slopes in
    # (m0, m1): constants of the range unless an assumption ties them to an arm
    ends = {"low": (low, 0.0, 0.0), "high": (high, 0.0, 0.0), "m0": (m0, 1, 0), "m1": (m1, 0, 1)}
    response, selection = "monotone_response" in assume, "monotone_selection" in assume
    if upper:
        first = ends["m1"] if selection else ends["high"]
        second = ends["m0"] if selection else ends["low"]
    else:
        first = ends["m0"] if response else ends["low"]
        second = ends["m1"] if response else ends["high"]
    value = p * (m1 - second[0]) + (1 - p) * (first[0] - m0)
    slope0 = (1 - p) * (first[1] - 1) - p * second[1]
    slope1 = p * (1 - second[2]) + (1 - p) * first[2]
    share = w * (a - p) / w.mean()
    total = (
        (m1 - second[0] - first[0] + m0) * share + slope0 * influence[:, 0]
    ) + slope1 * influence[:, 1]
    return float(value), _error(total, cluster)


def lee_bounds(y: Floats, a: Floats, w: Floats, cluster: Ints | None) -> Bounds | NotEstimable:
    """Bound the difference among those who would be followed under either exposure.

    Exposure is taken to move follow-up in one direction only. The arm followed more then holds,
    beside them, a known share of persons whom its exposure alone keeps; at the extremes these
    have its highest or its lowest outcomes, which are trimmed away.

    Parameters
    ----------
    y : (n,) floats, outcome; NaN where missing.
    a, w, cluster : as in ``manski_bounds``.

    References
    ----------
    Lee (2009), doi:10.1111/j.1467-937X.2009.00536.x, propositions 1a and 3.
    """
    seen = ~np.isnan(y)
    if seen.all():
        return NotEstimable("every outcome is known, so there is no selective follow-up to bound")
    followed, moves = arm_means(seen.astype(np.float64), a, w)
    if followed.min() == 0:
        return NotEstimable("one arm has no known outcome")
    if followed[1] < followed[0]:  # trim the unexposed: the same with the arms exchanged
        turned = lee_bounds(y, 1 - a, w, cluster)
        return turned if isinstance(turned, NotEstimable) else turned.mirrored()
    kept = float(followed[0] / followed[1])
    kept_moves = kept * (moves[:, 0] / followed[0] - moves[:, 1] / followed[1])
    known = np.where(seen, y, 0.0)
    means, influence = arm_means(known, a, w * seen)
    exposed = w * seen * (a == 1)
    upper, upper_moves = top_mean(known, exposed, kept, kept_moves)
    lower, lower_moves = top_mean(-known, exposed, kept, kept_moves)
    m0, own = float(means[0]), influence[:, 0]
    return Bounds(
        -lower - m0,
        upper - m0,
        _error(-lower_moves - own, cluster),
        _error(upper_moves - own, cluster),
    )


def top_mean(y: Floats, w: Floats, kept: float, kept_moves: Floats) -> tuple[float, Floats]:
    r"""Give the mean of the highest outcomes, with its influence values.

    With :math:`\tau` the share kept and :math:`\zeta` the quantile above which it lies,
    :math:`\zeta + E[(Y - \zeta)_+] / \tau`: a row at the quantile counts in part, so that 0/1
    outcomes need nothing of their own.

    Parameters
    ----------
    y : (n,) floats.
    w : (n,) floats, 0 for rows outside the arm.
    kept : the share kept, above 0 and at most 1.
    kept_moves : (n,) floats, its influence values.

    References
    ----------
    Rockafellar & Uryasev (2000), doi:10.21314/JOR.2000.038, theorem 1; the influence values give
    the variance of Lee (2009), proposition 3.
    """
    order = np.argsort(-y, kind="stable")
    reached = np.cumsum(w[order]) / w.sum()
    # the row at which the share is reached; rounding must not carry past the arm's last row
    at = min(int(np.searchsorted(reached, kept * (1 - 1e-12))), int(np.flatnonzero(w[order])[-1]))
    quantile = float(y[order[at]])
    folded = quantile + np.maximum(y - quantile, 0.0) / kept
    value = float(np.average(folded, weights=w))
    own = w * (folded - value) / w.mean()
    return value, own + (quantile - value) / kept * kept_moves


def _error(influence: Floats, cluster: Ints | None) -> float:
    """Give the standard error of one number from its influence values."""
    return math.sqrt(float(inference.covariance(influence[:, None], cluster)[0, 0]))

"""Weighted product-limit curves and mean times, with how each moves with every row's weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.clock import Clock

EVENT = 1


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """Functionals of the weighted distribution of times in one arm.

    Attributes
    ----------
    values : (m,) floats.
    slopes : (n, m) floats, derivative of each value in the weight of each row, times n; so that
        weight times slope is the row's influence value.
    """

    values: Floats
    slopes: Floats


def gains_by_time(times: Floats, clock: Clock) -> Floats:
    """Give (len(times), m) floats: what an event at each time adds to each functional.

    The first functionals are the risks by the clock's ``times``, to which an event adds one if it
    comes no later; the last is the mean time lost to the event up to ``tau``, to which it adds
    what is then left of it.
    """
    by = (times[:, None] <= np.array(clock.times)[None, :]).astype(np.float64)
    lost = np.clip(clock.tau - times, 0.0, None)
    return np.column_stack([by, lost])


def product_limit(time: Floats, event: Ints, w: Floats, clock: Clock) -> CurveFit:
    r"""Give risks and mean time lost of one arm from weighted, censored times.

    The Aalen-Johansen estimate of the risk of the event, which is one minus Kaplan and Meier's
    where nothing competes. Events come before censoring at the same time. Each functional is
    :math:`\sum_j g_j S_{j-1} \hat\lambda_{1j}` over event times, and moves with a row's weight by

    .. math:: \sum_j \frac{S_{j-1}}{Y_j} \{(dN_{1j} - Y\hat\lambda_{1j})(g_j - R_j)
        - (dN_{2j} - Y\hat\lambda_{2j}) R_j\}, \qquad
        R_j = \sum_{k>j} g_k S_{k-1} \hat\lambda_{1k} / S_j

    where dN and Y are the row's own counts. With unit weights the sum of squares of these is
    Greenwood's variance.

    Parameters
    ----------
    time : (n,) floats, time to the event or to the end of follow-up.
    event : (n,) ints, 0 censored, 1 the event, 2 and above competing events.
    w : (n,) floats, weights; rows of weight 0 (of the other arm, say) do not count.

    References
    ----------
    Aalen & Johansen (1978), Scand J Stat 5:141; derivative: Andersen, Borgan, Gill & Keiding
    (1993), section IV.4; with weights: Xie & Liu (2005), doi:10.1002/sim.2174.
    """
    counts = w > 0
    happened = counts & (event > 0) & (time <= clock.tau)
    at = np.unique(time[happened])
    place = np.searchsorted(at, time, side="right") - 1  # last event time at or before one's own
    gains = gains_by_time(at, clock)
    n, m = len(time), gains.shape[1]
    if len(at) == 0:
        return CurveFit(np.zeros(m), np.zeros((n, m)))
    here = np.where(counts, w, 0.0)
    added = np.bincount(np.maximum(place, 0), weights=here * (place >= 0), minlength=len(at))
    at_risk = np.cumsum(added[::-1])[::-1]
    own = [_counted(place, here * (happened & cause), len(at)) for cause in
           (event == EVENT, event > EVENT)]  # fmt: skip
    hazard, competing = own[0] / at_risk, own[1] / at_risk
    left = np.clip(1 - hazard - competing, 0.0, None)
    after = np.cumprod(left)
    before = np.concatenate([[1.0], after[:-1]])
    mass = gains * (before * hazard)[:, None]
    values = mass.sum(axis=0)
    later = values - np.cumsum(mass, axis=0)
    safe = np.where(after > 0, after, 1.0)
    ahead = np.where(after[:, None] > 0, later / safe[:, None], 0.0)
    scale = (before / at_risk)[:, None]
    jump1, jump2 = scale * (gains - ahead), -scale * ahead
    drift = np.cumsum(jump1 * hazard[:, None] + jump2 * competing[:, None], axis=0)
    reached = np.maximum(place, 0)
    slopes = -np.where((place >= 0)[:, None], drift[reached], 0.0)
    slopes += np.where((happened & (event == EVENT))[:, None], jump1[reached], 0.0)
    slopes += np.where((happened & (event > EVENT))[:, None], jump2[reached], 0.0)
    slopes[~counts] = 0.0
    return CurveFit(values, n * slopes)


def last_at_risk(time: Floats, w: Floats) -> float:
    """Give the longest time anybody of an arm was followed."""
    return float(time[w > 0].max())


def _counted(place: Ints, weights: Floats, length: int) -> Floats:
    """Add weights up by event time."""
    return np.asarray(
        np.bincount(np.maximum(place, 0), weights=weights, minlength=length), dtype=np.float64
    )

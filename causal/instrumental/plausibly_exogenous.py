"""What is left of an instrumental estimate when the instrument may act on the outcome directly."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from causal import inference
from causal.errors import SpecError
from causal.estimate import NotEstimable, Region
from causal.findings import Curve, Point
from causal.inference import Piece
from causal.instrumental.stages import Stages

STEPS = 41
"""Points of the curve."""


@dataclass(frozen=True, slots=True)
class DirectEffect:
    """The effect over a range of direct effects of the instrument on the outcome.

    Attributes
    ----------
    lo, hi : the range of direct effects, in outcome units per unit of the instrument.
    estimates : the effect at ``lo`` and at ``hi``, lower first.
    union : all normal intervals over the range together; supposes a strong first stage.
    region : all Anderson-Rubin sets over the range together; does not.
    """

    lo: float
    hi: float
    estimates: tuple[float, float]
    union: tuple[float, float]
    region: Region


@dataclass(frozen=True, slots=True)
class LocalToZero:
    """The effect when the direct effect is a draw from a normal.

    Attributes
    ----------
    estimate, std_error, lo, hi : of the effect; the direct effect's spread is in the error.
    region : the Anderson-Rubin set, with the spread in the reduced form's error; it does not
        suppose a strong first stage.
    """

    estimate: float
    std_error: float
    lo: float
    hi: float
    region: Region


def union_of_intervals(
    stages: Stages, lo: float, hi: float, level: float = inference.LEVEL
) -> DirectEffect | NotEstimable:
    r"""Let the direct effect be anything in a range, and unite what each value of it gives.

    With direct effect :math:`\gamma`, reduced form r and first stage f, the effect is
    :math:`(r - \gamma) / f`. Its normal interval's ends are convex and concave in
    :math:`\gamma`, so their extremes lie at the ends of the range. A value b is in the union of
    the Anderson-Rubin sets if :math:`r - f b` is within its error of *some* direct effect in the
    range: in the set at either end, or between the two estimates.

    Parameters
    ----------
    stages : first stage and reduced form with their covariance.
    lo, hi : the range, in outcome units per unit of the instrument; the same number twice asks
        what one known direct effect leaves.

    Raises
    ------
    SpecError
        ``lo`` is above ``hi``.

    References
    ----------
    Conley, Hansen & Rossi (2012), doi:10.1162/REST_a_00139, union of confidence intervals under a
    restriction of the support.
    """
    if lo > hi:
        raise SpecError(f"the direct effect runs from {lo:g} to {hi:g}; give the lower end first.")
    if stages.first == 0:
        return NotEstimable("the instrument does not move exposure at all")
    ends: list[tuple[float, float]] = []
    pieces: list[Piece] = []
    for direct in (lo, hi):
        value = (stages.reduced - direct) / stages.first
        ends.append(inference.interval(value, _wald_error(stages, value), level, stages.reference))
        pieces += stages.less(direct).region(level).pieces
    low, high = sorted((stages.reduced - direct) / stages.first for direct in (lo, hi))
    return DirectEffect(
        lo=lo,
        hi=hi,
        estimates=(low, high),
        union=(min(end[0] for end in ends), max(end[1] for end in ends)),
        region=Region(unite([*pieces, (low, high)]), level),
    )


def local_to_zero(
    stages: Stages, mean: float, std_dev: float, level: float = inference.LEVEL
) -> LocalToZero | NotEstimable:
    """Let the direct effect be a draw from a normal, and add its spread to the estimate's.

    Parameters
    ----------
    stages : first stage and reduced form; the interval takes the first stage to be strong.
    mean, std_dev : of the direct effect, in outcome units per unit of the instrument.

    Raises
    ------
    SpecError
        ``std_dev`` is negative.

    References
    ----------
    Conley, Hansen & Rossi (2012), doi:10.1162/REST_a_00139, local-to-zero approximation; for one
    instrument its matrix A is one over the first stage.
    """
    if std_dev < 0:
        raise SpecError(
            f"the direct effect's standard deviation is {std_dev:g}; expected 0 or more."
        )
    if stages.first == 0:
        return NotEstimable("the instrument does not move exposure at all")
    value = (stages.reduced - mean) / stages.first
    own = _wald_error(stages, stages.reduced / stages.first)
    std_error = math.hypot(own, std_dev / stages.first)
    lo, hi = inference.interval(value, std_error, level, stages.reference)
    blurred = stages.covariance + np.diag([std_dev**2, 0.0])
    region = replace(stages.less(mean), covariance=blurred).region(level)
    return LocalToZero(value, std_error, lo, hi, region)


def smallest_direct_effect(
    stages: Stages, *, null: float = 0.0, level: float | None = inference.LEVEL
) -> float:
    """Give the direct effect nearest 0 that leaves no effect, or an interval that includes none.

    Parameters
    ----------
    null : the effect that counts as none.
    level : of the Anderson-Rubin set that is to include it; None asks of the estimate itself.

    Returns
    -------
    In outcome units per unit of the instrument, with the sign of the reduced form (at ``null``);
    0 where the set includes ``null`` without any.
    """
    distance = stages.reduced - null * stages.first
    needed = 0.0
    if level is not None:
        needed = inference.critical_value(level, stages.reference) * _distance_error(stages, null)
    left = abs(distance) - needed
    return math.copysign(left, distance) if left > 0 else 0.0


def direct_effect_curve(
    stages: Stages, lo: float, hi: float, level: float = inference.LEVEL
) -> Curve | NotEstimable:
    """Draw the effect, with its Anderson-Rubin set, over the direct effect.

    Whether the set has two ends hangs on the first stage alone, so it has for every direct effect
    or for none; where it has not, the line stands without it.
    """
    if stages.first == 0:
        return NotEstimable("the instrument does not move exposure at all")
    points = []
    for step in range(STEPS):
        direct = lo + (hi - lo) * step / (STEPS - 1)
        left = stages.less(direct)
        found = left.region(level)
        ends = found.pieces[0] if found.bounded else (None, None)
        points.append(Point(direct, left.reduced / left.first, *ends))
    drawn = "with its Anderson-Rubin set" if points[0].lo is not None else "its set is unbounded"
    return Curve(
        f"estimate given a direct effect of the instrument ({drawn})",
        "direct effect of a unit of the instrument on the outcome",
        "effect of exposure on the outcome",
        tuple(points),
        0.0,
    )


def unite(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Unite intervals, in ascending order; ``None`` stands for minus or plus infinity."""
    ends = sorted(
        (
            -math.inf if low is None else float(low),
            math.inf if high is None else float(high),
        )
        for low, high in pieces
    )
    merged = [ends[0]]
    for low, high in ends[1:]:
        if low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    return tuple(
        (None if math.isinf(low) else low, None if math.isinf(high) else high)
        for low, high in merged
    )


def _distance_error(stages: Stages, value: float) -> float:
    """Give the standard error of the reduced form minus ``value`` times the first stage."""
    v = stages.covariance
    variance = float(v[0, 0] - 2 * value * v[0, 1] + value**2 * v[1, 1])
    return math.sqrt(max(variance, 0.0))


def _wald_error(stages: Stages, value: float) -> float:
    """Give the delta-method standard error of the ratio at ``value``."""
    return _distance_error(stages, value) / abs(stages.first)

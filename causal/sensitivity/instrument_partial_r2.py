"""Omitted-variable bias of an instrumental estimate in partial R2, by way of Anderson-Rubin.

Letters as in Cinelli & Hazlett (2025), doi:10.1093/biomet/asaf004: Z is the instrument, W the
omitted variable, Y(b) the outcome minus b times exposure, X the covariates. The instrumental
estimate is b if and only if the instrument has no effect on Y(b), so that what is known of
omitted-variable bias in that regression carries over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats
from causal.estimate import NotEstimable, Region
from causal.findings import tell
from causal.instrumental.stages import Stages
from causal.sensitivity.partial_r2 import (
    NOTHING,
    Strength,
    block_strength,
    largest_multiple,
    robustness_value,
    times_as_strong,
)


@dataclass(frozen=True, slots=True)
class Robustness:
    """How strong an omitted variable has to be.

    Attributes
    ----------
    equal : partial R2 with both instrument and outcome (robustness value).
    extreme : partial R2 with the instrument, were all of the outcome explained (extreme
        robustness value).
    """

    equal: float
    extreme: float


@dataclass(frozen=True, slots=True)
class InstrumentRobustness:
    """Robustness of the three things an instrumental analysis rests on.

    Attributes
    ----------
    reduced_form, first_stage : to be no longer different from 0 at the level.
    estimate : for the Anderson-Rubin set to include the estimate less the share q of it.
    estimate_or_beyond : for the set to include that or anything beyond it, which it also does when
        it becomes unbounded: the smaller of ``estimate`` and ``first_stage``.
    q, level : the share of the estimate that is to go, and of which set.
    """

    reduced_form: Robustness
    first_stage: Robustness
    estimate: Robustness
    estimate_or_beyond: Robustness
    q: float
    level: float


@dataclass(frozen=True, slots=True)
class BenchmarkBound:
    """What an omitted variable k times as strong as a block of covariates could do.

    Attributes
    ----------
    instrument : its partial R2 with the instrument, given the covariates.
    outcome : with Y(b) given instrument and covariates, at the b where that is largest.
    threshold : the critical value the Anderson-Rubin statistic then has to pass.
    region : the Anderson-Rubin set by that threshold.
    """

    instrument: float
    outcome: float
    threshold: float
    region: Region


def robustness(
    stages: Stages, *, q: float = 1.0, level: float = inference.LEVEL
) -> InstrumentRobustness | NotEstimable:
    """Give robustness values of reduced form, first stage and estimate.

    Parameters
    ----------
    stages : reduced form and first stage; classical covariances are used, since partial R2 is
        a matter of residual variances. They leave clustering out of account.
    q : the share of the estimate that is to go; 1 brings it to 0.
    level : of the Anderson-Rubin set.

    References
    ----------
    Cinelli & Hazlett (2025), robustness values and extreme robustness values for instrumental
    variables; as in the authors' R package iv.sensemakr, whose published numbers the tests hold.
    """
    if stages.first == 0:
        return NotEstimable("the instrument does not move exposure at all")
    goal = (1 - q) * stages.reduced / stages.first
    t = {
        "reduced": _t(stages, 0.0),
        "first": stages.first / math.sqrt(float(stages.classical[1, 1])),
        "goal": _t(stages, goal),
    }
    found = {
        name: Robustness(
            robustness_value(value, stages.df, 1.0, level),
            extreme_robustness_value(value, stages.df, level=level),
        )
        for name, value in t.items()
    }
    either = Robustness(
        min(found["goal"].equal, found["first"].equal),
        min(found["goal"].extreme, found["first"].extreme),
    )
    return InstrumentRobustness(found["reduced"], found["first"], found["goal"], either, q, level)


def extreme_robustness_value(
    t: float, df: float, *, q: float = 1.0, level: float | None = None
) -> float:
    r"""Give the partial R2 with the regressor that is needed when all of the outcome is explained.

    Parameters
    ----------
    t, df : classical t statistic and residual degrees of freedom.
    q, level : as in ``robustness_value``.

    Returns
    -------
    :math:`(f^2 - f^{*2}) / (1 + f^2)` for :math:`f = q|t|/\sqrt{df}`; 0 where the interval
    includes the goal already.

    References
    ----------
    Cinelli & Hazlett (2025), extreme robustness value.
    """
    f = q * abs(t) / math.sqrt(df)
    needed = 0.0
    if level is not None:
        needed = inference.critical_value(level, df - 1) / math.sqrt(df - 1)
    return max((f**2 - needed**2) / (1 + f**2), 0.0)


def benchmark_bound(
    y: Floats,
    a: Floats,
    z: Floats,
    x: Floats,
    w: Floats,
    stages: Stages,
    block: Bools,
    k: float = 1.0,
    level: float = inference.LEVEL,
) -> BenchmarkBound | NotEstimable:
    """Bound the Anderson-Rubin set by an omitted variable k times as strong as a block.

    Parameters
    ----------
    y, a, z : (n,) floats, outcome, exposure, instrument.
    x : (n, p) floats, covariates without intercept.
    w : (n,) floats.
    stages : as fitted on the same arrays.
    block : (p,) booleans, the columns of ``x`` that are the block.
    k : how many times as strong, with the instrument and with the outcome.

    Returns
    -------
    The bound; or why an omitted variable cannot be that strong.

    References
    ----------
    Cinelli & Hazlett (2025), bounds by observed covariates (the outcome's is the largest over b)
    and adjusted critical value.
    """
    if not block.any():
        return NotEstimable("no covariate was named to compare with")
    benchmark = benchmark_strength(y, a, z, x, w, block)
    return bound_under(stages, omitted_strength(benchmark, k), level)


def benchmark_strength(
    y: Floats, a: Floats, z: Floats, x: Floats, w: Floats, block: Bools
) -> Strength:
    """Give a block's partial R2 with the instrument, and the largest with outcome less exposure.

    Parameters
    ----------
    y, a, z, x, w, block : as in ``benchmark_bound``.
    """
    return Strength(
        block_strength(y, z, x, w, block).exposure, largest_outcome_r2(y, a, z, x, w, block)
    )


def omitted_strength(
    benchmark: Strength, k: float, *, held: bool = True
) -> Strength | NotEstimable:
    """Give the strength of an omitted variable k times as strong as a benchmark.

    Parameters
    ----------
    held : whether the regressions hold the benchmark, so that its strength has to be carried over
        to what it leaves; else it is itself omitted, and k times its partial R2 is what is meant.
    """
    if held:
        found = times_as_strong(benchmark, k)
        if isinstance(found, NotEstimable):
            return NotEstimable(found.reason.replace("of exposure", "of the instrument"))
        return found
    scaled = Strength(k * benchmark.exposure, k * benchmark.outcome)
    if scaled.exposure >= 1 or scaled.outcome > 1:
        side = "the instrument" if scaled.exposure >= 1 else "the outcome"
        return NotEstimable(
            f"a variable {k:g} times as strong would explain more of {side} than there is"
        )
    return scaled


def bound_under(
    stages: Stages, omitted: Strength | NotEstimable, level: float = inference.LEVEL
) -> BenchmarkBound | NotEstimable:
    """Give the Anderson-Rubin set that allows for an omitted variable of a strength."""
    if isinstance(omitted, NotEstimable):
        return omitted
    threshold = adjusted_threshold(omitted, stages.df, level)
    return BenchmarkBound(
        omitted.exposure, omitted.outcome, threshold, adjusted_region(stages, threshold, level)
    )


def overturning_multiple(
    y: Floats,
    a: Floats,
    z: Floats,
    x: Floats,
    w: Floats,
    stages: Stages,
    block: Bools,
    level: float = inference.LEVEL,
) -> float | NotEstimable:
    """Give the k at which the Anderson-Rubin set includes 0, or becomes unbounded.

    Parameters
    ----------
    y, a, z, x, w, stages, block : as in ``benchmark_bound``.

    Returns
    -------
    k, the same for instrument and outcome; 0 where the set does so without an omitted variable;
    or why no multiple does.
    """
    if not block.any():
        return NotEstimable("no covariate was named to compare with")
    return multiple_of(stages, benchmark_strength(y, a, z, x, w, block), level)


def multiple_of(
    stages: Stages, benchmark: Strength, level: float = inference.LEVEL, *, held: bool = True
) -> float | NotEstimable:
    """Give the k of a benchmark at which the Anderson-Rubin set includes 0 or becomes unbounded.

    Parameters
    ----------
    benchmark : as ``benchmark_strength`` gives it.
    held : as in ``omitted_strength``.
    """
    from scipy import optimize

    first = stages.first / math.sqrt(float(stages.classical[1, 1]))
    goal = min(abs(_t(stages, 0.0)), abs(first))
    if adjusted_threshold(Strength(0.0, 0.0), stages.df, level) >= goal:
        return 0.0
    if min(benchmark.exposure, benchmark.outcome) < NOTHING:
        return NotEstimable("the benchmark explains nothing of the instrument or of the outcome")

    def excess(k: float) -> float:
        strength = omitted_strength(benchmark, k, held=held)
        if isinstance(strength, NotEstimable):  # excluded by the largest multiple, up to rounding
            return math.inf
        return adjusted_threshold(strength, stages.df, level) - goal

    largest = largest_multiple(benchmark)
    if not held:
        largest = (1 - NOTHING) / max(benchmark.exposure, benchmark.outcome)
    if excess(largest) < 0:
        return NotEstimable(
            f"not reached: at {tell(largest)} times this benchmark the omitted variable explains "
            "all "
            "that is left of the outcome, and that is not enough"
        )
    return float(optimize.brentq(excess, 0.0, largest, xtol=1e-10))


def adjusted_threshold(omitted: Strength, df: float, level: float = inference.LEVEL) -> float:
    r"""Give the critical value that holds for every omitted variable up to a strength.

    With :math:`f^*` the critical value over :math:`\sqrt{df - 1}`, it is :math:`\sqrt{df}` times
    the largest of :math:`(f^* \sqrt{1 - R^2_y} + \sqrt{R^2_y R^2_z}) / \sqrt{1 - R^2_z}` for an
    :math:`R^2_y` up to the one given: a variable that explains more of the outcome also narrows
    the interval, so the largest may lie inside.

    Parameters
    ----------
    omitted : ``exposure`` is the partial R2 with the instrument, ``outcome`` that with Y(b).

    References
    ----------
    Cinelli & Hazlett (2025), adjusted critical value and its maximum up to a strength.
    """
    needed = inference.critical_value(level, df - 1) / math.sqrt(df - 1)
    r2_z = omitted.exposure
    r2_y = min(omitted.outcome, r2_z / (needed**2 + r2_z))
    reach = needed * math.sqrt(1 - r2_y) + math.sqrt(r2_y * r2_z)
    return math.sqrt(df) * reach / math.sqrt(1 - r2_z)


def adjusted_region(stages: Stages, threshold: float, level: float = inference.LEVEL) -> Region:
    """Give the Anderson-Rubin set by another critical value, from classical covariances."""
    scaled = stages.classical * (threshold / inference.critical_value(level)) ** 2
    return Region(inference.fieller(stages.reduced, stages.first, scaled, level), level)


def largest_outcome_r2(
    y: Floats, a: Floats, z: Floats, x: Floats, w: Floats, block: Bools
) -> float:
    """Give the largest partial R2 of a block with outcome minus b times exposure, over all b.

    That is the largest squared canonical correlation between the block and (outcome, exposure),
    given instrument and the other covariates.

    References
    ----------
    Cinelli & Hazlett (2025), bounds by observed covariates; Hotelling (1936),
    doi:10.1093/biomet/28.3-4.321.
    """
    root = np.sqrt(w)[:, None]
    centred = x - x.mean(axis=0)
    rest = root * np.column_stack([np.ones(len(z)), z, centred[:, ~block]])
    targets = _left(rest, root * np.column_stack([y, a]))
    columns = _left(rest, root * centred[:, block])
    bases = [_basis(columns), _basis(targets)]
    if not all(base.shape[1] for base in bases):
        return 0.0
    largest = np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[0]
    return min(max(float(largest) ** 2, 0.0), 1 - NOTHING)


def _t(stages: Stages, value: float) -> float:
    """Give the t statistic of the instrument in the regression of Y(value)."""
    v = stages.classical
    variance = float(v[0, 0] - 2 * value * v[0, 1] + value**2 * v[1, 1])
    return (stages.reduced - value * stages.first) / math.sqrt(variance)


def _left(design: Floats, target: Floats) -> Floats:
    """Give what a projection leaves of each column."""
    return np.asarray(target - design @ np.linalg.lstsq(design, target)[0])


def _basis(columns: Floats) -> Floats:
    """Give an orthonormal basis of columns, of equal weight whatever their units."""
    spread = np.sqrt((columns**2).sum(axis=0))
    left, sizes, _ = np.linalg.svd(columns / np.where(spread > 0, spread, 1.0), full_matrices=False)
    return np.asarray(left[:, sizes > math.sqrt(NOTHING)])

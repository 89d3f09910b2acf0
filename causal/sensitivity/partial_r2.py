"""Omitted-variable bias of a linear model in partial R2: pure functions of arrays and numbers.

Letters as in Cinelli & Hazlett (2020), doi:10.1111/rssb.12348: D is exposure, Y outcome, X the
covariates, Z the omitted variable.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.estimate import NotEstimable
from causal.findings import tell

NOTHING = 1e-12
"""A partial R2 below this is rounding error of the projections."""
GRID = 1001
"""Points at which the sign is looked at before root finding: the smallest root is wanted, and the
interval need not shrink steadily."""


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Least squares of outcome on exposure and covariates, as far as the bounds need it.

    Attributes
    ----------
    estimate : coefficient of exposure.
    std_error : classical.
    df : residual degrees of freedom.
    robust_error : HC1, or CR1 where the design has clusters.
    """

    estimate: float
    std_error: float
    df: float
    robust_error: float

    @property
    def t(self) -> float:
        """Give the classical t statistic."""
        return self.estimate / self.std_error

    @property
    def r2(self) -> float:
        """Give the partial R2 of exposure with outcome, given the covariates."""
        return self.t**2 / (self.t**2 + self.df)

    def covers_goal(self, q: float, critical: float) -> bool:
        """Tell whether the classical interval includes (1 - q) times the estimate."""
        return q * abs(self.t) <= critical


@dataclass(frozen=True, slots=True)
class Strength:
    """Partial R2 of a variable with exposure given X, and with outcome given exposure and X."""

    exposure: float
    outcome: float


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What the estimate would be had the omitted variable been in the model."""

    estimate: float
    std_error: float


def fit_linear(
    y: Floats, a: Floats, x: Floats, w: Floats, cluster: Ints | None
) -> LinearFit | NotEstimable:
    """Regress outcome on exposure and covariates.

    Parameters
    ----------
    y, a : (n,) floats, known.
    x : (n, p) floats, columns without intercept.
    w : (n,) floats.
    cluster : (n,) ints or None.
    """
    root = np.sqrt(w)
    design = _design(x, root)
    exposure, rank = _residual(design, root * a)
    outcome, _ = _residual(design, root * y)
    df, spread = len(y) - rank - 1, float(exposure @ exposure)
    if df < 2:
        return NotEstimable(f"{len(y)} rows are too few for a linear model of {rank + 1} terms")
    if spread <= NOTHING * float((root * a) @ (root * a)):
        return NotEstimable("the covariates determine exposure in the linear model")
    estimate = float(exposure @ outcome) / spread
    error = outcome - estimate * exposure
    unexplained = float(error @ error)
    if unexplained <= NOTHING * float((root * y) @ (root * y)):
        return NotEstimable("exposure and covariates determine the outcome in the linear model")
    influence = (len(y) * exposure * error / spread)[:, None]
    groups = None if cluster is None else len(np.unique(cluster))
    factor = inference.small_sample_factor("HC1", len(y), rank + 1, groups)
    robust = factor * inference.covariance(influence, cluster)[0, 0]
    return LinearFit(estimate, math.sqrt(unexplained / df / spread), df, math.sqrt(float(robust)))


def block_strength(y: Floats, a: Floats, x: Floats, w: Floats, block: Bools) -> Strength:
    """Give the joint partial R2 of a block of covariates.

    Parameters
    ----------
    y, a, x, w : as in ``fit_linear``.
    block : (p,) booleans, the columns of ``x`` that are the block.

    References
    ----------
    Cinelli & Hazlett (2020), section 4.4, for groups of covariates.
    """
    root = np.sqrt(w)
    rest = _design(x[:, ~block], root)
    with_exposure = np.column_stack([rest, root * a])
    columns = _design(x[:, block], root)[:, 1:]
    return Strength(
        _joint_partial_r2(rest, columns, root * a),
        _joint_partial_r2(with_exposure, columns, root * y),
    )


def robustness_value(t: float, df: float, q: float = 1.0, level: float | None = None) -> float:
    """Give the partial R2 with both exposure and outcome that takes away a share of the estimate.

    Parameters
    ----------
    t, df : classical t statistic and residual degrees of freedom.
    q : the share of the estimate that is to go; 1 brings it to 0.
    level : of the interval that is to include what is left; None asks of the estimate itself.

    Returns
    -------
    A share of residual variance, 0 to 1; 0 where the interval includes it already.

    References
    ----------
    Cinelli & Hazlett (2020), section 4.2. Where f > 1 / f*, the interval is widest towards the
    null for a confounder that explains less of the outcome than of exposure, which gives the
    second formula.
    """
    f = q * abs(t) / math.sqrt(df)
    needed = 0.0
    if level is not None:
        needed = inference.critical_value(level, df - 1) / math.sqrt(df - 1)
    if f <= needed:
        return 0.0
    if f * needed > 1:
        return (f**2 - needed**2) / (1 + f**2)
    left = f - needed
    return (math.sqrt(left**4 + 4 * left**2) - left**2) / 2


def times_as_strong(benchmark: Strength, k: float) -> Strength | NotEstimable:
    """Bound a confounder k times as strong as a benchmark, with exposure and with outcome.

    References
    ----------
    Cinelli & Hazlett (2020), section 4.4, equations for kD = kY = k (bounds conditional on
    exposure).
    """
    if k * benchmark.exposure / (1 - benchmark.exposure) >= 1:
        return NotEstimable(
            f"a confounder {k:g} times as strong would explain more of exposure than is left"
        )
    strength = _scaled(benchmark, k)
    if strength.outcome > 1:
        return NotEstimable(
            f"a confounder {k:g} times as strong would explain more of the outcome than is left"
        )
    return strength


def adjusted(fit: LinearFit, confounder: Strength) -> Adjusted:
    """Move the estimate towards 0 by the largest bias a confounder can make, whatever its sign.

    References
    ----------
    Cinelli & Hazlett (2020), equations for bias and standard error in partial R2 (section 4.1).
    """
    left = 1 - confounder.exposure
    bias = (
        fit.std_error
        * math.sqrt(fit.df)
        * math.sqrt(confounder.outcome * confounder.exposure / left)
    )
    std_error = fit.std_error * math.sqrt((1 - confounder.outcome) / left * fit.df / (fit.df - 1))
    return Adjusted(fit.estimate - math.copysign(bias, fit.estimate), std_error)


def smallest_multiple(
    fit: LinearFit, benchmark: Strength, *, q: float = 1.0, critical: float = 0.0
) -> float | NotEstimable:
    """Solve for the smallest k at which the estimate, or its interval, meets (1 - q) x estimate.

    Parameters
    ----------
    q : the share of the estimate that is to go.
    critical : half-width of the interval in standard errors; 0 asks of the estimate itself.

    Returns
    -------
    k; 0 where the interval meets it without any confounder; or why no k does.
    """
    from scipy import optimize

    if benchmark.exposure < NOTHING or benchmark.outcome < NOTHING:
        side = "exposure" if benchmark.exposure < NOTHING else "the outcome"
        return NotEstimable(f"the benchmark explains nothing of {side}, so no multiple of it does")

    def left(k: float) -> float:
        moved = adjusted(fit, _scaled(benchmark, k))
        toward = (moved.estimate - (1 - q) * fit.estimate) * math.copysign(1, fit.estimate)
        return toward - critical * moved.std_error

    largest = largest_multiple(benchmark)
    grid = np.linspace(0, largest, GRID)
    signs = np.array([left(float(k)) for k in grid]) <= 0
    if signs[0]:
        return 0.0
    if not signs.any():
        return NotEstimable(
            f"not reached: at {tell(largest)} times this benchmark, the most that can be, the "
            "confounder explains all that is left of the outcome, and that is not enough"
        )
    first = int(signs.argmax())
    return float(optimize.brentq(left, grid[first - 1], grid[first], xtol=1e-12, rtol=1e-12))


def largest_multiple(benchmark: Strength) -> float:
    """Give the k at which the confounder explains all the outcome that is left.

    Parameters
    ----------
    benchmark : both partial R2 above 0.
    """
    # by bisection, since what the confounder explains grows steadily with k
    low, high = 0.0, (1 - benchmark.exposure) / benchmark.exposure
    for _ in range(200):
        middle = (low + high) / 2
        if isinstance(times_as_strong(benchmark, middle), NotEstimable):
            high = middle
        else:
            low = middle
    return low


def _scaled(benchmark: Strength, k: float) -> Strength:
    """Give the bound for k times a benchmark; the share of the outcome may come out above 1."""
    exposure = k * benchmark.exposure / (1 - benchmark.exposure)
    shared = k * benchmark.exposure**2 / ((1 - k * benchmark.exposure) * (1 - benchmark.exposure))
    eta = (math.sqrt(k) + math.sqrt(shared)) / math.sqrt(1 - shared)
    return Strength(exposure, eta**2 * benchmark.outcome / (1 - benchmark.outcome))


def _design(x: Floats, root: Floats) -> Floats:
    """Give intercept and standardised columns, weighted; columns that do not vary are left out."""
    centred = x - x.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    varies = spread > NOTHING * np.maximum(np.abs(x).max(axis=0, initial=0.0), 1.0)
    scaled = centred[:, varies] / spread[varies]
    return np.column_stack([np.ones(len(x)), scaled]) * root[:, None]


def _residual(design: Floats, target: Floats) -> tuple[Floats, int]:
    """Give what a projection leaves of a target, and the rank of the design."""
    coefficients, _, rank, _ = np.linalg.lstsq(design, target)
    return np.asarray(target - design @ coefficients), int(rank)


def _joint_partial_r2(rest: Floats, block: Floats, target: Floats) -> float:
    """Give the share of what ``rest`` leaves of the target that ``block`` explains."""
    before, _ = _residual(rest, target)
    after, _ = _residual(np.column_stack([rest, block]), target)
    return min(max(1 - float(after @ after) / float(before @ before), 0.0), 1 - NOTHING)

"""A confounder that spreads the propensity and moves the outcome: its bias, in shares of variance.

The model of Veitch & Zaveri (2020), arXiv:2003.01747: pure functions of arrays and numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import NotEstimable, Target
from causal.estimators import NuisanceStore
from causal.estimators.nuisance import OutcomeModel, PropensityModel
from causal.findings import Number
from causal.sensitivity.benchmarks import percent
from causal.sensitivity.observed_bias import blocks_of, without

GRID = 60
"""Points at which the sign is looked at before root finding."""
MOST = 0.99
"""The largest influence on exposure looked at; at 1 the confounder would determine it."""
LEAST = 1e-6
"""A block with less influence than this explains nothing; nor is less looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What is known of exposure and outcome given the covariates.

    Attributes
    ----------
    e : (n,) floats, propensity.
    a : (n,) floats, 0/1.
    w : (n,) floats, weights of the rows.
    over : (n,) floats, weights of the rows in the target population.
    residual : mean square of the outcome about its regression on exposure and covariates.
    seen : (n,) floats, weights of the rows the residual is of; 0 where there is no outcome.
    """

    e: Floats
    a: Floats
    w: Floats
    over: Floats
    residual: float
    seen: Floats


@dataclass(frozen=True, slots=True)
class Influence:
    """How a variable bears on exposure (alpha) and on outcome (partial R2), both shares."""

    exposure: float
    outcome: float


def beta_shapes(e: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Give the shapes of the beta distribution of the true propensity.

    Parameters
    ----------
    e : (n,) floats, the propensity by the covariates, its mean.
    alpha : influence on exposure, above 0 and below 1; its variance is alpha e (1 - e).
    """
    scale = 1 / alpha - 1
    return e * scale, (1 - e) * scale


def bias_per_unit(world: World, alpha: float) -> float:
    r"""Give the bias for an outcome that moves by 1 per unit of the log odds of exposure.

    The log odds differ between the arms by :math:`1/p + 1/q` for beta shapes p and q, which is
    :math:`\alpha / (1 - \alpha) / (e (1 - e))`.

    References
    ----------
    Veitch & Zaveri (2020), theorem 1; its four digamma terms are these two fractions.
    """
    p, q = beta_shapes(world.e, alpha)
    return float(np.average(1 / p + 1 / q, weights=world.over))


def variance_per_unit(world: World, alpha: float) -> float:
    """Give the variance of the log odds of exposure left by the covariates and exposure.

    References
    ----------
    Veitch & Zaveri (2020), theorem 2: the trigamma function at the shapes after exposure is seen.
    """
    from scipy import special

    p, q = beta_shapes(world.e, alpha)
    spread = special.polygamma(1, p + world.a) + special.polygamma(1, q + 1 - world.a)
    return float(np.average(spread, weights=world.seen))


def outcome_needed(world: World, alpha: float, bias: float) -> float:
    """Give the partial R2 with the outcome at which a confounder makes a bias; may exceed 1.

    Parameters
    ----------
    alpha : its influence on exposure.
    bias : as an absolute value, on the scale of the outcome.
    """
    slope = bias / bias_per_unit(world, alpha)
    return slope**2 * variance_per_unit(world, alpha) / world.residual


def bias_of(world: World, confounder: Influence) -> float:
    """Give the largest bias a confounder makes, as an absolute value."""
    if confounder.exposure <= 0 or confounder.outcome <= 0:
        return 0.0
    return math.sqrt(confounder.outcome / outcome_needed(world, confounder.exposure, 1.0))


def equal_influence(world: World, bias: float) -> Number:
    """Give the influence, the same on exposure and on outcome, that makes a bias."""
    if bias == 0:
        return 0.0
    found = _first_crossing(world, Influence(1.0, 1.0), bias)
    if found is None:
        return NotEstimable(
            f"no confounder of influence up to {percent(MOST)} on both makes a bias this large"
        )
    return found


def multiple_of(world: World, block: Influence | NotEstimable, bias: float) -> Number:
    """Give how often as strong as a block a confounder must be, in both respects, to make a bias.

    Returns
    -------
    The multiple; infinite where the most there can be is not enough.
    """
    if isinstance(block, NotEstimable):
        return block
    if bias == 0:
        return 0.0
    if min(block.exposure, block.outcome) < LEAST:
        side = "exposure" if block.exposure < LEAST else "the outcome"
        return NotEstimable(f"the block says nothing of {side}, so no multiple of it does")
    found = _first_crossing(world, block, bias)
    return math.inf if found is None else found


def world_of(sample: Sample, target: Target) -> World | NotEstimable:
    """Fit propensity and outcome, and say whom the rung's difference is for.

    Parameters
    ----------
    target : of the rung; a linear projection weighs rows by the variance of their exposure
        (Angrist 1998, doi:10.2307/2998558), as an overlap-weighted difference does.
    """
    if sample.exposure_kind != "binary":
        return NotEstimable("a propensity needs an exposure that is there or not, not a dose")
    if target == "crude":
        return NotEstimable("the crude contrast adjusts for no propensity")
    try:
        e = NuisanceStore().propensity(sample, PropensityModel()).fitted
        residual = _mean_square(sample)
    except (PositivityError, OutcomeError) as problem:
        return NotEstimable(problem.message.rstrip("."))
    if residual == 0:
        return NotEstimable("exposure and covariates determine the outcome")
    whom = {"ATE": np.ones(sample.n), "ATT": sample.a, "ATC": 1 - sample.a}
    over = np.minimum(e, 1 - e) if target == "ATM" else whom.get(target, e * (1 - e))
    seen = sample.w * sample.observed
    return World(e, sample.a, sample.w, sample.w * over, residual, seen)


def measured_influences(
    sample: Sample, world: World
) -> tuple[tuple[str, Influence | NotEstimable], ...]:
    """Give the influence of each block: what leaving it out of both regressions takes away.

    References
    ----------
    Veitch & Zaveri (2020), section 4.
    """
    spread = float(np.average(world.e * (1 - world.e), weights=world.w))
    found: list[tuple[str, Influence | NotEstimable]] = []
    for block in blocks_of(sample):
        rest = without(sample, block)
        try:
            e = NuisanceStore().propensity(rest, PropensityModel()).fitted
            residual = _mean_square(rest)
        except (PositivityError, OutcomeError) as problem:
            found.append((block, NotEstimable(problem.message.rstrip("."))))
            continue
        before = float(np.average(e * (1 - e), weights=world.w))
        shares = (1 - spread / before, 1 - world.residual / residual)
        found.append((block, Influence(*(max(share, 0.0) for share in shares))))
    return tuple(found)


def _mean_square(sample: Sample) -> float:
    """Give the mean square of the outcome about its regression."""
    fit = NuisanceStore().outcome(sample, OutcomeModel())
    seen = sample.observed
    error = (sample.y - np.where(sample.a == 1, fit.mu1, fit.mu0))[seen]
    return float(np.average(error**2, weights=sample.w[seen]))


def _first_crossing(world: World, direction: Influence, bias: float) -> float | None:
    """Find the smallest k at which k times a direction makes a bias; None if none does."""
    from scipy import optimize

    def left(k: float) -> float:
        needed = outcome_needed(world, k * direction.exposure, bias)
        return math.log(k * direction.outcome) - math.log(needed)

    largest = min(MOST / direction.exposure, 1 / direction.outcome)
    grid = largest * np.geomspace(LEAST, 1, GRID)
    reached = np.array([left(float(k)) for k in grid]) >= 0
    if not reached.any():
        return None
    first = int(reached.argmax())
    if first == 0:
        return float(grid[0])
    return float(optimize.brentq(left, grid[first - 1], grid[first], xtol=1e-14, rtol=1e-12))

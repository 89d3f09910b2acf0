"""Slopes that give a latent confounder a wanted partial R2: pure functions of arrays.

The confounder is standard normal and independent of the covariates; means over it are sums over
Gauss-Hermite nodes, so that no drawn cohort's luck enters. Letters: n rows, q nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.errors import OutcomeError
from causal.estimate import DIFFERENCES, Scale
from causal.findings import tell

_nodes, _weights = np.polynomial.hermite_e.hermegauss(21)
NODES: Floats = _nodes
WEIGHTS: Floats = _weights / _weights.sum()
STEEPEST = 5.0
"""Largest slope on the logit scale per SD of the confounder; beyond it 0/1 values are nearly
determined, and partial R2 hardly grows."""
LEAP = 3.0
"""Longest step on the logit scale: Newton's method then converges from anywhere."""
STEPS, CLOSE = 100, 1e-9
MOST_SHARED = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Weighted averages over rows, and what a linear model of the covariates explains.

    Attributes
    ----------
    shares : (n,) floats, weights that add up to 1.
    basis : (n, r) floats, orthonormal; spans intercept and covariates times root shares.
    """

    shares: Floats
    basis: Floats

    def mean(self, values: Floats) -> float:
        """Average (n,) values over rows, or (n, q) values over rows and nodes."""
        return float(self.shares @ (values if values.ndim == 1 else values @ WEIGHTS))

    def explained(self, one: Floats, other: Floats) -> float:
        """Give the mean product of the projections of two (n,) columns."""
        root = np.sqrt(self.shares)
        return float((self.basis.T @ (root * one)) @ (self.basis.T @ (root * other)))


@dataclass(frozen=True, slots=True, eq=False)
class ExposureCalibration:
    """A logistic exposure of given share, on which the confounder has a given partial R2.

    Attributes
    ----------
    intercept, slope : added to the linear predictor, the slope per SD of the confounder.
    chance : (n, q) floats, probability of exposure at each node.
    covariance, variance : of exposure with the confounder, and of exposure, given the covariates
        in a linear model.
    r2 : the partial R2 reached.
    """

    intercept: float
    slope: float
    chance: Floats
    covariance: float
    variance: float
    r2: float


@dataclass(frozen=True, slots=True)
class OutcomeCalibration:
    """A logistic outcome with a known effect, on which the confounder has a given partial R2."""

    intercept: float
    exposed: float
    slope: float
    r2: float


def project(x: Floats, w: Floats) -> Projection:
    """Prepare averages and projections.

    Parameters
    ----------
    x : (n, p) floats, covariates without intercept; aliased columns do no harm.
    w : (n,) floats.
    """
    shares = w / w.sum()
    centred = x - shares @ x
    spread = np.sqrt(shares @ centred**2)
    varies = spread > 1e-9 * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    design = np.column_stack([np.ones(len(x)), centred[:, varies] / spread[varies]])
    left, sizes, _ = np.linalg.svd(np.sqrt(shares)[:, None] * design, full_matrices=False)
    return Projection(shares, left[:, sizes > 1e-9 * sizes[0]])


def calibrate_exposure(
    predictor: Floats, share: float, wanted: float, rows: Projection
) -> ExposureCalibration:
    """Find intercept and slope of a logistic exposure.

    Parameters
    ----------
    predictor : (n,) floats, linear predictor from the covariates.
    share : of the exposed, which stays.
    wanted : partial R2 of the confounder with exposure given the covariates, linear model.

    Returns
    -------
    The calibration; its ``r2`` is below ``wanted`` where the steepest slope does not reach it.
    """

    def at(slope: float) -> ExposureCalibration:
        offset = predictor[:, None] + slope * NODES
        intercept = solve_intercept(offset, share, rows.shares)
        chance = expit(intercept + offset)
        marginal = chance @ WEIGHTS
        covariance = rows.mean(chance * NODES)
        variance = share - rows.explained(marginal, marginal)
        r2 = covariance**2 / variance
        return ExposureCalibration(intercept, slope, chance, covariance, variance, r2)

    return at(_steepness(lambda slope: at(slope).r2, wanted))


def calibrate_outcome(
    predictor: Floats,
    baseline: float,
    effect: float,
    scale: Scale,
    wanted: float,
    exposure: ExposureCalibration,
    over: Floats,
    rows: Projection,
    sign: float,
) -> OutcomeCalibration:
    """Find intercept, effect and slope of a logistic outcome.

    Parameters
    ----------
    predictor : (n,) floats, linear predictor of the unexposed from the covariates.
    baseline : mean risk of the unexposed, which stays.
    effect : the known effect, ratios as logs, among rows weighted by ``over``.
    wanted : partial R2 of the confounder with the outcome given exposure and covariates.
    over : (n, q) floats, the target: 1 for everybody.
    sign : of the confounder's slope.

    Raises
    ------
    OutcomeError
        The effect takes the risk out of (0, 1).
    """

    def at(steepness: float) -> OutcomeCalibration:
        slope = sign * steepness
        offset = predictor[:, None] + slope * NODES
        intercept = solve_intercept(offset, baseline, rows.shares)
        mu0 = expit(intercept + offset)
        if effect == 0:
            return OutcomeCalibration(intercept, 0.0, slope, _outcome_r2(mu0, mu0, exposure, rows))
        own = rows.mean(over * mu0) / rows.mean(over)
        risk = shift_mean(own, effect, scale)
        raised = solve_intercept(offset, risk, rows.shares, over)
        r2 = _outcome_r2(mu0, expit(raised + offset), exposure, rows)
        return OutcomeCalibration(intercept, raised - intercept, slope, r2)

    return at(_steepness(lambda steepness: at(steepness).r2, wanted))


def shift_mean(mean: float, effect: float, scale: Scale) -> float:
    """Give the mean under exposure from the one without, ratios as logs.

    Raises
    ------
    OutcomeError
        It is not between 0 and 1.
    """
    if scale in DIFFERENCES:
        shifted = mean + effect
    elif scale == "risk_ratio":
        shifted = mean * math.exp(effect)
    else:
        shifted = float(expit(np.array(math.log(mean / (1 - mean)) + effect)))
    if not 0 < shifted < 1:
        raise OutcomeError(
            f"an effect of {tell(effect)} on a risk of {tell(mean)} gives {tell(shifted)}, which "
            "is no "
            "risk, so no cohort with that known effect can be drawn. Set power.effect."
        )
    return shifted


def solve_intercept(
    offset: Floats, share: float, shares: Floats, over: Floats | None = None
) -> float:
    """Find the intercept at which a logistic mean over rows and nodes is as wanted.

    Parameters
    ----------
    offset : (n, q) floats.
    share : the mean, between 0 and 1.
    shares : (n,) floats, weights of the rows.
    over : (n, q) floats, further weights.
    """
    weight = shares[:, None] * WEIGHTS
    weight = weight if over is None else weight * over
    weight = weight / weight.sum()
    intercept = -float(np.median(offset))
    for _ in range(STEPS):
        mean = expit(intercept + offset)
        weighted = weight * mean
        slope = float((weighted * (1 - mean)).sum())
        missed = share - float(weighted.sum())
        move = math.copysign(LEAP, missed) if abs(missed) > LEAP * slope else missed / slope
        intercept += move
        if abs(move) < CLOSE:
            break
    return intercept


def expit(logit: Floats) -> Floats:
    """Turn log odds into probabilities."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)))  # does not overflow


def pair_correlation(residual: Floats, spread: Floats, group: Ints) -> float:
    """Give the correlation of residuals of two rows of a group, by moments; 0 without pairs.

    Parameters
    ----------
    residual, spread : (n,) floats, residuals and their standard deviations.
    group : (n,) ints from 0 on.
    """

    def pairs(values: Floats) -> float:
        sums = np.bincount(group, values)
        return float((sums**2).sum() - (values**2).sum()) / 2

    possible = pairs(spread)
    if np.bincount(group).max() < 2 or possible <= 0:
        return 0.0
    return min(max(pairs(residual) / possible, 0.0), MOST_SHARED)


def latent_correlation(correlation: float, share: float) -> float:
    """Give the correlation of normals whose 0/1 cuts, each with this share of ones, correlate so.

    Parameters
    ----------
    correlation : of the 0/1 values, from 0 on.
    share : of ones.
    """
    from scipy import optimize, special

    if correlation <= 0:
        return 0.0
    shared = np.linspace(-8, 8, 2001)
    density = np.exp(-(shared**2) / 2)
    density /= density.sum()
    cut = float(special.ndtri(share))

    def missed(latent: float) -> float:
        given = special.ndtr((cut + math.sqrt(latent) * shared) / math.sqrt(1 - latent))
        return float(density @ given**2) - share**2 - correlation * share * (1 - share)

    return float(optimize.brentq(missed, 0, 0.999)) if missed(0.999) > 0 else 0.999


def _steepness(r2: Callable[[float], float], wanted: float) -> float:
    """Find the slope of a wanted partial R2, which grows with it; else give the steepest."""
    from scipy import optimize

    if wanted <= 0:
        return 0.0
    if r2(STEEPEST) <= wanted:
        return STEEPEST
    return float(optimize.brentq(lambda slope: r2(slope) - wanted, 0, STEEPEST, xtol=1e-4))


def _outcome_r2(mu0: Floats, mu1: Floats, exposure: ExposureCalibration, rows: Projection) -> float:
    """Give the partial R2 of the confounder with a 0/1 outcome given exposure and covariates."""
    chance = exposure.chance
    mixed = chance * mu1 + (1 - chance) * mu0
    outcome, exposed = mixed @ WEIGHTS, chance @ WEIGHTS
    with_exposure = rows.mean(chance * mu1) - rows.explained(outcome, exposed)
    variance = rows.mean(outcome) - rows.explained(outcome, outcome)
    c, v = exposure.covariance, exposure.variance
    partial = rows.mean(mixed * NODES) - c * with_exposure / v
    return partial**2 / ((1 - c**2 / v) * (variance - with_exposure**2 / v))

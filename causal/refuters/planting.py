"""A regression from which outcomes are drawn with a known effect of exposure planted in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.errors import OutcomeError
from causal.estimate import Target
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.findings import tell

STEEPEST = 20.0
"""Largest log odds ratio tried for a planted effect: by then every risk is 0 or 1."""
PAIRS = 512
"""Points of the integral that turns a latent correlation into one of 0/1 outcomes."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A fitted regression to draw outcomes from.

    Attributes
    ----------
    baseline : (n,) floats, linear predictor without exposure.
    residual : (n,) floats, NaN where the outcome is not known.
    binary, dose : kinds of outcome and exposure.
    group : (n,) ints, 0 to the number of clusters, or None.
    latent : correlation within clusters of the normal variable behind a 0/1 outcome.
    turned : whether the first known outcome is 0: the normal variable is then taken the other way
        round, so that a draw does not depend on which of the two outcomes is coded 1.
    """

    baseline: Floats
    residual: Floats
    binary: bool
    dose: bool
    group: Ints | None
    latent: float
    turned: bool

    def mean(self, a: Floats, weight: Floats, planted: float) -> Floats:
        """Give (n,) means of the outcome under the exposures as they are."""
        if not self.binary:
            return self.baseline + planted * a
        if planted and self.dose:
            raise OutcomeError(
                "an effect of a dose on a 0/1 outcome has no constant difference to plant. Set "
                "effect to 0."
            )
        slope = slope_for(self.baseline, weight, planted) if planted else 0.0
        return expit(self.baseline + slope * a)

    def draw(self, mean: Floats, rng: np.random.Generator) -> Floats:
        """Draw outcomes; those that are not known stay so."""
        n = len(mean)
        group = np.arange(n) if self.group is None else self.group
        if not self.binary:
            return np.asarray(
                mean + self.residual * rng.choice([-1.0, 1.0], group.max() + 1)[group]
            )
        shared, own = rng.standard_normal(group.max() + 1)[group], rng.standard_normal(n)
        behind = math.sqrt(self.latent) * shared + math.sqrt(1 - self.latent) * own
        y = normal_cdf(-behind if self.turned else behind) < mean
        return np.where(np.isnan(self.residual), np.nan, y.astype(np.float64))


def fit_world(sample: Sample, shared: Sample) -> World:
    """Fit the outcome on exposure and every covariate of the ladder.

    Parameters
    ----------
    sample : the rung's rows and columns.
    shared : the same rows with the columns of every rung.

    Raises
    ------
    OutcomeError
        The covariates determine a 0/1 outcome.
    """
    own = [i for i, term in enumerate(sample.terms) if term not in shared.terms]
    x = np.column_stack([sample.a, shared.x, sample.x[:, own]])
    binary, seen = sample.outcome_kind == "binary", sample.observed
    try:
        fit = fit_glm(x, sample.y, sample.w, "logit" if binary else "linear", seen)
    except SeparationFoundError:
        raise OutcomeError(
            "the ladder's covariates determine the outcome of some rows, so nothing can be drawn "
            "from its regression"
        ) from None
    without = fit.design(np.column_stack([np.zeros(sample.n), x[:, 1:]])) @ fit.coefficients
    residual = np.where(seen, sample.y - fit.fitted, np.nan)
    residual = residual * math.sqrt(seen.sum() / max(float(seen.sum() - fit.rank), 1.0))
    group = None
    if sample.cluster is not None:
        group = np.unique(sample.cluster, return_inverse=True)[1].astype(np.int64)
    latent = 0.0
    if binary and group is not None:
        latent = latent_correlation(sample.y[seen], fit.fitted[seen], group[seen])
    dose, turned = sample.exposure_kind == "dose", float(sample.y[seen][0]) == 0
    return World(without, residual, binary, dose, group, latent, turned)


def expit(eta: Floats) -> Floats:
    """Give the probabilities of log odds; does not overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))


def normal_cdf(z: Floats) -> Floats:
    """Give the standard normal distribution function."""
    from scipy import special

    return np.asarray(special.ndtr(z))


def slope_for(baseline: Floats, weight: Floats, planted: float) -> float:
    """Find the log odds ratio of exposure that gives a mean risk difference.

    Parameters
    ----------
    baseline : (n,) floats, log odds without exposure.
    weight : (n,) floats, of the target population.
    planted : the risk difference wanted.

    Raises
    ------
    OutcomeError
        No odds ratio gives so large a difference.
    """
    from scipy import optimize

    before = float(np.average(expit(baseline), weights=weight))

    def excess(slope: float) -> float:
        return float(np.average(expit(baseline + slope), weights=weight)) - before - planted

    if excess(-STEEPEST) * excess(STEEPEST) >= 0:
        raise OutcomeError(
            f"a risk difference of {tell(planted)} cannot be planted: without exposure the risk is "
            f"{tell(before)}. Choose an effect between {tell(-before)} and {tell(1 - before)}."
        )
    return float(optimize.brentq(excess, -STEEPEST, STEEPEST, xtol=1e-12))


def target_weights(sample: Sample, target: Target) -> Floats:
    """Give (n,) weights of the population a target averages the effect over.

    Raises
    ------
    OutcomeError
        Covariates determine exposure, so there is no overlap population.
    """
    if target in ("ATT", "ATC"):
        return np.asarray(sample.w * (sample.a == (1 if target == "ATT" else 0)))
    if target in ("ATO", "ATM"):
        try:
            e = fit_glm(sample.x, sample.a, sample.w, "logit").fitted
        except SeparationFoundError:
            raise OutcomeError("the covariates determine exposure") from None
        return np.asarray(sample.w * (e * (1 - e) if target == "ATO" else np.minimum(e, 1 - e)))
    if target == "LATE" and sample.z is not None:
        through = fit_glm(np.column_stack([sample.z, sample.x]), sample.a, sample.w, "linear")
        left = through.fitted - fit_glm(sample.x, sample.a, sample.w, "linear").fitted
        return np.asarray(sample.w * left * sample.a)  # what two-stage least squares averages by
    if target in ("linear projection", "partially linear", "within persons", "between persons"):
        left = sample.a - fit_glm(sample.x, sample.a, sample.w, "linear").fitted
        return np.asarray(sample.w * left * sample.a)  # sums as w x left^2; a projection's weights
    return sample.w


def latent_correlation(y: Floats, mean: Floats, group: Ints) -> float:
    """Find the correlation within clusters of a normal variable cut into 0/1 outcomes.

    The mean correlation of standardised residuals over pairs of a cluster (0 if negative), turned
    into that of the latent variable at the mean risk.

    Parameters
    ----------
    y, mean : (n,) floats, known outcomes and fitted risks.
    group : (n,) ints, clusters from 0.
    """
    from scipy import optimize, special

    standard = (y - mean) / np.sqrt(mean * (1 - mean))
    sizes = np.bincount(group)
    pairs = float(np.sum(sizes * (sizes - 1)))
    if pairs == 0:
        return 0.0
    together = float(np.sum(np.bincount(group, standard) ** 2) - np.sum(standard**2)) / pairs
    risk = float(mean.mean())
    cut = float(special.ndtri(risk))

    def implied(latent: float) -> float:
        r = np.linspace(0, latent, PAIRS)
        density = np.exp(-(cut**2) / (1 + r)) / (2 * math.pi * np.sqrt(1 - r**2))
        return float(np.trapezoid(density, r)) / (risk * (1 - risk))

    most = 0.99
    if together <= 0:
        return 0.0
    if together >= implied(most):
        return most
    return float(optimize.brentq(lambda r: implied(r) - together, 0.0, most))

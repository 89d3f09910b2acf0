"""Crude difference, standardisation of an outcome regression, and the linear probability model."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import ExposureKind, Sample
from causal.estimate import MEANS, SLOPE, Estimates, Target
from causal.estimators.base import Estimator, Variance, from_influence, with_classical_covariance
from causal.estimators.glm import NuisanceFit, fit_glm
from causal.estimators.nuisance import (
    NuisanceStore,
    OutcomeModel,
    choose_terms,
    refuse_aliased_exposure,
)
from causal.estimators.outcome_fit import OutcomeFit


class MeanDifference(Estimator):
    """The crude contrast: mean outcome of the exposed minus that of the unexposed.

    Assumptions
    -----------
    None for the association. It is an effect only if exposure were assigned at random.
    ``HC0`` is the unpooled Wald standard error, ``classical`` the pooled one with n - 2 df.
    """

    kind: Literal["mean_difference"] = "mean_difference"
    classical_variance: ClassVar[bool] = True
    adjusts: ClassVar[bool] = False

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target: the crude contrast has none of its own."""
        return "crude"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the two observed means."""
        values, influence = arm_means(sample.y, sample.a, sample.w * sample.observed)
        estimates = from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=2
        )
        if self.variance.kind == "classical":
            known = sample.observed
            covariance, df = pooled_covariance(sample.y[known], sample.a[known], sample.w[known])
            return with_classical_covariance(estimates, covariance, df)
        return estimates


class GComputation(Estimator):
    """Standardisation: an outcome regression averaged over the sample at each exposure.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and a correctly
    specified outcome regression. Rows without outcome are predicted, which further assumes that
    the outcome is missing at random given exposure and covariates.

    References
    ----------
    Robins (1986), doi:10.1016/0270-0255(86)90088-6; standard errors by stacked estimating
    equations, Stefanski & Boos (2002), doi:10.1198/000313002753631330, section 3.
    """

    kind: Literal["g_computation"] = "g_computation"
    outcome: OutcomeModel = OutcomeModel()
    target: Literal["ATE", "ATT"] = "ATE"

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are predicted."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.outcome.named_terms

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both standardised means."""
        regression = nuisances.outcome(sample, self.outcome)
        over = sample.w * (sample.a if self.target == "ATT" else 1.0)
        values, influence = standardise(regression, over)
        return from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=regression.rank
        )


class LinearProbability(Estimator):
    """Least squares of the outcome on exposure and covariates; the coefficient of exposure.

    Takes binary or continuous outcomes, and exposures that are 0/1 or a dose (difference a unit).

    Assumptions
    -----------
    Exchangeability given the rung's covariates, and a linear conditional mean with a constant
    effect; otherwise it is a variance-weighted average effect (Angrist 1998,
    doi:10.2307/2998558), named ``linear projection`` here.
    """

    kind: Literal["linear_probability"] = "linear_probability"
    variance: Variance = Variance(kind="HC1")
    terms: tuple[str, ...] | None = None
    classical_variance: ClassVar[bool] = True
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary", "dose")

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target: the projection of the outcome on exposure and covariates."""
        return "linear projection"

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.terms or ()

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient, and for 0/1 exposures the two means it separates."""
        chosen = choose_terms(sample, self.terms)
        refuse_aliased_exposure(chosen)
        columns = np.column_stack([sample.a, chosen.x])
        regression = fit_glm(columns, sample.y, sample.w, "linear", sample.observed)
        binary = sample.exposure_kind == "binary"
        levels = np.column_stack([np.zeros(sample.n), np.ones(sample.n)])
        values, influence, gradient = linear_contrast(
            regression, columns, levels, sample.w, means=binary
        )
        estimates = from_influence(
            values,
            influence,
            sample,
            self.variance,
            self.estimand,
            labels=MEANS if binary else SLOPE,
            n_coefficients=regression.rank,
        )
        if self.variance.kind == "classical":
            covariance, df = classical_covariance(sample, regression, gradient)
            return with_classical_covariance(estimates, covariance, df)
        return estimates


def arm_means(y: Floats, a: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Give the weighted mean of each arm, and (n, 2) influence values.

    Parameters
    ----------
    y : (n,) floats; NaN allowed where ``w`` is 0.
    a : (n,) floats, 0/1.
    w : (n,) floats.
    """
    known = np.where(w > 0, y, 0.0)
    values, influence = np.empty(2), np.empty((len(y), 2))
    for arm in (0, 1):
        weight = w * (a == arm)
        values[arm] = np.sum(weight * known) / np.sum(weight)
        influence[:, arm] = weight * (known - values[arm]) / weight.mean()
    return values, influence


def pooled_covariance(y: Floats, a: Floats, w: Floats) -> tuple[Floats, float]:
    """Give the covariance of two arm means under equal variance, and its degrees of freedom.

    That of weighted least squares: the variance of a row is taken as proportional to 1 / w.
    """
    sizes = np.array([np.sum(w[a == arm]) for arm in (0, 1)])
    means = [np.average(y[a == arm], weights=w[a == arm]) for arm in (0, 1)]
    residual = y - np.where(a == 1, means[1], means[0])
    df = float(len(y) - 2)
    return np.diag(np.sum(w * residual**2) / df / sizes), df


def standardise(regression: OutcomeFit, over: Floats) -> tuple[Floats, Floats]:
    """Average both predictions over weights, with stacked influence values.

    Parameters
    ----------
    regression : the outcome regression.
    over : (n,) floats, whom to average over (ones: everybody; the exposure: the exposed).

    Returns
    -------
    (2,) means and (n, 2) influence values.
    """
    weight = over / over.mean()
    values = np.array([np.mean(weight * regression.mu0), np.mean(weight * regression.mu1)])
    own = weight[:, None] * (np.column_stack([regression.mu0, regression.mu1]) - values)
    return values, own + regression.chain(weight, weight)


def linear_contrast(
    regression: NuisanceFit, columns: Floats, levels: Floats, w: Floats, *, means: bool
) -> tuple[Floats, Floats, Floats]:
    """Give the two standardised means of a linear regression, or the slope of exposure.

    Parameters
    ----------
    regression : least squares of the outcome on ``columns``, exposure first.
    columns : (n, 1 + q) floats.
    levels : (n, 2) floats, the exposures to compare.
    means : both means rather than their difference.

    Returns
    -------
    (k,) values, (n, k) influence values, and (k, p) gradient in the coefficients.
    """
    weight = w / w.mean()
    designs = []
    for level in levels.T:
        changed = columns.copy()
        changed[:, 0] = level
        designs.append(regression.design(changed))
    gradient = np.vstack([(weight[:, None] * design).mean(axis=0) for design in designs])
    if not means:
        slope = gradient[1:] - gradient[:1]
        return slope @ regression.coefficients, regression.influence @ slope.T, slope
    values = gradient @ regression.coefficients
    own = np.column_stack([design @ regression.coefficients for design in designs]) - values
    return values, weight[:, None] * own + regression.influence @ gradient.T, gradient


def classical_covariance(
    sample: Sample, regression: NuisanceFit, gradient: Floats
) -> tuple[Floats, float]:
    """Give the covariance under equal error variance, covariates held fixed."""
    used = sample.observed
    df = float(used.sum() - regression.rank)
    residual = sample.y[used] - regression.fitted[used]
    variance = np.sum(sample.w[used] * residual**2) / df
    return variance * gradient @ (regression.bread / sample.n) @ gradient.T, df

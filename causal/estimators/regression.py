"""The crude difference, and standardisation of an outcome regression."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import EstimandMismatchError
from causal.estimate import Estimates, Target
from causal.estimators.base import Crude, from_influence, with_classical_covariance
from causal.estimators.follow_up import WeighsFollowUp, weighted_outcome
from causal.estimators.least_squares_errors import (
    reduced_residuals,
    with_reduced_covariance,
    with_wild_least_squares,
)
from causal.estimators.nuisance import (
    NuisanceStore,
    OutcomeModel,
)
from causal.estimators.outcome_fit import OutcomeFit
from causal.estimators.variance import EVERY_ESTIMATOR, VarianceKind

AverageTarget: TypeAlias = Literal["ATE", "ATT", "ATC"]


class MeanDifference(Crude):
    """The crude contrast: mean outcome of the exposed minus that of the unexposed.

    Assumptions
    -----------
    None for the association. It is an effect only if exposure were assigned at random.
    ``HC0`` is the unpooled Wald standard error, ``classical`` the pooled one with n - 2 df.
    """

    kind: Literal["mean_difference"] = "mean_difference"
    variances: ClassVar[tuple[VarianceKind, ...]] = (
        *EVERY_ESTIMATOR, "classical", "classical_n", "CR2",
    )  # fmt: skip

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the two observed means."""
        values, influence = arm_means(sample.y, sample.a, sample.w * sample.observed)
        estimates = from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=2
        )
        if self.variance.classical:
            known = sample.observed
            covariance, df = pooled_covariance(sample.y[known], sample.a[known], sample.w[known])
            rows = int(known.sum())
            return with_classical_covariance(estimates, covariance, df, self.variance, rows)
        if self.variance.kind == "CR2":
            design = np.column_stack([np.ones(sample.n), sample.a])
            fitted = np.where(sample.a == 1, values[1], values[0])
            reduced, df = reduced_residuals(sample, design, fitted, np.array([0.0, 1.0]))
            weight = sample.w[:, None] * np.column_stack([sample.a == 0, sample.a == 1])
            weight = weight * sample.observed[:, None]
            return with_reduced_covariance(
                estimates, weight * reduced[:, None] / weight.mean(axis=0), sample, df
            )
        return estimates

    def with_wild_set(
        self, sample: Sample, estimates: Estimates, rng: np.random.Generator
    ) -> Estimates:
        """Put the set of the wild cluster bootstrap, the null imposed, in the interval's place."""
        return with_wild_least_squares(
            sample, np.empty((sample.n, 0)), estimates, self.variance, rng
        )


class GComputation(WeighsFollowUp):
    """Standardisation: an outcome regression averaged over the sample at each exposure.

    Attributes
    ----------
    outcome : the regression.
    target : ``ATE`` or ``ATT``.
    observation, entry : regressions of having an outcome, and of being seen at the exposure
        interview. The outcome regression is then fitted with their inverses as weights, and
        averaged over all rows, those never seen among them.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and a correctly
    specified outcome regression. Rows without outcome are predicted, which further assumes that
    the outcome is missing at random given exposure and covariates; or, where follow-up is weighed
    for, given these and the terms of a correctly specified regression of being followed.

    References
    ----------
    Robins (1986), doi:10.1016/0270-0255(86)90088-6; standard errors by stacked estimating
    equations, Stefanski & Boos (2002), doi:10.1198/000313002753631330, section 3; weights for
    follow-up, Robins, Rotnitzky & Zhao (1995), doi:10.1080/01621459.1995.10476493.
    """

    kind: Literal["g_computation"] = "g_computation"
    outcome: OutcomeModel = OutcomeModel()
    target: AverageTarget = "ATE"

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are predicted."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both standardised means."""
        if self.observation is not None:
            return self._followed(sample)
        regression = nuisances.outcome(sample, self.outcome)
        over = sample.w * over_target(sample.a, self.target)
        values, influence = standardise(regression, over)
        return from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=regression.rank
        )

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weights the outcome regression is fitted with, of each stage of follow-up."""
        return self.follow_up_factors(sample)

    def _followed(self, sample: Sample) -> Estimates:
        """Standardise the regression of the followed, weighted by whom they stand for."""
        if self.target == "ATC":
            raise EstimandMismatchError(
                "g_computation does not weigh for loss to follow-up over the unexposed. Choose "
                "target ATE or ATT, or ipw with target: ATC."
            )
        standing = self.standing(sample)
        regression = weighted_outcome(sample, self.outcome, standing)
        over = sample.w
        if self.target == "ATT":  # the exposed seen stand for those exposed and not seen
            over = over * np.where(sample.entered, sample.a, 0.0) * standing.entry
        values, influence = standardise(regression, over)
        if self.target == "ATT":
            apart = np.column_stack([regression.mu0, regression.mu1]) - values
            for arm in (0, 1):
                moved = over / over.mean() * apart[:, arm]
                influence[:, arm] += standing.chain(np.zeros(sample.n), moved)
        return from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=regression.rank
        )


def over_target(a: Floats, target: AverageTarget) -> Floats:
    """Give ones for the rows a target averages over, zeros for others.

    Parameters
    ----------
    a : floats of any shape, 0/1.
    """
    match target:
        case "ATT":
            return a
        case "ATC":
            return 1 - a
    return np.ones_like(a)


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

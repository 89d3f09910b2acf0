"""Augmented inverse probability weighting, parametric and cross-fitted."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, Limited, average_divisions, from_influence
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    folds_by_unit,
)
from causal.estimators.weighting import (
    ClipBounds,
    balancing_weights,
    clipped,
    limited_propensities,
)


class AIPW(Estimator):
    """Outcome regression corrected by weighted residuals; right when either model is.

    Attributes
    ----------
    target : ``ATE`` or ``ATT``.
    propensity, outcome : the two regressions.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and at least one of the
    two regressions correctly specified. The standard error takes both as correct.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), doi:10.1080/01621459.1994.10476818; cross-fitting:
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, section 5.1.
    """

    kind: Literal["aipw"] = "aipw"
    target: Literal["ATE", "ATT"] = "ATE"
    propensity: PropensityModel = PropensityModel()
    outcome: OutcomeModel = OutcomeModel()
    clip: ClipBounds | None = None
    cross_fit: CrossFitting | None = None

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.propensity.named_terms + self.outcome.named_terms

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both means from doubly robust scores."""
        repeats = 1 if self.cross_fit is None else self.cross_fit.repeats
        return average_divisions([self._once(sample, nuisances, rng) for _ in range(repeats)])

    def _once(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both means with one division of the sample, or none."""
        e, mu0, mu1 = self.predict(sample, nuisances, rng)
        e, _ = clipped(e, self.clip)
        values, influence = doubly_robust_means(sample, e, mu0, mu1, self.target)
        return from_influence(values, influence, sample, self.variance, self.estimand)

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights of the residuals, from the propensity fitted on everybody."""
        e, _ = clipped(nuisances.propensity(sample, self.propensity).fitted, self.clip)
        return balancing_weights(e, sample.a, self.target)

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the propensities fitted on everybody."""
        return nuisances.propensity(sample, self.propensity).fitted

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows clipped."""
        return limited_propensities(self.propensities(sample, nuisances), self.clip, None)

    def predict(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Floats]:
        """Give propensity and both predicted outcomes of each row."""
        if self.cross_fit is None:
            regression = nuisances.outcome(sample, self.outcome)
            return (
                nuisances.propensity(sample, self.propensity).fitted,
                regression.mu0,
                regression.mu1,
            )
        fold = folds_by_unit(sample.unit, self.cross_fit.folds, rng)
        e, mu0, mu1 = (np.empty(sample.n) for _ in range(3))
        for held_out in range(self.cross_fit.folds):
            here = fold == held_out
            regression = nuisances.outcome(sample, self.outcome, ~here)
            e[here] = nuisances.propensity(sample, self.propensity, ~here).fitted[here]
            mu0[here], mu1[here] = regression.mu0[here], regression.mu1[here]
        return e, mu0, mu1


def doubly_robust_means(
    sample: Sample, e: Floats, mu0: Floats, mu1: Floats, target: Literal["ATE", "ATT"]
) -> tuple[Floats, Floats]:
    """Give both means and their (n, 2) influence values.

    Parameters
    ----------
    sample : rows; outcomes that are not observed leave their residual out, which is right only
        where the outcome is missing at random with equal probability.
    e, mu0, mu1 : (n,) floats, propensity and predicted outcomes.
    target : over whom to average.

    References
    ----------
    ATE: Robins, Rotnitzky & Zhao (1994); ATT: Moodie, Saarela & Stephens (2018),
    doi:10.1002/sta4.205, with the exposed mean taken as observed.
    """
    y = np.where(sample.observed, sample.y, 0.0)
    residual = balancing_weights(e, sample.a, target) * sample.observed
    exposed = sample.a == 1
    over = sample.w * (exposed if target == "ATT" else 1.0)
    over = over / over.mean()
    survey = sample.w / np.mean(sample.w * (exposed if target == "ATT" else 1.0))
    means0 = over * mu0 + survey * np.where(exposed, 0.0, residual * (y - mu0))
    means1 = (
        over * y
        if target == "ATT"
        else over * mu1 + survey * np.where(exposed, residual * (y - mu1), 0.0)
    )
    values = np.array([means0.mean(), means1.mean()])
    influence = np.column_stack([means0, means1]) - over[:, None] * values
    return values, influence

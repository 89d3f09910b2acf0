"""Augmented inverse probability weighting, parametric and cross-fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.errors import EstimandMismatchError, PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, Limited, from_influence
from causal.estimators.cross_fitting import cross_fitted
from causal.estimators.divisions import combine_divisions
from causal.estimators.follow_up import WeighsFollowUp
from causal.estimators.followed_means import (
    ArmMean,
    Fitted,
    fit_followed,
    fit_followed_across,
    followed_means,
    plain_arms,
)
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
)
from causal.estimators.regression import AverageTarget, over_target
from causal.estimators.weighting import (
    ClipBounds,
    balancing_weights,
    clipped,
    limited_propensities,
)
from causal.seeding import generator

ROWS = 16_384
"""Rows scored at a time, so that what is needed on the way stays in cache."""


class DoublyRobust(Estimator):
    """What estimators from a propensity and an outcome regression share.

    Attributes
    ----------
    target : ``ATE``, ``ATT``, or ``ATC`` (the unexposed).
    propensity, outcome : the two regressions, or what they are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once, which
        only unpenalised regressions allow.
    """

    takes_learners: ClassVar[bool] = True

    target: AverageTarget = "ATE"
    propensity: PropensityModel = PropensityModel()
    outcome: OutcomeModel = OutcomeModel()
    clip: ClipBounds | None = None
    cross_fit: CrossFitting | None = None

    @model_validator(mode="after")
    def _learns_from_others(self) -> DoublyRobust:
        for model in (self.propensity, self.outcome):
            if model.learns and self.cross_fit is None:
                raise ValueError(
                    f"learner '{model.learner}' without cross_fit: predicted from their own "
                    "outcomes, rows look better fitted than they are, and the standard error "
                    "comes out too small. Add cross_fit: {folds: 5, repeats: 5}, or take "
                    "learner: glm."
                )
        return self

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both means from doubly robust scores."""
        if self.cross_fit is None:
            return self._once(sample, *self.predict(sample, nuisances, rng))
        drawn = [self.predict(sample, nuisances, rng) for _ in range(self.cross_fit.repeats)]
        if self.propensity.learns:
            seen = np.mean([one[0] for one in drawn], axis=0)
            nuisances.crossed[(self, sample.terms)] = seen
        fits = [self._once(sample, *one) for one in drawn]
        return combine_divisions(fits, self.cross_fit.combine)

    def _once(self, sample: Sample, e: Floats, mu0: Floats, mu1: Floats) -> Estimates:
        """Estimate both means with one division of the sample, or none."""
        return self._from_scores(sample, self._weighable(sample, e), mu0, mu1)

    def _weighable(self, sample: Sample, e: Floats) -> Floats:
        """Clip propensities, and refuse those that leave no weight."""
        e, _ = clipped(e, self.clip)
        certain = (e >= 1) & (self.target != "ATC"), (e <= 0) & (self.target != "ATT")
        sure = int((certain[0] | certain[1]).sum())
        if sure:
            raise PositivityError(
                f"the propensity of {sure} of {sample.n} rows is predicted to be 0 or 1, so that "
                "no weight stands for the exposure they did not have. Set clip, such as "
                "[0.01, 0.99], choose another learner, or narrow the population."
            )
        return e

    def _from_scores(self, sample: Sample, e: Floats, mu0: Floats, mu1: Floats) -> Estimates:
        """Give both means with the influence values of their scores."""
        values, influence = doubly_robust_means(sample, e, mu0, mu1, self.target)
        return from_influence(values, influence, sample, self.variance, self.estimand)

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give (n,) propensities: fitted on everybody, or as learned on other persons.

        The mean over the divisions the estimate used; where none is known, of a division of its
        own.
        """
        if not self.propensity.learns:
            return nuisances.propensity(sample, self.propensity).fitted
        key = (self, sample.terms)
        if key not in nuisances.crossed:
            rng = generator(0, "propensities", self.kind)
            nuisances.crossed[key], _, _ = self.predict(sample, nuisances, rng)
        return nuisances.crossed[key]

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights of the residuals."""
        e, _ = clipped(self.propensities(sample, nuisances), self.clip)
        return balancing_weights(e, sample.a, self.target)

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
        return cross_fitted(
            sample, self.propensity, self.outcome, self.cross_fit.folds, nuisances, rng
        )


class FollowedRobust(WeighsFollowUp, DoublyRobust):
    """What ``aipw`` and ``tmle`` share: their residuals can stand for rows without an outcome."""

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both means; with missing outcomes, from scores that weigh for them."""
        if self.observation is None:
            return super().estimate(sample, nuisances, rng)
        if self.cross_fit is None:
            fitted = fit_followed(sample, self, self.propensity, self.outcome, nuisances)
            return self._weighed(sample, fitted)
        fits, seen = [], []
        for _ in range(self.cross_fit.repeats):
            fitted = fit_followed_across(
                sample,
                self,
                self.propensity,
                self.outcome,
                self.cross_fit.folds,
                nuisances,
                rng,
            )
            seen.append(fitted.e)
            fits.append(self._weighed(sample, fitted))
        if self.propensity.learns:
            nuisances.crossed[(self, sample.terms)] = np.mean(seen, axis=0)
        return combine_divisions(fits, self.cross_fit.combine)

    def _weighed(self, sample: Sample, fitted: Fitted) -> Estimates:
        """Estimate both means with one division of the sample, or none."""
        e, free = self._weighable(sample, fitted.e), clipped(fitted.e, self.clip)[1]
        arms, outside = self.arms(sample, fitted, e, free)
        if self.target == "ATC":
            raise EstimandMismatchError(
                f"{self.kind} does not weigh for loss to follow-up over the unexposed. Choose "
                "target ATE or ATT, or ipw with target: ATC."
            )
        values, influence = followed_means(sample, e, free, arms, fitted, self.target)
        fit = from_influence(values, influence, sample, self.variance, self.estimand)
        return replace(fit, bounded=outside)

    def arms(
        self, sample: Sample, fitted: Fitted, e: Floats, free: Bools
    ) -> tuple[tuple[ArmMean, ArmMean], int | None]:
        """Give the predictions of both arms, and how many were kept from the ends of the range."""
        return plain_arms(fitted), None

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights of the residuals, those for follow-up included."""
        weights = super().weights(sample, nuisances)
        return weights if self.observation is None else weights * self.standing(sample).outcome

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weights for exposure, and of each stage of follow-up."""
        weights = super().weights(sample, nuisances)
        return (("exposure", weights), *self.follow_up_factors(sample))


class AIPW(FollowedRobust):
    """Outcome regression corrected by weighted residuals; right when either model is.

    With ``cross_fit`` it is the interactive model of double machine learning.

    Attributes
    ----------
    target : ``ATE``, ``ATT``, or ``ATC`` (the unexposed).
    propensity, outcome : the two regressions, or what they are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once.
    observation, entry : regressions of having an outcome, and of being seen at the exposure
        interview, whose inverses multiply the weights of the residuals; cross-fitted as well.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and at least one of the
    two regressions correctly specified. The standard error takes both as correct; with learners,
    the product of both errors must vanish faster than one over the root of n.

    With follow-up weighed for: outcomes are missing at random given exposure and the terms of the
    regressions of follow-up. Where the outcome regression holds all these terms, it is enough that
    it is right, or that propensity and follow-up both are. Where follow-up depends on more, such
    as use at the end of the exposure window, follow-up must be right, and one of the two others;
    the outcome regression is then weighted by whom the followed stand for. Fitted once, all
    regressions are chained into the standard error, which holds under each of these; fitted on
    others, it takes the chances as known.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), doi:10.1080/01621459.1994.10476818; cross-fitting:
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, section 5.1; missing outcomes: Bang &
    Robins (2005), doi:10.1111/j.1541-0420.2005.00377.x, section 3.
    """

    kind: Literal["aipw"] = "aipw"


def doubly_robust_means(
    sample: Sample, e: Floats, mu0: Floats, mu1: Floats, target: AverageTarget
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
    doi:10.1002/sta4.205, with the exposed mean taken as observed; ATC: the same, arms exchanged.
    """
    n, seen = sample.n, sample.observed
    reference = float(np.mean(sample.w * over_target(sample.a, target)))
    scores = np.empty((n, 2))
    for first in range(0, n, ROWS):
        rows = slice(first, min(first + ROWS, n))
        w, a, observed = sample.w[rows] / reference, sample.a[rows], seen[rows]
        exposed, y = a == 1, np.where(observed, sample.y[rows], 0.0)
        over = w * over_target(a, target)
        residual = w * (balancing_weights(e[rows], a, target) * observed)
        scores[rows, 0] = (
            over * y
            if target == "ATC"
            else over * mu0[rows] + np.where(exposed, 0.0, residual * (y - mu0[rows]))
        )
        scores[rows, 1] = (
            over * y
            if target == "ATT"
            else over * mu1[rows] + np.where(exposed, residual * (y - mu1[rows]), 0.0)
        )
    values = np.array([scores[:, 0].mean(), scores[:, 1].mean()])
    weight = sample.w / reference * over_target(sample.a, target)
    for column, value in zip(scores.T, values, strict=True):
        column -= weight * value
    return values, scores

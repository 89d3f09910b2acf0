"""Augmented inverse probability weighting, parametric and cross-fitted."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, Limited, combine_divisions, from_influence
from causal.estimators.cross_fitting import cross_fitted
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
)
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
    target : ``ATE`` or ``ATT``.
    propensity, outcome : the two regressions, or what they are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once, which
        only unpenalised regressions allow.
    """

    takes_learners: ClassVar[bool] = True

    target: Literal["ATE", "ATT"] = "ATE"
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

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.propensity.named_terms + self.outcome.named_terms

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
        sure = int(((e >= 1) | ((e <= 0) & (self.target == "ATE"))).sum())
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


class AIPW(DoublyRobust):
    """Outcome regression corrected by weighted residuals; right when either model is.

    With ``cross_fit`` it is the interactive model of double machine learning.

    Attributes
    ----------
    target : ``ATE`` or ``ATT``.
    propensity, outcome : the two regressions, or what they are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and at least one of the
    two regressions correctly specified. The standard error takes both as correct; with learners,
    the product of both errors must vanish faster than one over the root of n.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), doi:10.1080/01621459.1994.10476818; cross-fitting:
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, section 5.1.
    """

    kind: Literal["aipw"] = "aipw"


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
    n, att = sample.n, target == "ATT"
    reference = float((sample.w[sample.a == 1].sum() if att else sample.w.sum()) / n)
    scores, seen = np.empty((n, 2)), sample.observed
    for first in range(0, n, ROWS):
        rows = slice(first, min(first + ROWS, n))
        w, a, observed = sample.w[rows] / reference, sample.a[rows], seen[rows]
        exposed, y = a == 1, np.where(observed, sample.y[rows], 0.0)
        over = w * exposed if att else w
        residual = w * (balancing_weights(e[rows], a, target) * observed)
        scores[rows, 0] = over * mu0[rows] + np.where(exposed, 0.0, residual * (y - mu0[rows]))
        scores[rows, 1] = (
            over * y
            if att
            else over * mu1[rows] + np.where(exposed, residual * (y - mu1[rows]), 0.0)
        )
    values = np.array([scores[:, 0].mean(), scores[:, 1].mean()])
    for column, value in zip(scores.T, values, strict=True):
        weight = sample.w / reference
        column -= (weight * (sample.a == 1) if att else weight) * value
    return values, scores

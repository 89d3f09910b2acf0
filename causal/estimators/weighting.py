"""Inverse probability and overlap weighting; standard errors know that the weights are fitted."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.glm import NuisanceFit
from causal.estimators.nuisance import (
    EntryModel,
    NuisanceStore,
    ObservationFit,
    ObservationModel,
    PropensityModel,
    choose_terms,
)
from causal.estimators.regression import arm_means

WeightTarget: TypeAlias = Literal["ATE", "ATT", "ATO"]


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse bounds that are not two probabilities in ascending order."""
    if not 0 <= bounds[0] < bounds[1] <= 1:
        raise ValueError("clip takes two probabilities, the lower first, such as [0.01, 0.99]")
    return bounds


ClipBounds: TypeAlias = Annotated[tuple[float, float], AfterValidator(_ordered)]


class _Weighting(Estimator):
    """What estimators with propensity weights share: who else their weights stand for.

    Attributes
    ----------
    propensity : the exposure regression.
    observation : the regression of having an outcome at all, whose inverse multiplies the weights.
    entry : the regression of being seen at the exposure interview, likewise.
    """

    propensity: PropensityModel = PropensityModel()
    observation: ObservationModel | None = None
    entry: EntryModel | None = None

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are weighed for."""
        return self.observation is not None

    @property
    def takes_missing_exposures(self) -> bool:
        """Tell whether persons not seen at the exposure interview are weighed for."""
        return self.entry is not None

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        seen = () if self.observation is None else self.observation.named_terms
        return self.propensity.named_terms + seen

    def follow_up(self, sample: Sample, nuisances: NuisanceStore) -> tuple[ObservationFit, ...]:
        """Fit the regressions whose inverse multiplies the weights."""
        fits = []
        if self.entry is not None:
            fits.append(nuisances.entry(sample, self.entry))
        if self.observation is not None:
            fits.append(nuisances.observation(sample, self.observation))
        return tuple(fits)

    def followed(self, weight: Floats, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Multiply weights by the inverse probability of having been followed up."""
        for one in self.follow_up(sample, nuisances):
            weight = np.where(sample.observed, weight / one.fit.fitted, 0.0)
        return weight


class InverseProbability(_Weighting):
    """Weighting by the inverse probability of the exposure had (Hájek: weights sum to one an arm).

    Attributes
    ----------
    target : ``ATE`` or ``ATT``.
    propensity : the exposure regression.
    clip : propensities below and above are set to these bounds; the number is reported.
    trim : rows with a propensity outside [trim, 1 - trim] are left out; this narrows the target to
        the rows kept, and is said so.
    stabilised : multiply by the marginal probability of the exposure had; changes the weights
        reported, not the estimate.
    observation, entry : regressions of having an outcome, and of being seen at the exposure
        interview, whose inverses multiply the weights.
    weights_known : standard error as if the propensity were known, as robust standard errors of
        weighted regressions in statistical packages have it (too large for the ATE).

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and a correctly
    specified propensity.

    References
    ----------
    Hájek (1971); Lunceford & Davidian (2004), doi:10.1002/sim.1903, section 3 (influence values
    with an estimated propensity).
    """

    kind: Literal["ipw"] = "ipw"
    target: Literal["ATE", "ATT"] = "ATE"
    clip: ClipBounds | None = None
    trim: float | None = Field(default=None, gt=0, lt=0.5)
    stabilised: bool = False
    weights_known: bool = False

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both weighted means."""
        fitted = nuisances.propensity(sample, self.propensity)
        kept = within(fitted.fitted, self.trim)
        note = (
            ""
            if self.trim is None
            else (
                f"among the {int(kept.sum())} of {sample.n} rows with a propensity in "
                f"[{self.trim:g}, {1 - self.trim:g}]"
            )
        )
        e, free = clipped(fitted.fitted, self.clip)
        values, influence = weighted_means(
            choose_terms(sample, self.propensity.terms),
            fitted,
            e,
            free & kept,
            kept,
            self.target,
            chained=not self.weights_known,
            follow_up=self.follow_up(sample, nuisances),
        )
        return from_influence(
            values, influence, sample, self.variance, self.estimand, target_note=note
        )

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights, zero for trimmed rows."""
        fitted = nuisances.propensity(sample, self.propensity).fitted
        e, _ = clipped(fitted, self.clip)
        weight = balancing_weights(e, sample.a, self.target) * within(fitted, self.trim)
        weight = self.followed(weight, sample, nuisances)
        if self.stabilised:
            entered = sample.entered
            share = float(np.average(sample.a[entered], weights=sample.w[entered]))
            weight = weight * np.where(sample.a == 1, share, 1 - share)
        return weight


class Overlap(_Weighting):
    """Overlap weighting: each row weighted by the probability of the exposure it did not have.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and a correctly specified
    propensity. It answers for the units in clinical equipoise (ATO), not for everybody; with a
    logistic propensity it balances the covariate means exactly.

    References
    ----------
    Li, Morgan & Zaslavsky (2018), doi:10.1080/01621459.2016.1260466; Mao, Li & Greene (2019),
    doi:10.1177/0962280218781171 (sandwich variance).
    """

    kind: Literal["overlap"] = "overlap"

    @property
    def estimand(self) -> Target:
        """Give the target: the overlap population."""
        return "ATO"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both weighted means."""
        fitted = nuisances.propensity(sample, self.propensity)
        everyone = np.ones(sample.n, dtype=bool)
        chosen = choose_terms(sample, self.propensity.terms)
        values, influence = weighted_means(
            chosen,
            fitted,
            fitted.fitted,
            everyone,
            everyone,
            "ATO",
            chained=True,
            follow_up=self.follow_up(sample, nuisances),
        )
        return from_influence(values, influence, sample, self.variance, self.estimand)

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights."""
        e = nuisances.propensity(sample, self.propensity).fitted
        return self.followed(balancing_weights(e, sample.a, "ATO"), sample, nuisances)


def within(e: Floats, trim: float | None) -> Bools:
    """Tell which propensities trimming keeps."""
    if trim is None:
        return np.ones(len(e), dtype=bool)
    return np.asarray((e >= trim) & (e <= 1 - trim))


def clipped(e: Floats, bounds: tuple[float, float] | None) -> tuple[Floats, Bools]:
    """Set propensities outside the bounds to them; tell which were left free."""
    if bounds is None:
        return e, np.ones(len(e), dtype=bool)
    return np.clip(e, *bounds), np.asarray((e > bounds[0]) & (e < bounds[1]))


def balancing_weights(e: Floats, a: Floats, target: WeightTarget) -> Floats:
    """Give the weight of each row for a target.

    Parameters
    ----------
    e : (n,) floats, propensities.
    a : (n,) floats, 0/1.
    """
    if target == "ATE":
        return np.where(a == 1, 1 / e, 1 / (1 - e))
    if target == "ATT":
        return np.where(a == 1, 1.0, e / (1 - e))
    return np.where(a == 1, 1 - e, e)


def weight_slopes(e: Floats, a: Floats, target: WeightTarget) -> Floats:
    """Differentiate ``balancing_weights`` with respect to the logit of the propensity."""
    if target == "ATE":
        return np.where(a == 1, -(1 - e) / e, e / (1 - e))
    if target == "ATT":
        return np.where(a == 1, 0.0, e / (1 - e))
    return np.where(a == 1, -e * (1 - e), e * (1 - e))


def weighted_means(
    sample: Sample,
    propensity: NuisanceFit,
    e: Floats,
    free: Bools,
    kept: Bools,
    target: WeightTarget,
    *,
    chained: bool,
    follow_up: tuple[ObservationFit, ...] = (),
) -> tuple[Floats, Floats]:
    """Give both weighted means with (n, 2) influence values.

    Parameters
    ----------
    sample : the rows, with the covariates of the propensity.
    propensity : the regression the weights come from.
    e : (n,) floats, the propensities used (after clipping).
    free : (n,) booleans, rows whose weight moves with the propensity.
    kept : (n,) booleans, rows that are not trimmed.
    chained : let the fitted regressions' own sampling error into the influence values.
    follow_up : regressions of being seen and of having an outcome; their inverses multiply the
        weights.

    References
    ----------
    Robins, Rotnitzky & Zhao (1995), doi:10.1080/01621459.1995.10476493 (loss to follow-up).
    """
    base = sample.w * sample.observed * kept
    for one in follow_up:
        base = base / one.fit.fitted
    for arm in (0, 1):
        if not np.any(base[sample.a == arm] > 0):
            raise PositivityError(
                f"trimming leaves nobody with exposure {arm}. Trim less, or not at all."
            )
    values, influence = arm_means(sample.y, sample.a, base * balancing_weights(e, sample.a, target))
    if not chained:
        return values, influence
    slopes = base * free * weight_slopes(e, sample.a, target)
    weight = base * balancing_weights(e, sample.a, target)
    known = np.where(sample.observed, sample.y, 0.0)
    design = propensity.design(sample.x)
    for arm in (0, 1):
        in_arm = sample.a == arm
        gradient = (design * (slopes * in_arm * (known - values[arm]))[:, None]).mean(axis=0)
        influence[:, arm] += propensity.influence @ gradient / (weight * in_arm).mean()
        for one in follow_up:
            moved = weight * in_arm * (known - values[arm]) * (1 - one.fit.fitted)
            gradient = -(one.design * moved[:, None]).mean(axis=0)
            influence[:, arm] += one.fit.influence @ gradient / (weight * in_arm).mean()
    return values, influence

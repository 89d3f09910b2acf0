"""Inverse probability and overlap weighting; standard errors know that the weights are fitted."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimate import Estimates, Target
from causal.estimators.base import Limited, from_influence
from causal.estimators.follow_up import WeighsFollowUp
from causal.estimators.nuisance import NuisanceStore, PropensityModel, choose_terms
from causal.estimators.weighted_means import WeightFit, counted_rows, weighted_means

WeightTarget: TypeAlias = Literal["ATE", "ATT", "ATC", "ATO", "ATM"]


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse bounds that are not two probabilities in ascending order."""
    if not 0 <= bounds[0] < bounds[1] <= 1:
        raise ValueError("clip takes two probabilities, the lower first, such as [0.01, 0.99]")
    return bounds


def _percentiles(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse bounds that are not two percentiles around the median."""
    if not 0 <= bounds[0] < 50 < bounds[1] <= 100:
        raise ValueError("truncate takes two percentiles around the median, such as [1, 99]")
    return bounds


ClipBounds: TypeAlias = Annotated[tuple[float, float], AfterValidator(_ordered)]
Percentiles: TypeAlias = Annotated[tuple[float, float], AfterValidator(_percentiles)]


class PropensityWeighting(WeighsFollowUp):
    """What estimators with propensity weights share: who else their weights stand for.

    Attributes
    ----------
    propensity : the exposure regression.
    observation : the regression of having an outcome at all, whose inverse multiplies the weights.
    entry : the regression of being seen at the exposure interview, likewise.
    """

    stabilises: ClassVar[bool] = True

    propensity: PropensityModel = PropensityModel()

    @abstractmethod
    def fit_weights(self, sample: Sample, nuisances: NuisanceStore) -> WeightFit:
        """Fit the weights that balance the arms, follow-up apart."""

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both weighted means."""
        fit = self.fit_weights(sample, nuisances)
        follow_up = self.follow_up(sample)
        values, influence = weighted_means(
            sample, fit, chained=self.knows_fitting, follow_up=follow_up, over=self.totalled(sample)
        )
        note = self.narrowing(sample, nuisances)
        return from_influence(
            values, influence, sample, self.variance, self.estimand, target_note=note
        )

    @property
    def knows_fitting(self) -> bool:
        """Tell whether standard errors know that the weights are fitted."""
        return True

    def totalled(self, sample: Sample) -> Floats | None:
        """Give ones for the rows totals are divided by the number of; None for means of arms."""
        return None

    def narrowing(self, sample: Sample, nuisances: NuisanceStore) -> str:
        """Say what narrows the target; empty when nothing does."""
        return ""

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights, those for follow-up included."""
        weight = self.fit_weights(sample, nuisances).weights
        for _, factor in self.follow_up_factors(sample):
            weight = np.where(sample.observed, weight * factor, 0.0)
        return weight

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weights for exposure, and of each stage of follow-up."""
        weights = self.fit_weights(sample, nuisances).weights
        return (("exposure", weights), *self.follow_up_factors(sample))

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the fitted propensities."""
        return nuisances.propensity(sample, self.propensity).fitted


class InverseWeights(PropensityWeighting):
    """Weights by the inverse probability of the exposure had, whatever they then average.

    Attributes
    ----------
    target, propensity, clip, trim, truncate, stabilised, observation, entry, weights_known : as
        ``ipw`` documents them.
    """

    target: Literal["ATE", "ATT", "ATC"] = "ATE"
    clip: ClipBounds | None = None
    trim: float | None = Field(default=None, gt=0, lt=0.5)
    truncate: Percentiles | None = None
    stabilised: bool = False
    weights_known: bool = False

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def knows_fitting(self) -> bool:
        """Tell whether standard errors know that the propensity is fitted."""
        return not self.weights_known

    def narrowing(self, sample: Sample, nuisances: NuisanceStore) -> str:
        """Say whom trimming keeps."""
        if self.trim is None:
            return ""
        kept = within(self.propensities(sample, nuisances), self.trim)
        return (
            f"among the {int(kept.sum())} of {sample.n} rows with a propensity in "
            f"[{self.trim:g}, {1 - self.trim:g}]"
        )

    def fit_weights(self, sample: Sample, nuisances: NuisanceStore) -> WeightFit:
        """Fit the weights, zero for trimmed rows."""
        fitted = nuisances.propensity(sample, self.propensity)
        e, free = clipped(fitted.fitted, self.clip)
        kept = within(fitted.fitted, self.trim)
        weight = balancing_weights(e, sample.a, self.target) * kept
        slope = weight_slopes(e, sample.a, self.target) * (free & kept)
        if self.stabilised:
            share = _exposed_share(sample)
            factor = np.where(sample.a == 1, share, 1 - share)
            weight, slope = weight * factor, slope * factor
        if self.truncate is not None:
            low, high = self._bounds(weight, sample, kept)
            slope = slope * ((weight >= low) & (weight <= high))
            weight = np.where(self._weighted(sample) & kept, np.clip(weight, low, high), weight)
        design = fitted.design(choose_terms(sample, self.propensity.terms).x)
        return WeightFit(weight, slope, design, (fitted.influence,) * 2)

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows clipped, trimmed and truncated."""
        e = self.propensities(sample, nuisances)
        found = limited_propensities(e, self.clip, self.trim)
        if self.truncate is None:
            return found
        whole = self.model_copy(update={"truncate": None})
        weight = whole.fit_weights(sample, nuisances).weights
        kept = within(e, self.trim)
        low, high = self._bounds(weight, sample, kept)
        beyond = self._weighted(sample) & kept & ((weight < low) | (weight > high))
        said = (
            f"rows whose weight was set to percentile {self.truncate[0]:g} or "
            f"{self.truncate[1]:g} of the weights; the target stays, balance is given up"
        )
        return (*found, Limited("truncated", int(beyond.sum()), said))

    def _weighted(self, sample: Sample) -> Bools:
        """Tell which rows have weights that depend on the propensity."""
        if self.target == "ATE":
            return sample.entered
        return np.asarray(sample.a == (0 if self.target == "ATT" else 1))

    def _bounds(self, weight: Floats, sample: Sample, kept: Bools) -> tuple[float, float]:
        """Give the percentiles of the weights that depend on the propensity."""
        chosen = weight[self._weighted(sample) & kept]
        if self.truncate is None or len(chosen) == 0:
            return -np.inf, np.inf
        low, high = np.percentile(chosen, self.truncate)
        return float(low), float(high)


class InverseProbability(InverseWeights):
    """Weighting by the inverse probability of the exposure had.

    Attributes
    ----------
    target : ``ATE``, ``ATT``, or ``ATC`` (the unexposed).
    propensity : the exposure regression.
    clip : propensities below and above are set to these bounds; the number is reported.
    trim : rows with a propensity outside [trim, 1 - trim] are left out; this narrows the target to
        the rows kept, and is said so.
    truncate : two percentiles of the weights; weights beyond are set to them, and their number is
        reported. The target stays, but balance is given up for precision. Percentiles are those
        of the rows whose weights depend on the propensity, before weights for follow-up.
    stabilised : multiply by the marginal probability of the exposure had; changes the weights
        reported, and the estimate only together with ``truncate`` (percentiles are then those of
        the stabilised weights of both arms), since weights are scaled to one an arm anyhow.
    observation, entry : regressions of having an outcome, and of being seen at the exposure
        interview, whose inverses multiply the weights.
    normalised : weights sum to one an arm (Hájek). False leaves them as they are and divides by
        the number of rows of the target (Horvitz–Thompson): the means may then leave the range of
        the outcome, and the difference depends on which outcome is coded 0.
    weights_known : standard error as if the propensity were known, as robust standard errors of
        weighted regressions in statistical packages have it (too large for the ATE).

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and a correctly
    specified propensity. Truncation and clipping trade bias for variance: their standard errors
    take the bounds as fixed and know nothing of the bias.

    References
    ----------
    Hájek (1971); Horvitz & Thompson (1952), doi:10.1080/01621459.1952.10483446; Lunceford &
    Davidian (2004), doi:10.1002/sim.1903, section 3 (influence values with an estimated
    propensity); Cole & Hernán (2008), doi:10.1093/aje/kwn164 (truncation).
    """

    kind: Literal["ipw"] = "ipw"
    normalised: bool = True

    @model_validator(mode="after")
    def _totals_what_it_says(self) -> InverseProbability:
        unfit = "stabilised" if self.stabilised else "trim" if self.trim is not None else ""
        if not self.normalised and unfit:
            raise ValueError(
                f"normalised: false divides by the number of rows of the target, and {unfit} "
                "changes what the weights sum to. Take one of the two away."
            )
        return self

    def totalled(self, sample: Sample) -> Floats | None:
        """Give ones for the rows of the target, for totals."""
        return None if self.normalised else counted_rows(sample, self.target)


class Overlap(PropensityWeighting):
    """Weighting to those who could have been in either arm: overlap or matching weights.

    Attributes
    ----------
    target : ``ATO``, each row weighted by the probability of the exposure it did not have; or
        ``ATM``, matching weights, by the smaller of both probabilities over that of the exposure
        had: whom one-to-one matching on the propensity would keep.
    propensity : the exposure regression.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and a correctly specified
    propensity. It answers for the units in clinical equipoise (ATO, ATM), not for everybody; with
    a logistic propensity overlap weights balance the covariate means exactly. Standard errors of
    matching weights suppose that few propensities are exactly one half, where they bend.

    References
    ----------
    Li, Morgan & Zaslavsky (2018), doi:10.1080/01621459.2016.1260466; Mao, Li & Greene (2019),
    doi:10.1177/0962280218781171 (sandwich variance); Li & Greene (2013),
    doi:10.1515/ijb-2012-0030 (matching weights).
    """

    kind: Literal["overlap"] = "overlap"
    target: Literal["ATO", "ATM"] = "ATO"

    @property
    def estimand(self) -> Target:
        """Give the target: the overlap or the matched population."""
        return self.target

    def fit_weights(self, sample: Sample, nuisances: NuisanceStore) -> WeightFit:
        """Fit the weights."""
        fitted = nuisances.propensity(sample, self.propensity)
        return WeightFit(
            balancing_weights(fitted.fitted, sample.a, self.target),
            weight_slopes(fitted.fitted, sample.a, self.target),
            fitted.design(choose_terms(sample, self.propensity.terms).x),
            (fitted.influence,) * 2,
        )


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


def limited_propensities(
    e: Floats, bounds: tuple[float, float] | None, trim: float | None
) -> tuple[Limited, ...]:
    """Count the rows whose propensity was clipped, and those trimmed away."""
    found: list[Limited] = []
    if bounds is not None:
        said = f"rows whose propensity was set to {bounds[0]:g} or {bounds[1]:g}"
        found.append(Limited("clipped", int(((e < bounds[0]) | (e > bounds[1])).sum()), said))
    if trim is not None:
        said = f"rows left out for a propensity outside [{trim:g}, {1 - trim:g}]"
        found.append(Limited("trimmed", int((~within(e, trim)).sum()), said))
    return tuple(found)


def balancing_weights(e: Floats, a: Floats, target: WeightTarget) -> Floats:
    """Give the weight of each row for a target.

    Parameters
    ----------
    e : (n,) floats, propensities.
    a : (n,) floats, 0/1.
    """
    match target:
        case "ATE":
            return np.where(a == 1, 1 / e, 1 / (1 - e))
        case "ATT":
            return np.where(a == 1, 1.0, e / (1 - e))
        case "ATC":
            return np.where(a == 1, (1 - e) / e, 1.0)
        case "ATO":
            return np.where(a == 1, 1 - e, e)
    return np.minimum(e, 1 - e) / np.where(a == 1, e, 1 - e)


def weight_slopes(e: Floats, a: Floats, target: WeightTarget) -> Floats:
    """Differentiate ``balancing_weights`` with respect to the logit of the propensity."""
    match target:
        case "ATE":
            return np.where(a == 1, -(1 - e) / e, e / (1 - e))
        case "ATT":
            return np.where(a == 1, 0.0, e / (1 - e))
        case "ATC":
            return np.where(a == 1, -(1 - e) / e, 0.0)
        case "ATO":
            return np.where(a == 1, -e * (1 - e), e * (1 - e))
    rare = np.where(a == 1, e > 0.5, e < 0.5)  # the others weigh one, whatever their propensity
    return rare * np.where(a == 1, -(1 - e) / e, e / (1 - e))


def _exposed_share(sample: Sample) -> float:
    """Give the share exposed among those seen."""
    entered = sample.entered
    return float(np.average(sample.a[entered], weights=sample.w[entered]))

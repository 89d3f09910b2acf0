"""Matching on the propensity or on covariates, with or without replacement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.arrays import Bools, Floats, Ints, read_only
from causal.cohort import Sample
from causal.errors import PositivityError, SpecError
from causal.estimate import Estimates, Target
from causal.estimators.assignment import GRAIN, Method, Rivals, give_nearest, give_optimally
from causal.estimators.base import Estimator, Limited, count_unused, from_influence
from causal.estimators.glm import NuisanceFit
from causal.estimators.match_sets import (
    TIE,
    Groups,
    Sets,
    Space,
    group_rows,
    match_arms,
    match_own_arm,
    whiten,
)
from causal.estimators.matched_means import (
    ErrorKind,
    Matched,
    MatchedMeans,
    abadie_imbens,
    abadie_spiess,
    form_matched,
    matched_means,
)
from causal.estimators.nuisance import NuisanceStore, PropensityModel, choose_terms
from causal.estimators.weighted_bootstrap import with_draws

MatchTarget: TypeAlias = Literal["ATT", "ATC", "ATE"]
Distance: TypeAlias = Literal["propensity", "mahalanobis"]

NEIGHBOURS = 2
"""Rows of the same arm that tell the spread of the outcome, as in Stata's teffects vce(, nn(2))."""
WORDS = {"ATT": "exposed rows", "ATC": "unexposed rows", "ATE": "rows"}
IMPUTED = {"ATT": (1,), "ATC": (0,), "ATE": (0, 1)}
"""Arms whose rows are matched with the other arm."""


class Matching(Estimator):
    """Each row compared with its nearest of the other arm.

    Attributes
    ----------
    target : ``ATT`` matches the exposed, ``ATC`` the unexposed, ``ATE`` both.
    distance : what is to be small: the difference in the logit of the ``propensity``, or the
        ``mahalanobis`` distance of its covariates.
    method : ``nearest``; ``optimal`` for the least sum of squared distances (without replacement).
    replacement : a row may be the match of several. Equally near rows then share; without
        replacement the lower person number is taken first.
    ratio : matches of each row; fewer where the caliper or the exact terms leave fewer.
    caliper : largest difference within a set, in standard deviations of the logit of the
        propensity. Rows left without a match are counted, and narrow the target.
    exact : terms that must agree within a set.
    bias_adjusted : move matches along a linear regression to the covariates they stand in for.
    propensity : the exposure regression; its terms are the covariates of all distances.
    error : ``otsu_rai`` from the influence values of the linear representation (the spread their
        weighted bootstrap tends to; takes clusters); ``abadie_imbens`` with replacement, and
        ``abadie_spiess`` without, from neighbours and matched sets, for independent rows. That
        the propensity is estimated counts with replacement only.
    draws : with ``otsu_rai``, draw the weighted bootstrap so often instead of taking its limit:
        the standard error is that of the draws, the set of the difference is by their quantiles.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and matches near enough
    for what is left of the differences not to matter: with several continuous covariates they are
    not, without ``bias_adjusted``. Matching on the propensity needs it correctly specified.
    Survey weights depend on nothing but exposure and covariates.

    References
    ----------
    Abadie & Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x; (2011),
    doi:10.1198/jbes.2009.07333; (2016), doi:10.3982/ECTA11293; Otsu & Rai (2017),
    doi:10.1080/01621459.2016.1231613; Abadie & Spiess (2022), doi:10.1080/01621459.2020.1840383.
    """

    kind: Literal["matching"] = "matching"
    target: MatchTarget = "ATT"
    distance: Distance = "propensity"
    method: Method = "nearest"
    replacement: bool = True
    ratio: int = Field(default=1, ge=1, le=100)
    caliper: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    exact: tuple[str, ...] = ()
    bias_adjusted: bool = False
    propensity: PropensityModel = PropensityModel()
    error: ErrorKind = "otsu_rai"
    draws: int | None = Field(default=None, ge=100, le=100_000)

    @model_validator(mode="after")
    def _possible(self) -> Matching:
        if self.replacement and self.method == "optimal":
            raise ValueError(
                "with replacement the nearest matches are the optimal ones; take method away, or "
                "set replacement to false"
            )
        if self.target == "ATE" and not self.replacement:
            raise ValueError(
                "an ATE matches both arms, and rows run out without replacement; set replacement "
                "to true, or target to ATT or ATC"
            )
        if self.error == "abadie_imbens" and not self.replacement:
            raise ValueError("abadie_imbens is for matching with replacement; use abadie_spiess")
        if self.error == "abadie_spiess" and (self.replacement or self.bias_adjusted):
            raise ValueError(
                "abadie_spiess is for matching without replacement and without bias_adjusted; "
                "use otsu_rai"
            )
        if self.error != "otsu_rai" and self.draws is not None:
            raise ValueError(f"{self.error} draws nothing; take draws away, or set error: otsu_rai")
        if self.error != "otsu_rai" and self.variance.kind != "HC0":
            raise ValueError(f"{self.error} has no small-sample form; use HC0 for variance.kind")
        return self

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms of the propensity, and those matched exactly."""
        return super().named_terms + self.exact

    @property
    def why_no_bootstrap(self) -> str:
        """Say why resamples of persons do not show the standard error.

        References
        ----------
        Abadie & Imbens (2008), doi:10.3982/ECTA6474.
        """
        return (
            "a bootstrap of persons is not valid for matching: a person drawn twice is matched "
            "twice, which no other sample would do (Abadie & Imbens 2008). method: multiplier "
            "weighs the rung's influence values instead"
        )

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Match, and estimate both means."""
        placed = self._place(sample, nuisances)
        sets = self._match(sample, placed)
        matched = form_matched(sample.y, sample.a, sample.w, sets, self._wanted(sample))
        found = matched_means(
            matched,
            placed.logit,
            placed.x if self.bias_adjusted or self.distance == "mahalanobis" else None,
            (placed.fit, placed.fit.design(placed.x)) if self._chained else None,
            adjusted=self.bias_adjusted,
        )
        estimates = from_influence(
            found.values,
            found.influence + found.propensity,
            sample,
            self.variance,
            self.estimand,
            target_note=self._note(sample, sets),
        )
        if self.error == "otsu_rai":
            if self.draws is None:
                return estimates
            clustered = self.variance.clustered
            if sample.strata is not None:
                raise SpecError(
                    "draws of the weighted bootstrap: it knows nothing of strata, and a survey "
                    "drew these rows within some. Take draws away: error otsu_rai is linearised."
                )
            return with_draws(estimates, sample, self.draws, clustered=clustered, rng=rng)
        return replace(estimates, covariance=self._covariance(sample, placed, matched, found))

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give what each row stands for over its survey weight; 0 for rows not used."""
        sets = self.find_sets(sample, nuisances)
        matched = form_matched(sample.y, sample.a, sample.w, sets, self._wanted(sample))
        return np.divide(matched.weights, sample.w, out=np.zeros(sample.n), where=sample.w > 0)

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the fitted propensities."""
        return nuisances.propensity(sample, self.propensity).fitted

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows of each arm that take no part."""
        return count_unused(sample.a, self.weights(sample, nuisances))

    def find_sets(self, sample: Sample, nuisances: NuisanceStore) -> Sets:
        """Find who is matched with whom."""
        return self._match(sample, self._place(sample, nuisances))

    def find_pairs(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Ints, Ints] | None:
        """Give the rows of one-to-one pairs, exposed and unexposed; None where sets are larger."""
        if self.replacement or self.ratio > 1:
            return None
        sets = self.find_sets(sample, nuisances)
        one, other = sets.targets, sets.donors
        return (one, other) if self.target == "ATT" else (other, one)

    @property
    def _chained(self) -> bool:
        """Tell whether the propensity's own sampling error has a known part in the error."""
        return self.distance == "propensity" and self.replacement

    def _wanted(self, sample: Sample) -> Bools:
        """Tell which rows are to be matched."""
        return np.asarray(np.isin(sample.a, IMPUTED[self.target]))

    def _place(self, sample: Sample, nuisances: NuisanceStore) -> _Placed:
        """Fit the propensity, and lay rows out by what is to be near."""
        fit = nuisances.propensity(sample, self.propensity)
        x = choose_terms(sample, self.propensity.terms).x
        exact = sample.with_terms(self.exact).x
        groups = group_rows(x, sample.a, exact)
        return _Placed(fit, x, groups, *lay_out(fit, x, groups, self.distance))

    def _match(self, sample: Sample, placed: _Placed) -> Sets:
        """Find the sets, and refuse to go on without any.

        Raises
        ------
        PositivityError
            Nobody has a match, or without replacement there are too few to go round.
        """
        width = np.inf if self.caliper is None else self.caliper
        groups = placed.groups
        if self.replacement:
            space = Space(placed.points[groups.first], placed.logit[groups.first], width, TIE)
            sets = match_arms(space, groups, IMPUTED[self.target], self.ratio)
        else:
            sets = self._give(sample, placed, width)
        if not len(sets.targets):
            limits = [] if self.caliper is None else [f"the caliper of {self.caliper:g} SD"]
            limits += [f"exact agreement in {', '.join(self.exact)}"] if self.exact else []
            remedies = [] if self.caliper is None else ["widen the caliper"]
            remedies += ["take exact terms away"] if self.exact else []
            remedy = ", or ".join(remedies)
            raise PositivityError(
                f"{' and '.join(limits)} leave{'s' if len(limits) < 2 else ''} none of the "
                f"{int(self._wanted(sample).sum())} {WORDS[self.target]} with a match. "
                f"{remedy[:1].upper()}{remedy[1:]}."
            )
        return sets

    def _give(self, sample: Sample, placed: _Placed, width: float) -> Sets:
        """Match without replacement; the rows hardest to match, of extreme propensity, first."""
        sign = 1 if self.target == "ATT" else -1
        order = np.lexsort((placed.groups.of, sample.unit))
        wanted = self._wanted(sample)[order]
        targets, donors = order[wanted], order[~wanted]
        if self.ratio * len(targets) > len(donors):
            raise PositivityError(
                f"{len(targets)} {WORDS[self.target]} need {self.ratio * len(targets)} matches "
                f"without replacement, and there are {len(donors)}. Set replacement to true, "
                "lower the ratio, or match the smaller arm."
            )
        first = np.argsort(np.rint(-sign * placed.logit[targets] / GRAIN), kind="stable")
        exact = placed.groups.label[placed.groups.of]
        rivals = Rivals(placed.points, placed.logit, exact, width, targets[first], donors)
        give = give_nearest if self.method == "nearest" else give_optimally
        return Sets(np.arange(sample.n), *give(rivals, self.ratio))

    def _note(self, sample: Sample, sets: Sets) -> str:
        """Say how the target is narrowed by rows without a match; empty where it is not."""
        wanted = self._wanted(sample)
        kept = int((wanted & sets.matched).sum())
        if kept == wanted.sum():
            return ""
        limits = "caliper" if self.caliper is not None else ""
        limits += " and " if self.caliper is not None and self.exact else ""
        limits += "exact terms" if self.exact else ""
        return (
            f"among the {kept} of {int(wanted.sum())} {WORDS[self.target]} that have a match "
            f"({limits})"
        )

    def _covariance(
        self, sample: Sample, placed: _Placed, matched: Matched, found: MatchedMeans
    ) -> Floats:
        """Give the covariance from neighbours or matched sets, for independent rows."""
        number = sample.n_clusters
        if sample.strata is not None:
            raise SpecError(
                f"{self.error} takes rows as drawn alike and independently, and a survey drew "
                "these otherwise. Set error to otsu_rai."
            )
        if self.variance.clustered and number is not None and number < sample.n:
            raise SpecError(
                f"{self.error} takes rows as independent, and these {sample.n} are in {number} "
                "clusters. Set error to otsu_rai, or variance.clustered to false."
            )
        if self.error == "abadie_spiess":
            return read_only(abadie_spiess(matched, found))
        groups = placed.groups
        space = Space(placed.points[groups.first], placed.logit[groups.first], np.inf, TIE)
        known = abadie_imbens(matched, found, match_own_arm(space, groups, NEIGHBOURS))
        estimated = inference.covariance(found.influence + found.propensity)
        whole = known + estimated - inference.covariance(found.influence)
        possible = np.linalg.eigvalsh(whole)[0] > 0  # a difference of estimates may not be
        return read_only(whole if possible else known)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Rows laid out for matching.

    Attributes
    ----------
    fit, x : the propensity and its (n, p) covariates.
    groups : rows alike in all that counts.
    points : (n, d) floats whose distance is to be small, in standard deviations.
    logit : (n,) floats, logit of the propensity in standard deviations.
    """

    fit: NuisanceFit
    x: Floats
    groups: Groups
    points: Floats
    logit: Floats


def lay_out(
    fit: NuisanceFit, x: Floats, groups: Groups, distance: Distance
) -> tuple[Floats, Floats]:
    """Give (n, d) points and the (n,) logit of the propensity, both in standard deviations.

    They are computed once a group, so that rows alike in covariates are at exactly one place.
    """
    line = (fit.design(x[groups.first]) @ fit.coefficients)[groups.of]
    logit = _standardised(line)
    if distance == "mahalanobis":
        return whiten(x)[groups.first][groups.of], logit
    return logit[:, None], logit


def _standardised(values: Floats) -> Floats:
    """Divide by the standard deviation, where there is one."""
    spread = float(values.std(ddof=1))
    return values / spread if spread > 0 else values

"""Rosenbaum bounds: how much hidden bias matched pairs bear before chance could explain them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import Estimates, NotEstimable
from causal.estimators import Matching
from causal.estimators.glm import NuisanceFit
from causal.estimators.matching import Distance
from causal.estimators.nuisance import NuisanceStore, PropensityModel, choose_terms
from causal.findings import Curve, Point, Row, numbers, tell, times
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.block_effects import (
    BlockEffect,
    adjusted_terms,
    block_effects,
    contributions,
    in_blocks,
)
from causal.sensitivity.gammas import Gammas, Ties
from causal.sensitivity.hidden_bias import hodges_lehmann
from causal.sensitivity.pairing import CALIPER, Pairs, first_rows, pair_rows
from causal.sensitivity.rosenbaum_table import amplified_rows, analyse_table, bound_rows
from causal.sensitivity.signed_rank import (
    INNER,
    OUTER,
    UNIT,
    Scoring,
    Statistic,
    Zeros,
    amplify,
    critical_gamma,
    deviate,
    upper_p,
)
from causal.subject import Subject

NAME = "hidden bias (Gamma) at which chance could explain the matched pairs"
WORDS: dict[Statistic, str] = {
    "signed_rank": "Wilcoxon's signed ranks",
    "mcnemar": "McNemar's test",
    "fisher": "the sum of differences",
    "m_statistic": "an M-statistic",
}


class Rosenbaum(Sensitivity):
    """Bounds on the p-value of matched pairs under hidden bias in who is exposed.

    A rung that matches one to one without replacement, one row a person, gives its own pairs.
    Otherwise exposed and unexposed persons are paired anew on the rung's propensity, one row a
    person (the first with a known outcome). Two alike in it may differ in their odds of exposure
    by a factor of Gamma; the bound is the largest p-value any such bias could give. Tested is the
    direction of the rung's estimate. Survey weights do not enter.

    Attributes
    ----------
    statistic : ``mcnemar`` (0/1 outcomes only, and their default), ``signed_rank`` (the default
        of others), ``fisher`` (sum of differences) or ``m_statistic`` (Huber's scores); or
        ``two_by_two``, Fisher's exact test of the table of exposure by a 0/1 outcome, of persons
        who are not paired.
    zeros : whether ``signed_rank`` drops differences of 0 before ranking, or has them ranked.
    inner, outer, unit : of ``m_statistic``: scores rise from 0 at ``inner`` to 1 at ``outer``, in
        units of the ``unit`` quantile of the absolute differences.
    amplify_at : odds ratios of a confounder with exposure for which to give the odds ratio it
        would need with the outcome.
    distance : what is to be small within the caliper: the difference in the logit of the
        ``propensity``, or the ``mahalanobis`` distance of the covariates; unused for a rung's own
        pairs.
    caliper : largest difference within a pair, in standard deviations of the logit; likewise.
    gammas : hidden biases to tabulate.
    alpha : the level the p-value is held to.
    sides : 1 holds the one-sided p-value to ``alpha``, as published tables do; 2 twice that.

    Assumptions
    -----------
    Pairs are alike in the covariates and independent of one another. Says nothing of error in
    measurement or of missing outcomes. Gamma speaks of the worst case: a bias that tells the
    outcome of either member perfectly.

    References
    ----------
    Rosenbaum (2002), Observational Studies, 2nd ed., chapter 4.
    """

    kind: Literal["rosenbaum"] = "rosenbaum"
    statistic: Statistic | Literal["two_by_two"] | None = None
    zeros: Zeros = "dropped"
    inner: float = Field(default=INNER, ge=0, allow_inf_nan=False)
    outer: float = Field(default=OUTER, gt=0, allow_inf_nan=False)
    unit: float = Field(default=UNIT, gt=0, le=1)
    amplify_at: Ties = ()
    distance: Distance = "propensity"
    caliper: float = Field(default=CALIPER, gt=0, allow_inf_nan=False)
    gammas: Gammas = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    sides: Literal[1, 2] = 1

    @model_validator(mode="after")
    def _scores_what_it_tests(self) -> Rosenbaum:
        if self.zeros != "dropped" and self.statistic in ("mcnemar", "fisher", "m_statistic"):
            raise ValueError(f"zeros is for statistic: signed_rank; {self.statistic} has no ranks")
        if self.statistic != "m_statistic" and (self.inner, self.outer, self.unit) != (
            INNER,
            OUTER,
            UNIT,
        ):
            raise ValueError("inner, outer and unit are for statistic: m_statistic")
        if self.inner >= self.outer:
            raise ValueError(
                f"inner is {self.inner:g} and outer {self.outer:g}; scores rise from the first to "
                "the second, so give a larger outer"
            )
        return self

    @property
    def scoring(self) -> Scoring:
        """Give how differences are scored."""
        return Scoring(self.zeros, self.inner, self.outer, self.unit)

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Pair, bound the p-value on the grid, and find the bias at which it reaches alpha."""
        if self.statistic == "two_by_two":
            return analyse_table(subject, self.gammas, self.alpha, self.sides, self.amplify_at)
        statistic, rung = self._statistic(subject.sample), subject.rung
        found = _match(subject, self.caliper, self.distance)
        if isinstance(found, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, found)
        differences = found.differences
        if not differences.any():
            why = NotEstimable(f"no member of the {len(differences)} pairs differs in the outcome")
            return finding_without_number(self.kind, rung, NAME, why)
        scoring = self.scoring
        way, agrees = _direction(subject, differences, statistic, scoring)
        turned = way * differences
        both = [critical_gamma(turned, statistic, self.alpha / sides, scoring) for sides in (1, 2)]
        gamma = both[self.sides - 1]
        bounds = [upper_p(turned, statistic, one, scoring) for one in self.gammas]
        multiple, strongest = in_blocks(math.log(gamma), found.effects)
        if gamma == 1:  # a subsample too small to show the difference overturns nothing
            multiple = NotEstimable("the pairs alone do not show a difference to be explained")
        alone = upper_p(turned, statistic, 1.0, scoring)
        rows = (
            *_pair_rows(found, subject.sample),
            Row(
                "critical_gamma",
                numbers(
                    dict(
                        gamma_one_sided=both[0],
                        gamma_two_sided=both[1],
                        odds_ratio_with_both=amplify(gamma),
                    )
                ),
                note=agrees,
            ),
            *bound_rows(self.gammas, bounds),
            *amplified_rows(gamma, self.amplify_at),
            *_shift_rows(self.gammas, differences, subject.sample.outcome_kind),
        )
        told = _Told(
            self, statistic, found, gamma, both[1], way, agrees, multiple, strongest, alone
        )
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            gamma,
            rows,
            _sentence(told),
            _short(told),
            multiple,
            f"the log odds ratio of exposure across {strongest}" if strongest else "",
            (_curve(self, bounds),),
        )

    def _statistic(self, sample: Sample) -> Statistic:
        """Give the statistic, refusing one that does not fit the outcome."""
        if self.statistic is None or self.statistic == "two_by_two":
            return "mcnemar" if sample.outcome_kind == "binary" else "signed_rank"
        if self.statistic == "mcnemar" and sample.outcome_kind != "binary":
            raise OutcomeError(
                "statistic 'mcnemar' counts pairs that differ in a 0/1 outcome, and this outcome "
                "is continuous. Choose signed_rank, fisher or m_statistic."
            )
        return self.statistic


@dataclass(frozen=True, slots=True, eq=False)
class _Matched:
    """Pairs with their differences in the outcome, exposed minus unexposed."""

    pairs: Pairs
    differences: Floats
    persons: int
    repeated: bool
    dependent: bool
    own: bool
    effects: list[BlockEffect]


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What the sentences are made of."""

    settings: Rosenbaum
    statistic: Statistic
    found: _Matched
    gamma: float
    two_sided: float
    way: int
    agrees: str
    multiple: float | NotEstimable
    strongest: str
    alone: float


def _match(subject: Subject, caliper: float, distance: Distance) -> _Matched | NotEstimable:
    """Fit the rung's propensity and pair persons by it."""
    sample = subject.sample
    if sample.exposure_kind != "binary":
        return NotEstimable("pairs need an exposed and an unexposed member, and this is a dose")
    chosen = choose_terms(sample, adjusted_terms(subject.estimator))
    if chosen.x.shape[1] == 0:
        return NotEstimable("the rung adjusts for nothing that persons could be matched on")
    try:
        fit = NuisanceStore().propensity(chosen, PropensityModel())
    except PositivityError as problem:
        return NotEstimable(problem.message.rstrip("."))
    rows = first_rows(sample.unit, sample.observed)
    logit = linear_predictor(fit, chosen.x)
    own = _own_pairs(subject, logit)
    x = chosen.x if distance == "mahalanobis" else None
    pairs = own or pair_rows(logit, sample.a, rows, caliper=caliper, x=x)
    if isinstance(pairs, NotEstimable):
        return pairs
    return _Matched(
        pairs,
        sample.y[pairs.exposed] - sample.y[pairs.unexposed],
        persons=len(rows),
        repeated=len(rows) < int(sample.observed.sum()),
        dependent=_share_clusters(sample, rows),
        own=own is not None,
        effects=block_effects(*contributions(fit, chosen.x, chosen.concepts)),
    )


def _own_pairs(subject: Subject, logit: Floats) -> Pairs | None:
    """Give the pairs the rung itself is made of; None where it is not made of pairs of persons."""
    sample, estimator = subject.sample, subject.estimator
    if not isinstance(estimator, Matching) or len(np.unique(sample.unit)) < sample.n:
        return None
    if not sample.observed.all():
        return None
    found = estimator.find_pairs(sample, NuisanceStore())
    if found is None:
        return None
    exposed, unexposed = found
    fewer = min(int((sample.a == arm).sum()) for arm in (0, 1))
    return Pairs(exposed, unexposed, np.abs(logit[exposed] - logit[unexposed]), fewer)


def linear_predictor(fit: NuisanceFit, x: Floats) -> Floats:
    """Give (n,) linear predictors, which unlike logits of fitted values are always finite."""
    return np.asarray(fit.design(x) @ fit.coefficients)


def _share_clusters(sample: Sample, rows: Ints) -> bool:
    """Tell whether different persons of the rows belong to one cluster."""
    return sample.cluster is not None and len(np.unique(sample.cluster[rows])) < len(rows)


def _direction(
    subject: Subject, differences: Floats, statistic: Statistic, scoring: Scoring
) -> tuple[int, str]:
    """Give the sign to test for, that of the rung, and a note where the pairs point elsewhere."""
    own = _difference(subject.estimates, subject.sample)
    pointed = deviate(differences, statistic, scoring)
    way = pointed if isinstance(own, NotEstimable) or own == 0 else own
    note = "the pairs point the other way than the rung" if pointed * way < 0 else ""
    return (1 if way >= 0 else -1), note


def _difference(estimates: Estimates, sample: Sample) -> float | NotEstimable:
    """Give the rung's own difference."""
    binary = sample.outcome_kind == "binary"
    one = estimates.contrast("risk_difference" if binary else "mean_difference")
    return one if isinstance(one, NotEstimable) else float(one.values[0])


def _pair_rows(found: _Matched, sample: Sample) -> tuple[Row, ...]:
    """Write what was paired, and the blocks the bias is compared with."""
    pairs, differences = found.pairs, found.differences
    counts = dict(
        pairs=len(differences),
        possible=pairs.possible,
        persons=found.persons,
        rows=sample.n,
        positive=int((differences > 0).sum()),
        negative=int((differences < 0).sum()),
        difference=float(differences.mean()),
        largest_gap=float(pairs.gaps.max()),
    )
    return (
        Row("pairs", numbers({name: float(value) for name, value in counts.items()})),
        *(
            Row("block", numbers(dict(odds_ratio=math.exp(one.effect))), one.concept)
            for one in found.effects
        ),
    )


def _shift_rows(
    gammas: tuple[float, ...], differences: Floats, outcome_kind: str
) -> tuple[Row, ...]:
    """Write how far hidden bias may take the Hodges-Lehmann estimate; none for a 0/1 outcome."""
    if outcome_kind == "binary":
        return ()
    found = [(one, hodges_lehmann(differences, one)) for one in gammas]
    return tuple(
        Row("hodges_lehmann", numbers(dict(gamma=one, lower=lower, upper=upper)), f"{one:g}")
        for one, (lower, upper) in found
    )


def _curve(settings: Rosenbaum, bounds: list[float]) -> Curve:
    """Draw the bound against Gamma."""
    points = zip(settings.gammas, bounds, strict=True)
    return Curve(
        "bound on the one-sided p-value",
        "hidden bias (Gamma, odds ratio of exposure within a pair)",
        "largest p-value",
        tuple(Point(float(gamma), p) for gamma, p in points),
        settings.alpha / settings.sides,
    )


def _short(told: _Told) -> str:
    """Say in one sentence what it takes."""
    sides = "one" if told.settings.sides == 1 else "two"
    level = f"{sides}-sided p {told.settings.alpha:g}, {len(told.found.differences)} pairs"
    if told.gamma == 1:
        pairs = len(told.found.differences)
        p = min(1.0, told.alone * told.settings.sides)
        return (
            f"The {pairs} pairs that could be matched show no difference to be explained away "
            f"({tell(told.found.differences.mean())}, {sides}-sided p {p:.2g} without hidden "
            "bias), "
            "so they cannot say what hidden bias would do."
        )
    against = (
        ""
        if isinstance(told.multiple, NotEstimable)
        else f", {times(told.multiple)} times the log odds ratio across {told.strongest}"
    )
    return (
        f"A hidden bias in who is exposed of odds ratio {told.gamma:.2f}{against}, could explain "
        f"the difference between matched persons ({level})."
    )


def _sentence(told: _Told) -> str:
    """Say what was matched, what it takes, and what that leaves out."""
    found = told.found
    clusters = (
        " Persons of one cluster are in different pairs, which are taken as independent."
        if found.dependent
        else ""
    )
    first = " (the first row of each with a known outcome)" if found.repeated else ""
    whose = "are those the rung itself compares" if found.own else "could be matched"
    said = (
        f"Of {found.persons} persons{first}, {len(found.differences)} pairs {whose}, of "
        f"{found.pairs.possible} possible.{clusters} By {WORDS[told.statistic]}, tested "
        f"{'upwards' if told.way > 0 else 'downwards'} as the rung points"
        f"{f', though {told.agrees}' if told.agrees else ''}. "
    )
    return said + (
        f"{_short(told)} Held to twice the one-sided p-value, Gamma is {told.two_sided:.2f}. The "
        "pairs compare persons alike in what was measured and answer for those who could be "
        "matched; errors of measurement and missing outcomes are not in these bounds."
    )

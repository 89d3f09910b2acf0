"""The selection E-value: how strongly being followed must hang on the outcome to make a ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.arrays import Bools, Floats
from causal.cohort import TIME, Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, NotEstimable
from causal.estimators.follow_up import fit_observation
from causal.estimators.nuisance import ObservationModel
from causal.findings import Number, Row, numbers
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.conversions import Ratio, nearest_limit, risk_ratio_of
from causal.sensitivity.observed_bias import Moved, blocks_of, strongest_block, weigh_for_loss
from causal.sensitivity.selection_bounds import (
    Population,
    SupposedSelection,
    selection_bound,
    selection_e_value,
)
from causal.subject import Subject

Risk: TypeAlias = Literal["any", "increased", "decreased"]
NAME = "selection E-value of the interval limit nearest to no association"
APPROXIMATE = "approximate risk ratio (from the standardised difference)"
ALL = "all covariates"
"""The name of the weights that take every covariate of the rung together."""
NOBODY = "every outcome is known, so nobody is lost"
WEIGHED = (
    "the rung weighs for the measured loss already, so there is nothing of it left to count in"
)


@dataclass(frozen=True, slots=True)
class Loss:
    """How many rows have an outcome, and by how much weights for being followed move the ratio.

    Attributes
    ----------
    followed, rows : of the times at which anybody has an outcome.
    never : rows of times at which nobody has.
    """

    followed: int
    rows: int
    never: int
    moved: tuple[Moved, ...]
    strongest: tuple[str, float] | NotEstimable


class SelectionBias(Sensitivity):
    """The strength that selection by follow-up needs to bring a risk ratio to a target.

    Only those interviewed are analysed. If being interviewed hangs on something (U) that also
    drives the outcome, their risk ratio need not be everybody's. Its yardstick is the loss that
    was measured: the rung fitted anew on the followed with weights for being followed, by
    exposure and one block of covariates at a time, and by all of them.

    Attributes
    ----------
    population : whom the effect is for: ``total`` all who were eligible, ``followed`` only those
        with an outcome. For the latter the E-value is that of confounding, of U with exposure
        and outcome among the followed; no simplification applies.
    risk_among_followed : ``increased`` or ``decreased`` if the outcome is commoner, or rarer,
        among the followed than the lost in both arms; one arm's strengths are then enough.
    follow_up_is_the_factor : U is what defines being followed itself ("S = U"), so that only its
        tie to the outcome counts.
    against : the risk ratio to be left.
    level : of the interval.
    supposed : strengths for which to give the bound, beside the E-value.

    Assumptions
    -----------
    Within exposure, covariates and U the outcome does not hang on follow-up, and there is no
    confounding. The simplifications are assumed when set and cannot be seen in the data, since
    the outcomes of the lost are not known.

    References
    ----------
    Smith & VanderWeele (2019), Epidemiology 30:509, doi:10.1097/EDE.0000000000001032: the bounds
    for the total and the selected population with their summaries, and the simplifications.
    """

    kind: Literal["selection_bias"] = "selection_bias"
    population: Population = "total"
    risk_among_followed: Risk = "any"
    follow_up_is_the_factor: bool = False
    against: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)
    supposed: SupposedSelection | None = None

    needs_unfollowed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _simplifies_the_total(self) -> SelectionBias:
        if self.population == "followed" and (
            self.risk_among_followed != "any" or self.follow_up_is_the_factor or self.supposed
        ):
            raise ValueError(
                "risk_among_followed, follow_up_is_the_factor and supposed are for population: "
                "total; among the followed the bound is that of confounding"
            )
        return self

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the selection E-value of the estimate and of the nearest interval limit."""
        rung = subject.rung
        found = risk_ratio_of(subject.estimates, subject.sample, self.level)
        if isinstance(found, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, found)
        limit = nearest_limit(found[1], found[2], self.against)
        at_estimate, at_limit = self.value(found[0]), self.value(limit)
        loss = measure_loss(subject, rng)
        if loss.followed == loss.rows:
            return finding_without_number(self.kind, rung, NAME, NotEstimable(NOBODY))
        multiple: Number = 0.0
        if limit != self.against:
            multiple = self._count(at_limit, loss)
        measure = APPROXIMATE if subject.sample.outcome_kind == "continuous" else "risk ratio"
        rows = (
            Row("estimate", numbers(dict(risk_ratio=found[0], e_value=at_estimate))),
            Row(
                "interval_limit",
                numbers(dict(risk_ratio=limit, e_value=at_limit, lo=found[1], hi=found[2])),
            ),
            *_supposed_rows(self.supposed, found, self.against),
            *(_moved_row(one, self) for one in loss.moved),
        )
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            at_limit,
            rows,
            _sentence(self, found, limit, loss, measure),
            _short(self, limit, found, loss, multiple, measure),
            multiple,
            ""
            if isinstance(loss.strongest, NotEstimable)
            else f"what weighing for the measured loss by {listed([loss.strongest[0]])} does",
        )

    def value(self, ratio: float) -> float:
        """Give the selection E-value of a risk ratio under the declared simplifications."""
        return selection_e_value(
            ratio,
            self.against,
            population=self.population,
            one_arm=self.risk_among_followed != "any",
            follow_up_is_the_factor=self.follow_up_is_the_factor,
        )

    def _count(self, at_limit: float, loss: Loss) -> Number:
        """Count what it takes in the excess over 1 of what the measured loss amounts to."""
        if isinstance(loss.strongest, NotEstimable):
            return loss.strongest
        return (at_limit - 1) / (self.value(self.against * loss.strongest[1]) - 1)


def measure_loss(subject: Subject, rng: np.random.Generator) -> Loss:
    """Fit the rung on the followed with weights for being followed, and see the ratio move."""
    drawn = subject.unfollowed or subject.sample
    known = drawn.rows(np.asarray(~np.isnan(drawn.x).any(axis=1)))
    everybody = known.rows(could_be_followed(known))
    seen = everybody.observed
    never, followed = known.n - everybody.n, int(seen.sum())
    if seen.all():
        return Loss(followed, everybody.n, never, (), NotEstimable(NOBODY))
    if getattr(subject.estimator, "observation", None) is not None:
        return Loss(followed, everybody.n, never, (), NotEstimable(WEIGHED))
    if not blocks_of(everybody):
        why = NotEstimable("the rung adjusts for no measured block by which to weigh for loss")
        return Loss(followed, everybody.n, never, (), why)
    concepts = blocks_of(everybody)
    sets = [(concept, everybody.adjusting_for([concept])) for concept in concepts]
    if len(concepts) > 1:
        sets.append((ALL, everybody))
    weights = [(name, _weights(one)) for name, one in sets]

    def ratio(estimates: Estimates, sample: Sample) -> float | NotEstimable:
        found = risk_ratio_of(estimates, sample)
        return found if isinstance(found, NotEstimable) else found[0]

    moved = weigh_for_loss(subject.estimator, everybody.rows(seen), weights, ratio, rng)
    return Loss(followed, everybody.n, never, moved, strongest_block(moved))


def could_be_followed(sample: Sample) -> Bools:
    """Tell which rows are of a time at which anybody has an outcome.

    Nobody is lost after the last interview of a study; such rows say nothing of who is lost.

    Returns
    -------
    (n,) booleans; all true without time indicators.
    """
    time = sample.x[:, [concept == TIME for concept in sample.concepts]]
    _, period = np.unique(time, axis=0, return_inverse=True)
    period = period.reshape(-1)
    anybody = np.bincount(period, weights=sample.observed) > 0
    return np.asarray(anybody[period])


def _weights(sample: Sample) -> Floats | NotEstimable:
    """Give the followed the inverse of their chance of being followed, of mean 1."""
    try:
        chance = fit_observation(sample, ObservationModel(terms=sample.terms)).fit
    except PositivityError as problem:
        return NotEstimable(problem.message.rstrip("."))
    seen = sample.observed
    weights = 1 / chance.fitted[seen]
    return np.asarray(weights / np.average(weights, weights=sample.w[seen]))


def _supposed_rows(
    supposed: SupposedSelection | None, found: Ratio, against: float
) -> tuple[Row, ...]:
    """Write what is left of ratio and interval, moved to the target by the supposed bound."""
    if supposed is None:
        return ()
    bound = selection_bound(supposed)
    toward = 1 / bound if found[0] > against else bound
    left = dict(zip(("risk_ratio", "lo", "hi"), (toward * one for one in found), strict=True))
    note = "the farthest the supposed strengths can move it"
    return (Row("supposed", numbers({"bound": bound, **left}), note=note),)


def _moved_row(moved: Moved, settings: SelectionBias) -> Row:
    """Write what weights for being followed do."""
    factor = moved.factor
    value = (
        factor if isinstance(factor, NotEstimable) else settings.value(settings.against * factor)
    )
    values = dict(risk_ratio_weighted=moved.ratio, bias_factor=factor, e_value=value)
    return Row("measured_loss", numbers(values), moved.block)


def _what(settings: SelectionBias) -> tuple[str, str]:
    """Name what biases, and the strengths its E-value is of."""
    if settings.population == "followed":
        return "An unmeasured reason for being followed", "risk ratios with exposure and outcome"
    if settings.follow_up_is_the_factor:
        return "Being followed itself", "risk ratios with the outcome"
    return "An unmeasured reason for being followed", "risk ratios with follow-up and outcome"


def _where(settings: SelectionBias, ratio: float) -> str:
    """Name the arm whose risk selection has to raise, or to lower, to make such a ratio."""
    if settings.population == "followed":
        return "among the followed"
    if settings.risk_among_followed == "any":
        return "in both arms"
    above = (ratio > settings.against) == (settings.risk_among_followed == "increased")
    return "in the exposed" if above else "in the unexposed"


def _short(
    settings: SelectionBias,
    limit: float,
    found: Ratio,
    loss: Loss,
    multiple: Number,
    measure: str,
) -> str:
    """Say in one sentence what it takes."""
    if limit == settings.against:
        return (
            f"The interval of the {measure}, {found[1]:.2f} to {found[2]:.2f}, includes "
            f"{settings.against:g} without any selection."
        )
    who, strengths = _what(settings)
    said = (
        f"{who} could bring the interval of the {measure} to {settings.against:g} with "
        f"{strengths} of {settings.value(limit):.2f} {_where(settings, found[0])}"
    )
    if isinstance(loss.strongest, NotEstimable) or isinstance(multiple, NotEstimable):
        return f"{said}."
    return (
        f"{said}, {multiple:.1f} times as far from 1 as what the measured loss by "
        f"{listed([loss.strongest[0]])} amounts to."
    )


def _sentence(settings: SelectionBias, found: Ratio, limit: float, loss: Loss, measure: str) -> str:
    """Say what the selection E-values mean in this cohort, and what was assumed."""
    against = settings.against
    who, strengths = _what(settings)
    everyone = "all who were eligible" if settings.population == "total" else "the followed"
    weighed = isinstance(loss.strongest, NotEstimable) and loss.strongest.reason == WEIGHED
    distorted = (
        "so what its weights for being followed leave out can still distort the ratio."
        if weighed
        else "so the ratio is distorted if being interviewed hangs on what also drives the outcome."
    )
    parts = [
        f"Only rows with an outcome are {'weighed' if weighed else 'analysed'}, "
        f"{loss.followed} of {loss.rows}"
        + (f" ({loss.never} more are of times at which nobody has one)" if loss.never else "")
        + f", {distorted}",
        f"{who} could move the {measure} of {found[0]:.2f} to {against:g} in {everyone} only with "
        f"{strengths} of {settings.value(found[0]):.2f} {_where(settings, found[0])}, or one "
        "weaker and another stronger.",
    ]
    if limit == against:
        parts.append(f"The interval, {found[1]:.2f} to {found[2]:.2f}, already includes it.")
    else:
        parts.append(f"For the interval limit, {limit:.2f}, {settings.value(limit):.2f} would do.")
    if settings.risk_among_followed != "any":
        word = "commoner" if settings.risk_among_followed == "increased" else "rarer"
        parts.append(
            f"Assumed: the outcome is {word} among the followed than the lost, in both arms."
        )
    if isinstance(loss.strongest, NotEstimable):
        parts.append(f"There is no yardstick: {loss.strongest.reason}.")
    else:
        name, factor = loss.strongest
        parts.append(
            f"Weighing the followed for the loss by {listed([name])} moves the ratio most, by a "
            f"factor of {factor:.3f}; that is loss by what was measured."
        )
    return " ".join(parts)

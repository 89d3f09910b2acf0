"""The selection E-value: how strongly being followed must hang on the outcome to make a ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.cohort import Sample
from causal.estimate import Estimates, NotEstimable
from causal.findings import Number, Row, numbers, times
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.codings import LEADS, OTHER, no_risks, recode, smaller
from causal.sensitivity.conversions import Ratio, nearest_limit, risk_ratio_of
from causal.sensitivity.e_value_wording import WITHOUT
from causal.sensitivity.measured_loss import NOBODY, WEIGHED, Loss, measure_loss
from causal.sensitivity.observed_bias import Moved
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


@dataclass(frozen=True, slots=True)
class Read:
    """The risk ratio in one coding of the outcome.

    Attributes
    ----------
    found : the ratio with its interval.
    limit : the end nearest to the target, or the target if covered.
    needs : the selection E-values of the limit and of the estimate.
    recoded : whether the outcome is taken the other way round than it is coded.
    """

    found: Ratio
    limit: float
    needs: tuple[float, float]
    recoded: bool

    def rows(self, *, leads: bool) -> tuple[Row, Row]:
        """Write the estimate and the interval limit."""
        value, lo, hi = self.found
        subject, note = OTHER if self.recoded else "", "" if leads else LEADS
        at_limit, at_estimate = self.needs
        limit = dict(risk_ratio=self.limit, e_value=at_limit, lo=lo, hi=hi)
        return (
            Row("estimate", numbers(dict(risk_ratio=value, e_value=at_estimate)), subject, note),
            Row("interval_limit", numbers(limit), subject, note),
        )


class SelectionBias(Sensitivity):
    """The strength that selection by follow-up needs to bring a risk ratio to a target.

    Only those interviewed are analysed. If being interviewed hangs on something (U) that also
    drives the outcome, their risk ratio need not be everybody's. A risk ratio depends on which of
    two outcomes is coded 1, so both codings are read and the smaller E-value leads. Its
    yardstick is the loss that was measured: the rung fitted anew on the followed with weights for
    being followed, by exposure and one block of covariates at a time, and by all of them.

    Attributes
    ----------
    population : whom the effect is for: ``total`` all who were eligible, ``followed`` only those
        with an outcome. For the latter the E-value is that of confounding, of U with exposure
        and outcome among the followed; no simplification applies.
    risk_among_followed : ``increased`` or ``decreased`` if the outcome is commoner, or rarer,
        among the followed than the lost in both arms; one arm's strengths are then enough.
    follow_up_is_the_factor : U is what defines being followed itself ("S = U"), so that only its
        tie to the outcome counts.
    against : the risk ratio to be left. Other than 1 it is of the outcome as coded, and only that
        is then read.
    level : of the interval.
    supposed : strengths for which to give the bound, beside the E-value; of the outcome as coded.

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
        readings = self._readings(subject)
        if isinstance(readings, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, readings)
        chosen = smaller(readings)
        found, limit = chosen.found, chosen.limit
        at_limit = self.value(limit)
        loss = measure_loss(subject, rng, recoded=chosen.recoded)
        if loss.followed == loss.rows:
            return finding_without_number(self.kind, rung, NAME, NotEstimable(NOBODY))
        multiple: Number = 0.0
        if limit != self.against:
            multiple = self._count(at_limit, loss)
        measure = WITHOUT if chosen.recoded else "risk ratio"
        if subject.sample.outcome_kind == "continuous":
            measure = APPROXIMATE
        rows = (
            *(row for one in readings for row in one.rows(leads=one is chosen)),
            *_supposed_rows(self.supposed, readings[0].found, self.against),
            *(_moved_row(one, self) for one in loss.moved),
        )
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            at_limit,
            rows,
            _sentence(self.as_read(chosen), readings, chosen, loss, measure),
            _short(self.as_read(chosen), limit, found, loss, multiple, measure),
            multiple,
            ""
            if isinstance(loss.strongest, NotEstimable)
            else f"what weighing for the measured loss by {listed([loss.strongest[0]])} does",
        )

    def _readings(self, subject: Subject) -> tuple[Read, ...] | NotEstimable:
        """Give the ratio of the outcome as coded, and of the outcome coded the other way round."""
        own = self._read(subject.estimates, subject.sample)
        if subject.sample.outcome_kind != "binary" or self.against != 1:
            return own if isinstance(own, NotEstimable) else (own,)
        refused = no_risks(subject.estimates)
        if refused is not None:
            return refused
        other = self._read(recode(subject.estimates), subject.sample, recoded=True)
        if isinstance(own, NotEstimable):
            return own if isinstance(other, NotEstimable) else (other,)
        return (own,) if isinstance(other, NotEstimable) else (own, other)

    def _read(
        self, estimates: Estimates, sample: Sample, *, recoded: bool = False
    ) -> Read | NotEstimable:
        """Read the ratio in one coding."""
        found = risk_ratio_of(estimates, sample, self.level)
        if isinstance(found, NotEstimable):
            return found
        limit = nearest_limit(found[1], found[2], self.against)
        return Read(found, limit, (self.value(limit), self.value(found[0])), recoded)

    def as_read(self, chosen: Read) -> SelectionBias:
        """Give the settings as they read in a coding: a raised risk is a lowered one of the other.

        The numbers are the same either way.
        """
        turned: dict[Risk, Risk] = {"increased": "decreased", "decreased": "increased"}
        risk = self.risk_among_followed
        if not chosen.recoded:
            return self
        return self.model_copy(update={"risk_among_followed": turned.get(risk, risk)})

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


def _say_other(other: Read) -> str:
    """Say what the coding that does not lead comes to."""
    coding = "the other way round" if other.recoded else "as the analysis has it"
    at_limit, at_estimate = other.needs
    return (
        f"With the outcome coded {coding} (risk ratio {other.found[0]:.2f}) it would take "
        f"{at_estimate:.2f} and {at_limit:.2f}: no less, so that coding does not lead."
    )


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
        f"{said}, {times(multiple)} times as far from 1 as what the measured loss by "
        f"{listed([loss.strongest[0]])} amounts to."
    )


def _sentence(
    settings: SelectionBias, readings: tuple[Read, ...], chosen: Read, loss: Loss, measure: str
) -> str:
    """Say what the selection E-values mean in this cohort, and what was assumed."""
    against, found, limit = settings.against, chosen.found, chosen.limit
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
        f"{loss.followed} of {loss.rows}, {distorted}",
        f"{who} could move the {measure} of {found[0]:.2f} to {against:g} in {everyone} only with "
        f"{strengths} of {settings.value(found[0]):.2f} {_where(settings, found[0])}, or one "
        "weaker and another stronger.",
    ]
    if limit == against:
        parts.append(f"The interval, {found[1]:.2f} to {found[2]:.2f}, already includes it.")
    else:
        parts.append(f"For the interval limit, {limit:.2f}, {settings.value(limit):.2f} would do.")
    parts += [_say_other(one) for one in readings if one is not chosen]
    if settings.risk_among_followed != "any":
        whose = "being without the outcome" if chosen.recoded else "the outcome"
        word = "commoner" if settings.risk_among_followed == "increased" else "rarer"
        parts.append(f"Assumed: {whose} is {word} among the followed than the lost, in both arms.")
    if isinstance(loss.strongest, NotEstimable):
        parts.append(f"There is no yardstick: {loss.strongest.reason}.")
    else:
        name, factor = loss.strongest
        parts.append(
            f"Weighing the followed for the loss by {listed([name])} moves the ratio most, by a "
            f"factor of {factor:.3f}; that is loss by what was measured."
        )
    return " ".join(parts)

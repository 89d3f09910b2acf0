"""Designs: how a person-by-wave cohort becomes analysis units with exposure, outcome and attrition.

Time is declared, not assumed. A unit has a start ``s`` (the interview before the exposure window),
an end ``t`` (the interview that closes it) and an outcome interview ``u``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from causal.arm_settings import Arms
from causal.cohort import AttritionStep, Cohort
from causal.documents import Settings
from causal.dose_settings import Dose
from causal.errors import PositivityError, SpecError
from causal.missing_settings import MissingData
from causal.survey_settings import SurveyDesign, check_cluster_once
from causal.time_settings import TimeToEvent

if TYPE_CHECKING:
    import pandas as pd

OutcomeAt: TypeAlias = Literal[
    "next_interview", "next_observed_outcome", "next_scheduled", "same_interview"
]

MEANING: dict[OutcomeAt, str] = {
    "next_interview": "the person's next interview, whenever it was held",
    "next_observed_outcome": "the person's next interview at which the outcome is known",
    "next_scheduled": "the next scheduled wave, missing when the person was not seen then",
    "same_interview": "the interview that also reports the exposure",
}
NO_EXPOSURE = {
    "keep": "kept without a known exposure, to be weighed for",
    "multiple_imputation": "without a known exposure, which is imputed",
}


class _Design(Settings):
    """What all designs share."""

    cluster: str | None = None
    survey: SurveyDesign | None = None

    @model_validator(mode="after")
    def _clusters_once(self) -> Self:
        check_cluster_once(self.cluster, self.survey)
        return self

    @property
    def grouping(self) -> str | None:
        """Name the column whose values are dependent rows: clusters, or units a survey drew."""
        return self.cluster if self.survey is None else self.survey.cluster or self.cluster


class Baseline(_Design):
    """One row a person: covariates at the first wave, then exposure, then outcome.

    Attributes
    ----------
    exposure, outcome : columns of the cohort.
    exposure_wave : the wave whose interview reports the exposure.
    outcome_at : which later interview gives the outcome.
    outcome_wave : the wave whose interview gives it, in place of ``outcome_at``.
    cluster : column with one value a person, such as a site, whose rows are taken to be dependent;
        persons are independent when left out.
    survey : how the sample was drawn, where it stands for a population.
    arms : the exposure is one of several named arms, a categorical column.
    dose : what doses the codes of the exposure stand for.
    time_to_event : the outcome column is a time to an event; what the event is, and the horizons.
    """

    kind: Literal["baseline"] = "baseline"
    exposure: str
    outcome: str
    exposure_wave: int
    outcome_at: OutcomeAt = "next_interview"
    outcome_wave: int | None = None
    arms: Arms | None = None
    dose: Dose | None = None
    time_to_event: TimeToEvent | None = None

    repeats_persons: ClassVar[bool] = False
    time_indicators: ClassVar[bool] = False
    unit_name: ClassVar[Literal["persons", "intervals"]] = "persons"

    @model_validator(mode="after")
    def _outcome_is_later(self) -> Baseline:
        if self.outcome_wave is None:
            return self
        if self.outcome_wave <= self.exposure_wave:
            raise ValueError(
                f"outcome_wave {self.outcome_wave} is not after exposure_wave {self.exposure_wave}"
            )
        if "outcome_at" in self.model_fields_set:
            raise ValueError("outcome_wave and outcome_at say the same thing twice; keep one")
        return self

    @property
    def outcome_name(self) -> str:
        """Name the moment the outcome is read at."""
        return self.outcome_at if self.outcome_wave is None else f"wave {self.outcome_wave}"

    @property
    def outcome_moment(self) -> str:
        """Say when the outcome is read."""
        return MEANING[self.outcome_at] if self.outcome_wave is None else self.outcome_name


class LaggedIntervals(_Design):
    """Pooled person-intervals L(s) → A(s,t] → Y(u), clustered by person unless by something wider.

    An interval is used when s is the scheduled wave just before t, so that the exposure window
    always has the scheduled length. Indicators of t are added to every adjustment.

    Attributes
    ----------
    exposure, outcome : columns of the cohort.
    outcome_at : which later interview gives the outcome.
    cluster : column with one value a person, such as a site, in place of the person.
    survey : how the sample was drawn, where it stands for a population.
    arms : the exposure is one of several named arms, a categorical column.
    dose : what doses the codes of the exposure stand for.
    """

    kind: Literal["lagged_intervals"] = "lagged_intervals"
    exposure: str
    outcome: str
    outcome_at: OutcomeAt = "next_interview"
    arms: Arms | None = None
    dose: Dose | None = None

    time_to_event: ClassVar[None] = None
    repeats_persons: ClassVar[bool] = True
    time_indicators: ClassVar[bool] = True
    unit_name: ClassVar[Literal["persons", "intervals"]] = "intervals"

    @property
    def outcome_name(self) -> str:
        """Name the moment the outcome is read at."""
        return self.outcome_at

    @property
    def outcome_moment(self) -> str:
        """Say when the outcome is read."""
        return MEANING[self.outcome_at]


AnyDesign: TypeAlias = Annotated[Baseline | LaggedIntervals, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Analysis units before covariates: who, when, exposure, outcome; and who was left out.

    Attributes
    ----------
    frame : columns person_id, s, t, u (float; NaN without outcome interview), exposure, outcome.
    attrition : the steps so far.
    """

    frame: pd.DataFrame
    attrition: tuple[AttritionStep, ...]

    def keep(self, condition: pd.Series[bool], step: str, reason: str) -> Units:
        """Keep the rows that meet a condition and note the step."""
        frame = self.frame[condition.to_numpy()]
        done = AttritionStep(step, reason, int(frame["person_id"].nunique()), len(frame))
        return replace(self, frame=frame, attrition=(*self.attrition, done))


def build_units(
    cohort: Cohort,
    design: Baseline | LaggedIntervals,
    missing: MissingData,
    included: pd.Series[bool],
    population: tuple[str, str],
) -> Units:
    """Turn a cohort into analysis units.

    Parameters
    ----------
    cohort : the checked table.
    included : one boolean a person (index person_id), the population.
    population : its name and reason, for the attrition table.

    Returns
    -------
    Units with exposure known unless it is kept or imputed, an outcome due, and outcome known unless
    it is kept, counted as use, or anything is imputed (``leave_out_unknown`` then comes later).

    Raises
    ------
    SpecError
        The exposure is missing and ``missing.exposure`` is ``refuse``.
    PositivityError
        Nobody is left.
    """
    table = _timed(cohort.columns_at([design.exposure, design.outcome]), design, cohort.waves)
    persons = int(table["person_id"].nunique())
    units = Units(
        table, (AttritionStep("in the data", "persons and interviews", persons, len(table)),)
    )
    wanted = table["person_id"].map(included).astype(bool)
    units = units.keep(wanted, f"population {population[0]}", population[1])
    if (
        missing.exposure in ("keep", "multiple_imputation")
        and isinstance(design, Baseline)
        and design.exposure_wave != cohort.waves[0]
    ):
        units = _everybody_kept(units, design, missing, cohort.waves)
        return refuse_empty(units)
    units = _at_exposure_interview(units, design, cohort.waves)
    units = _with_outcome_due(_with_exposure(units, design, missing), design, cohort)
    if missing.outcome == "complete_case" and not missing.imputes:
        units = leave_out_unknown(units, design)
    return refuse_empty(units)


def refuse_empty(units: Units) -> Units:
    """Raise when nobody is left, naming the step that left out the last; else give the units."""
    if units.frame.empty:
        last = next(step for step in units.attrition if step.rows == 0)
        raise PositivityError(
            f"nobody is left after the step '{last.step}' ({last.reason}). "
            "Choose another population, wave, outcome or adjustment."
        )
    return units


def values_at(
    cohort: Cohort, column: str, persons: pd.Series[str], waves: pd.Series[float]
) -> pd.Series[float]:
    """Look up a column at a person's wave; missing where there is no such interview."""
    import pandas as pd

    indexed = cohort.table.set_index(["person_id", "wave"])[column]
    wanted = pd.MultiIndex.from_arrays([persons, waves])
    return indexed.reindex(wanted).set_axis(persons.index)


def _timed(
    table: pd.DataFrame, design: Baseline | LaggedIntervals, schedule: Sequence[int]
) -> pd.DataFrame:
    """Take every interview as a possible t, and find its s, u, exposure and outcome."""
    frame = table.sort_values(["person_id", "wave"], ignore_index=True)
    by_person = frame.groupby("person_id", sort=False)
    wave, outcome = frame["wave"].astype(float), frame[design.outcome]
    if isinstance(design, Baseline):
        s = by_person["wave"].transform("min").astype(float)
    else:
        s = by_person["wave"].shift(1).astype(float)
    if isinstance(design, Baseline) and design.outcome_wave is not None:
        there = frame["wave"] == design.outcome_wave
        u = wave.where(there).groupby(frame["person_id"]).transform("max")
        outcome = outcome.where(there).groupby(frame["person_id"]).transform("max")
    elif design.outcome_at == "same_interview":
        u = wave
    elif design.outcome_at == "next_observed_outcome":
        known = wave.where(outcome.notna())
        u = known.groupby(frame["person_id"]).transform(lambda w: w.shift(-1).bfill())
        outcome = outcome.groupby(frame["person_id"]).transform(lambda y: y.shift(-1).bfill())
    else:
        u = by_person["wave"].shift(-1).astype(float)
        outcome = by_person[design.outcome].shift(-1)
    if design.outcome_at == "next_scheduled":
        following = wave.map(dict(pairwise(schedule)))
        outcome, u = outcome.where(u == following), u.where(u == following)
    exposure = frame[design.exposure]
    return frame[["person_id"]].assign(
        wave=frame["wave"], s=s, t=wave, u=u, exposure=exposure, outcome=outcome
    )


def _at_exposure_interview(
    units: Units, design: Baseline | LaggedIntervals, schedule: Sequence[int]
) -> Units:
    """Keep the interviews that close an exposure window."""
    frame = units.frame
    if isinstance(design, Baseline):
        units = units.keep(
            frame["wave"] == design.exposure_wave,
            f"interviewed at wave {design.exposure_wave}",
            "the wave whose row holds the exposure",
        )
        if design.exposure_wave == schedule[0]:
            return units
        return units.keep(
            units.frame["s"] < units.frame["t"],
            "seen before it",
            "covariates must precede the exposure window",
        )
    before = dict(zip(schedule[1:], schedule[:-1], strict=True))
    units = units.keep(frame["s"].notna(), "has an earlier interview", "covariates come from it")
    frame = units.frame
    return units.keep(
        frame["s"] == frame["t"].map(before),
        "seen at the wave just before",
        "so that the exposure window has the scheduled length",
    )


def _everybody_kept(
    units: Units, design: Baseline, missing: MissingData, schedule: Sequence[int]
) -> Units:
    """Keep everybody of the population: who was not seen at the exposure wave has no exposure."""
    import pandas as pd

    everybody = units.frame.drop_duplicates("person_id").set_index("person_id")["s"]
    seen = _at_exposure_interview(units, design, schedule).frame
    imputed = missing.exposure == "multiple_imputation"
    known = seen if imputed else seen[seen["exposure"].notna()]
    absent = everybody[~everybody.index.isin(known["person_id"])]
    unseen = pd.DataFrame({"person_id": absent.index, "s": absent.to_numpy()}).assign(
        wave=design.exposure_wave,
        t=float(design.exposure_wave),
        u=np.nan,
        exposure=np.nan,
        outcome=np.nan,
    )
    frame = pd.concat([known, unseen], ignore_index=True).sort_values("person_id")
    lacking = f"{int(frame['exposure'].isna().sum())} {NO_EXPOSURE[missing.exposure]}"
    done = AttritionStep("one row a person", lacking, len(frame), len(frame))
    return replace(units, frame=frame, attrition=(*units.attrition, done))


def _with_exposure(units: Units, design: Baseline | LaggedIntervals, missing: MissingData) -> Units:
    """Keep the rows whose exposure is known, or refuse."""
    unknown = units.frame["exposure"].isna()
    if unknown.any() and missing.exposure == "refuse":
        example = units.frame.loc[unknown, "person_id"].iloc[0]
        raise SpecError(
            f"the exposure '{design.exposure}' is missing (NaN) in {int(unknown.sum())} of "
            f"{len(unknown)} rows, first person {example}. Say missing.exposure: complete_case to "
            "leave them out (they are counted in the attrition table), multiple_imputation to "
            "impute them, or mend the data."
        )
    if missing.exposure == "multiple_imputation":
        return units
    return units.keep(~unknown, "exposure known", design.exposure)


def _with_outcome_due(units: Units, design: Baseline | LaggedIntervals, cohort: Cohort) -> Units:
    """Keep the rows whose outcome could have been read: the study recorded it at a later wave.

    After the last such wave nobody has an outcome, by design: those rows are not lost.
    """
    scheduled = isinstance(design, Baseline) and design.outcome_wave is not None
    if scheduled or design.outcome_at == "same_interview":
        return units
    recorded = set(cohort.table.loc[cohort.table[design.outcome].notna(), "wave"])
    end = units.frame["t"]
    if design.outcome_at == "next_scheduled":
        due = end.map(dict(pairwise(cohort.waves))).isin(recorded)
    else:
        due = end < max(recorded, default=cohort.waves[0])
    if due.all():
        return units
    when = "at the wave after" if design.outcome_at == "next_scheduled" else "at a later wave"
    reason = f"the study recorded {design.outcome} {when}; other rows have no outcome by design"
    return units.keep(due, "an outcome was due", reason)


def leave_out_unknown(units: Units, design: Baseline | LaggedIntervals) -> Units:
    """Keep the rows with an outcome."""
    scheduled = isinstance(design, Baseline) and design.outcome_wave is not None
    if design.outcome_at == "next_interview" and not scheduled:
        later = units.frame["u"].notna()
        units = units.keep(later, "has a later interview", MEANING[design.outcome_at])
    return units.keep(
        units.frame["outcome"].notna(),
        "outcome known",
        f"{design.outcome} at {design.outcome_moment}",
    )

"""The bridge from substance to numerics: a cohort and a plan become the sample all rungs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.codebook import Kind, Measurement
from causal.cohort import HELD, AttritionStep, Cohort, OutcomeKind, Sample, check_arms
from causal.design import Units, build_units, leave_out_unknown, refuse_empty, values_at
from causal.dose_settings import Dose
from causal.errors import OutcomeError, range_words
from causal.expressions import holds
from causal.imputation.rungs import differ
from causal.imputing import auxiliaries, impute_sample
from causal.planning import Plan, located
from causal.planning_roles import exposure_kind
from causal.refuters.control_settings import ControlExposure
from causal.refuters.independence import ConceptColumns, ImpliedIndependences
from causal.roles import clusters_of
from causal.spec import Restriction
from causal.stratifying import levels_of, values_at_moment
from causal.surveying import Surveyed, survey_rows
from causal.term_columns import (
    Column,
    blank_later,
    expanded_terms,
    floats,
    holes_of,
    instrument_columns,
    leave_out_incomplete,
    measured_columns,
    on_all_rows,
    time_columns,
)
from causal.time_to_event import add_events

if TYPE_CHECKING:
    import pandas as pd


RANKED: frozenset[Kind] = frozenset({"ordinal", "count"})
"""Kinds whose steps have no unit, or whose tails are long."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A sample, how it came about, and how many values of each term were put in.

    Attributes
    ----------
    sample : what all rungs share; the first imputation where there are several.
    read : the same rows with exposure and outcome as they were read, none imputed or counted as
        use.
    imputed : the imputations of the sample, aligned; empty where nothing is imputed.
    late : (n,) booleans, whether the outcome was read a wave or more after it was first due.
    levels : (n,) ints a declared subgroup, the level each row is in; -1 in none.
    """

    sample: Sample
    attrition: tuple[AttritionStep, ...]
    filled: Mapping[str, int]
    late: Bools
    read: Sample
    imputed: tuple[Sample, ...] = ()
    levels: tuple[Ints, ...] = ()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Give the imputations of the sample, or the sample alone where they do not differ."""
        return self.imputed or (self.sample,)


def draw_sample(
    cohort: Cohort,
    plan: Plan,
    control: ControlExposure | None = None,
    *,
    every_imputation: bool = False,
) -> Drawn:
    """Build the sample of an analysis.

    Parameters
    ----------
    control : an exposure to be looked at instead; the exposure itself then joins the covariates,
        as the term ``(exposure)``.
    every_imputation : make all imputations that are declared, where any are; else the first.

    Raises
    ------
    SpecError
        The exposure is missing and the specification does not say what to do.
    PositivityError
        Nobody, or nobody in one arm, is left.
    OutcomeError
        The outcome does not vary.
    """
    first, units = _units(cohort, plan)
    missing = plan.analysis.missing
    if control is not None:
        units = _with_control(cohort, units, control)
    expanded = [
        (one, column)
        for one in plan.measurements
        for column in measured_columns(cohort, plan, units.frame, first, one)
    ]
    columns = [column for _, column in expanded]
    if missing.exposure == "keep":
        columns = blank_later(expanded, np.asarray(units.frame["exposure"].isna()))
        expanded = [(one, new) for (one, _), new in zip(expanded, columns, strict=True)]
    needed = [column for one, column in expanded if one in plan.shared_measurements]
    instruments = {
        one: instrument_columns(cohort, plan, units.frame, first, one) for one in plan.moving
    }
    shared = [c for one, held in instruments.items() if one in plan.shared_moving for c in held]
    units, complete = leave_out_incomplete(units, needed + shared)
    if missing.use_value is not None:
        how = f"{plan.analysis.design.outcome}, taken as {missing.use_value} where missing"
        units = units.keep(units.frame["t"].notna(), "outcome known, or counted as use", how)
    if plan.analysis.design.time_indicators:
        columns += time_columns(units.frame["t"], complete)
    if control is not None:
        columns.append(Column(HELD, HELD, on_all_rows(units.frame["held"], complete), HELD))
    exposure = plan.analysis.design.exposure if control is None else control.exposure
    sample = _assemble(cohort, plan, units, columns, complete, exposure)
    if instruments:
        held = [column for every in instruments.values() for column in every]
        z = np.column_stack([one.content.values[complete] for one in held])
        sample = replace(sample, z=z, instruments=tuple(one.term for one in held))
    read = sample
    if missing.use_value is not None:
        sample = replace(sample, y=np.where(sample.observed, sample.y, missing.use_value))
    filled = {one.term: one.content.filled[complete] for one in columns}
    if not missing.imputes:
        return _checked(cohort, plan, units, (sample,), read, filled)
    m = missing.imputation.m if every_imputation else 1
    holes = [*holes_of(sample, columns, plan), *auxiliaries(cohort, plan, units.frame)]
    samples = impute_sample(sample, holes, missing, plan.analysis.seed, m)
    filled |= {one.term: np.isnan(sample.x_of(one.term)) for one in columns if one.imputed}
    if missing.outcome == "complete_case":  # impute, then delete (von Hippel 2007)
        known = sample.observed
        units = refuse_empty(leave_out_unknown(units, plan.analysis.design))
        w = _weights(plan, sample.unit[known], _surveyed(cohort, plan, units.frame))
        samples = tuple(replace(one.rows(known), w=w) for one in samples)
        read = replace(sample.rows(known), w=w)
        filled = {term: put_in[known] for term, put_in in filled.items()}
    return _checked(cohort, plan, units, samples, read, filled)


def _checked(
    cohort: Cohort,
    plan: Plan,
    units: Units,
    samples: tuple[Sample, ...],
    read: Sample,
    filled: Mapping[str, Bools],
) -> Drawn:
    """Refuse samples without contrast, and count what was put in."""
    _check_outcome(read, plan.analysis.design.outcome)
    for sample in samples:
        check_arms(sample, cohort.min_cell)
    return Drawn(
        samples[0],
        units.attrition,
        {term: int(put_in.sum()) for term, put_in in filled.items()},
        _late(units.frame, cohort.waves),
        read,
        samples if differ(samples) else (),
        levels_of(cohort, units.frame, plan),
    )


def draw_concepts(
    cohort: Cohort, plan: Plan, measured: Mapping[str, Sequence[Measurement]]
) -> ImpliedIndependences:
    """Draw the columns of exposure, outcome and other concepts, on all units of an analysis.

    Nothing is put in where values are missing, and no row is left out for a missing covariate.

    Parameters
    ----------
    measured : concept -> the columns that measure it, each at its own moment.

    Returns
    -------
    The columns, without any independence yet.
    """
    first, units = _units(cohort, plan)
    frame, design = units.frame, plan.analysis.design
    concepts = [
        _role(cohort, plan.dag.exposure, design.exposure, frame["exposure"]),
        _role(cohort, plan.dag.outcome, design.outcome, frame["outcome"]),
    ]
    for concept, measurements in measured.items():
        expanded = [
            (name, values, cohort.codebook[one.column].kind)
            for one in measurements
            for name, values in zip(
                *expanded_terms(cohort, plan, frame, first, one)[:2], strict=True
            )
        ]
        concepts.append(
            ConceptColumns(
                concept=concept,
                values=np.column_stack([values for _, values, _ in expanded]),
                terms=tuple(name for name, _, _ in expanded),
                ranked=tuple(kind in RANKED for _, _, kind in expanded),
            )
        )
    _, unit = np.unique(frame["person_id"].to_numpy(dtype=str), return_inverse=True)
    t = frame["t"].to_numpy(dtype=np.float64)
    waves = np.unique(t)[1:] if design.time_indicators else np.empty(0)
    surveyed = _surveyed(cohort, plan, frame)
    return ImpliedIndependences(
        concepts=tuple(concepts),
        always=(t[:, None] == waves).astype(np.float64),
        w=_weights(plan, unit, surveyed),
        cluster=_clusters(cohort, plan, frame, unit, surveyed),
        implied=(),
    )


def _role(cohort: Cohort, concept: str, column: str, values: pd.Series[float]) -> ConceptColumns:
    """Give the exposure or the outcome as a concept."""
    ranked = cohort.codebook[column].kind in RANKED
    return ConceptColumns(concept, floats(values)[:, None], (column,), (ranked,))


def _units(cohort: Cohort, plan: Plan) -> tuple[pd.DataFrame, Units]:
    """Give everybody's first row, and the units of an analysis before covariates."""
    analysis = plan.analysis
    first = cohort.table.groupby("person_id", sort=False).head(1)
    included = holds(plan.population, first).set_axis(first["person_id"])
    document = plan.specification.document
    with located(document, "design" if included.any() else "population"):
        units = build_units(
            cohort,
            analysis.design,
            analysis.missing,
            included,
            (analysis.population, plan.population_reason),
        )
        if analysis.design.time_to_event is not None:
            units = add_events(cohort, units, analysis.design.time_to_event, analysis.missing)
    if analysis.design.arms is not None:
        units = _in_arms(
            units, analysis.design.arms.levels(cohort.codebook[analysis.design.exposure])
        )
    if analysis.design.dose is not None and analysis.design.dose.values:
        units = _in_doses(cohort, plan, units, analysis.design.dose)
    for number, restriction in enumerate(analysis.restrict):
        with located(document, "restrict", number):
            units = _restricted(cohort, units, restriction)
    return first, units


def _in_arms(units: Units, levels: tuple[str, ...]) -> Units:
    """Put the number of each row's arm in the place of its name; leave other levels out."""
    exposure = units.frame["exposure"]
    codes = exposure.map({name: float(number) for number, name in enumerate(levels)})
    other = exposure.notna() & codes.isna()
    units = replace(units, frame=units.frame.assign(exposure=codes))
    if other.any():
        units = units.keep(~other, "in one of the arms", ", ".join(levels))
    return refuse_empty(units)


def _in_doses(cohort: Cohort, plan: Plan, units: Units, dose: Dose) -> Units:
    """Put doses in the place of codes; a code without one is refused, for its rows would vanish."""
    column, codes = plan.analysis.design.exposure, units.frame["exposure"]
    with located(plan.specification.document, "design", "dose", "values"):
        dose.check_codes(column, codes.dropna().unique(), cohort.table[column].dropna().unique())
    return replace(units, frame=units.frame.assign(exposure=codes.map(dose.values)))


def _restricted(cohort: Cohort, units: Units, restriction: Restriction) -> Units:
    """Keep the units in a restriction's range."""
    column = restriction.column
    values = values_at_moment(cohort, units.frame, column, restriction.at)
    inside = values.isna() if restriction.missing == "keep" else values.notna()
    low = -np.inf if restriction.low is None else restriction.low
    high = np.inf if restriction.high is None else restriction.high
    inside |= (values >= low) & (values <= high)
    if restriction.missing == "leave_out":
        inside &= (values >= low) & (values <= high)
    step = f"{column}@{restriction.at} {range_words(restriction.low, restriction.high)}"
    return refuse_empty(units.keep(inside, step, restriction.reason))


def _with_control(cohort: Cohort, units: Units, control: ControlExposure) -> Units:
    """Look at another exposure; what was the exposure is kept in the column ``held``."""
    import pandas as pd

    frame = units.frame
    waves = frame["t"]
    if control.at == "baseline":
        waves = frame["person_id"].map(cohort.table.groupby("person_id")["wave"].min())
    if control.at == "after_outcome":
        table = cohort.table[["person_id", "wave"]].sort_values(["person_id", "wave"])
        following = table.groupby("person_id", sort=False)["wave"].shift(-1).to_numpy()
        by_interview = pd.Series(following, index=pd.MultiIndex.from_frame(table))
        interviews = pd.MultiIndex.from_arrays([frame["person_id"], frame["u"]])
        waves = by_interview.reindex(interviews).set_axis(frame.index)
    values = values_at(cohort, control.exposure, frame["person_id"], waves)
    units = replace(units, frame=frame.assign(held=frame["exposure"], exposure=values))
    units = units.keep(values.notna(), "control exposure known", control.key)
    return refuse_empty(units)


def _late(frame: pd.DataFrame, schedule: tuple[int, ...]) -> Bools:
    """Tell which outcomes were read after the wave that was due."""
    due = frame["t"].map({float(one): float(other) for one, other in pairwise(schedule)})
    return np.asarray(frame["u"] > due)


def _assemble(
    cohort: Cohort,
    plan: Plan,
    units: Units,
    columns: list[Column],
    complete: Bools,
    exposure: str,
) -> Sample:
    """Put the arrays together, sorted by person and time."""
    design, frame = plan.analysis.design, units.frame
    _, unit = np.unique(frame["person_id"].to_numpy(dtype=str), return_inverse=True)
    outcome, times = cohort.codebook[design.outcome], design.time_to_event
    levels = () if design.arms is None else design.arms.levels(cohort.codebook[design.exposure])
    kind: OutcomeKind = "binary" if outcome.kind == "binary" else "continuous"
    x = np.column_stack([one.content.values[complete] for one in columns]) if columns else None
    surveyed = _surveyed(cohort, plan, frame)
    return Sample(
        unit=unit.astype(np.int64),
        y=floats(frame["outcome"]),
        a=floats(frame["exposure"]),
        x=np.empty((len(frame), 0)) if x is None else x,
        terms=tuple(one.term for one in columns),
        concepts=tuple(one.concept for one in columns),
        outcome_kind=kind if times is None else "survival",
        exposure_kind=exposure_kind(design, cohort.codebook, exposure),
        levels=levels if design.exposure == exposure else (),
        doses=None if design.dose is None else design.dose.doses(cohort.codebook[exposure]),
        w=_weights(plan, unit, surveyed),
        cluster=_clusters(cohort, plan, frame, unit, surveyed),
        strata=None if surveyed is None else surveyed.strata,
        event=None if times is None else frame["event"].to_numpy(dtype=np.int64),
        clock=None if times is None else times.clock(cohort.codebook, design.outcome),
    )


def _surveyed(cohort: Cohort, plan: Plan, frame: pd.DataFrame) -> Surveyed | None:
    """Find what the survey says of the rows; None without one."""
    survey = plan.analysis.design.survey
    if survey is None:
        return None
    with located(plan.specification.document, "design", "survey"):
        return survey_rows(cohort, survey, frame["person_id"])


def _clusters(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, unit: np.ndarray, surveyed: Surveyed | None
) -> Ints | None:
    """Give the rows' clusters: those declared or drawn, or persons who have several rows."""
    design = plan.analysis.design
    if surveyed is not None and surveyed.cluster is not None:
        return surveyed.cluster
    if design.cluster is not None:
        with located(plan.specification.document, "design", "cluster"):
            return clusters_of(cohort, design.cluster, frame["person_id"])
    return unit.astype(np.int64) if design.repeats_persons else None


def _weights(plan: Plan, unit: np.ndarray, surveyed: Surveyed | None) -> Floats:
    """Weigh every row alike, or every person alike, times the survey's weight; the mean is 1."""
    if surveyed is None and plan.analysis.unit_weights == "rows":
        return np.ones(len(unit))
    alike = plan.analysis.unit_weights == "rows"
    share = np.ones(len(unit)) if alike else 1 / np.bincount(unit)[unit]
    if surveyed is not None:
        share = share * surveyed.weight
    return np.asarray(share / share.mean())


def _check_outcome(sample: Sample, column: str) -> None:
    """Refuse an outcome without variation."""
    seen = np.unique(sample.y[sample.observed])
    if len(seen) == 1:  # of none, the arms are told
        raise OutcomeError(
            f"the outcome '{column}' is {seen[0]:g} in all {int(sample.observed.sum())} rows, so "
            "there is nothing to compare. Choose another outcome, population or wave."
        )

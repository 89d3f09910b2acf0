"""The bridge from substance to numerics: a cohort and a plan become the sample all rungs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Bools, Floats
from causal.codebook import Kind, Measurement
from causal.cohort import HELD, TIME, AttritionStep, Cohort, OutcomeKind, Sample, check_arms
from causal.design import Units, build_units, refuse_empty, values_at
from causal.errors import OutcomeError
from causal.expressions import holds
from causal.features import expand, needed_partners, term_names
from causal.missing import Filled, fill, policy_for
from causal.planning import Plan, measured_name
from causal.refuters.control_settings import ControlExposure
from causal.refuters.independence import ConceptColumns, ImpliedIndependences
from causal.spec import Restriction, UnitWeights

if TYPE_CHECKING:
    import pandas as pd


RANKED: frozenset[Kind] = frozenset({"ordinal", "count"})
"""Kinds whose steps have no unit, or whose tails are long."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A sample, how it came about, and how many values of each term were put in.

    Attributes
    ----------
    late : (n,) booleans, whether the outcome was read a wave or more after it was first due.
    """

    sample: Sample
    attrition: tuple[AttritionStep, ...]
    filled: Mapping[str, int]
    late: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One term of the design matrix before incomplete rows are left out."""

    term: str
    concept: str
    content: Filled


def draw_sample(cohort: Cohort, plan: Plan, control: ControlExposure | None = None) -> Drawn:
    """Build the sample of an analysis.

    Parameters
    ----------
    control : an exposure to be looked at instead; the exposure itself then joins the covariates,
        as the term ``(exposure)``.

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
    if control is not None:
        units = _with_control(cohort, units, control)
    expanded = [
        (one, column)
        for one in plan.measurements
        for column in _columns(cohort, plan, units.frame, first, one)
    ]
    columns = [column for _, column in expanded]
    if plan.analysis.missing.exposure == "keep":
        columns = _blank_later(expanded, np.asarray(units.frame["exposure"].isna()))
        expanded = [(one, new) for (one, _), new in zip(expanded, columns, strict=True)]
    needed = [column for one, column in expanded if one in plan.shared_measurements]
    instruments = {one: _instruments(cohort, plan, units.frame, first, one) for one in plan.moving}
    shared = [c for one, held in instruments.items() if one in plan.shared_moving for c in held]
    units, complete = _complete(units, needed + shared)
    if plan.analysis.design.time_indicators:
        columns += _time_columns(units.frame["t"], complete)
    if control is not None:
        columns.append(_Column(HELD, HELD, _spread(units.frame["held"], complete)))
    exposure = plan.analysis.design.exposure if control is None else control.exposure
    sample = _assemble(cohort, plan, units, columns, complete, exposure)
    if instruments:
        held = [column for every in instruments.values() for column in every]
        z = np.column_stack([one.content.values[complete] for one in held])
        sample = replace(sample, z=z, instruments=tuple(one.term for one in held))
    check_arms(sample)
    _check_outcome(sample, plan.analysis.design.outcome)
    filled = {one.term: int(one.content.filled[complete].sum()) for one in columns}
    return Drawn(sample, units.attrition, filled, _late(units.frame, cohort.waves))


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
            for name, values in zip(*_expanded(cohort, plan, frame, first, one)[:2], strict=True)
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
    return ImpliedIndependences(
        concepts=tuple(concepts),
        always=(t[:, None] == waves).astype(np.float64),
        w=_weights(unit, plan.analysis.weights),
        cluster=unit.astype(np.int64) if design.clustered else None,
        implied=(),
    )


def _role(cohort: Cohort, concept: str, column: str, values: pd.Series[float]) -> ConceptColumns:
    """Give the exposure or the outcome as a concept."""
    ranked = cohort.codebook[column].kind in RANKED
    return ConceptColumns(concept, _floats(values)[:, None], (column,), (ranked,))


def _units(cohort: Cohort, plan: Plan) -> tuple[pd.DataFrame, Units]:
    """Give everybody's first row, and the units of an analysis before covariates."""
    analysis = plan.analysis
    first = cohort.table.groupby("person_id", sort=False).head(1)
    included = holds(plan.population, first).set_axis(first["person_id"])
    units = build_units(
        cohort,
        analysis.design,
        analysis.missing,
        included,
        (analysis.population, plan.population_reason),
    )
    for restriction in analysis.restrict:
        units = _restricted(cohort, units, restriction)
    return first, units


def _columns(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, first: pd.DataFrame, one: Measurement
) -> list[_Column]:
    """Expand one measurement into its terms and complete them."""
    names, now, at_baseline, everybody = _expanded(cohort, plan, frame, first, one)
    policy = policy_for(one.column, one.when, plan.analysis.missing)
    return [
        _Column(name, one.concept, fill(values, base, every, policy))
        for name, values, base, every in zip(names, now, at_baseline, everybody, strict=True)
    ]


def _instruments(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, first: pd.DataFrame, one: Measurement
) -> list[_Column]:
    """Expand one instrument into its terms; nothing is ever put in where it is missing."""
    names, now, _, _ = _expanded(cohort, plan, frame, first, one)
    none = np.zeros(len(frame), dtype=bool)
    return [
        _Column(name, one.concept, Filled(values, none))
        for name, values in zip(names, now, strict=True)
    ]


def _expanded(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, first: pd.DataFrame, one: Measurement
) -> tuple[tuple[str, ...], list[Floats], list[Floats], tuple[Floats, ...]]:
    """Expand one measurement into its terms.

    Returns
    -------
    Their names; their values at the unit's moment, at the person's first wave, and at the first
    wave of everybody.
    """
    variable, features = cohort.codebook[one.column], plan.analysis.features
    partners = needed_partners([variable], features)
    waves = {"baseline": None, "start": frame["s"], "end": frame["t"]}[one.when]
    everybody = expand(
        variable, first[one.column], features, {p: _floats(first[p]) for p in partners}
    )
    order = first.reset_index(drop=True).reset_index().set_index("person_id")["index"]
    row = order.loc[frame["person_id"]].to_numpy()
    at_baseline = [term[row] for term in everybody]
    if waves is None:
        now = at_baseline
    else:
        now = list(
            expand(
                variable,
                values_at(cohort, one.column, frame["person_id"], waves),
                features,
                {p: _floats(values_at(cohort, p, frame["person_id"], waves)) for p in partners},
            )
        )
    names = term_names(variable, measured_name(one), features)
    return names, now, at_baseline, everybody


def _blank_later(expanded: list[tuple[Measurement, _Column]], unseen: Bools) -> list[_Column]:
    """Put 0 where the end of the window was never seen: no regression uses those rows' values."""
    return [
        replace(
            column,
            content=replace(column.content, values=np.where(unseen, 0.0, column.content.values)),
        )
        if one.when == "end"
        else column
        for one, column in expanded
    ]


def _restricted(cohort: Cohort, units: Units, restriction: Restriction) -> Units:
    """Keep the units in a restriction's range."""
    frame, column = units.frame, restriction.column
    wave = {"start": "s", "end": "t", "outcome": "u"}.get(restriction.at)
    first = cohort.table.groupby("person_id")["wave"].min()
    waves = frame["person_id"].map(first) if wave is None else frame[wave]
    values = waves if column == "wave" else values_at(cohort, column, frame["person_id"], waves)
    inside = values.isna() if restriction.missing == "keep" else values.notna()
    low = -np.inf if restriction.low is None else restriction.low
    high = np.inf if restriction.high is None else restriction.high
    inside |= (values >= low) & (values <= high)
    if restriction.missing == "leave_out":
        inside &= (values >= low) & (values <= high)
    step = f"{column}@{restriction.at} from {low:g} to {high:g}"
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


def _spread(values: pd.Series[float], complete: Bools) -> Filled:
    """Put a column of the rows that are left beside columns of all rows."""
    spread = np.full(len(complete), np.nan)
    spread[complete] = values.to_numpy(dtype=np.float64)
    return Filled(spread, np.zeros(len(complete), dtype=bool))


def _complete(units: Units, columns: list[_Column]) -> tuple[Units, Bools]:
    """Leave out the rows in which a covariate is still missing; one step a concept."""
    import pandas as pd

    complete = np.ones(len(units.frame), dtype=bool)
    for concept in dict.fromkeys(one.concept for one in columns):
        lacking = [one for one in columns if one.concept == concept]
        known = ~np.any([np.isnan(one.content.values) for one in lacking], axis=0)
        if known.all():
            continue
        terms = ", ".join(one.term for one in lacking if np.isnan(one.content.values).any())
        units = units.keep(pd.Series(known[complete]), f"{concept} known", terms)
        complete &= known
    return refuse_empty(units), complete


def _time_columns(t: pd.Series[float], complete: Bools) -> list[_Column]:
    """Indicate every exposure wave but the first."""
    seen = _spread(t, complete)
    return [
        _Column(
            f"interval ending at {wave:g}",
            TIME,
            Filled((seen.values == wave).astype(float), seen.filled),
        )
        for wave in np.unique(t)[1:]
    ]


def _late(frame: pd.DataFrame, schedule: tuple[int, ...]) -> Bools:
    """Tell which outcomes were read after the wave that was due."""
    due = frame["t"].map({float(one): float(other) for one, other in pairwise(schedule)})
    return np.asarray(frame["u"] > due)


def _assemble(
    cohort: Cohort,
    plan: Plan,
    units: Units,
    columns: list[_Column],
    complete: Bools,
    exposure: str,
) -> Sample:
    """Put the arrays together, sorted by person and time."""
    design, frame = plan.analysis.design, units.frame
    _, unit = np.unique(frame["person_id"].to_numpy(dtype=str), return_inverse=True)
    outcome = cohort.codebook[design.outcome]
    kind: OutcomeKind = "binary" if outcome.kind == "binary" else "continuous"
    x = np.column_stack([one.content.values[complete] for one in columns]) if columns else None
    return Sample(
        unit=unit.astype(np.int64),
        y=_floats(frame["outcome"]),
        a=_floats(frame["exposure"]),
        x=np.empty((len(frame), 0)) if x is None else x,
        terms=tuple(one.term for one in columns),
        concepts=tuple(one.concept for one in columns),
        outcome_kind=kind,
        exposure_kind="binary" if cohort.codebook[exposure].kind == "binary" else "dose",
        w=_weights(unit, plan.analysis.weights),
        cluster=unit.astype(np.int64) if design.clustered else None,
    )


def _weights(unit: np.ndarray, kind: UnitWeights) -> Floats:
    """Weigh every row alike, or every person alike; the mean is 1."""
    if kind == "rows":
        return np.ones(len(unit))
    share = 1 / np.bincount(unit)[unit]
    return np.asarray(share / share.mean())


def _check_outcome(sample: Sample, column: str) -> None:
    """Refuse an outcome without variation."""
    seen = np.unique(sample.y[sample.observed])
    if len(seen) < 2:
        raise OutcomeError(
            f"the outcome '{column}' is {seen[0]:g} in all {int(sample.observed.sum())} rows, so "
            "there is nothing to compare. Choose another outcome, population or wave."
        )


def _floats(values: pd.Series[float]) -> Floats:
    """Take a column out of pandas."""
    return np.asarray(values, dtype=np.float64)

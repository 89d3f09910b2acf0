"""Puts the design of an analysis into the result document: how units were made, in words."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from causal import result as doc
from causal.clock import Clock
from causal.codebook import Variable
from causal.composing_labels import counted_as_use, stage_sentences
from causal.composing_weights import survey_sentences
from causal.design import Baseline
from causal.missing import describe
from causal.planning import Plan
from causal.sampling import Drawn
from causal.time_to_event import told_times


def compose_design(plan: Plan, drawn: Drawn, min_cell: int) -> doc.DesignBlock:
    """Say how units were made."""
    design, info = plan.analysis.design, plan.info
    exposure, outcome = info.codebook[design.exposure], info.codebook[design.outcome]
    if isinstance(design, Baseline):
        made = (
            f"One row a person: covariates at the first wave, exposure as reported at wave "
            f"{design.exposure_wave} ({info.wave_unit})."
        )
    else:
        made = (
            "Pooled person-intervals: covariates at or before the interval's start, exposure as "
            f"reported at its end, outcome later; clustered by {design.grouping or 'person'}, with "
            "indicators of time."
        )
    said = [
        made,
        f"The outcome is taken at {design.outcome_moment}.",
        f"Follow-up starts at: {info.t0_rule}.",
    ]
    times = design.time_to_event
    clock = None if times is None else times.clock(info.codebook, design.outcome)
    if clock is not None:
        said.append(told_times(clock))
    arms = drawn.sample.levels
    if arms:
        said.append(
            f"The exposure is one of {len(arms)} arms ({', '.join(arms)}); the ladder compares "
            f"{arms[1]} with {arms[0]}, and every pair stands beside it."
        )
    if design.dose is not None and design.dose.values:
        unit = design.dose.doses(exposure).unit
        codes = "; ".join(f"{code:g} as {dose:g}" for code, dose in design.dose.values.items())
        said.append(
            f"The codes of {design.exposure} are taken for doses, {unit} ({codes}): an assumption."
        )
    if design.cluster is not None:
        said.append(
            f"Rows are clustered by {design.cluster}, {drawn.sample.n_clusters} clusters: persons "
            "of one cluster are taken to be dependent."
        )
    said += stage_sentences(plan)
    said += survey_sentences(plan, drawn)
    return doc.DesignBlock(
        kind=design.kind,
        exposure=_column(exposure, info.self_reported),
        outcome=_column(outcome, info.self_reported),
        outcome_at=design.outcome_name,
        population=plan.analysis.population,
        population_reason=plan.population_reason,
        sentences=said,
        chosen=plan.analysis.chosen,
        unit=design.unit_name,
        cluster=design.grouping or "",
        arms=list(arms),
        risk_of=_event_within(clock) if clock else "",
        missing=_missing(plan, drawn, min_cell),
        weights=plan.analysis.unit_weights,
    )


def _event_within(clock: Clock) -> str:
    """Name the event whose risk the ladder compares, as the codebook does, and by when."""
    event = clock.event.strip().rstrip(".")
    return f"the event “{event}” within {clock.compare:g} {clock.unit}"


def _missing(plan: Plan, drawn: Drawn, min_cell: int) -> dict[str, str]:
    """Say what is done where values are missing, and how many exposures and outcomes it put in."""
    said = dict(describe(plan.analysis.missing, pooled=len(drawn.samples) > 1))
    read, sample = drawn.read, drawn.sample
    for role, before, after in (("exposure", read.a, sample.a), ("outcome", read.y, sample.y)):
        put_in = int((np.isnan(before) & ~np.isnan(after)).sum())
        if put_in:
            said[role] += f", in {doc.suppressed(put_in, min_cell)} of {sample.n} rows"
    counted = counted_as_use(plan, drawn, min_cell)
    return said | ({"missing outcomes counted as use": counted} if counted else {})


def _column(variable: Variable, self_reported: Collection[str]) -> doc.ColumnBlock:
    return doc.ColumnBlock(
        column=variable.column,
        description=variable.description,
        unit=variable.unit,
        kind=variable.kind,
        self_reported=variable.column in self_reported,
    )

"""The columns of a sample before incomplete rows are left out: terms, instruments and time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Bools, Floats
from causal.codebook import Measurement
from causal.cohort import HELD, TIME, Cohort, Sample
from causal.design import Units, refuse_empty, values_at
from causal.features import expand, needed_partners, term_names
from causal.imputing import Hole, unseen_blanked
from causal.missing import Filled, fill, policy_for
from causal.planning import Plan, measured_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One term of the design matrix before incomplete rows are left out.

    Attributes
    ----------
    source : the column at its moment that it is a term of; empty for the design's own.
    imputed : its missing values are imputed later.
    """

    term: str
    concept: str
    content: Filled
    source: str = ""
    imputed: bool = False


def measured_columns(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, first: pd.DataFrame, one: Measurement
) -> list[Column]:
    """Expand one measurement into its terms and complete them."""
    names, now, at_baseline, everybody = expanded_terms(cohort, plan, frame, first, one)
    policy = policy_for(one.column, one.when, plan.analysis.missing)
    return [
        Column(
            name,
            one.concept,
            fill(values, base, every, policy),
            measured_name(one),
            policy == "multiple_imputation",
        )
        for name, values, base, every in zip(names, now, at_baseline, everybody, strict=True)
    ]


def instrument_columns(
    cohort: Cohort, plan: Plan, frame: pd.DataFrame, first: pd.DataFrame, one: Measurement
) -> list[Column]:
    """Expand one instrument into its terms; nothing is ever put in where it is missing."""
    names, now, _, _ = expanded_terms(cohort, plan, frame, first, one)
    none = np.zeros(len(frame), dtype=bool)
    return [
        Column(name, one.concept, Filled(values, none))
        for name, values in zip(names, now, strict=True)
    ]


def expanded_terms(
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
        variable, first[one.column], features, {p: floats(first[p]) for p in partners}
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
                {p: floats(values_at(cohort, p, frame["person_id"], waves)) for p in partners},
            )
        )
    names = term_names(variable, measured_name(one), features)
    return names, now, at_baseline, everybody


def blank_later(expanded: list[tuple[Measurement, Column]], unseen: Bools) -> list[Column]:
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


def on_all_rows(values: pd.Series[float], complete: Bools) -> Filled:
    """Put a column of the rows that are left beside columns of all rows."""
    held = np.full(len(complete), np.nan)
    held[complete] = values.to_numpy(dtype=np.float64)
    return Filled(held, np.zeros(len(complete), dtype=bool))


def leave_out_incomplete(units: Units, columns: list[Column]) -> tuple[Units, Bools]:
    """Leave out the rows in which a covariate is still missing; one step a concept."""
    import pandas as pd

    complete = np.ones(len(units.frame), dtype=bool)
    for concept in dict.fromkeys(one.concept for one in columns):
        lacking = [one for one in columns if one.concept == concept and not one.imputed]
        if not lacking:
            continue
        known = ~np.any([np.isnan(one.content.values) for one in lacking], axis=0)
        if known.all():
            continue
        terms = ", ".join(one.term for one in lacking if np.isnan(one.content.values).any())
        units = units.keep(pd.Series(known[complete]), f"{concept} known", terms)
        complete &= known
    return refuse_empty(units), complete


def time_columns(t: pd.Series[float], complete: Bools) -> list[Column]:
    """Indicate every exposure wave but the first."""
    seen = on_all_rows(t, complete)
    return [
        Column(
            f"interval ending at {wave:g}",
            TIME,
            Filled((seen.values == wave).astype(float), seen.filled),
        )
        for wave in np.unique(t)[1:]
    ]


def holes_of(sample: Sample, columns: list[Column], plan: Plan) -> list[Hole]:
    """Group the terms of the sample by the column they come from."""
    unseen = ~sample.entered
    found = []
    for source in dict.fromkeys(one.source for one in columns if one.source):
        terms = tuple(i for i, one in enumerate(columns) if one.source == source)
        values = sample.x[:, list(terms)]
        if source.endswith("@end"):
            values = unseen_blanked(values, unseen)
        imputed = columns[terms[0]].imputed
        if source == HELD:
            imputed = plan.analysis.missing.exposure == "multiple_imputation"
        by_unit = "@" not in source and source != HELD
        found.append(Hole(source, values, by_unit, terms, imputed))
    return found


def floats(values: pd.Series[float]) -> Floats:
    """Take a column out of pandas."""
    return np.asarray(values, dtype=np.float64)

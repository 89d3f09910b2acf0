"""From a sample with holes and a declaration to imputed samples: what is imputed, and from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Bools, Floats, read_only
from causal.cohort import Cohort, Sample
from causal.design import values_at
from causal.errors import SpecError
from causal.features import Product, expand, forms_of
from causal.imputation.chain import Block, Incomplete, impute
from causal.imputation.pair import exposure_columns, exposure_from, outcome_columns
from causal.imputation.settings import Imputation, column_and_moment
from causal.missing import policy_for
from causal.missing_settings import MissingData
from causal.planning import Plan, located, measured_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Hole:
    """Columns that come from one column of the cohort at one moment.

    Attributes
    ----------
    name : the column at its moment, such as ``mhg_dose@start``.
    values : (n, k) floats, NaN where missing.
    by_unit : one value a person.
    terms : k positions in the sample's ``x``; empty for an auxiliary, which predicts only.
    imputed : what is put in is kept; else it serves to predict, and the hole stays.
    """

    name: str
    values: Floats
    by_unit: bool
    terms: tuple[int, ...] = ()
    imputed: bool = False


def check_imputation(plan: Plan) -> None:
    """Refuse auxiliaries, features and rungs that imputation cannot take; looks at no data.

    Raises
    ------
    SpecError
        A time to an event as what is imputed; an unknown column or one that is named already; a
        product of an imputed column; or a rung with an instrument.
    """
    analysis, document, codebook = plan.analysis, plan.specification.document, plan.info.codebook
    if not analysis.missing.imputes:
        return
    design = analysis.design
    if design.time_to_event is not None and analysis.missing.outcome == "multiple_imputation":
        with located(document, "missing", "outcome"):
            raise SpecError(
                "a time to an event is not imputed: what ended it would have to be, too. Say "
                "complete_case; or keep, with followed in rungs of ipw_kaplan_meier or "
                "survival_aipw."
            )
    taken = {measured_name(one): "a covariate" for one in plan.measurements}
    taken |= {f"{design.exposure}@end": "the exposure", f"{design.outcome}@outcome": "the outcome"}
    with located(document, "missing", "imputation", "auxiliary"):
        for name in analysis.missing.imputation.auxiliary:
            column, moment = column_and_moment(name)
            codebook[column]
            written = column if moment == "baseline" else name
            if written in taken:
                raise SpecError(
                    f"'{name}' is {taken[written]} of this analysis already, so it predicts as it "
                    "is. Take it out of auxiliary."
                )
            if moment.isdigit() and int(moment) not in plan.info.waves:
                raise SpecError(
                    f"'{name}': there is no wave {moment}; waves are "
                    f"{', '.join(map(str, plan.info.waves))}."
                )
    for one in plan.measurements:
        policy = policy_for(one.column, one.when, analysis.missing)
        forms = forms_of(codebook[one.column], analysis.features)
        if policy == "multiple_imputation" and any(isinstance(form, Product) for form in forms):
            with located(document, "features", one.column):
                raise SpecError(
                    f"'{one.column}' is imputed, and enters as a product: what is put in would not "
                    "fit the row's other factor. Name interactions in the estimator instead."
                )
    for number, planned in enumerate(plan.rungs):
        if planned.moving:
            with located(document, "ladder", number, "instrument"):
                raise SpecError(
                    "sets that hold for weak instruments cannot be pooled over imputations. Leave "
                    "out rows with missing covariates (complete_case), or fill in medians."
                )


def auxiliaries(cohort: Cohort, plan: Plan, frame: pd.DataFrame) -> list[Hole]:
    """Look up the columns that predict missing values and serve nothing else.

    Parameters
    ----------
    frame : n rows, the units with their waves s, t and u.
    """
    found = []
    for name in plan.analysis.missing.imputation.auxiliary:
        column, moment = column_and_moment(name)
        values = _looked_up(cohort, frame, column, moment)
        if values.isna().all():
            with located(plan.specification.document, "missing", "imputation", "auxiliary"):
                raise SpecError(_never_known(cohort, plan, frame, name))
        variable = cohort.codebook[column]
        features = {c: form for c, form in plan.analysis.features.items() if not _has_product(form)}
        terms = np.column_stack(expand(variable, values, features, {}))
        found.append(Hole(name, terms, moment == "baseline" or moment.isdigit()))
    return found


def _looked_up(cohort: Cohort, frame: pd.DataFrame, column: str, moment: str) -> pd.Series[float]:
    """Look up a column at a moment, or at a wave, of each unit."""
    waves = frame["person_id"].map(cohort.table.groupby("person_id")["wave"].min()).astype(float)
    if moment.isdigit():
        waves = waves * 0 + float(moment)
    elif moment != "baseline":
        waves = frame[{"start": "s", "end": "t", "outcome": "u"}[moment]]
    return values_at(cohort, column, frame["person_id"], waves)


def _never_known(cohort: Cohort, plan: Plan, frame: pd.DataFrame, name: str) -> str:
    """Say where an auxiliary was looked for, and where it is known."""
    column, moment = column_and_moment(name)
    unsaid = "" if "@" in name else ", its moment where none is said"
    design = plan.analysis.design
    taken = [m for c, m in ((design.exposure, "end"), (design.outcome, "outcome")) if c == column]

    def known(other: str) -> bool:
        values = _looked_up(cohort, frame, column, other)
        repeats = any(values.equals(_looked_up(cohort, frame, column, one)) for one in taken)
        return bool(values.notna().any()) and not repeats

    moments = [one for one in ("baseline", "start", "end", "outcome") if known(one)]
    found = moments or [str(wave) for wave in cohort.waves if known(str(wave))]
    elsewhere = [f"{column}@{one}" for one in found]
    remedy = f"It is known as {', '.join(elsewhere)}: name it so" if elsewhere else "Take it out"
    where = f"wave {moment}" if moment.isdigit() else moment
    return (
        f"'{column}' was looked for at {where}{unsaid}, and is missing there for everybody of the "
        f"{len(frame)} rows, so it predicts nothing. {remedy}."
    )


def impute_sample(
    sample: Sample, holes: Sequence[Hole], missing: MissingData, seed: int, m: int
) -> tuple[Sample, ...]:
    """Complete a sample m times.

    All exposures and outcomes that are not known are imputed inside the chains, so that every row
    predicts covariates; unless declared so, they are missing again in what is returned.

    Parameters
    ----------
    sample : with NaN where values are missing.
    holes : columns of ``x`` that may be incomplete, and auxiliaries.

    Raises
    ------
    SpecError
        A column is missing for everybody, or known in too few rows to draw from; or an auxiliary
        repeats another column.
    """
    how = missing.imputation
    pair = (
        Hole("the exposure", exposure_columns(sample), False),
        Hole("the outcome", outcome_columns(sample), False),
    )
    every = (*pair, *holes)
    for hole in every:
        _refuse_unknown(hole, how)
    _refuse_copies([hole for hole in holes if not hole.terms], every)
    named = [j for hole in holes for j in hole.terms]
    rest = [j for j in range(sample.x.shape[1]) if j not in named]
    blocks, at = [], 0
    for hole in every:
        width = hole.values.shape[1]
        blocks.append(Block(tuple(range(at, at + width)), hole.by_unit))
        at += width
    values = np.column_stack([*(hole.values for hole in every), sample.x[:, rest]])
    completed = impute(
        Incomplete(
            values, tuple(blocks), sample.unit, (blocks[0].columns, blocks[1].columns)
        ),
        m, how.iterations, how.donors, seed,
    )  # fmt: skip
    return tuple(_put_back(sample, one, every, blocks, missing) for one in completed)


def _put_back(
    sample: Sample,
    values: Floats,
    holes: Sequence[Hole],
    blocks: Sequence[Block],
    missing: MissingData,
) -> Sample:
    """Put one imputation into the sample, as far as it was declared."""
    x = sample.x.copy()
    for hole, block in zip(holes, blocks, strict=True):
        if hole.imputed:
            x[:, list(hole.terms)] = values[:, list(block.columns)]
    a, y = sample.a, sample.y
    if missing.exposure == "multiple_imputation":
        a = exposure_from(sample, values[:, list(blocks[0].columns)])
    if missing.outcome == "multiple_imputation":
        y = values[:, blocks[1].columns[0]]
    return replace(sample, x=read_only(x), a=read_only(a), y=read_only(y))


def _refuse_unknown(hole: Hole, how: Imputation) -> None:
    """Refuse a column that nobody has, or too few to draw donors from."""
    lacking = np.asarray(np.isnan(hole.values).any(axis=1))
    known = int((~lacking).sum())
    if not lacking.any() or known >= how.donors:
        return
    found = "missing for everybody" if known == 0 else f"known in {known} rows only"
    remedy = "or choose other rows" if known == 0 else "choose other rows, or ask for fewer donors"
    raise SpecError(
        f"{hole.name} is {found} of the {len(lacking)} rows, so there are not {how.donors} donors "
        f"to impute it from. Leave it out, {remedy}."
    )


def _refuse_copies(own: Sequence[Hole], every: Sequence[Hole]) -> None:
    """Refuse an auxiliary that repeats another column: each would be imputed from the other."""
    for hole in own:
        for other in every:
            if other is hole or other.values.shape != hole.values.shape:
                continue
            both = ~np.isnan(hole.values) & ~np.isnan(other.values)
            alone = np.isnan(hole.values) & np.isnan(other.values)
            if alone.any() and both.any() and np.array_equal(hole.values[both], other.values[both]):
                raise SpecError(
                    f"the auxiliary '{hole.name}' repeats {other.name} wherever both are known, "
                    "and each would be imputed from the other. Take it out of auxiliary."
                )


def unseen_blanked(values: Floats, unseen: Bools) -> Floats:
    """Give later columns with holes again where the end of the window was never seen."""
    return np.where(unseen[:, None], np.nan, values)


def _has_product(form: object) -> bool:
    """Tell whether a declared feature is, or has among it, a product."""
    return any(isinstance(one, Product) for one in (form if isinstance(form, tuple) else (form,)))

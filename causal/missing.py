"""What is put where covariates are missing, and which rows are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats
from causal.codebook import Moment
from causal.imputation.settings import Imputation
from causal.missing_settings import MissingData

_KEPT_EXPOSURE = "persons not seen at the exposure interview kept, for rungs that weigh for them"
Policy: TypeAlias = Literal["median", "complete_case", "baseline", "multiple_imputation"]


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A completed column.

    Attributes
    ----------
    values : (n,) floats; NaN where the row is to be left out.
    filled : (n,) booleans, where a value was put in.
    """

    values: Floats
    filled: Bools


def policy_for(column: str, when: Moment, missing: MissingData) -> Policy:
    """Give what is declared for a column at a moment.

    Covariates at the end of the exposure window are never filled: a value made up from the past
    would hide what the bracket is there to show.
    """
    if when == "end":
        return "complete_case"
    if column in missing.columns:
        return missing.columns[column]
    return missing.covariates if when == "baseline" else missing.updated


def fill(values: Floats, at_baseline: Floats, everybody: Floats, policy: Policy) -> Filled:
    """Complete one column of terms.

    Parameters
    ----------
    values : (n,) floats at the unit's moment.
    at_baseline : (n,) floats, the same term at the person's first wave.
    everybody : (m,) floats, the term at the first wave of everybody in the data, whatever the
        population, so that the median does not depend on it.
    policy : ``median`` puts in the median of ``everybody``; ``baseline`` the person's first value,
        then the median; ``complete_case`` nothing, nor, here, ``multiple_imputation``.
    """
    missing = np.isnan(values)
    if policy in ("complete_case", "multiple_imputation") or not missing.any():
        return Filled(values, np.zeros(len(values), dtype=bool))
    median = float(np.nanmedian(everybody)) if not np.isnan(everybody).all() else np.nan
    if policy == "baseline":
        values = np.where(missing, at_baseline, values)
    values = np.where(np.isnan(values), median, values)
    return Filled(values, missing & ~np.isnan(values))


def describe(missing: MissingData, *, pooled: bool = True) -> Mapping[str, str]:
    """Say in words what is done, by what it is done to.

    Parameters
    ----------
    pooled : whether there was anything to impute, so that imputations differ.
    """
    words: Mapping[str, str] = {
        "median": "median of everybody's first wave",
        "complete_case": "rows with a missing value left out",
        "baseline": "the person's value at the first wave, then the median",
        "refuse": "refused if any",
        "keep": "kept: predicted by the outcome regression, or weighed for, as each rung says",
        "multiple_imputation": "multiple imputation",
    }
    late = (
        "rows without one help to impute covariates, and are left out after that"
        if missing.imputes and missing.outcome == "complete_case"
        else f"taken as {missing.use_value}, as if all who were due and have none had used"
        if missing.outcome == "as_use"
        else words[missing.outcome]
    )
    return {
        "covariates": words[missing.covariates],
        "updated covariates": words[missing.updated],
        **{column: words[policy] for column, policy in missing.columns.items()},
        "exposure": _KEPT_EXPOSURE if missing.exposure == "keep" else words[missing.exposure],
        "outcome": late,
        **(_describe_imputation(missing.imputation, pooled) if missing.imputes else {}),
    }


def _describe_imputation(how: Imputation, pooled: bool) -> Mapping[str, str]:
    """Say by which models values are imputed, and what is made of the imputations."""
    if not pooled:
        return {"imputation": "nothing was missing: one sample is analysed, and nothing is pooled"}
    beside = f" and {', '.join(how.auxiliary)}" if how.auxiliary else ""
    return {
        "imputation": f"{how.m} chains of {how.iterations} rounds; in each, one incomplete column "
        "after another is regressed on exposure, outcome, their product, the covariates of all "
        f"rungs{beside}, and a missing value is that of one of the {how.donors} rows nearest in "
        "prediction; terms of one column are taken over together, and a value of the first wave "
        "is imputed once a person",
        "pooling": "every rung is fitted on every imputation, and all rungs are pooled by Rubin's "
        "rules before the share that remains is formed",
        "one imputation": "the covariate table, balance and overlap, the attempts to refute and "
        "the sensitivity analyses look at the first imputation alone, so their own figures differ "
        "a little from the pooled ones, and they leave out what lies between imputations",
    }

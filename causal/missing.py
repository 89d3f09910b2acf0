"""What is put where covariates are missing, and which rows are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats
from causal.codebook import Moment
from causal.design import MissingData

_KEPT_EXPOSURE = "persons not seen at the exposure interview kept, for rungs that weigh for them"
Policy: TypeAlias = Literal["median", "complete_case", "baseline"]


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
        then the median; ``complete_case`` nothing.
    """
    missing = np.isnan(values)
    if policy == "complete_case" or not missing.any():
        return Filled(values, np.zeros(len(values), dtype=bool))
    median = float(np.nanmedian(everybody)) if not np.isnan(everybody).all() else np.nan
    if policy == "baseline":
        values = np.where(missing, at_baseline, values)
    values = np.where(np.isnan(values), median, values)
    return Filled(values, missing & ~np.isnan(values))


def describe(missing: MissingData) -> Mapping[str, str]:
    """Say in words what is done, by what it is done to."""
    words: Mapping[str, str] = {
        "median": "median of everybody's first wave",
        "complete_case": "rows with a missing value left out",
        "baseline": "the person's value at the first wave, then the median",
        "refuse": "refused if any",
        "keep": "kept: predicted by the outcome regression, or weighed for, as each rung says",
    }
    return {
        "covariates": words[missing.covariates],
        "updated covariates": words[missing.updated],
        **{column: words[policy] for column, policy in missing.columns.items()},
        "exposure": _KEPT_EXPOSURE if missing.exposure == "keep" else words[missing.exposure],
        "outcome": words[missing.outcome],
    }

"""Which level of each declared subgroup a unit is in, and columns looked up at a unit's moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from causal.arrays import Ints
from causal.cohort import Cohort
from causal.design import values_at
from causal.errors import SpecError, range_words
from causal.planning import Plan, located
from causal.subgroup_settings import Levels, Subgroup

if TYPE_CHECKING:
    import pandas as pd

At: TypeAlias = Literal["baseline", "start", "end", "outcome"]
OUTSIDE = -1
"""The level of units whose value is missing, or belongs to none."""


def values_at_moment(cohort: Cohort, frame: pd.DataFrame, column: str, at: At) -> pd.Series[float]:
    """Look up a column, or ``wave`` itself, at a moment of each unit.

    Parameters
    ----------
    frame : units with person_id, s, t and u.
    """
    wave = {"start": "s", "end": "t", "outcome": "u"}.get(at)
    first = cohort.table.groupby("person_id")["wave"].min()
    waves = frame["person_id"].map(first) if wave is None else frame[wave]
    return waves if column == "wave" else values_at(cohort, column, frame["person_id"], waves)


def levels_of(cohort: Cohort, frame: pd.DataFrame, plan: Plan) -> tuple[Ints, ...]:
    """Give (n,) ints a subgroup: the number of the level each unit is in, or ``OUTSIDE``.

    Raises
    ------
    SpecError
        A column is known of no unit, or a level of a column holds none.
    """
    found = []
    for number, subgroup in enumerate(plan.analysis.subgroups):
        level = np.zeros(len(frame), dtype=np.int64)
        for column, part in subgroup.parts:
            values = values_at_moment(cohort, frame, column, subgroup.at)
            own = _level_of(values, part)
            with located(plan.specification.document, "subgroups", number):
                _refuse_unknown(values, column, subgroup)
                _refuse_empty_level(values, own, column, part, subgroup.at)
            out = (level == OUTSIDE) | (own == OUTSIDE)
            level = np.where(out, OUTSIDE, level * len(part.names) + own)
        found.append(level)
    return tuple(found)


def _refuse_unknown(values: pd.Series[float], column: str, subgroup: Subgroup) -> None:
    """Refuse a column that is known of no unit at the moment of a subgroup."""
    if values.isna().all():
        other = "start" if subgroup.at == "baseline" else "baseline"
        raise SpecError(
            f"'{column}' is not known at {subgroup.at} of any of the {len(values)} rows, so no row "
            f"is in a level. Say at: {other} if it is known then, or choose another column."
        )


def _refuse_empty_level(
    values: pd.Series[float], level: Ints, column: str, part: Levels, at: At
) -> None:
    """Refuse a level of one column that no unit is in: a cut or a value mistaken."""
    for number, name in enumerate(part.names):
        if not (level == number).any():
            held = (
                f"there it is {range_words(values.min(), values.max())}"
                if part.cuts
                else f"{int(values.notna().sum())} rows have other values"
            )
            raise SpecError(
                f"no row is in level '{name}' of '{column}' at {at} ({part.said(name)}); {held}. "
                "Mend the level, or take it away."
            )


def _level_of(values: pd.Series[float], part: Levels) -> Ints:
    """Give (n,) ints, the number of the level of one column each unit is in, or ``OUTSIDE``."""
    level = np.full(len(values), OUTSIDE, dtype=np.int64)
    for number, name in enumerate(part.names):
        if part.levels:
            inside = values.isin(list(part.levels[name]))
        else:
            inside = values.between(*part.cuts[name].ends)
        level[inside.to_numpy(dtype=bool)] = number
    return level

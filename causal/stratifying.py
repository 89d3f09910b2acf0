"""Which level of each declared subgroup a unit is in, and columns looked up at a unit's moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from causal.arrays import Ints
from causal.cohort import Cohort
from causal.design import values_at
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


def levels_of(
    cohort: Cohort, frame: pd.DataFrame, subgroups: Sequence[Subgroup]
) -> tuple[Ints, ...]:
    """Give (n,) ints a subgroup: the number of the level each unit is in, or ``OUTSIDE``."""
    found = []
    for subgroup in subgroups:
        level = np.zeros(len(frame), dtype=np.int64)
        for column, part in subgroup.parts:
            own = _level_of(values_at_moment(cohort, frame, column, subgroup.at), part)
            out = (level == OUTSIDE) | (own == OUTSIDE)
            level = np.where(out, OUTSIDE, level * len(part.names) + own)
        found.append(level)
    return tuple(found)


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

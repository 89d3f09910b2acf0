"""Which level of each declared subgroup a unit is in, and columns looked up at a unit's moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from causal.arrays import Ints
from causal.cohort import Cohort
from causal.design import values_at
from causal.subgroup_settings import Subgroup

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
        values = values_at_moment(cohort, frame, subgroup.column, subgroup.at)
        level = np.full(len(frame), OUTSIDE, dtype=np.int64)
        for number, name in enumerate(subgroup.names):
            if subgroup.levels:
                inside = values.isin(list(subgroup.levels[name]))
            else:
                inside = values.between(*subgroup.cuts[name].ends)
            level[inside.to_numpy(dtype=bool)] = number
        found.append(level)
    return tuple(found)

"""The doses a curve is read at, and the two the ladder compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoseGrid:
    """Where curves over doses are read; the same for every rung, so that shares compare alike.

    Attributes
    ----------
    doses : at which the mean outcome is given, ascending.
    compare : the two the ladder compares, the lower first.
    unit : what doses count, such as meetings a week.
    """

    doses: tuple[float, ...]
    compare: tuple[float, float]
    unit: str

"""The clock of a time to an event: the days one looks at, and what the ladder compares."""

from __future__ import annotations

from dataclasses import dataclass

DRAWN = 24
"""Steps a curve is drawn with; finer ones would show single persons' days."""


@dataclass(frozen=True, slots=True)
class Clock:
    """When risks are read off.

    Attributes
    ----------
    horizons : times, ascending, by which the risk is given.
    tau : up to which the mean time without the event is taken; the last time of the curve.
    compare : the horizon whose risk difference is the ladder's.
    unit : what times count, such as days.
    event : what the event is, in words.
    competing : what keeps the event from happening for good, in words; empty where nothing does.
    """

    horizons: tuple[float, ...]
    tau: float
    compare: float
    unit: str
    event: str
    competing: str = ""

    @property
    def times(self) -> tuple[float, ...]:
        """Give the times a curve is drawn at: equal steps to the end, and every horizon."""
        steps = {self.tau * step / DRAWN for step in range(1, DRAWN + 1)}
        return tuple(sorted(steps | set(self.horizons)))

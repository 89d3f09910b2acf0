"""Times to an event as keys of a specification: which columns, which horizons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from causal.clock import Clock
from causal.codebook import Codebook
from causal.documents import Settings


class TimeToEvent(Settings):
    """The outcome column is a time, in its own unit, from the start to an event or to censoring.

    Attributes
    ----------
    event : 0/1 column, whether the event ended the time; read where the time is read.
    competing : 0/1 column, whether something ended it that rules the event out, such as death.
    horizons : times by which the risk is given, ascending.
    compare : the horizon whose risk difference the ladder compares; the last when left out.
    tau : up to which the mean time without the event is taken; the last horizon when left out.
    zero_times : what is done with times of 0: ``refuse``; ``leave_out`` those who had the event
        before follow-up began; or ``half``, half a unit of time for an event on the first day.
    """

    event: str
    competing: str | None = None
    horizons: Annotated[tuple[float, ...], Field(min_length=1)]
    compare: float | None = None
    tau: float | None = None
    zero_times: Literal["refuse", "leave_out", "half"] = "refuse"

    @field_validator("horizons")
    @classmethod
    def _ascend(cls, horizons: tuple[float, ...]) -> tuple[float, ...]:
        if list(horizons) != sorted(set(horizons)) or horizons[0] <= 0:
            raise ValueError("horizons must be above 0 and ascend, such as [30, 90, 180]")
        return horizons

    @model_validator(mode="after")
    def _compares_a_horizon(self) -> TimeToEvent:
        if self.compare is not None and self.compare not in self.horizons:
            shown = ", ".join(f"{one:g}" for one in self.horizons)
            raise ValueError(f"compare {self.compare:g} is not one of the horizons {shown}")
        if self.tau is not None and self.tau < self.horizons[-1]:
            raise ValueError(
                f"tau {self.tau:g} is before the last horizon {self.horizons[-1]:g}; the curve "
                "must reach it"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Give the columns read beside the time."""
        return (self.event,) if self.competing is None else (self.event, self.competing)

    def clock(self, codebook: Codebook, outcome: str) -> Clock:
        """Give the clock numerics read risks off by."""
        return Clock(
            horizons=self.horizons,
            tau=self.horizons[-1] if self.tau is None else self.tau,
            compare=self.horizons[-1] if self.compare is None else self.compare,
            unit=codebook[outcome].unit or "units of time",
            event=codebook[self.event].description,
            competing="" if self.competing is None else codebook[self.competing].description,
        )

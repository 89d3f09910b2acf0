"""What a specification says of a negative control: its column, concept, moment and rationale."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from causal.documents import Settings

OutcomeAt: TypeAlias = Literal[
    "next_interview", "next_observed_outcome", "next_scheduled", "same_interview"
]
ExposureAt: TypeAlias = Literal["baseline", "exposure_window", "after_outcome"]


class ControlOutcome(Settings):
    """An outcome that exposure cannot change.

    Attributes
    ----------
    outcome : its column.
    concept : what it measures in the diagram, which must allow it as a control.
    at : when it is read; as the outcome of the design when None.
    rationale : why exposure cannot change it, and why it shares the confounding; shown.
    """

    outcome: str
    concept: str
    at: OutcomeAt | None = None
    rationale: str = Field(min_length=10)

    @property
    def key(self) -> str:
        """Give the name of its sample: one column read at two moments is two controls."""
        return _key(self.outcome, self.at)


class ControlExposure(Settings):
    """An exposure that cannot change the outcome.

    Attributes
    ----------
    exposure : its column; may be that of the exposure itself if read after the outcome.
    concept : what it measures in the diagram, which must allow it as a control.
    at : ``exposure_window`` for the interview that reports the exposure too, ``baseline`` for the
        person's first one, ``after_outcome`` for the first after the one that gives the outcome.
    rationale : why it cannot change the outcome, and why it shares the confounding; shown.
    """

    exposure: str
    concept: str
    at: ExposureAt = "exposure_window"
    rationale: str = Field(min_length=10)

    @property
    def key(self) -> str:
        """Give the name of its sample."""
        return _key(self.exposure, None if self.at == "exposure_window" else self.at)


def _key(column: str, at: str | None) -> str:
    """Name a column at its moment; bare at the moment the design gives."""
    return column if at is None else f"{column}@{at}"

"""Outcomes that are times to an event: what is refused of their columns, and how they are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from causal.arrays import Floats, Ints
from causal.clock import Clock
from causal.codebook import Codebook
from causal.cohort import Cohort
from causal.design import Units, refuse_empty, values_at
from causal.errors import OutcomeError, SpecError
from causal.missing_settings import MissingData
from causal.time_settings import TimeToEvent

if TYPE_CHECKING:
    import pandas as pd

HALF = 0.5


def check_times(settings: TimeToEvent, codebook: Codebook, outcome: str) -> None:
    """Refuse columns that cannot be a time and what ended it.

    Raises
    ------
    SpecError
        Naming the column, and what it is.
    """
    time = codebook[outcome]
    if time.kind not in ("count", "continuous"):
        raise SpecError(
            f"'{outcome}' is {time.kind}; a time to an event must be a count or continuous. Choose "
            "another outcome, or take time_to_event away."
        )
    for column in settings.columns:
        if codebook[column].kind != "binary":
            raise SpecError(
                f"'{column}' is {codebook[column].kind}; what ended a time is told by a 0/1 column."
            )
    if len(set((outcome, *settings.columns))) < 1 + len(settings.columns):
        raise SpecError("time, event and competing event must be different columns.")


def add_events(cohort: Cohort, units: Units, settings: TimeToEvent, missing: MissingData) -> Units:
    """Read what ended each time, as the column ``event``; note who is left out for want of it.

    Raises
    ------
    OutcomeError
        As ``read_events``.
    """
    import pandas as pd

    frame = units.frame
    ended = pd.DataFrame(
        {
            column: values_at(cohort, column, frame["person_id"], frame["u"])
            for column in settings.columns
        }
    )
    y, event = read_events(settings, frame["outcome"], ended)
    early = pd.Series(np.isnan(y) & (frame["outcome"] == 0).to_numpy(), index=frame.index)
    units = replace(units, frame=frame.assign(outcome=y, event=event))
    if early.any():
        units = units.keep(
            ~early, "without the event at the start", "who had it then was never at risk"
        )
    if missing.outcome == "complete_case":
        known = units.frame["outcome"].notna()
        if not known.all():
            units = units.keep(known, "known what ended the time", ", ".join(settings.columns))
    return refuse_empty(units)


def told_times(clock: Clock) -> str:
    """Say what of the times the ladder compares."""
    competing = f", in the presence of {clock.competing}" if clock.competing else ""
    return (
        f"The outcome is a time to an event ({clock.event}); the ladder compares the risk of it by "
        f"{clock.compare:g} {clock.unit}{competing}."
    )


def read_events(
    settings: TimeToEvent, time: pd.Series[float], ended: pd.DataFrame
) -> tuple[Floats, Ints]:
    """Give times, NaN where they or what ended them are not known, and what ended each.

    Parameters
    ----------
    time : (n,) times.
    ended : (n, 1 or 2) columns of the event and of what competes with it.

    Returns
    -------
    (n,) floats, and (n,) ints: 0 censored, 1 the event, 2 competing.

    Raises
    ------
    OutcomeError
        A time is negative; it is 0 and nothing is said of that; or a row has both events.
    """
    y: Floats = np.array(time.to_numpy(dtype=np.float64))
    marks = ended.to_numpy(dtype=np.float64)
    y[np.isnan(marks).any(axis=1)] = np.nan
    event = np.where(np.isnan(y), 0, np.nan_to_num(marks[:, 0])).astype(np.int64)
    if marks.shape[1] > 1:
        other = np.where(np.isnan(y), 0, np.nan_to_num(marks[:, 1])).astype(np.int64)
        both = int(((event == 1) & (other == 1)).sum())
        if both:
            raise OutcomeError(
                f"{both} rows have both '{settings.event}' and '{settings.competing}' at one time; "
                "a time ends by one of them. Mend the columns."
            )
        event = np.where(other == 1, 2, event)
    negative = int((y < 0).sum())
    if negative:
        raise OutcomeError(
            f"{negative} times are negative, down to {np.nanmin(y):g}: follow-up must begin at 0. "
            "Mend the column, or choose another start."
        )
    return _with_zeros(settings, y, event)


def _with_zeros(settings: TimeToEvent, y: Floats, event: Ints) -> tuple[Floats, Ints]:
    """Do what is declared with times of 0."""
    zero = y == 0
    if zero.any() and settings.zero_times == "refuse":
        raise OutcomeError(
            f"{int(zero.sum())} times are 0, {int((zero & (event > 0)).sum())} of them with an "
            "event: whoever had it at the start was never at risk. Say "
            "time_to_event.zero_times: leave_out, or half (half a unit of time)."
        )
    if settings.zero_times == "half":
        y[zero] = HALF
    elif settings.zero_times == "leave_out":
        y[zero] = np.nan
    return y, event

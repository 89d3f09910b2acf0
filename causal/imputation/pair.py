"""Exposure and outcome as the chains see them: arms as indicators, times by hazard and cause."""

from __future__ import annotations

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample


def exposure_columns(sample: Sample) -> Floats:
    """Give the exposure as (n, k) columns: itself, or an indicator for each arm but the first.

    Arms have no order, so that their numbers must not predict anything.
    """
    if sample.exposure_kind != "arms":
        return sample.a[:, None]
    own = (sample.a[:, None] == np.arange(1, len(sample.levels))[None, :]).astype(np.float64)
    return np.where(sample.entered[:, None], own, np.nan)


def exposure_from(sample: Sample, columns: Floats) -> Floats:
    """Give the (n,) exposure back from its columns."""
    if sample.exposure_kind != "arms":
        return np.asarray(columns[:, 0])
    return columns @ np.arange(1.0, len(sample.levels))


def outcome_columns(sample: Sample) -> Floats:
    """Give the outcome as (n, k) columns: itself, or for times two a cause that ended some.

    A time predicts by its cumulative hazard together with whether the cause ended it; the time
    alone would take who was censored for who had the event.

    References
    ----------
    White & Royston (2009), doi:10.1002/sim.3618.
    """
    if sample.outcome_kind != "survival" or sample.event is None:
        return sample.y[:, None]
    seen, event = sample.observed, sample.event
    columns = []
    for cause in np.unique(event[seen & (event > 0)]):
        ended = np.where(seen, event == cause, np.nan)
        columns += [cumulative_hazard(sample.y, event, int(cause)), ended]
    return np.column_stack(columns) if columns else sample.y[:, None]


def cumulative_hazard(time: Floats, event: Ints, cause: int) -> Floats:
    """Give Nelson and Aalen's cumulative hazard of a cause at each row's own time.

    Parameters
    ----------
    time : (n,) floats, NaN where not known.
    event : (n,) ints, what ended each time.

    Returns
    -------
    (n,) floats, NaN where the time is.
    """
    known = ~np.isnan(time)
    at = np.unique(time[known])
    place = np.searchsorted(at, time[known])
    ended = np.bincount(place, weights=event[known] == cause, minlength=len(at))
    at_risk = np.bincount(place, minlength=len(at))[::-1].cumsum()[::-1]
    hazard = np.full(len(time), np.nan)
    hazard[known] = np.cumsum(ended / at_risk)[place]
    return hazard

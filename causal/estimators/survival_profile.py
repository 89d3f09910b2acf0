"""How curves of an event are read: what the ladder compares, and the points of the profile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causal.arrays import read_only
from causal.clock import Clock
from causal.cohort import Sample
from causal.estimate import Estimates
from causal.profiles import Profile, ProfileContrast, ProfilePoint

ARMS = ("unexposed", "exposed")


def curve_estimates(fit: Estimates, sample: Sample, notes: tuple[str, ...] = ()) -> Estimates:
    """Name the parameters of both curves, and say which two are compared.

    Parameters
    ----------
    fit : (2m,) parameters: of each arm, the risks by the clock's times, then the mean time lost.
    sample : the rows, for the numbers at risk.
    notes : what else is to be said of the curves.
    """
    clock = sample.clock
    if clock is None:
        return fit
    values, influence, covariance = fit.values, fit.influence, fit.covariance
    m = len(clock.times) + 1
    if not clock.competing:  # what is not lost is time without the event
        turn = np.ones(2 * m)
        turn[[m - 1, 2 * m - 1]] = -1.0
        values = values * turn
        values[[m - 1, 2 * m - 1]] += clock.tau
        covariance = covariance * np.outer(turn, turn)
        influence = influence * turn if isinstance(influence, np.ndarray) else influence
    at = clock.times.index(clock.compare)
    return replace(
        fit,
        labels=_labels(clock),
        values=read_only(values),
        influence=read_only(influence) if isinstance(influence, np.ndarray) else influence,
        covariance=read_only(covariance),
        pair=(at, m + at),
        profile=_profile(clock, sample, notes),
    )


def mean_name(clock: Clock) -> str:
    """Name the mean time of a curve."""
    if clock.competing:
        return f"mean {clock.unit} lost to the event, up to {clock.tau:g}"
    return f"mean {clock.unit} without the event, up to {clock.tau:g}"


def _labels(clock: Clock) -> tuple[str, ...]:
    """Name every parameter."""
    return tuple(
        name
        for arm in ARMS
        for name in (
            *(f"risk by {time:g} {clock.unit}, {arm}" for time in clock.times),
            f"{mean_name(clock)}, {arm}",
        )
    )


def _profile(clock: Clock, sample: Sample, notes: tuple[str, ...]) -> Profile:
    """Give points, contrasts and notes of the curves."""
    m = len(clock.times) + 1
    time = np.where(sample.observed, sample.y, -1.0)
    points = tuple(
        ProfilePoint(
            at=arm * m + i,
            name=f"{name}, by {when:g} {clock.unit}",
            series=name,
            x=when,
            rows=int(((sample.a == arm) & (time >= when)).sum()),
            listed=when in clock.horizons,
        )
        for arm, name in enumerate(ARMS)
        for i, when in enumerate(clock.times)
    )
    beside = tuple(
        ProfilePoint(at=(arm + 1) * m - 1, name=f"{mean_name(clock)}, {name}", series=name)
        for arm, name in enumerate(ARMS)
    )
    contrasts = (
        *(
            ProfileContrast(
                f"risk by {when:g} {clock.unit}",
                m + clock.times.index(when),
                clock.times.index(when),
                "risk",
            )
            for when in clock.horizons
        ),
        ProfileContrast(mean_name(clock), 2 * m - 1, m - 1, "mean time", clock.unit),
    )
    return Profile(
        kind="survival",
        axis="time since the start",
        unit=clock.unit,
        points=points,
        contrasts=contrasts,
        beside=beside,
        notes=(*_notes(clock), *notes),
    )


def _notes(clock: Clock) -> tuple[str, ...]:
    """Say how the table is to be read."""
    said = [
        f"Rows are those still followed and without the event just before that time; the event is "
        f"{clock.event}",
        "A risk difference at one horizon says nothing of the others; a hazard ratio is not given, "
        "since those left at risk later are no longer comparable",
    ]
    if clock.competing:
        said.append(
            f"Risks are those in the presence of {clock.competing}, which rules the event out: an "
            "exposure may lower them by hastening that"
        )
    return tuple(said)

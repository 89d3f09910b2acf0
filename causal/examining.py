"""Tries to break fitted rungs, and asks what could overturn them: numerics only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causal.errors import CausalError, Place
from causal.estimate import NotEstimable
from causal.execution import map_tasks
from causal.instrumental import AnyInstrumentCheck, InstrumentFinding
from causal.refuters import AnyRefuter, Auxiliary, PowerCurve, Refutation
from causal.refuters.power import (
    PowerStudy,
    Tally,
    Tried,
    gather_curve,
    try_cohorts,
    weigh,
)
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, SensitivityFinding
from causal.sensitivity.base import finding_without_number
from causal.subject import Compared, Subject

NEVER_SEEN = (
    "the rung weighs for persons never seen at the exposure interview, so rows without an exposure "
    "take part in it"
)
CHUNK = 50
"""Cohorts drawn by one task."""
OWN_ESTIMATE = ("e_value",)
"""Analyses that look at the rung's own estimate alone, and compare no persons anew."""
OF_INSTRUMENTS = ("plausibly_exogenous", "instrument_omitted_variable")
"""Analyses of a rung with an instrument; all others compare the exposed with the unexposed."""


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One refuter to be tried on one rung.

    Attributes
    ----------
    number : position in the specification; names the random stream with the kind.
    auxiliary : other samples, for negative controls.
    """

    number: int
    refuter: AnyRefuter
    subject: Subject
    auxiliary: Auxiliary
    seed: int
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Inquiry:
    """One sensitivity analysis to be made of one rung.

    Attributes
    ----------
    number : position in the specification; names the random stream with kind and rung.
    """

    number: int
    settings: AnySensitivity
    subject: Subject
    seed: int
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """One check to be made of one instrument of a rung.

    Attributes
    ----------
    number : position in the specification; names the random stream with kind and instrument.
    instrument : its name.
    """

    number: int
    check: AnyInstrumentCheck
    subject: Subject
    instrument: str
    seed: int
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Refuters to be tried on some cohorts with a confounder of one strength.

    Attributes
    ----------
    places : of the attempts among all.
    attempts : of one rung; several only if they can share cohorts.
    which : numbers of the cohorts.
    """

    places: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    study: PowerStudy
    k: float
    which: range


def refute_rung(attempts: Sequence[Attempt], *, jobs: int = 1) -> list[Refutation]:
    """Try every refuter; the draws do not depend on the number of processes."""
    return map_tasks(_try, attempts, jobs=jobs)


def trace_power(
    attempts: Sequence[Attempt], study: PowerStudy, *, jobs: int = 1
) -> list[PowerCurve | NotEstimable]:
    """Measure the power of every refuter; no number depends on the number of processes.

    There is none where rows have no exposure: no refuter is tried on such a rung.
    """
    if any(not one.subject.sample.entered.all() for one in attempts):
        return [
            NotEstimable(NEVER_SEEN)
            if not one.subject.sample.entered.all()
            else trace_power([one], study, jobs=jobs)[0]
            for one in attempts
        ]
    trials = [
        Trial(places, tuple(attempts[at] for at in places), study, k, range(first, first + CHUNK))
        for places in _sharing(attempts)
        for k in study.strengths
        for first in range(0, max(study.cohorts_for(attempts[at].refuter) for at in places), CHUNK)
    ]
    tallies: dict[tuple[int, float], list[Tally | NotEstimable]] = {}
    for trial, found in zip(trials, map_tasks(_measure, trials, jobs=jobs), strict=True):
        for at, tally in zip(trial.places, found, strict=True):
            tallies.setdefault((at, trial.k), []).append(tally)
    return [
        gather_curve(
            one.refuter,
            one.subject,
            study,
            [weigh(k, tallies[at, k]) for k in study.strengths_for(one.refuter)],
        )
        for at, one in enumerate(attempts)
    ]


def _sharing(attempts: Sequence[Attempt]) -> list[tuple[int, ...]]:
    """Put refuters together that look at the same cohorts; the costly, and all others, alone."""
    together = tuple(
        at
        for at, one in enumerate(attempts)
        if one.refuter.tried_on == "cohort"
        and not one.refuter.why_no_power
        and not one.refuter.costly
    )
    alone: list[tuple[int, ...]] = [(at,) for at in range(len(attempts)) if at not in together]
    return [together, *alone] if together else alone


def analyse_sensitivity(inquiries: Sequence[Inquiry], *, jobs: int = 1) -> list[SensitivityFinding]:
    """Ask what could overturn rungs; the draws do not depend on the number of processes."""
    return map_tasks(_analyse, inquiries, jobs=jobs)


def why_not_analysed(settings: AnySensitivity, compared: Compared) -> str:
    """Say why no analysis, or not this one, is made of rungs of this kind; empty if it is.

    Analyses compare two exposures; those that fit anew compare persons with one another; and all
    but those of instruments ask what a common cause of exposure and outcome would do, which is what
    a rung with an instrument does not mind.
    """
    if compared.beyond_two_arms:
        return compared.beyond_two_arms
    if compared.estimator.kind == "within_person" and settings.kind not in OWN_ESTIMATE:
        return (
            "the rung compares persons with themselves, and this analysis would compare them with "
            "others"
        )
    if compared.estimator.needs_instruments and settings.kind not in OF_INSTRUMENTS:
        return (
            "the rung goes by an instrument, and this analysis is of a comparison of exposures as "
            "they came about, which is not the rung's; plausibly_exogenous and "
            "instrument_omitted_variable ask what could overturn an instrument"
        )
    return ""


def inspect_instruments(
    inspections: Sequence[Inspection], *, jobs: int = 1
) -> list[InstrumentFinding]:
    """Check instruments; the draws do not depend on the number of processes."""
    return map_tasks(_inspect, inspections, jobs=jobs)


def _inspect(one: Inspection) -> InstrumentFinding:
    """Make one check."""
    rng = generator(one.seed, "instrument", one.check.kind, one.number, one.instrument)
    try:
        return one.check.examine(one.subject, one.instrument, rng)
    except CausalError as error:
        if not str(error.place):
            error.place = one.place
        raise


def _analyse(inquiry: Inquiry) -> SensitivityFinding:
    """Make one sensitivity analysis."""
    settings, subject = inquiry.settings, inquiry.subject
    unseen = "" if subject.sample.entered.all() else NEVER_SEEN
    if why := unseen or why_not_analysed(settings, subject.compared):
        name = "what it takes to overturn the rung"
        return finding_without_number(settings.kind, subject.rung, name, NotEstimable(why))
    rng = generator(inquiry.seed, "sensitivity", settings.kind, inquiry.number, subject.rung)
    try:
        return settings.analyse(subject, rng)
    except CausalError as error:
        if not str(error.place):
            error.place = inquiry.place
        raise


def _measure(trial: Trial) -> list[Tally | NotEstimable]:
    """Try refuters at one strength; give a tally for each, or why there is none."""
    first = trial.attempts[0]
    if trial.k not in trial.study.strengths_for(first.refuter):
        return [NotEstimable("not tried at this strength")]
    tried = [Tried(one.number, one.refuter, one.auxiliary) for one in trial.attempts]
    try:
        return try_cohorts(tried, first.subject, trial.study, trial.k, first.seed, trial.which)
    except CausalError as error:
        if not str(error.place):
            error.place = first.place
        raise


def _try(attempt: Attempt) -> Refutation:
    """Try one refuter."""
    rng = generator(attempt.seed, "refuter", attempt.refuter.kind, attempt.number)
    try:
        return attempt.refuter.refute(attempt.subject, rng, attempt.auxiliary)
    except CausalError as error:
        if not str(error.place):
            error.place = attempt.place
        raise

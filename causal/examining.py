"""Tries to break fitted rungs, and asks what could overturn them: numerics only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causal.errors import CausalError, Place
from causal.estimate import NotEstimable
from causal.execution import map_tasks
from causal.instrumental import AnyInstrumentCheck, InstrumentFinding
from causal.refuters import AnyRefuter, Auxiliary, PowerCurve, PowerPoint, Refutation
from causal.refuters.power import PowerStudy, gather_curve, measure_power
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, SensitivityFinding
from causal.sensitivity.base import finding_without_number
from causal.subject import Subject

NEVER_SEEN = (
    "the rung weighs for persons never seen at the exposure interview, so rows without an exposure "
    "take part in it"
)
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
    """One refuter to be tried on cohorts with a confounder of one strength."""

    attempt: Attempt
    study: PowerStudy
    k: float


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
    trials = [Trial(one, study, k) for one in attempts for k in study.strengths]
    points, many = map_tasks(_measure, trials, jobs=jobs), len(study.strengths)
    return [
        gather_curve(one.refuter, one.subject, study, points[at * many : (at + 1) * many])
        for at, one in enumerate(attempts)
    ]


def analyse_sensitivity(inquiries: Sequence[Inquiry], *, jobs: int = 1) -> list[SensitivityFinding]:
    """Ask what could overturn rungs; the draws do not depend on the number of processes."""
    return map_tasks(_analyse, inquiries, jobs=jobs)


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
    refused = _not_represented(settings, subject)
    if refused is not None:
        name = "what it takes to overturn the rung"
        return finding_without_number(settings.kind, subject.rung, name, refused)
    rng = generator(inquiry.seed, "sensitivity", settings.kind, inquiry.number, subject.rung)
    try:
        return settings.analyse(subject, rng)
    except CausalError as error:
        if not str(error.place):
            error.place = inquiry.place
        raise


def _not_represented(settings: AnySensitivity, subject: Subject) -> NotEstimable | None:
    """Say why no analysis, or not this one, can represent what the rung compares; None if it can.

    Analyses count and regress rows with a known exposure; those that fit anew compare persons with
    one another; and all but those of instruments ask what a common cause of exposure and outcome
    would do, which is what a rung with an instrument does not mind.
    """
    if not subject.sample.entered.all():
        return NotEstimable(NEVER_SEEN)
    if subject.beyond_two_arms:
        return NotEstimable(subject.beyond_two_arms)
    if subject.estimator.kind == "within_person" and settings.kind not in OWN_ESTIMATE:
        return NotEstimable(
            "the rung compares persons with themselves, and this analysis would compare them with "
            "others"
        )
    if subject.estimator.needs_instruments and settings.kind not in OF_INSTRUMENTS:
        return NotEstimable(
            "the rung goes by an instrument, and this analysis is of a comparison of exposures as "
            "they came about, which is not the rung's; plausibly_exogenous and "
            "instrument_omitted_variable ask what could overturn an instrument"
        )
    return None


def _measure(trial: Trial) -> PowerPoint | NotEstimable:
    """Try one refuter at one strength."""
    attempt, k = trial.attempt, trial.k
    rng = generator(attempt.seed, "power", attempt.refuter.kind, attempt.number, f"{k:g}")
    try:
        return measure_power(
            attempt.refuter, attempt.subject, attempt.auxiliary, trial.study, k, rng
        )
    except CausalError as error:
        if not str(error.place):
            error.place = attempt.place
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

"""Tries to break fitted rungs, and asks what could overturn them: numerics only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causal.errors import CausalError, Place
from causal.execution import map_tasks
from causal.refuters import AnyRefuter, Auxiliary, Refutation
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, SensitivityFinding
from causal.subject import Subject


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


def refute_rung(attempts: Sequence[Attempt], *, jobs: int = 1) -> list[Refutation]:
    """Try every refuter; the draws do not depend on the number of processes."""
    return map_tasks(_try, attempts, jobs=jobs)


def analyse_sensitivity(inquiries: Sequence[Inquiry], *, jobs: int = 1) -> list[SensitivityFinding]:
    """Ask what could overturn rungs; the draws do not depend on the number of processes."""
    return map_tasks(_analyse, inquiries, jobs=jobs)


def _analyse(inquiry: Inquiry) -> SensitivityFinding:
    """Make one sensitivity analysis."""
    settings, subject = inquiry.settings, inquiry.subject
    rng = generator(inquiry.seed, "sensitivity", settings.kind, inquiry.number, subject.rung)
    try:
        return settings.analyse(subject, rng)
    except CausalError as error:
        if not str(error.place):
            error.place = inquiry.place
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

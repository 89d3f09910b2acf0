"""Tries to break fitted rungs, and asks what could overturn them: numerics only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causal.cohort import Sample
from causal.errors import CausalError, Place
from causal.estimate import Estimates, Scale
from causal.estimators import AnyEstimator
from causal.execution import map_tasks
from causal.refuters import AnyRefuter, Refutation
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, SensitivityFinding


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A fitted rung, with the rows and columns it was fitted on."""

    rung: str
    estimator: AnyEstimator
    sample: Sample
    estimates: Estimates
    scale: Scale


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """One refuter to be tried on one rung.

    Attributes
    ----------
    number : position in the specification; names the random stream with the kind.
    auxiliary : samples with other outcomes, for negative controls.
    """

    number: int
    refuter: AnyRefuter
    subject: Subject
    auxiliary: Mapping[str, Sample]
    seed: int
    place: Place


def refute_rung(attempts: Sequence[Attempt], *, jobs: int = 1) -> list[Refutation]:
    """Try every refuter; the draws do not depend on the number of processes."""
    return map_tasks(_try, attempts, jobs=jobs)


def analyse_sensitivity(
    settings: AnySensitivity, subject: Subject, place: Place
) -> SensitivityFinding:
    """Ask what could overturn a rung."""
    try:
        return settings.analyse(subject.rung, subject.estimates, subject.sample, subject.scale)
    except CausalError as error:
        if not str(error.place):
            error.place = place
        raise


def _try(attempt: Attempt) -> Refutation:
    """Try one refuter."""
    subject = attempt.subject
    rng = generator(attempt.seed, "refuter", attempt.refuter.kind, attempt.number)
    try:
        return attempt.refuter.refute(
            subject.rung,
            subject.estimator,
            subject.sample,
            subject.estimates,
            subject.scale,
            rng,
            attempt.auxiliary,
        )
    except CausalError as error:
        if not str(error.place):
            error.place = attempt.place
        raise

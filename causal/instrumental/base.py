"""What every check of an instrument is: settings that look at one instrument of a rung."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import ExposureKind, OutcomeKind
from causal.diagnostics import Verdict
from causal.documents import Settings
from causal.errors import InstrumentError, PositivityError
from causal.estimators.instrumental import Instrumented
from causal.estimators.nuisance import choose_terms
from causal.findings import Curve, Row
from causal.strata import Strata
from causal.subject import Subject


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """One instrument in the rows of a rung whose outcome is known.

    Attributes
    ----------
    name : of the instrument.
    y, a, z, w : (n,) floats, outcome, exposure, instrument and weights.
    cluster : (n,) ints or None.
    given : (n, q) floats, what the rung adjusts for.
    x : (n, p) floats, the covariates of every rung of the ladder proper.
    terms : p names of the columns of ``x``.
    free : p booleans, whether the rung leaves the column out of ``given``.
    outcome_kind, exposure_kind : what ``y`` and ``a`` are.
    strata : of the rows, or None.
    """

    name: str
    y: Floats
    a: Floats
    z: Floats
    w: Floats
    cluster: Ints | None
    given: Floats
    x: Floats
    terms: tuple[str, ...]
    free: tuple[bool, ...]
    outcome_kind: OutcomeKind
    exposure_kind: ExposureKind
    strata: Strata | None = None

    @property
    def df(self) -> float:
        """Give the degrees of freedom a survey leaves; infinite, for the normal, without one."""
        return math.inf if self.strata is None else float(self.strata.free(self.cluster))

    @property
    def two_arms(self) -> bool:
        """Tell whether the instrument is 0/1."""
        return bool(np.isin(self.z, (0.0, 1.0)).all())

    @property
    def conditional(self) -> bool:
        """Tell whether the rung holds it to be an instrument given covariates."""
        return bool(self.given.shape[1])


@dataclass(frozen=True, slots=True)
class InstrumentFinding:
    """What one check says of one instrument.

    Attributes
    ----------
    kind, rung, instrument : which check, of which instrument of which rung.
    verdict : FAIL where the data contradict the instrument; NOT_EVALUATED where nothing is judged.
    sentence : what was found, or why the check does not apply.
    cannot_see : what a pass leaves open.
    rows : every number.
    curves : what is to be drawn.
    """

    kind: str
    rung: str
    instrument: str
    verdict: Verdict
    sentence: str
    cannot_see: str
    rows: tuple[Row, ...] = ()
    curves: tuple[Curve, ...] = ()

    def labelled(self, label: str) -> tuple[Row, ...]:
        """Give the rows of a label."""
        return tuple(row for row in self.rows if row.label == label)


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found, before it is known of which rung and instrument."""

    verdict: Verdict
    sentence: str
    rows: tuple[Row, ...] = ()
    curves: tuple[Curve, ...] = ()


class InstrumentCheck(Settings, ABC):
    """Settings of one check; ``look`` orchestrates, numbers are pure functions.

    Attributes
    ----------
    kind : the name in the specification.
    cannot_see : what a pass leaves open, in words.
    """

    kind: str

    cannot_see: ClassVar[str]

    def examine(self, subject: Subject, name: str, rng: np.random.Generator) -> InstrumentFinding:
        """Look at one instrument of a rung.

        Parameters
        ----------
        subject : a rung with instruments.
        name : of the instrument.
        rng : the check's own stream.

        Raises
        ------
        InstrumentError
            The rung has no such instrument.
        """
        one = instrument_of(subject, name)
        try:
            found = self.look(one, rng)
        except (PositivityError, InstrumentError) as error:
            found = Found("NOT_EVALUATED", f"Does not apply: {error.message}")
        return InstrumentFinding(
            self.kind,
            subject.rung,
            name,
            found.verdict,
            found.sentence,
            self.cannot_see,
            found.rows,
            found.curves,
        )

    @abstractmethod
    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Say what the data show of the instrument."""


def instrument_of(subject: Subject, name: str) -> Instrument:
    """Take one instrument of a rung, in the rows with an outcome.

    Raises
    ------
    InstrumentError
        The rung has no such instrument.
    """
    sample, estimator = subject.sample, subject.estimator
    if sample.z is None or name not in sample.instruments:
        raise InstrumentError(f"the rung '{subject.rung}' has no instrument '{name}'.")
    seen = sample.observed
    terms = estimator.terms if isinstance(estimator, Instrumented) else None
    held = choose_terms(sample, terms)
    return Instrument(
        name=name,
        y=sample.y[seen],
        a=sample.a[seen],
        z=sample.z[seen, sample.instruments.index(name)],
        w=np.asarray(sample.w[seen]),
        cluster=None if sample.cluster is None else sample.cluster[seen],
        given=held.x[seen],
        x=subject.shared.x[seen],
        terms=subject.shared.terms,
        free=tuple(term not in held.terms for term in subject.shared.terms),
        outcome_kind=sample.outcome_kind,
        exposure_kind=sample.exposure_kind,
        strata=None if sample.strata is None else sample.strata.rows(seen),
    )


def does_not_apply(why: str) -> Found:
    """Say why a check is not made."""
    return Found("NOT_EVALUATED", f"Does not apply: {why}.")


def refused(one: Instrument, *, exposure: bool = True, outcome: bool = False) -> Found | None:
    """Say why a check of an instrument that is 0/1 and random for everybody does not apply.

    Parameters
    ----------
    exposure, outcome : whether these have to be 0/1 too.
    """
    if not one.two_arms:
        return does_not_apply(f"it needs an instrument of two values, and {one.name} has more")
    if exposure and one.exposure_kind != "binary":
        return does_not_apply("it needs an exposure of two values, and this is a dose")
    if outcome and one.outcome_kind != "binary":
        return does_not_apply("it needs an outcome of two values")
    if one.conditional:
        return does_not_apply(
            f"the rung takes {one.name} to be random given covariates only, and this looks at it "
            "alone"
        )
    return None

"""What a refuter is tried in to measure its power: a rung, controls or a diagram drawn anew."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import DIFFERENCES, NotEstimable
from causal.estimators import NuisanceStore
from causal.refuters.base import Auxiliary, Refuter
from causal.refuters.control_worlds import (
    ExposureControlWorld,
    ManyOutcomesWorld,
    build_exposure_control,
    build_many_outcomes,
)
from causal.refuters.diagram_worlds import DiagramWorld, build_diagram_world, hidden_pair
from causal.refuters.worlds import (
    HIGHEST_R2,
    Benchmark,
    Confounder,
    Known,
    World,
    build_world,
    draw_cohort,
    find_benchmark,
)
from causal.sensitivity.partial_r2 import Strength
from causal.subject import Subject


@dataclass(frozen=True, slots=True)
class Planted:
    """What is put into cohorts.

    Attributes
    ----------
    k : strength of the confounder, counted in ``benchmark``.
    effect : of exposure on the rung's outcome, ratios as logs; the rung's own estimate when None.
    confounder : one value a cluster (a person where there are none), or one a row.
    """

    k: float
    benchmark: Benchmark
    effect: float | None
    confounder: Confounder


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One cohort as a refuter sees it.

    Attributes
    ----------
    estimate : of the rung in it; None where the refuter's own estimate is what is biased.
    faulty : the same with the fault the refuter is made for, where that is another one.
    """

    subject: Subject
    auxiliary: Auxiliary
    estimate: float | None
    faulty: Auxiliary | None = None


class Scene(Protocol):
    """What is drawn anew, again and again.

    Attributes
    ----------
    effect : the known one of what is estimated, ratios as logs.
    wanted, reached : partial R2 of the confounder asked for and had.
    """

    @property
    def effect(self) -> float:
        """Give the known effect."""
        ...

    @property
    def wanted(self) -> Strength:
        """Give the strength asked for."""
        ...

    @property
    def reached(self) -> Strength:
        """Give the strength had."""
        ...

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw one cohort; raise where the rung cannot be fitted to it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RungScene:
    """The rung's own rows, with exposure and outcome drawn anew and the rung fitted to them."""

    subject: Subject
    world: World
    wanted: Strength

    @property
    def effect(self) -> float:
        """Give the planted effect."""
        return self.world.effect

    @property
    def reached(self) -> Strength:
        """Give the strength had."""
        return Strength(self.world.exposure.r2, self.world.outcome.r2)

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw a cohort, and fit the rung."""
        fitted, estimate = _fit(self.subject, draw_cohort(self.world, rng), rng)
        return Shown(fitted, Auxiliary(), estimate)


@dataclass(frozen=True, slots=True, eq=False)
class ControlOutcomeScene:
    """A negative control outcome drawn anew; the rung stays, for failing rests on the control."""

    subject: Subject
    key: str
    world: World
    wanted: Strength
    effect: float = 0.0

    @property
    def reached(self) -> Strength:
        """Give the strength had, on the control."""
        return Strength(self.world.exposure.r2, self.world.outcome.r2)

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw the control's rows."""
        return Shown(self.subject, Auxiliary({self.key: draw_cohort(self.world, rng)}), None)


@dataclass(frozen=True, slots=True, eq=False)
class ControlExposureScene:
    """A negative control exposure drawn anew, and the exposure and the outcome beside it."""

    subject: Subject
    key: str
    world: ExposureControlWorld
    wanted: Strength
    effect: float = 0.0

    @property
    def reached(self) -> Strength:
        """Give the strength had: with the control, and with the outcome."""
        return self.world.reached

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw the control's rows."""
        return Shown(self.subject, Auxiliary(exposures={self.key: self.world.draw(rng)}), None)


@dataclass(frozen=True, slots=True, eq=False)
class ManyControlsScene:
    """The rung's outcome and many controls, drawn from one exposure and one confounder."""

    subject: Subject
    world: ManyOutcomesWorld
    wanted: Strength
    effect: float

    @property
    def reached(self) -> Strength:
        """Give the strength had, on the rung's own outcome."""
        own = self.world.worlds[OWN]
        return Strength(own.exposure.r2, own.outcome.r2)

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw all outcomes, and fit the rung to its own."""
        drawn = self.world.draw(rng)
        fitted, estimate = _fit(self.subject, drawn.pop(OWN), rng)
        return Shown(fitted, Auxiliary(drawn), estimate)


@dataclass(frozen=True, slots=True, eq=False)
class DiagramScene:
    """The columns of a diagram's concepts, drawn so that what it implies is true.

    The confounder bears on exposure and outcome there too. Beside it stands the fault the test is
    made for: a common cause as strong, hidden between two concepts the diagram separates.
    """

    rung: RungScene
    diagram: DiagramWorld

    @property
    def effect(self) -> float:
        """Give the planted effect."""
        return self.rung.effect

    @property
    def wanted(self) -> Strength:
        """Give the strength asked for."""
        return self.rung.wanted

    @property
    def reached(self) -> Strength:
        """Give the strength had in the rung's own rows."""
        return self.rung.reached

    def draw(self, rng: np.random.Generator) -> Shown:
        """Draw a cohort, and the columns of the concepts twice."""
        shown, data = self.rung.draw(rng), self.diagram.data
        confounded = self.diagram.draw(data.effect_of, self.reached, rng)
        pair = hidden_pair(data, rng)
        wrong = self.diagram.draw((pair.one, pair.other), self.reached, rng)
        return replace(
            shown,
            auxiliary=Auxiliary(implications=confounded),
            faulty=Auxiliary(implications=wrong),
        )


OWN = ""
"""Name of the rung's own outcome among controls, which all have one."""


def set_scene(
    refuter: Refuter, subject: Subject, auxiliary: Auxiliary, planted: Planted
) -> Scene | NotEstimable:
    """Build what a refuter is to be tried in.

    Raises
    ------
    PositivityError, OutcomeError
        The covariates determine exposure, control or outcome, or the effect is impossible.
    """
    if refuter.tried_on == "control outcome":
        return _control_outcome(refuter, subject, auxiliary, planted)
    known = _known_of_rung(subject, planted)
    if isinstance(known, NotEstimable):
        return known
    if refuter.tried_on == "control exposure":
        return _control_exposure(refuter, subject, auxiliary, planted, known)
    if refuter.tried_on == "controls":
        return _many_controls(refuter, subject, auxiliary, planted, known)
    wanted = _times(planted.k, planted.benchmark.strength)
    rung = RungScene(subject, build_world(subject.sample, known), wanted)
    if refuter.tried_on == "cohort":
        return rung
    if auxiliary.implications is None or not auxiliary.implications.implied:
        return NotEstimable("the diagram implies nothing that is tested, so nothing can fail")
    return DiagramScene(rung, build_diagram_world(auxiliary.implications.scored))


def _control_outcome(
    refuter: Refuter, subject: Subject, auxiliary: Auxiliary, planted: Planted
) -> ControlOutcomeScene | NotEstimable:
    """Build the world of one control: strength with it is counted in what it hangs on itself."""
    control = auxiliary.outcome(refuter.control_outcomes[0])
    if isinstance(control, NotEstimable):
        return control
    known = _known_of_control(control, planted, subject)
    if isinstance(known, NotEstimable):
        return known
    world, wanted = build_world(control, known[0]), known[1]
    return ControlOutcomeScene(subject, refuter.control_outcomes[0].key, world, wanted)


def _known_of_control(
    control: Sample, planted: Planted, subject: Subject
) -> tuple[Known, Strength] | NotEstimable:
    """Say what is known of a control: no effect, and the confounder's strength with it."""
    own = find_benchmark(control, planted.benchmark.name)
    if isinstance(own, NotEstimable):
        return own
    explained = Strength(planted.benchmark.strength.exposure, own.strength.outcome)
    wanted = _times(planted.k, explained)
    target = subject.estimates.target
    strength = _capped(wanted)
    return Known(None, "mean_difference", target, strength, planted.confounder), wanted


def _control_exposure(
    refuter: Refuter, subject: Subject, auxiliary: Auxiliary, planted: Planted, known: Known
) -> ControlExposureScene | NotEstimable:
    """Build the world of one control exposure."""
    key = refuter.control_exposures[0].key
    control = auxiliary.exposure(refuter.control_exposures[0])
    if isinstance(control, NotEstimable):
        return control
    name, kind = planted.benchmark.name, subject.sample.exposure_kind
    with_outcome = planted.k * planted.benchmark.strength.outcome
    world = build_exposure_control(control, kind, known, with_outcome, name, planted.k)
    if isinstance(world, NotEstimable):
        return world
    return ControlExposureScene(subject, key, world, world.wanted)


def _many_controls(
    refuter: Refuter, subject: Subject, auxiliary: Auxiliary, planted: Planted, known: Known
) -> ManyControlsScene | NotEstimable:
    """Build the world of the rung's outcome and its controls."""
    samples, of = {OWN: subject.sample}, {OWN: known}
    for control in refuter.control_outcomes:
        sample = auxiliary.outcome(control)
        if isinstance(sample, NotEstimable):
            continue
        found = _known_of_control(sample, planted, subject)
        if isinstance(found, NotEstimable):
            return found
        samples[control.key], of[control.key] = sample, found[0]
    world = build_many_outcomes(samples, of)
    if isinstance(world, NotEstimable):
        return world
    wanted = _times(planted.k, planted.benchmark.strength)
    return ManyControlsScene(subject, world, wanted, known.effect or 0.0)


def _known_of_rung(subject: Subject, planted: Planted) -> Known | NotEstimable:
    """Say what is known of the rung's world."""
    estimated = subject.estimates.contrast(subject.scale)
    if isinstance(estimated, NotEstimable):
        return estimated
    effect = float(estimated.values[0])
    if planted.effect is not None:
        if subject.scale not in DIFFERENCES and planted.effect <= 0:
            return NotEstimable(f"power.effect is {planted.effect:g}; a ratio must be above 0")
        effect = planted.effect if subject.scale in DIFFERENCES else math.log(planted.effect)
    strength = _capped(_times(planted.k, planted.benchmark.strength))
    return Known(effect, subject.scale, subject.estimates.target, strength, planted.confounder)


def _times(k: float, strength: Strength) -> Strength:
    """Multiply both."""
    return Strength(k * strength.exposure, k * strength.outcome)


def _capped(wanted: Strength) -> Strength:
    """Keep both at most as large as is plausible."""
    return Strength(min(wanted.exposure, HIGHEST_R2), min(wanted.outcome, HIGHEST_R2))


def _fit(subject: Subject, cohort: Sample, rng: np.random.Generator) -> tuple[Subject, float]:
    """Fit the rung to a cohort."""
    estimates = subject.estimator.fit(cohort, NuisanceStore(), rng)
    value = estimates.contrast(subject.scale)
    if isinstance(value, NotEstimable):
        raise PositivityError(value.reason)
    drawn = replace(
        subject, sample=cohort, estimates=estimates, crude=estimates, shared=cohort, unfollowed=None
    )
    return drawn, float(value.values[0])

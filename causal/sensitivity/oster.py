"""Oster's delta: how strong selection on the unmeasured must be, as a share of the measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.cohort import TIME, Sample
from causal.estimate import Estimates, NotEstimable
from causal.findings import Curve, Number, Point, Row, amount, numbers
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import find_blocks, listed
from causal.sensitivity.proportional_selection import (
    Movement,
    delta_for,
    effects_at,
    measure_movement,
    movements_without,
)
from causal.subject import Subject

NAME = "delta at which the least-squares estimate is {:g}"
YARDSTICK = "all measured covariates jointly"
FACTOR = 1.3
"""Multiple of the R2 with the measured covariates at which 90 % of the randomised results that
Oster (2019) looked at would have stood; her default."""
DRAWN = 41
"""Points of the curve."""


class Oster(Sensitivity):
    """How strong selection on unmeasured covariates must be relative to that on the measured.

    From the linear model of the rung's covariates, whatever the rung's own estimator; the
    design's time indicators are in both regressions. There is no interval: Oster gives none.

    Attributes
    ----------
    r2_max : R2 of the regression that would have the unmeasured covariates too.
    r2_max_factor : the same as a multiple of the R2 with the measured ones; at most 1 results.
        ``FACTOR`` when neither is given.
    beta : the effect delta is sought for.
    delta : the selection for which the effect left is given.

    Assumptions
    -----------
    A linear model with one effect for all. The unmeasured are related to exposure delta times as
    strongly as the measured, each weighed by what it does to the outcome, and are uncorrelated
    with them. The R2 that would be reached is a choice, not a finding.

    References
    ----------
    Oster (2019), doi:10.1080/07350015.2016.1227711, proposition 3 for delta and, solved for
    the effect, for what a delta leaves; at delta = 1 as in the author's programme psacalc.
    """

    kind: Literal["oster"] = "oster"
    r2_max: Annotated[float, Field(gt=0, le=1)] | None = None
    r2_max_factor: Annotated[float, Field(gt=1, allow_inf_nan=False)] | None = None

    beta: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    delta: Annotated[float, Field(allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _selects(self) -> Oster:
        if self.delta == 0:
            raise ValueError(
                "delta 0 is no selection on the unmeasured, which leaves the controlled estimate; "
                "give another, such as 1"
            )
        return self

    @model_validator(mode="after")
    def _says_r2_once(self) -> Oster:
        if self.r2_max is not None and self.r2_max_factor is not None:
            raise ValueError("give r2_max or r2_max_factor, not both: each sets the R2 reached")
        return self

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give delta for the effect sought, and the effect for the delta given."""
        sample, rung, name = subject.sample, subject.rung, NAME.format(self.beta)
        seen = sample.observed
        shared = np.array([concept == TIME for concept in sample.concepts], dtype=bool)
        if shared.all():
            why = NotEstimable("the rung adjusts for nothing measured that could be a yardstick")
            return finding_without_number(self.kind, rung, name, why)
        x = sample.x[seen]
        moved = measure_movement(
            sample.y[seen], sample.a[seen], x[:, ~shared], x[:, shared], sample.w[seen]
        )
        if isinstance(moved, NotEstimable):
            return finding_without_number(self.kind, rung, name, moved)
        r2_max = self._r2_max(moved)
        if isinstance(r2_max, NotEstimable):
            return finding_without_number(self.kind, rung, name, r2_max)
        delta = delta_for(moved, r2_max, self.beta)
        blocks, _ = find_blocks(None, sample)
        pulls = movements_without(sample.y[seen], sample.a[seen], x, blocks, sample.w[seen])
        covered = _covers(subject.estimates, sample, self.beta)
        multiple = _multiple(delta, covered, moved, pulls)
        return SensitivityFinding(
            self.kind,
            rung,
            name,
            delta,
            (*_rows(self, moved, r2_max, delta), *(_pull_row(*one) for one in pulls)),
            _sentence(self, moved, r2_max, delta, covered, pulls),
            _short(self, moved, r2_max, delta, covered, pulls),
            multiple,
            YARDSTICK,
            curves=_curves(self, moved),
        )

    def _r2_max(self, moved: Movement) -> float | NotEstimable:
        """Give the R2 to be reached, or say that the covariates reach it already."""
        if self.r2_max is None:
            return min(1.0, (self.r2_max_factor or FACTOR) * moved.r2_controlled)
        if self.r2_max <= moved.r2_controlled:
            return NotEstimable(
                f"r2_max is {self.r2_max:g}, and the measured covariates already reach "
                f"{moved.r2_controlled:.3f}; it has to be above that"
            )
        return self.r2_max


def _covers(estimates: Estimates, sample: Sample, beta: float) -> bool:
    """Tell whether the rung's own interval includes the effect sought."""
    own = estimates.effect(
        "risk_difference" if sample.outcome_kind == "binary" else "mean_difference"
    )
    return not isinstance(own, NotEstimable) and own.lo <= beta <= own.hi


def _multiple(
    delta: Number, covered: bool, moved: Movement, pulls: Sequence[tuple[str, float]]
) -> Number:
    """Count in the measured covariates; the direction of the unmeasured is not known."""
    if covered:
        return 0.0
    if not isinstance(delta, NotEstimable) and _say_opposed(moved, pulls):
        return NotEstimable(
            "single blocks move the estimate both ways and nearly cancel, so the measured "
            "covariates jointly are no yardstick"
        )
    return delta if isinstance(delta, NotEstimable) else abs(delta)


def _rows(settings: Oster, moved: Movement, r2_max: float, delta: Number) -> tuple[Row, ...]:
    """Write both regressions, delta, and the effect a delta leaves."""
    own, others = effects_at(moved, r2_max, settings.delta)
    left: dict[str, Number] = dict(r2_max=r2_max, delta=settings.delta, estimate=own)
    names = ("other_solution", "third_solution")
    none = NotEstimable("there is one solution" if len(others) == 0 else "there are two solutions")
    left |= {
        name: float(others[place]) if place < len(others) else none
        for place, name in enumerate(names[: max(1, len(others))])
    }
    first = dict(estimate=moved.uncontrolled, r2=moved.r2_uncontrolled)
    then = dict(estimate=moved.controlled, r2=moved.r2_controlled)
    return (
        Row("uncontrolled", numbers(first), note="least squares; no interval"),
        Row("controlled", numbers(then), note="least squares; no interval"),
        Row(
            "delta_for_zero" if settings.beta == 0 else "delta_for_beta",
            numbers(dict(r2_max=r2_max, beta=settings.beta, delta=delta)),
        ),
        Row("effect_at_delta_one" if settings.delta == 1 else "effect_at_delta", numbers(left)),
    )


def _pull_row(block: str, movement: float) -> Row:
    """Write how far leaving out one block moves the estimate."""
    return Row("block", numbers(dict(movement_without=movement)), block)


def _curves(settings: Oster, moved: Movement) -> tuple[Curve, ...]:
    """Draw the effect at the delta given over the R2 that would be reached."""
    grid = np.linspace(moved.r2_controlled, 1.0, DRAWN)
    drawn = [(float(r2), effects_at(moved, float(r2), settings.delta)[0]) for r2 in grid]
    points = tuple(Point(r2, one) for r2, one in drawn if not isinstance(one, NotEstimable))
    name = f"estimate if selection on the unmeasured were {_times(settings.delta)} on the measured"
    axes = "R2 with the unmeasured covariates", "difference, least squares"
    return (Curve(name, *axes, points, settings.beta),)


def _times(delta: float) -> str:
    """Say how strong selection is beside that on the measured covariates."""
    if delta == 1:
        return "as strong as"
    return f"{abs(delta):g} times as strong as" + ("" if delta > 0 else ", and opposite to, that")


def _short(
    settings: Oster,
    moved: Movement,
    r2_max: float,
    delta: Number,
    covered: bool,
    pulls: Sequence[tuple[str, float]],
) -> str:
    """Say in one sentence what it takes."""
    if covered:
        return (
            f"The interval of the rung includes {settings.beta:g} without any unmeasured covariate."
        )
    if isinstance(delta, NotEstimable):
        return f"Oster's delta is not given: {delta.reason}."
    way = "" if delta >= 0 else ", and in the opposite direction,"
    said = (
        f"Unmeasured covariates would have to be {abs(delta):.2f} times as strongly related to "
        f"exposure as all measured ones jointly{way} to bring the least-squares estimate of "
        f"{amount(moved.controlled)} to {settings.beta:g}, if with them R2 rose from "
        f"{moved.r2_controlled:.2f} to {r2_max:.2f}"
    )
    if _say_opposed(moved, pulls):
        return f"{said}; flattering, since measured blocks pull both ways and nearly cancel."
    return f"{said}."


def _sentence(
    settings: Oster,
    moved: Movement,
    r2_max: float,
    delta: Number,
    covered: bool,
    pulls: Sequence[tuple[str, float]],
) -> str:
    """Say what delta means, with the two regressions it rests on."""
    own, _ = effects_at(moved, r2_max, settings.delta)
    parts = [
        f"Least squares gives {amount(moved.uncontrolled)} (R2 {amount(moved.r2_uncontrolled)}) "
        "without "
        f"and {amount(moved.controlled)} (R2 {amount(moved.r2_controlled)}) with the measured "
        "covariates.",
    ]
    if isinstance(delta, NotEstimable):
        parts.append(f"Oster's delta is not given: {delta.reason}.")
    else:
        parts.append(
            f"If those not measured would raise R2 to {r2_max:.2f}, an effect of "
            f"{settings.beta:g} needs delta {delta:.2f}: {_meaning(delta, settings.beta)}."
        )
    strong = (
        "on both as strong (delta 1)" if settings.delta == 1 else f"of delta {settings.delta:g}"
    )
    if isinstance(own, NotEstimable):
        parts.append(f"For delta {settings.delta:g}: {own.reason}.")
    else:
        parts.append(f"With selection {strong} {amount(own)} would be left.")
    parts.append(_say_opposed(moved, pulls))
    if covered:
        parts.append(f"The rung's own interval includes {settings.beta:g} already.")
    parts.append(
        "These have no interval, and rest on one effect for all in a linear model and on the "
        "chosen R2."
    )
    return " ".join(part for part in parts if part)


def _say_opposed(moved: Movement, pulls: Sequence[tuple[str, float]]) -> str:
    """Warn where blocks pull both ways, so that jointly they look weaker than they are."""
    low = min(pulls, key=lambda one: one[1])
    high = max(pulls, key=lambda one: one[1])
    net = moved.uncontrolled - moved.controlled
    if not low[1] < 0 < high[1] or abs(net) >= max(-low[1], high[1]):
        return ""
    return (
        f"Delta is flattering here: single blocks move the estimate both ways (without "
        f"{listed([low[0]])} by {amount(low[1], signed=True)}, without {listed([high[0]])} by "
        f"{amount(high[1], signed=True)}) and "
        f"all together by {amount(net, signed=True)}, so one pulling one way only would do with "
        "less."
    )


def _meaning(delta: float, beta: float) -> str:
    """Say what a delta means, its sign in words."""
    if delta < 0:
        return (
            f"adjusting for the measured covariates moves the estimate away from {beta:g}, so "
            "selection on the unmeasured would have to go the other way, "
            f"{abs(delta):.2f} times as strongly"
        )
    return (
        f"the unmeasured would have to be {delta:.2f} times as strongly related to exposure as "
        "all measured ones jointly, and in the same direction"
    )

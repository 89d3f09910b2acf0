"""Austen plots: how much a confounder must say of exposure and of outcome to overturn a rung."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.cohort import Sample
from causal.estimate import DIFFERENCES, Effect, Estimates, NotEstimable, Scale
from causal.findings import Contour, Curve, Mark, Number, Point, Row, amount, numbers, times
from causal.sensitivity.austen_model import (
    LEAST,
    MOST,
    Influence,
    World,
    bias_of,
    equal_influence,
    measured_influences,
    multiple_of,
    outcome_needed,
    world_of,
)
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import WEAK_R2, listed, percent
from causal.subject import Subject

NAME = "influence on exposure and on outcome, both the same, that brings the interval limit to 0"
POINTS = 60
"""Points of a curve."""
SIDE = 31
"""Points of each side of the contour."""
X_NAME = "influence on exposure: share of what the covariates leave (alpha)"
Y_NAME = "influence on outcome: share of what the covariates leave (partial R2)"


@dataclass(frozen=True, slots=True)
class Compared:
    """One block: its influence, and how often as strong a confounder would have to be.

    Attributes
    ----------
    estimate, interval : the multiples that bring the estimate, and the interval, to 0.
    """

    block: str
    influence: Influence | NotEstimable
    estimate: Number
    interval: Number


class Austen(Sensitivity):
    """How much a confounder must say of exposure and of outcome to take a difference away.

    The confounder spreads the propensity about what the covariates say of it, and moves the
    outcome in proportion to its log odds. Propensity and outcome are regressed on all columns of
    the rung (logistic; linear for a continuous outcome). Rows count as weighted; clustering
    enters the rung's interval only.

    Attributes
    ----------
    level : of the interval.

    Assumptions
    -----------
    The true propensity has a beta distribution about the fitted one, alpha being the share of
    the variance of exposure left by the covariates that it explains; the outcome is moved
    linearly by its log odds, the same in both arms. For a binary outcome this is about means
    only. A block of measured covariates says how strong confounders may be, but need not.

    References
    ----------
    Veitch & Zaveri (2020), arXiv:2003.01747, theorems 1 (bias) and 2 (partial R2).
    """

    kind: Literal["austen"] = "austen"
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Draw the line of confounders that take the difference away, and the blocks beside it."""
        sample, rung = subject.sample, subject.rung
        effect = _difference(subject.estimates, sample, self.level)
        if isinstance(effect, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, effect)
        world = world_of(sample, subject.estimates.target)
        if isinstance(world, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, world)
        limit = min(abs(effect.lo), abs(effect.hi)) if effect.lo * effect.hi > 0 else 0.0
        whole = abs(effect.estimate)
        blocks = tuple(
            Compared(block, one, multiple_of(world, one, whole), multiple_of(world, one, limit))
            for block, one in measured_influences(sample, world)
        )
        headline = equal_influence(world, limit)
        strongest = _strongest(blocks)
        multiple: Number = 0.0
        if limit:
            multiple = strongest if isinstance(strongest, NotEstimable) else strongest.interval
        yardstick = (
            ""
            if isinstance(strongest, NotEstimable)
            else f"{listed([strongest.block])}, the measured block of which the least would do"
            + (", a weak benchmark" if _weak(strongest) else "")
        )
        whole_influence = equal_influence(world, whole)
        rows = (
            Row("estimate", numbers(dict(bias=whole, influence=whole_influence))),
            Row("interval_limit", numbers(dict(bias=limit, influence=headline))),
            *(_block_row(world, one) for one in blocks),
        )
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            headline,
            rows,
            _sentence(effect, subject.scale, headline, whole_influence, strongest),
            _short(effect, headline, strongest),
            multiple,
            yardstick,
            curves=_curves(world, whole, limit),
            contours=_contours(world, effect.estimate, blocks),
        )


def _difference(estimates: Estimates, sample: Sample, level: float) -> Effect | NotEstimable:
    """Give the rung's own difference."""
    scale: Scale = "risk_difference" if sample.outcome_kind == "binary" else "mean_difference"
    return estimates.effect(scale, level)


def _strongest(blocks: Sequence[Compared]) -> Compared | NotEstimable:
    """Find the block of which the smallest multiple brings the interval to 0."""
    usable = [(one.interval, one) for one in blocks if not isinstance(one.interval, NotEstimable)]
    if usable:
        return min(usable, key=lambda pair: pair[0])[1]
    if not blocks:
        return NotEstimable("the rung adjusts for no measured block to compare with")
    names = listed(one.block for one in blocks)
    return NotEstimable(f"no measured block ({names}) bears on both exposure and outcome")


def _block_row(world: World, one: Compared) -> Row:
    """Write the influence of a block, the bias it would make, and its multiple."""
    if isinstance(one.influence, NotEstimable):
        return Row("block", numbers(dict(influence_on_exposure=one.influence)), one.block)
    values: dict[str, Number] = {
        "influence_on_exposure": one.influence.exposure,
        "influence_on_outcome": one.influence.outcome,
        "bias": bias_of(world, one.influence),
        "multiple_for_estimate": _finite(one.estimate),
        "multiple_for_interval": _finite(one.interval),
    }
    return Row("block", numbers(values), one.block, "weak benchmark" if _weak(one) else "")


def _weak(one: Compared) -> bool:
    """Tell whether a block explains so little of exposure that a multiple of it is little."""
    return isinstance(one.influence, Influence) and one.influence.exposure < WEAK_R2


def _finite(multiple: Number) -> Number:
    """Say in words that no multiple does."""
    if isinstance(multiple, NotEstimable) or math.isfinite(multiple):
        return multiple
    return NotEstimable("not reached: the most there can be of it is not enough")


def _curves(world: World, whole: float, limit: float) -> tuple[Curve, ...]:
    """Draw the confounders that bring the estimate, and the interval, to 0."""
    found = []
    for name, bias in (("brings the estimate to 0", whole), ("brings the interval to 0", limit)):
        needed = [
            (float(alpha), outcome_needed(world, float(alpha), bias))
            for alpha in np.geomspace(0.001, MOST, POINTS)
        ]
        points = tuple(Point(alpha, share) for alpha, share in needed if LEAST < share <= 1)
        if points:
            found.append(Curve(name, X_NAME, Y_NAME, points))
    return tuple(found)


def _contours(world: World, estimate: float, blocks: Sequence[Compared]) -> tuple[Contour, ...]:
    """Draw what is left of the estimate over both influences, the blocks marked."""
    known = [one for one in blocks if isinstance(one.influence, Influence)]
    marks = tuple(
        Mark(one.block, one.influence.exposure, one.influence.outcome)
        for one in known
        if isinstance(one.influence, Influence)
    )
    half = equal_influence(world, abs(estimate))
    reach = 2 * half if isinstance(half, float) else 1.0
    # wide enough for the line and for every mark
    x, y = (
        np.linspace(0, min(MOST, max(reach, 1.2 * max(at, default=0.0), 0.02)), SIDE)
        for at in ([one.x for one in marks], [one.y for one in marks])
    )
    sign = 1.0 if estimate >= 0 else -1.0
    # the bias grows with the root of the partial R2, so one evaluation a column is enough
    most = [bias_of(world, Influence(float(a), 1.0)) for a in x]
    height = tuple(tuple(estimate - sign * math.sqrt(b) * one for one in most) for b in y)
    name = "estimate left if the confounder works against it"
    return (
        Contour(
            name,
            X_NAME,
            Y_NAME,
            tuple(float(a) for a in x),
            tuple(float(b) for b in y),
            height,
            0.0,
            marks,
        ),
    )


def _short(effect: Effect, headline: Number, strongest: Compared | NotEstimable) -> str:
    """Say in one sentence what it takes."""
    if effect.lo <= 0 <= effect.hi:
        return (
            f"The interval of the difference, {amount(effect.lo)} to {amount(effect.hi)}, "
            "includes 0 "
            "without any confounder."
        )
    if isinstance(headline, NotEstimable):
        return f"In this model {headline.reason}."
    said = (
        f"A confounder that explains {percent(headline)} of what the covariates leave of exposure "
        "and of outcome could bring the interval to 0"
    )
    if isinstance(strongest, NotEstimable) or isinstance(strongest.interval, NotEstimable):
        return f"{said}."
    if math.isinf(strongest.interval):
        return f"{said}, and no multiple of a measured block could."
    weak = " (a weak benchmark)" if _weak(strongest) else ""
    return (
        f"{said}, as could one {times(strongest.interval)} times {listed([strongest.block])}{weak}."
    )


def _sentence(
    effect: Effect,
    scale: Scale,
    headline: Number,
    whole: Number,
    strongest: Compared | NotEstimable,
) -> str:
    """Say what it takes for estimate and interval, against which block, and what it rests on."""
    parts = [_short(effect, headline, strongest)]
    if isinstance(whole, float):
        parts.append(
            f"For the estimate itself, {amount(effect.estimate)}, it takes {percent(whole)} of "
            "each."
        )
    else:
        parts.append(f"For the estimate itself, {whole.reason}.")
    if isinstance(strongest, NotEstimable):
        parts.append(f"There is no yardstick: {strongest.reason}.")
    elif isinstance(strongest.influence, Influence):
        parts.append(
            f"Leaving out {listed([strongest.block])} takes away "
            f"{percent(strongest.influence.exposure)} of what would be left of exposure and "
            f"{percent(strongest.influence.outcome)} of outcome; a multiple is of both."
        )
        if strongest.influence.exposure < WEAK_R2:
            parts.append("That is a weak benchmark for exposure.")
    if scale not in DIFFERENCES:
        parts.append(f"All this is on the difference, not on the {scale.replace('_', ' ')}.")
    parts.append(
        "The confounder is taken to spread the propensity about the fitted one and to move the "
        "outcome by its log odds, the same in both arms; one of another kind is not bounded by it."
    )
    return " ".join(parts)

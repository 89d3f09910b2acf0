"""The tipping point: how unlike the known outcomes the missing ones must be to overturn a rung."""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from causal import inference
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import DIFFERENCES, NotEstimable, Scale
from causal.estimators import AnyEstimator
from causal.estimators.nuisance import OutcomeModel, choose_terms
from causal.estimators.outcome_fit import outcome_columns
from causal.estimators.regression import over_target
from causal.findings import Contour, Curve, Mark, Point, Row, numbers, tell, times
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.block_effects import (
    BlockEffect,
    adjusted_terms,
    block_effects,
    contributions,
    in_blocks,
)
from causal.sensitivity.conversions import pooled_deviation
from causal.sensitivity.delta_tilt import TiltModel, fit_tilt
from causal.sensitivity.tipping_search import ARMS, Tilting, Tip, find_tip
from causal.subject import Subject

NAME = "smallest tilt of the lost of one arm at which the interval meets 0"


def _ascending(deltas: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse a grid that does not rise."""
    if len(deltas) < 2 or any(b <= a for a, b in pairwise(deltas)):
        raise ValueError(
            f"deltas are at least two numbers in ascending order, such as [-2, -1, 0, 1, 2], "
            f"not {list(deltas)}"
        )
    return deltas


Deltas: TypeAlias = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...], AfterValidator(_ascending)
]


class TippingPoint(Sensitivity):
    """Missing outcomes that differ from known ones of the same exposure and covariates.

    The outcome regression and a regression of being followed give each row, under each exposure,
    its mean if known and its probability of being missing. The mean of the missing is moved by a
    tilt, one for each arm: added to the log odds of a 0/1 outcome, or to a continuous one. Both
    are averaged over all rows, followed or not. No tilt is missing at random.

    Attributes
    ----------
    deltas : the grid of tilts, for both arms: log odds, or standard deviations of the outcome
        within arms.
    level : of the interval.

    Assumptions
    -----------
    The rung's: its covariates suffice, and its outcome regression is right for those with a known
    outcome. The tilt is the same for all of an arm, which no data can show.

    References
    ----------
    Rotnitzky, Robins & Scharfstein (1998), doi:10.1080/01621459.1998.10473795; Yan, Lee & Li
    (2009), J Biopharm Stat 19:1085 (tipping points).
    """

    kind: Literal["tipping_point"] = "tipping_point"
    deltas: Deltas = (-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    needs_unfollowed: ClassVar[bool] = True

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the estimate over the grid of tilts, and the smallest tilt that overturns it."""
        everybody, outcome = _all_rows(subject), _outcome_model(subject.estimator)
        if isinstance(everybody, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, everybody)
        tilting = _fit(subject, everybody, outcome, self.level)
        if isinstance(tilting, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, tilting)
        effects = _effects(everybody, outcome, tilting.model)
        unexposed, exposed = find_tip(tilting, 0), find_tip(tilting, 1)
        least = min((exposed, unexposed), key=_size)
        multiple, strongest = in_blocks(_size(least), effects)
        short = _short(tilting, least, multiple, strongest)
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME,
            least.interval,
            (*_own(subject), *_rows(tilting, (exposed, unexposed), effects)),
            _sentence(tilting, (exposed, unexposed), least, short, subject.scale),
            short,
            multiple,
            f"the effect of {strongest} in the outcome regression" if strongest else "",
            (_curve(tilting, self.deltas),),
            _contours(tilting, self.deltas, exposed),
        )


def _size(tip: Tip) -> float:
    """Give how far the missing of one arm have to be tilted; infinite where no tilt does."""
    idle = isinstance(tip.interval, NotEstimable) or (tip.lost == 0 and tip.interval != 0)
    return math.inf if idle or isinstance(tip.interval, NotEstimable) else abs(tip.interval)


def _fit(
    subject: Subject, everybody: Sample, outcome: OutcomeModel, level: float
) -> Tilting | NotEstimable:
    """Fit what is tilted, to average over whom the rung averages over."""
    target: Literal["ATE", "ATT", "ATC"] = "ATE"
    if subject.estimates.target in ("ATT", "ATC"):
        target = "ATT" if subject.estimates.target == "ATT" else "ATC"
    over = everybody.w * over_target(everybody.a, target)
    try:
        model = fit_tilt(everybody, outcome, over)
    except (OutcomeError, PositivityError) as problem:
        return NotEstimable(problem.message.rstrip("."))
    unit, seen = 1.0, everybody.observed
    if not model.logistic:
        unit = pooled_deviation(everybody.y[seen], everybody.a[seen], everybody.w[seen])
    return Tilting(everybody, model, unit, subject.estimator.variance, target, level)


def _all_rows(subject: Subject) -> Sample | NotEstimable:
    """Give the rows with and without an outcome, or why there is nothing to tilt."""
    everybody = subject.unfollowed
    if subject.sample.exposure_kind != "binary":
        return NotEstimable("a tilt is declared for exposed and unexposed, and this is a dose")
    if everybody is None:
        return NotEstimable("the rows without an outcome are not at hand")
    everybody = everybody.rows(np.asarray(~np.isnan(everybody.x).any(axis=1)))
    if everybody.observed.all():
        return NotEstimable("no outcome is missing")
    return everybody


def _outcome_model(estimator: AnyEstimator) -> OutcomeModel:
    """Give the rung's own outcome regression where it has one; on the log odds if binary."""
    given = getattr(estimator, "outcome", None)
    if not isinstance(given, OutcomeModel):
        return OutcomeModel(terms=adjusted_terms(estimator))
    return given.model_copy(update={"link": None})


def _effects(sample: Sample, outcome: OutcomeModel, model: TiltModel) -> list[BlockEffect]:
    """Measure how far each block moves the outcome regression of the exposed."""
    chosen = choose_terms(sample, outcome.terms)
    pooled = outcome.arms == "pooled"
    products = [i for i, term in enumerate(chosen.terms) if pooled and term in outcome.interactions]
    columns = outcome_columns(np.ones(chosen.n), chosen.x, products, pooled)
    named = [*chosen.concepts, *(chosen.concepts[i] for i in products)]
    concepts = ["", *named] if pooled else named
    return block_effects(*contributions(model.outcome.fits[-1], columns, concepts))


def _own(subject: Subject) -> tuple[Row, ...]:
    """Write the rung's own difference, to stand beside the standardised one."""
    own = subject.estimates.effect("mean_difference")
    if isinstance(own, NotEstimable):
        return ()
    values = numbers(dict(estimate=own.estimate, lo=own.lo, hi=own.hi))
    return (Row("rung", values, note="the rung's own estimator"),)


def _scenarios(tilting: Tilting) -> list[Row]:
    """Write the estimate where the lost are at an extreme in either arm."""
    binary = tilting.model.logistic
    step = math.inf if binary else tilting.unit
    words = (
        {0: "as predicted", 1: "had the outcome", -1: "had it not"}
        if binary
        else {0: "as predicted", 1: "1 SD higher", -1: "1 SD lower"}
    )
    rows = []
    for exposed, unexposed in product((0, 1, -1), repeat=2):
        found = tilting.difference(
            unexposed * step if unexposed else 0.0, exposed * step if exposed else 0.0
        )
        values = numbers(dict(estimate=found.estimate, lo=found.lo, hi=found.hi))
        label = f"lost exposed {words[exposed]}; lost unexposed {words[unexposed]}"
        note = "missing at random" if exposed == unexposed == 0 else ""
        rows.append(Row("scenario", values, label, note))
    return rows


def _rows(tilting: Tilting, tips: tuple[Tip, ...], effects: list[BlockEffect]) -> tuple[Row, ...]:
    """Write who is lost, the scenarios, the tipping points and the blocks to compare with."""
    sample = tilting.sample
    note = (
        ""
        if tilting.model.loss.by_covariates
        else "the probability of loss is the share of the arm: covariates determine who is lost, "
        "or an arm loses nobody"
    )
    lost = [
        Row(
            "lost",
            numbers(dict(rows=float((sample.a == tip.arm).sum()), lost=float(tip.lost))),
            ARMS[tip.arm],
            note,
        )
        for tip in tips
    ]
    tipping = [
        Row(
            "tipping",
            numbers(
                dict(
                    delta_estimate=tip.estimate,
                    delta_interval=tip.interval,
                    mean_untilted=tip.untilted,
                    mean_at_estimate=tip.at_estimate,
                    mean_at_interval=tip.at_interval,
                )
            ),
            f"{ARMS[tip.arm]} tilted",
        )
        for tip in tips
    ]
    blocks = [Row("block", numbers(dict(effect=one.effect)), one.concept) for one in effects]
    return (*lost, *_scenarios(tilting), *tipping, *blocks)


def _curve(tilting: Tilting, deltas: tuple[float, ...]) -> Curve:
    """Draw the difference against the tilt of the exposed, the unexposed untilted."""
    points = []
    for delta in deltas:
        one = tilting.difference(0.0, delta * tilting.unit)
        points.append(Point(delta * tilting.unit, one.estimate, one.lo, one.hi))
    return Curve(
        "lost exposed tilted, lost unexposed as predicted",
        _axis(tilting, 1),
        "difference",
        tuple(points),
        0.0,
    )


def _contours(tilting: Tilting, deltas: tuple[float, ...], tip: Tip) -> tuple[Contour, Contour]:
    """Draw the difference, and the end of its interval nearest 0, over both tilts."""
    grid = tuple(delta * tilting.unit for delta in deltas)
    cells = [[tilting.difference(y, x) for x in grid] for y in grid]
    sign = 1.0 if tilting.difference(0.0, 0.0).estimate >= 0 else -1.0
    tips = {"estimate is 0": tip.estimate, "interval meets 0": tip.interval}
    marks = [Mark("missing at random", 0.0, 0.0)]
    marks += [
        Mark(name, delta, 0.0)
        for name, delta in tips.items()
        if not isinstance(delta, NotEstimable) and grid[0] <= delta <= grid[-1]
    ]
    estimates = tuple(tuple(one.estimate for one in row) for row in cells)
    ends = tuple(tuple(one.end_nearest_zero(sign) for one in row) for row in cells)
    axes = _axis(tilting, 1), _axis(tilting, 0), grid, grid
    return (
        Contour("difference", *axes, estimates, 0.0, tuple(marks)),
        Contour("end of its interval nearest 0", *axes, ends, 0.0, tuple(marks)),
    )


def _axis(tilting: Tilting, arm: int) -> str:
    """Name the tilt of an arm, with its unit."""
    unit = "log odds" if tilting.model.logistic else "units of the outcome"
    return f"tilt of the lost {ARMS[arm]} ({unit})"


def _short(tilting: Tilting, tip: Tip, multiple: float | NotEstimable, strongest: str) -> str:
    """Say in one sentence what it takes."""
    share, arm = 100 * tip.lost / max(int((tilting.sample.a == tip.arm).sum()), 1), ARMS[tip.arm]
    who = f"the {tip.lost} lost {arm} ({share:.0f} % of the {arm})"
    if isinstance(tip.interval, NotEstimable):
        return f"Tilting {who} does not bring the interval to 0: {tip.interval.reason}."
    if tip.interval == 0:
        return "With missing outcomes predicted as if missing at random, the interval includes 0."
    against = ""
    if not isinstance(multiple, NotEstimable):
        against = f", {times(multiple)} times the effect of {strongest}"
    return (
        f"The interval meets 0 if {who} differ from {arm} persons alike in covariates by "
        f"{_tilt(tilting, tip)}{against}."
    )


def _tilt(tilting: Tilting, tip: Tip) -> str:
    """Write the tilt at which the interval meets 0, as a mean too."""
    delta, before, after = tip.interval, tip.untilted, tip.at_interval
    if isinstance(delta, NotEstimable) or isinstance(before, NotEstimable):
        return "nothing"
    if isinstance(after, NotEstimable):
        return f"{tell(delta)}"
    if tilting.model.logistic:
        return (
            f"an odds ratio of {tell(math.exp(delta))} (a probability of {after:.2f} where "
            f"{before:.2f} is predicted)"
        )
    known = tilting.sample.y[tilting.sample.observed]
    low, high = float(known.min()), float(known.max())
    beyond = f", beyond every known outcome, {tell(low)} to {tell(high)}"
    outside = "" if low <= after <= high else beyond
    return f"{tell(delta)} (a mean of {tell(after)} where {tell(before)} is predicted{outside})"


def _sentence(tilting: Tilting, tips: tuple[Tip, Tip], least: Tip, short: str, scale: Scale) -> str:
    """Say the estimate at random, what overturns it from either arm, and at the extremes."""
    start = tilting.difference(0.0, 0.0)
    parts = [
        f"Standardised over all {tilting.sample.n} rows, {tips[0].lost + tips[1].lost} of them "
        f"without an outcome and taken as missing at random, the difference is "
        f"{tell(start.estimate)} ({tell(start.lo)} to {tell(start.hi)}).",
        short,
    ]
    other = next(tip for tip in tips if tip is not least)
    if isinstance(other.interval, float) and other.interval:
        parts.append(
            f"With the lost {ARMS[other.arm]} tilted instead it takes {_tilt(tilting, other)}; "
            "with both tilted against each other, less of each (contours)."
        )
    for tip in tips:
        if isinstance(tip.estimate, NotEstimable):
            parts.append(
                f"Tilting the lost {ARMS[tip.arm]} alone does not bring the estimate to 0: "
                f"{tip.estimate.reason}."
            )
        else:
            parts.append(
                f"The estimate is 0 at a tilt of {tell(tip.estimate)} of the lost {ARMS[tip.arm]}."
            )
    if tilting.model.logistic:
        had, lacked = tilting.difference(math.inf, math.inf), tilting.difference(0.0, math.inf)
        parts.append(
            f"Had all of the lost had the outcome it would be {tell(had.estimate)} "
            f"({tell(had.lo)} to "
            f"{tell(had.hi)}); had only the lost exposed, {tell(lacked.estimate)} "
            f"({tell(lacked.lo)} to "
            f"{tell(lacked.hi)})."
        )
    parts.append("No data can show the tilt; confounding is not in it.")
    if scale not in DIFFERENCES:
        parts.append(f"All this is on the difference, not on the {scale.replace('_', ' ')}.")
    return " ".join(parts)

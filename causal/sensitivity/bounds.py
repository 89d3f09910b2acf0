"""Worst-case bounds: what the data say when little or nothing is assumed of exposure and loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from causal import inference
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import Effect, NotEstimable
from causal.estimators.follow_up import WeighsFollowUp
from causal.estimators.nuisance import NuisanceStore
from causal.findings import Number, Row, numbers, tell
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.conversions import nearest_limit
from causal.sensitivity.partial_identification import (
    Assumption,
    Bounds,
    lee_bounds,
    manski_bounds,
)
from causal.subject import Subject

NAME = "end nearest 0 of the worst-case bounds on the difference"
ALONE = "the data alone never exclude no effect"
UNIT: tuple[float, float] = (0.0, 1.0)
CUT = "the interval is cut at the largest difference there could be"


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    """Refuse a range whose ends are not in ascending order."""
    if not (math.isfinite(limits[0]) and math.isfinite(limits[1]) and limits[0] < limits[1]):
        raise ValueError(
            "outcome_range takes the lowest and the highest outcome there could be, in that order, "
            f"such as [0, 30], not {list(limits)}"
        )
    return limits


OutcomeRange: TypeAlias = Annotated[tuple[float, float], AfterValidator(_ordered)]


class Bounding(Sensitivity):
    """Bounds on the difference of everybody exposed and nobody exposed.

    Four in all, of which none adjusts for covariates but the third: outcomes under the exposure
    not had may be anything (``exposure``); missing outcomes too (``exposure_and_loss``); missing
    outcomes only, filled in at either extreme and given to the rung's own estimator (``loss``);
    and the difference among those who would be followed either way (``always_followed``), where
    exposure is taken as given.

    Attributes
    ----------
    outcome_range : the lowest and highest outcome there could be; 0 and 1 for a binary one.
    assume : what narrows the first two. ``monotone_response``: exposure moves nobody's outcome
        against ``direction``. ``monotone_selection``: those exposed would differ from the others
        in that direction under either exposure.
    direction : ``raises`` or ``lowers``; needed with ``assume``.
    level : of the intervals, which cover the difference itself and not the whole bounds.

    Assumptions
    -----------
    The range holds. ``always_followed``: exposure moves follow-up in one direction only, and is
    as good as random; a confounded exposure shifts it as it does the crude difference.

    References
    ----------
    Manski (1990), Am Econ Rev 80(2):319; Manski & Pepper (2000), doi:10.1111/1468-0262.00144;
    Lee (2009), doi:10.1111/j.1467-937X.2009.00536.x; intervals: Imbens & Manski (2004),
    doi:10.1111/j.1468-0262.2004.00555.x.
    """

    kind: Literal["bounds"] = "bounds"
    outcome_range: OutcomeRange | None = None
    assume: tuple[Assumption, ...] = ()
    direction: Literal["raises", "lowers"] | None = None
    level: float = Field(default=inference.LEVEL, gt=0.5, lt=1)

    needs_unfollowed: ClassVar[bool] = True

    @model_validator(mode="after")
    def _has_a_direction(self) -> Bounding:
        if bool(self.assume) != (self.direction is not None):
            raise ValueError(
                "assume and direction go together: say with assume what is monotone, and with "
                "direction whether exposure raises or lowers the outcome"
            )
        return self

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the bounds that nothing or the declared assumptions narrow, and those of loss."""
        sample, everybody, rung = subject.sample, _everybody(subject), subject.rung
        if sample.exposure_kind != "binary":
            why = NotEstimable("bounds compare exposed with unexposed, and this is a dose")
            return finding_without_number(self.kind, rung, NAME, why)
        limits = self._range(everybody)
        if isinstance(limits, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, limits)
        followed = everybody.rows(everybody.observed)
        lost = everybody.n - followed.n
        main = self._manski(followed, limits)
        rows = [self._row("exposure", main, limits)]
        if lost:
            both = self._manski(everybody, limits)
            rows.append(self._row("exposure_and_loss", both, limits))
            rows.append(_loss_row(subject, everybody, limits, self.level, rng))
        lee = lee_bounds(everybody.y, everybody.a, everybody.w, everybody.cluster)
        rows.append(self._row("always_followed", lee, limits))
        headline, multiple = self._overturned(main)
        short = self._short(main, limits)
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            headline,
            tuple(rows),
            _sentence(short, rows, lost, everybody.n, sample.outcome_kind == "binary"),
            short,
            multiple,
            "nothing: the bounds are the worst case already",
        )

    def _range(self, sample: Sample) -> tuple[float, float] | NotEstimable:
        """Give the range of the outcome, refusing one that does not hold it."""
        limits = self.outcome_range
        if sample.outcome_kind == "binary":
            if limits not in (None, UNIT):
                raise OutcomeError(
                    f"outcome_range {list(limits or ())} was given for an outcome that is 0 or 1. "
                    "Leave it out."
                )
            return UNIT
        if limits is None:
            return NotEstimable(
                "a continuous outcome needs outcome_range, the lowest and highest value there "
                "could be: without it the bounds are infinite"
            )
        known = sample.y[sample.observed]
        if known.min() < limits[0] or known.max() > limits[1]:
            raise OutcomeError(
                f"outcome_range {list(limits)} does not hold the outcome, which runs from "
                f"{known.min():g} to {known.max():g}. Widen it to what could be."
            )
        return limits

    def _manski(self, sample: Sample, limits: tuple[float, float]) -> Bounds:
        """Give the bounds, turned upwards for assumptions that point downwards."""
        if self.direction == "lowers":
            mirror = (-limits[1], -limits[0])
            return manski_bounds(
                -sample.y, sample.a, sample.w, sample.cluster, mirror, self.assume
            ).mirrored()
        return manski_bounds(sample.y, sample.a, sample.w, sample.cluster, limits, self.assume)

    def _overturned(self, main: Bounds) -> tuple[Number, Number]:
        """Give the end nearest 0, and what it takes: nothing, or nothing that is examined."""
        if main.lower > main.upper:
            why = NotEstimable("the data contradict the assumptions, so no bounds are left")
            return why, why
        lo, hi = main.interval(self.level)
        limit = nearest_limit(main.lower, main.upper, 0.0)
        if not self.assume:
            return limit, NotEstimable(
                "bounds that assume nothing hold 0 whatever the data, so they count nothing"
            )
        return limit, 0.0 if lo <= 0 <= hi else math.inf

    def _row(self, label: str, bounds: Bounds | NotEstimable, limits: tuple[float, float]) -> Row:
        """Write bounds with their interval."""
        if isinstance(bounds, NotEstimable):
            return Row(label, numbers(dict(lower=bounds, upper=bounds)))
        lo, hi, cut = _possible(bounds.interval(self.level), limits)
        values = numbers(
            dict(
                lower=bounds.lower,
                upper=bounds.upper,
                lo=lo,
                hi=hi,
                lower_error=bounds.lower_error,
                upper_error=bounds.upper_error,
            )
        )
        crossed = bounds.lower > bounds.upper
        return Row(label, values, note="the data contradict the assumptions" if crossed else cut)

    def _short(self, main: Bounds, limits: tuple[float, float]) -> str:
        """Say the bounds under what is assumed."""
        within = f"between {tell(main.lower)} and {tell(main.upper)}"
        if not self.assume:
            return (
                f"With nothing assumed of who is exposed, and missing outcomes left aside, the "
                f"difference lies {within}: {ALONE} "
                f"(the bounds are {limits[1] - limits[0]:g} wide by construction)."
            )
        named = " and ".join(one.replace("_", " ") for one in self.assume)
        told = f"Under {named} (exposure {self.direction} the outcome) the difference lies {within}"
        if main.lower > main.upper:
            return f"The data contradict {named}: no effect that {self.direction} fits them."
        lo, hi, _ = _possible(main.interval(self.level), limits)
        includes = "includes" if lo <= 0 <= hi else "excludes"
        return f"{told}; the interval, {tell(lo)} to {tell(hi)}, {includes} no effect."


def _everybody(subject: Subject) -> Sample:
    """Give all rows the rung could use, those without an outcome among them."""
    sample = subject.sample if subject.unfollowed is None else subject.unfollowed
    return sample.rows(np.asarray(~np.isnan(sample.x).any(axis=1)))


def _possible(
    interval: tuple[float, float], limits: tuple[float, float]
) -> tuple[float, float, str]:
    """Cut an interval at the largest difference there could be, and say so if that changes it."""
    largest = limits[1] - limits[0]
    lo, hi = (min(max(end, -largest), largest) for end in interval)
    return lo, hi, "" if (lo, hi) == interval else CUT


def _loss_row(
    subject: Subject,
    everybody: Sample,
    limits: tuple[float, float],
    level: float,
    rng: np.random.Generator,
) -> Row:
    """Give the rung's own estimate with missing outcomes at either extreme."""
    estimator = subject.estimator
    if isinstance(estimator, WeighsFollowUp):
        estimator = estimator.model_copy(update={"observation": None})
    ends: list[Effect] = []
    for exposed, unexposed in (limits, limits[::-1]):
        extreme = np.where(everybody.a == 1, exposed, unexposed)
        filled = replace(everybody, y=np.where(everybody.observed, everybody.y, extreme))
        try:
            fit = estimator.fit(filled, NuisanceStore(), rng)
        except (OutcomeError, PositivityError) as problem:
            return Row("loss", numbers(dict(lower=NotEstimable(problem.message))))
        effect = fit.effect("mean_difference", level)
        if isinstance(effect, NotEstimable):
            return Row("loss", numbers(dict(lower=effect)))
        ends.append(effect)
    first, last = ends
    bounds = Bounds(first.estimate, last.estimate, first.std_error, last.std_error)
    lo, hi, cut = _possible(bounds.interval(level), limits)
    values = dict(lower=bounds.lower, upper=bounds.upper, lo=lo, hi=hi)
    note = "the rung's own estimator and covariates"
    return Row("loss", numbers(values), note=f"{note}; {cut}" if cut else note)


def _sentence(short: str, rows: list[Row], lost: int, n: int, binary: bool) -> str:
    """Say what each of the bounds allows."""
    said = [short]
    by_label = {row.label: row for row in rows}
    if not lost:
        said.append("Every outcome is known, so loss to follow-up adds nothing.")
    for label, what in (
        ("exposure_and_loss", f"With the {lost} missing outcomes of {n} left open as well"),
        ("loss", "With the rung's covariates taken as enough, and only the missing left open"),
        (
            "always_followed",
            "Among those who would be followed either way, were exposure as good as random and did "
            "it move follow-up in one direction only",
        ),
    ):
        row = by_label.get(label)
        if row is None or isinstance(row.number("lower"), NotEstimable):
            continue
        found = [row.number(name) for name in ("lower", "upper", "lo", "hi")]
        ends = [tell(one) for one in found if not isinstance(one, NotEstimable)]
        said.append(f"{what}, it lies between {ends[0]} and {ends[1]} ({ends[2]} to {ends[3]}).")
    scale = "risk differences" if binary else "differences in means"
    said.append(f"Intervals in brackets are for {scale} and cover sampling error too.")
    if any(CUT in row.note for row in rows):
        said.append("They end at the largest difference there could be where they would exceed it.")
    return " ".join(said)

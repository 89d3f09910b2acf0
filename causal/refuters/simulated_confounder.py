"""A confounder simulated as strong as wished, adjusted for by the rung's own estimator.

The closed form of Cinelli & Hazlett answers for a linear model; this answers for any.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from causal import inference
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.errors import OutcomeError, PositivityError
from causal.estimate import NotEstimable
from causal.findings import Number, Row, numbers, tell
from causal.refuters.base import Examined, Refutation, Refuter
from causal.refuters.changes import AddedCovariate
from causal.refuters.confounding import Unit, make_confounder, measured_unit
from causal.refuters.drawing import refit
from causal.sensitivity.benchmarks import Benchmark, Multiples
from causal.sensitivity.partial_r2 import LinearFit, Strength, adjusted, fit_linear

U = "(confounder)"
HALVINGS = 8
"""Of the step of the grid in which 0 is met: k is then known to 1/256 of that step."""

Share: TypeAlias = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Moved:
    """The rung once a simulated confounder is adjusted for; ratios as logs.

    Attributes
    ----------
    value, lo, hi : means over the draws of estimate and interval limits.
    """

    strength: Strength
    value: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one multiple."""

    k: float
    moved: Moved | NotEstimable


class SimulatedConfounder(Refuter):
    """The rung refitted with a simulated confounder of chosen strength among its covariates.

    The confounder is made from what the covariates leave of exposure and outcome in the linear
    model, and from noise, so that its partial R2 with each is exactly as asked; it takes the
    estimate towards 0. Strength is counted in multiples k of a measured block of covariates, by
    the bound of Cinelli & Hazlett. FAIL when the interval meets 0 at ``must_withstand`` or below,
    NOT_RESOLVABLE when it includes 0 without any confounder, PASS otherwise.

    Attributes
    ----------
    benchmark : concept to compare with, several jointly as a list; the strongest the rung adjusts
        for when left out.
    partial_r2 : the strength at k = 1 instead of that of a block: partial R2 with exposure given
        the covariates, and with the outcome given both; at k each is k times that.
    k : ascending multiples to tabulate.
    must_withstand : the multiple the interval has to survive.
    draws : confounders simulated at each k; a linear model does not depend on the draw.

    Assumptions
    -----------
    Strength is that in a linear model, whatever the rung's estimator. A block bounds a confounder
    only if that is no more than k times as strong, which no data can show.

    References
    ----------
    Cinelli & Hazlett (2020), doi:10.1111/rssb.12348, section 4.4; Carnegie, Harada & Hill (2016),
    doi:10.1080/19345747.2015.1078862 (simulated confounders).
    """

    kind: Literal["simulated_confounder"] = "simulated_confounder"
    benchmark: Benchmark | None = None
    partial_r2: tuple[Share, Share] | None = None
    k: Multiples = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
    must_withstand: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    draws: int = Field(default=10, ge=1, le=10_000)

    sees: ClassVar[str] = (
        "an estimate that a confounder no stronger than a measured block would overturn, if there "
        "were one"
    )
    cannot_see: ClassVar[str] = (
        "whether there is such a confounder: this is about how much unmeasured confounding would "
        "be needed, not whether it is there"
    )

    not_of_instruments: ClassVar[str] = (
        "a common cause of exposure and outcome is what an instrument is there for; the analysis "
        "instrument_omitted_variable asks what a variable that spoils the instrument would do"
    )
    why_no_power: ClassVar[str] = (
        "it is no test but a sweep: it plants confounders of every strength itself and says what "
        "each would do to the estimate, so there is no null hypothesis a confounder could make it "
        "reject, and neither size nor power"
    )

    @field_validator("partial_r2")
    @classmethod
    def _stands_alone(
        cls, partial_r2: tuple[float, float] | None, found: ValidationInfo
    ) -> tuple[float, float] | None:
        if partial_r2 is not None and found.data.get("benchmark") is not None:
            raise ValueError("k counts either the benchmark or partial_r2; take one of them away")
        return partial_r2

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the concepts the settings name."""
        named = self.benchmark or ()
        return (named,) if isinstance(named, str) else named

    def examine(self, examined: Examined) -> Refutation:
        """Refit at each k, find where the interval meets 0, and judge."""
        rung, estimator = examined.rung, examined.estimator
        if not estimator.adjusts:
            return self.decline(rung, f"{estimator.kind} adjusts for nothing")
        seen = examined.sample.rows(examined.sample.observed)
        linear = fit_linear(seen.y, seen.a, seen.x, seen.w, seen.cluster)
        if isinstance(linear, NotEstimable):
            return self.decline(rung, linear.reason)
        unit: Unit | NotEstimable
        if self.partial_r2 is None:
            unit = measured_unit(seen, linear.df, self.benchmark)
        else:
            unit = Unit("", Strength(*self.partial_r2))
        if isinstance(unit, NotEstimable):
            return self.decline(rung, unit.reason)
        attempt = _attempts(examined, unit, self.draws)
        steps = [attempt(k) for k in sorted({0.0, *self.k, self.must_withstand})]
        sign = math.copysign(1.0, examined.value)
        meets = first_k(steps, lambda one: min(sign * one.lo, sign * one.hi) <= 0, attempt)
        flips = first_k(steps, lambda one: sign * one.value <= 0, attempt)
        at = next(one.moved for one in steps if one.k == self.must_withstand)
        verdict = confounder_verdict(meets, at, self.must_withstand)
        if verdict == "PASS" and unit.weak:  # surviving a little of little is no pass
            verdict = "NOT_RESOLVABLE"
        shown = at if isinstance(at, Moved) else _without(examined)
        lo, hi = sorted((examined.natural(shown.lo), examined.natural(shown.hi)))
        return self._report(
            rung,
            examined.natural(examined.value),
            np.empty(0),
            examined.natural(shown.value),
            (lo, hi),
            None,
            verdict,
            _sentence(self, examined, unit, (meets, flips), at),
            None,
            _rows(examined, linear, unit, steps, (meets, flips)),
        )


def first_k(
    steps: Sequence[Step], met: Callable[[Moved], bool], attempt: Callable[[float], Step]
) -> Number:
    """Find the smallest multiple at which something is met, between the steps of a grid.

    Parameters
    ----------
    steps : ascending in k, the first at 0.
    met : told of one refit.
    attempt : refits at another k.

    Returns
    -------
    k; 0 where it is met without any confounder; or why no k is found.
    """
    last = 0.0
    for step in steps:
        if isinstance(step.moved, NotEstimable):
            return NotEstimable(f"not reached up to k = {last:g}: {step.moved.reason}")
        if met(step.moved):
            low, high = last, step.k
            for _ in range(HALVINGS if high > 0 else 0):
                middle = attempt((low + high) / 2)
                if isinstance(middle.moved, Moved) and not met(middle.moved):
                    low = middle.k
                else:
                    high = middle.k
            return high
        last = step.k
    return NotEstimable(f"not reached up to k = {last:g}")


def confounder_verdict(meets: Number, at: Moved | NotEstimable, must_withstand: float) -> Verdict:
    """Judge in three ways.

    Parameters
    ----------
    meets : the k at which the interval meets 0.
    at : the refit at the multiple that has to be survived.
    """
    if isinstance(meets, float) and meets <= must_withstand:
        return "FAIL" if meets > 0 else "NOT_RESOLVABLE"
    return "PASS" if isinstance(at, Moved) else "NOT_RESOLVABLE"


def _attempts(examined: Examined, unit: Unit, draws: int) -> Callable[[float], Step]:
    """Give the function that refits at a multiple; the noise is the same at every one."""
    sample = examined.sample
    seeds = examined.rng.integers(2**62, size=draws)
    folds = int(examined.rng.integers(2**62))
    sign = math.copysign(1.0, examined.value)

    def attempt(k: float) -> Step:
        if k == 0:
            return Step(k, _without(examined))
        strength = unit.times(k)
        if isinstance(strength, NotEstimable):
            return Step(k, strength)
        changed = (
            (
                with_confounder(sample, strength, sign, np.random.default_rng(int(seed))),
                np.random.default_rng(folds),
            )
            for seed in seeds
        )
        try:
            found = refit(
                changed, examined.estimator, sample, examined.scale, same_rows=False, batched=False
            )
        except (PositivityError, OutcomeError) as problem:
            return Step(k, NotEstimable(problem.message.rstrip(".")))
        mean, half = float(found.values.mean()), float(found.half_widths.mean())
        return Step(k, Moved(strength, mean, mean - half, mean + half))

    return attempt


def with_confounder(
    sample: Sample, strength: Strength, sign: float, rng: np.random.Generator
) -> AddedCovariate:
    """Make a simulated confounder, to be added to the covariates."""
    return AddedCovariate(make_confounder(sample, strength, sign, rng), U)


def _without(examined: Examined) -> Moved:
    """Give the rung's own estimate."""
    half = inference.critical_value(df=examined.estimates.df) * examined.std_error
    return Moved(Strength(0.0, 0.0), examined.value, examined.value - half, examined.value + half)


def _rows(
    examined: Examined,
    linear: LinearFit,
    unit: Unit,
    steps: Sequence[Step],
    found: tuple[Number, Number],
) -> tuple[Row, ...]:
    """Write the block, every multiple, and where 0 is met."""
    measured = dict(r2_exposure=unit.strength.exposure, r2_outcome=unit.strength.outcome)
    note = f"weak benchmark: {unit.weak}" if unit.weak else ""
    return (
        Row("benchmark", numbers(measured), unit.name, note),
        *(_step_row(examined, linear, unit, step) for step in steps if step.k > 0),
        *(
            Row(label, numbers(_with_strength(unit, k)))
            for label, k in zip(("interval_meets_0", "sign_flips"), found, strict=True)
        ),
    )


def _with_strength(unit: Unit, k: Number) -> dict[str, Number]:
    """Give a multiple with the absolute partial R2 it means."""
    strength = k if isinstance(k, NotEstimable) else unit.times(k)
    if isinstance(strength, NotEstimable):
        return dict(k=k)
    return dict(k=k, r2_exposure=strength.exposure, r2_outcome=strength.outcome)


def _step_row(examined: Examined, linear: LinearFit, unit: Unit, step: Step) -> Row:
    """Write one multiple, with the closed form of the linear model beside it."""
    moved = step.moved
    if isinstance(moved, NotEstimable):
        return Row("k", numbers(dict(k=step.k, estimate=moved)), f"{step.k:g}")
    lo, hi = sorted((examined.natural(moved.lo), examined.natural(moved.hi)))
    closed = adjusted(linear, moved.strength)
    bias = math.copysign(abs(linear.estimate - closed.estimate), examined.value)
    values = dict(
        k=step.k,
        r2_exposure=moved.strength.exposure,
        r2_outcome=moved.strength.outcome,
        estimate=examined.natural(moved.value),
        lo=lo,
        hi=hi,
        linear_closed_form=linear.estimate - bias,
        linear_std_error=closed.std_error,
    )
    return Row("k", numbers(values), f"{step.k:g}")


def _sentence(
    settings: SimulatedConfounder,
    examined: Examined,
    unit: Unit,
    found: tuple[Number, Number],
    at: Moved | NotEstimable,
) -> str:
    """Say what a confounder would do."""
    what = unit.name.replace("_", " ") if unit.name else "the strength given"
    said = _what_it_takes(examined, unit, what, found[0])
    if isinstance(at, Moved):
        lo, hi = sorted((examined.natural(at.lo), examined.natural(at.hi)))
        said += (
            f"; at {settings.must_withstand:g} times {what}, which it is to survive, "
            f"{tell(examined.natural(at.value))} is left (95 % interval {tell(lo)} to {tell(hi)})"
        )
    else:
        said += f"; at {settings.must_withstand:g} times {what} there is no fit: {at.reason}"
    if isinstance(found[1], float) and found[1] > 0:
        said += f"; the sign changes at {tell(found[1], digits=2)} times"
    return f"{said}{f'; {what} is a weak benchmark: {unit.weak}' if unit.weak else ''}."


def _what_it_takes(examined: Examined, unit: Unit, what: str, meets: Number) -> str:
    """Say how strong a confounder brings the interval to no effect."""
    value = f"{tell(examined.natural(examined.value))}"
    if isinstance(meets, NotEstimable):
        return (
            f"No simulated confounder brings the interval of {value} to no effect ({meets.reason})"
        )
    if meets == 0:
        return f"The interval of {value} includes no effect without any confounder"
    said = (
        f"A simulated confounder {tell(meets, digits=2)} times as strong as {what} brings the "
        "interval of "
        f"{value} to no effect"
    )
    strength = unit.times(meets)
    if isinstance(strength, NotEstimable):
        return said
    return (
        f"{said} (partial R2 {strength.exposure:.2g} with exposure, {strength.outcome:.2g} with "
        "the outcome)"
    )

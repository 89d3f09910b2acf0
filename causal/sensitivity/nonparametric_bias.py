"""Omitted-variable bias of any average effect, without taking the outcome as linear."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import DIFFERENCES, Estimates, NotEstimable
from causal.estimators import LinearProbability, MeanDifference, NuisanceStore
from causal.findings import Contour, Mark, Number, Row, amount, numbers, times
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import (
    Benchmarks,
    Multiples,
    find_blocks,
    listed,
    percent,
    weakness,
)
from causal.sensitivity.bias_bounds import (
    Gains,
    Scaled,
    bounds,
    gains,
    nearest,
    needed_factor,
    needed_multiple,
    scaled,
    strength_factor,
    strength_of_factor,
    times_gains,
)
from causal.sensitivity.contours import axis, draw_contour, name_mark
from causal.sensitivity.partial_r2 import Strength, block_strength
from causal.sensitivity.riesz import Elements, bound_estimates, find_elements, without_terms
from causal.sensitivity.wording import say_not_reached
from causal.subject import Subject

NAME = "share of what is left of exposure and of outcome at which the interval meets 0"
X_NAME = "share of the variation in the long weights that only the omitted variable explains"
Y_NAME = "partial R² of the omitted variable with outcome"
ANY = "any measured block"


class NonparametricOmittedVariable(Sensitivity):
    """How strong an omitted variable would have to be, whatever the shape of the regressions.

    The bias of a difference is at most S C_Y C_D. S is known: the variance of the outcome around
    its regression, times the second moment of the representer (the weights that compare the
    arms). C_Y and C_D are how much the omitted variable adds to either.

    Attributes
    ----------
    benchmarks : concepts to compare with, several jointly as a list; all the rung adjusts for
        when left out.
    k : ascending multiples of a benchmark to tabulate.
    rho : correlation of the errors in outcome regression and representer; 1 is the worst case.
    level : of the interval around the bounds, two-sided.

    Assumptions
    -----------
    Both regressions are right for what is measured. A benchmark's bound holds if the confounder
    adds no more than k times what the block adds, which no data can show.

    References
    ----------
    Chernozhukov, Cinelli, Newey, Sharma & Syrgkanis (2022), arXiv:2112.13398.
    """

    kind: Literal["omitted_variable_nonparametric"] = "omitted_variable_nonparametric"
    benchmarks: Benchmarks | None = None
    k: Multiples = (1, 2, 3)
    rho: float = Field(default=1.0, gt=0, le=1)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @property
    def benchmark_concepts(self) -> tuple[str, ...]:
        """Give the concepts the benchmarks name."""
        named = self.benchmarks or ()
        return tuple(c for one in named for c in ((one,) if isinstance(one, str) else one))

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give bounds, robustness values, and the smallest multiple that overturns the rung."""
        seed = int(rng.integers(2**63))  # with and without a block on the same division
        try:
            prepared = _prepare(subject, seed)
        except (PositivityError, OutcomeError) as problem:
            prepared = NotEstimable(problem.message.rstrip("."))
        if isinstance(prepared, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, prepared)
        difference, sample, elements = prepared
        critical = inference.critical_value(self.level, difference.df)
        found = scaled(bound_estimates(difference, elements), critical)
        chosen, absent = find_blocks(self.benchmarks, sample)
        blocks = []
        for name, part in chosen:
            kept = tuple(t for t, left in zip(sample.terms, ~part, strict=True) if left)
            strength = block_strength(sample.y, sample.a, sample.x, sample.w, part)
            df = sample.n - sample.x.shape[1] - 2
            weak = weakness(strength, sample.x[:, part], max(df, 1))
            blocks.append(_Block(name, _gains(subject, sample, elements, kept, seed), weak))
        return self._report(subject, _Found(found, elements, tuple(blocks), absent, self.rho))

    def _report(self, subject: Subject, found: _Found) -> SensitivityFinding:
        """Write what was found."""
        smallest, robustness = found.smallest, found.robustness(of_interval=True)
        yardstick = smallest[0].title if smallest and smallest[1] else ANY
        multiple: Number = smallest[1] if smallest else math.inf
        if robustness and smallest is None and all(one.weak for one in found.blocks):
            # weak blocks that are not enough reassure of nothing
            multiple = NotEstimable("there is no block, or none but weak ones, to compare with")
            yardstick = ""
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME,
            robustness,
            (
                *_rows(found),
                *(row for one in found.blocks for row in _block_rows(found, one, self.k)),
            ),
            _sentence(self, subject, found),
            _short(self, found),
            0.0 if robustness == 0 else multiple,
            yardstick,
            contours=(_contour(self, found),),
        )


@dataclass(frozen=True, slots=True)
class _Block:
    """One benchmark: its name, what it adds, and why it is weak."""

    name: str
    gains: Gains | NotEstimable
    weak: str

    @property
    def title(self) -> str:
        return f"{listed([self.name])}{', a weak benchmark' if self.weak else ''}"


@dataclass(frozen=True, slots=True)
class _Found:
    """An estimate, the scale of its bias, and what it was compared with."""

    scaled: Scaled
    elements: Elements
    blocks: tuple[_Block, ...]
    absent: tuple[str, ...]
    rho: float

    def robustness(self, *, of_interval: bool) -> float:
        return strength_of_factor(needed_factor(self.scaled, of_interval=of_interval), self.rho)

    def multiple(self, block: _Block, *, of_interval: bool) -> Number:
        if isinstance(block.gains, NotEstimable):
            return block.gains
        factor = needed_factor(self.scaled, of_interval=of_interval)
        return needed_multiple(factor, block.gains.strength, self.rho)

    @property
    def smallest(self) -> tuple[_Block, float] | None:
        given = [(one, self.multiple(one, of_interval=True)) for one in self.blocks]
        known = [(one, k) for one, k in given if not isinstance(k, NotEstimable)]
        return min(known, key=lambda pair: pair[1], default=None)


def _prepare(subject: Subject, seed: int) -> tuple[Estimates, Sample, Elements] | NotEstimable:
    """Give the rung's difference and the pieces of its bound, on the same rows."""
    sample, estimator, estimates = subject.sample, subject.estimator, subject.estimates
    if not sample.observed.all():
        if not isinstance(estimator, LinearProbability | MeanDifference):
            return NotEstimable(
                f"{int((~sample.observed).sum())} of {sample.n} rows have no outcome, and what "
                "stands in for it has an error of its own that the bound does not know"
            )
        sample = sample.rows(sample.observed)
    if isinstance(estimates.influence, NotEstimable):
        return estimates.influence
    if len(estimates.influence) != sample.n:
        estimates = estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))
    binary = sample.outcome_kind == "binary"
    difference = estimates.contrast("risk_difference" if binary else "mean_difference")
    if isinstance(difference, NotEstimable):
        return difference
    elements = find_elements(estimator, sample, np.random.default_rng(seed))
    return elements if isinstance(elements, NotEstimable) else (difference, sample, elements)


def _gains(
    subject: Subject, sample: Sample, long: Elements, kept: tuple[str, ...], seed: int
) -> Gains | NotEstimable:
    """Leave a block out, fit again, and compare."""
    estimator = without_terms(subject.estimator, kept)
    try:
        short = find_elements(estimator, sample.with_terms(kept), np.random.default_rng(seed))
    except (PositivityError, OutcomeError) as problem:
        return NotEstimable(problem.message)
    return short if isinstance(short, NotEstimable) else gains(long, short)


def _rows(found: _Found) -> list[Row]:
    """Write the estimate, the scale of its bias, and the robustness values."""
    at, elements = found.scaled, found.elements
    whole = bounds(at, 0.0)
    scale = dict(
        scale=at.scale,
        std_error=math.sqrt(at.v_scale),
        sigma2=elements.sigma2,
        nu2=elements.nu2,
    )
    values = dict(
        rho=found.rho,
        estimate=found.robustness(of_interval=False),
        interval=found.robustness(of_interval=True),
    )
    return [
        Row("rung", numbers(dict(estimate=at.estimate, lo=whole.lo, hi=whole.hi))),
        Row(
            "bias_scale",
            numbers(scale),
            note="the bias is at most this, times what the omitted variable adds to either side",
        ),
        Row("robustness_value", numbers(values)),
    ]


def _block_rows(found: _Found, block: _Block, ks: tuple[float, ...]) -> list[Row]:
    """Write one benchmark: its gains, its multiples, and the bounds at each k."""
    note = f"weak benchmark: {block.weak}" if block.weak else ""
    if isinstance(block.gains, NotEstimable):
        return [Row("benchmark", numbers(dict(gain_outcome=block.gains)), block.name, note)]
    strength = block.gains.strength
    summary = dict(
        gain_exposure=strength.exposure,
        gain_outcome=strength.outcome,
        rho=block.gains.rho,
        change=block.gains.change,
        multiple_for_estimate=found.multiple(block, of_interval=False),
        multiple_for_interval=found.multiple(block, of_interval=True),
    )
    rows = [Row("benchmark", numbers(summary), block.name, note)]
    for k in ks:
        at = times_gains(strength, k)
        if isinstance(at, NotEstimable):
            rows.append(Row("bound", numbers(dict(k=k, lower=at)), block.name))
            continue
        given = bounds(found.scaled, strength_factor(at, found.rho))
        values = dict(
            k=k,
            r2_exposure=at.exposure,
            r2_outcome=at.outcome,
            lower=given.lower,
            upper=given.upper,
            lo=given.lo,
            hi=given.hi,
        )
        rows.append(Row("bound", numbers(values), block.name))
    return rows


def _contour(settings: NonparametricOmittedVariable, found: _Found) -> Contour:
    """Draw the end of the interval that meets 0 first."""
    smallest = found.smallest
    marks = []
    for block in found.blocks:
        further = settings.k if smallest is not None and block is smallest[0] else ()
        for k in sorted({1.0, *further}):
            at = block.gains if isinstance(block.gains, NotEstimable) else block.gains.strength
            at = at if isinstance(at, NotEstimable) else times_gains(at, k)
            if not isinstance(at, NotEstimable):
                marks.append(
                    Mark(name_mark(block.name, k, bool(block.weak)), at.exposure, at.outcome)
                )
    value = found.robustness(of_interval=False)
    return draw_contour(
        f"end of the {100 * settings.level:g} % interval nearest 0, in the worst direction",
        (X_NAME, Y_NAME),
        (axis([value, *(m.x for m in marks)]), axis([value, *(m.y for m in marks)])),
        lambda x, y: nearest(found.scaled, strength_factor(Strength(x, y), settings.rho)),
        0.0,
        tuple(marks),
    )


def _short(settings: NonparametricOmittedVariable, found: _Found) -> str:
    """Say in one sentence what overturns the rung."""
    level, value = f"{100 * settings.level:g} % interval", found.robustness(of_interval=True)
    if value == 0:
        return f"No omitted variable is needed: the {level} includes 0 already."
    smallest = found.smallest
    if smallest is None:
        return (
            f"Without taking anything as linear, an omitted variable that explains "
            f"{percent(value)} of what is left of exposure and of outcome brings the {level} to 0"
            f"{say_not_reached([bool(one.weak) for one in found.blocks])}."
        )
    weak = " (a weak benchmark)" if smallest[0].weak else ""
    return (
        f"Without taking anything as linear, an omitted variable {times(smallest[1])} times as "
        f"strong as {listed([smallest[0].name])}{weak} brings the {level} to 0."
    )


def _sentence(settings: NonparametricOmittedVariable, subject: Subject, found: _Found) -> str:
    """Say how strong an omitted variable would have to be, absolutely and against blocks."""
    whole = found.robustness(of_interval=False)
    worst = "in the worst direction" if settings.rho == 1 else f"at a correlation {settings.rho:g}"
    parts = [
        f"An omitted variable that explains {percent(whole)} of what is left of the outcome, and "
        f"as large a share of the weights that compare the arms, could {worst} bring the estimate "
        f"of {amount(found.scaled.estimate)} to 0, whatever the shape of the regressions.",
        _short(settings, found),
    ]
    weak = [one.name for one in found.blocks if one.weak]
    if weak:
        parts.append(f"Weak benchmarks, of which even a large multiple is little: {listed(weak)}.")
    if found.absent:
        parts.append(f"Not adjusted for here, so not compared with: {listed(found.absent)}.")
    if found.blocks:
        parts.append("A confounder unlike these blocks is not bounded by them.")
    if subject.scale not in DIFFERENCES:
        parts.append(
            f"All this is on the difference, not on the {subject.scale.replace('_', ' ')}."
        )
    return " ".join(parts)

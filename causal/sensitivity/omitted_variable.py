"""Robustness values, and bounds benchmarked by the blocks of covariates a rung adjusts for."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.cohort import Sample
from causal.estimate import Effect, Estimates, NotEstimable
from causal.findings import Number, Row, numbers
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import (
    Benchmarks,
    Block,
    Compared,
    Multiples,
    Of,
    find_blocks,
    judge_block,
    leading_multiple,
    listed,
    smallest_over_blocks,
)
from causal.sensitivity.contours import contours_of
from causal.sensitivity.partial_r2 import (
    adjusted,
    block_strength,
    fit_linear,
    robustness_value,
    times_as_strong,
)
from causal.sensitivity.wording import say_shortly, say_what_overturns
from causal.subject import Subject

OF: tuple[Of, ...] = ("estimate", "interval", "robust interval")
ANY = "any measured block"
NAME = "smallest multiple of a measured block at which the interval meets {}"


class OmittedVariable(Sensitivity):
    """How strong an omitted variable would have to be, in partial R2, to overturn a linear model.

    The linear model takes the rung's covariates, the design's time indicators among them.
    Robustness values and bounds use its classical standard error and degrees of freedom;
    clustering enters the interval only, and is printed beside the classical one.

    Attributes
    ----------
    benchmarks : concepts to compare with, several jointly as a list; all the rung adjusts for
        when left out. One the rung does not adjust for is said to be so.
    k : ascending multiples of a benchmark to tabulate.
    q : the share of the estimate that is to go; 1 brings it to 0.
    level : of the interval.
    quantile : of the intervals at k: ``normal`` as everywhere in this library, or ``student``
        with df - 1 as in sensemakr. The robustness value of the interval is always Student's.

    Assumptions
    -----------
    A linear model with one effect for all. A bound holds if the confounder is no more than k
    times as strong as the block, which no data can show.

    References
    ----------
    Cinelli & Hazlett (2020), doi:10.1111/rssb.12348, sections 4.1 to 4.4.
    """

    kind: Literal["omitted_variable"] = "omitted_variable"
    benchmarks: Benchmarks | None = None
    k: Multiples = (1, 2, 3)
    q: float = Field(default=1.0, gt=0, le=1)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)
    quantile: Literal["normal", "student"] = "normal"

    @property
    def benchmark_concepts(self) -> tuple[str, ...]:
        """Give the concepts the benchmarks name."""
        named = self.benchmarks or ()
        return tuple(c for one in named for c in ((one,) if isinstance(one, str) else one))

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give robustness values, bounds, and the smallest multiple that overturns the rung."""
        sample, rung = subject.sample, subject.rung
        seen = sample.observed
        cluster = None if sample.cluster is None else sample.cluster[seen]
        y, a, x, w = sample.y[seen], sample.a[seen], sample.x[seen], sample.w[seen]
        fit = fit_linear(y, a, x, w, cluster)
        if isinstance(fit, NotEstimable):
            return finding_without_number(self.kind, rung, NAME.format("0"), fit)
        df = math.inf if self.quantile == "normal" else fit.df - 1
        critical = inference.critical_value(self.level, df)
        chosen, absent = find_blocks(self.benchmarks, sample)
        blocks = tuple(
            judge_block(name, block_strength(y, a, x, w, part), x[:, part], fit, self.q, critical)
            for name, part in chosen
        )
        found = Compared(fit, self.q, self.level, critical, cluster is not None, blocks, absent)
        own = _difference(subject.estimates, sample, self.level)
        rows = (
            *_model_rows(found, own),
            *(row for block in blocks for row in _benchmark_rows(found, block, self.k)),
            *(_smallest_row(found, of) for of in OF),
        )
        smallest = smallest_over_blocks(found, "interval")
        headline = smallest if isinstance(smallest, NotEstimable) else smallest.multiple
        multiple, yardstick = _count(found, covers(own, self.q))
        return SensitivityFinding(
            self.kind,
            rung,
            NAME.format(found.goal),
            headline,
            rows,
            say_what_overturns(found, subject.scale),
            say_shortly(found, covers(own, self.q)),
            multiple,
            yardstick,
            contours=contours_of(found, self.k),
        )


def covers(own: Effect | NotEstimable, q: float = 1.0) -> bool:
    """Tell whether the rung's own interval includes what is left of its estimate without q of it.

    It may do so where the linear model's classical interval does not, under clustering above all.
    """
    return isinstance(own, Effect) and own.lo <= (1 - q) * own.estimate <= own.hi


def _count(found: Compared, covered: bool) -> tuple[Number, str]:
    """Count what overturns the rung in blocks: how many, of which."""
    smallest = leading_multiple(found)
    if covered or found.fit.covers_goal(found.q, found.critical):
        return 0.0, ANY
    if isinstance(smallest, NotEstimable):
        # weak blocks that are not enough reassure of nothing
        return (smallest, "") if all(one.weak for one in found.blocks) else (math.inf, ANY)
    weak = ", a weak benchmark" if smallest.block.weak else ""
    return smallest.multiple, f"{listed([smallest.block.name])}{weak}"


def _difference(estimates: Estimates, sample: Sample, level: float) -> Effect | NotEstimable:
    """Give the rung's own difference, to stand beside the linear model's."""
    return estimates.effect(
        "risk_difference" if sample.outcome_kind == "binary" else "mean_difference", level
    )


def _model_rows(found: Compared, own: Effect | NotEstimable) -> list[Row]:
    """Write the linear model, the rung's own estimate, and the robustness values."""
    fit = found.fit
    lo, hi = _around(fit.estimate, fit.std_error, found.critical)
    robust_lo, robust_hi = _around(fit.estimate, fit.robust_error, found.critical)
    kind = "clustered (CR1)" if found.clustered else "heteroscedasticity-robust (HC1)"
    model = numbers(
        dict(estimate=fit.estimate, std_error=fit.std_error, t=fit.t, df=fit.df, lo=lo, hi=hi)
    )
    robust = numbers(
        dict(std_error=fit.robust_error, ratio=found.robust_ratio, lo=robust_lo, hi=robust_hi)
    )
    values = numbers(
        dict(
            partial_r2=fit.r2,
            q=found.q,
            estimate=robustness_value(fit.t, fit.df, found.q),
            interval=robustness_value(fit.t, fit.df, found.q, found.level),
        )
    )
    rows = [
        Row("linear_model", model, note="classical standard error, rows taken as independent"),
        Row("robust_interval", robust, note=f"{kind} standard error, over the classical one"),
        Row("robustness_value", values, note="classical t and degrees of freedom"),
    ]
    if isinstance(own, Effect):
        compared = numbers(dict(estimate=own.estimate, lo=own.lo, hi=own.hi))
        rows.insert(0, Row("rung", compared, note="the rung's own estimator"))
    return rows


def _benchmark_rows(found: Compared, block: Block, ks: tuple[float, ...]) -> list[Row]:
    """Write one benchmark: its strength, the multiples, and the bounds at each k."""
    strength = block.strength
    summary = numbers(
        dict(
            r2_exposure=strength.exposure,
            r2_outcome=strength.outcome,
            r2_exposure_by_chance=block.chance,
            multiple_for_estimate=block.estimate,
            multiple_for_interval=block.interval,
            multiple_for_robust_interval=block.robust,
        )
    )
    note = f"weak benchmark: {block.weak}" if block.weak else ""
    return [
        Row("benchmark", summary, block.name, note),
        *(_bound_row(found, block, k) for k in ks),
    ]


def _bound_row(found: Compared, block: Block, k: float) -> Row:
    """Write the estimate under a confounder k times as strong as a block."""
    confounder = times_as_strong(block.strength, k)
    if isinstance(confounder, NotEstimable):
        return Row("bound", numbers(dict(k=k, estimate=confounder)), block.name)
    moved = adjusted(found.fit, confounder)
    lo, hi = _around(moved.estimate, moved.std_error, found.critical)
    robust_lo, robust_hi = _around(
        moved.estimate, moved.std_error * found.robust_ratio, found.critical
    )
    values = numbers(
        dict(
            k=k,
            r2_exposure=confounder.exposure,
            r2_outcome=confounder.outcome,
            estimate=moved.estimate,
            std_error=moved.std_error,
            t=moved.estimate / moved.std_error
            if moved.std_error
            else NotEstimable("nothing is left"),
            lo=lo,
            hi=hi,
            robust_lo=robust_lo,
            robust_hi=robust_hi,
        )
    )
    return Row("bound", values, block.name)


def _smallest_row(found: Compared, of: Of) -> Row:
    """Write the smallest multiple over all blocks, with the absolute partial R2 it means."""
    label, smallest = f"smallest_multiple_{of.replace(' ', '_')}", smallest_over_blocks(found, of)
    if isinstance(smallest, NotEstimable):
        return Row(label, numbers(dict(multiple=smallest)))
    values = numbers(
        dict(
            multiple=smallest.multiple,
            r2_exposure=smallest.strength.exposure,
            r2_outcome=smallest.strength.outcome,
        )
    )
    block = smallest.block
    if smallest.multiple == 0:
        return Row(label, values, note=f"it includes {found.goal} without any confounder")
    return Row(label, values, block.name, f"weak benchmark: {block.weak}" if block.weak else "")


def _around(value: float, std_error: float, critical: float) -> tuple[float, float]:
    """Give value plus and minus the critical value times the standard error."""
    return value - critical * std_error, value + critical * std_error

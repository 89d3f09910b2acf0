"""Robustness values, and bounds benchmarked by the blocks of covariates a rung adjusts for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats
from causal.cohort import TIME, Sample
from causal.estimate import DIFFERENCES, Effect, Estimates, NotEstimable, Scale
from causal.sensitivity.base import (
    Number,
    Row,
    Sensitivity,
    SensitivityFinding,
    finding_without_number,
    numbers,
)
from causal.sensitivity.partial_r2 import (
    LinearFit,
    Strength,
    adjusted,
    block_strength,
    fit_linear,
    robustness_value,
    smallest_multiple,
    times_as_strong,
)

Benchmark: TypeAlias = str | tuple[str, ...]

WEAK_R2 = 0.01
"""A block that explains less of exposure than this is a weak benchmark: half of what Cohen (1988,
p. 413) calls a small effect (f2 = .02). So is one that explains no more than as many columns of
noise would, their number over the degrees of freedom."""
CEILING = 0.1
"""A graded column sits at its ceiling when its median is in the top tenth of its observed range:
half of the rows then hardly differ in it, however much they differ in what it is to measure."""
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
    k : multiples of a benchmark to tabulate.
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
    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)] | None = None
    k: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = (1, 2, 3)
    q: float = Field(default=1.0, gt=0, le=1)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)
    quantile: Literal["normal", "student"] = "normal"

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the concepts the benchmarks name."""
        named = self.benchmarks or ()
        return tuple(c for one in named for c in ((one,) if isinstance(one, str) else one))

    def analyse(
        self, rung: str, estimates: Estimates, sample: Sample, scale: Scale
    ) -> SensitivityFinding:
        """Give robustness values, bounds, and the smallest multiple that overturns the rung."""
        seen = sample.observed
        y, a, x, w = sample.y[seen], sample.a[seen], sample.x[seen], sample.w[seen]
        cluster = None if sample.cluster is None else sample.cluster[seen]
        fit = fit_linear(y, a, x, w, cluster)
        if isinstance(fit, NotEstimable):
            return finding_without_number(self.kind, rung, NAME.format(_goal(self, 0.0)), fit)
        critical = self._critical(fit)
        blocks, absent = _blocks(self.benchmarks, sample)
        judged = [
            _judge(
                name, columns, block_strength(y, a, x, w, columns), x[:, columns], fit, self, critical
            )
            for name, columns in blocks
        ]
        found = _Found(fit, critical, sample.cluster is not None, tuple(judged), absent)
        return _compose(self, rung, found, _same_scale(estimates, sample), scale)

    def _critical(self, fit: LinearFit) -> float:
        """Give the half-width of intervals in standard errors."""
        df = math.inf if self.quantile == "normal" else fit.df - 1
        return inference.critical_value(self.level, df)


@dataclass(frozen=True, slots=True)
class _Block:
    """One benchmark: its strength, the multiples that overturn the rung, and why it is weak."""

    name: str
    strength: Strength
    chance: float
    for_estimate: Number
    for_interval: Number
    for_clustered: Number
    weak: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What was computed for one rung."""

    fit: LinearFit
    critical: float
    clustered: bool
    blocks: tuple[_Block, ...]
    absent: tuple[str, ...]


def weakness(strength: Strength, x: Floats, df: float) -> str:
    """Say why a benchmark is weak, by the rules of ``WEAK_R2`` and ``CEILING``; empty if it is not.

    Parameters
    ----------
    strength : its joint partial R2.
    x : (n, m) floats, its columns.
    df : residual degrees of freedom of the model.
    """
    reasons = []
    chance = x.shape[1] / df
    if strength.exposure < WEAK_R2:
        reasons.append(
            f"it explains {_percent(strength.exposure)} of exposure, less than {_percent(WEAK_R2)}"
        )
    elif strength.exposure <= chance:
        reasons.append(
            f"it explains {_percent(strength.exposure)} of exposure, no more than the "
            f"{_percent(chance)} of {x.shape[1]} columns of noise"
        )
    graded = [column for column in x.T if len(np.unique(column)) > 2]
    at_ceiling = sum(sits_at_ceiling(column) for column in graded)
    if graded and 2 * at_ceiling >= len(graded):
        reasons.append(
            f"{at_ceiling} of its {len(graded)} graded columns have their median in the top "
            f"{CEILING:.0%} of the range"
        )
    return "; ".join(reasons)


def sits_at_ceiling(column: Floats) -> bool:
    """Tell whether a graded column's median is in the top tenth of its observed range."""
    top, bottom = float(column.max()), float(column.min())
    return top - float(np.median(column)) < CEILING * (top - bottom)


def _blocks(
    benchmarks: tuple[Benchmark, ...] | None, sample: Sample
) -> tuple[list[tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]], tuple[str, ...]]:
    """Find the columns of each benchmark, and name those the rung does not adjust for."""
    measured = [c for c in dict.fromkeys(sample.concepts) if c != TIME]
    found, absent = [], []
    for one in measured if benchmarks is None else benchmarks:
        concepts = (one,) if isinstance(one, str) else one
        name = " + ".join(concepts)
        if all(concept in measured for concept in concepts):
            found.append((name, np.array([c in concepts for c in sample.concepts])))
        else:
            absent.append(name)
    return found, tuple(absent)


def _judge(
    name: str,
    columns: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    strength: Strength,
    x: Floats,
    fit: LinearFit,
    settings: OmittedVariable,
    critical: float,
) -> _Block:
    """Solve for the multiples of one benchmark, and say whether it is weak."""
    ratio = fit.robust_error / fit.std_error
    solved = [
        smallest_multiple(fit, strength, q=settings.q, critical=half)
        for half in (0.0, critical, critical * ratio)
    ]
    chance = int(columns.sum()) / fit.df
    return _Block(name, strength, chance, *solved, weakness(strength, x, fit.df))

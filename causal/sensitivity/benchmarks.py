"""The blocks of covariates an omitted variable is compared with: how strong, and whether weak."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from causal.arrays import Bools, Floats
from causal.cohort import TIME, Sample
from causal.estimate import NotEstimable
from causal.findings import Number, tell
from causal.sensitivity.partial_r2 import LinearFit, Strength, smallest_multiple, times_as_strong


def ascending(k: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse multiples that are not finite, above 0 and in rising order."""
    for one in k:
        if not 0 < one < math.inf:
            raise ValueError(f"k has {one:g}; write multiples above 0, such as [0.5, 1, 2]")
    for one, other in pairwise(k):
        if other <= one:
            raise ValueError(f"k has {other:g} after {one:g}; write multiples in rising order")
    return k


def different(concepts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a concept that stands twice in one block."""
    for one in concepts:
        if concepts.count(one) > 1:
            raise ValueError(f"the concept '{one}' stands twice in a block; keep one of them")
    return concepts


def distinct(blocks: tuple[str | tuple[str, ...], ...]) -> tuple[str | tuple[str, ...], ...]:
    """Refuse a block that stands twice among the benchmarks."""
    named = [frozenset([one] if isinstance(one, str) else one) for one in blocks]
    for block in named:
        if named.count(block) > 1:
            said = " + ".join(sorted(block))
            raise ValueError(f"the benchmark '{said}' stands twice; keep one of them")
    return blocks


Multiples: TypeAlias = Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(ascending)]
Benchmark: TypeAlias = (
    str | Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(different)]
)
Benchmarks: TypeAlias = Annotated[
    tuple[Benchmark, ...], Field(min_length=1), AfterValidator(distinct)
]
Of: TypeAlias = Literal["estimate", "interval", "robust interval"]

WEAK_R2 = 0.01
"""A block that explains less of exposure than this is a weak benchmark: half of what Cohen (1988,
p. 413) calls a small effect (f2 = .02). So is one that explains no more than as many columns of
noise would, their number over the degrees of freedom."""
CEILING = 0.15
"""A score sits at its ceiling when more than this share of the rows have its highest value (Terwee
et al. 2007, doi:10.1016/j.jclinepi.2006.03.012) and its median is in the upper half of the range:
those rows cannot differ in it, however much they differ in what it is to measure."""
LEVELS_OF_AN_ITEM = 7
"""A column with this many levels or fewer is a single item (the longest rating scale in common use
has seven), where many at the end are to be expected; one with more is a score."""


@dataclass(frozen=True, slots=True)
class Block:
    """One benchmark.

    Attributes
    ----------
    strength : its joint partial R2.
    chance : what as many columns of noise would explain of exposure.
    estimate, interval, robust : the multiples at which each meets the goal; the last is the
        interval with the clustered (or robust) standard error.
    weak : why it is a weak benchmark; empty if it is not.
    """

    name: str
    strength: Strength
    chance: float
    estimate: Number
    interval: Number
    robust: Number
    weak: str

    def multiple(self, of: Of) -> Number:
        """Give the multiple at which the estimate or an interval meets the goal."""
        given: dict[Of, Number] = {
            "estimate": self.estimate,
            "interval": self.interval,
            "robust interval": self.robust,
        }
        return given[of]


@dataclass(frozen=True, slots=True)
class Compared:
    """A linear model and the benchmarks its omitted variable was compared with.

    Attributes
    ----------
    fit : the model.
    q : the share of its estimate that is to go.
    level, critical : of its intervals, and their half-width in standard errors.
    clustered : whether the design has clusters.
    blocks : the benchmarks.
    absent : those asked for that the rung does not adjust for.
    """

    fit: LinearFit
    q: float
    level: float
    critical: float
    clustered: bool
    blocks: tuple[Block, ...]
    absent: tuple[str, ...]

    @property
    def goal(self) -> str:
        """Give, in words, the value the estimate is to be brought to."""
        left = (1 - self.q) * self.fit.estimate
        return f"{tell(left)}" if left else "0"

    @property
    def robust_ratio(self) -> float:
        """Give the clustered (or robust) over the classical standard error."""
        return self.fit.robust_error / self.fit.std_error


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest multiple over all blocks, of which block, and what it means in partial R2."""

    block: Block
    multiple: float
    strength: Strength


def judge_block(
    name: str, strength: Strength, x: Floats, fit: LinearFit, q: float, critical: float
) -> Block:
    """Solve for the multiples of one benchmark, and say whether it is weak.

    Parameters
    ----------
    x : (n, m) floats, the columns of the block.
    q : the share of the estimate that is to go.
    critical : half-width of the interval in standard errors.
    """
    robust = critical * fit.robust_error / fit.std_error
    return Block(
        name,
        strength,
        x.shape[1] / fit.df,
        smallest_multiple(fit, strength, q=q),
        smallest_multiple(fit, strength, q=q, critical=critical),
        smallest_multiple(fit, strength, q=q, critical=robust),
        weakness(strength, x, fit.df),
    )


def smallest_over_blocks(found: Compared, of: Of) -> Smallest | NotEstimable:
    """Find the block that the estimate or an interval needs the smallest multiple of."""
    best: Smallest | None = None
    for block in found.blocks:
        multiple = block.multiple(of)
        if isinstance(multiple, NotEstimable) or (best and best.multiple <= multiple):
            continue
        strength = times_as_strong(block.strength, multiple)
        if isinstance(strength, Strength):
            best = Smallest(block, multiple, strength)
    if best:
        return best
    if not found.blocks:
        return NotEstimable("the rung adjusts for no block it could be compared with")
    names = listed(block.name for block in found.blocks)
    return NotEstimable(
        f"not reached: no admissible multiple of any block ({names}) brings the {of} to "
        f"{found.goal}"
    )


def smallest_for_either_interval(found: Compared) -> Smallest | NotEstimable:
    """Find the smallest multiple at which the classical or the clustered interval is met."""
    classical = smallest_over_blocks(found, "interval")
    robust = smallest_over_blocks(found, "robust interval")
    known = [one for one in (classical, robust) if isinstance(one, Smallest)]
    return min(known, key=lambda one: one.multiple) if known else classical


def leading_multiple(found: Compared) -> Smallest | NotEstimable:
    """Give the multiple said first: that of the classical interval, else of the clustered one."""
    classical = smallest_over_blocks(found, "interval")
    return classical if isinstance(classical, Smallest) else smallest_for_either_interval(found)


def weakness(strength: Strength, x: Floats, df: float) -> str:
    """Say why a benchmark is weak, by the rules of ``WEAK_R2`` and ``CEILING``; empty if it is not.

    Parameters
    ----------
    strength : its joint partial R2.
    x : (n, m) floats, its columns.
    df : residual degrees of freedom of the model.
    """
    reasons, explained = [], f"it explains {percent(strength.exposure)} of exposure"
    chance = x.shape[1] / df
    if strength.exposure < WEAK_R2:
        reasons.append(f"{explained}, less than {percent(WEAK_R2)}")
    elif strength.exposure <= chance:
        reasons.append(f"{explained}, no more than noise in as many columns ({percent(chance)})")
    scores = [column for column in x.T if len(np.unique(column)) > LEVELS_OF_AN_ITEM]
    at_ceiling = sum(sits_at_ceiling(column) for column in scores)
    if scores and 2 * at_ceiling >= len(scores):
        reasons.append(f"{at_ceiling} of its {len(scores)} scores sit at their ceiling")
    return "; ".join(reasons)


def sits_at_ceiling(score: Floats) -> bool:
    """Tell whether a score sits at its ceiling, by the rule of ``CEILING``."""
    top, bottom = float(score.max()), float(score.min())
    return bool((score == top).mean() > CEILING and np.median(score) > (top + bottom) / 2)


def find_blocks(
    benchmarks: tuple[Benchmark, ...] | None, sample: Sample
) -> tuple[list[tuple[str, Bools]], tuple[str, ...]]:
    """Find the columns of each benchmark, and name those the rung does not adjust for."""
    held = tuple(c for c in dict.fromkeys(sample.concepts) if c != TIME)
    found, absent = [], []
    for one in held if benchmarks is None else benchmarks:
        concepts = (one,) if isinstance(one, str) else one
        if set(concepts) <= set(held):
            found.append((" + ".join(concepts), np.array([c in concepts for c in sample.concepts])))
        else:
            absent.append(" + ".join(concepts))
    return found, tuple(absent)


def percent(share: float) -> str:
    """Write a share as a percentage."""
    return f"{tell(100 * share, digits=2)} %"


def listed(names: Iterable[str]) -> str:
    """Write names as a list."""
    return ", ".join(name.replace("_", " ") for name in names)

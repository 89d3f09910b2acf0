"""What is drawn as one, how far draws spread, whom an estimate hangs on: functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causal import inference
from causal.arrays import Floats, Ints
from causal.cohort import Sample

Bits: TypeAlias = NDArray[np.uint8]
"""Who was in a draw, eight persons a byte."""
WRONG_ERROR = 0.2
"""A standard error too small by a fifth: a 95 % interval then covers less than 90 %."""


@dataclass(frozen=True, slots=True)
class SpreadTest:
    """The spread of draws over what the reported standard error implies."""

    ratio: float
    low: float
    high: float

    @property
    def wrong(self) -> bool:
        """Tell whether the ratio is outside tolerance beyond Monte-Carlo error."""
        return self.low > 1 + WRONG_ERROR or self.high < 1 / (1 + WRONG_ERROR)

    @property
    def outside(self) -> bool:
        """Tell whether the ratio itself is outside tolerance, be it by chance."""
        return not 1 / (1 + WRONG_ERROR) <= self.ratio <= 1 + WRONG_ERROR


def number_groups(sample: Sample) -> tuple[Ints, int]:
    """Give a number to what is drawn as one: clusters of the design, or persons without clusters.

    Returns
    -------
    (n,) ints, the group of each row, and how many groups there are.
    """
    label = sample.unit if sample.cluster is None else sample.cluster
    labels, number = np.unique(label, return_inverse=True)
    return number.astype(np.int64), len(labels)


def name_groups(sample: Sample) -> Literal["persons", "clusters"]:
    """Name what is drawn as one: clusters where some hold several persons."""
    if sample.cluster is None:
        return "persons"
    pairs = np.unique(np.column_stack([sample.cluster, sample.unit]), axis=0)
    return "clusters" if len(pairs) > len(np.unique(sample.cluster)) else "persons"


def judge_spread(draws: Floats, implied: float) -> SpreadTest:
    """Compare the standard deviation of draws with what it should be.

    The Monte-Carlo error of the ratio is that of a standard deviation, with the kurtosis found.
    """
    if implied == 0:
        return SpreadTest(math.inf, math.inf, math.inf)
    spread = float(draws.std(ddof=1))
    if spread == 0:
        return SpreadTest(0.0, 0.0, 0.0)
    kurtosis = float(np.mean((draws - draws.mean()) ** 4)) / float(draws.var()) ** 2
    error = math.sqrt(max(kurtosis - 1, 0.0) / (4 * len(draws)))
    factor = math.exp(inference.critical_value() * error)
    ratio = spread / implied
    return SpreadTest(ratio, ratio / factor, ratio * factor)


def move_without(
    draws: Floats, inside: Iterable[Ints | Bits], share: float
) -> tuple[Floats, Floats]:
    """Give how leaving out each person moves the full estimate, with Monte-Carlo errors.

    Parameters
    ----------
    draws : (k,) floats, estimates from subsets.
    inside : k times (m,) ints, 1 for who was in each.
    share : part of the persons in each.
    """
    without, sums = np.zeros(0), np.zeros(0)
    for value, one in zip(draws, inside, strict=True):
        if not len(without):
            without, sums = np.zeros(len(one)), np.zeros(len(one))
        absent = np.flatnonzero(np.asarray(one) == 0)  # fewer than those present
        without[absent] += 1
        sums[absent] += value
    within = len(draws) - without
    both = (within > 0) & (without > 0)
    means_out = np.divide(sums, without, out=np.zeros(len(sums)), where=both)
    means_in = np.divide(draws.sum() - sums, within, out=np.zeros(len(sums)), where=both)
    pooled = float(draws.std(ddof=1))
    count = np.where(both, within * without / len(draws), np.inf)
    return share * (means_out - means_in), share * pooled / np.sqrt(count)

"""What a simulation study measures, with Monte-Carlo errors, and the band coverage is held to.

Morris, White & Crowther (2019), doi:10.1002/sim.8086, table 6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.limits import Limit
from causal.arrays import Floats
from causal.inference import LEVEL, critical_value

FAMILY_WISE_ERROR = 0.01
"""Chance that any cell of a table leaves its band although all intervals cover as they say."""


@dataclass(frozen=True, slots=True)
class Performance:
    """One row of a table; ``*_mc`` are Monte-Carlo errors.

    Attributes
    ----------
    fits, refused : samples with an estimate, and without.
    limit : what the estimator is after.
    bias, empirical : mean error and spread of the estimates.
    ratio : mean standard error over ``empirical``.
    coverage : share of intervals that hold the limit, of those there are.
    """

    fits: int
    refused: int
    limit: Limit
    bias: float
    bias_mc: float
    empirical: float
    empirical_mc: float
    ratio: float
    ratio_mc: float
    coverage: float
    coverage_mc: float


def measure(results: Floats, limit: Limit) -> Performance:
    """Summarise (R, 2) estimates and standard errors against a limit."""
    usable = results[~np.isnan(results[:, 0])]
    estimate, error = usable.T
    r = len(estimate)
    spread = float(estimate.std(ddof=1))
    covered = np.abs(estimate - limit.value) <= critical_value(LEVEL) * error
    coverage = float(covered.mean())
    squared = (estimate - estimate.mean()) ** 2 / spread**2
    ratio = float(error.mean()) / spread
    influence = ratio * (error / error.mean() - 1 - (squared - 1) / 2)
    return Performance(
        fits=r,
        refused=len(results) - r,
        limit=limit,
        bias=float(estimate.mean() - limit.value),
        bias_mc=math.hypot(spread / math.sqrt(r), limit.mc_error),
        empirical=spread,
        empirical_mc=spread * float(squared.std()) / (2 * math.sqrt(r)),
        ratio=ratio,
        ratio_mc=float(influence.std()) / math.sqrt(r),
        coverage=coverage,
        coverage_mc=math.sqrt(coverage * (1 - coverage) / r),
    )


def acceptance_band(fits: int, cells: int, level: float = LEVEL) -> tuple[float, float]:
    """Give the coverages a calibrated interval may show, Bonferroni over the cells of a table."""
    from scipy import stats

    tail = FAMILY_WISE_ERROR / cells / 2
    low, high = stats.binom.ppf([tail, 1 - tail], fits, level)
    return float(low) / fits, float(high) / fits

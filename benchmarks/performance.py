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
    freedom : degrees of freedom with which squared standard errors spread, 2 over their squared
        coefficient of variation.
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
    freedom: float
    coverage: float
    coverage_mc: float

    @property
    def relative_bias(self) -> float:
        """Give the bias in standard errors of the estimates."""
        return self.bias / self.empirical


@dataclass(frozen=True, slots=True)
class Jointly:
    """How often a joint band holds everything it is for; no one estimate belongs to it."""

    fits: int
    refused: int
    coverage: float
    coverage_mc: float


def measure(results: Floats, limit: Limit) -> Performance:
    """Summarise (R, 2) estimates and standard errors against a limit."""
    estimate, error = results.T
    covered = np.abs(estimate - limit.value) <= critical_value(LEVEL) * error
    return summarise(estimate, error, covered, limit)


def summarise(estimate: Floats, error: Floats, covered: Floats, limit: Limit) -> Performance:
    """Summarise (R,) estimates, standard errors and whether intervals hold the limit.

    Where an estimate is NaN, the estimator refused the sample.
    """
    usable = ~np.isnan(estimate)
    refused = int((~usable).sum())
    estimate, error, covered = estimate[usable], error[usable], covered[usable]
    r = len(estimate)
    spread = float(estimate.std(ddof=1))
    coverage = float(covered.mean())
    squared = (estimate - estimate.mean()) ** 2 / spread**2
    ratio = float(error.mean()) / spread
    influence = ratio * (error / error.mean() - 1 - (squared - 1) / 2)
    return Performance(
        fits=r,
        refused=refused,
        limit=limit,
        bias=float(estimate.mean() - limit.value),
        bias_mc=math.hypot(spread / math.sqrt(r), limit.mc_error),
        empirical=spread,
        empirical_mc=spread * float(squared.std()) / (2 * math.sqrt(r)),
        ratio=ratio,
        ratio_mc=float(influence.std()) / math.sqrt(r),
        freedom=2 * float((error**2).mean()) ** 2 / float((error**2).var(ddof=1)),
        coverage=coverage,
        coverage_mc=math.sqrt(coverage * (1 - coverage) / r),
    )


def summarise_jointly(covered: Floats) -> Jointly:
    """Summarise (R,) 0/1, whether a joint band holds all; NaN where there was no fit."""
    held = covered[~np.isnan(covered)]
    share = float(held.mean())
    error = math.sqrt(share * (1 - share) / len(held))
    return Jointly(len(held), len(covered) - len(held), share, error)


def acceptance_band(fits: int, cells: int, level: float = LEVEL) -> tuple[float, float]:
    """Give the coverages a calibrated interval may show, Bonferroni over the cells of a table."""
    from scipy import stats

    tail = FAMILY_WISE_ERROR / cells / 2
    low, high = stats.binom.ppf([tail, 1 - tail], fits, level)
    return float(low) / fits, float(high) / fits

"""The search for the smallest tilt of missing outcomes that overturns a difference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from causal import inference
from causal.cohort import Sample
from causal.estimate import SLOPE, NotEstimable, Target
from causal.estimators.base import from_influence
from causal.estimators.variance import Variance
from causal.findings import Number
from causal.sensitivity.delta_tilt import TiltModel, mean_among_missing, tilted_means

ARMS = ("unexposed", "exposed")
LARGEST_LOG_ODDS = 12.0
"""Odds of 160,000 to 1: a probability of .5 becomes one within 1e-5 of certainty."""
LARGEST_DEVIATIONS = 100.0
"""Standard deviations no missing outcomes lie apart from known ones."""
STEPS = 121
"""Points at which the sign is looked at before root finding: the smallest root is wanted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference under declared tilts, with its interval."""

    estimate: float
    lo: float
    hi: float

    def end_nearest_zero(self, sign: float) -> float:
        """Give the end of the interval on the side of 0, for differences of this sign."""
        return self.lo if sign > 0 else self.hi


@dataclass(frozen=True, slots=True, eq=False)
class Tilting:
    """A fitted tilt model with what is needed to read differences off it.

    Attributes
    ----------
    sample : all rows, those without an outcome among them.
    unit : what a continuous outcome's tilts are counted in, its deviation within arms; 1 for
        log odds.
    variance, target, level : of the intervals.
    """

    sample: Sample
    model: TiltModel
    unit: float
    variance: Variance
    target: Target
    level: float

    def difference(self, unexposed: float, exposed: float) -> Difference:
        """Give exposed minus unexposed at two tilts (log odds, or units of the outcome)."""
        values, influence = tilted_means(self.model, (unexposed, exposed))
        one = from_influence(
            values[1:] - values[:1],
            influence[:, 1:] - influence[:, :1],
            self.sample,
            self.variance,
            self.target,
            labels=SLOPE,
            n_coefficients=self.model.outcome.rank,
        )
        estimate = float(one.values[0])
        error = math.sqrt(float(one.covariance[0, 0]))
        return Difference(estimate, *inference.interval(estimate, error, self.level))

    def lost(self, arm: int) -> int:
        """Count the rows of an arm without an outcome."""
        return int(((self.sample.a == arm) & ~self.sample.observed).sum())

    @property
    def largest(self) -> float:
        """Give the largest tilt that is looked at."""
        return LARGEST_LOG_ODDS if self.model.logistic else LARGEST_DEVIATIONS * self.unit


@dataclass(frozen=True, slots=True)
class Tip:
    """The smallest tilts of one arm, the other untilted, that overturn the rung.

    Attributes
    ----------
    arm : 0 for the unexposed, 1 for the exposed.
    lost : rows of the arm without an outcome.
    estimate, interval : at which the estimate, or the interval, meets 0.
    untilted : the mean outcome predicted for the lost of the arm without a tilt.
    at_estimate, at_interval : the same at those tilts.
    """

    arm: int
    lost: int
    estimate: Number
    interval: Number
    untilted: Number
    at_estimate: Number
    at_interval: Number


def find_tip(tilting: Tilting, arm: int) -> Tip:
    """Find the smallest tilts of one arm that overturn the rung."""
    start = tilting.difference(0.0, 0.0)
    sign = 1.0 if start.estimate >= 0 else -1.0
    towards = -sign if arm == 1 else sign
    lost = tilting.lost(arm)

    def at(delta: float) -> Difference:
        return tilting.difference(0.0, delta) if arm == 1 else tilting.difference(delta, 0.0)

    def left_of_estimate(size: float) -> float:
        return sign * at(towards * size).estimate

    def left_of_interval(size: float) -> float:
        return sign * at(towards * size).end_nearest_zero(sign)

    estimate = _first_root(left_of_estimate, tilting, arm, towards)
    interval = _first_root(left_of_interval, tilting, arm, towards)

    def mean_at(delta: Number) -> Number:
        if isinstance(delta, NotEstimable):
            return delta
        if lost == 0:
            return NotEstimable(f"nobody {ARMS[arm]} is lost to follow-up")
        return mean_among_missing(tilting.model, tilting.sample, arm, delta)

    return Tip(arm, lost, estimate, interval, mean_at(0.0), mean_at(estimate), mean_at(interval))


def _first_root(
    left: Callable[[float], float], tilting: Tilting, arm: int, towards: float
) -> Number:
    """Find the smallest tilt at which nothing is left, with its sign."""
    from scipy import optimize

    if left(0.0) <= 0:
        return 0.0
    if tilting.lost(arm) == 0:
        return NotEstimable(f"nobody {ARMS[arm]} is lost to follow-up")
    # denser near 0, where the smallest root is wanted
    sizes = tilting.largest * np.linspace(0, 1, STEPS) ** 2
    for low, high in pairwise(sizes):
        if left(float(high)) <= 0:
            return towards * float(optimize.brentq(left, float(low), float(high)))
    all_lost = "had" if towards > 0 else "lacked"
    extreme = (
        f"all lost {ARMS[arm]} {all_lost} the outcome"
        if tilting.model.logistic
        else f"the lost {ARMS[arm]} were {LARGEST_DEVIATIONS:g} standard deviations apart"
    )
    return NotEstimable(f"not reached, even if {extreme}")

"""Steps of time: a width that divides every horizon, and what is said of who leaves within one."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce

import numpy as np

from causal.clock import Clock
from causal.cohort import Sample
from causal.estimators.survival_profile import ARMS

MUCH = 0.10
"""Share of those at risk who leave within a step from which the page says so. If all of them leave
just before its middle, or just after, the chance of an event in it is off by half of that share."""
FEWEST_ROWS = 10
"""Fewer at risk at the start of a step make no share."""
FINEST = 10**6


def dividing_width(clock: Clock, width: float) -> float:
    """Give the widest step up to a width that divides every horizon and tau, whole if it can be."""
    times = [Fraction(one).limit_denominator(FINEST) for one in (*clock.horizons, clock.tau)]
    common = reduce(_common_divisor, times)
    if common.denominator == 1 and width >= 1:
        most = min(int(width), common.numerator)
        return float(next(one for one in range(most, 0, -1) if common.numerator % one == 0))
    return float(common / math.ceil(common / Fraction(width).limit_denominator(FINEST)))


def _common_divisor(first: Fraction, second: Fraction) -> Fraction:
    """Give the greatest common divisor of two fractions."""
    below = math.lcm(first.denominator, second.denominator)
    return Fraction(math.gcd(int(first * below), int(second * below)), below)


def told_of_leaving(sample: Sample, width: float) -> tuple[str, ...]:
    """Say in which step most leave of those followed to its start, where that is much.

    Who leaves at the end of a step leaves nothing to be rounded.
    """
    if sample.clock is None or sample.event is None:
        return ()
    found = []
    for arm, name in enumerate(ARMS):
        rows = sample.observed & (sample.a == arm)
        time, left, w = sample.y[rows], sample.event[rows] == 0, sample.w[rows]
        for step in range(round(sample.clock.tau / width)):
            start, end = step * width, (step + 1) * width
            there = time > start
            if there.sum() >= FEWEST_ROWS:
                share = float(np.average(left[there] & (time[there] < end), weights=w[there]))
                found.append((share, name, start, end))
    share, name, start, end = max(found, default=(0.0, "", 0.0, 0.0))
    if share < MUCH:
        return ()
    return (
        f"Of the {name} followed beyond {start:g} {sample.clock.unit}, {100 * share:.0f} % leave "
        "before "
        f"{end:g}, within one step. They count as leaving at its nearer end: right as far as they "
        f"leave evenly over it. A width smaller than {width:g} makes less of that",
    )

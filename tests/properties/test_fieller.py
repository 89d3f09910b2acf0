"""Fieller's set against brute force, for any pair of estimates and any covariance."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causal.inference import critical_value, fieller

GRID = np.concatenate([np.linspace(-50, 50, 2001), [-1e4, -1e3, 1e3, 1e4]])
BORDER = 1e-9  # a grid point this close to an end may be counted on either side
MANY = settings(max_examples=300, deadline=None, derandomize=True, database=None)

estimates = st.floats(-5, 5).filter(lambda value: abs(value) > 1e-3)
spreads = st.floats(0.01, 3)
correlations = st.floats(-0.99, 0.99)
levels = st.sampled_from([0.5, 0.9, 0.95, 0.99])
freedoms = st.sampled_from([2.0, 10.0, math.inf])


def covariance(first, second, correlation):
    return np.array(
        [[first**2, correlation * first * second], [correlation * first * second, second**2]]
    )


def inside(pieces, theta):
    return any((lo is None or lo <= theta) and (hi is None or theta <= hi) for lo, hi in pieces)


@MANY
@given(estimates, estimates, spreads, spreads, correlations, levels, freedoms)
def test_the_set_holds_exactly_the_ratios_a_test_does_not_reject(a, b, s, t, r, level, df):
    v = covariance(s, t, r)
    pieces = fieller(a, b, v, level, df)
    q = critical_value(level, df)
    for theta in GRID:
        error = math.sqrt(v[0, 0] - 2 * theta * v[0, 1] + theta**2 * v[1, 1])
        margin = abs(a - theta * b) - q * error
        if abs(margin) > BORDER * (1 + abs(theta)):
            assert inside(pieces, theta) == (margin < 0), (theta, pieces)


@MANY
@given(estimates, estimates, spreads, spreads, correlations)
def test_the_estimate_lies_in_its_set(a, b, s, t, r):
    v = covariance(s, t, r)
    slack = 1e-9 * (1 + abs(a / b))
    widened = [
        (None if lo is None else lo - slack, None if hi is None else hi + slack)
        for lo, hi in fieller(a, b, v)
    ]
    assert inside(widened, a / b)


@MANY
@given(estimates, estimates, spreads, spreads, correlations)
def test_the_set_is_bounded_when_the_denominator_is_significant_only(a, b, s, t, r):
    z = abs(b) / t
    assume(abs(z - critical_value()) > 1e-6)
    pieces = fieller(a, b, covariance(s, t, r))
    bounded = len(pieces) == 1 and None not in pieces[0]
    assert bounded == (z > critical_value())


@MANY
@given(estimates, estimates, spreads, spreads, correlations, st.floats(0.01, 100))
def test_units_of_the_outcome_change_nothing(a, b, s, t, r, unit):
    v = covariance(s, t, r)
    same_set(fieller(a, b, v), fieller(a * unit, b * unit, v * unit**2))
    same_set(fieller(a, b, v), fieller(-a, -b, v))


@MANY
@given(estimates, estimates, spreads, spreads, correlations, st.floats(0.1, 10))
def test_the_set_of_a_scaled_numerator_is_the_scaled_set(a, b, s, t, r, factor):
    scaled = fieller(factor * a, b, covariance(factor * s, t, r))
    same_set(
        [tuple(None if end is None else factor * end for end in piece)
         for piece in fieller(a, b, covariance(s, t, r))],
        scaled,
    )  # fmt: skip
    turned = fieller(-a, b, covariance(s, t, -r))
    same_set(
        [tuple(None if end is None else -end for end in piece[::-1])
         for piece in fieller(a, b, covariance(s, t, r))[::-1]],
        turned,
    )  # fmt: skip


@MANY
@given(estimates, spreads)
def test_of_a_fit_with_itself_all_remains(value, spread):
    z = abs(value) / spread
    assume(abs(z - critical_value()) > 1e-3)
    pieces = fieller(value, value, np.full((2, 2), spread**2))
    if z < critical_value():
        assert pieces == ((None, None),)
    else:
        ((lo, hi),) = pieces
        assert abs(lo - 1) < 1e-4
        assert abs(hi - 1) < 1e-4


def same_set(first, second):
    """Compare pieces end by end; ends a thousand times the estimate are at infinity's door."""
    ends = [
        [math.inf if end is None else end for piece in pieces for end in piece]
        for pieces in (first, second)
    ]
    if any(abs(end) > 1e3 for pair in ends for end in pair if math.isfinite(end)):
        return  # ill conditioned: the denominator is on the border of significance
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-5, atol=1e-7)

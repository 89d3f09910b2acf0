"""Bands hold all parameters at once, and count what they correct for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from causal import inference
from causal.bands import largest_deviation

DRAWN = 0.03  # three Monte-Carlo errors of a 95 % quantile from 20,000 draws, in its flattest case


@pytest.mark.parametrize("df", [math.inf, 8.0, 1.2])
@pytest.mark.parametrize("covariance", [[[4.0]], [[0.0, 0.0], [0.0, 4.0]]])
def test_one_parameter_has_the_band_and_the_p_value_of_its_interval_exactly(df, covariance):
    largest = largest_deviation(np.array(covariance), np.random.default_rng(1), df)
    assert largest.critical() == inference.critical_value(df=df)
    for z in (0.0, 0.3, -1.96, 40.0, math.inf):
        assert largest.p_value(z) == inference.two_sided_p(z, df)


def test_several_parameters_have_no_band_with_less_than_two_degrees_of_freedom():
    assert largest_deviation(np.eye(2), np.random.default_rng(1), 1.99) is None
    assert largest_deviation(np.eye(2), np.random.default_rng(1), 2.0).critical() > 4.3


@pytest.mark.parametrize("df", [math.inf, 8.0])
def test_a_band_is_never_narrower_than_the_interval_of_one(df):
    for seed in range(12):
        one = np.full((2, 2), 4.0)
        largest = largest_deviation(one, np.random.default_rng(seed), df, draws=200)
        assert largest.critical() >= inference.critical_value(df=df)
        assert largest.p_value(1.0) >= inference.two_sided_p(1.0, df)


@pytest.mark.parametrize("k", [3, 10])
def test_independent_parameters_have_the_band_of_sidak(k):
    largest = largest_deviation(np.diag(np.arange(1.0, k + 1)), np.random.default_rng(2))
    assert math.isclose(
        largest.critical(), inference.critical_value(0.95 ** (1 / k)), abs_tol=DRAWN
    )


def test_parameters_that_move_together_need_no_wider_band():
    one = np.ones((5, 5))
    largest = largest_deviation(one, np.random.default_rng(3))
    assert math.isclose(largest.critical(), inference.critical_value(), abs_tol=DRAWN)


def test_few_degrees_of_freedom_widen_the_band_as_students_t_does():
    largest = largest_deviation(np.ones((2, 2)), np.random.default_rng(4), df=8.0)
    assert math.isclose(largest.critical(), inference.critical_value(df=8.0), abs_tol=0.06)


def test_a_parameter_without_variance_does_not_count():
    known = largest_deviation(np.diag([1.0, 0.0, 2.0]), np.random.default_rng(5))
    two = largest_deviation(np.diag([1.0, 2.0]), np.random.default_rng(5))
    assert known.critical() == two.critical()
    assert largest_deviation(np.zeros((2, 2)), np.random.default_rng(6)).critical() == 0


def test_the_band_covers_all_truths_at_once_and_intervals_do_not():
    rng, k = np.random.default_rng(7), 6
    correlation = 0.3 + 0.7 * np.eye(k)
    critical = largest_deviation(correlation, rng).critical()
    z = rng.multivariate_normal(np.zeros(k), correlation, 4000)
    within = np.abs(z).max(axis=1)
    assert abs((within <= critical).mean() - 0.95) < 4 * math.sqrt(0.05 * 0.95 / 4000)
    assert (within <= inference.critical_value()).mean() < 0.85

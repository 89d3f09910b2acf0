"""The rules of inference against scipy, statsmodels and direct computation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from causal import inference

SAME = 1e-12  # closed forms in floating point
QUANTILE = 1e-9  # scipy's special functions by two routes


@pytest.fixture
def draws():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 2)), rng.integers(0, 12, 60)


def test_covariance_of_a_mean_is_the_variance_over_n(draws):
    y = draws[0][:, :1]
    found = inference.covariance(y - y.mean())
    assert math.isclose(found[0, 0], y.var() / len(y), rel_tol=SAME)


def test_clustered_covariance_is_that_of_sums_by_a_loop(draws):
    influence, cluster = draws
    expected = np.zeros((2, 2))
    for label in set(cluster):
        total = influence[cluster == label].sum(axis=0)
        expected += np.outer(total, total) / len(influence) ** 2
    np.testing.assert_allclose(inference.covariance(influence, cluster), expected, rtol=SAME)


def test_cluster_sums_follow_the_sorted_labels(draws):
    influence, cluster = draws
    sums = inference.cluster_sums(influence, cluster * 10 - 7)
    np.testing.assert_allclose(sums[3], influence[cluster == 3].sum(axis=0), rtol=SAME)


@pytest.mark.parametrize("clustered", [True, False])
def test_cross_covariance_is_the_block_of_the_joint_one(draws, clustered):
    influence, labels = draws
    cluster = labels if clustered else None
    joint = inference.covariance(influence, cluster)
    cross = inference.cross_covariance(influence[:, :1], influence[:, 1:], cluster)
    np.testing.assert_allclose(cross[0, 0], joint[0, 1], rtol=SAME)


def test_small_sample_factors_are_those_of_statsmodels(draws):
    x, cluster = draws
    y = x[:, 0] + np.random.default_rng(1).normal(size=60)
    fits = {
        kind: sm.OLS(y, sm.add_constant(x)).fit(cov_type=kind).bse[0] for kind in ("HC0", "HC1")
    }
    factor = inference.small_sample_factor("HC1", 60, 3)
    assert math.isclose((fits["HC1"] / fits["HC0"]) ** 2, factor, rel_tol=QUANTILE)
    raw, corrected = (
        sm.OLS(y, sm.add_constant(x))
        .fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": flag})
        .bse[0]
        for flag in (False, True)
    )
    factor = inference.small_sample_factor("HC1", 60, 3, len(set(cluster)))
    assert math.isclose((corrected / raw) ** 2, factor, rel_tol=QUANTILE)


def test_small_sample_factors_of_a_mean_are_the_familiar_ones():
    assert inference.small_sample_factor("HC0", 10, 3, 4) == 1
    assert math.isclose(inference.small_sample_factor("HC1", 10, 1), 10 / 9)
    assert math.isclose(inference.small_sample_factor("HC1", 10, 1, 4), 4 / 3)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("df", [1, 3.5, 30, math.inf])
def test_critical_values_and_p_values_are_those_of_scipy(level, df):
    peer = stats.norm if math.isinf(df) else stats.t(df)
    q = inference.critical_value(level, df)
    assert math.isclose(q, peer.ppf(0.5 + level / 2), rel_tol=QUANTILE)
    assert math.isclose(inference.two_sided_p(q, df), 1 - level, rel_tol=1e-6)
    assert math.isclose(inference.two_sided_p(-q, df), 1 - level, rel_tol=1e-6)


def test_an_interval_is_symmetric():
    lo, hi = inference.interval(2.0, 0.5)
    assert math.isclose(hi - 2.0, 2.0 - lo)
    assert math.isclose(hi, 2.0 + 0.5 * 1.959963984540054)


def test_delta_carries_influence_and_covariance_alike(draws):
    influence = draws[0] - draws[0].mean(axis=0)
    jacobian = np.array([[1.0, -2.0], [0.5, 0.5], [0.0, 3.0]])
    moved, covariance = inference.delta(influence, inference.covariance(influence), jacobian)
    np.testing.assert_allclose(inference.covariance(moved), covariance, rtol=1e-10, atol=1e-14)


def test_fieller_set_is_an_interval_when_the_denominator_is_sure():
    ((lo, hi),) = inference.fieller(1.0, 2.0, np.diag([0.04, 0.04]))
    q2 = 1.959963984540054**2 * 0.04
    roots = np.roots([4 - q2, -4, 1 - q2])
    np.testing.assert_allclose((lo, hi), sorted(roots), rtol=1e-10)


def test_fieller_set_is_in_two_pieces_when_the_denominator_is_not_sure_but_the_numerator_is():
    pieces = inference.fieller(2.0, 0.1, np.diag([0.04, 0.04]))
    assert [end is None for piece in pieces for end in piece] == [True, False, False, True]
    assert pieces[0][1] < 0 < pieces[1][0]


def test_fieller_set_is_the_whole_line_when_neither_is_sure():
    assert inference.fieller(0.1, 0.1, np.diag([1.0, 1.0])) == ((None, None),)


def test_fieller_set_is_a_half_line_at_the_border():
    q2 = inference.critical_value() ** 2
    (piece,) = inference.fieller(3.0, math.sqrt(q2), np.diag([0.01, 1.0]))
    assert piece[1] is None
    assert math.isclose(piece[0], (9 - q2 * 0.01) / (2 * 3 * math.sqrt(q2)), rel_tol=1e-9)


def test_fieller_set_of_a_fit_with_itself_is_one():
    """An adjusted rung equal to the crude one: exactly all of a sure difference remains."""
    for value, variance in ((1.0, 0.01), (0.3, 0.0123), (-0.07, 2e-4)):
        ((lo, hi),) = inference.fieller(value, value, np.full((2, 2), variance))
        np.testing.assert_allclose((lo, hi), (1.0, 1.0), rtol=1e-6)


def test_fieller_set_without_sampling_error_is_the_ratio():
    ((lo, hi),) = inference.fieller(1.0, 4.0, np.zeros((2, 2)))
    np.testing.assert_allclose((lo, hi), (0.25, 0.25), rtol=1e-6)


def test_fieller_covers_at_its_level():
    """4,000 draws with z = 2.5 for the denominator; four Monte-Carlo errors are .014."""
    rng = np.random.default_rng(5)
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    draws = rng.multivariate_normal([1.5, 2.5], covariance, 4000)
    covered = 0
    for a, b in draws:
        covered += any(
            (lo is None or lo <= 0.6) and (hi is None or hi >= 0.6)
            for lo, hi in inference.fieller(a, b, covariance)
        )
    assert abs(covered / 4000 - 0.95) < 0.014

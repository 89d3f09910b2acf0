"""Omitted-variable bias in partial R2: the identities hold exactly for a variable that is known."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causal.estimate import NotEstimable
from causal.sensitivity.partial_r2 import (
    LinearFit,
    Strength,
    adjusted,
    block_strength,
    fit_linear,
    largest_multiple,
    robustness_value,
    smallest_multiple,
    times_as_strong,
)

EXACT = 1e-8  # algebraic identities of least squares, computed by different projections
SOLVED = 1e-7  # roots are found to 1e-12 in k, and the model is steep near the ends

unhurried = settings(deadline=None)
"""The first call imports scipy, and CI machines are shared."""

ts = st.floats(-60, 60).filter(lambda t: abs(t) > 0.01)
dfs = st.integers(5, 5000)
strengths = st.builds(Strength, st.floats(1e-4, 0.4), st.floats(1e-4, 0.4))


def data(n=200, seed=1, sign=1.0):
    """Draw outcome, exposure, covariates, and a confounder that pushes the estimate away from 0."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = rng.normal(size=(n, 3)) + 0.3 * z[:, None]
    a = x @ [0.4, -0.3, 0.1] + 0.5 * z + rng.normal(size=n)
    y = sign * (0.4 * a + 0.6 * z) + x @ [0.3, 0.2, -0.4] + rng.normal(size=n)
    return y, a, x, z, np.ones(n)


def linear(t, df):
    return LinearFit(t * 0.05, 0.05, df, 0.05)


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_fit_is_that_of_statsmodels(weighted):
    y, a, x, _, w = data()
    w = np.random.default_rng(2).uniform(0.5, 2, len(y)) if weighted else w
    peer = sm.WLS(y, sm.add_constant(np.column_stack([a, x])), weights=w).fit()
    found = fit_linear(y, a, x, w, None)
    assert found.estimate == pytest.approx(peer.params[1], rel=EXACT)
    assert found.std_error == pytest.approx(peer.bse[1], rel=EXACT)
    assert found.df == peer.df_resid
    robust = peer.get_robustcov_results("HC1").bse[1]
    assert found.robust_error == pytest.approx(robust, rel=EXACT)


def test_clusters_change_the_robust_error_only():
    y, a, x, _, w = data()
    groups = np.arange(len(y)) // 4
    alone, clustered = fit_linear(y, a, x, w, None), fit_linear(y, a, x, w, groups)
    design = sm.add_constant(np.column_stack([a, x]))
    peer = sm.OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert (clustered.estimate, clustered.std_error) == (alone.estimate, alone.std_error)
    assert clustered.robust_error == pytest.approx(peer.bse[1], rel=EXACT)


def test_columns_that_repeat_others_count_for_nothing():
    y, a, x, _, w = data()
    doubled = np.column_stack([x, x[:, 0] + x[:, 1], np.full(len(y), 3.0)])
    assert fit_linear(y, a, doubled, w, None).df == fit_linear(y, a, x, w, None).df
    again = np.array([False, False, False, True, False])
    found = block_strength(y, a, doubled, w, again)
    assert (found.exposure, found.outcome) == pytest.approx((0, 0), abs=EXACT)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_known_confounder_moves_estimate_and_error_by_exactly_the_formula(sign):
    y, a, x, z, w = data(sign=sign)
    with_z = np.column_stack([x, z])
    strength = block_strength(y, a, with_z, w, np.array([False, False, False, True]))
    moved = adjusted(fit_linear(y, a, x, w, None), strength)
    truth = fit_linear(y, a, with_z, w, None)
    assert moved.estimate == pytest.approx(truth.estimate, rel=EXACT)
    assert moved.std_error == pytest.approx(truth.std_error, rel=EXACT)


def test_joint_strength_of_a_block_is_that_of_nested_regressions():
    y, a, x, _, w = data()
    block = np.array([True, True, False])

    def unexplained(response, *columns):
        return sm.OLS(response, sm.add_constant(np.column_stack(columns))).fit().ssr

    found = block_strength(y, a, x, w, block)
    assert found.exposure == pytest.approx(1 - unexplained(a, x) / unexplained(a, x[:, 2]))
    assert found.outcome == pytest.approx(1 - unexplained(y, a, x) / unexplained(y, a, x[:, 2]))


@unhurried
@given(ts, dfs, st.floats(0.1, 1))
def test_a_confounder_of_the_robustness_value_takes_away_the_share_asked_for(t, df, q):
    fit, value = linear(t, df), robustness_value(t, df, q)
    moved = adjusted(fit, Strength(value, value))
    assert math.isclose(moved.estimate, (1 - q) * fit.estimate, rel_tol=1e-6, abs_tol=1e-9)


@unhurried
@given(ts, dfs)
def test_robustness_values_have_no_sign_and_the_interval_falls_first(t, df):
    assert robustness_value(t, df) == robustness_value(-t, df)
    assert 0 <= robustness_value(t, df, 1, 0.95) <= robustness_value(t, df) < 1


@pytest.mark.parametrize(("t", "df"), [(-4.2, 783), (2.7, 371), (60.0, 20), (25.0, 8)])
def test_robustness_value_of_the_interval_is_the_worst_case_found_by_search(t, df):
    """The two last have f > 1 / f*, where the worst confounder explains less of the outcome."""
    from scipy import stats

    critical, fit = stats.t.ppf(0.975, df - 1), linear(t, df)

    def worst(r):
        ends = []
        for outcome in np.linspace(0, r, 4001):
            moved = adjusted(fit, Strength(r, outcome))
            ends.append(math.copysign(1, t) * moved.estimate - critical * moved.std_error)
        return min(ends)

    value = robustness_value(t, df, 1, 0.95)
    assert worst(value * 0.999) > 0 > worst(value + (1 - value) * 0.001)


def test_robustness_value_of_an_interval_that_includes_zero_is_zero():
    assert robustness_value(-1.69, 155, 1, 0.95) == 0


@unhurried
@given(ts, dfs, strengths, st.floats(0.1, 20))
def test_changing_every_sign_changes_only_the_sign(t, df, benchmark, k):
    confounder = times_as_strong(benchmark, k)
    assume(isinstance(confounder, Strength))
    plus, minus = adjusted(linear(t, df), confounder), adjusted(linear(-t, df), confounder)
    assert (plus.estimate, plus.std_error) == (-minus.estimate, minus.std_error)
    for critical in (0.0, 1.96):
        assert smallest_multiple(linear(t, df), benchmark, critical=critical) == (
            smallest_multiple(linear(-t, df), benchmark, critical=critical)
        )


@unhurried
@given(ts, dfs, strengths, st.sampled_from([0.0, 1.96]), st.floats(0.2, 1))
def test_the_smallest_multiple_is_where_the_end_nearest_zero_meets_the_goal(
    t, df, benchmark, critical, q
):
    fit = linear(t, df)
    goal = (1 - q) * fit.estimate

    def end(k):
        moved = adjusted(fit, times_as_strong(benchmark, k))
        toward = math.copysign(1, t) * (moved.estimate - goal)
        return (toward - critical * moved.std_error) / fit.std_error

    found = smallest_multiple(fit, benchmark, q=q, critical=critical)
    if isinstance(found, NotEstimable):
        assert "not reached" in found.reason
        assert end(largest_multiple(benchmark)) > 0
    elif found == 0:
        assert end(1e-12) <= SOLVED
    else:
        assert end(found) == pytest.approx(0, abs=SOLVED)
        assert all(end(found * share) > 0 for share in (0.01, 0.3, 0.7, 0.99))


def test_once_a_block_explains_all_that_is_left_no_multiple_is_given():
    benchmark = Strength(0.1, 0.3)
    most = largest_multiple(benchmark)
    assert times_as_strong(benchmark, most).outcome == pytest.approx(1, abs=EXACT)
    more = times_as_strong(benchmark, most * 1.001)
    assert isinstance(more, NotEstimable)
    assert "outcome" in more.reason
    whole = times_as_strong(Strength(0.5, 0.1), 1.0)
    assert isinstance(whole, NotEstimable)
    assert "exposure" in whole.reason


@pytest.mark.parametrize(
    ("benchmark", "said"), [(Strength(0, 0.2), "exposure"), (Strength(0.2, 0), "outcome")]
)
def test_multiples_of_nothing_are_nothing(benchmark, said):
    found = smallest_multiple(linear(3, 100), benchmark)
    assert isinstance(found, NotEstimable)
    assert said in found.reason


def test_models_that_cannot_be_fitted_say_why():
    y, a, x, _, w = data(n=30)
    few = fit_linear(y[:5], a[:5], x[:5], w[:5], None)
    determined = fit_linear(y, x[:, 0] - x[:, 1], x, w, None)
    explained = fit_linear(2 * a + x[:, 0], a, x, w, None)
    for found, said in ((few, "too few"), (determined, "exposure"), (explained, "outcome")):
        assert isinstance(found, NotEstimable)
        assert said in found.reason

"""Properties of influence values and of estimators on random samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from causal import inference
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.estimators.nuisance import folds_by_unit
from causal.estimators.regression import arm_means
from causal.estimators.weighting import balancing_weights

MANY = settings(max_examples=100, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 10**6)
SAME = 1e-9
CONVERGED = 1e-7  # relative to the number of rows; the fit stops at a change of 1e-10


@MANY
@given(seeds, st.integers(2, 60), st.integers(1, 4))
def test_a_covariance_is_symmetric_and_never_negative(seed, n, k):
    rng = np.random.default_rng(seed)
    influence, cluster = rng.standard_t(2, size=(n, k)), rng.integers(0, 5, n)
    for groups in (None, cluster):
        found = inference.covariance(influence, groups)
        np.testing.assert_allclose(found, found.T, rtol=SAME)
        assert np.linalg.eigvalsh(found).min() >= -SAME * np.trace(found)


@MANY
@given(seeds, st.integers(4, 80))
def test_labels_of_clusters_are_only_labels(seed, n):
    rng = np.random.default_rng(seed)
    influence, cluster = rng.normal(size=(n, 2)), rng.integers(0, 6, n)
    renamed = rng.permutation(100)[cluster] - 50
    np.testing.assert_allclose(
        inference.covariance(influence, cluster),
        inference.covariance(influence, renamed),
        rtol=SAME,
        atol=1e-14,
    )


@MANY
@given(seeds, st.integers(10, 80))
def test_leaving_a_row_out_moves_an_arm_mean_by_its_influence(seed, n):
    rng = np.random.default_rng(seed)
    a = np.concatenate([[0.0, 0, 0, 1, 1, 1], rng.integers(0, 2, n - 6)])
    y, w = rng.normal(size=n), rng.uniform(0.5, 2, n)
    values, influence = arm_means(y, a, w)
    without = w.copy()
    without[0] = 0.0
    moved, _ = arm_means(y, a, without)
    share = w[0] / w[a == 0].sum()
    expected = values[0] - influence[0, 0] / n / (1 - share)
    np.testing.assert_allclose(moved[0], expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(moved[1], values[1], rtol=SAME)


@MANY
@given(seeds, st.integers(20, 200), st.integers(0, 4), st.floats(-3, 3))
def test_a_logistic_fit_reproduces_the_totals_or_says_why_not(seed, n, q, tilt):
    """Fitted and observed totals agree in every column, or there is no finite fit."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, q)) * 10.0 ** rng.integers(-4, 5, q)
    y = (rng.random(n) < 1 / (1 + np.exp(-tilt))).astype(float)
    try:
        fit = fit_glm(x, y, np.ones(n), "logit")
    except SeparationFoundError:
        return
    assert 0 < y.mean() < 1
    totals = fit.design(x).T @ (y - fit.fitted)
    assert np.abs(totals).max() < CONVERGED * n


@MANY
@given(seeds, st.integers(1, 90), st.integers(2, 10))
def test_folds_are_even_and_keep_persons_together(seed, persons, folds):
    rng = np.random.default_rng(seed)
    unit = rng.permutation(np.repeat(np.arange(persons) * 3, 2))
    fold = folds_by_unit(unit, folds, np.random.default_rng(seed))
    by_person = [set(fold[unit == person]) for person in np.unique(unit)]
    assert all(len(found) == 1 for found in by_person)
    sizes = np.bincount([min(found) for found in by_person], minlength=folds)
    assert sizes.max() - sizes.min() <= 1


@MANY
@given(st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=50), st.integers(0, 1))
def test_weights_of_the_two_arms_mirror_each_other(e, arm):
    e, a = np.array(e), np.full(len(e), float(arm))
    for target in ("ATE", "ATO"):
        np.testing.assert_allclose(
            balancing_weights(e, a, target), balancing_weights(1 - e, 1 - a, target), rtol=1e-6
        )

"""Subclassification: hand-made strata, their edges, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from causal.errors import OutcomeError, PositivityError
from causal.estimators import GComputation, LinearProbability, NuisanceStore, Subclassification
from causal.estimators.subclassification import cut, regressed_means, stratified_means

EXACT = 1e-12
REFITTED = 1e-6  # the same regression on another design
STACKED = 1e-6  # the reference differentiates numerically


def test_means_of_two_strata_by_hand():
    y = np.array([1.0, 3.0, 4.0, 6.0, 8.0, 2.0])
    a = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    stratum = np.array([0, 0, 1, 1, 1, -1])
    everybody, w = np.ones(6), np.ones(6)
    values, influence = stratified_means(y, a, w, everybody, stratum)
    assert values == pytest.approx([(2 * 1 + 3 * 4) / 5, (2 * 3 + 3 * 7) / 5], rel=EXACT)
    assert influence[5].tolist() == [0, 0]
    # the fourth row: its stratum's mean 7, a share of 3/5 there, one of two exposed
    own = 6 / 5 * (7 - 5.4) + 6 * (3 / 5) / 2 * (6 - 7)
    assert influence[3, 1] == pytest.approx(own, rel=EXACT)
    exposed, _ = stratified_means(y, a, w, a, stratum)
    assert exposed == pytest.approx([(1 * 1 + 2 * 4) / 3, (3 + 6 + 8) / 3], rel=EXACT)


def test_strata_are_cut_at_quantiles_and_edges_belong_below():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, -1.0, 9.0])
    assert cut(values, values[:5], 2).tolist() == [0, 0, 0, 1, 1, -1, -1]
    assert cut(values, values[:5], 4).tolist() == [0, 0, 1, 2, 3, -1, -1]


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize("population", [{}, {"weighted": True, "clustered": True}], ids=str)
def test_influence_solves_the_stacked_equations_of_fixed_strata(
    confounded, estimating_equations, target, population
):
    sample = confounded(n=500, **population)
    estimator = Subclassification(target=target, strata=3)
    stratum = estimator.divide(sample, NuisanceStore())
    over = sample.w * (sample.a if target == "ATT" else 1.0) * (stratum >= 0)
    cells = [(s, arm) for s in range(3) for arm in (0, 1)]

    def psi(theta):
        inside = [
            sample.w * ((stratum == s) & (sample.a == arm)) * (sample.y - theta[2 + i])
            for i, (s, arm) in enumerate(cells)
        ]
        means = [theta[2:][[2 * max(s, 0) + arm for s in stratum]] for arm in (0, 1)]
        return np.column_stack([*(over * (means[arm] - theta[arm]) for arm in (0, 1)), *inside])

    theta, covariance = estimating_equations(psi, np.zeros(8), sample.cluster)
    ours = estimator.fit(sample, NuisanceStore(), None)
    np.testing.assert_allclose(ours.values, theta[:2], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[:2, :2], rtol=STACKED, atol=1e-10)


def test_more_strata_leave_less_bias(confounded):
    sample = confounded(n=20_000, outcome="continuous")
    best = np.diff(GComputation().fit(sample, NuisanceStore(), None).values)[0]
    fits = [Subclassification(strata=k).fit(sample, NuisanceStore(), None) for k in (2, 5, 20)]
    left = [abs(np.diff(fit.values)[0] - best) for fit in fits]
    assert left[0] > left[1] > left[2]


def test_regression_within_one_stratum_is_least_squares(confounded):
    sample = confounded(weighted=True)
    one = np.zeros(sample.n, dtype=np.int64)
    values, influence = regressed_means(
        sample.y, sample.a, sample.x, sample.w, np.asarray(sample.w), one
    )
    peer = LinearProbability().fit(sample, NuisanceStore(), None)
    np.testing.assert_allclose(values, peer.values, rtol=REFITTED)
    np.testing.assert_allclose(influence, peer.influence, rtol=REFITTED, atol=1e-9)


def test_regression_within_strata_is_one_fit_a_stratum(confounded):
    sample = confounded(n=900)
    estimator = Subclassification(within="regression", strata=3)
    stratum = estimator.divide(sample, NuisanceStore())
    slopes = []
    for s in range(3):
        here = stratum == s
        columns = sm.add_constant(np.column_stack([sample.a, sample.x])[here])
        slopes.append(sm.OLS(sample.y[here], columns).fit().params[1] * here.mean())
    found = np.diff(estimator.fit(sample, NuisanceStore(), None).values)[0]
    assert found == pytest.approx(sum(slopes), rel=REFITTED)


def test_rows_without_an_outcome_help_the_propensity_only(confounded):
    sample = confounded(missing=True)
    estimator = Subclassification()
    stratum = estimator.divide(sample, NuisanceStore())
    seen = sample.observed
    values, _ = stratified_means(
        sample.y[seen], sample.a[seen], sample.w[seen], np.ones(int(seen.sum())), stratum[seen]
    )
    fit = estimator.fit(sample, NuisanceStore(), None)
    np.testing.assert_allclose(fit.values, values, rtol=EXACT)
    assert (fit.influence[~seen] == 0).all()
    assert (estimator.weights(sample, NuisanceStore())[~seen] == 0).all()


def test_a_stratum_without_both_arms_is_refused_with_its_counts(confounded):
    sample = confounded(strength=3.0)
    with pytest.raises(PositivityError, match=r"1 of 20 .* has \d+ unexposed and 0 exposed"):
        Subclassification(strata=20).fit(sample, NuisanceStore(), None)


def test_too_many_covariates_for_a_stratum_are_refused(confounded):
    sample = confounded(n=60, strength=0.1)
    noise = np.random.default_rng(1).normal(size=(60, 14))
    wide = replace(
        sample,
        x=np.column_stack([sample.x[:, :1], noise]),
        terms=tuple(f"t{i}" for i in range(15)),
        concepts=("severity",) * 15,
    )
    settings = {"strata": 4, "within": "regression", "propensity": {"terms": ("t0",)}}
    assert Subclassification(**settings).fit(wide, NuisanceStore(), None).values.shape == (2,)
    stratum = Subclassification(**settings).divide(wide, NuisanceStore())
    with pytest.raises((OutcomeError, PositivityError), match=r"stratum 1|in stratum 1"):
        regressed_means(wide.y, wide.a, wide.x, wide.w, wide.w, stratum)


def test_one_stratum_is_refused():
    with pytest.raises(ValidationError, match="strata"):
        Subclassification(strata=1)

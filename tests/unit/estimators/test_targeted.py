"""Targeted maximum likelihood: its scores vanish, its means stay in range, its move is a GLM's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from causal.diagnostics import count_bounded
from causal.errors import OutcomeError
from causal.estimators import AIPW, TMLE, NuisanceStore
from causal.estimators.doubly_robust import doubly_robust_means
from causal.estimators.nuisance import CrossFitting, folds_by_unit
from causal.estimators.targeted import bounded, fluctuate, targeted_means

SAME = 1e-8  # two Newton methods on one likelihood
SOLVED = 1e-11  # the mean score left, of outcomes within 0 and 1
NEAR = 0.3  # of a standard error: one step and targeting differ in the second order only
RANGE = (-12.0, 12.0)  # of the continuous outcome of the fixture, far beyond its draws


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def regressions(sample):
    """Give propensity and both outcome regressions as AIPW has them."""
    return AIPW().predict(sample, NuisanceStore(), np.random.default_rng(0))


@pytest.mark.parametrize("population", [{}, {"weighted": True, "clustered": True}], ids=str)
def test_the_move_is_the_coefficient_of_a_logistic_regression_with_offset(confounded, population):
    sample = confounded(**population)
    e, mu0, mu1 = regressions(sample)
    moved = targeted_means(sample, e, mu0, mu1, "ATE")
    for arm, (mu, clever, ours) in enumerate(
        ((mu0, 1 / (1 - e), moved[0]), (mu1, 1 / e, moved[1]))
    ):
        seen, offset = sample.a == arm, np.log(mu / (1 - mu))
        peer = sm.GLM(
            sample.y[seen],
            clever[seen, None],
            family=sm.families.Binomial(),
            offset=offset[seen],
            freq_weights=sample.w[seen],
        ).fit(tol=1e-14)
        expected = 1 / (1 + np.exp(-(offset + peer.params[0] * clever)))
        np.testing.assert_allclose(ours, expected, rtol=SAME)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_weighted_residuals_are_zero_after_targeting(confounded, target):
    sample = confounded(weighted=True)
    e, mu0, mu1 = regressions(sample)
    q0, q1 = targeted_means(sample, e, mu0, mu1, target)
    clever = 1 / (1 - e) if target == "ATE" else e / (1 - e)
    w, y, a = sample.w, sample.y, sample.a
    assert abs(np.mean(w * (1 - a) * clever * (y - q0))) < SOLVED * clever.max()
    assert abs(np.mean(w * (1 - a) * clever * (y - mu0))) > 100 * SOLVED * clever.max()
    if target == "ATE":
        assert abs(np.mean(w * a / e * (y - q1))) < SOLVED / e.min()
        plug_in = [np.average(q, weights=w) for q in (q0, q1)]
    else:
        plug_in = [np.average(one[a == 1], weights=w[a == 1]) for one in (q0, y)]
    np.testing.assert_allclose(fitted(TMLE(target=target), sample).values, plug_in, rtol=SAME)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_it_is_near_aipw_where_both_models_are_right(confounded, target, outcome):
    sample = confounded(n=2000, outcome=outcome)
    declared = RANGE if outcome == "continuous" else None
    ours = fitted(TMLE(target=target, range=declared), sample).effect("mean_difference")
    peer = fitted(AIPW(target=target), sample).effect("mean_difference")
    assert abs(ours.estimate - peer.estimate) < NEAR * peer.std_error
    assert ours.std_error == pytest.approx(peer.std_error, rel=0.05)


def test_means_stay_within_the_range_where_those_of_aipw_leave_it(confounded):
    """One exposed row with a propensity of 1 in 2000 stands for more rows than there are."""
    sample = confounded(n=300)
    lone = int(np.flatnonzero((sample.a == 1) & (sample.y == 1))[0])
    e = np.where(np.arange(300) == lone, 0.0005, 0.5)
    half = np.full(300, 0.5)
    aipw, _ = doubly_robust_means(sample, e, half, half, "ATE")
    _, q1 = targeted_means(sample, e, half, half, "ATE")
    assert aipw[1] > 1
    assert 0 < q1.mean() < 1


def test_units_of_a_continuous_outcome_scale_the_estimate(confounded):
    sample = confounded(outcome="continuous")
    low, high = RANGE
    moved = replace(sample, y=-3.0 * sample.y + 40)
    ours = fitted(TMLE(range=RANGE), sample)
    other = fitted(TMLE(range=(-3 * high + 40, -3 * low + 40)), moved)
    np.testing.assert_allclose(other.values, -3 * ours.values + 40, rtol=SAME)
    np.testing.assert_allclose(other.covariance, 9 * ours.covariance, rtol=1e-6)


def test_a_wider_range_hardly_matters(confounded):
    sample = confounded(outcome="continuous", n=2000)
    near, far = (
        fitted(TMLE(range=(-c, c)), sample).effect("mean_difference") for c in (12.0, 120.0)
    )
    assert abs(near.estimate - far.estimate) < 0.05 * near.std_error


def test_rows_whose_prediction_leaves_the_range_are_counted(confounded):
    sample = confounded(outcome="continuous")
    mu = np.array([-0.1, 0.0, 0.2, 0.9996, 0.5])
    q0, q1, count = bounded(mu, np.full(5, 0.5), 0.0005)
    np.testing.assert_array_equal(q0, [0.0005, 0.0005, 0.2, 0.9995, 0.5])
    assert (q1 == 0.5).all()
    assert count == 3
    assert fitted(TMLE(range=RANGE), sample).bounded == 0
    steep = replace(sample, y=sample.y + 20 * sample.x[:, 0])
    found = fitted(TMLE(range=(float(steep.y.min()), float(steep.y.max()))), steep).bounded
    assert found > 0
    (said,) = count_bounded(found)
    assert (said.name, said.value) == ("bounded", found)
    assert count_bounded(fitted(AIPW(), sample).bounded) == ()


def test_each_person_is_predicted_from_others_and_moved_with_all(confounded):
    """CV-TMLE: outcomes of one fold move their own predictions only through the one common move."""
    sample = confounded(clustered=True)
    estimator = TMLE(cross_fit=CrossFitting(folds=4))
    fold = folds_by_unit(sample.unit, 4, np.random.default_rng(0))
    changed = replace(sample, y=np.where(fold == 2, 1 - sample.y, sample.y))
    first, second = (
        estimator.predict(one, NuisanceStore(), np.random.default_rng(0))
        for one in (sample, changed)
    )
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert fitted(estimator, sample).values[1] != fitted(estimator, changed).values[1]


def test_a_continuous_outcome_without_range_is_refused(confounded):
    with pytest.raises(OutcomeError, match=r"Give range: \[lowest, highest possible value\]"):
        fitted(TMLE(), confounded(outcome="continuous"))


def test_outcomes_outside_the_declared_range_are_refused(confounded):
    with pytest.raises(OutcomeError, match="outside the declared range -1 to 1"):
        fitted(TMLE(range=(-1, 1)), confounded(outcome="continuous"))


@pytest.mark.parametrize("declared", [(1, 0), (0, 0), (0, float("inf"))])
def test_an_empty_or_infinite_range_is_refused(declared):
    with pytest.raises(ValidationError, match="lowest and the highest possible outcome"):
        TMLE(range=declared)


def test_an_arm_at_one_end_of_the_range_is_refused():
    ones = np.ones(20)
    for end in (0.0, 1.0):
        with pytest.raises(OutcomeError, match="20 outcomes with exposure 1 lie at one end"):
            fluctuate(end * ones, np.zeros(20), ones, ones, 1)

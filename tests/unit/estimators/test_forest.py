"""Causal forest: the scores that average it, who it predicts, and what it finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import Sample
from causal.errors import OutcomeError
from causal.estimators import CausalForest, NuisanceStore
from causal.estimators.doubly_robust import doubly_robust_means
from causal.estimators.forest import forest_effects
from causal.estimators.nuisance import folds_by_unit

SMALL = {"trees": 40, "cross_fit": {"folds": 2}}
SAME = 1e-12  # the same scores, written in another way


def heterogeneous(confounded, n=1500):
    """Give a sample whose effect is 1 where x0 is positive and 0 elsewhere."""
    sample = confounded(n=n, outcome="continuous", strength=0.5)
    noise = np.random.default_rng(5).normal(size=n)
    y = sample.x[:, 1] + sample.a * (sample.x[:, 0] > 0) + 0.5 * noise
    return replace(sample, y=y)


def test_the_forest_finds_for_whom_there_is_an_effect(confounded):
    sample = heterogeneous(confounded)
    here = np.arange(sample.n) % 2 == 0
    tau = forest_effects(sample, here, 100, 5, 1)
    positive = sample.x[here, 0] > 0
    assert abs(tau[positive].mean() - 1) < 0.2
    assert abs(tau[~positive].mean()) < 0.2


def test_its_average_is_near_the_truth_with_an_honest_error(confounded):
    sample = heterogeneous(confounded)
    effect = (
        CausalForest(trees=100, cross_fit={"folds": 3})
        .fit(sample, NuisanceStore(), np.random.default_rng(0))
        .effect("mean_difference")
    )
    assert abs(effect.estimate - np.mean(sample.x[:, 0] > 0)) < 3 * effect.std_error
    assert effect.std_error < 0.06


def test_scores_are_the_forests_effect_plus_a_weighted_residual(confounded):
    """In the form of Athey & Wager (2019): tau + (a - e) / (e (1 - e)) (y - m - (a - e) tau)."""
    sample, rng = confounded(), np.random.default_rng(3)
    e, m = rng.uniform(0.2, 0.8, sample.n), rng.uniform(0.2, 0.8, sample.n)
    tau = rng.normal(size=sample.n)
    values, influence = doubly_robust_means(sample, e, m - e * tau, m + (1 - e) * tau, "ATE")
    residual = sample.y - m - (sample.a - e) * tau
    scores = tau + (sample.a - e) / (e * (1 - e)) * residual
    assert values[1] - values[0] == pytest.approx(scores.mean(), rel=1e-10)
    np.testing.assert_allclose(
        influence[:, 1] - influence[:, 0], scores - scores.mean(), atol=SAME * 1e3
    )


def test_nothing_of_a_person_is_used_to_predict_her(confounded):
    sample = confounded(clustered=True)
    estimator = CausalForest(**SMALL)
    fold = folds_by_unit(sample.unit, 2, np.random.default_rng(0))
    moved = sample.y.copy()
    moved[fold == 1] = np.random.default_rng(1).permutation(moved[fold == 1])
    changed = replace(sample, y=moved)
    first, second = (
        estimator.predict(one, NuisanceStore(), np.random.default_rng(0))
        for one in (sample, changed)
    )
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
    assert np.abs(first[1] - second[1])[fold == 0].max() > 0.01


def test_which_exposure_is_coded_1_changes_nothing():
    """Drawn where trees break ties by value: uncorrected, the estimate moves by 5e-4."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3))
    a = (rng.random(500) < 1 / (1 + np.exp(0.3 - 0.6 * x[:, 0]))).astype(float)
    chance = 1 / (1 + np.exp(0.2 - 0.5 * a - 0.8 * x[:, 0] + 0.4 * x[:, 1]))
    y, names = (rng.random(500) < chance).astype(float), ("x0", "x1", "x2")
    sample = Sample(np.arange(500), y, a, x, names, names, "binary", "binary", np.ones(500))
    forest = CausalForest(trees=20, cross_fit={"folds": 2})
    one, other = (
        forest.fit(own, NuisanceStore(), np.random.default_rng(1))
        for own in (sample, replace(sample, a=1 - a))
    )
    np.testing.assert_allclose(other.values, one.values[::-1], rtol=1e-12)
    np.testing.assert_allclose(other.covariance, one.covariance[::-1, ::-1], rtol=1e-10)


def test_a_rung_without_covariates_is_refused(confounded):
    sample = confounded().adjusting_for(())
    with pytest.raises(OutcomeError, match="no covariates to grow trees on"):
        CausalForest(**SMALL).fit(sample, NuisanceStore(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cross_fit": None}, "cross_fit"),
        ({"propensity": {"learner": "glm"}}, "a learner other than glm"),
        ({"outcome": {"learner": "lasso", "arms": "separate"}}, "leave arms at pooled"),
        ({"trees": 42}, "multiple of 4"),
    ],
    ids=str,
)
def test_settings_it_cannot_be_honest_with_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        CausalForest(**settings)

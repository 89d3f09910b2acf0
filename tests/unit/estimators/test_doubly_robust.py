"""Augmented inverse probability weighting: its formula, stacked equations, and a known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from causal.errors import CausalError
from causal.estimators import AIPW, NuisanceStore
from causal.estimators.doubly_robust import doubly_robust_means
from causal.estimators.nuisance import CrossFitting, OutcomeModel, folds_by_unit
from causal.inference import covariance

SAME = 1e-8  # the same formula on regressions converged to 1e-10
STACKED = 1e-6  # the reference differentiates numerically
NEARLY = 0.05  # with both models right, estimating them changes the error in the second order only
MONTE_CARLO = 0.02  # four standard errors of a difference of means at n = 40,000


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def peer_nuisances(sample):
    """Fit both regressions with statsmodels."""
    binomial = sm.families.Binomial()
    e = sm.GLM(sample.a, sm.add_constant(sample.x), family=binomial, freq_weights=sample.w)
    design = np.column_stack([np.ones(sample.n), sample.a, sample.x])
    outcome = sm.GLM(sample.y, design, family=binomial, freq_weights=sample.w).fit(tol=1e-14)
    low, high = design.copy(), design.copy()
    low[:, 1], high[:, 1] = 0, 1
    return e.fit(tol=1e-14).fittedvalues, outcome.predict(low), outcome.predict(high)


@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_ate_is_the_mean_of_doubly_robust_scores(confounded, population):
    sample = confounded(**population)
    e, mu0, mu1 = peer_nuisances(sample)
    a, y, w = sample.a, sample.y, sample.w
    scores = np.column_stack([mu0 + (1 - a) / (1 - e) * (y - mu0), mu1 + a / e * (y - mu1)])
    values = np.average(scores, axis=0, weights=w)
    influence = (w / w.mean())[:, None] * (scores - values)
    ours = fitted(AIPW(), sample)
    np.testing.assert_allclose(ours.values, values, rtol=SAME)
    np.testing.assert_allclose(ours.covariance, covariance(influence, sample.cluster), rtol=STACKED)


@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_att_takes_the_exposed_as_observed(confounded, population):
    sample = confounded(**population)
    e, mu0, _ = peer_nuisances(sample)
    a, y, w = sample.a, sample.y, sample.w
    exposed = np.average(y[a == 1], weights=w[a == 1])
    moved = a * mu0 + (1 - a) * e / (1 - e) * (y - mu0)
    unexposed = np.sum(w * moved) / np.sum(w * a)
    influence = (w / np.mean(w * a))[:, None] * np.column_stack(
        [moved - a * unexposed, a * (y - exposed)]
    )
    ours = fitted(AIPW(target="ATT"), sample)
    np.testing.assert_allclose(ours.values, [unexposed, exposed], rtol=SAME)
    np.testing.assert_allclose(ours.covariance, covariance(influence, sample.cluster), rtol=STACKED)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_error_is_near_that_of_the_stacked_equations_when_both_models_are_right(
    confounded, estimating_equations, target
):
    sample = confounded(n=3000, seed=3)
    design = np.column_stack([np.ones(sample.n), sample.x])
    a, y = sample.a, sample.y

    def expit(eta):
        return 1 / (1 + np.exp(-eta))

    def psi(theta):
        gamma, beta, mu = theta[:4], theta[4:9], theta[9:]
        e, base = expit(design @ gamma), design @ beta[:4]
        mu0, mu1 = expit(base), expit(base + beta[4])
        residual = y - np.where(a == 1, mu1, mu0)
        if target == "ATE":
            last = (
                mu0 + (1 - a) / (1 - e) * residual - mu[0],
                mu1 + a / e * residual - mu[1],
            )
        else:
            last = (a * (mu0 - mu[0]) + (1 - a) * e / (1 - e) * residual, a * (y - mu[1]))
        return np.column_stack(
            [
                design * (a - e)[:, None],
                np.column_stack([design, a]) * residual[:, None],
                *last,
            ]
        )

    theta, stacked = estimating_equations(psi, np.zeros(11), None)
    ours = fitted(AIPW(target=target), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    contrast = np.array([-1.0, 1.0])
    ratio = (contrast @ ours.covariance @ contrast) / (contrast @ stacked[-2:, -2:] @ contrast)
    assert abs(np.sqrt(ratio) - 1) < NEARLY


@pytest.fixture(scope="module")
def world():
    """Draw 40,000 rows with known propensity and outcome means, and an effect of about .13."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=40_000)
    e = 1 / (1 + np.exp(-0.8 * x))
    mu0, mu1 = 1 / (1 + np.exp(0.5 - x)), 1 / (1 + np.exp(-0.2 - x))
    a = (rng.random(len(x)) < e).astype(float)
    y = (rng.random(len(x)) < np.where(a == 1, mu1, mu0)).astype(float)
    return a, y, e, mu0, mu1


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize("right", ["propensity", "outcome", "both"])
def test_aipw_is_unbiased_when_one_model_is_right(confounded, world, right, target):
    a, y, e, mu0, mu1 = world
    sample = replace(
        confounded(n=4),
        unit=np.arange(len(a)),
        a=a,
        y=y,
        w=np.ones(len(a)),
        x=np.empty((len(a), 0)),
    )
    half = np.full(len(a), a.mean())
    wrong = np.full(len(a), y.mean())
    values, _ = doubly_robust_means(
        sample,
        half if right == "outcome" else e,
        wrong if right == "propensity" else mu0,
        wrong if right == "propensity" else mu1,
        target,
    )
    truth = np.mean(mu1 - mu0) if target == "ATE" else np.average(mu1 - mu0, weights=e)
    crude = y[a == 1].mean() - y[a == 0].mean()
    assert abs(values[1] - values[0] - truth) < MONTE_CARLO
    assert abs(crude - truth) > 5 * MONTE_CARLO  # the world is confounded, so the test can fail


def test_with_both_models_wrong_the_bias_stays(confounded, world):
    a, y, _, mu0, mu1 = world
    sample = replace(
        confounded(n=4),
        unit=np.arange(len(a)),
        a=a,
        y=y,
        w=np.ones(len(a)),
        x=np.empty((len(a), 0)),
    )
    flat = np.full(len(a), y.mean())
    values, _ = doubly_robust_means(sample, np.full(len(a), a.mean()), flat, flat, "ATE")
    assert abs(values[1] - values[0] - np.mean(mu1 - mu0)) > 5 * MONTE_CARLO


def test_cross_fitting_predicts_each_person_from_the_others(confounded):
    """Changing the outcomes of one fold leaves the predictions for that fold as they were."""
    sample = confounded(clustered=True)
    estimator = AIPW(cross_fit=CrossFitting(folds=4), outcome=OutcomeModel(link="linear"))
    fold = folds_by_unit(sample.unit, 4, np.random.default_rng(0))
    changed = replace(sample, y=np.where(fold == 2, 1 - sample.y, sample.y))
    first, second = (
        estimator.predict(one, NuisanceStore(), np.random.default_rng(0))
        for one in (sample, changed)
    )
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert np.abs(first[1] - second[1])[fold != 2].max() > 0.01


def test_cross_fitted_estimate_is_near_the_plain_one(confounded):
    sample = confounded(n=3000)
    plain, crossed = (
        fitted(one, sample).effect("risk_difference") for one in (AIPW(), AIPW(cross_fit={}))
    )
    assert abs(plain.estimate - crossed.estimate) < 0.25 * plain.std_error


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_missing_outcomes_are_refused(confounded, target):
    """The scores would take them as 0 (ATT), or the error ignore the outcome regression (ATE)."""
    with pytest.raises(CausalError, match="missing"):
        fitted(AIPW(target=target), confounded(missing=True))


def test_averaging_divisions_takes_out_the_luck_of_one_and_reports_it(confounded):
    """The average of many divisions varies less from seed to seed than one division does."""
    sample = confounded(n=300)

    def estimates(repeats: int) -> list[float]:
        estimator = AIPW(cross_fit=CrossFitting(folds=5, repeats=repeats))
        fits = [
            estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))
            for seed in range(12)
        ]
        return [float(one.values[1] - one.values[0]) for one in fits]

    once, often = np.std(estimates(1)), np.std(estimates(10))
    assert often < 0.7 * once  # 1 / sqrt(10) = 0.32 is expected; 12 seeds tell it roughly
    fit = AIPW(cross_fit=CrossFitting(repeats=10)).fit(
        sample, NuisanceStore(), np.random.default_rng(0)
    )
    assert fit.split_sd is not None
    assert 0.3 * once < fit.split_sd < 3 * once

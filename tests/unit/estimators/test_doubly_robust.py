"""Augmented inverse probability weighting: its formula, stacked equations, and a known truth."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from causal.errors import CausalError
from causal.estimators import AIPW, TMLE, NuisanceStore
from causal.estimators.divisions import median_division
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


DOUBLEML = {"ATE": (0.5725766849656392, 0.13610825648464506)}
DOUBLEML["ATT"] = (0.46930868851249197, 0.14279206043944007)
PEER = 1e-8  # scikit-learn's solver stops at a gradient of 1e-10


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_cross_fitted_scores_are_those_of_doubleml(confounded, target):
    """Stored: DoubleML 0.11.4 on the same folds.

    one = DoubleMLIRM(DoubleMLData.from_arrays(x, y, a), LinearRegression(),
        LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000), n_folds=5, score=score,
        draw_sample_splitting=False, ps_processor_config=PSProcessorConfig(clipping_threshold=1e-6))
    one.set_sample_splitting([(flatnonzero(fold != k), flatnonzero(fold == k)) for k in range(5)])
    one.fit(); one.coef, one.se          # score "ATE", "ATTE"
    """
    sample = confounded(outcome="continuous", n=600, seed=7)
    estimator = AIPW(target=target, outcome=OutcomeModel(arms="separate"), cross_fit={})
    effect = fitted(estimator, sample, seed=3).effect("mean_difference")
    assert effect.estimate == pytest.approx(DOUBLEML[target][0], rel=PEER)
    assert effect.std_error == pytest.approx(DOUBLEML[target][1], rel=PEER)


@pytest.mark.parametrize("population", [{}, {"weighted": True}], ids=["plain", "weighted"])
def test_cross_fitted_ate_is_that_of_econmls_linear_dr_learner(confounded, population):
    """One regression with exposure in it, as EconML has it; its covariance ignores the weights."""
    sample = confounded(outcome="continuous", n=600, **population)
    fold = folds_by_unit(sample.unit, 5, np.random.default_rng(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from econml.dr import LinearDRLearner
        from sklearn.linear_model import LinearRegression, LogisticRegression

        peer = LinearDRLearner(
            model_propensity=LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000),
            model_regression=LinearRegression(),
            min_propensity=1e-9,
            cv=[(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)],
        )
        peer.fit(sample.y, sample.a, X=None, W=sample.x, sample_weight=sample.w)
        theta = float(np.ravel(peer.intercept_(T=1))[0])
        stderr = float(np.ravel(peer.intercept__inference(T=1).stderr)[0])
    ours = fitted(AIPW(cross_fit={}), sample, seed=3).effect("mean_difference")
    assert ours.estimate == pytest.approx(theta, rel=1e-6)
    if not population:
        assert ours.std_error == pytest.approx(stderr, rel=1 / math.sqrt(sample.n))


@pytest.mark.parametrize("repeats", [5, 6])
def test_the_median_of_divisions_is_that_of_the_definition(confounded, repeats):
    """Medians of differences and of their variances, each grown by its distance (eq. 3.13-3.14)."""
    sample = confounded(n=200)
    settings = {"folds": 3, "repeats": repeats, "combine": "median"}
    found = fitted(AIPW(cross_fit=settings), sample)
    rng, once = np.random.default_rng(0), AIPW(cross_fit={"folds": 3})
    fits = [once.fit(sample, NuisanceStore(), rng) for _ in range(repeats)]
    effects = [one.effect("risk_difference") for one in fits]
    theta = np.array([one.estimate for one in effects])
    middle = np.median(theta)
    variance = np.median([one.std_error**2 for one in effects] + (theta - middle) ** 2)
    effect = found.effect("risk_difference")
    assert effect.estimate == pytest.approx(middle, rel=SAME)
    assert effect.std_error**2 == pytest.approx(variance, rel=SAME)
    assert found.split_sd == pytest.approx(theta.std(ddof=1), rel=SAME)
    assert np.linalg.eigvalsh(found.covariance).min() >= 0
    np.testing.assert_allclose(found.influence.mean(axis=0), 0, atol=1e-10)


def test_one_odd_division_moves_the_mean_and_not_the_median(confounded):
    sample = confounded(n=200)
    rng = np.random.default_rng(0)
    fits = [AIPW(cross_fit={}).fit(sample, NuisanceStore(), rng) for _ in range(5)]
    order = np.argsort([one.values[1] - one.values[0] for one in fits])
    highest = fits[int(order[-1])]
    odd = [
        replace(one, values=one.values + np.array([0.0, 50.0 * (one is highest)])) for one in fits
    ]
    np.testing.assert_array_equal(median_division(odd).values, median_division(fits).values)
    assert median_division(fits[:1]) is fits[0]


def test_bounded_rows_of_the_worst_division_are_reported(confounded):
    sample = confounded(outcome="continuous")
    steep = replace(sample, y=sample.y + 20 * sample.x[:, 0])
    limits = (float(steep.y.min()), float(steep.y.max()))
    settings = {"range": limits, "bound": 0.05}
    rng, once = np.random.default_rng(0), TMLE(cross_fit={"folds": 3}, **settings)
    counts = [once.fit(steep, NuisanceStore(), rng).bounded for _ in range(6)]
    for combine in ("mean", "median"):
        often = TMLE(cross_fit={"folds": 3, "repeats": 6, "combine": combine}, **settings)
        assert fitted(often, steep).bounded == max(counts) > min(counts)

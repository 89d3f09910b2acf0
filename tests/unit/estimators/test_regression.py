"""Crude, standardised and linear contrasts against statsmodels and stacked equations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from causal.errors import CausalError, OutcomeError, PositivityError
from causal.estimators import GComputation, LinearProbability, MeanDifference, NuisanceStore
from causal.estimators.nuisance import OutcomeModel

SAME = 1e-8  # closed forms, or maximum likelihood fits converged to 1e-10
STACKED = 1e-6  # the reference differentiates numerically

RNG = np.random.default_rng(0)


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), RNG)


def peer_ols(sample, covariance, **options):
    """Fit ordinary least squares of the outcome on exposure and covariates with statsmodels."""
    design = sm.add_constant(np.column_stack([sample.a, sample.x]))
    return sm.WLS(sample.y, design, weights=sample.w).fit(cov_type=covariance, **options)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "classical"])
@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_linear_probability_is_the_regression_of_statsmodels(confounded, kind, outcome):
    sample = confounded(outcome=outcome)
    peer = peer_ols(sample, "nonrobust" if kind == "classical" else kind)
    ours = fitted(LinearProbability(variance={"kind": kind}), sample).effect("risk_difference")
    assert math.isclose(ours.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


def test_classical_linear_probability_uses_students_t(confounded):
    sample = confounded(n=60)
    peer = peer_ols(sample, "nonrobust")
    ours = fitted(LinearProbability(variance={"kind": "classical"}), sample).effect(
        "risk_difference"
    )
    np.testing.assert_allclose((ours.lo, ours.hi), peer.conf_int()[1], rtol=SAME)


@pytest.mark.parametrize("kind", ["HC1", "classical"])
def test_an_effect_at_given_values_is_a_combination_of_coefficients(confounded, kind):
    sample = confounded(outcome="continuous")
    columns = [sample.a, sample.x, sample.a * sample.x[:, 0], sample.a * sample.x[:, 2]]
    peer = sm.OLS(sample.y, sm.add_constant(np.column_stack(columns))).fit(
        cov_type="nonrobust" if kind == "classical" else kind
    )
    there = peer.t_test([0, 1, 0, 0, 0, 0.5, 1.0])
    one = LinearProbability(
        interactions=("x2", "x0"), at={"x0": 0.5, "x2": 1}, variance={"kind": kind}
    )
    found = fitted(one, sample)
    effect = found.effect("mean_difference")
    assert (found.target, found.target_note) == ("conditional", "at x0 = 0.5, x2 = 1")
    assert math.isclose(effect.estimate, float(there.effect[0]), rel_tol=SAME)
    assert math.isclose(effect.std_error, float(there.sd.item()), rel_tol=SAME)


def test_where_an_effect_is_read_must_be_said_and_no_more():
    with pytest.raises(ValidationError, match=r"say where to read it, such as at: \{x0: 5\}"):
        LinearProbability(interactions=("x0",))
    with pytest.raises(ValidationError, match="at names 'x1', which is not among the interact"):
        LinearProbability(interactions=("x0",), at={"x0": 1, "x1": 2})


def test_a_product_that_is_not_seen_is_refused(confounded):
    sample = confounded()
    x = sample.x.copy()
    x[:, 2] *= sample.a  # varies among the exposed only, so its product with exposure is itself
    with pytest.raises(PositivityError, match="a covariate varies in one arm only"):
        fitted(LinearProbability(interactions=("x2",), at={"x2": 1}), replace(sample, x=x))


def test_clustered_linear_probability_has_the_cr1_error_of_statsmodels(confounded):
    sample = confounded(clustered=True)
    peer = peer_ols(sample, "cluster", cov_kwds={"groups": sample.cluster})
    ours = fitted(LinearProbability(), sample).effect("risk_difference")
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "classical"])
def test_weighted_linear_probability_is_weighted_least_squares(confounded, kind):
    sample = confounded(weighted=True)
    peer = peer_ols(sample, "nonrobust" if kind == "classical" else kind)
    ours = fitted(LinearProbability(variance={"kind": kind}), sample).effect("risk_difference")
    assert math.isclose(ours.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


def test_linear_probability_takes_a_dose(confounded):
    base = confounded(outcome="continuous")
    dose = np.random.default_rng(1).gamma(2.0, 2.0, base.n)
    sample = replace(base, a=dose, y=base.y + 0.3 * dose, exposure_kind="dose")
    peer = peer_ols(sample, "HC1")
    ours = fitted(LinearProbability(), sample).effect("mean_difference")
    assert math.isclose(ours.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


@pytest.mark.parametrize("kind", ["HC1", "classical"])
def test_missing_outcomes_do_not_count_in_small_sample_corrections(confounded, kind):
    sample = confounded(missing=True)
    seen = sample.observed
    design = sm.add_constant(np.column_stack([sample.a, sample.x]))[seen]
    peer = sm.OLS(sample.y[seen], design).fit(cov_type="nonrobust" if kind == "classical" else kind)
    ours = fitted(LinearProbability(variance={"kind": kind}), sample).effect("risk_difference")
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


def test_crude_difference_has_the_unpooled_wald_error(confounded):
    sample = confounded()
    p0, p1 = (sample.y[sample.a == arm].mean() for arm in (0, 1))
    n0, n1 = ((sample.a == arm).sum() for arm in (0, 1))
    ours = fitted(MeanDifference(), sample).effect("risk_difference")
    assert math.isclose(ours.estimate, p1 - p0, rel_tol=SAME)
    wald = math.sqrt(p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1)
    assert math.isclose(ours.std_error, wald, rel_tol=SAME)


def test_crude_means_are_weighted_and_have_the_robust_error_of_weighted_least_squares(confounded):
    sample = confounded(weighted=True)
    peer = sm.WLS(sample.y, sm.add_constant(sample.a), weights=sample.w).fit(cov_type="HC0")
    ours = fitted(MeanDifference(), sample).effect("risk_difference")
    assert math.isclose(ours.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


def test_crude_ratios_have_woolf_and_katz_errors(confounded):
    sample = confounded()
    cells = np.array([[np.sum((sample.a == a) & (sample.y == y)) for y in (0, 1)] for a in (0, 1)])
    estimates = fitted(MeanDifference(), sample)
    woolf = math.sqrt((1 / cells).sum())
    katz = math.sqrt(sum(1 / row[1] - 1 / row.sum() for row in cells))
    assert math.isclose(estimates.effect("odds_ratio").std_error, woolf, rel_tol=SAME)
    assert math.isclose(estimates.effect("risk_ratio").std_error, katz, rel_tol=SAME)


def test_classical_crude_difference_is_students_two_sample_t_test(confounded):
    from scipy import stats

    sample = confounded(outcome="continuous", n=50)
    peer = stats.ttest_ind(sample.y[sample.a == 1], sample.y[sample.a == 0])
    ours = fitted(MeanDifference(variance={"kind": "classical"}), sample).effect("mean_difference")
    assert math.isclose(ours.estimate / ours.std_error, peer.statistic, rel_tol=SAME)
    interval = peer.confidence_interval(0.95)
    np.testing.assert_allclose((ours.lo, ours.hi), (interval.low, interval.high), rtol=SAME)


def test_classical_crude_difference_with_weights_is_weighted_least_squares(confounded):
    sample = confounded(outcome="continuous", weighted=True)
    peer = sm.WLS(sample.y, sm.add_constant(sample.a), weights=sample.w).fit()
    ours = fitted(MeanDifference(variance={"kind": "classical"}), sample).effect("mean_difference")
    assert math.isclose(ours.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(ours.std_error, peer.bse[1], rel_tol=SAME)


def g_computation_equations(sample, *, link, arms, interactions, target):
    """Write the estimating equations of g-computation, and where to start solving them."""
    products = [sample.terms.index(term) for term in interactions]
    ones = np.ones((sample.n, 1))

    def design(a):
        if arms == "separate":
            return np.hstack([ones, sample.x])
        return np.hstack([ones, a[:, None], sample.x, a[:, None] * sample.x[:, products]])

    def mean(eta):
        return 1 / (1 + np.exp(-eta)) if link == "logit" else eta

    seen, y = sample.observed, np.where(sample.observed, sample.y, 0.0)
    own, low, high = design(sample.a), design(0 * sample.a), design(0 * sample.a + 1)
    p, fits = own.shape[1], 2 if arms == "separate" else 1
    over = sample.w * (sample.a if target == "ATT" else 1.0)

    def psi(theta):
        betas = theta[:-2].reshape(fits, p)
        scores = []
        for arm, beta in enumerate(betas):
            rows = seen & ((sample.a == arm) | (fits == 1))
            scores.append(own * (sample.w * rows * (y - mean(own @ beta)))[:, None])
        mu0, mu1 = mean(low @ betas[0]), mean(high @ betas[-1])
        return np.column_stack([*scores, over * (mu0 - theta[-2]), over * (mu1 - theta[-1])])

    return psi, np.zeros(fits * p + 2)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize("arms", ["pooled", "separate"])
@pytest.mark.parametrize("link", ["logit", "linear"])
@pytest.mark.parametrize(
    "population",
    [{}, {"missing": True}, {"weighted": True, "clustered": True, "missing": True}],
    ids=["plain", "missing outcomes", "weights, clusters, missing outcomes"],
)
def test_g_computation_solves_its_stacked_equations(
    confounded, estimating_equations, link, arms, target, population
):
    sample = confounded(n=300, **population)
    interactions = ("x0",) if arms == "pooled" else ()
    psi, start = g_computation_equations(
        sample, link=link, arms=arms, interactions=interactions, target=target
    )
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    model = OutcomeModel(link=link, arms=arms, interactions=interactions)
    ours = fitted(GComputation(outcome=model, target=target), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED)


def test_g_computation_without_covariates_is_the_crude_difference(confounded):
    sample = confounded().adjusting_for(())
    ours, crude = (fitted(one, sample) for one in (GComputation(), MeanDifference()))
    np.testing.assert_allclose(ours.values, crude.values, rtol=SAME)
    np.testing.assert_allclose(ours.covariance, crude.covariance, rtol=STACKED, atol=1e-12)


def test_g_computation_uses_only_the_terms_named(confounded):
    sample = confounded()
    chosen = fitted(GComputation(outcome=OutcomeModel(terms=("x0",))), sample)
    alone = fitted(GComputation(), sample.with_terms(("x0",)))
    np.testing.assert_allclose(chosen.covariance, alone.covariance, rtol=SAME)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearProbability(),
        GComputation(),
        GComputation(outcome=OutcomeModel(link="linear")),
    ],
    ids=["linear probability", "logistic", "linear"],
)
def test_an_exposure_that_covariates_give_exactly_is_refused(confounded, estimator):
    """Otherwise the fit splits the effect between the exposure and its copy."""
    base = confounded()
    sample = replace(base, x=np.column_stack([base.x[:, :2], 1 - base.a]))
    with pytest.raises(PositivityError, match=r"exposure|x2"):
        fitted(estimator, sample)


@pytest.mark.parametrize(
    "estimator", [MeanDifference(), LinearProbability(), GComputation()], ids=lambda one: one.kind
)
def test_an_arm_without_a_known_outcome_is_refused(confounded, estimator):
    base = confounded()
    sample = replace(base, y=np.where(base.a == 1, np.nan, base.y))
    with pytest.raises(CausalError, match=r"outcome"):
        fitted(estimator, sample)


def test_more_coefficients_than_rows_are_refused(confounded):
    base = confounded(n=24)
    columns = np.random.default_rng(2).normal(size=(24, 30))
    names = tuple(f"x{i}" for i in range(30))
    sample = replace(base, x=columns, terms=names, concepts=names)
    with pytest.raises(CausalError, match=r"24 rows|coefficients|determine the exposure exactly"):
        fitted(LinearProbability(), sample)


@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_a_single_cluster_is_refused(confounded, kind):
    """Its influence values add up to 0, and a standard error of 0 would be printed."""
    base = confounded()
    sample = replace(base, cluster=np.zeros(base.n, dtype=np.int64))
    with pytest.raises(CausalError, match="cluster"):
        fitted(MeanDifference(variance={"kind": kind}), sample)


def test_covariates_that_determine_the_outcome_are_named(confounded):
    base = confounded()
    sample = replace(base, y=(base.x[:, 1] > 0).astype(float))
    with pytest.raises(OutcomeError, match=r"determine the outcome of .* along 'x1'"):
        fitted(GComputation(), sample)


def test_a_logistic_regression_of_a_continuous_outcome_is_refused(confounded):
    sample = confounded(outcome="continuous")
    with pytest.raises(OutcomeError, match=r"link|continuous"):
        fitted(GComputation(outcome=OutcomeModel(link="logit")), sample)

"""Partially linear double machine learning: EconML's effect, our standard error."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.errors import OutcomeError, PositivityError
from causal.estimators import LinearDML, NuisanceStore
from causal.estimators.nuisance import folds_by_unit
from causal.estimators.orthogonal import econml_residuals, partially_linear

SAME = 1e-6  # scikit-learn's solver stops at a gradient of 1e-10, not at the last digit
ERRORS_AGREE = 0.01  # EconML divides by n - 1 in places; both are first-order


def econml_effect(sample, fold):
    """Fit EconML's own estimator on given folds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from econml.dml import LinearDML as Peer
        from sklearn.linear_model import LinearRegression, LogisticRegression

        splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
        peer = Peer(
            model_y=LinearRegression(),
            model_t=LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000),
            discrete_treatment=True,
            cv=splits,
        )
        peer.fit(sample.y, sample.a, X=None, W=sample.x, sample_weight=sample.w)
        found = peer.const_marginal_effect_inference()
        return float(np.ravel(found.point_estimate)[0]), float(np.ravel(found.stderr)[0])


@pytest.mark.parametrize("population", [{}, {"weighted": True}], ids=["plain", "weighted"])
def test_theta_is_econmls_own_effect(confounded, population):
    sample = confounded(outcome="continuous", **population)
    fold = folds_by_unit(sample.unit, 5, np.random.default_rng(3))
    theta, _ = econml_effect(sample, fold)
    ours = LinearDML().fit(sample, NuisanceStore(), np.random.default_rng(3))
    assert math.isclose(ours.values[0], theta, rel_tol=SAME)


def test_the_standard_error_is_econmls_where_rows_are_independent(confounded):
    sample = confounded(outcome="continuous", n=1000)
    fold = folds_by_unit(sample.unit, 5, np.random.default_rng(3))
    _, std_error = econml_effect(sample, fold)
    ours = LinearDML().fit(sample, NuisanceStore(), np.random.default_rng(3))
    assert math.isclose(math.sqrt(ours.covariance[0, 0]), std_error, rel_tol=ERRORS_AGREE)


def test_the_standard_error_adds_influence_within_clusters(confounded):
    sample = confounded(outcome="continuous", clustered=True)
    ours = LinearDML().fit(sample, NuisanceStore(), np.random.default_rng(3))
    fold = folds_by_unit(sample.unit, 5, np.random.default_rng(3))
    y, a = econml_residuals(sample, fold)
    sums = np.bincount(sample.cluster, weights=a * (y - ours.values[0] * a))
    expected = math.sqrt(np.sum(sums**2)) / np.sum(a * a)
    assert math.isclose(math.sqrt(ours.covariance[0, 0]), expected, rel_tol=SAME)


def test_residual_on_residual_is_least_squares_through_the_origin():
    rng = np.random.default_rng(0)
    a, noise, w = rng.normal(size=200), rng.normal(size=200), rng.uniform(1, 2, 200)
    theta, influence = partially_linear(0.7 * a + noise, a, w)
    root = np.sqrt(w)
    expected = np.linalg.lstsq((root * a)[:, None], root * (0.7 * a + noise), rcond=None)[0][0]
    assert math.isclose(theta, expected, rel_tol=1e-10)
    assert abs(influence.mean()) < 1e-12


def test_a_rung_without_covariates_is_near_the_crude_difference(confounded):
    sample = confounded(n=1000).adjusting_for(())
    ours = LinearDML().fit(sample, NuisanceStore(), np.random.default_rng(0))
    crude = sample.y[sample.a == 1].mean() - sample.y[sample.a == 0].mean()
    assert abs(ours.values[0] - crude) < 0.01  # folds have slightly different means


def test_missing_outcomes_are_refused(confounded):
    with pytest.raises(OutcomeError, match=r"needs every outcome; \d+ of \d+ are missing"):
        LinearDML().fit(confounded(missing=True), NuisanceStore(), np.random.default_rng(0))


def test_covariates_that_determine_exposure_are_refused(confounded):
    """Otherwise both residuals of exposure are 0, and their ratio is anything."""
    base = confounded()
    sample = replace(base, x=np.column_stack([base.x[:, :2], base.a]))
    with pytest.raises(PositivityError, match="'x2'"):
        LinearDML().fit(sample, NuisanceStore(), np.random.default_rng(0))


def test_ratios_are_not_estimable_with_the_reason(confounded):
    ours = LinearDML().fit(confounded(), NuisanceStore(), np.random.default_rng(0))
    assert "difference only" in ours.effect("risk_ratio").reason


@pytest.mark.parametrize("population", [{}, {"weighted": True}], ids=["plain", "weighted"])
def test_with_learners_theta_is_econmls_with_the_same_folds_and_learners(confounded, population):
    """A penalised logistic regression and a ridge of scikit-learn's, by import path."""
    from econml.dml import LinearDML as Peer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    sample = confounded(outcome="continuous", n=500, **population)
    one = LinearDML(
        propensity={"learner": "sklearn.linear_model:LogisticRegression", "allow_import": True},
        outcome={"learner": "sklearn.linear_model:Ridge", "allow_import": True},
        cross_fit={"folds": 4},
    )
    ours = one.fit(sample, NuisanceStore(), np.random.default_rng(3))
    fold = folds_by_unit(sample.unit, 4, np.random.default_rng(3))
    residuals = []
    for learner, response in ((Ridge(), sample.y), (LogisticRegression(), sample.a)):
        left = np.empty(sample.n)
        for part in range(4):
            here = fold == part
            model = make_pipeline(StandardScaler(), learner)
            name, w = type(learner).__name__.lower(), sample.w[~here]
            model.fit(sample.x[~here], response[~here], **{f"{name}__sample_weight": w / w.mean()})
            x = sample.x[here]
            mean = model.predict(x) if name == "ridge" else model.predict_proba(x)[:, 1]
            left[here] = response[here] - mean
        residuals.append(left)
    theta, _ = partially_linear(*residuals, sample.w)
    assert math.isclose(ours.values[0], theta, rel_tol=SAME)
    if population:
        return  # EconML hands weights to no step of a pipeline
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    peer = Peer(
        model_y=make_pipeline(StandardScaler(), Ridge()),
        model_t=make_pipeline(StandardScaler(), LogisticRegression()),
        discrete_treatment=True,
        cv=splits,
    )
    peer.fit(sample.y, sample.a, X=None, W=sample.x)
    found = peer.const_marginal_effect_inference()
    assert math.isclose(ours.values[0], float(np.ravel(found.point_estimate)[0]), rel_tol=SAME)
    std_error = float(np.ravel(found.stderr)[0])
    assert math.isclose(math.sqrt(ours.covariance[0, 0]), std_error, rel_tol=ERRORS_AGREE)


def test_named_terms_leave_the_others_out(confounded):
    sample = confounded(outcome="continuous")
    alone = LinearDML().fit(
        sample.with_terms(("x0", "x2")), NuisanceStore(), np.random.default_rng(3)
    )
    named = LinearDML(propensity={"terms": ("x0", "x2")}, outcome={"terms": ("x0", "x2")}).fit(
        sample, NuisanceStore(), np.random.default_rng(3)
    )
    assert math.isclose(named.values[0], alone.values[0], rel_tol=SAME)


@pytest.mark.parametrize("setting", [{"arms": "separate"}, {"interactions": ["x0"]},
                                     {"link": "logit"}], ids=str)  # fmt: skip
def test_an_outcome_regression_with_exposure_in_it_is_refused(setting):
    with pytest.raises(ValidationError, match="covariates without exposure"):
        LinearDML(outcome=setting)

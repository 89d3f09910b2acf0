"""Least squares on exposure and propensity: that of any package, for those who could be either."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimators import MeanDifference, NuisanceStore, Overlap, PropensityRegression
from causal.estimators.nuisance import PropensityModel
from causal.estimators.propensity_regression import beside_fitted

EXACT = 1e-9  # two ways of solving one system
REFITTED = 1e-6  # the logistic regressions stop at slightly different points
STEP = 1e-5
DIFFERENCED = 1e-6  # relative to the largest influence value: central differences


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


@pytest.mark.parametrize("population", [{}, {"weighted": True}], ids=["plain", "weighted"])
def test_the_coefficient_is_that_of_two_regressions_of_statsmodels(confounded, population):
    sample = confounded(**population)
    first = sm.GLM(
        sample.a, sm.add_constant(sample.x), family=sm.families.Binomial(), freq_weights=sample.w
    ).fit(tol=1e-14)
    columns = sm.add_constant(np.column_stack([sample.a, first.fittedvalues]))
    second = sm.WLS(sample.y, columns, weights=sample.w).fit()
    ours = fitted(PropensityRegression(), sample).values[0]
    assert ours == pytest.approx(second.params[1], abs=REFITTED)


def test_without_covariates_it_is_the_crude_difference(confounded):
    sample = confounded().with_terms(())
    adjusted, crude = (
        fitted(one, sample).effect("risk_difference")
        for one in (PropensityRegression(), MeanDifference())
    )
    assert adjusted.estimate == pytest.approx(crude.estimate, abs=EXACT)
    assert adjusted.std_error == pytest.approx(crude.std_error, rel=EXACT)


def test_rows_without_outcome_inform_the_propensity_alone(confounded):
    sample = confounded()
    y = sample.y.copy()
    y[::5] = np.nan
    lost = replace(sample, y=y)
    first = sm.Logit(sample.a, sm.add_constant(sample.x)).fit(disp=0, tol=1e-14)
    seen = lost.observed
    columns = sm.add_constant(np.column_stack([sample.a, first.predict()]))[seen]
    expected = sm.OLS(sample.y[seen], columns).fit().params[1]
    assert fitted(PropensityRegression(), lost).values[0] == pytest.approx(expected, abs=REFITTED)


def test_its_influence_follows_the_covariate_it_is_fitted_beside():
    """Moving the coefficients the covariate came from moves the estimate as the chain says."""
    rng = np.random.default_rng(3)
    x, slopes = rng.normal(size=(200, 2)), np.array([0.5, -0.4])
    a = (rng.random(200) < 0.5).astype(float)
    y, w = x[:, 0] + a + rng.normal(size=200), rng.uniform(0.5, 2, 200)

    def at(moved):
        e = 1 / (1 + np.exp(-x @ moved))
        return e, x * (e * (1 - e))[:, None]

    def value(moved):
        e, moving = at(moved)
        return beside_fitted(y, a, e, w, moving, np.zeros((200, 2)))[0]

    e, moving = at(slopes)
    fixed = beside_fitted(y, a, e, w, moving, np.zeros((200, 2)))[1]
    for column, unit in enumerate(np.eye(2)):
        chained = beside_fitted(y, a, e, w, moving, np.tile(unit, (200, 1)))[1] - fixed
        derivative = (value(slopes + STEP * unit) - value(slopes - STEP * unit)) / (2 * STEP)
        np.testing.assert_allclose(chained, derivative, atol=DIFFERENCED * np.abs(fixed).max())
        assert abs(derivative) > 1e-3, column


def test_a_propensity_of_some_terms_only_adjusts_for_those(confounded):
    sample = confounded()
    some = PropensityRegression(propensity=PropensityModel(terms=("x0",)))
    whole = fitted(PropensityRegression(), sample.with_terms(("x0",)))
    assert fitted(some, sample).values[0] == pytest.approx(whole.values[0], abs=EXACT)


def test_covariates_that_determine_exposure_are_named(confounded):
    sample = confounded()
    told = replace(sample, x=sample.a[:, None].copy(), terms=("told",), concepts=("told",))
    with pytest.raises(PositivityError, match="told"):
        fitted(PropensityRegression(), told)


def test_it_has_the_target_of_overlap_weights_where_effects_differ():
    """A crooked outcome and an effect that grows: no straight line is needed, only the weights."""
    rng = np.random.default_rng(9)
    n = 200_000
    x = rng.normal(size=n)
    e = 1 / (1 + np.exp(-0.4 - 0.9 * x))
    a = (rng.random(n) < e).astype(float)
    effect = np.exp(0.5 * x)
    y = x**2 + a * effect + rng.normal(size=n)
    sample = Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x[:, None],
        terms=("x",),
        concepts=("x",),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )
    ours = fitted(PropensityRegression(), sample).effect("mean_difference")
    peer = fitted(Overlap(), sample).effect("mean_difference")
    truth = np.average(effect, weights=e * (1 - e))
    assert abs(effect.mean() - truth) > 10 * ours.std_error
    assert ours.estimate == pytest.approx(truth, abs=4 * ours.std_error)
    assert peer.estimate == pytest.approx(truth, abs=4 * peer.std_error)

"""G-estimation: closed form, what stacked equations make of it, and the test it inverts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError
from scipy.stats import norm

from causal import inference
from causal.errors import PositivityError, SpecError
from causal.estimators import GEstimation, NuisanceStore, Overlap
from causal.estimators.nuisance import ObservationModel, PropensityModel
from causal.fitting import spread

EXACT = 1e-9
REFITTED = 1e-6  # the logistic regressions stop at slightly different points
SOLVED = 2e-5  # numerical derivatives of the reference


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def expit(eta):
    return 1 / (1 + np.exp(-eta))


@pytest.mark.parametrize(
    ("modifiers", "target"), [((), "ATE"), (("x0",), "ATE"), (("x0", "x2"), "ATC")]
)
def test_a_generic_solver_of_the_stacked_equations_agrees(
    confounded, estimating_equations, modifiers, target
):
    """Observation, weighted propensity, blip and average, all four at once, with clusters."""
    sample = confounded(outcome="continuous", missing=True, weighted=True, clustered=True)
    seen = sample.observed
    x = np.column_stack([np.ones(sample.n), sample.x])
    d = np.column_stack([x, sample.a])
    g = np.column_stack([np.ones(sample.n), *(sample.x_of(t) for t in modifiers)])
    y = np.where(seen, sample.y, 0.0)
    over = sample.w * ((1 - sample.a) if target == "ATC" else 1.0)
    p, q, k = x.shape[1], d.shape[1], g.shape[1]

    def psi(theta):
        gamma, alpha, blip, mean = np.split(theta, [q, q + p, q + p + k])
        pi, e = expit(d @ gamma), expit(x @ alpha)
        pull = sample.w * seen / pi * (sample.a - e)
        left = y - sample.a * (g @ blip)
        return np.column_stack(
            [
                (sample.w * (seen - pi))[:, None] * d,
                pull[:, None] * x,
                (pull * left)[:, None] * g,
                over * (g @ blip - mean),
            ]
        )

    start = np.zeros(q + p + k + 1)
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    found = fitted(GEstimation(modifiers=modifiers, target=target), sample)
    coefficients = found if found.coefficients is None else found.coefficients
    np.testing.assert_allclose(coefficients.values, theta[-1 - k : -1], rtol=SOLVED)
    np.testing.assert_allclose(
        coefficients.covariance, covariance[-1 - k : -1, -1 - k : -1], rtol=SOLVED, atol=1e-8
    )
    assert found.values[0] == pytest.approx(theta[-1], rel=SOLVED)
    if modifiers:
        assert found.covariance[0, 0] == pytest.approx(covariance[-1, -1], rel=SOLVED)


def test_one_effect_for_all_is_the_overlap_average_where_the_outcome_has_no_slope(confounded):
    """Sum of W A (A - p) is that of p(1 - p) in expectation: the same population, another way."""
    sample = confounded(n=200_000, seed=3)
    ours, overlap = (fitted(one, sample).effect("risk_difference") for one in
                     (GEstimation(), Overlap()))  # fmt: skip
    assert ours.estimate == pytest.approx(overlap.estimate, abs=2 * overlap.std_error)


def test_the_set_by_inversion_is_where_a_test_of_the_propensity_turns(confounded):
    """Hernán and Robins add H to the exposure regression and look whether it belongs there."""
    sample = confounded(n=2_000, outcome="continuous")
    found = fitted(GEstimation(interval="test_inversion"), sample)
    for end in found.region.pieces[0]:
        h = sample.y - end * sample.a
        columns = np.column_stack([np.ones(sample.n), sample.x, h])
        fit = sm.Logit(sample.a, columns).fit(disp=0, cov_type="HC0")
        p_value = 2 * norm.sf(abs(fit.params[-1] / fit.bse[-1]))
        assert p_value == pytest.approx(0.05, abs=0.005)  # Wald's test there, a score test here


def test_the_set_is_all_effects_where_exposure_is_hardly_left_to_vary(confounded):
    sample = confounded(n=60, strength=3.0, seed=4)
    found = fitted(GEstimation(interval="test_inversion"), sample)
    lo, hi = inference.interval(found.values[0], np.sqrt(found.covariance[0, 0]))
    pieces = found.region.pieces
    assert pieces[0][0] is None or pieces[0][1] - pieces[0][0] > hi - lo


def test_outcomes_lost_by_what_is_known_are_weighed_for(confounded):
    """Those lost have large effects: their weights bring back what complete cases miss."""
    whole = confounded(n=100_000, outcome="continuous", seed=2)
    y = whole.y + 2.0 * whole.a * whole.x[:, 2]
    lost = np.random.default_rng(1).random(whole.n) < expit(-1.5 + 2.0 * whole.x[:, 2])
    whole = replace(whole, y=y)
    left = replace(whole, y=np.where(lost, np.nan, y))
    aim = fitted(GEstimation(), whole).values[0]
    weighed = fitted(GEstimation(), left).effect("mean_difference")
    complete = fitted(GEstimation(), left.rows(left.observed)).values[0]
    assert abs(weighed.estimate - aim) < 3 * weighed.std_error
    assert abs(complete - aim) > 10 * weighed.std_error


def test_observation_may_have_terms_of_its_own(confounded):
    sample = confounded(outcome="continuous", missing=True)
    named = GEstimation(observation=ObservationModel(terms=("x0", "x1", "x2")))
    alone = GEstimation(observation=ObservationModel(terms=("x0",)))
    assert fitted(named, sample).values == pytest.approx(fitted(GEstimation(), sample).values)
    assert fitted(alone, sample).values != pytest.approx(fitted(GEstimation(), sample).values)


def test_settings_that_do_not_fit_together_are_refused():
    with pytest.raises(ValidationError, match="Name modifiers, or take target away"):
        GEstimation(target="ATT")
    with pytest.raises(ValidationError, match="the set of one parameter"):
        GEstimation(modifiers=("x0",), interval="test_inversion")
    with pytest.raises(ValidationError, match="'x0' is not among the terms of the propensity"):
        GEstimation(modifiers=("x0",), propensity=PropensityModel(terms=("x1",)))
    with pytest.raises(ValidationError, match="standard error for regressions only"):
        GEstimation(propensity=PropensityModel(learner="lasso"))


def test_unknown_modifiers_and_exposures_without_play_are_refused(confounded):
    sample = confounded()
    with pytest.raises(SpecError, match=r"no term 'x9'.*x0"):
        fitted(GEstimation(modifiers=("x9",)), sample)
    x = sample.x.copy()
    x[:, 2] = sample.a
    with pytest.raises(PositivityError, match="determine the exposure"):
        fitted(GEstimation(), replace(sample, x=x))
    twice = np.column_stack([sample.x, 2 * sample.x[:, 0]])
    doubled = replace(
        sample, x=twice, terms=(*sample.terms, "x3"), concepts=(*sample.concepts, "severity")
    )
    with pytest.raises(PositivityError, match="does not vary enough to estimate 3 parameters"):
        fitted(GEstimation(modifiers=("x0", "x3")), doubled)


def test_parameters_survive_spreading_over_rows_not_used(confounded):
    sample = confounded()
    used = np.arange(sample.n) < 300
    own = fitted(GEstimation(modifiers=("x0",)), sample.rows(used))
    wide = spread(own, used, sample)
    np.testing.assert_array_equal(wide.coefficients.values, own.coefficients.values)

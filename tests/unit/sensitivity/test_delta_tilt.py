"""Tilted means: at random without a tilt, standard errors by stacking, and a planted tilt."""

import math

import numpy as np
import pytest

from causal import inference
from causal.estimators import GComputation, NuisanceStore
from causal.estimators.nuisance import OutcomeModel
from causal.sensitivity.delta_tilt import fit_tilt, mean_among_missing, tilted, tilted_means

ROUNDING = 1e-10
NUMERICAL = 1e-5  # central differences of the reference


def expit(eta):
    return 1 / (1 + np.exp(-eta))


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
@pytest.mark.parametrize("arms", ["pooled", "separate"])
def test_without_a_tilt_it_is_standardisation_with_missing_at_random(confounded, outcome, arms):
    sample = confounded(n=600, outcome=outcome, missing=True, clustered=True, weighted=True)
    regression = OutcomeModel(arms=arms)
    values, influence = tilted_means(fit_tilt(sample, regression, sample.w), (0.0, 0.0))
    fit = GComputation(outcome=regression).fit(sample, NuisanceStore(), np.random.default_rng(0))
    assert values == pytest.approx(fit.values, abs=ROUNDING)
    assert influence == pytest.approx(fit.influence, abs=1e-8)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_standard_errors_are_those_of_stacked_equations(confounded, estimating_equations, outcome):
    sample = confounded(n=700, outcome=outcome, missing=True, clustered=True, weighted=True)
    deltas, w, a = (0.8, -1.3), sample.w, sample.a
    seen = sample.observed
    y = np.where(seen, sample.y, 0.0)
    model = fit_tilt(sample, OutcomeModel(interactions=("x0",)), w)
    values, influence = tilted_means(model, deltas)

    def outcome_design(level):
        return np.column_stack([np.ones(sample.n), level, sample.x, level * sample.x[:, 0]])

    def loss_design(level):
        return np.column_stack([np.ones(sample.n), level, sample.x])

    def mean(eta):
        return expit(eta) if outcome == "binary" else eta

    def psi(theta):
        beta, gamma, ends = theta[:6], theta[6:11], theta[11:]
        of_outcome = outcome_design(a)
        of_loss = loss_design(a)
        first = of_outcome * (w * seen * (y - mean(of_outcome @ beta)))[:, None]
        second = of_loss * (w * (seen - expit(of_loss @ gamma)))[:, None]
        last = []
        for arm in (0, 1):
            level = np.full(sample.n, float(arm))
            eta, followed = outcome_design(level) @ beta, expit(loss_design(level) @ gamma)
            whole = followed * mean(eta) + (1 - followed) * mean(eta + deltas[arm])
            last.append(w * (whole - ends[arm]))
        return np.column_stack([first, second, *last])

    theta, covariance = estimating_equations(psi, np.zeros(13), sample.cluster)
    assert values == pytest.approx(theta[11:], abs=1e-8)
    found = inference.covariance(influence, sample.cluster)
    assert found == pytest.approx(covariance[11:, 11:], rel=NUMERICAL)


def test_infinite_tilts_fill_in_certainty_and_are_the_limit_of_large_ones(confounded):
    sample = confounded(n=800, missing=True, clustered=True)
    model = fit_tilt(sample, OutcomeModel(), sample.w)
    sure, influence = tilted_means(model, (-math.inf, math.inf))
    large, moved = tilted_means(model, (-30.0, 30.0))
    assert sure == pytest.approx(large, abs=1e-9)
    assert influence == pytest.approx(moved, abs=1e-8)
    missing, mu1 = model.loss.missing[:, 1], model.outcome.mu1
    assert sure[1] == pytest.approx(np.mean((1 - missing) * mu1 + missing))


def test_tilts_add_to_the_log_odds_or_to_the_outcome():
    mu = np.array([0.1, 0.5, 0.9])
    moved, slope = tilted(mu, 0.7, True)
    eta = np.log(mu / (1 - mu)) + 0.7
    assert moved == pytest.approx(expit(eta))
    assert slope == pytest.approx(moved * (1 - moved))
    assert tilted(mu, -2.0, False)[0] == pytest.approx(mu - 2)


def test_mean_among_missing_is_over_the_lost_of_the_arm(confounded):
    sample = confounded(n=500, missing=True, weighted=True)
    model = fit_tilt(sample, OutcomeModel(), sample.w)
    lost = (sample.a == 1) & ~sample.observed
    expected = np.average(model.outcome.mu1[lost], weights=sample.w[lost])
    assert mean_among_missing(model, sample, 1, 0.0) == pytest.approx(expected)
    assert mean_among_missing(model, sample, 1, 2.0) > expected
    assert mean_among_missing(model, sample, 0, math.inf) == 1


def test_shares_of_the_arms_serve_where_an_arm_loses_nobody(confounded, estimating_equations):
    sample = confounded(n=600, missing=True, clustered=True)
    kept = sample.rows(sample.observed | (sample.a == 1))
    model = fit_tilt(kept, OutcomeModel(), kept.w)
    assert not model.loss.by_covariates
    values, influence = tilted_means(model, (5.0, -1.0))
    untilted, _ = tilted_means(model, (0.0, -1.0))
    assert values[0] == untilted[0]  # nobody unexposed is lost
    seen, a, y = kept.observed, kept.a, np.where(kept.observed, kept.y, 0.0)

    def psi(theta):
        beta, share, end = theta[:5], theta[5], theta[6]
        design = np.column_stack([np.ones(kept.n), a, kept.x])
        eta = np.column_stack([np.ones(kept.n), np.ones(kept.n), kept.x]) @ beta
        whole = share * expit(eta) + (1 - share) * expit(eta - 1.0)
        return np.column_stack(
            [design * (seen * (y - expit(design @ beta)))[:, None], a * (seen - share), whole - end]
        )

    theta, covariance = estimating_equations(psi, np.full(7, 0.1), kept.cluster)
    assert values[1] == pytest.approx(theta[6], abs=1e-8)
    found = inference.covariance(influence, kept.cluster)[1, 1]
    assert found == pytest.approx(covariance[6, 6], rel=NUMERICAL)

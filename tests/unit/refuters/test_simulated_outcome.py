"""A planted effect is found by sound estimators, and missed by those that leave confounding in."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearProbability,
    MeanDifference,
    Overlap,
)
from causal.refuters import SimulatedOutcome
from causal.refuters.base import TOLERATED_SHIFT
from causal.refuters.planting import fit_world, latent_correlation, slope_for, target_weights
from causal.refuters.simulated_outcome import Recovered, coverage_with_bias, share_interval

REFUTER = SimulatedOutcome(draws=150)
SOUND = pytest.mark.parametrize(
    "estimator",
    [
        GComputation(),
        GComputation(target="ATT"),
        InverseProbability(),
        InverseProbability(target="ATT"),
        Overlap(),
        AIPW(),
        LinearProbability(),
    ],
    ids=lambda one: f"{one.kind}-{one.estimand}",
)
EXACT = 1e-9
MANY = 4000
MONTE_CARLO = 5 / math.sqrt(MANY)  # five standard errors of a share or correlation over draws


def planted(found, name):
    """Give a number of every planted effect."""
    return [row.number(name) for row in found.rows]


@SOUND
def test_a_sound_estimator_finds_the_planted_effect_and_covers_it(refute, confounded, estimator):
    found = refute(REFUTER, estimator, confounded(800, seed=22))
    assert found.verdict in ("PASS", "NOT_RESOLVABLE"), found.reason
    limit = max(
        abs(b) / s for b, s in zip(planted(found, "bias"), planted(found, "std_error"), strict=True)
    )
    assert (found.verdict == "PASS") == (limit <= TOLERATED_SHIFT)
    assert found.expected == 0
    assert planted(found, "planted")[1] == pytest.approx(
        estimator.fit(confounded(800, seed=22), *_fresh()).effect("risk_difference").estimate
    )
    assert min(planted(found, "coverage_hi")) > 0.9


def _fresh():
    from causal.estimators import NuisanceStore

    return NuisanceStore(), np.random.default_rng(0)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
@pytest.mark.parametrize("estimator", [InverseProbability(), AIPW()], ids=lambda one: one.kind)
def test_confounding_of_the_ladder_that_is_left_in_fails(refute, confounded, outcome, estimator):
    whole = confounded(800, seed=22, outcome=outcome)
    scale = "risk_difference" if outcome == "binary" else "mean_difference"
    bare = whole.with_terms(("x2",))
    found = refute(REFUTER, estimator, bare, shared=whole, scale=scale)
    assert found.verdict == "FAIL", found.reason
    assert "biased and covering too seldom" in found.reason
    assert "leaves out x0, x1" in found.reason
    assert refute(REFUTER, estimator, whole, scale=scale).verdict == "PASS"


def test_the_crude_contrast_fails(refute, confounded):
    assert refute(REFUTER, MeanDifference(), confounded(800)).verdict == "FAIL"


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_standard_errors_that_ignore_clusters_cover_too_seldom(refute, households, outcome):
    whole = households(120, 8)
    if outcome == "binary":
        whole = replace(whole, y=(whole.y > 0).astype(float), outcome_kind="binary")
    scale = "risk_difference" if outcome == "binary" else "mean_difference"
    clustered = LinearProbability()
    blind = LinearProbability(variance={"kind": "HC1", "clustered": False})
    assert refute(REFUTER, clustered, whole, scale=scale).verdict == "PASS"
    found = refute(REFUTER, blind, whole, scale=scale)
    assert found.verdict == "FAIL", found.reason
    assert "covering too seldom" in found.reason
    assert "biased" not in found.reason


def test_an_effect_may_be_chosen_and_a_dose_takes_none_on_a_binary_outcome(refute, confounded):
    sample = confounded(600)
    found = refute(SimulatedOutcome(effect=-0.1, draws=60), GComputation(), sample)
    assert found.expected == -0.1
    assert found.mean == pytest.approx(-0.1, abs=0.03)
    dose = replace(sample, a=sample.a + sample.x[:, 1], exposure_kind="dose")
    assert refute(REFUTER, LinearProbability(), dose).verdict == "NOT_EVALUATED"
    none = refute(SimulatedOutcome(effect=0, draws=60), LinearProbability(), dose)
    assert none.verdict == "PASS", none.reason
    slope = replace(dose, y=dose.y + sample.x[:, 0], outcome_kind="continuous")
    found = refute(REFUTER, LinearProbability(), slope, scale="mean_difference")
    assert found.verdict == "PASS", found.reason


def test_an_effect_larger_than_the_risk_is_declined_with_the_range(refute, confounded):
    found = refute(SimulatedOutcome(effect=0.9), GComputation(), confounded())
    assert found.verdict == "NOT_EVALUATED"
    assert "cannot be planted" in found.reason
    assert "Choose an effect between" in found.reason


def test_an_effect_that_is_no_number_is_refused():
    with pytest.raises(ValidationError, match="is no number"):
        SimulatedOutcome(effect=math.nan)


def test_ratios_are_examined_as_differences(refute, confounded):
    sample = confounded(600)
    ratio, difference = (
        refute(REFUTER, GComputation(), sample, scale=scale)
        for scale in ("risk_ratio", "risk_difference")
    )
    assert (ratio.expected, ratio.mean) == (difference.expected, difference.mean)


def test_turning_the_outcome_round_changes_no_verdict(refute, confounded):
    sample = confounded(800, seed=22).with_terms(("x2",))
    whole = confounded(800, seed=22)
    turned, whole_turned = (replace(one, y=1 - one.y) for one in (sample, whole))
    assert refute(REFUTER, AIPW(), sample, shared=whole).verdict == "FAIL"
    assert refute(REFUTER, AIPW(), turned, shared=whole_turned).verdict == "FAIL"
    assert refute(REFUTER, AIPW(), whole_turned).verdict == "PASS"


@SOUND
def test_the_planted_effect_is_that_of_the_target_population(confounded, estimator):
    sample = confounded(500, weighted=True)
    weight = target_weights(sample, estimator.estimand)
    world = fit_world(sample, sample)
    slope = slope_for(world.baseline, weight, 0.2)
    risk = [1 / (1 + np.exp(-world.baseline - one)) for one in (0, slope)]
    assert np.average(risk[1] - risk[0], weights=weight) == pytest.approx(0.2, abs=EXACT)


def test_correlated_outcomes_keep_each_risk_and_the_correlation(households):
    whole = households(400, 5, seed=8)
    sample = replace(whole, y=(whole.y > 0).astype(float), outcome_kind="binary")
    world = fit_world(sample, sample)
    assert 0.3 < world.latent < 0.9
    mean = world.mean(sample.a, sample.w, 0.0)
    rng = np.random.default_rng(3)
    drawn = np.array([world.draw(mean, rng) for _ in range(MANY)])
    assert np.abs(drawn.mean(axis=0) - mean).max() < MONTE_CARLO
    again = [
        latent_correlation(one, mean, world.group) for one in drawn[:50]
    ]  # the estimate of what it was drawn with
    assert np.mean(again) == pytest.approx(world.latent, abs=0.03)


def test_residuals_of_a_cluster_change_sign_together(households):
    sample = households()
    world = fit_world(sample, sample)
    mean = world.mean(sample.a, sample.w, 0.0)
    sign = (world.draw(mean, np.random.default_rng(1)) - mean) / world.residual
    np.testing.assert_allclose(np.abs(sign), 1)
    assert set(np.unique(np.round(sign))) == {-1, 1}
    for person in range(5):
        assert len(np.unique(np.round(sign[sample.cluster == person]))) == 1


def test_the_coverage_asked_for_allows_for_a_quarter_of_a_standard_error():
    assert coverage_with_bias(1.0, 0.0) == pytest.approx(0.943, abs=0.001)
    assert coverage_with_bias(1.0, 0.5) < 0.943
    low, high = share_interval(0.95, 200)
    assert low == pytest.approx(0.9104, abs=1e-4)
    assert high == pytest.approx(0.9726, abs=1e-4)


def test_unknown_outcomes_stay_unknown(refute, confounded):
    sample = confounded(missing=True)
    world = fit_world(sample, sample)
    drawn = world.draw(world.mean(sample.a, sample.w, 0.0), np.random.default_rng(0))
    np.testing.assert_array_equal(np.isnan(drawn), ~sample.observed)
    assert refute(REFUTER, GComputation(), confounded(800, missing=True)).verdict == "PASS"


def test_a_bias_above_the_limit_but_within_its_own_error_is_unclear():
    def recovered(bias, error):
        return Recovered(0.0, bias, bias, error, 1.0, 0.95, 0.94, 0.9, 0.98)

    assert recovered(0.56, 0.5).unclear
    assert not recovered(0.56, 0.5).biased
    assert recovered(0.56, 0.1).biased
    assert not recovered(0.56, 0.1).unclear
    assert not recovered(-0.2, 0.5).unclear

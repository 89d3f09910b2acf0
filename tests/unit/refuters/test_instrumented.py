"""Refuters on rungs with an instrument: what they see, and what they must not pretend to see."""

from dataclasses import replace

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.estimators import (
    FirstStage,
    InstrumentalVariables,
    IntentionToTreat,
    LinearProbability,
    NuisanceStore,
)
from causal.instrumental.stages import fit_stages
from causal.refuters import (
    Auxiliary,
    Bootstrap,
    DataSubset,
    DoWhySecondOpinion,
    DummyOutcome,
    NegativeControlExposure,
    NegativeControlOutcome,
    PlaceboExposure,
    RandomCommonCause,
    SimulatedConfounder,
    SimulatedOutcome,
)
from causal.refuters.planting import target_weights
from causal.refuters.power import PowerStudy, Tried, try_cohorts
from causal.subject import Subject

IV = InstrumentalVariables()
CONTROL = NegativeControlOutcome(
    outcome="earlier", concept="earlier", rationale="measured before the offer"
)
EXPOSURE = NegativeControlExposure(exposure="other", concept="other", rationale="changes nothing")
COUNTING = pytest.mark.parametrize(
    "refuter",
    [
        RandomCommonCause(draws=20),
        DataSubset(draws=20),
        Bootstrap(draws=50),
        Bootstrap(draws=50, method="multiplier"),
        SimulatedOutcome(draws=20),
    ],
    ids=["noise", "subset", "bootstrap", "multiplier", "simulated"],
)


def weak_fit(sample):
    """Fit, and withhold the interval as is done where the effective F is too small."""
    fit = IV.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return replace(fit, interval_withheld="the effective F is 2, below 23.1")


def control_of(sample, *, moved=0.0, seed=5, cause=0.8):
    """Draw a control that severity drives, and that the instrument moves by a little or not."""
    rng = np.random.default_rng(seed)
    y = cause * sample.x[:, 0] + moved * sample.z[:, 0] + rng.normal(size=sample.n)
    return replace(sample, y=y, outcome_kind="continuous")


@COUNTING
def test_what_counts_in_standard_errors_is_declined_where_there_are_none(
    refute, encouraged, refuter
):
    sample = encouraged(300, compliers=0.05)
    found = refute(refuter, IV, sample, original=weak_fit(sample))
    assert found.verdict == "NOT_EVALUATED"
    assert "effective F is 2" in found.reason


@COUNTING
def test_with_a_strong_instrument_nothing_is_wrong(refute, encouraged, refuter):
    more = refuter.model_copy(update={"draws": 200})
    found = refute(more, IV, encouraged(2000, compliers=0.6))
    assert found.verdict in ("PASS", "NOT_RESOLVABLE")
    assert found.verdict == "PASS" or "Monte-Carlo" in found.reason or "chance" in found.reason


@pytest.mark.parametrize(
    ("refuter", "why"),
    [
        (PlaceboExposure(draws=20), "not moved by the instrument"),
        (SimulatedConfounder(draws=1), "what an instrument is there for"),
        (EXPOSURE, "take a negative control outcome"),
        (DoWhySecondOpinion(draws=20), "not the rung's"),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
@pytest.mark.parametrize("estimator", [IV, IntentionToTreat()], ids=lambda one: one.kind)
def test_what_is_about_a_comparison_of_exposures_is_declined(
    refute, encouraged, refuter, why, estimator
):
    found = refute(refuter, estimator, encouraged(300))
    assert found.verdict == "NOT_EVALUATED"
    assert why in found.reason


def test_a_dummy_outcome_gives_nothing_however_weak_the_instrument(refute, encouraged):
    verdicts = [
        refute(DummyOutcome(draws=40), IV, encouraged(300, seed, compliers=0.15)).verdict
        for seed in range(20)
    ]
    assert verdicts.count("FAIL") <= 4  # of 20 at 5 %: more has a chance below 0.3 %


@pytest.mark.parametrize("refuter", [DummyOutcome(draws=20), CONTROL], ids=lambda one: one.kind)
def test_a_first_stage_is_not_judged_by_outcomes(refute, encouraged, refuter):
    sample = encouraged(400)
    found = refute(refuter, FirstStage(), sample, auxiliary={"earlier": control_of(sample)})
    assert found.verdict == "NOT_EVALUATED"
    assert "looks at no outcome" in found.reason


def test_an_effect_is_planted_in_those_the_instrument_moves(refute, encouraged):
    """Two-stage least squares on the planted risks themselves gives the planted effect."""
    from causal.refuters.planting import fit_world

    sample = encouraged(4000, chosen=True)
    weight = target_weights(sample, "LATE")
    mean = fit_world(sample, sample).mean(sample.a, weight, 0.2)
    without = fit_world(sample, sample).mean(np.zeros(sample.n), weight, 0.2)
    planted = replace(sample, y=mean - without, outcome_kind="continuous")
    fit = IV.fit(planted, NuisanceStore(), np.random.default_rng(0))
    assert float(fit.values[0]) == pytest.approx(0.2, abs=1e-9)
    found = refute(SimulatedOutcome(effect=0.2, draws=100), IV, sample)
    assert found.mean == pytest.approx(0.2, abs=3 * found.power.detectable)


def test_no_effect_of_exposure_is_planted_for_a_rung_about_the_instrument(refute, encouraged):
    found = refute(SimulatedOutcome(draws=20), IntentionToTreat(), encouraged(400))
    assert found.verdict == "NOT_EVALUATED"
    assert "plants an effect of exposure" in found.reason


@pytest.mark.parametrize("estimator", [IV, IntentionToTreat()], ids=lambda one: one.kind)
def test_an_instrument_that_reaches_the_control_is_found_out(refute, encouraged, estimator):
    sample = encouraged(3000, direct=1.0, compliers=0.6)
    moved = refute(CONTROL, estimator, sample, auxiliary={"earlier": control_of(sample, moved=0.3)})
    assert moved.verdict == "FAIL"
    assert "the instrument reaches it by another way than exposure" in moved.reason
    assert "instrument" in moved.sees
    still = refute(CONTROL, estimator, sample, auxiliary={"earlier": control_of(sample)})
    assert still.verdict in ("PASS", "NOT_RESOLVABLE")


def test_confounding_that_sinks_least_squares_is_no_failure_of_an_instrument(refute, encouraged):
    """The control shares severity with exposure, and with the instrument nothing."""
    drawn = encouraged(3000, direct=1.0, compliers=0.6)
    severe = replace(drawn, a=drawn.a * (drawn.x[:, 0] > 0))
    sample, control = severe.with_terms(()), control_of(severe).with_terms(())
    plain = refute(CONTROL, LinearProbability(), sample, auxiliary={"earlier": control})
    through = refute(CONTROL, IV, sample, auxiliary={"earlier": control})
    assert plain.verdict == "FAIL"
    assert "bias remains" in plain.reason
    assert through.verdict != "FAIL"


def test_a_control_is_judged_by_a_set_that_heeds_no_strength(refute, encouraged):
    sample = encouraged(600, compliers=0.05)
    control = control_of(sample)
    found = refute(CONTROL, IV, sample, auxiliary={"earlier": control})
    stages = fit_stages(control.y, control.a, control.z[:, 0], control.x, control.w, None)
    holds = stages.region().holds(0.0)
    assert (found.verdict == "FAIL") == (not holds)
    error = np.sqrt(stages.covariance[0, 0])
    assert found.power.detectable == pytest.approx(2.8 * error / abs(stages.first))
    assert "however weak the instruments" in found.reason


def test_a_rare_control_is_tested_exactly_by_instrument_and_not_by_exposure(refute, encouraged):
    sample = encouraged(400)
    y = np.zeros(sample.n)
    y[np.flatnonzero(sample.z[:, 0] == 1)[:6]] = 1.0  # six events, all among those offered
    rare = replace(sample, y=y)
    found = refute(CONTROL, IV, sample, auxiliary={"earlier": rare})
    from scipy.stats import fisher_exact

    z = sample.z[:, 0]
    table = [[np.sum((z == i) & (y == j)) for j in (0, 1)] for i in (0, 1)]
    assert f"p = {fisher_exact(table).pvalue:.2g}" in found.reason


def test_draws_without_an_instrument_are_draws_that_could_not_be_fitted(refute, encouraged):
    sample = encouraged(60, compliers=0.8)
    rare = np.zeros((60, 1))
    rare[:4] = 1.0  # absent from one resample in 55
    few = replace(sample, z=rare, a=np.where(rare[:, 0] == 1, 1.0, sample.a))
    found = refute(Bootstrap(draws=300), IV, few)
    assert found.verdict != "NOT_EVALUATED"
    assert "could not be fitted" in found.reason


def test_power_is_not_measured_in_cohorts_the_instrument_does_not_move(encouraged):
    sample = encouraged(300)
    fit = IV.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("rung", IV, sample, fit, fit, sample, "risk_difference")
    tried = [Tried(0, DummyOutcome(draws=20), Auxiliary())]
    found = try_cohorts(tried, subject, PowerStudy(cohorts=20), 0.0, 1, range(20))[0]
    assert isinstance(found, NotEstimable)
    assert "the instrument does not move" in found.reason

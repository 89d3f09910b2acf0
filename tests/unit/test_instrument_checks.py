"""Checks of rungs with instruments: verdicts, tests against least squares, what is withheld."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from causal.cohort import Sample
from causal.errors import Place
from causal.estimate import NotEstimable
from causal.estimators import (
    ControlFunction,
    FirstStage,
    InstrumentalVariables,
    IntentionToTreat,
    LinearProbability,
    NuisanceStore,
)
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.instrument_checks import confidence_curves, judge_instruments
from causal.ladder import attenuate

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
EXACT = 1e-8


def drawn(strength=0.8, instruments=2, n=400, seed=0, invalid=0.0, missing=0):
    rng = np.random.default_rng(seed)
    z, x, u = rng.normal(size=(n, instruments)), rng.normal(size=(n, 1)), rng.normal(size=n)
    a = strength * z.sum(axis=1) + x[:, 0] + u + rng.normal(size=n)
    y = 0.3 * a - u + x[:, 0] + invalid * z[:, 0] + rng.normal(size=n)
    z[:missing, 0] = np.nan
    return Sample(
        np.arange(n), y, a, x, ("x0",), ("severity",), "continuous", "dose", np.ones(n),
        z=z, instruments=tuple(f"z{j}" for j in range(instruments)),
    )  # fmt: skip


def checks(sample, estimator, threshold="critical"):
    rng, again = (np.random.default_rng(0) for _ in range(2))
    form, fit = estimator.forms(sample, rng), estimator.fit(sample, NuisanceStore(), again)
    return {one.name: one for one in judge_instruments(sample, estimator, threshold, form, fit)}


def rungs(sample, *estimators, limits=LIMITS):
    """Fit a crude rung and one for each estimator, as the pipeline does."""
    tasks = [RungTask("crude", LinearProbability(), (), Place())]
    tasks += [
        RungTask(f"rung{i}", one, ("x0",), Place(), sample.instruments)
        for i, one in enumerate(estimators)
    ]
    return fit_rungs(sample, tasks, limits, 0)


def test_strong_instruments_pass_and_weak_ones_fail_with_their_critical_value():
    strong, weak = (
        checks(drawn(strength), InstrumentalVariables())["effective_f"] for strength in (0.8, 0.05)
    )
    assert (strong.verdict, weak.verdict) == ("PASS", "FAIL")
    assert 19 < strong.threshold < 23.2
    # a declared threshold may ask for more, and never for less
    lower, higher = (
        checks(drawn(0.05), InstrumentalVariables(), limit)["effective_f"] for limit in (0.5, 50.0)
    )
    assert (lower.threshold, lower.verdict) == (weak.threshold, "FAIL")
    assert higher.threshold == 50.0


def test_an_interval_of_standard_errors_is_withheld_where_instruments_are_weak():
    fitted = rungs(drawn(0.05), InstrumentalVariables(), ControlFunction())
    for one in fitted[1:]:
        assert "below" in one.estimates.interval_withheld
        assert one.estimates.region is not None
    _, strong = rungs(drawn(), InstrumentalVariables())
    assert strong.estimates.interval_withheld == ""
    assert strong.estimates.region.bounded
    lenient = replace(LIMITS, effective_f=0.01)
    _, still = rungs(drawn(0.05), InstrumentalVariables(), limits=lenient)
    assert "below" in still.estimates.interval_withheld
    strict = replace(LIMITS, effective_f=1e6)
    _, withheld = rungs(drawn(), InstrumentalVariables(), limits=strict)
    assert "below" in withheld.estimates.interval_withheld


def test_the_strength_of_an_instrument_is_no_matter_for_its_own_coefficient():
    for estimator in (IntentionToTreat(), FirstStage()):
        found = checks(drawn(0.05, instruments=1), estimator)
        assert found["effective_f"].verdict == "NOT_EVALUATED"
        assert "wu_hausman_p" not in found


def test_wu_hausman_is_the_test_of_the_first_stages_residual():
    sample = drawn()
    classical = InstrumentalVariables(variance={"kind": "classical"})
    before = np.column_stack([np.ones(sample.n), sample.z, sample.x])
    residual = sample.a - before @ np.linalg.lstsq(before, sample.a, rcond=None)[0]
    design = np.column_stack([residual, np.ones(sample.n), sample.x, sample.a])
    beta, rss, *_ = np.linalg.lstsq(design, sample.y, rcond=None)
    spread = rss[0] / (sample.n - 4) * np.linalg.inv(design.T @ design)[0, 0]
    p = 2 * stats.t.sf(abs(beta[0]) / np.sqrt(spread), sample.n - 4)
    assert checks(sample, classical)["wu_hausman_p"].value == pytest.approx(p, rel=1e-6)


def test_sargan_is_n_times_the_r2_of_instruments_on_the_structural_residual():
    sample = drawn()
    classical = InstrumentalVariables(variance={"kind": "classical"})
    beta = classical.fit(sample, NuisanceStore(), np.random.default_rng(0)).values[0]
    left = sample.y - beta * sample.a
    own = np.column_stack([np.ones(sample.n), sample.x])
    left = left - own @ np.linalg.lstsq(own, left, rcond=None)[0]
    every = np.column_stack([own, sample.z])
    rest = left - every @ np.linalg.lstsq(every, left, rcond=None)[0]
    statistic = sample.n * (1 - rest @ rest / (left @ left))
    p = stats.chi2.sf(statistic, 1)
    assert checks(sample, classical)["sargan_p"].value == pytest.approx(p, rel=1e-6)


def test_instruments_that_disagree_are_seen_and_those_that_agree_are_not():
    iv = InstrumentalVariables()
    assert checks(drawn(invalid=1.0), iv)["hansen_j_p"].value < 1e-3
    assert checks(drawn(), iv)["hansen_j_p"].value > 0.01
    assert "hansen_j_p" not in checks(drawn(instruments=1), iv)
    assert "tf_factor" in checks(drawn(instruments=1), iv)


def test_confounding_shows_as_a_difference_from_least_squares():
    found = checks(drawn(n=2000), InstrumentalVariables())["hausman_p"]
    assert found.value < 1e-3
    assert "only if the instrument is valid" in found.reason


def test_no_share_of_the_crude_difference_is_formed():
    fitted = rungs(drawn(instruments=1), InstrumentalVariables(), IntentionToTreat(), FirstStage())
    for one, said in zip(fitted[1:], ("LATE", "of the instrument", "in the exposure"), strict=True):
        share = attenuate(one.crude, one.estimates, "mean_difference")
        assert isinstance(share, NotEstimable)
        assert said in share.reason


def test_confidence_curves_cross_their_level_at_the_ends_of_the_set():
    sample, iv = drawn(), InstrumentalVariables()
    rubin, ratio = confidence_curves(iv.forms(sample, np.random.default_rng(0)).weak)
    assert (rubin.name, ratio.name) == ("Anderson-Rubin", "conditional likelihood ratio")
    estimates = iv.with_set(
        iv.fit(sample, NuisanceStore(), np.random.default_rng(0)),
        iv.forms(sample, np.random.default_rng(0)).weak,
    )
    lo, hi = estimates.region.pieces[0]
    above = [point.x for point in ratio.points if point.y > 0.05]
    step = ratio.points[1].x - ratio.points[0].x
    assert lo <= min(above) <= lo + step
    assert hi - step <= max(above) <= hi
    assert len(rungs(sample, iv)[1].curves) == 2


def test_rows_without_the_instrument_leave_its_own_rung_alone():
    sample = drawn(missing=30)
    crude, iv = rungs(sample, InstrumentalVariables())
    assert (crude.n, iv.n) == (400, 370)
    assert (iv.estimates.influence[:30] == 0).all()

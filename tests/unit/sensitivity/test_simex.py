"""Simulation extrapolation: against exact corrections, by closed form, and what is refused."""

import math
from functools import cache

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearProbability,
    NuisanceStore,
)
from causal.sensitivity import Reliability
from causal.sensitivity.error_correction import calibrate, draw_errors, find_proxies
from causal.sensitivity.simex import (
    LAMBDAS,
    Poles,
    check_linear,
    draw_error,
    extrapolate,
    find_poles,
)
from causal.subject import Subject

ROUNDING = 1e-9  # the same numbers by another algebra
MONTE_CARLO = 4.0  # standard errors
CLOSE = 0.1  # of a standard error: the SIMEX variance treats simulations as fixed
NEAR = 0.03  # what a logistic propensity may add to a curve that is exact for linear models
DRAWS = 20


@cache
def world(reliability, n=20_000, seed=5):
    """Draw a linear world in which a score measures what confounds; the truth is .30."""
    rng = np.random.default_rng(seed)
    cause, other = rng.normal(size=(2, n))
    score = math.sqrt(reliability) * cause + math.sqrt(1 - reliability) * rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(0.3 - cause - 0.5 * other))).astype(float)
    y = 0.3 * a + 0.8 * cause + 0.3 * other + rng.normal(size=n)
    samples = [
        Sample(
            unit=np.arange(n),
            y=y,
            a=a,
            x=np.column_stack([column, other]),
            terms=("score", "other"),
            concepts=("motivation", "severity"),
            outcome_kind="continuous",
            exposure_kind="binary",
            w=np.ones(n),
        )
        for column in (score, cause)
    ]
    return samples[0], samples[1]


def subject_of(sample, estimator):
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return Subject("full", estimator, sample, fit, fit, sample, "mean_difference")


def swept(sample, estimator, reliability, **settings):
    given = {"terms": ["score"], "reliabilities": [reliability], "draws": DRAWS, **settings}
    return Reliability(method="simex", **given).analyse(
        subject_of(sample, estimator), np.random.default_rng(1)
    )


def poles(*values, n=2):
    return Poles(np.array(values), np.zeros((n, len(values))), np.zeros(n))


@pytest.mark.parametrize("reliability", [0.6, 0.7, 0.8])
def test_a_linear_rung_is_taken_to_the_exact_correction(reliability):
    sample, _ = world(reliability)
    exact = calibrate(subject_of(sample, LinearProbability()), ["score"], reliability, 0.95)
    found = swept(sample, LinearProbability(), reliability)
    row = found.row("reliability", f"{reliability:g}")
    check = found.row("linear_check", f"{reliability:g}")
    error = check.number("monte_carlo")
    assert abs(row.number("estimate") - exact.estimate) < MONTE_CARLO * error
    assert row.number("lo") < exact.estimate < row.number("hi")
    assert row.number("lo") < 0.3 < row.number("hi")
    added = error**2 + check.number("extrapolant_moves") ** 2
    own = math.sqrt(row.number("std_error") ** 2 - added)
    assert own == pytest.approx(exact.std_error, rel=CLOSE)
    assert check.number("exact") == pytest.approx(exact.estimate, abs=ROUNDING)
    assert check.number("simulated") == pytest.approx(row.number("estimate"), abs=ROUNDING)


@pytest.mark.parametrize("reliability", [0.6, 0.7, 0.8])
@pytest.mark.parametrize("estimator", [AIPW(), InverseProbability()], ids=lambda one: one.kind)
def test_weighted_rungs_are_taken_to_what_the_error_free_score_gives(estimator, reliability):
    sample, error_free = world(reliability, n=8000)
    truth = subject_of(error_free, estimator).estimates.effect("mean_difference").estimate
    found = swept(sample, estimator, reliability, draws=10)
    row = found.row("reliability", f"{reliability:g}")
    seen = found.row("reliability", "1").number("estimate")
    assert row.number("lo") < truth < row.number("hi")
    assert abs(row.number("estimate") - truth) < 2 * row.number("std_error")
    assert abs(seen - truth) > 4 * row.number("std_error")  # the error was worth removing


@pytest.mark.parametrize("reliability", [0.6, 0.7])
def test_a_curve_that_falls_short_is_refused_and_said_to(reliability):
    sample, _ = world(reliability)
    found = swept(sample, AIPW(), reliability, extrapolant="quadratic")
    assert isinstance(found.headline, NotEstimable)
    assert "of the exact correction of the linear model" in found.headline.reason


def test_a_refused_step_leaves_the_others():
    sample, _ = world(0.6)
    found = swept(
        sample, LinearProbability(), 0.6, extrapolant="quadratic", reliabilities=[0.95, 0.6]
    )
    assert isinstance(found.row("reliability", "0.6").number("estimate"), NotEstimable)
    assert isinstance(found.row("reliability", "0.95").number("estimate"), float)
    assert found.row("linear_check", "0.6").note == "refused"
    assert "At 0.6 more than a tenth of it is missed" in found.sentence
    assert [point.x for point in found.curves[0].points] == [0.95, 1]


def test_two_scores_are_taken_to_the_exact_correction():
    rng = np.random.default_rng(8)
    sample, _ = world(0.7, n=8000)
    second = 0.6 * sample.x[:, 0] + rng.normal(size=sample.n)
    both = Sample(
        **{
            name: getattr(sample, name)
            for name in ("unit", "y", "a", "outcome_kind", "exposure_kind", "w")
        },
        x=np.column_stack([sample.x, second]),
        terms=("score", "other", "second"),
        concepts=("motivation", "severity", "motivation"),
    )
    terms = ["score", "second"]
    subject = subject_of(both, LinearProbability())
    exact = calibrate(subject, terms, 0.8, 0.95)
    found = swept(both, LinearProbability(), 0.8, terms=terms)
    row, check = found.row("reliability", "0.8"), found.row("linear_check", "0.8")
    assert check.number("exact") == pytest.approx(exact.estimate, abs=ROUNDING)
    assert abs(row.number("estimate") - exact.estimate) < MONTE_CARLO * check.number("monte_carlo")
    assert row.number("std_error") > (1 - CLOSE) * exact.std_error


def test_pole_of_one_score_is_where_its_own_variance_is_used_up():
    sample, _ = world(0.7, n=8000)
    proxies = find_proxies(sample, ["score"])
    found = find_poles(proxies, 0.7)
    assert found.values == pytest.approx((1 - proxies.explained) / 0.3, abs=ROUNDING)
    assert found.influence.mean(axis=0) == pytest.approx(0, abs=ROUNDING)


def test_influence_of_the_pole_is_the_derivative_in_the_weights():
    sample, _ = world(0.7, n=400)
    step, row = 1e-4, 17

    def pole(extra):
        w = sample.w.copy()
        w[row] += extra
        tilted = Sample(**{**_fields(sample), "w": w})
        return float(find_poles(find_proxies(tilted, ["score"]), 0.7).values[0])

    slope = (pole(step) - pole(-step)) / (2 * step) * sample.n
    own = find_poles(find_proxies(sample, ["score"]), 0.7).influence[row, 0]
    assert own == pytest.approx(slope, rel=1e-3)


def _fields(sample):
    names = ("unit", "y", "a", "x", "terms", "concepts", "outcome_kind", "exposure_kind")
    return {name: getattr(sample, name) for name in names}


def test_the_check_is_blind_to_rows_without_an_outcome(confounded):
    sample = confounded(n=900, missing=True, weighted=True)
    proxies = find_proxies(sample, ["x0"])
    errors = [e for e, _ in draw_errors(sample, ["x0"], 10, np.random.default_rng(0))]
    found = check_linear(sample, ["x0"], 0.8, errors, find_poles(proxies, 0.8))
    own = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    assert found.uncorrected == pytest.approx(own.values[1] - own.values[0], abs=ROUNDING)
    subject = Subject("full", LinearProbability(), sample, own, own, sample, "risk_difference")
    exact = calibrate(subject, ["x0"], 0.8, 0.95)
    assert found.exact == pytest.approx(exact.estimate, abs=ROUNDING)


def test_a_hyperbola_with_its_pole_is_taken_back_exactly():
    lambdas = np.array(LAMBDAS)
    curve = 2 - 3 / (1.4 + lambdas)
    found = extrapolate(np.tile(curve, (3, 1)), np.outer([1.0, -1.0], curve), poles(1.4))
    assert found.value == pytest.approx(2 - 3 / 0.4, abs=ROUNDING)
    assert found.influence[:, 0] == pytest.approx([2 - 3 / 0.4, 3 / 0.4 - 2], abs=ROUNDING)
    assert found.monte_carlo == pytest.approx(0, abs=ROUNDING)
    assert found.choice == pytest.approx(0, abs=1e-6)


def test_what_a_hyperbola_misses_is_counted_as_choice():
    lambdas = np.array(LAMBDAS)
    curve = 2 - 3 / (1.4 + lambdas) + 0.1 * lambdas
    found = extrapolate(np.tile(curve, (3, 1)), np.zeros((2, len(LAMBDAS))), poles(1.4))
    assert found.choice == pytest.approx(abs(2 - 3 / 0.4 - 0.1 - found.value), abs=1e-6)
    assert found.choice > 0.1


def test_quadratic_in_lambda_is_taken_back_to_minus_one_exactly():
    lambdas = np.array(LAMBDAS)
    curve = 2 - 0.5 * lambdas + 0.1 * lambdas**2
    influence = np.outer([1.0, -1.0], curve)
    found = extrapolate(np.tile(curve, (3, 1)), influence, poles(2.0), "quadratic")
    assert found.value == pytest.approx(2.6, abs=ROUNDING)
    assert found.influence[:, 0] == pytest.approx([2.6, -2.6], abs=ROUNDING)
    assert found.monte_carlo == pytest.approx(0, abs=ROUNDING)
    assert found.choice == 0


def test_monte_carlo_variance_is_that_of_the_mean_over_simulations():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(200, 1)) + np.zeros((200, len(LAMBDAS)))
    found = extrapolate(values, np.zeros((2, len(LAMBDAS))), poles(1.5))
    assert found.monte_carlo == pytest.approx(values[:, 0].var(ddof=1) / 200)


def test_a_score_a_person_keeps_has_one_error_and_another_has_one_a_row():
    unit = np.array([3, 1, 3, 1])
    scores = np.array([[5.0, 1.0], [2.0, 2.0], [5.0, 3.0], [2.0, 4.0]])
    error = draw_error(scores, unit, np.random.default_rng(0))
    assert error[0, 0] == error[2, 0] != error[1, 0] == error[3, 0]
    assert len(set(error[:, 1])) == 4


def test_simulation_of_a_logistic_rung_agrees_with_its_calibration(confounded):
    sample = confounded(n=2000)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", GComputation(), sample, fit, fit, sample, "risk_difference")
    known = calibrate(subject, ["x0"], 0.6, 0.95)
    found = Reliability(terms=["x0"], reliabilities=[0.6], method="simex", draws=DRAWS).analyse(
        subject, np.random.default_rng(0)
    )
    row = found.row("reliability", "0.6")
    assert row.number("estimate") == pytest.approx(known.estimate, abs=NEAR)
    assert row.number("std_error") > (1 - CLOSE) * known.std_error

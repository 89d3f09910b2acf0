"""The reliability sweep: what moves, what is refused, recoding, and the truth of a simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import Sample
from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.estimators import AIPW, GComputation, LinearProbability, NuisanceStore, Overlap
from causal.estimators.nuisance import OutcomeModel
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, Reliability
from causal.simulate import SCENARIOS, simulate_cohort
from causal.subject import Subject

ROUNDING = 1e-9  # the same numbers another way round
SIMULATED = 0.012  # three standard errors of the corrected slope at n = 100,000 (SE .0038)
SIMEX_BIAS = 0.01  # Monte-Carlo error of 30 draws at a reliability of .8, four times
COVARIATES = (
    "motivation_score",
    "severity_score",
    "female",
    "black",
    "religiosity",
    "network_support",
    "psychiatric",
    "prior_mhg",
    "abstinence_goal",
    "moud",
)


def subject_of(sample, estimator, scale="risk_difference", shared=None):
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return Subject("full", estimator, sample, fit, fit, shared or sample, scale)


def finding(sample, estimator=None, scale="risk_difference", **settings):
    settings = {"terms": ["x1"], "reliabilities": [0.9, 0.7]} | settings
    subject = subject_of(sample, estimator or GComputation(), scale)
    return Reliability(**settings).analyse(subject, np.random.default_rng(0))


def at(found, reliability, name="estimate"):
    return found.row("reliability", f"{reliability:g}").number(name)


def simulated(n, score="motivation_score"):
    """Draw the structural model of the simulated cohort."""
    made = simulate_cohort(SCENARIOS["base"], n, generator(7, "reliability"))
    terms = (score, *COVARIATES[1:])
    return Sample(
        unit=np.arange(n),
        y=made["abstinent"],
        a=made["mhg_weekly"],
        x=np.column_stack([made[t] for t in terms]),
        terms=terms,
        concepts=("motivation", *COVARIATES[1:]),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )


def test_reliability_of_one_is_the_rung_itself(confounded):
    sample = confounded(clustered=True)
    found = finding(sample)
    effect = subject_of(sample, GComputation()).estimates.effect("risk_difference")
    assert at(found, 1) == effect.estimate
    assert at(found, 1, "lo") == effect.lo
    assert at(found, 1, "std_error") == effect.std_error


@pytest.mark.parametrize("estimator", [GComputation(), LinearProbability()])
def test_correction_starts_from_the_rung(confounded, estimator):
    found = finding(confounded(n=1500, clustered=True), estimator, reliabilities=[1 - 1e-12])
    first, last = found.labelled("reliability")
    for name in ("estimate", "std_error"):
        assert last.number(name) == pytest.approx(first.number(name), abs=ROUNDING)


def test_more_error_takes_more_confounding_away(confounded):
    # x0 raises exposure and outcome, so error in it leaves confounding that is too positive
    found = finding(confounded(n=3000), terms=["x0"], reliabilities=[0.9, 0.8, 0.7])
    steps = [at(found, r) for r in (1, 0.9, 0.8, 0.7)]
    assert steps == sorted(steps, reverse=True)


def test_recoding_outcome_or_exposure_turns_estimates_round_only(confounded):
    sample = confounded(n=1500)
    one = finding(sample)
    for other in (replace(sample, y=1 - sample.y), replace(sample, a=1 - sample.a)):
        turned = finding(other)
        for r in (1, 0.9, 0.7):
            assert at(turned, r) == pytest.approx(-at(one, r), abs=ROUNDING)
            assert at(turned, r, "lo") == pytest.approx(-at(one, r, "hi"), abs=ROUNDING)
        assert type(turned.headline) is type(one.headline)
        assert turned.multiple == one.multiple


def test_unit_of_the_score_does_not_matter(confounded):
    sample = confounded()
    scaled = replace(sample, x=sample.x * np.array([1, 250, 1]) + np.array([0, 40, 0]))
    one, other = finding(sample), finding(scaled)
    assert at(other, 0.7) == pytest.approx(at(one, 0.7), abs=ROUNDING)
    assert at(other, 0.7, "std_error") == pytest.approx(at(one, 0.7, "std_error"), abs=ROUNDING)


def test_impossible_reliability_is_refused_in_its_row_only(confounded):
    sample = confounded(strength=2.0)
    found = finding(sample, reliabilities=[0.9, 0.1], terms=["x0"])
    lowest = found.row("must_exceed").number("reliability")
    assert 0.1 < lowest < 0.9
    assert isinstance(at(found, 0.9), float)
    assert isinstance(at(found, 0.1), NotEstimable)
    assert "explain" in at(found, 0.1).reason
    assert [point.x for point in found.curves[0].points] == [0.9, 1]


def test_nothing_possible_is_not_applicable(confounded):
    found = finding(confounded(strength=2.0), reliabilities=[0.05], terms=["x0"])
    assert isinstance(found.headline, NotEstimable)
    assert "does not apply" in found.sentence


def test_several_scores_must_leave_a_positive_definite_covariance(confounded):
    found = finding(confounded(strength=1.5), terms=["x0", "x1"], reliabilities=[0.9, 0.05])
    assert isinstance(at(found, 0.9), float)
    assert "positive definite" in at(found, 0.05).reason
    assert {row.subject for row in found.labelled("score")} == {"x0", "x1"}


def test_sentences_always_say_that_reliability_is_not_validity(confounded):
    for settings in ({}, {"terms": ["x0"], "reliabilities": [0.5]}, {"method": "simex"}):
        found = finding(confounded(n=600), draws=10, **settings)
        assert "reliability is not validity" in found.sentence
        assert "reliability is not validity" in found.short
        assert found.short.count(". ") == 0


def test_estimate_that_error_overturns_is_counted_in_published_error(confounded):
    # a strong confounder and no effect: the association is what is left of x0
    rng = np.random.default_rng(3)
    n = 4000
    truth = rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(-1.2 * truth))).astype(float)
    y = truth + rng.normal(size=n)
    score = truth + rng.normal(size=n) * math.sqrt(0.25)
    sample = replace(
        confounded(n=n, outcome="continuous"),
        y=y,
        a=a,
        x=score[:, None],
        terms=("x0",),
        concepts=("motivation",),
    )
    found = finding(
        sample,
        LinearProbability(),
        "mean_difference",
        terms=["x0"],
        reliabilities=[0.95, 0.9, 0.85, 0.8, 0.75],
        published_reliability=0.9,
        source="a manual",
    )
    assert found.headline == pytest.approx(0.8, abs=0.051)  # the true one, on this grid
    assert found.multiple == pytest.approx((1 - found.headline) / 0.1)
    assert "a manual" in found.yardstick
    assert "a manual" in found.sentence
    unpublished = finding(
        sample, LinearProbability(), "mean_difference", terms=["x0"], reliabilities=[0.8]
    )
    assert isinstance(unpublished.multiple, NotEstimable)


def test_nothing_overturns_is_infinite_and_something_at_once_is_zero(confounded):
    strong = confounded(n=3000)
    assert finding(strong, terms=["x2"]).multiple == math.inf
    assert isinstance(finding(strong, terms=["x2"]).headline, NotEstimable)
    rng = np.random.default_rng(5)
    null = replace(strong, y=(rng.random(strong.n) < 0.5).astype(float))
    assert finding(null).multiple == 0
    assert finding(null).headline == 1


def test_ratios_are_judged_against_one(confounded):
    found = finding(confounded(n=3000), scale="risk_ratio", terms=["x2"])
    assert at(found, 1) > 1
    assert found.curves[0].level_line == 1
    assert "meets 1" in found.headline_name


def test_dose_is_corrected_per_unit(confounded):
    sample = confounded(n=1500, outcome="continuous")
    dose = replace(sample, a=sample.a * 3 + sample.x[:, 2], exposure_kind="dose")
    found = finding(dose, LinearProbability(), "mean_difference", terms=["x0"])
    design = np.column_stack([np.ones(dose.n), dose.a, dose.x])
    gram = design.T @ design / dose.n
    gram[2, 2] -= 0.1 * dose.x[:, 0].var()
    slope = np.linalg.solve(gram, design.T @ dose.y / dose.n)[1]
    assert at(found, 0.9) == pytest.approx(slope, abs=ROUNDING)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (Overlap(), "simex"),
        (AIPW(), "simex"),
        (GComputation(outcome=OutcomeModel(arms="separate")), "without products"),
        (GComputation(outcome=OutcomeModel(interactions=("x0",))), "without products"),
        (LinearProbability(interactions=("x0",), at={"x0": 1}), "without products"),
        (GComputation(outcome=OutcomeModel(terms=("x0",))), "leaves x1 out"),
    ],
)
def test_rung_without_such_a_regression_is_not_calibrated(confounded, estimator, why):
    found = finding(confounded(), estimator)
    assert isinstance(found.headline, NotEstimable)
    assert why in found.headline.reason


def test_rung_that_does_not_adjust_for_the_score_is_said_not_to(confounded):
    sample = confounded()
    subject = subject_of(sample.with_terms(["x0"]), GComputation(), shared=sample)
    found = Reliability(terms=["x1"]).analyse(subject, np.random.default_rng(0))
    assert "does not adjust for x1" in found.sentence


def test_unknown_term_is_an_error_with_the_choices(confounded):
    with pytest.raises(SpecError, match="no term 'x9'"):
        finding(confounded(), terms=["x9"])


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"terms": []}, "at least 1"),
        ({"terms": ["x0", "x0"]}, "twice"),
        ({"terms": ["x0"], "reliabilities": [1.2]}, "found 1.2; a reliability is the share"),
        ({"terms": ["x0"], "reliabilities": [0]}, "found 0; a reliability is the share"),
        ({"terms": ["x0"], "reliabilities": [float("nan")]}, "found nan; a reliability"),
        ({"terms": ["x0"], "published_reliability": 1, "source": "x"}, "no error to count in"),
        ({"terms": ["x0"], "published_reliability": 8, "source": "x"}, "found 8; a reliability"),
        ({"terms": ["x0"], "published_reliability": 0.8}, "together"),
        ({"terms": ["x0"], "source": "a manual"}, "together"),
    ],
)
def test_senseless_settings_are_refused(wrong, why):
    with pytest.raises(ValidationError, match=why):
        TypeAdapter(AnySensitivity).validate_python({"kind": "reliability"} | wrong)


@pytest.mark.parametrize("method", ["regression_calibration", "simex"])
@pytest.mark.parametrize("reliabilities", [[1.0], [1.0, 0.9]])
def test_a_reliability_of_one_may_be_asked_for_and_is_the_rung(confounded, method, reliabilities):
    sample = confounded(n=800)
    found = finding(sample, reliabilities=reliabilities, method=method, draws=10)
    effect = subject_of(sample, GComputation()).estimates.effect("risk_difference")
    steps = found.labelled("reliability")
    assert [float(row.subject) for row in steps] == reliabilities
    assert at(found, 1) == effect.estimate
    assert "reliability is not validity" in found.sentence


def test_the_share_the_covariates_explain_is_itself_excluded(confounded):
    # what is allowed is (R2, 1]: at R2 the score would be nothing but covariates and error
    sample = confounded(n=800, strength=1.5)
    lowest = finding(sample, terms=["x0"]).row("must_exceed").number("reliability")
    for method in ("regression_calibration", "simex"):
        found = finding(
            sample, terms=["x0"], reliabilities=[0.9, lowest], method=method, draws=10
        ).row("reliability", f"{lowest:g}")
        assert "must be well above" in found.number("estimate").reason


# --- simulation extrapolation


@pytest.mark.parametrize("estimator", [GComputation(), LinearProbability()])
def test_simex_agrees_with_calibration_where_error_is_small(confounded, estimator):
    sample = confounded(n=1500, clustered=True)
    known = finding(sample, estimator, terms=["x0"], reliabilities=[0.8])
    found = finding(sample, estimator, terms=["x0"], reliabilities=[0.8], method="simex", draws=30)
    assert at(found, 0.8) == pytest.approx(at(known, 0.8), abs=SIMEX_BIAS)
    assert abs(at(found, 0.8) - at(found, 1)) > SIMEX_BIAS
    assert at(found, 0.8, "std_error") == pytest.approx(at(known, 0.8, "std_error"), rel=0.1)


def test_simex_takes_any_estimator_and_repeats_itself(confounded):
    sample = confounded(n=600)
    first, second = (
        finding(sample, Overlap(), terms=["x0"], method="simex", draws=10) for _ in range(2)
    )
    assert first == second
    assert at(first, 0.7) < at(first, 1)


# --- the structural model


def test_true_reliability_brings_the_slope_of_true_motivation():
    n = 100_000
    error_free = simulated(n, "true_motivation")
    truth = subject_of(error_free, LinearProbability()).estimates.effect("risk_difference").estimate
    seen = simulated(n)
    found = finding(seen, LinearProbability(), terms=["motivation_score"], reliabilities=[0.9, 0.6])
    assert at(found, 1) - truth > 2 * SIMULATED
    assert at(found, 0.6) == pytest.approx(truth, abs=SIMULATED)


def test_true_reliability_brings_standardised_risks_near_those_of_true_motivation():
    n = 100_000
    error_free = simulated(n, "true_motivation")
    truth = subject_of(error_free, GComputation()).estimates.effect("risk_difference").estimate
    found = finding(simulated(n), terms=["motivation_score"], reliabilities=[0.6])
    assert at(found, 0.6) == pytest.approx(truth, abs=SIMULATED)

"""A blind refuter fails as often with a confounder as without; a negative control sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import HELD
from causal.errors import Place
from causal.estimate import NotEstimable
from causal.estimators import GComputation, LinearProbability, NuisanceStore
from causal.examining import Attempt, trace_power
from causal.refuters import (
    Auxiliary,
    DoWhySecondOpinion,
    EmpiricalCalibration,
    GraphFalsification,
    NegativeControlExposure,
    NegativeControlOutcome,
    PlaceboExposure,
    PowerCurve,
    PowerPoint,
    RandomCommonCause,
    SimulatedConfounder,
    SimulatedOutcome,
)
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences
from causal.refuters.power import PowerStudy, Tried, try_cohorts, weigh
from causal.refuters.power_curve import rejection_rate, tell_power
from causal.refuters.worlds import find_benchmark
from causal.subject import Subject

STUDY = PowerStudy(strengths=(0, 1, 3), cohorts=40)
CONTROL = NegativeControlOutcome(
    outcome="earlier", concept="prior_outcome", rationale="measured before exposure began"
)
BEYOND = 3.0
"""Monte-Carlo errors: a blind refuter strays farther in 1 of 400 comparisons."""
BIAS_ERRORS = 4.0


def subject_of(sample, *, estimator=None, scale="risk_difference") -> Subject:
    estimator = estimator or GComputation()
    fitted = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return Subject("full", estimator, sample, fitted, fitted, sample, scale)


def measured(refuter, subject, study, k, seed=1) -> PowerPoint | NotEstimable:
    tried = [Tried(0, refuter, Auxiliary())]
    return weigh(k, try_cohorts(tried, subject, study, k, seed, range(study.cohorts)))


def attempt(refuter, sample, **how) -> Attempt:
    auxiliary = Auxiliary({"earlier": sample})
    return Attempt(0, refuter, subject_of(sample, **how), auxiliary, 1, Place())


@pytest.fixture
def strong(confounded):
    """Give a sample whose severity confounds strongly, so that one as strong is seen."""
    return confounded(600, seed=7, strength=0.9)


def test_a_blind_refuter_fails_as_often_as_its_size_however_wrong_the_estimate(strong):
    found = trace_power([attempt(PlaceboExposure(), strong)], STUDY)[0]
    assert isinstance(found, PowerCurve)
    size, *others = found.points
    for one in others:
        assert one.rejected - size.rejected < BEYOND * np.hypot(one.error, size.error)
    assert [one.bias for one in found.points] == sorted(one.bias for one in found.points)
    assert others[-1].bias > 0.1
    assert found.sentence.startswith("This test cannot see unmeasured confounding")
    assert "a wrong model is invisible" in found.note
    assert "20 draws in each where the analysis has 500" in found.note


def test_power_of_a_negative_control_grows_with_the_confounder(strong):
    found = trace_power([attempt(CONTROL, strong)], STUDY)[0]
    rates = [one.rejected for one in found.points]
    assert rates[0] < 0.05 + BEYOND * found.points[0].error
    assert rates == sorted(rates)
    assert rates[-1] > 0.8
    assert "this test finds unmeasured confounding" in found.sentence
    assert found.draws is None


def test_strengths_are_multiples_of_the_benchmark(strong):
    found = trace_power([attempt(CONTROL, strong)], replace_study(benchmark="motivation"))[0]
    strength = find_benchmark(strong, "motivation").strength
    assert found.benchmark == "motivation"
    for one in found.points:
        assert one.r2_exposure == pytest.approx(one.k * strength.exposure, abs=1e-3)
        assert one.r2_outcome == pytest.approx(one.k * strength.outcome, abs=1e-3)


def replace_study(**changed) -> PowerStudy:
    return PowerStudy(**(STUDY.model_dump() | {"cohorts": 20} | changed))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_confounder_exaggerates_the_effect_whatever_its_sign(strong, sign):
    sample = strong if sign > 0 else replace(strong, y=1 - strong.y)
    one = measured(RandomCommonCause(), subject_of(sample), STUDY, 3)
    assert sign * one.bias > 0.1


@pytest.mark.parametrize("kind", ["dose", "continuous", "clustered"])
def test_without_a_confounder_the_estimate_is_about_the_known_effect(confounded, kind):
    sample = confounded(600, clustered=kind == "clustered", outcome="continuous")
    if kind == "dose":
        noise = np.random.default_rng(2).normal(size=sample.n)
        sample = replace(sample, a=sample.x[:, 0] + noise, exposure_kind="dose")
    estimator = LinearProbability() if kind == "dose" else GComputation()
    subject = subject_of(sample, estimator=estimator, scale="mean_difference")
    error = np.sqrt(subject.estimates.contrast("mean_difference").covariance[0, 0])
    study = replace_study(cohorts=40, effect=0.2)
    found = measured(PlaceboExposure(), subject, study, 0)
    assert isinstance(found, PowerPoint)
    assert abs(found.bias) < BIAS_ERRORS * error / np.sqrt(found.cohorts)


def test_the_same_numbers_for_any_number_of_processes(confounded):
    sample = confounded(200)
    attempts = [attempt(RandomCommonCause(), sample), attempt(CONTROL, sample)]
    study = replace_study(strengths=(0, 1))
    assert trace_power(attempts, study, jobs=1) == trace_power(attempts, study, jobs=2)


def test_a_further_strength_changes_no_other_point(confounded):
    one = attempt(CONTROL, confounded(200))
    few, many = (
        trace_power([one], replace_study(strengths=strengths))[0]
        for strengths in ((0, 2), (0, 1, 2))
    )
    assert few.points == (many.points[0], many.points[2])


def test_power_that_cannot_be_measured_says_why(confounded):
    sample = confounded()
    study = replace_study()
    reasons = {
        "it is no test but a sweep": attempt(SimulatedConfounder(), sample),
        "the diagram implies nothing that is tested": attempt(GraphFalsification(), sample),
        "no sample with outcome 'later'": attempt(
            CONTROL.model_copy(update={"outcome": "later"}), sample
        ),
        "no concept": attempt(PlaceboExposure(), sample.with_terms([])),
    }
    for said, one in reasons.items():
        found = trace_power([one], study)[0]
        assert isinstance(found, NotEstimable)
        assert said in found.reason
    impossible = trace_power([attempt(PlaceboExposure(), sample)], replace_study(effect=0.9))[0]
    assert "is no risk" in impossible.reason
    ratio = trace_power(
        [attempt(PlaceboExposure(), sample, scale="risk_ratio")], replace_study(effect=-1)
    )[0]
    assert "a ratio must be above 0" in ratio.reason


def test_cohorts_that_cannot_be_fitted_are_counted_and_said(confounded):
    rare = confounded(120)
    rare = replace(rare, x=np.column_stack([rare.x[:, :2], np.arange(120) < 6]).astype(float))
    found = trace_power([attempt(PlaceboExposure(), rare)], replace_study())[0]
    assert isinstance(found, PowerCurve)
    lost = 20 - min(one.cohorts for one in found.points)
    assert lost > 0
    assert f"Up to {lost} cohorts of a point could not be evaluated, and count as not" in found.note
    one = found.points[0]
    assert one.error == rejection_rate(round(20 * one.rejected), 20)[1]  # of all cohorts


def test_power_is_refused_where_hardly_a_cohort_can_be_evaluated(confounded):
    rare = confounded(60)
    y = np.where(np.arange(60) < 58, 0.0, 1.0)
    x = np.column_stack([rare.x[:, 0], np.arange(60) % 7 == 3]).astype(float)
    rung = replace(rare, x=x, terms=rare.terms[:2], concepts=rare.concepts[:2])
    one = replace(attempt(CONTROL, rung), auxiliary=Auxiliary({"earlier": replace(rung, y=y)}))
    found = trace_power([one], replace_study(cohorts=20))[0]
    assert isinstance(found, NotEstimable)
    assert "of 20 cohorts drawn at 0 times the strength could not be evaluated" in found.reason


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((0.05, 0.06, 0.05), "cannot see unmeasured confounding: with a confounder 3 times"),
        ((0.04, 0.05, 0.09), "cannot see"),  # under a tenth, even were it above the size
        ((0.30, 0.32, 0.27), "cannot see"),  # two errors leave no room for a tenth more
        ((0.30, 0.35, 0.38), "Not shown to see"),  # nor for none
        ((0.30, 0.35, 0.38), "more often than the 5 % of a sound test"),
        ((0.05, 0.20, 0.45), "in part: with a confounder 3 times"),
        ((0.05, 0.85, 0.99), "From 1 times the strength of severity on"),
        ((0.05, 0.50, 0.81), "From 3 times the strength"),
    ],
)
def test_the_sentence_follows_the_rule(rates, said):
    points = tuple(
        PowerPoint(k, 0.0, 0.0, rate, rejection_rate(round(100 * rate), 100)[1], 0.0, 100, False)
        for k, rate in zip((0, 1, 3), rates, strict=True)
    )
    assert said in tell_power(points, "severity")


def test_no_failure_at_all_still_has_an_error():
    assert rejection_rate(0, 100) == pytest.approx((0.0, np.sqrt(2 / 104 * 102 / 104 / 104)))


@pytest.mark.parametrize(
    ("strengths", "said"),
    [
        ((0.5, 1), "must start with 0"),
        ((0,), "at least one finite strength"),
        ((), "must start with 0"),
        ((0, 2, 1), "larger than the one before"),
        ((0, -1), "larger than the one before"),
        ((0, float("inf")), "finite"),
    ],
)
def test_strengths_ascend_from_none(strengths, said):
    with pytest.raises(ValidationError, match=said):
        PowerStudy(strengths=strengths)


def test_a_rung_with_rows_without_exposure_has_no_power_and_says_why(confounded):
    sample = confounded(n=200)
    unseen = replace(sample, a=np.where(np.arange(200) < 10, np.nan, sample.a))
    known = attempt(PlaceboExposure(), sample)
    partly = replace(known, subject=replace(known.subject, sample=unseen))
    found = trace_power([partly, known], replace_study(cohorts=20, strengths=(0, 1)))
    assert isinstance(found[0], NotEstimable)
    assert "never seen at the exposure interview" in found[0].reason
    assert isinstance(found[1], PowerCurve)


def with_controls(sample, *, lost: int = 0) -> Auxiliary:
    """Give controls drawn from the covariates: a dozen outcomes, and an exposure."""
    rng = np.random.default_rng(21)
    chance = 1 / (1 + np.exp(0.5 - 0.7 * sample.x[:, 0] + 0.4 * sample.x[:, 1]))
    kept = np.arange(sample.n) >= lost
    outcomes = {
        name: replace(sample, y=(rng.random(sample.n) < chance).astype(float)).rows(kept)
        for name in CONTROLS
    }
    held = replace(
        sample,
        a=(rng.random(sample.n) < chance).astype(float),
        x=np.column_stack([sample.x, sample.a]),
        terms=(*sample.terms, HELD),
        concepts=(*sample.concepts, HELD),
    )
    return Auxiliary(outcomes, {"other": held}, implications=diagram(sample))


def diagram(sample) -> ImpliedIndependences:
    """Say that severity alone moves two marks, exposure and outcome."""
    rng = np.random.default_rng(22)
    severity = sample.x[:, 0]
    marks = {f"mark_{i}": severity + rng.normal(size=sample.n) for i in range(2)}
    columns = {"severity": severity, **marks, "mhg": sample.a, "outcome": sample.y}
    pairs = [("mark_0", "mark_1"), ("mark_0", "mhg"), ("mark_1", "mhg")]
    return ImpliedIndependences(
        concepts=tuple(
            ConceptColumns(name, values[:, None], (name,), (False,))
            for name, values in columns.items()
        ),
        always=np.empty((sample.n, 0)),
        w=sample.w,
        cluster=sample.cluster,
        implied=tuple(Implied(one, other, ("severity",)) for one, other in pairs),
        edges=(*(("severity", one) for one in (*marks, "mhg", "outcome")), ("mhg", "outcome")),
        effect_of=("mhg", "outcome"),
    )


CONTROLS = tuple(f"control_{number}" for number in range(12))
OTHER = NegativeControlExposure(
    exposure="other", concept="other_exposure", rationale="shares causes and changes nothing"
)
CALIBRATION = EmpiricalCalibration(
    controls=[
        {"outcome": one, "concept": one, "rationale": "nothing that exposure could change"}
        for one in CONTROLS
    ],
    ease_threshold=0.1,
)


def test_power_of_a_control_exposure_grows_with_the_confounder(strong):
    one = Attempt(0, OTHER, subject_of(strong), with_controls(strong), 1, Place())
    found = trace_power([one], STUDY)[0]
    rates = [point.rejected for point in found.points]
    assert rates[0] < 0.05 + BEYOND * found.points[0].error
    assert rates[-1] > rates[0] + BEYOND * found.points[-1].error
    assert abs(found.points[0].bias) < 0.02
    assert found.points[-1].bias > 0.05
    # strength with the control is counted in what the benchmark explains of the control
    held = with_controls(strong).exposures["other"]
    plain = replace(held.with_terms(strong.terms), a=strong.a, y=held.a)
    own = find_benchmark(plain, found.benchmark).strength.outcome
    assert found.points[1].r2_exposure == pytest.approx(own, abs=2e-3)


@pytest.mark.parametrize("lost", [0, 25])
def test_power_of_calibration_grows_as_controls_share_the_confounder(strong, lost):
    auxiliary = with_controls(strong, lost=lost)
    one = Attempt(0, CALIBRATION, subject_of(strong), auxiliary, 1, Place())
    found = trace_power([one], replace_study(strengths=(0, 3)))[0]
    size, largest = found.points
    assert size.rejected < 0.05 + BEYOND * size.error
    assert largest.rejected > size.rejected + BEYOND * largest.error
    assert largest.bias > size.bias + 0.1  # of the rung itself, in the same cohorts


def test_a_diagram_test_is_blind_to_confounding_and_finds_a_missing_edge(strong):
    graph = GraphFalsification(permutations=20)
    one = Attempt(0, graph, subject_of(strong), with_controls(strong), 1, Place())
    found = trace_power([one], replace_study(strengths=(0, 3)))[0]
    size, largest = found.points
    assert size.rejected <= 0.1
    assert size.own_fault <= 0.1
    assert largest.rejected < size.rejected + BEYOND * np.hypot(size.error, largest.error)
    assert largest.bias > 0.1
    assert largest.own_fault > 0.8
    assert "left out of the diagram between two concepts it separates" in found.sentence


def test_costly_refuters_are_tried_on_fewer_cohorts_and_are_blind(strong):
    refuter = SimulatedOutcome(draws=20)
    assert all(one.costly for one in (refuter, DoWhySecondOpinion(), GraphFalsification()))
    study = replace_study(cohorts=30, costly_cohorts=20, costly_strengths=(0, 3))
    one = Attempt(0, refuter, subject_of(strong), Auxiliary(), 1, Place())
    found = trace_power([one], study)[0]
    assert [point.k for point in found.points] == [0, 3]
    assert found.cohorts == found.points[0].cohorts == 20
    assert found.points[-1].bias > 0.1
    size, largest = found.points
    assert largest.rejected - size.rejected < BEYOND * np.hypot(size.error, largest.error)
    assert "unmeasured confounding" in found.sentence


def test_refuters_of_the_rung_itself_see_the_same_cohorts(strong):
    attempts = [attempt(PlaceboExposure(), strong), attempt(RandomCommonCause(), strong)]
    study = replace_study(strengths=(0, 2))
    both = trace_power([replace(one, number=at) for at, one in enumerate(attempts)], study)
    alone = trace_power([replace(attempts[1], number=1)], study)[0]
    assert [one.bias for one in both[0].points] == [one.bias for one in both[1].points]
    assert both[1] == alone


def test_costly_strengths_are_some_of_the_strengths():
    with pytest.raises(ValidationError, match=r"2, which is not among strengths; .* 0, 1, 3"):
        PowerStudy(strengths=(0, 1, 3), costly_strengths=(0, 2))

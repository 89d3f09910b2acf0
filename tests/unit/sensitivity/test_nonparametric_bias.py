"""Omitted-variable bias without linearity: exact where the omitted variable is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import TIME, Sample
from causal.estimate import NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
    Overlap,
    WithinPerson,
)
from causal.estimators.nuisance import CrossFitting, OutcomeModel, PropensityModel
from causal.findings import times
from causal.sensitivity import AnySensitivity, NonparametricOmittedVariable, OmittedVariable
from causal.sensitivity.bias_bounds import (
    Scaled,
    gains,
    nearest,
    needed_factor,
    needed_multiple,
    strength_factor,
    strength_of_factor,
    times_gains,
)
from causal.sensitivity.partial_r2 import Strength, block_strength, fit_linear, robustness_value
from causal.sensitivity.riesz import find_elements, linear_elements, without_terms
from causal.subject import Subject

EXACT = 1e-9  # the same algebra by other projections
NEWTON = 1e-6  # logistic regressions stop where the change of a predictor is 1e-10
STEP = 1e-6  # of numerical derivatives by central differences
DERIVATIVE = 1e-4  # their error, relative, and that of the sums they are differences of

ESTIMATORS = {
    "crude": MeanDifference(),
    "linear": LinearProbability(),
    "g-computation": GComputation(),
    "g-computation ATT": GComputation(target="ATT"),
    "g-computation ATC": GComputation(target="ATC"),
    "ipw": InverseProbability(),
    "ipw ATT": InverseProbability(target="ATT", clip=(0.02, 0.98)),
    "overlap": Overlap(),
    "aipw": AIPW(),
    "aipw ATT": AIPW(target="ATT"),
    "aipw ATC": AIPW(target="ATC"),
    "aipw crossed": AIPW(cross_fit=CrossFitting(folds=3)),
    "dml": LinearDML(cross_fit=CrossFitting(folds=3)),
}


def rng():
    return np.random.default_rng(0)


def subject_of(sample, estimator=None, scale="risk_difference"):
    estimator = estimator or AIPW()
    fit = estimator.fit(sample, NuisanceStore(), rng())
    return Subject("full", estimator, sample, fit, fit, sample, scale)


def finding(sample, estimator=None, scale="risk_difference", **settings):
    subject = subject_of(sample, estimator, scale)
    return NonparametricOmittedVariable(**settings).analyse(subject, rng())


def bound(found, subject, k):
    return next(
        row for row in found.labelled("bound") if row.subject == subject and row.number("k") == k
    )


def cells(sign=1.0):
    """Give a whole population as weighted cells: x measured, u not; the outcome is 0/1.

    Exposure depends on u within x, the outcome on exposure, x and u with products, so that no
    regression is linear, and one on all cells is saturated.
    """
    rows = []
    for x in (0, 1):
        for u in (0, 1):
            for a in (0, 1):
                for y in (0, 1):
                    e = 0.25 + 0.15 * x + 0.3 * u - 0.1 * x * u
                    p = 0.2 + 0.15 * a + 0.1 * x + 0.25 * u + 0.1 * a * u
                    share = (0.4 if x else 0.6) * (0.3 + 0.2 * x if u else 0.7 - 0.2 * x)
                    share *= (e if a else 1 - e) * (p if y else 1 - p)
                    rows.append((x, u, a, y if sign > 0 else 1 - y, share))
    x, u, a, y, w = np.array(rows, dtype=float).T
    return Sample(
        unit=np.arange(len(y)),
        y=y,
        a=a,
        x=np.column_stack([x, u, x * u]),
        terms=("x", "u", "xu"),
        concepts=("severity", "hidden", "hidden"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=w * len(y),
    )


SATURATED = OutcomeModel(link="linear", arms="separate")


# --- the theory, exactly


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("target", ["ATE", "ATT", "ATC"])
def test_true_bias_of_a_known_confounder_is_rho_times_the_bound(target, sign):
    population = cells(sign)
    estimator = AIPW(target=target, outcome=SATURATED)
    long = find_elements(estimator, population, rng())
    short = find_elements(estimator, population.with_terms(("x",)), rng())
    added = gains(long, short)
    # the omitted variable's strength, in what the short model leaves and the long model has
    confounder = Strength(1 - short.nu2 / long.nu2, 1 - long.sigma2 / short.sigma2)
    most = strength_factor(confounder) * short.scale
    assert abs(added.change) < most  # the interaction makes rho less than 1
    assert 0.5 < abs(added.rho) < 1
    assert abs(added.change) == pytest.approx(abs(added.rho) * most, rel=NEWTON)
    assert math.copysign(1, added.rho) == sign
    known = AIPW(target=target, outcome=SATURATED).fit(population, NuisanceStore(), rng())
    assert long.theta == pytest.approx(known.values[1] - known.values[0], abs=NEWTON)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_in_a_linear_model_one_omitted_variable_reaches_the_bound(sign):
    generator = np.random.default_rng(3)
    x, u = generator.normal(size=(2, 300))
    a = x + 0.7 * u + generator.normal(size=300)
    y = sign * (0.5 * a + 0.8 * u) - x + generator.normal(size=300)
    w = generator.uniform(0.5, 2, 300)
    short = linear_elements(y, a, x[:, None], w)
    long = linear_elements(y, a, np.column_stack([x, u]), w)
    known = block_strength(y, a, np.column_stack([x, u]), w, np.array([False, True]))
    assert abs(short.theta - long.theta) == pytest.approx(
        strength_factor(known) * short.scale, rel=EXACT
    )


def test_second_moment_of_the_representer_is_that_of_the_weights_in_the_population():
    population = cells().with_terms(("x",))
    e = np.where(population.x[:, 0] == 1, 0.25 + 0.15 + 0.2 * 0.5, 0.25 + 0.3 * 0.3)
    w = population.w / population.w.mean()
    alpha = np.where(population.a == 1, 1 / e, -1 / (1 - e))
    treated = np.where(population.a == 1, 1.0, -e / (1 - e)) / np.mean(w * population.a)
    untreated = np.where(population.a == 1, (1 - e) / e, -1.0) / np.mean(w * (1 - population.a))
    overlap = (population.a - e) / np.mean(w * e * (1 - e))
    for estimator, weights in (
        (AIPW(outcome=SATURATED), alpha),
        (AIPW(target="ATT", outcome=SATURATED), treated),
        (AIPW(target="ATC", outcome=SATURATED), untreated),
        (Overlap(), overlap),
    ):
        found = find_elements(estimator, population, rng())
        assert found.nu2 == pytest.approx(np.mean(w * weights**2), rel=NEWTON)


@pytest.mark.parametrize(
    "estimator",
    [
        AIPW(outcome=OutcomeModel(link="linear")),
        AIPW(target="ATT", outcome=OutcomeModel(link="linear"), clip=(0.2, 0.8)),
        AIPW(target="ATC", outcome=OutcomeModel(link="linear"), clip=(0.2, 0.8)),
        LinearProbability(),
        Overlap(),
    ],
)
def test_influence_values_of_the_moments_are_derivatives_in_the_weights(confounded, estimator):
    """A statistic of weighted rows moves with a row's weight by that row's influence.

    Least squares residuals move in second order only, and the propensity is chained.
    """
    sample = confounded(n=60, weighted=True, outcome="continuous")
    at = find_elements(estimator, sample, rng())
    for row in (0, 7, 33):
        ends = []
        for side in (1, -1):
            w = sample.w.copy()
            w[row] += side * STEP
            moved = find_elements(estimator, replace(sample, w=w), rng())
            ends.append((moved.sigma2, moved.nu2))
        slopes = (np.array(ends[0]) - np.array(ends[1])) / (2 * STEP)
        expected = np.array([at.psi_sigma2[row], at.psi_nu2[row]]) / sample.w[row] / sample.n
        assert slopes == pytest.approx(expected, rel=DERIVATIVE, abs=STEP)


def test_size_of_the_weights_is_steady_where_few_rows_carry_the_largest():
    """Propensities near the ends: the moment follows the population's, sample after sample."""
    generator = np.random.default_rng(9)
    found = []
    for _ in range(20):
        x = generator.normal(size=(400, 1))
        e = 1 / (1 + np.exp(-1.3 * x[:, 0]))
        a = (generator.random(400) < e).astype(float)
        y = (generator.random(400) < 0.5).astype(float)
        drawn = replace(cells(), unit=np.arange(400), y=y, a=a, x=x, w=np.ones(400))
        drawn = replace(drawn, terms=("x",), concepts=("severity",))
        found.append(find_elements(AIPW(), drawn, rng()).nu2)
    # E[1/e + 1/(1-e)] = 2 + 2 exp(b^2 / 2) for a logit b x with normal x
    assert np.mean(found) == pytest.approx(2 + 2 * math.exp(1.3**2 / 2), rel=0.1)
    assert np.std(found) / np.mean(found) < 0.3


# --- agreement with the linear analysis


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_for_least_squares_it_is_the_linear_robustness_value(confounded, kind):
    sample = confounded(outcome=kind, weighted=True)
    found = finding(sample, LinearProbability())
    linear = fit_linear(sample.y, sample.a, sample.x, sample.w, None)
    assert found.row("robustness_value").number("estimate") == pytest.approx(
        robustness_value(linear.t, linear.df), rel=EXACT
    )


def test_for_least_squares_the_robustness_value_of_the_darfur_example_is_the_printed_one():
    # Cinelli & Hazlett (2020): estimate .09731582, SE .02325654, df 783; S = SE sqrt(df)
    factor = 0.09731582 / (0.02325654 * math.sqrt(783))
    assert strength_of_factor(factor) == pytest.approx(0.1387764, abs=1e-5)


def test_gains_of_a_block_in_least_squares_are_its_partial_r2(confounded):
    sample = confounded()
    long = linear_elements(sample.y, sample.a, sample.x, sample.w)
    short = linear_elements(sample.y, sample.a, sample.x[:, 1:], sample.w)
    part = np.array([True, False, False])
    known = block_strength(sample.y, sample.a, sample.x, sample.w, part)
    found = gains(long, short).strength
    assert found.exposure == pytest.approx(known.exposure / (1 - known.exposure), rel=EXACT)
    assert found.outcome == pytest.approx(known.outcome / (1 - known.outcome), rel=EXACT)


# --- robustness values and multiples


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("covariance", [-0.0006, 0.0, 0.0006])
def test_interval_meets_zero_at_the_needed_factor_and_not_before(sign, covariance):
    found = Scaled(sign * 0.2, 0.9, 0.0025, sign * covariance, 0.0008, 1.96)
    needed = needed_factor(found, of_interval=True)
    assert nearest(found, needed) == pytest.approx(0, abs=EXACT)
    assert sign * nearest(found, 0.99 * needed) > 0
    assert needed < needed_factor(found, of_interval=False) == pytest.approx(0.2 / 0.9)


@pytest.mark.parametrize("rho", [1.0, 0.5])
@pytest.mark.parametrize("factor", [0.01, 0.3, 2.0])
def test_strength_of_a_factor_has_that_factor(factor, rho):
    r = strength_of_factor(factor, rho)
    assert strength_factor(Strength(r, r), rho) == pytest.approx(factor, rel=EXACT)


@pytest.mark.parametrize("rho", [1.0, 0.6])
def test_needed_multiple_has_the_factor_asked_for(rho):
    strength = Strength(0.04, 0.07)
    k = needed_multiple(0.13, strength, rho)
    assert strength_factor(times_gains(strength, k), rho) == pytest.approx(0.13, rel=EXACT)
    assert needed_multiple(0.0, strength) == 0
    assert isinstance(needed_multiple(5.0, Strength(0.01, 0.5)), NotEstimable)
    nothing = needed_multiple(0.1, Strength(0.0, 0.5))
    assert isinstance(nothing, NotEstimable)
    assert "explains nothing of exposure" in nothing.reason


# --- the finding


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_gets_bounds_around_its_own_estimate(confounded, name):
    sample = confounded(n=500)
    found = finding(sample, ESTIMATORS[name])
    effect = subject_of(sample, ESTIMATORS[name]).estimates.effect("risk_difference")
    own = found.row("rung")
    assert own.number("estimate") == pytest.approx(effect.estimate)
    assert (own.number("lo"), own.number("hi")) == pytest.approx((effect.lo, effect.hi))
    assert found.row("bias_scale").number("scale") > 0
    assert 0 <= found.headline <= found.row("robustness_value").number("estimate") < 1
    if name == "crude":
        assert all(one.number("gain_exposure") == 0 for one in found.labelled("benchmark"))
        return
    given = bound(found, "severity", 1)
    assert given.number("lo") < given.number("lower") < effect.estimate < given.number("upper")
    assert given.number("hi") > given.number("upper")


@pytest.mark.parametrize("estimator", [AIPW(), LinearProbability(), InverseProbability()])
def test_turning_the_outcome_round_mirrors_every_bound(confounded, estimator):
    sample = confounded(n=1500)
    one, other = finding(sample, estimator), finding(replace(sample, y=1 - sample.y), estimator)
    assert one.headline == pytest.approx(other.headline, rel=NEWTON)
    assert one.multiple == pytest.approx(other.multiple, rel=NEWTON)
    for row, mirrored in zip(one.labelled("bound"), other.labelled("bound"), strict=True):
        assert row.number("lower") == pytest.approx(-mirrored.number("upper"), rel=NEWTON)
        assert row.number("lo") == pytest.approx(-mirrored.number("hi"), rel=NEWTON)
    heights = np.array(one.contours[0].height)
    assert heights == pytest.approx(-np.array(other.contours[0].height), rel=NEWTON)


def test_multiple_of_the_yardstick_brings_the_interval_to_zero(confounded):
    sample = confounded(n=3000, clustered=True, weighted=True)
    found = finding(sample)
    assert found.yardstick in ("severity", "motivation")
    again = finding(sample, k=[found.multiple])
    row = bound(again, found.yardstick, found.multiple)
    assert row.number("lo") == pytest.approx(0, abs=1e-8)
    assert f"{times(found.multiple)} times as strong as {found.yardstick}" in found.short
    assert found.short in found.sentence
    weak = [one.subject for one in found.labelled("benchmark") if one.note]
    assert weak == ["demographics"]


def test_clusters_widen_the_bounds_and_move_no_estimate(confounded):
    clustered = confounded(n=1500, clustered=True)
    one, other = finding(clustered), finding(replace(clustered, cluster=None))
    assert bound(one, "severity", 1).number("lower") == bound(other, "severity", 1).number("lower")
    assert bound(one, "severity", 1).number("lo") != bound(other, "severity", 1).number("lo")


def test_interval_that_includes_zero_needs_nothing(confounded):
    found = finding(confounded(n=60))
    assert found.headline == found.multiple == 0
    assert "includes 0 already" in found.short


def test_weaker_correlation_of_errors_makes_the_bounds_narrower(confounded):
    sample = confounded(n=1500)
    worst, half = finding(sample), finding(sample, rho=0.5)
    assert half.headline > worst.headline > 0
    at, other = bound(worst, "severity", 1), bound(half, "severity", 1)
    estimate = worst.row("rung").number("estimate")
    assert estimate - other.number("lower") == pytest.approx((estimate - at.number("lower")) / 2)
    assert "at a correlation 0.5" in half.sentence


def test_contour_stands_at_zero_on_the_robustness_value_and_marks_are_the_bounds(confounded):
    found = finding(confounded(n=1500), k=[1, 2])
    contour = found.contours[0]
    assert {"severity", "motivation", "demographics (weak)"} <= {m.name for m in contour.marks}
    i = np.searchsorted(contour.x, found.headline)
    j = np.searchsorted(contour.y, found.headline)
    assert contour.height[j - 1][i - 1] > 0 > contour.height[j][i]
    assert contour.height[0][0] == pytest.approx(found.row("rung").number("lo"))


def test_terms_and_interactions_named_by_a_model_go_with_their_block(confounded):
    model = OutcomeModel(interactions=("x0", "x1"), terms=("x0", "x1"))
    estimator = AIPW(outcome=model, propensity=PropensityModel(terms=("x0",)))
    pruned = without_terms(estimator, ("x1", "x2"))
    assert pruned.outcome.terms == pruned.outcome.interactions == ("x1",)
    assert pruned.propensity.terms == ()
    linear = without_terms(LinearProbability(terms=("x0", "x2")), ("x1", "x2"))
    assert linear.terms == ("x2",)
    found = finding(confounded(n=800), estimator)
    assert found.row("benchmark", "severity").number("gain_exposure") > 0
    assert found.row("benchmark", "motivation").number("gain_exposure") == pytest.approx(0)


def test_bracket_rungs_whose_rows_are_fewer_than_the_analysis_are_fitted_on_their_own(confounded):
    sample = confounded(n=800)
    whole = subject_of(sample)
    kept = np.arange(sample.n) < 700
    narrower = replace(whole, sample=sample.rows(kept), estimates=whole.estimates)
    found = NonparametricOmittedVariable().analyse(narrower, rng())
    alone = finding(sample.rows(kept))
    assert found.row("rung") == alone.row("rung")


def test_rows_without_outcome_are_left_out_or_declined(confounded):
    sample = confounded(n=800, missing=True)
    linear = finding(sample, LinearProbability())
    assert linear.row("bias_scale") == finding(
        sample.rows(sample.observed), LinearProbability()
    ).row("bias_scale")
    predicted = finding(sample, GComputation())
    assert isinstance(predicted.headline, NotEstimable)
    assert "have no outcome" in predicted.headline.reason
    assert predicted.multiple == predicted.headline


@pytest.mark.parametrize(
    "estimator",
    [
        InverseProbability(trim=0.1),
        WithinPerson(),
        AIPW(propensity={"learner": "lasso"}, cross_fit={"folds": 2}),
    ],
    ids=lambda one: one.kind,
)
def test_estimators_it_is_not_worked_out_for_are_declined(confounded, estimator):
    found = finding(confounded(n=400, clustered=True), estimator)
    assert isinstance(found.headline, NotEstimable)
    assert estimator.kind in found.sentence


def test_dose_exposures_go_through_the_linear_model(confounded):
    sample = confounded(outcome="continuous")
    dose = replace(sample, a=sample.a * 2.0 + sample.x[:, 0] ** 2, exposure_kind="dose")
    found = finding(dose, LinearProbability(), "mean_difference")
    linear = fit_linear(dose.y, dose.a, dose.x, dose.w, None)
    assert found.row("rung").number("estimate") == pytest.approx(linear.estimate)


def test_time_is_no_benchmark_and_absent_blocks_are_said(confounded):
    sample = replace(confounded(n=800), concepts=("severity", TIME, "demographics"))
    found = finding(sample, benchmarks=["severity", "genes"])
    assert [row.subject for row in found.labelled("benchmark")] == ["severity"]
    assert "Not adjusted for here, so not compared with: genes" in found.sentence
    bare = finding(sample.with_terms(("x1",)))
    assert isinstance(bare.multiple, NotEstimable)


def test_ratio_scales_are_told_that_bounds_are_on_the_difference(confounded):
    assert "not on the risk ratio" in finding(confounded(), scale="risk_ratio").sentence


def test_linear_and_nonparametric_analyses_agree_roughly_on_linear_data(confounded):
    sample = confounded(n=3000, outcome="continuous")
    subject = subject_of(sample, AIPW(), "mean_difference")
    one = NonparametricOmittedVariable().analyse(subject, rng())
    other = OmittedVariable().analyse(subject, rng())
    linear = other.row("robustness_value").number("estimate")
    # the data are nearly linear in exposure, and their propensity is not far from it
    assert one.row("robustness_value").number("estimate") == pytest.approx(linear, rel=0.25)


@pytest.mark.parametrize("wrong", [{"k": [0]}, {"rho": 0}, {"rho": 1.2}, {"level": 1}, {"q": 1}])
def test_bad_settings_are_refused(wrong):
    given = {"kind": "omitted_variable_nonparametric", **wrong}
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TypeAdapter(AnySensitivity).validate_python(given)

"""What estimators of doses and nudges owe: the contract of the others, along a curve."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from causal.arm_diagnostics import judge_dose_weights, judge_shift
from causal.cohort import Sample
from causal.dose_grid import DoseGrid
from causal.dose_settings import Dose
from causal.errors import PositivityError
from causal.estimators import (
    AIPW,
    AnyEstimator,
    ArmContrasts,
    DoseMeans,
    DoseResponse,
    Incremental,
    LinearProbability,
    NuisanceStore,
    Shift,
    ThresholdScan,
)
from causal.estimators.arms import weighted_arm_means
from causal.estimators.dose import project
from causal.estimators.dose_forms import DoseSpline
from causal.estimators.shift import shift_ratio, shifted_doses
from causal.ladder import attenuate

REFITTED = 1e-6  # iterative fits stop at slightly different points
STEP = 1e-4
DRAWS = 160
BAND = 4 / math.sqrt(2 * DRAWS)  # four Monte-Carlo errors of a bootstrap standard error
SMALL_SAMPLE = 0.10  # resampling also varies the covariates

SPLINE = DoseSpline(spline=(0, 1, 3))
ESTIMATORS = {
    "dose_means": DoseMeans(form=SPLINE),
    "dose_means levels HC1": DoseMeans(form="levels", variance={"kind": "HC1"}),
    "dose_response": DoseResponse(form=SPLINE),
    "dose_response linear": DoseResponse(form="linear", link="linear"),
    "dose_response doubly robust": DoseResponse(form=SPLINE, method="doubly_robust"),
    "dose_response doubly robust levels": DoseResponse(form="levels", method="doubly_robust"),
    "dose_response weighting": DoseResponse(form="quadratic", method="weighting"),
    "dose_response weighting linear": DoseResponse(
        form="linear", link="linear", method="weighting"
    ),
    "dose_response weighting levels": DoseResponse(form="levels", method="weighting"),
    "dose_response weighting chances": DoseResponse(
        form=SPLINE, method="weighting", density="levels"
    ),
    "threshold_scan": ThresholdScan(cuts=(1, 2, 3), compare=2),
    "shift": Shift(),
    "shift down": Shift(steps=-1, form=SPLINE),
    "incremental": Incremental(odds=2),
    "incremental less": Incremental(odds=0.5),
}
EVERY = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())


def doses(n=600, seed=0, *, binary=False, clustered=False, weighted=False) -> Sample:
    """Draw doses 0 to 3 that depend on covariates that bear on the outcome too."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n // 2), 2) if clustered else np.arange(n)
    x = rng.normal(size=(n, 3))
    a = np.minimum(rng.poisson(np.exp(0.1 + 0.4 * x[:, 0] - 0.2 * x[:, 1])), 3).astype(float)
    if binary:
        a = (a > 0).astype(float)
    risk = 1 / (1 + np.exp(0.2 - 0.7 * x[:, 0] + 0.4 * x[:, 1] + 0.6 * np.sqrt(a)))
    return Sample(
        unit=unit,
        y=(rng.random(n) < risk).astype(float),
        a=a,
        x=x,
        terms=("x0", "x1", "x2"),
        concepts=("c", "c", "c"),
        outcome_kind="binary",
        exposure_kind="binary" if binary else "dose",
        w=rng.uniform(0.5, 1.5, n) if weighted else np.ones(n),
        cluster=unit if clustered else None,
        doses=None if binary else DoseGrid((0, 1, 2, 3), (0, 2), "meetings a week"),
    )


def suited(estimator, **population) -> Sample:
    return doses(binary=isinstance(estimator, Incremental), **population)


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def rearranged(sample, rows):
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def difference(estimates):
    effect = estimates.effect("risk_difference")
    return np.array([effect.estimate, effect.std_error])


def test_the_suite_covers_every_estimator_of_doses():
    union = get_args(get_args(AnyEstimator)[0])
    of_doses = {one for one in union if one.exposures == ("dose",)}
    assert {type(one) for one in ESTIMATORS.values()} == of_doses | {Incremental}


@EVERY
@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_influence_columns_have_mean_zero_and_shapes_agree(estimator, population):
    sample = suited(estimator, **population)
    fit = fitted(estimator, sample)
    assert fit.influence.shape == (sample.n, len(fit.labels))
    assert np.abs(fit.influence.mean(axis=0)).max() < 1e-8 * fit.influence.std()
    assert {point.at for point in fit.profile.points} == set(range(len(fit.labels)))


@EVERY
def test_the_order_of_rows_changes_nothing(estimator):
    sample = suited(estimator, clustered=True, weighted=True)
    order = np.random.default_rng(9).permutation(sample.n)
    straight, shuffled = fitted(estimator, sample), fitted(estimator, rearranged(sample, order))
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=1e-9)
    np.testing.assert_allclose(shuffled.covariance, straight.covariance, rtol=1e-7, atol=1e-12)


@EVERY
def test_units_of_covariates_and_constant_weights_change_nothing(estimator):
    sample = suited(estimator)
    moved = replace(
        sample,
        x=sample.x * np.array([10.0, 0.1, 3.0]) + np.array([5.0, -2.0, 100.0]),
        w=np.full(sample.n, 2.0),
    )
    one, other = fitted(estimator, sample), fitted(estimator, moved)
    np.testing.assert_allclose(other.values, one.values, rtol=REFITTED)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-5, atol=1e-10)


@EVERY
def test_recoding_the_outcome_turns_every_mean(estimator):
    sample = suited(estimator)
    one, other = fitted(estimator, sample), fitted(estimator, replace(sample, y=1 - sample.y))
    np.testing.assert_allclose(other.values, 1 - one.values, rtol=REFITTED)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize(
    "name",
    [
        "dose_means",
        "dose_means levels HC1",
        "dose_response",
        "dose_response linear",
        "dose_response weighting",
        "dose_response weighting linear",
        "dose_response weighting levels",
        "dose_response weighting chances",
    ],
)
def test_influence_values_are_derivatives_in_the_weight_of_a_row(name):
    estimator, sample = ESTIMATORS[name], doses(300, weighted=True)
    fit = fitted(estimator, sample)
    for row in (0, 50, 299):
        ends = []
        for sign in (1, -1):
            w = sample.w.copy()
            w[row] += sign * STEP
            ends.append(fitted(estimator, replace(sample, w=w)).values)
        numeric = sample.n * (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose(fit.influence[row] / sample.w[row], numeric, atol=2e-4)


@pytest.mark.parametrize("form", ["linear", DoseSpline(spline=(0, 1, 3))])
def test_a_form_that_does_not_fit_moves_with_how_many_have_each_dose(form):
    sample, levels, grid = doses(300, weighted=True), np.arange(4.0), (0.0, 1.5, 3.0)
    bent = replace(sample, y=sample.y + 3 * (sample.a == 1), outcome_kind="continuous")

    def curve(one):
        own = np.outer(one.w, np.ones(4))
        named = replace(one, exposure_kind="arms", levels=("0", "1", "2", "3"))
        return project(*weighted_arm_means(named, own), one, levels, grid, form)

    influence = curve(bent)[1]
    for row in (0, 50, 299):
        step = np.where(np.arange(300) == row, STEP, 0.0)
        up, down = (curve(replace(bent, w=bent.w + sign * step))[0] for sign in (1, -1))
        numeric = 300 * (up - down) / (2 * STEP)
        np.testing.assert_allclose(influence[row] / bent.w[row], numeric, atol=2e-4)


@EVERY
def test_the_standard_error_is_that_of_a_bootstrap_of_persons(estimator):
    sample = suited(estimator, n=500, seed=5, clustered=True)
    rng, persons = np.random.default_rng(1), np.unique(sample.unit)
    place = {one: np.flatnonzero(sample.unit == one) for one in persons}
    draws = []
    for _ in range(DRAWS):
        chosen = rng.choice(persons, len(persons))
        rows = np.concatenate([place[one] for one in chosen])
        unit = np.repeat(np.arange(len(chosen)), 2)
        draws.append(
            difference(
                fitted(estimator, replace(rearranged(sample, rows), unit=unit, cluster=unit))
            )[0]
        )
    error = difference(fitted(estimator, sample))[1]
    assert abs(np.std(draws, ddof=1) / error - 1) < BAND + SMALL_SAMPLE


def test_a_linear_curve_is_the_linear_probability_model():
    sample = doses(weighted=True, clustered=True)
    own = difference(fitted(DoseResponse(form="linear", link="linear"), sample))
    slope = difference(fitted(LinearProbability(variance={"kind": "HC0"}), sample))
    np.testing.assert_allclose(own, 2 * slope, rtol=1e-9)


def test_levels_are_arms():
    sample = doses(weighted=True)
    names = ("0", "1", "2", "3")
    arms = replace(sample, exposure_kind="arms", levels=names)
    crude = fitted(DoseMeans(form="levels"), sample)
    by_hand = [
        np.average(sample.y[sample.a == k], weights=sample.w[sample.a == k]) for k in range(4)
    ]
    np.testing.assert_allclose(crude.values, by_hand, rtol=1e-9)
    own = fitted(DoseResponse(form="levels", method="doubly_robust"), sample)
    theirs = fitted(ArmContrasts(method="aipw"), arms)  # one regression an arm: another model
    assert (
        np.abs(own.values - theirs.values).max() < 0.5 * np.sqrt(theirs.covariance.diagonal()).max()
    )


def test_weighted_levels_are_weighted_arms():
    sample = doses(weighted=True, clustered=True)
    arms = replace(sample, exposure_kind="arms", levels=("0", "1", "2", "3"))
    own = fitted(DoseResponse(form="levels", method="weighting"), sample)
    theirs = fitted(ArmContrasts(method="ipw"), arms)
    np.testing.assert_allclose(own.values, theirs.values, rtol=1e-9)
    np.testing.assert_allclose(own.covariance, theirs.covariance, rtol=1e-6, atol=1e-12)


def test_stabilised_weights_average_to_one_and_untie_dose_and_covariates():
    rng = np.random.default_rng(3)
    sample = doses(20_000)
    a = sample.x @ np.array([0.4, -0.3, 0.0]) + rng.normal(size=sample.n)
    found = {}
    for name, dose, density in (("normal", a, None), ("levels", sample.a, "levels")):
        own = replace(sample, a=dose)
        estimator = DoseResponse(form="quadratic", method="weighting", density=density)
        w = estimator.dose_weights(own).weights
        found[name] = judge_dose_weights(own, w, 50, 0.1)
        assert abs(w.mean() - 1) < 0.02
        plain = judge_dose_weights(own, np.ones(own.n), 50, 0.1)
        assert plain[2].value > 0.25
        assert plain[0].value == pytest.approx(own.n)
        assert 1000 < found[name][0].value < 0.9 * own.n
    assert found["normal"][2].value < 0.05
    assert found["levels"][2].value < 0.05


def test_covariates_that_determine_the_dose_are_refused():
    sample = doses()
    told = replace(sample, a=sample.x @ np.array([1.0, 2.0, 0.5]))
    grid = replace(told, doses=DoseGrid((0, 1), (0, 1), ""))
    with pytest.raises(PositivityError, match="covariates determine the dose"):
        fitted(DoseResponse(form="linear", method="weighting"), grid)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "doubly_robust", "density": "levels"}, "doubly_robust weighs by no density"),
        ({"form": "levels", "method": "weighting", "density": "normal"}, "takes chances of the"),
    ],
)
def test_densities_that_nothing_weighs_by_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        DoseResponse(**{"form": "linear"} | settings)


def test_at_one_cut_the_scan_is_aipw():
    sample = doses(weighted=True, clustered=True)
    scan = fitted(ThresholdScan(cuts=(2,), compare=2), sample)
    two = replace(sample, a=(sample.a >= 2).astype(float), exposure_kind="binary", doses=None)
    other = fitted(AIPW(), two)
    np.testing.assert_allclose(scan.values, other.values, rtol=1e-12)
    np.testing.assert_allclose(scan.covariance, other.covariance, rtol=1e-12)


def test_shifted_doses_and_their_ratio_are_those_of_the_definition():
    number = np.array([0, 1, 2, 2])
    shifted, moved = shifted_doses(number, 1, 3)
    np.testing.assert_array_equal(shifted, [1, 2, 2, 2])
    np.testing.assert_array_equal(moved, [True, True, False, False])
    e = np.tile([0.5, 0.3, 0.2], (4, 1))
    # after the shift: nobody at 0, those of 0 at 1, those of 1 and 2 at 2
    np.testing.assert_allclose(shift_ratio(e, number, 1), [0, 0.5 / 0.3, 2.5, 2.5])
    down = shift_ratio(e, number, -1)
    np.testing.assert_allclose(down, [0.8 / 0.5, 0.2 / 0.3, 0, 0])


def test_a_shift_to_where_hardly_anybody_is_fails_its_effective_size():
    few, many = (judge_shift(np.array(w), 50, 0.1) for w in ([40.0, *[0.1] * 99], [1.0] * 100))
    assert [one.verdict for one in few] == ["FAIL", "FAIL"]
    assert [one.verdict for one in many] == ["PASS", "PASS"]
    assert math.isclose(many[0].value, 100)


def test_ratios_of_a_shift_average_to_one():
    sample = doses(20_000)
    fit = fitted(Shift(), sample)
    number = sample.a.astype(int)
    e = np.tile(np.bincount(number) / sample.n, (sample.n, 1))
    assert math.isclose(shift_ratio(e, number, 1).mean(), 1.0, rel_tol=1e-9)
    assert fit.labels == ("as it is", "1 step higher")


def test_large_odds_tend_to_the_mean_under_exposure_and_odds_near_one_to_the_mean():
    sample = doses(3000, binary=True)
    both = fitted(AIPW(), sample).values
    assert math.isclose(fitted(Incremental(odds=1e7), sample).values[1], both[1], abs_tol=1e-4)
    assert math.isclose(fitted(Incremental(odds=1e-7), sample).values[1], both[0], abs_tol=1e-4)
    near = fitted(Incremental(odds=1 + 1e-9), sample).values
    assert math.isclose(near[0], near[1], abs_tol=1e-8)


def test_no_share_is_formed_of_thresholds_and_nudges():
    sample = doses()
    crude = fitted(DoseMeans(form=SPLINE), sample)
    for estimator in (ESTIMATORS["threshold_scan"], Shift()):
        found = attenuate(crude, fitted(estimator, sample), "risk_difference")
        assert "the crude difference compares two" in found.reason
    share = attenuate(crude, fitted(DoseResponse(form=SPLINE), sample), "risk_difference")
    assert math.isfinite(share.remaining)


@pytest.mark.parametrize(
    ("estimator", "changed", "message"),
    [
        (DoseMeans(form=SPLINE), {"doses": None}, "Say dose in the design"),
        (
            DoseMeans(form=SPLINE),
            {"doses": DoseGrid((0, 5), (0, 5), "")},
            "the dose 5 of the grid is outside what was observed, 0 to 3",
        ),
        (
            DoseMeans(form="levels"),
            {"doses": DoseGrid((0, 1.5), (0, 1.5), "")},
            "nobody has the dose 1.5 of the grid",
        ),
        (
            DoseMeans(form=DoseSpline(spline=(0, 1, 6))),
            {},
            "the knot 6 is outside the doses observed, 0 to 3",
        ),
        (ThresholdScan(cuts=(9,), compare=9), {}, "only 0 rows are at or above the cut 9"),
    ],
    ids=["nowhere to read", "beyond", "between levels", "knot", "cut"],
)
def test_curves_beyond_the_data_are_refused(estimator, changed, message):
    with pytest.raises(PositivityError, match=message):
        fitted(estimator, replace(doses(), **changed))


def test_a_level_whose_outcome_never_differs_is_refused():
    sample = doses()
    same = replace(sample, y=np.where(sample.a == 3, 0.0, sample.y))
    with pytest.raises(PositivityError, match="everybody with the dose 3 has the same outcome"):
        fitted(DoseMeans(form="levels"), same)


def test_two_doses_are_no_curve_and_rare_doses_no_level():
    two = doses()
    two = replace(two, a=np.minimum(two.a, 1.0))
    with pytest.raises(PositivityError, match=r"2 distinct doses \(0, 1\); a curve needs three"):
        fitted(DoseMeans(form=SPLINE), two)
    rare = doses()
    a = rare.a.copy()
    a[a == 3] = 2
    a[:4] = 3
    with pytest.raises(PositivityError, match="only 4 rows have the dose 3; a level needs 10"):
        fitted(Shift(), replace(rare, a=a))


@pytest.mark.parametrize("steps", [4, 9, -4])
def test_a_shift_beyond_all_doses_moves_nobody_and_is_refused(steps):
    with pytest.raises(PositivityError, match=f"shift of {steps} steps moves nobody.* 4 distinct"):
        fitted(Shift(steps=steps), doses())


@pytest.mark.parametrize("steps", [3, -3])
def test_a_shift_to_the_last_dose_moves_some(steps):
    assert fitted(Shift(steps=steps), doses()).profile.points[1].rows > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grid": (1, 0), "compare": (0, 1)}, "grid must ascend"),
        ({"grid": (0, 1), "compare": (0, 2)}, "compare names the dose 2; the grid holds 0, 1"),
        ({"grid": (0, 1), "compare": (1, 0)}, "the lower dose first"),
        ({"grid": (0, 1), "compare": (0, 1), "values": {0: 1, 1: 1}}, "stand for one dose"),
    ],
)
def test_doses_that_cannot_be_meant_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Dose(**settings)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ThresholdScan(cuts=(2, 1), compare=1),
        lambda: ThresholdScan(cuts=(1, 2), compare=3),
        lambda: Shift(steps=0),
        lambda: Incremental(odds=1),
        lambda: Incremental(odds=-2),
        lambda: DoseSpline(spline=(0, 0, 1)),
    ],
)
def test_settings_that_change_nothing_or_cannot_be_meant_are_refused(make):
    with pytest.raises(ValidationError):
        make()


@EVERY
def test_a_column_that_does_not_vary_changes_nothing(fitted_beside, judged_alike, estimator):
    without, with_ = fitted_beside(estimator, suited(estimator))
    np.testing.assert_allclose(
        with_.estimates.values, without.estimates.values, rtol=REFITTED, atol=1e-9
    )
    np.testing.assert_allclose(
        with_.estimates.covariance, without.estimates.covariance, rtol=REFITTED, atol=1e-9
    )
    judged_alike(without, with_)

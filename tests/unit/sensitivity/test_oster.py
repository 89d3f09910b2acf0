"""Oster's delta: the published formulas, the cars, its sign, and where it does not apply."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import TIME, Sample
from causal.estimate import NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.sensitivity import AnySensitivity, Oster
from causal.sensitivity.proportional_selection import (
    Movement,
    delta_for,
    effects_at,
    effects_at_one,
    measure_movement,
)
from causal.subject import Subject

SAME = 1e-8  # the same number by other sums
PRINTED = 1e-5  # five decimals
DELTA = 1e-3  # as stored with the reference

# Motor Trend 1974, from Henderson & Velleman (1981), doi:10.2307/2530428: miles a gallon, weight
# (1000 lb), horse power, seconds for a quarter mile
MPG = (
    "21 21 22.8 21.4 18.7 18.1 14.3 24.4 22.8 19.2 17.8 16.4 17.3 15.2 10.4 10.4 14.7 32.4 30.4 "
    "33.9 21.5 15.5 15.2 13.3 19.2 27.3 26 30.4 15.8 19.7 15 21.4"
)
WEIGHT = (
    "2.62 2.875 2.32 3.215 3.44 3.46 3.57 3.19 3.15 3.44 3.44 4.07 3.73 3.78 5.25 5.424 5.345 2.2 "
    "1.615 1.835 2.465 3.52 3.435 3.84 3.845 1.935 2.14 1.513 3.17 2.77 3.57 2.78"
)
POWER = (
    "110 110 93 110 175 105 245 62 95 123 123 180 180 180 205 215 230 66 52 65 97 150 150 245 175 "
    "66 91 113 264 175 335 109"
)
SECONDS = (
    "16.46 17.02 18.61 19.44 17.02 20.22 15.84 20 22.9 18.3 18.9 17.4 17.6 18 17.98 17.82 17.42 "
    "19.47 18.52 19.9 20.01 16.87 17.3 15.41 17.05 18.9 16.7 16.9 14.5 15.5 14.6 18.6"
)


def column(text):
    return np.array([float(one) for one in text.split()])


def cars():
    x = np.column_stack([column(POWER), column(SECONDS)])
    return measure_movement(column(MPG), column(WEIGHT), x, np.empty((32, 0)), np.ones(32))


def as_printed_in_psacalc(moved, r2_max, effect):
    # the fraction of Oster (2019), proposition 3, term by term as the author's programme has it
    gap, a = moved.controlled - effect, moved.uncontrolled - moved.controlled
    b = (moved.r2_controlled - moved.r2_uncontrolled) * moved.outcome
    c = (r2_max - moved.r2_controlled) * moved.outcome
    x, tau = moved.exposure, moved.left
    tail = gap**2 * tau * a * x + gap**3 * (tau * x - tau**2)
    top = gap * b * tau + gap * x * tau * a**2 + gap**2 * tau * a * x + tail
    return top / (c * a * x + gap * c * (x - tau) + tail)


def finding(sample, **settings):
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", LinearProbability(), sample, fit, fit, sample, "risk_difference")
    return Oster(**settings).analyse(subject, np.random.default_rng(0))


def test_delta_of_the_cars_is_that_of_the_reference():
    moved = cars()
    assert moved.uncontrolled == pytest.approx(-5.34447, abs=PRINTED)
    assert moved.r2_uncontrolled == pytest.approx(0.75283, abs=PRINTED)
    assert moved.controlled == pytest.approx(-4.35880, abs=PRINTED)
    assert moved.r2_controlled == pytest.approx(0.83477, abs=PRINTED)
    assert delta_for(moved, 0.9) == pytest.approx(1.151136, abs=DELTA)


@pytest.mark.parametrize("effect", [0.0, -2.0, 1.5])
@pytest.mark.parametrize("r2_max", [0.85, 0.9, 1.0])
def test_delta_is_the_published_fraction(effect, r2_max):
    moved = cars()
    assert delta_for(moved, r2_max, effect) == pytest.approx(
        as_printed_in_psacalc(moved, r2_max, effect), rel=SAME
    )


@pytest.mark.parametrize("r2_max", [0.84, 0.9, 1.0])
def test_both_effects_at_delta_one_have_delta_one_and_stand_on_either_side(r2_max):
    moved = cars()
    own, other = effects_at_one(moved, r2_max)
    for effect in (own, other):
        assert delta_for(moved, r2_max, effect) == pytest.approx(1.0, rel=1e-6)
    # the covariates brought -5.34 to -4.36, so more of the same brings it further up
    assert own > moved.controlled > other


@pytest.mark.parametrize("delta", [-2.0, -0.5, 0.3, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("r2_max", [0.85, 0.9])
def test_effects_at_a_delta_have_that_delta_by_the_published_fraction(delta, r2_max):
    moved = cars()
    own, others = effects_at(moved, r2_max, delta)
    for effect in (own, *others):
        assert as_printed_in_psacalc(moved, r2_max, effect) == pytest.approx(delta, rel=1e-6)
    # more of what the covariates did (-5.34 to -4.36) brings it up, the opposite brings it down
    assert (own > moved.controlled) == (delta > 0)


def test_effect_at_delta_one_is_the_solution_of_the_quadratic_and_goes_to_the_controlled_one():
    moved = cars()
    own, others = effects_at(moved, 0.9, 1.0)
    assert (own, *others) == pytest.approx(effects_at_one(moved, 0.9), rel=SAME)
    assert effects_at(moved, 0.9, 1e-7)[0] == pytest.approx(moved.controlled, abs=1e-6)
    assert effects_at(moved, moved.r2_controlled, 1.0)[0] == moved.controlled


def test_delta_that_leaves_no_effect_is_said_to():
    why, others = effects_at(cars(), 1.0, 30.0)
    assert "no effect goes with delta 30" in why.reason
    assert len(others) >= 1


def test_delta_and_beta_of_the_settings_are_those_of_the_fraction(confounded):
    sample = confounded(n=1500)
    found = finding(sample, beta=0.05, delta=0.5, r2_max_factor=1.2)
    x = np.ones(sample.n)
    moved = measure_movement(sample.y, sample.a, sample.x, np.empty((sample.n, 0)), x)
    r2 = found.row("delta_for_beta").number("r2_max")
    assert found.headline == pytest.approx(as_printed_in_psacalc(moved, r2, 0.05), rel=SAME)
    assert "estimate is 0.05" in found.headline_name
    left = found.row("effect_at_delta").number("estimate")
    assert as_printed_in_psacalc(moved, r2, left) == pytest.approx(0.5, rel=1e-6)
    assert f"With selection of delta 0.5 {left:.3f} would be left" in found.sentence
    assert found.curves[0].level_line == 0.05
    plain = finding(sample, r2_max_factor=1.2)
    assert plain.row("delta_for_zero").number("delta") != found.headline


def test_linear_world_with_equal_selection_gives_back_the_truth_it_was_made_from():
    # y = b a + w1 + w2, a = w1 + w2 + noise: the unmeasured w2 is as strong as the measured w1
    rng = np.random.default_rng(3)
    n = 200_000
    w1, w2 = rng.normal(size=(2, n))
    a = w1 + w2 + rng.normal(size=n)
    y = 0.5 * a + w1 + w2 + rng.normal(size=n)
    moved = measure_movement(y, a, w1[:, None], np.empty((n, 0)), np.ones(n))
    full = np.column_stack([np.ones(n), a, w1, w2])
    error = y - full @ np.linalg.lstsq(full, y)[0]
    r2_max = 1 - error.var() / y.var()
    # Monte-Carlo error of delta is about .01 at this size
    assert delta_for(moved, r2_max, 0.5) == pytest.approx(1.0, abs=0.03)
    assert effects_at_one(moved, r2_max)[0] == pytest.approx(0.5, abs=0.03)


def test_covariates_that_move_nothing_leave_the_effect_where_it_is():
    moved = Movement(0.3, 0.3, 0.1, 0.2, 1.0, 1.0, 0.9)
    assert effects_at_one(moved, 0.4) == (0.3, None)


def test_covariates_unrelated_to_exposure_are_no_yardstick():
    moved = Movement(0.3, 0.3, 0.1, 0.2, 1.0, 1.0, 1.0)
    assert "nothing to do with exposure" in delta_for(moved, 0.4).reason


def test_recoding_outcome_or_exposure_changes_no_delta_and_flips_the_effect(confounded):
    sample = confounded(n=1500, weighted=True, clustered=True)
    plain = finding(sample)
    for turned in (replace(sample, y=1 - sample.y), replace(sample, a=1 - sample.a)):
        found = finding(turned)
        assert found.headline == pytest.approx(plain.headline, rel=SAME)
        assert found.multiple == pytest.approx(plain.multiple, rel=SAME)
        assert found.row("effect_at_delta_one").number("estimate") == pytest.approx(
            -plain.row("effect_at_delta_one").number("estimate"), rel=SAME
        )


def test_controlled_estimate_is_that_of_the_weighted_linear_model(confounded):
    sample = confounded(n=800, weighted=True, outcome="continuous", missing=True)
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    found = finding(sample)
    assert found.row("controlled").number("estimate") == pytest.approx(
        fit.effect("mean_difference").estimate, rel=1e-6
    )


def test_a_dose_and_its_unit_do_not_matter(confounded):
    base = confounded(n=800)
    dose = replace(base, a=base.a * 2 + base.x[:, 0], exposure_kind="dose")
    one, other = finding(dose), finding(replace(dose, a=100 * dose.a))
    assert one.headline == pytest.approx(other.headline, rel=1e-6)


def test_time_indicators_are_in_both_regressions(confounded):
    sample = replace(confounded(n=1500), concepts=("severity", TIME, "demographics"))
    x, shared = sample.x[:, [0, 2]], sample.x[:, [1]]
    moved = measure_movement(sample.y, sample.a, x, shared, sample.w)
    assert finding(sample).row("uncontrolled").number("estimate") == moved.uncontrolled
    design = np.column_stack([np.ones(sample.n), sample.a, shared])
    assert moved.uncontrolled == pytest.approx(np.linalg.lstsq(design, sample.y)[0][1])


def test_negative_delta_says_that_selection_would_have_to_turn_round():
    # controls move the estimate away from 0: .2 without, .4 with them
    moved = Movement(0.2, 0.4, 0.10, 0.30, 1.0, 1.0, 0.95)
    assert delta_for(moved, 0.4) < 0
    rng = np.random.default_rng(5)
    n = 4000
    x = rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    y = 0.5 * a - 0.8 * x + rng.normal(size=n)
    sample = Sample(
        np.arange(n), y, a, x[:, None], ("x",), ("severity",), "continuous", "binary", np.ones(n)
    )
    found = finding(sample)
    assert found.headline < 0
    assert found.multiple == -found.headline
    assert "the other way" in found.sentence
    assert "opposite direction" in found.short


def test_interval_that_includes_zero_needs_nothing(confounded):
    sample = confounded(n=60, seed=3)
    found = finding(sample)
    assert found.multiple == 0.0
    assert "without any unmeasured covariate" in found.short


def test_default_is_1_3_times_the_controlled_r2_and_at_most_1(confounded):
    found = finding(confounded(n=1500))
    r2 = found.row("controlled").number("r2")
    assert found.row("delta_for_zero").number("r2_max") == pytest.approx(1.3 * r2)
    most = finding(confounded(n=1500), r2_max_factor=100).row("delta_for_zero").number("r2_max")
    assert most == 1.0


def test_curve_falls_from_the_controlled_estimate_to_what_is_left_at_r2_of_1(confounded):
    found = finding(confounded(n=1500), r2_max=1.0)
    (curve,) = found.curves
    assert curve.points[0].y == pytest.approx(found.row("controlled").number("estimate"))
    assert curve.points[-1].y == found.row("effect_at_delta_one").number("estimate")
    assert curve.level_line == 0


def test_reached_r2_is_refused_with_the_number(confounded):
    found = finding(confounded(), r2_max=0.01)
    assert isinstance(found.headline, NotEstimable)
    assert "already reach" in found.sentence


def test_nothing_measured_is_no_yardstick(confounded):
    assert "nothing measured" in finding(confounded().adjusting_for([])).headline.reason


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"r2_max": 0.5, "r2_max_factor": 2}, "not both"),
        ({"r2_max": 1.2}, "r2_max"),
        ({"r2_max_factor": 1.0}, "r2_max_factor"),
        ({"delta": 0}, "leaves the controlled estimate"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "oster", **wrong})


def test_blocks_that_pull_both_ways_are_said_to_flatter():
    # one block moves the estimate up, another down as far: jointly nothing, and delta is large
    rng = np.random.default_rng(6)
    n = 4000
    x = rng.normal(size=(n, 2))
    a = (rng.random(n) < 1 / (1 + np.exp(-x.sum(axis=1)))).astype(float)
    y = 0.5 * a + 0.8 * x[:, 0] - 0.75 * x[:, 1] + rng.normal(size=n)
    sample = Sample(
        np.arange(n),
        y,
        a,
        x,
        ("x0", "x1"),
        ("severity", "motivation"),
        "continuous",
        "binary",
        np.ones(n),
    )
    found = finding(sample)
    assert found.row("block", "severity").number("movement_without") > 0.2
    assert found.row("block", "motivation").number("movement_without") < -0.2
    assert "Delta is flattering here" in found.sentence
    assert "Delta is flattering" not in finding(sample.adjusting_for(["severity"])).sentence

"""Direct effects of an instrument on a rung: against the rung's own set, recodings, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimate import NotEstimable
from causal.estimators import (
    ControlFunction,
    FirstStage,
    InstrumentalVariables,
    IntentionToTreat,
    LinearProbability,
    NuisanceStore,
    ResidualInclusion,
)
from causal.estimators.base import Variance
from causal.sensitivity import PlausiblyExogenous
from causal.subject import Subject

ROUNDING = 1e-9
"""Two ways to the same least squares coefficients."""
IV = InstrumentalVariables()
CONVENTIONS = pytest.mark.parametrize(
    "estimator",
    [
        IV,
        InstrumentalVariables(variance=Variance(kind="classical")),
        InstrumentalVariables(variance=Variance(kind="HC0")),
        ControlFunction(),
        InstrumentalVariables(terms=("x0",)),
    ],
    ids=["HC1", "classical", "HC0", "control function", "terms"],
)


def subject_of(sample, estimator=IV, shared=None):
    rng = np.random.default_rng(0)
    fit = estimator.fit(sample, NuisanceStore(), rng)
    if hasattr(estimator, "with_set"):
        fit = estimator.with_set(fit, estimator.forms(sample, np.random.default_rng(0)).weak)
    scale = "risk_difference" if sample.outcome_kind == "binary" else "mean_difference"
    return Subject("rung", estimator, sample, fit, fit, shared or sample, scale)


def finding(sample, estimator=IV, **settings):
    subject = subject_of(sample, estimator)
    return PlausiblyExogenous(**settings).analyse(subject, np.random.default_rng(0))


@CONVENTIONS
@pytest.mark.parametrize("clustered", [False, True])
def test_the_set_without_a_direct_effect_is_the_one_the_rung_prints(
    encouraged, estimator, clustered
):
    sample = encouraged(600, clustered=clustered, weighted=True, direct=0.5)
    own = subject_of(sample, estimator).estimates
    row = finding(sample, estimator).row("rung")
    assert row.number("estimate") == pytest.approx(float(own.values[0]), rel=ROUNDING)
    ends = row.number("set_lo"), row.number("set_hi")
    assert ends == pytest.approx(own.region.pieces[0], rel=1e-7)


def test_taking_the_smallest_direct_effect_out_of_the_outcome_puts_zero_on_the_edge(encouraged):
    sample = encouraged(3000, continuous=True, direct=0.6)
    found = finding(sample)
    assert found.headline > 0
    less = replace(sample, y=sample.y - found.headline * sample.z[:, 0])
    assert subject_of(less).estimates.region.pieces[0][0] == pytest.approx(0, abs=1e-7)


def test_the_count_is_in_the_effect_of_the_instrument_itself(encouraged):
    sample = encouraged(3000, direct=0.6)
    itt = subject_of(sample, IntentionToTreat()).estimates
    effect = itt.effect("risk_difference")
    found = finding(sample)
    stages = found.row("stages", "offered help")
    assert stages.number("reduced_form") == pytest.approx(effect.estimate)
    assert found.headline == pytest.approx(effect.lo)
    assert found.multiple == pytest.approx(effect.lo / effect.estimate)
    assert 0 < found.multiple < 1
    assert f"{100 * found.multiple:.3g} % of its whole effect" in found.short
    assert found.yardstick == "the whole effect of the instrument on the outcome"


@pytest.mark.parametrize("change", ["use to abstinence", "sign of the outcome", "instrument"])
def test_recoding_turns_signs_and_moves_no_count(encouraged, change):
    continuous = change == "sign of the outcome"
    sample = encouraged(3000, direct=0.6, continuous=continuous, clustered=True)
    turned = {
        "use to abstinence": replace(sample, y=1 - sample.y),
        "sign of the outcome": replace(sample, y=-sample.y),
        "instrument": replace(sample, z=1 - sample.z),
    }[change]
    one, other = finding(sample), finding(turned)
    assert other.headline == pytest.approx(-one.headline)
    assert other.multiple == pytest.approx(one.multiple)
    sign = 1 if change == "instrument" else -1
    estimates = [f.row("rung").number("estimate") for f in (one, other)]
    assert estimates[1] == pytest.approx(sign * estimates[0])


def test_a_set_that_includes_zero_needs_no_direct_effect(encouraged):
    found = finding(encouraged(100))
    assert found.headline == found.multiple == 0
    assert "No direct effect of offered help is needed" in found.short
    assert "includes 0 already" in found.short


def test_the_range_when_none_is_given_is_twice_what_overturns(encouraged):
    found = finding(encouraged(3000, direct=0.6))
    row = found.row("range")
    assert (row.number("lo"), row.number("hi")) == pytest.approx(
        (-2 * found.headline, 2 * found.headline)
    )
    points = found.curves[0].points
    assert (points[0].x, points[-1].x) == pytest.approx((row.number("lo"), row.number("hi")))
    crossing = min(points, key=lambda one: abs(one.x - found.headline))
    assert crossing.lo == pytest.approx(0, abs=abs(points[1].lo - points[0].lo))


def test_the_range_says_whether_it_overturns(encouraged):
    sample = encouraged(3000, direct=0.6)
    needed = finding(sample).headline
    near = finding(sample, range=(0.0, 0.9 * needed))
    far = finding(sample, range=(0.0, 1.1 * needed))
    assert ", without 0." in near.sentence
    assert ", without 0." not in far.sentence
    assert near.row("range").number("set_lo") > 0 > far.row("range").number("set_lo")


def test_a_direct_effect_drawn_at_random_widens_the_set(encouraged):
    sample = encouraged(3000, direct=0.6)
    row = finding(sample, std_dev=0.05).row("local_to_zero")
    own = finding(sample).row("rung")
    assert row.number("set_lo") < own.number("set_lo")
    assert row.number("set_hi") > own.number("set_hi")
    assert not finding(sample).labelled("local_to_zero")


def test_a_weak_first_stage_leaves_sets_without_ends_and_no_interval(encouraged):
    sample = encouraged(200, seed=2, compliers=0.02)
    subject = subject_of(sample)
    withheld = replace(subject.estimates, interval_withheld="the effective F is 1, below 23")
    found = PlausiblyExogenous(std_dev=0.1).analyse(
        replace(subject, estimates=withheld), np.random.default_rng(0)
    )
    assert isinstance(found.row("range").number("union_lo"), NotEstimable)
    assert isinstance(found.row("local_to_zero").number("lo"), NotEstimable)
    assert "too weak for a set with two ends" in found.sentence
    assert "every value" in found.row("rung").note
    assert found.curves[0].points[0].lo is None


def test_rows_without_an_outcome_are_left_out_as_the_rung_does(encouraged):
    sample = encouraged(1000, direct=0.6)
    lost = np.arange(1000) % 5 == 0
    holes = replace(sample, y=np.where(lost, np.nan, sample.y))
    assert finding(holes).headline == pytest.approx(finding(sample.rows(~lost)).headline)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (LinearProbability(), "no instrument"),
        (FirstStage(), "claims nothing about the outcome"),
        (IntentionToTreat(), "effect of the instrument itself"),
        (ResidualInclusion(), "no ratio of two linear"),
    ],
)
def test_rungs_it_is_not_about_are_declined(encouraged, estimator, why):
    found = finding(encouraged(600), estimator)
    assert isinstance(found.headline, NotEstimable)
    assert why in found.short


def test_several_instruments_are_declined_by_name(confounded):
    found = finding(confounded(n=500))
    assert isinstance(found.multiple, NotEstimable)
    assert "3 instruments (z0, z1, coin)" in found.short


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"range": [0.2, 0.1]}, "lower end first"),
        ({"range": [0.1, 0.1]}, "a higher one"),
        ({"range": [0.0, float("inf")]}, "finite"),
        ({"std_dev": 0.0}, "greater than 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, why):
    with pytest.raises(ValidationError, match=why):
        PlausiblyExogenous(**settings)

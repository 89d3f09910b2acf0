"""The E-value: directions, limits, continuous outcomes, and where there is no ratio."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from causal.estimate import NotEstimable
from causal.estimators import GComputation, LinearProbability, NuisanceStore
from causal.sensitivity import AnySensitivity, EValue
from causal.sensitivity.e_value import e_value, nearest_limit, pooled_deviation, ratio_of_difference
from causal.subject import Subject

SAME = 1e-10  # the same closed form another way round
ratios = st.floats(0.01, 100)


def finding(sample, estimator=None, scale="risk_difference", **settings):
    fit = (estimator or GComputation()).fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator or GComputation(), sample, fit, fit, sample, scale)
    return EValue(**settings).analyse(subject, np.random.default_rng(0)), fit


@given(ratios)
def test_confounder_of_the_e_value_has_a_bounding_factor_of_exactly_the_ratio(ratio):
    found = e_value(ratio)
    assert math.isclose(found**2 / (2 * found - 1), max(ratio, 1 / ratio), rel_tol=SAME)


@given(ratios, ratios)
def test_protective_and_harmful_ratios_have_the_same_e_value(ratio, against):
    assert math.isclose(e_value(ratio, against), e_value(1 / ratio, 1 / against), rel_tol=SAME)


@given(ratios, ratios)
def test_limit_of_an_interval_is_never_farther_from_the_target_than_the_estimate(lo, hi):
    lo, hi = sorted((lo, hi))
    estimate = math.sqrt(lo * hi)
    assert e_value(nearest_limit(lo, hi)) <= e_value(estimate) + SAME
    assert (e_value(nearest_limit(lo, hi)) == 1) == (lo <= 1 <= hi)


def test_e_value_is_that_of_the_marginal_risk_ratio_and_its_nearest_limit(confounded):
    found, fit = finding(confounded(n=2000))
    ratio = fit.effect("risk_ratio")
    assert ratio.lo > 1
    assert found.row("estimate").number("risk_ratio") == ratio.estimate
    assert found.row("interval_limit").number("risk_ratio") == ratio.lo
    assert found.headline == e_value(ratio.lo)


def test_coding_the_exposure_the_other_way_round_changes_no_e_value(confounded):
    sample = confounded(n=2000)
    turned = replace(sample, a=1 - sample.a)
    first, second = finding(sample)[0], finding(turned)[0]
    assert second.row("estimate").number("risk_ratio") < 1
    for label in ("estimate", "interval_limit"):
        assert first.row(label).number("e_value") == pytest.approx(
            second.row(label).number("e_value"), rel=1e-8
        )


def test_interval_that_covers_the_target_has_e_value_one_and_says_so(confounded):
    found, fit = finding(confounded(n=2000), against=1.3)
    ratio = fit.effect("risk_ratio")
    assert ratio.lo < 1.3 < ratio.hi
    assert found.headline == 1.0
    assert "already includes 1.3" in found.sentence


def test_level_widens_the_interval_only(confounded):
    sample = confounded(n=2000)
    usual, wide = finding(sample)[0], finding(sample, level=0.999)[0]
    assert wide.row("estimate") == usual.row("estimate")
    assert wide.headline < usual.headline


def test_continuous_outcome_goes_through_the_standardised_difference(confounded):
    sample = confounded(n=1000, outcome="continuous", missing=True)
    found, fit = finding(sample, LinearProbability(), "mean_difference")
    seen = sample.observed
    arms = [sample.y[seen & (sample.a == arm)] for arm in (0, 1)]
    pooled = math.sqrt(sum(((y - y.mean()) ** 2).sum() for y in arms) / (seen.sum() - 2))
    effect = fit.effect("mean_difference")
    expected, lo, _ = ratio_of_difference(effect.estimate / pooled, effect.std_error / pooled)
    assert found.row("estimate").number("risk_ratio") == pytest.approx(expected, rel=SAME)
    assert found.headline == pytest.approx(e_value(lo), rel=SAME)
    assert "approximate risk ratio" in found.sentence


def test_unit_of_a_continuous_outcome_does_not_matter(confounded):
    sample = confounded(n=500, outcome="continuous")
    scaled = replace(sample, y=1000 * sample.y)
    one, other = (finding(s, LinearProbability(), "mean_difference")[0] for s in (sample, scaled))
    assert one.headline == pytest.approx(other.headline, rel=1e-8)


def test_pooled_deviation_counts_weights():
    y, a = np.array([0.0, 2.0, 5.0, 9.0]), np.array([0.0, 0.0, 1.0, 1.0])
    assert pooled_deviation(y, a, np.ones(4)) == pytest.approx(math.sqrt((1 + 1 + 4 + 4) / 2))
    assert pooled_deviation(y, a, np.array([2.0, 2.0, 0.0, 0.0]) + 1e-9) == pytest.approx(
        math.sqrt(2), rel=1e-4
    )


def test_a_difference_per_unit_of_dose_has_no_e_value(confounded):
    base = confounded(outcome="continuous")
    sample = replace(base, a=base.a * 2.5 + 0.1 * base.x[:, 0], exposure_kind="dose")
    found, _ = finding(sample, LinearProbability(), "mean_difference")
    assert isinstance(found.headline, NotEstimable)
    assert "per unit" in found.sentence
    assert found.rows == ()


def test_a_negative_mean_has_no_ratio_and_says_why(confounded):
    sample = confounded(n=300)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    impossible = replace(fit, values=np.array([-0.01, 0.4]))
    found = EValue().analyse(
        Subject("full", GComputation(), sample, impossible, fit, sample, "risk_difference"),
        np.random.default_rng(0),
    )
    assert isinstance(found.headline, NotEstimable)
    assert "ratio" in found.headline.reason


@pytest.mark.parametrize("wrong", [{"against": 0}, {"level": 1.0}, {"againts": 2}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TypeAdapter(AnySensitivity).validate_python({"kind": "e_value", **wrong})

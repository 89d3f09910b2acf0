"""The E-value: directions, limits, continuous outcomes, and where there is no ratio."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from causal.cohort import TIME
from causal.estimate import NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearProbability,
    NuisanceStore,
)
from causal.estimators.nuisance import ObservationModel
from causal.findings import times
from causal.sensitivity import AnySensitivity, EValue
from causal.sensitivity.codings import LEADS, OTHER
from causal.sensitivity.conversions import (
    e_value,
    hazard_ratio_of,
    nearest_limit,
    pooled_deviation,
    ratio_of_difference,
    ratio_of_hazards,
)
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
@example(0.010000000000000002, 0.01)
def test_a_ratio_and_its_target_may_be_exchanged(ratio, against):
    assert e_value(ratio, against) == e_value(against, ratio)


@given(ratios, ratios)
@example(0.010000000000000002, 0.01)
def test_protective_and_harmful_ratios_have_the_same_e_value(ratio, against):
    # near its target a ratio's E-value is 1 + the root of their relative distance, and reciprocals
    # are rounded: the distance of two of them is known to two roundings only, whatever is done
    low, high = sorted((ratio, against))
    distance, rounded = (high - low) / low, 2 * sys.float_info.epsilon * high / low
    steepest = math.sqrt(high / low) * (
        math.sqrt(distance + rounded) - math.sqrt(max(distance - rounded, 0.0))
    )
    one, other = e_value(ratio, against), e_value(1 / ratio, 1 / against)
    assert abs(one - other) <= SAME * one + steepest


def test_neighbouring_numbers_have_the_e_value_of_their_exact_distance():
    # 1 + 2**-52 against 1: the root of the spacing of floating point numbers, by hand 2**-26
    assert e_value(1 + 2**-52) - 1 == pytest.approx(2**-26, rel=1e-7)
    assert e_value(3.0, 3.0) == 1


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


def test_coding_the_outcome_the_other_way_round_changes_no_headline_and_both_are_printed(
    confounded,
):
    sample = confounded(n=2000)
    one, other = finding(sample)[0], finding(replace(sample, y=1 - sample.y))[0]
    assert other.headline == pytest.approx(one.headline, rel=1e-8)
    assert other.multiple == pytest.approx(one.multiple, rel=1e-6)
    for label in ("estimate", "interval_limit"):
        for first, second in (("", OTHER), (OTHER, "")):
            assert one.row(label, first).number("e_value") == pytest.approx(
                other.row(label, second).number("e_value"), rel=1e-8
            )
    limits = [one.row("interval_limit", subject).number("e_value") for subject in ("", OTHER)]
    assert one.headline == min(limits) < max(limits)
    assert one.row("interval_limit", OTHER).note == LEADS
    assert other.row("interval_limit").note == LEADS
    assert "coded the other way round" in one.sentence
    assert "being without the outcome" in other.sentence


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


def test_odds_ratio_goes_through_the_square_root_unless_rare(confounded):
    sample = confounded(n=2000)
    found, fit = finding(sample, through="odds_ratio", rare=False)
    odds = fit.effect("odds_ratio")
    assert found.headline == pytest.approx(e_value(math.sqrt(odds.lo)))
    assert "not rare" in found.sentence
    rare, _ = finding(sample, through="odds_ratio", rare=True)
    assert rare.headline == pytest.approx(e_value(odds.lo))
    assert "The outcome is not rare, though" in rare.sentence


@pytest.mark.parametrize("rare", [True, False])
def test_hazard_ratio_is_the_one_the_two_risks_amount_to(confounded, rare):
    # exponents of the survivors: (1 - p1) = (1 - p0) ** HR; its interval from 4000 normal draws of
    # the two risks is another way to the delta method's
    sample = confounded(n=4000)
    found, fit = finding(sample, through="hazard_ratio", rare=rare)
    p0, p1 = fit.values
    ratio = math.log(1 - p1) / math.log(1 - p0)
    assert (1 - p0) ** ratio == pytest.approx(1 - p1, abs=1e-12)
    row = found.row("estimate")
    assert row.number("risk_ratio") == pytest.approx(ratio_of_hazards(ratio, rare=rare))
    assert row.number("e_value") == pytest.approx(e_value(ratio_of_hazards(ratio, rare=rare)))
    drawn = np.random.default_rng(1).multivariate_normal(fit.values, fit.covariance, 4000)
    spread = np.std(np.log(np.log1p(-drawn[:, 1]) / np.log1p(-drawn[:, 0])))
    _, lo, hi = hazard_ratio_of(fit)
    assert math.log(hi / lo) / (2 * 1.959964) == pytest.approx(spread, rel=0.05)
    assert "from the hazard ratio" in found.sentence


def test_a_risk_of_1_has_no_hazard_ratio(confounded):
    sample = confounded(n=300)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    certain = replace(fit, values=np.array([0.3, 1.0]))
    assert "no hazard ratio" in hazard_ratio_of(certain).reason


def test_odds_ratio_against_another_one_is_turned_as_well(confounded):
    found, fit = finding(confounded(n=2000), through="odds_ratio", rare=False, against=1.1)
    odds = fit.effect("odds_ratio").estimate
    row = found.row("estimate")
    assert row.number("e_value") == pytest.approx(e_value(math.sqrt(odds / 1.1)))


def test_recoding_the_outcome_changes_no_e_value_through_the_odds_ratio(confounded):
    sample = confounded(n=2000)
    turned = replace(sample, y=1 - sample.y)
    one, other = (finding(s, through="odds_ratio", rare=False)[0] for s in (sample, turned))
    assert one.headline == pytest.approx(other.headline, rel=1e-8)
    assert one.multiple == pytest.approx(other.multiple, rel=1e-6)


def test_a_continuous_outcome_has_no_odds_ratio(confounded):
    found, _ = finding(
        confounded(outcome="continuous"),
        LinearProbability(),
        "mean_difference",
        through="odds_ratio",
        rare=False,
    )
    assert "no odds ratio" in found.headline.reason


def test_target_difference_of_0_is_the_risk_ratio(confounded):
    sample = confounded(n=2000)
    plain, difference = finding(sample)[0], finding(sample, against_difference=0.0)[0]
    assert difference.row("estimate").number("e_value") == pytest.approx(
        plain.row("estimate").number("e_value")
    )
    assert difference.row("estimate").number("risk_difference") > 0


def test_target_difference_is_the_same_for_either_code_of_exposure(confounded):
    sample = confounded(n=2000)
    one, _ = finding(sample, against_difference=0.03)
    other, _ = finding(replace(sample, a=1 - sample.a), against_difference=-0.03)
    assert one.headline == pytest.approx(other.headline, rel=1e-8)
    assert one.headline < finding(sample)[0].headline


def test_difference_that_the_interval_includes_needs_nothing(confounded):
    found, fit = finding(confounded(n=2000), against_difference=0.09)
    effect = fit.effect("risk_difference")
    assert effect.lo < 0.09 < effect.hi
    assert found.headline == 1.0
    assert found.multiple == 0.0
    assert "without any confounder" in found.short


def test_target_difference_needs_a_binary_outcome(confounded):
    found, _ = finding(
        confounded(outcome="continuous"),
        LinearProbability(),
        "mean_difference",
        against_difference=0.1,
    )
    assert "the risk under each" in found.headline.reason


def test_bias_factor_of_a_block_is_the_ratio_of_fits_with_and_without_it(confounded):
    sample = confounded(n=2000, clustered=True, weighted=True)
    found, fit = finding(sample)
    rest = sample.adjusting_for(["motivation", "demographics"])
    without = GComputation().fit(rest, NuisanceStore(), np.random.default_rng(0))
    ratio = without.effect("risk_ratio").estimate
    row = found.row("block", "severity")
    assert row.number("risk_ratio_without") == ratio
    factor = ratio / fit.effect("risk_ratio").estimate
    assert row.number("bias_factor") == pytest.approx(max(factor, 1 / factor))
    assert row.number("e_value") == pytest.approx(e_value(factor))
    assert "severity" in found.yardstick
    assert found.multiple == pytest.approx((found.headline - 1) / (e_value(factor) - 1))
    assert f"{times(found.multiple)} times" in found.short


def test_time_indicators_are_no_block(confounded):
    sample = replace(confounded(n=800), concepts=("severity", TIME, "demographics"))
    assert {row.subject for row in finding(sample)[0].labelled("block")} == {
        "severity",
        "demographics",
    }


def test_cross_fitted_rungs_are_compared_on_the_same_division(confounded):
    # a coin that has nothing to do with exposure moves the ratio of the same folds only a little,
    # and twice the same stream gives the same numbers
    sample = confounded(n=1500)
    estimator = AIPW(cross_fit={"folds": 2})
    one, other = finding(sample, estimator)[0], finding(sample, estimator)[0]
    assert one.rows == other.rows
    assert one.row("block", "demographics").number("bias_factor") < 1.02


def test_without_a_measured_block_there_is_no_yardstick(confounded):
    found, _ = finding(confounded(n=2000).adjusting_for([]))
    assert "no measured block" in found.multiple.reason
    assert found.yardstick == ""


def test_a_block_is_taken_out_of_the_terms_a_model_names(confounded):
    sample = confounded(n=2000)
    estimator = GComputation(outcome={"terms": ("x0", "x1"), "interactions": ("x0",)})
    found, fit = finding(sample, estimator)
    fewer = GComputation(outcome={"terms": ("x1",)}).fit(
        sample, NuisanceStore(), np.random.default_rng(0)
    )
    ratio = fewer.effect("risk_ratio").estimate
    row = found.row("block", "severity")
    assert row.number("risk_ratio_without") == pytest.approx(ratio)
    factor = ratio / fit.effect("risk_ratio").estimate
    assert row.number("bias_factor") == pytest.approx(max(factor, 1 / factor))
    assert found.row("block", "demographics").number("bias_factor") == 1.0  # x2 is not named


@pytest.mark.parametrize("estimator", [GComputation(), AIPW(), InverseProbability()])
def test_a_rung_that_weighs_for_follow_up_has_a_yardstick_too(confounded, estimator):
    # the block leaves exposure and outcome and stays in follow-up, where x2 is all by itself
    sample = confounded(n=3000)
    lost = np.random.default_rng(4).random(sample.n) < 0.3 / (1 + np.exp(-sample.x[:, 0]))
    sample = replace(sample, y=np.where(lost, np.nan, sample.y), concepts=("severity", "age", "f"))
    observation = ObservationModel(terms=("x0", "x2"))
    whole = estimator.with_follow_up(("x0", "x1"), observation, None)
    found, fit = finding(sample, whole)
    fewer = estimator.with_follow_up(("x1",), observation, None).fit(
        sample, NuisanceStore(), np.random.default_rng(0)
    )
    assert {row.subject for row in found.labelled("block")} == {"severity", "age"}
    ratio = fewer.effect("risk_ratio").estimate
    assert found.row("block", "severity").number("risk_ratio_without") == pytest.approx(ratio)
    assert "severity" in found.yardstick
    assert found.multiple > 0
    assert fit.effect("risk_ratio").estimate != pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"through": "odds_ratio"}, "rare: true"),
        ({"rare": True}, "rare is for"),
        ({"against_difference": 0.1, "against": 2.0}, "give one of them"),
        ({"against_difference": 1.0}, "against_difference"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "e_value", **wrong})

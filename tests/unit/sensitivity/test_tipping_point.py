"""The tipping point: where estimate and interval meet 0, mirrors, and what is declined."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.estimators import AIPW, GComputation, InverseProbability, MeanDifference, NuisanceStore
from causal.sensitivity import AnySensitivity, TippingPoint
from causal.subject import Subject

ROUNDING = 1e-8
AT_RANDOM = "lost exposed as predicted; lost unexposed as predicted"


def finding(sample, estimator=None, scale="risk_difference", **settings):
    estimator = estimator or GComputation()
    weighs = getattr(estimator, "observation", None) is not None
    known = sample if weighs else sample.rows(sample.observed)
    fit = estimator.fit(known, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, known, fit, fit, known, scale, sample)
    return TippingPoint(**settings).analyse(subject, np.random.default_rng(0))


def lossy(confounded, **settings):
    """Draw a sample in which a fifth are lost; large enough for an effect to be seen."""
    return confounded(n=2500, missing=True, **settings)


def ends(row):
    return tuple(row.number(name) for name in ("estimate", "lo", "hi"))


def test_at_random_it_is_the_rungs_standardisation_over_all_rows(confounded):
    sample = lossy(confounded, clustered=True)
    found = finding(sample)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    effect = fit.effect("risk_difference")
    expected = (effect.estimate, effect.lo, effect.hi)
    assert ends(found.row("scenario", AT_RANDOM)) == pytest.approx(expected, abs=ROUNDING)
    assert found.row("scenario", AT_RANDOM).note == "missing at random"


def test_interval_and_estimate_are_0_at_the_tipping_points(confounded):
    sample = lossy(confounded)
    found = finding(sample)
    tip = found.row("tipping", "exposed tilted")
    at_interval, at_estimate = tip.number("delta_interval"), tip.number("delta_estimate")
    assert found.headline == at_interval
    assert at_estimate < at_interval < 0
    again = finding(sample, deltas=[at_estimate, at_interval, 0.0])
    first, second, last = again.curves[0].points
    assert first.y == pytest.approx(0, abs=ROUNDING)
    assert second.lo == pytest.approx(0, abs=ROUNDING)
    assert last.lo > 0
    assert tip.number("mean_at_estimate") < tip.number("mean_at_interval")
    assert tip.number("mean_at_interval") < tip.number("mean_untilted")
    assert f"odds ratio of {math.exp(at_interval):.3g}" in found.short
    lost = int(((sample.a == 1) & ~sample.observed).sum())
    assert f"the {lost} lost exposed" in found.short


def test_unexposed_tip_the_other_way(confounded):
    found = finding(lossy(confounded))
    assert found.row("tipping", "unexposed tilted").number("delta_interval") > 0


def test_contours_hold_the_curve_and_their_marks(confounded):
    found = finding(lossy(confounded), deltas=[-4, -2, 0, 2])
    estimate, limit = found.contours
    assert estimate.level_line == limit.level_line == 0
    row = estimate.y.index(0.0)
    assert list(estimate.height[row]) == [point.y for point in found.curves[0].points]
    assert list(limit.height[row]) == [point.lo for point in found.curves[0].points]
    assert estimate.height[0][2] > estimate.height[3][2]  # more outcome among lost unexposed
    marks = {mark.name: (mark.x, mark.y) for mark in estimate.marks}
    assert marks["missing at random"] == (0, 0)
    assert marks["interval meets 0"] == (found.headline, 0)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_turning_the_outcome_round_turns_the_tilts_and_no_multiple(confounded, outcome):
    sample = lossy(confounded, outcome=outcome, clustered=True, weighted=True)
    one, other = finding(sample), finding(replace(sample, y=1 - sample.y))
    assert one.headline == pytest.approx(-other.headline, rel=1e-6)
    assert one.multiple == pytest.approx(other.multiple, rel=1e-6)
    assert 0 < one.multiple < math.inf
    mirrored = {
        "had the outcome": "had it not",
        "had it not": "had the outcome",
        "1 SD higher": "1 SD lower",
        "1 SD lower": "1 SD higher",
    }
    for row in one.labelled("scenario"):
        parts = row.subject.split("; ")
        for word, turned in mirrored.items():
            if word in row.subject:
                parts = [
                    p.replace(word, turned) if word in q else p
                    for p, q in zip(parts, row.subject.split("; "), strict=True)
                ]
        estimate, lo, hi = ends(other.row("scenario", "; ".join(parts)))
        assert ends(row) == pytest.approx((-estimate, -hi, -lo), abs=1e-7)


def test_exchanging_exposed_and_unexposed_exchanges_their_tipping_points(confounded):
    sample = lossy(confounded)
    one, other = finding(sample), finding(replace(sample, a=1 - sample.a))
    exposed, unexposed = (
        one.row("tipping", f"{arm} tilted").number("delta_interval")
        for arm in ("exposed", "unexposed")
    )
    assert other.row("tipping", "exposed tilted").number("delta_interval") == pytest.approx(
        unexposed, rel=1e-6
    )
    assert other.row("tipping", "unexposed tilted").number("delta_interval") == pytest.approx(
        exposed, rel=1e-6
    )


def test_multiple_counts_effects_of_the_strongest_block(confounded):
    found = finding(lossy(confounded))
    effects = {row.subject: row.number("effect") for row in found.labelled("block")}
    assert set(effects) == {"severity", "motivation", "demographics"}
    strongest = max(effects, key=effects.get)
    assert found.multiple == pytest.approx(abs(found.headline) / effects[strongest])
    assert strongest in found.yardstick


def test_interactions_count_in_the_block_of_their_term(confounded):
    plain = finding(lossy(confounded))
    crossed = GComputation(outcome={"interactions": ("x2",)})
    interacting = finding(lossy(confounded), crossed)
    assert interacting.row("block", "demographics") != plain.row("block", "demographics")
    separate = finding(lossy(confounded), GComputation(outcome={"arms": "separate"}))
    assert len(separate.labelled("block")) == 3


def test_few_lost_cannot_overturn_a_clear_effect_and_it_says_so(confounded):
    sample = confounded(n=2500)
    coin = np.random.default_rng(2).random(2500)
    y = (coin < 0.2 + 0.6 * sample.a).astype(float)
    clear = replace(sample, y=np.where(sample.x[:, 1] > 2.0, np.nan, y))
    found = finding(clear)
    assert "not reached, even if all lost exposed lacked the outcome" in found.headline.reason
    assert found.multiple == math.inf
    assert "does not bring the interval to 0" in found.short


def test_interval_that_includes_0_needs_no_tilt(confounded):
    sample = confounded(n=300, missing=True)
    noise = np.random.default_rng(3).integers(0, 2, 300).astype(float)
    found = finding(replace(sample, y=np.where(sample.observed, noise, np.nan)))
    assert found.headline == 0
    assert found.multiple == 0
    assert "includes 0" in found.short


def test_loss_in_the_unexposed_only_leaves_their_tipping_point(confounded):
    sample = lossy(confounded)
    found = finding(sample.rows(sample.observed | (sample.a == 0)))
    delta = found.row("tipping", "unexposed tilted").number("delta_interval")
    assert found.headline == delta > 0
    assert found.multiple > 0
    assert "lost unexposed" in found.short
    assert "share of the arm" in found.row("lost", "exposed").note


def test_it_averages_over_whom_the_rung_averages_over(confounded):
    sample = lossy(confounded)
    found = finding(sample, GComputation(target="ATT"))
    fit = GComputation(target="ATT").fit(sample, NuisanceStore(), np.random.default_rng(0))
    estimate = fit.effect("risk_difference").estimate
    assert found.row("scenario", AT_RANDOM).number("estimate") == pytest.approx(estimate)


@pytest.mark.parametrize("estimator", [AIPW(), InverseProbability(), MeanDifference()])
def test_rungs_of_other_estimators_have_one_too(confounded, estimator):
    found = finding(lossy(confounded), estimator, "odds_ratio")
    assert found.row("scenario", AT_RANDOM).number("estimate") > 0
    assert "not on the odds ratio" in found.sentence


def test_terms_of_follow_up_alone_are_left_to_the_weights(confounded):
    sample = lossy(confounded)
    weights = InverseProbability(
        propensity={"terms": ("x0", "x1")}, observation={"terms": ("x0", "x1", "x2")}
    )
    found, narrow = finding(sample, weights), finding(sample.with_terms(("x0", "x1")))
    assert found.headline == pytest.approx(narrow.headline, rel=ROUNDING)
    assert {row.subject for row in found.labelled("block")} == {"severity", "motivation"}


def test_continuous_tilts_are_in_units_of_the_outcome(confounded):
    sample = lossy(confounded, outcome="continuous")
    found, scaled = finding(sample), finding(replace(sample, y=1000 * sample.y))
    assert scaled.headline == pytest.approx(1000 * found.headline, rel=1e-6)
    assert scaled.multiple == pytest.approx(found.multiple, rel=1e-6)
    assert scaled.contours[0].x == pytest.approx([1000 * x for x in found.contours[0].x])


def test_what_does_not_apply_is_declined_with_the_reason(confounded):
    assert "no outcome is missing" in finding(confounded()).headline.reason
    sample = lossy(confounded)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", GComputation(), sample, fit, fit, sample, "risk_difference")
    alone = TippingPoint().analyse(subject, np.random.default_rng(0))
    assert "not at hand" in alone.headline.reason
    dose = finding(replace(sample, exposure_kind="dose"), MeanDifference())
    assert "dose" in dose.headline.reason
    told = replace(sample, x=np.column_stack([np.nan_to_num(sample.y), sample.x[:, 1:]]))
    determined = finding(told, MeanDifference())
    assert "perfect separation" in determined.headline.reason


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"deltas": [1, 0]}, "ascending"),
        ({"deltas": [0]}, "at least two"),
        ({"deltas": [0, float("inf")]}, "finite"),
        ({"level": 1}, "level"),
        ({"draws": 10}, "draws"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "tipping_point", **wrong})


def test_a_mean_beyond_every_known_outcome_is_said_to_be(confounded):
    sample = confounded(n=2500, missing=True, outcome="continuous")
    strong = replace(sample, y=np.clip(sample.y, -1, 1) + 2 * sample.a)
    found = finding(strong, scale="mean_difference")
    assert "beyond every known outcome" in found.short
    assert "beyond every known" not in finding(lossy(confounded)).short

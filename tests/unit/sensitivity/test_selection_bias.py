"""Selection by follow-up: the published examples, the bound, its simplifications, the yardstick."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from causal.estimate import NotEstimable
from causal.estimators import GComputation, InverseProbability, LinearProbability, NuisanceStore
from causal.estimators.nuisance import ObservationModel
from causal.sensitivity import AnySensitivity, SelectionBias
from causal.sensitivity.conversions import e_value
from causal.sensitivity.measured_loss import measure_loss
from causal.sensitivity.selection_bounds import (
    SupposedSelection,
    bounding_factor,
    selection_bound,
    selection_e_value,
)
from causal.subject import Subject

SAME = 1e-9  # the same closed form another way round
PRINTED = 0.05  # one decimal printed
shares = st.floats(0.02, 0.98)
ratios = st.floats(0.05, 20)


def unfollowed(confounded, seed=1, loss=1.5, **kind):
    """Draw a sample that loses people by severity and exposure."""
    whole = confounded(n=3000, seed=seed, **kind)
    rng = np.random.default_rng(seed + 100)
    lost = rng.random(whole.n) < 1 / (1 + np.exp(1.0 - loss * whole.x[:, 0] * whole.a))
    return replace(whole, y=np.where(lost, np.nan, whole.y))


def finding(everybody, estimator=None, *, keep=False, **settings):
    estimator = estimator or GComputation()
    sample = everybody if keep else everybody.rows(everybody.observed)
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, "risk_difference", everybody)
    return SelectionBias(**settings).analyse(subject, np.random.default_rng(0)), fit


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # the three examples of Smith & VanderWeele (2019), doi:10.1097/EDE.0000000000001032, as
        # given with the R package EValue; expected by the formulas written out
        pytest.param(selection_e_value(73.1), 16.58, id="Zika virus, estimate"),
        pytest.param(selection_e_value(13.0), 6.67, id="Zika virus, interval"),
        pytest.param(
            selection_e_value(2.30, 11.98, one_arm=True, follow_up_is_the_factor=True),
            11.98 / 2.30,
            id="endometrial cancer",
        ),
        pytest.param(
            selection_e_value(1.50, population="followed"),
            1.5 + math.sqrt(0.75),
            id="obesity paradox, estimate",
        ),
        pytest.param(
            selection_e_value(1.22, population="followed"), 1.738, id="obesity paradox, interval"
        ),
    ],
)
def test_published_examples_are_met(found, expected):
    assert found == pytest.approx(expected, abs=PRINTED)


@given(ratios, ratios)
def test_bound_at_the_e_value_is_exactly_the_ratio(ratio, against):
    away = max(ratio / against, against / ratio)
    both = selection_e_value(ratio, against)
    every = SupposedSelection(
        outcome_exposed=both, followed_exposed=both, outcome_unexposed=both, followed_unexposed=both
    )
    assert selection_bound(every) == pytest.approx(away, rel=SAME)
    one = selection_e_value(ratio, against, one_arm=True)
    assert bounding_factor(one, one) == pytest.approx(away, rel=SAME)
    itself = selection_e_value(ratio, against, follow_up_is_the_factor=True)
    assert itself**2 == pytest.approx(away, rel=SAME)
    assert selection_e_value(1 / ratio, 1 / against) == pytest.approx(both, rel=SAME)


arm = st.tuples(shares, shares, shares, shares, shares)


def risks_of(one):
    """Give the risk of the followed and of all in one arm; within U it is that of the lost."""
    followed, high, low, among_followed, among_lost = one
    seen, lost = (low + (high - low) * share for share in (among_followed, among_lost))
    return seen, followed * seen + (1 - followed) * lost


def strengths_of(one):
    """Give the largest ratio of risks between levels of U, and of each level by follow-up."""
    _, high, low, among_followed, among_lost = one
    levels = among_followed / among_lost, (1 - among_followed) / (1 - among_lost)
    return max(high, low) / min(high, low), levels


@given(arm, arm)
def test_selection_never_moves_the_ratio_beyond_the_bound(exposed, unexposed):
    (seen1, all1), (seen0, all0) = risks_of(exposed), risks_of(unexposed)
    (outcome1, levels1), (outcome0, levels0) = strengths_of(exposed), strengths_of(unexposed)
    moved = (seen1 / seen0) / (all1 / all0)
    upward = SupposedSelection(
        outcome_exposed=outcome1,
        followed_exposed=max(levels1),
        outcome_unexposed=outcome0,
        followed_unexposed=max(1 / r for r in levels0),
    )
    assert moved <= selection_bound(upward) * (1 + SAME)


def test_bound_is_reached_when_few_are_followed_and_u_decides_it():
    # exposed: all the followed have U, a third of the lost; unexposed the other way round
    outcome, followed, few = 4.0, 3.0, 1e-9
    exposed = (few, 0.8, 0.8 / outcome, 1.0, 1 / followed)
    unexposed = (few, 0.8, 0.8 / outcome, 1 / followed, 1.0)
    (seen1, all1), (seen0, all0) = risks_of(exposed), risks_of(unexposed)
    moved = (seen1 / seen0) / (all1 / all0)
    supposed = SupposedSelection(
        outcome_exposed=outcome,
        followed_exposed=followed,
        outcome_unexposed=outcome,
        followed_unexposed=followed,
    )
    assert moved == pytest.approx(selection_bound(supposed), rel=1e-6)


def test_e_value_is_that_of_the_rung_and_the_loss_is_counted(confounded):
    everybody = unfollowed(confounded)
    found, fit = finding(everybody)
    ratio = fit.effect("risk_ratio")
    assert ratio.lo > 1
    assert found.headline == selection_e_value(ratio.lo)
    assert f"{int(everybody.observed.sum())} of {everybody.n}" in found.sentence
    assert SelectionBias.needs_unfollowed


def test_recoding_exposure_changes_no_number_and_turns_the_arm(confounded):
    everybody = unfollowed(confounded)
    turned = replace(everybody, a=1 - everybody.a)
    for settings in ({}, {"risk_among_followed": "increased"}):
        one, other = (finding(s, **settings)[0] for s in (everybody, turned))
        assert one.headline == pytest.approx(other.headline, rel=1e-7)
        assert one.multiple == pytest.approx(other.multiple, rel=1e-5)
    # the arm with the higher risk has to gain it by selection
    assert "in the exposed" in finding(everybody, risk_among_followed="increased")[0].sentence
    assert "in the unexposed" in finding(turned, risk_among_followed="increased")[0].sentence
    assert "in the unexposed" in finding(everybody, risk_among_followed="decreased")[0].sentence


def test_yardstick_is_the_rung_weighted_for_being_followed(confounded):
    everybody = unfollowed(confounded)
    found, fit = finding(everybody)
    rows = {row.subject: row for row in found.labelled("measured_loss")}
    assert set(rows) == {"severity", "motivation", "demographics", "all covariates"}
    # loss hangs on severity, so weights for it do more than those for a coin
    assert rows["severity"].number("bias_factor") > rows["demographics"].number("bias_factor")
    weighted = rows["all covariates"].number("risk_ratio_weighted")
    factor = rows["all covariates"].number("bias_factor")
    ratio = fit.effect("risk_ratio").estimate
    assert factor == pytest.approx(max(weighted / ratio, ratio / weighted))
    largest = max(row.number("bias_factor") for row in rows.values())
    assert found.multiple == pytest.approx((found.headline - 1) / (selection_e_value(largest) - 1))


def test_weights_move_the_ratio_towards_that_of_everybody(confounded):
    # the outcome of the lost is known here: weighting for what drives loss must come nearer to it
    whole = confounded(n=20_000, seed=4)
    rng = np.random.default_rng(9)
    lost = rng.random(whole.n) < 1 / (1 + np.exp(-2.0 * whole.x[:, 0]))
    everybody = replace(whole, y=np.where(lost, np.nan, whole.y))
    fit = GComputation().fit(whole, NuisanceStore(), np.random.default_rng(0))
    truth = fit.effect("risk_ratio").estimate
    followed = everybody.rows(everybody.observed)
    kept = GComputation().fit(followed, NuisanceStore(), np.random.default_rng(0))
    subject = Subject(
        "full", GComputation(), followed, kept, kept, followed, "risk_difference", everybody
    )
    moved = {one.block: one.ratio for one in measure_loss(subject, np.random.default_rng(0)).moved}
    weighted, unweighted = moved["severity"], kept.effect("risk_ratio").estimate
    assert abs(math.log(weighted / truth)) < 0.5 * abs(math.log(unweighted / truth))


def test_nobody_lost_leaves_no_selection_to_speak_of(confounded):
    found, _ = finding(confounded(n=500))
    assert isinstance(found.headline, NotEstimable)
    assert "does not apply: every outcome is known" in found.short


def test_a_rung_that_weighs_for_the_loss_has_no_measured_loss_left_to_count_in(confounded):
    weighing = InverseProbability(observation=ObservationModel(terms=("x0", "x1")))
    found, _ = finding(unfollowed(confounded), weighing, keep=True)
    assert "weighs for the measured loss already" in found.multiple.reason
    assert "weights for being followed leave out" in found.sentence
    assert "Take" not in found.sentence


def test_a_continuous_outcome_has_an_approximate_risk_ratio(confounded):
    found, _ = finding(unfollowed(confounded, outcome="continuous"))
    assert "approximate risk ratio (from the standardised difference)" in found.short
    assert "approximate risk ratio (from the standardised difference)" in found.sentence


def test_interval_that_includes_the_target_needs_no_selection(confounded):
    found, fit = finding(unfollowed(confounded), against=1.3)
    ratio = fit.effect("risk_ratio")
    assert ratio.lo < 1.3 < ratio.hi
    assert found.headline == 1.0
    assert found.multiple == 0.0
    assert "without any selection" in found.short


def test_effect_among_the_followed_is_a_matter_of_confounding(confounded):
    found, fit = finding(unfollowed(confounded), population="followed")
    assert found.headline == e_value(fit.effect("risk_ratio").lo)
    assert "among the followed" in found.short


def test_supposed_strengths_move_ratio_and_interval_to_the_target(confounded):
    supposed = {
        "outcome_exposed": 2,
        "followed_exposed": 1.5,
        "outcome_unexposed": 1.2,
        "followed_unexposed": 1,
    }
    everybody = unfollowed(confounded)
    found, fit = finding(everybody, supposed=supposed)
    row = found.row("supposed")
    assert row.number("bound") == pytest.approx(2 * 1.5 / 2.5)
    ratio = fit.effect("risk_ratio")
    assert row.number("lo") == pytest.approx(ratio.lo / 1.2)
    turned, _ = finding(replace(everybody, a=1 - everybody.a), supposed=supposed)
    assert turned.row("supposed").number("hi") == pytest.approx(1.2 / ratio.lo, rel=1e-6)


def test_a_dose_has_no_risk_ratio(confounded):
    base = confounded(outcome="continuous")
    sample = replace(base, a=base.a * 2.5 + 0.1 * base.x[:, 0], exposure_kind="dose")
    found, _ = finding(sample, LinearProbability())
    assert isinstance(found.headline, NotEstimable)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"population": "followed", "risk_among_followed": "increased"}, "population: total"),
        ({"risk_among_followed": "higher"}, "increased"),
        ({"supposed": {"outcome_exposed": 0.5}}, "outcome_exposed"),
        ({"against": 0}, "against"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "selection_bias", **wrong})

"""The worst-case analysis: which bounds it gives, what it takes, and what it declines."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.estimators import (
    GComputation,
    InverseProbability,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.sensitivity import AnySensitivity, Bounding
from causal.subject import Subject

ROUNDING = 1e-8
BOTH = ("monotone_response", "monotone_selection")


def finding(sample, estimator=None, unfollowed=True, **settings):
    estimator = estimator or GComputation()
    known = sample.rows(sample.observed)
    fit = estimator.fit(known, NuisanceStore(), np.random.default_rng(0))
    everybody = sample if unfollowed else None
    subject = Subject("full", estimator, known, fit, fit, known, "risk_difference", everybody)
    return Bounding(**settings).analyse(subject, np.random.default_rng(0))


def ends(row):
    return tuple(row.number(name) for name in ("lower", "upper", "lo", "hi"))


def test_data_alone_never_exclude_no_effect_and_it_says_so(confounded):
    found = finding(confounded(n=1000))
    lower, upper, lo, hi = ends(found.row("exposure"))
    assert lo < lower < 0 < upper < hi
    assert upper - lower == pytest.approx(1)
    assert found.headline == 0
    assert "whatever the data" in found.multiple.reason  # so it never ranks first
    assert "the data alone never exclude no effect" in found.short
    assert "loss to follow-up adds nothing" in found.sentence
    assert isinstance(found.row("always_followed").number("lower"), NotEstimable)


def test_missing_outcomes_widen_the_bounds_by_their_share(confounded):
    sample = confounded(n=1000, missing=True)
    found = finding(sample)
    lower, upper, *_ = ends(found.row("exposure_and_loss"))
    assert upper - lower == pytest.approx(1 + (~sample.observed).mean())
    assert f"{int((~sample.observed).sum())} missing outcomes of 1000" in found.sentence
    followed = finding(sample, unfollowed=False)
    assert followed.row("exposure") == found.row("exposure")
    assert not followed.labelled("loss")


@pytest.mark.parametrize(
    "estimator",
    [
        GComputation(),
        LinearProbability(),
        InverseProbability(observation={"terms": ("x0",)}),
    ],
)
def test_loss_alone_is_the_rungs_own_estimator_with_extremes_filled_in(confounded, estimator):
    sample = confounded(n=1000, missing=True, clustered=True)
    bare = estimator
    if isinstance(estimator, InverseProbability):
        bare = InverseProbability()
    expected = []
    for exposed in (0, 1):
        y = np.where(sample.observed, sample.y, np.where(sample.a == 1, exposed, 1 - exposed))
        fit = bare.fit(replace(sample, y=y), NuisanceStore(), np.random.default_rng(0))
        expected.append(fit.effect("risk_difference").estimate)
    known = MeanDifference().fit(sample, NuisanceStore(), np.random.default_rng(0))
    everybody = Subject("full", estimator, sample, known, known, sample, "risk_difference", sample)
    found = Bounding().analyse(everybody, np.random.default_rng(0))
    assert ends(found.row("loss"))[:2] == pytest.approx(tuple(expected), abs=ROUNDING)


@pytest.mark.parametrize("assume", [(), BOTH])
def test_turning_the_outcome_round_mirrors_every_bound(confounded, assume):
    sample = confounded(n=800, missing=True, clustered=True, weighted=True)
    turned = replace(sample, y=1 - sample.y)
    up, down = ({"direction": d} if assume else {} for d in ("raises", "lowers"))
    one = finding(sample, assume=assume, **up)
    other = finding(turned, assume=assume, **down)
    for row in one.rows:
        lower, upper, lo, hi = ends(row)
        assert ends(other.row(row.label)) == pytest.approx((-upper, -lower, -hi, -lo), abs=1e-7)
    assert one.multiple == other.multiple


def test_assumptions_that_exclude_no_effect_leave_nothing_examined_to_overturn_it(confounded):
    sample = confounded(n=1500)
    contrary = replace(sample, a=1 - sample.a)
    found = finding(contrary, assume=["monotone_selection"], direction="raises")
    lower, upper, *_ = ends(found.row("exposure"))
    assert lower < upper < 0
    assert found.headline == upper
    assert found.multiple == math.inf
    assert "excludes no effect" in found.short


def test_assumptions_the_data_contradict_leave_no_bounds(confounded):
    found = finding(confounded(n=1500), assume=BOTH, direction="lowers")
    assert "contradict" in found.headline.reason
    assert "contradict" in found.short
    assert "contradict" in found.row("exposure").note


def test_continuous_outcomes_need_a_range_that_holds_them(confounded):
    sample = confounded(outcome="continuous")
    assert "outcome_range" in finding(sample, MeanDifference()).headline.reason
    with pytest.raises(OutcomeError, match="does not hold the outcome, which runs from"):
        finding(sample, MeanDifference(), outcome_range=(-1, 1))
    lower, upper, *_ = ends(
        finding(sample, MeanDifference(), outcome_range=(-20, 30)).row("exposure")
    )
    assert upper - lower == pytest.approx(50)


def test_a_range_for_a_binary_outcome_is_refused(confounded):
    with pytest.raises(OutcomeError, match="Leave it out"):
        finding(confounded(), outcome_range=(0, 2))


def test_a_dose_is_declined(confounded):
    sample = replace(confounded(), exposure_kind="dose")
    assert "dose" in finding(sample, MeanDifference()).headline.reason


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"outcome_range": [30, 0]}, "lowest and the highest"),
        ({"outcome_range": [0, float("inf")]}, "lowest and the highest"),
        ({"assume": ["monotone_response"]}, "go together"),
        ({"direction": "raises"}, "go together"),
        ({"assume": ["monotone"], "direction": "raises"}, "assume"),
        ({"level": 0.4}, "level"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "bounds", **wrong})


def test_intervals_end_at_the_largest_difference_there_could_be_and_say_so(confounded):
    sample = confounded(n=60)
    nearly = np.where(np.arange(60) == 0, 1 - sample.a, sample.a)
    certain = replace(sample, y=nearly)  # nearly everybody's outcome is their exposure
    found = finding(certain, MeanDifference())
    row = found.row("exposure")
    assert row.number("hi") == 1
    assert "cut at the largest difference" in row.note
    assert "end at the largest difference" in found.sentence
    inside = finding(confounded(n=1000))
    assert "largest difference" not in inside.row("exposure").note
    assert "largest difference" not in inside.sentence


def test_an_end_at_zero_has_no_sign(confounded):
    assume = dict(assume=["monotone_response"], direction="lowers")
    assert "-0 " not in finding(confounded(n=1000), **assume).short

"""An exposure that changes nothing finds confounding it shares with the outcome, exposure held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import HELD
from causal.estimators import GComputation, InverseProbability, LinearProbability, MeanDifference
from causal.refuters import NegativeControlExposure

RATIONALE = "driven by the same motivation, and without a way to the outcome"
CONTROL = NegativeControlExposure(exposure="church", concept="churchgoing", rationale=RATIONALE)


def with_church(sample, driver, seed=9, *, dose=False):
    """Give another exposure that ``driver`` drives; the exposure joins the covariates."""
    rng = np.random.default_rng(seed)
    church = driver + rng.normal(size=sample.n)
    return replace(
        sample,
        a=church if dose else (church > 0).astype(float),
        x=np.column_stack([sample.x, sample.a]),
        terms=(*sample.terms, HELD),
        concepts=(*sample.concepts, HELD),
        exposure_kind="dose" if dose else "binary",
    )


@pytest.mark.parametrize("estimator", [GComputation(), InverseProbability()], ids=lambda e: e.kind)
def test_confounding_that_is_not_adjusted_for_fails(refute, confounded, estimator):
    sample = confounded(3000, outcome="continuous")
    bare = sample.with_terms(("x2",))
    church = {"church": with_church(bare, sample.x[:, 0])}
    found = refute(CONTROL, estimator, bare, scale="mean_difference", exposures=church)
    assert found.verdict == "FAIL", found.reason
    assert "bias remains" in found.reason


@pytest.mark.parametrize("estimator", [GComputation(), InverseProbability()], ids=lambda e: e.kind)
def test_confounding_that_is_adjusted_for_passes_with_its_power(refute, confounded, estimator):
    sample = confounded(6000, outcome="continuous")
    church = {"church": with_church(sample, sample.x[:, 0])}
    found = refute(CONTROL, estimator, sample, scale="mean_difference", exposures=church)
    assert found.verdict == "PASS", found.reason
    assert "at most half of the rung's" in found.reason
    half = (found.interval[1] - found.interval[0]) / 2
    assert found.power.detectable == pytest.approx(2.8 / 1.96 * half, rel=1e-3)


def test_exposure_is_held_so_that_its_effect_is_no_bias(refute, confounded):
    """A later exposure follows from the earlier one, which has an effect of its own."""
    sample = confounded(6000, outcome="continuous")
    later = with_church(sample, 2 * sample.a - 1)
    found = refute(
        CONTROL, GComputation(), sample, scale="mean_difference", exposures={"church": later}
    )
    assert found.verdict != "FAIL", found.reason
    listed = GComputation(outcome={"terms": ("x0", "x1", "x2")})  # a list of terms would drop it
    again = refute(CONTROL, listed, sample, scale="mean_difference", exposures={"church": later})
    assert again.mean == pytest.approx(found.mean)
    bare = later.with_terms(sample.terms)
    found = refute(
        CONTROL, GComputation(), sample, scale="mean_difference", exposures={"church": bare}
    )
    assert found.verdict == "FAIL"


def test_a_small_control_is_uninformative(refute, confounded):
    sample = confounded(150)
    church = {"church": with_church(sample, 0 * sample.a)}
    found = refute(CONTROL, GComputation(), sample, exposures=church)
    assert found.verdict == "NOT_RESOLVABLE"
    assert "80 % power" in found.reason


def test_a_dose_is_compared_in_standard_deviations(refute, confounded):
    sample = confounded(3000)
    small = with_church(sample, sample.x[:, 0], dose=True)
    large = replace(small, a=small.a * 1000)
    first, second = (
        refute(CONTROL, LinearProbability(), sample, exposures={"church": one})
        for one in (small, large)
    )
    assert first.verdict == second.verdict
    assert second.mean == pytest.approx(first.mean / 1000)


def test_turning_the_outcome_round_turns_the_sign_alone(refute, confounded):
    sample = confounded(1000)
    church = with_church(sample, sample.x[:, 0])
    turned = replace(church, y=1 - church.y)
    first, second = (
        refute(CONTROL, GComputation(), replace(sample, y=one.y), exposures={"church": one})
        for one in (church, turned)
    )
    assert second.mean == pytest.approx(-first.mean)
    assert second.verdict == first.verdict


def test_what_it_cannot_use_is_declined(refute, confounded):
    sample = confounded()
    church = {"church": with_church(sample, sample.x[:, 0])}
    dose = {"church": with_church(sample, sample.x[:, 0], dose=True)}
    found = refute(CONTROL, MeanDifference(), sample, exposures=church)
    assert "exposure itself cannot be held" in found.reason
    found = refute(CONTROL, GComputation(), sample, exposures=dose)
    assert "takes a 0/1 exposure; 'church' is a dose" in found.reason
    found = refute(CONTROL, GComputation(), sample)
    assert "no sample with exposure 'church'" in found.reason


def test_its_subject_names_column_and_moment():
    assert CONTROL.subject == "church"
    later = CONTROL.model_copy(update={"at": "after_outcome"})
    assert later.subject == "church@after_outcome"


def test_a_rationale_is_asked_for():
    with pytest.raises(ValidationError, match="rationale"):
        NegativeControlExposure(exposure="church", concept="churchgoing")

"""A negative control finds confounding it shares, and says when it could not have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimators import GComputation, LinearProbability
from causal.refuters import NegativeControlOutcome

RATIONALE = "measured before exposure, and driven by the same motivation"
CONTROL = NegativeControlOutcome(outcome="earlier", concept="use_before", rationale=RATIONALE)


def with_control(sample, loading, seed=9):
    """Give a control outcome with a loading on the covariate that confounds."""
    rng = np.random.default_rng(seed)
    return replace(sample, y=loading * sample.x[:, 0] + rng.normal(size=sample.n))


def test_confounding_that_is_not_adjusted_for_fails(refute, confounded):
    sample = confounded(2000, outcome="continuous")
    bare = sample.with_terms(("x2",))
    control = replace(with_control(sample, 1.0), x=bare.x, terms=bare.terms, concepts=bare.concepts)
    found = refute(
        CONTROL, GComputation(), bare, scale="mean_difference", auxiliary={"earlier": control}
    )
    assert found.verdict == "FAIL", found.reason
    assert "bias remains" in found.reason
    assert found.p_value < 0.05


def test_confounding_that_is_adjusted_for_passes_with_its_power(refute, confounded):
    sample = confounded(6000, outcome="continuous")
    found = refute(
        CONTROL,
        GComputation(),
        sample,
        scale="mean_difference",
        auxiliary={"earlier": with_control(sample, 1.0)},
    )
    assert found.verdict == "PASS", found.reason
    assert "80 % power" in found.reason
    half = (found.interval[1] - found.interval[0]) / 2
    assert found.power.detectable == pytest.approx(2.8 / 1.96 * half, rel=1e-3)


def test_a_small_control_is_uninformative(refute, confounded):
    sample = confounded(150)
    found = refute(CONTROL, GComputation(), sample, auxiliary={"earlier": sample_of_coins(sample)})
    assert found.verdict == "NOT_RESOLVABLE"
    assert "uninformative" in found.reason
    assert "80 % power" in found.reason


def sample_of_coins(sample):
    """Give an outcome that depends on nothing."""
    coins = np.random.default_rng(5).integers(0, 2, sample.n).astype(float)
    return replace(sample, y=coins, outcome_kind="binary")


def test_a_control_of_another_kind_is_compared_in_standard_deviations(refute, confounded):
    sample = confounded(3000)
    small = replace(with_control(sample, 1.0), outcome_kind="continuous")
    large = replace(small, y=small.y * 1000)
    first, second = (
        refute(CONTROL, LinearProbability(), sample, auxiliary={"earlier": one})
        for one in (small, large)
    )
    assert first.verdict == second.verdict
    assert second.mean == pytest.approx(1000 * first.mean)


def test_a_ratio_rung_is_compared_by_its_difference(refute, confounded):
    sample = confounded(3000)
    auxiliary = {"earlier": sample_of_coins(sample)}
    ratio, difference = (
        refute(CONTROL, GComputation(), sample, scale=scale, auxiliary=auxiliary)
        for scale in ("risk_ratio", "risk_difference")
    )
    assert ratio.verdict == difference.verdict
    assert ratio.mean == difference.mean


def test_a_control_that_is_not_there_is_not_evaluated(refute, confounded):
    found = refute(CONTROL, GComputation(), confounded())
    assert found.verdict == "NOT_EVALUATED"
    assert "no sample with outcome 'earlier'" in found.reason


def test_a_rationale_is_asked_for():
    with pytest.raises(ValidationError, match="rationale"):
        NegativeControlOutcome(outcome="earlier", concept="use_before")

"""Many controls show how large systematic error is, and free the estimate of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimators import GComputation, LinearDML
from causal.refuters import EmpiricalCalibration
from causal.refuters.empirical_calibration import ease_verdict

NAMES = tuple(f"control_{number}" for number in range(24))


def calibration(names=NAMES, **settings):
    """Give the refuter with these controls."""
    return EmpiricalCalibration(
        controls=[
            {"outcome": one, "concept": one, "rationale": "nothing exposure could have changed"}
            for one in names
        ],
        **settings,
    )


def controls(sample, loading, names=NAMES, seed=5):
    """Give outcomes that x0 drives with a strength of their own, and exposure does not."""
    rng = np.random.default_rng(seed)
    made = {}
    for name in names:
        eta = -0.5 + loading * rng.uniform(0.5, 1.5) * sample.x[:, 0]
        made[name] = (rng.random(sample.n) < 1 / (1 + np.exp(-eta))).astype(float)
    return made


def test_confounding_left_in_fails_and_is_taken_out_of_the_ratio(refute, confounded):
    sample = confounded(4000, strength=1.0)
    bare = sample.with_terms(("x2",))
    samples = {name: replace(bare, y=y) for name, y in controls(sample, 1.0).items()}
    found = refute(calibration(), GComputation(), bare, auxiliary=samples)
    assert found.verdict == "FAIL", found.reason
    assert "above the threshold of 0.25" in found.reason
    raw, freed = (
        next(row for row in found.rows if row.label == label)
        for label in ("risk_ratio", "calibrated")
    )
    truth = refute(calibration(), GComputation(), sample, auxiliary={}).reason
    assert "0 of 24" in truth
    right = GComputation().fit(sample, *_fresh()).effect("risk_ratio").estimate
    assert not raw.number("lo") < right < raw.number("hi")
    assert freed.number("lo") < right < freed.number("hi")


def _fresh():
    from causal.estimators import NuisanceStore

    return NuisanceStore(), np.random.default_rng(0)


def test_confounding_adjusted_for_passes(refute, confounded):
    sample = confounded(6000)
    samples = {name: replace(sample, y=y) for name, y in controls(sample, 1.0).items()}
    found = refute(calibration(), GComputation(), sample, auxiliary=samples)
    assert found.verdict == "PASS", found.reason
    row = next(row for row in found.rows if row.label == "expected_absolute_error")
    assert row.number("controls") == 24
    assert row.number("lo") <= row.number("estimate") <= row.number("hi") < 0.25
    assert len([row for row in found.rows if row.label == "control"]) == 24


def test_fewer_than_ten_controls_are_not_evaluated(refute, confounded):
    sample = confounded(1000)
    samples = {name: replace(sample, y=y) for name, y in controls(sample, 1.0).items()}
    first = dict(list(samples.items())[:9])
    found = refute(calibration(), GComputation(), sample, auxiliary=first)
    assert found.verdict == "NOT_EVALUATED"
    assert "9 of 24 negative control outcomes" in found.reason
    assert "with fewer than 10" in found.reason
    assert "control_9: there is no sample" in found.reason


def test_a_column_at_several_moments_is_one_control(refute, confounded):
    sample = confounded(1000)
    names = NAMES[:5]
    twice = EmpiricalCalibration(
        controls=[
            {"outcome": name, "concept": name, "rationale": "no change by exposure", "at": at}
            for name in names
            for at in ("next_interview", "same_interview")
        ]
    )
    samples = {
        f"{name}@{at}": replace(sample, y=y)
        for name, y in controls(sample, 1.0, names).items()
        for at in ("next_interview", "same_interview")
    }
    found = refute(twice, GComputation(), sample, auxiliary=samples)
    assert found.verdict == "NOT_EVALUATED"
    assert "10 of 10 negative control outcomes" in found.reason
    assert "of 5 columns; with fewer than 10" in found.reason


def test_a_control_without_risk_ratio_is_left_out_with_its_reason(refute, confounded):
    sample = confounded(1000)
    samples = {name: replace(sample, y=y) for name, y in controls(sample, 1.0).items()}
    samples["control_3"] = replace(samples["control_3"], outcome_kind="continuous")
    found = refute(calibration(), GComputation(), sample, auxiliary=samples)
    row = next(row for row in found.rows if row.subject == "control_3")
    assert "does not have" in row.number("log_risk_ratio").reason
    assert found.verdict != "NOT_EVALUATED"


def test_it_never_works_on_differences(refute, confounded):
    sample = confounded(600, outcome="continuous")
    found = refute(calibration(), GComputation(), sample, scale="mean_difference")
    assert found.verdict == "NOT_EVALUATED"
    assert "risk ratios" in found.reason
    slopes = LinearDML(cross_fit={"folds": 2})
    found = refute(calibration(), slopes, confounded(300))
    assert "gives a difference only" in found.reason


@pytest.mark.parametrize(
    ("lo", "hi", "verdict"),
    [(0.1, 0.2, "PASS"), (0.3, 0.5, "FAIL"), (0.1, 0.5, "NOT_RESOLVABLE")],
)
def test_the_verdict_is_three_way(lo, hi, verdict):
    assert ease_verdict(lo, hi, 0.25) == verdict


def test_a_control_stands_once_at_each_moment():
    with pytest.raises(ValidationError, match="'control_0' stands twice"):
        calibration((*NAMES, "control_0"))
    one = {"outcome": "pain", "concept": "pain", "rationale": "nothing could have changed it"}
    two = EmpiricalCalibration(controls=[one, {**one, "at": "next_scheduled"}])
    assert [control.key for control in two.controls] == ["pain", "pain@next_scheduled"]
    assert two.subject == "2 outcomes"

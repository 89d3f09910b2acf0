"""A simulated confounder has exactly the strength asked for, and moves estimates as it must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimate import NotEstimable
from causal.estimators import AIPW, GComputation, LinearProbability, MeanDifference
from causal.refuters import SimulatedConfounder
from causal.refuters.confounding import Unit, make_confounder, measured_unit
from causal.refuters.simulated_confounder import with_confounder
from causal.sensitivity.partial_r2 import (
    Strength,
    block_strength,
    fit_linear,
    smallest_multiple,
)

LINEAR = LinearProbability(variance={"kind": "classical"})
REFUTER = SimulatedConfounder(draws=2)
EXACT = 1e-9  # rounding of projections
GRID = 1 / 256  # of a step of the grid


def numbers(found, label="k"):
    """Give the rows of a label."""
    return [row for row in found.rows if row.label == label]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outcome", ["binary", "continuous"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_its_partial_r2_are_exactly_as_asked(confounded, weighted, outcome, sign):
    sample = confounded(weighted=weighted, outcome=outcome)
    asked = Strength(0.07, 0.2)
    u = make_confounder(sample, asked, sign, np.random.default_rng(0))
    part = np.array([False, False, False, True])
    x = np.column_stack([sample.x, u])
    found = block_strength(sample.y, sample.a, x, sample.w, part)
    assert found.exposure == pytest.approx(asked.exposure, abs=EXACT)
    assert found.outcome == pytest.approx(asked.outcome, abs=EXACT)
    for column in sample.x.T:
        together = np.average((u - np.average(u, weights=sample.w)) * column, weights=sample.w)
        assert together == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
@pytest.mark.parametrize("turn", [False, True])
def test_a_linear_model_moves_as_the_closed_form_says(refute, confounded, outcome, turn):
    """Cinelli & Hazlett (2020), section 4.1; also for negative effects."""
    sample = confounded(600, outcome=outcome)
    sample = replace(sample, y=(1 - sample.y) if turn else sample.y)
    scale = "risk_difference" if outcome == "binary" else "mean_difference"
    found = refute(REFUTER, LINEAR, sample, scale=scale)
    assert len(numbers(found)) >= 5
    for row in numbers(found):
        if isinstance(row.number("estimate"), NotEstimable):
            continue
        assert row.number("estimate") == pytest.approx(row.number("linear_closed_form"), abs=1e-6)
        half = (row.number("hi") - row.number("lo")) / 2
        assert half == pytest.approx(1.96 * row.number("linear_std_error"), rel=0.01)


def test_0_is_met_where_the_closed_form_meets_it(refute, confounded):
    sample = confounded(2000, strength=0.4)
    found = refute(REFUTER, LINEAR, sample)
    fit = fit_linear(sample.y, sample.a, sample.x, sample.w, None)
    unit = measured_unit(sample, fit.df, None)
    assert unit.name == "severity"
    meets, flips = (
        next(iter(numbers(found, label))).number("k")
        for label in ("interval_meets_0", "sign_flips")
    )
    assert flips == pytest.approx(smallest_multiple(fit, unit.strength), abs=GRID)
    assert meets == pytest.approx(smallest_multiple(fit, unit.strength, critical=1.961), abs=GRID)


def test_a_weak_effect_fails_and_a_strong_one_passes(refute, confounded):
    strong = refute(REFUTER, GComputation(), confounded(4000, strength=0.3))
    assert strong.verdict == "PASS", strong.reason
    weak = refute(REFUTER, GComputation(), confounded(1500, strength=0.7))
    assert weak.verdict == "FAIL", weak.reason
    assert "times as strong as" in weak.reason
    assert weak.interval[0] <= 0 <= weak.interval[1] or weak.mean < 0


def test_an_interval_that_includes_0_already_is_not_resolvable(refute, confounded):
    found = refute(REFUTER, GComputation(), confounded(150))
    assert found.verdict == "NOT_RESOLVABLE"
    assert "without any confounder" in found.reason


def test_what_has_to_be_survived_decides(refute, confounded):
    sample = confounded(4000, strength=0.3)
    for must, verdict in ((1.0, "PASS"), (4.0, "FAIL")):
        refuter = SimulatedConfounder(draws=2, must_withstand=must)
        found = refute(refuter, LINEAR, sample)
        assert found.verdict == verdict, found.reason
        assert f"{must:g}" in [row.subject for row in numbers(found)]


@pytest.mark.parametrize("estimator", [GComputation(), AIPW()], ids=lambda one: one.kind)
def test_turning_the_outcome_round_turns_the_sign_alone(refute, confounded, estimator):
    sample = confounded(1500)
    turned = replace(sample, y=1 - sample.y)
    first, second = (refute(REFUTER, estimator, one) for one in (sample, turned))
    assert second.verdict == first.verdict
    assert second.mean == pytest.approx(-first.mean, abs=0.005)  # the noise differs in sign


def test_a_ratio_is_brought_to_1(refute, confounded):
    found = refute(REFUTER, GComputation(), confounded(1500), scale="risk_ratio")
    rows = [row for row in numbers(found) if not isinstance(row.number("estimate"), NotEstimable)]
    assert found.expected > rows[0].number("estimate") > rows[1].number("estimate")
    assert rows[0].number("lo") < rows[0].number("estimate") < rows[0].number("hi")


def test_strength_may_be_given_as_partial_r2(refute, confounded):
    refuter = SimulatedConfounder(partial_r2=(0.02, 0.03), k=(1, 2), draws=2)
    found = refute(refuter, LINEAR, confounded(1500).with_terms(()))
    assert [row.number("r2_exposure") for row in numbers(found)] == pytest.approx([0.02, 0.04])
    assert [row.number("r2_outcome") for row in numbers(found)] == pytest.approx([0.03, 0.06])
    assert isinstance(Unit("", Strength(0.3, 0.4)).times(3), NotEstimable)


def test_a_benchmark_may_be_named(refute, confounded):
    found = refute(SimulatedConfounder(benchmark="motivation", draws=2), LINEAR, confounded(1500))
    assert numbers(found, "benchmark")[0].subject == "motivation"
    both = SimulatedConfounder(benchmark=("severity", "motivation"), draws=2)
    assert both.named_concepts == ("severity", "motivation")
    assert "severity + motivation" in refute(both, LINEAR, confounded(1500)).reason
    found = refute(SimulatedConfounder(benchmark="age", draws=2), LINEAR, confounded())
    assert "does not adjust for age" in found.reason


def test_clusters_doses_and_missing_outcomes_are_taken(refute, confounded):
    for sample in (confounded(1500, clustered=True), confounded(1500, missing=True)):
        assert refute(REFUTER, GComputation(), sample).verdict in ("PASS", "FAIL")
    sample = confounded(1500)
    dose = replace(sample, a=sample.a + sample.x[:, 0], exposure_kind="dose")
    found = refute(REFUTER, LinearProbability(), dose)
    assert found.verdict in ("PASS", "FAIL", "NOT_RESOLVABLE")
    assert found.mean is not None


def test_rows_without_an_outcome_have_a_confounder_too(confounded):
    sample = confounded(2000, missing=True)
    added = with_confounder(sample, Strength(0.1, 0.1), 1.0, np.random.default_rng(0))
    wider = added.apply(sample)
    unknown = wider.x[~sample.observed, -1]
    assert np.isfinite(unknown).all()
    assert unknown.std() == pytest.approx(wider.x[sample.observed, -1].std(), rel=0.15)


def test_what_it_cannot_use_is_declined(refute, confounded):
    assert "adjusts for nothing" in refute(REFUTER, MeanDifference(), confounded()).reason
    bare = confounded().with_terms(())
    assert "no block" in refute(REFUTER, GComputation(), bare).reason


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"k": (2, 1)}, r"k has 1 after 2; write multiples in rising order"),
        ({"k": (1, 1)}, r"k has 1 after 1"),
        ({"k": ()}, r"at least 1 item"),
        ({"benchmark": ("a", "a")}, r"the concept 'a' stands twice in a block"),
        ({"k": (-1, 1)}, r"k has -1; write multiples above 0"),
        ({"k": (0, 1)}, r"k has 0; write multiples above 0"),
        ({"k": ()}, "at least 1"),
        ({"partial_r2": (0.1, 1.0)}, "less than 1"),
        ({"benchmark": "severity", "partial_r2": (0.1, 0.1)}, "take one of them away"),
        ({"must_withstand": 0}, "greater than 0"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        SimulatedConfounder(**settings)

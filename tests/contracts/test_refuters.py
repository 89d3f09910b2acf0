"""What every refuter owes: the same checks for each, whatever it tries."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.diagnostics import Verdict
from causal.estimate import NotEstimable
from causal.estimators import GComputation, NuisanceStore
from causal.refuters import (
    AnyRefuter,
    Auxiliary,
    Bootstrap,
    DataSubset,
    DoWhySecondOpinion,
    DummyOutcome,
    EmpiricalCalibration,
    GraphFalsification,
    NegativeControlExposure,
    NegativeControlOutcome,
    PlaceboExposure,
    Power,
    RandomCommonCause,
    SimulatedConfounder,
    SimulatedOutcome,
)
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences
from causal.seeding import generator
from causal.subject import Subject

CONTROLS = tuple(f"control_{number}" for number in range(12))
REFUTERS = {
    "placebo_exposure": PlaceboExposure(draws=60),
    "random_common_cause": RandomCommonCause(draws=60),
    "data_subset": DataSubset(draws=60),
    "bootstrap": Bootstrap(draws=60),
    "dummy_outcome": DummyOutcome(draws=60),
    "negative_control_outcome": NegativeControlOutcome(
        outcome="earlier", concept="prior_outcome", rationale="measured before exposure began"
    ),
    "dowhy": DoWhySecondOpinion(draws=20),
    "graph_falsification": GraphFalsification(permutations=20),
    "negative_control_exposure": NegativeControlExposure(
        exposure="other", concept="other_exposure", rationale="shares causes and changes nothing"
    ),
    "empirical_calibration": EmpiricalCalibration(
        controls=[
            {"outcome": one, "concept": one, "rationale": "nothing that exposure could change"}
            for one in CONTROLS
        ]
    ),
    "simulated_outcome": SimulatedOutcome(draws=60),
    "simulated_confounder": SimulatedConfounder(draws=2, k=(0.5, 1.0)),
}
WITHOUT_DRAWS = ("negative_control_outcome", "dowhy", "graph_falsification")
EVERY = pytest.mark.parametrize("refuter", REFUTERS.values(), ids=REFUTERS.keys())
DRAWING = pytest.mark.parametrize(
    "refuter",
    [
        REFUTERS[name]
        for name in (
            "placebo_exposure",
            "random_common_cause",
            "data_subset",
            "bootstrap",
            "dummy_outcome",
            "simulated_outcome",
        )
    ],
    ids=lambda one: one.kind,
)


def refute(refuter, sample, *, seed=0, auxiliary=None, scale="risk_difference"):
    estimator = GComputation()
    original = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    extra = {"earlier": sample, **shuffled(sample)} if auxiliary is None else auxiliary
    coins = np.random.default_rng(13).integers(0, 2, sample.n).astype(float)
    other = {"other": sample.with_exposure(coins)}
    stream = generator(seed, "refuter", "full", refuter.kind)
    subject = Subject("full", estimator, sample, original, original, sample, scale)
    found = Auxiliary(outcomes=extra, exposures=other, implications=implications(sample))
    return refuter.refute(subject, stream, found)


def implications(sample):
    """Say that the three covariates are independent, and the third of exposure."""
    named = {"mhg": sample.a, **dict(zip(sample.concepts, sample.x.T, strict=True))}
    return ImpliedIndependences(
        concepts=tuple(ConceptColumns(k, v[:, None], (k,), (False,)) for k, v in named.items()),
        always=np.empty((sample.n, 0)),
        w=sample.w,
        cluster=sample.cluster,
        implied=(Implied("severity", "motivation", ()), Implied("mhg", "demographics", ())),
    )


def shuffled(sample):
    """Give outcomes that have nothing to do with exposure."""
    rng = np.random.default_rng(12)
    return {name: replace(sample, y=rng.permutation(sample.y)) for name in CONTROLS}


@EVERY
def test_a_single_cluster_is_declined(confounded, refuter):
    sample = confounded()
    one = replace(sample, cluster=np.zeros(sample.n, dtype=np.int64))
    estimator = GComputation(variance={"clustered": False})
    original = estimator.fit(one, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, one, original, original, one, "risk_difference")
    found = refuter.refute(subject, np.random.default_rng(0), Auxiliary())
    assert found.verdict == "NOT_EVALUATED"
    assert "belong to 1 cluster; at least 2 are needed" in found.reason


def test_the_suite_covers_every_refuter():
    union = get_args(get_args(AnyRefuter)[0])
    assert {type(one) for one in REFUTERS.values()} == set(union)
    assert {one.kind for one in REFUTERS.values()} == set(REFUTERS)


@EVERY
def test_a_refutation_is_complete(confounded, refuter):
    found = refute(refuter, confounded())
    assert found.kind == refuter.kind
    assert found.rung == "full"
    assert found.verdict in get_args(Verdict)
    assert found.reason.endswith(".")
    assert len(found.reason) > 40
    assert min(len(found.sees), len(found.cannot_see)) > 40
    assert isinstance(found.power, Power | NotEstimable)
    if isinstance(found.power, Power):
        assert found.power.detectable > 0
    low, high = found.interval
    assert low <= found.mean <= high
    assert all(math.isfinite(one) for one in (found.expected, found.mean, low, high))


@EVERY
def test_the_same_stream_gives_the_same_numbers(confounded, refuter):
    sample = confounded()
    first, second = (refute(refuter, sample, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.draws, second.draws)
    assert (first.mean, first.p_value, first.reason) == (second.mean, second.p_value, second.reason)


@DRAWING
def test_another_stream_gives_other_draws(confounded, refuter):
    sample = confounded()
    first, second = (refute(refuter, sample, seed=seed) for seed in (5, 6))
    assert not np.array_equal(first.draws, second.draws)


@DRAWING
def test_more_draws_begin_with_the_same_ones(confounded, refuter):
    """A stream a draw: how draws are shared out cannot change them."""
    sample = confounded()
    few, many = (
        refute(refuter.model_copy(update={"draws": number}), sample) for number in (60, 80)
    )
    np.testing.assert_array_equal(many.draws[:60], few.draws)


@EVERY
def test_the_sample_is_left_as_it_was(confounded, refuter):
    sample = confounded(clustered=True)
    before = {
        one.name: np.copy(getattr(sample, one.name))
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    refute(refuter, sample)
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(sample, name), values, err_msg=name)


@EVERY
def test_draws_cannot_be_written_to(confounded, refuter):
    found = refute(refuter, confounded())
    assert not found.draws.flags.writeable


@EVERY
def test_what_has_no_estimate_is_not_evaluated(confounded, refuter):
    sample = confounded(outcome="continuous")  # a ratio of negative means does not exist
    shifted = type(sample)(
        **{one.name: getattr(sample, one.name) for one in fields(sample) if one.name != "y"},
        y=sample.y - 20,
    )
    found = refute(refuter, shifted, scale="risk_ratio")
    assert found.verdict == "NOT_EVALUATED"
    assert found.mean is None
    assert isinstance(found.power, NotEstimable)
    assert "Not evaluated" in found.reason


@EVERY
def test_settings_are_frozen_and_refuse_unknown_keys(refuter):
    with pytest.raises(ValidationError, match="frozen"):
        refuter.kind = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(refuter)(**refuter.model_dump(), misspelt=1)


def test_a_misspelt_kind_lists_the_choices():
    with pytest.raises(ValidationError, match=r"placebo_exposure.*data_subset"):
        TypeAdapter(AnyRefuter).validate_python({"kind": "placebo"})


@EVERY
def test_what_it_tries_is_documented(refuter):
    text = inspect.getdoc(type(refuter))
    assert "Attributes\n----------" in text
    assert all(f"{name} :" in text or ", " in text for name in type(refuter).model_fields)

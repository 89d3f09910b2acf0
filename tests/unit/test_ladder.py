"""The share that remains: paired, with Fieller's set, never clipped."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from causal.errors import EstimandMismatchError
from causal.estimate import MEANS, Estimates, NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
    Overlap,
)
from causal.ladder import attenuate

SAME = 1e-9
RNG = np.random.default_rng(0)


def share(sample, estimator):
    store = NuisanceStore()
    crude, adjusted = (one.fit(sample, store, RNG) for one in (MeanDifference(), estimator))
    return attenuate(crude, adjusted, "risk_difference"), crude, adjusted


@pytest.mark.parametrize(
    "estimator", [GComputation(), InverseProbability(), AIPW()], ids=lambda one: one.kind
)
@pytest.mark.parametrize("clustered", [False, True])
def test_the_difference_has_the_error_of_the_paired_influence_values(
    confounded, estimator, clustered
):
    sample = confounded(clustered=clustered)
    found, crude, adjusted = share(sample, estimator)
    turn = np.array([-1.0, 1.0])
    paired = (crude.influence - adjusted.influence) @ turn
    sums = np.bincount(sample.cluster, weights=paired) if clustered else paired
    error = math.sqrt(np.sum(sums**2)) / sample.n
    value = (crude.values - adjusted.values) @ turn
    ((lo, hi),) = found.difference.pieces
    assert math.isclose((lo + hi) / 2, value, rel_tol=SAME)
    assert math.isclose((hi - lo) / (2 * 1.959963984540054), error, rel_tol=1e-6)


def test_the_share_is_adjusted_over_crude(confounded):
    found, crude, adjusted = share(confounded(), GComputation())
    expected = np.diff(adjusted.values)[0] / np.diff(crude.values)[0]
    assert math.isclose(found.remaining, expected, rel_tol=SAME)
    ((lo, hi),) = found.fieller.pieces
    assert lo < found.remaining < hi


def test_pairing_makes_the_difference_more_precise_than_two_separate_samples(confounded):
    found, crude, adjusted = share(confounded(n=2000), GComputation())
    turn = np.array([-1.0, 1.0])
    apart = math.sqrt(turn @ (crude.covariance + adjusted.covariance) @ turn)
    ((lo, hi),) = found.difference.pieces
    assert (hi - lo) / (2 * 1.959963984540054) < 0.75 * apart


def test_all_remains_of_a_rung_that_adjusts_for_nothing(confounded):
    found, _, _ = share(confounded(strength=0.0).adjusting_for(()), GComputation())
    assert math.isclose(found.remaining, 1.0, rel_tol=1e-8)
    ((lo, hi),) = found.fieller.pieces
    np.testing.assert_allclose((lo, hi), (1.0, 1.0), atol=1e-4)


def means(difference, spread=0.02, n=200):
    influence = np.random.default_rng(1).normal(size=(n, 2))
    influence -= influence.mean(axis=0)
    return Estimates(
        MEANS, np.array([0.3, 0.3 + difference]), influence, np.eye(2) * spread**2 / 2, "ATE"
    )


def test_a_share_may_be_negative_or_above_one():
    assert attenuate(means(0.2), means(-0.1), "risk_difference").remaining < 0
    assert attenuate(means(0.2), means(0.3), "risk_difference").remaining > 1


def test_a_crude_difference_near_zero_gives_an_unbounded_set():
    found = attenuate(means(0.001), means(0.0), "risk_difference")
    assert not found.fieller.bounded


def test_a_crude_difference_of_zero_has_no_share():
    found = attenuate(means(0.0), means(0.1), "risk_difference")
    assert isinstance(found, NotEstimable)
    assert "exactly 0" in found.reason


def test_the_share_of_a_ratio_is_refused():
    with pytest.raises(EstimandMismatchError, match="not on 'risk_ratio'"):
        attenuate(means(0.2), means(0.1), "risk_ratio")


@pytest.mark.parametrize(
    ("estimator", "mixed"),
    [
        (GComputation(), False),
        (GComputation(target="ATT"), False),
        (InverseProbability(target="ATC"), False),
        (Overlap(), True),
        (Overlap(target="ATM"), True),
        (LinearProbability(), True),
        (LinearDML(), True),
        (InverseProbability(trim=0.2), True),
    ],
    ids=["ATE", "ATT", "ATC", "ATO", "ATM", "projection", "partially linear", "trimmed"],
)
def test_other_targets_are_said_to_be_mixed(confounded, estimator, mixed):
    assert share(confounded(), estimator)[0].mixed_targets is mixed


def test_recoding_the_outcome_leaves_the_share(confounded):
    sample = confounded()
    first, second = (
        share(one, GComputation())[0] for one in (sample, replace(sample, y=1 - sample.y))
    )
    assert math.isclose(first.remaining, second.remaining, rel_tol=1e-8)
    np.testing.assert_allclose(first.fieller.pieces, second.fieller.pieces, rtol=1e-6)


def test_a_share_that_a_rung_rules_out_says_which_rung_does(confounded):
    _, crude, adjusted = share(confounded(), GComputation())
    wild = "a wild bootstrap has no set for a share"
    own = attenuate(crude, replace(adjusted, share_withheld=wild), "risk_difference")
    other = attenuate(replace(crude, share_withheld=wild), adjusted, "risk_difference")
    assert own == NotEstimable(wild)
    assert other == NotEstimable(f"the crude rung rules it out: {wild}")

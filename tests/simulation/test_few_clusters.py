"""Coverage with nine uneven clusters: CR1S falls short, CR2 and the wild bootstrap hold."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators import GComputation, LinearProbability, NuisanceStore

pytestmark = pytest.mark.simulation

SIZES = (20, 30, 30, 40, 40, 50, 60, 80, 100)
EXPOSED = (0.15, 0.8, 0.2, 0.75, 0.25, 0.7, 0.2, 0.3, 0.8)
"""Share exposed by cluster: exposure goes with clusters, as at sites with habits of their own."""
EFFECT = 0.3
REPLICATES = 1000
SHORT = 0.92  # what CR1S with the normal does not reach here
WIDE = 0.03  # over-coverage allowed a method made for few clusters


def draw(rng: np.random.Generator, *, binary: bool) -> Sample:
    """Draw clusters with an intercept and an effect of their own around the same averages."""
    cluster = np.repeat(np.arange(len(SIZES)), SIZES)
    n = len(cluster)
    x = rng.normal(size=(n, 1)) + 0.5 * rng.normal(size=len(SIZES))[cluster, None]
    a = (rng.random(n) < np.array(EXPOSED)[cluster]).astype(float)
    own = rng.normal(size=len(SIZES))[cluster]
    y = EFFECT * a + 0.5 * x[:, 0] + 0.6 * own + rng.normal(size=n)
    if binary:
        y = (rng.random(n) < 0.3 + EFFECT * a * 0.5 + 0.05 * own.clip(-2, 2)).astype(float)
    return Sample(
        unit=np.arange(n), y=y, a=a, x=x, terms=("x0",), concepts=("severity",),
        outcome_kind="binary" if binary else "continuous", exposure_kind="binary",
        w=np.ones(n), cluster=cluster,
    )  # fmt: skip


def coverage(estimators: dict[str, object], *, binary: bool, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    truth = 0.5 * EFFECT if binary else EFFECT
    hit = dict.fromkeys(estimators, 0)
    for _ in range(REPLICATES):
        sample = draw(rng, binary=binary)
        for name, estimator in estimators.items():
            found = estimator.fit(sample, NuisanceStore(), rng)
            effect = found.effect("mean_difference")
            inside = effect.lo <= truth <= effect.hi
            hit[name] += inside if found.region is None else found.region.holds(truth)
    return {name: count / REPLICATES for name, count in hit.items()}


def test_with_nine_clusters_cr1s_falls_short_and_cr2_and_wild_hold():
    found = coverage(
        {
            "CR1S": LinearProbability(variance={"kind": "CR1S"}),
            "CR1S, t": LinearProbability(variance={"kind": "CR1S", "reference": "t"}),
            "CR2": LinearProbability(variance={"kind": "CR2"}),
            "wild": LinearProbability(variance={"kind": "wild", "draws": 399}),
        },
        binary=False,
        seed=1,
    )
    low, high = acceptance_band(REPLICATES, 2)
    assert found["CR1S"] < SHORT
    assert found["CR1S"] < found["CR1S, t"]
    for name in ("CR2", "wild"):
        assert low <= found[name] <= high + WIDE, found


def test_scores_multiplied_come_closer_than_standard_errors():
    found = coverage(
        {
            "HC1": GComputation(variance={"kind": "HC1"}),
            "wild": GComputation(variance={"kind": "wild", "draws": 399}),
        },
        binary=True,
        seed=2,
    )
    assert found["HC1"] < found["wild"]
    assert abs(found["wild"] - 0.95) < abs(found["HC1"] - 0.95)

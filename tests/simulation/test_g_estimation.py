"""Coverage of g-estimation where its model of the effect is right, outcomes lost on the way."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators import GEstimation, NuisanceStore

pytestmark = pytest.mark.simulation

REPLICATES = 1000
PERSONS = 3000
"""With 800 the slope is covered .92 of the time: sandwiches are small where few have leverage."""
EFFECT, SLOPE = 1.0, -0.5
CELLS = 4


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def draw(rng: np.random.Generator, slope: float) -> Sample:
    """Draw outcomes no linear regression describes, and lose some by exposure and covariates."""
    n = PERSONS
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    a = (rng.random(n) < expit(-0.2 + 0.8 * x[:, 0] - 0.5 * x[:, 1])).astype(float)
    free = np.exp(0.5 * x[:, 0]) + np.abs(x[:, 0]) * x[:, 1]
    y = free + a * (EFFECT + slope * x[:, 0]) + rng.normal(size=n)
    y[rng.random(n) < expit(-1.2 + 0.5 * a + 0.7 * x[:, 0])] = np.nan
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1"),
        concepts=("severity", "demographics"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )


def test_intervals_cover_one_effect_and_the_parameters_of_several() -> None:
    rng, covered = np.random.default_rng(31), np.zeros(CELLS)
    for _ in range(REPLICATES):
        constant, modified = draw(rng, 0.0), draw(rng, SLOPE)
        one = GEstimation(interval="test_inversion").fit(constant, NuisanceStore(), rng)
        effect = one.effect("mean_difference")
        two = GEstimation(modifiers=("x0",)).fit(modified, NuisanceStore(), rng).coefficients
        half = 1.959964 * np.sqrt(np.diag(two.covariance))
        covered += (
            effect.lo <= EFFECT <= effect.hi,
            one.region.holds(EFFECT),
            *(np.abs(two.values - [EFFECT, SLOPE]) <= half),
        )
    low, high = acceptance_band(REPLICATES, CELLS)
    assert (low <= covered / REPLICATES).all(), covered
    assert (covered / REPLICATES <= high).all(), covered

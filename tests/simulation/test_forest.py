"""Coverage of the causal forest's average by doubly robust scores, as far as a minute shows it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.mechanism import LATENT, Design, draw
from benchmarks.performance import acceptance_band
from causal.estimators import CausalForest, NuisanceStore
from causal.simulate import SCENARIOS, truth

pytestmark = pytest.mark.simulation

REPLICATES = 40
PERSONS = 800
NOISE = 3  # Monte-Carlo standard errors


def test_intervals_cover_the_effect_and_errors_are_those_of_the_estimates() -> None:
    """Forty fits tell a broken standard error or centre, not .95 from .90."""
    base = SCENARIOS["no_sites"]
    expected, rng = truth(base)["ate"], np.random.default_rng(47)
    forest = CausalForest(
        trees=40,
        propensity={"learner": "spline_glm"},
        outcome={"learner": "spline_glm"},
        cross_fit={"folds": 2},
    )
    effects = [
        forest.fit(draw(Design("forest", base, PERSONS, LATENT), rng), NuisanceStore(), rng).effect(
            "risk_difference"
        )
        for _ in range(REPLICATES)
    ]
    z = np.array([(one.estimate - expected) / one.std_error for one in effects])
    low, high = acceptance_band(REPLICATES, 1)
    assert low <= np.mean([one.lo <= expected <= one.hi for one in effects]) <= high
    assert abs(z.mean()) < NOISE / math.sqrt(REPLICATES)
    assert abs(z.std(ddof=1) - 1) < NOISE / math.sqrt(2 * REPLICATES)

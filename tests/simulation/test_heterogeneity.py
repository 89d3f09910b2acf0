"""Exploration finds nothing where the effect is the same for all, and finds what is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators.learners import Learned
from causal.estimators.nuisance import OutcomeModel, PropensityModel
from causal.heterogeneity import explore
from causal.heterogeneity_findings import Exploration

pytestmark = pytest.mark.simulation

EXPLORATION = Exploration(
    terms=("x0", "x1", "x2"),
    modifiers=(("x0", ("x0",)), ("x2", ("x2",))),
    propensity=PropensityModel(),
    outcome=OutcomeModel(link="linear", arms="separate"),
    clip=(0.01, 0.99),
    groups=4,
    folds=2,
    divisions=3,
    learner=Learned(),
    stream=("rung", "0"),
)
NULLS = 500
PLANTED = 60
LEVEL = 0.05
PLANTED_SLOPE = 0.8


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def draw(rng: np.random.Generator, slope: float, n: int = 800) -> Sample:
    """Draw an effect of 0.5 everywhere, or one that moves with the first covariate."""
    x = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.integers(0, 2, n)])
    a = (rng.random(n) < expit(0.6 * x[:, 0] - 0.4 * x[:, 1])).astype(float)
    y = x[:, 0] - 0.5 * x[:, 1] + a * (0.5 + slope * x[:, 0]) + rng.normal(size=n)
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1", "x2"),
        concepts=("severity", "motivation", "demographics"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )


def test_an_effect_that_is_the_same_for_all_is_found_to_differ_at_the_nominal_rate() -> None:
    rng, found = np.random.default_rng(41), np.zeros(4)
    for number in range(NULLS):
        one = explore(draw(rng, 0.0), replace(EXPLORATION, stream=("null", str(number))), 1)
        slopes = dict(one.modifiers[0].slopes + one.modifiers[1].slopes)
        found += (
            slopes["x0"].p_value < LEVEL,
            slopes["x2"].p_value < LEVEL,
            one.calibration.p_value < LEVEL,
            one.groups_p < LEVEL,
        )
    low, high = (1 - end for end in reversed(acceptance_band(NULLS, 4)))
    rates = found / NULLS
    assert (rates <= high).all(), rates
    assert (rates[:2] >= low).all(), rates  # medians of divisions are cautious


def test_an_effect_that_moves_with_a_covariate_is_found_to() -> None:
    rng, seen = np.random.default_rng(43), []
    for number in range(PLANTED):
        one = explore(
            draw(rng, PLANTED_SLOPE), replace(EXPLORATION, stream=("planted", str(number))), 1
        )
        (_, first), (_, last) = (one.modifiers[at].slopes[0] for at in (0, 1))
        lowest, highest = one.groups[0], one.groups[-1]
        seen.append(
            (
                first.p_value < LEVEL / 2,
                last.p_value < LEVEL / 2,
                first.interval[0] <= PLANTED_SLOPE <= first.interval[1],
                one.calibration.p_value < LEVEL and one.calibration.value > 0,
                one.calibration.lo <= 1.0 <= one.calibration.hi,
                highest.effect.value > lowest.effect.value,
            )
        )
    named, other, covers, calibrated, right, ordered = np.mean(seen, axis=0)
    low, _ = acceptance_band(PLANTED, 2)
    assert min(named, calibrated, ordered) > 0.95
    assert other < 0.15
    assert min(covers, right) >= low

"""A world whose missing outcomes differ by a planted tilt: undone at that tilt, with coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators import GComputation, NuisanceStore
from causal.sensitivity import TippingPoint
from causal.subject import Subject

pytestmark = pytest.mark.simulation

TILTS = -1.2, 0.9
"""Log odds of the outcome among the lost, unexposed and exposed, beyond those of the followed."""
REPLICATES, PERSONS, WAVES = 200, 500, 2
TRUTH_ROWS = 1_000_000
"""Draws of the covariates the truth is averaged over: known to .0002."""


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def means(level: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the probability of being followed, and of the outcome if followed and if lost."""
    followed = expit(1.0 - 0.6 * level + 0.5 * x[:, 0] - 0.4 * x[:, 1])
    eta = -0.3 + 0.5 * level + 0.7 * x[:, 0] + 0.5 * x[:, 1]
    return followed, expit(eta), expit(eta + np.where(level == 1, TILTS[1], TILTS[0]))


def covariates(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])


def truth() -> float:
    x = covariates(TRUTH_ROWS, np.random.default_rng(99))
    ends = []
    for arm in (0.0, 1.0):
        followed, known, lost = means(np.full(len(x), arm), x)
        ends.append(float(np.mean(followed * known + (1 - followed) * lost)))
    return ends[1] - ends[0]


def draw(seed: int) -> Sample:
    """Draw persons twice, with exposure, loss and outcome alike in both rows: full clustering."""
    rng = np.random.default_rng(seed)
    x = covariates(PERSONS, rng)
    a = (rng.random(PERSONS) < expit(0.6 * x[:, 0] - 0.3)).astype(float)
    followed, known, lost = means(a, x)
    seen = rng.random(PERSONS) < followed
    outcome = (rng.random(PERSONS) < np.where(seen, known, lost)).astype(float)
    y = np.where(seen, outcome, np.nan)
    person = np.repeat(np.arange(PERSONS), WAVES)
    return Sample(
        unit=person,
        y=y[person],
        a=a[person],
        x=x[person],
        terms=("x0", "x1"),
        concepts=("severity", "motivation"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(len(person)),
        cluster=person,
    )


def at_the_planted_tilt(sample: Sample) -> tuple[float, float]:
    """Read the estimate off the contour at the planted tilt, with its standard error."""
    known = sample.rows(sample.observed)
    fit = GComputation().fit(known, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", GComputation(), known, fit, fit, known, "risk_difference", sample)
    found = TippingPoint(deltas=TILTS).analyse(subject, np.random.default_rng(0))
    heights = [contour.height[0][1] for contour in found.contours]
    return heights[0], abs(heights[0] - heights[1]) / 1.959964


def test_planted_tilt_recovers_the_truth_and_its_interval_covers() -> None:
    target = truth()
    found = np.array([at_the_planted_tilt(draw(seed)) for seed in range(REPLICATES)])
    estimates, errors = found.T
    monte_carlo = estimates.std(ddof=1) / math.sqrt(REPLICATES)
    assert abs(estimates.mean() - target) < 3 * monte_carlo
    covered = float(np.mean(np.abs(estimates - target) < 1.959964 * errors))
    low, high = acceptance_band(REPLICATES, 1)
    assert low <= covered <= high
    assert errors.mean() == pytest.approx(estimates.std(ddof=1), rel=3 / math.sqrt(2 * REPLICATES))
    # the same world taken as missing at random is off by far more than chance
    untilted = []
    for seed in range(20):
        sample = draw(seed)
        fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
        untilted.append(fit.effect("risk_difference").estimate)
    assert abs(np.mean(untilted) - target) > 5 * estimates.std(ddof=1) / math.sqrt(20)

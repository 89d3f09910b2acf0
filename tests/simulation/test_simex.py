"""Simulation extrapolation covers the truth of a linear world in which a score has error."""

import math

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimators import AIPW, NuisanceStore
from causal.sensitivity import Reliability
from causal.subject import Subject

pytestmark = pytest.mark.simulation

TRUTH, REPEATS = 0.3, 120
LOWEST = 0.95 - 3 * math.sqrt(0.95 * 0.05 / REPEATS)
"""Coverage of a 95 % interval less three errors of its share; the interval may well be too wide,
since it counts the extrapolant's choice as if it were chance."""


def sweep(rng, reliability, n=1000):
    """Draw the world once and sweep an AIPW rung."""
    cause, other = rng.normal(size=(2, n))
    score = math.sqrt(reliability) * cause + math.sqrt(1 - reliability) * rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(0.3 - cause - 0.5 * other))).astype(float)
    sample = Sample(
        unit=np.arange(n),
        y=TRUTH * a + 0.8 * cause + 0.3 * other + rng.normal(size=n),
        a=a,
        x=np.column_stack([score, other]),
        terms=("score", "other"),
        concepts=("motivation", "severity"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )
    estimator = AIPW()
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, "mean_difference")
    settings = Reliability(terms=["score"], reliabilities=[reliability], method="simex", draws=10)
    return settings.analyse(subject, rng).row("reliability", f"{reliability:g}"), fit


@pytest.mark.parametrize("reliability", [0.6, 0.8])
def test_intervals_at_the_true_reliability_cover_the_truth(reliability):
    stream = np.random.default_rng(11)
    held = seen = 0
    estimates = []
    for rng in stream.spawn(REPEATS):
        row, fit = sweep(rng, reliability)
        estimates.append(row.number("estimate"))
        held += row.number("lo") <= TRUTH <= row.number("hi")
        own = fit.effect("mean_difference")
        seen += own.lo <= TRUTH <= own.hi
    assert held / REPEATS > LOWEST
    assert seen / REPEATS < 0.5  # without the correction
    error = np.std(estimates) / math.sqrt(REPEATS)
    assert abs(np.mean(estimates) - TRUTH) < 3 * error + 0.01  # finite samples pull a ratio

"""Coverage of dose-response curves, their bands, thresholds and nudges on simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.worlds import ODDS, TOP, dose_risks, doses, incremental_truth, shift_truth
from causal.composing_profiles import compose_profile
from causal.estimators import (
    DoseMeans,
    DoseResponse,
    Incremental,
    NuisanceStore,
    Shift,
)
from causal.estimators.dose_forms import DoseSpline
from causal.simulate_groups import MOST

pytestmark = pytest.mark.simulation

N, REPLICATES = 1000, 200
Z = 3.5  # family-wise 1 % over the cells below
SPLINE = DoseSpline(spline=(0, 1, 2, 4))


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def band() -> tuple[float, float]:
    half = Z * math.sqrt(0.95 * 0.05 / REPLICATES)
    return 0.95 - half, min(0.95 + half, 1.0)


@pytest.mark.parametrize(
    ("form", "method"),
    [(SPLINE, "g_computation"), ("levels", "g_computation"), ("levels", "doubly_robust")],
    ids=["spline", "levels", "doubly robust"],
)
def test_curves_and_their_bands_cover(form, method):
    truth = np.array(dose_risks())
    estimator = DoseResponse(form=form, method=method)
    inside, jointly = [], []
    top = TOP if form == "levels" else MOST
    for seed in range(REPLICATES):
        fit = fitted(estimator, doses(N, np.random.default_rng(seed), top=top), seed)
        points = compose_profile(fit, "curve", seed, 0).points
        inside.append(
            [p.interval[0] <= t <= p.interval[1] for p, t in zip(points, truth, strict=True)]
        )
        jointly.append(all(p.band[0] <= t <= p.band[1] for p, t in zip(points, truth, strict=True)))
    assert np.mean(inside, axis=0).min() >= band()[0]
    assert np.mean(inside, axis=0).max() <= band()[1]
    assert band()[0] <= np.mean(jointly) <= band()[1]


def test_the_crude_curve_and_a_straight_line_do_not():
    truth, draws = dose_risks()[1] - dose_risks()[0], 60
    samples = [doses(6000, np.random.default_rng(seed), top=TOP) for seed in range(draws)]
    for estimator in (DoseMeans(form="levels"), DoseResponse(form="linear")):
        effects = [fitted(estimator, one).effect("risk_difference") for one in samples]
        covered = [effect.lo <= truth <= effect.hi for effect in effects]
        assert np.mean(covered) < 0.95 - Z * math.sqrt(0.95 * 0.05 / draws)


@pytest.mark.parametrize("kind", ["shift", "incremental"])
def test_nudges_cover_their_own_truth(kind):
    """The truth of a nudge depends on who has which exposure: averaged over a million persons."""
    if kind == "shift":
        estimator, truth = Shift(steps=1, form="levels"), shift_truth()
    else:
        estimator, truth = Incremental(odds=ODDS), incremental_truth()
    covered, found = [], []
    for seed in range(REPLICATES):
        sample = doses(N, np.random.default_rng(seed), top=TOP, binary=kind == "incremental")
        effect = fitted(estimator, sample, seed).effect("risk_difference")
        covered.append(effect.lo <= truth <= effect.hi)
        found.append(effect.estimate)
    error = np.std(found, ddof=1) / math.sqrt(REPLICATES)
    assert abs(np.mean(found) - truth) < Z * error + 0.003  # working models are nearly right
    assert band()[0] <= np.mean(covered) <= band()[1]

"""Coverage of contrasts between several arms, and what one wrong model costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.worlds import arm_differences, arms
from causal.composing_profiles import compose_profile
from causal.estimators import ArmContrasts, ArmMeans, NuisanceStore

pytestmark = pytest.mark.simulation

N, REPLICATES = 1200, 200
Z = 3.5  # family-wise 1 % over the cells below


def study(estimator, terms):
    """Give bias in errors of the mean, and coverage of two contrasts and of the joint band."""
    wanted = np.array(arm_differences())
    found, inside, jointly = [], [], []
    for seed in range(REPLICATES):
        fit = estimator.fit(
            arms(N, np.random.default_rng(seed), terms),
            NuisanceStore(),
            np.random.default_rng(seed),
        )
        rows = compose_profile(fit, "arms", seed, 0).contrasts
        found.append([one.estimate for one in rows])
        inside.append([one.interval[0] <= t <= one.interval[1]
                       for one, t in zip(rows, wanted, strict=True)])  # fmt: skip
        jointly.append(
            all(one.band[0] <= t <= one.band[1] for one, t in zip(rows, wanted, strict=True))
        )
    error = np.std(found, axis=0, ddof=1) / math.sqrt(REPLICATES)
    return (np.mean(found, axis=0) - wanted) / error, np.mean(inside, axis=0), np.mean(jointly)


def band() -> tuple[float, float]:
    half = Z * math.sqrt(0.95 * 0.05 / REPLICATES)
    return 0.95 - half, min(0.95 + half, 1.0)


@pytest.mark.parametrize("method", ["g_computation", "ipw", "aipw"])
def test_contrasts_and_their_joint_band_cover(method):
    bias, coverage, jointly = study(
        ArmContrasts(method=method), ("motivation", "severity", "religiosity")
    )
    assert np.abs(bias).max() < Z + 1.5  # the working models are nearly, not exactly, right
    assert coverage.min() >= band()[0]
    assert coverage.max() <= band()[1]
    assert band()[0] <= jointly <= band()[1]


def test_crude_contrasts_do_not():
    _, coverage, _ = study(ArmMeans(), ())
    assert coverage.min() < band()[0]

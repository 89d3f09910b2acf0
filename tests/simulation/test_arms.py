"""Coverage of contrasts between several arms, and what one wrong model costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from causal.cohort import Sample
from causal.composing_profiles import compose_profile
from causal.estimators import ArmContrasts, ArmMeans, NuisanceStore
from causal.simulate_groups import KINDS, WORLDS, groups_truth, simulate_groups

pytestmark = pytest.mark.simulation

N, REPLICATES = 1200, 200
Z = 3.5  # family-wise 1 % over the cells below
TRUTH = groups_truth(WORLDS["kinds"])


def sample_of(seed: int, covariates) -> Sample:
    drawn = simulate_groups(WORLDS["kinds"], N, np.random.default_rng(seed))
    x = np.column_stack(covariates(drawn)) if covariates else np.empty((N, 0))
    names = tuple(f"x{i}" for i in range(x.shape[1]))
    return Sample(
        unit=np.arange(N),
        y=drawn.use,
        a=drawn.kind.astype(float),
        x=x,
        terms=names,
        concepts=names,
        outcome_kind="binary",
        exposure_kind="arms",
        w=np.ones(N),
        levels=KINDS,
    )


def right(drawn):
    return drawn.motivation, drawn.severity, drawn.religiosity


def study(estimator, covariates):
    """Give bias in errors of the mean, and coverage of two contrasts and of the joint band."""
    truths = [TRUTH[f"risk, {name}"] for name in KINDS]
    wanted = np.array([truths[1] - truths[0], truths[2] - truths[0], truths[2] - truths[1]])
    found, inside, jointly = [], [], []
    for seed in range(REPLICATES):
        fit = estimator.fit(
            sample_of(seed, covariates), NuisanceStore(), np.random.default_rng(seed)
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
    bias, coverage, jointly = study(ArmContrasts(method=method), right)
    assert np.abs(bias).max() < Z + 1.5  # the working models are nearly, not exactly, right
    assert coverage.min() >= band()[0]
    assert coverage.max() <= band()[1]
    assert band()[0] <= jointly <= band()[1]


def test_crude_contrasts_do_not():
    _, coverage, _ = study(ArmMeans(), None)
    assert coverage.min() < band()[0]

"""Sets of orthogonal instruments cover in the simulated trial, weak facilitation or strong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators import EncouragementDRIV, NuisanceStore, OrthogonalIV
from causal.estimators.first_stage import effective_f
from causal.estimators.weak_sets import anderson_rubin_p
from causal.inference import critical_value
from causal.simulate_trial import (
    TRIAL_SITES,
    TRIALS,
    Trial,
    TrialSites,
    draw_trial_sites,
    simulate_trial,
)

pytestmark = pytest.mark.simulation

REPLICATES = 300
ROWS = 1000
COMPARISONS = 4


def draw(trial: Trial, rng: np.random.Generator, sites: TrialSites, *, binary: bool) -> Sample:
    """Draw a trial; for a 0/1 exposure the outcome hangs on having attended above average."""
    drawn = simulate_trial(trial, ROWS, rng, sites)
    dose, y = drawn["attendance"], drawn["abstinence"]
    a = (dose > trial.facilitation / 2).astype(np.float64) if binary else dose
    x = (drawn["site"][:, None] == np.arange(1, TRIAL_SITES)).astype(np.float64)
    return Sample(
        unit=np.arange(ROWS), y=y + trial.effect * (a - dose), a=a, x=x,
        terms=tuple(f"site{j}" for j in range(1, TRIAL_SITES)), concepts=("site",) * x.shape[1],
        outcome_kind="continuous", exposure_kind="binary" if binary else "dose", w=np.ones(ROWS),
        z=drawn["facilitation"][:, None], instruments=("facilitation",),
    )  # fmt: skip


@pytest.mark.parametrize("estimator", [OrthogonalIV(), EncouragementDRIV()], ids=lambda e: e.kind)
@pytest.mark.parametrize("scenario", ["strong", "weak"])
def test_sets_cover_the_effect(scenario: str, estimator: OrthogonalIV | EncouragementDRIV) -> None:
    trial, rng = TRIALS[scenario], np.random.default_rng(20)
    sites, truth = draw_trial_sites(trial, rng), np.array([trial.effect])
    held, strength = [], []
    for number in range(REPLICATES):
        sample = draw(trial, rng, sites, binary=estimator.kind == "itt_dr_iv")
        form = estimator.forms(sample, np.random.default_rng(number)).weak
        held.append(float(anderson_rubin_p(form, truth)[0]) > 0.05)
        strength.append(effective_f(form))
    low, high = acceptance_band(REPLICATES, COMPARISONS)
    assert low <= np.mean(held) <= high
    assert (np.median(strength) < 5) == (scenario == "weak")


@pytest.mark.parametrize("estimator", [OrthogonalIV(), EncouragementDRIV()], ids=lambda e: e.kind)
def test_the_standard_error_is_right_where_the_instrument_is_strong(
    estimator: OrthogonalIV | EncouragementDRIV,
) -> None:
    trial, rng = Trial(facilitation=1.5), np.random.default_rng(21)
    sites, fits = draw_trial_sites(trial, rng), []
    for number in range(REPLICATES):
        sample = draw(trial, rng, sites, binary=estimator.kind == "itt_dr_iv")
        fits.append(estimator.fit(sample, NuisanceStore(), np.random.default_rng(number)))
    values = np.array([fit.values[0] for fit in fits])
    errors = np.sqrt([fit.covariance[0, 0] for fit in fits])
    low, high = acceptance_band(REPLICATES, COMPARISONS)
    assert low <= np.mean(np.abs(values - trial.effect) < critical_value() * errors) <= high
    spread = 4 / np.sqrt(2 * REPLICATES)  # four Monte-Carlo errors of a standard deviation
    assert abs(values.std(ddof=1) / errors.mean() - 1) < spread

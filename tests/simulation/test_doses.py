"""Coverage of dose-response curves, their bands, thresholds and nudges on simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from causal.cohort import Sample
from causal.composing_profiles import compose_profile
from causal.dose_grid import DoseGrid
from causal.estimators import (
    DoseMeans,
    DoseResponse,
    Incremental,
    NuisanceStore,
    Shift,
)
from causal.estimators.dose_forms import DoseSpline
from causal.simulate_groups import MOST, WORLDS, groups_truth, simulate_groups

pytestmark = pytest.mark.simulation

N, REPLICATES = 1000, 200
Z = 3.5  # family-wise 1 % over the cells below
WORLD = WORLDS["doses"]
TOP = 4  # rarer doses are looked at together
GRID = (0.0, 1.0, 2.0, 3.0)
SPLINE = DoseSpline(spline=(0, 1, 2, 4))
TRUTH = groups_truth(WORLD)


def sample_of(drawn, *, top: int = MOST, binary: bool = False) -> Sample:
    a = np.minimum(drawn.meetings, top)
    n = len(a)
    return Sample(
        unit=np.arange(n),
        y=drawn.use,
        a=(a > 0).astype(float) if binary else a,
        x=np.column_stack([drawn.motivation, drawn.severity]),
        terms=("motivation", "severity"),
        concepts=("motivation", "severity"),
        outcome_kind="binary",
        exposure_kind="binary" if binary else "dose",
        w=np.ones(n),
        doses=None if binary else DoseGrid(GRID, (0.0, 1.0), "meetings a week"),
    )


def drawn(seed: int, n: int = N):
    return simulate_groups(WORLD, n, np.random.default_rng(seed))


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
    truth = np.array([TRUTH[f"risk, {dose:g} meetings a week"] for dose in GRID])
    estimator = DoseResponse(form=form, method=method)
    inside, jointly = [], []
    top = TOP if form == "levels" else MOST
    for seed in range(REPLICATES):
        fit = fitted(estimator, sample_of(drawn(seed), top=top), seed)
        points = compose_profile(fit, "curve", seed, 0).points
        inside.append(
            [p.interval[0] <= t <= p.interval[1] for p, t in zip(points, truth, strict=True)]
        )
        jointly.append(all(p.band[0] <= t <= p.band[1] for p, t in zip(points, truth, strict=True)))
    assert np.mean(inside, axis=0).min() >= band()[0]
    assert np.mean(inside, axis=0).max() <= band()[1]
    assert band()[0] <= np.mean(jointly) <= band()[1]


def test_the_crude_curve_and_a_straight_line_do_not():
    truth, draws = TRUTH["ate"], 60
    samples = [sample_of(drawn(seed, 6000), top=TOP) for seed in range(draws)]
    for estimator in (DoseMeans(form="levels"), DoseResponse(form="linear")):
        effects = [fitted(estimator, one).effect("risk_difference") for one in samples]
        covered = [effect.lo <= truth <= effect.hi for effect in effects]
        assert np.mean(covered) < 0.95 - Z * math.sqrt(0.95 * 0.05 / draws)


@pytest.mark.parametrize("kind", ["shift", "incremental"])
def test_nudges_cover_their_own_truth(kind):
    """The truth of a nudge depends on who has which exposure: averaged over a million persons."""
    many = drawn(10**6, 1_000_000)
    lin = 0.2 - 0.6 * many.motivation + 0.5 * many.severity
    effects = np.array(WORLD.dose_effects)

    def risk(dose):
        return 1 / (1 + np.exp(-(lin + effects[dose])))

    dose = np.minimum(many.meetings, TOP).astype(int)
    if kind == "shift":
        estimator, binary = Shift(steps=1, form="levels"), False
        after = risk(np.minimum(dose + 1, TOP)) - risk(dose)
        truth = after.mean()
    else:
        estimator, binary = Incremental(odds=2), True
        share = 1 - np.exp(-np.exp(-0.1 + 0.6 * many.motivation + 0.3 * many.severity))
        moved = 2 * share / (2 * share + 1 - share)
        attending = dose > 0  # among attenders of like covariates the mix of doses stays
        mu1 = _mean_given(risk(dose), attending, many)
        truth = ((moved - share) * (mu1 - risk(np.zeros_like(dose)))).mean()
    covered, found = [], []
    for seed in range(REPLICATES):
        sample = sample_of(drawn(seed), top=TOP, binary=binary)
        effect = fitted(estimator, sample, seed).effect("risk_difference")
        covered.append(effect.lo <= truth <= effect.hi)
        found.append(effect.estimate)
    error = np.std(found, ddof=1) / math.sqrt(REPLICATES)
    assert abs(np.mean(found) - truth) < Z * error + 0.003  # working models are nearly right
    assert band()[0] <= np.mean(covered) <= band()[1]


def _mean_given(risk, attending, many):
    """Smooth the attenders' risk over covariates, by cells of their quantiles."""
    cells = [np.searchsorted(np.quantile(v, np.linspace(0, 1, 60)[1:-1]), v)
             for v in (many.motivation, many.severity)]  # fmt: skip
    cell = cells[0] * 60 + cells[1]
    total = np.bincount(cell[attending], weights=risk[attending], minlength=3600)
    count = np.bincount(cell[attending], minlength=3600)
    return (total / np.maximum(count, 1))[cell]

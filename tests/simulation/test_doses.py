"""Coverage of dose-response curves, their bands, thresholds and nudges on simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.worlds import ODDS, TOP, dose_risks, doses, incremental_truth, shift_truth
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
    [
        (SPLINE, "g_computation"),
        ("levels", "g_computation"),
        ("levels", "doubly_robust"),
    ],
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


TELL_LITTLE, TELL_MUCH = (0.25, -0.15), (0.4, -0.3)  # 8 and 20 % of the variance of the dose


def normal_doses(seed: int, slopes=TELL_LITTLE) -> Sample:
    """Draw doses normal given covariates that bear on the outcome, too, one of them by its square.

    The mean outcome at dose d, everybody having it, is 1 + 0.5 d - 0.2 d squared + 0.3.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 2))
    a = x @ np.array(slopes) + rng.normal(size=N)
    y = 1 + 0.5 * a - 0.2 * a**2 + 0.8 * x[:, 0] - 0.5 * x[:, 1] + 0.3 * x[:, 0] ** 2
    return Sample(
        unit=np.arange(N), y=y + rng.normal(size=N), a=a, x=x, terms=("x0", "x1"),
        concepts=("c", "c"), outcome_kind="continuous", exposure_kind="dose", w=np.ones(N),
        doses=DoseGrid((-1.0, 0.0, 1.0), (0.0, 1.0), ""),
    )  # fmt: skip


def test_weights_by_a_normal_density_are_unbiased_and_cover():
    """An outcome regression without the square would be wrong; weights need none."""
    truth, found, covered = marginal_model(TELL_LITTLE)
    spread = np.std(found, axis=0, ddof=1)
    assert np.all(np.abs(np.mean(found, axis=0) - truth) < Z * spread / math.sqrt(REPLICATES))
    assert band()[0] <= covered.min()
    assert covered.max() <= band()[1]
    crude = [fitted(DoseMeans(form="quadratic"), normal_doses(seed)).values for seed in range(20)]
    assert abs(np.mean(crude, axis=0)[0] - truth[0]) > 10 * spread[0] / math.sqrt(20)


def test_weights_of_a_dose_that_covariates_tell_much_of_cover_less_often():
    """A limit, stated in docs/methods.md: weights have heavy tails, and 1,000 rows are few."""
    _, _, covered = marginal_model(TELL_MUCH)
    assert covered.min() < band()[0]


def marginal_model(slopes):
    """Give the true means, those found in every sample, and how often intervals hold the truth."""
    truth, found, errors = np.array([0.6, 1.3, 1.6]), [], []
    for seed in range(REPLICATES):
        sample = normal_doses(seed, slopes)
        fit = fitted(DoseResponse(form="quadratic", method="weighting"), sample)
        found.append(fit.values)
        errors.append(np.sqrt(np.diag(fit.covariance)))
    held = np.abs(np.array(found) - truth) < 1.96 * np.array(errors)
    return truth, found, held.mean(axis=0)

"""The order of things: impute, weigh and regress inside each imputation, pool the pair, Fieller."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from causal.cohort import Sample
from causal.errors import Place
from causal.estimators import AIPW, InverseProbability, MeanDifference, NuisanceStore
from causal.estimators.nuisance import EntryModel, ObservationModel, PropensityModel
from causal.fitting import RungTask, Thresholds
from causal.imputation.rungs import fit_all
from causal.imputation.settings import Imputation
from causal.imputing import Hole, impute_sample
from causal.inference import fieller
from causal.ladder import Attenuation, attenuate
from causal.missing_settings import MissingData

M = 6
SAME = 1e-10  # the same arithmetic in another order
PLACE = Place("simulated", 1, "ladder")
LIMITS = Thresholds(effective_sample_size=1, smd=1, max_weight_share=1)
TERMS = ("x0", "x1", "x2")
STAGES = {
    "propensity": PropensityModel(terms=("x0", "x1")),
    "observation": ObservationModel(terms=("x0", "x2")),
    "entry": EntryModel(terms=("x0",)),
}
ESTIMATORS = {"ipw": InverseProbability(**STAGES), "aipw": AIPW(**STAGES)}


def imputed(confounded) -> tuple[Sample, ...]:
    """Lose exposures, outcomes and x0, and impute x0 alone: the rest is weighed for."""
    sample, rng = confounded(n=500, strength=0.4), np.random.default_rng(2)
    draws = rng.random((3, sample.n))
    seen = draws[0] < 0.85
    known = seen & (draws[1] < np.where(sample.a == 1, 0.9, 0.7))
    x = sample.x.copy()
    x[draws[2] < 0.3, 0] = np.nan
    sample = replace(
        sample,
        a=np.where(seen, sample.a, np.nan),
        y=np.where(known, sample.y, np.nan),
        x=x,
    )
    holes = [Hole("x0", x[:, [0]], False, (0,), imputed=True)]
    how = MissingData(
        covariates="multiple_imputation",
        exposure="keep",
        outcome="keep",
        imputation=Imputation(m=M, iterations=2),
    )
    return impute_sample(sample, holes, how, 1, M)


def pair(estimator, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Give adjusted and crude difference of one imputation, with their covariance, by hand."""
    own = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    seen = sample.rows(sample.entered)
    crude = MeanDifference().fit(seen, NuisanceStore(), np.random.default_rng(0))
    influence = np.zeros((sample.n, 2))
    influence[:, 0] = own.influence[:, 1] - own.influence[:, 0]
    share = sample.n / seen.n
    influence[sample.entered, 1] = share * (crude.influence[:, 1] - crude.influence[:, 0])
    values = np.array([own.values[1] - own.values[0], crude.values[1] - crude.values[0]])
    return values, influence.T @ influence / sample.n**2


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_nuisances_are_fitted_in_each_imputation_the_pair_is_pooled_and_fieller_comes_last(
    confounded, kind
):
    """By hand: m pairs, Rubin's covariance, Barnard's and Rubin's df, then Fieller's set."""
    samples, estimator = imputed(confounded), ESTIMATORS[kind]
    tasks = (
        RungTask("crude", MeanDifference(), (), PLACE),
        RungTask("full", estimator, TERMS, PLACE),
    )
    _, full = fit_all(samples, tasks, LIMITS, 1).pooled
    found = attenuate(full.crude, full.estimates, "risk_difference")
    assert isinstance(found, Attenuation)

    each = [pair(estimator, one) for one in samples]
    values, within = np.array([v for v, _ in each]), np.mean([c for _, c in each], axis=0)
    between = np.cov(values, rowvar=False, ddof=1)
    total, mean = within + (1 + 1 / M) * between, values.mean(axis=0)
    assert found.remaining == pytest.approx(mean[0] / mean[1], rel=SAME)

    def half(weights: np.ndarray) -> float:
        """Give half the interval of a combination of the pair, by its own degrees of freedom."""
        variance = weights @ total @ weights
        lost = (1 + 1 / M) * (weights @ between @ weights) / variance
        nu, seen = (M - 1) / lost**2, (len(samples[0].y) - 1)
        df = 1 / (1 / nu + 1 / ((seen + 1) / (seen + 3) * seen * (1 - lost)))
        return stats.t.ppf(0.975, df) * math.sqrt(variance)

    moved = mean[1] - mean[0]
    spread = half(np.array([-1.0, 1.0]))
    assert found.difference.pieces[0] == pytest.approx((moved - spread, moved + spread), rel=SAME)
    ((low, high),) = found.fieller.pieces  # two ends, where the contrast is as far as its half
    assert low < found.remaining < high
    for end in (low, high):
        weights = np.array([1.0, -end])
        assert abs(weights @ mean) == pytest.approx(half(weights), rel=SAME)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_another_order_would_give_other_numbers(confounded, kind):
    """Chances of follow-up, propensity and outcome all differ between imputations."""
    samples, estimator = imputed(confounded), ESTIMATORS[kind]
    chances = [[s.fit.fitted for s in estimator.follow_up(one)] for one in samples]
    for first, second in zip(chances[0], chances[1], strict=True):
        assert np.abs(first - second).max() > 1e-3
    each = [pair(estimator, one) for one in samples]
    assert len({round(float(v[0]), 9) for v, _ in each}) == M
    tasks = (
        RungTask("crude", MeanDifference(), (), PLACE),
        RungTask("full", estimator, TERMS, PLACE),
    )
    _, full = fit_all(samples, tasks, LIMITS, 1).pooled
    found = attenuate(full.crude, full.estimates, "risk_difference")
    assert isinstance(found, Attenuation)
    ((low, high),) = found.fieller.pieces
    sets = [fieller(float(v[0]), float(v[1]), c) for v, c in each]
    widths = [piece[1] - piece[0] for (piece,) in sets]
    assert high - low > 1.02 * np.mean(widths)  # Fieller first leaves out what lies between

"""Worlds with missing values: what imputation, weights and tilts mend, and what biases without."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.errors import Place
from causal.estimate import Estimates
from causal.estimators import (
    AnyEstimator,
    GComputation,
    InverseProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.nuisance import ObservationModel
from causal.fitting import RungTask, Thresholds
from causal.imputation.rungs import fit_all
from causal.imputation.settings import Imputation
from causal.imputing import Hole, impute_sample
from causal.ladder import Attenuation, attenuate
from causal.missing_settings import MissingData
from causal.sensitivity import TippingPoint
from causal.subject import Subject

pytestmark = pytest.mark.simulation

REPLICATES, PERSONS = 200, 600
TRUTH_ROWS = 1_000_000
"""The share and the effect are known to .002 from this many rows."""
BIASED = 4.0
"""Monte-Carlo errors beyond which a mean is called biased: one in 16,000 by chance."""
PLACE = Place("simulated", 1, "ladder")
LIMITS = Thresholds(effective_sample_size=1, smd=1, max_weight_share=1)
TASKS = (
    RungTask("crude", MeanDifference(), (), PLACE),
    RungTask("full", GComputation(), ("severity", "motivation", "female"), PLACE),
)


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def whole(n: int, rng: np.random.Generator, persons: int | None = None) -> Sample:
    """Draw a complete sample: severity is continuous, motivation in five steps, female a coin.

    ``persons``, where given, have two rows each, alike in covariates.
    """
    unit = np.arange(n) if persons is None else np.repeat(np.arange(persons), 2)
    severity, female = rng.normal(size=n)[unit], rng.integers(0, 2, n)[unit]
    motivation = np.clip(np.round(0.5 * severity + rng.normal(size=n)[unit] + 2), 0, 4)
    a = (rng.random(n) < expit(-2 + 0.8 * severity + 0.8 * motivation)).astype(float)
    eta = -0.4 - 0.6 * a + 0.8 * severity - 0.7 * (motivation - 2) + 0.3 * female
    y = (rng.random(n) < expit(eta)).astype(float)
    return Sample(
        unit=unit,
        y=y,
        a=a,
        x=np.column_stack([severity, motivation, female]),
        terms=("severity", "motivation", "female"),
        concepts=("severity", "motivation", "demographics"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
        cluster=None if persons is None else unit,
    )


def with_holes(sample: Sample, rng: np.random.Generator) -> Sample:
    """Lose covariates at random given exposure, outcome and sex; a third of the rows lacks one."""
    pull = 1.6 * sample.a * sample.y - 1.2 * (1 - sample.a) * sample.y
    drawn = rng.random((2, sample.n))
    if sample.cluster is not None:  # what a person's first row decides, both rows lack
        first = np.searchsorted(sample.unit, sample.unit)
        pull, drawn = pull[first], drawn[:, first]
    x = sample.x.copy()
    x[drawn[0] < expit(-1.7 + pull + 0.5 * x[:, 2]), 0] = np.nan
    x[drawn[1] < expit(-1.9 + pull - 0.5 * x[:, 2]), 1] = np.nan
    return replace(sample, x=x)


def imputed(sample: Sample, seed: int, m: int = 10, **settings: object) -> tuple[Sample, ...]:
    """Impute every column that has holes."""
    how = Imputation(iterations=5)
    missing = MissingData(covariates="multiple_imputation", imputation=how, **settings)
    holes = [
        Hole(term, sample.x[:, [j]], sample.cluster is not None, (j,), imputed=True)
        for j, term in enumerate(sample.terms)
    ]
    return impute_sample(sample, holes, missing, seed, m)


def share(samples: tuple[Sample, ...]) -> tuple[Attenuation, Estimates]:
    crude, full = fit_all(samples, TASKS, LIMITS, 1).pooled
    found = attenuate(crude.estimates, full.estimates, "risk_difference")
    assert isinstance(found, Attenuation)
    return found, full.estimates


def effect(sample: Sample, estimator: AnyEstimator) -> float:
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return fit.effect("risk_difference").estimate


@pytest.fixture(scope="module")
def limits() -> tuple[float, float]:
    """Give the share and the adjusted difference of a very large complete sample."""
    sample = whole(TRUTH_ROWS, np.random.default_rng(99))
    adjusted, crude = effect(sample, GComputation()), effect(sample, MeanDifference())
    return adjusted / crude, adjusted


def off(estimates: np.ndarray, target: float) -> float:
    """Count the Monte-Carlo errors a mean is off by."""
    return float(
        abs(estimates.mean() - target) / (estimates.std(ddof=1) / math.sqrt(len(estimates)))
    )


@pytest.mark.parametrize("clustered", [False, True], ids=["persons", "two_rows_each"])
def test_the_share_is_covered_under_imputation_and_complete_cases_are_biased(limits, clustered):
    remaining, adjusted = limits
    held, ours, complete = [], [], []
    for seed in range(REPLICATES):
        rng = np.random.default_rng(seed)
        n = 2 * PERSONS if clustered else PERSONS
        sample = with_holes(whole(n, rng, PERSONS if clustered else None), rng)
        found, full = share(imputed(sample, seed))
        held.append(found.fieller.holds(remaining))
        one = full.effect("risk_difference")
        ours.append(one.estimate)
        known = sample.rows(~np.isnan(sample.x).any(axis=1))
        complete.append(effect(known, GComputation()))
    low, high = acceptance_band(REPLICATES, 1)
    assert low <= np.mean(held) <= high
    assert off(np.array(ours), adjusted) < BIASED
    assert off(np.array(complete), adjusted) > BIASED


def test_imputed_exposures_and_outcomes_are_covered(limits):
    """Exposure is lost by covariates, the outcome by exposure and covariates; both are imputed."""
    _, adjusted = limits
    held, estimates = [], []
    for seed in range(REPLICATES // 2):
        rng = np.random.default_rng(seed)
        sample = whole(PERSONS, rng)
        gone = rng.random((2, PERSONS))
        unseen = gone[0] < expit(-2 + 0.7 * sample.x[:, 0])
        lost = gone[1] < expit(-1.6 + 0.8 * sample.a - 0.5 * sample.x[:, 0])
        sample = replace(
            sample, a=np.where(unseen, np.nan, sample.a), y=np.where(lost, np.nan, sample.y)
        )
        _, full = share(
            imputed(sample, seed, exposure="multiple_imputation", outcome="multiple_imputation")
        )
        one = full.effect("risk_difference")
        held.append(one.lo <= adjusted <= one.hi)
        estimates.append(one.estimate)
    low, high = acceptance_band(REPLICATES // 2, 1)
    assert low <= np.mean(held) <= high
    assert off(np.array(estimates), adjusted) < BIASED


def followed_by_use(seed: int, n: int) -> tuple[Sample, np.ndarray]:
    """Lose outcomes by exposure times use at its end: attenders who use leave, others stay."""
    rng = np.random.default_rng(seed)
    severity = rng.normal(size=n)
    a = (rng.random(n) < expit(0.8 * severity)).astype(float)
    use = (rng.random(n) < expit(-0.3 + 0.8 * severity - 0.5 * a)).astype(float)
    y = (rng.random(n) < expit(-1 + 2.0 * use + 0.4 * severity - 0.2 * a)).astype(float)
    seen = rng.random(n) < expit(1.5 - 2.5 * a * use + 0.5 * (1 - a) * use)
    sample = Sample(
        unit=np.arange(n),
        y=np.where(seen, y, np.nan),
        a=a,
        x=np.column_stack([severity, use]),
        terms=("severity", "use@end"),
        concepts=("severity", "use_at_end"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )
    return sample, y


def test_loss_by_exposure_times_use_needs_the_product_in_the_model_of_being_followed():
    weights = {
        product: InverseProbability(
            propensity={"terms": ("severity",)},
            observation=ObservationModel(terms=("severity", "use@end"), interactions=product),
        )
        for product in ((), ("use@end",))
    }
    large, outcome = followed_by_use(10**6, TRUTH_ROWS)
    estimator = InverseProbability(propensity={"terms": ("severity",)})
    target = effect(replace(large, y=outcome), estimator)
    found = {product: [] for product in weights}
    for seed in range(REPLICATES):
        sample, _ = followed_by_use(seed, 2 * PERSONS)
        for product, weighted in weights.items():
            found[product].append(effect(sample, weighted))
    assert off(np.array(found[("use@end",)]), target) < BIASED
    assert off(np.array(found[()]), target) > BIASED


PLANTED = 1.5
"""Log odds of the outcome among the exposed who are lost, beyond those of the exposed seen."""


def lost_by_outcome(seed: int, n: int) -> Sample:
    """Draw a world without any effect, whose lost attenders use more than those seen."""
    rng = np.random.default_rng(seed)
    severity, female = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    a = (rng.random(n) < expit(0.6 * severity)).astype(float)
    seen = rng.random(n) < expit(1.2 - 1.2 * a + 0.3 * female)
    followed = expit(0.3 * female)  # of the exposed
    base = expit(-0.2 + 0.7 * severity)
    eta = np.where(a == 1, _below(base, 1 - followed, PLANTED), np.log(base / (1 - base)))
    y = (rng.random(n) < expit(eta + np.where((a == 1) & ~seen, PLANTED, 0.0))).astype(float)
    x = np.column_stack([severity, female])
    x[rng.random(n) < expit(-1.5 + 0.8 * a), 0] = np.nan
    return Sample(
        unit=np.arange(n),
        y=np.where(seen, y, np.nan),
        a=a,
        x=x,
        terms=("severity", "female"),
        concepts=("severity", "demographics"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )


def _below(mean: np.ndarray, lost: np.ndarray, tilt: float) -> np.ndarray:
    """Solve for the log odds of the seen when seen and lost together have a mean."""
    low, high = np.full(len(mean), -12.0), np.full(len(mean), 12.0)
    for _ in range(60):
        middle = (low + high) / 2
        above = (1 - lost) * expit(middle) + lost * expit(middle + tilt) > mean
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return low


def test_the_tipping_point_brackets_a_planted_tilt_where_outcomes_are_not_missing_at_random():
    """No effect, and a loss that feigns one: only tilts about the planted one agree with none."""
    feigned, agreed, beyond, meets = [], [], [], []
    for seed in range(REPLICATES // 4):
        (sample,) = imputed(lost_by_outcome(seed, 4 * PERSONS), seed, m=1, outcome="keep")
        known = sample.rows(sample.observed)
        fit = GComputation().fit(known, NuisanceStore(), np.random.default_rng(0))
        subject = Subject("full", GComputation(), known, fit, fit, known, "risk_difference", sample)
        grid = (0.0, PLANTED, 2 * PLANTED)
        found = TippingPoint(deltas=grid).analyse(subject, np.random.default_rng(0))
        at_random, planted, twice = found.curves[0].points
        feigned.append(at_random.hi < 0)
        agreed.append(planted.lo <= 0 <= planted.hi)
        beyond.append(twice.lo > 0)
        meets.append(found.headline)
    low, high = acceptance_band(REPLICATES // 4, 1)
    assert np.mean(feigned) > 0.9
    assert low <= np.mean(agreed) <= high
    assert np.mean(beyond) > 0.5
    assert np.mean([isinstance(tilt, float) and tilt <= PLANTED for tilt in meets]) > low

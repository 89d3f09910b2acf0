"""Worlds with loss to follow-up: imputation and weights together, and which regressions suffice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.errors import Place
from causal.estimators import (
    AIPW,
    TMLE,
    AnyEstimator,
    GComputation,
    InverseProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.nuisance import (
    EntryModel,
    ObservationModel,
    OutcomeModel,
    PropensityModel,
)
from causal.fitting import RungTask, Thresholds
from causal.imputation.rungs import fit_all
from causal.imputation.settings import Imputation
from causal.imputing import Hole, impute_sample
from causal.ladder import Attenuation, attenuate
from causal.missing_settings import MissingData

pytestmark = pytest.mark.simulation

BIASED = 4.0
"""Monte-Carlo errors beyond which a mean is called biased: one in 16,000 by chance."""
TRUTH_ROWS = 1_000_000
LARGE = 200_000
PLACE = Place("simulated", 1, "ladder")
LIMITS = Thresholds(effective_sample_size=1, smd=1, max_weight_share=1)
BEFORE, TERMS = ("severity", "female"), ("severity", "female", "use@end")


def expit(eta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-eta))


def world(n: int, rng: np.random.Generator, *, direct: float = 0.0) -> tuple[Sample, np.ndarray]:
    """Draw a sample that loses outcomes, and its outcomes had nobody been lost.

    Severity is continuous and female a coin; use at the end of the window follows exposure and
    goes on to the outcome. Who is followed hangs on exposure, female and exposure times use; with
    ``direct`` on exposure times severity instead, and on nothing that comes after exposure.
    """
    severity, female = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
    a = (rng.random(n) < expit(-0.3 + 0.9 * severity - 0.5 * female)).astype(float)
    use = (rng.random(n) < expit(-0.2 + 0.7 * severity - 0.8 * a)).astype(float)
    late = 0.0 if direct else 1.8
    y = (rng.random(n) < expit(-0.6 + late * (use - 0.4) + 0.6 * severity - 0.5 * a)).astype(float)
    pull = direct * severity * (1.5 * a - 0.5) if direct else -2.0 * a * use + 0.6 * (1 - a) * use
    seen = rng.random(n) < expit(1.3 + pull + 0.4 * female - 0.4 * a)
    sample = Sample(
        unit=np.arange(n),
        y=np.where(seen, y, np.nan),
        a=a,
        x=np.column_stack([severity, female, use]),
        terms=TERMS,
        concepts=("severity", "demographics", "use_at_end"),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )
    return sample, y


def effect(sample: Sample, estimator: AnyEstimator) -> float:
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    return fit.effect("risk_difference").estimate


def off(estimates: np.ndarray, target: float) -> float:
    """Count the Monte-Carlo errors a mean is off by."""
    error = estimates.std(ddof=1) / math.sqrt(len(estimates))
    return float(abs(estimates.mean() - target) / error)


# Imputation and weights together

REPLICATES, PERSONS, IMPUTATIONS = 200, 700, 8
WEIGHTS = {
    "propensity": PropensityModel(terms=BEFORE),
    "observation": ObservationModel(terms=("female", "use@end"), interactions=("use@end",)),
}
TASKS = (
    RungTask("crude", MeanDifference(), (), PLACE),
    RungTask("ipw", InverseProbability(**WEIGHTS), TERMS, PLACE),
    RungTask("aipw", AIPW(**WEIGHTS, outcome=OutcomeModel(terms=BEFORE)), TERMS, PLACE),
)


def with_holes(sample: Sample, rng: np.random.Generator) -> Sample:
    """Lose severity by exposure, use and sex, which everybody has: at random given these."""
    use, female = sample.x[:, 2], sample.x[:, 1]
    gone = rng.random(sample.n) < expit(-2.2 + 2.0 * sample.a * use + 0.8 * female)
    x = sample.x.copy()
    x[gone, 0] = np.nan
    return replace(sample, x=x)


def imputed(sample: Sample, seed: int) -> tuple[Sample, ...]:
    missing = MissingData(
        covariates="multiple_imputation",
        outcome="keep",
        imputation=Imputation(m=IMPUTATIONS, iterations=3),
    )
    holes = [Hole("severity", sample.x[:, [0]], False, (0,), imputed=True)]
    return impute_sample(sample, holes, missing, seed, IMPUTATIONS)


def test_the_share_is_covered_with_imputed_covariates_and_weights_for_loss_in_each_imputation():
    """The share's limit: adjusted in everybody, over the crude difference of the followed."""
    large, outcomes = world(TRUTH_ROWS, np.random.default_rng(99))
    standard = GComputation(outcome=OutcomeModel(terms=BEFORE, arms="separate"))
    adjusted = effect(replace(large, y=outcomes), standard)
    crude = effect(large.rows(large.observed), MeanDifference())
    held = {"ipw": [], "aipw": []}
    ours = {"ipw": [], "aipw": []}
    complete, shares = [], []
    for seed in range(REPLICATES):
        rng = np.random.default_rng(seed)
        sample = with_holes(world(PERSONS, rng)[0], rng)
        first, *others = fit_all(imputed(sample, seed), TASKS, LIMITS, 1).pooled
        for task, fitted in zip(TASKS[1:], others, strict=True):
            found = attenuate(first.estimates, fitted.estimates, "risk_difference")
            assert isinstance(found, Attenuation)
            held[task.name].append(found.fieller.holds(adjusted / crude))
            ours[task.name].append(fitted.estimates.effect("risk_difference").estimate)
        known = sample.rows(sample.observed & ~np.isnan(sample.x).any(axis=1))
        bare = InverseProbability(propensity=PropensityModel(terms=BEFORE))
        complete.append(effect(known, bare))
        shares.append(complete[-1] / effect(known, MeanDifference()))
    low, high = acceptance_band(REPLICATES, len(held))
    for name in held:
        assert low <= np.mean(held[name]) <= high, name
        assert off(np.array(ours[name]), adjusted) < BIASED, name
    assert off(np.array(complete), adjusted) > BIASED
    assert abs(np.median(shares) - adjusted / crude) > 0.1


# Which regressions suffice

BLIND = ("female",)


@pytest.mark.parametrize("kind", [AIPW, TMLE])
@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize(
    ("outcome", "propensity", "observation", "right"),
    [
        (BEFORE, BEFORE, BEFORE, True),
        (BEFORE, BLIND, BLIND, True),
        (BLIND, BEFORE, BEFORE, True),
        (BLIND, BLIND, BEFORE, False),
        (BLIND, BEFORE, BLIND, False),
    ],
    ids=[
        "all right",
        "outcome right",
        "propensity and follow-up right",
        "follow-up right only",
        "propensity right only",
    ],
)
def test_the_outcome_or_propensity_and_follow_up_must_be_right(
    kind, target, outcome, propensity, observation, right
):
    sample, outcomes = world(LARGE, np.random.default_rng(5), direct=1.2)
    plain = GComputation(target=target, outcome=OutcomeModel(terms=BEFORE))
    truth = effect(replace(sample, y=outcomes), plain)
    estimator = kind(
        target=target,
        outcome=OutcomeModel(terms=outcome),
        propensity=PropensityModel(terms=propensity),
        observation=ObservationModel(
            terms=observation, interactions=tuple({"severity"} & set(observation))
        ),
    )
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    found = fit.effect("risk_difference")
    distance = abs(found.estimate - truth) / found.std_error
    assert (distance < BIASED) if right else (distance > BIASED)


@pytest.mark.parametrize("kind", [AIPW, TMLE])
@pytest.mark.parametrize(
    ("outcome", "propensity", "follow_up", "right"),
    [
        (BEFORE, BLIND, True, True),
        (BLIND, BEFORE, True, True),
        (BEFORE, BEFORE, False, False),
    ],
    ids=["outcome and follow-up right", "propensity and follow-up right", "follow-up wrong"],
)
def test_where_follow_up_hangs_on_use_at_the_end_it_must_be_right(
    kind, outcome, propensity, follow_up, right
):
    """And then the outcome or the propensity: the outcome regression itself is weighted."""
    sample, outcomes = world(LARGE, np.random.default_rng(6))
    standard = GComputation(outcome=OutcomeModel(terms=BEFORE, arms="separate"))
    truth = effect(replace(sample, y=outcomes), standard)
    product = ("use@end",) if follow_up else ()
    estimator = kind(
        outcome=OutcomeModel(terms=outcome, arms="separate"),
        propensity=PropensityModel(terms=propensity),
        observation=ObservationModel(terms=("female", "use@end"), interactions=product),
    )
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    found = fit.effect("risk_difference")
    distance = abs(found.estimate - truth) / found.std_error
    assert (distance < BIASED) if right else (distance > BIASED)


# Coverage in two stages

COVERED = 400
STAGES = {**WEIGHTS, "entry": EntryModel(terms=BEFORE)}
TWO_STAGES: dict[str, AnyEstimator] = {
    "ipw": InverseProbability(**STAGES),
    "g_computation": GComputation(
        outcome=OutcomeModel(terms=BEFORE, arms="separate"),
        observation=STAGES["observation"],
        entry=STAGES["entry"],
    ),
    "aipw": AIPW(**STAGES, outcome=OutcomeModel(terms=BEFORE)),
    "tmle": TMLE(**STAGES, outcome=OutcomeModel(terms=BEFORE)),
    "aipw, crossed": AIPW(**STAGES, outcome=OutcomeModel(terms=BEFORE), cross_fit={"folds": 5}),
    "tmle, crossed": TMLE(**STAGES, outcome=OutcomeModel(terms=BEFORE), cross_fit={"folds": 5}),
}


def never_seen(sample: Sample, rng: np.random.Generator) -> Sample:
    """Lose whole persons before exposure, by severity and sex; later columns are not read."""
    seen = rng.random(sample.n) < expit(0.9 - 0.8 * sample.x[:, 0] + 0.3 * sample.x[:, 1])
    x = sample.x.copy()
    x[~seen, 2] = 0.0
    return replace(
        sample, a=np.where(seen, sample.a, np.nan), y=np.where(seen, sample.y, np.nan), x=x
    )


def test_intervals_cover_everybody_s_effect_when_two_stages_lose_persons():
    large, outcomes = world(TRUTH_ROWS, np.random.default_rng(98))
    standard = GComputation(outcome=OutcomeModel(terms=BEFORE, arms="separate"))
    truth = effect(replace(large, y=outcomes), standard)
    held = {name: [] for name in TWO_STAGES}
    ours = {name: [] for name in TWO_STAGES}
    seen = []
    for seed in range(COVERED):
        rng = np.random.default_rng(seed)
        sample = never_seen(world(1500, rng)[0], rng)
        for name, estimator in TWO_STAGES.items():
            found = estimator.fit(sample, NuisanceStore(), rng).effect("risk_difference")
            held[name].append(found.lo <= truth <= found.hi)
            ours[name].append(found.estimate)
        bare = InverseProbability(propensity=PropensityModel(terms=BEFORE))
        seen.append(effect(sample.rows(sample.observed), bare))
    low, high = acceptance_band(COVERED, len(TWO_STAGES))
    for name in TWO_STAGES:
        assert low <= np.mean(held[name]) <= high, (name, np.mean(held[name]))
        assert off(np.array(ours[name]), truth) < BIASED, name
    assert off(np.array(seen), truth) > BIASED

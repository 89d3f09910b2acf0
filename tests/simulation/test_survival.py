"""Coverage of risks by a time, where censoring tells something and death competes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.worlds import times
from causal.clock import Clock
from causal.cohort import Sample
from causal.estimators import KaplanMeier, NuisanceStore, SurvivalAIPW, WeightedKaplanMeier
from causal.estimators.nuisance import ObservationModel, PropensityModel
from causal.simulate_times import WORLDS, Times, simulate_times, times_truth

pytestmark = pytest.mark.simulation

N, REPLICATES = 700, 160
Z = 3.3  # family-wise 1 % over the cells below


def sample_of(world: Times, seed: int, columns=("motivation", "severity")) -> Sample:
    return times(world, N, np.random.default_rng(seed), columns)


def study(world: Times, estimator, columns=("motivation", "severity"), *, lost=None):
    """Give bias in standard errors of the mean, coverage, and mean over empirical error.

    ``lost`` takes a sample and a seed, and gives it without some times.
    """
    truth, found = times_truth(world)["ate"], []
    for seed in range(REPLICATES):
        sample = sample_of(world, seed, columns)
        sample = sample if lost is None else lost(sample, seed)
        fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))
        effect = fit.effect("risk_difference")
        found.append((effect.estimate, effect.std_error, effect.lo <= truth <= effect.hi))
    estimates, errors, covered = np.array(found).T
    spread = estimates.std(ddof=1)
    return (
        (estimates.mean() - truth) / (spread / math.sqrt(REPLICATES)),
        covered.mean(),
        errors.mean() / spread,
    )


def band(nominal: float = 0.95) -> tuple[float, float]:
    half = Z * math.sqrt(nominal * (1 - nominal) / REPLICATES)
    return nominal - half, min(nominal + half, 1.0)


@pytest.mark.parametrize("scenario", ["base", "null"])
def test_the_doubly_robust_curve_covers_where_censoring_is_informative(scenario):
    bias, coverage, ratio = study(WORLDS[scenario], SurvivalAIPW(width=7))
    assert abs(bias) < Z
    assert band()[0] <= coverage <= band()[1]
    assert abs(ratio - 1) < Z / math.sqrt(2 * REPLICATES) + 0.02


def test_the_weighted_curve_covers_where_censoring_tells_nothing():
    bias, coverage, ratio = study(WORLDS["independent_censoring"], WeightedKaplanMeier())
    assert abs(bias) < Z
    assert band()[0] <= coverage <= band()[1]
    assert abs(ratio - 1) < Z / math.sqrt(2 * REPLICATES) + 0.02


def test_the_crude_curve_is_biased_by_what_leads_to_attendance():
    _, coverage, _ = study(WORLDS["base"], KaplanMeier(), ())
    assert coverage < band()[0]


@pytest.mark.parametrize("wrong", ["hazards", "propensity"])
def test_one_wrong_model_leaves_the_doubly_robust_curve_unbiased(wrong):
    """The propensity is wrong without severity; hazards are wrong where x is bent out of shape."""
    world = WORLDS["independent_censoring"]
    settings = {"propensity": {"terms": ("motivation",)}} if wrong == "propensity" else {}
    truth, found, both = times_truth(world)["ate"], [], []
    for seed in range(REPLICATES):
        sample = sample_of(world, seed)
        if wrong == "hazards":  # a propensity free of x, so that it is right whatever x is
            drawn = simulate_times(
                Times(motivation_to_exposure=0, severity_to_exposure=0, severity_to_dropout=0,
                      effect_dropout=0),
                N, np.random.default_rng(seed),
            )  # fmt: skip
            bent = np.column_stack([np.abs(drawn.motivation), np.cos(3 * drawn.severity)])
            sample = Sample(
                sample.unit, drawn.day, drawn.attends, bent, sample.terms, sample.concepts,
                "survival", "binary", sample.w, event=drawn.cause, clock=sample.clock,
            )  # fmt: skip
        rng = np.random.default_rng(seed)
        fit = SurvivalAIPW(width=7, **settings).fit(sample, NuisanceStore(), rng)
        found.append(fit.effect("risk_difference").estimate)
        if wrong == "propensity":
            weighted = WeightedKaplanMeier(**settings).fit(sample, NuisanceStore(), rng)
            both.append(weighted.effect("risk_difference").estimate)
    error = np.std(found, ddof=1) / math.sqrt(REPLICATES)
    assert abs(np.mean(found) - truth) < Z * error
    if both:  # the same wrong propensity alone is biased, so the test can fail
        assert abs(np.mean(both) - truth) > 2 * Z * np.std(both, ddof=1) / math.sqrt(REPLICATES)


def without_some_times(sample: Sample, seed: int) -> Sample:
    """Lose all that is known of a time, by exposure and severity and their product."""
    severity = sample.x[:, sample.terms.index("severity")]
    eta = 1.0 - 0.6 * sample.a + (1.4 * sample.a - 0.7) * severity
    known = np.random.default_rng((seed, 1)).random(sample.n) < 1 / (1 + np.exp(-eta))
    y, event = np.where(known, sample.y, np.nan), np.where(known, sample.event, 0)
    return replace(sample, y=y, event=event)


def those_with_a_time(sample: Sample, seed: int) -> Sample:
    lost = without_some_times(sample, seed)
    return lost.rows(lost.observed)


UNRELATED = Times(severity_to_exposure=0, severity_to_dropout=0, effect_dropout=0)
"""Severity bears on use and on who has a time, so it need not be adjusted for, but for the loss."""
ALONE = {"propensity": PropensityModel(terms=("motivation",)), "hazards": ("motivation",)}
WEIGHED = {"observation": ObservationModel(terms=("severity",), interactions=("severity",))}


@pytest.mark.parametrize(
    "settings",
    [{}, ALONE, ALONE | {"cross_fit": {"folds": 3}}],
    ids=["adjusted for severity", "severity for follow-up alone", "crossed"],
)
def test_weights_for_those_without_a_time_give_everybody_s_effect(settings):
    estimator = SurvivalAIPW(width=7, **settings, **WEIGHED)
    bias, coverage, ratio = study(UNRELATED, estimator, lost=without_some_times)
    assert abs(bias) < Z
    assert band()[0] <= coverage <= band()[1]
    assert abs(ratio - 1) < Z / math.sqrt(2 * REPLICATES) + 0.02


def test_without_weights_those_with_a_time_mislead():
    estimator = SurvivalAIPW(width=7, **ALONE)
    bias, coverage, _ = study(UNRELATED, estimator, lost=those_with_a_time)
    assert abs(bias) > 2 * Z
    assert coverage < band()[0]


WIDE, FITS = 4000, 30


def risk_of_first_step(x, exposed):
    """Give the risk by day 30, exact for exponential times."""
    use, death = 0.01 * np.exp(0.6 * x - 0.5 * exposed), 0.003 * np.exp(0.3 * x)
    return use / (use + death) * -np.expm1(-30 * (use + death))


@pytest.mark.parametrize("width", [5, 15, 30])
def test_a_wide_first_step_is_unbiased_where_a_fifth_leave_within_it(width):
    """Leaving depends on x among the unexposed; both arms and their difference are compared."""
    nodes, mass = np.polynomial.hermite_e.hermegauss(40)
    truth = np.array([mass @ risk_of_first_step(nodes, a) / mass.sum() for a in (0, 1)])
    found = []
    for seed in range(FITS):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=WIDE)
        a = (rng.random(WIDE) < 1 / (1 + np.exp(-0.8 * x))).astype(float)
        leave = np.minimum(rng.exponential(1 / (0.008 * np.exp(0.7 * x * (1 - a)))), 100)
        use = rng.exponential(1 / (0.01 * np.exp(0.6 * x - 0.5 * a)))
        death = rng.exponential(1 / (0.003 * np.exp(0.3 * x)))
        ends = np.array([leave, use, death])
        sample = Sample(
            np.arange(WIDE), ends.min(axis=0), a, x[:, None], ("x",), ("c",), "survival", "binary",
            np.ones(WIDE), event=ends.argmin(axis=0),
            clock=Clock((30.0, 90.0), 90.0, 30.0, "days", "use", "death"),
        )  # fmt: skip
        fit = SurvivalAIPW(width=width).fit(sample, NuisanceStore(), rng)
        found.append([*fit.values[list(fit.pair)], np.diff(fit.values[list(fit.pair)])[0]])
    wanted = np.append(truth, truth[1] - truth[0])
    error = np.std(found, axis=0, ddof=1) / math.sqrt(FITS)
    assert np.all(np.abs(np.mean(found, axis=0) - wanted) < Z * error)

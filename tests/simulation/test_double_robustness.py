"""Two worlds of known truth: each regression made wrong in turn, and coverage if both are right.

Kang & Schafer (2007), doi:10.1214/07-STS227: the mean of an outcome some do not give, is 210.
Their correct covariates are normal; the wrong ones are transforms that look as good. Values below
were computed with plain numpy over 4,000 samples of 200 and 2,000 of 1,000, the same samples as
here, draw by draw: heavy tails and all, they must be met to rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.mechanism import LATENT, Design, draw
from benchmarks.performance import acceptance_band
from causal.cohort import Sample
from causal.estimators import (
    AIPW,
    TMLE,
    Estimator,
    GComputation,
    InverseProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.nuisance import OutcomeModel, PropensityModel
from causal.simulate import SCENARIOS, truth

pytestmark = pytest.mark.simulation

TRUE_MEAN = 210.0
REPLICATES = {200: 4000, 1000: 2000}
SEEDS = {200: 2207, 1000: 3007}
CORRECT, WRONG = ("z1", "z2", "z3", "z4"), ("x1", "x2", "x3", "x4")


def kang_schafer(n: int, rng: np.random.Generator) -> Sample:
    """Draw responders (exposed) and others; only the mean of the exposed arm has a meaning."""
    z = rng.normal(size=(n, 4))
    responds = 1 / (1 + np.exp(-z @ np.array([-1.0, 0.5, -0.25, -0.1])))
    a = (rng.random(n) < responds).astype(float)
    y = 210 + z @ np.array([27.4, 13.7, 13.7, 13.7]) + rng.normal(size=n)
    wrong = np.column_stack(
        [
            np.exp(z[:, 0] / 2),
            z[:, 1] / (1 + np.exp(z[:, 0])) + 10,
            (z[:, 0] * z[:, 2] / 25 + 0.6) ** 3,
            (z[:, 1] + z[:, 3] + 20) ** 2,
        ]
    )
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=np.column_stack([z, wrong]),
        terms=(*CORRECT, *WRONG),
        concepts=(*CORRECT, *WRONG),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )


def doubly(propensity: tuple[str, ...], outcome: tuple[str, ...]) -> AIPW:
    return AIPW(
        propensity=PropensityModel(terms=propensity),
        outcome=OutcomeModel(terms=outcome, arms="separate"),
    )


def standardised(terms: tuple[str, ...]) -> GComputation:
    return GComputation(outcome=OutcomeModel(terms=terms, arms="separate"))


def weighted(terms: tuple[str, ...], *, normalised: bool) -> InverseProbability:
    return InverseProbability(propensity=PropensityModel(terms=terms), normalised=normalised)


ROUNDED = 2e-5
"""Relative: values are given to seven digits, and logistic regressions stop at 1e-10."""
RUNAWAY = 1e-3
"""Relative, where single samples rule mean and RMSE: a propensity of 1e-6 has its own rounding."""

# sample size; bias, RMSE, median bias and median absolute error of the mean of the exposed arm
PUBLISHED: dict[str, tuple[int, Estimator, tuple[float, float, float, float]]] = {
    "totals, right": (
        200,
        weighted(CORRECT, normalised=False),
        (-0.1709813, 13.80646, -1.836526, 6.51857),
    ),
    "totals, wrong": (
        200,
        weighted(WRONG, normalised=False),
        (32.45434, 619.4402, 3.129229, 9.305004),
    ),
    "Hajek weights, wrong": (
        200,
        weighted(WRONG, normalised=True),
        (1.873215, 9.737337, -0.1890823, 3.324871),
    ),
    "AIPW, both right": (
        200,
        doubly(CORRECT, CORRECT),
        (0.08599883, 2.541246, 0.1440679, 1.740808),
    ),
    "AIPW, outcome wrong": (
        200,
        doubly(CORRECT, WRONG),
        (0.3644553, 3.709016, 0.4866764, 2.287143),
    ),
    "AIPW, propensity wrong": (
        200,
        doubly(WRONG, CORRECT),
        (0.03106026, 4.318011, 0.1314168, 1.74249),
    ),
    "AIPW, both wrong": (
        1000,
        doubly(WRONG, WRONG),
        (-810.917, 35561.82, -5.225704, 5.225704),
    ),
    "Hajek weights, right": (
        1000,
        weighted(CORRECT, normalised=True),
        (-0.02129292, 1.775373, -0.1074113, 1.087201),
    ),
    "regression, right": (
        1000,
        standardised(CORRECT),
        (0.020547, 1.164198, 0.01100302, 0.7527522),
    ),
    "regression, wrong": (
        1000,
        standardised(WRONG),
        (-0.7998678, 1.693727, -0.7985614, 1.151255),
    ),
    "responders": (
        1000,
        MeanDifference(),
        (-10.01672, 10.14189, -10.01729, 10.01729),
    ),
}


def errors(estimator: Estimator, n: int, replicates: int | None = None) -> np.ndarray:
    rng, found, drawn = np.random.default_rng(SEEDS[n]), [], replicates or REPLICATES[n]
    own = np.random.default_rng(0)  # these estimators draw nothing
    for _ in range(drawn):
        fit = estimator.fit(kang_schafer(n, rng), NuisanceStore(), own)
        found.append(float(fit.values[1]) - TRUE_MEAN)
    return np.array(found)


@pytest.mark.parametrize("name", PUBLISHED)
def test_errors_are_those_of_kang_and_schafers_world(name: str) -> None:
    n, estimator, published = PUBLISHED[name]
    found = errors(estimator, n)
    middle = (float(np.median(found)), float(np.median(np.abs(found))))
    assert middle == pytest.approx(published[2:], rel=ROUNDED)
    moments = (float(np.mean(found)), float(np.sqrt(np.mean(found**2))))
    runaway = published[1] > 3 * published[3] * 1.4826  # RMSE far above what the median implies
    assert moments == pytest.approx(published[:2], rel=RUNAWAY if runaway else ROUNDED)


def test_with_both_wrong_weights_run_away_and_targeting_does_not() -> None:
    """Kang & Schafer's point: AIPW's RMSE was 35562 there (median error 5); a range holds TMLE."""
    both = doubly(WRONG, WRONG)
    targeted = TMLE(
        propensity=both.propensity, outcome=both.outcome, range=(30.0, 390.0)
    )  # five standard deviations (36) either way
    aipw, tmle = (errors(one, 1000, 200) for one in (both, targeted))
    assert np.sqrt(np.mean(aipw**2)) > 2 * np.sqrt(np.mean(tmle**2))
    assert np.median(np.abs(aipw)) == pytest.approx(5.225704, abs=0.7)
    assert np.abs(tmle).max() < 30


BASE = SCENARIOS["no_sites"]
BLIND = tuple(one for one in LATENT if one != "true_motivation")
LARGE = 60_000
MONTE_CARLO = 4  # standard errors


@pytest.fixture(scope="module")
def large() -> Sample:
    return draw(Design("large", BASE, LARGE), np.random.default_rng(5))


@pytest.mark.parametrize("kind", [AIPW, TMLE])
@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize(
    ("propensity", "outcome", "right"),
    [(LATENT, LATENT, True), (BLIND, LATENT, True), (LATENT, BLIND, True), (BLIND, BLIND, False)],
    ids=["both right", "propensity blind", "outcome blind", "both blind"],
)
def test_one_right_regression_is_enough_in_the_structural_model(
    large: Sample, kind: type[AIPW | TMLE], target: str, propensity, outcome, right: bool
) -> None:
    estimator = kind(
        target=target,
        propensity=PropensityModel(terms=propensity),
        outcome=OutcomeModel(terms=outcome),
    )
    effect = estimator.fit(large, NuisanceStore(), np.random.default_rng(0)).effect(
        "risk_difference"
    )
    off = abs(effect.estimate - truth(BASE)[target.lower()]) / effect.std_error
    assert (off < MONTE_CARLO) if right else (off > 3 * MONTE_CARLO)


# Fitted once, TMLE covers .91 at 500 persons and .92 at 1,000 (2,000 replicates): residuals of
# regressions moved towards the outcomes are too small. Cross-fitted it covers .95 and .96.
COVERED: dict[str, tuple[Estimator, int, int]] = {
    "tmle": (TMLE(), 3000, 600),
    "tmle, ATT": (TMLE(target="ATT"), 3000, 600),
    "tmle, range": (TMLE(range=(-4.0, 6.0)), 3000, 600),
    "tmle, crossed": (TMLE(cross_fit={"folds": 5}), 1000, 400),
    "aipw, median": (
        AIPW(cross_fit={"folds": 5, "repeats": 5, "combine": "median"}),
        1000,
        200,
    ),
    "aipw, splines": (
        AIPW(
            propensity=PropensityModel(learner="spline_glm"),
            outcome=OutcomeModel(learner="spline_glm"),
            cross_fit={"folds": 3},
        ),
        1000,
        100,
    ),
}


@pytest.mark.parametrize("name", COVERED)
def test_intervals_cover_the_truth_of_the_structural_model(name: str) -> None:
    estimator, n, replicates = COVERED[name]
    expected = truth(BASE)[estimator.estimand.lower()]
    rng, covered = np.random.default_rng(23), 0
    for _ in range(replicates):
        sample = draw(Design(name, BASE, n), rng)
        if name == "tmle, range":  # abstinence as a score of two values, 10 units apart
            sample = replace(sample, y=10 * sample.y - 4, outcome_kind="continuous")
            expected = 10 * truth(BASE)["ate"]
        effect = estimator.fit(sample, NuisanceStore(), rng).effect("mean_difference")
        covered += effect.lo <= expected <= effect.hi
    low, high = acceptance_band(replicates, len(COVERED))
    assert low <= covered / replicates <= high

"""What one may do with estimates: contrasts, intervals, and pairing two fits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.errors import EstimandMismatchError
from causal.estimate import MEANS, SLOPE, Estimates, NotEstimable, Region
from causal.estimators import GComputation, LinearProbability, MeanDifference, NuisanceStore

SAME = 1e-10
DERIVATIVE = 1e-6  # central differences with a step of 1e-6


def two_means(mu0, mu1, covariance=((0.01, 0.002), (0.002, 0.02))):
    rng = np.random.default_rng(0)
    influence = rng.multivariate_normal([0, 0], np.array(covariance) * 50, 50)
    return Estimates(
        MEANS, np.array([mu0, mu1]), influence - influence.mean(axis=0), np.array(covariance), "ATE"
    )


def numbers(scale, mu):
    mu0, mu1 = mu
    return {
        "risk_difference": mu1 - mu0,
        "mean_difference": mu1 - mu0,
        "risk_ratio": math.log(mu1 / mu0),
        "odds_ratio": math.log(mu1 / (1 - mu1)) - math.log(mu0 / (1 - mu0)),
    }[scale]


@pytest.mark.parametrize(
    "scale", ["risk_difference", "mean_difference", "risk_ratio", "odds_ratio"]
)
def test_contrasts_follow_the_delta_method(scale):
    estimates, step = two_means(0.3, 0.45), 1e-6
    gradient = np.array(
        [
            (numbers(scale, estimates.values + h) - numbers(scale, estimates.values - h))
            / (2 * step)
            for h in np.eye(2) * step
        ]
    )
    one = estimates.contrast(scale)
    assert math.isclose(one.values[0], numbers(scale, (0.3, 0.45)), rel_tol=SAME)
    expected = gradient @ estimates.covariance @ gradient
    assert math.isclose(one.covariance[0, 0], expected, rel_tol=DERIVATIVE)
    np.testing.assert_allclose(one.influence[:, 0], estimates.influence @ gradient, rtol=1e-5)


@pytest.mark.parametrize("scale", ["risk_ratio", "odds_ratio"])
def test_ratios_are_written_as_ratios_with_the_error_of_their_log(scale):
    effect = two_means(0.3, 0.45).effect(scale)
    assert math.isclose(effect.estimate, math.exp(numbers(scale, (0.3, 0.45))), rel_tol=SAME)
    half = 1.959963984540054 * effect.std_error
    assert math.isclose(effect.hi / effect.estimate, math.exp(half), rel_tol=SAME)
    assert math.isclose(effect.estimate / effect.lo, math.exp(half), rel_tol=SAME)


@pytest.mark.parametrize(
    ("mu0", "mu1", "scale"),
    [(0.0, 0.4, "risk_ratio"), (-0.1, 0.4, "odds_ratio"), (0.4, 1.02, "odds_ratio")],
)
def test_ratios_of_what_is_no_probability_are_not_estimable(mu0, mu1, scale):
    found = two_means(mu0, mu1).effect(scale)
    assert isinstance(found, NotEstimable)
    assert "not both probabilities" in found.reason


def test_a_slope_has_a_difference_and_no_ratio():
    slope = Estimates(SLOPE, np.array([0.2]), np.zeros((9, 1)), np.array([[0.01]]), "ATE")
    assert slope.effect("risk_difference").estimate == 0.2
    assert isinstance(slope.effect("risk_ratio"), NotEstimable)


def test_a_joint_fit_has_the_paired_covariance(confounded):
    sample = confounded(clustered=True)
    crude, full = (
        one.fit(sample, NuisanceStore(), np.random.default_rng(0)).contrast("risk_difference")
        for one in (MeanDifference(), GComputation())
    )
    joint = full.joint(crude)
    stacked = np.hstack([full.influence, crude.influence])
    expected = inference.covariance(stacked, sample.cluster)
    np.testing.assert_allclose(joint.covariance, expected, rtol=1e-8)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", ["HC0", "HC1", "classical"])
@pytest.mark.parametrize("contrasted", [False, True], ids=["means", "difference"])
def test_a_joint_covariance_is_never_negative(confounded, kind, clustered, contrasted):
    for seed in range(10):
        sample = confounded(n=60, seed=seed, clustered=clustered)
        fits = [
            one.fit(sample, NuisanceStore(), np.random.default_rng(0))
            for one in (
                MeanDifference(variance={"kind": kind}),
                LinearProbability(variance={"kind": kind}),
                GComputation(),
            )
        ]
        if contrasted:
            fits = [one.contrast("risk_difference") for one in fits]
        joint = fits[0].joint(fits[1]).covariance
        assert np.linalg.eigvalsh(joint).min() > -1e-12
        assert np.linalg.eigvalsh(fits[1].joint(fits[2]).covariance).min() > -1e-12


def test_fits_on_other_rows_are_not_paired():
    one = two_means(0.3, 0.4)
    shorter = replace(one, influence=one.influence[:-1])
    with pytest.raises(EstimandMismatchError, match="50 and 49 rows"):
        one.joint(shorter)


def test_a_fit_without_influence_is_not_paired():
    one = two_means(0.3, 0.4)
    with pytest.raises(EstimandMismatchError, match="without influence"):
        one.joint(replace(one, influence=NotEstimable("matched")))


def test_fits_with_other_clusters_are_not_paired():
    one = replace(two_means(0.3, 0.4), cluster=np.arange(50) // 2)
    with pytest.raises(EstimandMismatchError, match="cluster"):
        one.joint(replace(one, cluster=None))
    with pytest.raises(EstimandMismatchError, match="cluster"):
        one.joint(replace(one, cluster=np.arange(50) // 5))


def test_the_fewer_degrees_of_freedom_count():
    one = replace(two_means(0.3, 0.4), df=7.0)
    assert one.joint(two_means(0.2, 0.4)).df == 7.0


def test_a_region_knows_whether_it_is_bounded():
    assert Region(((0.1, 0.2),)).bounded
    assert not Region(((None, 0.2),)).bounded
    assert not Region(((None, 0.1), (0.2, None))).bounded

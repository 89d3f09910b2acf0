"""Stable balancing weights against a general optimiser, least squares and published software."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import optimize

from causal.errors import OutcomeError, PositivityError
from causal.estimators import NuisanceStore, StableBalancing

EXACT = 1e-9
PRIMAL = 1e-5  # a general optimiser on the weights themselves
PACKAGE = 1e-8
TARGETS = ("ATE", "ATT", "ATC")


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def weights_of(estimator, sample):
    return estimator.weights(sample, NuisanceStore())


def left(sample, weights, target):
    """Give (2, p) distances of both arms' means to the target's, in standard deviations."""
    over = {"ATE": np.ones(sample.n), "ATT": sample.a, "ATC": 1 - sample.a}[target]
    aim = np.average(sample.x, axis=0, weights=sample.w * over)
    centre = np.average(sample.x, axis=0, weights=sample.w)
    spread = np.sqrt(np.average((sample.x - centre) ** 2, axis=0, weights=sample.w))
    w = sample.w * weights
    means = [
        np.average(sample.x[sample.a == arm], axis=0, weights=w[sample.a == arm]) for arm in (0, 1)
    ]
    return (np.array(means) - aim) / spread


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("tolerance", [0, 0.02, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_are_within_the_tolerance_and_some_at_its_end(
    confounded, target, tolerance, weighted
):
    sample = confounded(weighted=weighted)
    weights = weights_of(StableBalancing(target=target, tolerance=tolerance), sample)
    largest = np.abs(left(sample, weights, target)).max()
    assert (weights >= 0).all()
    assert abs(largest - tolerance) < EXACT


@pytest.mark.parametrize("tolerance", [0, 0.05])
def test_weights_are_the_least_variable(confounded, tolerance):
    """The primal of Zubizarreta (2015), equation 1, by a general optimiser."""
    sample = confounded(n=60, seed=3, strength=1.5)
    rows = sample.a == 0
    m, z = rows.sum(), (sample.x - sample.x.mean(axis=0)) / sample.x.std(axis=0)
    aim, x, room = z[~rows].mean(axis=0), z[rows], tolerance + 1e-9
    found = optimize.minimize(
        lambda w: m * np.sum(w**2),
        np.full(m, 1 / m),
        jac=lambda w: 2 * m * w,
        bounds=[(0, 1)] * m,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones_like(w)},
            {"type": "ineq", "fun": lambda w: room - (w @ x - aim), "jac": lambda w: -x.T},
            {"type": "ineq", "fun": lambda w: room + (w @ x - aim), "jac": lambda w: x.T},
        ],
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip
    ours = weights_of(StableBalancing(target="ATT", tolerance=tolerance), sample)[rows]
    assert (ours == 0).any()  # the bound at zero binds, so that it is tested too
    np.testing.assert_allclose(ours / ours.sum(), found.x, atol=PRIMAL)


def test_exact_balance_is_that_of_empirical_calibration(confounded):
    """empirical-calibration 0.12, quadratic objective, unexposed to the means of the exposed."""
    ours = fitted(StableBalancing(target="ATT", tolerance=0), confounded())
    np.testing.assert_allclose(ours.values[0], 0.6358423390111768, rtol=PACKAGE)


def test_exact_weights_with_none_at_zero_are_those_of_least_squares(confounded):
    """Chattopadhyay & Zubizarreta (2023), doi:10.1093/biomet/asac058: each arm's regression."""
    sample = confounded(strength=0.2)
    weights = weights_of(StableBalancing(tolerance=0), sample)
    assert (weights > 0).all()
    design = np.column_stack([np.ones(sample.n), sample.x])
    means = [
        design.mean(axis=0) @ np.linalg.lstsq(design[sample.a == arm], sample.y[sample.a == arm])[0]
        for arm in (0, 1)
    ]
    np.testing.assert_allclose(
        fitted(StableBalancing(tolerance=0), sample).values, means, rtol=EXACT
    )


def test_a_wide_tolerance_leaves_the_arm_means(confounded):
    sample = confounded()
    means = [sample.y[sample.a == arm].mean() for arm in (0, 1)]
    np.testing.assert_allclose(
        fitted(StableBalancing(tolerance=1), sample).values, means, rtol=EXACT
    )


def test_more_tolerance_makes_weights_less_variable(confounded):
    sample = confounded()
    spreads = [
        weights_of(StableBalancing(tolerance=one), sample)[sample.a == 1].std()
        for one in (0, 0.05, 0.2)
    ]
    assert spreads[0] > spreads[1] > spreads[2]


def test_rows_without_weight_are_counted(confounded):
    sample, ours = confounded(strength=1.5), StableBalancing(target="ATT", tolerance=0)
    (found,) = ours.limited(sample, NuisanceStore())
    assert found.name == "without_weight"
    assert found.rows == (weights_of(ours, sample) == 0).sum() > 0


def test_a_tolerance_out_of_reach_is_refused_by_the_terms_and_by_how_much(confounded):
    base = confounded()
    sample = replace(base, a=(base.x[:, 0] > 0).astype(float))
    with pytest.raises(
        PositivityError, match=r"within 0\.02 standard deviations: at best they leave 'x0' off by"
    ):
        fitted(StableBalancing(target="ATT"), sample)


def test_missing_outcomes_are_refused(confounded):
    with pytest.raises(OutcomeError, match="stable_balancing needs every outcome"):
        fitted(StableBalancing(), confounded(missing=True))


@pytest.mark.parametrize("tolerance", [-0.1, 1.1])
def test_tolerances_that_cannot_be_meant_are_refused(tolerance):
    with pytest.raises(ValidationError, match="tolerance"):
        StableBalancing(tolerance=tolerance)

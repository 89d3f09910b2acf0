"""Entropy balancing against the primal programme, published software, and both routes to truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimators import (
    CovariateBalancingPropensity,
    EntropyBalancing,
    InverseProbability,
    NuisanceStore,
    StableBalancing,
)

EXACT = 1e-9  # balance after Newton's method
PRIMAL = 1e-5  # a general optimiser on the weights themselves
PACKAGE = 1e-8  # ebal stops at an imbalance of 1e-10
RIGHT, WRONG = 3.5, 10  # standard errors from the truth; where it is wrong, it is so by far
TARGETS = ("ATE", "ATT", "ATC")


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def weights_of(estimator, sample):
    return estimator.weights(sample, NuisanceStore())


def target_means(sample, columns, target):
    over = {"ATE": np.ones(sample.n), "ATT": sample.a, "ATC": 1 - sample.a}[target]
    return np.average(columns, axis=0, weights=sample.w * over)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("moments", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_both_arms_have_exactly_the_means_of_the_target(confounded, target, moments, weighted):
    sample = confounded(weighted=weighted)
    w = sample.w * weights_of(EntropyBalancing(target=target, moments=moments), sample)
    columns = np.column_stack([sample.x[:, :2] ** power for power in range(1, moments + 1)])
    columns = np.column_stack([columns, sample.x[:, 2]])
    for arm in (0, 1):
        means = np.average(columns[sample.a == arm], axis=0, weights=w[sample.a == arm])
        np.testing.assert_allclose(means, target_means(sample, columns, target), atol=EXACT)


def test_only_the_terms_named_are_balanced(confounded):
    sample = confounded()
    w = weights_of(EntropyBalancing(terms=("x0",)), sample)
    off = [
        np.average(sample.x[sample.a == 1, j], weights=w[sample.a == 1]) - sample.x[:, j].mean()
        for j in (0, 1)
    ]
    assert abs(off[0]) < EXACT < 0.1 < abs(off[1])


def test_weights_are_those_of_least_divergence_from_the_base_weights(confounded):
    """The primal of Hainmueller (2012), equation 8, by a general optimiser."""
    sample = confounded(n=60, weighted=True)
    rows = sample.a == 0
    x, base = sample.x[rows], sample.w[rows] / sample.w[rows].sum()
    aim = target_means(sample, sample.x, "ATT")

    def weight(logs):
        w = base * np.exp(logs)
        return w / w.sum()

    def divergence(logs):
        w = weight(logs)
        return np.sum(w * np.log(w / base))

    found = optimize.minimize(
        divergence,
        np.zeros(rows.sum()),
        constraints={"type": "eq", "fun": lambda logs: weight(logs) @ x - aim},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    primal = weight(found.x)
    ours = (sample.w * weights_of(EntropyBalancing(target="ATT"), sample))[rows]
    np.testing.assert_allclose(ours / ours.sum(), primal, atol=PRIMAL)


PUBLISHED = {
    "ATT": (0.6370391205020837, 0.7267441860465117),
    "ATC": (0.4254385964912281, 0.5440871956611569),
    "ATE": (0.5122804396095393, 0.6278700693016006),
}
"""ebal 1.0.0 (the port of Hainmueller's ebalance; PCA off, tolerance 1e-10) on ``confounded()``."""


@pytest.mark.parametrize("target", TARGETS)
def test_means_are_those_of_ebal(confounded, target):
    ours = fitted(EntropyBalancing(target=target), confounded())
    np.testing.assert_allclose(ours.values, PUBLISHED[target], rtol=PACKAGE)


@pytest.mark.parametrize("population", [{}, {"weighted": True, "clustered": True}], ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_entropy_balancing_solves_its_stacked_equations(
    confounded, estimating_equations, target, population
):
    sample = confounded(n=500, **population)
    x = np.column_stack([np.ones(sample.n), sample.x])
    a, s = sample.a, sample.w
    over = {"ATE": np.ones(sample.n), "ATT": a, "ATC": 1 - a}[target]

    def psi(theta):
        v0, v1 = np.exp(x @ theta[:4]), np.exp(x @ theta[4:8])
        return np.column_stack(
            [
                x * (s * ((1 - a) * v0 - over))[:, None],
                x * (s * (a * v1 - over))[:, None],
                s * (1 - a) * v0 * (sample.y - theta[8]),
                s * a * v1 * (sample.y - theta[9]),
            ]
        )

    theta, covariance = estimating_equations(psi, np.zeros(10), sample.cluster)
    ours = fitted(EntropyBalancing(target=target), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=1e-6)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=1e-6, atol=1e-10)


def world(*, logistic: bool, linear: bool, n: int = 60_000) -> tuple[Sample, dict[str, float]]:
    """Draw rows whose propensity or outcome bends away from what is balanced; give true effects."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 2))
    bent = 0.0 if logistic else 0.8 * (x[:, 0] ** 2 - 1) + 0.5 * x[:, 0] * x[:, 1]
    e = 1 / (1 + np.exp(-(-0.4 + 0.6 * x[:, 0] - 0.4 * x[:, 1] + bent)))
    a = (rng.random(n) < e).astype(float)
    bow = 0.0 if linear else 0.9 * x[:, 0] ** 2 + 0.6 * x[:, 0] * x[:, 1]
    effect = 1 + 0.5 * x[:, 0] + (0.0 if linear else 0.6 * x[:, 1] ** 2)
    y = x[:, 0] + 0.5 * x[:, 1] + bow + a * effect + rng.normal(size=n)
    sample = Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1"),
        concepts=("severity", "motivation"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )
    true = {"ATE": effect.mean(), "ATT": effect[a == 1].mean(), "ATC": effect[a == 0].mean()}
    return sample, {name: float(value) for name, value in true.items()}


def distance(estimator, drawn) -> float:
    """Give how many standard errors an estimate is from the truth."""
    sample, true = drawn
    effect = fitted(estimator, sample).effect("mean_difference")
    return abs(effect.estimate - true[estimator.target]) / effect.std_error


@pytest.mark.parametrize("target", ["ATT", "ATC"])
def test_att_and_atc_need_only_one_of_both_models(target):
    """Zhao & Percival (2017), theorem 1; other weights lean on one model alone."""
    ours = EntropyBalancing(target=target)
    assert distance(ours, world(logistic=True, linear=False)) < RIGHT
    assert distance(ours, world(logistic=False, linear=True)) < RIGHT
    assert distance(ours, world(logistic=False, linear=False)) > WRONG
    assert distance(InverseProbability(target=target), world(logistic=False, linear=True)) > WRONG
    flat = StableBalancing(target=target, tolerance=0)
    assert distance(flat, world(logistic=True, linear=False)) > 1.5 * RIGHT


def test_the_ate_rests_on_the_outcome_being_linear():
    assert distance(EntropyBalancing(), world(logistic=False, linear=True)) < RIGHT
    assert distance(EntropyBalancing(), world(logistic=False, linear=False)) > WRONG
    assert distance(InverseProbability(), world(logistic=False, linear=True)) > WRONG


@pytest.mark.parametrize("target", ["ATT", "ATC"])
def test_exact_covariate_balancing_propensities_weigh_alike(confounded, target):
    """The odds of that propensity are the exponential weights (Zhao & Percival 2017)."""
    sample = confounded(weighted=True)
    one, other = (
        fitted(kind(target=target), sample)
        for kind in (EntropyBalancing, CovariateBalancingPropensity)
    )
    np.testing.assert_allclose(one.values, other.values, rtol=EXACT)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-7)


def test_without_terms_the_arm_means_are_left(confounded):
    sample = confounded().adjusting_for(())
    means = [sample.y[sample.a == arm].mean() for arm in (0, 1)]
    np.testing.assert_allclose(fitted(EntropyBalancing(), sample).values, means, rtol=EXACT)


def test_a_target_outside_the_arm_is_refused_by_the_terms_and_by_how_much(confounded):
    base = confounded()
    group = np.where(base.a == 1, base.x[:, 2], 0.0)
    sample = replace(base, x=np.column_stack([base.x[:, :2], group]))
    with pytest.raises(PositivityError, match=r"weights of the unexposed .* 'x2' off by 0\.5 SD"):
        fitted(EntropyBalancing(), sample)
    apart = replace(base, a=(base.x[:, 0] > 0).astype(float))
    with pytest.raises(PositivityError, match=r"of the unexposed .* exactly: .* leave 'x0' off by"):
        fitted(EntropyBalancing(target="ATT"), apart)


def test_a_target_at_the_edge_of_an_arm_is_refused(confounded):
    """Balance is possible there, but only by leaving rows out: weights have no finite form."""
    base = confounded()
    x = base.x.copy()
    x[base.a == 0, 2] = np.where(x[base.a == 0, 2] == 1, 1.0, 0.0)
    x[base.a == 1, 2] = 1.0
    with pytest.raises(PositivityError, match="only weights of 0 for some rows would"):
        fitted(EntropyBalancing(target="ATT"), replace(base, x=x))


def test_fewer_rows_than_terms_are_refused_with_both_numbers(confounded):
    base = confounded(n=30)
    x = np.random.default_rng(3).normal(size=(30, 25))
    names = tuple(f"t{j}" for j in range(25))
    sample = replace(base, x=x, terms=names, concepts=names)
    with pytest.raises(PositivityError, match=r"There are \d+ (un)?exposed rows for 25 columns"):
        fitted(EntropyBalancing(), sample)


def test_constant_and_doubled_terms_change_nothing(confounded):
    sample = confounded()
    plain = fitted(EntropyBalancing(), sample)
    more = np.column_stack([sample.x, np.full(sample.n, 7.0), sample.x[:, 0] - 2 * sample.x[:, 1]])
    names = (*sample.terms, "constant", "mixture")
    again = fitted(EntropyBalancing(), replace(sample, x=more, terms=names, concepts=names))
    np.testing.assert_allclose(again.values, plain.values, rtol=EXACT)
    np.testing.assert_allclose(again.covariance, plain.covariance, rtol=1e-7)

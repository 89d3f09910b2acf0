"""Predictive mean matching: seen values only, the law of the draws, and donors that tie."""

from __future__ import annotations

import numpy as np
import pytest

from causal.imputation.matching import _nearest, match_block, regress

DRAWS = 4000
RIDGED = 1e-4
"""What a ridge of 1e-5 takes from coefficients of about 1."""
CHANCE = 4.5
"""Standard errors that no comparison by simulation may be off by."""


def design(n: int = 60, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    return x, (x @ [0.5, 1.0, -0.7] + rng.normal(size=n))[:, None]


def test_draws_have_the_posterior_that_least_squares_of_statsmodels_has():
    import statsmodels.api as sm

    x, y = design()
    fit = sm.OLS(y[:, 0], x).fit()
    rng = np.random.default_rng(2)
    drawn = np.array([regress(y, x, np.eye(3), rng)[1][:, 0] for _ in range(DRAWS)])
    variance = np.diag(fit.cov_params()) * fit.df_resid / (fit.df_resid - 2)
    assert np.all(np.abs(drawn.mean(axis=0) - fit.params) < CHANCE * np.sqrt(variance / DRAWS))
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=CHANCE * np.sqrt(2 / DRAWS))
    np.testing.assert_allclose(regress(y, x, x, rng)[0][:, 0], fit.fittedvalues, atol=RIDGED)


def test_several_columns_are_drawn_with_their_joint_covariance():
    """Coefficients of two columns covary as their residuals do."""
    x, y = design()
    both = np.column_stack([y[:, 0], 2 * y[:, 0] + np.random.default_rng(3).normal(size=len(y))])
    rng = np.random.default_rng(4)
    drawn = np.array([regress(both, x, np.eye(3), rng)[1][1] for _ in range(DRAWS)])
    residual = both - x @ np.linalg.lstsq(x, both, rcond=None)[0]
    df = len(x) - 3
    expected = residual.T @ residual / (df - 3) * np.linalg.inv(x.T @ x)[1, 1]
    np.testing.assert_allclose(np.cov(drawn.T), expected, rtol=CHANCE * np.sqrt(2 / DRAWS))


def test_recoding_a_predictor_changes_no_draw():
    x, y = design()
    turned = x * [1, -1, 1]
    first, second = (regress(y, z, z, np.random.default_rng(5))[1] for z in (x, turned))
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_collinear_predictors_are_held_by_the_ridge():
    x, y = design()
    missing = np.arange(len(y)) < 10
    once = match_block(y, x[:, 1:], missing, 1, np.random.default_rng(6))
    again = match_block(
        y,
        np.column_stack([x[:, 1:], x[:, 1], np.ones(len(y))]),
        missing,
        1,
        np.random.default_rng(6),
    )
    assert np.mean(once == again) > 0.8  # the ridge and the df, not the fit, make the difference


def test_a_nominal_variable_is_taken_over_whole_and_follows_its_predictor():
    rng = np.random.default_rng(7)
    level = rng.integers(0, 3, 600)
    predictor = (level == 1) * 3.0 - (level == 2) * 3.0 + rng.normal(size=600)
    block = np.column_stack([level == 1, level == 2]).astype(float)
    missing = rng.random(600) < 0.3
    chosen = match_block(block, predictor[:, None], missing, 5, rng)
    assert not missing[chosen].any()
    assert set(map(tuple, block[chosen])) <= {(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)}
    assert np.mean(level[chosen] == level[missing]) > 0.75


def test_rows_that_predict_alike_are_all_donors():
    """With one 0/1 predictor the donors are its whole group, not five of it."""
    group = np.repeat([0.0, 1.0], 200)
    value = np.arange(400.0)
    missing = np.zeros(400, dtype=bool)
    missing[:100] = missing[300:] = True
    rng = np.random.default_rng(8)
    # residuals vary, so the prediction is the group's mean
    chosen = np.concatenate(
        [match_block(value[:, None], group[:, None], missing, 5, rng) for _ in range(20)]
    )
    assert len(np.unique(chosen)) > 190


def test_the_nearest_donors_are_drawn_evenly():
    points = np.array([[0.0], [1.0], [1.0], [2.0], [9.0]])
    targets = np.full((9000, 1), 1.2)
    chosen = _nearest(points, targets, 3, np.random.default_rng(9))
    counts = np.bincount(chosen, minlength=5)
    assert counts[[0, 4]].sum() == 0
    assert np.all(np.abs(counts[1:4] / 9000 - 1 / 3) < CHANCE * np.sqrt(2 / 9 / 9000))


@pytest.mark.parametrize("constant", [True, False])
def test_blocks_without_residual_spread_are_matched_all_the_same(constant):
    x = np.arange(20.0)
    y = np.ones(20) if constant else 2 * x
    missing = np.arange(20) % 4 == 0
    chosen = match_block(y[:, None], x[:, None], missing, 1, np.random.default_rng(10))
    assert np.all(np.abs(chosen - np.flatnonzero(missing)) <= (20 if constant else 1))


def test_means_and_variances_over_imputations_are_those_of_statsmodels():
    """One incomplete column: the mean of the completed column, over many imputations."""
    import pandas as pd
    from statsmodels.imputation.mice import MICEData

    rng = np.random.default_rng(11)
    x = rng.normal(size=(300, 2))
    y = x @ [1.0, -0.5] + rng.normal(size=300)
    missing = rng.random(300) < 1 / (1 + np.exp(-x[:, 0] + 0.5))
    frame = pd.DataFrame({"y": np.where(missing, np.nan, y), "x0": x[:, 0], "x1": x[:, 1]})
    theirs, ours = [], []
    data = MICEData(frame, k_pmm=5, rng=np.random.default_rng(12))
    for _ in range(300):
        data.update_all()
        theirs.append(float(data.data["y"].mean()))
        completed = y.copy()
        completed[missing] = y[match_block(y[:, None], x, missing, 5, rng)]
        ours.append(completed.mean())
    spread = np.std(ours) / np.sqrt(300)
    assert abs(np.mean(ours) - np.mean(theirs)) < CHANCE * spread * np.sqrt(2)
    assert np.var(ours) == pytest.approx(np.var(theirs), rel=CHANCE * np.sqrt(4 / 300))

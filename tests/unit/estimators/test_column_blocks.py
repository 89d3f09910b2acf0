"""Blocks of the columns of a regression, and sums over them, are those of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest

from causal.estimators.column_blocks import Columns
from causal.estimators.cross_products import BLOCK

SUMMED = 1e-11  # the same sums in another order
N, FOLDS = BLOCK + 900, 3


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("far", [True, False])
def test_blocks_of_columns_add_up_to_the_columns(far, every):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(N, 4))
    x[:, 1] += 2000 * far
    a = (rng.random(N) < 0.4).astype(float)
    columns = Columns.of(x, a, (1, 2))
    assert bool(columns.shift.any()) is far  # rows near 0 are read where they stand
    whole, q = columns.rows(slice(None)), x.shape[1]
    shifted = x - columns.shift
    products = a[:, None] * shifted[:, [1, 2]]
    np.testing.assert_array_equal(whole, np.column_stack([np.ones(N), shifted, a, products]))
    coefficients, weights = rng.normal(size=(FOLDS, columns.size)), rng.random((FOLDS, N))
    fold = np.arange(N) % FOLDS
    sums, products = np.zeros_like(coefficients), np.zeros((FOLDS, columns.size, columns.size))
    some = columns.some(every)
    for block in some.blocks():
        here = block.rows
        predictors = whole[here] @ coefficients.T
        np.testing.assert_allclose(block.times(coefficients), predictors.T, rtol=0, atol=1e-10)
        sums += block.sums(weights[:, here])
        block.add_products(products, weights[0, here], fold[here])
    weights[:, np.arange(N) % every > 0] = 0.0
    assert some.count == len(range(0, N, every))
    assert some.weight(weights[0]) == pytest.approx(weights[0].sum(), rel=SUMMED)
    np.testing.assert_allclose(sums, weights @ whole, rtol=SUMMED)
    for k in range(FOLDS):
        own = whole[fold == k]
        exact = own.T @ (own * weights[0, fold == k, None])
        found = columns.in_order(products)[k]
        np.testing.assert_allclose(found, exact, rtol=0, atol=SUMMED * np.abs(exact).max())
    assert columns.size == whole.shape[1] == q + 4

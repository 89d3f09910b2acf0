"""Blocks of rows give what a decomposition of all rows does, and say when they cannot."""

import numpy as np
import pytest

from causal.estimators.cross_products import (
    BLOCK,
    cross_products,
    plain_design,
    residuals,
    shifts,
    well_posed,
)
from causal.estimators.iv_algebra import _by_singular_values, k_class, project

SAME = 1e-12  # two factorisations of a well-conditioned design, relative
FAR_OFF = 1e-9  # columns whose mean is 10^5 of their spreads leave fewer digits to both
TURNED = 1e-8  # columns that differ by 10^-5 of themselves are turned by factors of 10^5
ROWS = 2 * BLOCK + 17


def drawn(n=ROWS, *, far=0.0, alike=0.0, q=2, seed=0):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(n, 4)), rng.normal(size=(n, q))
    x[:, 1] = x[:, 0] + (alike or 1.0) * x[:, 1]
    a = z.sum(axis=1) + x.sum(axis=1) + rng.normal(size=n)
    y = a + 30 * x[:, 2] + rng.normal(size=n)
    return y + far, a, z - 3 * far, x + far * np.arange(1, 5), rng.uniform(0.2, 4.0, n)


def projected(data):
    y, a, z, x, w = data
    return project(y, a, z, x, w, tuple(f"z{j}" for j in range(z.shape[1])))


@pytest.mark.parametrize(("far", "within"), [(0.0, SAME), (1e5, FAR_OFF)])
@pytest.mark.parametrize("weighted", [False, True])
def test_projection_by_cross_products_is_that_by_singular_values(far, within, weighted):
    y, a, z, x, w = drawn(far=far)
    w = w if weighted else np.ones(ROWS)
    found = projected((y, a, z, x, w))
    _, space = _by_singular_values(x, np.sqrt(w))
    columns = np.sqrt(w)[:, None] * np.column_stack([y, a, z])
    left = columns - space @ (space.T @ columns)
    left -= space @ (space.T @ left)
    for mine, theirs in ((found.y, left[:, 0]), (found.a, left[:, 1])):
        np.testing.assert_allclose(mine, theirs, atol=within * np.abs(theirs).max())
    np.testing.assert_allclose(
        found.z @ found.basis, left[:, 2:], atol=within * np.abs(left[:, 2:]).max()
    )


@pytest.mark.parametrize("alike", [0.0, 1e-5], ids=["by cross products", "by singular values"])
def test_the_design_is_orthonormal_by_either_way(alike):
    one = projected(drawn(far=50.0, alike=alike))
    rows = np.array([3, BLOCK, ROWS - 1])
    columns = one.covariates.rows(slice(None))
    np.testing.assert_allclose(columns.T @ columns, np.eye(5), atol=TURNED)
    np.testing.assert_allclose(one.covariates.rows(rows), columns[rows], atol=SAME)
    size = np.linalg.norm(np.column_stack([one.y, one.a, one.z]), axis=0)
    assert (np.abs(columns.T @ np.column_stack([one.y, one.a, one.z])) < TURNED * size).all()


def test_columns_nearly_alike_or_constant_are_not_left_to_cross_products():
    *_, x, w = drawn()
    root = np.sqrt(w)

    def plain(columns):
        shift = shifts(columns)
        return well_posed(cross_products(columns, columns[:, :0], shift, root), shift)

    assert plain(x)
    assert not plain(drawn(alike=1e-5)[3])
    assert not plain(np.column_stack([x, np.full(ROWS, 7.1)]))
    assert not plain(np.column_stack([x, x[:, 0] - x[:, 2]]))


def test_covariates_nearly_alike_are_both_kept():
    data = drawn(alike=1e-5)
    assert projected(data).n_covariates == 5
    assert k_class(projected(data), 1.0).coefficient == pytest.approx(1.0, abs=0.1)


def test_a_response_the_covariates_nearly_give_is_taken_out_twice():
    """What is left is 10^-9 of the response, and still orthogonal to the covariates."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, 3))
    response = np.asfortranarray((x @ [1.0, 2.0, 3.0] + 1e-9 * rng.normal(size=ROWS))[:, None])
    root, shift = np.ones(ROWS), np.concatenate([shifts(x), shifts(response)])
    products = cross_products(x, response, shift, root)
    design = plain_design(x, shift[:3], root, products[:4, :4])
    left = residuals(design, response, products)[:, 0]
    onto = design.rows(slice(None)).T @ left
    assert np.abs(onto).max() < 1e-6 * np.linalg.norm(left)
    assert left.std() == pytest.approx(1e-9, rel=0.02)

"""k-class and GMM coefficients: known identities, published numbers, and refusals."""

import math
import re

import numpy as np
import pytest

from causal.errors import InstrumentError
from causal.estimators.iv_algebra import fuller_k, k_class, liml_k, project, two_step
from causal.estimators.reduced_form import reduced_form

EXACT = 1e-9  # the same numbers by another way
STEP = 1e-6
DERIVATIVE = 1e-4  # central differences of a smooth function, relative


def drawn(n=300, q=1, seed=0, strength=0.6):
    """Draw a confounded exposure with q instruments and two covariates."""
    rng = np.random.default_rng(seed)
    z, x, u = rng.normal(size=(n, q)), rng.normal(size=(n, 2)), rng.normal(size=n)
    a = strength * z.sum(axis=1) / math.sqrt(q) + x[:, 0] + u + rng.normal(size=n)
    y = 0.5 * a - u + x @ [1.0, -1.0] + rng.normal(size=n) * (1 + 0.5 * np.abs(z[:, 0]))
    return y, a, z, x, rng.uniform(0.5, 2.0, n)


def projected(data):
    y, a, z, x, w = data
    return project(y, a, z, x, w, tuple(f"z{j}" for j in range(z.shape[1])))


def two_stages(y, a, z, x, w):
    """Two-stage least squares in two literal stages."""
    root = np.sqrt(w)
    one = np.ones(len(y))
    first = np.column_stack([one, x, z])
    moved = first @ np.linalg.lstsq(first * root[:, None], a * root, rcond=None)[0]
    second = np.column_stack([moved, one, x])
    return np.linalg.lstsq(second * root[:, None], y * root, rcond=None)[0][0]


@pytest.mark.parametrize("q", [1, 3])
def test_two_stage_least_squares_is_two_stages(q):
    data = drawn(q=q)
    assert k_class(projected(data), 1.0).coefficient == pytest.approx(two_stages(*data), rel=EXACT)


def test_no_k_is_least_squares():
    y, a, z, x, w = drawn()
    root = np.sqrt(w)[:, None]
    design = np.column_stack([a, np.ones(len(y)), x])
    least = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0][0]
    assert k_class(projected((y, a, z, x, w)), 0.0).coefficient == pytest.approx(least, rel=EXACT)


def test_with_one_instrument_every_method_but_fullers_is_the_ratio_of_reduced_form_to_first_stage():
    data = projected(drawn())
    form = reduced_form(data, None)
    ratio = float(form.outcome[0] / form.exposure[0])
    found = [k_class(data, 1.0), k_class(data, liml_k(data)), two_step(data, None)]
    np.testing.assert_allclose([one.coefficient for one in found], ratio, rtol=EXACT)
    assert all(one.overidentification == 0 for one in found)
    assert fuller_k(data, 1.0) < liml_k(data)


def test_liml_minimises_the_ratio_of_explained_to_unexplained_structural_variance():
    data = projected(drawn(q=4))
    k = liml_k(data)
    beta = k_class(data, k).coefficient

    def ratio(value):
        b = np.array([1.0, -value])
        return (b @ data.whole @ b) / (b @ (data.whole - data.explained) @ b)

    assert ratio(beta) == pytest.approx(k, rel=EXACT)
    assert ratio(beta) < min(ratio(beta + 0.01), ratio(beta - 0.01))


@pytest.mark.parametrize("k", [0.0, 1.0])
def test_influence_is_the_derivative_in_the_weight_of_a_row(k):
    """The empirical influence value is what a little more weight on a row does, n-fold."""
    y, a, z, x, w = drawn(n=60)
    data = projected((y, a, z, x, w))
    exact = k_class(data, k)
    for row in (0, 17, 42):
        moved = []
        for sign in (1, -1):
            changed = w.copy()
            changed[row] *= 1 + sign * STEP
            moved.append(k_class(projected((y, a, z, x, changed)), k).coefficient)
        slope = (moved[0] - moved[1]) / (2 * STEP) * len(y)
        assert exact.influence[row] == pytest.approx(slope, rel=DERIVATIVE)


def test_gmm_minimises_its_criterion_and_hansens_j_is_its_value():
    data = projected(drawn(q=3))
    found = two_step(data, None)
    first = k_class(data, 1.0)
    moments = data.z * first.residual[:, None]
    weight = np.linalg.inv(moments.T @ moments)

    def criterion(beta):
        left = data.z.T @ (data.y - beta * data.a)
        return left @ weight @ left

    assert criterion(found.coefficient) == pytest.approx(found.overidentification, rel=EXACT)
    assert criterion(found.coefficient) < min(
        criterion(found.coefficient + 0.01), criterion(found.coefficient - 0.01)
    )


def test_units_of_instruments_and_covariates_change_nothing():
    y, a, z, x, w = drawn(q=2)
    data, other = projected((y, a, z, x, w)), projected((y, a, z * [1e3, -0.1], 7e4 + 1e4 * x, w))
    np.testing.assert_allclose(
        [k_class(other, 1.0).coefficient, liml_k(other)],
        [k_class(data, 1.0).coefficient, liml_k(data)],
        rtol=1e-7,  # covariates of size 10^5 leave fewer digits
    )


def test_aliased_covariates_do_no_harm():
    y, a, z, x, w = drawn()
    doubled = np.column_stack([x, x[:, 0], np.ones(len(y))])
    plain, same = projected((y, a, z, x, w)), projected((y, a, z, doubled, w))
    assert same.n_covariates == plain.n_covariates == 3
    assert k_class(same, 1.0).coefficient == pytest.approx(
        k_class(plain, 1.0).coefficient, rel=EXACT
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda z, x: (z[:, :0], x), "there is no instrument"),
        (lambda z, x: (np.full_like(z, 3.0), x), "'z0' is 3 in all 300 rows"),
        (lambda z, x: (z, np.column_stack([x, 2 * z - x[:, :1]])), "determine the instrument 'z0'"),
        (lambda z, x: (np.column_stack([z, 1 - z]), x), "'z1' is a linear combination of"),
        (lambda z, x: (z, np.random.default_rng(1).normal(size=(300, 299))), "leave nothing to"),
    ],
)
def test_instruments_that_carry_nothing_are_refused(change, said):
    y, a, z, x, w = drawn()
    with pytest.raises(InstrumentError, match=re.escape(said)):
        projected((y, a, *change(z, x), w))


def test_fewer_clusters_than_instruments_have_no_full_covariance():
    data = projected(drawn(q=3))
    with pytest.raises(InstrumentError, match="2 clusters give no covariance of 3 moments"):
        two_step(data, np.arange(data.n) % 2)

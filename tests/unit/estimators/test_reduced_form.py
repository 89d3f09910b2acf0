"""The reduced form's covariance by leaving clusters out, beside refits that leave them out."""

import math

import numpy as np
import pytest

from causal.errors import InstrumentError
from causal.estimators.iv_algebra import project
from causal.estimators.reduced_form import jackknifed, reduced_form

EXACT = 1e-9  # an update in the place of a refit, relative
MANY = 0.02  # with many clusters every convention is the same


def drawn(q=2, groups=12, n=150, seed=0):
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.arange(n) % groups) * 3
    shared = rng.normal(size=(3 * groups, 4))[cluster]
    x, z = rng.normal(size=(n, 2)) + shared[:, :2], rng.normal(size=(n, q)) + shared[:, 2:3]
    a = z.sum(axis=1) + shared[:, 3] + rng.normal(size=n)
    y = 0.5 * a + x.sum(axis=1) - shared[:, 3] + rng.normal(size=n)
    return y, a, z, x, rng.uniform(0.5, 2.0, n), cluster


def projected(y, a, z, x, w):
    return project(y, a, z, x, w, tuple(f"z{j}" for j in range(z.shape[1])))


def refits(y, a, z, x, w, cluster, dropped=()):
    """Give the covariance of both regressions' coefficients from refits without each cluster."""
    root = np.sqrt(w)[:, None]
    design = root * np.column_stack([np.ones(len(y)), x, z])
    responses = root * np.column_stack([y, a])

    def coefficients(rows):
        return np.linalg.lstsq(design[rows], responses[rows], rcond=None)[0][
            -z.shape[1] :
        ].T.ravel()

    labels = np.unique(cluster)
    whole = coefficients(np.ones(len(y), dtype=bool))
    changes = np.array([coefficients(cluster != label) - whole for label in labels])
    return (len(labels) - 1) / len(labels) * changes.T @ changes


def in_units(form, data):
    """Give the covariance in units of the instruments, not of their orthonormal basis."""
    back = np.kron(np.eye(2), np.linalg.inv(data.basis))
    return back @ form.covariance @ back.T


@pytest.mark.parametrize("q", [1, 3])
def test_the_update_is_the_refit_without_each_cluster(q):
    *arrays, cluster = drawn(q)
    data = projected(*arrays)
    form = jackknifed(data, cluster)
    assert form.groups == 12
    np.testing.assert_allclose(in_units(form, data), refits(*arrays, cluster), rtol=EXACT)


def test_indicators_of_clusters_among_the_covariates_do_no_harm():
    y, a, z, x, w, cluster = drawn(q=1)
    dummies = (cluster[:, None] == np.unique(cluster)[1:]).astype(float)
    arrays = (y, a, z, np.column_stack([x, dummies]), w)
    data = projected(*arrays)
    found = in_units(jackknifed(data, cluster), data)
    np.testing.assert_allclose(found, refits(*arrays, cluster), rtol=1e-6)  # lstsq of aliased rows


def test_an_instrument_that_varies_in_one_cluster_only_has_no_error_between_clusters():
    y, a, z, x, w, cluster = drawn(q=1)
    alone = np.where(cluster[:, None] == 3, z, 0.0)
    data = projected(y, a, alone, np.column_stack([x, cluster == 3]), w)
    with pytest.raises(InstrumentError, match="lies in one cluster"):
        jackknifed(data, cluster)


def test_with_many_clusters_every_convention_is_the_same_and_with_few_the_jackknife_is_wider():
    ratios = []
    for groups in (8, 1000):
        *arrays, cluster = drawn(q=1, groups=groups, n=4000)
        data = projected(*arrays)
        few = jackknifed(data, cluster).covariance
        ratios.append(math.sqrt(few[1, 1] / reduced_form(data, "HC1", cluster).covariance[1, 1]))
    assert ratios[0] > 1.1
    assert ratios[1] == pytest.approx(1.0, abs=MANY)


def test_clusters_are_decomposed_together_or_in_turns(monkeypatch):
    *arrays, cluster = drawn()
    data = projected(*arrays)
    whole = jackknifed(data, cluster).covariance
    monkeypatch.setattr("causal.estimators.reduced_form.TOGETHER", 5)
    np.testing.assert_allclose(jackknifed(data, cluster).covariance, whole, rtol=EXACT)

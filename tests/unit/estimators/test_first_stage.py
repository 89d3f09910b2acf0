"""Strength of instruments: published critical values, and what the statistics reduce to."""

import math

import numpy as np
import pytest

from causal.estimators.first_stage import (
    TF_FACTORS,
    classical_f,
    effective_f,
    effective_f_critical,
    tf_factor,
    wald_f,
)
from causal.estimators.iv_algebra import project
from causal.estimators.reduced_form import reduced_form
from causal.inference import critical_value

EXACT = 1e-9
PRINTED = 0.006  # published with two decimals, and between points of the finer table

TF_PUBLISHED = {
    2.1: 9.74, 2.2: 7.37, 2.5: 4.92, 3.0: 3.65, 3.5: 3.11, 4.0: 2.80, 5.0: 2.46, 6.0: 2.27,
}  # fmt: skip
"""Square root of F and 5 % critical value of tF: Lee, McCrary, Moreira & Porter (2022), figure 3,
as tabulated at steps of 0.1 in the authors' and others' implementations."""


def form(q=1, kind="HC1", seed=0, n=400):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, q))
    a = 0.2 * z.sum(axis=1) + rng.normal(size=n) * (1 + np.abs(z[:, 0]))
    y = a + rng.normal(size=n)
    names = tuple(f"z{j}" for j in range(q))
    return reduced_form(project(y, a, z, np.empty((n, 0)), np.ones(n), names), kind)


def test_with_one_instrument_the_effective_f_is_the_wald_f_and_its_critical_value_is_published():
    one = form()
    assert effective_f(one) == pytest.approx(wald_f(one), rel=EXACT)
    assert effective_f_critical(one) == pytest.approx(23.1085, abs=1e-4)
    # Montiel Olea & Pflueger (2013), table 1, K_eff = 1: 5, 10, 20 and 30 % of the worst case
    published = [(0.05, 37.42), (0.10, 23.11), (0.20, 15.06), (0.30, 12.04)]
    for bias, value in published:
        assert effective_f_critical(one, bias) == pytest.approx(value, abs=0.006)


def test_under_equal_error_variance_all_three_are_the_same():
    several = form(q=3, kind=None)
    assert wald_f(several) == pytest.approx(classical_f(several), rel=EXACT)
    assert effective_f(several) == pytest.approx(classical_f(several), rel=EXACT)


def test_the_critical_value_lies_between_that_of_one_and_that_of_as_many_independent_instruments():
    many = effective_f_critical(form(q=3, kind=None))
    assert many < effective_f_critical(form(q=3)) < effective_f_critical(form())
    # K_eff under equal variance: 9 * 21 / (3 + 60) = 3
    from scipy.stats import ncx2

    assert many == pytest.approx(ncx2.ppf(0.95, 3, 30) / 3, rel=EXACT)


@pytest.mark.parametrize(("root", "published"), TF_PUBLISHED.items())
def test_tf_gives_the_published_critical_values(root, published):
    found = tf_factor(root**2) * critical_value()
    assert found == pytest.approx(published, abs=PRINTED * published)


def test_tf_is_infinite_below_4_falls_with_f_and_ends_at_the_normal_value():
    assert math.isinf(tf_factor(3.99))
    assert tf_factor(10) * critical_value() == pytest.approx(3.43, abs=0.005)  # as in its abstract
    assert tf_factor(104.7) == tf_factor(1e6) == 1.0
    assert (np.diff(TF_FACTORS, axis=0) * [1, -1] > 0).all()

"""The set of a ratio over imputations: each contrast by its own degrees of freedom."""

from __future__ import annotations

import math

import numpy as np
import pytest

from causal import inference
from causal.inference import Rubin, fieller, rubin
from causal.pooled_ratio import pooled_fieller

SAME = 1e-9
"""A root found to rounding, against one in closed form."""
WITHIN = np.array([[1.0, 0.6], [0.6, 1.5]])


def pooled(a: float, b: float, spread: float, df: float, within: np.ndarray = WITHIN) -> Rubin:
    """Pool five pairs whose spread between imputations is like that within: one share is lost."""
    root = np.linalg.cholesky(within)
    moves = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1], [0, 0]]) @ root.T
    return rubin(np.array([a, b]) + spread * moves, np.array([within] * 5), df)


@pytest.mark.parametrize("spread", [0.0, 0.4])
@pytest.mark.parametrize(("a", "b"), [(6.0, 8.0), (6.0, 1.0), (0.5, 1.0), (-9.0, 5.0), (0.0, 9.0),
                                      (4000.0, 3000.0), (3.0, -0.1), (-7.0, -0.2)])  # fmt: skip
def test_where_every_contrast_loses_alike_it_is_fiellers_set(a, b, spread):
    found = pooled(a, b, spread, 30.0)
    assert found.df == pytest.approx(found.df_of(np.array([1.0, -0.3])), rel=SAME)
    expected = fieller(a, b, found.total, df=found.df)
    ours = pooled_fieller(found)
    assert [[end is None for end in piece] for piece in ours] == [
        [end is None for end in piece] for piece in expected
    ]
    for one, other in zip(ours, expected, strict=True):
        known = [(x, y) for x, y in zip(one, other, strict=True) if x is not None]
        for x, y in known:
            assert x == pytest.approx(y, rel=SAME, abs=SAME)


def test_units_of_either_estimate_change_nothing():
    rng = np.random.default_rng(1)
    values = np.array([3.0, 4.0]) + 0.5 * rng.normal(size=(6, 2))
    (plain,) = pooled_fieller(rubin(values, np.array([WITHIN / 4] * 6), 12.0))
    turn = np.diag([1e6, -1e-3])
    other = rubin(values @ turn, np.array([turn @ WITHIN @ turn / 4] * 6), 12.0)
    (moved,) = pooled_fieller(other)
    assert sorted(-1e-9 * end for end in moved) == pytest.approx(plain, rel=1e-6)


def test_zero_one_and_no_limit_are_judged_by_the_intervals_of_the_three_contrasts():
    """Whatever is imputed: a alone, a − b, and b alone have degrees of freedom of their own."""
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(150):
        values = rng.normal(size=2) * 3 + rng.normal(size=(4, 2)) * [0.8, 0.2]
        found = rubin(values, np.array([WITHIN / 3] * 4), 9.0)
        pieces = pooled_fieller(found)
        for theta, weights in ((0.0, (1.0, 0.0)), (1.0, (1.0, -1.0)), (math.inf, (0.0, 1.0))):
            weights = np.array(weights)
            lo, hi = inference.interval(
                weights @ found.values,
                math.sqrt(weights @ found.total @ weights),
                df=found.df_of(weights),
            )
            held = any(
                (low is None or low <= theta) and (high is None or theta <= high)
                for low, high in pieces
            )
            assert held == (lo <= 0 <= hi)
            seen.add((theta, held))
    assert len(seen) == 6


def test_a_pair_whose_covariance_has_no_full_rank_has_a_set_of_numbers():
    """With two clusters, two means move together: one contrast has no variance within."""
    within = np.outer([1.0, 2.0], [1.0, 2.0]) / 50
    values = np.array([[1.0, 9.0], [1.1, 8.9], [0.9, 9.05]])
    found = rubin(values, np.array([within] * 3), 4.0)
    assert found.df < 0.01
    ends = [end for piece in pooled_fieller(found) for end in piece if end is not None]
    assert ends
    assert np.isfinite(ends).all()
    assert any(low is not None and low <= 1 / 9 <= high for low, high in pooled_fieller(found))


def test_an_estimate_without_variance_is_no_obstacle():
    still = rubin(np.array([[2.0, 4.0]] * 3), np.zeros((3, 2, 2)), 9.0)
    ((low, high),) = pooled_fieller(still)
    assert (low, high) == pytest.approx((0.5, 0.5))

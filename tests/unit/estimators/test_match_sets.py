"""Matched sets with replacement: nearest rows, ties in equal shares, calipers, exact terms."""

from __future__ import annotations

import numpy as np
import pytest

from causal.estimators.match_sets import (
    TIE,
    Space,
    exact_labels,
    group_rows,
    match_arms,
    match_own_arm,
    whiten,
)

EXACT = 1e-12  # sums in another order

PLACES = np.array([0.0, 1.0, 1.0, 4.0, 0.5, 3.0])
ARMS = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
Y = np.array([1.0, 2.0, 6.0, 10.0, 0.0, 0.0])


def sets_of(places, a, m, *, width=np.inf, exact=None, flat=True, arms=(1,)):
    """Match rows that lie on a line, as a line or as a line in a plane."""
    groups = group_rows(places[:, None], a, np.empty((len(a), 0)) if exact is None else exact)
    at = places[groups.first]
    points = at[:, None] if flat else np.column_stack([at, np.zeros_like(at)])
    return match_arms(Space(points, at, width, TIE), groups, arms, m)


FLAT = pytest.mark.parametrize("flat", [True, False], ids=["on a line", "in space"])


@FLAT
def test_equally_near_rows_share(flat):
    # the row at 0.5 has three rows at distance 0.5; the row at 3 has the one at 4
    sets = sets_of(PLACES, ARMS, 1, flat=flat)
    assert sets.impute(Y, np.ones(6)).tolist() == [0, 0, 0, 0, 3, 10]
    assert sets.counted().tolist() == [0, 0, 0, 0, 3, 1]
    given, squares = sets.given(ARMS, np.ones(6))
    assert given == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 0, 0], rel=EXACT)
    assert squares == pytest.approx([1 / 9, 1 / 9, 1 / 9, 1, 0, 0], rel=EXACT)


@FLAT
def test_several_matches_are_the_nearest_and_their_ties(flat):
    # from 3, the nearest is at 4, and two are tied for the second place at 1
    sets = sets_of(PLACES, ARMS, 2, flat=flat)
    assert sets.impute(Y, np.ones(6))[4:].tolist() == [3, 6]


@FLAT
def test_matches_share_by_survey_weight(flat):
    w = np.array([1.0, 2.0, 1.0, 5.0, 3.0, 1.0])
    sets = sets_of(PLACES, ARMS, 1, flat=flat)
    assert sets.impute(Y, w)[4] == pytest.approx((1 + 4 + 6) / 4, rel=EXACT)
    given, _ = sets.given(ARMS * w, w)
    assert given[:4] == pytest.approx([3 / 4, 6 / 4, 3 / 4, 1], rel=EXACT)


@FLAT
def test_nobody_outside_the_caliper_is_a_match(flat):
    sets = sets_of(PLACES, ARMS, 1, width=0.7, flat=flat)
    assert sets.matched.tolist() == [False] * 4 + [True, False]
    partly = sets_of(PLACES, ARMS, 2, width=1.2, flat=flat)
    assert partly.counted()[4:].tolist() == [3, 1]


@FLAT
def test_sets_agree_in_exact_terms(flat):
    exact = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0])[:, None]
    sets = sets_of(PLACES, ARMS, 1, exact=exact, flat=flat)
    assert sets.impute(Y, np.ones(6))[4:].tolist() == [6, 2]
    alone = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 0.0])[:, None]
    assert sets_of(PLACES, ARMS, 1, exact=alone, flat=flat).matched[4:].tolist() == [False, True]


@pytest.mark.parametrize("m", [1, 3, 50])
@pytest.mark.parametrize("width", [np.inf, 0.3])
@FLAT
def test_sets_are_those_of_comparing_everybody_with_everybody(m, width, flat):
    rng = np.random.default_rng(4)
    places = np.round(rng.normal(size=120), 1)  # many ties
    a = (rng.random(120) < 0.4).astype(float)
    y = rng.normal(size=120)
    imputed = sets_of(places, a, m, width=width, flat=flat, arms=(0, 1)).impute(y, np.ones(120))
    for row in range(120):
        others = np.flatnonzero(a != a[row])
        apart = np.abs(places[others] - places[row])
        limit = min(np.sort(apart)[min(m, len(others)) - 1], width)
        near = others[apart <= limit + TIE]
        assert imputed[row] == pytest.approx(y[near].mean() if len(near) else 0.0, abs=EXACT)


def test_neighbours_of_the_own_arm_hold_the_row_itself():
    groups = group_rows(PLACES[:, None], ARMS, np.empty((6, 0)))
    at = PLACES[groups.first]
    sets = match_own_arm(Space(at[:, None], at, 0.1, TIE), groups, 1)
    # rows at 1 are each other's neighbour; the row at 0 has both; the row at 4 too
    assert sets.counted().tolist() == [3, 2, 2, 3, 2, 2]


def test_rows_alike_are_one_group_in_the_order_of_their_values():
    groups = group_rows(PLACES[:, None], ARMS, np.empty((6, 0)))
    assert groups.of.tolist() == [0, 2, 2, 4, 1, 3]
    assert groups.size.tolist() == [1, 1, 2, 1, 1]
    assert exact_labels(np.array([[2.0], [1.0], [2.0]])).tolist() == [1, 0, 1]


def test_whitened_covariates_have_unit_covariance_without_aliases():
    x = np.random.default_rng(2).normal(size=(60, 3)) @ np.array([[2, 1, 0], [0, 1, 3], [1, 0, 1]])
    aliased = np.column_stack([x, x[:, 0] - x[:, 1], np.ones(60)])
    white = whiten(aliased)
    assert white.shape == (60, 3)
    np.testing.assert_allclose(white.T @ white / 60, np.eye(3), atol=1e-9)

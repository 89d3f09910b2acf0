"""Matching without replacement: in turns, optimally, within calipers and exact terms."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from causal.errors import SpecError
from causal.estimators import assignment
from causal.estimators.assignment import GRAIN, Rivals, give_nearest, give_optimally

COUNTED = 20 * GRAIN  # distances are counted in grains


def rivals(places, targets, *, width=np.inf, label=None):
    places = np.asarray(places, dtype=float)
    targets = np.array(targets)
    donors = np.setdiff1d(np.arange(len(places)), targets)
    label = np.zeros(len(places), dtype=np.int64) if label is None else np.array(label)
    return Rivals(places[:, None], places, label, width, targets, donors)


def pairs(found):
    return sorted((int(i), int(j)) for i, j in zip(*found, strict=True))


def test_the_first_takes_the_nearest_and_the_next_what_is_left():
    # 1.1 takes 1.0 first, which leaves 0.0 to the row at 0.9; optimally they go the other way
    some = rivals([1.1, 0.9, 1.0, 0.0], [0, 1])
    assert pairs(give_nearest(some, 1)) == [(0, 2), (1, 3)]
    # squares: 0.01 + 0.81 as above, 1.21 + 0.01 the other way round
    assert pairs(give_optimally(some, 1)) == [(0, 2), (1, 3)]
    turned = rivals([0.9, 1.1, 1.0, 0.0], [0, 1])
    assert pairs(give_nearest(turned, 1)) == [(0, 2), (1, 3)]
    assert pairs(give_optimally(turned, 1)) == [(0, 3), (1, 2)]


def test_equally_near_rows_are_taken_in_their_order():
    assert pairs(give_nearest(rivals([1.0, 0.0, 2.0], [0]), 1)) == [(0, 1)]


@pytest.mark.parametrize("give", [give_nearest, give_optimally])
def test_several_matches_are_given_to_each(give):
    found = pairs(give(rivals([0.0, 10.0, 1.0, 2.0, 9.0, 11.0, 50.0], [0, 1]), 2))
    assert found == [(0, 2), (0, 3), (1, 4), (1, 5)]


@pytest.mark.parametrize("give", [give_nearest, give_optimally])
def test_caliper_and_exact_terms_leave_rows_without_a_match(give):
    assert pairs(give(rivals([0.0, 10.0, 1.0, 4.0], [0, 1], width=2.0), 1)) == [(0, 2)]
    label = [0, 1, 1, 0]
    assert pairs(give(rivals([0.0, 10.0, 1.0, 4.0], [0, 1], label=label), 1)) == [(0, 3), (1, 2)]


def test_nobody_gets_a_second_match_while_another_could_have_a_first():
    # four donors within reach of all three targets, and nearest to the first two
    some = rivals([0.0, 0.1, 0.9, 0.0, 0.05, 0.1, 0.15, 50.0, 60.0], [0, 1, 2], width=1.0)
    i, _ = give_optimally(some, 2)
    assert sorted(np.bincount(i, minlength=3)) == [1, 1, 2]
    assert sorted(np.bincount(give_nearest(some, 2)[0], minlength=3)) == [1, 1, 2]


@pytest.mark.parametrize("seed", range(8))
def test_first_matches_cost_no_pair(seed):
    rng = np.random.default_rng(seed)
    some = rivals(rng.uniform(0, 20, 23), np.arange(7), width=1.0)
    far = np.repeat(some.far(some.targets), 2, axis=0)
    cost = np.repeat(some.grains(some.targets) ** 2, 2, axis=0)
    given, _ = give_optimally(some, 2)
    assert len(given) == len(assignment.assign(cost, far)[0])
    assert len(set(given)) == len(assignment.assign(cost[::2], far[::2])[0])


def test_squared_distances_add_up_to_the_least_there_is():
    rng = np.random.default_rng(3)
    places = rng.normal(size=11)
    some = rivals(places, np.arange(4))
    i, j = give_optimally(some, 1)
    best = min(((places[:4] - places[list(o)]) ** 2).sum() for o in permutations(range(4, 11), 4))
    assert ((places[i] - places[j]) ** 2).sum() == pytest.approx(best, abs=COUNTED)


def test_too_many_distances_for_optimal_matching_are_refused(monkeypatch):
    monkeypatch.setattr(assignment, "LARGEST_TABLE", 3)
    with pytest.raises(SpecError, match=r"too many for optimal matching.*method to nearest"):
        give_optimally(rivals([0.0, 1.0, 2.0, 3.0], [0, 1]), 1)

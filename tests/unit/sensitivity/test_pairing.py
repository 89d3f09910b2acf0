"""Optimal pair matching: as many pairs as the caliper allows, at least distance, in any order."""

from itertools import permutations

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.sensitivity.pairing import first_rows, mahalanobis, pair_rows

ROUNDING = 1e-9
WIDE = 100.0  # standard deviations: nobody is outside


def drawn(n=60, seed=3, share=0.35):
    rng = np.random.default_rng(seed)
    a = (rng.random(n) < share).astype(float)
    return rng.normal(size=n) + 0.6 * a, a


def test_pairs_are_within_the_caliper_and_nobody_is_used_twice():
    logit, a = drawn(400)
    found = pair_rows(logit, a, np.arange(400))
    assert (a[found.exposed] == 1).all()
    assert (a[found.unexposed] == 0).all()
    assert len(set(found.exposed)) == len(set(found.unexposed)) == len(found.gaps)
    assert found.gaps == pytest.approx(np.abs(logit[found.exposed] - logit[found.unexposed]))
    assert found.gaps.max() <= 0.2 * logit.std(ddof=1)
    assert found.possible == a.sum() > len(found.gaps)


def test_squared_distances_add_up_to_the_least_there_is():
    logit, a = drawn(11, seed=4)
    found = pair_rows(logit, a, np.arange(11), caliper=WIDE)
    one, other = np.flatnonzero(a == 1), np.flatnonzero(a == 0)
    best = min(
        ((logit[one] - logit[list(order)]) ** 2).sum() for order in permutations(other, len(one))
    )
    assert (found.gaps**2).sum() == pytest.approx(best, rel=ROUNDING)


def test_more_pairs_come_before_closer_pairs():
    # the closest pair, 1.0 with 1.1, would leave 0.0 without a partner within .2 SD
    logit, a = np.array([0.0, 1.0, 1.1, 2.0, 40.0]), np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    found = pair_rows(logit, a, np.arange(5), caliper=1.2 / logit.std(ddof=1))
    assert sorted(zip(found.exposed, found.unexposed, strict=True)) == [(0, 1), (2, 3)]


def test_order_of_the_rows_does_not_matter():
    logit, a = drawn(200, seed=5)
    person = np.random.default_rng(0).permutation(200)
    shuffled = np.random.default_rng(1).permutation(200)
    everyone = np.ones(200, dtype=bool)
    one = pair_rows(logit, a, first_rows(person, everyone))
    other = pair_rows(logit[shuffled], a[shuffled], first_rows(person[shuffled], everyone))
    assert person[one.exposed].tolist() == person[shuffled][other.exposed].tolist()
    assert person[one.unexposed].tolist() == person[shuffled][other.unexposed].tolist()


def test_exchanging_the_arms_exchanges_the_members():
    logit, a = drawn(150, seed=6)
    one = pair_rows(logit, a, np.arange(150))
    other = pair_rows(logit, 1 - a, np.arange(150))
    assert (one.exposed == other.unexposed).all()
    assert (one.unexposed == other.exposed).all()


def test_each_person_gives_the_first_eligible_row():
    unit = np.array([7, 2, 2, 7, 9, 2])
    eligible = np.array([False, True, True, True, False, True])
    assert first_rows(unit, eligible).tolist() == [1, 3]


def test_mahalanobis_distance_is_that_of_the_inverse_covariance_and_ignores_aliases():
    x = np.random.default_rng(2).normal(size=(40, 3)) @ np.array([[2, 1, 0], [0, 1, 3], [1, 0, 1]])
    rows = np.arange(40)
    inverse = np.linalg.inv(np.cov(x.T, ddof=0))
    expected = [[np.sqrt((x[i] - x[j]) @ inverse @ (x[i] - x[j])) for j in (4, 5)] for i in (0, 1)]
    found = mahalanobis(x, rows, np.array([0, 1]), np.array([4, 5]))
    assert found == pytest.approx(np.array(expected))
    aliased = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.ones(40)])
    again = mahalanobis(aliased, rows, np.array([0, 1]), np.array([4, 5]))
    assert again == pytest.approx(found)


def test_mahalanobis_pairs_are_closer_in_covariates_within_the_same_caliper():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(300, 2))
    logit = x[:, 0] + 0.1 * x[:, 1]
    a = (rng.random(300) < 0.3).astype(float)
    by_logit = pair_rows(logit, a, np.arange(300))
    by_both = pair_rows(logit, a, np.arange(300), x=x)

    def apart(pairs):
        return np.abs(x[pairs.exposed, 1] - x[pairs.unexposed, 1]).mean()

    assert apart(by_both) < 0.8 * apart(by_logit)
    assert by_both.gaps.max() <= 0.2 * logit.std(ddof=1)


def test_what_cannot_be_paired_is_a_reason():
    logit = np.array([-50.0, -49.0, 50.0])
    a = np.array([0.0, 0.0, 1.0])
    assert "caliper" in pair_rows(logit, a, np.arange(3)).reason
    alone = pair_rows(logit, np.zeros(3), np.arange(3))
    assert isinstance(alone, NotEstimable)
    assert "one arm" in alone.reason

"""Balance, overlap and effective size by hand, and verdicts on both sides of thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from causal.diagnostics import (
    describe_limited,
    describe_propensity,
    describe_weights,
    effective_sizes,
    judge_balance,
    judge_effective_size,
    judge_largest_weight,
    propensity_shares,
    standardised_differences,
)
from causal.errors import PositivityError
from causal.estimators.weighting import limited_propensities

SAME = 1e-12


@pytest.fixture
def arms():
    rng = np.random.default_rng(0)
    a = (np.arange(200) % 2).astype(float)
    x = rng.normal(size=(200, 3))
    x[:, 1] += 0.8 * a
    return x, a, np.ones(200)


def test_standardised_difference_is_the_difference_over_the_pooled_spread(arms):
    x, a, w = arms
    one, other = x[a == 1, 1], x[a == 0, 1]
    expected = (one.mean() - other.mean()) / math.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    assert math.isclose(standardised_differences(x, a, w)[1], expected, rel_tol=SAME)


def test_weights_move_the_means_but_not_the_spread(arms):
    x, a, _ = arms
    doubled = np.where(x[:, 0] > 0, 2.0, 1.0)
    spread = np.sqrt((x[a == 1].var(axis=0, ddof=1) + x[a == 0].var(axis=0, ddof=1)) / 2)
    means = [np.average(x[a == arm], axis=0, weights=doubled[a == arm]) for arm in (0, 1)]
    np.testing.assert_allclose(
        standardised_differences(x, a, doubled), (means[1] - means[0]) / spread, rtol=SAME
    )


def test_differences_turn_with_the_arms_and_ignore_units(arms):
    x, a, w = arms
    straight = standardised_differences(x, a, w)
    np.testing.assert_allclose(standardised_differences(x, 1 - a, w), -straight, rtol=SAME)
    np.testing.assert_allclose(standardised_differences(x * 7 + 3, a, w), straight, rtol=1e-9)


def test_a_constant_column_is_balanced(arms):
    _, a, w = arms
    assert standardised_differences(np.full((200, 1), 3.0), a, w)[0] == 0


CONSTANTS = np.array([0.1, 0.3, 2.718, 7.7, 1.0, 1e9 / 3, -1e-9 / 3, 0.0])
"""Weighted means of most of these differ by rounding."""


def test_constants_are_balanced_whatever_their_size_and_the_weights(arms):
    _, a, _ = arms
    a[:3] = 1.0  # arms of two sizes
    w = np.random.default_rng(5).uniform(0.3, 4, 200)
    x = np.tile(CONSTANTS, (200, 1))
    assert any(len({np.average(x[a == arm, j], weights=w[a == arm]) for arm in (0, 1)}) == 2
               for j in range(len(CONSTANTS)))  # fmt: skip
    np.testing.assert_array_equal(standardised_differences(x, a, w), 0.0)


def test_columns_that_do_not_vary_are_named_and_do_not_count(arms):
    x, a, w = arms
    w = np.random.default_rng(5).uniform(0.3, 4, 200)
    alone = judge_balance(x, a, w, ("first", "second", "third"), 0.1)
    beside = np.column_stack([x, np.tile(CONSTANTS[:2], (200, 1))])
    found = judge_balance(beside, a, w, ("first", "second", "third", "here", "there"), 0.1)
    assert (found.value, found.verdict) == (alone.value, alone.verdict)
    assert found.reason == f"{alone.reason}; 'here', 'there' do not vary"
    nothing = judge_balance(beside[:, 3:4], a, w, ("here",), 0.1)
    assert (nothing.verdict, nothing.value) == ("NOT_EVALUATED", None)
    assert nothing.reason == "'here' does not vary"


def test_a_column_that_varies_among_others_only_does_not_vary_between_two_arms(arms):
    """Of the rows never seen, or in a third arm, nothing is compared."""
    _, a, w = arms
    a[:10] = np.nan
    x = np.where(np.isnan(a), 5.0, 0.1)[:, None]
    assert standardised_differences(x, a, w)[0] == 0


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_a_column_far_from_1_is_judged_as_any_other(arms, scale):
    x, a, w = arms
    np.testing.assert_allclose(
        standardised_differences(x * scale, a, w), standardised_differences(x, a, w), rtol=SAME
    )


def test_a_column_that_tells_the_arms_apart_is_refused_by_name(arms):
    x, a, w = arms
    with pytest.raises(PositivityError, match="'apart' has one value among the exposed and"):
        judge_balance(np.column_stack([x, a * 0.1]), a, w, ("p", "q", "r", "apart"), 0.1)


def test_a_column_that_is_the_exposure_is_not_called_balanced(arms):
    """It varies in neither arm, and yet nothing could differ more."""
    _, a, w = arms
    found = standardised_differences(a[:, None] * 2.0, a, w)[0]
    assert not abs(found) < 1


def test_effective_size_is_kishs():
    a, w = np.array([0, 0, 0, 1, 1.0]), np.array([1, 1, 1, 3, 1.0])
    assert effective_sizes(a, w) == (3.0, 16 / 10)


@pytest.mark.parametrize(("threshold", "verdict"), [(50, "PASS"), (150, "FAIL")])
def test_effective_size_is_judged_by_the_smaller_arm(arms, threshold, verdict):
    _, a, w = arms
    found = judge_effective_size(a, w, threshold)
    assert found.verdict == verdict
    assert found.value == 100
    assert "100 unexposed and 100 exposed" in found.reason


@pytest.mark.parametrize(("heaviest", "verdict"), [(1.0, "PASS"), (30.0, "FAIL")])
def test_the_largest_weight_is_judged_as_a_share_of_its_arm(arms, heaviest, verdict):
    _, a, w = arms
    w[0] = heaviest
    found = judge_largest_weight(a, w, 0.1)
    assert found.verdict == verdict
    assert math.isclose(found.value, heaviest / (99 + heaviest))


def test_balance_passes_fails_and_is_not_resolvable():
    rng = np.random.default_rng(1)
    verdicts = {}
    for name, n, shift in (("large", 20_000, 0.0), ("shifted", 2_000, 1.0), ("small", 60, 0.0)):
        a = (np.arange(n) % 2).astype(float)
        x = rng.normal(size=(n, 8)) + shift * a[:, None]
        names = tuple(f"x{j}" for j in range(8))
        verdicts[name] = judge_balance(x, a, np.ones(n), names, 0.1)
    assert verdicts["large"].verdict == "PASS"
    assert verdicts["shifted"].verdict == "FAIL"
    assert verdicts["small"].verdict == "NOT_RESOLVABLE"
    assert "chance alone reaches" in verdicts["small"].reason


def test_balance_names_the_worst_column(arms):
    x, a, w = arms
    assert "'second'" in judge_balance(x, a, w, ("first", "second", "third"), 0.1).reason


def test_balance_by_chance_fails_about_as_often_as_declared():
    """A family-wise error of 5 % over 400 randomised cohorts; four Monte-Carlo errors are 4.4 %."""
    rng = np.random.default_rng(2)
    names = tuple(f"x{j}" for j in range(6))
    failed = 0
    for _ in range(400):
        a = rng.permutation(np.repeat([0.0, 1.0], 60))
        failed += (
            judge_balance(rng.normal(size=(120, 6)), a, np.ones(120), names, 0.1).verdict == "FAIL"
        )
    assert failed / 400 < 0.05 + 0.044


def test_nothing_to_balance_is_not_evaluated(arms):
    _, a, w = arms
    found = judge_balance(np.empty((200, 0)), a, w, (), 0.1)
    assert (found.verdict, found.value) == ("NOT_EVALUATED", None)
    assert found.reason == "the rung adjusts for nothing"


def test_propensities_are_counted_by_arm_with_both_ends():
    e, a = np.array([0.0, 0.04, 0.5, 1.0]), np.array([0, 1, 1, 1.0])
    unexposed, exposed = propensity_shares(e, a)
    assert (len(unexposed), sum(unexposed), unexposed[0]) == (20, 1, 1)
    assert (sum(exposed), exposed[0], exposed[-1]) == (3, 1, 1)


def test_propensities_and_weights_are_described():
    e, a = np.array([0.2, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1.0])
    values = {one.name: one.value for one in describe_propensity(e, a)}
    assert (values["propensity_min"], values["propensity_max"]) == (0.2, 0.9)
    assert math.isclose(values["propensity_mean_unexposed"], 0.3)
    assert math.isclose(values["propensity_mean_exposed"], 0.75)
    weights = {one.name: one.value for one in describe_weights(np.array([1.0, 2.0, 3.0]))}
    assert weights == {"weight_mean": 2, "weight_sd": 1, "weight_min": 1, "weight_max": 3}


def test_restrictions_are_counted_only_where_declared():
    e = np.array([0.01, 0.2, 0.8, 0.99, 0.995])
    limited = limited_propensities(e, (0.05, 0.95), 0.25)
    found = {one.name: one.value for one in describe_limited(limited)}
    assert found == {"clipped": 3, "trimmed": 5}
    assert describe_limited(limited_propensities(e, None, None)) == ()


def test_balance_up_to_rounding_names_no_column(arms):
    """Which of many zeros is largest differs between machines, and would fail a verification."""
    x, a, _ = arms
    one = np.concatenate([x[a == 1]] * 2)
    both = np.repeat([0.0, 1.0], len(x[a == 1]))
    found = judge_balance(one, both, np.ones(len(one)), tuple("abcdefghij"[: x.shape[1]]), 0.1)
    assert (found.verdict, found.reason) == ("PASS", "means are balanced exactly")

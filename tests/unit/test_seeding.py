"""Random streams depend on seed and name only."""

from __future__ import annotations

import numpy as np
import pytest

from causal.seeding import generator


def test_a_name_gives_the_same_stream_every_time():
    first, second = (generator(7, "rung", "full").random(5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_stream_is_the_same_on_every_machine():
    """SHA-256 and PCG64 are specified to the bit, so this number is too."""
    assert generator(20260101, "rung", "full").integers(0, 2**32) == 1251049226


@pytest.mark.parametrize(
    "other", [(8, "rung", "full"), (7, "rung", "severity"), (7, "full", "rung"), (7, "rungfull")]
)
def test_another_seed_name_or_order_gives_another_stream(other):
    assert generator(*other).random() != generator(7, "rung", "full").random()


def test_drawing_from_one_stream_does_not_move_another():
    one, other = generator(7, "a"), generator(7, "b")
    expected = generator(7, "b").random(3)
    one.random(1000)
    np.testing.assert_array_equal(other.random(3), expected)


def test_streams_of_neighbouring_names_are_uncorrelated():
    draws = np.array([generator(1, "draw", i).normal(size=400) for i in range(30)])
    correlations = np.corrcoef(draws)[np.triu_indices(30, 1)]
    assert np.abs(correlations).max() < 0.25  # 435 pairs, standard error .05

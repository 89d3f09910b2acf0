"""How far blocks move a linear predictor: middle half, yes or no, and rare columns."""

import math

import numpy as np
import pytest

from causal.cohort import TIME
from causal.estimate import NotEstimable
from causal.sensitivity.block_effects import BlockEffect, block_effects, in_blocks


def test_columns_of_a_concept_are_added_up_before_the_middle_half_is_taken():
    x = np.random.default_rng(0).normal(size=(500, 3))
    found = {b.concept: b.effect for b in block_effects(x, ("one", "two", "one"))}
    for concept, total in (("one", x[:, 0] + x[:, 2]), ("two", x[:, 1])):
        low, high = np.quantile(total, [0.25, 0.75])
        assert found[concept] == pytest.approx(high - low)


def test_yes_or_no_counts_in_full_however_rare():
    rare = np.zeros((200, 1))
    rare[:10] = -0.7
    several = np.zeros((200, 2))
    several[:10, 0], several[10:15, 1] = 1.5, -0.5
    assert block_effects(rare, ("rare",)) == [BlockEffect("rare", pytest.approx(0.7))]
    assert block_effects(several, ("rare", "rare")) == [BlockEffect("rare", pytest.approx(2.0))]


def test_time_and_exposure_are_no_blocks_and_the_largest_comes_first():
    x = np.random.default_rng(1).normal(size=(300, 4)) * [1, 5, 2, 9]
    found = block_effects(x, ("small", TIME, "large", ""))
    assert [block.concept for block in found] == ["large", "small"]


def test_sizes_are_counted_in_the_strongest_block():
    blocks = [BlockEffect("prior_use", 2.0), BlockEffect("severity", 1.0)]
    assert in_blocks(3.0, blocks) == (1.5, "prior use")
    assert in_blocks(0.0, blocks) == (0.0, "prior use")
    assert in_blocks(math.inf, blocks) == (math.inf, "prior use")
    assert isinstance(in_blocks(1.0, [])[0], NotEstimable)
    assert isinstance(in_blocks(1.0, [BlockEffect("x", 0.0)])[0], NotEstimable)
    assert in_blocks(0.0, []) == (0.0, "")

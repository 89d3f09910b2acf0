"""What is put where covariates are missing."""

from __future__ import annotations

import numpy as np
import pytest

from causal.design import MissingData
from causal.missing import describe, fill, policy_for

NAN = np.nan


@pytest.fixture
def column():
    values = np.array([1.0, NAN, 3.0, NAN])
    first = np.array([1.0, 9.0, 3.0, NAN])
    everybody = np.array([1.0, 2.0, 2.0, 100.0, NAN])
    return values, first, everybody


def test_complete_case_puts_in_nothing(column):
    found = fill(*column, "complete_case")
    np.testing.assert_array_equal(found.values, column[0])
    assert not found.filled.any()


def test_the_median_is_that_of_everybody(column):
    found = fill(*column, "median")
    np.testing.assert_array_equal(found.values, [1, 2, 3, 2])
    np.testing.assert_array_equal(found.filled, [False, True, False, True])


def test_the_persons_first_value_comes_before_the_median(column):
    found = fill(*column, "baseline")
    np.testing.assert_array_equal(found.values, [1, 9, 3, 2])
    np.testing.assert_array_equal(found.filled, [False, True, False, True])


def test_a_column_nobody_has_stays_missing(column):
    found = fill(column[0], column[1] * NAN, column[2] * NAN, "median")
    np.testing.assert_array_equal(found.values, column[0])
    assert not found.filled.any()


@pytest.mark.parametrize("policy", ["median", "baseline", "complete_case"])
def test_complete_columns_and_the_input_are_left_alone(column, policy):
    values, first, everybody = (one.copy() for one in column)
    fill(values, first, everybody, policy)
    np.testing.assert_array_equal(values, column[0])
    full = fill(np.array([1.0, 2.0]), np.zeros(2), everybody, policy)
    np.testing.assert_array_equal(full.values, [1, 2])
    assert not full.filled.any()


def test_policies_follow_the_moment_unless_the_column_is_named():
    missing = MissingData(
        covariates="median", updated="baseline", columns={"dose": "complete_case"}
    )
    assert policy_for("age", "baseline", missing) == "median"
    assert policy_for("age", "start", missing) == "baseline"
    assert policy_for("dose", "start", missing) == "complete_case"


def test_covariates_at_the_end_of_the_window_are_not_filled_by_default():
    missing = MissingData(covariates="median", updated="baseline")
    assert policy_for("care", "end", missing) == "complete_case"


def test_covariates_at_the_end_of_the_window_are_never_filled():
    """Not even a declared exception: the bracket is there to show what happened in the window."""
    missing = MissingData(covariates="median", columns={"care": "median"})
    assert policy_for("care", "end", missing) == "complete_case"


def test_each_decision_is_said_in_words():
    said = describe(MissingData(covariates="median", columns={"dose": "baseline"}, outcome="keep"))
    assert said["covariates"] == "median of everybody's first wave"
    assert said["dose"] == "the person's value at the first wave, then the median"
    assert said["outcome"] == (
        "kept: predicted by the outcome regression, or weighed for, as each rung says"
    )
    assert said["exposure"] == "refused if any"

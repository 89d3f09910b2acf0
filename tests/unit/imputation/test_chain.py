"""Chains: holes alone are filled, persons keep one value, streams and recoding change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.imputation.chain import Block, Incomplete, impute


def incomplete(n: int = 240, *, clustered: bool = False) -> Incomplete:
    """Give exposure, outcome, a person's value, and a value of the row, the last two with holes."""
    rng = np.random.default_rng(1)
    unit = np.arange(n) // 2 if clustered else np.arange(n)
    severity = rng.normal(size=n)[unit]
    dose = np.round(severity + rng.normal(size=n))
    a = (rng.random(n) < 1 / (1 + np.exp(-severity))).astype(float)
    y = (rng.random(n) < 1 / (1 + np.exp(-severity - a))).astype(float)
    values = np.column_stack([a, y, severity, dose])
    values[(rng.random(n) < 0.25)[unit], 2] = np.nan
    values[rng.random(n) < 0.2, 3] = np.nan
    return Incomplete(values, (Block((2,), clustered), Block((3,), False)), unit, ((0,), (1,)))


@pytest.mark.parametrize("clustered", [False, True])
def test_holes_alone_are_filled_and_with_values_that_were_seen(clustered):
    given = incomplete(clustered=clustered)
    hole = np.isnan(given.values)
    for values in impute(given, 3, 4, 5, seed=1):
        np.testing.assert_array_equal(values[~hole], given.values[~hole])
        for column in (2, 3):
            assert set(values[hole[:, column], column]) <= set(
                given.values[~hole[:, column], column]
            )


def test_a_persons_value_is_the_same_in_all_rows():
    given = incomplete(clustered=True)
    for values in impute(given, 2, 3, 5, seed=1):
        np.testing.assert_array_equal(values[::2, 2], values[1::2, 2])
        assert (values[::2, 3] != values[1::2, 3]).any()


def test_imputations_differ_and_do_not_depend_on_how_many_are_made():
    given = incomplete()
    few, many = impute(given, 2, 3, 5, seed=1), impute(given, 4, 3, 5, seed=1)
    np.testing.assert_array_equal(few[1], many[1])
    assert (many[0] != many[1]).any()
    assert (impute(given, 1, 3, 5, seed=2)[0] != few[0]).any()


def test_complete_columns_draw_nothing():
    given = incomplete()
    whole = replace(given, values=np.nan_to_num(given.values))
    np.testing.assert_array_equal(impute(whole, 1, 3, 5, seed=1)[0], whole.values)


def test_recoding_exposure_or_outcome_changes_no_imputed_covariate():
    given = incomplete()
    ours = impute(given, 1, 3, 5, seed=1)[0]
    for column in (0, 1):
        turned = given.values.copy()
        turned[:, column] = 1 - turned[:, column]
        theirs = impute(replace(given, values=turned), 1, 3, 5, seed=1)[0]
        np.testing.assert_array_equal(ours[:, 2:], theirs[:, 2:])


def test_rounds_change_nothing_where_one_column_is_incomplete():
    given = incomplete()
    values = given.values.copy()
    values[:, 3] = np.nan_to_num(values[:, 3])
    one = replace(given, values=values)
    np.testing.assert_array_equal(impute(one, 1, 1, 5, seed=1)[0], impute(one, 1, 9, 5, seed=1)[0])


def test_missing_exposures_and_outcomes_are_imputed_too():
    given = incomplete()
    values = given.values.copy()
    values[:40, 0] = values[20:80, 1] = np.nan
    blocks = (Block((0,), False), Block((1,), False), *given.blocks)
    (found,) = impute(replace(given, values=values, blocks=blocks), 1, 5, 5, seed=1)
    assert not np.isnan(found).any()
    assert set(np.unique(found[:, :2])) == {0.0, 1.0}

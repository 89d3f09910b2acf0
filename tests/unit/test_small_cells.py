"""Texts of restricted data say that there are few, and not how few."""

from __future__ import annotations

import pytest

from causal.small_cells import without_small_counts

NOTE = "among the 72 of 73 exposed rows that have a match (caliper)"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (NOTE, "among some of the exposed rows that have a match (caliper)"),
        (
            "among the 592 of 600 rows with a propensity in [0.011, 0.989]",
            "among some of the rows with a propensity in [0.011, 0.989]",
        ),
        ("among the 450 of 500 rows", "among the 450 of 500 rows"),
        ("among the 500 of 500 rows", "among the 500 of 500 rows"),
        ("among the 4 of 500 rows", "among some of the rows"),
        (
            "the covariates determine the exposure of 9 rows, along 'site=site_5'",
            "the covariates determine the exposure of fewer than 10 rows, along 'site=site_5'",
        ),
        ("the exposure of 90 rows; 0 rows; 2 of a scale", None),
        ("a chance below 0.02 of 7 levels", None),
    ],
)
def test_counts_of_few_are_taken_out_and_other_numbers_left(text, printed):
    assert without_small_counts(text, 10) == (printed or text)
    assert without_small_counts(text, 0) == text

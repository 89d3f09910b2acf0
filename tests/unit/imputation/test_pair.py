"""Exposure and outcome inside the chains: arms without order, times by hazard and cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.imputation.pair import (
    cumulative_hazard,
    exposure_columns,
    exposure_from,
    outcome_columns,
)
from causal.imputing import impute_sample
from causal.missing_settings import MissingData

CLOSE = 0.06
"""Four Monte-Carlo errors of a mean of 500 imputed outcomes, each 0 or 1, and some room."""


def arms(n: int = 4000) -> Sample:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, n).astype(float)
    y = (rng.random(n) < np.array([0.2, 0.8, 0.2])[a.astype(int)]).astype(float)
    return Sample(
        unit=np.arange(n), y=y, a=a, x=np.empty((n, 0)), terms=(), concepts=(),
        outcome_kind="binary", exposure_kind="arms", w=np.ones(n), levels=("a", "b", "c"),
    )  # fmt: skip


def test_arms_are_imputed_and_predict_without_an_order():
    sample = arms()
    hole = np.random.default_rng(2).random(sample.n) < 0.4
    holed = replace(sample, y=np.where(hole, np.nan, sample.y))
    missing = MissingData(outcome="multiple_imputation")
    (made,) = impute_sample(holed, (), missing, seed=1, m=1)
    means = [made.y[hole & (sample.a == arm)].mean() for arm in range(3)]
    assert means == pytest.approx([0.2, 0.8, 0.2], abs=CLOSE)


def test_arms_come_back_as_they_went_in():
    sample = arms(60)
    sample = replace(sample, a=np.where(np.arange(60) < 5, np.nan, sample.a))
    columns = exposure_columns(sample)
    assert columns.shape == (60, 2)
    assert np.isnan(columns[:5]).all()
    np.testing.assert_array_equal(exposure_from(sample, columns)[5:], sample.a[5:])


def test_hazards_are_those_of_nelson_and_aalen():
    time = np.array([1.0, 2.0, 2.0, 3.0, np.nan])
    event = np.array([1, 1, 0, 2, 0])
    first = cumulative_hazard(time, event, 1)
    np.testing.assert_allclose(first[:4], [1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3])
    assert np.isnan(first[4])
    np.testing.assert_allclose(cumulative_hazard(time, event, 2)[:4], [0, 0, 0, 1])


def test_times_predict_by_hazard_and_cause():
    sample = replace(
        arms(5), y=np.array([1.0, 2.0, 2.0, 3.0, np.nan]), event=np.array([1, 1, 0, 2, 0]),
        outcome_kind="survival",
    )  # fmt: skip
    columns = outcome_columns(sample)
    assert columns.shape == (5, 4)
    np.testing.assert_array_equal(columns[:4, 1], [1, 1, 0, 0])
    np.testing.assert_array_equal(columns[:4, 3], [0, 0, 0, 1])
    assert np.isnan(columns[4]).all()

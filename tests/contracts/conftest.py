"""What several contract suites check alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.errors import Place
from causal.estimators import ArmMeans, DoseMeans, Estimator, KaplanMeier, MeanDifference
from causal.fitting import FittedRung, RungTask, Thresholds, fit_rungs

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
FLAT = 2.718
"""No binary fraction: its weighted means differ by rounding."""


def _fitted_beside(estimator: Estimator, sample: Sample) -> tuple[FittedRung, FittedRung]:
    """Fit a rung to a sample, and to one with a further column that does not vary."""
    more = replace(
        sample,
        x=np.column_stack([sample.x, np.full(sample.n, FLAT)]),
        terms=(*sample.terms, "flat"),
        concepts=(*sample.concepts, "demographics"),
    )
    place = Place("plan.yaml")
    crude = RungTask("crude", _crude(sample), (), place)
    first, second = (
        fit_rungs(
            one, [crude, RungTask("rung", estimator, one.terms, place, one.instruments)], LIMITS, 1
        )[-1]
        for one in (sample, more)
    )
    return first, second


def _crude(sample: Sample) -> Estimator:
    """Choose the crude contrast of a sample's exposure and outcome."""
    if sample.outcome_kind == "survival":
        return KaplanMeier()
    if sample.exposure_kind == "binary":
        return MeanDifference()
    return ArmMeans() if sample.exposure_kind == "arms" else DoseMeans(form="linear")


@pytest.fixture
def fitted_beside() -> Callable[[Estimator, Sample], tuple[FittedRung, FittedRung]]:
    """Give the function that fits a rung without and with a column that does not vary."""
    return _fitted_beside


def _judged_alike(without: FittedRung, with_: FittedRung) -> None:
    """Check that a column that does not vary moves no verdict, and is named."""
    told = [one for one in with_.diagnostics if one.name == "distinct_terms"]
    assert [(one.name, one.verdict) for one in with_.diagnostics if one not in told] == [
        (one.name, one.verdict) for one in without.diagnostics
    ]
    assert [one.reason.startswith("'flat' does not vary") for one in told] == [True] * (
        "flat" in with_.terms
    )
    for one in with_.diagnostics:
        assert one.value is None or np.isfinite(one.value)
        assert one.name != "smd" or one.reason.endswith("'flat' does not vary")
    if with_.weighted_smd is not None:
        assert with_.crude_smd[with_.terms.index("flat")] == 0
        assert with_.weighted_smd[with_.terms.index("flat")] == 0


@pytest.fixture
def judged_alike() -> Callable[[FittedRung, FittedRung], None]:
    """Give the function that compares the checks of two such rungs."""
    return _judged_alike

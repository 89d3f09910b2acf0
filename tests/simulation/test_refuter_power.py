"""A slice of the study of refuters: who sees hidden motivation, and whose size is right."""

from __future__ import annotations

import pytest

from benchmarks.refuter_power import (
    CONTROL_EXPOSURE,
    HIDDEN_MOTIVATION,
    NEGATIVE_CONTROL,
    SOUND,
    Rate,
    largest_size,
    measure_rates,
)
from causal.refuters import DataSubset, DummyOutcome, PlaceboExposure, RandomCommonCause

SEED = 7
ROWS, COHORTS = 500, 50
"""The smaller of the sizes of the full study; at 300 rows the control finds three in four."""
REFUTERS = (
    PlaceboExposure(draws=20),
    DummyOutcome(draws=20),
    RandomCommonCause(draws=20),
    DataSubset(draws=20),
    NEGATIVE_CONTROL,
)
CONFOUNDED = 0.1
"""The estimate's bias where motivation is hidden, at least: about .16 in the full study."""


@pytest.fixture(scope="module")
def sound() -> list[Rate]:
    """Give the rates where everything that confounds is adjusted for."""
    return measure_rates(SOUND, ROWS, REFUTERS, cohorts=COHORTS, seed=SEED)


@pytest.fixture(scope="module")
def hidden() -> dict[str, Rate]:
    """Give the rates where motivation is not measured, by refuter."""
    few = (REFUTERS[0], NEGATIVE_CONTROL, CONTROL_EXPOSURE)
    rates = measure_rates(HIDDEN_MOTIVATION, ROWS, few, cohorts=COHORTS, seed=SEED)
    return {one.refuter: one for one in rates}


def test_no_refuter_fails_sound_analyses_more_often_than_said(sound: list[Rate]) -> None:
    for one in sound:
        assert one.cohorts > 0.9 * COHORTS, one
        assert one.rejected <= largest_size(one.cohorts, len(sound)), one


def test_the_placebo_is_blind_to_hidden_motivation(hidden: dict[str, Rate]) -> None:
    placebo = hidden["placebo_exposure"]
    assert placebo.bias > CONFOUNDED
    assert placebo.rejected < 0.1


def test_the_negative_controls_see_hidden_motivation(hidden: dict[str, Rate]) -> None:
    assert hidden["negative_control_outcome"].rejected > 0.8
    assert hidden["negative_control_exposure"].rejected > 0.8

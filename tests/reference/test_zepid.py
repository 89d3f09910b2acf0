"""Targeted maximum likelihood and standardisation of the simulated HIV cohort of zEpid.

The rows are of zEpid 0.9.1 (P. Zivich, MIT licence; simulated by J. Edwards), first and last visit
of each person, deaths by week 45; persons who dropped out before have no outcome. The risk
difference of TMLE is what zEpid's own tests take from R's tmle (tests/test_doublyrobust.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimators import TMLE, GComputation, NuisanceStore

pytestmark = pytest.mark.reference

DATA = Path(__file__).parent / "zepid_art.csv"
TOLERANCE = 1e-4  # as zEpid's tests have it
KNOTS = (5, 50, 95)  # percentiles over all 547 persons


@pytest.fixture(scope="module")
def cohort() -> Sample:
    table = np.genfromtxt(DATA, delimiter=",", names=True)
    columns = {"male": table["male"], "dvl0": table["dvl0"]}
    for name in ("age0", "cd40"):
        columns[name] = table[name]
        above = [np.maximum(table[name] - k, 0) ** 2 for k in np.percentile(table[name], KNOTS)]
        columns |= {f"{name}_spline{i}": above[i] - above[2] for i in (0, 1)}
    known = ~np.isnan(table["dead"])
    n = int(known.sum())
    return Sample(
        unit=np.arange(n),
        y=table["dead"][known],
        a=table["art"][known],
        x=np.column_stack(list(columns.values()))[known],
        terms=tuple(columns),
        concepts=tuple(columns),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )


def fitted(estimator, cohort):
    found = estimator.fit(cohort, NuisanceStore(), np.random.default_rng(0))
    return found.effect("risk_difference")


def test_tmle_is_that_of_the_r_package(cohort: Sample) -> None:
    assert cohort.n == 517
    effect = fitted(TMLE(variance={"kind": "HC1"}), cohort)
    assert effect.estimate == pytest.approx(-0.08440622, abs=TOLERANCE)
    assert effect.std_error == pytest.approx(0.03556337, abs=TOLERANCE)
    assert (effect.lo, effect.hi) == pytest.approx((-0.1541104, -0.01470202), abs=TOLERANCE)


def test_standardisation_of_the_same_regression(cohort: Sample) -> None:
    assert fitted(GComputation(), cohort).estimate == pytest.approx(-0.07570369, abs=TOLERANCE)

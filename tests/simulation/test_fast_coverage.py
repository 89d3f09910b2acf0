"""A few hundred samples an estimator: a standard error that is wrong in kind fails here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.limits import Limits
from benchmarks.mechanism import Design
from benchmarks.methods import (
    AIPW_ATE,
    AIPW_ATT,
    CLUSTERED,
    CROSS_FITTED,
    G_ATE,
    IPW_KNOWN,
    LINEAR,
    OVERLAP,
    PROPENSITY_REGRESSION,
    SINGLE_FIT,
    Method,
)
from benchmarks.performance import acceptance_band, measure
from benchmarks.replicates import estimate_all
from benchmarks.shares import ShareRow, cover_shares
from benchmarks.studies import BASE, FAINT_NULL
from causal.simulate import truth
from tests.simulation.checking import miscalibrated

SEED = 7
SAMPLES, FEW_SAMPLES = 300, 100
HONEST = (*(one for one in SINGLE_FIT if one is not IPW_KNOWN), PROPENSITY_REGRESSION)
PAIRED = (G_ATE, LINEAR, OVERLAP, AIPW_ATE)
LIMIT_TOLERANCE = 5e-4
"""Both sides are averages over drawn persons: Monte-Carlo error .0001 each."""
LimitsOf = Callable[[Design], Limits]


def test_limits_are_the_true_effects(limits_of: LimitsOf) -> None:
    limits, true = limits_of(Design("fast", BASE, 1500)), truth(BASE)
    for method, target in ((G_ATE, "ate"), (AIPW_ATE, "ate"), (AIPW_ATT, "att"), (OVERLAP, "ato")):
        assert limits.of(method.name).value == pytest.approx(true[target], abs=LIMIT_TOLERANCE)
    assert limits.of(LINEAR.name).value > true["ate"] + LIMIT_TOLERANCE


def test_intervals_of_every_estimator_cover_its_own_limit(limits_of: LimitsOf) -> None:
    design = Design("fast", BASE, 1500)
    assert not miscalibrated(design, HONEST, limits_of(design), replicates=SAMPLES, seed=SEED)


def test_intervals_of_cross_fitted_aipw_cover_its_limit(limits_of: LimitsOf) -> None:
    design = Design("fast, cross-fitted", BASE, 1500)
    limits = limits_of(design)
    assert not miscalibrated(design, CROSS_FITTED, limits, replicates=FEW_SAMPLES, seed=SEED)


def test_intervals_cover_when_persons_repeat_and_are_clustered(limits_of: LimitsOf) -> None:
    design = Design("fast, repeated", BASE, 600, repeated=True)
    assert not miscalibrated(design, CLUSTERED, limits_of(design), replicates=SAMPLES, seed=SEED)


def test_taking_weights_as_known_makes_the_standard_error_too_large(limits_of: LimitsOf) -> None:
    design = Design("fast", BASE, 1500)
    results = estimate_all(design, (IPW_KNOWN,), replicates=SAMPLES, seed=SEED)
    found = measure(results[:, 0], limits_of(design).of(IPW_KNOWN.limit_name))
    assert found.ratio > 1


@pytest.mark.parametrize("repeated", [False, True], ids=["single rows", "repeated rows"])
def test_fieller_sets_cover_the_share_at_a_weak_crude_contrast(
    limits_of: LimitsOf, repeated: bool
) -> None:
    persons = 700 if repeated else 1500
    design = Design(f"fast, faint, {repeated}", FAINT_NULL, persons, repeated=repeated)
    rows, z = _shares(design, PAIRED, limits_of)
    low, high = acceptance_band(SAMPLES, 2 * len(rows))
    assert 1 < z < 4
    for row in rows:
        assert low <= row.fieller <= high, row
        assert low <= row.difference <= high, row
        assert row.unbounded > 0.1, row


def test_fieller_sets_are_bounded_and_cover_at_a_strong_crude_contrast(
    limits_of: LimitsOf,
) -> None:
    rows, z = _shares(Design("fast, strong", BASE, 1000), PAIRED, limits_of)
    low, high = acceptance_band(SAMPLES, 2 * len(rows))
    assert z > 6
    for row in rows:
        assert low <= row.fieller <= high, row
        assert low <= row.difference <= high, row
        assert row.unbounded == 0, row


def _shares(
    design: Design, methods: tuple[Method, ...], limits_of: LimitsOf
) -> tuple[list[ShareRow], float]:
    """Give the rows of a share study and the mean crude z."""
    limits = limits_of(design)
    rows, z = cover_shares(design, methods, limits, replicates=SAMPLES, seed=SEED)
    return rows, float(z.mean())

"""A seeded slice of the simulation studies (five CPU-minutes); ``make simulations`` runs all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.limits import Limits
from benchmarks.mechanism import Design
from benchmarks.methods import CLUSTERED, CROSS_FITTED, IPW_KNOWN, LEARNERS, SHARES, SINGLE_FIT
from benchmarks.performance import acceptance_band
from benchmarks.shares import cover_shares
from benchmarks.studies import BASE, FAINT_NULL, LEARNER
from tests.simulation.checking import miscalibrated

pytestmark = pytest.mark.simulation

SEED = 11
SAMPLES, CROSS_FITTED_SAMPLES = 1500, 500
HONEST = tuple(one for one in SINGLE_FIT if one is not IPW_KNOWN)
# With 750 persons ipw, ATE covers .928 (docs/simulations/clustered.md): fitted weights stray with
# few exposed persons. Its clustered standard error is held to stacked equations in the unit tests.
CLUSTERED_STEADY = tuple(one for one in CLUSTERED if one.name != "ipw, ATE")
LimitsOf = Callable[[Design], Limits]


def test_intervals_of_every_estimator_cover_its_own_limit_at_3000(limits_of: LimitsOf) -> None:
    design = Design("slice", BASE, 3000)
    assert not miscalibrated(design, HONEST, limits_of(design), replicates=SAMPLES, seed=SEED)


def test_intervals_of_cross_fitted_aipw_cover_its_limit_at_3000(limits_of: LimitsOf) -> None:
    design = Design("slice, cross-fitted", BASE, 3000)
    limits = limits_of(design)
    assert not miscalibrated(
        design, CROSS_FITTED, limits, replicates=CROSS_FITTED_SAMPLES, seed=SEED
    )


def test_intervals_of_linear_dml_cover_its_limit_at_500(limits_of: LimitsOf) -> None:
    design = Design("slice, EconML", BASE, 500)
    assert not miscalibrated(design, LEARNERS, limits_of(design), replicates=LEARNER, seed=SEED)


def test_intervals_cover_when_persons_repeat_and_are_clustered(limits_of: LimitsOf) -> None:
    # at 1,500 persons IPW covers about .94: its standard error is 2 to 3 % small until about 3,000
    design = Design("slice, repeated", BASE, 3000, repeated=True)
    limits = limits_of(design)
    assert len(CLUSTERED_STEADY) == len(CLUSTERED) - 1
    assert not miscalibrated(design, CLUSTERED_STEADY, limits, replicates=SAMPLES, seed=SEED)


@pytest.mark.parametrize(
    "design",
    [
        Design("slice, faint", FAINT_NULL, 3000),
        Design("slice, faint, repeated", FAINT_NULL, 1500, repeated=True),
        Design("slice, strong", BASE, 3000),
    ],
    ids=lambda one: one.name,
)
def test_fieller_sets_cover_the_share_that_remains(limits_of: LimitsOf, design: Design) -> None:
    rows, _ = cover_shares(design, SHARES, limits_of(design), replicates=SAMPLES, seed=SEED)
    low, high = acceptance_band(SAMPLES, 2 * len(rows))
    for row in rows:
        assert low <= row.fieller <= high, row
        assert low <= row.difference <= high, row

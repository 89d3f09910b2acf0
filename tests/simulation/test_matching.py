"""Coverage of matching and subclassification, alone and as the share that remains."""

from __future__ import annotations

import pytest

from benchmarks.limits import compute_limits
from benchmarks.mechanism import Design
from benchmarks.methods import CRUDE, Method
from benchmarks.performance import acceptance_band
from benchmarks.shares import cover_shares
from benchmarks.studies import BASE, FAINT_NULL
from causal.estimators import Matching, Subclassification
from tests.simulation.checking import miscalibrated

pytestmark = pytest.mark.simulation

SEED, SAMPLES = 13, 800
BATCHES, PERSONS = 4, 50_000

ATT = Method("matching, ATT", Matching())
ATE_3 = Method("matching, ATE, 3 matches", Matching(target="ATE", ratio=3))
ADJUSTED = Method("matching, ATE, adjusted", Matching(target="ATE", bias_adjusted=True))
METRIC = Method(
    "matching, ATE, Mahalanobis, adjusted",
    Matching(target="ATE", distance="mahalanobis", bias_adjusted=True),
    limit=ADJUSTED.name,
)
NEIGHBOURS = Method("matching, ATT, neighbours", Matching(error="abadie_imbens"), limit=ATT.name)
STRATA = Method("strata, ATT, regression", Subclassification(target="ATT", within="regression"))


@pytest.mark.parametrize(
    ("design", "methods"),
    [
        (Design("matched", BASE, 3000), (ATT, ATE_3, ADJUSTED, NEIGHBOURS, STRATA)),
        (Design("matched, metric", BASE, 1500), (ADJUSTED, METRIC)),
        (Design("matched, repeated", BASE, 1500, repeated=True), (ATT, ADJUSTED)),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_intervals_cover_the_effect(design: Design, methods: tuple[Method, ...]) -> None:
    limits = compute_limits(design, methods, seed=SEED, batches=BATCHES, persons=PERSONS)
    replicates = SAMPLES if METRIC not in methods else SAMPLES // 2  # it compares everybody
    assert not miscalibrated(design, methods, limits, replicates=replicates, seed=SEED)


def test_fieller_sets_of_matched_rungs_cover_the_share_that_remains() -> None:
    """The covariance with the crude difference is that of the influence values."""
    methods = (ATT, ATE_3, ADJUSTED)
    design = Design("matched, faint", FAINT_NULL, 3000)
    limits = compute_limits(design, (CRUDE, *methods), seed=SEED, batches=BATCHES, persons=PERSONS)
    rows, _ = cover_shares(design, methods, limits, replicates=SAMPLES, seed=SEED)
    low, high = acceptance_band(SAMPLES, 2 * len(rows))
    for row in rows:
        assert low <= row.fieller <= high, row
        assert low <= row.difference <= high, row

"""Coverage of matching and subclassification, alone and as the share that remains."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.limits import compute_limits
from benchmarks.mechanism import Design
from benchmarks.methods import CRUDE, Method
from benchmarks.performance import acceptance_band
from benchmarks.shares import cover_shares
from benchmarks.studies import BASE, FAINT_NULL
from causal.cohort import Sample
from causal.estimators import Matching, NuisanceStore, Subclassification
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


EXPOSED, UNEXPOSED = 40, 400
WORLDS, RESAMPLES = 300, 12


def drawn_pairs(rng: np.random.Generator) -> Sample:
    """Draw Abadie and Imbens's world: one uniform covariate, exposed outcomes without error."""
    n = EXPOSED + UNEXPOSED
    a = np.repeat([1.0, 0.0], [EXPOSED, UNEXPOSED])
    return Sample(
        unit=np.arange(n),
        y=np.where(a == 1, 0.0, rng.normal(size=n)),
        a=a,
        x=rng.random((n, 1)),
        terms=("x",),
        concepts=("severity",),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )


def test_resamples_of_persons_err_where_weighted_draws_do_not() -> None:
    """Abadie & Imbens 2008, doi:10.3982/ECTA6474: in this world the naive bootstrap is never right.

    An unexposed person stands in for as many exposed as fall nearest to her, a Poisson number with
    the mean of her interval, whose square is 1.5 on average: the true variance in closed form.
    """
    rng = np.random.default_rng(29)
    matching = Matching(distance="mahalanobis", draws=200)
    estimates, naive, drawn = [], [], []
    for _ in range(WORLDS):
        sample = drawn_pairs(rng)
        effect = matching.fit(sample, NuisanceStore(), rng).effect("mean_difference")
        estimates.append(effect.estimate)
        drawn.append(effect.std_error**2)
        again = []
        for _ in range(RESAMPLES):
            rows = np.concatenate(
                [
                    rng.integers(0, EXPOSED, EXPOSED),
                    EXPOSED + rng.integers(0, UNEXPOSED, UNEXPOSED),
                ]
            )
            resample = replace(sample.rows(rows), unit=np.arange(len(rows)))
            fit = Matching(distance="mahalanobis").fit(resample, NuisanceStore(), rng)
            again.append(fit.values[1] - fit.values[0])
        naive.append(np.var(again, ddof=1))
    true = (1 + 1.5 * EXPOSED / UNEXPOSED) / EXPOSED
    assert np.var(estimates, ddof=1) == pytest.approx(true, rel=3 * math.sqrt(2 / WORLDS))
    assert np.mean(drawn) == pytest.approx(true, rel=0.1)
    assert np.mean(naive) > 1.2 * true

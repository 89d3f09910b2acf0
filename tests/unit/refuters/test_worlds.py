"""Drawn cohorts keep what they promise, and the confounder is as strong as it was asked to be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.errors import OutcomeError, PositivityError
from causal.estimate import NotEstimable
from causal.refuters.calibration import latent_correlation, pair_correlation, shift_mean
from causal.refuters.worlds import (
    HIGHEST_R2,
    Known,
    World,
    build_world,
    draw_cohort,
    find_benchmark,
)
from causal.sensitivity.partial_r2 import Strength, block_strength

ROWS = 20_000
STRENGTH_ERROR = 0.015
"""Four Monte-Carlo errors of a partial R2 of .1 in 20,000 rows: its SE is about .004."""
RATE_ERROR = 0.014
"""Four Monte-Carlo errors of a share in 20,000 rows."""
CORRELATION_ERROR = 0.03
"""Matching at the mean share alone moves a correlation of .3 by under .02; the rest is luck."""
WANTED = Strength(0.10, 0.08)


def seen(world: World, seed: int = 901) -> tuple[Strength, np.ndarray]:
    """Draw one cohort, find the confounder again by its stream, and measure its strength."""
    cohort = draw_cohort(world, np.random.default_rng(seed))
    groups = int(world.group.max()) + 1
    rng = np.random.default_rng(seed)
    u = (
        rng.standard_normal(groups)[world.group]
        if world.confounder == "clusters"
        else rng.standard_normal(cohort.n)
    )
    known = cohort.observed
    x = np.column_stack([cohort.x, u])[known]
    last = np.arange(x.shape[1]) == x.shape[1] - 1
    found = block_strength(cohort.y[known], cohort.a[known], x, cohort.w[known], last)
    return found, u


def known(effect=0.1, *, scale="risk_difference", target="ATE", strength=WANTED, level="clusters"):
    return Known(effect, scale, target, strength, level)


@pytest.mark.parametrize(
    ("outcome", "clustered", "level"),
    [
        ("binary", False, "clusters"),
        ("binary", True, "clusters"),
        ("binary", True, "rows"),
        ("continuous", True, "clusters"),
    ],
)
def test_the_confounder_is_as_strong_as_asked(confounded, outcome, level, clustered):
    sample = confounded(ROWS, outcome=outcome, clustered=clustered, weighted=True)
    found, _ = seen(build_world(sample, known(level=level)))
    assert found.exposure == pytest.approx(WANTED.exposure, abs=STRENGTH_ERROR)
    assert found.outcome == pytest.approx(WANTED.outcome, abs=STRENGTH_ERROR)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_so_it_is_for_a_dose(confounded, outcome):
    sample = confounded(ROWS, outcome=outcome)
    dose = replace(
        sample,
        a=sample.x[:, 0] + np.random.default_rng(2).normal(size=sample.n),
        exposure_kind="dose",
    )
    found, _ = seen(build_world(dose, known(0.05, scale="mean_difference")))
    assert found.exposure == pytest.approx(WANTED.exposure, abs=STRENGTH_ERROR)
    assert found.outcome == pytest.approx(WANTED.outcome, abs=STRENGTH_ERROR)


def test_share_exposed_covariates_and_missing_outcomes_stay(confounded):
    sample = confounded(ROWS, missing=True, weighted=True)
    world = build_world(sample, known())
    cohort = draw_cohort(world, np.random.default_rng(901))
    exposed = np.average(sample.a, weights=sample.w)
    assert np.average(cohort.a, weights=cohort.w) == pytest.approx(exposed, abs=2 * RATE_ERROR)
    np.testing.assert_array_equal(cohort.x, sample.x)
    np.testing.assert_array_equal(cohort.observed, sample.observed)
    assert set(np.unique(cohort.y[cohort.observed])) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("scale", "target", "effect"),
    [
        ("risk_difference", "ATE", 0.15),
        ("risk_difference", "ATT", -0.15),
        ("risk_ratio", "ATE", -0.15),
        ("odds_ratio", "ATO", 0.15),
        ("risk_difference", "ATE", 0.0),
    ],
)
def test_the_effect_is_the_known_one(confounded, scale, target, effect):
    """Mean risks of the target, from the world's own probabilities over a drawn confounder."""
    world = build_world(confounded(ROWS), known(effect, scale=scale, target=target))
    u = np.random.default_rng(5).standard_normal(ROWS)

    def mean(response, exposed):
        eta = response.predictor + response.exposed * exposed + response.slope * u
        return 1 / (1 + np.exp(-eta))

    e = mean(world.exposure, 0.0)
    over = {"ATE": np.ones(ROWS), "ATT": e, "ATO": e * (1 - e)}[target]
    risk0, risk1 = (np.average(mean(world.outcome, arm), weights=over) for arm in (0.0, 1.0))
    assert risk1 == pytest.approx(shift_mean(risk0, effect, scale), abs=RATE_ERROR / 2)
    assert world.effect == effect


def test_recoding_the_outcome_turns_the_confounder_round(confounded):
    sample = confounded()
    one = build_world(sample, known(0.1))
    other = build_world(replace(sample, y=1 - sample.y), known(-0.1))
    assert other.outcome.slope == pytest.approx(-one.outcome.slope, rel=1e-2)
    assert other.outcome.exposed == pytest.approx(-one.outcome.exposed, rel=1e-2)
    assert other.outcome.r2 == pytest.approx(one.outcome.r2, rel=1e-3)


def test_what_hangs_together_within_clusters_still_does(households):
    sample = households(8000, 5)
    world = build_world(sample, known(strength=Strength(0.0, 0.0)))
    cohort = draw_cohort(world, np.random.default_rng(901))
    within = cohort.a.reshape(-1, 5)
    np.testing.assert_array_equal(within.min(axis=1), within.max(axis=1))  # constant, as it was
    for one in (sample, cohort):
        design = np.column_stack([np.ones(one.n), one.a, one.x])
        left = one.y - design @ np.linalg.lstsq(design, one.y)[0]
        shared = pair_correlation(left, np.full(one.n, left.std()), world.group)
        assert shared == pytest.approx(1.5**2 / (1.5**2 + 1), abs=CORRELATION_ERROR)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_latent_correlation_gives_the_correlation_of_the_cut_values(share):
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(ROWS // 2), 2)
    latent = latent_correlation(0.3, share)
    normals = np.sqrt(latent) * rng.normal(size=ROWS // 2)[group]
    normals += np.sqrt(1 - latent) * rng.normal(size=ROWS)
    cut = (normals < np.quantile(normals, share)).astype(float)
    spread = np.full(ROWS, np.sqrt(share * (1 - share)))
    assert pair_correlation(cut - share, spread, group) == pytest.approx(0.3, abs=CORRELATION_ERROR)


def test_nothing_hangs_together_without_pairs_or_correlation(confounded):
    world = build_world(confounded(), known())
    assert (world.exposure.shared, world.outcome.shared) == (0.0, 0.0)
    assert latent_correlation(0.0, 0.3) == 0.0


def test_a_control_has_nothing_to_do_with_exposure(confounded):
    sample = confounded(ROWS)
    world = build_world(sample, known(None))
    assert world.outcome.exposed == 0
    assert world.effect == 0
    found, _ = seen(world)
    assert found.outcome == pytest.approx(WANTED.outcome, abs=STRENGTH_ERROR)


def test_a_strength_out_of_reach_is_said_to_be_less(confounded):
    world = build_world(confounded(), known(strength=Strength(0.8, HIGHEST_R2)))
    assert 0.3 < world.exposure.r2 < 0.8


def test_the_benchmark_is_the_block_that_confounds_most(confounded):
    sample = confounded(2000)
    found = find_benchmark(sample)
    named = [find_benchmark(sample, one) for one in dict.fromkeys(sample.concepts)]
    assert found == max(named, key=lambda one: one.bias)
    assert found.name == "severity"
    assert find_benchmark(sample, "motivation").name == "motivation"


def test_without_the_concept_there_is_no_benchmark(confounded):
    sample = confounded()
    assert "does not adjust for 'hope'" in find_benchmark(sample, "hope").reason
    assert isinstance(find_benchmark(sample.with_terms([])), NotEstimable)


def test_what_cannot_be_drawn_is_refused_with_the_reason(confounded):
    sample = confounded()
    with pytest.raises(OutcomeError, match=r"is no risk.*power.effect"):
        build_world(sample, known(0.9))
    fixed = replace(sample, a=(sample.x[:, 0] > 0).astype(float))
    with pytest.raises(PositivityError, match="determine the exposure"):
        build_world(fixed, known())
    decided = replace(sample, y=(sample.x[:, 0] > 0).astype(float))
    with pytest.raises(OutcomeError, match="determine the outcome"):
        build_world(decided, known())

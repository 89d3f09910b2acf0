"""Placebos pass sound estimators and find broken ones; permutations keep what they must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.estimate import MEANS, Estimates
from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearProbability,
    MeanDifference,
    Overlap,
)
from causal.estimators.base import from_influence
from causal.estimators.doubly_robust import doubly_robust_means
from causal.refuters import DummyOutcome, PlaceboExposure
from causal.refuters.permuting import cut_into_strata, prepare_shuffle
from causal.refuters.placebo import exposure_blocks

DRAWS = 150
PLACEBOS = pytest.mark.parametrize(
    "refuter", [PlaceboExposure(draws=DRAWS), DummyOutcome(draws=DRAWS)], ids=lambda one: one.kind
)
SOUND = pytest.mark.parametrize(
    "estimator",
    [GComputation(), InverseProbability(), Overlap(), AIPW(), LinearProbability()],
    ids=lambda one: one.kind,
)
RATE_ERROR = 0.03  # four Monte-Carlo errors of a mean over 400 permutations of 300 rows a cell


class Constant(MeanDifference):
    """An estimator that always finds the same."""

    def fit(self, sample, nuisances, rng) -> Estimates:
        """Give a tenth, with no error."""
        zero = np.zeros((sample.n, 2))
        return from_influence(
            np.array([0.4, 0.5]), zero, sample, self.variance, "ATE", labels=MEANS
        )


class WrongSign(AIPW):
    """AIPW whose correction is subtracted from the wrong prediction: mu0 and mu1 exchanged."""

    def fit(self, sample, nuisances, rng) -> Estimates:
        """Add the residuals of each arm to the predictions at one half."""
        e, mu0, mu1 = self.predict(sample, nuisances, rng)
        values, influence = doubly_robust_means(sample, 1 - e, mu0 - 0.5 * mu0, mu1, "ATE")
        return from_influence(values, influence, sample, self.variance, "ATE")


@PLACEBOS
@SOUND
def test_a_sound_estimator_passes(refute, confounded, refuter, estimator):
    found = refute(refuter, estimator, confounded(800, seed=22))
    assert found.verdict == "PASS", found.reason
    assert found.expected == 0
    assert found.interval[0] < 0 < found.interval[1]
    assert "where 0 is expected" in found.reason


@PLACEBOS
@pytest.mark.parametrize(
    "estimator", [MeanDifference(), Constant(), WrongSign()], ids=["crude", "constant", "sign"]
)
def test_an_estimator_that_does_not_adjust_or_is_broken_fails(
    refute, confounded, refuter, estimator
):
    found = refute(refuter, estimator, confounded(800, seed=22))
    assert found.verdict == "FAIL", found.reason
    assert "more than chance explains" in found.reason


@PLACEBOS
def test_unmeasured_confounding_passes_and_is_said_not_to_be_seen(refute, hidden, refuter):
    found = refute(refuter, GComputation(), hidden(), scale="mean_difference")
    assert found.verdict == "PASS", found.reason
    assert "unmeasured confounding" in found.cannot_see


@PLACEBOS
def test_clusters_do_not_make_a_sound_estimator_fail(refute, households, refuter):
    found = refute(refuter, GComputation(), households(), scale="mean_difference")
    assert found.verdict == "PASS", found.reason


@PLACEBOS
def test_a_ratio_is_expected_at_one(refute, confounded, refuter):
    found = refute(refuter, GComputation(), confounded(800, seed=22), scale="risk_ratio")
    assert found.expected == 1
    assert found.interval[0] < 1 < found.interval[1]
    assert (found.draws > 0).all()


def test_missing_outcomes_stay_missing(refute, confounded):
    found = refute(DummyOutcome(draws=30), GComputation(), confounded(missing=True))
    assert found.verdict in ("PASS", "FAIL")
    assert len(found.draws) == 30


def test_a_dose_is_permuted_too(refute, confounded):
    sample = confounded(outcome="continuous")
    dose = replace(
        sample,
        a=sample.x[:, 0] + np.random.default_rng(2).normal(size=sample.n),
        exposure_kind="dose",
    )
    found = refute(PlaceboExposure(draws=DRAWS), LinearProbability(), dose, scale="mean_difference")
    assert found.verdict == "PASS", found.reason


def test_covariates_that_determine_exposure_leave_nothing_to_permute(refute, confounded):
    sample = confounded()
    fixed = replace(sample, a=(sample.x[:, 0] > 0).astype(float))
    found = refute(PlaceboExposure(), MeanDifference(), fixed)
    assert found.verdict == "NOT_EVALUATED"
    assert "determine the exposure" in found.reason


def test_shuffling_keeps_the_count_in_every_stratum():
    rng = np.random.default_rng(2)
    score = rng.normal(size=500)
    values = (rng.random(500) < 1 / (1 + np.exp(-score))).astype(float)
    strata = cut_into_strata(score, 5)
    for kind in (values, score):  # 0/1, and any other
        shuffle = prepare_shuffle(kind, score, strata)
        assert shuffle.moves
        shuffled = shuffle.draw(rng)
        assert not np.array_equal(shuffled, kind)
        for stratum in range(5):
            np.testing.assert_array_equal(
                np.sort(shuffled[strata == stratum]), np.sort(kind[strata == stratum])
            )


def test_within_a_stratum_values_still_follow_their_tendency():
    rng = np.random.default_rng(3)
    score = np.repeat([-1.0, 1.0], 300)
    values = np.zeros(600)
    values[rng.permutation(600)[:300]] = 1.0  # however they start
    one = np.zeros(600, dtype=np.int64)
    shuffle = prepare_shuffle(values, score, one)
    mean = np.mean([shuffle.draw(rng) for _ in range(400)], axis=0)
    expected = 1 / (1 + np.exp(-score))
    for half in (score < 0, score > 0):
        assert mean[half].mean() == pytest.approx(expected[half].mean(), abs=RATE_ERROR)


def chances(logit, count):
    """Give the chances of a 1 among permutations weighed by their odds, exactly."""
    p = 1 / (1 + np.exp(-logit))

    def law(some):
        chance = np.ones(1)
        for one in some:
            chance = np.convolve(chance, [1 - one, one])
        return chance

    whole = law(p)[count]
    without = {one: law(np.delete(p, np.flatnonzero(p == one)[0])) for one in np.unique(p)}
    return np.array([one * without[one][count - 1] / whole for one in p])


@pytest.mark.parametrize(("n", "count", "draws"), [(12, 4, 20_000), (1600, 500, 400)])
def test_zeros_and_ones_have_the_law_of_permutations_weighed_by_odds(n, count, draws):
    """With exchanges in a small stratum, without them in a large one."""
    logit = np.repeat(np.array([-1.5, -0.5, 0.5, 1.5]), n // 4)
    values = np.repeat([1.0, 0.0], [count, n - count])
    shuffle = prepare_shuffle(values, logit, np.zeros(n, dtype=np.int64))
    assert (shuffle.sweeps == 0) == (n > 100)
    rng = np.random.default_rng(7)
    mean = np.mean([shuffle.draw(rng) for _ in range(draws)], axis=0)
    expected = chances(logit, count)
    for group in np.array_split(np.arange(n), 4):
        error = 4 * np.sqrt(0.25 / draws / len(group))  # four Monte-Carlo errors
        assert mean[group].mean() == pytest.approx(expected[group[0]], abs=error)


def test_other_values_keep_their_law_given_their_tendency():
    """Normal values around two means: after exchange those of each half lie about its own."""
    rng = np.random.default_rng(5)
    tendency = np.repeat([-1.0, 1.0], 200)
    values = rng.permutation(np.concatenate([rng.normal(-1, 1, 200), rng.normal(1, 1, 200)]))
    shuffle = prepare_shuffle(values, tendency, np.zeros(400, dtype=np.int64))
    mean = np.mean([shuffle.draw(rng) for _ in range(200)], axis=0)
    assert mean[:200].mean() == pytest.approx(-1, abs=0.2)
    assert mean[200:].mean() == pytest.approx(1, abs=0.2)


def test_clusters_of_one_exposure_are_permuted_as_one(households, confounded):
    whole = households(20, 5)
    blocks, first = exposure_blocks(whole)
    assert len(first) == 20
    np.testing.assert_array_equal(whole.a[first][blocks], whole.a)
    mixed = confounded(clustered=True)
    assert len(exposure_blocks(mixed)[1]) == mixed.n


@pytest.mark.parametrize(
    "refuter", [PlaceboExposure, DummyOutcome], ids=["placebo_exposure", "dummy_outcome"]
)
def test_strata_so_many_that_the_placebo_keeps_the_estimate_are_no_pass(
    refute, confounded, refuter
):
    sample = confounded(400, seed=22)
    many = refute(refuter(draws=20, strata=200), GComputation(), sample)
    assert many.verdict == "NOT_RESOLVABLE"
    assert "keeps 50 % of the estimate by construction" in many.reason
    assert "take fewer strata" in many.reason
    few = refute(refuter(draws=60, strata=5), GComputation(), sample)
    assert few.verdict == "PASS", few.reason
    assert "by construction" not in few.reason

"""A covariate of noise moves sound estimates little, and those of a crowded regression much."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from causal.estimators import (
    AIPW,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.nuisance import CrossFitting, OutcomeModel, PropensityModel
from causal.refuters import RandomCommonCause
from causal.refuters.changes import naming
from causal.refuters.common_cause import NOISE

DRAWS = 80


@pytest.mark.parametrize(
    "estimator",
    [
        GComputation(),
        InverseProbability(),
        AIPW(cross_fit=CrossFitting(folds=3)),
        LinearDML(cross_fit=CrossFitting(folds=2)),
    ],
    ids=lambda one: one.kind,
)
def test_a_sound_estimator_passes(refute, confounded, estimator):
    draws = 20 if isinstance(estimator, LinearDML) else DRAWS
    found = refute(RandomCommonCause(draws=draws), estimator, confounded())
    assert found.verdict == "PASS", found.reason
    assert found.draws.std() > 0


def test_a_regression_with_nearly_as_many_terms_as_rows_fails(refute, confounded):
    sample = confounded(60, outcome="continuous")
    wide = np.random.default_rng(1).normal(size=(60, 52))
    crowded = replace(
        sample, x=wide, terms=tuple(f"t{i}" for i in range(52)), concepts=("severity",) * 52
    )
    found = refute(
        RandomCommonCause(draws=DRAWS), LinearProbability(), crowded, scale="mean_difference"
    )
    assert found.verdict == "FAIL", found.reason


def test_unmeasured_confounding_passes_and_is_said_not_to_be_seen(refute, hidden):
    found = refute(
        RandomCommonCause(draws=DRAWS), GComputation(), hidden(), scale="mean_difference"
    )
    assert found.verdict == "PASS", found.reason
    assert "unmeasured confounding" in found.cannot_see


def test_an_estimator_without_adjustment_is_not_evaluated(refute, confounded):
    found = refute(RandomCommonCause(), MeanDifference(), confounded())
    assert found.verdict == "NOT_EVALUATED"
    assert "adjusts for nothing" in found.reason


@pytest.mark.parametrize(
    "estimator",
    [
        GComputation(outcome=OutcomeModel(terms=("x0",))),
        InverseProbability(propensity=PropensityModel(terms=("x0", "x1"))),
        LinearProbability(terms=("x0",)),
    ],
    ids=lambda one: one.kind,
)
def test_regressions_that_list_their_terms_get_the_noise_too(refute, confounded, estimator):
    assert NOISE in naming(estimator, NOISE).named_terms
    found = refute(RandomCommonCause(draws=20), estimator, confounded())
    assert found.draws.std() > 0


def test_a_move_above_tolerance_by_chance_is_not_resolvable(refute, confounded):
    sample = confounded(60, outcome="continuous")
    first = refute(
        RandomCommonCause(draws=20), LinearProbability(), sample, scale="mean_difference"
    )
    size = float(re.search(r"by ([0-9.]+) standard errors", first.reason)[1])
    below = RandomCommonCause(draws=20, tolerance=0.95 * size)  # 2 Monte-Carlo errors are 31 %
    found = refute(below, LinearProbability(), sample, scale="mean_difference")
    assert found.verdict == "NOT_RESOLVABLE", found.reason
    assert "this is more, but not beyond Monte-Carlo error" in found.reason
    above = RandomCommonCause(draws=20, tolerance=0.5 * size)
    assert refute(above, LinearProbability(), sample, scale="mean_difference").verdict == "FAIL"


def test_other_random_divisions_are_told_from_the_estimate(refute, confounded):
    sample, estimator = confounded(), AIPW(cross_fit=CrossFitting(folds=3))
    own = estimator.fit(sample, NuisanceStore(), np.random.default_rng(99))
    found = refute(RandomCommonCause(draws=20), estimator, sample, original=own)
    value = own.effect("risk_difference").estimate
    assert f"moves the estimate of {value:.3g} by" in found.reason
    assert f"refitted without the noise it is {found.expected:.3g} (other random" in found.reason
    whole = refute(RandomCommonCause(draws=20), GComputation(), sample)
    assert "other random divisions" not in whole.reason

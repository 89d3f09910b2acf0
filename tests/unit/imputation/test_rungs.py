"""Rungs over imputations: pooled, judged by the worst, and the same on one sample."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from causal.errors import CausalError, Place
from causal.estimators import AIPW, GComputation, InverseProbability, MeanDifference
from causal.estimators.nuisance import CrossFitting
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.imputation.rungs import fit_all

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
PLACE = Place("plan.yaml", 12, "ladder[1]")
EVERY = ("x0", "x1", "x2")
TASKS = (
    RungTask("crude", MeanDifference(), (), PLACE),
    RungTask("full", GComputation(), EVERY, PLACE),
    RungTask("ipw", InverseProbability(), EVERY, PLACE),
    RungTask("crossed", AIPW(cross_fit=CrossFitting(folds=3)), EVERY, PLACE),
)


def imputations(base, spread=1.0):
    """Give three samples that differ in a fifth of one column."""
    rng = np.random.default_rng(4)
    made = []
    for _ in range(3):
        x = base.x.copy()
        x[: base.n // 5, 0] = spread * rng.normal(size=base.n // 5)
        made.append(replace(base, x=x))
    return made


def test_one_sample_is_fitted_as_it_is(confounded):
    sample = confounded()
    found = fit_all([sample], TASKS, LIMITS, 1)
    assert found.pooled is found.first
    for ours, theirs in zip(found.pooled, fit_rungs(sample, TASKS, LIMITS, 1), strict=True):
        np.testing.assert_array_equal(ours.estimates.values, theirs.estimates.values)


def test_imputations_that_are_all_the_same_are_one_sample(confounded):
    sample = confounded()
    found = fit_all([sample] * 3, TASKS, LIMITS, 1)
    assert found.pooled is found.first
    assert found.pooled[0].estimates.df == math.inf
    assert not found.pooled[0].estimates.imputed


def test_rungs_are_pooled_over_imputations_and_kept_of_the_first(confounded):
    samples = imputations(confounded())
    found = fit_all(samples, TASKS, LIMITS, 1)
    each = [fit_rungs(one, TASKS, LIMITS, 1) for one in samples]
    for number in range(len(TASKS)):
        values = [fits[number].estimates.values for fits in each]
        np.testing.assert_allclose(found.pooled[number].estimates.values, np.mean(values, axis=0))
        np.testing.assert_array_equal(found.first[number].estimates.values, values[0])
    within = np.mean([fits[1].estimates.covariance for fits in each], axis=0)
    assert np.all(np.diag(found.pooled[1].estimates.covariance) > np.diag(within))
    np.testing.assert_array_equal(
        found.pooled[0].estimates.covariance, each[0][0].estimates.covariance
    )


def test_random_divisions_are_the_same_in_every_imputation(confounded):
    """What differs here is a column that no rung takes."""
    sample = confounded()
    spare = [
        replace(
            sample,
            x=np.column_stack([sample.x, np.full(sample.n, value)]),
            terms=(*sample.terms, "spare"),
            concepts=(*sample.concepts, "spare"),
        )
        for value in range(3)
    ]
    crossed = fit_all(spare, TASKS, LIMITS, 1).pooled[3].estimates
    assert len(crossed.imputed) == 3
    assert np.ptp([one.values for one in crossed.imputed], axis=0).max() == 0


def test_a_gate_closes_if_it_closes_in_any_imputation(confounded):
    base = confounded(n=300)
    poor = replace(base, x=np.column_stack([1.5 * base.a + base.x[:, 0], base.x[:, 1:]]))
    (*_, ipw, _) = fit_all([base, poor, base], TASKS, LIMITS, 1).pooled
    checks = {one.name: one for one in ipw.diagnostics}
    closed = checks["effective_sample_size"]
    assert closed.verdict == "FAIL"
    assert closed.reason.endswith("(imputation 2 of 3, the first of 1 with this verdict)")


@pytest.mark.parametrize("settings", [{"clustered": True}, {"weighted": True}, {"missing": True}])
def test_processes_change_no_number_whatever_the_design(confounded, settings):
    samples = imputations(confounded(**settings))
    tasks = TASKS[:2]
    one, two = (fit_all(samples, tasks, LIMITS, 1, jobs=jobs).pooled for jobs in (1, 2))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours.estimates.covariance, theirs.estimates.covariance)
        assert ours.diagnostics == theirs.diagnostics


def test_an_error_in_an_imputation_keeps_the_place_of_its_rung(confounded):
    base = confounded()
    split = replace(base, x=np.column_stack([5 * base.a + base.x[:, 0] * 0.1, base.x[:, 1:]]))
    with pytest.raises(CausalError, match=r"plan.yaml:12: ladder\[1\]"):
        fit_all([base, split], TASKS, LIMITS, 1)

"""What estimators of several arms owe: the contract of the others, arm by arm."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from causal.arm_diagnostics import judge_arm_weights, judge_common_support
from causal.cohort import Sample
from causal.errors import OutcomeError, Place, PositivityError
from causal.estimators import (
    AIPW,
    AnyEstimator,
    ArmContrasts,
    ArmMeans,
    GComputation,
    InverseProbability,
    MeanDifference,
    NuisanceStore,
    Overlap,
)
from causal.estimators.multinomial import fit_arms
from causal.estimators.nuisance import OutcomeModel
from causal.fitting import RungTask, Thresholds, fit_rungs

REFITTED = 1e-6  # iterative fits stop at slightly different points
STEP = 1e-4
DRAWS = 200
BAND = 4 / math.sqrt(2 * DRAWS)  # four Monte-Carlo errors of a bootstrap standard error
SMALL_SAMPLE = 0.10  # resampling also varies the covariates

METHODS = ("g_computation", "ipw", "overlap", "aipw")
ESTIMATORS = {
    "arm_means": ArmMeans(),
    **{method: ArmContrasts(method=method) for method in METHODS},
    "ipw clip": ArmContrasts(method="ipw", clip=0.15),
    "aipw linear HC1": ArmContrasts(method="aipw", link="linear", variance={"kind": "HC1"}),
}
EVERY = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
LEVELS = ("neither", "twelve_step", "smart")


def arms(n=600, seed=0, *, levels=LEVELS, clustered=False, weighted=False, strength=1.0) -> Sample:
    """Draw persons who choose among arms by covariates that bear on the outcome too."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n // 2), 2) if clustered else np.arange(n)
    x = rng.normal(size=(n, 3))
    eta = np.column_stack([np.zeros(n), 0.6 * x[:, 0] - 0.2, 0.5 * x[:, 1] - 0.4 * x[:, 0] - 0.5])
    e = np.exp(strength * eta[:, : len(levels)])
    e /= e.sum(axis=1, keepdims=True)
    a = (rng.random(n)[:, None] > e.cumsum(axis=1)).sum(axis=1).astype(float)
    shift = np.array([0.0, -0.5, -0.9])[a.astype(int)]
    risk = 1 / (1 + np.exp(0.3 - 0.7 * x[:, 0] + 0.4 * x[:, 1] - shift))
    return Sample(
        unit=unit,
        y=(rng.random(n) < risk).astype(float),
        a=a,
        x=x,
        terms=("x0", "x1", "x2"),
        concepts=("c", "c", "c"),
        outcome_kind="binary",
        exposure_kind="arms",
        w=rng.uniform(0.5, 1.5, n) if weighted else np.ones(n),
        cluster=unit if clustered else None,
        levels=levels,
    )


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def rearranged(sample, rows):
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def test_the_suite_covers_every_estimator_of_arms():
    union = get_args(get_args(AnyEstimator)[0])
    assert {type(one) for one in ESTIMATORS.values()} == {
        one for one in union if one.exposures == ("arms",)
    }


@EVERY
@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_influence_columns_have_mean_zero_and_shapes_agree(estimator, population):
    sample = arms(**population)
    fit = fitted(estimator, sample)
    assert fit.labels == LEVELS
    assert fit.influence.shape == (sample.n, 3)
    assert np.abs(fit.influence.mean(axis=0)).max() < 1e-8 * fit.influence.std()
    assert [one.name for one in fit.profile.contrasts] == [
        "twelve_step − neither", "smart − neither", "smart − twelve_step"]  # fmt: skip


@EVERY
def test_the_order_of_rows_changes_nothing(estimator):
    sample = arms(clustered=True, weighted=True)
    order = np.random.default_rng(9).permutation(sample.n)
    straight, shuffled = fitted(estimator, sample), fitted(estimator, rearranged(sample, order))
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=1e-9)
    np.testing.assert_allclose(shuffled.covariance, straight.covariance, rtol=1e-7, atol=1e-12)


@EVERY
def test_naming_the_arms_in_another_order_changes_no_contrast(estimator):
    sample = arms()
    order = [2, 0, 1]  # new number of each old arm
    turned = replace(
        sample,
        a=np.array(order, dtype=float)[sample.a.astype(int)],
        levels=("twelve_step", "smart", "neither"),
    )
    one, other = fitted(estimator, sample), fitted(estimator, turned)
    for name, value in zip(one.labels, one.values, strict=True):
        assert math.isclose(other.values[other.labels.index(name)], value, rel_tol=REFITTED)
    back = [other.labels.index(name) for name in one.labels]
    np.testing.assert_allclose(
        other.covariance[np.ix_(back, back)], one.covariance, rtol=1e-5, atol=1e-10
    )


@EVERY
def test_units_of_covariates_and_constant_weights_change_nothing(estimator):
    sample = arms()
    moved = replace(
        sample,
        x=sample.x * np.array([10.0, 0.1, 3.0]) + np.array([5.0, -2.0, 100.0]),
        w=np.full(sample.n, 2.0),
    )
    one, other = fitted(estimator, sample), fitted(estimator, moved)
    np.testing.assert_allclose(other.values, one.values, rtol=REFITTED)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-5, atol=1e-10)


@EVERY
def test_recoding_the_outcome_turns_every_mean(estimator):
    sample = arms()
    one, other = fitted(estimator, sample), fitted(estimator, replace(sample, y=1 - sample.y))
    np.testing.assert_allclose(other.values, 1 - one.values, rtol=REFITTED)
    np.testing.assert_allclose(other.covariance, one.covariance, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if "aipw" not in name])
def test_influence_values_are_derivatives_in_the_weight_of_a_row(name):
    """Those of aipw leave out what vanishes where both models are right."""
    estimator, sample = ESTIMATORS[name], arms(300, weighted=True)
    fit = fitted(replaced_variance(estimator), sample)
    for row in (0, 50, 299):
        ends = []
        for sign in (1, -1):
            w = sample.w.copy()
            w[row] += sign * STEP
            ends.append(fitted(estimator, replace(sample, w=w)).values)
        numeric = sample.n * (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose(
            fit.influence[row] / sample.w[row], numeric, atol=2e-4, rtol=1e-4
        )


def replaced_variance(estimator):
    return estimator.model_copy(update={"variance": type(estimator.variance)()})


@EVERY
def test_the_standard_error_is_that_of_a_bootstrap_of_persons(estimator):
    sample = arms(500, seed=5, clustered=True)
    rng, persons = np.random.default_rng(1), np.unique(sample.unit)
    place = {one: np.flatnonzero(sample.unit == one) for one in persons}
    draws = []
    for _ in range(DRAWS):
        chosen = rng.choice(persons, len(persons))
        rows = np.concatenate([place[one] for one in chosen])
        unit = np.repeat(np.arange(len(chosen)), 2)
        again = replace(rearranged(sample, rows), unit=unit, cluster=unit)
        values = fitted(estimator, again).values
        draws.append([values[1] - values[0], values[2] - values[1]])
    fit = fitted(estimator, sample)
    v = fit.covariance
    errors = [math.sqrt(v[i, i] + v[j, j] - 2 * v[i, j]) for i, j in ((0, 1), (1, 2))]
    ratio = np.std(draws, axis=0, ddof=1) / errors
    assert np.abs(ratio - 1).max() < BAND + SMALL_SAMPLE


@pytest.mark.parametrize(
    ("several", "binary"),
    [
        (ArmMeans(), MeanDifference()),
        (
            ArmContrasts(method="g_computation"),
            GComputation(outcome=OutcomeModel(arms="separate")),
        ),
        (ArmContrasts(method="ipw"), InverseProbability()),
        (ArmContrasts(method="overlap"), Overlap()),
        (ArmContrasts(method="aipw"), AIPW(outcome=OutcomeModel(arms="separate"))),
    ],
    ids=["means", *METHODS],
)
def test_with_two_arms_they_are_the_estimators_of_a_binary_exposure(several, binary):
    sample = arms(levels=LEVELS[:2], weighted=True, clustered=True)
    two = replace(sample, exposure_kind="binary", levels=())
    one, other = fitted(several, sample), fitted(binary, two)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-9)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-6)


def test_chances_of_the_arms_are_those_of_statsmodels():
    import statsmodels.api as sm

    sample = arms(400)
    theirs = sm.MNLogit(sample.a, sm.add_constant(sample.x)).fit(disp=0, tol=1e-12)
    own = fit_arms(sample.x, sample.a, sample.w, sample.levels, sample.terms)
    np.testing.assert_allclose(own.e, theirs.predict(), atol=1e-10)


def test_an_arm_the_covariates_tell_apart_is_refused_by_name():
    sample = arms(200)
    x = sample.x.copy()
    x[:, 2] = (sample.a == 2) * 1.0
    with pytest.raises(PositivityError, match=r"in the arm 'smart'.*'x2'"):
        fitted(ArmContrasts(method="ipw"), replace(sample, x=x))


def test_an_arm_whose_outcome_never_differs_is_refused_by_name():
    sample = arms(300)
    same = replace(sample, y=np.where(sample.a == 2, 1.0, sample.y))
    with pytest.raises(PositivityError, match="everybody with exposure 'smart' has the same"):
        fitted(ArmMeans(), same)


def test_an_empty_arm_is_refused_by_name():
    sample = arms(200)
    only_two = sample.rows(sample.a < 2)
    with pytest.raises(PositivityError, match="only 0 rows with exposure 'smart'"):
        fitted(ArmMeans(), only_two)


@pytest.mark.parametrize(
    "changed",
    [{"method": "overlap", "clip": 0.1}, {"method": "ipw", "link": "linear"}, {"clip": 0.6}],
    ids=str,
)
def test_settings_a_method_does_not_use_are_refused(changed):
    with pytest.raises(ValidationError):
        ArmContrasts(**changed)


def test_common_support_fails_where_an_arm_is_out_of_reach_and_passes_where_it_is_not():
    wide, narrow = arms(2000, strength=4.0), arms(2000, strength=0.5)
    verdicts = []
    for sample in (wide, narrow):
        e = fit_arms(sample.x, sample.a, sample.w, sample.levels, sample.terms).e
        verdicts.append(judge_common_support(e, LEVELS, 0.02, 0.05, overlap=False).verdict)
    assert verdicts == ["FAIL", "PASS"]


def test_regression_predicts_outcomes_that_are_missing_and_weights_do_not():
    sample = arms(600, weighted=True)
    holed = replace(sample, y=np.where(sample.x[:, 0] > 1, np.nan, sample.y))
    estimator = ArmContrasts(method="g_computation")
    fit = fitted(estimator, holed)
    for row in (0, 50, int(np.flatnonzero(~holed.observed)[0])):
        step = np.where(np.arange(sample.n) == row, STEP, 0.0)
        up, down = (
            fitted(estimator, replace(holed, w=holed.w + sign * step)).values for sign in (1, -1)
        )
        numeric = sample.n * (up - down) / (2 * STEP)
        np.testing.assert_allclose(fit.influence[row] / holed.w[row], numeric, atol=2e-4)
    with pytest.raises(OutcomeError, match="arm_contrasts with method: g_computation"):
        fitted(ArmContrasts(method="ipw"), holed)


def test_regression_alone_is_fitted_and_fails_common_support_where_an_arm_is_apart():
    sample = arms(400)
    x = sample.x.copy()
    x[:, 0] += 20 * (sample.a == 2)
    task = RungTask(
        "g", ArmContrasts(method="g_computation", link="linear"), sample.terms, Place("")
    )
    (found,) = fit_rungs(replace(sample, x=x), [task], Thresholds(50, 0.1, 0.1), 1)
    support = found.diagnostics[0]
    assert (support.name, support.verdict) == ("common_support", "FAIL")
    assert "the covariates determine who is in the arm 'smart'" in support.reason


def test_weights_are_judged_by_the_worst_arm_and_pair():
    sample = arms(2000)
    even = np.ones(sample.n)
    found = {one.name: one for one in judge_arm_weights(sample, even, 50, 0.1, 0.1)}
    assert found["smd"].verdict == "FAIL"
    assert found["effective_sample_size"].value == min((sample.a == k).sum() for k in range(3))
    weights = ArmContrasts(method="overlap").arm_weights(sample)
    balanced = {one.name: one for one in judge_arm_weights(sample, weights, 50, 0.1, 0.1)}
    assert balanced["smd"].verdict == "PASS"


@EVERY
def test_a_column_that_does_not_vary_changes_nothing(fitted_beside, judged_alike, estimator):
    without, with_ = fitted_beside(estimator, arms())
    np.testing.assert_allclose(
        with_.estimates.values, without.estimates.values, rtol=REFITTED, atol=1e-9
    )
    np.testing.assert_allclose(
        with_.estimates.covariance, without.estimates.covariance, rtol=REFITTED, atol=1e-9
    )
    judged_alike(without, with_)

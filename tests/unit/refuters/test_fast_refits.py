"""Draws fitted in blocks equal draws fitted one by one, number by number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.errors import PositivityError
from causal.estimators import (
    AIPW,
    TMLE,
    EntropyBalancing,
    GComputation,
    InverseProbability,
    LinearDML,
    LinearProbability,
    MeanDifference,
    Overlap,
)
from causal.estimators.nuisance import CrossFitting, ObservationModel, OutcomeModel, PropensityModel
from causal.refuters.batches import FEW_ROWS, NARROW, WIDEST, block_width, orthonormal
from causal.refuters.changes import AddedCovariate, NewExposure, NewOutcome, Resample
from causal.refuters.drawing import refit
from causal.refuters.refits import find_batch

LINEAR = 1e-12
"""Rounding of sums over some hundred rows."""
LOGISTIC = 1e-8
"""Both sides stop when a linear predictor moves by 1e-10; asked for is 1e-6."""
DRAWS = 12

LEAST_SQUARES = {
    "crude": MeanDifference(),
    "linear_probability": LinearProbability(),
    "linear_probability, classical": LinearProbability(variance={"kind": "classical"}),
    "linear_probability, terms": LinearProbability(terms=("x0", "x2")),
    "g_computation, linear": GComputation(outcome=OutcomeModel(link="linear")),
    "g_computation, linear, ATT": GComputation(outcome=OutcomeModel(link="linear"), target="ATT"),
}
BY_LIKELIHOOD = {
    "g_computation": GComputation(),
    "g_computation, ATT": GComputation(target="ATT"),
    "g_computation, ATC": GComputation(target="ATC"),
    "g_computation, terms": GComputation(outcome=OutcomeModel(terms=("x0",))),
    "ipw": InverseProbability(),
    "ipw, ATT": InverseProbability(target="ATT"),
    "ipw, terms": InverseProbability(propensity=PropensityModel(terms=("x1",))),
    "ipw, clipped": InverseProbability(clip=(0.2, 0.8)),
    "ipw, trimmed": InverseProbability(trim=0.2, stabilised=True),
    "ipw, weights known": InverseProbability(weights_known=True),
    "ipw, ATC": InverseProbability(target="ATC"),
    "overlap": Overlap(),
    "overlap, ATM": Overlap(target="ATM"),
    "aipw": AIPW(),
    "aipw, ATT": AIPW(target="ATT"),
    "aipw, ATC": AIPW(target="ATC"),
    "aipw, linear outcome": AIPW(outcome=OutcomeModel(link="linear")),
    "aipw, clipped": AIPW(clip=(0.2, 0.8)),
    "aipw, folds": AIPW(cross_fit=CrossFitting(folds=3)),
}
ESTIMATORS = {**LEAST_SQUARES, **BY_LIKELIHOOD}
CHANGES = ("placebo", "dummy", "noise", "subset", "bootstrap")


def change(kind, sample, rng):
    """Change a sample as refuters do."""
    if kind == "placebo":
        return NewExposure(rng.permutation(sample.a))
    if kind == "dummy":
        y = sample.y.copy()
        y[sample.observed] = rng.permutation(y[sample.observed])
        return NewOutcome(y)
    if kind == "noise":
        return AddedCovariate(rng.standard_normal(sample.n), "(noise)")
    labels, group = np.unique(sample.unit, return_inverse=True)
    persons = len(labels)
    if kind == "subset":
        return Resample((rng.permutation(persons) < 0.8 * persons).astype(int)[group])
    return Resample(np.bincount(rng.integers(0, persons, persons), minlength=persons)[group])


def both(kind, estimator, sample, scale="risk_difference", draws=DRAWS):
    """Fit in blocks, and one by one."""
    same_rows = kind in ("placebo", "dummy")

    def drawn():
        for rng in np.random.default_rng(8).spawn(draws):
            yield change(kind, sample, rng), rng

    return (
        refit(drawn(), estimator, sample, scale, same_rows=same_rows, batched=batched)
        for batched in (True, False)
    )


def compare(kind, estimator, sample, tolerance, scale="risk_difference", draws=DRAWS):
    assert find_batch(estimator, sample, scale) is not None
    fast, slow = both(kind, estimator, sample, scale, draws)
    np.testing.assert_allclose(fast.values, slow.values, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(fast.kept, slow.kept)
    assert fast.failed == slow.failed
    if kind in ("placebo", "dummy"):
        np.testing.assert_allclose(fast.influence, slow.influence, rtol=0, atol=100 * tolerance)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_blocks_equal_single_fits(confounded, kind, name):
    tolerance = LINEAR if name in LEAST_SQUARES else LOGISTIC
    compare(kind, ESTIMATORS[name], confounded(), tolerance)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    "name", ["linear_probability", "g_computation", "ipw", "ipw, ATT", "aipw", "aipw, folds"]
)
def test_blocks_of_many_rows_equal_single_fits(confounded, kind, name):
    """With many rows regressions share their information for some steps."""
    tolerance = LINEAR if name in LEAST_SQUARES else LOGISTIC
    sample = confounded(FEW_ROWS + 100)
    assert block_width(sample.n) == WIDEST
    compare(kind, ESTIMATORS[name], sample, tolerance, draws=3)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_blocks_equal_single_fits_with_weights_and_clusters(confounded, kind, name):
    tolerance = LINEAR if name in LEAST_SQUARES else LOGISTIC
    compare(kind, ESTIMATORS[name], confounded(weighted=True, clustered=True), tolerance)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize(
    "name", [name for name, one in ESTIMATORS.items() if one.takes_missing_outcomes]
)
def test_blocks_equal_single_fits_with_missing_outcomes(confounded, kind, name):
    tolerance = LINEAR if name in LEAST_SQUARES else LOGISTIC
    compare(kind, ESTIMATORS[name], confounded(missing=True, weighted=True), tolerance)


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("scale", ["risk_ratio", "odds_ratio"])
@pytest.mark.parametrize("name", BY_LIKELIHOOD)
def test_blocks_equal_single_fits_on_ratio_scales(confounded, kind, scale, name):
    compare(kind, BY_LIKELIHOOD[name], confounded(), LOGISTIC, scale)


@pytest.mark.parametrize("kind", CHANGES)
def test_blocks_equal_single_fits_of_a_dose(confounded, kind):
    sample = confounded(outcome="continuous")
    dose = 2000 + 30 * np.random.default_rng(1).normal(size=sample.n) + 5 * sample.x[:, 0]
    dosed = replace(sample, a=dose, exposure_kind="dose")
    compare(kind, LinearProbability(), dosed, LINEAR, "mean_difference")


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", ["linear_probability", "g_computation", "ipw", "aipw"])
def test_covariates_that_depend_on_each_other_change_nothing(confounded, kind, name):
    sample = confounded()
    twice = replace(
        sample,
        x=np.column_stack([1e4 + sample.x, sample.x[:, 0] + sample.x[:, 1], np.ones(sample.n)]),
        terms=("x0", "x1", "x2", "sum", "one"),
        concepts=("severity",) * 5,
    )
    tolerance = 100 * LINEAR if name in LEAST_SQUARES else LOGISTIC
    compare(kind, ESTIMATORS[name], twice, tolerance)


@pytest.mark.parametrize("kind", ["subset", "bootstrap"])
@pytest.mark.parametrize("name", ["linear_probability", "g_computation", "ipw", "aipw"])
def test_a_covariate_that_resamples_lose_is_left_to_single_fits(confounded, kind, name):
    sample = confounded(200)
    rare = np.zeros(sample.n)
    rare[[3, 4, 5]] = 1.0  # absent from every twentieth bootstrap resample
    if name not in LEAST_SQUARES:  # twice each exposure and outcome, so that few are determined
        rare[3:6] = 0.0
        for a, y in ((0, 0), (0, 1), (1, 0), (1, 1)):
            rare[np.flatnonzero((sample.a == a) & (sample.y == y))[:3]] = 1.0
    sample = replace(
        sample,
        x=np.column_stack([sample.x, rare]),
        terms=(*sample.terms, "rare"),
        concepts=(*sample.concepts, "demographics"),
    )
    fast, slow = both(kind, ESTIMATORS[name], sample, draws=60)
    np.testing.assert_allclose(fast.values, slow.values, rtol=0, atol=LOGISTIC)
    np.testing.assert_array_equal(fast.kept, slow.kept)
    assert fast.failed == slow.failed


def test_an_arm_that_resamples_lose_fails_alike(confounded):
    sample = confounded(60, outcome="continuous")
    few = np.zeros(sample.n)
    few[:2] = 1.0
    sample = replace(sample, a=few, x=sample.x[:, :0], terms=(), concepts=())
    said = []
    for batched in (True, False):
        drawn = (
            (change("bootstrap", sample, rng), rng) for rng in np.random.default_rng(1).spawn(80)
        )
        with pytest.raises(PositivityError, match="draws could not be fitted") as caught:
            refit(
                drawn,
                InverseProbability(),
                sample,
                "mean_difference",
                same_rows=False,
                batched=batched,
            )
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_the_number_of_draws_changes_no_draw(confounded):
    """A part of a block is filled up, so that products are always of the same shape."""
    sample = confounded()
    for estimator in (LinearProbability(), InverseProbability(), AIPW()):
        few, many = (
            next(iter(both("placebo", estimator, sample, draws=number))) for number in (25, 70)
        )
        np.testing.assert_array_equal(many.values[:25], few.values)


@pytest.mark.parametrize(
    "estimator",
    [
        GComputation(outcome=OutcomeModel(arms="separate")),
        GComputation(outcome=OutcomeModel(interactions=("x0",))),
        AIPW(cross_fit=CrossFitting(folds=2, repeats=2)),
        AIPW(propensity={"learner": "lasso"}, cross_fit=CrossFitting(folds=2)),
        AIPW(outcome={"learner": "lasso"}, cross_fit=CrossFitting(folds=2)),
        TMLE(),
        InverseProbability(observation=ObservationModel(terms=("x0",))),
        InverseProbability(truncate=(1, 99)),
        EntropyBalancing(),
        LinearDML(),
    ],
    ids=lambda one: one.kind,
)
def test_settings_without_a_twin_are_fitted_one_by_one(confounded, estimator):
    assert find_batch(estimator, confounded(), "risk_difference") is None


def test_subclasses_are_fitted_one_by_one(confounded):
    class Other(AIPW):
        """Estimates otherwise."""

    assert find_batch(Other(), confounded(), "risk_difference") is None


def test_covariates_are_made_orthonormal_under_weights(confounded):
    sample = confounded(weighted=True)
    basis = orthonormal(np.column_stack([1e6 + sample.x, sample.x[:, 0]]), sample.w)
    assert len(basis) == 4
    np.testing.assert_allclose((basis * sample.w) @ basis.T, np.eye(4), rtol=0, atol=1e-12)


def test_blocks_shrink_as_samples_grow():
    assert block_width(300) == NARROW
    assert block_width(50_000) == WIDEST
    assert block_width(10**6) == WIDEST // 10
    assert block_width(10**8) == 1


def test_what_is_prepared_for_one_sample_is_never_used_for_another(confounded):
    first, again, other = confounded(), confounded(), confounded(seed=2)
    one = find_batch(AIPW(), first, "risk_difference")
    assert find_batch(AIPW(), first, "risk_difference") is one
    assert find_batch(AIPW(), again, "risk_difference") is not one
    assert find_batch(AIPW(), first, "risk_ratio") is not one
    assert find_batch(AIPW(target="ATT"), first, "risk_difference") is not one
    assert find_batch(AIPW(), other, "risk_difference").sample is other

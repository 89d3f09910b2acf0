"""Predictions that rows fitted on do not tell are refused, whatever number a column is stuck at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.errors import PositivityError
from causal.estimators import AIPW, ArmContrasts, GComputation, NuisanceStore
from causal.estimators.estimability import beyond
from causal.estimators.glm import fit_glm
from causal.estimators.nuisance import CrossFitting, ObservationModel, OutcomeModel

STUCK = (1.0, 2.718, 0.1, 30000.7)
"""The mean of a column of 2.718 or .1 differs from it by rounding."""
SEPARATE = OutcomeModel(arms="separate")


@pytest.fixture(params=STUCK)
def stuck(request, confounded):
    """Give a sample whose x2 varies among the unexposed only."""
    sample = confounded(n=401, outcome="continuous")
    x = sample.x.copy()
    noise = np.random.default_rng(3).normal(size=sample.n)
    x[:, 2] = np.where(sample.a == 1, request.param, request.param + noise)
    return replace(sample, x=x, y=sample.y + 2 * x[:, 2])


@pytest.mark.parametrize(
    "estimator",
    [
        GComputation(outcome=SEPARATE),
        AIPW(outcome=SEPARATE),
        AIPW(outcome=SEPARATE, cross_fit=CrossFitting(folds=3)),
    ],
    ids=["g_computation", "aipw", "crossed"],
)
def test_a_column_stuck_in_one_arm_is_refused(stuck, estimator):
    said = "rows of the exposed arm whose outcome is known, 'x2' does not vary.*Set arms to pooled"
    with pytest.raises(PositivityError, match=said):
        estimator.fit(stuck, NuisanceStore(), np.random.default_rng(0))
    pooled = estimator.model_copy(update={"outcome": OutcomeModel()})
    assert np.isfinite(pooled.fit(stuck, NuisanceStore(), np.random.default_rng(0)).values).all()


def test_its_product_with_exposure_is_refused_too(stuck):
    estimator = GComputation(outcome=OutcomeModel(interactions=("x2",)))
    with pytest.raises(PositivityError, match="'exposure' and 'exposure:x2' do not vary, or not"):
        estimator.fit(stuck, NuisanceStore(), None)


@pytest.mark.parametrize("method", ["g_computation", "aipw"])
def test_of_several_arms_each_must_tell(stuck, method):
    several = replace(stuck, exposure_kind="arms", levels=("neither", "group"))
    with pytest.raises(PositivityError, match=r"rows of the arm 'group' whose .* 'x2' does not"):
        ArmContrasts(method=method).fit(several, NuisanceStore(), None)


def test_columns_that_give_one_another_in_one_arm_are_refused(confounded):
    sample = confounded(n=401, outcome="continuous")
    x = sample.x.copy()
    x[:, 2] = np.where(sample.a == 1, 3 * x[:, 0] - x[:, 1], x[:, 2])
    with pytest.raises(PositivityError, match="'x0' and 'x1' and 'x2' do not vary, or not apart"):
        GComputation(outcome=SEPARATE).fit(replace(sample, x=x), NuisanceStore(), None)


def test_a_level_nobody_followed_has_is_refused(confounded):
    sample = confounded(n=401)
    lost = np.where(sample.x[:, 2] == 1, np.nan, sample.y)
    lost[:9] = np.nan
    with pytest.raises(PositivityError, match="among the rows whose outcome is known, 'x2' does"):
        GComputation(observation=ObservationModel(terms=("x0",))).fit(
            replace(sample, y=lost), NuisanceStore(), None
        )


def test_columns_that_give_one_another_everywhere_are_no_matter(confounded):
    sample = confounded(n=401)
    more = replace(
        sample,
        x=np.column_stack([sample.x, sample.x @ [1.0, 2.0, 3.0], np.full(sample.n, 0.1)]),
        terms=(*sample.terms, "sum", "flat"),
        concepts=(*sample.concepts, "severity", "severity"),
    )
    alike = [
        GComputation(outcome=SEPARATE).fit(one, NuisanceStore(), None).values
        for one in (sample, more)
    ]
    np.testing.assert_allclose(*alike, rtol=1e-9)


@pytest.mark.parametrize(("stuck", "apart"), [(1e7, 1.0), (0.0, 1e-8), (1e-7, 1e-7)])
def test_how_far_others_are_is_judged_by_the_size_of_the_column(stuck, apart):
    x = np.random.default_rng(0).normal(size=(40, 2))
    seen = np.arange(40) < 20
    x[:, 1] = np.where(seen, stuck, stuck + apart)
    fit = fit_glm(x, x[:, 0], np.ones(40), "linear", seen)
    assert beyond(fit, seen, x) == (1,)


def test_only_what_is_asked_for_must_be_told():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    seen = np.arange(40) < 20
    x[seen, 1] = 0.7
    fit = fit_glm(x, rng.normal(size=40), np.ones(40), "linear", seen)
    assert beyond(fit, seen, x[seen]) == ()
    assert beyond(fit, seen, x) == (1,)

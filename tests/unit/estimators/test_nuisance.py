"""The store of nuisance regressions: fitted once, chained rightly, divided by person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.errors import OutcomeError, PositivityError, SpecError
from causal.estimators.nuisance import (
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    choose_terms,
    folds_by_unit,
    outcome_columns,
)

SAME = 1e-9


def test_a_regression_is_fitted_once(confounded):
    sample, store = confounded(), NuisanceStore()
    first = store.propensity(sample, PropensityModel())
    assert store.propensity(sample, PropensityModel()) is first
    assert store.propensity(sample, PropensityModel(terms=("x0",))) is not first
    assert store.outcome(sample, OutcomeModel()) is store.outcome(sample, OutcomeModel())


def test_subsets_of_rows_are_kept_apart(confounded):
    sample, store = confounded(), NuisanceStore()
    half = np.arange(sample.n) % 2 == 0
    whole, part = (
        store.propensity(sample, PropensityModel()),
        store.propensity(sample, PropensityModel(), half),
    )
    assert np.abs(whole.fitted - part.fitted).max() > 1e-3
    assert not part.scores[~half].any()


def test_folds_keep_persons_together_and_are_of_equal_size():
    unit = np.repeat(np.arange(53), 3)
    fold = folds_by_unit(unit, 5, np.random.default_rng(1))
    assert all(len(set(fold[unit == person])) == 1 for person in range(53))
    sizes = np.bincount(fold[::3], minlength=5)
    assert sizes.max() - sizes.min() <= 1


def test_folds_depend_on_persons_not_on_the_order_of_rows():
    unit = np.repeat(np.arange(40), 2)
    order = np.random.default_rng(2).permutation(80)
    fold = folds_by_unit(unit, 4, np.random.default_rng(3))
    shuffled = folds_by_unit(unit[order], 4, np.random.default_rng(3))
    np.testing.assert_array_equal(shuffled, fold[order])


def test_separate_arms_are_the_pooled_regression_with_every_product(confounded):
    sample = confounded()
    separate = NuisanceStore().outcome(sample, OutcomeModel(arms="separate"))
    pooled = NuisanceStore().outcome(sample, OutcomeModel(interactions=sample.terms))
    np.testing.assert_allclose(separate.mu0, pooled.mu0, rtol=1e-7)
    np.testing.assert_allclose(separate.mu1, pooled.mu1, rtol=1e-7)
    assert separate.rank == pooled.rank == 8


def test_predictions_are_made_for_rows_without_outcome(confounded):
    sample = confounded(missing=True)
    fit = NuisanceStore().outcome(sample, OutcomeModel())
    assert not sample.observed.all()
    assert np.isfinite(fit.mu0).all()
    assert np.isfinite(fit.mu1).all()


def test_the_link_follows_the_kind_of_outcome(confounded):
    binary, continuous = confounded(), confounded(outcome="continuous")
    assert NuisanceStore().outcome(binary, OutcomeModel()).fits[0].link == "logit"
    assert NuisanceStore().outcome(continuous, OutcomeModel()).fits[0].link == "linear"


def test_outcome_columns_stand_in_the_order_their_names_do():
    a, x = np.array([0.0, 1.0]), np.array([[2.0, 3.0], [4.0, 5.0]])
    np.testing.assert_array_equal(
        outcome_columns(a, x, [1], pooled=True), [[0, 2, 3, 0], [1, 4, 5, 5]]
    )
    np.testing.assert_array_equal(outcome_columns(a, x, [1], pooled=False), x)


def test_an_unknown_term_is_named_with_the_choices(confounded):
    sample = confounded()
    with pytest.raises(SpecError, match=r"no term 'x9'.*Choices: x0, x1, x2"):
        choose_terms(sample, ("x9",))
    with pytest.raises(SpecError, match=r"no term 'x9' to multiply with exposure"):
        NuisanceStore().outcome(sample, OutcomeModel(interactions=("x9",)))


def test_separation_of_exposure_says_what_and_along_which_term(confounded):
    base = confounded()
    sample = replace(base, a=(base.x[:, 1] > 0).astype(float))
    with pytest.raises(PositivityError, match=r"the exposure of \d+ rows.*'x1'.*Drop or coarsen"):
        NuisanceStore().propensity(sample, PropensityModel())


def test_separation_of_an_outcome_by_exposure_names_exposure(confounded):
    """Nobody exposed has the outcome: a finite sample of a rare outcome does this."""
    base = confounded()
    sample = replace(base, y=np.where(base.a == 1, 0.0, base.y))
    with pytest.raises(OutcomeError, match=r"the outcome of \d+ rows.*'exposure'"):
        NuisanceStore().outcome(sample, OutcomeModel())


def test_separation_along_a_product_names_it(confounded):
    base = confounded()
    y = np.where((base.a == 1) & (base.x[:, 2] == 1), 1.0, base.y)
    model = OutcomeModel(interactions=("x2",))
    with pytest.raises(OutcomeError, match="'exposure:x2'"):
        NuisanceStore().outcome(replace(base, y=y), model)


def test_chaining_moves_the_mean_as_refitting_without_a_row_does(confounded):
    """The jackknife: influence is what leaving a row out changes, to first order."""
    sample = confounded(n=800)
    fit = NuisanceStore().outcome(sample, OutcomeModel())
    chained = fit.chain(np.ones(sample.n), np.ones(sample.n))
    for row in (3, 77, 500):
        rows = np.arange(sample.n) != row
        without = NuisanceStore().outcome(sample, OutcomeModel(), rows)
        moved = sample.n * np.array(
            [np.mean(fit.mu0 - without.mu0), np.mean(fit.mu1 - without.mu1)]
        )
        np.testing.assert_allclose(moved, chained[row], rtol=0.05, atol=0.02)  # order 1/n

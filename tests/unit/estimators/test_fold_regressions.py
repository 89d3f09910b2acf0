"""Fits without each fold from sums over folds are those of fitting one fold at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimators import AIPW, TMLE, NuisanceStore, cross_fitting
from causal.estimators.column_blocks import Columns
from causal.estimators.cross_fitting import cross_fitted, outcomes_at_once, propensities_at_once
from causal.estimators.fold_regressions import Folds, expit, fit_without_each
from causal.estimators.glm import fit_glm
from causal.estimators.nuisance import OutcomeModel, PropensityModel, folds_by_unit

SAME = 1e-9  # of a probability or a mean: both stop at steps of 1e-10 or less
SUMMED = 1e-11  # the same sums in another order
N, FOLDS = 6000, 5
PROPENSITY = PropensityModel()


def drawn(kind: str = "binary", *, seed: int = 0, n: int = N) -> Sample:
    """Two rows a person, weights, a skewed covariate far from 0, and one that is rare."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    x[:, 1] = 2000 + 5 * np.exp(x[:, 1])
    x[:, 2] = rng.random(n) < 0.1
    a = (rng.random(n) < expit(0.4 * x[:, 0] - 0.5 * x[:, 2])).astype(float)
    eta = 0.5 * a + 0.6 * x[:, 0] * (1 + a) - 0.3 * x[:, 3]
    y = eta + rng.normal(size=n) if kind == "continuous" else (rng.random(n) < expit(eta)) * 1.0
    names = ("x0", "x1", "x2", "x3")
    return Sample(
        unit=np.arange(n) // 2,
        y=y,
        a=a,
        x=x,
        terms=names,
        concepts=names,
        outcome_kind=kind,
        exposure_kind="binary",
        w=rng.uniform(0.5, 2, n),
        cluster=np.arange(n) // 2,
    )


def one_by_one(monkeypatch, sample, outcome, seed=1):
    monkeypatch.setattr(cross_fitting, "MANY", sample.n + 1)
    rng = np.random.default_rng(seed)
    found = cross_fitted(sample, PROPENSITY, outcome, FOLDS, NuisanceStore(), rng)
    monkeypatch.undo()
    return found


MODELS = {
    "pooled": OutcomeModel(),
    "products": OutcomeModel(interactions=("x0", "x3")),
    "by arm": OutcomeModel(arms="separate"),
    "some terms": OutcomeModel(terms=("x3", "x0")),
}


@pytest.mark.parametrize("kind", ["binary", "continuous"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_all_folds_at_once_predict_what_each_fold_alone_does(monkeypatch, kind, model):
    sample = drawn(kind)
    parts = Folds(folds_by_unit(sample.unit, FOLDS, np.random.default_rng(1)), FOLDS)
    slow = one_by_one(monkeypatch, sample, model)
    exposed, means = (
        propensities_at_once(sample, PROPENSITY, parts),
        outcomes_at_once(sample, model, parts),
    )
    assert exposed is not None
    assert means is not None
    for ours, theirs in zip((exposed, *means), slow, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=SAME)
    fast = cross_fitted(sample, PROPENSITY, model, FOLDS, NuisanceStore(), np.random.default_rng(1))
    np.testing.assert_array_equal(fast[0], exposed)


def test_rows_without_outcome_are_predicted_and_not_learned_from(monkeypatch):
    sample = drawn("continuous")
    y = sample.y.copy()
    y[::7] = np.nan
    lost = replace(sample, y=y)
    slow = one_by_one(monkeypatch, lost, OutcomeModel())
    parts = Folds(folds_by_unit(lost.unit, FOLDS, np.random.default_rng(1)), FOLDS)
    fast = outcomes_at_once(lost, OutcomeModel(), parts)
    assert fast is not None
    for ours, theirs in zip(fast, slow[1:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=SAME)


def test_the_order_of_rows_changes_nothing():
    sample = drawn()
    order = np.random.default_rng(3).permutation(sample.n)
    parts = folds_by_unit(sample.unit, FOLDS, np.random.default_rng(1))
    straight = propensities_at_once(sample, PROPENSITY, Folds(parts, FOLDS))
    turned = propensities_at_once(
        replace(
            sample,
            unit=sample.unit[order],
            y=sample.y[order],
            a=sample.a[order],
            x=sample.x[order],
            w=sample.w[order],
            cluster=sample.cluster[order],
        ),
        PROPENSITY,
        Folds(parts[order], FOLDS),
    )
    np.testing.assert_allclose(turned, straight[order], rtol=0, atol=SAME)


@pytest.mark.parametrize("estimator", [AIPW, TMLE])
def test_estimates_and_errors_are_those_of_one_fold_at_a_time(monkeypatch, estimator):
    sample, one = drawn(), estimator(cross_fit={"folds": FOLDS, "repeats": 2})
    fast = one.fit(sample, NuisanceStore(), np.random.default_rng(2)).effect("risk_difference")
    monkeypatch.setattr(cross_fitting, "MANY", sample.n + 1)
    slow = one.fit(sample, NuisanceStore(), np.random.default_rng(2)).effect("risk_difference")
    assert fast.estimate == pytest.approx(slow.estimate, abs=SAME)
    assert fast.std_error == pytest.approx(slow.std_error, abs=SAME)


def refused(x, a, y, link):
    folds = Folds(np.arange(len(y)) % FOLDS, FOLDS)
    return fit_without_each(Columns.of(x, a), y, np.ones(len(y)), folds, link) is None


@pytest.mark.parametrize("link", ["linear", "logit"])
def test_columns_that_say_the_same_are_left_to_the_slower_way(link):
    sample = drawn()
    twice = np.column_stack([sample.x, sample.x[:, 0] - 2 * sample.x[:, 3]])
    constant = np.column_stack([sample.x, np.full(N, 7.0)])
    assert refused(twice, sample.a, sample.y, link)
    assert refused(constant, sample.a, sample.y, link)
    assert refused(np.column_stack([sample.x, sample.a]), sample.a, sample.y, link)
    assert not refused(sample.x, sample.a, sample.y, link)


def test_likelihoods_without_a_maximum_are_left_to_the_slower_way():
    sample = drawn()
    told = (sample.x[:, 0] > 0.3).astype(float)
    assert refused(sample.x, None, told, "logit")


def test_a_column_that_varies_in_one_fold_alone_is_left_to_the_slower_way():
    """Without that fold it is constant; what a maximum over the others is, cannot be known."""
    sample = drawn()
    lone = np.where(np.arange(N) % FOLDS == 2, np.random.default_rng(4).normal(size=N), 0.0)
    assert refused(np.column_stack([sample.x, lone]), None, sample.y, "logit")
    assert refused(np.column_stack([sample.x, lone]), None, sample.y, "linear")


def unlike(slope: float):
    """Fit where one fold has other persons, in whom the covariate does the opposite."""
    rng = np.random.default_rng(8)
    fold = np.repeat(np.arange(3), [400, 400, 5200])
    x = rng.normal(size=(N, 2)) + 2.0 * (fold == 2)[:, None]
    y = (rng.random(N) < expit(np.where(fold == 2, -slope, slope) * x[:, 0])).astype(float)
    return x, y, fold, fit_without_each(Columns.of(x), y, np.ones(N), Folds(fold, 3), "logit")


def test_folds_somewhat_unlike_are_fitted_to_the_end():
    x, y, fold, found = unlike(0.25)
    for held_out in range(3):
        fit = fit_glm(x, y, np.ones(N), "logit", fold != held_out)
        shifted = np.column_stack([np.ones(N), x - Columns.of(x).shift])
        ours = expit(shifted @ found[held_out])
        np.testing.assert_allclose(ours, fit.predict(x), rtol=0, atol=SAME)


def test_folds_so_unlike_that_steps_do_not_arrive_are_left_to_the_slower_way():
    assert unlike(2.5)[-1] is None


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_many_rows_go_by_way_of_some_to_where_each_fold_alone_goes(share):
    """Long enough for rows here and there to say where to begin, and how short steps end."""
    n, rng = 150_000, np.random.default_rng(11)
    x = rng.normal(size=(n, 3))
    x[:, 1] += 3
    y = (rng.random(n) < expit(0.7 * x[:, 0] - 0.5 * x[:, 2] - 1)).astype(float)
    w = rng.uniform(0.5, 2, n) * (rng.random(n) < share)
    fold = rng.integers(3, size=n)
    columns = Columns.of(x)
    found = fit_without_each(columns, y, w, Folds(fold, 3), "logit")
    assert found is not None
    for held_out in range(3):
        fit = fit_glm(x, y, w, "logit", fold != held_out)
        ours = expit(columns.rows(slice(None)) @ found[held_out])
        np.testing.assert_allclose(ours, fit.predict(x), rtol=0, atol=SAME)

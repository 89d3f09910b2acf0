"""Learners by name: what each can learn, what stacking gives, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from causal.errors import OutcomeError, PositivityError, SpecError
from causal.estimators import (
    AIPW,
    TMLE,
    CausalForest,
    GComputation,
    InverseProbability,
    NuisanceStore,
    Overlap,
)
from causal.estimators.cross_fitting import cross_fitted
from causal.estimators.learner_members import Training
from causal.estimators.learners import (
    LIBRARY,
    NAMES,
    Learned,
    MemberName,
    learn,
    orient,
    stacking_weights,
)
from causal.estimators.nuisance import (
    CrossFitting,
    OutcomeModel,
    PropensityModel,
    folds_by_unit,
)

ROUNDING = 1e-9  # the same fit on columns scaled in another order
HALF = 0.5  # a learner that fits explains half of what can be explained, or more


def rows(curve, *, binary, n=600, seed=0, weighted=False):
    """Draw a response whose mean is a curve of the first of four columns."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    mean = curve(x[:, 0])
    if binary:
        y = (rng.random(n) < 1 / (1 + np.exp(-mean))).astype(float)
    else:
        y = mean + rng.normal(size=n)
    w = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    return Training(x, y, w, np.arange(n) % 5, binary, 1)


def explained(learner, curve, *, binary):
    """Give the share of the variance of the true means that predictions for new rows explain."""
    predict = learn(Learned(learner=learner), rows(curve, binary=binary))
    new = np.random.default_rng(9).normal(size=(500, 4))
    truth = curve(new[:, 0])
    truth = 1 / (1 + np.exp(-truth)) if binary else truth
    return 1 - np.mean((predict(new) - truth) ** 2) / truth.var()


@pytest.mark.parametrize("binary", [True, False], ids=["0/1", "continuous"])
@pytest.mark.parametrize("learner", NAMES)
def test_every_learner_finds_a_line(learner, binary):
    assert explained(learner, lambda x: 2 * x, binary=binary) > HALF


@pytest.mark.parametrize("binary", [True, False], ids=["0/1", "continuous"])
@pytest.mark.parametrize("learner", [one for one in NAMES if one not in ("glm", "lasso")])
def test_learners_of_curves_find_what_a_line_cannot(learner, binary):
    def hill(x):
        return 2 - 2 * x**2

    assert explained(learner, hill, binary=binary) > HALF
    assert explained("glm", hill, binary=binary) < 0.1


def test_a_lasso_leaves_out_what_is_noise():
    data = rows(lambda x: 0 * x, binary=True)
    predict = learn(Learned(learner="lasso"), data)
    assert np.ptp(predict(data.x)) < 0.02
    assert np.ptp(learn(Learned(), data)(data.x)) > 0.05


@pytest.mark.parametrize("learner", NAMES)
def test_weights_are_heard(learner):
    """Rows of weight next to nothing say next to nothing."""
    data = rows(lambda x: 2 * x, binary=True)
    half = np.arange(600) < 300
    spoilt = replace(data, y=np.where(half, data.y, 1 - data.y), w=np.where(half, 1.0, 1e-6))
    predict = learn(Learned(learner=learner), spoilt)
    assert np.corrcoef(predict(data.x), data.x[:, 0])[0, 1] > HALF


@pytest.mark.parametrize("learner", NAMES)
def test_units_and_direction_of_columns_change_nothing(learner):
    data = rows(lambda x: 2 * x, binary=True)
    factor, shift = np.array([-1e4, 0.01, 3.0, -1.0]), np.array([5e4, 0.0, -7.0, 1.0])
    moved = replace(data, x=data.x * factor + shift)
    first = learn(Learned(learner=learner), data)(data.x)
    second = learn(Learned(learner=learner), moved)(moved.x)
    np.testing.assert_allclose(second, first, atol=1e-5)  # solvers stop at a tolerance of 1e-7


def test_orientation_turns_the_longer_tail_to_the_right():
    x = np.random.default_rng(0).exponential(size=(200, 1))
    np.testing.assert_allclose(orient(-x)(-x), orient(x)(x), rtol=ROUNDING)


@pytest.mark.parametrize("learner", NAMES)
def test_without_columns_every_learner_gives_the_weighted_mean(learner):
    data = rows(lambda x: x, binary=True, weighted=True)
    predict = learn(Learned(learner=learner), replace(data, x=data.x[:, :0]))
    np.testing.assert_allclose(predict(np.empty((3, 0))), np.average(data.y, weights=data.w))


def test_stacking_weights_are_the_best_among_a_grid():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=400)
    y, w = truth + rng.normal(size=400), rng.uniform(0.5, 2, 400)
    predictions = np.column_stack(
        [truth + rng.normal(size=400), truth + 2 * rng.normal(size=400), -truth]
    )
    found = stacking_weights(predictions, y, w)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert found[2] == 0
    free = [np.array([c, d, 0.0]) for c in np.linspace(0, 1.5, 151) for d in np.linspace(0, 1, 101)]
    loss = [np.sum(w * (y - predictions @ one) ** 2) for one in free]
    best = free[int(np.argmin(loss))]
    np.testing.assert_allclose(found, best / best.sum(), atol=0.02)  # the grid's step over its sum


def test_predictors_that_all_point_the_wrong_way_are_weighed_alike():
    y = np.arange(1.0, 5.0)
    np.testing.assert_array_equal(stacking_weights(-y[:, None] * [1, 2], y, np.ones(4)), [0.5, 0.5])


def test_a_super_learner_goes_with_the_member_that_fits():
    """Where the truth is a line, it predicts as the line does; trees get next to nothing."""
    data = rows(lambda x: 2 * x, binary=False)
    model = Learned(learner="super_learner", library=("glm", "random_forest"))
    new = np.random.default_rng(9).normal(size=(500, 4))
    glm, both = (learn(one, data)(new) for one in (Learned(), model))
    assert np.corrcoef(glm, both)[0, 1] > 0.99


def test_rows_in_another_order_give_the_same_predictions(confounded):
    sample = confounded(clustered=True)
    order = np.random.default_rng(3).permutation(sample.n)
    shuffled = replace(
        sample,
        unit=sample.unit[order],
        y=sample.y[order],
        a=sample.a[order],
        x=sample.x[order],
        w=sample.w[order],
        cluster=sample.cluster[order],
    )
    model = {"learner": "random_forest"}
    first, second = (
        cross_fitted(
            one,
            PropensityModel(**model),
            OutcomeModel(**model),
            3,
            NuisanceStore(),
            np.random.default_rng(0),
        )
        for one in (sample, shuffled)
    )
    for straight, other in zip(first, second, strict=True):
        np.testing.assert_allclose(other, straight[order], rtol=ROUNDING)


@pytest.mark.parametrize("arms", ["pooled", "separate"])
def test_learners_never_see_the_person_they_predict(confounded, arms):
    """Changing the outcomes of one fold leaves the predictions for that fold as they were."""
    sample = confounded(clustered=True)
    estimator = AIPW(
        propensity=PropensityModel(learner="random_forest"),
        outcome=OutcomeModel(learner="random_forest", arms=arms),
        cross_fit={"folds": 3},
    )
    fold = folds_by_unit(sample.unit, 3, np.random.default_rng(0))
    changed = replace(sample, y=np.where(fold == 2, 1 - sample.y, sample.y))
    first, second = (
        estimator.predict(one, NuisanceStore(), np.random.default_rng(0))
        for one in (sample, changed)
    )
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert np.abs(first[1] - second[1])[fold != 2].max() > 0.01


def test_weights_are_those_of_the_propensities_the_estimate_used(confounded):
    sample, store = confounded(), NuisanceStore()
    estimator = AIPW(
        propensity=PropensityModel(learner="spline_glm"), cross_fit={"folds": 3, "repeats": 2}
    )
    estimator.fit(sample, store, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    drawn = [estimator.predict(sample, NuisanceStore(), rng)[0] for _ in range(2)]
    e = np.mean(drawn, axis=0)
    np.testing.assert_allclose(
        estimator.weights(sample, store), np.where(sample.a == 1, 1 / e, 1 / (1 - e))
    )


@pytest.mark.parametrize("kind", [AIPW, TMLE])
@pytest.mark.parametrize("part", ["propensity", "outcome"])
def test_a_learner_without_cross_fitting_is_refused(kind, part):
    with pytest.raises(ValidationError, match="predicted from their own outcomes"):
        kind(**{part: {"learner": "random_forest"}})


@pytest.mark.parametrize("kind", [InverseProbability, Overlap])
def test_estimators_whose_error_is_a_regressions_refuse_learners(kind):
    with pytest.raises(ValidationError, match="linear_dml or causal_forest with cross_fit"):
        kind(propensity={"learner": "lasso"})
    with pytest.raises(ValidationError, match="g_computation has a standard error for regressions"):
        GComputation(outcome={"learner": "lasso"})


def test_a_misspelt_learner_is_refused_with_the_choices():
    with pytest.raises(ValidationError, match="Did you mean 'random_forest'"):
        PropensityModel(learner="random_forrest")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learner": "lasso", "library": ["glm", "lasso"]}, "library is what a super_learner"),
        ({"learner": "super_learner", "library": ["glm"]}, "two or more"),
        ({"learner": "super_learner", "library": ["glm", "glm"]}, "each named once"),
        ({"allow_import": True}, "nothing to import"),
    ],
    ids=str,
)
def test_settings_that_nothing_uses_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        Learned(**settings)


@pytest.mark.parametrize("form", [{"link": "linear"}, {"interactions": ("x0",)}], ids=str)
def test_a_form_is_refused_where_a_learner_finds_its_own(form):
    with pytest.raises(ValidationError, match="arms: separate"):
        OutcomeModel(learner="lasso", **form)


def test_a_path_is_refused_unless_the_specification_allows_it():
    path = "sklearn.naive_bayes:GaussianNB"
    with pytest.raises(ValidationError, match="run code that this specification does not show"):
        Learned(learner=path)
    data = rows(lambda x: 2 * x, binary=True)
    predict = learn(Learned(learner=path, allow_import=True), data)
    assert np.corrcoef(predict(data.x), data.x[:, 0])[0, 1] > HALF


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_package_here:Learner", "cannot be made: No module named"),
        ("sklearn.naive_bayes:Gaussian", "cannot be made: module"),
        ("sklearn.linear_model:LinearRegression", "no scikit-learn estimator with predict_proba"),
        ("collections:OrderedDict", "no scikit-learn estimator with predict_proba"),
    ],
)
def test_a_path_that_gives_no_learner_is_refused(path, said):
    data = rows(lambda x: x, binary=True)
    with pytest.raises(SpecError, match=said):
        learn(Learned(learner=path, allow_import=True), data)


@pytest.mark.parametrize(
    ("path", "raises"),
    [
        ("sklearn.neighbors:KNeighborsClassifier", "TypeError in fit: .*sample_weight"),
        ("learners_of_a_user:unwilling", "RuntimeError in predict: not today"),
    ],
)
def test_what_a_learner_of_ones_own_raises_is_said_to_be_its_own(monkeypatch, path, raises):
    from sklearn.naive_bayes import GaussianNB

    class Unwilling(GaussianNB):
        def predict_proba(self, x):
            raise RuntimeError("not today")

    module = ModuleType("learners_of_a_user")
    module.unwilling = Unwilling
    monkeypatch.setitem(sys.modules, "learners_of_a_user", module)
    data = rows(lambda x: 2 * x, binary=True)
    uneven = replace(data, w=np.linspace(1, 2, len(data.y)))
    with pytest.raises(SpecError, match=f"learner '{path}' raised {raises}"):
        learn(Learned(learner=path, allow_import=True), uneven)(data.x)


def test_a_learner_of_ones_own_without_weights_is_taken_where_weights_are_equal():
    data = rows(lambda x: 2 * x, binary=True)
    path = "sklearn.neighbors:KNeighborsClassifier"
    found = [
        learn(Learned(learner=path, allow_import=True), replace(data, w=w * data.w))(data.x)
        for w in (1.0, 3.0)
    ]
    np.testing.assert_array_equal(*found)
    assert np.corrcoef(found[0], data.x[:, 0])[0, 1] > HALF


def test_a_learner_of_ones_own_is_seeded(monkeypatch):
    from sklearn.ensemble import ExtraTreesClassifier

    module = ModuleType("learners_of_a_user")
    module.trees = lambda: ExtraTreesClassifier(n_estimators=5)
    monkeypatch.setitem(sys.modules, "learners_of_a_user", module)
    data = rows(lambda x: 2 * x, binary=True)
    model = Learned(learner="learners_of_a_user:trees", allow_import=True)
    first, second, other = (
        learn(model, one)(data.x + 0.1) for one in (data, data, replace(data, seed=2))
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0


def test_too_few_of_one_kind_are_refused():
    data = rows(lambda x: x, binary=True)
    few = replace(data, y=(np.arange(600) == 3).astype(float))
    with pytest.raises(OutcomeError, match="1 of them 1: too few of one kind for 'lasso'"):
        learn(Learned(learner="lasso"), few)


def test_certain_propensities_are_refused_unless_clipped(confounded):
    """Leaves of a forest in which everybody is exposed give a propensity of 1."""
    sample = confounded(strength=6.0)
    forest = {"propensity": {"learner": "random_forest"}, "cross_fit": {"folds": 3}}
    with pytest.raises(PositivityError, match=r"predicted to be 0 or 1.*Set clip"):
        AIPW(**forest).fit(sample, NuisanceStore(), np.random.default_rng(0))
    clipped = AIPW(clip=(0.02, 0.98), **forest)
    found = clipped.fit(sample, NuisanceStore(), np.random.default_rng(0))
    assert np.isfinite(found.values).all()


def test_defaults_are_the_regressions_of_before():
    assert not PropensityModel().learns
    assert not OutcomeModel().learns
    assert AIPW().model_dump(exclude_defaults=True) == {}
    assert set(LIBRARY) <= set(get_args(MemberName))
    assert CausalForest().propensity.learns


@pytest.mark.parametrize("learner", ["gradient_boosting", "random_forest", "lasso"])
def test_the_last_digit_of_a_column_changes_nothing(confounded, learner):
    """Logarithms end in other digits on other processors, and within one array."""
    sample = confounded(n=400, seed=1)
    x = sample.x.copy()
    x[:, 0] = np.log1p(np.rint(np.exp(1 + x[:, 0])))
    other = x.copy()
    some = np.random.default_rng(9).random(sample.n) < 0.1
    other[some, 0] = np.nextafter(x[some, 0], np.inf)
    estimator = AIPW(
        propensity=PropensityModel(learner=learner),
        outcome=OutcomeModel(learner=learner),
        cross_fit=CrossFitting(folds=2),
    )
    here, there = (
        estimator.fit(replace(sample, x=one), NuisanceStore(), np.random.default_rng(0)).values
        for one in (x, other)
    )
    np.testing.assert_allclose(there, here, rtol=ROUNDING)

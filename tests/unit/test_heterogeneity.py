"""The DR-learner: EconML's projection of the scores, honest groups, medians over divisions."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from causal import heterogeneity, inference
from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.estimators.cross_fitting import SEEDS
from causal.estimators.learners import Learned
from causal.estimators.nuisance import OutcomeModel, PropensityModel, folds_by_unit
from causal.heterogeneity import _median, explore, project, small_groups, sorted_groups
from causal.heterogeneity_findings import Exploration, GroupFinding, Slope
from causal.seeding import generator

PARITY = 1e-6  # EconML's logistic regression stops earlier than ours
EXACT = 1e-9
SEED = 4


def exploration(**changes) -> Exploration:
    found = Exploration(
        terms=("x0", "x1", "x2"),
        modifiers=(("x0", ("x0",)), ("x2", ("x2",))),
        propensity=PropensityModel(),
        outcome=OutcomeModel(link="linear"),
        clip=(0.0, 1.0),
        groups=4,
        folds=4,
        divisions=3,
        learner=Learned(),
        stream=("rung", "0"),
    )
    return replace(found, **changes)


def rearranged(sample: Sample, rows: np.ndarray) -> Sample:
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def test_the_projection_is_that_of_econmls_linear_dr_learner(confounded):
    """The same folds, regressions and clipping; HC1 errors."""
    from econml.dr import LinearDRLearner

    sample = confounded(n=800, outcome="continuous")
    division = int(generator(SEED, "heterogeneity", "rung", "0").integers(SEEDS))
    fold = folds_by_unit(sample.unit, 4, np.random.default_rng(division))
    peer = LinearDRLearner(
        model_propensity=LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000),
        model_regression=LinearRegression(),
        min_propensity=1e-9,
        cv=[(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)],
        random_state=0,
    )
    modifiers, others = sample.x[:, [0, 2]], sample.x[:, [1]]
    peer.fit(sample.y, sample.a, X=modifiers, W=others, inference="auto")
    found = explore(sample, exploration(), SEED)
    slopes = [slope for one in found.modifiers for _, slope in one.slopes]
    np.testing.assert_allclose([s.value for s in slopes], peer.coef_(T=1), rtol=PARITY)
    errors = peer.coef__inference(T=1).stderr
    np.testing.assert_allclose([s.std_error for s in slopes], errors, rtol=PARITY)
    assert found.average.value == pytest.approx(peer.ate(modifiers), rel=PARITY)


def test_groups_are_equal_and_by_predicted_effect(confounded):
    sample = confounded(n=402)
    predicted = np.round(sample.x[:, 0], 1)  # many ties
    group = sorted_groups(predicted, 5, sample, 1)
    assert sorted(np.bincount(group).tolist()) == [80, 80, 80, 81, 81]
    for low in range(4):
        assert predicted[group == low].max() <= predicted[group == low + 1].min()
    assert (sorted_groups(predicted, 5, sample, 2) != group).any()  # ties are broken by chance


@pytest.mark.parametrize("population", [{}, {"clustered": True, "weighted": True}], ids=str)
@pytest.mark.parametrize("learner", ["glm", "gradient_boosting"])
def test_the_order_of_rows_changes_nothing(confounded, population, learner):
    sample = confounded(**population)
    one = exploration(learner=Learned(learner=learner), folds=2)
    order = np.random.default_rng(3).permutation(sample.n)
    straight, shuffled = (explore(s, one, SEED) for s in (sample, rearranged(sample, order)))
    assert straight.calibration.value == pytest.approx(shuffled.calibration.value, rel=1e-6)
    for first, second in zip(straight.groups, shuffled.groups, strict=True):
        assert first.rows == second.rows
        assert first.effect.value == pytest.approx(second.effect.value, rel=1e-6)
        assert first.effect.lo == pytest.approx(second.effect.lo, rel=1e-6, abs=1e-9)


def test_clusters_count_persons_and_not_rows(confounded):
    """Every row twice, as a cluster of its own: errors are those of the single rows."""
    sample = confounded(n=300)
    score = sample.y - 0.5 + sample.a
    once = project(sample.x[:, [0, 2]], score, sample, exploration())
    rows = np.repeat(np.arange(sample.n), 2)
    doubled = replace(rearranged(sample, rows), cluster=rows)
    twice = project(doubled.x[:, [0, 2]], score[rows], doubled, exploration())
    for first, second in zip(once, twice, strict=True):
        (_, one), (_, two) = first.slopes[0], second.slopes[0]
        assert two.value == pytest.approx(one.value, rel=EXACT)
        assert two.std_error == pytest.approx(one.std_error, rel=0.01)  # small-sample factors


def test_medians_allow_for_the_choice_of_a_division():
    found = _median([Slope(0.1, 0.1), Slope(0.3, 0.1), Slope(0.8, 0.2)])
    assert found.value == 0.3
    half = inference.critical_value(0.975) * 0.1
    assert (found.lo, found.hi) == pytest.approx((0.3 - half, 0.3 + half))
    assert found.p_value == pytest.approx(2 * inference.two_sided_p(3.0))
    assert found.split_sd == pytest.approx(np.std([0.1, 0.3, 0.8], ddof=1))
    assert _median([Slope(0.0, 1.0)]).p_value == 1.0


def test_what_is_not_known_to_a_learner_is_not_grouped_by(confounded, monkeypatch):
    monkeypatch.setattr(heterogeneity, "learn", lambda model, rows: lambda v: np.full(len(v), 0.2))
    found = explore(confounded(), exploration(), SEED)
    for one in (found.groups, found.spread, found.calibration, found.groups_p):
        assert one == NotEstimable("the effects predicted are all the same")
    assert not isinstance(found.modifiers, NotEstimable)


def test_what_cannot_be_projected_is_said(confounded):
    sample = confounded()
    twice = exploration(modifiers=(("x0", ("x0",)), ("again", ("x0",))))
    found = explore(sample, twice, SEED)
    assert "determine one another" in found.modifiers.reason
    lost = replace(sample, y=np.where(np.arange(sample.n) < 5, np.nan, sample.y))
    assert "have no outcome" in explore(lost, exploration(), SEED).reason
    x = sample.x.copy()
    x[:, 2] = sample.a
    assert "determine the exposure" in explore(replace(sample, x=x), exploration(), SEED).reason


def test_clipped_propensities_are_counted(confounded):
    sample = confounded(strength=2.5)
    found = explore(sample, exploration(clip=(0.1, 0.9)), SEED)
    assert 0 < found.clipped < sample.n
    assert explore(sample, exploration(), SEED).clipped == 0


def test_groups_with_a_small_arm_are_found():
    effect = _median([Slope(0.0, 1.0)])
    groups = [
        GroupFinding(rows=30, smallest_arm=arm, predicted=0.0, effect=effect, means=())
        for arm in (15, 4, 5)
    ]
    assert small_groups(groups, 5).tolist() == [False, True, False]

"""Rungs on their shared sample: same rows, own streams, judged, and errors with a place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.clock import Clock
from causal.errors import CausalError, Place
from causal.estimators import (
    AIPW,
    TMLE,
    CovariateBalancingPropensity,
    EntropyBalancing,
    GComputation,
    InverseProbability,
    KaplanMeier,
    LinearProbability,
    MeanDifference,
    NuisanceStore,
    Overlap,
    PropensityRegression,
    StableBalancing,
    Subclassification,
    WeightedKaplanMeier,
)
from causal.estimators.nuisance import CrossFitting, ObservationModel
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.seeding import generator

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
PLACE = Place("plan.yaml", 12, "ladder[1]")
EVERY = ("x0", "x1", "x2")


def task(name, estimator, terms=EVERY):
    return RungTask(name, estimator, terms, PLACE)


LADDER = (
    task("crude", MeanDifference(), ()),
    task("severity", GComputation(), ("x0",)),
    task("ipw", InverseProbability()),
    task("crossed", AIPW(cross_fit=CrossFitting(folds=3))),
)


def test_each_rung_is_the_estimator_on_its_terms(confounded):
    sample = confounded()
    crude, severity, *_ = fit_rungs(sample, LADDER, LIMITS, 1)
    alone = GComputation().fit(sample.with_terms(("x0",)), NuisanceStore(), np.random.default_rng())
    np.testing.assert_array_equal(severity.estimates.influence, alone.influence)
    assert severity.terms == ("x0",)
    assert crude.terms == ()


def test_the_number_of_processes_changes_no_number(confounded):
    sample = confounded()
    one, two = (fit_rungs(sample, LADDER, LIMITS, 1, jobs=jobs) for jobs in (1, 2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first.estimates.influence, second.estimates.influence)
        assert first.diagnostics == second.diagnostics


def test_removing_a_rung_changes_no_other(confounded):
    sample = confounded()
    whole, part = fit_rungs(sample, LADDER, LIMITS, 1), fit_rungs(sample, LADDER[2:], LIMITS, 1)
    np.testing.assert_array_equal(whole[3].estimates.values, part[1].estimates.values)


def test_the_seed_and_the_name_move_cross_fitting_only(confounded):
    sample = confounded()
    one, other = (fit_rungs(sample, LADDER, LIMITS, seed) for seed in (1, 2))
    np.testing.assert_array_equal(one[2].estimates.values, other[2].estimates.values)
    assert one[3].estimates.values[0] != other[3].estimates.values[0]
    renamed = fit_rungs(sample, (replace(LADDER[3], name="again"),), LIMITS, 1)[0]
    assert renamed.estimates.values[0] != one[3].estimates.values[0]


def test_rungs_without_weights_have_no_weights_judged(confounded):
    crude, severity = fit_rungs(confounded(), LADDER[:2], LIMITS, 1)
    assert (crude.diagnostics, crude.crude_smd, crude.propensity_counts) == ((), None, None)
    assert ([one.name for one in severity.diagnostics], severity.crude_smd) == (
        ["common_support"],
        None,
    )


@pytest.mark.parametrize(
    "estimator", [InverseProbability(), Overlap(), AIPW()], ids=lambda one: one.kind
)
def test_weighting_improves_balance_and_is_judged(confounded, estimator):
    sample = confounded(n=4000)
    (rung,) = fit_rungs(sample, (task("weighted", estimator),), LIMITS, 1)
    assert np.abs(rung.weighted_smd).max() < 0.25 * np.abs(rung.crude_smd).max()
    verdicts = {one.name: one.verdict for one in rung.diagnostics}
    assert verdicts["smd"] == "PASS"
    assert verdicts["effective_sample_size"] == "PASS"
    assert [sum(counts) for counts in rung.propensity_counts] == [
        int((sample.a == arm).sum()) for arm in (0, 1)
    ]


@pytest.mark.parametrize(
    "estimator", [EntropyBalancing(), StableBalancing()], ids=lambda one: one.kind
)
def test_weights_without_a_propensity_are_judged_too(confounded, estimator):
    (rung,) = fit_rungs(confounded(), (task("balanced", estimator),), LIMITS, 1)
    found = {one.name: one for one in rung.diagnostics}
    assert found["smd"].verdict == "PASS"
    assert found["effective_sample_size"].verdict == "PASS"
    assert "propensity_min" not in found
    assert rung.propensity_counts is None


def test_propensities_chosen_by_balance_are_those_described(confounded):
    sample, ours = confounded(), CovariateBalancingPropensity()
    (rung,) = fit_rungs(sample, (task("cbps", ours),), LIMITS, 1)
    found = {one.name: one for one in rung.diagnostics}
    assert found["smd"].reason == "means are balanced exactly"
    assert found["propensity_max"].value == ours.propensities(sample, NuisanceStore()).max()


def test_a_gate_fails_where_overlap_is_poor(confounded):
    sample = confounded(strength=3.0)
    (rung,) = fit_rungs(sample, (task("weighted", InverseProbability()),), LIMITS, 1)
    verdicts = {one.name: one.verdict for one in rung.diagnostics}
    assert verdicts["effective_sample_size"] == "FAIL"


def test_clipped_and_trimmed_rows_are_counted(confounded):
    sample = confounded()
    e = NuisanceStore().propensity(sample, InverseProbability().propensity).fitted
    estimator = InverseProbability(clip=(0.3, 0.7), trim=0.1)
    (rung,) = fit_rungs(sample, (task("limited", estimator),), LIMITS, 1)
    counts = {one.name: one.value for one in rung.diagnostics}
    assert counts["clipped"] == ((e < 0.3) | (e > 0.7)).sum() > 0
    assert counts["trimmed"] == ((e < 0.1) | (e > 0.9)).sum() > 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_is_given_the_place_of_its_rung(confounded, jobs):
    base = confounded()
    sample = replace(base, a=(base.x[:, 0] > 0).astype(float))
    tasks = (LADDER[0], task("ipw", InverseProbability()))
    with pytest.raises(CausalError, match=r"plan.yaml:12: ladder\[1\]: perfect separation"):
        fit_rungs(sample, tasks, LIMITS, 1, jobs=jobs)


def test_a_dose_is_fitted_by_linear_probability(confounded):
    base = confounded(outcome="continuous")
    sample = replace(base, a=base.x[:, 0] + 1.5 * base.a, exposure_kind="dose")
    (rung,) = fit_rungs(sample, (task("dose", LinearProbability()),), LIMITS, 1)
    assert rung.estimates.labels == ("difference",)


def test_rows_bounded_before_targeting_are_counted_beside_those_clipped(confounded):
    targeted = task("tmle", TMLE(bound=0.09, clip=(0.2, 0.8)))
    _, fitted = fit_rungs(confounded(), (LADDER[0], targeted), LIMITS, 1)
    counted = {one.name: one.value for one in fitted.diagnostics}
    assert counted["bounded"] == fitted.estimates.bounded
    assert counted["bounded"] > 0
    assert counted["clipped"] > 0


def test_overlap_is_that_of_the_learned_propensities(confounded):
    """A forest that knows the exposure of nobody it predicts spreads less than one that does."""
    learned = AIPW(
        propensity={"learner": "random_forest"}, clip=(0.01, 0.99), cross_fit=CrossFitting(folds=3)
    )
    sample = confounded()
    _, fitted = fit_rungs(sample, (LADDER[0], task("forest", learned)), LIMITS, 1)
    store = NuisanceStore()
    learned.fit(sample, store, generator(1, "rung", "forest"))
    found = {one.name: one.value for one in fitted.diagnostics}
    assert found["propensity_max"] == learned.propensities(sample, store).max()
    assert found["propensity_max"] != AIPW().propensities(sample, store).max()


def with_lost(sample):
    """Lose the outcome of every fourth row, the last cluster's of all its rows."""
    lost = np.arange(sample.n) % 4 == 0
    if sample.cluster is not None:
        lost |= sample.cluster == sample.cluster.max()
    return replace(sample, y=np.where(lost, np.nan, sample.y)), int((~lost).sum())


@pytest.mark.parametrize(
    "estimator",
    [MeanDifference(), LinearProbability(), PropensityRegression(), Subclassification()],
    ids=lambda one: one.kind,
)
def test_rows_without_outcome_are_not_counted_where_they_are_left_out(confounded, estimator):
    sample, known = with_lost(confounded(clustered=True))
    tasks = (LADDER[0], task("rung", estimator, EVERY if estimator.adjusts else ()))
    crude, rung = fit_rungs(sample, tasks, LIMITS, 1)
    assert crude.n == rung.n == known < sample.n
    assert rung.n_clusters == len(np.unique(sample.cluster[sample.observed])) < sample.n_clusters


def test_rows_without_outcome_are_counted_where_they_are_predicted_or_weighed_for(confounded):
    sample, _ = with_lost(confounded())
    weighed = InverseProbability(observation=ObservationModel(terms=("x0",)))
    tasks = (task("predicted", GComputation()), task("weighed", weighed))
    assert [rung.n for rung in fit_rungs(sample, tasks, LIMITS, 1)] == [sample.n, sample.n]


def test_persons_without_a_time_are_not_counted_in_the_crude_curve(confounded):
    base, rng = confounded(), np.random.default_rng(3)
    sample, known = with_lost(
        replace(
            base,
            y=rng.integers(1, 200, base.n).astype(float),
            outcome_kind="survival",
            event=rng.integers(0, 2, base.n),
            clock=Clock((80.0, 160.0), 160.0, 80.0, "days", "use"),
        )
    )
    weighed = WeightedKaplanMeier(observation=ObservationModel(terms=("x0",)))
    tasks = (task("crude", KaplanMeier(), ()), task("weighed", weighed))
    assert [rung.n for rung in fit_rungs(sample, tasks, LIMITS, 1)] == [known, sample.n]


def test_a_mean_without_spread_is_refused_at_its_rung(confounded):
    """Its standard error would be 0, and that of the difference too small."""
    base = confounded()
    sample = replace(base, y=np.where(base.a == 1, 1.0, base.y))
    for estimator in (MeanDifference(), InverseProbability(), Overlap()):
        tasks = (task("rung", estimator, EVERY if estimator.adjusts else ()),)
        with pytest.raises(CausalError, match="everybody with exposure 1 has the same") as caught:
            fit_rungs(sample, tasks, LIMITS, 1)
        assert caught.value.place == PLACE

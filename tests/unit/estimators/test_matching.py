"""Matching: hand-made examples, whom it leaves out and says so, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import Sample
from causal.errors import Place, PositivityError
from causal.estimate import pool
from causal.estimators import (
    AnyEstimator,
    GComputation,
    Matching,
    MeanDifference,
    NuisanceStore,
    Subclassification,
)
from causal.estimators.cross_fitting import canonical_order
from causal.estimators.weighted_bootstrap import draw_weighted
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.ladder import attenuate
from causal.refuters import Auxiliary, Bootstrap
from causal.subject import Subject

EXACT = 1e-9  # sums in another order
REFITTED = 1e-6  # iterative fits of transformed data stop at slightly different points
LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)


def small(x, a, y, **changes):
    """Make a sample of a few rows with one covariate."""
    a, y = np.array(a, dtype=float), np.array(y, dtype=float)
    sample = Sample(
        unit=np.arange(len(a)),
        y=y,
        a=a,
        x=np.array(x, dtype=float)[:, None],
        terms=("x0",),
        concepts=("severity",),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(len(a)),
    )
    return replace(sample, **changes)


SIX = small([0, 0, 0, 1, 1, 1], [1, 0, 0, 1, 1, 0], [3, 1, 2, 5, 6, 2])


def values(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0)).values


def difference(estimator, sample):
    effect = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0)).effect(
        "mean_difference"
    )
    return np.array([effect.estimate, effect.std_error])


@pytest.mark.parametrize(
    ("target", "means"),
    [
        ("ATT", ((1.5 + 2 + 2) / 3, (3 + 5 + 6) / 3)),
        ("ATC", ((1 + 2 + 2) / 3, (3 + 3 + 5.5) / 3)),
        ("ATE", ((1.5 + 1 + 2 + 2 + 2 + 2) / 6, (3 + 3 + 3 + 5 + 6 + 5.5) / 6)),
    ],
)
@pytest.mark.parametrize("distance", ["propensity", "mahalanobis"])
def test_six_rows_by_hand(target, means, distance):
    found = values(Matching(target=target, distance=distance), SIX)
    assert found == pytest.approx(means, rel=EXACT)


def test_influence_of_six_rows_by_hand():
    # too few for a slope: the mean of the matches stands for the regression, and each of the
    # three exposed counts a third; matches were given 1/2, 1/2 and 2
    found = Matching(propensity={"terms": ()}).fit(SIX, NuisanceStore(), None)
    assert found.values == pytest.approx([5 / 3, 14 / 3], rel=EXACT)  # all are tied
    exposed = np.array([3 - 14 / 3, 0, 0, 5 - 14 / 3, 6 - 14 / 3, 0]) * 6 / 3
    np.testing.assert_allclose(found.influence[:, 1], exposed, atol=EXACT)
    leave_one_out = np.array([0, 1 - 5 / 3, 2 - 5 / 3, 0, 0, 2 - 5 / 3]) / (1 - 1 / 3)
    np.testing.assert_allclose(found.influence[:, 0], leave_one_out * 6 / 3, atol=EXACT)


def test_pairs_of_seven_rows_by_hand():
    sample = small([0, 1, 2, 4, 5, 6, -3], [0, 1, 0, 0, 1, 0, 0], [1, 4, 2, 8, 9, 5, 7])
    # the row at 5 has 4 and 6 equally near, that at 1 has 0 and 2: the lower person number is taken
    estimator = Matching(replacement=False)
    exposed, unexposed = estimator.find_pairs(sample, NuisanceStore())
    assert list(zip(exposed.tolist(), unexposed.tolist(), strict=True)) == [(4, 3), (1, 0)]
    assert values(estimator, sample) == pytest.approx([(1 + 8) / 2, (4 + 9) / 2])
    turned = replace(sample, unit=sample.unit[::-1].copy())
    exposed, unexposed = estimator.find_pairs(turned, NuisanceStore())
    assert list(zip(exposed.tolist(), unexposed.tolist(), strict=True)) == [(4, 5), (1, 2)]


def test_weights_give_back_both_means(confounded):
    sample = confounded(weighted=True)
    for estimator in (Matching(ratio=2), Matching(target="ATE"), Subclassification()):
        weights = estimator.weights(sample, NuisanceStore()) * sample.w
        found = values(estimator, sample)
        for arm in (0, 1):
            here = sample.a == arm
            mean = np.average(sample.y[here], weights=weights[here])
            assert mean == pytest.approx(found[arm], rel=EXACT)


@pytest.mark.parametrize("settings", [{}, {"replacement": False, "caliper": 0.3}], ids=str)
def test_the_unexposed_are_the_exposed_of_the_exchanged_arms(confounded, settings):
    sample = confounded()
    sample = sample.rows((sample.a == 1) | (np.arange(sample.n) % 2 == 0))  # fewer unexposed
    turned = replace(sample, a=1 - sample.a)
    one = difference(Matching(target="ATC", **settings), sample)
    other = difference(Matching(target="ATT", **settings), turned)
    np.testing.assert_allclose(other, one * [-1, 1], rtol=REFITTED)


def test_matched_on_all_there_is_few_values_of_are_strata(confounded):
    sample = confounded(n=600).with_terms(("x2",))
    expected = GComputation(outcome={"arms": "separate", "link": "linear"})
    for target in ("ATE", "ATT"):
        np.testing.assert_allclose(
            values(Matching(target=target), sample),
            values(expected.model_copy(update={"target": target}), sample),
            rtol=REFITTED,
        )


def test_adjusting_for_nothing_is_the_crude_difference(confounded):
    sample = confounded(weighted=True).with_terms(())
    for estimator in (Matching(), Matching(target="ATE")):
        assert values(estimator, sample) == pytest.approx(values(MeanDifference(), sample))


def test_rows_outside_the_caliper_are_counted_named_and_have_no_influence(confounded):
    sample = confounded(strength=2.5)
    estimator = Matching(caliper=0.05)
    found = estimator.fit(sample, NuisanceStore(), None)
    left_out = (sample.a == 1) & ~estimator.find_sets(sample, NuisanceStore()).matched
    exposed, kept = int(sample.a.sum()), int(sample.a.sum() - left_out.sum())
    assert 0 < left_out.sum() < exposed
    assert found.target_note == (
        f"among the {kept} of {exposed} exposed rows that have a match (caliper)"
    )
    assert (found.influence[left_out, 1] == 0).all()
    assert (estimator.weights(sample, NuisanceStore())[left_out] == 0).all()
    crude = MeanDifference().fit(sample, NuisanceStore(), None)
    assert attenuate(crude, found, "risk_difference").mixed_targets
    whole = Matching().fit(sample, NuisanceStore(), None)
    assert whole.target_note == ""
    assert not attenuate(crude, whole, "risk_difference").mixed_targets


def test_the_report_counts_rows_not_used(confounded):
    sample = confounded(n=1000)
    task = RungTask("m", Matching(replacement=False, caliper=0.1), sample.terms, Place(), ())
    crude = RungTask("crude", MeanDifference(), (), Place(), ())
    rung = fit_rungs(sample, (crude, task), LIMITS, 1)[1]
    counts = {one.name: one.value for one in rung.diagnostics}
    pairs = int(rung.estimates.target_note.split()[2])
    assert counts["unused_exposed"] == sample.a.sum() - pairs > 0
    assert counts["unused_unexposed"] == (sample.a == 0).sum() - pairs
    assert np.abs(rung.weighted_smd).max() < 0.5 * np.abs(rung.crude_smd).max()


def test_matches_agree_in_exact_terms(confounded):
    sample = confounded()
    for settings in ({}, {"replacement": False, "caliper": 0.5}):
        estimator = Matching(exact=("x2",), **settings)
        sets = estimator.find_sets(sample, NuisanceStore())
        coin = sample.x[:, 2]
        matched = sets.matched & (sample.a == 1)
        np.testing.assert_array_equal(sets.impute(coin, sample.w)[matched], coin[matched])


def test_an_exact_term_without_the_other_arm_leaves_its_rows_out(confounded):
    sample = confounded()
    lone = np.where(sample.a == 1, sample.x[:, 2] + 1, 1.0)  # nobody unexposed has the value 2
    sample = replace(sample, x=np.column_stack([sample.x[:, :2], lone]))
    only = {"terms": ("x0", "x1")}
    found = Matching(exact=("x2",), propensity=only).fit(sample, NuisanceStore(), None)
    kept = int(((sample.a == 1) & (lone == 1)).sum())
    assert f"among the {kept} of" in found.target_note
    assert "(exact terms)" in found.target_note


def test_nobody_matched_is_refused_with_what_stands_in_the_way(confounded):
    sample = confounded()
    with pytest.raises(PositivityError, match=r"caliper of 1e-12 SD leaves none of the \d+ exp"):
        Matching(caliper=1e-12).fit(sample, NuisanceStore(), None)
    with pytest.raises(PositivityError, match=r"with a match\. Widen the caliper\.$"):
        Matching(caliper=1e-12).fit(sample, NuisanceStore(), None)
    told = replace(sample, x=np.column_stack([sample.x[:, :2], sample.a]))
    only = {"terms": ("x0", "x1")}
    with pytest.raises(PositivityError, match=r"in x2 leaves none.*\. Take exact terms away\.$"):
        Matching(exact=("x2",), propensity=only).fit(told, NuisanceStore(), None)
    with pytest.raises(PositivityError, match=r"\. Widen the caliper, or take exact terms away\.$"):
        Matching(exact=("x2",), caliper=1, propensity=only).fit(told, NuisanceStore(), None)


def test_too_few_to_go_round_without_replacement_are_refused(confounded):
    sample = confounded()
    with pytest.raises(
        PositivityError, match=r"need 516 matches without replacement, and there are 228.*ratio"
    ):
        Matching(replacement=False, ratio=3).fit(sample, NuisanceStore(), None)


def test_an_exact_term_that_is_not_there_is_refused_with_the_choices(confounded):
    with pytest.raises(ValueError, match="no term 'x9'"):
        Matching(exact=("x9",)).find_sets(confounded().with_terms(("x0",)), NuisanceStore())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "optimal"}, "set replacement to false"),
        ({"target": "ATE", "replacement": False}, "rows run out"),
        ({"error": "abadie_imbens", "replacement": False}, "use abadie_spiess"),
        ({"error": "abadie_spiess"}, "without replacement"),
        ({"error": "abadie_imbens", "variance": {"kind": "HC1"}}, "use HC0"),
        ({"ratio": 0}, "ratio"),
        ({"caliper": 0}, "caliper"),
        ({"distance": "euclid"}, "distance"),
        ({"target": "ATO"}, "target"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnyEstimator).validate_python({"kind": "matching", **wrong})


def test_a_bootstrap_of_persons_is_declined_and_one_of_influence_values_is_not(confounded):
    sample = confounded()
    fit = Matching().fit(sample, NuisanceStore(), None)
    subject = Subject("matched", Matching(), sample, fit, fit, sample, "risk_difference")
    refitted, weighed = (
        Bootstrap(draws=200, method=method).refute(subject, np.random.default_rng(1), Auxiliary())
        for method in ("refit", "multiplier")
    )
    assert refitted.verdict == "NOT_EVALUATED"
    assert "not valid for matching" in refitted.reason
    assert weighed.verdict == "PASS"


# --- the weighted bootstrap


def test_draws_are_those_of_a_wild_bootstrap_written_out(confounded):
    """Mammen's two points on each row's linear term, in an order of their own."""
    sample = confounded(n=120)
    plain, drawn = (
        Matching(draws=draws).fit(sample, NuisanceStore(), np.random.default_rng(3))
        for draws in (None, 400)
    )
    terms = (plain.influence[:, 1] - plain.influence[:, 0])[canonical_order(sample)] / sample.n
    rng = np.random.default_rng(3)
    root = math.sqrt(5)
    signs = rng.random((400, sample.n)) < (root + 1) / (2 * root)
    moves = np.where(signs, (1 - root) / 2, (1 + root) / 2) @ terms
    effect = drawn.effect("risk_difference")
    assert effect.std_error == pytest.approx(np.std(moves, ddof=1), rel=1e-9)
    low, high = np.quantile(moves, [0.025, 0.975])
    assert drawn.region.pieces[0] == pytest.approx((effect.estimate - high, effect.estimate - low))
    assert drawn.region_note == "quantiles of 400 weighted draws"
    np.testing.assert_array_equal(drawn.influence, plain.influence)


def test_mammens_weights_have_mean_zero_and_second_and_third_moment_one():
    found = draw_weighted(np.ones((1, 1)), 200_000, np.random.default_rng(1)).moves[:, 0]
    error = 5 / math.sqrt(len(found))
    assert [float(np.mean(found**k)) for k in (1, 2, 3)] == pytest.approx([0, 1, 1], abs=4 * error)


def test_draws_of_clusters_keep_persons_together(confounded):
    """Every row twice: rows drawn apart know half of the variance."""
    once = confounded(n=300)
    rows = np.repeat(np.arange(once.n), 2)
    twice = replace(once.rows(rows), unit=rows, cluster=rows)
    together, apart = (
        Matching(draws=4_000, variance={"clustered": clustered})
        .fit(twice, NuisanceStore(), np.random.default_rng(3))
        .effect("risk_difference")
        for clustered in (True, False)
    )
    assert together.std_error / apart.std_error == pytest.approx(math.sqrt(2), rel=0.05)


def test_draws_and_neighbours_agree_where_rows_are_many(confounded):
    sample = confounded(n=4_000, outcome="continuous")
    drawn, neighbours = (
        one.fit(sample, NuisanceStore(), np.random.default_rng(3)).effect("mean_difference")
        for one in (Matching(draws=4_000), Matching(error="abadie_imbens"))
    )
    assert drawn.std_error == pytest.approx(neighbours.std_error, rel=0.08)


def test_errors_from_neighbours_draw_nothing():
    with pytest.raises(ValidationError, match="abadie_imbens draws nothing"):
        Matching(error="abadie_imbens", draws=500)


def test_a_set_of_draws_is_not_that_of_several_imputations(confounded):
    fits = [
        Matching(draws=200).fit(confounded(seed=seed), NuisanceStore(), np.random.default_rng(3))
        for seed in (1, 2, 3)
    ]
    pooled = pool(fits)
    assert pooled.region is None
    assert pooled.region_note == ""

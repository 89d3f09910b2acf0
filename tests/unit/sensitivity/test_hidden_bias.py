"""Hodges-Lehmann bounds by all Walsh averages, and Fisher's table by all assignments."""

from dataclasses import replace
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.estimators import GComputation, MeanDifference, NuisanceStore
from causal.sensitivity import AnySensitivity, Rosenbaum
from causal.sensitivity.hidden_bias import critical_table_gamma, hodges_lehmann, table_p
from causal.sensitivity.signed_rank import rank_scores
from causal.subject import Subject

EXACT = 1e-9  # the same sums in another order


def walsh(differences):
    """Give all averages of two pairs, and of each with itself."""
    one, other = np.triu_indices(len(differences))
    return np.sort((differences[one] + differences[other]) / 2)


def finding(sample, estimator=None, scale="risk_difference", **settings):
    estimator = estimator or MeanDifference()
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, scale)
    return Rosenbaum(**settings).analyse(subject, np.random.default_rng(0))


@pytest.mark.parametrize("number", [5, 6, 40])
@pytest.mark.parametrize("rounded", [False, True])
def test_estimate_without_hidden_bias_is_the_median_of_the_walsh_averages(number, rounded):
    differences = np.random.default_rng(number).normal(1, 3, number)
    differences = np.round(differences) if rounded else differences
    lower, upper = hodges_lehmann(differences, 1.0)
    assert lower == pytest.approx(np.median(walsh(differences)), abs=EXACT)
    assert upper == pytest.approx(lower, abs=EXACT)


@pytest.mark.parametrize("gamma", [1.5, 2.0, 6.0])
def test_signed_rank_at_either_bound_is_what_bias_lets_it_be_expected_to_be(gamma):
    differences = np.random.default_rng(2).normal(1, 3, 31)
    lower, upper = hodges_lehmann(differences, gamma)
    assert lower < np.median(walsh(differences)) < upper
    everything = 31 * 32 / 2
    for shift, share in ((lower, gamma / (1 + gamma)), (upper, 1 / (1 + gamma))):
        sums = []
        for nudge in (-1e-6, 1e-6):
            left = differences - shift - nudge
            sums.append(rank_scores(left)[left > 0].sum())
        # the statistic falls by whole numbers, and meets its expectation at or between two of them
        assert sums[1] <= share * everything <= sums[0]


def test_bounds_of_the_estimate_turn_round_with_the_exposure_and_shift_with_the_outcome():
    differences = np.random.default_rng(4).normal(1, 3, 50)
    lower, upper = hodges_lehmann(differences, 2.0)
    assert hodges_lehmann(-differences, 2.0) == pytest.approx((-upper, -lower), abs=EXACT)
    assert hodges_lehmann(differences + 7, 2.0) == pytest.approx((lower + 7, upper + 7), abs=EXACT)


def test_estimates_are_given_for_a_continuous_outcome_only(confounded):
    sample = confounded(n=600, outcome="continuous")
    found = finding(sample, GComputation(), "mean_difference", gammas=[1, 2])
    first, second = found.labelled("hodges_lehmann")
    assert first.number("lower") == pytest.approx(first.number("upper"))
    assert second.number("lower") < first.number("lower") < second.number("upper")
    assert finding(confounded(n=600), GComputation()).labelled("hodges_lehmann") == ()


@pytest.mark.parametrize("gamma", [1.0, 1.5, 4.0])
def test_bound_of_the_table_is_the_worst_over_all_hidden_variables(gamma):
    # eight persons, three with the outcome, four exposed: every assignment, and u at all corners
    outcome, exposed = np.array([1, 1, 1, 0, 0, 0, 0, 0]), 4
    observed, worst = 3, 0.0
    chosen = [np.array(one) for one in combinations(range(8), exposed)]
    with_it = np.array([outcome[one].sum() for one in chosen])
    for corner in product((0, 1), repeat=8):
        hidden = np.array(corner)
        weight = np.array([gamma ** hidden[one].sum() for one in chosen], dtype=float)
        worst = max(worst, weight[with_it >= observed].sum() / weight.sum())
    found = table_p((observed, exposed), (0, 4), gamma)
    assert found == pytest.approx(worst, rel=EXACT)
    if gamma == 1:
        assert found == pytest.approx(comb(5, 1) / comb(8, 4), rel=EXACT)


@pytest.mark.parametrize("gamma", [1.0, 1.7, 5.0])
def test_bound_of_the_table_is_the_tail_of_the_extended_hypergeometric(gamma):
    expected = stats.nchypergeom_fisher.sf(29, 200, 70, 60, gamma)
    assert table_p((30, 60), (40, 140), gamma) == pytest.approx(expected, rel=1e-7)
    fisher = stats.fisher_exact([[30, 30], [40, 100]], alternative="greater").pvalue
    assert table_p((30, 60), (40, 140), 1.0) == pytest.approx(fisher, rel=1e-9)


def test_critical_bias_of_the_table_meets_the_level():
    gamma = critical_table_gamma((30, 60), (40, 140), 0.05)
    assert table_p((30, 60), (40, 140), gamma) == pytest.approx(0.05, rel=1e-8)
    assert critical_table_gamma((3, 6), (40, 80), 0.05) == 1.0


def test_table_of_persons_is_a_statistic_of_the_specification(confounded):
    sample = confounded(n=800, clustered=True, missing=True)
    found = finding(sample, statistic="two_by_two", amplify_at=[1.05, 8], gammas=[1, 2])
    first = np.unique(np.where(sample.observed, sample.unit, -1), return_index=True)[1][1:]
    rows = {row.subject: row for row in found.labelled("table")}
    exposed = sample.a[first] == 1
    assert rows["exposed"].number("persons") == exposed.sum()
    counts = [(int(sample.y[first][arm].sum()), int(arm.sum())) for arm in (exposed, ~exposed)]
    assert [n for _, n in counts] == [rows[arm].number("persons") for arm in rows]
    assert found.headline == pytest.approx(critical_table_gamma(*counts, 0.05))
    assert found.row("bound", "2").number("p") == pytest.approx(table_p(*counts, 2.0))
    assert isinstance(found.row("amplification", "1.05").number("with_outcome"), NotEstimable)
    other = found.row("amplification", "8").number("with_outcome")
    assert (8 * other + 1) / (8 + other) == pytest.approx(found.headline)
    assert "The table is crude" in found.sentence
    assert (
        "The table is crude" not in finding(sample.with_terms(()), statistic="two_by_two").sentence
    )


def test_table_does_not_depend_on_how_either_is_coded(confounded):
    sample = confounded(n=800)
    one = finding(sample, statistic="two_by_two")
    for turned in (replace(sample, y=1 - sample.y), replace(sample, a=1 - sample.a)):
        assert finding(turned, statistic="two_by_two").headline == pytest.approx(one.headline)


def test_table_without_an_association_says_so(confounded):
    sample = confounded(n=400)
    rng = np.random.default_rng(0)
    found = finding(replace(sample, y=rng.permutation(sample.y)), statistic="two_by_two")
    assert found.headline == 1
    assert "shows no association to be explained away" in found.short


def test_table_of_a_continuous_outcome_is_refused(confounded):
    with pytest.raises(OutcomeError, match="0/1 exposure by a 0/1 outcome"):
        finding(confounded(outcome="continuous"), scale="mean_difference", statistic="two_by_two")


def test_scores_of_the_settings_reach_the_bound(confounded):
    sample = confounded(n=900, outcome="continuous")
    plain, other = (
        finding(sample, GComputation(), "mean_difference", statistic="m_statistic", **settings)
        for settings in ({}, {"inner": 0.5, "outer": 1.5, "unit": 0.8})
    )
    assert plain.headline != other.headline


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"statistic": "mcnemar", "zeros": "ranked"}, "zeros is for"),
        ({"inner": 1.0}, "are for statistic: m_statistic"),
        ({"statistic": "m_statistic", "inner": 3.0}, "give a larger outer"),
        ({"amplify_at": [0.5]}, "odds ratios above 1"),
        ({"statistic": "two_by_three"}, "two_by_two"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "rosenbaum", **wrong})

"""The Rosenbaum analysis: whom it pairs, directions, its yardstick, and what it declines."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import TIME
from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.estimators import (
    GComputation,
    InverseProbability,
    Matching,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.nuisance import PropensityModel
from causal.sensitivity import AnySensitivity, Rosenbaum
from causal.sensitivity.signed_rank import discordant_p
from causal.subject import Subject

ROUNDING = 1e-8


def finding(sample, estimator=None, **settings):
    estimator = estimator or GComputation()
    known = sample.rows(sample.observed)
    fit = estimator.fit(known, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, "risk_difference")
    return Rosenbaum(**settings).analyse(subject, np.random.default_rng(0))


def test_binary_outcomes_are_tested_by_mcnemar_and_meet_alpha_at_the_headline(confounded):
    found = finding(confounded(n=2000))
    pairs = found.row("pairs")
    more, fewer = pairs.number("positive"), pairs.number("negative")
    assert more > fewer
    for row in found.labelled("bound"):
        exact = discordant_p(int(more), int(more + fewer), row.number("gamma"))
        assert row.number("p") == pytest.approx(exact, rel=ROUNDING)
        assert row.number("p_two_sided") == min(1, 2 * row.number("p"))
    assert discordant_p(int(more), int(more + fewer), found.headline) == pytest.approx(0.05)
    assert f"odds ratio {found.headline:.2f}" in found.short
    assert f"{len(found.curves[0].points)}" == f"{len(found.labelled('bound'))}"
    assert found.curves[0].level_line == 0.05


def test_two_sides_hold_twice_the_p_value_to_alpha(confounded):
    one, two = finding(confounded(n=2000)), finding(confounded(n=2000), sides=2)
    assert two.headline == one.row("critical_gamma").number("gamma_two_sided") < one.headline
    assert one.headline == one.row("critical_gamma").number("gamma_one_sided")


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
@pytest.mark.parametrize("statistic", ["signed_rank", "fisher", "m_statistic"])
def test_turning_the_outcome_round_turns_the_pairs_and_no_bound(confounded, outcome, statistic):
    sample = confounded(n=1200, outcome=outcome)
    turned = replace(sample, y=1 - sample.y)
    one = finding(sample, MeanDifference(), statistic=statistic)
    other = finding(turned, MeanDifference(), statistic=statistic)
    assert one.headline == pytest.approx(other.headline, rel=ROUNDING)
    assert one.multiple == pytest.approx(other.multiple, rel=ROUNDING)
    assert one.headline > 1
    assert one.row("pairs").number("difference") == pytest.approx(
        -other.row("pairs").number("difference")
    )
    assert "downwards" in other.sentence


def test_exchanging_exposed_and_unexposed_changes_no_bound(confounded):
    sample = confounded(n=1200)
    one, other = finding(sample), finding(replace(sample, a=1 - sample.a))
    assert one.headline == pytest.approx(other.headline, rel=ROUNDING)
    assert one.multiple == pytest.approx(other.multiple, rel=1e-6)


def test_multiple_counts_log_odds_ratios_of_the_strongest_block(confounded):
    sample = confounded(n=2000)
    found = finding(sample)
    fit = NuisanceStore().propensity(sample, PropensityModel())
    slope = fit.coefficients[1] / fit.spread[0]
    across = abs(slope) * np.subtract(*np.quantile(sample.x[:, 0], [0.75, 0.25]))
    assert found.row("block", "severity").number("odds_ratio") == pytest.approx(math.exp(across))
    ratios = {r.subject: r.number("odds_ratio") for r in found.labelled("block")}
    strongest = max(ratios, key=ratios.get)
    assert found.multiple == pytest.approx(math.log(found.headline) / math.log(ratios[strongest]))
    assert strongest in found.yardstick
    assert strongest in found.short
    coin = abs(fit.coefficients[3] / fit.spread[2])
    assert found.row("block", "demographics").number("odds_ratio") == pytest.approx(math.exp(coin))


def test_time_of_the_design_is_matched_on_but_no_yardstick(confounded):
    sample = replace(confounded(n=1500), concepts=("severity", TIME, "demographics"))
    found = finding(sample)
    assert {row.subject for row in found.labelled("block")} == {"severity", "demographics"}
    assert found.headline == finding(confounded(n=1500)).headline


def test_each_person_is_in_one_pair_at_most_by_the_first_known_row(confounded):
    sample = confounded(n=1500, clustered=True, missing=True)
    found = finding(sample)
    kept = np.flatnonzero(sample.observed)
    first = kept[np.unique(sample.unit[kept], return_index=True)[1]]
    assert found.row("pairs").number("persons") == len(first)
    assert "the first row of each" in found.sentence
    alone = sample.rows(np.isin(np.arange(sample.n), first))
    # the propensity is the rung's, of all its rows: pairs differ a little, whom they hold does not
    assert finding(alone).row("pairs").number("persons") == len(first)


def test_persons_of_one_cluster_are_said_to_be_taken_as_independent(confounded):
    sample = confounded(n=600)
    grouped = replace(sample, cluster=np.arange(600) // 10)
    assert "taken as independent" in finding(grouped).sentence
    assert "taken as independent" not in finding(confounded(n=600, clustered=True)).sentence


def test_pairs_without_a_difference_overturn_nothing(confounded):
    sample = confounded(n=300)
    noise = np.random.default_rng(9).integers(0, 2, 300).astype(float)
    found = finding(replace(sample, y=noise))
    assert found.headline == 1
    assert isinstance(found.multiple, NotEstimable)
    assert "show no difference to be explained away" in found.short


def test_pairs_that_point_elsewhere_than_the_rung_are_said_to_and_need_no_bias(confounded):
    sample = confounded(n=1500)
    turned = replace(sample, y=1 - sample.y)
    fit = GComputation().fit(turned, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", GComputation(), sample, fit, fit, sample, "risk_difference")
    found = Rosenbaum().analyse(subject, np.random.default_rng(0))
    assert found.headline == 1
    assert "point the other way" in found.sentence


def test_propensity_is_the_rungs_own(confounded):
    sample = confounded(n=1500)
    narrow = InverseProbability(propensity={"terms": ("x0",)})
    found = finding(sample, narrow)
    assert [row.subject for row in found.labelled("block")] == ["severity"]


def test_a_rung_of_pairs_is_asked_about_its_own(confounded):
    sample = confounded(n=1500)
    rung = Matching(replacement=False, caliper=0.1, exact=("x2",))
    found = finding(sample, rung)
    exposed, unexposed = rung.find_pairs(sample, NuisanceStore())
    differences = sample.y[exposed] - sample.y[unexposed]
    assert found.row("pairs").number("pairs") == len(exposed)
    assert found.row("pairs").number("positive") == (differences > 0).sum()
    fit = rung.fit(sample, NuisanceStore(), np.random.default_rng(0))
    effect = fit.effect("risk_difference").estimate
    assert found.row("pairs").number("difference") == pytest.approx(effect)
    assert "those the rung itself compares" in found.sentence
    assert found.headline == finding(sample, rung, caliper=3.0).headline


@pytest.mark.parametrize("settings", [{}, {"replacement": False, "ratio": 2, "caliper": 0.2}])
def test_larger_sets_and_repeated_persons_are_paired_anew(confounded, settings):
    sample = confounded(n=600)
    sample = sample.rows((sample.a == 0) | (np.arange(600) % 4 == 0))
    anew = finding(sample)
    found = finding(sample, Matching(**settings))
    for name in ("pairs", "difference", "largest_gap"):
        assert found.row("pairs").number(name) == anew.row("pairs").number(name)
    assert "could be matched" in found.sentence
    pairs = Matching(replacement=False, caliper=0.2)
    repeated = confounded(n=600, clustered=True)
    assert "those the rung itself compares" not in finding(repeated, pairs).sentence


def test_what_does_not_apply_is_declined_with_the_reason(confounded):
    sample = confounded(n=400)
    assert "adjusts for nothing" in finding(sample.with_terms(())).headline.reason
    dose = replace(sample, exposure_kind="dose")
    assert "dose" in finding(dose, MeanDifference()).headline.reason
    constant = replace(sample, y=np.ones(400))
    assert "differs in the outcome" in finding(constant, MeanDifference()).headline.reason
    told = replace(sample, x=np.column_stack([sample.a, sample.x[:, 1:]]))
    found = finding(told, MeanDifference())
    assert isinstance(found.headline, NotEstimable)
    assert "perfect separation" in found.headline.reason


def test_mcnemar_of_a_continuous_outcome_is_refused_with_the_choices(confounded):
    with pytest.raises(OutcomeError, match="Choose signed_rank, fisher or m_statistic"):
        finding(confounded(outcome="continuous"), MeanDifference(), statistic="mcnemar")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"gammas": [1, 3, 2]}, "ascending"),
        ({"gammas": [0.5, 1]}, "1 or more"),
        ({"gammas": []}, "1 or more"),
        ({"statistic": "wilcoxon"}, "statistic"),
        ({"alpha": 0.5}, "alpha"),
        ({"sides": 3}, "sides"),
        ({"caliper": 0}, "caliper"),
        ({"distance": "logit"}, "distance"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "rosenbaum", **wrong})

"""The omitted-variable analysis: blocks, weak benchmarks, clustering, and its sentence."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import TIME
from causal.estimate import NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.findings import times
from causal.sensitivity import AnySensitivity, OmittedVariable
from causal.sensitivity.benchmarks import sits_at_ceiling, weakness
from causal.sensitivity.partial_r2 import Strength
from causal.subject import Subject

ROUNDING = 1e-9  # relative; sums of the same numbers in another order


def finding(sample, scale="risk_difference", **settings):
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", LinearProbability(), sample, fit, fit, sample, scale)
    return OmittedVariable(**settings).analyse(subject, np.random.default_rng(0))


def bound(found, subject, k):
    return next(
        row for row in found.labelled("bound") if row.subject == subject and row.number("k") == k
    )


def with_time(sample):
    return replace(sample, concepts=("severity", TIME, "demographics"))


def test_model_and_robust_interval_are_those_of_the_linear_estimator(confounded):
    sample = confounded(clustered=True)
    effect = (
        LinearProbability()
        .fit(sample, NuisanceStore(), np.random.default_rng(0))
        .effect("risk_difference")
    )
    found = finding(sample)
    assert found.row("linear_model").number("estimate") == pytest.approx(effect.estimate)
    assert found.row("robust_interval").number("lo") == pytest.approx(effect.lo)
    assert found.row("robust_interval").number("std_error") == pytest.approx(effect.std_error)
    assert "clustered" in found.row("robust_interval").note


def test_clustering_enters_the_intervals_only(confounded):
    clustered = confounded(clustered=True)
    alone = replace(clustered, cluster=None)
    one, other = finding(clustered), finding(alone)
    for row, same in zip(one.rows, other.rows, strict=True):
        if row.label in ("linear_model", "robustness_value", "benchmark", "bound"):
            robust = ("robust_lo", "robust_hi", "multiple_for_robust_interval")
            assert [n for n in row.numbers if n.name not in robust] == [
                n for n in same.numbers if n.name not in robust
            ]
    assert one.row("robust_interval") != other.row("robust_interval")
    assert one.headline == other.headline


def test_turning_the_outcome_round_turns_every_number_and_moves_no_multiple(confounded):
    sample = confounded(n=1500)
    turned = replace(sample, y=1 - sample.y)
    one, other = finding(sample), finding(turned)
    assert one.headline == pytest.approx(other.headline, rel=1e-6)
    for row, mirrored in zip(one.labelled("bound"), other.labelled("bound"), strict=True):
        assert row.number("estimate") == pytest.approx(-mirrored.number("estimate"))
        assert row.number("lo") == pytest.approx(-mirrored.number("hi"))
        assert row.number("std_error") == pytest.approx(mirrored.number("std_error"))


def test_bounds_move_towards_zero_from_either_side(confounded):
    sample = confounded(n=1500)
    for one in (sample, replace(sample, a=1 - sample.a)):
        found = finding(one)
        start = found.row("linear_model").number("estimate")
        steps = [bound(found, "severity", k).number("estimate") / start for k in (1, 2, 3)]
        assert 1 > steps[0] > steps[1] > steps[2]


def test_blocks_are_the_concepts_the_rung_adjusts_for_without_the_designs_time(confounded):
    found = finding(with_time(confounded()))
    assert {row.subject for row in found.labelled("benchmark")} == {"severity", "demographics"}


def test_several_concepts_are_one_benchmark_jointly(confounded):
    found = finding(confounded(), benchmarks=[["severity", "motivation"], "severity"])
    joint = found.row("benchmark", "severity + motivation").number("r2_exposure")
    alone = found.row("benchmark", "severity").number("r2_exposure")
    assert joint > alone


def test_benchmark_the_rung_does_not_adjust_for_is_said_not_to_be_there(confounded):
    settings = OmittedVariable(benchmarks=["severity", ["co_treatment", "motivation"]])
    assert settings.benchmark_concepts == ("severity", "co_treatment", "motivation")
    found = finding(confounded(), benchmarks=settings.benchmarks)
    assert [row.subject for row in found.labelled("benchmark")] == ["severity"]
    assert "Not adjusted for here" in found.sentence
    assert "co treatment + motivation" in found.sentence


def test_crude_rung_has_robustness_values_but_nothing_to_compare_with(confounded):
    found = finding(confounded().with_terms(()))
    assert found.row("robustness_value").number("estimate") > 0
    assert isinstance(found.headline, NotEstimable)
    assert "no block" in found.headline.reason
    assert "no block" in found.sentence


def test_headline_is_the_smallest_multiple_and_its_bound_meets_zero(confounded):
    found = finding(confounded(n=3000))
    smallest = found.labelled("smallest_multiple_interval")[0]
    per_block = [
        row.number("multiple_for_interval")
        for row in found.labelled("benchmark")
        if not isinstance(row.number("multiple_for_interval"), NotEstimable)
    ]
    assert found.headline == min(per_block) == smallest.number("multiple") > 0
    again = finding(confounded(n=3000), k=[found.headline])
    row = bound(again, smallest.subject, found.headline)
    assert row.number("lo") == pytest.approx(0, abs=1e-8)
    assert row.number("r2_exposure") == pytest.approx(smallest.number("r2_exposure"), rel=ROUNDING)
    assert f"{times(found.headline)} times as strong as {smallest.subject}" in found.sentence


def test_interval_that_includes_zero_needs_no_confounder(confounded):
    sample = confounded(n=60)
    found = finding(sample)
    model = found.row("linear_model")
    assert model.number("lo") < 0 < model.number("hi")
    assert found.headline == 0
    assert found.row("robustness_value").number("interval") == 0
    assert "includes 0 without one" in found.sentence
    assert "interval meets 0 first" not in found.sentence


def test_multiple_that_no_confounder_reaches_is_a_reason(confounded):
    sample = confounded(n=2000)
    rng = np.random.default_rng(5)
    # a covariate that explains nearly all of the outcome and nothing of exposure
    noise = rng.normal(size=sample.n)
    y = 3.0 * sample.a + 9 * noise + rng.normal(size=sample.n)
    noisy = replace(
        sample, y=y, x=noise[:, None], terms=("z",), concepts=("noise",), outcome_kind="continuous"
    )
    found = finding(noisy, "mean_difference", k=[50])
    assert isinstance(found.headline, NotEstimable)
    assert "not reached" in found.headline.reason
    assert isinstance(bound(found, "noise", 50).number("estimate"), NotEstimable)


def test_part_of_the_estimate_can_be_asked_for(confounded):
    sample = confounded(n=2000)
    whole, half = finding(sample), finding(sample, q=0.5)
    estimate = half.row("linear_model").number("estimate")
    assert f"{estimate / 2:.3g}" in half.headline_name
    assert half.row("robustness_value").number("estimate") < whole.row("robustness_value").number(
        "estimate"
    )


def test_students_intervals_are_wider(confounded):
    sample = confounded(n=80)
    normal, student = finding(sample), finding(sample, quantile="student")
    assert bound(student, "severity", 1).number("lo") < bound(normal, "severity", 1).number("lo")
    assert bound(student, "severity", 1).number("t") == bound(normal, "severity", 1).number("t")


def test_rows_without_outcome_are_left_out(confounded):
    sample = confounded(missing=True)
    seen = sample.observed
    known = replace(
        sample,
        **{name: getattr(sample, name)[seen] for name in ("unit", "y", "a", "x", "w")},
    )
    kept = ("linear_model", "robustness_value", "benchmark", "bound")
    one, other = finding(sample), finding(known)
    assert [r for r in one.rows if r.label in kept] == [r for r in other.rows if r.label in kept]


def test_ratio_scales_are_told_that_bounds_are_on_the_difference(confounded):
    assert "not on the odds ratio" in finding(confounded(), "odds_ratio").sentence
    assert "odds ratio" not in finding(confounded()).sentence


@pytest.mark.parametrize(
    ("exposure", "columns", "df", "said"),
    [
        (0.009, 1, 400, "less than 1 %"),
        (0.02, 5, 100, "noise in as many columns"),
        (0.02, 1, 400, ""),
    ],
)
def test_weak_benchmarks_are_those_below_the_stated_thresholds(exposure, columns, df, said):
    x = np.random.default_rng(0).normal(size=(500, columns))
    found = weakness(Strength(exposure, 0.1), x, df)
    assert said in found if said else found == ""


def test_a_score_at_its_ceiling_is_a_weak_benchmark_whatever_it_explains():
    rng = np.random.default_rng(1)
    ceiling = np.minimum(np.round(rng.normal(37, 4, 500)), 40.0)
    spread = np.round(rng.normal(20, 4, 500))
    days = np.where(rng.random(500) < 0.3, 30.0, np.round(rng.uniform(0, 12, 500)))
    assert sits_at_ceiling(ceiling)
    assert not sits_at_ceiling(spread)
    assert not sits_at_ceiling(days)  # many at the top, but most far from it
    strong = Strength(0.2, 0.2)
    assert "1 of its 2 scores sit at their ceiling" in weakness(
        strong, np.column_stack([ceiling, spread]), 400
    )
    assert weakness(strong, np.column_stack([ceiling, spread, days]), 400) == ""


@pytest.mark.parametrize("levels", [2, 5, 7])
def test_a_single_item_has_no_ceiling(levels):
    item = np.floor(levels * np.random.default_rng(2).random(500) ** 0.3)
    assert weakness(Strength(0.2, 0.2), item[:, None], 400) == ""


def test_weak_benchmarks_are_named_in_the_sentence(confounded):
    found = finding(confounded(n=3000))
    weak = [row.subject for row in found.labelled("benchmark") if row.note]
    assert weak == ["demographics"]  # x2 is a coin that drives nothing of exposure
    assert "Weak benchmarks, of which even a large multiple is little: demographics" in (
        found.sentence
    )


def test_nothing_is_called_robust(confounded):
    assert "robust" not in finding(confounded(n=3000)).sentence


@pytest.mark.parametrize(
    "wrong",
    [{"k": [0]}, {"q": 0}, {"q": 1.5}, {"benchmarks": []}, {"quantile": "t"}, {"benchmark": "x"}],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TypeAdapter(AnySensitivity).validate_python({"kind": "omitted_variable", **wrong})


def test_unknown_kind_lists_the_choices():
    with pytest.raises(ValidationError, match=r"'e_value'.*'omitted_variable'"):
        TypeAdapter(AnySensitivity).validate_python({"kind": "evalue"})


@pytest.mark.parametrize("kind", ["omitted_variable", "omitted_variable_nonparametric"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"k": []}, "at least 1 item"),
        ({"k": [2, 1]}, "k has 1 after 2; write multiples in rising order"),
        ({"k": [1, 1]}, "k has 1 after 1"),
        ({"k": [-1, 1]}, "k has -1; write multiples above 0"),
        ({"benchmarks": ["a", "b", "a"]}, "the benchmark 'a' stands twice"),
        ({"benchmarks": [["a", "b"], ["b", "a"]]}, r"the benchmark 'a \+ b' stands twice"),
        ({"benchmarks": [["a", "a"]]}, "the concept 'a' stands twice in a block"),
        ({"benchmarks": [[]]}, "at least 1 item"),
    ],
)
def test_multiples_ascend_and_benchmarks_stand_once(kind, settings, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": kind, **settings})

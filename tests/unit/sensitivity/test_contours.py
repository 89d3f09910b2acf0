"""Contours of the omitted-variable analysis: right for either sign, and at the marks."""

import math
from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.findings import times
from causal.sensitivity import OmittedVariable
from causal.sensitivity.contours import FARTHEST, STEPS, axis, limit_under
from causal.sensitivity.partial_r2 import LinearFit, Strength, adjusted, robustness_value
from causal.subject import Subject

EXACT = 1e-9  # the same sums in another order


def finding(sample: Sample, **settings):
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", LinearProbability(), sample, fit, fit, sample, "risk_difference")
    return OmittedVariable(**settings).analyse(subject, np.random.default_rng(0))


@pytest.mark.parametrize("turn", ["outcome", "exposure"])
def test_a_negative_effect_has_the_same_contours_mirrored(confounded, turn):
    sample = confounded(n=1500)
    turned = (
        replace(sample, y=1 - sample.y) if turn == "outcome" else replace(sample, a=1 - sample.a)
    )
    one, other = finding(sample), finding(turned)
    assert one.row("linear_model").number("estimate") > 0
    assert other.row("linear_model").number("estimate") < 0
    for contour, mirrored in zip(one.contours, other.contours, strict=True):
        assert np.array(contour.height) == pytest.approx(-np.array(mirrored.height), rel=1e-6)
        assert [m.name for m in contour.marks] == [m.name for m in mirrored.marks]
        assert (contour.level_line, mirrored.level_line) == (0, 0)
        assert contour.x == pytest.approx(mirrored.x)
    assert one.multiple == pytest.approx(other.multiple, rel=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_limit_of_the_interval_keeps_its_side_beyond_zero(sign):
    fit = LinearFit(sign * 0.1, 0.02, 500, 0.02)
    strong = Strength(0.3, 0.3)
    assert sign * adjusted(fit, strong).estimate < 0
    assert sign * limit_under(fit, strong, 1.96) < sign * adjusted(fit, strong).estimate


def test_contours_pass_zero_at_the_robustness_values(confounded):
    fit = LinearFit(-0.138, 0.0517, 371, 0.0537)  # a negative effect of the size looked for
    for critical, level in ((0.0, None), (1.96, 0.95)):
        value = robustness_value(fit.t, fit.df, 1.0, level)
        near = limit_under(fit, Strength(0.98 * value, 0.98 * value), critical)
        beyond = limit_under(fit, Strength(1.02 * value, 1.02 * value), critical)
        assert near < 0 < beyond


def test_height_at_a_mark_is_between_its_neighbours_and_the_table_has_it(confounded):
    found = finding(confounded(n=1500), k=[2])
    estimate, limit = found.contours
    marks = {mark.name: mark for mark in limit.marks}
    assert {"severity", "motivation"} <= set(marks)
    nearest = found.yardstick
    assert f"2 × {nearest}" in marks
    row = next(r for r in found.labelled("bound") if r.subject == nearest)
    mark = marks[f"2 × {nearest}"]
    assert (mark.x, mark.y) == (row.number("r2_exposure"), row.number("r2_outcome"))
    i, j = np.searchsorted(limit.x, mark.x), np.searchsorted(limit.y, mark.y)
    for contour, name in ((estimate, "estimate"), (limit, "lo")):
        assert contour.height[j][i] <= row.number(name) <= contour.height[j - 1][i - 1]


def test_contours_begin_at_the_model_itself(confounded):
    found = finding(confounded(n=1500))
    model = found.row("linear_model")
    estimate, limit = found.contours
    df = model.number("df")
    assert estimate.height[0][0] == pytest.approx(model.number("estimate"), rel=EXACT)
    # one degree of freedom goes to the omitted variable
    half = (model.number("estimate") - model.number("lo")) * math.sqrt(df / (df - 1))
    assert limit.height[0][0] == pytest.approx(model.number("estimate") - half, rel=EXACT)
    assert len(limit.x) == len(limit.y) == len(limit.height) == len(limit.height[0]) == STEPS


def test_part_of_the_estimate_is_where_the_level_line_is(confounded):
    found = finding(confounded(n=1500), q=0.5)
    half = found.row("linear_model").number("estimate") / 2
    assert all(contour.level_line == pytest.approx(half) for contour in found.contours)


def test_frame_holds_what_is_shown_up_to_a_sensible_end():
    assert axis([0.1, 0.2])[-1] == pytest.approx(0.23)
    assert axis([0.1, 0.9])[-1] == FARTHEST
    assert axis([])[-1] > 0


def test_multiple_and_yardstick_are_the_headline(confounded):
    found = finding(confounded(n=3000))
    assert found.multiple == found.headline > 0  # the classical one
    assert found.yardstick in ("severity", "motivation")
    assert f"{times(found.multiple)} times as strong as {found.yardstick}" in found.short
    assert found.short.endswith(".")
    assert ". " not in found.short  # one sentence


def test_weak_yardstick_is_called_so(confounded):
    sample = confounded(n=3000)
    noise = np.random.default_rng(8).normal(size=sample.n)
    blurred = replace(sample, x=np.column_stack([sample.x[:, :2], 0.2 * sample.x[:, 0] + noise]))
    found = finding(blurred.with_terms(("x2",)))
    assert found.row("benchmark", "demographics").number("r2_exposure") > 0
    assert "a weak benchmark" in found.short
    assert found.yardstick == "demographics, a weak benchmark"
    assert found.multiple > 1


def test_weak_blocks_that_are_not_enough_reassure_of_nothing(confounded):
    found = finding(confounded(n=3000), benchmarks=["demographics"])
    assert isinstance(found.multiple, NotEstimable)
    assert "every block it could be compared with is a weak benchmark" in found.short


def test_nothing_is_needed_where_the_interval_includes_zero(confounded):
    found = finding(confounded(n=60))
    assert found.multiple == 0
    assert "includes 0 already" in found.short


def test_nothing_is_needed_where_only_the_clustered_interval_includes_zero(confounded):
    sample = confounded(n=1500)
    # every row four times: the classical interval is far too narrow, the clustered one is not
    small = sample.rows(np.arange(1500) < 400)
    four = np.repeat(np.arange(400), 4)
    repeated = replace(
        small, **{name: getattr(small, name)[four] for name in ("unit", "y", "a", "x", "w")}
    )
    found = finding(replace(repeated, cluster=four))
    assert found.row("linear_model").number("lo") > 0 or found.row("linear_model").number("hi") < 0
    assert found.row("rung").number("lo") < 0 < found.row("rung").number("hi")
    assert found.multiple == 0
    assert "includes 0 already" in found.short


def test_what_no_block_reaches_is_infinite_and_nothing_to_compare_with_is_a_reason(confounded):
    sample = confounded(n=2000)
    noise = np.random.default_rng(5).normal(size=sample.n) + 0.5 * sample.a
    y = 3.0 * sample.a + 9 * noise + np.random.default_rng(6).normal(size=sample.n)
    noisy = replace(
        sample, y=y, x=noise[:, None], terms=("z",), concepts=("noise",), outcome_kind="continuous"
    )
    assert finding(noisy).multiple == math.inf
    assert "no multiple of a measured block does" in finding(noisy).short
    bare = finding(sample.with_terms(()))
    assert isinstance(bare.multiple, NotEstimable)
    assert bare.yardstick == ""

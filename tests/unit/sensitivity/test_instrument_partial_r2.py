"""Omitted variables of an instrument: invariances, and against an omitted variable put back."""

import math

import numpy as np
import pytest

from causal import inference
from causal.estimate import NotEstimable
from causal.instrumental.stages import Stages, fit_stages
from causal.sensitivity.instrument_partial_r2 import (
    adjusted_region,
    adjusted_threshold,
    benchmark_bound,
    extreme_robustness_value,
    largest_outcome_r2,
    overturning_multiple,
    robustness,
)
from causal.sensitivity.partial_r2 import Strength, block_strength, robustness_value

ROUNDING = 1e-9
FIRST = np.array([True, False])


def arrays(one, **changes):
    return tuple(changes.get(key, getattr(one, key)) for key in ("y", "a", "z", "x", "w"))


def stages(one, **changes):
    return fit_stages(*arrays(one, **changes), one.cluster)


def strong(trial, **settings):
    return trial(4000, direct=0.4, continuous=True, chosen=True, **settings)


def test_at_the_robustness_value_the_set_reaches_zero_and_not_before(trial):
    found = stages(strong(trial))
    rv = robustness(found).estimate.equal
    assert 0 < rv < 1
    for share, within in ((0.999, False), (1.001, True)):
        threshold = adjusted_threshold(Strength(rv * share, rv * share), found.df)
        low, high = adjusted_region(found, threshold).pieces[0]
        assert (low <= 0 <= high) == within


def test_at_the_extreme_value_the_set_reaches_zero_whatever_the_outcome(trial):
    found = stages(strong(trial))
    xrv = robustness(found).estimate.extreme
    for share, within in ((0.999, False), (1.001, True)):
        threshold = adjusted_threshold(Strength(xrv * share, 1.0), found.df)
        low, high = adjusted_region(found, threshold).pieces[0]
        assert (low <= 0 <= high) == within


def test_at_the_first_stages_robustness_value_the_set_is_no_longer_bounded(trial):
    found = stages(strong(trial))
    rv = robustness(found).first_stage.equal
    for share, bounded in ((0.999, True), (1.001, False)):
        threshold = adjusted_threshold(Strength(rv * share, rv * share), found.df)
        assert adjusted_region(found, threshold).bounded == bounded


def test_bringing_the_estimate_to_zero_is_overturning_the_reduced_form(trial):
    found = robustness(stages(strong(trial)))
    assert found.estimate == found.reduced_form
    assert found.estimate_or_beyond.equal == min(found.reduced_form.equal, found.first_stage.equal)
    half = robustness(stages(strong(trial)), q=0.5)
    assert half.estimate.equal < found.estimate.equal


def test_no_omitted_variable_leaves_the_anderson_rubin_test(trial):
    found = stages(strong(trial))
    threshold = adjusted_threshold(Strength(0.0, 0.0), found.df)
    needed = inference.critical_value(0.95, found.df - 1)
    assert threshold == pytest.approx(needed * math.sqrt(found.df / (found.df - 1)))


def test_the_threshold_is_the_largest_up_to_the_strength():
    for r2_y in (0.001, 0.02, 0.5, 1.0):
        grid = [
            (1.96 / math.sqrt(499) * math.sqrt(1 - r) + math.sqrt(r * 0.05)) / math.sqrt(0.95)
            for r in np.linspace(0, r2_y, 20_001)
        ]
        level = 2 * float(_student(1.96, 499)) - 1
        found = adjusted_threshold(Strength(0.05, r2_y), 500, level)
        assert found == pytest.approx(math.sqrt(500) * max(grid), rel=1e-6)


def _student(t, df):
    from scipy import special

    return special.stdtr(df, t)


def test_a_set_with_the_omitted_variable_lies_in_the_set_its_strength_allows(trial):
    one = strong(trial)
    rest = one.x[:, 1:]
    without = fit_stages(one.y, one.a, one.z, rest, one.w, None)
    within = stages(one)
    strength = Strength(
        block_strength(one.y, one.z, one.x, one.w, FIRST).exposure,
        largest_outcome_r2(one.y, one.a, one.z, one.x, one.w, FIRST),
    )
    threshold = adjusted_threshold(strength, without.df)
    t = inference.critical_value(0.95, within.df)
    low, high = adjusted_region(within, t).pieces[0]
    allowed_low, allowed_high = adjusted_region(without, threshold).pieces[0]
    assert allowed_low <= low < high <= allowed_high
    plain_low, plain_high = adjusted_region(without, t).pieces[0]
    assert not plain_low <= low < high <= plain_high  # so that the bound is what holds it


def test_the_largest_share_of_the_outcome_is_that_over_a_grid_of_effects(trial):
    one = trial(300, weighted=True, continuous=True)
    found = largest_outcome_r2(one.y, one.a, one.z, one.x, one.w, FIRST)
    shares = [
        block_strength(one.y - b * one.a, one.z, one.x, one.w, FIRST).outcome
        for b in np.tan(np.linspace(-1.57, 1.57, 2001))
    ]
    assert found == pytest.approx(max(shares), rel=1e-4)
    assert found >= max(shares) - ROUNDING


@pytest.mark.parametrize("change", ["z", "y"])
def test_relabelling_and_recoding_change_no_strength(trial, change):
    one = strong(trial)
    turned = {"z": 1 - one.z} if change == "z" else {"y": 7 - 3 * one.y}
    here, there = robustness(stages(one)), robustness(stages(one, **turned))
    assert there.estimate.equal == pytest.approx(here.estimate.equal)
    assert there.first_stage.extreme == pytest.approx(here.first_stage.extreme)
    bounds = [
        benchmark_bound(*arrays(one, **some), stages(one, **some), FIRST) for some in ({}, turned)
    ]
    assert bounds[1].threshold == pytest.approx(bounds[0].threshold)
    multiples = [
        overturning_multiple(*arrays(one, **some), stages(one, **some), FIRST)
        for some in ({}, turned)
    ]
    assert multiples[1] == pytest.approx(multiples[0])


def test_at_the_overturning_multiple_the_set_reaches_zero(trial):
    one = strong(trial)
    found = stages(one)
    k = overturning_multiple(*arrays(one), found, FIRST)
    assert k > 0
    for share, within in ((0.999, False), (1.001, True)):
        bound = benchmark_bound(*arrays(one), found, FIRST, k * share)
        low, high = bound.region.pieces[0]
        assert (low <= 0 <= high) == within


def test_a_set_that_includes_zero_needs_no_omitted_variable(trial):
    one = trial(100)
    found = stages(one)
    assert overturning_multiple(*arrays(one), found, FIRST) == 0
    assert robustness(found).estimate.equal == 0


def test_what_cannot_be_said_has_its_reason(trial):
    one = strong(trial)
    found = stages(one)
    assert isinstance(benchmark_bound(*arrays(one), found, np.array([False, False])), NotEstimable)
    far = benchmark_bound(*arrays(one), found, FIRST, 1e6)
    assert isinstance(far, NotEstimable)
    assert "more of the instrument than is left" in far.reason
    flat = Stages(0.1, 0.0, np.eye(2), np.eye(2), 100)
    assert isinstance(robustness(flat), NotEstimable)


def test_the_extreme_value_is_never_above_the_robustness_value():
    for t in (0.5, 2.5, 10.0):
        assert extreme_robustness_value(t, 300, level=0.95) <= robustness_value(t, 300, 1.0, 0.95)
    assert extreme_robustness_value(3.0, 100) == pytest.approx(0.09 / 1.09)

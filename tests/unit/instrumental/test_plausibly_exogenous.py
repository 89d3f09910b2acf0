"""Direct effects of the instrument: unions against grids, limits, and sign changes."""

from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.errors import SpecError
from causal.instrumental.plausibly_exogenous import (
    direct_effect_curve,
    local_to_zero,
    smallest_direct_effect,
    union_of_intervals,
    unite,
)
from causal.instrumental.stages import Stages, fit_stages

GRID = 2e-3  # spacing of the grids compared with
WEAK = Stages(0.30, 0.05, np.array([[0.0016, 0.0004], [0.0004, 0.0016]]), np.eye(2), 300)
NONE = Stages(0.10, 0.0, np.eye(2), np.eye(2), 300)


def stages(one, **changes):
    y, z = (changes.get(key, getattr(one, key)) for key in ("y", "z"))
    return fit_stages(y, one.a, z, one.x, one.w, one.cluster)


def inside(region, value):
    return any(
        (low is None or low <= value) and (high is None or value <= high)
        for low, high in region.pieces
    )


def test_no_direct_effect_is_the_ordinary_analysis(trial):
    found = stages(trial())
    direct = union_of_intervals(found, 0.0, 0.0)
    assert direct.estimates == pytest.approx((found.wald, found.wald))
    assert direct.region.pieces[0] == pytest.approx(found.region().pieces[0])
    exact = local_to_zero(found, 0.0, 0.0)
    assert (exact.lo, exact.hi) == pytest.approx(direct.union)


def test_a_known_direct_effect_is_taken_out_of_the_outcome(trial):
    one = trial(continuous=True, clustered=True)
    direct = union_of_intervals(stages(one), 0.3, 0.3)
    again = union_of_intervals(stages(one, y=one.y - 0.3 * one.z), 0.0, 0.0)
    assert direct.estimates == pytest.approx(again.estimates)
    assert direct.region.pieces[0] == pytest.approx(again.region.pieces[0])


@pytest.mark.parametrize("weak", [False, True])
def test_the_union_is_that_over_a_grid(trial, weak):
    found = WEAK if weak else stages(trial(2000))
    lo, hi = -0.04, 0.09
    direct = union_of_intervals(found, lo, hi)
    grid = np.linspace(lo, hi, 101)
    ends = [union_of_intervals(found, g, g).union for g in grid]
    assert direct.union == pytest.approx(
        (min(low for low, _ in ends), max(high for _, high in ends))
    )
    regions = [union_of_intervals(found, g, g).region for g in grid]
    edges = [end for piece in direct.region.pieces for end in piece if end is not None]
    for value in np.linspace(-6, 6, 601):
        if min(abs(value - edge) for edge in edges) > GRID:
            assert inside(direct.region, value) == any(inside(one, value) for one in regions)


def test_a_wider_range_leaves_less(trial):
    found = stages(trial())
    narrow, wide = union_of_intervals(found, -0.01, 0.01), union_of_intervals(found, -0.1, 0.1)
    assert wide.union[0] < narrow.union[0] < narrow.union[1] < wide.union[1]


def test_the_smallest_direct_effect_puts_the_null_on_the_edge(trial):
    found = stages(trial(3000, direct=0.6))
    needed = smallest_direct_effect(found)
    assert needed > 0
    touching = union_of_intervals(found, needed, needed).region.pieces[0]
    assert touching[0] == pytest.approx(0, abs=1e-9)
    assert smallest_direct_effect(found, level=None) == pytest.approx(found.reduced)


def test_a_set_that_includes_the_null_needs_no_direct_effect(trial):
    assert smallest_direct_effect(stages(trial(100))) == 0


def test_relabelling_the_instrument_turns_the_direct_effect_and_nothing_else(trial):
    one = trial(3000, direct=0.6)
    here, there = stages(one), stages(one, z=1 - one.z)
    assert smallest_direct_effect(there) == pytest.approx(-smallest_direct_effect(here))
    first, second = union_of_intervals(here, -0.1, 0.2), union_of_intervals(there, -0.2, 0.1)
    assert second.union == pytest.approx(first.union)
    assert second.region.pieces[0] == pytest.approx(first.region.pieces[0])


def test_recoding_the_outcome_turns_everything(trial):
    one = trial(3000, direct=0.6)
    here, there = stages(one), stages(one, y=1 - one.y)
    assert smallest_direct_effect(there) == pytest.approx(-smallest_direct_effect(here))
    low, high = union_of_intervals(here, -0.1, 0.2).union
    assert union_of_intervals(there, -0.2, 0.1).union == pytest.approx((-high, -low))


def test_a_random_direct_effect_widens_by_its_spread_over_the_first_stage(trial):
    found = stages(trial())
    own = local_to_zero(found, 0.0, 0.0).std_error
    wide = local_to_zero(found, 0.05, 0.1)
    assert wide.std_error**2 == pytest.approx(own**2 + (0.1 / found.first) ** 2)
    assert wide.estimate == pytest.approx(found.wald - 0.05 / found.first)


def test_a_random_direct_effect_widens_the_set_by_its_spread_in_the_reduced_form(trial):
    found = stages(trial(2000))
    low, high = local_to_zero(found, 0.0, 0.05).region.pieces[0]
    for end in (low, high):
        v = found.covariance
        error = np.sqrt(v[0, 0] + 0.05**2 - 2 * end * v[0, 1] + end**2 * v[1, 1])
        distance = abs(found.reduced - end * found.first)
        assert distance == pytest.approx(inference.critical_value() * error)
    same = local_to_zero(found, 0.0, 0.0).region
    assert same.pieces[0] == pytest.approx(found.region().pieces[0])


def test_the_union_covers_where_the_direct_effect_lies_in_the_range():
    covered = 0
    for seed in range(200):
        sim = np.random.default_rng([4, seed])
        z = sim.integers(0, 2, 300).astype(float)
        u = sim.normal(size=300)
        a = 0.2 * z + u + sim.normal(size=300)  # F about 1.5
        y = 0.5 * a + 0.1 * z + u + sim.normal(size=300)
        found = fit_stages(y, a, z, np.empty((300, 0)), np.ones(300), None)
        covered += inside(union_of_intervals(found, 0.0, 0.1).region, 0.5)
    assert covered >= 181  # 95 % less three Monte-Carlo errors of 1.5 %


def test_the_curve_is_the_estimate_with_its_set(trial):
    found = stages(trial(2000))
    curve = direct_effect_curve(found, 0.0, 0.2)
    assert curve.points[0].y == pytest.approx(found.wald)
    assert (curve.points[0].lo, curve.points[0].hi) == pytest.approx(found.region().pieces[0])
    ends = union_of_intervals(found, 0.2, 0.2).region.pieces[0]
    assert (curve.points[-1].lo, curve.points[-1].hi) == pytest.approx(ends)


def test_a_curve_whose_sets_have_no_two_ends_is_drawn_without_them():
    curve = direct_effect_curve(WEAK, -0.1, 0.1)
    assert {(one.lo, one.hi) for one in curve.points} == {(None, None)}


def test_sets_are_compared_with_students_t_where_the_stages_say_so(trial):
    found = stages(trial(300, direct=0.6))
    few = replace(found, reference=9.0)
    z, t = inference.critical_value(), inference.critical_value(df=9.0)
    error = np.sqrt(found.covariance[0, 0])
    assert smallest_direct_effect(found) == pytest.approx(found.reduced - z * error)
    assert smallest_direct_effect(few) == pytest.approx(found.reduced - t * error)
    assert few.region().pieces[0][0] < found.region().pieces[0][0]


def test_pieces_unite():
    whole = unite([(None, -1.0), (2.0, None), (-3.0, 0.0), (1.0, 1.5)])
    assert whole == ((None, 0.0), (1.0, 1.5), (2.0, None))
    assert unite([(None, 1.0), (0.0, None)]) == ((None, None),)


def test_what_cannot_be_said_is_refused():
    with pytest.raises(SpecError, match="lower end first"):
        union_of_intervals(WEAK, 1.0, 0.0)
    with pytest.raises(SpecError, match="0 or more"):
        local_to_zero(WEAK, 0.0, -1.0)
    for found in (
        union_of_intervals(NONE, 0.0, 1.0),
        local_to_zero(NONE, 0.0, 1.0),
        direct_effect_curve(NONE, 0.0, 1.0),
    ):
        assert "does not move exposure" in found.reason

"""Instrument bounds: published, the same as by linear programming, invariant, and covering."""

import numpy as np
import pytest
from scipy.optimize import linprog

from causal.errors import OutcomeError, SpecError
from causal.estimate import NotEstimable
from causal.instrumental.bounds import balke_pearl_bounds, natural_bounds

SOLVER = 1e-7  # the linear programme's own tolerance
ROUNDING = 1e-10
UNIT = (0.0, 1.0)
CELLS = [(z, y, a) for z in (0, 1) for y in (0, 1) for a in (0, 1)]
TYPES = [(a0, a1, y0, y1) for a0 in (0, 1) for a1 in (0, 1) for y0 in (0, 1) for y1 in (0, 1)]


def rng():
    return np.random.default_rng(1)


def table(p):
    """One row a cell, weighted by its probability given z."""
    z, y, a = np.array(CELLS, float).T
    return y, a, z, np.asarray(p)


def cells_of(shares):
    p = []
    for z, y, a in CELLS:
        inside = [(a1 if z else a0) == a and (y1 if a else y0) == y for a0, a1, y0, y1 in TYPES]
        p.append(float(shares @ np.array(inside)))
    return np.array(p)


def by_programming(p):
    """Least and greatest average effect over all types that give these cells; None if none do."""
    rows = [
        [float((a1 if z else a0) == a and (y1 if a else y0) == y) for a0, a1, y0, y1 in TYPES]
        for z, y, a in CELLS
    ]
    effect = np.array([y1 - y0 for *_, y0, y1 in TYPES], float)
    found = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * effect, A_eq=rows, b_eq=p, bounds=(0, 1))
        if not solved.success:
            return None
        found.append(sign * solved.fun)
    return found


@pytest.mark.reference
def test_the_bounds_published_for_cholestyramine():
    # Balke & Pearl (1997), Lipid Research Clinics data: .392 to .780
    p = {"000": 0.919, "010": 0.0, "100": 0.081, "110": 0.0}
    p |= {"001": 0.315, "011": 0.139, "101": 0.073, "111": 0.473}  # y, a, z
    y, a, z, w = table([p[f"{y}{a}{z}"] for z, y, a in CELLS])
    found = balke_pearl_bounds(y, a, z, w, None, rng())
    assert (found.lower, found.upper) == pytest.approx((0.392, 0.780), abs=1e-9)


def test_closed_forms_are_the_linear_programme_whatever_the_types():
    draws = np.random.default_rng(7)
    for _ in range(40):
        p = cells_of(draws.dirichlet(np.full(16, 0.3)))
        y, a, z, w = table(np.maximum(p, 1e-12))
        found = balke_pearl_bounds(y, a, z, w, None, rng())
        assert (found.lower, found.upper) == pytest.approx(by_programming(p), abs=SOLVER)


def test_cells_no_valid_instrument_gives_are_told_apart_as_by_linear_programming():
    draws = np.random.default_rng(8)
    empty = 0
    for _ in range(40):
        p = np.concatenate([draws.dirichlet(np.full(4, 0.5)) for _ in (0, 1)])
        y, a, z, w = table(p)
        found = balke_pearl_bounds(y, a, z, w, None, rng())
        solved = by_programming(p)
        assert isinstance(found, NotEstimable) == (solved is None)
        empty += solved is None
        if isinstance(found, NotEstimable):
            assert "instrumental inequality" in found.reason
    assert 5 < empty < 35  # both happen


def test_natural_bounds_hold_the_sharp_ones_and_the_truth(trial):
    one = trial(weighted=True)
    arrays = one.y, one.a, one.z, one.w, None
    natural, sharp = natural_bounds(*arrays, UNIT, rng()), balke_pearl_bounds(*arrays, rng())
    assert natural.lower <= sharp.lower + ROUNDING
    assert natural.upper >= sharp.upper - ROUNDING
    assert natural.lo < natural.lower < natural.upper < natural.hi


def test_natural_bounds_scale_with_the_outcome(trial):
    one = trial()
    here = natural_bounds(one.y, one.a, one.z, one.w, None, UNIT, rng())
    there = natural_bounds(3 + 10 * one.y, one.a, one.z, one.w, None, (3, 13), rng())
    assert (there.lower, there.upper, there.lo, there.hi) == pytest.approx(
        (10 * here.lower, 10 * here.upper, 10 * here.lo, 10 * here.hi)
    )


@pytest.mark.parametrize("kind", ["sharp", "natural"])
def test_relabelling_the_instrument_changes_nothing_and_recoding_the_outcome_the_sign(trial, kind):
    one = trial(clustered=True, weighted=True)

    def bounds(y, a, z):
        if kind == "sharp":
            found = balke_pearl_bounds(y, a, z, one.w, one.cluster, rng())
        else:
            found = natural_bounds(y, a, z, one.w, one.cluster, UNIT, rng())
        return np.array([found.lower, found.upper])

    here = bounds(one.y, one.a, one.z)
    assert bounds(one.y, one.a, 1 - one.z) == pytest.approx(here, abs=ROUNDING)
    assert bounds(1 - one.y, one.a, one.z) == pytest.approx(-here[::-1], abs=ROUNDING)
    assert bounds(one.y, 1 - one.a, one.z) == pytest.approx(-here[::-1], abs=ROUNDING)


def test_perfect_compliance_leaves_one_value(trial):
    one = trial()
    found = balke_pearl_bounds(one.y, one.z, one.z, one.w, None, rng())
    difference = one.y[one.z == 1].mean() - one.y[one.z == 0].mean()
    assert (found.lower, found.upper) == pytest.approx((difference, difference))


def test_clusters_widen_the_interval(trial):
    one = trial(clustered=True)
    alone = balke_pearl_bounds(one.y, one.a, one.z, one.w, None, rng())
    together = balke_pearl_bounds(one.y, one.a, one.z, one.w, one.cluster, rng())
    assert (together.lower, together.upper) == (alone.lower, alone.upper)
    assert together.lo < alone.lo
    assert together.hi > alone.hi


def test_the_interval_covers_the_bounds_at_least_as_often_as_it_says():
    draws = np.random.default_rng(3)
    shares = draws.dirichlet(np.full(16, 1.0))
    low, high = by_programming(cells_of(shares))
    types = np.array(TYPES)
    covered = 0
    for seed in range(100):
        sim = np.random.default_rng([5, seed])
        a0, a1, y0, y1 = types[sim.choice(16, 300, p=shares)].T
        z = sim.integers(0, 2, 300)
        a = np.where(z == 1, a1, a0)
        y = np.where(a == 1, y1, y0).astype(float)
        found = balke_pearl_bounds(y, a.astype(float), z.astype(float), np.ones(300), None, rng())
        covered += isinstance(found, NotEstimable) or (found.lo <= low and high <= found.hi)
    assert covered >= 90  # 95 less two Monte-Carlo errors of 2.2


def test_what_cannot_be_bounded_is_refused(trial):
    one = trial()
    with pytest.raises(OutcomeError, match="outside the declared range"):
        natural_bounds(2 * one.y, one.a, one.z, one.w, None, UNIT, rng())
    with pytest.raises(SpecError, match="outcome must be 0 or 1"):
        balke_pearl_bounds(2 * one.y, one.a, one.z, one.w, None, rng())


def test_natural_bounds_that_cross_are_empty(trial):
    one = trial()
    found = natural_bounds(one.z, 1.0 * (one.x[:, 0] > -3), one.z, one.w, None, UNIT, rng())
    assert isinstance(found, NotEstimable)
    assert "no effect at all" in found.reason

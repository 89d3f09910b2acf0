"""Bounds from shares of arms: those of the rows, and what margins alone leave open."""

import numpy as np
import pytest
from scipy.optimize import linprog

from causal.estimate import NotEstimable
from causal.instrumental.bounds import balke_pearl_bounds, natural_bounds
from causal.instrumental.cell_bounds import (
    cells_of,
    inequality,
    margin_bounds,
    sharp_bounds,
    wide_bounds,
)
from causal.instrumental.two_by_two import arm_from_rates
from causal.instrumental.validity import pearl_test

LEVEL = 0.95
SAME = 1e-9
STEPS = 60


def rng():
    return np.random.default_rng(5)


def arm(exposed, outcome, both=None, n=200):
    return arm_from_rates(n=n, of="randomised", exposed=exposed, outcome=outcome, both=both)


def rows(one):
    n = round(one.n)
    both, exposed, outcome = (round(n * share) for share in (one.both, one.exposed, one.outcome))
    sizes = (both, exposed - both, outcome - both, n - exposed - outcome + both)
    return np.repeat([1.0, 1.0, 0.0, 0.0], sizes), np.repeat([1.0, 0.0, 1.0, 0.0], sizes)


def test_shares_with_both_give_what_rows_give():
    one, other = arm(0.6, 0.5, 0.4), arm(0.3, 0.45, 0.2)
    (a1, y1), (a0, y0) = rows(one), rows(other)
    y, a, z = np.r_[y1, y0], np.r_[a1, a0], np.repeat([1.0, 0.0], 200)
    w = np.ones(400)
    cells = cells_of(one, other, None)
    for mine, theirs in (
        (sharp_bounds(*cells, rng(), LEVEL), balke_pearl_bounds(y, a, z, w, None, rng())),
        (wide_bounds(*cells, rng(), LEVEL), natural_bounds(y, a, z, w, None, (0.0, 1.0), rng())),
    ):
        assert (mine.lower, mine.upper) == pytest.approx((theirs.lower, theirs.upper), abs=SAME)
        assert (mine.lo, mine.hi) == pytest.approx((theirs.lo, theirs.hi), abs=0.01)  # draws
    tested = pearl_test(y, a, z, w, None, rng())
    assert inequality(*cells, rng(), LEVEL).statistic == pytest.approx(tested.statistic)


@pytest.mark.parametrize("seed", range(12))
def test_margins_alone_give_the_union_over_all_crossings(seed):
    """Arms drawn from types of persons: every crossing on a grid lies within, the union fills."""
    draws = np.random.default_rng([11, seed])
    types = draws.dirichlet(np.full(16, 0.4)).reshape(4, 4)  # exposure by z, outcome by exposure
    kinds = [(0, 0), (0, 1), (1, 0), (1, 1)]
    shares = []
    for z in (0, 1):
        a = sum(types[k].sum() * kinds[k][z] for k in range(4))
        y = sum(types[k, m] * kinds[m][kinds[k][z]] for k in range(4) for m in range(4))
        shares.append((float(a), float(y)))
    truth = float(sum(types[:, m].sum() * (kinds[m][1] - kinds[m][0]) for m in range(4)))
    found = margin_bounds(arm(*shares[1]), arm(*shares[0]))
    assert found.lower - SAME <= truth <= found.upper + SAME
    ends = [np.inf, -np.inf]
    grids = [np.linspace(max(0.0, a + y - 1), min(a, y), STEPS) for a, y in shares]
    for b0 in grids[0]:
        for b1 in grids[1]:
            cells = cells_of(arm(*shares[1], b1), arm(*shares[0], b0), None)
            one = closed(cells[0])
            if one is not None:
                ends = [min(ends[0], one[0]), max(ends[1], one[1])]
    assert found.lower <= ends[0] + SAME
    assert ends[1] <= found.upper + SAME
    assert ends == pytest.approx([found.lower, found.upper], abs=2 / STEPS)


def closed(means):
    """Give the Balke-Pearl bounds without their interval; None where the inequality is broken."""
    from causal.instrumental.bounds import _inequality_excess, _upper_from_lower, balke_pearl_lower

    if _inequality_excess(means) > SAME:
        return None
    (c, lower), (d, upper) = balke_pearl_lower(), _upper_from_lower()
    return float((c + lower @ means).max()), -float((d + upper @ means).max())


def test_margins_are_solved_as_by_linear_programming():
    draws = np.random.default_rng(3)
    solved = empty = 0
    for _ in range(40):
        (a0, y0), (a1, y1) = draws.random((2, 2)).round(3)
        found = margin_bounds(arm(a1, y1), arm(a0, y0))
        kinds = [(0, 0), (0, 1), (1, 0), (1, 1)]
        cost = [m[1] - m[0] for _ in kinds for m in kinds]
        table = [[1, k[0], k[1], m[k[0]], m[k[1]]] for k in kinds for m in kinds]
        ends = [
            linprog(sign * np.array(cost), A_eq=np.transpose(table), b_eq=[1, a0, a1, y0, y1])
            for sign in (1, -1)
        ]
        if ends[0].status == 2:
            assert isinstance(found, NotEstimable)
            empty += 1
        else:
            solved += 1
            assert (found.lower, -found.upper) == pytest.approx([e.fun for e in ends], abs=1e-7)
    assert solved > 20
    assert empty > 0


def test_the_interval_of_margins_covers_the_bounds():
    """Whatever the correlation within arms: here the one that makes the worst error."""
    draws = np.random.default_rng(1)
    truth = margin_bounds(arm(0.6, 0.5), arm(0.3, 0.4))
    held = 0
    for _ in range(300):
        one, other = (
            draws.multinomial(200, p) / 200 for p in ([0.5, 0.1, 0.0, 0.4], [0.3, 0.0, 0.1, 0.6])
        )
        found = margin_bounds(*(arm(float(c[0] + c[1]), float(c[0] + c[2])) for c in (one, other)))
        held += found.lo <= truth.lower and truth.upper <= found.hi
    assert held / 300 >= 0.95

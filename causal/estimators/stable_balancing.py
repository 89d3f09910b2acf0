"""Stable balancing weights: the least variable weights that balance means within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimators.balancing import ArmFit, Balancing, Columns, refuse_imbalance
from causal.estimators.base import Limited
from causal.estimators.glm import inverse_of_information
from causal.estimators.nuisance import NuisanceStore

ACTIVE = 1e-6
"""Multipliers above this share of the largest, and distances this near to the tolerance, count as
constraints that bind; the solver is asked for 1e-10."""
SOLVER = 1e-10
ROUNDS = 50
"""Changes of the binding set after the solver; none is the rule, ties need a few."""
SETTLED = 1e-12


class StableBalancing(Balancing):
    """Weights of least variance, none negative, that balance means within a tolerance.

    Attributes
    ----------
    target, terms, moments : whom the arms are weighted to, and what is balanced.
    tolerance : largest distance left of each mean, in standard deviations of all rows.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and that the outcome of the weighted
    arm is linear in what is balanced, up to what the tolerance leaves (at most tolerance times the
    sum of absolute standardised coefficients). Standard errors take as fixed which constraints
    bind and which rows get no weight, as they are in large samples where none is on the edge.

    References
    ----------
    Zubizarreta (2015), doi:10.1080/01621459.2015.1023805, equation 1; Wang & Zubizarreta (2020),
    doi:10.1093/biomet/asz050 (the dual, and its large-sample behaviour).
    """

    kind: Literal["stable_balancing"] = "stable_balancing"
    tolerance: float = Field(default=0.02, ge=0, le=1)

    def balance_arm(self, columns: Columns, sample: Sample, arm: int, over: Floats) -> ArmFit:
        """Weight one arm to about the means of the target."""
        rows = (sample.a == arm) & (sample.w > 0)
        aim = np.average(columns.design, axis=0, weights=sample.w * over)
        try:
            dual = solve_programme(columns.design[rows], sample.w[rows], aim, self.tolerance)
        except InfeasibleError:
            raise refuse_imbalance(columns, sample, arm, over, self.tolerance) from None
        return arm_fit(columns.design, rows, sample.w, over, dual, self.tolerance)

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows of the arms weighted that get no weight."""
        none = (self.weights(sample, nuisances) == 0) & (sample.w > 0)
        said = "rows that get no weight, since a negative one would be needed"
        return (Limited("without_weight", int(none.sum()), said),)


class InfeasibleError(ValueError):
    """No weights meet the constraints."""


@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """The solution by its multipliers: weights are the positive part of a linear predictor.

    Attributes
    ----------
    coefficients : (1 + p,) floats, 0 where a constraint does not bind.
    signs : (1 + p,) floats, -1 or 1 where the mean is held at the lower or upper end of its
        tolerance, 0 where it does not bind or is met exactly.
    binding : (1 + p,) booleans; the first, that weights sum to one, always.
    """

    coefficients: Floats
    signs: Floats
    binding: Bools


def solve_programme(points: Floats, w: Floats, aim: Floats, tolerance: float) -> Dual:
    r"""Find the multipliers of the quadratic programme.

    .. math:: \min_v \sum_i w_i v_i^2 \;\text{s.t.}\; \sum_i w_i v_i = \sum_i w_i,\;
        \left|\frac{\sum_i w_i v_i x_i}{\sum_i w_i} - aim\right| \le tolerance,\; v \ge 0

    solved by an interior point method; Newton steps on the binding constraints then bring it to
    rounding error.

    Parameters
    ----------
    points : (m, 1 + p) floats, the intercept first.
    w : (m,) floats, positive.
    aim : (1 + p,) floats.

    Raises
    ------
    InfeasibleError
        There are no such weights.
    """
    share = w / w.sum()
    multipliers, left = _interior_point(points, share, aim, tolerance)
    largest = np.abs(multipliers).max()
    binding = np.abs(multipliers) > ACTIVE * largest
    binding |= np.abs(np.abs(left) - tolerance) < ACTIVE if tolerance == 0 else False
    binding[0] = True
    signs = np.where(binding, -np.sign(multipliers), 0.0) if tolerance > 0 else 0 * multipliers
    signs[0] = 0.0
    beta = np.where(binding, multipliers, 0.0)
    for _ in range(ROUNDS):
        beta = _on_binding(points, share, aim + tolerance * signs, beta, binding)
        left = _imbalance(points, share, beta) - aim
        if tolerance == 0:
            break
        beyond = ~binding & (np.abs(left) > tolerance + SETTLED)
        wrong = binding & (signs * beta > 0)
        if not beyond.any() and not wrong.any():
            break
        signs = np.where(beyond, np.sign(left), np.where(wrong, 0.0, signs))
        binding = (binding | beyond) & ~wrong
        beta = np.where(binding, beta, 0.0)
    return Dual(beta, signs, binding)


def arm_fit(
    design: Floats, rows: Bools, w: Floats, over: Floats, dual: Dual, tolerance: float
) -> ArmFit:
    """Give weights with the influence values of their multipliers, binding constraints fixed.

    A mean held at the end of its tolerance is a moment too: that of the target, plus or minus the
    tolerance times a standard deviation, each with its own sampling error.

    Parameters
    ----------
    design : (n, 1 + p) floats, standardised over all rows.
    rows : (n,) booleans, the arm.
    over : (n,) floats, 0/1, the target.
    """
    size = np.sum(w * over) / np.sum(w * rows)
    eta = size * (design @ dual.coefficients)
    inside = rows & (eta > 0)
    weights = np.where(inside, eta, 0.0)
    chosen = design[:, dual.binding]
    spread = (w / w.mean())[:, None] * (chosen**2 - 1) / 2
    edge = tolerance * dual.signs[dual.binding]
    goal = (w * over)[:, None] * (chosen + edge) + np.mean(w * over) * edge * spread
    scores = (w * weights)[:, None] * chosen - goal
    bread, _ = inverse_of_information(chosen.T @ (chosen * (w * inside)[:, None]) / len(design))
    influence = np.zeros_like(design)
    influence[:, dual.binding] = -scores @ bread
    return ArmFit(weights, inside.astype(np.float64), influence)


def _imbalance(points: Floats, share: Floats, beta: Floats) -> Floats:
    """Give the weighted means that multipliers lead to."""
    return np.asarray((share * np.maximum(points @ beta, 0.0)) @ points)


def _on_binding(points: Floats, share: Floats, aim: Floats, beta: Floats, binding: Bools) -> Floats:
    """Meet the binding constraints by Newton steps; the equations are piecewise linear."""
    chosen = points[:, binding]
    beta = beta.copy()
    for _ in range(ROUNDS):
        inside = points @ beta > 0
        gap = _imbalance(points, share, beta)[binding] - aim[binding]
        inverse, _ = inverse_of_information(chosen.T @ (chosen * (share * inside)[:, None]))
        move = inverse @ gap
        beta[binding] -= move
        if np.abs(chosen @ move).max() < SETTLED:
            break
    return beta


def _interior_point(
    points: Floats, share: Floats, aim: Floats, tolerance: float
) -> tuple[Floats, Floats]:
    """Solve the programme in the weights; give its multipliers and what is left of each mean."""
    import clarabel
    from scipy import sparse

    m, p = len(points), points.shape[1] - 1
    means = sparse.csc_array((share[:, None] * points).T)
    total, rest = means[:1], means[1:]
    rows = [total, rest] if tolerance == 0 else [total, rest, -rest]
    ends = (
        [np.ones(1), aim[1:]]
        if tolerance == 0
        else [np.ones(1), aim[1:] + tolerance, tolerance - aim[1:]]
    )
    exact = 1 + p if tolerance == 0 else 1
    sides = 0 if tolerance == 0 else 2 * p
    cones = [clarabel.ZeroConeT(exact), clarabel.NonnegativeConeT(m + sides)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = SOLVER
    found = clarabel.DefaultSolver(
        sparse.csc_matrix(sparse.diags_array(share)),
        np.zeros(m),
        sparse.csc_matrix(sparse.vstack([*rows, -sparse.identity(m)])),
        np.concatenate([*ends, np.zeros(m)]),
        cones,
        settings,
    ).solve()
    if "Solved" not in str(found.status):
        raise InfeasibleError(str(found.status))
    z = np.asarray(found.z)
    slopes = z[1 : 1 + p] if tolerance == 0 else z[1 : 1 + p] - z[1 + p : 1 + 2 * p]
    left = (share * np.asarray(found.x)) @ points - aim
    return -np.concatenate([z[:1], slopes]), left

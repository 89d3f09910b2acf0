"""Newton's method for convex losses of a linear predictor, and what it says of no minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from causal.arrays import Floats, Ints, read_only
from causal.estimators.glm import inverse_of_information

MAX_STEPS = 60
"""Newton converges in 5 to 20 steps where a minimum exists."""
TOLERANCE = 1e-11
"""Largest change of any linear predictor in the last step: Newton is quadratic, so the error left
is its square."""
STATIONARY = 1e-8
"""Largest slope along a standardised column, over the whole curvature, that counts as none."""
LONGEST_STEP = 5.0
"""Weights are exponentials: a change of 5 multiplies one by 150, and further the expansion a step
rests on says nothing."""
HALVINGS = 30

Loss: TypeAlias = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""(n,) linear predictors to (n,) losses with first and second derivatives, the rows' own weights
included."""


class NoMinimumError(ValueError):
    """The loss falls for ever, or cannot be brought to rest.

    Parameters
    ----------
    columns : the columns along which the coefficients run away, largest first.
    """

    def __init__(self, columns: Ints) -> None:
        self.columns = columns
        super().__init__("the loss has no minimum")


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where a convex loss is smallest.

    Attributes
    ----------
    coefficients : (p,) floats.
    eta : (n,) floats, linear predictors.
    influence : (n, p) floats, of the coefficients: minus score times inverse mean curvature.
    """

    coefficients: Floats
    eta: Floats
    influence: Floats


def minimise(design: Floats, loss: Loss, start: Floats | None = None) -> Minimum:
    """Minimise the sum of a convex loss of ``design @ coefficients``.

    Directions the curvature does not see (aliased columns) are left at zero.

    Parameters
    ----------
    design : (n, p) floats, an intercept and standardised columns.
    start : (p,) floats; zeros when None.

    Raises
    ------
    NoMinimumError
        There is no finite minimum.
    """
    n = len(design)
    beta = np.zeros(design.shape[1]) if start is None else start
    eta = design @ beta
    value, first, second = loss(eta)
    move, estimable = beta, 0
    for step in range(MAX_STEPS):
        inverse, rank = inverse_of_information(design.T @ (design * second[:, None]))
        estimable = rank if step == 0 else estimable
        slope = design.T @ first
        move = -inverse @ slope
        change = design @ move
        largest = float(np.abs(change[second > 0]).max())
        if rank < estimable:  # curvature along some direction has run out: no minimum
            break
        if largest < TOLERANCE * max(1.0, float(np.abs(eta[second > 0]).max())):
            if np.abs(slope).max() > STATIONARY * second.sum():
                raise NoMinimumError(np.argsort(-np.abs(slope), kind="stable"))
            influence = -(design * first[:, None]) @ (inverse * n)
            return Minimum(read_only(beta), read_only(eta), read_only(influence))
        shrink = min(1.0, LONGEST_STEP / largest)
        falls = float(slope @ move)
        for _ in range(HALVINGS):
            tried = loss(eta + shrink * change)
            if tried[0].sum() <= value.sum() + 1e-4 * shrink * falls + _rounding(value):
                break
            shrink /= 2
        beta, eta = beta + shrink * move, eta + shrink * change
        value, first, second = tried
    raise NoMinimumError(np.argsort(-np.abs(move), kind="stable"))


def _rounding(value: Floats) -> float:
    """Give the rounding error of a sum of losses, which a step near the minimum is lost in."""
    return float(8 * np.finfo(float).eps * np.abs(value).sum())

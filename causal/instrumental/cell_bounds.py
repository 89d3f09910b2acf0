"""Bounds and the instrumental inequality of a published trial, from shares of its two arms."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from causal import inference
from causal.arrays import Floats
from causal.estimate import NotEstimable
from causal.instrumental.bounds import (
    TOLERANCE,
    InstrumentBounds,
    balke_pearl_of,
    natural_of,
)
from causal.instrumental.two_by_two import Arm, within_arm
from causal.instrumental.validity import ValidityTest, pearl_of

FILLED = np.array([[0, 0, 0, 1], [1, 0, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1]], dtype=np.float64)
"""Outcomes of the unexposed, then of the exposed, filled with 0 and with 1, from p(y, a)."""
ROUNDING = 1e-9


def cells_of(encouraged: Arm, control: Arm, correlation: float | None) -> tuple[Floats, Floats]:
    """Give the shares p(y, a | z) and their covariance.

    Parameters
    ----------
    encouraged, control : the arms.
    correlation : of exposure with outcome within arms, where these are not crossed.

    Returns
    -------
    (8,) floats in the order of ``bounds.CELLS``, and their (8, 8) multinomial covariance.

    Raises
    ------
    SpecError
        An arm is not crossed and there is no correlation, or it cannot be.
    """
    means, covariance = np.empty(8), np.zeros((8, 8))
    for place, arm in ((slice(0, 4), control), (slice(4, 8), encouraged)):
        both = arm.exposed * arm.outcome + within_arm(arm, correlation)
        shares = np.array(
            [1 - arm.exposed - arm.outcome + both, arm.exposed - both, arm.outcome - both, both]
        )
        shares = np.where(np.abs(shares) < ROUNDING, 0.0, shares)
        means[place] = shares
        covariance[place, place] = (np.diag(shares) - np.outer(shares, shares)) / arm.n
    return means, covariance


def sharp_bounds(
    means: Floats, covariance: Floats, rng: np.random.Generator, level: float
) -> InstrumentBounds | NotEstimable:
    """Give the Balke-Pearl bounds of the average effect; see ``bounds.balke_pearl_bounds``."""
    return balke_pearl_of(means, covariance, rng, level)


def wide_bounds(
    means: Floats, covariance: Floats, rng: np.random.Generator, level: float
) -> InstrumentBounds | NotEstimable:
    """Give the natural bounds of the average effect; see ``bounds.natural_bounds``."""
    turn = np.kron(np.eye(2), FILLED)
    return natural_of(turn @ means, turn @ covariance @ turn.T, 1.0, rng, level)


def inequality(
    means: Floats, covariance: Floats, rng: np.random.Generator, level: float
) -> ValidityTest:
    """Test the instrumental inequality; see ``validity.pearl_test``."""
    return pearl_of(means, covariance, rng, level)


def margin_bounds(
    encouraged: Arm, control: Arm, level: float = inference.LEVEL
) -> InstrumentBounds | NotEstimable:
    r"""Give the sharp bounds when exposure is not crossed with outcome within arms.

    What four shares, exposed and with the outcome in either arm, allow the average effect to be,
    whatever goes together within arms: the union of the Balke-Pearl bounds over all crossings
    (Fréchet's) that agree with a valid instrument. It is the linear programme over the sixteen
    types (how exposure answers to the instrument, outcome to exposure)

    .. math:: \min_{x \ge 0} c^\top x, \; B x = d

    whose dual's corners are functions linear in the shares d. The interval lowers each by a
    Bonferroni quantile of its error at the worst correlation, and so is wide.

    Returns
    -------
    The bounds; or that no valid instrument gives these shares.

    References
    ----------
    Balke & Pearl (1997), doi:10.1080/01621459.1997.10474074, section 3 (the programme); Fréchet
    (1951), Annales de l'Université de Lyon A 14:53 (what margins leave open).
    """
    from scipy.optimize import linprog

    shares = np.array(
        [1.0, control.exposed, encouraged.exposed, control.outcome, encouraged.outcome]
    )
    cost, margins = _types()
    if linprog(cost, A_eq=margins, b_eq=shares, bounds=(0, 1)).status == 2:
        return NotEstimable(
            "no valid instrument gives these shares: the outcome moves more than any effect of "
            "exposure lets it"
        )
    ends = []
    for sign in (1.0, -1.0):
        corners = _corners(sign)
        errors = np.sqrt(_worst_variance(corners, encouraged, control))
        quantile = inference.critical_value(1 - (1 - level) / len(corners))
        values = corners @ shares
        ends.append((float(values.max()), float((values - quantile * errors).max())))
    (low, lo), (minus_high, minus_hi) = ends
    return InstrumentBounds(low, -minus_high, max(lo, -1.0), min(-minus_hi, 1.0), level, "margins")


def _types() -> tuple[Floats, Floats]:
    """Give (16,) effects of the types, and the (5, 16) shares each contributes to the margins."""
    effects, columns = [], []
    for exposed in ((0, 0), (0, 1), (1, 0), (1, 1)):  # under instrument 0 and 1
        for outcome in ((0, 0), (0, 1), (1, 0), (1, 1)):  # unexposed and exposed
            effects.append(outcome[1] - outcome[0])
            columns.append([1, *exposed, *(outcome[one] for one in exposed)])
    return np.array(effects, dtype=np.float64), np.array(columns, dtype=np.float64).T


@cache
def _corners(sign: float) -> Floats:
    """Give the corners of the dual, (k, 5) coefficients of the margins; sign -1 for the upper end.

    The largest value of any is the lower bound, or minus the upper one.
    """
    cost, margins = _types()
    picks = np.array(list(combinations(range(16), 5)))
    systems = np.swapaxes(margins[:, picks], 0, 1)  # (picks, 5 margins, 5 types)
    regular = np.abs(np.linalg.det(systems)) > ROUNDING
    turned = np.swapaxes(systems[regular], 1, 2)
    goals = sign * cost[picks[regular]]
    corners = np.linalg.solve(turned, goals[:, :, None])[:, :, 0]
    feasible = (corners @ margins <= sign * cost + ROUNDING).all(axis=1)
    return np.unique(np.round(corners[feasible], 9) + 0.0, axis=0)


def _worst_variance(corners: Floats, encouraged: Arm, control: Arm) -> Floats:
    """Give the largest variance each corner's value can have, over what goes together in arms."""
    variance = np.zeros(len(corners))
    for arm, one, other in ((control, 1, 3), (encouraged, 2, 4)):
        a, y = corners[:, one], corners[:, other]
        product = arm.exposed * arm.outcome
        most = min(arm.exposed, arm.outcome) - product
        least = max(0.0, arm.exposed + arm.outcome - 1) - product
        spread = a**2 * arm.exposed * (1 - arm.exposed) + y**2 * arm.outcome * (1 - arm.outcome)
        variance += (spread + 2 * a * y * np.where(a * y > 0, most, least)) / arm.n
    return np.maximum(variance, TOLERANCE**2)

"""Proportional selection: a linear model without and with covariates, and what a third would do.

Pure functions of arrays and numbers; letters as in Oster (2019), doi:10.1080/07350015.2016.1227711.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.estimate import NotEstimable
from causal.findings import Number

NOTHING = 1e-10
"""Relative size below which a movement of the estimate or of R2 is rounding error."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Two least-squares regressions of the outcome on exposure, and what the second adds.

    Attributes
    ----------
    uncontrolled, controlled : coefficients of exposure, without and with the covariates.
    r2_uncontrolled, r2_controlled : R2 of both.
    outcome : variance of the outcome.
    exposure : variance of exposure, given what both regressions have (time indicators).
    left : variance of exposure, given the covariates too.
    """

    uncontrolled: float
    controlled: float
    r2_uncontrolled: float
    r2_controlled: float
    outcome: float
    exposure: float
    left: float


def measure_movement(
    y: Floats, a: Floats, x: Floats, shared: Floats, w: Floats
) -> Movement | NotEstimable:
    """Fit both regressions.

    Parameters
    ----------
    y, a : (n,) floats, known.
    x : (n, p) floats, the covariates that are added.
    shared : (n, q) floats, columns both regressions have.
    w : (n,) floats.
    """
    root = np.sqrt(w)
    both = np.column_stack([np.ones(len(y)), shared])
    first, second = (
        _regress(root * y, root * a, design * root[:, None])
        for design in (both, np.column_stack([both, x]))
    )
    centred = root * (y - np.average(y, weights=w))
    total, exposure = (
        float(centred @ centred),
        float((w * (a - np.average(a, weights=w)) ** 2).sum()),
    )
    if min(second[1], first[1]) <= NOTHING * exposure:
        return NotEstimable("the covariates determine exposure in the linear model")
    if second[2] <= NOTHING * total:
        return NotEstimable("exposure and covariates determine the outcome in the linear model")
    n = float(w.sum())
    return Movement(
        first[0],
        second[0],
        1 - first[2] / total,
        1 - second[2] / total,
        total / n,
        first[1] / n,
        second[1] / n,
    )


def movements_without(
    y: Floats, a: Floats, x: Floats, blocks: Sequence[tuple[str, Bools]], w: Floats
) -> tuple[tuple[str, float], ...]:
    """Give how far leaving out each block moves the controlled coefficient of exposure.

    Parameters
    ----------
    y, a, w : as in ``measure_movement``.
    x : (n, p) floats, all columns of the controlled regression but the constant.
    blocks : each by name, with (p,) booleans.
    """
    root = np.sqrt(w)

    def coefficient(columns: Floats) -> float:
        design = np.column_stack([np.ones(len(y)), columns]) * root[:, None]
        return _regress(root * y, root * a, design)[0]

    whole = coefficient(x)
    return tuple((name, coefficient(x[:, ~part]) - whole) for name, part in blocks)


def delta_for(moved: Movement, r2_max: float, effect: float = 0.0) -> Number:
    """Give the relative strength of selection at which the effect is a given one.

    Parameters
    ----------
    r2_max : R2 with the unmeasured covariates, above that with the measured.
    effect : the coefficient of exposure to be left.

    Returns
    -------
    delta; below 0 where the unmeasured would have to work against the measured.

    References
    ----------
    Oster (2019), doi:10.1080/07350015.2016.1227711, proposition 3.
    """
    gap = moved.controlled - effect
    if gap == 0:
        return 0.0
    a = moved.uncontrolled - moved.controlled
    b = (moved.r2_controlled - moved.r2_uncontrolled) * moved.outcome
    c = (r2_max - moved.r2_controlled) * moved.outcome
    x, tau = moved.exposure, moved.left
    selected = a * x + gap * (x - tau)
    if abs(selected) <= NOTHING * abs(gap) * x:
        return NotEstimable(
            "the measured covariates have nothing to do with exposure, so selection on them is "
            "no yardstick"
        )
    # the fraction of proposition 3, its numerator and denominator as products
    return gap * tau * (b + x * (gap + a) ** 2 - tau * gap**2) / (selected * (c + tau * gap**2))


def effects_at_one(moved: Movement, r2_max: float) -> tuple[float, float | None]:
    """Give the effect if selection on the unmeasured were as strong as on the measured.

    Of two solutions, of opposite sides of the controlled estimate, it is the one farther the way
    the measured covariates have moved it; the other is given second, None where there is one only.

    Parameters
    ----------
    r2_max : as in ``delta_for``.

    References
    ----------
    Oster (2019), doi:10.1080/07350015.2016.1227711, the case of delta = 1 (a quadratic);
    assumption 3 there chooses the solution.
    """
    a = moved.uncontrolled - moved.controlled
    b = (moved.r2_controlled - moved.r2_uncontrolled) * moved.outcome
    c = (r2_max - moved.r2_controlled) * moved.outcome
    x, tau = moved.exposure, moved.left
    # -tau A X v^2 + k v + C A X = 0, v what is to be taken off the controlled coefficient
    k = c * (x - tau) - b * tau - x * tau * a**2
    root = math.sqrt(k**2 + 4 * tau * c * (a * x) ** 2)
    if abs(a) * math.sqrt(tau) * x <= NOTHING * root:
        return moved.controlled, None
    pivot = k + math.copysign(root, k)
    solutions = (pivot / (2 * tau * a * x), -2 * c * a * x / pivot)
    own, other = sorted(solutions, key=lambda v: v * a, reverse=True)
    return moved.controlled - own, moved.controlled - other


def effects_at(moved: Movement, r2_max: float, delta: float) -> tuple[float | NotEstimable, Floats]:
    r"""Give the effect that selection delta times as strong as on the measured would leave.

    The fraction of proposition 3, set to delta, is a cubic in v, what is to be taken off the
    controlled coefficient:

    .. math:: (1 - \delta) \tau (X - \tau) v^3 + (2 - \delta) \tau A X v^2
        + (\tau (B + X A^2) - \delta C (X - \tau)) v - \delta C A X = 0

    Of its real solutions it is the one nearest 0 on the side of delta times A, the way the measured
    covariates have moved the estimate: as delta goes to 0 it goes to the controlled estimate, and
    at 1 it is that of ``effects_at_one``.

    Parameters
    ----------
    r2_max : as in ``delta_for``.
    delta : not 0.

    Returns
    -------
    The effect, or why there is none; and the effects of the other real solutions, ascending.

    References
    ----------
    Oster (2019), doi:10.1080/07350015.2016.1227711, propositions 2 and 3.
    """
    a = moved.uncontrolled - moved.controlled
    b = (moved.r2_controlled - moved.r2_uncontrolled) * moved.outcome
    c = (r2_max - moved.r2_controlled) * moved.outcome
    x, tau = moved.exposure, moved.left
    cubic = [
        (1 - delta) * tau * (x - tau),
        (2 - delta) * tau * a * x,
        tau * (b + x * a**2) - delta * c * (x - tau),
        -delta * c * a * x,
    ]
    largest = max(abs(one) for one in cubic)
    if abs(a) * math.sqrt(tau) * x <= NOTHING * largest:
        return moved.controlled, np.empty(0)
    while abs(cubic[0]) <= NOTHING * largest:
        cubic = cubic[1:]
    found = np.roots(cubic)
    real = found.real[np.abs(found.imag) <= NOTHING * (1 + np.abs(found.real))]
    likewise = real[real * delta * a >= 0]
    if len(likewise) == 0:
        return NotEstimable(
            f"no effect goes with delta {delta:g} and R2 {r2_max:.2f} on the side to which the "
            "measured covariates move the estimate"
        ), np.sort(moved.controlled - real)
    own = float(likewise[np.argmin(np.abs(likewise))])
    return moved.controlled - own, np.sort(moved.controlled - real[real != own])


def _regress(y: Floats, a: Floats, design: Floats) -> tuple[float, float, float]:
    """Give the coefficient of exposure, its residual, and the residual sum of squares."""
    rest_a = a - design @ np.linalg.lstsq(design, a)[0]
    rest_y = y - design @ np.linalg.lstsq(design, y)[0]
    spread = float(rest_a @ rest_a)
    slope = float(rest_a @ rest_y) / spread if spread else 0.0
    error = rest_y - slope * rest_a
    return slope, spread, float(error @ error)

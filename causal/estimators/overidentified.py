"""Score and balance together: the two-step GMM of a logistic propensity, with its influence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, read_only
from causal.estimators.convex import Minimum
from causal.estimators.glm import NuisanceFit, inverse_of_information
from causal.estimators.regression import AverageTarget

POLISH = 30
"""Newton steps after least squares, which stop at rounding; two to four are needed."""
SETTLED = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Score and balance equations at some coefficients.

    Attributes
    ----------
    rows : (n, 2 p) floats, moments of each row: score first, balance second.
    mean : (2 p,) floats.
    jacobian : (2 p, p) floats, of the mean.
    """

    rows: Floats
    mean: Floats
    jacobian: Floats


def balance_moments(eta: Floats, a: Floats, target: AverageTarget) -> tuple[Floats, Floats, Floats]:
    """Give the (n,) multiplier of the balance equations, with two derivatives in eta.

    It is 1/e for the exposed and -1/(1 - e) for the others (ATE), 1 and -e/(1 - e) (ATT), or
    (1 - e)/e and -1 (ATC).
    """
    odds = (1 - a) * np.exp(np.where(a == 0, eta, 0.0))
    inverse = a * np.exp(np.where(a == 1, -eta, 0.0))
    if target == "ATT":
        return a - odds, -odds, -odds
    if target == "ATC":
        return inverse - (1 - a), -inverse, inverse
    return a + inverse - (1 - a) - odds, -inverse - odds, inverse - odds


def fit_both(
    design: Floats,
    a: Floats,
    w: Floats,
    target: AverageTarget,
    likely: NuisanceFit,
    starts: list[Floats],
) -> Minimum:
    """Minimise the quadratic form of both sets of moments, its matrix taken at the likelihood.

    Influence values are those of the minimum's own equations: the matrix is fitted too, and the
    moments need not vanish together (Hall & Inoue 2003).

    Parameters
    ----------
    design : (n, p) floats, the intercept first.
    a, w : (n,) floats; rows of weight 0 are left out.
    likely : the maximum likelihood fit.
    starts : coefficients to begin from; the lowest minimum is taken.

    References
    ----------
    Imai & Ratkovic (2014), doi:10.1111/rssb.12027, equations 8 to 12; Hall & Inoue (2003),
    doi:10.1016/S0304-4076(03)00089-7.
    """
    from scipy import optimize

    matrix = _expected_square(design, design @ likely.coefficients, w, target)
    weighting, _ = inverse_of_information(matrix)
    values, vectors = np.linalg.eigh(weighting)
    root = vectors * np.sqrt(np.maximum(values, 0.0))

    def residual(beta: Floats) -> Floats:
        return np.asarray(_moments(design, beta, a, w, target).mean @ root)

    def jacobian(beta: Floats) -> Floats:
        return np.asarray(root.T @ _moments(design, beta, a, w, target).jacobian)

    fits = [
        optimize.least_squares(residual, start, jac=jacobian, xtol=1e-12, ftol=1e-15, gtol=1e-15)
        for start in starts
    ]
    beta = min(fits, key=lambda one: float(one.cost)).x
    for _ in range(POLISH):
        slope, curvature = _stationary(design, beta, a, w, target, weighting)
        move = inverse_or_least(curvature) @ slope
        beta = beta - move
        if np.abs(design @ move).max() < SETTLED * max(1.0, float(np.abs(beta).max())):
            break
    influence = _influence(design, beta, a, w, target, weighting, likely)
    return Minimum(read_only(beta), read_only(design @ beta), read_only(influence))


def inverse_or_least(matrix: Floats) -> Floats:
    """Invert a symmetric matrix; aliased directions get zero."""
    return np.asarray(np.linalg.pinv(matrix, rcond=1e-11, hermitian=True))


def _moments(design: Floats, beta: Floats, a: Floats, w: Floats, target: AverageTarget) -> _Moments:
    """Give both sets of moments."""
    n, eta = len(design), design @ beta
    e = 0.5 * (1 + np.tanh(0.5 * eta))
    multiplier, slope, _ = balance_moments(eta, a, target)
    rows = np.hstack([design * (w * (a - e))[:, None], design * (w * multiplier)[:, None]])
    jacobian = np.vstack(
        [
            -design.T @ (design * (w * e * (1 - e))[:, None]),
            design.T @ (design * (w * slope)[:, None]),
        ]
    )
    return _Moments(rows, rows.mean(axis=0), jacobian / n)


def _squares(eta: Floats, target: AverageTarget) -> tuple[Floats, ...]:
    """Give the expected squares and products of both multipliers, then their derivatives.

    Three (n,) floats: score squared, score times balance, balance squared; then three slopes.
    """
    e = 0.5 * (1 + np.tanh(0.5 * eta))
    q = e * (1 - e)
    if target == "ATT":
        odds = np.exp(eta)
        return q, e, odds, q * (1 - 2 * e), q, odds
    if target == "ATC":
        inverse = np.exp(-eta)
        return q, 1 - e, inverse, q * (1 - 2 * e), -q, -inverse
    odds, inverse = np.exp(eta), np.exp(-eta)
    second = 2 + odds + inverse  # 1 / q, without dividing by what underflows
    return q, np.ones_like(e), second, q * (1 - 2 * e), np.zeros_like(e), odds - inverse


def _expected_square(design: Floats, eta: Floats, w: Floats, target: AverageTarget) -> Floats:
    """Give the (2 p, 2 p) expected square of the moments, exposure averaged over given x."""
    first, both, second, *_ = (
        design.T @ (design * (w * one)[:, None]) / len(design) for one in _squares(eta, target)
    )
    return np.asarray(np.block([[first, both], [both, second]]))


def _stationary(
    design: Floats, beta: Floats, a: Floats, w: Floats, target: AverageTarget, weighting: Floats
) -> tuple[Floats, Floats]:
    """Give the slope of half the quadratic form, and its whole curvature."""
    found = _moments(design, beta, a, w, target)
    pull = weighting @ found.mean
    eta, p = design @ beta, design.shape[1]
    e = 0.5 * (1 + np.tanh(0.5 * eta))
    _, _, bend = balance_moments(eta, a, target)
    bends = -e * (1 - e) * (1 - 2 * e) * (design @ pull[:p]) + bend * (design @ pull[p:])
    curvature = found.jacobian.T @ weighting @ found.jacobian
    curvature = curvature + design.T @ (design * (w * bends)[:, None]) / len(design)
    return found.jacobian.T @ pull, curvature


def _influence(
    design: Floats,
    beta: Floats,
    a: Floats,
    w: Floats,
    target: AverageTarget,
    weighting: Floats,
    likely: NuisanceFit,
) -> Floats:
    """Give the (n, p) influence values of the coefficients.

    What one more row does to the stationary equation: through the jacobian, the moments, the
    matrix, and the likelihood fit the matrix is taken at.
    """
    found = _moments(design, beta, a, w, target)
    pull = weighting @ found.mean
    p, eta = design.shape[1], design @ beta
    e = 0.5 * (1 + np.tanh(0.5 * eta))
    _, slope, _ = balance_moments(eta, a, target)
    on_score, on_balance = design @ pull[:p], design @ pull[p:]
    through_jacobian = design * (w * (slope * on_balance - e * (1 - e) * on_score))[:, None]
    first, both, second, *slopes = _squares(design @ likely.coefficients, target)
    in_matrix = np.hstack(
        [
            design * (w * (first * on_score + both * on_balance))[:, None],
            design * (w * (both * on_score + second * on_balance))[:, None],
        ]
    )
    moved = np.vstack(
        [
            design.T @ (design * (w * (slopes[0] * on_score + slopes[1] * on_balance))[:, None]),
            design.T @ (design * (w * (slopes[1] * on_score + slopes[2] * on_balance))[:, None]),
        ]
    ) / len(design)
    in_matrix = in_matrix - in_matrix.mean(axis=0) + likely.influence @ moved.T
    _, curvature = _stationary(design, beta, a, w, target, weighting)
    back = found.jacobian.T @ weighting
    total = through_jacobian + (found.rows - found.mean - in_matrix) @ back.T
    return np.asarray(-total @ inverse_or_least(curvature))

"""Classical error in covariates: what it does to the exposure's coefficient, and its removal.

Letters as in Carroll et al. (2006): W is the score seen, X* what it measures, C an intercept,
exposure and the other covariates; W = X* + U with U independent of X*, C and the outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.estimate import NotEstimable
from causal.estimators.glm import NuisanceFit

NOTHING = 1e-9
"""A share of variance below this is rounding error of the projections."""
NARROW = 0.02
"""A reliability must exceed the lowest by this share of what that leaves to 1. It is what is left
of the score's own variance: nearer, the correction divides by less than a fiftieth and is noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Proxies:
    """Scores seen with error, given exposure and the other covariates.

    Attributes
    ----------
    slope : (m,) floats, coefficient of exposure in the regression of each score on C.
    slope_influence : (n, m) floats.
    spread : of exposure, its variance once the other covariates are known.
    residual : (n, m) floats, what C leaves of the scores; 0 outside the rows used.
    within : (m, m) floats, its covariance.
    centred : (n, m) floats, scores about their mean.
    variance : (m,) floats, of the scores.
    weight : (n,) floats, mean 1; 0 outside the rows used.
    """

    slope: Floats
    slope_influence: Floats
    spread: float
    residual: Floats
    within: Floats
    centred: Floats
    variance: Floats
    weight: Floats

    @property
    def explained(self) -> Floats:
        """Give (m,) R2 of each score with exposure and the other covariates."""
        return np.asarray(1 - np.diag(self.within) / self.variance)

    @property
    def explained_by_exposure(self) -> Floats:
        """Give (m,) partial R2 of each score with exposure, given the other covariates."""
        own = self.slope**2 * self.spread
        return np.asarray(own / (own + np.diag(self.within)))

    @property
    def lowest_reliability(self) -> float:
        r"""Give the reliability, the same for all scores, that the data still allow.

        What the scores measure must keep variance in every direction once C is known, so
        :math:`\Sigma_{W|C} - (1 - r) \operatorname{diag} \operatorname{var}(W)` must be positive
        definite. For one score this is r above R2 of the score with C.
        """
        values, vectors = np.linalg.eigh(self.within)
        if values[0] <= NOTHING * float(self.variance.max()):
            return 1.0
        half = (vectors / np.sqrt(values)) @ vectors.T
        return 1 - 1 / float(np.linalg.eigvalsh(half @ (self.variance[:, None] * half))[-1])

    def allows(self, reliability: float) -> bool:
        """Tell whether a reliability is clear of the lowest one, by the rule of ``NARROW``."""
        lowest = self.lowest_reliability
        return reliability - lowest > NARROW * (1 - lowest)


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """What error in the scores adds to the exposure's coefficient, with (n,) influence values."""

    value: float
    influence: Floats


def regress_proxies(
    proxies: Floats, a: Floats, x: Floats, w: Floats, rows: Bools
) -> Proxies | NotEstimable:
    """Regress the scores on exposure and the other covariates.

    Parameters
    ----------
    proxies : (n, m) floats.
    a : (n,) floats.
    x : (n, p) floats, the other covariates, without intercept.
    w : (n,) floats.
    rows : (n,) booleans, the rows of the outcome regression.
    """
    weight = np.where(rows, w, 0.0)
    weight = weight / weight.mean()
    root = np.sqrt(weight)
    others = np.column_stack([np.ones(len(a)), x]) * root[:, None]
    left_of_a = _residual(others, root * a)
    spread = float(left_of_a @ left_of_a) / len(a)
    residual = _residual(np.column_stack([others, root * a]), root[:, None] * proxies)
    centred = proxies - np.average(proxies, axis=0, weights=weight)
    variance = (weight[:, None] * centred**2).mean(axis=0)
    if spread <= NOTHING * float(np.average(a**2, weights=weight)):
        return NotEstimable("the covariates determine exposure")
    if (variance <= NOTHING * np.abs(proxies).max(axis=0) ** 2).any():
        return NotEstimable("a score does not vary")
    return Proxies(
        slope=(left_of_a[:, None] * root[:, None] * proxies).mean(axis=0) / spread,
        slope_influence=left_of_a[:, None] * residual / spread,
        spread=spread,
        residual=np.where(weight[:, None] > 0, residual / np.where(root > 0, root, 1)[:, None], 0),
        within=np.asarray(residual.T @ residual / len(a)),
        centred=centred,
        variance=variance,
        weight=weight,
    )


def shift_by_error(
    proxies: Proxies, coefficients: Floats, influence: Floats, reliability: float
) -> Shift:
    r"""Give what error in the scores adds to the coefficient of exposure.

    Regression calibration puts :math:`E[X^*|W, C]`, linear in W and C, in the place of W. That
    only rewrites the linear predictor, so the refitted coefficient of exposure is the old one less

    .. math:: \delta = g^\top (\Sigma_{W|C} - S)^{-1} S b, \qquad S = (1 - r)
        \operatorname{diag} \operatorname{var}(W)

    with g the coefficients of exposure for the scores and b those of the scores for the outcome.
    For one score :math:`\delta = g b (1 - r) / (r - R^2_{W|C})`. With an identity link it is the
    errors-in-variables estimator exactly.

    Parameters
    ----------
    coefficients : (m,) floats, of the scores in the outcome regression.
    influence : (n, m) floats, theirs.
    reliability : one that ``Proxies.allows``.

    References
    ----------
    Carroll, Ruppert, Stefanski & Crainiceanu (2006), Measurement Error in Nonlinear Models,
    chapter 4; Fuller (1987), Measurement Error Models, section 2.2, for the identity link.
    """
    error = (1 - reliability) * proxies.variance
    inverse = np.linalg.inv(proxies.within - np.diag(error))
    u, v = inverse @ proxies.slope, inverse @ (error * coefficients)
    weight = proxies.weight
    # the derivative of the product, factor by factor: g, b, S and the covariance within
    d_slope = proxies.slope_influence @ v
    d_coefficients = influence @ (error * u)
    d_error = (1 - reliability) * (weight[:, None] * proxies.centred**2 - proxies.variance)
    d_within = weight * (proxies.residual @ u) * (proxies.residual @ v) - u @ proxies.within @ v
    moved = d_slope + d_coefficients + d_error @ (u * (coefficients + v)) - d_within
    return Shift(float(proxies.slope @ v), moved)


def calibrated_means(
    fit: NuisanceFit, designs: tuple[Floats, Floats], a: Floats, over: Floats, shift: Shift
) -> tuple[Floats, Floats]:
    """Standardise an outcome regression whose exposure coefficient has been freed of a shift.

    What the scores measure is held, so only the step from the exposure a row has to the one it is
    given changes.

    Parameters
    ----------
    fit : the outcome regression, with the scores as seen.
    designs : two (n, p) designs on its own scale, exposure set to 0 and to 1.
    a : (n,) floats.
    over : (n,) floats, whom to average over.

    Returns
    -------
    (2,) means and (n, 2) influence values.
    """
    weight = over / over.mean()
    values, influence = np.empty(2), np.empty((len(a), 2))
    for level, design in enumerate(designs):
        eta = design @ fit.coefficients - (level - a) * shift.value
        mean = eta if fit.link == "linear" else 0.5 * (1 + np.tanh(0.5 * eta))
        slope = weight * fit.slope(mean)
        values[level] = np.mean(weight * mean)
        influence[:, level] = (
            weight * (mean - values[level])
            + fit.influence @ (slope[:, None] * design).mean(axis=0)
            - np.mean(slope * (level - a)) * shift.influence
        )
    return values, influence


def raw_coefficients(fit: NuisanceFit, columns: list[int]) -> tuple[Floats, Floats] | NotEstimable:
    """Give coefficients of columns, per unit of the column, with (n, m) influence values.

    Parameters
    ----------
    columns : their places among the columns the regression was given.
    """
    if not fit.kept[columns].all():
        return NotEstimable("a score does not vary among the rows of the outcome regression")
    places = np.cumsum(fit.kept)[columns]  # behind the intercept
    spread = fit.spread[places - 1]
    return fit.coefficients[places] / spread, fit.influence[:, places] / spread


def _residual(design: Floats, target: Floats) -> Floats:
    """Give what a projection leaves of a target."""
    return np.asarray(target - design @ np.linalg.lstsq(design, target)[0])

"""Least squares of the outcome on exposure and the propensity: one covariate for them all."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.glm import inverse_of_information
from causal.estimators.nuisance import NuisanceStore, PropensityModel, choose_terms


class PropensityRegression(Estimator):
    """The propensity as the only covariate beside exposure; the coefficient of exposure.

    The average of exposure at a given propensity is that propensity, a straight line, so the
    coefficient weighs effects by e(1 − e): it has the target of overlap weights, and it needs no
    straight line for the outcome. Rows without outcome are left out of the second regression and
    kept in the first.

    Attributes
    ----------
    propensity : the exposure regression.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and a correctly specified
    propensity. The answer is for those who could have been in either arm (ATO), not for
    everybody, unless the effect is the same for all.

    References
    ----------
    Rosenbaum & Rubin (1983), doi:10.1093/biomet/70.1.41, corollary 4.3; Robins, Mark & Newey
    (1992), doi:10.2307/2532304 (why no outcome regression is needed, and whose average it is).
    """

    leaves_out: ClassVar[bool] = True

    kind: Literal["propensity_regression"] = "propensity_regression"
    propensity: PropensityModel = PropensityModel()

    @property
    def estimand(self) -> Target:
        """Give the target: those who could have been in either arm."""
        return "ATO"

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.propensity.named_terms

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient of exposure."""
        fit = nuisances.propensity(sample, self.propensity)
        covariates = choose_terms(sample, self.propensity.terms).x
        moving = fit.design(covariates) * fit.slope(fit.fitted)[:, None]
        value, influence = beside_fitted(
            np.where(sample.observed, sample.y, 0.0),
            sample.a,
            fit.fitted,
            sample.w * sample.observed,
            moving,
            fit.influence,
        )
        return from_influence(
            np.array([value]),
            influence[:, None],
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
            n_coefficients=3,
        )


def beside_fitted(
    y: Floats, a: Floats, e: Floats, w: Floats, moving: Floats, fitted_influence: Floats
) -> tuple[float, Floats]:
    r"""Give the coefficient of ``a`` in least squares on ``a`` and a fitted covariate ``e``.

    With :math:`d = (1, a, e)`, residual :math:`r`, and :math:`\dot e` the derivative of e in the
    coefficients :math:`\gamma` it was fitted with, the stacked influence values are

    .. math:: \psi = (\overline{w d d'})^{-1} \left\{ w d r
              + \overline{w (\dot d r - d \beta_e \dot e')}\, \psi_\gamma \right\}

    where :math:`\dot d` is zero but for its last row, :math:`\dot e'`.

    Parameters
    ----------
    y, a, e : (n,) floats.
    w : (n,) floats, 0 for rows that take no part.
    moving : (n, p) floats, the derivative of ``e`` in its p coefficients.
    fitted_influence : (n, p) floats, influence values of these coefficients.

    References
    ----------
    Stefanski & Boos (2002), doi:10.1198/000313002753631330, section 3.
    """
    design = np.column_stack([np.ones(len(y)), a, e])
    bread, _ = inverse_of_information(design.T @ (design * w[:, None]) / len(y))
    coefficients = bread @ (design.T @ (w * y)) / len(y)
    residual = w * (y - design @ coefficients)
    gradient = -coefficients[2] * design.T @ (moving * w[:, None]) / len(y)
    gradient[2] += moving.T @ residual / len(y)
    influence = design * residual[:, None] + fitted_influence @ gradient.T
    return float(coefficients[1]), influence @ bread[1]

"""The one door to EconML: partially linear double machine learning, with our own inference."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import InternalConsistencyError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import Estimator, combine_divisions, from_influence
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    PropensityModel,
    folds_by_unit,
)


class LinearDML(Estimator):
    """Partially linear regression by double machine learning: residuals on residuals.

    Nuisances are a logistic regression of exposure and a linear regression of the outcome, both
    unpenalised and cross-fitted by person. EconML gives the residuals; the standard error is ours,
    since EconML's ``groups`` divides folds but does not cluster the standard error.

    Assumptions
    -----------
    Exchangeability given the rung's covariates and a constant effect; otherwise the estimate is
    an average weighted by the conditional variance of exposure, named ``partially linear`` here.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, equation 4.4.
    """

    kind: Literal["linear_dml"] = "linear_dml"
    cross_fit: CrossFitting = CrossFitting()

    @property
    def estimand(self) -> Target:
        """Give the target: the coefficient of the partially linear model."""
        return "partially linear"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient from EconML's residuals."""
        nuisances.propensity(sample, PropensityModel())  # EconML would not notice separation
        fits = [self._once(sample, rng) for _ in range(self.cross_fit.repeats)]
        return combine_divisions(fits, self.cross_fit.combine)

    def _once(self, sample: Sample, rng: np.random.Generator) -> Estimates:
        """Estimate the coefficient with one division of the sample."""
        fold = folds_by_unit(sample.unit, self.cross_fit.folds, rng)
        y, a = econml_residuals(sample, fold)
        theta, influence = partially_linear(y, a, sample.w)
        return from_influence(
            np.array([theta]),
            influence[:, None],
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
        )


def partially_linear(y: Floats, a: Floats, w: Floats) -> tuple[float, Floats]:
    r"""Give the coefficient of residual on residual, with influence values.

    .. math:: \psi_i = \tilde a_i(\tilde y_i - \theta \tilde a_i) / \overline{\tilde a^2}

    Parameters
    ----------
    y, a : (n,) floats, outcome and exposure residuals.
    w : (n,) floats, weights.
    """
    theta = float(np.sum(w * a * y) / np.sum(w * a * a))
    return theta, w * a * (y - theta * a) / np.mean(w * a * a)


def econml_residuals(sample: Sample, fold: np.ndarray) -> tuple[Floats, Floats]:
    """Give EconML's cross-fitted residuals of outcome and exposure, in the sample's row order.

    Raises
    ------
    InternalConsistencyError
        EconML returned its rows in another order than it was given them.
    """
    from econml.dml import LinearDML as EconMLLinearDML
    from sklearn.linear_model import LinearRegression, LogisticRegression

    x = (sample.x - sample.x.mean(axis=0)) / np.where(
        sample.x.std(axis=0) > 0, sample.x.std(axis=0), 1
    )
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
    model = EconMLLinearDML(
        model_y=LinearRegression(),
        model_t=LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000),
        discrete_treatment=True,
        cv=splits,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            sample.y,
            sample.a,
            X=None,
            W=x if x.shape[1] else None,
            sample_weight=sample.w,
            cache_values=True,
            inference=None,
        )
        y, a, _, returned = model.residuals_
    if returned is not None and not np.array_equal(np.asarray(returned), x):
        raise InternalConsistencyError(
            "EconML returned residuals in another row order than the sample's; not using them."
        )
    return np.asarray(y, dtype=float).ravel(), np.asarray(a, dtype=float).ravel()

"""The one door to EconML: double machine learning and its residuals, with our own inference."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import model_validator

from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.errors import InternalConsistencyError, PositivityError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.cross_fitting import SEEDS, predict_others
from causal.estimators.divisions import combine_divisions
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.estimators.learners import Learned
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    choose_terms,
    folds_by_unit,
)

if TYPE_CHECKING:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    Learner: TypeAlias = LinearRegression | LogisticRegression


class LinearDML(Estimator):
    """Partially linear regression by double machine learning: residuals on residuals.

    Unless learned otherwise, nuisances are a logistic regression of exposure and a linear
    regression of the outcome, both unpenalised and cross-fitted by person; EconML gives their
    residuals. The standard error is ours, since EconML's ``groups`` divides folds but does not
    cluster the standard error.

    Attributes
    ----------
    propensity, outcome : what exposure and outcome are learned with, each from the covariates
        alone; learners by name, as for ``aipw``.
    cross_fit : persons are divided, and each is predicted from the other parts.

    Assumptions
    -----------
    Exchangeability given the rung's covariates and a constant effect; otherwise the estimate is
    an average weighted by the conditional variance of exposure, named ``partially linear`` here.
    With learners, the product of both errors must vanish faster than one over the root of n.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, equation 4.4.
    """

    takes_learners: ClassVar[bool] = True

    kind: Literal["linear_dml"] = "linear_dml"
    propensity: PropensityModel = PropensityModel()
    outcome: OutcomeModel = OutcomeModel()
    cross_fit: CrossFitting = CrossFitting()

    @model_validator(mode="after")
    def _regresses_on_covariates_alone(self) -> LinearDML:
        model = self.outcome
        if model.arms != "pooled" or model.interactions or model.link == "logit":
            raise ValueError(
                "linear_dml regresses the outcome on covariates without exposure, linearly unless "
                "learned: take arms, interactions and link away, or use aipw"
            )
        return self

    @property
    def estimand(self) -> Target:
        """Give the target: the coefficient of the partially linear model."""
        return "partially linear"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient from residuals."""
        if not self.propensity.learns:
            nuisances.propensity(sample, self.propensity)  # EconML would not notice separation
        fits = [self._once(sample, rng) for _ in range(self.cross_fit.repeats)]
        return combine_divisions(fits, self.cross_fit.combine)

    def residuals(self, sample: Sample, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Give cross-fitted residuals of outcome and exposure, with one division of the sample."""
        fold = folds_by_unit(sample.unit, self.cross_fit.folds, rng)
        outcome, propensity = self.outcome, self.propensity
        own = outcome.learns or propensity.learns
        if not own and outcome.terms is None and propensity.terms is None:
            return econml_residuals(sample, fold)
        seeds = rng.integers(SEEDS, size=(self.cross_fit.folds, 2)).tolist()
        y_x, a_x = (choose_terms(sample, terms).x for terms in (outcome.terms, propensity.terms))
        binary = sample.outcome_kind == "binary" and outcome.learns
        y, a = np.empty(sample.n), np.empty(sample.n)
        for part, (first, second) in enumerate(seeds):
            here = fold == part
            y[here] = _predict(sample, outcome, y_x, sample.y, here, first, binary=binary)
            a[here] = _predict(sample, propensity, a_x, sample.a, here, second, binary=True)
        return sample.y - y, sample.a - a

    def _once(self, sample: Sample, rng: np.random.Generator) -> Estimates:
        """Estimate the coefficient with one division of the sample."""
        y, a = self.residuals(sample, rng)
        theta, influence = partially_linear(y, a, sample.w)
        return from_influence(
            np.array([theta]),
            influence[:, None],
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
        )


def _predict(
    sample: Sample, model: Learned, x: Floats, y: Floats, here: Bools, seed: int, *, binary: bool
) -> Floats:
    """Predict the rows held out, by a learner or an unpenalised regression on the others.

    Raises
    ------
    PositivityError
        The covariates determine the exposure of the others.
    """
    if model.learns:
        return predict_others(sample, model, x, y, here, seed, binary=binary)
    try:
        fit = fit_glm(x, y, sample.w, "logit" if binary else "linear", ~here)
    except SeparationFoundError as found:
        raise PositivityError(
            f"the covariates determine the exposure of {found.rows} rows once a part of the "
            "persons is left out. Drop or coarsen them, use fewer folds, or learn the propensity."
        ) from None
    return fit.fitted[here]


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


def econml_residuals(sample: Sample, fold: Ints) -> tuple[Floats, Floats]:
    """Give EconML's cross-fitted residuals of outcome and exposure, in the sample's row order.

    Raises
    ------
    InternalConsistencyError
        EconML returned its rows in another order than it was given them.
    """
    from econml.dml import LinearDML as EconMLLinearDML

    x = _standardised(sample.x)
    model = EconMLLinearDML(
        model_y=_learner(binary=False),
        model_t=_learner(binary=True),
        discrete_treatment=True,
        cv=_splits(fold),
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            sample.y,
            sample.a,
            X=None,
            W=x,
            sample_weight=sample.w,
            cache_values=True,
            inference=None,
        )
        y, a, _, returned = model.residuals_
    _refuse_reordered((returned, x))
    return _flat(y), _flat(a)


def econml_iv_residuals(
    sample: Sample, z: Floats, fold: Ints, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Give EconML's cross-fitted residuals of outcome, exposure and instrument.

    Logistic regressions for a 0/1 exposure and a 0/1 instrument, linear ones else, unpenalised.

    Parameters
    ----------
    sample : n rows, all with an outcome.
    z : (n,) floats, the instrument.
    fold : (n,) ints, the part each row is predicted in.
    seed : for EconML's own use; these learners draw nothing.

    Raises
    ------
    InternalConsistencyError
        EconML returned its rows in another order than it was given them.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, section 4.2.
    """
    from econml.iv.dml import OrthoIV

    x = _standardised(sample.x)
    binary, coin = sample.exposure_kind == "binary", is_binary(z)
    model = OrthoIV(
        model_y_xw=_learner(binary=False),
        model_t_xw=_learner(binary=binary),
        model_z_xw=_learner(binary=coin),
        discrete_treatment=binary,
        discrete_instrument=coin,
        cv=_splits(fold),
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            sample.y,
            sample.a,
            Z=z,
            X=None,
            W=x,
            sample_weight=sample.w,
            cache_values=True,
            inference=None,
        )
        y, a, left, _, returned, instrument = model.residuals_
    _refuse_reordered((returned, x), (instrument, z))
    return _flat(y), _flat(a), _flat(left)


@dataclass(frozen=True, slots=True, eq=False)
class Encouraged:
    """What EconML fits for a randomised 0/1 instrument; each (n,) floats, in the sample's order.

    Attributes
    ----------
    preliminary : one effect for all, from the other parts of the sample.
    y, a, z : residuals of outcome, exposure and instrument, covariates given.
    covariance : of exposure and instrument given covariates: p (1 - p) times the predicted
        difference in exposure between instrument 1 and 0.
    """

    preliminary: Floats
    y: Floats
    a: Floats
    z: Floats
    covariance: Floats


def econml_encouraged(
    sample: Sample, z: Floats, fold: Ints, seed: int, assigned: float | None, cov_clip: float
) -> Encouraged:
    """Give EconML's cross-fitted nuisances of its intent-to-treat DRIV.

    Parameters
    ----------
    sample : n rows, all with an outcome; 0/1 exposure.
    z : (n,) floats, 0 or 1.
    fold : (n,) ints, the part each row is predicted in.
    seed : for EconML's own use; these learners draw nothing.
    assigned : probability of instrument 1 by design; its share in the other parts when None.
    cov_clip : least absolute covariance the preliminary effect is formed with.

    Raises
    ------
    InternalConsistencyError
        EconML returned its rows in another order than it was given them.

    References
    ----------
    Syrgkanis et al. (2019), arXiv:1905.10176 (DRIV, with a randomised instrument).
    """
    from econml.iv.dr import LinearIntentToTreatDRIV

    x = _standardised(sample.x)
    model = LinearIntentToTreatDRIV(
        model_y_xw=_learner(binary=False),
        model_t_xwz=_learner(binary=True),
        z_propensity="auto" if assigned is None else assigned,
        cov_clip=cov_clip,
        cv=_splits(fold),
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            sample.y,
            sample.a,
            Z=z,
            X=None,
            W=x,
            sample_weight=sample.w,
            cache_values=True,
            inference=None,
        )
        *found, _, returned, instrument = model.residuals_
    _refuse_reordered((returned, x), (instrument, z))
    return Encouraged(*(_flat(one) for one in found))


def is_binary(values: Floats) -> bool:
    """Tell whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _learner(*, binary: bool) -> Learner:
    """Give an unpenalised regression: logistic for a 0/1 response, else linear."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if binary:
        return LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    return LinearRegression()


def _standardised(x: Floats) -> Floats | None:
    """Give covariates of mean 0 and standard deviation 1, which solvers need; None without any."""
    if not x.shape[1]:
        return None
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1))


def _splits(fold: Ints) -> Sequence[tuple[Ints, Ints]]:
    """Give the rows to fit on and the rows to predict for, a part at a time."""
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]


def _refuse_reordered(*pairs: tuple[Floats | None, Floats | None]) -> None:
    """Refuse residuals that do not belong to the rows given."""
    for returned, given in pairs:
        if given is None or returned is None:
            continue
        if not np.array_equal(np.asarray(returned, dtype=float).reshape(given.shape), given):
            raise InternalConsistencyError(
                "EconML returned residuals in another row order than the sample's; not using them."
            )


def _flat(values: Floats) -> Floats:
    """Give (n,) floats."""
    return np.asarray(values, dtype=float).ravel()

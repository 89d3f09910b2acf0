"""The rungs of the ladder as DoWhy and EconML do them.

DoWhy's identification is exponential in the covariates, so it is handed its adjustment set; its
propensity estimators write into the frame they are given, so every call gets a fresh copy.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from causal.cohort import Sample

Answer = tuple[float, float | None]
"""Estimate and standard error; None where the peer gives none without a bootstrap."""

LOOSEST = 1e-6
"""DoWhy clips propensities to [.05, .95] unless told otherwise; this leaves them alone."""


def as_frame(sample: Sample) -> pd.DataFrame:
    """Give the frame a user of DoWhy would have."""
    frame = pd.DataFrame(sample.x, columns=list(sample.terms))
    return frame.assign(exposure=sample.a.astype(int), outcome=sample.y)


def dowhy_linear(frame: pd.DataFrame) -> Answer:
    """Fit DoWhy's linear regression."""
    from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator

    fitted = LinearRegressionEstimator(estimand_of(frame)).fit(frame)
    value = fitted.estimate_effect(frame, target_units="ate", need_conditional_estimates=False)
    return float(value.value), float(np.asarray(fitted.model.bse)[1])


def dowhy_logistic(frame: pd.DataFrame) -> Answer:
    """Standardise DoWhy's logistic regression."""
    import statsmodels.api as sm
    from dowhy.causal_estimators.generalized_linear_model_estimator import (
        GeneralizedLinearModelEstimator,
    )

    fitted = GeneralizedLinearModelEstimator(
        estimand_of(frame), glm_family=sm.families.Binomial(), predict_score=True
    ).fit(frame)
    value = fitted.estimate_effect(frame, target_units="ate", need_conditional_estimates=False)
    return float(value.value), None


def dowhy_weighting(frame: pd.DataFrame) -> Answer:
    """Weight by DoWhy's propensities; it gives no standard error without a bootstrap."""
    from dowhy.causal_estimators.propensity_score_weighting_estimator import (
        PropensityScoreWeightingEstimator,
    )

    fitted = PropensityScoreWeightingEstimator(
        estimand_of(frame), min_ps_score=LOOSEST, max_ps_score=1 - LOOSEST
    ).fit(frame)
    value = fitted.estimate_effect(frame, target_units="ate")
    return float(value.value), None


def econml_doubly_robust(frame: pd.DataFrame) -> Answer:
    """Fit EconML's LinearDRLearner with logistic nuisances in five folds."""
    from econml.dr import LinearDRLearner
    from sklearn.linear_model import LogisticRegression

    model = LinearDRLearner(
        model_propensity=LogisticRegression(C=np.inf, max_iter=1000),
        model_regression=LogisticRegression(C=np.inf, max_iter=1000),
        discrete_outcome=True,
        cv=5,
        random_state=0,
    )
    y, a, x = _columns(frame)
    model.fit(y, a, X=None, W=x)
    found = model.intercept__inference(T=1)
    return np.ravel(found.point_estimate)[0].item(), np.ravel(found.stderr)[0].item()


def econml_partially_linear(frame: pd.DataFrame) -> Answer:
    """Fit EconML's LinearDML with logistic and linear nuisances in five folds."""
    from econml.dml import LinearDML
    from sklearn.linear_model import LinearRegression, LogisticRegression

    model = LinearDML(
        model_y=LinearRegression(),
        model_t=LogisticRegression(C=np.inf, max_iter=1000),
        discrete_treatment=True,
        cv=5,
        random_state=0,
    )
    y, a, x = _columns(frame)
    model.fit(y, a, X=None, W=x)
    found = model.intercept__inference()
    return np.ravel(found.point_estimate)[0].item(), np.ravel(found.stderr)[0].item()


def quietly(call: Callable[[pd.DataFrame], Answer], frame: pd.DataFrame) -> Answer:
    """Call a peer without its warnings and log lines."""
    logging.getLogger("dowhy").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(frame)


def estimand_of(frame: pd.DataFrame) -> object:
    """Build DoWhy's estimand with the adjustment set given; a fresh one at every call."""
    from dowhy.causal_identifier.identified_estimand import IdentifiedEstimand

    covariates = [name for name in frame.columns if name not in ("exposure", "outcome")]
    return IdentifiedEstimand(
        None,
        treatment_variable=["exposure"],
        outcome_variable=["outcome"],
        estimand_type="nonparametric-ate",
        backdoor_variables={"backdoor": covariates},
        default_backdoor_id="backdoor",
        identifier_method="backdoor",
    )


def _columns(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give outcome, exposure and covariates as arrays."""
    x = frame.drop(columns=["exposure", "outcome"]).to_numpy()
    return frame["outcome"].to_numpy(), frame["exposure"].to_numpy(), x

"""Why an estimator may miss its band: reasons given, each for one side of the band.

The rules for fitted weights and for few persons were written after pilot runs of 1,000 samples had
shown the misses. That they fade with n is measured; that second-order error is the cause is
inferred from it.
"""

from __future__ import annotations

from benchmarks.mechanism import LATENT, Design
from benchmarks.methods import Method
from causal.estimators import (
    AIPW,
    CovariateBalancingPropensity,
    InverseProbability,
    MeanDifference,
    Overlap,
)

FEW = 1000
"""Persons below which weights fitted with ten covariates are known to be too sure of themselves."""
VERY_FEW = 150
"""Persons (45 of them exposed, on 10 covariates) below which every regression is."""

KNOWN_WEIGHTS = (
    "the propensity is taken as known: too wide for the ATE, as published robust standard errors "
    "of weighted regressions are"
)
INDEPENDENT = "rows of one person are taken as independent, to show what clustering is for"
FITTED_WEIGHTS = (
    f"few exposed persons for {len(LATENT)} covariates: influence values are first order and "
    "leave out how far fitted weights stray; it fades with n"
)
FITTED_REGRESSION = (
    "about four exposed persons a covariate: influence values do not count the coefficients fitted "
    "(HC1 does; under clustering it counts rows, not persons); it fades with n"
)

TWO_STEP = (
    "two-step GMM with 22 moments is biased, here by {0.relative_bias:.2f} of a standard error; "
    "its limit is that of ipw, and the bias falls with n (tests/simulation/test_balancing.py)"
)


def explain(design: Design, method: Method, side: str) -> str:
    """Give the known reason for a coverage below or above its band; empty when there is none.

    ``{0.name}`` in it stands for what was measured of that name.
    """
    known = getattr(method.estimator, "weights_known", False)
    if known and side == "above":
        return KNOWN_WEIGHTS
    if side != "below":
        return ""
    if method.independent:
        return INDEPENDENT
    if isinstance(method.estimator, CovariateBalancingPropensity):
        return TWO_STEP if method.estimator.method == "over" else ""
    weighting = isinstance(method.estimator, InverseProbability | AIPW | Overlap)
    if weighting and design.n <= FEW:
        return FITTED_WEIGHTS
    if design.n <= VERY_FEW and not isinstance(method.estimator, MeanDifference):
        return FITTED_REGRESSION
    return ""

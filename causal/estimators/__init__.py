"""The estimators: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.estimators.base import Estimator
from causal.estimators.doubly_robust import AIPW
from causal.estimators.nuisance import NuisanceStore
from causal.estimators.orthogonal import LinearDML
from causal.estimators.regression import GComputation, LinearProbability, MeanDifference
from causal.estimators.weighting import InverseProbability, Overlap
from causal.estimators.within_person import WithinPerson

AnyEstimator: TypeAlias = Annotated[
    MeanDifference
    | GComputation
    | LinearProbability
    | InverseProbability
    | Overlap
    | AIPW
    | LinearDML
    | WithinPerson,
    Field(discriminator="kind"),
]

__all__ = [
    "AIPW",
    "AnyEstimator",
    "Estimator",
    "GComputation",
    "InverseProbability",
    "LinearDML",
    "LinearProbability",
    "MeanDifference",
    "NuisanceStore",
    "Overlap",
    "WithinPerson",
]

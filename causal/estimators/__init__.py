"""The estimators: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.estimators.balancing import Balancing
from causal.estimators.base import Estimator
from causal.estimators.cbps import CovariateBalancingPropensity
from causal.estimators.doubly_robust import AIPW, DoublyRobust
from causal.estimators.entropy_balancing import EntropyBalancing
from causal.estimators.forest import CausalForest
from causal.estimators.g_estimation import GEstimation
from causal.estimators.instrumental import (
    ControlFunction,
    InstrumentalVariables,
    Instrumented,
    ResidualInclusion,
)
from causal.estimators.matching import Matching
from causal.estimators.nuisance import NuisanceStore
from causal.estimators.of_instrument import FirstStage, IntentionToTreat
from causal.estimators.orthogonal import LinearDML
from causal.estimators.orthogonal_instruments import EncouragementDRIV, OrthogonalIV
from causal.estimators.propensity_regression import PropensityRegression
from causal.estimators.regression import GComputation, LinearProbability, MeanDifference
from causal.estimators.stable_balancing import StableBalancing
from causal.estimators.subclassification import Subclassification
from causal.estimators.targeted import TMLE
from causal.estimators.weighting import InverseProbability, Overlap, PropensityWeighting
from causal.estimators.within_person import WithinPerson

AnyEstimator: TypeAlias = Annotated[
    MeanDifference
    | GComputation
    | LinearProbability
    | InverseProbability
    | Overlap
    | PropensityRegression
    | GEstimation
    | EntropyBalancing
    | CovariateBalancingPropensity
    | StableBalancing
    | AIPW
    | TMLE
    | CausalForest
    | LinearDML
    | WithinPerson
    | Matching
    | Subclassification
    | InstrumentalVariables
    | ControlFunction
    | ResidualInclusion
    | IntentionToTreat
    | FirstStage
    | OrthogonalIV
    | EncouragementDRIV,
    Field(discriminator="kind"),
]

__all__ = [
    "AIPW",
    "TMLE",
    "AnyEstimator",
    "Balancing",
    "CausalForest",
    "ControlFunction",
    "CovariateBalancingPropensity",
    "DoublyRobust",
    "EncouragementDRIV",
    "EntropyBalancing",
    "Estimator",
    "FirstStage",
    "GComputation",
    "GEstimation",
    "InstrumentalVariables",
    "Instrumented",
    "IntentionToTreat",
    "InverseProbability",
    "LinearDML",
    "LinearProbability",
    "Matching",
    "MeanDifference",
    "NuisanceStore",
    "OrthogonalIV",
    "Overlap",
    "PropensityRegression",
    "PropensityWeighting",
    "ResidualInclusion",
    "StableBalancing",
    "Subclassification",
    "WithinPerson",
]

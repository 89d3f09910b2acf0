"""The estimators: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.estimators.arms import ArmContrasts, ArmMeans
from causal.estimators.balancing import Balancing
from causal.estimators.base import Estimator
from causal.estimators.cbps import CovariateBalancingPropensity
from causal.estimators.dose import DoseMeans, DoseResponse
from causal.estimators.doubly_robust import AIPW, DoublyRobust
from causal.estimators.entropy_balancing import EntropyBalancing
from causal.estimators.follow_up import WeighsFollowUp
from causal.estimators.forest import CausalForest
from causal.estimators.g_estimation import GEstimation
from causal.estimators.instrumental import (
    ControlFunction,
    InstrumentalVariables,
    Instrumented,
    ResidualInclusion,
)
from causal.estimators.linear_probability import LinearProbability
from causal.estimators.matching import Matching
from causal.estimators.nuisance import NuisanceStore
from causal.estimators.of_instrument import FirstStage, IntentionToTreat
from causal.estimators.orthogonal import LinearDML
from causal.estimators.orthogonal_instruments import EncouragementDRIV, OrthogonalIV
from causal.estimators.propensity_regression import PropensityRegression
from causal.estimators.regression import GComputation, MeanDifference
from causal.estimators.shift import Incremental, Shift
from causal.estimators.stable_balancing import StableBalancing
from causal.estimators.subclassification import Subclassification
from causal.estimators.survival import KaplanMeier, WeightedKaplanMeier
from causal.estimators.survival_aipw import SurvivalAIPW
from causal.estimators.targeted import TMLE
from causal.estimators.threshold import ThresholdScan
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
    | EncouragementDRIV
    | DoseMeans
    | DoseResponse
    | ThresholdScan
    | Shift
    | Incremental
    | ArmMeans
    | ArmContrasts
    | KaplanMeier
    | WeightedKaplanMeier
    | SurvivalAIPW,
    Field(discriminator="kind"),
]

__all__ = [
    "AIPW",
    "TMLE",
    "AnyEstimator",
    "ArmContrasts",
    "ArmMeans",
    "Balancing",
    "CausalForest",
    "ControlFunction",
    "CovariateBalancingPropensity",
    "DoseMeans",
    "DoseResponse",
    "DoublyRobust",
    "EncouragementDRIV",
    "EntropyBalancing",
    "Estimator",
    "FirstStage",
    "GComputation",
    "GEstimation",
    "Incremental",
    "InstrumentalVariables",
    "Instrumented",
    "IntentionToTreat",
    "InverseProbability",
    "KaplanMeier",
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
    "Shift",
    "StableBalancing",
    "Subclassification",
    "SurvivalAIPW",
    "ThresholdScan",
    "WeighsFollowUp",
    "WeightedKaplanMeier",
    "WithinPerson",
]

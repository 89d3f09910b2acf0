"""The refuters: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.refuters.base import Auxiliary, Power, Refutation, Refuter
from causal.refuters.common_cause import RandomCommonCause
from causal.refuters.dowhy_refuters import DoWhySecondOpinion
from causal.refuters.empirical_calibration import EmpiricalCalibration
from causal.refuters.graph_falsification import GraphFalsification
from causal.refuters.negative_controls import NegativeControlExposure, NegativeControlOutcome
from causal.refuters.placebo import DummyOutcome, PlaceboExposure
from causal.refuters.power_curve import PowerCurve, PowerPoint
from causal.refuters.resampling import Bootstrap, DataSubset
from causal.refuters.simulated_confounder import SimulatedConfounder
from causal.refuters.simulated_outcome import SimulatedOutcome

AnyRefuter: TypeAlias = Annotated[
    PlaceboExposure
    | RandomCommonCause
    | DataSubset
    | Bootstrap
    | DummyOutcome
    | NegativeControlOutcome
    | NegativeControlExposure
    | EmpiricalCalibration
    | SimulatedOutcome
    | SimulatedConfounder
    | GraphFalsification
    | DoWhySecondOpinion,
    Field(discriminator="kind"),
]

__all__ = [
    "AnyRefuter",
    "Auxiliary",
    "Bootstrap",
    "DataSubset",
    "DoWhySecondOpinion",
    "DummyOutcome",
    "EmpiricalCalibration",
    "GraphFalsification",
    "NegativeControlExposure",
    "NegativeControlOutcome",
    "PlaceboExposure",
    "Power",
    "PowerCurve",
    "PowerPoint",
    "RandomCommonCause",
    "Refutation",
    "Refuter",
    "SimulatedConfounder",
    "SimulatedOutcome",
]

"""The sensitivity analyses: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.sensitivity.austen import Austen
from causal.sensitivity.base import Sensitivity, SensitivityFinding
from causal.sensitivity.bounds import Bounding
from causal.sensitivity.e_value import EValue
from causal.sensitivity.instrument_omitted_variable import InstrumentOmittedVariable
from causal.sensitivity.misclassification import Misclassification
from causal.sensitivity.nonparametric_bias import NonparametricOmittedVariable
from causal.sensitivity.omitted_variable import OmittedVariable
from causal.sensitivity.oster import Oster
from causal.sensitivity.plausibly_exogenous import PlausiblyExogenous
from causal.sensitivity.proximal import Proximal
from causal.sensitivity.reliability import Reliability
from causal.sensitivity.rosenbaum import Rosenbaum
from causal.sensitivity.selection_bias import SelectionBias
from causal.sensitivity.tipping_point import TippingPoint

AnySensitivity: TypeAlias = Annotated[
    Austen
    | Bounding
    | EValue
    | InstrumentOmittedVariable
    | Misclassification
    | NonparametricOmittedVariable
    | OmittedVariable
    | Oster
    | PlausiblyExogenous
    | Proximal
    | Reliability
    | Rosenbaum
    | SelectionBias
    | TippingPoint,
    Field(discriminator="kind"),
]

__all__ = [
    "AnySensitivity",
    "Austen",
    "Bounding",
    "EValue",
    "InstrumentOmittedVariable",
    "Misclassification",
    "NonparametricOmittedVariable",
    "OmittedVariable",
    "Oster",
    "PlausiblyExogenous",
    "Proximal",
    "Reliability",
    "Rosenbaum",
    "SelectionBias",
    "Sensitivity",
    "SensitivityFinding",
    "TippingPoint",
]

"""The sensitivity analyses: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.sensitivity.austen import Austen
from causal.sensitivity.base import Sensitivity, SensitivityFinding
from causal.sensitivity.e_value import EValue
from causal.sensitivity.omitted_variable import OmittedVariable
from causal.sensitivity.oster import Oster
from causal.sensitivity.selection_bias import SelectionBias

AnySensitivity: TypeAlias = Annotated[
    Austen | EValue | OmittedVariable | Oster | SelectionBias, Field(discriminator="kind")
]

__all__ = [
    "AnySensitivity",
    "Austen",
    "EValue",
    "OmittedVariable",
    "Oster",
    "SelectionBias",
    "Sensitivity",
    "SensitivityFinding",
]

"""The sensitivity analyses: a closed set, keyed on ``kind``."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.sensitivity.base import Sensitivity, SensitivityFinding
from causal.sensitivity.e_value import EValue
from causal.sensitivity.omitted_variable import OmittedVariable

AnySensitivity: TypeAlias = Annotated[EValue | OmittedVariable, Field(discriminator="kind")]

__all__ = [
    "AnySensitivity",
    "EValue",
    "OmittedVariable",
    "Sensitivity",
    "SensitivityFinding",
]

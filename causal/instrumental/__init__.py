"""What surrounds an instrument: checks of a rung's own, published trials, bounds, sensitivity."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from causal.instrumental.base import InstrumentCheck, InstrumentFinding
from causal.instrumental.covariate_checks import FirstStageByGroup, InstrumentBalance
from causal.instrumental.inequality_checks import ImpossibleRatio, InstrumentalInequalities
from causal.instrumental.levels import ByInstrument
from causal.instrumental.whom import ComplierTable, InstrumentBounding

AnyInstrumentCheck: TypeAlias = Annotated[
    ByInstrument
    | ComplierTable
    | FirstStageByGroup
    | ImpossibleRatio
    | InstrumentBalance
    | InstrumentBounding
    | InstrumentalInequalities,
    Field(discriminator="kind"),
]

ALL_CHECKS: tuple[AnyInstrumentCheck, ...] = (
    ByInstrument(),
    FirstStageByGroup(),
    InstrumentBalance(),
    ImpossibleRatio(),
    InstrumentalInequalities(),
    ComplierTable(),
    InstrumentBounding(),
)
"""Made of every rung with an instrument unless the specification says otherwise."""

__all__ = [
    "ALL_CHECKS",
    "AnyInstrumentCheck",
    "ByInstrument",
    "ComplierTable",
    "FirstStageByGroup",
    "ImpossibleRatio",
    "InstrumentBalance",
    "InstrumentBounding",
    "InstrumentCheck",
    "InstrumentFinding",
    "InstrumentalInequalities",
]

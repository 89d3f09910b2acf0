"""Blocks of the result document: what the instruments of a rung do themselves."""

from __future__ import annotations

from causal.result_parts import Block
from causal.result_subgroups import DifferenceBlock


class InstrumentStagesBlock(Block):
    """One instrument: the difference in exposure, and in the outcome, for a unit of it.

    Of several instruments each beside the others. Both are least squares with the rung's
    covariates, by its convention of the standard error.
    """

    instrument: str
    first_stage: DifferenceBlock
    itt: DifferenceBlock


class BothStagesBlock(Block):
    """First stage and intention to treat of a rung's instruments, and all of them jointly.

    ``first_stage_f`` and ``itt_f`` are Wald statistics over ``df``, the number of instruments.
    """

    instruments: list[InstrumentStagesBlock]
    df: int
    first_stage_f: float
    first_stage_p: float
    itt_f: float
    itt_p: float

"""Blocks of the result document: the weights a rung multiplies, and their product."""

from __future__ import annotations

from causal.result_parts import Block, Count


class WeightBlock(Block):
    """One factor of a rung's weights: how uneven it is, and what that costs.

    ``effective`` is the number of rows of equal weight that would say as much of a mean,
    ``design_effect`` (Kish) the rows over that number.
    """

    name: str
    rows: Count
    mean: float
    lowest: float
    highest: float
    variation: float
    effective: float
    design_effect: float


class WeightsBlock(Block):
    """The weights of one rung: each factor, and their product where there are several."""

    rung: str
    factors: list[WeightBlock]

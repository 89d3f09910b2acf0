"""Blocks of the result document: rungs within levels of a subgroup, and between them."""

from __future__ import annotations

from causal.result_parts import Block, Count, Pair, Reason


class DifferenceBlock(Block):
    """A difference in the outcome, or a contrast of two of them, with its interval."""

    estimate: float
    std_error: float
    interval: Pair


class ContrastBlock(DifferenceBlock):
    """A difference minus that of the level compared with.

    ``p_holm`` is corrected for the ``contrasts`` of the rung, those of all subgroups.
    """

    p_value: float
    p_holm: float
    contrasts: int


class LevelBlock(Block):
    """One level: its rows, and the crude and adjusted difference within it.

    ``exposed`` and ``unexposed`` are rows with a known outcome, None for a dose. ``interaction`` is
    the adjusted difference minus that of the level compared with. ``terms`` counts the columns
    adjusted for; ``dropped`` are those left out because they do not vary within the level.
    ``narrowed`` says what narrows the target within the level, ``failed`` which checks fail there.
    """

    name: str
    values: str
    n: Count
    n_clusters: Count | None
    exposed: Count | None
    unexposed: Count | None
    crude: DifferenceBlock | Reason
    adjusted: DifferenceBlock | Reason
    interaction: ContrastBlock | Reason
    terms: int
    dropped: list[str]
    narrowed: str
    failed: list[str]


class InteractionTestBlock(Block):
    """A joint Wald test that the difference is the same in all levels estimated.

    ``p_holm`` is corrected for the ``tests`` of the rung, one a subgroup; ``df_residual`` is None
    for a chi-squared reference.
    """

    statistic: float
    df: int
    df_residual: float | None
    p_value: float
    p_holm: float
    tests: int


class SubgroupBlock(Block):
    """One rung within the levels of one column known before exposure, or of several crossed.

    ``outside`` counts rows in no level; ``reference`` is the level the others are compared with.
    """

    column: str
    description: str
    at: str
    reason: str
    rung: str
    scale: str
    level: float
    smallest_arm: int
    outside: Count
    reference: str | None
    levels: list[LevelBlock]
    test: InteractionTestBlock | Reason

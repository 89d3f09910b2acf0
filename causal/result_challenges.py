"""Blocks of the result document: attempts to break rungs, and what could overturn them."""

from __future__ import annotations

from causal.result_parts import Block, Pair, Reason, Verdict


class NumberBlock(Block):
    """One number under its name, or why it is not given."""

    name: str
    value: float | Reason


class TableRow(Block):
    """Numbers that belong together."""

    label: str
    subject: str
    numbers: list[NumberBlock]
    note: str


class CurveBlock(Block):
    """A line: what is left of an estimate as an assumption is varied; points are x, y, lo, hi."""

    name: str
    x_name: str
    y_name: str
    points: list[tuple[float, float, float | None, float | None]]
    level_line: float | None


class MarkBlock(Block):
    """A named point on a contour plot."""

    name: str
    x: float
    y: float


class ContourBlock(Block):
    """A height over two assumptions on a grid; ``height[j][i]`` stands at ``x[i], y[j]``."""

    name: str
    x_name: str
    y_name: str
    x: list[float]
    y: list[float]
    height: list[list[float | None]]
    level_line: float
    marks: list[MarkBlock]


class PowerPointBlock(Block):
    """How often a refuter fails with a confounder ``k`` times as strong as the benchmark.

    ``own_fault`` is the same with another fault, which the refuter is made for.
    """

    k: float
    r2_exposure: float
    r2_outcome: float
    rejected: float
    error: float
    bias: float
    cohorts: int
    capped: bool
    own_fault: float | None = None


class PowerCurveBlock(Block):
    """A refuter's power against an unmeasured confounder; ``draws`` is None where it makes none."""

    benchmark: str
    cohorts: int
    draws: int | None
    points: list[PowerPointBlock]
    sentence: str
    note: str


class InstrumentBlock(Block):
    """One check of an instrument: what the data show of it, and what a pass leaves open."""

    kind: str
    rung: str
    instrument: str
    verdict: Verdict
    sentence: str
    cannot_see: str
    rows: list[TableRow]
    curves: list[CurveBlock]


class RefutationBlock(Block):
    """One attempt to break a rung: what it found, and what it can and cannot see.

    ``curve`` is None when the power of refuters was not asked for.
    """

    kind: str
    rung: str
    subject: str
    expected: float | None
    mean: float | None
    interval: Pair | None
    draws: int
    p_value: float | None
    verdict: Verdict
    power: float | Reason
    reason: str
    sees: str
    cannot_see: str
    rows: list[TableRow]
    curve: PowerCurveBlock | Reason | None = None


class SensitivityBlock(Block):
    """What could overturn a rung, in one sentence and in numbers.

    ``multiple`` is what it takes, counted in yardsticks: 0 when nothing is needed, None when
    nothing examined overturns the rung.
    """

    kind: str
    rung: str
    headline: NumberBlock
    multiple: float | Reason | None
    yardstick: str
    short: str
    rows: list[TableRow]
    sentence: str
    curves: list[CurveBlock]
    contours: list[ContourBlock]

"""Attrition as a figure: who is left after each step, and who was lost at it."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, INK, ORANGE, QUIET, RULE, draw
from causal.result import AttritionBlock, Count, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEP, MARGIN = 0.5, 0.12  # inches
NAMES, BARS, LOST = 0.34, 0.38, 0.84
"""Where the names end, the bars begin, and what was lost is written, of the width."""
LETTERS = 42
"""Of a step's name on one line; two lines fit."""


def attrition_svg(result: Result) -> bytes | None:
    """Draw one bar a step; None where there are no steps."""
    steps = result.attrition
    if not steps:
        return None
    height = STEP * len(steps) + 2 * MARGIN

    def paint(figure: Figure) -> None:
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        draw_attrition(steps, height, ax)

    return draw(paint, height=height)


def draw_attrition(steps: list[AttritionBlock], height: float, ax: Axes) -> Axes:
    """Draw the steps downwards: name, persons and rows left, and the persons lost since.

    Parameters
    ----------
    height : of the axes, in inches; the axes run from 0 to 1 across.
    """
    ax.set_xlim(0, 1)
    ax.set_ylim(height, 0)
    ax.axis("off")
    known = [one.persons for one in steps if isinstance(one.persons, int)]
    most = max(known, default=1) or 1
    for i, one in enumerate(steps):
        y = MARGIN + STEP * (i + 0.5)
        _bar(one, y, most, ax)
        lines = textwrap.wrap(one.step, LETTERS)[:2]
        ax.text(NAMES, y, "\n".join(lines), ha="right", va="center", color=INK, fontsize=8)
    for i, (before, after) in enumerate(pairwise(steps)):
        y = MARGIN + STEP * (i + 1)
        ax.plot([NAMES + 0.02] * 2, [y - 0.2 * STEP, y + 0.2 * STEP], color=RULE, lw=0.8)
        said = lost_between(before.persons, after.persons)
        ax.text(
            LOST, y + 0.5 * STEP, said, va="center", color=ORANGE if said else QUIET, fontsize=8
        )
    return ax


def lost_between(before: Count, after: Count) -> str:
    """Say how many persons a step loses; empty for nobody, and where a count is hidden."""
    if not isinstance(before, int) or not isinstance(after, int) or before == after:
        return ""
    number = before - after
    return f"{number} {'person' if number == 1 else 'persons'} lost"


def _bar(one: AttritionBlock, y: float, most: int, ax: Axes) -> None:
    """Draw the persons left as a bar, its numbers beside it; a hidden count has no bar."""
    width = 0.3
    length = width * one.persons / most if isinstance(one.persons, int) else 0.0
    if length:
        ax.barh(y, length, left=BARS, height=0.3 * STEP, color=BLUE, lw=0)
    same = one.rows == one.persons
    said = f"{one.persons}" if same else f"{one.persons} · {one.rows} rows"
    ax.text(BARS + length + 0.008, y, said, va="center", color=INK, fontsize=8)

"""Attrition as a figure: who is left after each step, who was lost at it, and who is kept."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from causal.report.attrition import FlowStep, flow_steps
from causal.report.canvas import BLUE, INK, ORANGE, QUIET, RULE, WIDTH, draw, wrapped
from causal.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEP, MARGIN = 0.5, 0.12  # inches
NAMES, BARS, LONGEST, CHANGE = 0.34, 0.38, 0.27, 0.79
"""Where names end and bars begin, how long they get, and where changes stand, of the width."""
LETTERS = 8.0  # points
LINES = 2  # of a name, or of a change


def attrition_svg(result: Result) -> bytes | None:
    """Draw one bar a step; None where there are no steps."""
    steps = flow_steps(result)
    if not steps:
        return None
    height = STEP * len(steps) + 2 * MARGIN

    def paint(figure: Figure) -> None:
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        draw_attrition(steps, height, ax)

    return draw(paint, height=height)


def draw_attrition(steps: list[FlowStep], height: float, ax: Axes) -> Axes:
    """Draw the steps downwards: name, persons and rows left, and who is no longer there.

    A step that leaves nobody out is a part of the bar above it; the rest is an outline.

    Parameters
    ----------
    height : of the axes, in inches; the axes run from 0 to 1 across.
    """
    ax.set_xlim(0, 1)
    ax.set_ylim(height, 0)
    ax.axis("off")
    known = [one.persons for one in steps if isinstance(one.persons, int)]
    most = max(known, default=1) or 1
    whole = 0.0
    for i, one in enumerate(steps):
        y = MARGIN + STEP * (i + 0.5)
        if one.kept is None:
            whole = LONGEST * one.persons / most if isinstance(one.persons, int) else 0.0
        _bar(one, y, whole, ax)
        name = wrapped(one.name, (NAMES - 0.01) * WIDTH, LETTERS)[:LINES]
        ax.text(NAMES, y, "\n".join(name), ha="right", va="center", color=INK, fontsize=LETTERS)
        said = "" if one.change == "nobody lost" else one.change
        change = wrapped(said, (0.995 - CHANGE) * WIDTH, LETTERS)[:LINES]
        ax.text(CHANGE, y, "\n".join(change), va="center", fontsize=LETTERS,
                color=ORANGE if one.lost else QUIET)  # fmt: skip
    for i, _ in enumerate(pairwise(steps)):
        y = MARGIN + STEP * (i + 1)
        ax.plot([NAMES + 0.02] * 2, [y - 0.2 * STEP, y + 0.2 * STEP], color=RULE, lw=0.8)
    return ax


def _bar(one: FlowStep, y: float, whole: float, ax: Axes) -> None:
    """Draw the persons left as a bar, its numbers beside it; a hidden count has no bar.

    Parameters
    ----------
    whole : length of the bar of everybody in the analysis so far.
    """
    length = whole
    if one.kept is not None and isinstance(one.rows, int):
        length = whole * one.rows / one.kept
        ax.barh(y, whole, left=BARS, height=0.3 * STEP, facecolor="white", edgecolor=QUIET, lw=0.8)
    if length:
        ax.barh(y, length, left=BARS, height=0.3 * STEP, color=BLUE, lw=0)
    rows = f"{one.rows} rows" if one.kept is None else f"{one.rows} of {one.kept} rows"
    if one.persons is None:
        said = rows
    elif one.rows == one.persons:
        said = f"{one.persons}" if one.kept is None else f"{one.persons} of {one.kept}"
    else:
        said = f"{one.persons} · {rows}"
    ax.text(BARS + whole + 0.008, y, said, va="center", color=INK, fontsize=LETTERS)

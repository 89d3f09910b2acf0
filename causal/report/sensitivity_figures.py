"""Sensitivity as figures: heights over two assumptions, and lines along one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from causal.report.canvas import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RULE, draw
from causal.report.numbers import unbroken
from causal.result import ContourBlock, CurveBlock, Result, SensitivityBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 2
PANEL = 2.9  # inches
HUES = (BLUE, ORANGE, GREEN, PURPLE)
LEVELS = 9
LETTER = 0.022
"""Width of a letter of a name, as a share of a panel's."""


def contours_svg(result: Result) -> bytes | None:
    """Draw every contour of the headline rung, one panel each; None where there is none."""
    panels = [(one, contour) for one in _headline(result) for contour in one.contours]
    if not panels:
        return None

    def paint(figure: Figure) -> None:
        for ax, (one, contour) in zip(lay_out(figure, len(panels)), panels, strict=True):
            draw_contour(contour, one.kind, ax)

    return draw(paint, height=panel_height(len(panels)))


def sweeps_svg(result: Result) -> bytes | None:
    """Draw the curves of the headline rung, those over the same axis together, each once.

    Analyses of one kind that differ in their priors alone have the same curves.
    """
    panels: list[tuple[SensitivityBlock, list[CurveBlock]]] = []
    for one in _headline(result):
        for axis in dict.fromkeys((c.x_name, c.y_name) for c in one.curves):
            curves = [c for c in one.curves if (c.x_name, c.y_name) == axis]
            if all(curves != drawn for _, drawn in panels):
                panels.append((one, curves))
    if not panels:
        return None

    def paint(figure: Figure) -> None:
        for ax, (one, curves) in zip(lay_out(figure, len(panels)), panels, strict=True):
            draw_curves(curves, one.kind, ax)

    return draw(paint, height=panel_height(len(panels)))


def draw_contour(contour: ContourBlock, kind: str, ax: Axes) -> Axes:
    """Draw lines of equal height, the one that means overturned in orange, benchmarks as dots."""
    heights = np.array([[np.nan if one is None else one for one in row] for row in contour.height])
    x, y = np.array(contour.x), np.array(contour.y)
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    if high > low:
        lines = ax.contour(x, y, heights, levels=LEVELS, colors=QUIET, linewidths=0.7)
        ax.clabel(lines, fontsize=6.5, fmt="%.2g")
    if low < contour.level_line < high:
        ax.contour(x, y, heights, levels=[contour.level_line], colors=ORANGE, linewidths=1.8)
    _mark(contour, ax)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    return _label(ax, kind, contour.name, contour.x_name, contour.y_name)


def draw_curves(curves: list[CurveBlock], kind: str, ax: Axes) -> Axes:
    """Draw lines with their intervals, and the height that means overturned."""
    for hue, curve in zip(HUES * (1 + len(curves) // len(HUES)), curves, strict=False):
        points = np.array(
            [[np.nan if value is None else value for value in point] for point in curve.points]
        )
        ax.plot(points[:, 0], points[:, 1], color=hue, lw=1.4, marker="o", ms=2.5,
                label=curve.name.replace("_", " "))  # fmt: skip
        if np.isfinite(points[:, 2:]).any():
            ax.fill_between(points[:, 0], points[:, 2], points[:, 3], color=hue, alpha=0.15, lw=0)
        if curve.level_line is not None:
            ax.axhline(curve.level_line, color=INK, lw=0.8, ls=(0, (4, 2)))
    if len(curves) > 1:
        ax.legend(fontsize=7, loc="best")
    name = curves[0].name if len(curves) == 1 else ""
    return _label(ax, kind, name, curves[0].x_name, curves[0].y_name)


def _mark(contour: ContourBlock, ax: Axes) -> None:
    """Put the benchmarks where they belong; those beyond the grid are left to the table."""
    inside = [m for m in contour.marks if m.x <= contour.x[-1] and m.y <= contour.y[-1]]
    ax.plot([m.x for m in inside], [m.y for m in inside], "o", color=BLUE, ms=3.5, zorder=3)
    width, height = contour.x[-1] - contour.x[0], contour.y[-1] - contour.y[0]
    placed: list[tuple[float, float]] = []
    for mark in sorted(inside, key=lambda m: -(m.x / width + m.y / height)):
        room = (0.03 + LETTER * len(mark.name)) * width
        near = any(abs(mark.x - x) < room and abs(mark.y - y) < 0.055 * height for x, y in placed)
        if near:
            continue  # names on top of one another cannot be read; the table has them all
        placed.append((mark.x, mark.y))
        left = mark.x - contour.x[0] > 0.7 * width
        ax.annotate(
            mark.name.replace("_", " "), (mark.x, mark.y), xytext=(-4 if left else 4, 3),
            textcoords="offset points", fontsize=6.5, color=INK, ha="right" if left else "left",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none",
                  "alpha": 0.8},
        )  # fmt: skip


def _label(ax: Axes, kind: str, name: str, x_name: str, y_name: str) -> Axes:
    """Name panel and axes."""
    said = f"{kind.replace('_', ' ')}: {name.replace('_', ' ')}".rstrip(": ")
    ax.set_title(_wrapped(said, 52), fontsize=8.5)
    ax.set_xlabel(_wrapped(x_name.replace("_", " "), 56), fontsize=7.5)
    ax.set_ylabel(_wrapped(y_name.replace("_", " "), 40), fontsize=7.5)
    ax.tick_params(labelsize=7)
    ax.grid(color=RULE, lw=0.3)
    ax.set_axisbelow(True)
    return ax


def _wrapped(text: str, width: int) -> str:
    """Break a label into lines."""
    import textwrap

    return "\n".join(textwrap.wrap(unbroken(text), width))


def _headline(result: Result) -> list[SensitivityBlock]:
    """Give the analyses of the headline rung."""
    return [one for one in result.sensitivity if one.rung == result.headline]


def panel_height(panels: int) -> float:
    """Give the height of a figure of panels."""
    return PANEL * math.ceil(panels / COLUMNS)


def lay_out(figure: Figure, panels: int) -> list[Axes]:
    """Lay out panels in two columns; one alone takes the width of both."""
    columns = min(COLUMNS, panels)
    rows = math.ceil(panels / columns)
    figure.subplots_adjust(
        left=0.085, right=0.985, bottom=0.55 / (PANEL * rows), top=1 - 0.42 / (PANEL * rows),
        hspace=0.62, wspace=0.24,
    )  # fmt: skip
    return [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]

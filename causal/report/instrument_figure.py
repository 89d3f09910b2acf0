"""Mean exposure and outcome by value of an instrument, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causal.report.canvas import BLUE, RULE, draw
from causal.report.sensitivity_figures import lay_out, panel_height
from causal.result import CurveBlock, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 0.35
"""Room beside the outermost values, in steps between values."""


def instruments_svg(result: Result) -> bytes | None:
    """Draw exposure and outcome by value, two panels an instrument; None where there is none."""
    panels = [curve for one in result.instruments for curve in one.curves]
    if not panels:
        return None

    def paint(figure: Figure) -> None:
        for ax, curve in zip(lay_out(figure, len(panels)), panels, strict=True):
            draw_means(curve, ax)

    return draw(paint, height=panel_height(len(panels)))


def draw_means(curve: CurveBlock, ax: Axes) -> Axes:
    """Draw means with their intervals, joined so that the slope is seen."""
    points = np.array([[np.nan if v is None else v for v in point] for point in curve.points])
    x, y, lo, hi = points.T
    ax.errorbar(x, y, yerr=(y - lo, hi - y), fmt="o-", color=BLUE, lw=1.2, ms=4, capsize=3)
    step = float(np.diff(x).min()) if len(x) > 1 else 1.0
    ax.set_xlim(x[0] - MARGIN * step, x[-1] + MARGIN * step)
    ax.set_xticks(x, [f"{value:.4g}" for value in x])
    ax.set_xlabel(curve.x_name.replace("_", " "), fontsize=7.5)
    ax.set_ylabel(curve.y_name, fontsize=7.5)
    ax.set_title(f"{curve.name} by {curve.x_name.replace('_', ' ')}", fontsize=8.5)
    ax.tick_params(labelsize=7)
    ax.grid(color=RULE, lw=0.3, axis="y")
    ax.set_axisbelow(True)
    return ax

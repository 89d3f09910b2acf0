"""Confidence curves of instrumental-variable rungs: how well each effect agrees with the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causal.report.canvas import ORANGE, draw
from causal.report.sensitivity_figures import draw_curves, lay_out, panel_height
from causal.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confidence_svg(result: Result) -> bytes | None:
    """Draw p against the effect supposed, one panel a rung; None where there is no such rung."""
    panels = [rung for rung in result.rungs if rung.curves]
    if not panels:
        return None

    def paint(figure: Figure) -> None:
        for ax, rung in zip(lay_out(figure, len(panels)), panels, strict=True):
            draw_curves(rung.curves, rung.name, ax)
            ax.axhline(1 - rung.level, color=ORANGE, lw=0.9)
            ax.set_ylim(0, 1.02)

    return draw(paint, height=panel_height(len(panels)))

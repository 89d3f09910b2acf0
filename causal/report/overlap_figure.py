"""Overlap as a figure: the propensity of exposed and unexposed, mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, INK, ORANGE, QUIET, draw
from causal.result import OverlapBlock, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

PANEL, MARGIN = 1.75, 0.55  # inches


def overlap_svg(result: Result) -> bytes:
    """Draw one panel for every distinct propensity; rungs that share one share the panel."""
    panels = distinct(result.overlap)
    height = PANEL * len(panels) + MARGIN

    def paint(figure: Figure) -> None:
        for i, (block, rungs) in enumerate(panels):
            bottom = (MARGIN + PANEL * (len(panels) - 1 - i)) / height
            ax = figure.add_axes((0.09, bottom, 0.88, (PANEL - 0.42) / height))
            draw_overlap(block, ", ".join(rungs), ax)
            if i < len(panels) - 1:
                ax.tick_params(labelbottom=False)
            else:
                ax.set_xlabel("Propensity: probability of exposure given the covariates")

    return draw(paint, height=height)


def distinct(blocks: list[OverlapBlock]) -> list[tuple[OverlapBlock, list[str]]]:
    """Join rungs whose distributions are the same."""
    found: list[tuple[OverlapBlock, list[str]]] = []
    for block in blocks:
        for known, rungs in found:
            if (known.exposed, known.unexposed) == (block.exposed, block.unexposed):
                rungs.append(block.rung.replace("_", " "))
                break
        else:
            found.append((block, [block.rung.replace("_", " ")]))
    return found


def draw_overlap(block: OverlapBlock, title: str, ax: Axes) -> Axes:
    """Draw the exposed upwards and the unexposed downwards; suppressed bins are hatched."""
    from matplotlib.patches import Patch

    given = [one for one in (*block.exposed, *block.unexposed) if one is not None]
    top = 1.1 * max(given, default=1.0) or 1.0
    key: list[Patch] = []
    arms = (
        (block.exposed, 1, BLUE, "exposed"),
        (block.unexposed, -1, ORANGE, "unexposed"),
    )
    for shares, sign, colour, name in arms:
        bins = len(shares)
        for i, one in enumerate(shares):
            if one is None:
                ax.bar((i + 0.5) / bins, sign * 0.12 * top, 1 / bins, facecolor="white",
                       edgecolor=QUIET, hatch="////", lw=0.5)  # fmt: skip
            else:
                ax.bar((i + 0.5) / bins, sign * one, 0.92 / bins, color=colour, lw=0)
        key.append(Patch(facecolor=colour, label=name))
    if any(one is None for one in (*block.exposed, *block.unexposed)):
        key.append(Patch(facecolor="white", edgecolor=QUIET, hatch="////", lw=0.5,
                         label="too few to show"))  # fmt: skip
    ax.legend(handles=key, loc="lower right", bbox_to_anchor=(1.01, 0.97), ncols=3, fontsize=8,
              handlelength=1.1, columnspacing=1.4)  # fmt: skip
    ax.axhline(0, color=INK, lw=0.8)
    ax.set_xlim(0, 1)
    ax.set_ylim(-top, top)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(100 * value):.0f} %")
    ax.yaxis.set_major_locator(_few_ticks())
    ax.set_title(title)
    ax.set_ylabel("share of arm")
    return ax


def _few_ticks() -> MaxNLocator:
    """Give a locator of a handful of round ticks."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, steps=[1, 2, 5, 10])

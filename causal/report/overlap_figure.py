"""Overlap as a figure: the propensity of exposed and unexposed, mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, INK, ORANGE, QUIET, WIDTH, draw, wrapped
from causal.result import OverlapBlock, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

PANEL, MARGIN, KEY = 1.33, 0.55, 0.32
"""Inches: of the bars of a panel, for the axis below all, and for the key above all."""
TITLE, LINE, GAP = 9.0, 0.165, 0.2
"""Points of a title's letters, inches of one of its lines, and between two panels."""
LEFT, ACROSS = 0.09, 0.88
"""Where panels begin and how wide they are, of the width."""
SEVERAL = 3
"""Rungs that share a panel before their number is said."""


def overlap_svg(result: Result) -> bytes:
    """Draw one panel for every distinct propensity; rungs that share one share the panel."""
    panels = distinct(result.overlap)
    titles = [title_lines(rungs, len(panels)) for _, rungs in panels]
    height = KEY + MARGIN + sum(PANEL + GAP + LINE * len(lines) for lines in titles)

    def paint(figure: Figure) -> None:
        top = height - KEY
        for i, ((block, _), lines) in enumerate(zip(panels, titles, strict=True)):
            top -= LINE * len(lines) + PANEL
            ax = figure.add_axes((LEFT, top / height, ACROSS, PANEL / height))
            draw_overlap(block, "\n".join(lines), ax)
            top -= GAP
            if i < len(panels) - 1:
                ax.tick_params(labelbottom=False)
            else:
                ax.set_xlabel("Propensity: probability of exposure given the covariates")
        _key(figure, [block for block, _ in panels])

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


def title_lines(rungs: list[str], panels: int) -> list[str]:
    """Name the rungs of a panel in lines that are no wider than it."""
    said = ", ".join(rungs)
    if len(rungs) > SEVERAL:
        said = f"{'All ' if panels == 1 else ''}{len(rungs)} rungs: {said}"
    return wrapped(said, ACROSS * WIDTH, TITLE)


def draw_overlap(block: OverlapBlock, title: str, ax: Axes) -> Axes:
    """Draw the exposed upwards and the unexposed downwards; suppressed bins are hatched."""
    given = [one for one in (*block.exposed, *block.unexposed) if one is not None]
    top = 1.1 * max(given, default=1.0) or 1.0
    for shares, sign, colour in ((block.exposed, 1, BLUE), (block.unexposed, -1, ORANGE)):
        bins = len(shares)
        for i, one in enumerate(shares):
            if one is None:
                ax.bar((i + 0.5) / bins, sign * 0.12 * top, 1 / bins, facecolor="white",
                       edgecolor=QUIET, hatch="////", lw=0.5)  # fmt: skip
            else:
                ax.bar((i + 0.5) / bins, sign * one, 0.92 / bins, color=colour, lw=0)
    ax.axhline(0, color=INK, lw=0.8)
    ax.set_xlim(0, 1)
    ax.set_ylim(-top, top)
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(100 * value):.0f} %")
    ax.yaxis.set_major_locator(_few_ticks())
    ax.set_title(title, fontsize=TITLE)
    ax.set_ylabel("share of arm")
    return ax


def _key(figure: Figure, blocks: list[OverlapBlock]) -> None:
    """Write the key above all panels, once."""
    from matplotlib.patches import Patch

    key = [
        Patch(facecolor=BLUE, label="exposed, upwards"),
        Patch(facecolor=ORANGE, label="unexposed, downwards"),
    ]
    if any(one is None for block in blocks for one in (*block.exposed, *block.unexposed)):
        key.append(Patch(facecolor="white", edgecolor=QUIET, hatch="////", lw=0.5,
                         label="too few to show"))  # fmt: skip
    figure.legend(handles=key, loc="upper left", bbox_to_anchor=(LEFT, 1.0), ncols=len(key),
                  fontsize=8, handlelength=1.1, columnspacing=1.8, borderpad=0.3,
                  borderaxespad=0.4)  # fmt: skip


def _few_ticks() -> MaxNLocator:
    """Give a locator of a handful of round ticks."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, steps=[1, 2, 5, 10])

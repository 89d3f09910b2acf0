"""Balance before and after weighting as a figure (love plot), in panels where rungs are many."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from causal.report.canvas import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    RULE,
    WIDTH,
    draw,
    width_of,
    wrapped,
)
from causal.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, CLOSE = 0.21, 0.3
"""Inches a covariate: where few marks stand beside each other, and where many do."""
AXIS, TOP = 0.5, 0.06
"""Inches for the axis below a row of panels, and above the keys."""
LABELS, RIGHT, GAP = 0.27, 0.03, 0.02
"""Of the width: for names of covariates, at the right, and between panels."""
ACROSS = 3
"""Panels that stand beside each other."""
KEY_SIZE, KEY_LINE, KEY_MARK = 8.0, 0.165, 0.4
"""Points of the key's letters, inches of one of its lines, and of a mark with its spaces."""
FEW = 3
"""Rungs of a panel whose marks need no room of their own."""
SPREAD, WHOLE = 0.2, 0.8
"""Of a row, at most: between two marks of a covariate, and what all of them take."""
USUAL_BOUND = 0.1  # Austin (2009), doi:10.1002/sim.3697; a habit, not a test
LOOKS = (
    (BLUE, "o"), (ORANGE, "^"), (GREEN, "D"), (PURPLE, "v"), (INK, "P"), (QUIET, "X")
)  # fmt: skip
"""Colour and shape; shapes alone tell rungs apart, so that grey copies can be read."""


def balance_svg(result: Result) -> bytes:
    """Draw the standardised mean differences of every weighting rung beside the crude ones.

    A panel has no more rungs than there are shapes; its key is above it.
    """
    panels = panels_of(result)
    across = min(len(panels), ACROSS)
    wide = (1 - LABELS - RIGHT - GAP * (across - 1)) / across
    bands = [panels[i : i + across] for i in range(0, len(panels), across)]
    keys = [max(len(key_names(rungs, wide)[0]) for rungs in band) for band in bands]
    tall = len({one.term for one in result.balance}) * (
        ROW if max(map(len, panels)) <= FEW else CLOSE
    )
    height = sum(TOP + lines * KEY_LINE + 0.12 + tall + AXIS for lines in keys)

    def paint(figure: Figure) -> None:
        top = height
        for band, lines in zip(bands, keys, strict=True):
            top -= TOP + lines * KEY_LINE + 0.12 + tall
            for i, rungs in enumerate(band):
                left = LABELS + i * (wide + GAP)
                ax = figure.add_axes((left, top / height, wide, tall / height))
                draw_balance(result, rungs, ax, named=i == 0)
                _key(ax, rungs, wide)
            figure.text(LABELS + (1 - LABELS - RIGHT) / 2, (top - 0.42) / height, _axis_name(),
                        ha="center", fontsize=8.5)  # fmt: skip
            top -= AXIS

    return draw(paint, height=height)


def panels_of(result: Result) -> list[list[str]]:
    """Divide the rungs into panels of about the same number, none above that of the shapes."""
    rungs = list(dict.fromkeys(one.rung for one in result.balance))
    many = math.ceil(len(rungs) / len(LOOKS))
    size, larger = divmod(len(rungs), many)
    starts = [i * size + min(i, larger) for i in range(many + 1)]
    return [rungs[start:end] for start, end in pairwise(starts)]


def key_names(rungs: list[str], wide: float) -> tuple[list[list[str]], int]:
    """Give the key of a panel in the lines it takes, and the number of its columns.

    Parameters
    ----------
    wide : of the panel, as a share of the figure's width.
    """
    names = ["crude", *(name.replace("_", " ") for name in rungs)]
    room = wide * WIDTH
    broken = ["\n".join(wrapped(name, room - KEY_MARK, KEY_SIZE)) for name in names]
    widest = max(width_of(line, KEY_SIZE) for name in broken for line in name.split("\n"))
    columns = max(1, min(len(broken), int(room / (widest + KEY_MARK))))
    high = math.ceil(len(broken) / columns)
    lines = [broken[i::high] for i in range(high)]
    deep = [max(name.count("\n") + 1 for name in line) for line in lines]
    return [line for line, many in zip(lines, deep, strict=True) for _ in range(many)], columns


def draw_balance(result: Result, rungs: list[str], ax: Axes, *, named: bool = True) -> Axes:
    """Draw one row a covariate, the most unbalanced at the top.

    Parameters
    ----------
    rungs : those of this panel.
    named : write the names of the covariates.
    """
    crude = {one.term: one.crude for one in result.balance}
    concept = {one.term: one.concept for one in result.balance}
    order = sorted(crude, key=lambda term: (-abs(crude[term]), term))
    row = {term: i for i, term in enumerate(order)}
    ax.axvspan(-USUAL_BOUND, USUAL_BOUND, color="#f2f2f2", lw=0, zorder=0)
    ax.axvline(0, color=INK, lw=0.9, zorder=1)
    for bound in (-USUAL_BOUND, USUAL_BOUND):
        ax.axvline(bound, color=QUIET, lw=0.8, ls=(0, (3, 2)), zorder=1)
    ax.hlines(range(len(order)), *_limits(result), color=RULE, lw=0.4, zorder=0)
    ax.plot([crude[term] for term in order], range(len(order)), "s", mfc="white", mec=INK,
            ms=5, mew=1.1, label="crude", zorder=2)  # fmt: skip
    apart = min(SPREAD, WHOLE / len(rungs)) if len(rungs) > FEW else 0.0
    for i, name in enumerate(rungs):
        colour, marker = LOOKS[i]
        shift = apart * (i - (len(rungs) - 1) / 2)
        weighted = [
            (one.weighted, row[one.term] + shift) for one in result.balance if one.rung == name
        ]
        ax.plot(*zip(*weighted, strict=True), marker, color=colour, ms=4.5, lw=0,
                mec="white", mew=0.3, label=name, zorder=3)  # fmt: skip
    labels = [_row_label(term, concept[term]) if named else "" for term in order]
    ax.set_yticks(range(len(order)), labels)
    ax.tick_params(axis="y", length=0, labelsize=7.8)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlim(*_limits(result))
    return ax


def _key(ax: Axes, rungs: list[str], wide: float) -> None:
    """Write the key above a panel, in as many columns as have room."""
    columns = key_names(rungs, wide)[1]
    handles, names = ax.get_legend_handles_labels()
    room = wide * WIDTH - KEY_MARK
    ax.legend(handles, ["\n".join(wrapped(name.replace("_", " "), room, KEY_SIZE))
                        for name in names],
              loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, fontsize=KEY_SIZE,
              handletextpad=0.2, columnspacing=1.4, borderaxespad=0.2)  # fmt: skip


def _axis_name() -> str:
    """Name the axis, which all panels share."""
    return f"Standardised mean difference, exposed − unexposed (dashed: ±{USUAL_BOUND:g})"


def _limits(result: Result) -> tuple[float, float]:
    """Give the ends of the axis, with room beside the outermost mark."""
    ends = [end for one in result.balance for end in (one.crude, one.weighted)]
    ends += [-1.5 * USUAL_BOUND, 1.5 * USUAL_BOUND]
    pad = 0.05 * (max(ends) - min(ends))
    return min(ends) - pad, max(ends) + pad


def _row_label(term: str, concept: str) -> str:
    """Write a covariate with its concept."""
    name = concept.replace("_", " ").strip("() ")
    return f"{term} ({name})" if name and name != term else term

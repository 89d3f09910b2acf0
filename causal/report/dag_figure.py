"""The causal diagram as a figure: shape and fill tell how a concept is measured."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeAlias

from causal.report.canvas import BLUE, INK, ORANGE, QUIET, WIDTH, draw, width_of
from causal.report.dag_layout import Layout, arrange
from causal.result import DagBlock, Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.text import Text

Point: TypeAlias = tuple[float, float]

PITCH = 0.86  # inches from one layer to the next
TALL = 0.42  # inches, of a box
WIDEST = 1.3  # inches, of a box; less in a broad diagram
KEY = 0.8  # inches below the diagram
LETTERS, LEAST = 8.0, 5.0  # points of names, all of one size: usually, and where room is short
INSIDE = 0.1  # inches of a box that its name leaves free
SLANT = 0.9  # of the room in a box that a name may take in an ellipse or a hexagon
ARROW = (0.085, 0.1)  # inches: width, length
FILL: dict[Status, str] = {
    "measured": "#e3eef6",
    "proxy": "#fbf1d5",
    "after_exposure": "#eadfea",
    "unmeasured": "#ffffff",
}
MEANING: dict[Status, str] = {
    "measured": "measured",
    "proxy": "by proxy only",
    "after_exposure": "after exposure began",
    "unmeasured": "unmeasured",
}


def dag_svg(dag: DagBlock, *, named: bool = False) -> bytes:
    """Draw the diagram; one unit of the axis is one inch.

    Parameters
    ----------
    named : give the parts names (``arrow:…``, ``concept:…``), so that a page can explain them.
    """
    edges = [(one.cause, one.effect, one.disputed) for one in dag.edges]
    layout = arrange([one.name for one in dag.concepts], edges, dag.outcome)
    depth = (layout.layers - 1) * PITCH + TALL + 0.2
    height = depth + KEY

    def paint(figure: Figure) -> None:
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        ax.axis("off")
        ax.set_xlim(0, WIDTH)
        ax.set_ylim(height, 0)
        draw_dag(dag, layout, ax, named=named)
        draw_key(dag, ax, depth + 0.2)

    return draw(paint, height=height)


def draw_dag(dag: DagBlock, layout: Layout, ax: Axes, *, named: bool = False) -> Axes:
    """Draw arrows, then concepts over them."""
    places = [x for _, x in layout.place.values()]
    places += [end[1] for hop in layout.hops for end in hop[:2]]
    lo, hi = min(places), max(places)
    unit = min(WIDEST * 1.12, (WIDTH - 0.16) / (hi - lo + 1))  # inches a box of the layout
    wide = unit * 0.98
    shift = WIDTH / 2 - unit * (lo + hi) / 2

    def at(place: tuple[int, float]) -> Point:
        return shift + unit * place[1], 0.1 + TALL / 2 + PITCH * place[0]

    colours = {dag.outcome: ORANGE, dag.exposure: BLUE}
    size = name_size(dag, wide, colours)
    for i, (start, end, disputed, target) in enumerate(layout.hops):
        arrives = layout.place[target] == end
        colour = colours.get(target, QUIET)
        drawn = _hop(ax, at(start), at(end), colour, disputed=disputed, arrives=arrives)
        if named:
            carried = ",".join(f"{cause}>{effect}" for cause, effect in layout.carried[i])
            for j, part in enumerate(drawn):
                part.set_gid(f"arrow:{i}.{j}:{carried}")
    for one in dag.concepts:
        centre, colour = at(layout.place[one.name]), colours.get(one.name, INK)
        outline, *inner = _concept(ax, centre, one.status, colour, wide, chief=one.name in colours)
        label = _name(ax, centre, name_lines(one.name, _room(one.status, wide)), colour, size)
        if named:
            outline.set_gid(f"concept:{one.name}")
            label.set_gid(f"label:{one.name}")
            for part in inner:
                part.set_gid(f"label:{one.name}.inner")
    return ax


def draw_key(dag: DagBlock, ax: Axes, y: float) -> Axes:
    """Draw the key below the diagram, of what is in it only."""
    x, drawn = 0.15, {one.status for one in dag.concepts}
    for status, text in MEANING.items():
        if status in drawn:
            _concept(ax, (x + 0.16, y), status, INK, 0.32, chief=False, tall=0.19)
            x = _beside(ax, x + 0.4, y, text)
    x, y = 0.15, y + 0.28
    into = {one.effect for one in dag.edges}
    lines = [
        (BLUE, "-", "to exposure", dag.exposure in into),
        (ORANGE, "-", "to outcome", dag.outcome in into),
        (QUIET, "--", "disputed", any(one.disputed for one in dag.edges)),
    ]
    for colour, style, text, there in lines:
        if there:
            ax.plot([x, x + 0.3], [y, y], style, color=colour, lw=1.5)
            x = _beside(ax, x + 0.37, y, text)
    return ax


def name_size(dag: DagBlock, wide: float, bold: Collection[str]) -> float:
    """Give the one size of letters, in points, at which every name fits its shape.

    Parameters
    ----------
    wide : of a shape, in inches.
    bold : names written in bold.
    """
    sizes = [LETTERS]
    for one in dag.concepts:
        room = _room(one.status, wide)
        lines = name_lines(one.name, room)
        most = max(width_of(line, LETTERS, bold=one.name in bold) for line in lines)
        sizes.append(LETTERS * room / most)
    return max(min(sizes), LEAST)


def _room(status: Status, wide: float) -> float:
    """Give the inches a name may take in the shape of a status."""
    return (SLANT if status in ("unmeasured", "after_exposure") else 1.0) * (wide - INSIDE)


def name_lines(name: str, room: float) -> list[str]:
    """Write a name in one line where it has room, else in the two that are least wide."""
    words = name.split("_")
    whole = " ".join(words)
    if len(words) == 1 or width_of(whole, LETTERS) <= room:
        return [whole]
    broken = [[" ".join(words[:i]), " ".join(words[i:])] for i in range(1, len(words))]
    return min(broken, key=lambda lines: max(width_of(line, LETTERS) for line in lines))


def _beside(ax: Axes, x: float, y: float, text: str) -> float:
    """Write a word of the key, and give where the next mark goes."""
    ax.text(x, y, text, va="center", fontsize=7.5, color=QUIET)
    return x + width_of(text, 7.5) + 0.3


def _hop(
    ax: Axes, start: Point, end: Point, colour: str, *, disputed: bool, arrives: bool
) -> list[Patch]:
    """Draw a piece of an arrow: a bend between two layers, then straight past the next one."""
    from matplotlib.patches import PathPatch, Polygon
    from matplotlib.path import Path

    half = TALL / 2
    (x0, y0), (x1, y1) = (start[0], start[1] + half), (end[0], end[1] - half)
    stop = y1 - ARROW[1] if arrives else y1
    middle = (y0 + stop) / 2
    points = [(x0, y0), (x0, middle), (x1, middle), (x1, stop)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    if not arrives:
        points.append((x1, end[1] + half))
        codes.append(Path.LINETO)
    line = PathPatch(Path(points, codes), fill=False, edgecolor=colour, alpha=0.85, zorder=1)
    line.set_linewidth(1.5 if disputed else 0.9)
    line.set_linestyle((0, (4, 2.5)) if disputed else "solid")
    ax.add_patch(line)
    if not arrives:
        return [line]
    side = ARROW[0] / 2
    corners = [(x1, y1), (x1 - side, y1 - ARROW[1]), (x1 + side, y1 - ARROW[1])]
    tip = Polygon(corners, closed=True, facecolor=colour, edgecolor="none", zorder=3)
    ax.add_patch(tip)
    return [line, tip]


def _concept(
    ax: Axes,
    centre: Point,
    status: Status,
    colour: str,
    wide: float,
    *,
    chief: bool,
    tall: float = TALL,
) -> list[Patch]:
    """Draw the outline of a concept in the shape of its status."""
    from matplotlib.patches import Ellipse, Polygon, Rectangle

    (x, y), w, h = centre, wide / 2, tall / 2
    shape: Patch
    if status == "unmeasured":
        shape = Ellipse(centre, wide, tall)
        shape.set_linestyle((0, (2, 1.5)))
    elif status == "after_exposure":
        cut = 0.5 * h
        corners = [(x - w, y), (x - w + cut, y - h), (x + w - cut, y - h),
                   (x + w, y), (x + w - cut, y + h), (x - w + cut, y + h)]  # fmt: skip
        shape = Polygon(corners, closed=True)
    else:
        shape = Rectangle((x - w, y - h), wide, tall)
    shape.set(facecolor=FILL[status], edgecolor=colour, linewidth=2.4 if chief else 1.0, zorder=2)
    ax.add_patch(shape)
    if status != "proxy":
        return [shape]
    edge = 0.035
    inner = Rectangle((x - w + edge, y - h + edge), wide - 2 * edge, tall - 2 * edge)
    inner.set(facecolor="none", edgecolor=colour, linewidth=0.7, zorder=2)
    ax.add_patch(inner)
    return [shape, inner]


def _name(ax: Axes, centre: Point, lines: list[str], colour: str, size: float) -> Text:
    """Write the name of a concept."""
    return ax.text(
        *centre, "\n".join(lines), ha="center", va="center", fontsize=size, color=colour,
        fontweight="bold" if colour != INK else "normal", zorder=4, linespacing=1.05,
    )  # fmt: skip

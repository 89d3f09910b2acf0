"""Where figures are drawn: white ground, glyphs as paths, the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from causal.report.numbers import unbroken

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

WIDTH = 9.0  # inches; about the width of a page on a code host
INK, QUIET, RULE = "#1a1a1a", "#5c5c5c", "#c9c9c9"
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#8a4f7d"  # Okabe & Ito 2008
STYLE: dict[RcKeyType, str | float | bool] = {
    "svg.hashsalt": "causal",
    "svg.fonttype": "path",  # so that widths do not depend on the fonts of the reader
    "font.family": "DejaVu Sans",  # shipped with matplotlib
    "font.size": 8.5,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def draw(paint: Callable[[Figure], None], height: float, width: float = WIDTH) -> bytes:
    """Draw a figure and give it as SVG.

    Parameters
    ----------
    paint : draws on an empty figure.
    height, width : in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever the user's own settings are
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height))
        paint(figure)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Measure a line of text as it will be drawn, in inches.

    Parameters
    ----------
    size : of the font, in points.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    weight = "bold" if bold else "normal"
    font = FontProperties(family=str(STYLE["font.family"]), weight=weight, size=size)
    points, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(points) / 72


def wrapped(text: str, room: float, size: float) -> list[str]:
    """Break a text into lines that are no wider than the room, between words only.

    Parameters
    ----------
    room : in inches; a single word may be wider.
    size : of the font, in points.
    """
    lines: list[str] = []
    for word in unbroken(text).split(" "):
        if lines and width_of(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines

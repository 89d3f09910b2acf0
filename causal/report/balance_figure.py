"""Balance before and after weighting as a figure (love plot)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RULE, draw
from causal.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, MARGIN = 0.21, 1.05  # inches a covariate, and for axis and key
USUAL_BOUND = 0.1  # Austin (2009), doi:10.1002/sim.3697; a habit, not a test
LOOKS = (
    (BLUE, "o"), (ORANGE, "^"), (GREEN, "D"), (PURPLE, "v"), (INK, "P"), (QUIET, "X")
)  # fmt: skip


def balance_svg(result: Result) -> bytes:
    """Draw the standardised mean differences of every weighting rung beside the crude ones."""
    terms = len({one.term for one in result.balance})
    height = terms * ROW + MARGIN

    def paint(figure: Figure) -> None:
        ax = figure.add_axes((0.27, 0.5 / height, 0.7, terms * ROW / height))
        draw_balance(result, ax)

    return draw(paint, height=height)


def draw_balance(result: Result, ax: Axes) -> Axes:
    """Draw one row a covariate, the most unbalanced at the top."""
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
    rungs = list(dict.fromkeys(one.rung for one in result.balance))
    for i, name in enumerate(rungs):
        colour, marker = LOOKS[i % len(LOOKS)]
        weighted = [(one.weighted, row[one.term]) for one in result.balance if one.rung == name]
        ax.plot(*zip(*weighted, strict=True), marker, color=colour, ms=5, lw=0,
                label=name.replace("_", " "), zorder=3)  # fmt: skip
    ax.set_yticks(range(len(order)), [_row_label(term, concept[term]) for term in order])
    ax.tick_params(axis="y", length=0, labelsize=7.8)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_xlim(*_limits(result))
    ax.set_xlabel("Standardised mean difference, exposed − unexposed (dashed: ±0.1)")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=min(len(rungs) + 1, 5),
              fontsize=8, handletextpad=0.2, columnspacing=1.4)  # fmt: skip
    return ax


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

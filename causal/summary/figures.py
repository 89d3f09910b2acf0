"""Figures of a published trial: both arms before and after, and p-values of every effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, GREEN, INK, ORANGE, PURPLE, QUIET, RULE, draw
from causal.report.markdown import joined
from causal.report.numbers import number
from causal.report.sensitivity_figures import lay_out, panel_height
from causal.result_parts import Pair, Reason
from causal.summary.document import SummaryResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HUES = (BLUE, GREEN, PURPLE, INK)
STAGES, CONFIDENCE = "stages.svg", "confidence.svg"
MARGIN = 0.4
"""Room beside the outermost arm, in steps between arms."""
ALONE = 2.6  # inches, a figure of one panel
SHORT = 34
"""Letters of a title before it is broken off."""


def summary_figures(result: SummaryResult) -> dict[str, bytes]:
    """Give every figure there is, by name."""
    return {STAGES: stages_svg(result), CONFIDENCE: confidence_svg(result)}


def stages_svg(result: SummaryResult) -> bytes:
    """Draw exposure and outcome: shares by arm, or the two differences where no arm is printed."""

    def paint(figure: Figure) -> None:
        axes = lay_out(figure, 2)
        sides = (
            (result.exposure.name, "exposed", result.first_stage),
            (result.outcome.name, "outcome", result.itt),
        )
        for ax, (title, what, block) in zip(axes, sides, strict=True):
            if result.arms:
                draw_shares(result, what, title, ax)
            else:
                unit = result.exposure.unit if what == "exposed" else result.outcome.unit
                draw_difference(block.value, block.interval, title, unit, ax)

    return draw(paint, height=panel_height(2))


def draw_shares(result: SummaryResult, what: str, title: str, ax: Axes) -> Axes:
    """Draw the shares of every arm with their intervals, those compared joined by a line."""
    shares = [arm.exposed if what == "exposed" else arm.outcome for arm in result.arms]
    ends = [
        arm.exposed_interval if what == "exposed" else arm.outcome_interval for arm in result.arms
    ]
    compared = [
        next(i for i, arm in enumerate(result.arms) if arm.name == name)
        for name in reversed(result.design.contrast)
    ]
    order = compared + [i for i in range(len(shares)) if i not in compared]
    for place, i in enumerate(order):
        low, high = ends[i]
        error = [[max(shares[i] - low, 0.0)], [max(high - shares[i], 0.0)]]
        hue = BLUE if i in compared else QUIET
        ax.errorbar([place], [shares[i]], yerr=error, fmt="o", color=hue, ms=5, capsize=3)
    ax.plot([0, 1], [shares[i] for i in compared], color=BLUE, lw=1.2)
    ax.set_xlim(-MARGIN, len(order) - 1 + MARGIN)
    ax.set_xticks(range(len(order)), [_short(result.arms[i].name) for i in order])
    top = max(high for _, high in ends)
    ax.set_ylim(0, min(1.08 * top, 1.02))
    return _finish(ax, title, "share")


def draw_difference(value: float, interval: Pair, title: str, unit: str, ax: Axes) -> Axes:
    """Draw one printed difference with its interval, and the line of none."""
    low, high = interval
    ax.errorbar([0], [value], yerr=[[value - low], [high - value]], fmt="o", color=BLUE, ms=5,
                capsize=3)  # fmt: skip
    ax.axhline(0, color=INK, lw=0.8, ls=(0, (4, 2)))
    ax.set_xlim(-1, 1)
    ax.set_xticks([])
    return _finish(ax, title, f"difference, {unit}" if unit else "difference in shares")


def confidence_svg(result: SummaryResult) -> bytes:
    """Draw p against the effect supposed, one line a correlation tried."""

    def paint(figure: Figure) -> None:
        ax = figure.add_subplot()
        for hue, one in zip(HUES * len(result.sets), result.sets, strict=False):
            x, p = zip(*(point[:2] for point in one.curve.points), strict=True)
            known = not isinstance(one.correlation, Reason)
            label = f"correlation {_or_nothing(one.correlation)}" if known else ""
            ax.plot(x, p, color=hue, lw=1.4, label=label)
        if len(result.sets) > 1:
            ax.legend(fontsize=7, loc="best")
        ax.axhline(1 - result.level, color=ORANGE, lw=0.9)
        ax.axvline(0, color=RULE, lw=0.8)
        for end in _ends_drawn(result):
            ax.axvline(end, color=QUIET, lw=0.8, ls=(0, (1, 2)))
        ax.set_xlim(result.sets[0].curve.points[0][0], result.sets[0].curve.points[-1][0])
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("effect", fontsize=7.5)
        _finish(ax, f"Effect of {result.exposure.name} on {result.outcome.name}", "p-value")
        figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.17)

    return draw(paint, height=ALONE)


def confidence_words(result: SummaryResult) -> str:
    """Say how the curves are read."""
    tried = [one for one in result.sets if not isinstance(one.correlation, Reason)]
    lines = " One line for each correlation within arms." if len(tried) > 1 else ""
    drawn = _ends_drawn(result)
    ends = (
        f" Dotted: {joined([number(one, 0) for one in drawn])}, the largest there can be of an "
        "effect on a probability."
        if drawn
        else ""
    )
    return (
        "Effects whose curve lies above the orange line are in the set. Where a curve stays above "
        f"it on one side, the numbers exclude no effect on that side.{lines}{ends}"
    )


def _ends_drawn(result: SummaryResult) -> list[float]:
    """Give the largest effects there can be on a probability, as far as they are in the figure."""
    if not result.exposure.kind == result.outcome.kind == "binary":
        return []
    points = result.sets[0].curve.points
    return [end for end in (-1.0, 1.0) if points[0][0] < end < points[-1][0]]


def _or_nothing(value: float | Reason) -> str:
    return "" if isinstance(value, Reason) else number(value, 2)


def _short(name: str) -> str:
    return name if len(name) <= SHORT else f"{name[: SHORT - 1]}…"


def _finish(ax: Axes, title: str, label: str) -> Axes:
    """Name panel and axis."""
    ax.set_title(title, fontsize=8.5)
    ax.set_ylabel(label, fontsize=7.5)
    ax.tick_params(labelsize=7)
    ax.grid(color=RULE, lw=0.3, axis="y")
    ax.set_axisbelow(True)
    return ax

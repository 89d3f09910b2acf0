"""The ladder as a figure: differences with intervals, and the share that remains beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causal.report.canvas import BLUE, GREEN, INK, ORANGE, QUIET, RULE, WIDTH, draw, wrapped
from causal.report.numbers import Measure, measure_of, percent, share, share_set
from causal.report.reading import (
    adjusted_rungs,
    brackets,
    by_target,
    chief,
    interval_of,
    remaining_of,
    truth_of,
)
from causal.result import Pair, Piece, Remaining, Result, RungBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, MARGIN = 0.44, 0.76  # inches a row, and for axes and titles
NOTE, LINE = 7.5, 0.14  # points of the note's letters, and inches of one of its lines
NOTE_LEFT, NOTE_RIGHT = 0.01, 0.98  # of the width
SHARE_WINDOW = (-1.0, 3.0)  # shares beyond are shown by an arrow; the text gives them
PAD = 0.08


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the figure: a rung, or the heading of a group when ``rung`` is None."""

    at: float
    heading: str
    rung: RungBlock | None


def ladder_svg(result: Result) -> bytes:
    """Draw the ladder."""
    rows = arrange_rows(result)
    depth = rows[-1].at + 0.75
    note = wrapped(_note(rows, result), (NOTE_RIGHT - NOTE_LEFT) * WIDTH, NOTE)
    height = depth * ROW + MARGIN + LINE * len(note)

    def paint(figure: Figure) -> None:
        bottom, tall = (0.64 + LINE * len(note)) / height, depth * ROW / height
        left = figure.add_axes((0.265, bottom, 0.375, tall))
        right = figure.add_axes((0.665, bottom, 0.155, tall))
        for ax in (left, right):
            ax.set_ylim(depth, -0.6)
            ax.set_yticks([])
            ax.spines["left"].set_visible(False)
            ax.patch.set_visible(False)  # so that rules run through
        draw_differences(result, rows, left)
        draw_shares(rows, right)
        figure.text(NOTE_LEFT, 0.1 / height, "\n".join(note), fontsize=NOTE, color=QUIET)

    return draw(paint, height=height)


def arrange_rows(result: Result) -> list[Row]:
    """Put the crude rung first, then adjusted rungs by target, then brackets apart."""
    rows = [Row(0.0, "", result.crude)]
    at = 0.0
    groups = [
        (f"adjusted, {target}", rungs)
        for target, rungs in by_target(adjusted_rungs(result)).items()
    ]
    if brackets(result):
        groups.append(("bracket: also adjusted for what came after exposure", brackets(result)))
    for heading, rungs in groups:
        at += 0.95
        rows.append(Row(at, heading, None))
        for i, rung in enumerate(rungs):
            at += 0.75 if i == 0 else 1.0
            rows.append(Row(at, "", rung))
    return rows


def draw_differences(result: Result, rows: list[Row], ax: Axes) -> Axes:
    """Draw differences with intervals, the zero line, and truths where they are known."""
    measure = measure_of(result)
    factor = 100 if measure.points else 1
    window = _window(result, rows, factor)
    ax.axvline(measure.null, color=INK, lw=0.9, zorder=1)
    ax.axvline(factor * result.crude.estimate, color=QUIET, lw=0.8, ls=(0, (1, 2)), zorder=1)
    for row in rows:
        if row.rung is None:
            _heading(ax, row)
            continue
        rung, (colour, marker, fill) = row.rung, _look(row.rung, result.crude)
        truth = truth_of(result, rung)
        _rung_label(ax, row.at, rung, measure, leads=_leads(result, rung))
        for lo, hi in rung.region:
            piece = (None if lo is None else factor * lo, None if hi is None else factor * hi)
            _piece(ax, row.at, piece, window, colour)
        if window[0] <= factor * rung.estimate <= window[1]:
            ax.plot(
                factor * rung.estimate, row.at, marker, ms=6.5, mfc=fill, mec=colour, mew=1.4,
                zorder=3,
            )  # fmt: skip
            if _leads(result, rung):
                ax.plot(factor * rung.estimate, row.at, "o", ms=12, mfc="none", mec=INK, mew=0.9)
        if truth is not None:
            ax.plot([factor * truth] * 2, [row.at - 0.33, row.at + 0.33], color=GREEN, lw=2.2)
    ax.set_xlim(*window)
    level = percent(result.crude.level)
    contrast = (
        "Difference" if measure.null == 0 else result.crude.scale.replace("_", " ").capitalize()
    )
    ax.set_xlabel(f"{contrast}{f' ({measure.unit})' if measure.unit else ''}, {level} interval")
    return ax


def _window(result: Result, rows: list[Row], factor: float) -> Pair:
    """Give the stretch of differences shown: that of all sets with two ends, and of truths.

    A set without two ends is drawn to the edge with an arrow, and an estimate that has no other
    set does not stretch the axis: the numbers at the left give it.
    """
    ends = [measure_of(result).null]
    for row in rows:
        if row.rung is None:
            continue
        pair, truth = interval_of(row.rung), truth_of(result, row.rung)
        if pair is not None:
            ends += [factor * row.rung.estimate, *(factor * end for end in pair)]
        if truth is not None:
            ends.append(factor * truth)
    pad = PAD * (max(ends) - min(ends) or 1.0)
    return min(ends) - pad, max(ends) + pad


def draw_shares(rows: list[Row], ax: Axes) -> Axes:
    """Draw the share that remains with its set, and write both to the right."""
    lo, hi = _share_limits(rows)
    for at, style in ((0.0, "solid"), (1.0, (0, (1, 2)))):
        ax.axvline(at, color=INK if at == 0 else QUIET, lw=0.8, ls=style, zorder=1)
    for row in rows:
        if row.rung is None or row.rung is rows[0].rung:
            continue
        kept, (colour, marker, fill) = remaining_of(row.rung), _look(row.rung, rows[0].rung)
        if kept is None:
            _beside(ax, row.at, "not estimable", "")
            continue
        for piece in kept.set:
            _piece(ax, row.at, piece, (lo, hi), colour)
        if lo <= kept.value <= hi:
            ax.plot(kept.value, row.at, marker, ms=5.5, mfc=fill, mec=colour, mew=1.3, zorder=3)
        _beside(ax, row.at, share(kept.value) + (" (mixed)" if kept.mixed else ""), _set(kept))
    ax.set_xlim(lo, hi)
    ax.set_xticks([tick for tick in (-1, 0, 1, 2, 3) if lo <= tick <= hi])
    ax.set_xlabel("Share that remains")
    return ax


def _note(rows: list[Row], result: Result) -> str:
    """Say what lines and marks mean."""
    note = "Dotted: the crude difference, all of which remains at 1"
    if chief(result) is not None:
        note += "; bold, ringed: the headline rung"
    if brackets(result):
        note += "; diamonds: brackets"
    if any(truth_of(result, row.rung) is not None for row in rows if row.rung):
        note += "; green bars: truth"
    return note


def _share_limits(rows: list[Row]) -> Pair:
    """Give the window of shares: wide enough for 0 and 1, cut at ``SHARE_WINDOW``."""
    ends = [0.0, 1.0]
    for row in rows:
        kept = remaining_of(row.rung) if row.rung else None
        if kept is not None:
            ends += [kept.value, *(end for piece in kept.set for end in piece if end is not None)]
    lo = max(min(ends) - 0.25, SHARE_WINDOW[0])
    return lo, min(max(ends) + 0.25, SHARE_WINDOW[1])


def _piece(ax: Axes, at: float, piece: Piece, window: Pair, colour: str) -> None:
    """Draw one piece of a set, with an arrow where it leaves the window."""
    first = -math.inf if piece[0] is None else piece[0]
    last = math.inf if piece[1] is None else piece[1]
    lo, hi = max(first, window[0]), min(last, window[1])
    if lo >= hi:  # outside; the text beside gives it
        return
    ax.plot([lo, hi], [at, at], color=colour, lw=1.6, zorder=2, solid_capstyle="butt")
    if first < window[0]:
        ax.plot(lo, at, "<", color=colour, ms=5, clip_on=False)
    if last > window[1]:
        ax.plot(hi, at, ">", color=colour, ms=5, clip_on=False)


def _set(kept: Remaining) -> str:
    """Write a set in the short form that fits the margin."""
    return share_set(kept.set).removeprefix("all values ")


def _beside(ax: Axes, at: float, first: str, second: str) -> None:
    """Write at the right margin."""
    trans = ax.get_yaxis_transform()
    if second:
        ax.text(1.06, at - 0.02, first, transform=trans, va="bottom", fontsize=8, color=INK)
        ax.text(1.06, at + 0.06, second, transform=trans, va="top", fontsize=7.5, color=QUIET)
    else:
        ax.text(1.06, at, first, transform=trans, va="center", fontsize=8, color=QUIET)


def _leads(result: Result, rung: RungBlock) -> bool:
    """Tell whether this is the rung the first page leads with."""
    return rung is chief(result)


def _rung_label(ax: Axes, at: float, rung: RungBlock, measure: Measure, *, leads: bool) -> None:
    """Write a rung's name and numbers at the left margin, bold for the headline rung."""
    trans, pair = ax.get_yaxis_transform(), interval_of(rung)
    numbers = measure.bare(rung.estimate)
    if pair is not None:
        numbers += f" ({measure.span(pair)})"
    elif rung.region:
        numbers += " (every value)" if rung.region == [(None, None)] else " (no two ends)"
    name = rung.name.replace("_", " ")
    ax.text(-0.035, at - 0.02, name, transform=trans, ha="right", va="bottom", fontsize=8.5,
            fontweight="bold" if leads else "normal")  # fmt: skip
    ax.text(-0.035, at + 0.06, numbers, transform=trans, ha="right", va="top", fontsize=7.5,
            color=QUIET)  # fmt: skip


def _heading(ax: Axes, row: Row) -> None:
    """Write the heading of a group over a thin rule."""
    trans = ax.get_yaxis_transform()
    ax.plot([-0.7, 1.95], [row.at - 0.32] * 2, transform=trans, color=RULE, lw=0.7, clip_on=False)
    ax.text(-0.7, row.at - 0.03, row.heading, transform=trans, va="center", fontsize=7.8,
            color=QUIET, style="italic")  # fmt: skip


def _look(rung: RungBlock, crude: RungBlock | None) -> tuple[str, str, str]:
    """Give colour, marker and fill: shape tells crude, ladder and bracket apart."""
    if rung is crude:
        return INK, "s", INK
    return (ORANGE, "D", "white") if rung.role == "bracket" else (BLUE, "o", BLUE)

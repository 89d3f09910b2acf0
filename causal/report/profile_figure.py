"""Rungs with more than two means as a figure: points or lines, with intervals and bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causal.report.canvas import QUIET, RULE, draw
from causal.report.numbers import Measure, difference_measure, percent
from causal.report.sensitivity_figures import HUES, lay_out, panel_height
from causal.result import Pair, ProfileBlock, ProfilePointBlock, Result, RungBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

APART = 0.42
"""Space between rows of panels, in heights of one: titles here are one line."""

MOST_TICKS = 12
"""Ticks at horizons for which a panel has room."""

MARGIN = 2.0
"""Points of risk shown below 0 and above 100 %."""


def profiles_svg(result: Result) -> bytes | None:
    """Draw every profile, one panel a rung; None where there is none."""
    panels = [rung for rung in result.rungs if rung.profile is not None]
    if not panels:
        return None

    def paint(figure: Figure) -> None:
        axes = lay_out(figure, len(panels))
        figure.subplots_adjust(hspace=APART)
        for ax, rung in zip(axes, panels, strict=True):
            draw_profile(result, rung, ax)
        low, high = (pick(ax.get_ylim()[end] for ax in axes) for end, pick in ((0, min), (1, max)))
        if difference_measure(result).points:  # no risk is beyond these, though an interval may be
            low, high = max(low, -MARGIN), min(high, 100 + MARGIN)
        for ax, rung in zip(axes, panels, strict=True):  # one scale, so that eyes can compare
            ax.set_ylim(low, high)
            mark_cut(result, rung, ax)

    return draw(paint, height=panel_height(len(panels)))


def draw_profile(result: Result, rung: RungBlock, ax: Axes) -> Axes:
    """Draw the points of one rung: a line a series over an axis, or one mark an arm."""
    profile = rung.profile
    if profile is None:
        return ax
    measure = difference_measure(result)
    factor = 100 if measure.points else 1
    names = list(dict.fromkeys(one.series for one in profile.points))
    ordered = all(one.x is not None for one in profile.points)
    steps = ordered and profile.kind == "survival"
    placed = _placed(profile)
    for name in names:
        x = [at for at, _, one in placed if one.series == name]
        hue = next(hue for _, hue, one in placed if one.series == name)
        chosen = [one for _, _, one in placed if one.series == name]
        if steps:
            _steps(ax, x, chosen, factor, hue, name)
        else:
            _marks(ax, x, chosen, factor, hue, name)
        if ordered and profile.kind == "dose":
            y = [factor * one.estimate for one in chosen]
            ax.plot(x, y, color=hue, lw=0.8, ls=(0, (4, 3)), zorder=1)  # a guide for the eye
    if not ordered:
        ax.set_xticks(range(len(profile.points)), [_broken(one.name) for one in profile.points])
        ax.set_xlim(-0.6, len(profile.points) - 0.4)
    if steps:
        ax.set_xlim(left=0)
        ax.set_xticks(_horizons(profile.points))
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))  # a risk is compared with none
    elif ordered and all(float(one.x or 0.0).is_integer() for one in profile.points):
        ax.xaxis.set_major_locator(_whole())
    if len(names) > 1:
        ax.legend(fontsize=7, loc="best")
    ax.set_title(rung.name.replace("_", " "), fontsize=8.5)
    return _label(ax, profile, measure, ("dark", "light") if steps else ("thick", "thin"))


def mark_cut(result: Result, rung: RungBlock, ax: Axes) -> Axes:
    """Put an arrow where an interval or band leaves the axis, and say what it means."""
    if rung.profile is None:
        return ax
    low, high = ax.get_ylim()
    factor = 100 if difference_measure(result).points else 1
    cut = False
    for x, hue, one in _placed(rung.profile):
        if not one.listed:
            continue
        ends = ((one.band or _inner(one), QUIET, 4.0), (_inner(one), hue, 5.5))
        for pair, colour, size in ends:
            for at, marker, out in (
                (low, "v", factor * pair[0] < low), (high, "^", factor * pair[1] > high),
            ):  # fmt: skip
                if out:
                    ax.plot([x], [at], marker, color=colour, ms=size, clip_on=False, zorder=4)
                    cut = True
    if cut:
        ax.set_ylabel(f"{ax.get_ylabel()}\narrow: goes on beyond the axis", fontsize=7)
    return ax


def _placed(profile: ProfileBlock) -> list[tuple[float, str, ProfilePointBlock]]:
    """Give where on the axis each point stands, and its colour, series by series."""
    names = list(dict.fromkeys(one.series for one in profile.points))
    steps = profile.kind == "survival" and all(one.x is not None for one in profile.points)
    placed = []
    for i, name in enumerate(names):
        shift = 0.0 if steps else 0.06 * i * _spacing(profile.points)
        chosen = [one for one in profile.points if one.series == name]
        placed += [
            ((float(j) if one.x is None else one.x) + shift, HUES[i % len(HUES)], one)
            for j, one in enumerate(chosen)
        ]
    return placed


def _label(ax: Axes, profile: ProfileBlock, measure: Measure, drawn: tuple[str, str]) -> Axes:
    """Name the axes, and say how interval and band are drawn."""
    axis = f"{profile.axis} ({profile.unit})" if profile.unit else profile.axis
    ax.set_xlabel(axis.replace("_", " "), fontsize=7.5)
    outcome = "Risk (%)" if measure.points else f"Mean outcome ({measure.unit})"
    band = "" if profile.critical is None else f", {drawn[1]}: band"
    said = f"{drawn[0]}: {percent(profile.level)} interval{band}"
    ax.set_ylabel(f"{outcome.replace(' ()', '')}\n{said}", fontsize=7)
    ax.tick_params(labelsize=7)
    ax.grid(color=RULE, lw=0.3)
    ax.set_axisbelow(True)
    return ax


def _steps(
    ax: Axes,
    x: list[float],
    points: list[ProfilePointBlock],
    factor: float,
    hue: str,
    name: str,
) -> None:
    """Draw risks by time as steps from 0 at time 0, with their interval inside their band.

    Nobody has had the event when time starts, which no sampling error can change. A step holds
    what was read last until the next reading, as a product limit does between events; slopes
    would say that something is known in between. Dots are the points that tables list.
    """
    at = [0.0, *x]
    y = factor * np.array([0.0, *(one.estimate for one in points)])
    inner = factor * np.array([(0.0, 0.0), *(_inner(one) for one in points)])
    outer = factor * np.array([(0.0, 0.0), *(one.band or _inner(one) for one in points)])
    for ends, alpha, edge in ((outer, 0.1, 0.0), (inner, 0.18, 0.5)):  # edges: arms overlap
        ax.fill_between(at, ends[:, 0], ends[:, 1], fc=(hue, alpha), ec=(hue, edge), lw=edge,
                        step="post")  # fmt: skip
    ax.plot(at, y, color=hue, lw=1.3, drawstyle="steps-post", label=name.replace("_", " "))
    listed = [i + 1 for i, one in enumerate(points) if one.listed]
    ax.plot([at[i] for i in listed], y[listed], "o", color=hue, ms=3.2)


def _horizons(points: list[ProfilePointBlock]) -> list[float]:
    """Give 0 and the times that tables list, for ticks; those too near the one before left out."""
    last = max(one.x or 0.0 for one in points)
    ticks = [0.0]
    for time in sorted({one.x for one in points if one.listed and one.x is not None}):
        if time - ticks[-1] >= last / MOST_TICKS:
            ticks.append(time)
    return ticks


def _marks(
    ax: Axes,
    x: list[float],
    points: list[ProfilePointBlock],
    factor: float,
    hue: str,
    name: str,
) -> None:
    """Draw a mark a point, with a thick interval inside a thin band."""
    for at, one in zip(x, points, strict=True):
        inner = _inner(one)
        outer = inner if one.band is None else one.band
        ax.plot([at, at], [factor * end for end in outer], color=QUIET, lw=0.9)
        ax.plot([at, at], [factor * end for end in inner], color=hue, lw=2.4)
    ax.plot(x, [factor * one.estimate for one in points], "o", mfc="white", mec=hue, ms=5,
            label=name.replace("_", " "))  # fmt: skip


def _whole() -> MaxNLocator:
    """Give a locator of whole numbers, for doses that are counted."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(integer=True)


def _inner(one: ProfilePointBlock) -> Pair:
    """Give the interval of a point; the point itself where it has none."""
    return (one.estimate, one.estimate) if one.interval is None else one.interval


def _spacing(points: list[ProfilePointBlock]) -> float:
    """Give how far apart marks of several series are to stand, in units of the axis."""
    x = [one.x for one in points if one.x is not None]
    return (max(x) - min(x)) / 3 if x else 1.0


def _broken(name: str) -> str:
    """Break a name into short lines, for a tick."""
    import textwrap

    return "\n".join(textwrap.wrap(name.replace("_", " "), 14))

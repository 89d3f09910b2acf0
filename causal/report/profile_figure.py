"""Rungs with more than two means as a figure: points or lines, with intervals and bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causal.report.canvas import QUIET, RULE, draw
from causal.report.numbers import measure_of, percent
from causal.report.sensitivity_figures import HUES, lay_out, panel_height
from causal.result import ProfilePointBlock, Result, RungBlock

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = ("dose", "survival")
"""Profiles over an axis on which values between the points mean something."""

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
        if measure_of(result).points:  # no risk is beyond these, though an interval may be
            low, high = max(low, -MARGIN), min(high, 100 + MARGIN)
        for ax in axes:  # one scale, so that panels may be compared by eye
            ax.set_ylim(low, high)

    return draw(paint, height=panel_height(len(panels)))


def draw_profile(result: Result, rung: RungBlock, ax: Axes) -> Axes:
    """Draw the points of one rung: a line a series over an axis, or one mark an arm."""
    profile = rung.profile
    if profile is None:
        return ax
    measure = measure_of(result)
    factor = 100 if measure.points else 1
    names = list(dict.fromkeys(one.series for one in profile.points))
    ordered = all(one.x is not None for one in profile.points)
    for hue, name in zip(HUES * (1 + len(names) // len(HUES)), names, strict=False):
        chosen = [one for one in profile.points if one.series == name]
        shift = (
            0.06 * names.index(name) * _spacing(profile.points) if profile.kind not in LINES else 0
        )
        x = [(float(i) if one.x is None else one.x) + shift for i, one in enumerate(chosen)]
        if ordered and profile.kind == "survival":
            _steps(ax, x, chosen, factor, hue, name)
        elif ordered and profile.kind in LINES:
            _line(ax, x, chosen, factor, hue, name)
        else:
            _marks(ax, x, chosen, factor, hue, name)
    if not ordered:
        ax.set_xticks(range(len(profile.points)), [_broken(one.name) for one in profile.points])
        ax.set_xlim(-0.6, len(profile.points) - 0.4)
    if ordered and profile.kind == "survival":
        ax.set_xlim(left=0)
        ax.set_xticks(_horizons(profile.points))
        ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))  # a risk is compared with none
    if len(names) > 1:
        ax.legend(fontsize=7, loc="best")
    ax.set_title(rung.name.replace("_", " "), fontsize=8.5)
    axis = f"{profile.axis} ({profile.unit})" if profile.unit else profile.axis
    ax.set_xlabel(axis.replace("_", " "), fontsize=7.5)
    outcome = "Risk (%)" if measure.points else f"Mean outcome ({measure.unit})"
    level = percent(profile.level)
    drawn = ("dark", "light") if ordered and profile.kind in LINES else ("thick", "thin")
    said = f"{drawn[0]}: {level} interval, {drawn[1]}: band"
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
    inner = factor * np.array([(0.0, 0.0), *(one.interval for one in points)])
    outer = factor * np.array([(0.0, 0.0), *(one.band or one.interval for one in points)])
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


def _line(
    ax: Axes,
    x: list[float],
    points: list[ProfilePointBlock],
    factor: float,
    hue: str,
    name: str,
) -> None:
    """Draw a line with its interval inside its band."""
    y = factor * np.array([one.estimate for one in points])
    inner = factor * np.array([one.interval for one in points])
    outer = factor * np.array([one.interval if one.band is None else one.band for one in points])
    ax.fill_between(x, outer[:, 0], outer[:, 1], color=hue, alpha=0.12, lw=0)
    ax.fill_between(x, inner[:, 0], inner[:, 1], color=hue, alpha=0.22, lw=0)
    ax.plot(x, y, color=hue, lw=1.5, marker="o", ms=2.2, label=name.replace("_", " "))


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
        outer = one.interval if one.band is None else one.band
        ax.plot([at, at], [factor * end for end in outer], color=QUIET, lw=0.9)
        ax.plot([at, at], [factor * end for end in one.interval], color=hue, lw=2.4)
    ax.plot(x, [factor * one.estimate for one in points], "o", mfc="white", mec=hue, ms=5,
            label=name.replace("_", " "))  # fmt: skip


def _spacing(points: list[ProfilePointBlock]) -> float:
    """Give how far apart marks of several series are to stand, in units of the axis."""
    x = [one.x for one in points if one.x is not None]
    return (max(x) - min(x)) / 3 if x else 1.0


def _broken(name: str) -> str:
    """Break a name into short lines, for a tick."""
    import textwrap

    return "\n".join(textwrap.wrap(name.replace("_", " "), 14))

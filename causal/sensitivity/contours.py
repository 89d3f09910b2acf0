"""Contours of an estimate over how strongly an omitted variable acts on exposure and on outcome."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from causal.estimate import NotEstimable
from causal.findings import Contour, Mark
from causal.sensitivity.benchmarks import Compared, smallest_over_blocks
from causal.sensitivity.partial_r2 import (
    LinearFit,
    Strength,
    adjusted,
    robustness_value,
    times_as_strong,
)

STEPS = 25
"""Grid points an axis: enough for a smooth line, few enough for a small result document."""
ROOM = 1.15
"""The frame ends a little beyond the farthest thing in it."""
FARTHEST = 0.6
"""A confounder that explains more than this is not drawn: nothing measured ever comes near."""
SMALLEST_FRAME = 0.05
X_NAME = "partial R² of the omitted variable with exposure"
Y_NAME = "partial R² of the omitted variable with outcome"


def contours_of(found: Compared, ks: tuple[float, ...]) -> tuple[Contour, ...]:
    """Draw the adjusted estimate, and the end of its interval that meets the goal first.

    Parameters
    ----------
    found : the model and its benchmarks.
    ks : multiples to mark, for the block that is met first; every block is marked at 1.

    References
    ----------
    Cinelli & Hazlett (2020), doi:10.1111/rssb.12348, section 5 (contour plots).
    """
    fit, marks = found.fit, _marks(found, ks)
    goal = (1 - found.q) * fit.estimate
    value = robustness_value(fit.t, fit.df, found.q)
    x = axis([value, *(mark.x for mark in marks)])
    y = axis([value, *(mark.y for mark in marks)])
    level = f"{100 * found.level:g} % interval"
    return (
        draw_contour(
            "adjusted estimate",
            (X_NAME, Y_NAME),
            (x, y),
            lambda r2x, r2y: adjusted(fit, Strength(r2x, r2y)).estimate,
            goal,
            marks,
        ),
        draw_contour(
            f"end of the {level} nearest {found.goal} (classical standard error)",
            (X_NAME, Y_NAME),
            (x, y),
            lambda r2x, r2y: limit_under(fit, Strength(r2x, r2y), found.critical),
            goal,
            marks,
        ),
    )


def limit_under(fit: LinearFit, confounder: Strength, critical: float) -> float:
    """Give the end of the interval that a confounder pushes over the goal first.

    It is the lower end of a positive estimate and the upper end of a negative one, also where the
    confounder has moved the estimate beyond 0.
    """
    moved = adjusted(fit, confounder)
    return moved.estimate - math.copysign(critical * moved.std_error, fit.estimate)


def axis(shown: list[float]) -> tuple[float, ...]:
    """Give a grid from 0 to a little beyond what is to be shown, within ``FARTHEST``."""
    end = min(max([SMALLEST_FRAME, *(ROOM * one for one in shown)]), FARTHEST)
    return tuple(float(one) for one in np.linspace(0, end, STEPS))


def draw_contour(
    name: str,
    axes: tuple[str, str],
    grid: tuple[tuple[float, ...], tuple[float, ...]],
    height: Callable[[float, float], float | None],
    level_line: float,
    marks: tuple[Mark, ...],
) -> Contour:
    """Compute a height on a grid; marks outside the frame are left to the table.

    Parameters
    ----------
    axes : names of x and y.
    grid : ascending x and y.
    height : of (x, y).
    """
    x, y = grid
    rows = tuple(tuple(height(one, other) for one in x) for other in y)
    within = tuple(mark for mark in marks if mark.x <= x[-1] and mark.y <= y[-1])
    return Contour(name, *axes, x, y, rows, level_line, within)


def _marks(found: Compared, ks: tuple[float, ...]) -> tuple[Mark, ...]:
    """Mark every block as strong as it is, and multiples of the one whose interval falls first."""
    smallest = smallest_over_blocks(found, "interval")
    nearest = None if isinstance(smallest, NotEstimable) else smallest.block
    marks = []
    for block in found.blocks:
        for k in sorted({1.0, *(ks if block is nearest else ())}):
            at = times_as_strong(block.strength, k)
            if isinstance(at, Strength):
                marks.append(
                    Mark(name_mark(block.name, k, bool(block.weak)), at.exposure, at.outcome)
                )
    return tuple(marks)


def name_mark(name: str, k: float, weak: bool) -> str:
    """Name a block at a multiple, such as ``2 × severity``."""
    times = "" if k == 1 else f"{k:g} × "
    return f"{times}{name.replace('_', ' ')}{' (weak)' if weak else ''}"

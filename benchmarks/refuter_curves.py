"""Size and power of every refuter as an unmeasured confounder grows: curves, table and figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from causal.estimate import NotEstimable
from causal.execution import map_tasks
from causal.refuters import AnyRefuter, Auxiliary, PowerPoint
from causal.refuters.power import PowerStudy, Tally, Tried, try_cohorts, weigh
from causal.report.canvas import BLUE, GREEN, ORANGE, QUIET, RULE, draw
from causal.subject import Subject

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRENGTHS = (0.0, 0.5, 1.0, 2.0, 3.0)
ENDS = (0.0, 3.0)
BASES = 8
"""Cohorts whose covariates are kept; of each, equally many are drawn anew at a strength."""
BLOCK = "true_motivation"
"""The strongest block of covariates in this world."""
NOMINAL = 0.05
COLUMNS = 4
HUES = {500: BLUE, 2000: ORANGE}


@dataclass(frozen=True, slots=True)
class Group:
    """Refuters that see the same cohorts, and how many.

    Attributes
    ----------
    cohorts : at each strength, by number of persons.
    draws : of a refuter in each.
    """

    refuters: tuple[AnyRefuter, ...]
    cohorts: dict[int, int]
    strengths: tuple[float, ...] = STRENGTHS
    draws: int = 20


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A rung, and what its refuters need besides."""

    subject: Subject
    auxiliary: Auxiliary


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One group at one strength, on cohorts of one base."""

    group: Group
    base: Base
    study: PowerStudy
    k: float
    seed: int
    count: int


@dataclass(frozen=True, slots=True)
class Curve:
    """One refuter at one number of persons; a point may be missing for a reason."""

    refuter: str
    n: int
    cohorts: int
    points: tuple[PowerPoint | NotEstimable, ...]


def trace(
    groups: Sequence[Group], bases: dict[int, list[Base]], *, seed: int, scale: float, jobs: int
) -> list[Curve]:
    """Measure every curve.

    Parameters
    ----------
    bases : by number of persons.
    scale : share of the cohorts to draw.
    """
    curves = []
    for group in groups:
        for n, cohorts in group.cohorts.items():
            each = max(3, round(scale * cohorts / len(bases[n])))
            study = PowerStudy(
                strengths=STRENGTHS,
                cohorts=max(20, each),
                costly_cohorts=max(20, each),
                draws=group.draws,
                benchmark=BLOCK,
                effect=0.0,
            )
            tasks = [
                Task(group, base, study, k, seed + at, each)
                for k in group.strengths
                for at, base in enumerate(bases[n])
            ]
            found = map_tasks(_try, tasks, jobs=jobs)
            for place, refuter in enumerate(group.refuters):
                points = []
                for k in group.strengths:
                    tallies = [
                        one[place] for task, one in zip(tasks, found, strict=True) if task.k == k
                    ]
                    points.append(weigh(k, tallies))
                curves.append(Curve(refuter.kind, n, each * len(bases[n]), tuple(points)))
    return curves


def _try(task: Task) -> list[Tally | NotEstimable]:
    """Try a group on the cohorts of one base."""
    tried = [
        Tried(number, refuter, task.base.auxiliary)
        for number, refuter in enumerate(task.group.refuters)
    ]
    which = range(task.count)
    return try_cohorts(tried, task.base.subject, task.study, task.k, task.seed, which)


def curve_lines(curves: Sequence[Curve]) -> list[str]:
    """Write the table: one line a refuter and size, one column a strength."""
    head = ["refuter", "n", "cohorts", *(f"{k:g}" for k in STRENGTHS)]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for one in curves:
        found = {point.k: point for point in one.points if isinstance(point, PowerPoint)}
        cells = [_cell(found.get(k)) for k in STRENGTHS]
        lines.append(f"| {one.refuter} | {one.n:,} | {one.cohorts} | {' | '.join(cells)} |")
    for one in curves:
        faults = [
            f"{point.own_fault:.3f} at {point.k:g}"
            for point in one.points
            if isinstance(point, PowerPoint) and point.own_fault is not None
        ]
        if faults:
            lines += [
                "",
                f"{one.refuter} at n = {one.n:,}, with a common cause of that strength left out of "
                f"the diagram instead, of two concepts it separates: fails in {'; '.join(faults)}.",
            ]
    return lines


def bias_line(curves: Sequence[Curve]) -> str:
    """Say how wrong the estimate is at each strength."""
    first = [one for one in curves if one.refuter == "placebo_exposure"]
    told = [
        f"n = {one.n:,}: "
        + ", ".join(
            f"{point.bias:+.3f} at {point.k:g}"
            for point in one.points
            if isinstance(point, PowerPoint)
        )
        for one in first
    ]
    return f"The estimate's bias, where exposure does nothing: {'; '.join(told)}."


def curves_svg(curves: Sequence[Curve]) -> bytes:
    """Draw one panel a refuter: how often it fails against the strength of the confounder."""
    names = list(dict.fromkeys(one.refuter for one in curves))
    rows = -(-len(names) // COLUMNS)

    def paint(figure: Figure) -> None:
        axes = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
        for ax, name in zip(axes, names, strict=False):
            _panel([one for one in curves if one.refuter == name], name, ax)
        for ax in axes[len(names) :]:
            ax.set_axis_off()
        last = axes[len(names)] if len(names) < len(axes) else axes[0]
        _legend(last, own_fault=len(names) < len(axes))
        for ax in axes[::COLUMNS]:
            ax.set_ylabel("share of cohorts it fails in", fontsize=7.5)
        for ax in axes[max(0, len(names) - COLUMNS) : len(names)]:
            ax.set_xlabel("confounder, in strongest blocks", fontsize=7.5)
            ax.tick_params(labelbottom=True)
        figure.tight_layout()

    return draw(paint, height=1.9 * rows)


def _panel(curves: Sequence[Curve], name: str, ax: Axes) -> Axes:
    """Draw one refuter at each number of persons, with 95 % Monte-Carlo intervals."""
    ax.axhline(NOMINAL, color=QUIET, lw=0.7, ls=(0, (4, 2)))
    for one in curves:
        points = [point for point in one.points if isinstance(point, PowerPoint)]
        at = [point.k for point in points]
        ax.errorbar(
            at,
            [point.rejected for point in points],
            yerr=[1.96 * point.error for point in points],
            color=HUES[one.n],
            lw=1.4,
            marker="o",
            ms=3,
            elinewidth=0.7,
        )
        own = [point.own_fault for point in points]
        if None not in own:
            ax.plot(at, own, color=GREEN if one.n == min(HUES) else HUES[one.n], lw=1.1, ls=":")
    ax.set_title(name.replace("_", " "), fontsize=8)
    ax.set_xticks(STRENGTHS, [f"{k:g}" for k in STRENGTHS], fontsize=7)
    ax.set_ylim(-0.03, 1.03)
    ax.grid(axis="y", color=RULE, lw=0.4)
    return ax


def _legend(ax: Axes, *, own_fault: bool) -> Axes:
    """Say what the lines are, in an empty panel."""
    for n, hue in HUES.items():
        ax.plot([], [], color=hue, marker="o", ms=3, label=f"{n:,} persons")
    ax.plot([], [], color=QUIET, lw=0.7, ls=(0, (4, 2)), label="nominal size, 5 %")
    if own_fault:
        ax.plot([], [], color=GREEN, lw=1.1, ls=":", label="its own fault instead (500)")
        ax.plot([], [], color=ORANGE, lw=1.1, ls=":", label="its own fault instead (2,000)")
    ax.legend(loc="upper left", fontsize=7)
    return ax


def _cell(point: PowerPoint | None) -> str:
    """Write one rate with its Monte-Carlo error."""
    return "–" if point is None else f"{point.rejected:.3f} ({point.error:.3f})"

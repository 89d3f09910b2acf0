"""The figures of a report, by file name; only those for which the result holds something."""

from __future__ import annotations

from causal.report.attrition_figure import attrition_svg
from causal.report.balance_figure import balance_svg
from causal.report.confidence_figure import confidence_svg
from causal.report.dag_figure import dag_svg
from causal.report.instrument_figure import instruments_svg
from causal.report.ladder_figure import ladder_svg
from causal.report.overlap_figure import overlap_svg
from causal.report.profile_figure import profiles_svg
from causal.report.sensitivity_figures import contours_svg, sweeps_svg
from causal.result import Result

FIGURES = (
    "ladder.svg",
    "dag.svg",
    "balance.svg",
    "overlap.svg",
    "contours.svg",
    "sweeps.svg",
    "confidence.svg",
    "instruments.svg",
    "attrition.svg",
    "profiles.svg",
)


def figures(result: Result) -> dict[str, bytes]:
    """Draw every figure there is something to draw for."""
    drawn = {"ladder.svg": ladder_svg(result)}
    if result.dag.concepts:
        drawn["dag.svg"] = dag_svg(result.dag)
    if result.balance:
        drawn["balance.svg"] = balance_svg(result)
    if result.overlap:
        drawn["overlap.svg"] = overlap_svg(result)
    where_there_are: dict[str, bytes | None] = {
        "contours.svg": contours_svg(result),
        "sweeps.svg": sweeps_svg(result),
        "confidence.svg": confidence_svg(result),
        "instruments.svg": instruments_svg(result),
        "attrition.svg": attrition_svg(result),
        "profiles.svg": profiles_svg(result),
    }
    return drawn | {name: body for name, body in where_there_are.items() if body is not None}

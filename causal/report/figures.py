"""The figures of a report, by file name; only those for which the result holds something."""

from __future__ import annotations

from causal.report.balance_figure import balance_svg
from causal.report.confidence_figure import confidence_svg
from causal.report.dag_figure import dag_svg
from causal.report.ladder_figure import ladder_svg
from causal.report.overlap_figure import overlap_svg
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
    contours, sweeps = contours_svg(result), sweeps_svg(result)
    if contours is not None:
        drawn["contours.svg"] = contours
    if sweeps is not None:
        drawn["sweeps.svg"] = sweeps
    confidence = confidence_svg(result)
    if confidence is not None:
        drawn["confidence.svg"] = confidence
    return drawn

"""With how many digits, and in which unit, the numbers of a published trial are written."""

from __future__ import annotations

from causal.report.markdown import plain
from causal.report.numbers import Measure, decimals_for, points_for
from causal.summary.document import SummaryResult, VariableBlock

RATIO_DECIMALS = 2
"""At least; more where two digits of what the number is uncertain by need them."""


def measure_of(variable: VariableBlock, std_error: float) -> Measure:
    """Choose how differences in a variable are written: shares in points, else its unit.

    Parameters
    ----------
    std_error : of the difference, two digits of which are to be seen.
    """
    if variable.kind == "binary":
        return points_for(std_error)
    decimals = max(decimals_for(std_error), RATIO_DECIMALS)
    return Measure(points=False, unit=plain(variable.unit), decimals=decimals)


def exposure_measure(result: SummaryResult) -> Measure:
    """Choose how the first stage is written."""
    return measure_of(result.exposure, result.first_stage.std_error)


def outcome_measure(result: SummaryResult) -> Measure:
    """Choose how the difference in the outcome is written."""
    return measure_of(result.outcome, result.itt.std_error)


def ratio_measure(result: SummaryResult) -> Measure:
    """Choose how the ratio is written: of two shares it is a plain number.

    With as many decimals as show two digits of the difference in the outcome, over that in
    exposure: the ratio has no standard error where the first stage is weak.
    """
    outcome = plain(result.outcome.unit)
    unit = f"{outcome} per {_one(result.exposure)}" if result.exposure.unit else outcome
    moved = abs(result.first_stage.value)
    spread = result.itt.std_error / moved if moved > 0 else 1.0
    decimals = max(decimals_for(spread), RATIO_DECIMALS)
    return Measure(points=False, unit=unit.strip(), decimals=decimals)


def _one(variable: VariableBlock) -> str:
    """Name one unit of an exposure: the plural of its unit without the s."""
    unit = plain(variable.unit)
    return unit[:-1] if unit.endswith("s") else unit

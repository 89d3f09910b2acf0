"""Whether an association is gone in a bracket, or only known too poorly to tell: by rule."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from causal.report.numbers import RATIOS, covers, measure_for
from causal.report.reading import interval_of
from causal.result import Result, RungBlock

Fate: TypeAlias = Literal["left", "gone", "unsure", "open"]
"""left: the interval excludes no difference; gone: it holds none, and nothing half as large as the
headline; unsure: it holds none and the headline alike; open: it holds none, and lies between."""
HALF = 0.5
"""What an interval must not reach for the association to be called gone, of the headline's."""


def fate_of(result: Result, rung: RungBlock, base: RungBlock) -> Fate | None:
    """Say what became of the headline's difference in another rung; None without an interval.

    Parameters
    ----------
    base : the headline rung, on the same scale.
    """
    pair, measure = interval_of(rung), measure_for(result, rung)
    if pair is None:
        return None
    if not measure.silent(pair):
        return "left"
    ends = tuple(_away(value, measure.null, rung.scale) for value in pair)
    whole = abs(_away(base.estimate, measure.null, base.scale))
    if max(abs(end) for end in ends) < HALF * whole:
        return "gone"
    return "unsure" if covers(pair, base.estimate) else "open"


def fate_words(result: Result, rung: RungBlock, base: RungBlock) -> str:
    """Say it as the end of a sentence; empty where something is left or nothing is known."""
    null = f"{measure_for(result, rung).null:g}"
    return {
        "gone": f"gone: the interval holds {null} and nothing half as large as `{base.name}`",
        "unsure": f"too imprecise to tell: it covers {null} and `{base.name}` alike",
        "open": f"the interval covers {null}",
    }.get(fate_of(result, rung, base) or "", "")


def _away(value: float, null: float, scale: str) -> float:
    """Give the distance from no difference, of ratios on the log scale."""
    return math.log(value / null) if scale in RATIOS else value - null

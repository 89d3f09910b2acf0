"""One cell of a table: a coverage, the band it is held to, and why it may miss it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.explanations import explain
from benchmarks.mechanism import Design
from benchmarks.methods import Method
from benchmarks.performance import Jointly, Performance, acceptance_band
from benchmarks.shares import ShareRow


@dataclass(frozen=True, slots=True)
class Cell:
    """A coverage with its verdict.

    Attributes
    ----------
    heading, name : the table it stands in, and its line there.
    band : coverages accepted.
    side : ``inside``, ``below`` or ``above``.
    reason : the known reason of a miss; empty when inside or when none is known.
    measured : what else was measured.
    """

    heading: str
    name: str
    coverage: float
    band: tuple[float, float]
    side: str
    reason: str
    measured: Performance | Jointly | ShareRow

    @property
    def unexplained(self) -> bool:
        """Tell whether the band is missed without a known reason."""
        return self.side != "inside" and not self.reason


def cell(
    design: Design,
    method: Method,
    coverage: float,
    fits: int,
    count: int,
    measured: Performance | ShareRow,
) -> Cell:
    """Judge the coverage of a method, one of ``count`` on its page, over ``fits`` samples."""
    band, side = judge(coverage, fits, count)
    reason = "" if side == "inside" else explain(design, method, side).format(measured)
    return Cell(design.name, method.name, coverage, band, side, reason, measured)


def judge(coverage: float, fits: int, count: int) -> tuple[tuple[float, float], str]:
    """Give the band of a coverage, one of ``count`` on its page, and on which side it lies."""
    low, high = acceptance_band(fits, count)
    return (low, high), "below" if coverage < low else "above" if coverage > high else "inside"

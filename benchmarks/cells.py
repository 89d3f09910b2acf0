"""One cell of a table: a coverage, the band it is held to, and why it may miss it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.explanations import explain
from benchmarks.mechanism import Design
from benchmarks.methods import Method
from benchmarks.performance import Performance, acceptance_band
from benchmarks.shares import ShareRow


@dataclass(frozen=True, slots=True)
class Cell:
    """A coverage with its verdict.

    Attributes
    ----------
    band : coverages accepted.
    side : ``inside``, ``below`` or ``above``.
    reason : the known reason of a miss; empty when inside or when none is known.
    measured : what else was measured.
    """

    design: Design
    method: Method
    coverage: float
    band: tuple[float, float]
    side: str
    reason: str
    measured: Performance | ShareRow

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
    """Judge a coverage over ``fits`` samples, one of ``count`` in its table."""
    low, high = band = acceptance_band(fits, count)
    side = "below" if coverage < low else "above" if coverage > high else "inside"
    reason = "" if side == "inside" else explain(design, method, side)
    return Cell(design, method, coverage, band, side, reason, measured)

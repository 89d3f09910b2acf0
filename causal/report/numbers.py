"""How numbers are written: the only place where anything is rounded."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from causal.result import Pair, Piece, Result, RungBlock, ScaleBlock

MINUS = "\u2212"
SHARE_DECIMALS = 2
PROPORTION_DECIMALS = 3
SMALLEST_MULTIPLE = 0.01
LARGE = 1000
DIGITS = 12  # as in the result document
_PERCENT = re.compile(r"(?<=\d) (?=%)")


RATIOS = ("risk_ratio", "odds_ratio")


@dataclass(frozen=True, slots=True)
class Measure:
    """How contrasts of one outcome are written.

    Attributes
    ----------
    points : a risk difference, written as percentage points in sentences.
    unit : what is counted, for other outcomes.
    decimals : of a number that is not in points.
    point_decimals : of one that is, in sentences.
    null : the value that means no difference: 0, or 1 for a ratio.
    """

    points: bool
    unit: str
    decimals: int
    null: float = 0.0
    point_decimals: int = 1

    def amount(self, value: float) -> str:
        """Write a difference with its unit, for a sentence."""
        return f"{self.bare(value)} {self.unit}".rstrip()

    def bare(self, value: float) -> str:
        """Write a difference in the unit of sentences, without naming it."""
        if self.points:
            return number(100 * value, self.point_decimals)
        return number(value, self.decimals)

    def span(self, pair: Pair) -> str:
        """Write the two ends of an interval in the unit of sentences."""
        return f"{self.bare(pair[0])} to {self.bare(pair[1])}"

    def cell(self, value: float) -> str:
        """Write a difference for a table: proportions, or the unit of the outcome."""
        return number(value, PROPORTION_DECIMALS if self.points else self.decimals)

    def cells(self, pair: Pair) -> str:
        """Write an interval for a table."""
        return f"{self.cell(pair[0])} to {self.cell(pair[1])}"

    def region(self, pieces: list[Piece]) -> str:
        """Write a set that is no interval with two ends, for a sentence."""
        return _set_words(pieces, self.bare)

    def region_cells(self, pieces: list[Piece]) -> str:
        """Write such a set for a table."""
        return _set_words(pieces, self.cell)

    def mean(self, value: float) -> str:
        """Write the mean outcome of one arm, for a sentence."""
        return f"{self.bare(value)} %" if self.points else self.amount(value)

    def silent(self, pair: Pair) -> bool:
        """Tell whether an interval holds the value that means no difference."""
        return covers(pair, self.null)


POINTS = Measure(points=True, unit="points", decimals=PROPORTION_DECIMALS)


def points_for(std_error: float) -> Measure:
    """Give points with as many decimals as show two digits of a standard error, one at least."""
    decimals = max(decimals_for(100 * std_error), 1) if std_error > 0 else 1
    shares = max(decimals + 2, PROPORTION_DECIMALS)
    return replace(POINTS, decimals=shares, point_decimals=decimals)


def measure_of(result: Result) -> Measure:
    """Choose the unit and decimals of a result from its scale and the crude standard error."""
    if result.crude.scale == "risk_difference":
        return POINTS
    if result.crude.scale in RATIOS:
        return Measure(points=False, unit="", decimals=SHARE_DECIMALS, null=1.0)
    return Measure(
        points=False,
        unit=result.design.outcome.unit,
        decimals=decimals_for(result.crude.std_error),
    )


def difference_measure(result: Result) -> Measure:
    """Choose the unit of the differences shares are formed of, whatever the headline's scale."""
    return POINTS if result.crude.scale in RATIOS else measure_of(result)


def of_difference(result: Result) -> str:
    """Say of a share that it is of the difference, where the headline is a ratio; else nothing."""
    if result.crude.scale not in RATIOS:
        return ""
    return f", of the difference in points and not of the {result.crude.scale.replace('_', ' ')}"


def difference_of(rung: RungBlock) -> float | None:
    """Give a rung's estimate as a difference, where the document holds it."""
    if rung.scale not in RATIOS:
        return rung.estimate
    found = [one for one in rung.other_scales if isinstance(one, ScaleBlock)]
    return next((one.estimate for one in found if one.scale == "risk_difference"), None)


def difference_interval(rung: RungBlock) -> Pair | None:
    """Give the interval of a rung's estimate as a difference, where the document holds it."""
    if rung.scale not in RATIOS:
        return rung.interval
    found = [one for one in rung.other_scales if isinstance(one, ScaleBlock)]
    return next((one.interval for one in found if one.scale == "risk_difference"), None)


def first_stage_measure(result: Result) -> Measure:
    """Give how a first stage is written: it is a difference in exposure, not in the outcome."""
    exposure = result.design.exposure
    if exposure.kind == "binary":
        return POINTS
    return Measure(points=False, unit=exposure.unit, decimals=PROPORTION_DECIMALS)


def measure_for(result: Result, rung: RungBlock) -> Measure:
    """Choose the unit of one rung: a first stage is in that of the exposure."""
    return first_stage_measure(result) if rung.target == "first stage" else measure_of(result)


def number(value: float, decimals: int) -> str:
    """Write a number with fixed decimals, a true minus sign and no negative zero."""
    digits = f"{abs(value):.{decimals}f}"
    return f"{MINUS}{digits}" if value < 0 and float(digits) != 0 else digits


def spread(value: float) -> str:
    """Write a standard deviation with two digits, however small it is."""
    return number(value, max(1 - math.floor(math.log10(value)), 0)) if value > 0 else "0"


def any_size(value: float | None) -> str:
    """Write a number of any size for a table; a dash when it is not given."""
    if value is None:
        return "–"
    return number(value, 3 if abs(value) < 10 else 1 if abs(value) < LARGE else 0)


def times(multiple: float) -> str:
    """Write how many times a yardstick something is; what is above 0 is never written as 0."""
    if 0 < multiple < SMALLEST_MULTIPLE:
        return f"less than {SMALLEST_MULTIPLE:g}"
    return number(multiple, 1 if multiple >= 1 else 2)


def share(value: float) -> str:
    """Write a share of the crude difference."""
    return number(value, SHARE_DECIMALS)


def share_set(pieces: list[Piece]) -> str:
    """Write a confidence set for a share as it is, also when it is unbounded or in two pieces."""
    if len(pieces) == 1:
        lo, hi = pieces[0]
        if lo is None and hi is None:
            return "every value"
        if lo is None and hi is not None:
            return f"all values below {share(hi)}"
        if lo is not None and hi is None:
            return f"all values above {share(lo)}"
    if len(pieces) == 2 and pieces[0][0] is None and pieces[1][1] is None:
        return f"all values below {_end(pieces[0][1])} or above {_end(pieces[1][0])}"
    return " or ".join(f"[{_end(lo)}, {_end(hi)}]" for lo, hi in pieces) or "no value"


def percent(level: float) -> str:
    """Write a confidence level."""
    return f"{100 * level:g} %"


def unbroken(text: str) -> str:
    """Keep percent signs on the line of their number: by a space that no line ends at."""
    return _PERCENT.sub("\u00a0", text)


def exact(value: float) -> str:
    """Write a number for a data file, with all the digits the document holds."""
    return f"{value:.{DIGITS}g}"


def covers(pair: Pair, value: float) -> bool:
    """Tell whether a closed interval holds a value."""
    return pair[0] <= value <= pair[1]


def bounded(pieces: list[Piece]) -> bool:
    """Tell whether a set is one interval with two ends."""
    return len(pieces) == 1 and None not in pieces[0]


def within(pieces: list[Piece], value: float) -> bool:
    """Tell whether a set holds a value."""
    return any((lo is None or lo <= value) and (hi is None or value <= hi) for lo, hi in pieces)


def _set_words(pieces: list[Piece], write: Callable[[float], str]) -> str:
    """Write a set piece by piece; no bound in words."""
    said = []
    for lo, hi in pieces:
        if lo is None and hi is None:
            return "every value"
        if lo is None and hi is not None:
            said.append(f"below {write(hi)}")
        elif lo is not None and hi is None:
            said.append(f"above {write(lo)}")
        elif lo is not None and hi is not None:
            said.append(f"{write(lo)} to {write(hi)}")
    return " or ".join(said) or "no value"


def _end(value: float | None) -> str:
    """Write one end of a set."""
    return "no bound" if value is None else share(value)


def decimals_for(std_error: float) -> int:
    """Give the decimals that show two digits of a standard error."""
    if std_error <= 0:
        return PROPORTION_DECIMALS
    return min(max(1 - math.floor(math.log10(std_error)), 0), 6)

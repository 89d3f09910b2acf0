"""Numbers under their names, lines of tables, curves and contours: what examinations hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from causal.estimate import NotEstimable, Region

Number: TypeAlias = float | NotEstimable

NOTHING = 0.001
"""Of a standard error: what is smaller is called about 0, since its digits say nothing."""


DECIMALS = 3
SMALLEST_MULTIPLE = 0.01


@dataclass(frozen=True, slots=True)
class Named:
    """One number under its name, or why it is not given."""

    name: str
    value: Number


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers that belong together, one line of a table.

    Attributes
    ----------
    label : what the line is, such as ``bound``; unique together with ``subject`` and ``k``.
    numbers : the numbers, each under its name.
    subject : what is compared with, such as a concept; empty where that makes no sense.
    note : what the reader has to know of this line; empty where there is nothing.
    """

    label: str
    numbers: tuple[Named, ...]
    subject: str = ""
    note: str = ""

    def number(self, name: str) -> Number:
        """Give a number by name."""
        return next(one.value for one in self.numbers if one.name == name)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve; ``lo`` and ``hi`` are the ends of its interval, where it has one."""

    x: float
    y: float
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to be drawn: what is left of an estimate as an assumption is varied.

    Attributes
    ----------
    name : what the line is, in words; several curves of one finding share a figure.
    x_name, y_name : the axes, in words with unit.
    points : in ascending order of ``x``.
    level_line : the height that means overturned, such as 0; None where there is none.
    """

    name: str
    x_name: str
    y_name: str
    points: tuple[Point, ...]
    level_line: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A named point on a contour plot, such as a benchmark."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Contour:
    """A height over two assumptions, on a grid.

    Attributes
    ----------
    name : what the height is, in words.
    x_name, y_name : the axes, in words with unit.
    x, y : ascending grids of length p and q.
    height : q rows of p heights, ``height[j][i]`` at ``x[i], y[j]``; None where it does not exist.
    level_line : the height that means overturned.
    marks : what to compare with.
    """

    name: str
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    height: tuple[tuple[float | None, ...], ...]
    level_line: float
    marks: tuple[Mark, ...] = ()


def numbers(values: Mapping[str, Number]) -> tuple[Named, ...]:
    """Name numbers, in the order given."""
    return tuple(Named(name, value) for name, value in values.items())


def tell(value: float, std_error: float = 0.0, digits: int = 3) -> str:
    """Write a number for a sentence: three digits, never an exponent, no minus zero.

    What has more digits before the point than asked for is written as a whole number.

    Parameters
    ----------
    std_error : of the estimate; below a thousandth of it a value is written as ``about 0``.
    digits : how many.
    """
    if value == 0:
        return "0"
    if abs(value) < NOTHING * std_error:
        return "about 0"
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    if abs(value) >= 1:
        return f"{value:.0f}"
    return np.format_float_positional(
        value, precision=digits, unique=False, fractional=False, trim="-"
    )


def amount(value: float, *, signed: bool = False) -> str:
    """Write an estimate or an end of its interval: three decimals, fewer from three digits on.

    Small numbers of one sentence then end at the same decimal, and large ones show no false digit.
    """
    whole = len(f"{abs(value):.0f}") if abs(value) >= 1 else 0
    text = f"{value:{'+' if signed else ''}.{max(DECIMALS - whole, 0)}f}"
    return text if float(text) else text.lstrip("+-")


def times(multiple: float) -> str:
    """Write how many times as much: one decimal, two below 1, and never 0 for what is not."""
    if 0 < multiple < SMALLEST_MULTIPLE:
        return f"less than {SMALLEST_MULTIPLE:g}"
    return f"{multiple:.{1 if multiple >= 1 else 2}f}"


def say_set(region: Region) -> str:
    """Write a set for a sentence, whatever its shape."""
    said = []
    for low, high in region.pieces:
        if low is None and high is None:
            said.append("every value")
        elif low is None:
            said.append(f"everything up to {tell(high or 0.0)}")
        elif high is None:
            said.append(f"everything from {tell(low)}")
        else:
            said.append(f"{tell(low)} to {tell(high)}")
    return " and ".join(said)

"""The codebook of a data set: what each column is, and which concept it measures, and when."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from causal.errors import Place, SpecError, did_you_mean, range_words

Kind: TypeAlias = Literal["id", "binary", "count", "continuous", "ordinal", "categorical", "text"]
Moment: TypeAlias = Literal["baseline", "start", "end"]
Use: TypeAlias = Literal["default", "on_request"]

KINDS: tuple[Kind, ...] = get_args(Kind)
MOMENTS: tuple[Moment, ...] = get_args(Moment)
PRE_EXPOSURE: frozenset[Moment] = frozenset({"baseline", "start"})
FIELDS = (
    "column", "description", "kind", "unit", "low", "high", "levels", "recall",
    "concept", "proxy_for", "reliability", "use", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measurement:
    """One column taken at one moment as a measurement of one concept.

    Attributes
    ----------
    column : the column of the cohort table.
    concept : the node of the causal diagram.
    when : ``baseline`` (first wave), ``start`` (last interview before the exposure window, so
        updated in a lagged design) or ``end`` (the interview that closes the exposure window).
    proxy : measured with error, so that adjusting for it does not adjust for the concept.
    use : ``on_request`` columns serve only the rungs that name them.
    """

    column: str
    concept: str
    when: Moment
    proxy: bool
    use: Use = "default"

    @property
    def before_exposure(self) -> bool:
        """Tell whether the column is measured before the exposure window opens."""
        return self.when in PRE_EXPOSURE


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the codebook.

    Attributes
    ----------
    recall : days the question looks back over; ``None`` when it looks back to the previous
        interview (``interval``), 0 for a state at the interview (``now``), infinite for ``ever``.
    levels : code -> label, for binary, ordinal and categorical columns.
    low, high : the range of codes or values, both ends included; ``None`` for no bound.
    reliability : reliability coefficient in (0, 1] with its source in the note, where known.
    """

    column: str
    description: str
    kind: Kind
    unit: str
    low: float | None
    high: float | None
    levels: Mapping[str, str]
    recall: float | None
    measures: tuple[Measurement, ...]
    reliability: float | None
    note: str

    @property
    def numeric(self) -> bool:
        """Tell whether values are numbers rather than names."""
        return self.kind in ("binary", "count", "continuous", "ordinal")

    @property
    def codes(self) -> tuple[float, ...]:
        """Give the numbers a coded column may hold; empty where any in its range will do."""
        if not self.numeric:
            return ()
        known = tuple(float(code) for code in self.levels)
        return known or ((0.0, 1.0) if self.kind == "binary" else ())

    @property
    def allowed(self) -> str:
        """Say which numbers the column may hold."""
        codes = ", ".join(f"{code:g}" for code in self.codes)
        return f"one of {codes}" if codes else range_words(self.low, self.high)

    def allows(self, low: float | None, high: float | None) -> bool:
        """Tell whether some number from ``low`` to ``high`` is one the column may hold.

        Parameters
        ----------
        low, high : both ends included; None for no end.
        """
        bottom, top = -inf if low is None else low, inf if high is None else high
        if self.codes:
            return any(bottom <= code <= top for code in self.codes)
        return (self.high is None or bottom <= self.high) and (self.low is None or top >= self.low)


@dataclass(frozen=True, slots=True)
class Codebook:
    """All variables of a data set, by column name."""

    dataset: str
    variables: Mapping[str, Variable]

    def __getitem__(self, column: str) -> Variable:
        """Give a variable, or raise with the choices."""
        try:
            return self.variables[column]
        except KeyError:
            raise SpecError(
                f"data set '{self.dataset}' has no column '{column}'. "
                f"{did_you_mean(column, self.variables)}"
            ) from None

    def __iter__(self) -> Iterator[Variable]:
        """Go through the variables in the order of the file."""
        return iter(self.variables.values())

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Give every (column, moment, concept) in the order of the file."""
        return tuple(one for variable in self for one in variable.measures)

    def measuring(
        self, concept: str, only: tuple[str, ...] | None = None
    ) -> tuple[Measurement, ...]:
        """Give the measurements of a concept: the default ones, or those of the columns named."""
        return tuple(
            one
            for one in self.measurements
            if one.concept == concept
            and (one.use == "default" if only is None else one.column in only)
        )


def read_codebook(path: Path, dataset: str) -> Codebook:
    """Read ``codebook.csv``.

    Raises
    ------
    SpecError
        A heading is missing or unknown, a column is described twice, or a cell cannot be meant;
        the message names file, line and heading.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        headings = tuple(rows.fieldnames or ())
        if unknown := [h for h in headings if h not in FIELDS]:
            raise SpecError(
                f"unknown heading '{unknown[0]}'. {did_you_mean(unknown[0], FIELDS)}",
                Place(str(path), 1),
            )
        if missing := [f for f in ("column", "description", "kind") if f not in headings]:
            raise SpecError(f"the heading '{missing[0]}' is missing. Add it.", Place(str(path), 1))
        variables: dict[str, Variable] = {}
        for row in rows:
            where = _Cell(str(path), rows.line_num)
            if None in row:
                raise where.error(
                    "cells",
                    "the row has more cells than there are headings; put text that holds a comma "
                    "in quotes.",
                )
            variable = _variable({k: (v or "").strip() for k, v in row.items()}, where)
            if variable.column in variables:
                raise where.error(
                    "column", f"'{variable.column}' is described twice. Keep one row."
                )
            variables[variable.column] = variable
    return Codebook(dataset, variables)


@dataclass(frozen=True, slots=True)
class _Cell:
    file: str
    line: int

    def error(self, heading: str, message: str) -> SpecError:
        return SpecError(message, Place(self.file, self.line, heading))


def _variable(row: Mapping[str, str], where: _Cell) -> Variable:
    """Read one row."""
    kind = row["kind"]
    if kind not in KINDS:
        raise where.error("kind", f"found '{kind}'. {did_you_mean(kind, KINDS)}")
    use = row.get("use") or "default"
    if use not in get_args(Use):
        raise where.error("use", f"found '{use}'. {did_you_mean(use, get_args(Use))}")
    measures = tuple(
        Measurement(row["column"], concept, when, proxy=heading == "proxy_for", use=cast(Use, use))
        for heading in ("concept", "proxy_for")
        for concept, when in _moments(row.get(heading, ""), heading, where)
    )
    low, high = _number(row, "low", where), _number(row, "high", where)
    if low is not None and high is not None and low > high:
        raise where.error("low", f"found {low:g}, above high {high:g}. Swap them.")
    reliability = _number(row, "reliability", where)
    if reliability is not None and not 0 < reliability <= 1:
        raise where.error("reliability", f"found {reliability:g}; expected above 0 and up to 1.")
    return Variable(
        column=row["column"],
        description=row["description"],
        kind=kind,
        unit=row.get("unit", ""),
        low=low,
        high=high,
        levels=_levels(row.get("levels", ""), where),
        recall=_recall(row.get("recall", ""), where),
        measures=measures,
        reliability=reliability,
        note=row.get("note", ""),
    )


def _moments(cell: str, heading: str, where: _Cell) -> Iterator[tuple[str, Moment]]:
    """Read ``prior_use@start use_at_end@end``."""
    for word in cell.split():
        concept, _, when = word.partition("@")
        if when not in MOMENTS:
            raise where.error(
                heading,
                f"found '{word}'; expected concept@moment with a moment of {', '.join(MOMENTS)}.",
            )
        yield concept, when


def _number(row: Mapping[str, str], heading: str, where: _Cell) -> float | None:
    """Read an optional number."""
    cell = row.get(heading, "")
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        raise where.error(heading, f"found '{cell}'; expected a number or nothing.") from None


def _levels(cell: str, where: _Cell) -> Mapping[str, str]:
    """Read ``0=no; 1=yes``, or bare labels ``black; white``."""
    levels: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in cell.split(";"))):
        code, _, label = part.partition("=")
        if code.strip() in levels:
            raise where.error("levels", f"code '{code.strip()}' stands twice. Keep one.")
        levels[code.strip()] = (label or code).strip()
    return levels


def _recall(cell: str, where: _Cell) -> float | None:
    """Read ``now``, ``30`` (days), ``interval`` or ``ever``."""
    words: Mapping[str, float | None] = {
        "": 0.0, "now": 0.0, "interval": None, "ever": float("inf"),
    }  # fmt: skip
    if cell in words:
        return words[cell]
    try:
        return float(cell)
    except ValueError:
        raise where.error(
            "recall", f"found '{cell}'; expected a number of days, now, interval or ever."
        ) from None

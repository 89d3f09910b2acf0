"""Subgroups as keys of a specification: a column, its levels or cuts, and why one looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, product
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from causal.documents import Settings
from causal.errors import range_words

LevelName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SMALLEST_ARM = 20
"""Rows with a known outcome asked of each arm of a level; a habit, not a theorem."""


class Range(Settings):
    """A range of a numeric column, both ends included; no bound where one is left out."""

    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.low is None and self.high is None:
            raise ValueError("a cut needs low or high; without either it holds everybody")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}; swap them")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """Give both ends, infinite where there is no bound."""
        low = -float("inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        return low, high


class Levels(Settings):
    """Levels of one column, by values or by ranges.

    Attributes
    ----------
    levels : level -> the values that belong to it; the first level is what others are compared
        with. Rows with any other value are in no level.
    cuts : level -> a range, for a numeric column; in place of ``levels``.
    """

    levels: Mapping[LevelName, tuple[str | int | float, ...]] = Field(default_factory=dict)
    cuts: Mapping[LevelName, Range] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_disjoint_levels(self) -> Levels:
        if self._crossed:
            return self
        if bool(self.levels) == bool(self.cuts):
            raise ValueError("say either levels (values) or cuts (ranges), and not both")
        if len(self.levels) + len(self.cuts) < 2:
            raise ValueError("one level has nothing to be compared with; name two or more")
        seen: dict[object, str] = {}
        for name, values in self.levels.items():
            if not values:
                raise ValueError(f"level '{name}' has no value")
            for value in values:
                if value in seen:
                    raise ValueError(
                        f"the value {value!r} stands in '{seen[value]}' and '{name}'; levels must "
                        "not share rows"
                    )
                seen[value] = name
        ordered = sorted(self.cuts.items(), key=lambda item: item[1].ends)
        for (name, first), (other, second) in pairwise(ordered):
            if second.ends[0] <= first.ends[1]:
                raise ValueError(
                    f"'{name}' and '{other}' share values (both ends are included); levels must "
                    "not share rows"
                )
        return self

    @property
    def _crossed(self) -> bool:
        """Tell whether the levels are those of other columns, crossed."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names of the levels, in the order of the file."""
        return tuple(self.levels) or tuple(self.cuts)

    def said(self, name: str) -> str:
        """Say which values a level holds."""
        if self.levels:
            return " or ".join(str(value) for value in self.levels[name])
        cut = self.cuts[name]
        return range_words(cut.low, cut.high)


class Subgroup(Levels):
    """Levels of one column, or of several crossed, within each of which rungs are estimated anew.

    Attributes
    ----------
    column : a column of the cohort, or ``wave``.
    at : ``baseline``, or ``start`` of the exposure window: before exposure begins.
    levels, cuts : the levels of ``column``.
    columns : column -> its levels or cuts, in place of ``column``: every combination is a level,
        named like ``women_black``.
    reason : why the effect may differ by it.
    rungs : the rungs to estimate; the headline when left out.
    smallest_arm : rows with a known outcome each arm of a level must have; a level with fewer is
        not estimated.
    """

    column: str | None = None
    columns: Mapping[str, Levels] = Field(default_factory=dict)
    at: Literal["baseline", "start"]
    reason: str
    rungs: tuple[str, ...] = ()
    smallest_arm: int = Field(default=SMALLEST_ARM, ge=2)

    @field_validator("at", mode="before")
    @classmethod
    def _precedes_exposure(cls, at: object) -> object:
        if at in ("end", "outcome"):
            raise ValueError(
                f"'{at}' is after exposure began: exposure may have decided who is in which level, "
                "so levels would differ without any effect differing. Say baseline or start; for "
                "strata by what came later use variants with restrict"
            )
        return at

    @model_validator(mode="after")
    def _is_of_one_column_or_several(self) -> Subgroup:
        if (self.column is None) == (not self.columns):
            raise ValueError("say either column (with levels or cuts) or columns, and not both")
        if self.column is None and (self.levels or self.cuts):
            raise ValueError("with columns, levels and cuts are said of each column")
        if len(self.columns) == 1:
            raise ValueError(
                "columns crosses two or more; for one say column, with its levels or cuts"
            )
        if len(set(self.names)) < len(self.names):
            raise ValueError("two combinations have the same name; rename their levels")
        return self

    @property
    def _crossed(self) -> bool:
        """Tell whether the levels are those of other columns, crossed."""
        return bool(self.columns)

    @property
    def parts(self) -> tuple[tuple[str, Levels], ...]:
        """Give each column with its levels."""
        return tuple(self.columns.items()) or ((self.column or "", self),)

    @property
    def title(self) -> str:
        """Name the column, or those that are crossed."""
        return " × ".join(column for column, _ in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names of the levels; of combinations, the last column's vary fastest."""
        if not self.columns:
            return tuple(self.levels) or tuple(self.cuts)
        return tuple("_".join(one) for one in product(*(part.names for _, part in self.parts)))

    def said(self, name: str) -> str:
        """Say which values a level holds."""
        if not self.columns:
            return super().said(name)
        every = list(product(*(part.names for _, part in self.parts)))
        chosen = every[self.names.index(name)]
        return "; ".join(
            f"{column} {part.said(one)}"
            for (column, part), one in zip(self.parts, chosen, strict=True)
        )

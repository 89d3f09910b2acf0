"""Doses as keys of a specification: what codes stand for, and where curves are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from causal.codebook import Variable
from causal.documents import Settings
from causal.dose_grid import DoseGrid
from causal.errors import SpecError

MOST_NAMED = 20
"""Codes that a message lists; a continuous column may have hundreds."""


class Dose(Settings):
    """The exposure is a dose, whose curve is read at some doses.

    Attributes
    ----------
    grid : doses at which the mean outcome is given, ascending.
    compare : the two doses of the grid the ladder compares, the lower first.
    values : code -> dose, such as ``{3: 1, 4: 2.5}`` where 3 stands for weekly and 4 for two or
        three times a week: an assumption, printed as one. Codes may share a dose. Codes are doses
        when left out.
    unit : what doses count; the unit of the column when left out.
    """

    grid: Annotated[tuple[float, ...], Field(min_length=2)]
    compare: tuple[float, float]
    values: Mapping[float, float] = Field(default_factory=dict)
    unit: str = ""

    @field_validator("grid")
    @classmethod
    def _ascends(cls, grid: tuple[float, ...]) -> tuple[float, ...]:
        if list(grid) != sorted(set(grid)):
            raise ValueError("grid must ascend, such as [0, 0.5, 1, 2.5]")
        return grid

    @field_validator("values")
    @classmethod
    def _differ(cls, values: Mapping[float, float]) -> Mapping[float, float]:
        if values and len(set(values.values())) < 2:
            raise ValueError("all codes stand for one dose, so there is nothing to compare")
        return values

    @model_validator(mode="after")
    def _compares_doses_of_the_grid(self) -> Dose:
        for dose in self.compare:
            if dose not in self.grid:
                shown = ", ".join(f"{one:g}" for one in self.grid)
                raise ValueError(f"compare names the dose {dose:g}; the grid holds {shown}")
        if self.compare[0] >= self.compare[1]:
            raise ValueError("compare takes the lower dose first, such as [0, 1]")
        return self

    def doses(self, variable: Variable) -> DoseGrid:
        """Give what numerics read curves by."""
        return DoseGrid(self.grid, self.compare, self.unit or variable.unit)

    def check(self, variable: Variable) -> None:
        """Refuse a column that has no codes, or a code that nothing is said of.

        Raises
        ------
        SpecError
            Naming the codes.
        """
        if not variable.numeric or variable.kind == "binary":
            raise SpecError(
                f"'{variable.column}' is {variable.kind}; doses are those of an ordinal, count or "
                "continuous column. Take dose away, or choose another exposure."
            )
        if self.values and variable.levels:
            self.check_codes(variable.column, variable.levels, variable.levels)

    def check_codes(
        self, column: str, needed: Iterable[str | float], known: Iterable[str | float]
    ) -> None:
        """Refuse a code that nothing is said of, or that does not exist.

        Parameters
        ----------
        needed : codes that must have a dose.
        known : codes that may have one.

        Raises
        ------
        SpecError
            Naming the codes.
        """
        said = {float(code) for code in self.values}
        needs, knows = {float(code) for code in needed}, {float(code) for code in known}
        faults = []
        if left_out := needs - said:
            faults.append(f"leaves out the codes {_listed(left_out)} of '{column}'")
        if odd := said - knows:
            faults.append(f"names codes that '{column}' does not have: {_listed(odd)}")
        if faults:
            raise SpecError(
                f"dose.values {' and '.join(faults)}. Give a dose for each of {_listed(needs)}, "
                "and for no code there is not. Codes may share a dose."
            )


def _listed(codes: set[float]) -> str:
    """List codes; of very many, as a continuous column has them, the first."""
    first = ", ".join(f"{code:g}" for code in sorted(codes)[:MOST_NAMED])
    more = len(codes) - MOST_NAMED
    return f"{first} and {more} more" if more > 0 else first

"""Doses as keys of a specification: what codes stand for, and where curves are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from causal.codebook import Variable
from causal.documents import Settings
from causal.dose_grid import DoseGrid
from causal.errors import SpecError


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
        known = {float(code) for code in variable.levels}
        said = {float(code) for code in self.values}
        if self.values and known and said != known:
            odd = sorted(known ^ said)
            raise SpecError(
                f"dose.values and the codebook differ in the codes "
                f"{', '.join(f'{code:g}' for code in odd)} of '{variable.column}'. Give a dose for "
                f"each of {', '.join(f'{code:g}' for code in sorted(known))}, and for no other."
            )

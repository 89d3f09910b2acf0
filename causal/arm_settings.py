"""Named arms as keys of a specification: which level is compared with which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from causal.codebook import Variable
from causal.documents import Settings
from causal.errors import SpecError, did_you_mean


class Arms(Settings):
    """The exposure is one of several named arms.

    Attributes
    ----------
    reference : the level the others are compared with.
    compared : the level whose contrast with it the ladder shows; all pairs stand beside it.
    others : further levels; rows with any level not named are left out, and counted so. All
        levels of the codebook when left out.
    """

    reference: str
    compared: str
    others: Annotated[tuple[str, ...], Field()] | None = None

    @model_validator(mode="after")
    def _names_each_once(self) -> Arms:
        named = (self.reference, self.compared, *(self.others or ()))
        twice = [one for one in named if named.count(one) > 1]
        if twice:
            raise ValueError(f"the arm '{twice[0]}' is named twice; name each once")
        return self

    def levels(self, variable: Variable) -> tuple[str, ...]:
        """Give the arms, the reference first and the compared one second.

        Raises
        ------
        SpecError
            The column is not categorical, or has no such level; names the choices.
        """
        if variable.kind != "categorical":
            raise SpecError(
                f"'{variable.column}' is {variable.kind}; arms are levels of a categorical column. "
                "Take arms away, or choose another exposure."
            )
        known = list(variable.levels)
        named = (self.reference, self.compared, *(self.others or ()))
        for level in named:
            if level not in known:
                raise SpecError(
                    f"'{variable.column}' has no level '{level}'. {did_you_mean(level, known)}"
                )
        if self.others is not None:
            return named
        return (*named, *(level for level in known if level not in named))

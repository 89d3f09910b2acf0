"""How missing values are imputed: how often, in how many rounds, from how many donors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from causal.documents import Settings

MOMENTS = ("baseline", "start", "end", "outcome")


class Imputation(Settings):
    """Multiple imputation by chained equations with predictive mean matching.

    Attributes
    ----------
    m : imputations, at least 2; 20 or more where a tenth or more of the information is missing.
    iterations : rounds over the incomplete columns before an imputation is taken.
    donors : rows nearest in predicted value that one is drawn from.
    auxiliary : columns that predict missing values though no rung adjusts for them, each at a
        moment: ``craving`` (first wave), ``craving@start``, ``@end``, ``@outcome`` (the interview
        that reads the outcome), or ``@12`` (a scheduled wave).

    Assumptions
    -----------
    Missing at random: given exposure, outcome, the covariates of all rungs and the auxiliaries,
    whether a value is missing does not depend on what it would have been.

    References
    ----------
    van Buuren (2018), Flexible Imputation of Missing Data, 2nd ed., sections 3.4 and 4.5; White,
    Royston & Wood (2011), doi:10.1002/sim.4067, section 7 (how many imputations).
    """

    m: int = 20
    iterations: Annotated[int, Field(ge=1)] = 10
    donors: Annotated[int, Field(ge=1)] = 5  # van Buuren 2018, section 3.4.3
    auxiliary: tuple[str, ...] = ()

    @field_validator("m")
    @classmethod
    def _are_several(cls, m: int) -> int:
        if m < 2:
            raise ValueError(
                f"m is {m}, and how far imputations differ cannot be seen in fewer than 2; 20 are "
                "usual"
            )
        return m

    @field_validator("auxiliary")
    @classmethod
    def _have_moments(cls, auxiliary: tuple[str, ...]) -> tuple[str, ...]:
        for name in auxiliary:
            moment = name.partition("@")[2] or "baseline"
            if moment not in MOMENTS and not moment.isdigit():
                raise ValueError(
                    f"'{name}' names no moment; write the column at {', '.join(MOMENTS)} or at the "
                    "number of a wave, such as craving@end or craving@12"
                )
        twice = sorted({name for name in auxiliary if auxiliary.count(name) > 1})
        if twice:
            raise ValueError(f"the auxiliary '{twice[0]}' stands twice; name it once")
        return auxiliary


def column_and_moment(name: str) -> tuple[str, str]:
    """Take an auxiliary's name apart: ``craving@12`` is the column craving at wave 12."""
    column, _, moment = name.partition("@")
    return column, moment or "baseline"

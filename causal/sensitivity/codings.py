"""Both codings of a 0/1 outcome: what is read through a ratio must not depend on which is 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from causal.arrays import read_only
from causal.estimate import MEANS, Estimates, NotEstimable
from causal.findings import tell

OTHER = "outcome coded the other way round"
"""The subject of rows that are about the coding the analysis does not have."""
LEADS = "the coding with the smaller E-value leads"


class Reading(Protocol):
    """What one coding needs: at the interval's limit, and for the estimate."""

    @property
    def needs(self) -> tuple[float, float]:
        """Give the E-values of the interval limit and of the estimate."""
        ...


R = TypeVar("R", bound=Reading)


def recode(estimates: Estimates) -> Estimates:
    """Give the means of the outcome coded the other way round: one minus each."""
    turned = tuple(recode(one) for one in estimates.imputed)
    influence = estimates.influence
    if not isinstance(influence, NotEstimable):
        influence = read_only(-influence)
    return replace(
        estimates, values=read_only(1 - estimates.values), influence=influence, imputed=turned
    )


def no_risks(estimates: Estimates) -> NotEstimable | None:
    """Say why means have no ratio in one of the two codings; None where both may."""
    values = estimates.values
    if estimates.labels != MEANS or ((values >= 0).all() and (values <= 1).all()):
        return None
    low, high = (float(one) for one in values)
    return NotEstimable(f"means of {tell(low)} and {tell(high)} are no two risks, so have no ratio")


def smaller(readings: Sequence[R]) -> R:
    """Choose the coding that needs less, first at the interval's limit and then for the estimate.

    Where both need the same, the analysis's own, which stands first, is kept.
    """
    return min(readings, key=lambda one: one.needs)

"""How far selection by follow-up can move a risk ratio: bounds and their summaries."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from causal.documents import Settings
from causal.sensitivity.conversions import e_value

Population: TypeAlias = Literal["total", "followed"]
Strength: TypeAlias = Annotated[float, Field(ge=1, allow_inf_nan=False)]


class SupposedSelection(Settings):
    """Strengths supposed of a variable U on which both follow-up and outcome hang; all at least 1.

    Attributes
    ----------
    outcome_exposed, outcome_unexposed : RR_UY|A=1 and RR_UY|A=0, the largest ratio of the risk of
        the outcome between two levels of U, by exposure.
    followed_exposed, followed_unexposed : RR_SU|A=1 and RR_SU|A=0, the largest ratio by which a
        level of U is commoner among the followed than the lost, or the other way round.
    """

    outcome_exposed: Strength
    followed_exposed: Strength
    outcome_unexposed: Strength
    followed_unexposed: Strength


def bounding_factor(first: float, second: float) -> float:
    """Give the bounding factor of two strengths, ``first x second / (first + second - 1)``.

    References
    ----------
    Ding & VanderWeele (2016), doi:10.1097/EDE.0000000000000457.
    """
    return first * second / (first + second - 1)


def selection_bound(supposed: SupposedSelection) -> float:
    """Give the largest factor by which selection can raise or lower a risk ratio.

    The product of the bounding factors of both arms.

    References
    ----------
    Smith & VanderWeele (2019), doi:10.1097/EDE.0000000000001032, bound for the total population.
    """
    exposed = bounding_factor(supposed.outcome_exposed, supposed.followed_exposed)
    return exposed * bounding_factor(supposed.outcome_unexposed, supposed.followed_unexposed)


def selection_e_value(
    ratio: float,
    against: float = 1.0,
    *,
    population: Population = "total",
    one_arm: bool = False,
    follow_up_is_the_factor: bool = False,
) -> float:
    r"""Give the smallest strength, the same for all, that takes a risk ratio to another one.

    With R the ratio over its target, inverted if below 1, it is :math:`E(\sqrt R)` for four
    strengths in two arms and :math:`E(R)` where one arm is enough or the followed are meant, E
    being the E-value :math:`r + \sqrt{r (r - 1)}`; where U is follow-up itself, it is
    :math:`\sqrt R`, or R for one arm.

    Parameters
    ----------
    ratio, against : risk ratios, above 0.
    one_arm : selection goes with a higher risk in both arms, or with a lower one in both.

    References
    ----------
    Smith & VanderWeele (2019), doi:10.1097/EDE.0000000000001032, the summary measures.
    """
    away = math.exp(abs(math.log(ratio / against)))
    if population == "followed":
        return e_value(away)
    away = away if one_arm else math.sqrt(away)
    return away if follow_up_is_the_factor else e_value(away)

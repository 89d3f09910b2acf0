"""E-values of printed associations: how strong confounding would have to be to make them."""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from causal import inference
from causal.documents import Settings
from causal.result_parts import Block, Pair, Reason
from causal.sensitivity.conversions import (
    e_value,
    nearest_limit,
    ratio_of_hazards,
    ratio_of_odds,
)

Printed: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio: TypeAlias = Literal["risk_ratio", "odds_ratio", "hazard_ratio"]
AS_PRINTED, OTHERWISE = "as printed", "the outcome's absence"
NO_INTERVAL = Reason(not_estimable="the paper's interval is not given")


class PublishedAssociation(Settings):
    """A ratio a paper prints of persons who chose, so that it may be confounded.

    Attributes
    ----------
    name : of what, of whom; a paper where it is not that of the specification.
    measure : which ratio ``value`` is.
    interval : its interval, lower end first.
    rare : whether fewer than 15 % have the outcome, which decides how an odds or a hazard ratio is
        turned into a risk ratio.
    """

    name: str = Field(min_length=1)
    measure: Ratio
    value: Printed
    interval: tuple[Printed, Printed] | None = None
    rare: bool | None = None

    @model_validator(mode="after")
    def _can_be_turned(self) -> PublishedAssociation:
        if (self.measure == "risk_ratio") == (self.rare is not None):
            raise ValueError(
                f"'{self.name}': rare is for an odds or a hazard ratio, and needed there: say "
                "rare: true (fewer than 15 % have the outcome) or rare: false"
            )
        if self.interval is not None and not self.interval[0] <= self.value <= self.interval[1]:
            low, high = self.interval
            raise ValueError(
                f"'{self.name}': the ratio {self.value:g} lies outside its interval {low:g} to "
                f"{high:g}; check the numbers and their order"
            )
        return self

    def turned(self, value: float) -> float:
        """Turn a value of the measure into a risk ratio."""
        if self.measure == "odds_ratio":
            return ratio_of_odds(value, rare=bool(self.rare))
        if self.measure == "hazard_ratio":
            return ratio_of_hazards(value, rare=bool(self.rare))
        return value


class AssociationBlock(Block):
    """A printed association, the risk ratio it is about, and what would explain it.

    ``e_value`` is of the ratio, ``e_value_of_interval`` of its limit nearest 1. Of counts both
    codings of the outcome are read, and ``coding`` says which has the smaller one.
    """

    name: str
    measure: Ratio
    value: float
    interval: Pair | Reason
    risk_ratio: float
    e_value: float
    e_value_of_interval: float | Reason
    coding: str


def read_association(printed: PublishedAssociation) -> AssociationBlock:
    """Give the E-values of a printed ratio.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, tables 1 and 2.
    """
    at_limit: float | Reason = NO_INTERVAL
    if printed.interval is not None:
        low, high = (printed.turned(end) for end in printed.interval)
        at_limit = e_value(nearest_limit(low, high))
    ratio = printed.turned(printed.value)
    return AssociationBlock(
        name=printed.name,
        measure=printed.measure,
        value=printed.value,
        interval=NO_INTERVAL if printed.interval is None else printed.interval,
        risk_ratio=ratio,
        e_value=e_value(ratio),
        e_value_of_interval=at_limit,
        coding=AS_PRINTED,
    )


def association_of_counts(
    exposed: tuple[int, int], unexposed: tuple[int, int], level: float
) -> AssociationBlock | Reason:
    """Compare those with the exposure to those without, whatever arm they were in.

    Parameters
    ----------
    exposed, unexposed : persons with the outcome, and persons.
    level : of the interval, normal on the log risk ratio.
    """
    readings = []
    for coding in (AS_PRINTED, OTHERWISE):
        arms = [(k if coding == AS_PRINTED else n - k, n) for k, n in (exposed, unexposed)]
        if any(k == 0 for k, _ in arms):
            continue
        (k1, n1), (k0, n0) = arms
        log = math.log(k1 / n1 / (k0 / n0))
        error = math.sqrt(1 / k1 - 1 / n1 + 1 / k0 - 1 / n0)
        low, high = (math.exp(end) for end in inference.interval(log, error, level))
        ratio = math.exp(log)
        readings.append(
            (e_value(nearest_limit(low, high)), e_value(ratio), ratio, low, high, coding)
        )
    if not readings:
        return Reason(
            not_estimable="nobody, or everybody, has the outcome in one of the two groups"
        )
    at_limit, at_value, ratio, low, high, coding = min(readings, key=lambda one: one[:2])
    return AssociationBlock(
        name="exposure with outcome, both arms together",
        measure="risk_ratio",
        value=ratio,
        interval=(low, high),
        risk_ratio=ratio,
        e_value=at_value,
        e_value_of_interval=at_limit,
        coding=coding,
    )

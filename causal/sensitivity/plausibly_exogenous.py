"""Direct effects of an instrument: how large one has to be for nothing to be left of a rung."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, field_validator

from causal import inference
from causal.estimate import NotEstimable
from causal.findings import Curve, Number, Row, numbers, say_set, tell
from causal.instrumental.plausibly_exogenous import (
    DirectEffect,
    LocalToZero,
    direct_effect_curve,
    local_to_zero,
    smallest_direct_effect,
    union_of_intervals,
)
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.instrument_rung import (
    InstrumentRung,
    ends_of,
    open_rung,
    rung_row,
    set_note,
)
from causal.subject import Subject

NAME = "smallest direct effect of the instrument at which the Anderson-Rubin set includes 0"
YARDSTICK = "the whole effect of the instrument on the outcome"
FARTHER = 2.0
"""The range looked at when none is given, over the direct effect that overturns the rung."""

Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Left:
    """What direct effects leave of a rung.

    Attributes
    ----------
    united : over the range together.
    curve : step by step.
    std_dev : of a direct effect drawn from a normal; None if none is to be.
    drawn : what that leaves.
    """

    united: DirectEffect
    curve: Curve
    std_dev: float | None
    drawn: LocalToZero


class PlausiblyExogenous(Sensitivity):
    """How large a direct effect of the instrument on the outcome leaves nothing of a rung.

    The effect at a direct effect g is (reduced form - g) / first stage. That g is counted in the
    reduced form, which is all the instrument does to the outcome (the ITT). What is needed for the
    set is the end of the reduced form's interval nearest 0, what is needed for the estimate the
    reduced form itself: the count is 1 there, and below 1 for the set, whatever the data.

    Attributes
    ----------
    range : direct effects to look at together, in outcome units a unit of instrument, lower first;
        when left out twice the smallest that overturns the rung, either way.
    std_dev : of a direct effect drawn from a normal around 0 (local to zero); not done when None.
    level : of the sets.

    Assumptions
    -----------
    The direct effect is the same for all, and everything else an instrument needs holds. Which
    direct effects are plausible is not in the data. Intervals of the standard error suppose a
    strong first stage and are left out where it is weak; the sets do not.

    References
    ----------
    Conley, Hansen & Rossi (2012), doi:10.1162/REST_a_00139; with Anderson-Rubin sets in the place
    of their normal intervals.
    """

    kind: Literal["plausibly_exogenous"] = "plausibly_exogenous"
    range: tuple[Finite, Finite] | None = None
    std_dev: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    @field_validator("range")
    @classmethod
    def _is_ascending(cls, range_: tuple[float, float] | None) -> tuple[float, float] | None:
        if range_ is not None and range_[0] >= range_[1]:
            raise ValueError(
                f"the direct effect runs from {range_[0]:g} to {range_[1]:g}; give the lower end "
                "first, and a higher one"
            )
        return range_

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the smallest direct effect that overturns the rung, and what a range leaves."""
        opened = open_rung(subject, self.level)
        if isinstance(opened, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, opened)
        stages = opened.stages
        needed = smallest_direct_effect(stages, level=self.level)
        lo, hi = self.range or default_range(opened, needed)
        found = leave(opened, (lo, hi), self.std_dev)
        if isinstance(found, NotEstimable):
            return finding_without_number(self.kind, subject.rung, NAME, found)
        multiple = abs(needed / stages.reduced) if needed else 0.0
        return SensitivityFinding(
            self.kind,
            subject.rung,
            NAME,
            needed,
            tuple(_rows(opened, needed, found)),
            _sentence(opened, needed, found),
            _short(opened, needed),
            multiple,
            YARDSTICK,
            curves=(found.curve,),
        )


def leave(
    opened: InstrumentRung, range_: tuple[float, float], std_dev: float | None
) -> Left | NotEstimable:
    """Find what a range of direct effects leaves, and one drawn from a normal."""
    stages, (lo, hi) = opened.stages, range_
    united = union_of_intervals(stages, lo, hi, opened.level)
    curve = direct_effect_curve(stages, lo, hi, opened.level)
    drawn = local_to_zero(stages, 0.0, std_dev or 0.0, opened.level)
    if isinstance(united, NotEstimable):
        return united
    if isinstance(curve, NotEstimable):
        return curve
    if isinstance(drawn, NotEstimable):
        return drawn
    return Left(united, curve, std_dev, drawn)


def default_range(opened: InstrumentRung, needed: float) -> tuple[float, float]:
    """Give twice the direct effect that overturns the set, or failing that the estimate."""
    size = abs(needed) or abs(opened.stages.reduced)
    size = size or math.sqrt(float(opened.stages.covariance[0, 0]))
    return -FARTHER * size, FARTHER * size


def _rows(opened: InstrumentRung, needed: float, found: Left) -> list[Row]:
    """Write the stages, what overturns, and the range with its ends."""
    stages, united = opened.stages, found.united
    both = dict(
        reduced_form=stages.reduced,
        std_error=math.sqrt(float(stages.covariance[0, 0])),
        first_stage=stages.first,
        first_stage_std_error=math.sqrt(float(stages.covariance[1, 1])),
    )
    share: Number = abs(needed / stages.reduced) if needed else 0.0
    whole = dict(for_estimate=stages.reduced, for_set=needed, share_of_reduced_form=share)
    rows = [
        Row("stages", numbers(both), opened.instrument, "a unit of instrument"),
        rung_row(opened),
        Row("smallest_direct_effect", numbers(whole), note="a unit of instrument"),
        *(_end_row(opened, direct) for direct in (united.lo, united.hi)),
        _range_row(opened, united),
    ]
    if found.std_dev is not None:
        rows.append(_drawn_row(opened, found.std_dev, found.drawn))
    return rows


def _end_row(opened: InstrumentRung, direct: float) -> Row:
    """Write what one direct effect leaves."""
    left = opened.stages.less(direct)
    found = left.region(opened.level)
    values = {"direct_effect": direct, "estimate": left.reduced / left.first, **ends_of(found)}
    return Row("range_end", numbers(values), tell(direct), set_note(found))


def _range_row(opened: InstrumentRung, united: DirectEffect) -> Row:
    """Write what is left over the whole range."""
    no_interval = NotEstimable(opened.withheld) if opened.withheld else None
    values: dict[str, Number] = {
        "lo": united.lo,
        "hi": united.hi,
        "estimate_lo": united.estimates[0],
        "estimate_hi": united.estimates[1],
        "union_lo": no_interval or united.union[0],
        "union_hi": no_interval or united.union[1],
        **ends_of(united.region),
    }
    return Row("range", numbers(values), note=set_note(united.region))


def _drawn_row(opened: InstrumentRung, std_dev: float, drawn: LocalToZero) -> Row:
    """Write what a direct effect drawn from a normal leaves."""
    no_interval = NotEstimable(opened.withheld) if opened.withheld else None
    values: dict[str, Number] = {
        "std_dev": std_dev,
        "estimate": drawn.estimate,
        "lo": no_interval or drawn.lo,
        "hi": no_interval or drawn.hi,
        **ends_of(drawn.region),
    }
    return Row("local_to_zero", numbers(values), note=set_note(drawn.region))


def _short(opened: InstrumentRung, needed: float) -> str:
    """Say in one sentence what it takes."""
    if needed == 0:
        return (
            f"No direct effect of {opened.instrument} is needed: the {opened.set_name} includes 0 "
            f"already ({say_set(opened.region)})."
        )
    return (
        f"If {opened.instrument} itself moved the outcome by {tell(needed)} a unit, "
        f"{_share(needed, opened.stages.reduced)} of its whole effect of "
        f"{tell(opened.stages.reduced)}, the {opened.set_name} would include 0."
    )


def _sentence(opened: InstrumentRung, needed: float, found: Left) -> str:
    """Say what a direct effect would do, with every number it rests on."""
    stages, united = opened.stages, found.united
    parts = [
        f"A unit of {opened.instrument} goes with {tell(stages.reduced)} of the outcome and "
        f"{tell(stages.first)} of exposure; their ratio {tell(opened.estimate)} is an effect of "
        "exposure if all of the former comes through exposure.",
        _short(opened, needed),
    ]
    if needed:
        parts.append(
            f"That is the end nearest 0 of the {100 * opened.level:g} % interval of its whole "
            "effect."
        )
    if not opened.region.bounded:
        parts.append("The first stage is too weak for a set with two ends, by any direct effect.")
    parts += [
        "The estimate itself would be 0 only if the whole effect were direct.",
        f"With any direct effect from {tell(united.lo)} to {tell(united.hi)} the estimate lies "
        f"between {tell(united.estimates[0])} and {tell(united.estimates[1])}, and the sets "
        f"together hold {say_set(united.region)}{_outcome_of(united)}.",
    ]
    if found.std_dev is not None:
        parts.append(
            f"Were it drawn from a normal around 0 with standard deviation {tell(found.std_dev)}, "
            f"the set would be {say_set(found.drawn.region)}."
        )
    parts.append("Nothing in the data says how large a direct effect is.")
    return " ".join(parts)


def _outcome_of(united: DirectEffect) -> str:
    """Say whether the range holds a direct effect that overturns."""
    return "" if united.region.holds(0.0) else ", without 0"


def _share(part: float, whole: float) -> str:
    """Write a part of the reduced form as a percentage."""
    return f"{tell(100 * abs(part / whole))} %"

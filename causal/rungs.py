"""One rung of a ladder as keys of a specification: whom it weighs for, its set, its estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, field_validator, model_validator

from causal.documents import Settings
from causal.estimators import AnyEstimator, PropensityWeighting, WeighsFollowUp

InstrumentAssumption: TypeAlias = Literal["exclusion", "independence"]
FULL = "dag"
"""In ``adjust``, stands for the set the diagram asks for, as far as it is measured here."""
WEIGHING: tuple[type[WeighsFollowUp], ...] = tuple(
    one for one in get_args(get_args(AnyEstimator)[0]) if issubclass(one, WeighsFollowUp)
)
"""Estimators that can weigh for loss to follow-up."""


class Followed(Settings):
    """What being followed up depends on: weighs the rows with an outcome for those without.

    Attributes
    ----------
    adjust : concepts, besides exposure, that predict whether the outcome is known; may be measured
        after exposure began. None stands for exposure alone, which leaves Hájek weights unchanged.
    interactions : terms multiplied with exposure.
    stabilised : multiply the weights by the share followed of the arm; changes the weights
        reported, not the estimate (ipw, overlap, cbps).
    """

    adjust: tuple[str, ...] = ()
    interactions: tuple[str, ...] = ()
    stabilised: bool = False


class Entered(Settings):
    """What being seen at the exposure interview depends on; those seen stand for the others.

    Attributes
    ----------
    adjust : concepts, measured before exposure began.
    """

    adjust: Annotated[tuple[str, ...], Field(min_length=1)]


class Rung(Settings):
    """One rung of the ladder.

    Attributes
    ----------
    name : unique; it names the rung's random stream too.
    role : ``ladder``, or ``bracket`` for a rung that adjusts for something measured after
        exposure began and is shown apart, since it may be a mediator.
    adjust : concepts; ``dag`` stands for the set the diagram asks for.
    columns : concept -> the columns that are to measure it in this rung, instead of the default.
    followed : weigh for loss to follow-up (needs ``missing.outcome: keep``; ipw, overlap, cbps,
        aipw, tmle or g_computation, and for times ipw_kaplan_meier or survival_aipw).
    entered : weigh, before that, for those not seen at the exposure interview (needs
        ``missing.exposure: keep`` too).
    instrument : concepts measured before exposure whose columns are the instruments; ``adjust`` is
        then what they are conditioned on.
    assume : what of an instrument is taken for granted though the diagram speaks against it:
        ``exclusion`` and ``independence``. Printed beside every number of the rung.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["ladder", "bracket"] = "ladder"
    adjust: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    followed: Followed | None = None
    entered: Entered | None = None
    instrument: tuple[str, ...] = ()
    assume: tuple[InstrumentAssumption, ...] = ()
    estimator: AnyEstimator

    @field_validator("adjust", "instrument", mode="before")
    @classmethod
    def _one_or_many(cls, adjust: object) -> object:
        return (adjust,) if isinstance(adjust, str) else adjust

    @model_validator(mode="after")
    def _weighs_if_followed(self) -> Rung:
        if self.followed is not None and not isinstance(self.estimator, WeighsFollowUp):
            raise ValueError(
                f"{self.estimator.kind} cannot weigh for loss to follow-up (followed)"
                f"{_instead(self.estimator)}"
            )
        if (
            self.followed is not None
            and self.followed.stabilised
            and isinstance(self.estimator, WeighsFollowUp)
            and not self.estimator.stabilises
        ):
            raise ValueError(
                f"followed.stabilised is for weights that are scaled to one an arm; "
                f"{self.estimator.kind} needs the chances as they are. Take it away"
            )
        if self.followed is not None and self._averages_unexposed:
            raise ValueError(
                f"{self.estimator.kind} does not weigh for loss to follow-up (followed) over the "
                "unexposed; choose target ATE or ATT, or ipw with target: ATC"
            )
        if self.entered is not None and self.followed is None:
            raise ValueError(
                "entered needs followed beside it: who was not seen has no outcome either"
            )
        return self

    @property
    def _averages_unexposed(self) -> bool:
        """Tell whether the estimator predicts outcomes and averages them over the unexposed."""
        predicts = not isinstance(self.estimator, PropensityWeighting)
        return predicts and self.estimator.estimand == "ATC"

    @model_validator(mode="after")
    def _has_its_instruments(self) -> Rung:
        if self.estimator.needs_instruments and not self.instrument:
            raise ValueError(f"{self.estimator.kind} needs an instrument; name its concept")
        if self.instrument and not self.estimator.needs_instruments:
            raise ValueError(
                f"{self.estimator.kind} uses no instrument; take it away, or choose the estimator "
                "iv, orthogonal_iv, itt_dr_iv, control_function, residual_inclusion, itt or "
                "first_stage"
            )
        if self.assume and not self.instrument:
            raise ValueError("assume is about an instrument, and there is none")
        both = [name for name in self.instrument if name in self.adjust]
        if both:
            raise ValueError(f"'{both[0]}' cannot be an instrument and adjusted for at once")
        return self

    @model_validator(mode="after")
    def _adjusts_if_it_says_so(self) -> Rung:
        if self.adjust and not self.estimator.adjusts:
            raise ValueError(
                f"{self.estimator.kind} adjusts for nothing; take adjust away, or choose another "
                "estimator"
            )
        return self


def _instead(estimator: AnyEstimator) -> str:
    """Say what weighs for loss to follow-up where an estimator does not, as the end of a sentence.

    Only those help that take the same exposures and outcomes.
    """
    alike = [
        one.model_fields["kind"].default
        for one in WEIGHING
        if set(one.exposures) & set(estimator.exposures)
        and set(one.outcomes) & set(estimator.outcomes)
    ]
    if alike and not estimator.needs_instruments:
        of_two = " for a 0/1 exposure" if "dose" in estimator.exposures else ""
        return f"; choose{of_two} among {', '.join(alike)}"
    whose = "of several arms" if "arms" in estimator.exposures else "of a dose"
    if estimator.needs_instruments:
        whose = "with an instrument"
    return (
        f", and no estimator {whose} can. Take followed away, and say missing: {{outcome: "
        "complete_case} to leave out the rows without an outcome"
    )

"""What exploratory heterogeneity comes to: rungs with a propensity, modifiers known before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causal.codebook import Measurement, Variable
from causal.dataset_info import DatasetInfo
from causal.errors import CausalError, SpecError, TimingError, did_you_mean
from causal.estimators import AnyEstimator, Instrumented
from causal.estimators.nuisance import OutcomeModel, PropensityModel
from causal.heterogeneity_settings import DRLearner
from causal.spec import Analysis, Specification


@dataclass(frozen=True, slots=True)
class Regressions:
    """The regressions of a rung that scores are formed from, and the clipping it declares."""

    propensity: PropensityModel
    outcome: OutcomeModel
    clip: tuple[float, float] | None


def heterogeneity_rung(analysis: Analysis, settings: DRLearner) -> str:
    """Name the rung whose regressions are used: its own, or the headline."""
    return settings.rung or analysis.headline_rung


def regressions_of(estimator: AnyEstimator) -> Regressions | None:
    """Give the regressions of an estimator with a propensity; None for one without.

    Where it has no outcome regression, one an arm is taken: what differs between arms is the
    question.
    """
    propensity = getattr(estimator, "propensity", None)
    if not isinstance(propensity, PropensityModel) or isinstance(estimator, Instrumented):
        return None
    outcome = getattr(estimator, "outcome", None)
    clip = getattr(estimator, "clip", None)
    return Regressions(
        propensity,
        outcome if isinstance(outcome, OutcomeModel) else OutcomeModel(arms="separate"),
        clip if isinstance(clip, tuple) else None,
    )


def check_explorations(
    specification: Specification,
    info: DatasetInfo,
    adjusted: Mapping[str, Sequence[Measurement]],
) -> None:
    """Check every exploration; an error has the place of its key."""
    for number, settings in enumerate(specification.analysis.heterogeneity):
        try:
            check_heterogeneity(settings, specification.analysis, info, adjusted)
        except CausalError as error:
            if not str(error.place):
                error.place = specification.document.place(("heterogeneity", number))
            raise


def check_heterogeneity(
    settings: DRLearner,
    analysis: Analysis,
    info: DatasetInfo,
    adjusted: Mapping[str, Sequence[Measurement]],
) -> None:
    """Refuse an exploration that has no scores, or modifiers that exposure may have moved.

    Parameters
    ----------
    adjusted : rung -> the columns it adjusts for.

    Raises
    ------
    SpecError
        A rung that is not there, is crude, has no propensity, rests on instruments or weighs for
        follow-up; a dose; a column that is unknown or not adjusted for.
    TimingError
        A modifier is measured only after exposure began.
    """
    exposure = info.codebook[analysis.design.exposure]
    if exposure.kind != "binary":
        raise SpecError(
            f"'{exposure.column}' is {exposure.kind}; doubly robust scores compare two exposures. "
            "Use a 0/1 exposure, or take heterogeneity away."
        )
    name = heterogeneity_rung(analysis, settings)
    _check_rung(name, analysis)
    columns = {one.column for one in adjusted[name]}
    for modifier in settings.modifiers:
        variable = info.codebook[modifier]
        _check_time(variable, adjusted[name])
        if modifier not in columns:
            raise SpecError(
                f"the rung '{name}' does not adjust for the modifier '{modifier}', so persons who "
                f"differ in it are not compared like with like. {did_you_mean(modifier, columns)}"
            )


def _check_rung(name: str, analysis: Analysis) -> None:
    """Refuse a rung that gives no scores."""
    names = [rung.name for rung in analysis.ladder[1:]]
    if name not in names:
        crude = name == analysis.ladder[0].name
        said = "is crude and has no propensity" if crude else "is not there"
        raise SpecError(f"the rung '{name}' {said}. {did_you_mean(name, names)}")
    rung = next(one for one in analysis.ladder if one.name == name)
    if regressions_of(rung.estimator) is None:
        raise SpecError(
            f"the rung '{name}' ({rung.estimator.kind}) has no propensity to form doubly robust "
            "scores with. Name a rung with one, such as aipw, tmle, ipw or overlap."
        )
    if "binary" not in rung.estimator.outcomes:
        raise SpecError(
            f"the rung '{name}' is about times to an event, which the scores do not know. Name "
            "another rung."
        )
    if rung.followed is not None:
        raise SpecError(
            f"the rung '{name}' weighs for loss to follow-up, which the scores do not know. Name "
            "another rung."
        )


def _check_time(variable: Variable, adjusted: Sequence[Measurement]) -> None:
    """Refuse a column that exposure may have moved, also where a bracket adjusts for it."""
    late = [one for one in adjusted if one.column == variable.column and not one.before_exposure]
    if late or (variable.measures and not any(one.before_exposure for one in variable.measures)):
        concepts = ", ".join(dict.fromkeys(one.concept for one in variable.measures))
        raise TimingError(
            f"'{variable.column}' measures {concepts}, which is known only after exposure begins: "
            "exposure may have decided who has which value. Choose a column measured before."
        )

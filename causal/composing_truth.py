"""Puts the truth of generated data into the result document, where it is known of the question."""

from __future__ import annotations

from itertools import pairwise

from causal.dataset_info import Value
from causal.design import Baseline
from causal.planning import Plan
from causal.registry import known_truths
from causal.truths import Question


def compose_truth(plan: Plan, options: dict[str, Value]) -> dict[str, float]:
    """Give the true values of the very question that is asked; none where they are not known."""
    if plan.info.access != "generated":
        return {}
    asked = question_of(plan)
    for truth in known_truths(plan.info.name, options):
        if truth.question == asked:
            used = {tuple(one.column for one in rung.moving) for rung in plan.rungs if rung.moving}
            moved = truth.of_instrument if used == {(truth.instrument,)} else {}
            return {**truth.values, **moved}
    return {}


def question_of(plan: Plan) -> Question | None:
    """Say what an analysis asks; None where no data set's truth could be of it.

    That is where units are left out or weighed beyond the population, or where codes of the
    exposure stand for other doses.
    """
    analysis, design, info = plan.analysis, plan.analysis.design, plan.info
    dose, arms, times = design.dose, design.arms, design.time_to_event
    recoded = dose is not None and bool(dose.values)
    reweighted = design.repeats_persons and analysis.unit_weights != "rows"
    if analysis.restrict or recoded or reweighted:
        return None
    levels = () if arms is None else arms.levels(info.codebook[design.exposure])
    clock = None if times is None else times.clock(info.codebook, design.outcome)
    wave: int | None = None
    moment: int | str = design.outcome_at
    if isinstance(design, Baseline):
        wave, moment = design.exposure_wave, _outcome_wave(design, info.waves)
    return Question(
        exposure=design.exposure,
        outcome=design.outcome,
        exposure_wave=wave,
        outcome_at=moment,
        arms=(*levels[:2], *sorted(levels[2:])),
        doses=() if dose is None else dose.compare,
        events=() if times is None else times.columns,
        horizon=None if clock is None else clock.compare,
        population=analysis.population,
        weight="" if design.survey is None else design.survey.weight or "",
    )


def _outcome_wave(design: Baseline, waves: tuple[int, ...]) -> int | str:
    """Give the wave of the outcome: the one named, that of exposure, or the one that follows."""
    if design.outcome_wave is not None:
        return design.outcome_wave
    if design.outcome_at == "same_interview":
        return design.exposure_wave
    return dict(pairwise(waves)).get(design.exposure_wave, design.outcome_at)

"""Time rules: what may be adjusted for, and when a contrast can only be an association."""

from __future__ import annotations

import math
from itertools import pairwise

from causal.codebook import Codebook, Measurement, Variable
from causal.dag import Dag, association_reason
from causal.design import AnyDesign, Baseline
from causal.errors import SpecError


def association_reasons(
    design: AnyDesign, codebook: Codebook, dag: Dag, waves: tuple[int, ...], wave_days: float
) -> list[str]:
    """Say why this design allows an association only; an empty list allows an effect.

    A design allows no more when the exposure window overlaps the outcome window, or when it
    extends past the last measurement of the confounders and the diagram lets the outcome's own
    state drive exposure inside it (relapse stops attendance).

    Parameters
    ----------
    waves : the scheduled waves, ascending.
    wave_days : days a unit of wave.
    """
    exposure, outcome = codebook[design.exposure], codebook[design.outcome]
    reasons = _overlap(design, exposure, outcome, waves, wave_days)
    if isinstance(design, Baseline) and design.exposure_wave == waves[0] and exposure.recall != 0:
        reasons.append(
            f"'{exposure.column}' looks back from the interview that also gives the covariates, so "
            "these may be measured after exposure."
        )
    if _window_is_open(design, exposure, waves):
        inside = association_reason(dag)
        if inside:
            reasons.append(
                "the exposure window extends past the last measurement of the confounders, and "
                f"inside it {inside.rstrip('.')}."
            )
    return reasons


def _overlap(
    design: AnyDesign,
    exposure: Variable,
    outcome: Variable,
    waves: tuple[int, ...],
    wave_days: float,
) -> list[str]:
    """Compare the end of the exposure window with the beginning of the outcome window."""
    if design.outcome_at == "same_interview":
        return [
            f"'{exposure.column}' and '{outcome.column}' are reported at the same interview, so "
            "the exposure window overlaps the outcome window."
        ]
    if outcome.recall is None:
        return []  # since the previous interview: begins where the exposure window ends, or later
    gap = _shortest_gap(design, waves) * wave_days
    if outcome.recall <= gap:
        return []
    back = "all the past" if math.isinf(outcome.recall) else f"{outcome.recall:g} days"
    return [
        f"'{outcome.column}' looks back over {back}, past the interview that closes the exposure "
        f"window (as little as {gap:.0f} days before), so the two windows overlap."
    ]


def _shortest_gap(design: AnyDesign, waves: tuple[int, ...]) -> float:
    """Give the shortest time, in waves' units, from exposure interview to a later one."""
    if isinstance(design, Baseline) and design.outcome_wave is not None:
        return design.outcome_wave - design.exposure_wave
    gaps = [
        later - earlier
        for earlier, later in pairwise(waves)
        if not isinstance(design, Baseline) or earlier == design.exposure_wave
    ]
    return min(gaps, default=math.inf)


def _window_is_open(design: AnyDesign, exposure: Variable, waves: tuple[int, ...]) -> bool:
    """Tell whether exposure goes on after the confounders were last measured."""
    if isinstance(design, Baseline) and waves and design.exposure_wave == waves[0]:
        return exposure.recall != 0.0
    return True


def refuse_unbalanced_entry(
    entered: tuple[Measurement, ...], adjusted: tuple[Measurement, ...]
) -> None:
    """Refuse predictors of being seen that the rung does not adjust for.

    The propensity is fitted on those seen. It stands for everybody only if what decides who is
    seen is held in it.

    Raises
    ------
    SpecError
        Naming the columns.
    """
    lacking = [one.column for one in entered if one not in adjusted]
    if lacking:
        raise SpecError(
            f"entered names {', '.join(lacking)}, which the rung does not adjust for; the "
            "propensity of those seen would then not be that of everybody. Add the concept to "
            "adjust, or take it out of entered."
        )

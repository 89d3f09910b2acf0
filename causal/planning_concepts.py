"""Which concepts and columns a rung takes: for the outcome, for follow-up, and when measured."""

from __future__ import annotations

from causal.codebook import Codebook, Measurement
from causal.dag import Dag
from causal.errors import SpecError, TimingError, did_you_mean
from causal.identify import AdjustmentSet, Availability
from causal.rungs import FULL, Rung


def followed_of(
    rung: Rung, full: AdjustmentSet, dag: Dag, codebook: Codebook
) -> tuple[Measurement, ...]:
    """Find the columns that predict follow-up, whenever they were measured."""
    if rung.followed is None:
        return ()
    named = rung.model_copy(update={"adjust": rung.followed.adjust})
    return tuple(
        one
        for concept in concepts_of(named, full, dag)
        for one in codebook.measuring(concept, rung.columns.get(concept))
        if one.before_exposure or dag.concepts[concept].when is not None or one.when == "end"
    )


def entered_of(
    rung: Rung, full: AdjustmentSet, dag: Dag, codebook: Codebook
) -> tuple[Measurement, ...]:
    """Find the columns that predict being seen at the exposure interview: all before exposure."""
    if rung.entered is None:
        return ()
    named = rung.model_copy(update={"adjust": rung.entered.adjust})
    found = []
    for concept in concepts_of(named, full, dag):
        early = [
            one
            for one in codebook.measuring(concept, rung.columns.get(concept))
            if one.before_exposure
        ]
        if not early:
            raise TimingError(
                f"'{concept}' is not measured before exposure begins, and who was not seen has no "
                "later measurement. Take it out of entered."
            )
        found += early
    return tuple(found)


def concepts_of(rung: Rung, full: AdjustmentSet, dag: Dag) -> tuple[str, ...]:
    """Write out what ``adjust`` names."""
    for concept in rung.adjust:
        if concept != FULL and concept not in dag.covariates:
            raise SpecError(
                f"unknown concept '{concept}'. {did_you_mean(concept, [FULL, *dag.covariates])}"
            )
    listed = [c for named in rung.adjust for c in (full.concepts if named == FULL else (named,))]
    return tuple(dict.fromkeys(listed))


def refuse_late(
    rung: Rung,
    concepts: tuple[str, ...],
    available: dict[str, Availability],
    dag: Dag,
    codebook: Codebook,
) -> None:
    """Refuse what is measured after exposure began, unless the rung is a bracket."""
    if rung.role == "bracket":
        return
    for concept in concepts:
        late = available[concept] is Availability.AFTER_EXPOSURE
        if late or dag.concepts[concept].when is not None:
            columns = ", ".join(one.column for one in codebook.measuring(concept)) or "no column"
            raise TimingError(
                f"'{concept}' ({columns}) is measured after exposure begins, so it may be a "
                "consequence of it. Take it out, or give the rung 'role: bracket', which shows it "
                "apart as a possible mediator."
            )

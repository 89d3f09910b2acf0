"""Conditional instruments: what moves the exposure and, given covariates, reaches nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from causal.dag import Dag, to_networkx
from causal.errors import SpecError, did_you_mean
from causal.identify import Availability
from causal.separation import Criterion, criterion, open_path, separated, written


@dataclass(frozen=True, slots=True)
class Instrument:
    """A concept that is a valid instrument given others, by the diagram.

    Attributes
    ----------
    given : the concepts to condition on; all measured, and none follows from the instrument.
    """

    concept: str
    given: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class NoInstrument:
    """A concept that is not a valid instrument, and why."""

    concept: str
    given: tuple[str, ...]
    reason: str


def conditional_instruments(
    dag: Dag, available: Mapping[str, Availability]
) -> tuple[Instrument, ...]:
    """Find the measured concepts that are valid instruments, each with what to condition on."""
    found = (
        find_instrument(dag, name, available)
        for name in dag.covariates
        if available.get(name) is Availability.MEASURED
    )
    return tuple(one for one in found if isinstance(one, Instrument))


def find_instrument(
    dag: Dag, concept: str, available: Mapping[str, Availability]
) -> Instrument | NoInstrument:
    """Look for covariates that make a concept a valid instrument.

    The covariates are measured causes of the instrument or of the outcome that follow neither
    from exposure nor from the instrument. Of these the separator nearest the outcome is tried:
    it leaves the most dependence between instrument and exposure.

    Raises
    ------
    SpecError
        The concept is unknown, or is the exposure or the outcome.

    References
    ----------
    van der Zander, Textor & Liskiewicz (2015), IJCAI, pp. 3243-3249 (ancestral instruments).
    """
    rule = _rule(dag, concept)
    graph = rule.graph
    later = nx.descendants(graph, concept) | nx.descendants(graph, rule.exposure)
    allowed = {
        name
        for name in set(dag.covariates) - later - {concept}
        if available.get(name) is Availability.MEASURED and dag.concepts[name].when is None
    }
    if available.get(concept, Availability.UNMEASURED) is not Availability.MEASURED:
        kind = available.get(concept, Availability.UNMEASURED)
        return NoInstrument(concept, (), f"{concept} is not measured before exposure ({kind}).")
    if concept in nx.descendants(graph, rule.exposure):
        return judge_instrument(dag, concept)
    found = nx.find_minimal_d_separator(
        rule.backdoor, {rule.outcome}, {concept}, restricted=allowed
    )
    if found is None:
        return _unseparated(rule, concept, allowed)
    return judge_instrument(dag, concept, [name for name in dag.covariates if name in found])


def judge_instrument(
    dag: Dag, concept: str, given: Sequence[str] = ()
) -> Instrument | NoInstrument:
    """Judge a concept as an instrument given exactly these concepts, measured or not.

    Raises
    ------
    SpecError
        A concept is unknown, or is the exposure or the outcome.
    """
    rule, known = _rule(dag, concept, *given), tuple(given)
    fault = _fault(rule, concept, known)
    if fault:
        return NoInstrument(concept, known, fault)
    return Instrument(
        concept,
        known,
        f"{concept} moves or marks {rule.exposure}, and is connected with {rule.outcome}"
        f"{_given(known)} only through it; that it never moves {rule.exposure} the other way is "
        "for the reader to judge.",
    )


def _fault(rule: Criterion, concept: str, given: Sequence[str]) -> str:
    """Say why a concept is no instrument given others; empty if it is one."""
    graph, exposure, outcome = rule.graph, rule.exposure, rule.outcome
    after_exposure, after_concept = (nx.descendants(graph, one) for one in (exposure, concept))
    if concept in after_exposure:
        return f"{concept} follows from {exposure}."
    way = written(graph, open_path(rule.backdoor, concept, outcome, given))
    for name in given:
        if name in after_exposure | after_concept:
            cause = exposure if name in after_exposure else concept
            opened = f", and {way} is open" if way else ""
            return f"{name} follows from {cause}, so nothing may condition on it{opened}."
    if way:
        return (
            f"{concept} is connected with {outcome}{_given(given)} other than through {exposure}: "
            f"{way}."
        )
    if separated(graph, concept, exposure, given):
        return f"{concept} is independent of {exposure}{_given(given)}: it moves nothing."
    return ""


def _given(names: Sequence[str]) -> str:
    """Write the condition."""
    return f" given {', '.join(names)}" if names else ""


def _rule(dag: Dag, *named: str) -> Criterion:
    """Prepare the graph, refusing names that are not covariates."""
    for name in named:
        if name not in dag.covariates:
            raise SpecError(
                f"'{name}' is no covariate of this diagram. {did_you_mean(name, dag.covariates)}"
            )
    return criterion(to_networkx(dag), dag.exposure, dag.outcome)


def _unseparated(rule: Criterion, concept: str, allowed: Collection[str]) -> NoInstrument:
    """Say which path nothing measured closes."""
    before = nx.ancestors(rule.backdoor, concept) | nx.ancestors(rule.backdoor, rule.outcome)
    most = before.intersection(allowed)
    way = written(rule.graph, open_path(rule.backdoor, concept, rule.outcome, most))
    idle = separated(rule.graph, concept, rule.exposure, ())
    besides = f" Besides, it is independent of {rule.exposure}." if idle else ""
    return NoInstrument(
        concept,
        (),
        f"{concept} is connected with {rule.outcome} other than through {rule.exposure}, and "
        f"nothing measured that precedes both closes the path: {way}.{besides}",
    )

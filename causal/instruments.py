"""Conditional instruments: what moves the exposure and, given covariates, reaches nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

from causal.dag import Dag, Graph, to_networkx
from causal.errors import SpecError, did_you_mean
from causal.identify import Availability
from causal.separation import Criterion, criterion, open_path, separated, written


@dataclass(frozen=True, slots=True)
class Instrument:
    """A concept that is a valid instrument given others, by the diagram.

    Attributes
    ----------
    given : the concepts to condition on; all measured, and none follows from the instrument.
    only_before : consequences of the exposure, such as being followed up, that are no part of its
        effect and that must not be conditioned on: among those seen, the instrument is none.
    """

    concept: str
    given: tuple[str, ...]
    reason: str
    only_before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoInstrument:
    """A concept that is not a valid instrument, and why.

    Attributes
    ----------
    path : the causal path from the concept to the outcome that spoils it; empty when it is
        something else that does.
    """

    concept: str
    given: tuple[str, ...]
    reason: str
    path: tuple[str, ...] = ()


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
    it leaves the most dependence between instrument and exposure. Where only something the
    instrument itself moves would close a path, there is no instrument, and the reason says so:
    those it brings to exposure differ from the others in that thing too.

    Raises
    ------
    SpecError
        The concept is unknown, or is the exposure or the outcome.

    References
    ----------
    van der Zander, Textor & Liskiewicz (2015), IJCAI, pp. 3243-3249 (ancestral instruments).
    """
    rule = _rule(dag, concept)
    if available.get(concept, Availability.UNMEASURED) is not Availability.MEASURED:
        kind = available.get(concept, Availability.UNMEASURED)
        return NoInstrument(concept, (), f"{concept} is not measured before exposure ({kind}).")
    if concept in nx.descendants(rule.graph, rule.exposure):
        return judge_instrument(dag, concept)
    moved = nx.descendants(rule.graph, concept)
    usable = {
        name
        for name in set(dag.covariates) - nx.descendants(rule.graph, rule.exposure) - {concept}
        if available.get(name) is Availability.MEASURED and dag.concepts[name].when is None
    }
    found = _separator(rule, concept, usable - moved)
    if found is None:
        return _unseparated(rule, concept, usable, moved)
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
        return NoInstrument(concept, known, fault, _bypass(rule, concept, known))
    before = _spoiling(rule, dag, concept, known)
    warning = f" Valid only before conditioning on {', '.join(before)}." if before else ""
    return Instrument(
        concept,
        known,
        f"{concept} moves or marks {rule.exposure}, and is connected with {rule.outcome}"
        f"{_given(known)} only through it; that it moves nobody's {rule.exposure} the "
        f"other way (monotonicity) is for the reader to judge.{warning}",
        before,
    )


def _fault(rule: Criterion, concept: str, given: Sequence[str]) -> str:
    """Say why a concept is no instrument given others; empty if it is one."""
    graph, exposure, outcome = rule.graph, rule.exposure, rule.outcome
    after_exposure, after_concept = (nx.descendants(graph, one) for one in (exposure, concept))
    if concept in after_exposure:
        return f"{concept} follows from {exposure}."
    way = written(graph, open_path(rule.backdoor, concept, outcome, given))
    late = [name for name in given if name in after_exposure | after_concept]
    if late:
        cause = exposure if late[0] in after_exposure else concept
        opened = f", and {way} is open" if way else ""
        said = f"{late[0]} follows from {cause}, so nothing may condition on it{opened}."
        earlier = [one for one in given if one not in late]
        if late[0] in after_exposure and not _fault(rule, concept, earlier):
            return f"{concept} is valid only before conditioning on {', '.join(late)}: {said}"
        return said
    if bypass := _bypass(rule, concept, given):
        return (
            f"invalid: {written(graph, bypass)} is a causal path that does not go through "
            f"{exposure}{_still_open(given)}."
        )
    if way:
        return (
            f"{concept} is connected with {outcome}{_given(given)} other than through {exposure}: "
            f"{way}."
        )
    if separated(graph, concept, exposure, given):
        return f"{concept} is independent of {exposure}{_given(given)}: it moves nothing."
    return ""


def _bypass(rule: Criterion, concept: str, given: Collection[str]) -> tuple[str, ...]:
    """Give a shortest causal path to the outcome around exposure and what is conditioned on."""
    rest = rule.graph.copy()
    rest.remove_nodes_from({rule.exposure, *given} - {concept})
    later = concept in nx.descendants(rule.graph, rule.exposure)
    if later or not nx.has_path(rest, concept, rule.outcome):
        return ()
    return tuple(min(nx.all_shortest_paths(rest, concept, rule.outcome)))


def _spoiling(rule: Criterion, dag: Dag, concept: str, given: Sequence[str]) -> tuple[str, ...]:
    """Name the consequences of exposure that cause no outcome and spoil the instrument if held."""
    ends = nx.descendants(rule.graph, rule.exposure) - rule.mediators
    twin = _with_potential_outcome(rule)
    goal = _potential(rule.outcome) if rule.mediators else rule.outcome
    return tuple(
        name
        for name in dag.covariates
        if name in ends and not separated(twin, concept, goal, {*given, name})
    )


def _with_potential_outcome(rule: Criterion) -> Graph:
    """Add the outcome as it would be had exposure been set, beside the one that was seen.

    Whether somebody is followed up depends on the outcome that was seen, and this on exposure:
    a graph without exposure's effect would not show that holding follow-up opens exposure's causes
    to each other.

    References
    ----------
    Balke & Pearl (1994), AAAI, pp. 230-237 (twin networks).
    """
    twin: Graph = rule.graph.copy()
    for node in rule.mediators:
        twin.add_edges_from([(f"noise of {node}", node), (f"noise of {node}", _potential(node))])
        for cause in rule.graph.predecessors(node):
            if cause in rule.mediators:
                twin.add_edge(_potential(cause), _potential(node))
            elif cause != rule.exposure:
                twin.add_edge(cause, _potential(node))
    return twin


def _potential(name: str) -> str:
    """Name a concept as it would be had exposure been set."""
    return f"{name} had exposure been set"


def _separator(rule: Criterion, concept: str, allowed: Collection[str]) -> set[str] | None:
    """Find the separator nearest the outcome, exposure's own effect taken out."""
    found: set[str] | None = nx.find_minimal_d_separator(
        rule.backdoor, {rule.outcome}, {concept}, restricted=set(allowed)
    )
    return found


def _given(names: Sequence[str]) -> str:
    """Write the condition."""
    return f" given {', '.join(names)}" if names else ""


def _still_open(names: Sequence[str]) -> str:
    """Say that conditioning leaves a path open."""
    return f" and is open given {', '.join(names)}" if names else ""


def _rule(dag: Dag, *named: str) -> Criterion:
    """Prepare the graph, refusing names that are not covariates."""
    for name in named:
        if name not in dag.covariates:
            raise SpecError(
                f"'{name}' is no covariate of this diagram. {did_you_mean(name, dag.covariates)}"
            )
    return criterion(to_networkx(dag), dag.exposure, dag.outcome)


def _unseparated(
    rule: Criterion, concept: str, usable: Collection[str], moved: Collection[str]
) -> NoInstrument:
    """Say which path nothing measured closes, a causal one before any other."""
    before = nx.ancestors(rule.backdoor, concept) | nx.ancestors(rule.backdoor, rule.outcome)
    most = before.intersection(usable).difference(moved)
    closing = _separator(rule, concept, usable)
    note = ""
    if closing is not None and not separated(rule.graph, concept, rule.exposure, closing):
        late = ", ".join(sorted(closing.intersection(moved)))
        note = (
            f" Conditioning on {late} would close it, but {concept} itself moves {late}: whom it "
            f"brings to {rule.exposure} could then no longer be compared with the others."
        )
    elif separated(rule.graph, concept, rule.exposure, ()):
        note = f" Besides, it is independent of {rule.exposure}."
    bypass = _bypass(rule, concept, ())
    if bypass:
        said = (
            f"invalid: {written(rule.graph, bypass)} is a causal path that does not go through "
            f"{rule.exposure}."
        )
    else:
        way = written(rule.graph, open_path(rule.backdoor, concept, rule.outcome, most))
        said = (
            f"{concept} is connected with {rule.outcome} other than through {rule.exposure}, and "
            f"nothing measured that precedes both closes the path: {way}."
        )
    return NoInstrument(concept, (), said + note, bypass)

"""What a diagram and a codebook let one identify: which set to adjust for, and what a set leaves.

A concept without columns is unmeasured, one with proxies only is measured with error, and one
measured only at the end of the exposure window comes too late; identification says so by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import networkx as nx

from causal.codebook import Codebook, Measurement
from causal.dag import Dag, Graph, orientations, to_networkx
from causal.errors import IdentificationError, SpecError, did_you_mean
from causal.estimand import Estimand, OrientationCheck, Verdict, sentences
from causal.separation import Criterion, cheapest, criterion, open_path, written

__all__ = [
    "AdjustmentSet", "Availability", "Estimand", "OrientationCheck", "Verdict",
    "adjustment_set", "availability", "judge",
]  # fmt: skip


class Availability(StrEnum):
    """How a concept can be had in a data set."""

    MEASURED = "measured"
    PROXY = "proxy"
    AFTER_EXPOSURE = "after exposure"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class AdjustmentSet:
    """The set that ``adjust: dag`` stands for, and what is missing from a sufficient one.

    Attributes
    ----------
    concepts : what a rung adjusts for: measured before exposure, directly or by proxy.
    proxied : those of them that are measured by proxies only.
    missing : also needed, but without columns.
    needs_after_exposure : also needed, but happening, or measured, after exposure began.
    """

    concepts: tuple[str, ...]
    proxied: tuple[str, ...]
    missing: tuple[str, ...]
    needs_after_exposure: tuple[str, ...]

    @property
    def sufficient(self) -> bool:
        """Tell whether the concepts suffice, errors of measurement set aside."""
        return not self.missing and not self.needs_after_exposure


def availability(
    codebook: Codebook, dag: Dag, named: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Availability]:
    """Say of each covariate concept of the diagram how this data set measures it.

    Parameters
    ----------
    named : concept -> the columns that measure it here, columns on request among them.

    Raises
    ------
    SpecError
        ``named`` has an unknown concept, or a column that does not measure its concept.
    """
    named = named or {}
    for concept, columns in named.items():
        _known(dag, concept)
        measuring = [one.column for one in codebook.measurements if one.concept == concept]
        for column in columns:
            if column not in measuring:
                raise SpecError(
                    f"column '{column}' does not measure '{concept}' in data set "
                    f"'{codebook.dataset}'. {did_you_mean(column, measuring)}"
                )
    return {
        concept: _available(dag, concept, codebook.measuring(concept, named.get(concept)))
        for concept in dag.covariates
    }


def adjustment_set(dag: Dag, available: Mapping[str, Availability]) -> AdjustmentSet:
    """Find the set to adjust for: sufficient if one can be had, else what can be had of one.

    Concepts measured directly are preferred to proxied ones, those to unmeasured ones, and
    these to concepts of the exposure window; among equals the set closest to the outcome is
    taken. If only a concept of the exposure window would close every path, the set is the one
    that would suffice if nothing inside the window drove the exposure.

    Raises
    ------
    IdentificationError
        In this orientation the outcome causes the exposure.
    """
    rule = _rule(dag)
    if rule.reversed_cause:
        raise IdentificationError(
            f"in this orientation {dag.outcome} causes {dag.exposure}, so no set identifies an "
            f"effect of {dag.exposure}. Turn the edges {', '.join(dag.turned) or 'between them'}."
        )
    full = _completed(rule, dag, available, ())
    kinds = _kinds(dag, available)
    return AdjustmentSet(
        concepts=_pick(dag, full, kinds, Availability.MEASURED, Availability.PROXY),
        proxied=_pick(dag, full, kinds, Availability.PROXY),
        missing=_pick(dag, full, kinds, Availability.UNMEASURED),
        needs_after_exposure=_pick(dag, full, kinds, Availability.AFTER_EXPOSURE),
    )


def judge(dag: Dag, adjusted: Sequence[str], available: Mapping[str, Availability]) -> Estimand:
    """Judge the set a rung adjusts for.

    Raises
    ------
    SpecError
        The set names the exposure, the outcome or an unknown concept.
    IdentificationError
        The set names a concept that has no columns in this data set.
    """
    for concept in adjusted:
        _usable(dag, concept, available)
    rule, kinds = _rule(dag), _kinds(dag, available)
    chosen = frozenset(adjusted)
    kept = chosen - rule.forbidden
    full = frozenset[str]() if rule.reversed_cause else _completed(rule, dag, available, kept)
    unmeasured = _pick(dag, full, kinds, Availability.UNMEASURED)
    path = open_path(rule.backdoor, dag.exposure, dag.outcome, chosen)
    facts = Estimand(
        exposure=dag.exposure,
        outcome=dag.outcome,
        verdict=_verdict(rule, chosen, kinds),
        adjusted=tuple(name for name in dag.covariates if name in chosen),
        sufficient=rule.holds(chosen),
        open_path=written(rule.graph, path),
        open_through=path[1:-1],
        mediators_adjusted=tuple(name for name in dag.concepts if name in chosen & rule.forbidden),
        proxied=_pick(dag, chosen, kinds, Availability.PROXY),
        after_exposure=_pick(dag, chosen, kinds, Availability.AFTER_EXPOSURE),
        unmeasured=unmeasured,
        needs_after_exposure=_pick(dag, full - chosen, kinds, Availability.AFTER_EXPOSURE),
        omitted=_pick(dag, full - chosen, kinds, Availability.MEASURED, Availability.PROXY),
        orientations=tuple(
            OrientationCheck(way.turned, _rule(way).holds(chosen.union(unmeasured)))
            for way in orientations(dag)
        ),
    )
    said = sentences(facts, causal_path=bool(rule.mediators), reversed_cause=rule.reversed_cause)
    return replace(facts, sentences=said)


def _rule(dag: Dag) -> Criterion:
    """Prepare the adjustment criterion of a diagram."""
    return criterion(to_networkx(dag), dag.exposure, dag.outcome)


def _known(dag: Dag, concept: str) -> None:
    """Refuse a concept that nothing can adjust for."""
    if concept not in dag.covariates:
        role = {dag.exposure: "the exposure", dag.outcome: "the outcome"}.get(concept)
        found = f"'{concept}' is {role}." if role else f"unknown concept '{concept}'."
        raise SpecError(f"{found} {did_you_mean(concept, dag.covariates)}")


def _usable(dag: Dag, concept: str, available: Mapping[str, Availability]) -> None:
    """Refuse a concept that a rung cannot adjust for in this data set."""
    _known(dag, concept)
    if available.get(concept, Availability.UNMEASURED) is Availability.UNMEASURED:
        raise IdentificationError(
            f"'{concept}' has no columns in this data set, so no rung can adjust for it. "
            "Leave it out: it is listed as unmeasured."
        )


def _available(dag: Dag, concept: str, measured: Sequence[Measurement]) -> Availability:
    """Judge the columns of one concept."""
    node = dag.concepts[concept]
    early = [one for one in measured if one.before_exposure and node.when is None]
    if any(not one.proxy for one in early) and not node.latent:
        return Availability.MEASURED
    if early:
        return Availability.PROXY
    if any(one.when == "end" for one in measured):
        return Availability.AFTER_EXPOSURE
    return Availability.UNMEASURED


def _kinds(dag: Dag, available: Mapping[str, Availability]) -> dict[str, Availability]:
    """Give availabilities in which whatever happens in the exposure window counts as late."""
    return {
        name: Availability.AFTER_EXPOSURE
        if dag.concepts[name].when is not None
        else available.get(name, Availability.UNMEASURED)
        for name in dag.covariates
    }


def _completed(
    rule: Criterion, dag: Dag, available: Mapping[str, Availability], included: Collection[str]
) -> frozenset[str]:
    """Complete a set to a sufficient one, with as little that cannot be had as possible."""
    kinds = _kinds(dag, available)
    early = [n for n in _oldest_first(rule.graph) if _early(n, kinds)]
    costly = (Availability.UNMEASURED, Availability.PROXY)
    ranked = [name for kind in costly for name in early if kinds[name] is kind]
    free = [name for name in early if kinds[name] is Availability.MEASURED]
    found = cheapest(rule, ranked, free, included)
    if found is not None:
        return found
    lagged = criterion(_without_late_causes(rule, kinds), dag.exposure, dag.outcome)
    base = cheapest(lagged, ranked, free, included) or frozenset(included)
    late = [n for n in _oldest_first(rule.graph) if kinds.get(n) is Availability.AFTER_EXPOSURE]
    return cheapest(rule, late + ranked, free, base.union(included)) or base


def _early(name: str, kinds: Mapping[str, Availability]) -> bool:
    """Tell whether a concept is a covariate that precedes exposure."""
    return name in kinds and kinds[name] is not Availability.AFTER_EXPOSURE


def _oldest_first(graph: Graph) -> list[str]:
    """Order concepts from causes to effects, so that those nearest the outcome are kept longest."""
    return list(nx.lexicographical_topological_sort(graph))


def _without_late_causes(rule: Criterion, kinds: Mapping[str, Availability]) -> Graph:
    """Take out the edges by which something in the exposure window drives the exposure."""
    graph: Graph = rule.graph.copy()
    drivers = nx.ancestors(graph, rule.exposure) | {rule.exposure}
    graph.remove_edges_from(
        [
            (cause, effect)
            for cause, effect in rule.graph.edges
            if kinds.get(cause) is Availability.AFTER_EXPOSURE and effect in drivers
        ]
    )
    return graph


def _pick(
    dag: Dag, found: Collection[str], kinds: Mapping[str, Availability], *wanted: Availability
) -> tuple[str, ...]:
    """Give the concepts of some kinds in the order of the file."""
    return tuple(name for name in dag.covariates if name in found and kinds[name] in wanted)


def _verdict(rule: Criterion, chosen: frozenset[str], kinds: Mapping[str, Availability]) -> Verdict:
    """Judge a set, then the columns in its place.

    A proxy is a child of its concept; a column taken after exposure began may besides record
    what the exposure did. The set is identified outright only if it holds with these children
    in place of the concepts.
    """
    if not rule.holds(chosen):
        return "not identified"
    graph: Graph = rule.graph.copy()
    columns = set(chosen)
    for concept in sorted(chosen):
        if kinds[concept] is not Availability.MEASURED:
            column = f"{concept} as measured"
            graph.add_edge(concept, column)
            if kinds[concept] is Availability.AFTER_EXPOSURE:
                graph.add_edge(rule.exposure, column)
            columns = columns - {concept} | {column}
    if criterion(graph, rule.exposure, rule.outcome).holds(columns):
        return "identified"
    return "identified if measured without error"

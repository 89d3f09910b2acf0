"""Whether the diagram lets a concept serve as a negative control, by outcome or exposure."""

from __future__ import annotations

import networkx as nx

from causal.dag import Dag, Graph, orientations, to_networkx
from causal.errors import SpecError, did_you_mean
from causal.separation import separated


def control_fault(dag: Dag, concept: str) -> str | None:
    """Say why a concept cannot be a negative control outcome; None when it can.

    The control must not follow from exposure, or an effect on it would be no bias; must not cause
    exposure, or an association would be no confounding; and must share a cause with exposure, or
    it could show nothing. Disputed edges count in both directions.

    Raises
    ------
    SpecError
        The diagram has no such concept.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen & Cohen (2010), doi:10.1097/EDE.0b013e3181d61eeb; Shi, Miao &
    Tchetgen Tchetgen (2020), doi:10.1007/s40471-020-00243-4.
    """
    graph = _checked(dag, concept)
    if concept in (dag.exposure, dag.outcome):
        return _itself(dag, concept)
    both = _both_ways(dag)
    if path := directed_path(both, dag.exposure, concept):
        return (
            f"{concept} may follow from {dag.exposure}: {path}, so an effect on it would be no bias"
        )
    if path := directed_path(both, concept, dag.exposure):
        return (
            f"{concept} may cause {dag.exposure}: {path}, so an association with it would not be "
            "confounding"
        )
    if separated(graph, dag.exposure, concept, ()):
        return f"{concept} shares no cause with {dag.exposure}, so it could show no confounding"
    return None


def exposure_control_fault(dag: Dag, concept: str) -> str | None:
    """Say why a concept cannot be a negative control exposure; None when it can.

    The control must not follow from the outcome or from its state inside the exposure window, as
    future attendance does where use drives attendance; must not cause the outcome, through exposure
    or otherwise; and must share a cause with the outcome besides exposure, which is held, or it
    could show nothing. Disputed edges count in both directions.

    A state of the outcome from before exposure is a confounder like any other, since rungs can
    adjust for it: what follows from it may be a control.

    Raises
    ------
    SpecError
        The diagram has no such concept.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen & Cohen (2010), doi:10.1097/EDE.0b013e3181d61eeb; Shi, Miao &
    Tchetgen Tchetgen (2020), doi:10.1007/s40471-020-00243-4.
    """
    _checked(dag, concept)
    if concept in (dag.exposure, dag.outcome):
        return _itself(dag, concept)
    both = _both_ways(dag)
    for state in _states(dag, both):
        if concept == state and dag.concepts[concept].when is not None:
            return f"{concept} is a state of {dag.outcome} inside the exposure window"
        if path := directed_path(both, state, concept):
            return (
                f"{concept} may follow from {state}: {path}, so an association would be no "
                "confounding"
            )
    if path := directed_path(both, concept, dag.outcome):
        return f"{concept} may cause {dag.outcome}: {path}, so an association would be no bias"
    for way in orientations(dag):
        held = to_networkx(way)
        held.remove_node(dag.exposure)
        if separated(held, dag.outcome, concept, ()):
            turned = f" once {', '.join(way.turned)} is assumed" if way.turned else ""
            return (
                f"{concept} shares no cause with {dag.outcome} besides {dag.exposure}{turned}, so "
                "it could show no confounding"
            )
    return None


def directed_path(graph: Graph, start: str, end: str) -> str:
    """Write a shortest directed path, such as ``use_at_end -> mhg_next``; empty when there is none.

    Raises
    ------
    SpecError
        One of the two is no concept of the graph.
    """
    for name in (start, end):
        if name not in graph:
            raise SpecError(f"there is no concept '{name}'. {did_you_mean(name, list(graph))}")
    if start == end or not nx.has_path(graph, start, end):
        return ""
    return " -> ".join(nx.shortest_path(graph, start, end))


def _checked(dag: Dag, concept: str) -> Graph:
    """Give the bare graph, refusing an unknown concept with the choices."""
    if concept not in dag.concepts:
        raise SpecError(
            f"the diagram '{dag.name}' has no concept '{concept}'. "
            f"{did_you_mean(concept, dag.concepts)}"
        )
    return to_networkx(dag)


def _itself(dag: Dag, concept: str) -> str:
    """Say that a concept is one of the two under study."""
    return f"{concept} is the {'exposure' if concept == dag.exposure else 'outcome'} itself"


def _both_ways(dag: Dag) -> Graph:
    """Give the graph with disputed edges in both directions."""
    both = to_networkx(dag)
    both.add_edges_from((edge.effect, edge.cause) for edge in dag.disputed)
    return both


def _states(dag: Dag, both: Graph) -> list[str]:
    """Give the outcome, and its states that no rung may adjust for since they may follow exposure.

    These are states inside the exposure window, and any other that does not precede exposure.
    """
    before = nx.ancestors(both, dag.exposure) - nx.descendants(both, dag.exposure)
    return [
        dag.outcome,
        *(
            name
            for name, one in dag.concepts.items()
            if one.state_of == dag.outcome and (one.when is not None or name not in before)
        ),
    ]

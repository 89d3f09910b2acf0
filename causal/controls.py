"""Whether the diagram lets a concept serve as a negative control outcome."""

from __future__ import annotations

import networkx as nx

from causal.dag import Dag, to_networkx
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
    if concept not in dag.concepts:
        raise SpecError(
            f"the diagram '{dag.name}' has no concept '{concept}'. "
            f"{did_you_mean(concept, dag.concepts)}"
        )
    if concept in (dag.exposure, dag.outcome):
        return f"{concept} is the {'exposure' if concept == dag.exposure else 'outcome'} itself"
    graph = to_networkx(dag)
    both = graph.copy()
    both.add_edges_from((edge.effect, edge.cause) for edge in dag.disputed)
    if concept in nx.descendants(both, dag.exposure):
        return f"{concept} may follow from {dag.exposure}, so an effect on it would be no bias"
    if concept in nx.ancestors(both, dag.exposure):
        return (
            f"{concept} may cause {dag.exposure}, so an association with it would not be "
            "confounding"
        )
    if separated(graph, dag.exposure, concept, ()):
        return f"{concept} shares no cause with {dag.exposure}, so it could show no confounding"
    return None

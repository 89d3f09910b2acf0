"""The one narrow door to DoWhy: a second opinion on identification in small diagrams."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import networkx as nx

from causal.dag import Dag, Graph, to_networkx
from causal.errors import InternalConsistencyError, SpecError, did_you_mean
from causal.separation import criterion
from causal.silence import quiet

MAX_CONCEPTS = 12
"""DoWhy's search doubles with every concept: 16 s at 16 covariates, unfinished at 18."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Whether DoWhy finds a back-door set exactly where this library does.

    Attributes
    ----------
    own, dowhy : a sufficient set of each; empty when none is needed, or none exists.
    identified : a back-door set of observed concepts exists.
    """

    verdict: Literal["PASS", "NOT_EVALUATED"]
    reason: str
    identified: bool = False
    own: tuple[str, ...] = ()
    dowhy: tuple[str, ...] = ()


def dowhy_agrees(
    dag: Dag, observed: Collection[str], exposure: str | None = None, outcome: str | None = None
) -> CrossCheck:
    """Ask DoWhy whether a back-door set of observed concepts exists; importing it takes seconds.

    Parameters
    ----------
    observed : the concepts that can be adjusted for.
    exposure, outcome : those of the diagram unless given.

    Raises
    ------
    InternalConsistencyError
        The two searches disagree: a defect in one of them.
    SpecError
        A name is not a concept of the diagram.
    """
    exposure, outcome = exposure or dag.exposure, outcome or dag.outcome
    graph = to_networkx(dag)
    unasked = _unasked(dag, graph, (exposure, outcome, *observed))
    if unasked:
        return CrossCheck("NOT_EVALUATED", unasked)
    allowed = sorted(set(observed) - {exposure, outcome})
    mine = criterion(graph, exposure, outcome).minimal(allowed)
    theirs = _ask(graph, allowed, exposure, outcome)
    if (mine is None) != (theirs is None):
        raise InternalConsistencyError(
            f"diagram '{dag.name}' with {', '.join(allowed) or 'nothing'} observed: own search "
            f"finds {_shown(mine)}, DoWhy finds {_shown(theirs)}. Please report this diagram."
        )
    return CrossCheck(
        "PASS",
        "our identification and DoWhy's both find that "
        f"{'a' if mine is not None else 'no'} back-door set of observed concepts exists.",
        identified=mine is not None,
        own=tuple(sorted(mine or ())),
        dowhy=tuple(sorted(theirs or ())),
    )


def _unasked(dag: Dag, graph: Graph, names: Sequence[str]) -> str:
    """Say why DoWhy is not asked about a diagram; empty if it can be."""
    for name in names:
        if name not in dag.concepts:
            raise SpecError(f"unknown concept '{name}'. {did_you_mean(name, dag.concepts)}")
    if len(dag.concepts) > MAX_CONCEPTS:
        return (
            f"the diagram has {len(dag.concepts)} concepts; DoWhy's search is exponential, so it "
            f"is asked about at most {MAX_CONCEPTS}."
        )
    exposure, outcome = names[:2]
    if not nx.has_path(graph, exposure, outcome):
        return f"there is no causal path from {exposure} to {outcome}; DoWhy then seeks no set."
    return ""


def _ask(graph: Graph, observed: list[str], exposure: str, outcome: str) -> frozenset[str] | None:
    """Give DoWhy's back-door set, or ``None`` when it finds none."""
    with quiet():
        from dowhy.causal_identifier import EstimandType, identify_effect_auto

        found = identify_effect_auto(
            graph,
            [exposure],
            [outcome],
            [*observed, exposure, outcome],
            EstimandType.NONPARAMETRIC_ATE,
        )
    if found.estimands.get("backdoor") is None:
        return None
    return frozenset(found.get_backdoor_variables())


def _shown(found: frozenset[str] | None) -> str:
    """Write a set, or that there is none."""
    if found is None:
        return "no sufficient set"
    return "{" + ", ".join(sorted(found)) + "}"

"""Graph theory of adjustment: forbidden concepts, minimal separators and open paths.

Everything takes polynomial time: no subsets are enumerated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from causal.dag import Graph

Trail = tuple[str, bool]
"""A concept, and whether the last step of a path went along an arrow into it."""


@dataclass(frozen=True, slots=True, eq=False)
class Criterion:
    """The adjustment criterion for one exposure and one outcome.

    A set identifies the total effect if it holds no forbidden concept and d-separates exposure
    and outcome once the first edges of all causal paths are taken out.

    Attributes
    ----------
    backdoor : the graph without the first edges of causal paths.
    mediators : concepts on causal paths other than the exposure, the outcome among them.
    forbidden : these and all that follows from them.

    References
    ----------
    Shpitser, VanderWeele & Robins (2010), UAI, theorem 3; van der Zander, Liskiewicz & Textor
    (2019), Artificial Intelligence 270:1-40, definition 4, doi:10.1016/j.artint.2018.12.006.
    """

    graph: Graph
    exposure: str
    outcome: str
    backdoor: Graph
    mediators: frozenset[str]
    forbidden: frozenset[str]

    @property
    def reversed_cause(self) -> bool:
        """Tell whether the outcome causes the exposure, so that nothing can be adjusted for."""
        return bool(nx.has_path(self.graph, self.outcome, self.exposure))

    def holds(self, adjusted: Collection[str]) -> bool:
        """Tell whether adjusting for exactly this set identifies the total effect."""
        if self.forbidden.intersection(adjusted):
            return False
        return separated(self.backdoor, self.exposure, self.outcome, adjusted)

    def minimal(
        self, allowed: Collection[str], included: Collection[str] = ()
    ) -> frozenset[str] | None:
        """Give a minimal set of allowed concepts that holds, the one closest to the outcome.

        Closeness to the outcome makes estimates more precise and keeps out what only drives the
        exposure (van der Zander & Liskiewicz 2020, UAI, algorithm FINDMINSEP).

        Parameters
        ----------
        included : concepts the set must have; it is minimal among the sets that have them.

        Returns
        -------
        The set, or ``None`` when no allowed set holds.
        """
        usable = set(allowed).union(included) - self.forbidden - {self.exposure}
        if self.forbidden.intersection(included):
            return None
        found = nx.find_minimal_d_separator(
            self.backdoor,
            {self.outcome},
            {self.exposure},
            included=set(included),
            restricted=usable,
        )
        return None if found is None else frozenset(found)


def criterion(graph: Graph, exposure: str, outcome: str) -> Criterion:
    """Prepare the adjustment criterion for a graph."""
    before = nx.ancestors(graph, outcome) | {outcome}
    mediators = frozenset(nx.descendants(graph, exposure) & before)
    backdoor = graph.copy()
    backdoor.remove_edges_from([(exposure, node) for node in mediators])
    forbidden = mediators.union(*(nx.descendants(graph, node) for node in mediators))
    return Criterion(graph, exposure, outcome, backdoor, mediators, forbidden)


def cheapest(
    rule: Criterion, ranked: Sequence[str], free: Collection[str], included: Collection[str] = ()
) -> frozenset[str] | None:
    """Give a minimal set that holds and spares the concepts that are costly to have.

    Parameters
    ----------
    ranked : concepts to do without where possible, those to drop first standing first.
    free : concepts that cost nothing.
    included : concepts the set must have.

    Returns
    -------
    The set, or ``None`` when none holds.
    """
    allowed = set(ranked).union(free, included)
    if rule.minimal(allowed, included) is None:
        return None
    for costly in ranked:
        fewer = allowed - {costly}
        if costly not in included and rule.minimal(fewer, included) is not None:
            allowed = fewer
    return rule.minimal(allowed, included)


def separated(graph: Graph, one: str, other: str, given: Iterable[str]) -> bool:
    """Tell whether two concepts are independent given others, by d-separation."""
    return bool(nx.is_d_separator(graph, {one}, {other}, set(given)))


def open_path(graph: Graph, one: str, other: str, given: Collection[str]) -> tuple[str, ...]:
    """Find a shortest path that conditioning leaves open.

    Returns
    -------
    The concepts on it from ``one`` to ``other``; empty when there is none.
    """
    lifted = set(given).union(*(nx.ancestors(graph, node) for node in given))
    start: Trail = (one, False)
    came: dict[Trail, Trail | None] = {start: None}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        if at[0] == other:
            return _walked(came, at)
        for step in _steps(graph, at, set(given), lifted, first=at == start):
            if step not in came:
                came[step] = at
                queue.append(step)
    return ()


def written(graph: Graph, path: Sequence[str]) -> str:
    """Write a path with its arrows, such as ``mhg ← severity → outcome``."""
    parts = list(path[:1])
    for one, other in pairwise(path):
        parts.append(f"→ {other}" if graph.has_edge(one, other) else f"← {other}")
    return " ".join(parts)


def _steps(
    graph: Graph, at: Trail, given: set[str], lifted: set[str], *, first: bool
) -> list[Trail]:
    """Give the steps an open path may take next: through a non-collider, or an opened collider."""
    node, into = at
    steps: list[Trail] = []
    if first or node not in given:
        steps += [(child, True) for child in sorted(graph.successors(node))]
    if (node in lifted) if into else (first or node not in given):
        steps += [(parent, False) for parent in sorted(graph.predecessors(node))]
    return steps


def _walked(came: dict[Trail, Trail | None], end: Trail) -> tuple[str, ...]:
    """Read the path back from its end."""
    path: list[str] = []
    at: Trail | None = end
    while at is not None:
        path.append(at[0])
        at = came[at]
    return tuple(reversed(path))

"""Testable implications: what independences a diagram implies among measured concepts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import networkx as nx

from causal.codebook import Codebook, Measurement
from causal.dag import Dag, Graph, orientations, to_networkx
from causal.identify import Availability, availability
from causal.separation import separated


@dataclass(frozen=True, slots=True)
class Implication:
    """Two concepts without an edge between them, and measured concepts that separate them.

    The data contradict it if the edge exists, or if something else in the diagram that the
    separation rests on is wrong.
    """

    one: str
    other: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        """Write the independence as ``motivation ⟂ mhg | severity``."""
        return f"{self.one} ⟂ {self.other}" + (f" | {', '.join(self.given)}" if self.given else "")

    @property
    def missing_edge(self) -> tuple[str, str]:
        """Give the pair whose edge the diagram leaves out."""
        return self.one, self.other


@dataclass(frozen=True, slots=True)
class Implications:
    """What of a diagram can be held against the data.

    Attributes
    ----------
    tested : one implication for each missing edge that can be tested.
    inseparable : missing edges between measured concepts that no allowed set of measured concepts
        separates in every orientation, because what would separate them is not measured.
    too_large : missing edges whose separating set has more concepts than the cap.
    unmeasured : concepts without columns; no missing edge of theirs can be tested.
    unmeasured_pairs : how many missing edges these have.
    orientations : how many ways of turning the disputed edges each implication holds in.
    """

    tested: tuple[Implication, ...]
    inseparable: tuple[tuple[str, str], ...]
    too_large: tuple[tuple[str, str], ...]
    unmeasured: tuple[str, ...]
    unmeasured_pairs: int
    orientations: int

    @property
    def untestable(self) -> int:
        """Count the missing edges that nothing tests."""
        return len(self.inseparable) + len(self.too_large) + self.unmeasured_pairs

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say what can be tested, and what cannot."""
        said = [
            f"Of {len(self.tested) + self.untestable} edges the diagram leaves out, "
            f"{len(self.tested)} can be tested: measured concepts separate the two ends."
        ]
        if self.unmeasured_pairs:
            said.append(
                f"{self.unmeasured_pairs} cannot, because an end is not measured "
                f"({', '.join(self.unmeasured)})."
            )
        if self.inseparable:
            said.append(
                f"{len(self.inseparable)} cannot, because what would separate the two ends is "
                "not measured, or by a proxy only."
            )
        if self.too_large:
            said.append(f"{len(self.too_large)} would need more concepts held fixed than allowed.")
        if self.orientations > 1:
            said.append(
                "Each independence counts only because it holds in all "
                f"{self.orientations} orientations of the disputed edges."
            )
        return tuple(said)


def imply(
    dag: Dag,
    direct: Collection[str],
    proxied: Collection[str] = (),
    *,
    selected: Collection[str] = (),
    max_given: int,
) -> Implications:
    """Find an implied independence for every missing edge between measured concepts.

    A proxy is a child of its concept with an error of its own: it shares the concept's
    independences, so it can be an end; but holding it fixed does not hold the concept fixed, so
    it never separates. With disputed edges an independence counts only if it holds in every
    orientation; the sets tried are minimal ones of each. All takes polynomial time.

    Parameters
    ----------
    direct : concepts measured without error, exposure and outcome among them.
    proxied : concepts measured with error only.
    selected : concepts that are the same in every row because rows were selected by them; they
        are held fixed in every independence.
    max_given : the most concepts an independence may hold fixed, ``selected`` apart.

    References
    ----------
    Pearl (2009), Causality, section 1.2.3; van der Zander & Liskiewicz (2020), UAI, algorithm
    FINDMINSEP.
    """
    graphs = [to_networkx(way) for way in orientations(dag)]
    bare = graphs[0].to_undirected()
    fixed = frozenset(selected)
    ends = [name for name in dag.concepts if name in {*direct, *proxied} - fixed]
    tested, inseparable, too_large = [], [], []
    for one, other in combinations(ends, 2):
        if bare.has_edge(one, other):
            continue
        found = _separator(graphs, one, other, frozenset(direct) - fixed, fixed)
        if found is None:
            inseparable.append((one, other))
        elif len(found) > max_given:
            too_large.append((one, other))
        else:
            given = tuple(name for name in dag.concepts if name in found)
            tested.append(Implication(one, other, given))
    unmeasured = tuple(name for name in dag.concepts if name not in {*ends, *fixed})
    return Implications(
        tested=tuple(tested),
        inseparable=tuple(inseparable),
        too_large=tuple(too_large),
        unmeasured=unmeasured,
        unmeasured_pairs=sum(
            not bare.has_edge(one, other)
            for one, other in combinations(dag.concepts, 2)
            if (one in unmeasured or other in unmeasured) and not fixed & {one, other}
        ),
        orientations=len(graphs),
    )


def measured_as(
    dag: Dag, codebook: Codebook, named: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[dict[str, tuple[Measurement, ...]], frozenset[str]]:
    """Say which columns measure each covariate concept at its own time, and which are proxied.

    Concepts that precede exposure are measured by columns taken before it, concepts of the
    exposure window by columns taken at its end; a concept that has columns at another time only
    counts as unmeasured.

    Parameters
    ----------
    named : concept -> the columns to take instead of the default ones.

    Raises
    ------
    SpecError
        ``named`` has an unknown concept, or a column that does not measure its concept.
    """
    named = named or {}
    available = availability(codebook, dag, named)
    columns: dict[str, tuple[Measurement, ...]] = {}
    proxied = set()
    for concept in dag.covariates:
        node = dag.concepts[concept]
        timely = tuple(
            one
            for one in codebook.measuring(concept, named.get(concept))
            if (one.when == "end" if node.when else one.before_exposure)
        )
        if not timely:
            continue
        columns[concept] = timely
        late = node.when is not None and (node.latent or all(one.proxy for one in timely))
        if late or available[concept] is Availability.PROXY:
            proxied.add(concept)
    return columns, frozenset(proxied)


def _separator(
    graphs: list[Graph], one: str, other: str, direct: frozenset[str], fixed: frozenset[str]
) -> frozenset[str] | None:
    """Find a set of measured concepts that separates two others in every orientation."""
    usable = direct - {one, other}
    for found in _minimal(graphs, one, other, usable, fixed):
        if all(separated(graph, one, other, found | fixed) for graph in graphs):
            return found
    return None


def _minimal(
    graphs: list[Graph], one: str, other: str, usable: frozenset[str], fixed: frozenset[str]
) -> Iterator[frozenset[str]]:
    """Give minimal separators of each orientation, near either end, the smaller one first."""
    for graph in graphs:
        sets = [
            nx.find_minimal_d_separator(
                graph, {start}, {end}, included=set(fixed), restricted=set(usable | fixed)
            )
            for start, end in ((one, other), (other, one))
        ]
        if sets[0] is None:
            return  # what no set separates here, none separates everywhere
        yield from sorted((frozenset(found) - fixed for found in sets), key=len)

"""Causal diagrams: concepts, and edges that each carry a reason and a source."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import networkx as nx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from causal.documents import read_document, validated
from causal.errors import Place, SpecError, did_you_mean

When: TypeAlias = Literal["exposure_window"]
Graph: TypeAlias = "nx.DiGraph[str]"
Locate: TypeAlias = Callable[[int | str], Place]
"""Gives the place of an edge (by its number) or of a key such as ``concepts.severity``."""

MAX_DISPUTED = 6
"""Each disputed edge doubles the orientations to judge; 64 are read by nobody, more are slow."""


@dataclass(frozen=True, slots=True)
class Concept:
    """One node of a diagram: something that exists whether or not a cohort has columns for it.

    Attributes
    ----------
    state_of : the concept of which this is the state at another time, such as the outcome.
    when : ``exposure_window`` for what happens while the exposure is going on, so that no column
        taken before exposure can measure it.
    latent : cannot be measured without error by any column.
    note : what a reader should know, such as why nobody measures it.
    """

    description: str
    state_of: str | None = None
    when: When | None = None
    latent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """One assumed direct cause.

    Attributes
    ----------
    disputed : the direction is argued; ``primary_because`` defends the one written down.
    turned : this edge stands the other way round than in the file.
    """

    cause: str
    effect: str
    reason: str
    source: str
    disputed: bool = False
    primary_because: str = ""
    turned: bool = False

    def __str__(self) -> str:
        """Write the edge as ``cause -> effect``."""
        return f"{self.cause} -> {self.effect}"


@dataclass(frozen=True, slots=True)
class Dag:
    """A causal diagram for one exposure and one outcome."""

    name: str
    exposure: str
    outcome: str
    concepts: Mapping[str, Concept]
    edges: tuple[Edge, ...]

    @property
    def disputed(self) -> tuple[Edge, ...]:
        """Give the edges whose direction is argued."""
        return tuple(edge for edge in self.edges if edge.disputed)

    @property
    def turned(self) -> tuple[str, ...]:
        """Give the edges that stand the other way round than in the file, as they stand now."""
        return tuple(str(edge) for edge in self.edges if edge.turned)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Give the concepts other than exposure and outcome, in the order of the file."""
        return tuple(name for name in self.concepts if name not in (self.exposure, self.outcome))


def load_dag(path: Path) -> Dag:
    """Read a diagram from YAML.

    Raises
    ------
    SpecError
        Something cannot be meant: an unknown concept, a cycle, an edge without reason or source,
        an edge given twice; the message names file, line and remedy.
    """
    document = read_document(path)
    written = validated(document, _DagFile)
    edges = [(edge, at) for at, line in enumerate(written.edges) for edge in _edges_of(line)]
    dag = Dag(
        name=written.name,
        exposure=written.exposure,
        outcome=written.outcome,
        concepts={name: _concept(line) for name, line in written.concepts.items()},
        edges=tuple(edge for edge, _ in edges),
    )

    def locate(at: int | str) -> Place:
        keys = ("edges", edges[at][1]) if isinstance(at, int) else tuple(at.split("."))
        return document.place(keys)

    return checked(dag, locate)


def checked(dag: Dag, locate: Locate) -> Dag:
    """Return the diagram if it can be meant.

    Raises
    ------
    SpecError
        The first fault, at the place ``locate`` gives.
    """
    for at, message in _faults(dag):
        raise SpecError(message, locate(at))
    return dag


def to_networkx(dag: Dag) -> Graph:
    """Give the bare graph; nodes and edges stand in the order of the file."""
    graph: Graph = nx.DiGraph()
    graph.add_nodes_from(dag.concepts)
    graph.add_edges_from((edge.cause, edge.effect) for edge in dag.edges)
    return graph


def orientations(dag: Dag) -> tuple[Dag, ...]:
    """Turn the disputed edges round in every way that leaves no cycle, the primary way first."""
    numbers = [number for number, edge in enumerate(dag.edges) if edge.disputed]
    ways = (way for size in range(len(numbers) + 1) for way in combinations(numbers, size))
    turned = (_turn(dag, frozenset(way)) for way in ways)
    return tuple(one for one in turned if nx.is_directed_acyclic_graph(to_networkx(one)))


def reversing(dag: Dag, edges: Sequence[str]) -> Dag:
    """Turn disputed edges round.

    Parameters
    ----------
    edges : as the file has them, such as ``mhg -> use_at_end``.

    Raises
    ------
    SpecError
        No such disputed edge, or a cycle would come of it.
    """
    known = {str(edge): number for number, edge in enumerate(dag.edges) if edge.disputed}
    for one in edges:
        if one not in known:
            raise SpecError(
                f"'{one}' is no disputed edge of the diagram '{dag.name}'. "
                f"{did_you_mean(one, list(known))}"
            )
    turned = _turn(dag, frozenset(known[one] for one in edges))
    if not nx.is_directed_acyclic_graph(to_networkx(turned)):
        raise SpecError(f"turning {', '.join(edges)} round makes a cycle in '{dag.name}'.")
    return turned


def digest(dag: Dag) -> str:
    """Give the sha256 of what the diagram assumes; order of lines and wording do not change it."""
    content = {
        "exposure": dag.exposure,
        "outcome": dag.outcome,
        "concepts": sorted(
            [name, one.state_of, one.when, one.latent] for name, one in dag.concepts.items()
        ),
        "edges": sorted([edge.cause, edge.effect, edge.disputed] for edge in dag.edges),
    }
    return sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def to_dagitty(dag: Dag) -> str:
    """Write the diagram as text for dagitty.net."""
    lines = []
    for name, concept in dag.concepts.items():
        roles = [
            role
            for role, holds in (
                ("exposure", name == dag.exposure),
                ("outcome", name == dag.outcome),
                ("latent", concept.latent),
            )
            if holds
        ]
        lines.append(f"  {_quoted(name)}" + (f" [{','.join(roles)}]" if roles else ""))
    lines += [f"  {_quoted(edge.cause)} -> {_quoted(edge.effect)}" for edge in dag.edges]
    return "\n".join(["dag {", *lines, "}", ""])


def association_reason(dag: Dag) -> str | None:
    """Say why the result is an association only, as far as the diagram tells.

    That is so when the outcome's own state inside the exposure window has a directed path to the
    exposure, in the file's orientation or once disputed edges are turned, and is connected with
    the outcome other than through the exposure.

    Returns
    -------
    A sentence, or ``None`` when the diagram has no such concept.
    """
    states = [
        name
        for name, one in dag.concepts.items()
        if one.state_of == dag.outcome and one.when == "exposure_window"
    ]
    for way in orientations(dag):
        graph = to_networkx(way)
        past = graph.copy()
        past.remove_edges_from(list(graph.out_edges(way.exposure)))
        for state in states:
            if nx.has_path(graph, state, way.exposure) and not nx.is_d_separator(
                past, {state}, {way.outcome}, set()
            ):
                return _driving(way, graph, state)
    return None


def _driving(dag: Dag, graph: Graph, state: str) -> str:
    """Say that a state drives the exposure, and on whose word."""
    path = nx.shortest_path(graph, state, dag.exposure)
    steps = set(pairwise(path))
    edges = [edge for edge in dag.edges if (edge.cause, edge.effect) in steps]
    argued = [edge for edge in edges if edge.disputed]
    verb = "may drive" if argued else "drives"
    kind = "edge disputed" if argued else "assumed"
    because = "; ".join(edge.reason.rstrip(".") for edge in argued or edges)
    return (
        f"{state}, the outcome's own state inside the exposure window, {verb} {dag.exposure} "
        f"({kind}: {because})."
    )


def _turn(dag: Dag, numbers: frozenset[int]) -> Dag:
    """Turn the edges of these numbers round."""
    edges = tuple(
        replace(edge, cause=edge.effect, effect=edge.cause, turned=not edge.turned)
        if number in numbers
        else edge
        for number, edge in enumerate(dag.edges)
    )
    return replace(dag, edges=edges)


def _faults(dag: Dag) -> Iterator[tuple[int | str, str]]:
    """Go through what is wrong with a diagram, each with the edge or key at fault."""
    for role, name in (("exposure", dag.exposure), ("outcome", dag.outcome)):
        if name not in dag.concepts:
            yield role, f"unknown concept '{name}'. {did_you_mean(name, dag.concepts)}"
    if dag.exposure == dag.outcome:
        yield "outcome", f"'{dag.outcome}' is also the exposure. Name two different concepts."
    for name, one in dag.concepts.items():
        if one.state_of is not None and one.state_of not in dag.concepts:
            choices = did_you_mean(one.state_of, dag.concepts)
            yield f"concepts.{name}.state_of", f"unknown concept '{one.state_of}'. {choices}"
    yield from _edge_faults(dag)
    graph = to_networkx(dag)
    if not nx.is_directed_acyclic_graph(graph):
        steps = [(step[0], step[1]) for step in nx.find_cycle(graph)]
        numbers = [n for n, edge in enumerate(dag.edges) if (edge.cause, edge.effect) in steps]
        written = " -> ".join([*(cause for cause, _ in steps), steps[0][0]])
        yield max(numbers), f"cycle {written}. Turn or remove one of these edges."
    elif nx.has_path(graph, dag.outcome, dag.exposure):
        path = " -> ".join(nx.shortest_path(graph, dag.outcome, dag.exposure))
        yield (
            "outcome",
            f"the outcome causes the exposure ({path}). Give the outcome's earlier state a "
            "concept of its own (state_of) and let that drive the exposure.",
        )


def _edge_faults(dag: Dag) -> Iterator[tuple[int, str]]:
    """Go through what is wrong with single edges."""
    seen: set[tuple[str, str]] = set()
    for number, edge in enumerate(dag.edges):
        for name in (edge.cause, edge.effect):
            if name not in dag.concepts:
                yield number, f"unknown concept '{name}'. {did_you_mean(name, dag.concepts)}"
        if (edge.cause, edge.effect) in seen:
            yield number, f"edge {edge} is given twice. Keep one of them."
        seen.add((edge.cause, edge.effect))
        if edge.disputed and not edge.primary_because:
            yield (
                number,
                f"edge {edge} is disputed, but nothing says why it is written this way round. "
                "Add primary_because.",
            )
        if edge.primary_because and not edge.disputed:
            yield number, f"edge {edge} has primary_because. Add disputed: true, or remove it."
    if len(dag.disputed) > MAX_DISPUTED:
        last = max(n for n, edge in enumerate(dag.edges) if edge.disputed)
        yield (
            last,
            f"{len(dag.disputed)} edges are disputed; at most {MAX_DISPUTED} can be judged in "
            "every orientation. Settle the others, or split the diagram.",
        )


def _quoted(name: str) -> str:
    """Quote a name that DAGitty would not read as one word."""
    return name if name.isidentifier() else json.dumps(name, ensure_ascii=False)


def _said(text: str) -> str:
    """Refuse an empty sentence."""
    if not text.strip():
        raise ValueError("write a sentence")
    return text.strip()


def _word(name: str) -> str:
    """Refuse a name that a codebook could not hold."""
    if not name.isidentifier():
        raise ValueError("write concept names as one word of letters, digits and underscores")
    return name


_Said = Annotated[str, AfterValidator(_said)]
_Word = Annotated[str, AfterValidator(_word)]
_Words = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda found: (found,) if isinstance(found, str) else found),
    Field(min_length=1),
]


class _ConceptLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    description: _Said
    state_of: str | None = None
    when: When | None = None
    latent: bool = False
    note: str = ""


class _EdgeLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    causes: _Words = Field(alias="from")
    effects: _Words = Field(alias="to")
    reason: _Said
    source: _Said
    disputed: bool = False
    primary_because: str = ""


class _DagFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: _Word
    exposure: str
    outcome: str
    concepts: dict[_Word, _ConceptLine]
    edges: list[_EdgeLine]


def _edges_of(line: _EdgeLine) -> Iterator[Edge]:
    """Write out an item of the file that stands for several edges."""
    for cause in line.causes:
        for effect in line.effects:
            yield Edge(
                cause, effect, line.reason, line.source, line.disputed, line.primary_because.strip()
            )


def _concept(line: _ConceptLine) -> Concept:
    """Turn a line of the file into a concept."""
    return Concept(line.description, line.state_of, line.when, line.latent, line.note)

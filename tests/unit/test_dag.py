"""Diagrams are read strictly, turned in every way, and recognised by their content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

from causal.dag import (
    MAX_DISPUTED,
    Dag,
    association_reason,
    digest,
    load_dag,
    orientations,
    reversing,
    to_dagitty,
    to_networkx,
)
from causal.errors import SpecError

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
NAMES = (
    "cohort", "first_interval", "simulated", "relapse", "facilitation_valid",
    "facilitation_violated", "linkage", "card_schooling", "nhefs_price",
    "nhefs_survival",
)  # fmt: skip

GOOD = """
name: small
exposure: mhg
outcome: outcome
concepts:
  mhg: {description: attendance}
  outcome: {description: use}
  severity: {description: severity}
  use_at_end: {description: use at the end, state_of: outcome, when: exposure_window}
edges:
  - {from: severity, to: [mhg, outcome], reason: it drives both, source: "Weiss 2000"}
  - {from: mhg, to: outcome, reason: the question, source: "McKellar 2003"}
  - from: mhg
    to: use_at_end
    reason: relapse stops attendance, or attendance stops use
    source: "Weiss 2005"
    disputed: true
    primary_because: this is how attendance would act
  - {from: use_at_end, to: outcome, reason: use persists, source: assumption}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "dag.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Dag:
    return load_dag(written(tmp_path, GOOD))


def test_lists_of_causes_and_effects_become_single_edges(small: Dag) -> None:
    assert [str(edge) for edge in small.edges] == [
        "severity -> mhg",
        "severity -> outcome",
        "mhg -> outcome",
        "mhg -> use_at_end",
        "use_at_end -> outcome",
    ]
    assert small.covariates == ("severity", "use_at_end")
    assert small.edges[1].source == "Weiss 2000"


@pytest.mark.parametrize(
    ("found", "instead", "line", "message"),
    [
        ("from: severity,", "from: severty,", 11, "unknown concept 'severty'. Did you mean 'seve"),
        ("exposure: mhg", "exposure: mgh", 3, "unknown concept 'mgh'"),
        ("state_of: outcome", "state_of: outcom", 9, "Did you mean 'outcome'"),
        (", source: assumption", "", 19, "missing key 'source'"),
        ("reason: use persists, ", "", 19, "missing key 'reason'"),
        ("reason: use persists", 'reason: " "', 19, "write a sentence"),
        ("    disputed: true\n", "", 13, "Add disputed: true, or remove it"),
        ("    primary_because: this is how attendance would act\n", "", 13, "primary_because"),
        ("from: use_at_end, to: outcome", "from: mhg, to: outcome", 19, "given twice"),
        ("from: use_at_end, to: outcome", "from: use_at_end, to: severity", 19, "cycle "),
        ("from: use_at_end, to: outcome", "from: outcome, to: mhg", 19, "cycle "),
        ("outcome: outcome\n", "outcome: mhg\n", 4, "also the exposure"),
        ("when: exposure_window", "when: sometime", 9, "exposure_window"),
        (
            "from: severity",
            "form: x, from: severity",
            11,
            "unknown key 'form'. Did you mean 'from'",
        ),
        ("  severity:", "  the severity:", 8, "one word of letters"),
    ],
)
def test_a_fault_is_refused_with_its_line(
    tmp_path: Path, found: str, instead: str, line: int, message: str
) -> None:
    assert GOOD.count(found) >= 1
    path = written(tmp_path, GOOD.replace(found, instead, 1))
    with pytest.raises(SpecError) as caught:
        load_dag(path)
    assert f"dag.yaml:{line}:" in str(caught.value)
    assert message in str(caught.value)


def test_a_cycle_is_named_node_by_node(tmp_path: Path) -> None:
    text = GOOD.replace("from: use_at_end, to: outcome", "from: use_at_end, to: severity")
    with pytest.raises(
        SpecError, match=r"mhg -> use_at_end -> severity -> mhg|severity -> mhg -> u"
    ):
        load_dag(written(tmp_path, text))


def test_an_outcome_that_causes_the_exposure_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("from: mhg, to: outcome", "from: outcome, to: mhg").replace(
        "    to: use_at_end", "    to: severity"
    )
    text = text.replace("from: severity, to: [mhg, outcome]", "from: severity, to: use_at_end")
    text = text.replace("from: use_at_end, to: outcome", "from: severity, to: [use_at_end]")
    text = text.replace("to: use_at_end, reason: it drives", "to: outcome, reason: it drives")
    text = text.replace("  - from: mhg\n    to: severity", "  - from: mhg\n    to: use_at_end")
    with pytest.raises(SpecError, match="the outcome causes the exposure"):
        load_dag(written(tmp_path, text))


def test_too_many_disputed_edges_are_refused(tmp_path: Path) -> None:
    concepts = "\n".join(f"  c{i}: {{description: x}}" for i in range(MAX_DISPUTED + 1))
    edges = "\n".join(
        f"  - {{from: c{i}, to: mhg, reason: r, source: s, disputed: true, primary_because: p}}"
        for i in range(MAX_DISPUTED + 1)
    )
    text = GOOD.replace("edges:\n", f"{concepts}\nedges:\n{edges}\n")
    with pytest.raises(SpecError, match=f"at most {MAX_DISPUTED}"):
        load_dag(written(tmp_path, text))


def test_every_acyclic_orientation_is_given_once_the_primary_first(small: Dag) -> None:
    ways = orientations(small)
    assert [way.turned for way in ways] == [(), ("use_at_end -> mhg",)]
    assert ways[0] == small
    assert all(nx.is_directed_acyclic_graph(to_networkx(way)) for way in ways)


def test_an_orientation_with_a_cycle_is_left_out(small: Dag) -> None:
    third = replace(small.edges[0], disputed=True, primary_because="order")
    edges = (third, *small.edges[1:])
    # severity -> mhg turned round makes mhg -> severity -> outcome: still no cycle, so four ways
    assert len(orientations(replace(small, edges=edges))) == 4
    # with use_at_end -> severity besides, turning mhg -> use_at_end alone closes a cycle
    back = replace(small.edges[0], cause="severity", effect="use_at_end")
    ways = orientations(replace(small, edges=(*edges, back)))
    assert [way.turned for way in ways] == [
        (),
        ("mhg -> severity",),
        ("use_at_end -> mhg",),
    ]


def test_the_digest_follows_assumptions_not_wording(small: Dag) -> None:
    reworded = replace(small.edges[0], reason="other words", source="another source")
    shuffled = replace(small, name="other", edges=(*small.edges[1:], reworded))
    assert digest(shuffled) == digest(small)
    assert digest(orientations(small)[1]) != digest(small)
    assert digest(replace(small, edges=small.edges[1:])) != digest(small)
    assert len(digest(small)) == 64


def test_dagitty_text_names_roles_and_edges(small: Dag) -> None:
    text = to_dagitty(small)
    assert text.startswith("dag {\n  mhg [exposure]\n  outcome [outcome]\n")
    assert "  mhg -> use_at_end\n" in text


def test_an_outcome_state_that_may_drive_exposure_makes_an_association(small: Dag) -> None:
    reason = association_reason(small)
    assert reason is not None
    assert "use_at_end, the outcome's own state inside the exposure window, may drive mhg" in reason
    assert "edge disputed: relapse stops attendance" in reason


def test_a_settled_edge_from_exposure_to_the_state_leaves_an_effect(small: Dag) -> None:
    settled = tuple(replace(edge, disputed=False, primary_because="") for edge in small.edges)
    assert association_reason(replace(small, edges=settled)) is None


def test_a_state_before_the_window_leaves_an_effect(small: Dag) -> None:
    early = replace(small.concepts["use_at_end"], when=None)
    assert (
        association_reason(replace(small, concepts={**small.concepts, "use_at_end": early})) is None
    )


def test_a_state_that_reaches_the_outcome_through_exposure_only_leaves_an_effect(
    small: Dag,
) -> None:
    edges = tuple(edge for edge in small.edges if str(edge) != "use_at_end -> outcome")
    assert association_reason(replace(small, edges=edges)) is None


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_diagrams_are_read(name: str) -> None:
    dag = load_dag(DAGS / f"{name}.yaml")
    assert dag.name == name
    assert {edge.cause for edge in dag.edges} | {edge.effect for edge in dag.edges} == set(
        dag.concepts
    )


def test_the_shipped_diagrams_say_where_only_an_association_is_to_be_had() -> None:
    reasons = {name: association_reason(load_dag(DAGS / f"{name}.yaml")) for name in NAMES}
    assert all(reasons[name] is None for name in ("simulated", *NAMES[4:]))
    assert "use_at_end" in str(reasons["cohort"])
    assert "may drive mhg (edge disputed: Relapse stops attendance" in str(
        reasons["first_interval"]
    )
    assert "drives mhg (assumed: Relapse stops attendance)" in str(reasons["relapse"])


def test_the_cohort_diagram_has_four_orientations() -> None:
    ways = orientations(load_dag(DAGS / "cohort.yaml"))
    assert [way.turned for way in ways] == [
        (),
        ("co_treatment -> mhg",),
        ("use_at_end -> mhg",),
        ("co_treatment -> mhg", "use_at_end -> mhg"),
    ]


def test_a_disputed_edge_can_be_turned_by_name(small: Dag) -> None:
    turned = reversing(small, ["mhg -> use_at_end"])
    assert turned.turned == ("use_at_end -> mhg",)
    assert reversing(small, []) == small


@pytest.mark.parametrize("edge", ["severity -> mhg", "mhg -> use_at_ende"])
def test_only_disputed_edges_can_be_turned(small: Dag, edge: str) -> None:
    with pytest.raises(SpecError, match="mhg -> use_at_end"):
        reversing(small, [edge])

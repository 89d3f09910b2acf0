"""DAGitty text becomes a diagram, or is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from causal.dag import load_dag, to_dagitty, to_networkx
from causal.dagitty import REASON, parse_dagitty, read_dagitty
from causal.errors import SpecError

DAGS = Path(__file__).parents[2] / "analyses" / "dags"


def edges(text: str) -> set[str]:
    return {str(edge) for edge in parse_dagitty(text, "test").edges}


def test_roles_latent_concepts_and_edges_are_read() -> None:
    dag = parse_dagitty("dag { x [exposure] y [outcome] u [latent] x -> y; u -> x u -> y }", "test")
    assert (dag.exposure, dag.outcome) == ("x", "y")
    assert [str(edge) for edge in dag.edges] == ["x -> y", "u -> x", "u -> y"]
    assert dag.concepts["u"].latent
    assert {edge.reason for edge in dag.edges} == {REASON}


def test_a_bidirected_edge_becomes_a_latent_common_cause() -> None:
    dag = parse_dagitty("dag { x [exposure] y [outcome] x -> y; x <-> y U_x_y -> y }", "test")
    assert dag.concepts["U_x_y_"].latent
    assert not dag.concepts["U_x_y"].latent
    assert {"U_x_y_ -> x", "U_x_y_ -> y"} <= {str(edge) for edge in dag.edges}


def test_layout_comments_and_quotes_are_understood() -> None:
    text = r"""dag "my graph" {
    bb="-2.5,-3,2,3"  // layout
    "days of \"use\"" [outcome,pos="0.1,-0.2"]
    A.1 [pos="1,2", exposure]  # dots are part of names
    /* two
       lines */
    A.1 -> "days of \"use\"" [beta=0.3]
    C -> {A.1 "days of \"use\""}
    }"""
    dag = parse_dagitty(text, "test")
    assert dag.outcome == 'days of "use"'
    assert {str(edge) for edge in dag.edges} == {
        'A.1 -> days of "use"',
        "C -> A.1",
        'C -> days of "use"',
    }


def test_chains_and_backward_arrows_are_read() -> None:
    assert edges("dag{x [e] y [o] x <- u -> y\nx->m->y}") == {
        "u -> x",
        "u -> y",
        "x -> m",
        "m -> y",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dag { x [exposure] y [outcome]\n x -- y }",
            "bad:2: found the edge '--', which has no dir",
        ),
        ("dag { x [exposure] y [outcome]\n x @-> y }", "'@->'"),
        ("pag { x -> y }", "found 'pag'"),
        ("dag { x [exposure] x -> y }", r"no concept is marked \[outcome\]"),
        (
            "dag { x [exposure] z [exposure] y [outcome] x -> y }",
            r"x and z are marked \[exposure\]",
        ),
        ("dag { x [exposure] y [outcome]\n x -> a -> x }", "bad:2: cycle"),
        ("dag { x [exposure] y [outcome] x -> y\n x -> y }", "bad:2: edge x -> y is given twice"),
        ("dag { x [exposure] y [outcome]\n x -> }", "bad:2: found '}'. Expected the name"),
        ("dag { x [exposure] y [outcome] x -> y", "ends where"),
        ("dag { x [exposure", "ends where"),
        ("", "ends where the word dag was expected"),
        ("dag { x -> y } z", "after the closing bracket"),
        ("dag { x ? y }", r"found '\?'"),
        ("dag { y -> x x [exposure] y [outcome] }", "the outcome causes the exposure"),
    ],
)
def test_what_is_no_directed_diagram_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_dagitty(text, "test", file="bad")


@pytest.mark.parametrize("name", ["cohort", "simulated"])
def test_a_shipped_diagram_survives_the_way_to_dagitty_and_back(tmp_path: Path, name: str) -> None:
    dag = load_dag(DAGS / f"{name}.yaml")
    path = tmp_path / "back.txt"
    path.write_text(to_dagitty(dag), encoding="utf-8")
    back = read_dagitty(path)
    assert back.name == "back"
    assert set(to_networkx(back).edges) == set(to_networkx(dag).edges)
    assert list(back.concepts) == list(dag.concepts)
    assert [n for n, c in back.concepts.items() if c.latent] == [
        n for n, c in dag.concepts.items() if c.latent
    ]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_dagitty(tmp_path / "none.txt")

"""What a diagram implies among measured concepts, and what of it cannot be tested."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from causal.dag import Concept, Dag, Edge, load_dag, orientations, to_networkx
from causal.errors import SpecError
from causal.implications import imply, measured_as
from causal.registry import describe

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
GRAPHS = 60
MANY = 30


def diagram(edges: str, disputed: str = "") -> Dag:
    pairs = [pair.split(">") for pair in edges.split()]
    names = dict.fromkeys(["x", "y", *(name for pair in pairs for name in pair)])
    argued = [tuple(pair.split(">")) for pair in disputed.split()]
    return Dag(
        "test",
        "x",
        "y",
        {name: Concept("c") for name in names},
        tuple(Edge(a, b, "r", "s", disputed=(a, b) in argued) for a, b in pairs),
    )


def said(dag, direct, proxied=(), **settings):
    found = imply(dag, direct.split(), proxied, **{"max_given": MANY} | settings)
    return {str(one) for one in found.tested}, found


def test_a_chain_is_separated_by_its_middle_and_a_collider_by_nothing():
    assert said(diagram("x>m m>y"), "x m y")[0] == {"x ⟂ y | m"}
    assert said(diagram("x>m y>m"), "x m y")[0] == {"x ⟂ y"}


def test_an_unmeasured_separator_makes_a_missing_edge_untestable():
    implied, found = said(diagram("u>x u>z x>y"), "x y z")
    assert implied == {"y ⟂ z | x"}
    assert found.inseparable == (("x", "z"),)
    assert found.unmeasured == ("u",)
    assert found.unmeasured_pairs == 1
    assert found.untestable == 2
    assert "1 cannot, because an end is not measured (u)." in found.sentences


def test_a_proxy_can_be_an_end_but_never_separates():
    dag = diagram("m>x m>z x>y")
    assert said(dag, "x y z", ("m",))[0] == {"y ⟂ z | x", "y ⟂ m | x"}
    assert "x ⟂ z | m" in said(dag, "x y z m")[0]


def test_an_independence_must_hold_whichever_way_disputed_edges_point():
    chain = "x>y a>b b>c"
    assert "a ⟂ c | b" in said(diagram(chain), "x y a b c")[0]
    assert "a ⟂ c | b" in said(diagram(chain, "a>b"), "x y a b c")[0]  # a fork serves as well
    collider, found = said(diagram(chain, "b>c"), "x y a b c")
    assert not {one for one in collider if one.startswith("a ⟂ c")}
    assert ("a", "c") in found.inseparable
    assert "all 2 orientations" in found.sentences[-1]


def test_what_rows_were_selected_by_is_held_fixed():
    dag = diagram("x>y x>s z>s")
    assert "x ⟂ z" in said(dag, "x y z")[0]
    implied, found = said(dag, "x y z", selected=("s",))
    assert implied == {"y ⟂ z | x"}
    assert found.inseparable == (("x", "z"),)
    assert found.unmeasured == ()


def test_large_separating_sets_are_left_out_and_counted():
    dag = diagram(" ".join(f"x>m{i} m{i}>y" for i in range(4)))
    assert "x ⟂ y | m0, m1, m2, m3" in said(dag, "x y m0 m1 m2 m3", max_given=4)[0]
    assert said(dag, "x y m0 m1 m2 m3", max_given=3)[1].too_large == (("x", "y"),)


def test_on_random_diagrams_what_is_said_is_implied_and_missing_edges_are_all_accounted_for():
    rng = np.random.default_rng(11)
    tested = 0
    for _ in range(GRAPHS):
        names = ["x", *(f"v{i}" for i in range(5)), "y"]
        pairs = [f"{a}>{b}" for a, b in combinations(names, 2) if rng.random() < 0.4]
        argued = " ".join(pair for pair in pairs if rng.random() < 0.15)
        dag = diagram(" ".join(pairs) or "x>y", argued)
        direct = ["x", "y", *(n for n in dag.covariates if rng.random() < 0.7)]
        found = imply(dag, direct, max_given=MANY)
        for one in found.tested:
            assert set(one.given) <= set(direct)
            for way in orientations(dag):
                graph = to_networkx(way)
                assert nx.is_d_separator(graph, {one.one}, {one.other}, set(one.given))
        missing = len(list(combinations(dag.concepts, 2))) - len(dag.edges)
        assert len(found.tested) + found.untestable == missing
        tested += len(found.tested)
    assert tested > GRAPHS


def test_concepts_are_measured_at_their_own_time():
    dag, codebook = load_dag(DAGS / "cohort.yaml"), describe("help_cohort").codebook
    columns, proxied = measured_as(dag, codebook)
    assert proxied == {"motivation"}
    assert {one.column for one in columns["use_at_end"]} == {"drug_use"}
    assert {one.when for one in columns["co_treatment"]} == {"end"}
    assert {one.when for one in columns["prior_use"]} == {"start"}
    assert not {"religiosity", "interviewed", "mhg", "outcome"} & columns.keys()


def test_columns_may_be_named_and_unknown_ones_are_refused():
    dag, codebook = load_dag(DAGS / "simulated.yaml"), describe("simulated").codebook
    assert measured_as(dag, codebook)[1] == {"motivation", "severity"}
    named = {"motivation": ("true_motivation",), "severity": ("true_severity",)}
    assert measured_as(dag, codebook, named)[1] == frozenset()
    with pytest.raises(SpecError, match="'female' does not measure 'motivation'"):
        measured_as(dag, codebook, {"motivation": ("female",)})

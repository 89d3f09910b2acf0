"""A missing edge is found, a right diagram passes, and too little data say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.dag import Concept, Dag, Edge
from causal.findings import Number
from causal.implications import imply
from causal.refuters import Auxiliary, GraphFalsification
from causal.refuters.base import Examined
from causal.refuters.graph_falsification import share_as_good
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences

TRUTH = "s>x s>y d>s d>n n>y p>x x>m m>y"
NAMES = ("x", "y", "s", "d", "n", "p", "m")


def world(
    n: int, edges: str = TRUTH, *, seed: int = 2, proxied: str = "", strength: float = 0.7
) -> ImpliedIndependences:
    """Draw from ``TRUTH``, and say what the diagram with these edges implies."""
    rng = np.random.default_rng(seed)
    v: dict[str, np.ndarray] = {}
    for name in ("d", "p", "s", "n", "x", "m", "y"):
        parents = [pair[0] for pair in TRUTH.split() if pair.endswith(f">{name}")]
        v[name] = rng.normal(size=n) + sum((strength * v[one] for one in parents), np.zeros(n))
    dag = Dag(
        "test",
        "x",
        "y",
        {name: Concept("c") for name in NAMES},
        tuple(Edge(*pair.split(">"), "r", "s") for pair in edges.split()),
    )
    found = imply(dag, [name for name in NAMES if name not in proxied], proxied, max_given=8)
    return ImpliedIndependences(
        concepts=tuple(ConceptColumns(k, v[k][:, None], (f"{k}_score",), (False,)) for k in NAMES),
        always=np.empty((n, 0)),
        w=np.ones(n),
        cluster=None,
        implied=tuple(Implied(one.one, one.other, one.given) for one in found.tested),
        proxied=frozenset(proxied),
        untestable=found.untestable,
        sentences=found.sentences,
        edges=tuple((edge.cause, edge.effect) for edge in dag.edges),
    )


def falsify(data: ImpliedIndependences | None, seed: int = 0, **settings: object):
    rung = Examined(
        rung="full",
        estimator=None,
        sample=None,
        shared=None,
        estimates=None,
        value=0.0,
        std_error=1.0,
        scale="risk_difference",
        rng=np.random.default_rng(seed),
        auxiliary=Auxiliary(implications=data),
    )
    return GraphFalsification(**settings).examine(rung)


def number(found, label: str, name: str) -> Number:
    return next(row for row in found.rows if row.label == label).number(name)


def test_the_right_diagram_passes_and_is_better_than_its_relabellings():
    found = falsify(world(800))
    assert found.verdict == "PASS", found.reason
    assert number(found, "missing edges", "contradicted") == 0
    assert number(found, "missing edges", "share_of_relabelled_as_good") <= 0.05
    assert "contradict none of" in found.reason


def test_an_edge_missing_from_the_diagram_is_found_and_named():
    found = falsify(world(800, TRUTH.replace("d>n ", "")))
    assert found.verdict == "FAIL", found.reason
    assert found.p_value < 0.05
    worst = next(row for row in found.rows if row.label == "contradicted")
    assert worst.subject.startswith("d ⟂ n")
    assert worst.number("partial_correlation") == found.mean > 0.4
    assert found.interval[0] > 0
    assert "strongest between d_score and n_score" in worst.note


def test_an_arrow_turned_into_a_collider_is_found():
    found = falsify(world(800, TRUTH.replace("d>s d>n", "s>d n>d")))
    assert found.verdict == "FAIL", found.reason


def test_an_edge_too_many_cannot_be_seen():
    found = falsify(world(800, TRUTH + " p>y"))
    assert found.verdict == "PASS", found.reason
    assert "an edge too many" in found.cannot_see


def test_few_rows_cannot_tell_the_diagram_from_a_relabelled_one():
    found = falsify(world(60, strength=0.2))
    assert found.verdict == "NOT_RESOLVABLE", found.reason
    assert "does not clearly fit better" in found.reason
    assert found.power.detectable > 0.4


def test_without_a_testable_implication_it_is_not_evaluated():
    bare = replace(world(100), implied=(), sentences=("Nothing is measured.",))
    assert "implies nothing testable here. Nothing is measured." in falsify(bare).reason
    tiny = falsify(world(12))
    assert tiny.verdict == "NOT_EVALUATED"
    assert "12 independent units" in tiny.reason
    assert falsify(None).verdict == "NOT_EVALUATED"


def test_every_implication_stands_in_the_table_the_strongest_contradiction_first():
    data = world(800, TRUTH.replace("d>n ", ""))
    found = falsify(data)
    listed = [row for row in found.rows if row.label in ("contradicted", "not contradicted")]
    assert {row.subject for row in listed} == {str(one) for one in data.implied}
    p_values = [row.number("adjusted_p") for row in listed]
    assert p_values == sorted(p_values)
    assert number(found, "missing edges", "not_testable") == data.untestable


def test_a_stricter_control_contradicts_no_more():
    data = world(300, TRUTH.replace("n>y", "n>p"), seed=9)
    counts = [
        number(falsify(data, control=control), "missing edges", "contradicted")
        for control in ("benjamini_yekutieli", "benjamini_hochberg")
    ]
    assert 0 < counts[0] <= counts[1]


def test_names_are_exchanged_within_direct_and_within_proxied_concepts():
    """With proxies alone at the ends nothing but the two proxies can change places."""
    data = world(400, proxied="sn")
    ends = replace(data, implied=(Implied("s", "n", ("d",)),))
    shares = {share_as_good(ends, 40, np.random.default_rng(k), squares=True) for k in range(3)}
    given = {share_as_good(replace(data, implied=(Implied("s", "n", ()),)), 40,
                           np.random.default_rng(k), squares=True) for k in range(3)}  # fmt: skip
    assert given == {1.0}  # s and n trade places: the same pair again
    assert shares != {1.0}  # while what is held fixed becomes another concept


def test_the_same_stream_gives_the_same_share_and_another_need_not():
    data = world(60, strength=0.2)
    shares = [share_as_good(data, 30, np.random.default_rng(k), squares=True) for k in (1, 1, 2, 3)]
    assert shares[0] == shares[1]
    assert len(set(shares)) > 1


def test_dowhy_agrees_where_the_answer_is_plain():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = falsify(world(500), second_opinion=True, permutations=100)
    assert "DoWhy finds" in found.reason
    assert "it agrees" in found.reason
    assert number(found, "DoWhy", "tests") > 5
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_dowhy_is_not_asked_without_complete_rows():
    data = world(100)
    holed = [replace(one, values=one.values.copy()) for one in data.concepts]
    for start, one in enumerate(holed):
        one.values[start :: len(holed)] = np.nan
    found = falsify(replace(data, concepts=tuple(holed)), second_opinion=True, permutations=20)
    assert "DoWhy was not asked: 0 rows are complete" in found.reason


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 20"):
        GraphFalsification(permutations=5)
    with pytest.raises(ValidationError, match="benjamini_yekutieli"):
        GraphFalsification(control="bonferroni")

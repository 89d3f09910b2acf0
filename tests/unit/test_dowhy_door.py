"""DoWhy and the own search agree on whether a back-door set exists."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from causal.dag import Concept, Dag, Edge
from causal.dowhy_door import MAX_CONCEPTS, dowhy_agrees
from causal.errors import SpecError

GRAPHS = 70


def diagram(edges: str, exposure: str = "x", outcome: str = "y") -> Dag:
    pairs = [pair.split(">") for pair in edges.split()]
    names = dict.fromkeys([exposure, outcome, *(name for pair in pairs for name in pair)])
    return Dag(
        "test",
        exposure,
        outcome,
        {name: Concept("c") for name in names},
        tuple(Edge(a, b, "r", "s") for a, b in pairs),
    )


def test_measured_confounders_are_a_back_door_set_for_both() -> None:
    dag = diagram("s>x s>y m>x m>y z>x x>y")
    both = dowhy_agrees(dag, {"s", "m", "z"}, "x", "y")
    assert both.verdict == "PASS"
    assert both.identified
    assert both.own == ("m", "s")
    assert both.dowhy == ("m", "s")
    assert both.reason.startswith("our identification and DoWhy's both find that a back-door set")


def test_without_a_confounder_neither_finds_a_set() -> None:
    both = dowhy_agrees(diagram("s>x s>y m>x m>y z>x x>y"), {"s", "z"}, "x", "y")
    assert both.verdict == "PASS"
    assert not both.identified


def test_random_diagrams_agree() -> None:
    rng, outcomes = np.random.default_rng(20), []
    while len(outcomes) < GRAPHS:
        size = int(rng.integers(5, 8))
        names = [f"v{number}" for number in rng.permutation(size)]
        pairs = [
            f"{names[i]}>{names[j]}"
            for i in range(size)
            for j in range(i + 1, size)
            if rng.random() < 0.45
        ]
        first, second = sorted(rng.choice(size, 2, replace=False))
        dag = diagram(" ".join(pairs), names[first], names[second])
        observed = {name for name in dag.covariates if rng.random() < 0.7}
        both = dowhy_agrees(dag, observed)
        if both.verdict == "PASS":
            outcomes.append(both.identified)
    assert 10 < sum(outcomes) < GRAPHS - 10


def test_nothing_is_printed_or_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        dowhy_agrees(diagram("s>x s>y x>y"), {"s"}, "x", "y")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert logging.root.manager.disable == logging.NOTSET


def test_large_diagrams_are_not_asked_about() -> None:
    edges = " ".join(f"c{i}>x c{i}>y" for i in range(MAX_CONCEPTS)) + " x>y"
    answer = dowhy_agrees(diagram(edges), set(), "x", "y")
    assert answer.verdict == "NOT_EVALUATED"
    assert f"{MAX_CONCEPTS + 2} concepts" in answer.reason


def test_a_diagram_without_causal_path_is_not_asked_about() -> None:
    answer = dowhy_agrees(diagram("c>x c>y"), {"c"}, "x", "y")
    assert answer.verdict == "NOT_EVALUATED"
    assert "no causal path" in answer.reason


def test_an_unknown_concept_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown concept 'q'"):
        dowhy_agrees(diagram("c>x c>y x>y"), {"q"}, "x", "y")

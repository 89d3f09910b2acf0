"""The diagram decides which concepts may be negative control outcomes."""

from __future__ import annotations

import pytest

from causal.controls import control_fault
from causal.dag import Concept, Dag, Edge
from causal.errors import SpecError


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


def test_a_concept_that_shares_a_cause_only_is_a_control():
    assert control_fault(diagram("u>x u>y u>pain x>y"), "pain") is None


@pytest.mark.parametrize(
    ("edges", "disputed", "reason"),
    [
        ("u>x u>y x>pain x>y", "", "may follow from x"),
        ("u>x u>y x>m m>pain x>y", "", "may follow from x"),
        ("u>x u>y pain>x x>y", "", "may cause x"),
        ("u>x u>y pain>m m>x x>y", "", "may cause x"),
        ("u>x u>y v>pain x>y", "", "shares no cause"),
        ("u>x u>y pain>u x>y", "", "may cause x"),
        ("u>x u>y u>pain m>pain m>x x>y", "m>x", "may follow from x"),
    ],
)
def test_others_are_refused_with_the_reason(edges, disputed, reason):
    assert reason in control_fault(diagram(edges, disputed), "pain")


@pytest.mark.parametrize("concept", ["x", "y"])
def test_exposure_and_outcome_are_no_controls(concept):
    assert "itself" in control_fault(diagram("u>x u>y x>y"), concept)


def test_an_unknown_concept_is_refused_with_the_choices():
    with pytest.raises(SpecError, match=r"no concept 'pian'. Did you mean 'pain'"):
        control_fault(diagram("u>x u>pain x>y"), "pian")

"""The diagram decides which concepts may be negative controls, and names the path that forbids."""

from __future__ import annotations

import pytest

from causal.controls import control_fault, directed_path, exposure_control_fault
from causal.dag import Concept, Dag, Edge, to_networkx
from causal.errors import SpecError


def diagram(edges: str, disputed: str = "", states: str = "", earlier: str = "") -> Dag:
    """Give a diagram; ``states`` are the outcome's inside the window, ``earlier`` before it."""
    pairs = [pair.split(">") for pair in edges.split()]
    names = dict.fromkeys(["x", "y", *(name for pair in pairs for name in pair)])
    argued = [tuple(pair.split(">")) for pair in disputed.split()]
    return Dag(
        "test",
        "x",
        "y",
        {
            name: Concept(
                "c",
                state_of="y" if name in states.split() + earlier.split() else None,
                when="exposure_window" if name in states.split() else None,
            )
            for name in names
        },
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


@pytest.mark.parametrize(
    ("edges", "disputed", "path"),
    [
        ("u>x u>y x>m m>pain x>y", "", "pain may follow from x: x -> m -> pain,"),
        ("u>x u>y pain>m m>x x>y", "", "pain may cause x: pain -> m -> x,"),
        ("u>x u>y u>pain m>pain m>x x>y", "m>x", "x -> m -> pain"),
    ],
)
def test_the_refusal_names_the_path(edges, disputed, path):
    assert path in control_fault(diagram(edges, disputed), "pain")


def test_a_shortest_path_is_written():
    graph = to_networkx(diagram("x>m m>n n>y m>y"))
    assert directed_path(graph, "x", "y") == "x -> m -> y"
    assert directed_path(graph, "y", "x") == ""
    assert directed_path(graph, "x", "x") == ""
    with pytest.raises(SpecError, match="no concept 'z'"):
        directed_path(graph, "x", "z")


@pytest.mark.parametrize(
    "edges",
    ["u>x u>y u>church x>y", "u>x u>y u>church x>church x>y"],
    ids=["shares a cause", "follows from exposure, which is held"],
)
def test_a_concept_that_shares_a_cause_with_the_outcome_is_an_exposure_control(edges):
    assert exposure_control_fault(diagram(edges), "church") is None


def test_what_follows_from_a_state_before_exposure_may_be_an_exposure_control():
    dag = diagram("y0>x y0>y y0>church x>y", earlier="y0")
    assert exposure_control_fault(dag, "church") is None


@pytest.mark.parametrize(
    ("edges", "disputed", "reason"),
    [
        ("u>x u>y u>church x>y s>y s>church", "", "may follow from s: s -> church,"),
        ("u>x u>y u>church x>y s>y s>m m>church", "", "s -> m -> church"),
        ("u>x u>y u>church x>y s>y church>s", "church>s", "may follow from s"),
        ("u>x u>y u>church x>y y>church", "", "may follow from y: y -> church,"),
        ("u>x u>y u>church x>y church>y", "", "may cause y: church -> y,"),
        ("u>x u>y u>church x>y church>x", "", "may cause y: church -> x -> y,"),
        ("u>x u>y u>church x>y x>church", "x>church", "church -> x -> y"),
        ("u>x u>y x>y x>church", "", "shares no cause with y besides x"),
        ("u>x u>y x>y v>church", "", "shares no cause with y"),
        ("u>x u>y x>y u>m m>church", "m>church", "besides x once church -> m is assumed"),
    ],
)
def test_other_exposures_are_refused_with_the_path(edges, disputed, reason):
    assert reason in exposure_control_fault(diagram(edges, disputed, states="s"), "church")


@pytest.mark.parametrize("concept", ["x", "y"])
def test_exposure_and_outcome_are_no_exposure_controls(concept):
    assert "itself" in exposure_control_fault(diagram("u>x u>y x>y"), concept)


def test_a_state_inside_the_window_is_no_exposure_control():
    fault = exposure_control_fault(diagram("s>y u>s u>y x>y", states="s"), "s")
    assert "inside the exposure window" in fault


def test_an_unknown_exposure_control_is_refused_with_the_choices():
    with pytest.raises(SpecError, match=r"no concept 'chruch'. Did you mean 'church'"):
        exposure_control_fault(diagram("u>x u>church x>y"), "chruch")

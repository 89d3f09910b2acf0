"""Instruments agree with trying every set on small diagrams; refusals name what spoils them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from causal.codebook import Codebook
from causal.dag import Concept, Dag, Edge, load_dag, to_networkx
from causal.identify import Availability, availability
from causal.instruments import (
    Instrument,
    NoInstrument,
    conditional_instruments,
    find_instrument,
    judge_instrument,
)
from causal.registry import describe

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
M, U = Availability.MEASURED, Availability.UNMEASURED


def diagram(*edges: str) -> Dag:
    """Make a diagram for x and y of edges such as ``z > x``."""
    ends = [tuple(edge.split(" > ")) for edge in edges]
    names = dict.fromkeys(["x", "y", *(name for pair in ends for name in pair)])
    made = tuple(Edge(a, b, "reason", "source") for a, b in ends)
    return Dag("small", "x", "y", {name: Concept("c") for name in names}, made)


def everything(dag: Dag, *unmeasured: str) -> dict[str, Availability]:
    return {name: U if name in unmeasured else M for name in dag.covariates}


def shipped(name: str) -> Dag:
    return load_dag(DAGS / f"{name}.yaml")


def codebook(name: str) -> Codebook:
    return describe(name).codebook


# Random diagrams, against every set of measured concepts that exposure does not move


def random_dags(seed: int, count: int) -> Iterator[tuple[Dag, dict[str, Availability]]]:
    rng = np.random.default_rng(seed)
    for number in range(count):
        size = (4, 5, 6)[number % 3]
        density = rng.uniform(0.25, 0.7)
        order = [f"v{one}" for one in rng.permutation(size)]
        edges = tuple(
            Edge(one, other, "r", "s")
            for one, other in combinations(order, 2)
            if rng.random() < density
        )
        first, second = sorted(rng.choice(size, 2, replace=False))
        concepts = {name: Concept("c") for name in order}
        dag = Dag("random", order[first], order[second], concepts, edges)
        yield dag, {name: M if rng.random() < 0.75 else U for name in dag.covariates}


def subsets(names: Collection[str]) -> Iterator[frozenset[str]]:
    ordered = sorted(names)
    for size in range(len(ordered) + 1):
        yield from (frozenset(some) for some in combinations(ordered, size))


def working_sets(dag: Dag, concept: str, have: dict[str, Availability]) -> list[frozenset[str]]:
    """Try every set: dependence on exposure, none on the outcome once its effects are cut."""
    graph = to_networkx(dag)
    after = nx.descendants(graph, dag.exposure)
    if concept in after:
        return []
    cut = graph.copy()
    cut.remove_edges_from(list(graph.out_edges(dag.exposure)))
    pool = {name for name in have if have[name] is M} - after - {concept}
    return [
        some
        for some in subsets(pool)
        if nx.is_d_separator(cut, {concept}, {dag.outcome}, set(some))
        and not nx.is_d_separator(graph, {concept}, {dag.exposure}, set(some))
    ]


def test_no_instrument_is_false_and_none_is_missed_that_the_rule_allows() -> None:
    counts = dict.fromkeys(("alone", "given others", "moved", "colliders only", "none"), 0)
    for dag, have in random_dags(seed=21, count=3000):
        graph = to_networkx(dag)
        for concept in (name for name in dag.covariates if have[name] is M):
            found = find_instrument(dag, concept, have)
            works = working_sets(dag, concept, have)
            before = nx.ancestors(graph, concept) | nx.ancestors(graph, dag.outcome)
            ancestral = [some for some in works if some <= before]
            moved = nx.descendants(graph, concept)
            if isinstance(found, Instrument):
                assert frozenset(found.given) in works
                assert not moved.intersection(found.given)
                counts["given others" if found.given else "alone"] += 1
                continue
            assert not any(some.isdisjoint(moved) for some in ancestral)
            said = f"but {concept} itself moves" in found.reason
            assert said == bool(ancestral)
            kind = "moved" if ancestral else "colliders only" if works else "none"
            counts[kind] += 1
    assert counts["alone"] > 200
    assert counts["given others"] > 50
    assert counts["moved"] > 50
    assert counts["none"] > 1000
    # What is left out: sets that make the concept bear on exposure by opening a collider.
    assert counts["colliders only"] < 20


def test_where_any_set_makes_an_instrument_one_is_found_or_named_as_moved() -> None:
    possible = 0
    for dag, have in random_dags(seed=22, count=1500):
        measured = [name for name in dag.covariates if have[name] is M]
        if any(working_sets(dag, name, have) for name in measured):
            answers = [find_instrument(dag, name, have) for name in measured]
            assert any(
                isinstance(one, Instrument) or "itself moves" in one.reason for one in answers
            )
            possible += 1
    assert possible > 150


def test_a_set_is_judged_as_by_definition() -> None:
    rng, valid = np.random.default_rng(23), 0
    for dag, have in random_dags(seed=24, count=600):
        graph = to_networkx(dag)
        for concept in dag.covariates:
            works = working_sets(dag, concept, {name: M for name in have})
            others = [name for name in dag.covariates if name != concept]
            given = [name for name in others if rng.random() < 0.4]
            verdict = judge_instrument(dag, concept, given)
            late = nx.descendants(graph, concept) | nx.descendants(graph, dag.exposure)
            expected = frozenset(given) in works and not late.intersection(given)
            assert isinstance(verdict, Instrument) == expected
            valid += expected
    assert valid > 50


def test_the_consequences_an_instrument_must_not_meet_are_named() -> None:
    named = 0
    for dag, have in random_dags(seed=25, count=1000):
        graph = to_networkx(dag)
        for one in conditional_instruments(dag, have):
            for name in one.only_before:
                assert name in nx.descendants(graph, dag.exposure)
                assert dag.outcome not in nx.descendants(graph, name)
                assert name in one.reason
                refused = judge_instrument(dag, one.concept, [*one.given, name])
                assert isinstance(refused, NoInstrument)
                assert f"valid only before conditioning on {name}" in refused.reason
                named += 1
    assert named > 15


# What refusals say


def test_a_causal_path_around_exposure_is_named_before_any_other() -> None:
    dag = diagram("z > x", "x > y", "c > z", "c > y", "z > m", "m > k", "k > y", "u > x", "u > y")
    refused = find_instrument(dag, "z", everything(dag, "u", "m", "k"))
    assert isinstance(refused, NoInstrument)
    assert refused.path == ("z", "m", "k", "y")
    assert refused.reason.startswith("invalid: z → m → k → y is a causal path")


def test_a_path_that_is_not_causal_is_shown_as_it_runs() -> None:
    dag = diagram("z > x", "x > y", "c > z", "c > y")
    refused = find_instrument(dag, "z", everything(dag, "c"))
    assert isinstance(refused, NoInstrument)
    assert refused.path == ()
    assert "z ← c → y" in refused.reason
    assert find_instrument(dag, "z", everything(dag)) == judge_instrument(dag, "z", ["c"])


def test_conditioning_on_one_of_two_causal_paths_names_the_other() -> None:
    dag = diagram("z > x", "x > y", "z > m", "m > y", "z > k", "k > l", "l > y")
    refused = judge_instrument(dag, "z", ["l"])
    assert isinstance(refused, NoInstrument)
    assert refused.path == ("z", "m", "y")


def test_what_the_instrument_moves_is_no_way_out_and_the_refusal_says_so() -> None:
    dag = diagram("z > x", "x > y", "z > m", "m > y", "u > x", "u > y")
    refused = find_instrument(dag, "z", everything(dag, "u"))
    assert isinstance(refused, NoInstrument)
    assert "invalid: z → m → y" in refused.reason
    assert "Conditioning on m would close it, but z itself moves m" in refused.reason
    unmeasured = find_instrument(dag, "z", everything(dag, "u", "m"))
    assert "would close it" not in unmeasured.reason


def test_a_mediator_of_exposure_is_no_reason_to_call_it_a_matter_of_follow_up() -> None:
    dag = diagram("z > x", "x > m", "m > y", "x > y", "u > x", "u > y", "y > seen")
    found = judge_instrument(dag, "z")
    assert isinstance(found, Instrument)
    assert found.only_before == ("seen",)
    assert found.reason.endswith("Valid only before conditioning on seen.")


def test_follow_up_by_outcome_spoils_an_instrument_even_without_a_common_cause() -> None:
    found = judge_instrument(diagram("z > x", "x > y", "y > seen"), "z")
    assert isinstance(found, Instrument)
    assert found.only_before == ("seen",)


def test_a_consequence_that_opens_nothing_is_not_warned_of() -> None:
    dag = diagram("z > x", "x > y", "x > side")
    found = judge_instrument(dag, "z")
    assert isinstance(found, Instrument)
    assert found.only_before == ()


# The shipped diagrams


def test_facilitation_is_valid_only_before_conditioning_on_follow_up() -> None:
    dag = shipped("facilitation_valid")
    have = availability(codebook("simulated"), dag)
    found = conditional_instruments(dag, have)
    assert [(one.concept, one.given, one.only_before) for one in found] == [
        ("facilitation", (), ("followed",))
    ]
    refused = judge_instrument(dag, "facilitation", ["followed"])
    assert "valid only before conditioning on followed" in refused.reason
    assert isinstance(judge_instrument(dag, "facilitation", ["involvement"]), NoInstrument)
    assert isinstance(judge_instrument(dag, "facilitation", ["prior_mhg", "site"]), Instrument)


@pytest.mark.parametrize("given", [(), ("followed",), ("severity", "site"), ("involvement",)])
def test_facilitation_is_never_valid_where_the_counsellor_acts(given: tuple[str, ...]) -> None:
    dag = shipped("facilitation_violated")
    assert isinstance(judge_instrument(dag, "facilitation", given), NoInstrument)
    for have in (everything(dag), availability(codebook("simulated"), dag)):
        refused = find_instrument(dag, "facilitation", have)
        assert isinstance(refused, NoInstrument)
        assert refused.path == ("facilitation", "counsellor_contact", "outcome")
        assert "invalid: facilitation → counsellor_contact → outcome" in refused.reason


def test_the_two_facilitation_diagrams_differ_by_one_path() -> None:
    one, other = shipped("facilitation_valid"), shipped("facilitation_violated")
    assert set(map(str, other.edges)) - set(map(str, one.edges)) == {
        "facilitation -> counsellor_contact",
        "counsellor_contact -> outcome",
    }
    assert set(map(str, one.edges)) < set(map(str, other.edges))


@pytest.mark.parametrize("name", ["cohort", "first_interval"])
def test_the_randomised_clinic_is_no_instrument_for_meetings(name: str) -> None:
    dag = shipped(name)
    refused = find_instrument(dag, "group", availability(codebook("help_cohort"), dag))
    assert isinstance(refused, NoInstrument)
    assert refused.path == ("group", "linkage", "outcome")
    assert "independent of mhg" in refused.reason


def test_the_randomised_clinic_is_an_instrument_for_linkage() -> None:
    dag = shipped("linkage")
    found = conditional_instruments(dag, availability(codebook("help_cohort"), dag))
    assert [(one.concept, one.given, one.only_before) for one in found] == [
        ("group", (), ("interviewed",))
    ]


def test_colleges_nearby_are_instruments_given_the_place_only() -> None:
    dag = shipped("card_schooling")
    found = conditional_instruments(dag, availability(codebook("card_schooling"), dag))
    assert {one.concept: one.given for one in found} == {
        "college_nearby": ("place",),
        "two_year_college": ("place",),
    }
    alone = judge_instrument(dag, "college_nearby")
    assert "college_nearby ← place → log_wage" in alone.reason
    published = judge_instrument(dag, "college_nearby", ["age", "race", "place", "experience"])
    assert "valid only before conditioning on experience" in published.reason


def test_the_price_of_cigarettes_is_an_instrument_by_its_diagram() -> None:
    dag = shipped("nhefs_price")
    found = conditional_instruments(dag, availability(codebook("nhefs"), dag))
    assert [(one.concept, one.given) for one in found] == [("cigarette_price", ())]

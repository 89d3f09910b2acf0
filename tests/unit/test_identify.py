"""Identification agrees with exhaustive search on small diagrams, and with published ones."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations, pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from causal.codebook import read_codebook
from causal.dag import Concept, Dag, Edge, load_dag, orientations, to_networkx
from causal.errors import IdentificationError, SpecError
from causal.identify import Availability, adjustment_set, availability, judge
from causal.instruments import (
    Instrument,
    NoInstrument,
    conditional_instruments,
    find_instrument,
    judge_instrument,
)
from causal.separation import cheapest, criterion, open_path, separated

HERE = Path(__file__).parent
DAGS = HERE.parents[1] / "analyses" / "dags"
PUBLISHED: dict[str, list[list[str]]] = json.loads((HERE / "dags.json").read_text())
SECONDS = 1.0  # a diagram of 60 concepts takes about 0.1 s; exponential search would not end
M, P, A, U = Availability  # measured, proxy, after exposure, unmeasured


# The exhaustive reference: every simple path and every subset, on small diagrams only.


def subsets(names: Collection[str]) -> Iterator[frozenset[str]]:
    ordered = sorted(names)
    for size in range(len(ordered) + 1):
        yield from (frozenset(some) for some in combinations(ordered, size))


def path_is_open(graph: nx.DiGraph[str], path: list[str], given: Collection[str]) -> bool:
    for one, node, other in zip(path, path[1:], path[2:], strict=False):
        if graph.has_edge(one, node) and graph.has_edge(other, node):
            if not ({node} | nx.descendants(graph, node)) & set(given):
                return False
        elif node in given:
            return False
    return True


def paths(graph: nx.DiGraph[str], one: str, other: str) -> list[list[str]]:
    return list(nx.all_simple_paths(graph.to_undirected(), one, other))


def is_causal(graph: nx.DiGraph[str], path: list[str]) -> bool:
    return all(graph.has_edge(one, other) for one, other in pairwise(path))


def suffices(graph: nx.DiGraph[str], x: str, y: str, given: Collection[str]) -> bool:
    """Judge a set by the words of Shpitser et al. (2010): all paths written out."""
    walks = paths(graph, x, y)
    for walk in walks:
        if is_causal(graph, walk):
            for node in walk[1:]:
                if ({node} | nx.descendants(graph, node)) & set(given):
                    return False
        elif path_is_open(graph, walk, given):
            return False
    return True


def random_dag(rng: np.random.Generator, size: int, density: float) -> Dag:
    names = [f"v{number}" for number in rng.permutation(size)]
    edges = [
        Edge(names[i], names[j], "r", "s")
        for i in range(size)
        for j in range(i + 1, size)
        if rng.random() < density
    ]
    first, second = sorted(rng.choice(size, 2, replace=False))
    return Dag(
        "random", names[first], names[second], {name: Concept("c") for name in names}, tuple(edges)
    )


def random_dags(seed: int, count: int, sizes: tuple[int, ...] = (4, 5, 6)) -> Iterator[Dag]:
    rng = np.random.default_rng(seed)
    for number in range(count):
        yield random_dag(rng, sizes[number % len(sizes)], float(rng.uniform(0.25, 0.7)))


def random_availability(dag: Dag, rng: np.random.Generator) -> dict[str, Availability]:
    return {
        name: list(Availability)[rng.choice(4, p=(0.4, 0.2, 0.15, 0.25))] for name in dag.covariates
    }


def published(name: str, exposure: str, outcome: str = "outcome", drop: str = "") -> Dag:
    """Make a diagram of the brief; an edge ``drop`` (``a -> b``) is left out."""
    edges = tuple(Edge(a, b, "published", "brief") for a, b in PUBLISHED[name])
    names = dict.fromkeys(name for edge in edges for name in (edge.cause, edge.effect))
    edges = tuple(edge for edge in edges if str(edge) != drop)
    return Dag(name, exposure, outcome, {one: Concept("c") for one in names}, edges)


def measured(dag: Dag, *unmeasured: str) -> dict[str, Availability]:
    return {name: U if name in unmeasured else M for name in dag.covariates}


# Random diagrams


def test_the_criterion_agrees_with_writing_out_every_path() -> None:
    checked = 0
    for dag in random_dags(seed=1, count=300):
        graph = to_networkx(dag)
        rule = criterion(graph, dag.exposure, dag.outcome)
        for given in subsets(dag.covariates):
            assert rule.holds(given) == suffices(graph, dag.exposure, dag.outcome, given)
            checked += 1
    assert checked > 2000


def test_a_minimal_set_is_found_whenever_one_exists_and_nothing_can_be_left_out() -> None:
    rng, found_some = np.random.default_rng(2), 0
    for dag in random_dags(seed=2, count=300):
        graph = to_networkx(dag)
        rule = criterion(graph, dag.exposure, dag.outcome)
        allowed = {name for name in dag.covariates if rng.random() < 0.7}
        found = rule.minimal(allowed)
        if found is None:
            assert not any(rule.holds(some) for some in subsets(allowed))
            continue
        assert found <= allowed
        assert rule.holds(found)
        assert not any(rule.holds(some) for some in subsets(found) if some < found)
        found_some += bool(found)
    assert found_some > 50


def test_costly_concepts_are_used_only_where_no_set_does_without() -> None:
    rng = np.random.default_rng(3)
    for dag in random_dags(seed=3, count=200):
        rule = criterion(to_networkx(dag), dag.exposure, dag.outcome)
        costly = [name for name in dag.covariates if rng.random() < 0.5]
        free = set(dag.covariates) - set(costly)
        found = cheapest(rule, costly, free)
        assert found is not None
        for name in found.intersection(costly):
            others = (found & set(costly)) - {name} | free
            assert not any(rule.holds(some) for some in subsets(others))


def test_an_open_path_is_shown_exactly_where_concepts_are_dependent() -> None:
    for dag in random_dags(seed=4, count=150):
        graph = to_networkx(dag)
        for given in subsets(dag.covariates):
            path = list(open_path(graph, dag.exposure, dag.outcome, given))
            every = paths(graph, dag.exposure, dag.outcome)
            assert bool(path) == any(path_is_open(graph, one, given) for one in every)
            assert bool(path) != separated(graph, dag.exposure, dag.outcome, given)
            if path:
                assert path in every
                assert path_is_open(graph, path, given)


def test_the_adjustment_set_is_sufficient_whenever_what_can_be_had_allows_it() -> None:
    rng, counts = np.random.default_rng(5), {True: 0, False: 0}
    for dag in random_dags(seed=5, count=300):
        graph, have = to_networkx(dag), random_availability(dag, rng)
        found = adjustment_set(dag, have)
        usable = [name for name in have if have[name] in (M, P)]
        possible = any(suffices(graph, dag.exposure, dag.outcome, some) for some in subsets(usable))
        assert found.sufficient == possible
        counts[possible] += 1
        whole = {*found.concepts, *found.missing, *found.needs_after_exposure}
        assert suffices(graph, dag.exposure, dag.outcome, whole)
        assert {have[name] for name in found.concepts} <= {M, P}
        assert {have[name] for name in found.missing} <= {U}
        assert {have[name] for name in found.needs_after_exposure} <= {A}
    assert min(counts.values()) > 30


def test_proxies_and_late_concepts_are_needed_only_where_nothing_better_does() -> None:
    rng = np.random.default_rng(6)
    for dag in random_dags(seed=6, count=300):
        graph, have = to_networkx(dag), random_availability(dag, rng)
        found = adjustment_set(dag, have)

        def possible(*kinds: Availability) -> bool:
            usable = [name for name in have if have[name] in kinds]  # noqa: B023
            ends = (dag.exposure, dag.outcome)  # noqa: B023
            return any(suffices(graph, *ends, some) for some in subsets(usable))  # noqa: B023

        if possible(M):
            assert not found.proxied
        assert bool(found.needs_after_exposure) == (not possible(M, P, U))


def test_the_judgement_agrees_with_writing_out_every_path() -> None:
    rng, verdicts = np.random.default_rng(7), set()
    for dag in random_dags(seed=7, count=200):
        graph, have = to_networkx(dag), random_availability(dag, rng)
        usable = [name for name in have if have[name] is not U]
        for given in list(subsets(usable))[::3]:
            facts = judge(dag, sorted(given), have)
            assert facts.sufficient == suffices(graph, dag.exposure, dag.outcome, given)
            assert (facts.verdict == "not identified") == (not facts.sufficient)
            if facts.sufficient:
                assert (facts.unmeasured, facts.omitted, facts.needs_after_exposure) == ((), (), ())
            else:
                kept = set(given) - set(facts.mediators_adjusted)
                full = kept.union(facts.unmeasured, facts.omitted, facts.needs_after_exposure)
                # a collider that was adjusted for may leave no way to mend the set
                assert suffices(graph, dag.exposure, dag.outcome, full) or not any(
                    suffices(graph, dag.exposure, dag.outcome, kept | some)
                    for some in subsets(set(dag.covariates) - kept)
                )
            if all(have[name] is M for name in given):
                assert facts.verdict != "identified if measured without error"
            verdicts.add(facts.verdict)
    assert len(verdicts) == 3


def test_conditional_instruments_agree_with_trying_every_set() -> None:
    rng, found = np.random.default_rng(8), {"alone": 0, "given others": 0}
    for dag in random_dags(seed=8, count=1200, sizes=(5, 6)):
        graph, x, y = to_networkx(dag), dag.exposure, dag.outcome
        have = {name: M if rng.random() < 0.7 else U for name in dag.covariates}
        valid = {one.concept: one.given for one in conditional_instruments(dag, have)}
        without = criterion(graph, x, y).backdoor
        for name in dag.covariates:
            later = nx.descendants(graph, name) | nx.descendants(graph, x)
            before = nx.ancestors(graph, name) | nx.ancestors(graph, y)
            allowed = {one for one in have if have[one] is M} - later - {name}
            works = [
                some
                for some in subsets(allowed & before)
                if not any(path_is_open(without, p, some) for p in paths(without, name, y))
                and any(path_is_open(graph, p, some) for p in paths(graph, name, x))
            ]
            possible = have[name] is M and name not in nx.descendants(graph, x) and bool(works)
            assert (name in valid) == possible
            if possible:
                assert frozenset(valid[name]) in works
                found["given others" if valid[name] else "alone"] += 1
    assert found["alone"] > 20
    assert found["given others"] > 20


def test_a_cause_of_the_exposure_alone_is_never_adjusted_for() -> None:
    rng = np.random.default_rng(9)
    for dag in random_dags(seed=9, count=100):
        more = Dag(
            dag.name,
            dag.exposure,
            dag.outcome,
            {"z": Concept("instrument"), **dag.concepts},
            (Edge("z", dag.exposure, "r", "s"), *dag.edges),
        )
        found = adjustment_set(more, {"z": M, **random_availability(dag, rng)})
        assert "z" not in {*found.concepts, *found.missing, *found.needs_after_exposure}


def test_of_several_sets_the_one_closest_to_the_outcome_is_taken() -> None:
    chain = [("far", "x"), ("far", "near"), ("near", "y"), ("x", "y")]
    dag = Dag(
        "chain",
        "x",
        "y",
        {name: Concept("c") for name in ("x", "y", "far", "near")},
        tuple(Edge(a, b, "r", "s") for a, b in chain),
    )
    assert adjustment_set(dag, {"far": M, "near": M}).concepts == ("near",)
    assert adjustment_set(dag, {"far": M, "near": P}).concepts == ("far",)
    assert adjustment_set(dag, {"far": U, "near": U}).missing == ("near",)


def test_a_column_taken_after_exposure_never_identifies_outright() -> None:
    edges = (Edge("late", "y", "r", "s"), Edge("x", "y", "r", "s"))
    dag = Dag("late", "x", "y", {name: Concept("c") for name in ("x", "y", "late")}, edges)
    assert judge(dag, ["late"], {"late": M}).verdict == "identified"
    assert judge(dag, ["late"], {"late": P}).verdict == "identified"
    assert judge(dag, ["late"], {"late": A}).verdict == "identified if measured without error"


def test_sixty_concepts_take_less_than_a_second() -> None:
    rng = np.random.default_rng(10)
    dag = random_dag(rng, 60, 0.2)
    have = random_availability(dag, rng)
    start = time.perf_counter()
    found = adjustment_set(dag, have)
    judge(dag, found.concepts, have)
    conditional_instruments(dag, have)
    assert time.perf_counter() - start < SECONDS


def test_the_answer_does_not_depend_on_the_order_of_the_file() -> None:
    rng = np.random.default_rng(11)
    for dag in random_dags(seed=11, count=50):
        have = random_availability(dag, rng)
        names = list(reversed(dag.concepts))
        other = Dag(
            dag.name,
            dag.exposure,
            dag.outcome,
            {name: dag.concepts[name] for name in names},
            tuple(reversed(dag.edges)),
        )
        one, two = adjustment_set(dag, have), adjustment_set(other, have)
        assert set(one.concepts) == set(two.concepts)
        assert set(one.missing) == set(two.missing)


# The published diagrams (a) to (f)

A_SET = (
    "U_motiv", "abst_goal", "demog", "moud", "net_support", "prior_mhg", "prior_tx", "psych",
    "setting", "severity",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_published_diagrams_are_acyclic(name: str) -> None:
    assert nx.is_directed_acyclic_graph(nx.DiGraph(PUBLISHED[name]))


def test_baseline_cohort_needs_the_latent_motivation() -> None:
    dag = published("a", "mhg")
    have = measured(dag, "U_motiv") | {
        late: A for late in ("selfeff", "net_change", "spirit", "coping", "followup", "txcompl")
    }
    found = adjustment_set(dag, have)
    assert set(found.concepts) == set(A_SET) - {"U_motiv"}
    assert found.missing == ("U_motiv",)
    everything = [name for name in have if have[name] is M]
    facts = judge(dag, everything, have)
    assert facts.verdict == "not identified"
    assert "motiv_obs" in facts.adjusted
    assert facts.unmeasured == ("U_motiv",)
    assert "U_motiv" in facts.open_through
    assert judge(dag, A_SET, have | {"U_motiv": M}).verdict == "identified"
    with_proxy = judge(dag, A_SET, have | {"U_motiv": P})
    assert with_proxy.verdict == "identified if measured without error"
    assert with_proxy.proxied == ("U_motiv",)


def test_baseline_cohort_has_no_smaller_sufficient_set() -> None:
    rule = criterion(to_networkx(published("a", "mhg")), "mhg", "outcome")
    assert rule.minimal(A_SET) == set(A_SET)
    assert not any(rule.holds(set(A_SET) - {name}) for name in A_SET)


def test_baseline_cohort_negative_control_sounds_exactly_while_motivation_is_latent() -> None:
    graph = to_networkx(published("a", "mhg"))
    assert not separated(graph, "mhg", "nco_prior_use", {*A_SET, "motiv_obs"} - {"U_motiv"})
    assert separated(graph, "mhg", "nco_prior_use", A_SET)


def test_baseline_cohort_conditioning_on_followup_opens_a_path_under_the_null() -> None:
    dag = published("a", "mhg")
    rule = criterion(to_networkx(dag), "mhg", "outcome")
    null = rule.graph.copy()
    null.remove_edges_from([("mhg", node) for node in rule.mediators if node != "followup"])
    assert separated(null, "mhg", "outcome", A_SET)
    assert not separated(null, "mhg", "outcome", {*A_SET, "followup"})
    assert judge(dag, [*A_SET, "followup"], measured(dag)).mediators_adjusted == ("followup",)


def test_facilitation_is_an_instrument_where_exclusion_holds() -> None:
    dag = published("b_excl", "mhg")
    have = measured(dag, "U", "involve")
    assert [one.concept for one in conditional_instruments(dag, have)] == ["tsf"]
    assert conditional_instruments(dag, have)[0].given == ()
    mediator = judge_instrument(dag, "tsf", ["involve"])
    assert isinstance(mediator, NoInstrument)


def test_facilitation_is_no_instrument_where_contact_acts() -> None:
    dag = published("b", "mhg")
    for have in (measured(dag, "U", "contact"), measured(dag, "U"), measured(dag)):
        assert conditional_instruments(dag, have) == ()
    refused = find_instrument(dag, "tsf", measured(dag, "U"))
    assert isinstance(refused, NoInstrument)
    assert "tsf → contact → outcome" in refused.reason


def test_facilitation_is_no_instrument_among_those_followed_up() -> None:
    dag = published("b", "mhg", drop="contact -> outcome")
    assert isinstance(judge_instrument(dag, "tsf"), Instrument)
    refused = judge_instrument(dag, "tsf", ["followup"])
    assert isinstance(refused, NoInstrument)
    assert "followup follows from mhg" in refused.reason
    assert (
        "tsf → followup ← U → outcome" in refused.reason or "followup ← outcome" in refused.reason
    )


def test_a_randomised_group_without_bearing_on_exposure_moves_nothing() -> None:
    dag = load_dag(DAGS / "cohort.yaml")
    have = measured(dag, "linkage")
    refused = find_instrument(dag, "group", have)
    assert isinstance(refused, NoInstrument)
    assert "group → linkage → outcome" in refused.reason
    assert "independent of mhg" in refused.reason
    alone = judge_instrument(dag, "group", ["linkage"])
    assert isinstance(alone, NoInstrument)


def test_time_varying_confounding_needs_a_set_for_each_time() -> None:
    first, second = published("c", "A0", "Y"), published("c", "A1", "Y")
    assert judge(first, ["C0", "L0"], measured(first, "U")).verdict == "identified"
    full = ["C0", "L0", "A0", "L1"]
    assert judge(second, full, measured(second, "U")).verdict == "identified"
    assert judge(second, ["C0", "L0", "A0"], measured(second, "U")).verdict == "not identified"
    both = judge(first, ["C0", "L0", "L1"], measured(first, "U"))
    assert both.mediators_adjusted == ("L1",)
    assert both.verdict == "not identified"


def test_type_comparison_stays_open_without_the_goal_and_without_what_drives_it() -> None:
    dag = published("d", "type")
    others = ["religiosity", "severity", "ses", "sex", "recruit", "duration"]
    assert judge(dag, [*others, "U", "abst_goal"], measured(dag)).sufficient
    assert not judge(dag, [*others, "U"], measured(dag)).sufficient
    assert not judge(dag, [*others, "abst_goal"], measured(dag, "U")).sufficient
    assert judge(dag, ["goal_later"], measured(dag)).mediators_adjusted == ("goal_later",)


def test_moud_subgroup_needs_stigma() -> None:
    dag = published("e", "mhg")
    full = ["severity", "setting", "demog", "moud", "stigma", "U_motiv"]
    assert judge(dag, full, measured(dag)).verdict == "identified"
    without = judge(dag, [name for name in full if name != "stigma"], measured(dag))
    assert without.verdict == "not identified"
    assert without.omitted == ("stigma",)
    assert judge(dag, [*full, "retention"], measured(dag)).mediators_adjusted == ("retention",)


def test_discharge_records_need_length_of_stay_and_the_latent_motivation() -> None:
    dag = published("f", "mhg_disch", "use_disch")
    have = measured(dag, "U_motiv")
    found = adjustment_set(dag, have)
    assert "los" in found.concepts
    assert found.missing == ("U_motiv",)
    assert judge(dag, found.concepts, have).verdict == "not identified"
    rule = criterion(to_networkx(dag), "mhg_disch", "use_disch")
    full = {*found.concepts, *found.missing}
    assert rule.holds(full)
    assert not rule.holds(full - {"los"})
    assert not rule.holds(full - {"U_motiv"})


# The shipped diagrams

USED = (
    "demographics", "severity", "motivation", "problem_recognition", "prior_treatment",
    "depression", "network_support", "prior_use", "prior_mhg",
)  # fmt: skip


def cohort_availability(dag: Dag) -> dict[str, Availability]:
    have = {name: M if name in (*USED, "group") else U for name in dag.covariates}
    late = {name: A for name in ("co_treatment", "use_at_end", "linkage") if name in have}
    return have | late | {"motivation": P}


def test_the_cohort_adjusts_for_its_measured_confounders_and_names_the_others() -> None:
    dag = load_dag(DAGS / "cohort.yaml")
    found = adjustment_set(dag, cohort_availability(dag))
    assert found.concepts == USED
    assert found.proxied == ("motivation",)
    assert {"abstinence_goal", "religiosity", "legal_mandate"} <= set(found.missing)
    assert not found.needs_after_exposure


def test_the_primary_set_suffices_in_one_of_four_orientations_only() -> None:
    dag = load_dag(DAGS / "cohort.yaml")
    facts = judge(dag, USED, cohort_availability(dag))
    assert [one.sufficient for one in facts.orientations] == [True, False, False, False]
    assert any("suffices in 1 of 4 orientations" in said for said in facts.sentences)
    assert any("co_treatment -> mhg or use_at_end -> mhg" in said for said in facts.sentences)
    assert facts.verdict == "not identified"
    assert not facts.omitted


def test_a_bracketing_rung_adjusts_for_a_possible_mediator() -> None:
    dag = load_dag(DAGS / "cohort.yaml")
    facts = judge(dag, [*USED, "use_at_end"], cohort_availability(dag))
    assert facts.mediators_adjusted == ("use_at_end",)
    assert facts.after_exposure == ("use_at_end",)
    suited = [one.turned for one in facts.orientations if one.sufficient]
    assert suited == [("use_at_end -> mhg",)]


def test_the_crude_rung_lists_what_it_omits() -> None:
    dag = load_dag(DAGS / "cohort.yaml")
    facts = judge(dag, [], cohort_availability(dag))
    assert facts.omitted == USED
    assert facts.open_path.startswith("mhg ← ")


def test_the_first_interval_counts_earlier_use_as_severity() -> None:
    dag = load_dag(DAGS / "first_interval.yaml")
    found = adjustment_set(dag, cohort_availability(dag))
    assert found.concepts == tuple(name for name in USED if name != "prior_use")


def test_relapse_needs_what_is_only_known_after_exposure_began() -> None:
    dag = load_dag(DAGS / "relapse.yaml")
    have = {"prior_use": M, "prior_attendance": M, "use_at_end": A}
    found = adjustment_set(dag, have)
    assert found.concepts == ("prior_use", "prior_attendance")
    assert found.needs_after_exposure == ("use_at_end",)
    facts = judge(dag, found.concepts, have)
    assert facts.open_path == "mhg ← use_at_end → outcome"
    assert any("only known after exposure began: use_at_end" in said for said in facts.sentences)
    bracket = judge(dag, [*found.concepts, "use_at_end"], have)
    assert bracket.verdict == "identified if measured without error"


def test_the_simulated_cohort_is_identified_but_for_error_and_has_an_instrument() -> None:
    dag = load_dag(DAGS / "simulated.yaml")
    have = measured(dag) | {"motivation": P, "severity": P, "followed": A}
    found = adjustment_set(dag, have)
    facts = judge(dag, found.concepts, have)
    assert facts.verdict == "identified if measured without error"
    assert facts.proxied == ("motivation", "severity")
    assert "facilitation" not in found.concepts
    latents = judge(dag, found.concepts, measured(dag))
    assert latents.verdict == "identified"
    assert [one.concept for one in conditional_instruments(dag, have)] == ["facilitation"]


def test_an_orientation_in_which_the_outcome_causes_exposure_is_not_identified() -> None:
    edges = (Edge("x", "y", "r", "s", disputed=True, primary_because="p"),)
    dag = Dag("turned", "x", "y", {"x": Concept("c"), "y": Concept("c")}, edges)
    facts = judge(dag, [], {})
    assert facts.verdict == "identified"
    assert [one.sufficient for one in facts.orientations] == [True, False]
    with pytest.raises(IdentificationError, match="y causes x"):
        adjustment_set(orientations(dag)[1], {})


def test_a_diagram_without_causal_path_says_that_it_assumes_the_effect_away() -> None:
    edges = (Edge("c", "x", "r", "s"), Edge("c", "y", "r", "s"))
    dag = Dag("null", "x", "y", {name: Concept("c") for name in "xyc"}, edges)
    facts = judge(dag, ["c"], {"c": M})
    assert facts.verdict == "identified"
    assert any("assumes the effect to be zero" in said for said in facts.sentences)


# Availability

CODEBOOK = """column,description,kind,concept,proxy_for,use
age,age,count,c_direct@baseline,,
scale,scale,count,,c_proxy@baseline,
care,care,binary,c_late@end,,
state,state,binary,c_early@start c_window@start,,
extra,extra,count,c_extra@baseline,,on_request
"""


@pytest.fixture
def codebook_and_dag(tmp_path: Path) -> tuple[object, Dag]:
    path = tmp_path / "codebook.csv"
    path.write_text(CODEBOOK, encoding="utf-8")
    names = ("x", "y", "c_direct", "c_proxy", "c_late", "c_early", "c_extra", "c_none")
    concepts = {name: Concept("c") for name in names}
    concepts["c_window"] = Concept("c", when="exposure_window")
    return read_codebook(path, "made_up"), Dag("d", "x", "y", concepts, (Edge("x", "y", "r", "s"),))


def test_availability_follows_the_columns(codebook_and_dag: tuple[object, Dag]) -> None:
    codebook, dag = codebook_and_dag
    expected: Mapping[str, Availability] = {
        "c_direct": M,
        "c_proxy": P,
        "c_late": A,
        "c_early": M,
        "c_extra": U,
        "c_none": U,
        "c_window": U,  # a column taken before the window cannot measure what happens in it
    }
    assert availability(codebook, dag) == expected  # type: ignore[arg-type]


def test_named_columns_serve_a_concept_on_request(codebook_and_dag: tuple[object, Dag]) -> None:
    codebook, dag = codebook_and_dag
    have = availability(codebook, dag, {"c_extra": ("extra",)})  # type: ignore[arg-type]
    assert have["c_extra"] is M


def test_a_latent_concept_is_measured_by_proxy_at_best(
    codebook_and_dag: tuple[object, Dag],
) -> None:
    codebook, dag = codebook_and_dag
    concepts = {**dag.concepts, "c_direct": Concept("c", latent=True)}
    latent = Dag(dag.name, dag.exposure, dag.outcome, concepts, dag.edges)
    assert availability(codebook, latent)["c_direct"] is P  # type: ignore[arg-type]


def test_columns_that_do_not_measure_the_concept_are_refused(
    codebook_and_dag: tuple[object, Dag],
) -> None:
    codebook, dag = codebook_and_dag
    with pytest.raises(SpecError, match="column 'age' does not measure 'c_extra'"):
        availability(codebook, dag, {"c_extra": ("age",)})  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"unknown concept 'c_extr'\. Did you mean 'c_extra'"):
        availability(codebook, dag, {"c_extr": ("extra",)})  # type: ignore[arg-type]


def test_a_set_with_exposure_unknown_or_unmeasured_concepts_is_refused() -> None:
    dag = published("a", "mhg")
    have = measured(dag, "U_motiv")
    with pytest.raises(SpecError, match="'mhg' is the exposure"):
        judge(dag, ["mhg"], have)
    with pytest.raises(SpecError, match="Did you mean 'severity'"):
        judge(dag, ["severty"], have)
    with pytest.raises(IdentificationError, match="'U_motiv' has no columns"):
        judge(dag, ["U_motiv"], have)
    with pytest.raises(SpecError, match="no covariate"):
        judge_instrument(dag, "mhg")

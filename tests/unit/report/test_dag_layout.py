from itertools import pairwise

import pytest

from causal.errors import VerificationError
from causal.report.dag_layout import LANE, arrange
from causal.result import Result

CLOSE = 1e-9  # rounding of sums of widths


def edges_of(result: Result) -> list[tuple[str, str, bool]]:
    return [(one.cause, one.effect, one.disputed) for one in result.dag.edges]


def names_of(result: Result) -> list[str]:
    return [one.name for one in result.dag.concepts]


def test_every_arrow_points_downwards(help_like: Result) -> None:
    layout = arrange(names_of(help_like), edges_of(help_like), "outcome")
    for cause, effect, _ in edges_of(help_like):
        assert layout.place[cause][0] < layout.place[effect][0]


def test_boxes_of_a_layer_do_not_overlap(help_like: Result) -> None:
    layout = arrange(names_of(help_like), edges_of(help_like), "outcome")
    for layer in range(layout.layers):
        places = sorted(x for level, x in layout.place.values() if level == layer)
        assert all(right - left >= 1 - CLOSE for left, right in pairwise(places))


def test_lanes_keep_off_the_boxes(help_like: Result) -> None:
    layout = arrange(names_of(help_like), edges_of(help_like), "outcome")
    boxes = set(layout.place.values())
    for hop in layout.hops:
        for end in hop[:2]:
            near = [abs(end[1] - x) for level, x in boxes if level == end[0] and end not in boxes]
            assert all(gap >= (1 + LANE) / 2 - CLOSE for gap in near)


def test_every_arrow_can_be_followed_to_its_effect(help_like: Result) -> None:
    layout = arrange(names_of(help_like), edges_of(help_like), "outcome")
    for cause, effect, disputed in edges_of(help_like):
        reached = {layout.place[cause]}
        for start, end, dashed, target in layout.hops:
            if start in reached and target == effect and dashed == disputed:
                reached.add(end)
        assert layout.place[effect] in reached


def test_no_line_leads_where_there_is_no_arrow() -> None:
    layout = arrange(
        list("abcd"),
        [("a", "b", False), ("b", "c", False), ("c", "d", False), ("a", "d", False)],
        "d",
    )
    assert {hop[3] for hop in layout.hops if hop[0] == layout.place["a"]} == {"b", "d"}
    assert layout.layers == 4


def test_the_layout_depends_on_the_diagram_only(help_like: Result) -> None:
    names, edges = names_of(help_like), edges_of(help_like)
    assert arrange(names, edges, "outcome") == arrange(names, edges, "outcome")


def test_a_diagram_without_arrows_stands_in_one_row() -> None:
    layout = arrange(["a", "b"], [], "b")
    assert layout.layers == 1
    assert layout.hops == ()


def test_a_concept_without_arrows_has_a_place_of_its_own() -> None:
    layout = arrange(["a", "b", "alone"], [("a", "b", False)], "b")
    assert len(set(layout.place.values())) == 3


def test_a_cycle_is_refused_with_its_concepts() -> None:
    edges = [("a", "b", False), ("b", "a", False), ("c", "a", False)]
    with pytest.raises(VerificationError, match=r"/dag/edges.*cycle among a, b\."):
        arrange(["a", "b", "c"], edges, "b")

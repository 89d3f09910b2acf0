import time
from xml.etree import ElementTree

import matplotlib
import pytest

from causal.report.figures import figures
from causal.report.ladder_figure import arrange_rows
from causal.report.overlap_figure import distinct
from causal.result import Result

SECONDS = 5.0  # the limit set for all figures of an analysis, first import of matplotlib included


def test_the_same_result_gives_the_same_bytes(help_like: Result) -> None:
    assert figures(help_like) == figures(help_like)


def test_settings_of_the_user_change_nothing(help_like: Result) -> None:
    before = figures(help_like)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.fonttype": "none"}):
        assert figures(help_like) == before


def test_settings_of_the_user_are_left_alone(help_like: Result) -> None:
    before = dict(matplotlib.rcParams)
    figures(help_like)
    assert dict(matplotlib.rcParams) == before


def test_no_date_and_no_text_that_needs_a_font(help_like: Result) -> None:
    for content in figures(help_like).values():
        assert b"<dc:date>" not in content
        assert b"<text" not in content


@pytest.mark.parametrize(
    "name", ["help_like", "simulated_null", "unbounded", "disjoint", "continuous", "as_ratio"]
)
def test_figures_are_well_formed(name: str, request: pytest.FixtureRequest) -> None:
    for content in figures(request.getfixturevalue(name)).values():
        assert ElementTree.fromstring(content).tag.endswith("svg")


def test_only_what_there_is_is_drawn(simulated_null: Result, help_like: Result) -> None:
    assert list(figures(simulated_null)) == ["ladder.svg", "dag.svg", "attrition.svg"]
    nobody = simulated_null.model_copy(update={"attrition": []})
    assert list(figures(nobody)) == ["ladder.svg", "dag.svg"]
    assert list(figures(help_like)) == [
        "ladder.svg", "dag.svg", "balance.svg", "overlap.svg", "attrition.svg",
    ]  # fmt: skip


def test_figures_are_fast(help_like: Result) -> None:
    start = time.perf_counter()
    figures(help_like)
    assert time.perf_counter() - start < SECONDS


def test_rows_of_the_ladder_stand_by_target_with_brackets_last(help_like: Result) -> None:
    rows = arrange_rows(help_like)
    headings = [row.heading for row in rows if row.rung is None]
    assert headings == [
        "adjusted, ATE",
        "adjusted, ATT",
        "adjusted, ATO",
        "bracket: also adjusted for what came after exposure",
    ]
    assert [row.at for row in rows] == sorted(row.at for row in rows)


def test_rungs_with_one_propensity_share_a_panel(help_like: Result) -> None:
    assert [rungs for _, rungs in distinct(help_like.overlap)] == [
        ["weighted", "overlap weighted", "full"]
    ]
    first, *others = help_like.overlap
    changed = first.model_copy(update={"unexposed": first.unexposed[::-1]})
    assert len(distinct([changed, *others])) == 2


def test_a_bin_too_small_to_show_is_hatched(help_like: Result) -> None:
    assert b"pattern" in figures(help_like)["overlap.svg"]
    shown = [
        one.model_copy(update={"exposed": [0.05] * len(one.exposed)}) for one in help_like.overlap
    ]
    assert b"pattern" not in figures(help_like.model_copy(update={"overlap": shown}))["overlap.svg"]

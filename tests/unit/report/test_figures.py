import time
from collections.abc import Callable
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from causal.report.balance_figure import LOOKS, balance_svg, panels_of
from causal.report.canvas import WIDTH, width_of, wrapped
from causal.report.dag_figure import MEANING, dag_svg
from causal.report.figures import figures
from causal.report.ladder_figure import arrange_rows, ladder_svg
from causal.report.overlap_figure import ACROSS, distinct, overlap_svg, title_lines
from causal.result import Result

SECONDS = 5.0  # the limit set for all figures of an analysis, first import of matplotlib included
OVER = 2.0
"""Dots by which boxes of two lines of text may touch: their ascenders have room of their own."""
RUNGS = tuple(
    f"{how}_{what}"
    for how in ("ipw", "matching", "subclassification", "aipw_cross_fitted")
    for what in ("full", "severity", "super_learner", "all_but_motivation")
)
"""As many rungs, with names as long, as a ladder of every estimator has."""

Capture = Callable[[Callable[[], bytes]], Figure]


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Capture:
    """Give the figure that a drawing is saved from, laid out as it was drawn."""
    saved: list[Figure] = []
    original = Figure.savefig

    def savefig(figure: Figure, *args: object, **kwargs: object) -> None:
        original(figure, *args, **kwargs)
        FigureCanvasAgg(figure).draw()
        saved.append(figure)

    def paint(drawing: Callable[[], bytes]) -> Figure:
        assert drawing()
        return saved.pop()

    monkeypatch.setattr(Figure, "savefig", savefig)
    return paint


@pytest.fixture
def many_rungs(help_like: Result) -> Result:
    """Sixteen weighting rungs, most of which share one propensity."""
    balance = [one for one in help_like.balance if one.rung == "weighted"]
    first = next(one for one in help_like.overlap if one.rung == "weighted")
    turned = first.model_copy(update={"unexposed": first.unexposed[::-1]})
    return help_like.model_copy(
        update={
            "balance": [one.model_copy(update={"rung": rung}) for rung in RUNGS for one in balance],
            "overlap": [first.model_copy(update={"rung": rung}) for rung in RUNGS[:-1]]
            + [turned.model_copy(update={"rung": RUNGS[-1]})],
        }
    )


def texts_of(figure: Figure) -> list[Text]:
    """Give what can be read of a figure; ticks beyond an axis are not drawn."""
    beyond = {
        id(label)
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
        for label in (tick.label1, tick.label2)
    }
    found = [one for one in figure.findobj(Text) if id(one) not in beyond]
    return [one for one in found if one.get_visible() and one.get_text().strip()]


def assert_readable(figure: Figure) -> None:
    """Hold that no text leaves the figure, and that none lies over another."""
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts_of(figure)]
    wide, high = figure.bbox.width, figure.bbox.height
    for text, box in boxes:
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= wide and box.y1 <= high
        assert inside, f"{text} is cut off"
    for (one, a), (other, b) in combinations(boxes, 2):
        across, along = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= OVER or along <= OVER, f"{one} lies over {other}"


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


@pytest.mark.parametrize("drawing", [balance_svg, overlap_svg])
def test_of_many_rungs_nothing_is_cut_off_and_nothing_lies_over_another(
    many_rungs: Result, painted: Capture, drawing: Callable[[Result], bytes]
) -> None:
    assert_readable(painted(lambda: drawing(many_rungs)))


def test_every_weighting_has_a_shape_of_its_own_in_its_panel(
    many_rungs: Result, painted: Capture
) -> None:
    figure = painted(lambda: balance_svg(many_rungs))
    named: list[str] = []
    for ax in figure.axes:
        marks = {
            str(line.get_label()): line.get_marker()
            for line in ax.lines
            if line.get_marker() not in ("None", "")
        }
        assert len(set(marks.values())) == len(marks)
        assert len(ax.get_legend().get_texts()) == len(marks)
        named += [name for name in marks if name != "crude"]
    assert sorted(named) == sorted(RUNGS)
    assert len({shape for _, shape in LOOKS}) == len(LOOKS)


@pytest.mark.parametrize("number", [1, 6, 7, 12, 13, 16, 19])
def test_rungs_are_spread_over_panels_evenly(many_rungs: Result, number: int) -> None:
    names = [f"rung_{i}" for i in range(number)]
    row = many_rungs.balance[0]
    balance = [row.model_copy(update={"rung": name}) for name in names]
    sizes = [len(one) for one in panels_of(many_rungs.model_copy(update={"balance": balance}))]
    assert sum(sizes) == number
    assert max(sizes) <= len(LOOKS)
    assert max(sizes) - min(sizes) <= 1


def test_a_few_rungs_stay_in_one_panel(help_like: Result) -> None:
    assert panels_of(help_like) == [["weighted", "overlap_weighted"]]


def test_the_title_of_a_panel_names_every_rung_in_lines_that_fit() -> None:
    names = [name.replace("_", " ") for name in RUNGS]
    lines = title_lines(names, 1)
    assert len(lines) > 1
    assert all(width_of(line, 9.0) <= ACROSS * WIDTH for line in lines)
    assert " ".join(lines) == f"All 16 rungs: {', '.join(names)}"
    assert title_lines(names[:4], 2)[0].startswith("4 rungs: ")
    assert title_lines(names[:2], 1) == [", ".join(names[:2])]


def test_lines_break_between_words_and_never_before_a_percent_sign() -> None:
    assert wrapped("one two", 0.1, 8) == ["one", "two"]
    assert wrapped("one two", 9, 8) == ["one two"]
    assert wrapped("the 95 % interval", 0.1, 8) == ["the", "95\u00a0%", "interval"]


def test_the_headline_is_bold_and_the_key_says_so(help_like: Result, painted: Capture) -> None:
    figure = painted(lambda: ladder_svg(help_like))
    bold = [one.get_text() for one in texts_of(figure) if one.get_fontweight() == "bold"]
    assert bold == [help_like.headline.replace("_", " ")]
    assert any("bold, ringed: the headline rung" in one.get_text() for one in texts_of(figure))
    crude = help_like.model_copy(update={"headline": help_like.crude.name})
    plain = texts_of(painted(lambda: ladder_svg(crude)))
    assert all(one.get_fontweight() != "bold" for one in plain)
    assert not any("bold" in one.get_text() for one in plain)


def test_the_key_of_the_diagram_lists_what_is_drawn(help_like: Result, painted: Capture) -> None:
    def said(dag: object) -> set[str]:
        return {one.get_text() for one in texts_of(painted(lambda: dag_svg(dag)))}

    assert {*MEANING.values(), "to exposure", "to outcome", "disputed"} <= said(help_like.dag)
    kept = [one for one in help_like.dag.concepts if one.status == "measured"]
    names = {one.name for one in kept}
    edges = [
        one for one in help_like.dag.edges
        if {one.cause, one.effect} <= names and not one.disputed
    ]  # fmt: skip
    simple = help_like.dag.model_copy(update={"concepts": kept, "edges": edges})
    assert said(simple) & {*MEANING.values(), "disputed"} == {"measured"}


@pytest.mark.parametrize("more", [0, 6])
def test_names_in_a_diagram_have_one_size_and_fit(
    help_like: Result, painted: Capture, more: int
) -> None:
    concept, edge = help_like.dag.concepts[2], help_like.dag.edges[0]
    others = [f"cause_{i}" for i in range(more)]  # so that the diagram gets broad
    dag = help_like.dag.model_copy(
        update={
            "concepts": help_like.dag.concepts
            + [concept.model_copy(update={"name": name}) for name in others],
            "edges": help_like.dag.edges
            + [edge.model_copy(update={"cause": name, "effect": "mhg"}) for name in others],
        }
    )
    figure = painted(lambda: dag_svg(dag))
    names = {one.name.replace("_", " ") for one in dag.concepts}
    drawn = [one for one in texts_of(figure) if one.get_text().replace("\n", " ") in names]
    assert len(drawn) == len(names)
    assert len({one.get_fontsize() for one in drawn}) == 1
    assert more or drawn[0].get_fontsize() > 7  # points: this diagram has room
    shapes = [patch.get_window_extent() for patch in figure.axes[0].patches]
    for one in drawn:
        box = one.get_window_extent()
        assert any(
            shape.x0 <= box.x0 and box.x1 <= shape.x1 and shape.y0 <= box.y0 and box.y1 <= shape.y1
            for shape in shapes
        ), one.get_text()


@pytest.mark.parametrize("name", ["help_like", "simulated_null", "unbounded", "as_ratio"])
def test_no_figure_cuts_a_text_off(
    name: str, request: pytest.FixtureRequest, painted: Capture
) -> None:
    result = request.getfixturevalue(name)
    for drawing in (lambda: ladder_svg(result), lambda: dag_svg(result.dag)):
        assert_readable(painted(drawing))

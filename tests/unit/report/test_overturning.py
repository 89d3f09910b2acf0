"""What could overturn the headline: the order, what is said first, and the figures."""

import re

import pytest

from causal.report.figures import figures
from causal.report.overturning import ordered, overturning_sentences
from causal.report.page import report_page
from causal.result import (
    ContourBlock,
    CurveBlock,
    MarkBlock,
    NumberBlock,
    Reason,
    SensitivityBlock,
)

WHY = Reason(not_estimable="the proxies are weak")


def finding(kind, multiple, *, headline=1.0, rung="full", curves=(), contours=()):
    return SensitivityBlock(
        kind=kind, rung=rung, headline=NumberBlock(name="what it takes", value=headline),
        multiple=multiple, yardstick="severity", short=f"Short of {kind}",
        sentence=f"All of {kind}.", rows=[], curves=list(curves), contours=list(contours),
    )  # fmt: skip


CURVE = CurveBlock(
    name="estimate", x_name="reliability", y_name="difference", level_line=0.0,
    points=[(0.5, -0.1, -0.2, 0.0), (1.0, -0.14, None, None)],
)  # fmt: skip
CONTOUR = ContourBlock(
    name="adjusted estimate", x_name="with exposure", y_name="with outcome", x=[0.0, 0.1, 0.2],
    y=[0.0, 0.1], height=[[-0.1, -0.05, None], [-0.1, 0.02, 0.1]], level_line=0.0,
    marks=[MarkBlock(name="severity", x=0.05, y=0.05), MarkBlock(name="far", x=0.9, y=0.9)],
)  # fmt: skip


@pytest.fixture
def challenged(help_like):
    return help_like.model_copy(
        update={
            "sensitivity": [
                finding("proximal", WHY, headline=WHY),
                finding("never", None),
                finding("uncounted", WHY),
                finding("twice", 2.0, contours=[CONTOUR]),
                finding("nothing", 0.0, curves=[CURVE]),
                finding("other_rung", 0.1, rung="with_residential_care"),
            ]
        }
    )


def test_what_takes_least_comes_first_and_what_does_not_apply_last(challenged):
    found = [one.kind for _, one in ordered(challenged, ["full"])]
    assert found == ["nothing", "twice", "never", "uncounted", "proximal"]


def test_the_page_says_what_each_is_counted_in(challenged):
    page = report_page(challenged, [])
    for kind, counted in (
        ("nothing", "nothing is needed"),
        ("twice", "2.0 × severity"),
        ("never", "nothing examined does"),
        ("uncounted", "no yardstick here"),
        ("proximal", "does not apply"),
    ):
        assert re.search(rf"\| {kind} \| Short of {kind}\. \| {re.escape(counted)} \|", page)


def test_the_first_page_names_three_and_points_to_the_rest(challenged):
    said = " ".join(overturning_sentences(challenged))
    assert said.index("Short of nothing.") < said.index("Short of twice.")
    assert "Short of uncounted" not in said
    assert "A further analysis is in section 9." in said
    assert "Without an answer here: proximal." in said


def test_several_further_analyses_are_told_in_words_that_do_not_read_as_decimals(challenged):
    more = [*challenged.sensitivity, finding("fifth", WHY), finding("sixth", WHY)]
    said = " ".join(overturning_sentences(challenged.model_copy(update={"sensitivity": more})))
    assert "A further 3 analyses are in section 9." in said


def test_figures_are_drawn_for_the_headline_only_where_there_is_something(challenged, help_like):
    drawn = figures(challenged)
    assert drawn["contours.svg"].startswith(b"<?xml")
    assert drawn["sweeps.svg"].startswith(b"<?xml")
    assert figures(challenged) == drawn
    assert not {"contours.svg", "sweeps.svg"} & set(figures(help_like))


def test_a_count_is_never_written_as_0_nor_in_an_empty_yardstick(help_like):
    found = [finding("tiny", 0.002), finding("bare", 0.5)]
    found[1] = found[1].model_copy(update={"yardstick": ""})
    page = report_page(help_like.model_copy(update={"sensitivity": found}), [])
    assert "| less than 0.01 × severity |" in page
    assert "| 0.50 |" in page

"""A rung with more than two means: its table, its figure, its data files."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from causal.report.blocks import Figure as FigureBlock
from causal.report.blocks import GroupedTable, Paragraph, shown
from causal.report.html_figures import inlined
from causal.report.profile_figure import draw_profile, mark_cut, profiles_svg
from causal.report.profiles import profiles
from causal.report.tables import tables
from causal.result import (
    DiagnosticBlock,
    ProfileBlock,
    ProfileContrastBlock,
    ProfilePointBlock,
    Result,
)

ARMS = ("neither", "twelve_step", "smart")


def with_arms(result: Result) -> Result:
    """Give the last rung three arms."""
    points = [
        ProfilePointBlock(name=name, series="", x=None, rows=50 + i, estimate=0.5 - 0.1 * i,
                          std_error=0.02, interval=(0.46 - 0.1 * i, 0.54 - 0.1 * i),
                          band=(0.45 - 0.1 * i, 0.55 - 0.1 * i))
        for i, name in enumerate(ARMS)
    ]  # fmt: skip
    contrast = ProfileContrastBlock(
        name="smart − twelve_step", family="", unit="", estimate=-0.1, std_error=0.03,
        interval=(-0.16, -0.04), band=(-0.17, -0.03), p_value=0.0009, p_joint=0.002, p_holm=0.0027,
    )  # fmt: skip
    block = ProfileBlock(
        kind="arms", axis="kind of group", unit="", level=0.95, critical=2.3, compared=ARMS[:2],
        points=points, beside=[], contrasts=[contrast], notes=["Nobody was assigned to an arm."],
    )  # fmt: skip
    rungs = [*result.rungs[:-1], result.rungs[-1].model_copy(update={"profile": block})]
    return result.model_copy(update={"rungs": rungs})


def test_every_mean_and_contrast_is_listed_with_its_address(help_like):
    result = with_arms(help_like)
    (section,) = profiles(result, ["figures/profiles.svg", "tables/profiles.csv"])
    means, contrasts = (one for one in section.blocks if isinstance(one, GroupedTable))
    at = len(result.rungs) - 1
    assert [row[0] for _, rows in means.groups for row in rows] == [
        "neither",
        "twelve_step",
        "smart",
    ]
    assert means.groups[0][1][1][2].pointer == f"/rungs/{at}/profile/points/1/estimate"
    assert shown(contrasts.groups[0][1][0][4]) == "< 0.001"
    assert contrasts.groups[0][1][0][1].pointer == f"/rungs/{at}/profile/contrasts/0/estimate"


def failing(result: Result) -> Result:
    """Let a check of the rung with arms fail, and the interval of its last arm fall below 0."""
    rung = result.rungs[-1]
    points = [*rung.profile.points]
    points[2] = points[2].model_copy(update={"interval": (-0.02, 0.34)})
    points[1] = points[1].model_copy(update={"interval": (0.0, 1.0)})
    profile = rung.profile.model_copy(update={"points": points})
    fault = DiagnosticBlock(
        name="effective_sample_size", rung=rung.name, value=13, threshold=50, verdict="FAIL",
        reason="in smart, 13 rows' worth of information",
    )  # fmt: skip
    return result.model_copy(
        update={
            "rungs": [*result.rungs[:-1], rung.model_copy(update={"profile": profile})],
            "diagnostics": [fault],
        }
    )


def test_impossible_intervals_and_failed_checks_are_marked_and_explained(help_like):
    result = failing(with_arms(help_like))
    (section,) = profiles(result, [])
    means, contrasts = (one for one in section.blocks if isinstance(one, GroupedTable))
    (title, rows), name = means.groups[0], result.rungs[-1].name
    assert title == f"`{name}` ‡, by kind of group"
    assert contrasts.groups[0][0].startswith(f"`{name}` ‡, ")
    assert [row[0] for row in rows] == ["neither", "twelve_step", "smart †"]
    said = [one.text for one in section.blocks if isinstance(one, Paragraph)]
    assert any(one.startswith("† The interval leaves 0 to 1") for one in said)
    assert f"‡ Checks of `{name}` fail: in smart, 13 rows' worth of information." in said


def test_nothing_is_marked_where_all_is_possible_or_an_outcome_has_no_bounds(help_like, continuous):
    passing = with_arms(help_like).model_copy(update={"diagnostics": []})
    unbounded = failing(with_arms(continuous)).model_copy(update={"diagnostics": []})
    for result in (passing, unbounded):
        (section,) = profiles(result, [])
        assert not [mark for mark in "†‡" if mark in str(section)]


def test_nothing_is_said_where_no_rung_has_more_than_two_means(help_like):
    assert list(profiles(help_like, ["figures/profiles.svg"])) == []
    assert profiles_svg(help_like) is None
    assert "profiles.csv" not in tables(help_like)


def test_association_is_said_where_the_design_allows_no_more(help_like):
    (section,) = profiles(with_arms(help_like), [])
    assert "associations, not effects" in section.blocks[0].text


def test_figure_and_tables_come_with_a_profile(help_like):
    result = with_arms(help_like)
    assert profiles_svg(result).startswith(b"<?xml")
    assert profiles_svg(result) == profiles_svg(result)
    lines = tables(result)["profiles.csv"].decode().splitlines()
    assert len(lines) == 1 + len(ARMS)
    assert (
        tables(result)["profile_contrasts.csv"]
        .decode()
        .splitlines()[1]
        .startswith(f"{result.rungs[-1].name},,smart")
    )


def test_an_interval_far_beyond_0_does_not_squeeze_the_figure(help_like):
    result = with_arms(help_like)
    profile = result.rungs[-1].profile
    far = profile.points[0].model_copy(update={"band": (-9.0, 9.0)})
    wide = profile.model_copy(update={"points": [far, *profile.points[1:]]})
    rungs = [*result.rungs[:-1], result.rungs[-1].model_copy(update={"profile": wide})]
    svg = profiles_svg(result.model_copy(update={"rungs": rungs})).decode()
    assert ">100<" in svg.replace("<!-- ", ">").replace(" -->", "<")
    assert "<!-- 500 -->" not in svg


DAYS = (30.0, 60.0, 90.0)


def with_curves(result: Result) -> Result:
    """Give the last rung a curve of risks by time in each arm, of which two times are listed."""
    points = [
        ProfilePointBlock(name=f"{arm}, by {day:g} days", series=arm, x=day, rows=50,
                          estimate=risk, std_error=0.02, interval=(risk - 0.04, risk + 0.04),
                          band=(risk - 0.06, risk + 0.06), listed=day != 60)
        for arm, risks in (("unexposed", (0.2, 0.4, 0.5)), ("exposed", (0.1, 0.2, 0.3)))
        for day, risk in zip(DAYS, risks, strict=True)
    ]  # fmt: skip
    block = ProfileBlock(
        kind="survival", axis="time since the start", unit="days", level=0.95, critical=2.9,
        compared=("risk by 90 days, unexposed", "risk by 90 days, exposed"), points=points,
        beside=[], contrasts=[], notes=[],
    )  # fmt: skip
    rungs = [*result.rungs[:-1], result.rungs[-1].model_copy(update={"profile": block})]
    return result.model_copy(update={"rungs": rungs})


def drawn(result: Result):
    """Draw the last rung; give its axes."""
    return draw_profile(result, result.rungs[-1], Figure().add_subplot())


def test_curves_of_risk_are_steps_from_0_at_the_start(help_like):
    ax = drawn(with_curves(help_like))
    curves = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert [line.get_label() for line in curves] == ["unexposed", "exposed"]
    np.testing.assert_allclose(curves[0].get_xydata(), [(0, 0), (30, 20), (60, 40), (90, 50)])
    dots = [line for line in ax.lines if line not in curves]
    np.testing.assert_allclose(dots[0].get_xydata(), [(30, 20), (90, 50)])  # what tables list
    assert ax.get_xlim()[0] == 0
    assert ax.get_ylim()[0] <= 0
    assert list(ax.get_xticks()) == [0, 30, 90]


def test_intervals_and_bands_of_risk_are_steps_from_nothing_at_the_start(help_like):
    areas = [one for one in drawn(with_curves(help_like)).collections
             if isinstance(one, PolyCollection)]  # fmt: skip
    assert len(areas) == 4
    for area, half in zip(areas[:2], (6, 4), strict=True):
        corners = area.get_paths()[0].vertices
        assert set(corners[corners[:, 0] == 0][:, 1]) == {0.0}
        here = corners[np.isclose(corners[:, 0], 60)][:, 1]
        for end in (20 - half, 20 + half, 40 - half, 40 + half):  # before the step, and after
            assert np.isclose(here, end).any()


def test_the_caption_says_what_steps_and_dots_are(help_like):
    (section,) = profiles(with_curves(help_like), ["figures/profiles.svg"])
    (said,) = (one.alt for one in section.blocks if isinstance(one, FigureBlock))
    assert "each step holds the risk last read, and dots are the times listed" in said


def test_curves_on_the_page_go_across_and_up_only(help_like):
    page = inlined(profiles_svg(with_curves(help_like)), "profiles.svg")
    curves = [
        np.array(re.findall(r"[ML] (\S+) (\S+)", one.get("d")), dtype=float)
        for one in ElementTree.fromstring(page).iter("{http://www.w3.org/2000/svg}path")
        if re.search(r"fill: none; stroke: var\(--(blue|orange)\)", one.get("style", ""))
    ]
    assert len(curves) == 4  # one an arm, and its stroke in the legend
    for curve in curves:
        across, up = np.diff(curve, axis=0).T
        assert ((across == 0) | (up == 0)).all()


def with_doses(result: Result) -> Result:
    """Give the last rung a mean at each of three doses."""
    points = [
        ProfilePointBlock(name=f"{dose:g}", series="", x=dose, rows=50, estimate=mean,
                          std_error=0.02, interval=(mean - 0.04, mean + 0.04),
                          band=(mean - 0.06, mean + 0.06))
        for dose, mean in ((0.0, 0.5), (1.0, 0.4), (7.0, 0.2))
    ]  # fmt: skip
    block = ProfileBlock(
        kind="dose", axis="dose", unit="meetings a week", level=0.95, critical=2.4,
        compared=("dose 0", "dose 1"), points=points, beside=[], contrasts=[], notes=[],
    )  # fmt: skip
    rungs = [*result.rungs[:-1], result.rungs[-1].model_copy(update={"profile": block})]
    return result.model_copy(update={"rungs": rungs})


def test_no_interval_is_drawn_between_the_doses_of_the_grid(help_like):
    ax = drawn(with_doses(help_like))
    assert not ax.collections  # no area, which would claim an interval at every dose
    upright = [line.get_xydata() for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert sorted((*one[:, 0], *one[:, 1]) for one in upright) == [
        pytest.approx((x, x, low, high))
        for x, low, high in ((0, 44, 56), (0, 46, 54), (1, 34, 46), (1, 36, 44), (7, 14, 26),
                             (7, 16, 24))
    ]  # fmt: skip


def test_the_line_between_doses_is_broken_and_said_to_be_a_guide(help_like):
    result = with_doses(help_like)
    across = [line for line in drawn(result).lines if len(set(line.get_xdata())) == 3]
    assert sorted(line.get_linestyle() for line in across) == ["--", "None"]
    (section,) = profiles(result, ["figures/profiles.svg"])
    (said,) = (one.alt for one in section.blocks if isinstance(one, FigureBlock))
    assert "the broken line is a guide for the eye" in said


def test_differences_of_a_ratio_rung_are_written_as_differences(as_ratio):
    (section,) = profiles(with_arms(as_ratio), [])
    means, contrasts = (one for one in section.blocks if isinstance(one, GroupedTable))
    assert shown(means.groups[0][1][0][2]) == "0.500"
    assert [shown(cell) for cell in contrasts.groups[0][1][0][1:4]] == [
        "\u22120.100",
        "\u22120.160 to \u22120.040",
        "\u22120.170 to \u22120.030",
    ]


def test_what_is_in_one_unit_has_the_same_decimals_everywhere(help_like):
    result = with_arms(help_like)
    profile = result.rungs[-1].profile
    months = profile.contrasts[0].model_copy(update={"unit": "months", "std_error": 1.3})
    beside = [
        profile.points[0].model_copy(update={"estimate": 108.99, "std_error": 0.77}),
        profile.points[1].model_copy(update={"estimate": 107.93, "std_error": 1.17}),
    ]
    own = profile.model_copy(update={"beside": beside, "contrasts": [months]})
    last = result.rungs[-1].model_copy(update={"profile": own})
    (section,) = profiles(result.model_copy(update={"rungs": [*result.rungs[:-1], last]}), [])
    means, contrasts = (one for one in section.blocks if isinstance(one, GroupedTable))
    assert [shown(row[2]) for row in means.groups[0][1][-2:]] == ["109.0", "107.9"]
    assert shown(contrasts.groups[0][1][0][1]) == "\u22120.1"


def over_doses(result: Result, doses: tuple[float, ...], low: float = 0.2) -> Result:
    """Give the last rung a curve over doses; the interval of its first dose begins at ``low``."""
    points = [
        ProfilePointBlock(name=f"{dose:g}", series="", x=dose, rows=50, estimate=0.4,
                          std_error=0.02, interval=(low if i == 0 else 0.3, 0.5),
                          band=(low if i == 0 else 0.28, 0.52))
        for i, dose in enumerate(doses)
    ]  # fmt: skip
    block = ProfileBlock(
        kind="dose", axis="dose", unit="meetings a week", level=0.95, critical=2.3,
        compared=("0", "1"), points=points, beside=[], contrasts=[], notes=[],
    )  # fmt: skip
    rungs = [*result.rungs[:-1], result.rungs[-1].model_copy(update={"profile": block})]
    return result.model_copy(update={"rungs": rungs})


def drawn_profile(result: Result, low: float, high: float):
    """Draw the last rung on an axis with these ends, cut intervals marked."""
    ax = Figure().add_subplot()
    draw_profile(result, result.rungs[-1], ax)
    ax.set_ylim(low, high)
    return mark_cut(result, result.rungs[-1], ax)


def arrows(ax) -> list[tuple[str, float, float]]:
    return [
        (line.get_marker(), *line.get_xydata()[0])
        for line in ax.lines
        if line.get_marker() in ("v", "^")
    ]


def test_an_interval_cut_by_the_axis_ends_in_an_arrow_that_is_explained(help_like):
    cut = drawn_profile(over_doses(help_like, (0.0, 1.0), low=-0.2), -2, 60)
    assert set(arrows(cut)) == {("v", 0.0, -2.0)}
    assert "arrow: goes on beyond the axis" in cut.get_ylabel()
    above = drawn_profile(over_doses(help_like, (0.0, 1.0)), -2, 51)
    assert set(arrows(above)) == {("^", 0.0, 51.0), ("^", 1.0, 51.0)}  # the bands
    whole = drawn_profile(over_doses(help_like, (0.0, 1.0)), -2, 60)
    assert not arrows(whole)
    assert "arrow" not in whole.get_ylabel()


@pytest.mark.parametrize(("doses", "whole"), [((0, 1, 2, 3, 4), True), ((0, 0.25, 0.5), False)])
def test_doses_that_are_counted_have_whole_ticks(help_like, doses, whole):
    ax = drawn_profile(over_doses(help_like, doses), 0, 60)
    ax.figure.canvas.draw()
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert all("." not in one for one in ticks) == whole


def test_what_has_no_interval_or_band_is_a_dash_and_drawn_as_a_point(help_like):
    result = with_arms(help_like)
    rung = result.rungs[-1]
    nothing = {"interval": None, "band": None}
    profile = rung.profile.model_copy(
        update={
            "critical": None,
            "points": [one.model_copy(update=nothing) for one in rung.profile.points],
            "contrasts": [
                one.model_copy(update=nothing | dict.fromkeys(("p_value", "p_joint", "p_holm")))
                for one in rung.profile.contrasts
            ],
        }
    )
    bare = rung.model_copy(update={"profile": profile})
    result = result.model_copy(update={"rungs": [*result.rungs[:-1], bare], "diagnostics": []})
    (section,) = profiles(result, [])
    means, contrasts = (one for one in section.blocks if isinstance(one, GroupedTable))
    assert {row[3:] for _, rows in means.groups for row in rows} == {("–", "–")}
    assert {row[2:] for _, rows in contrasts.groups for row in rows} == {("–",) * 5}
    ax = draw_profile(result, bare, Figure().subplots())
    assert "band" not in ax.get_ylabel()
    lines = tables(result)["profile_contrasts.csv"].decode().splitlines()
    assert lines[1].endswith("," * 6)

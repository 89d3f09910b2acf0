"""A rung with more than two means: its table, its figure, its data files."""

from __future__ import annotations

from causal.report.blocks import GroupedTable, Paragraph, shown
from causal.report.profile_figure import profiles_svg
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

"""A rung with more than two means: its table, its figure, its data files."""

from __future__ import annotations

from causal.report.blocks import GroupedTable, shown
from causal.report.profile_figure import profiles_svg
from causal.report.profiles import profiles
from causal.report.tables import tables
from causal.result import ProfileBlock, ProfileContrastBlock, ProfilePointBlock, Result

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

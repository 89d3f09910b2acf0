"""Rungs with more than two means: arms, doses or times, each with its interval and band."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from causal.report.blocks import (
    Block,
    Bullets,
    Figure,
    Fold,
    GroupedTable,
    Number,
    Paragraph,
    Section,
)
from causal.report.markdown import code, plain, sentence, words
from causal.report.numbers import Measure, difference_measure, number, percent
from causal.report.reading import rung_label
from causal.result import (
    Pair,
    ProfileBlock,
    ProfileContrastBlock,
    ProfilePointBlock,
    Result,
    RungBlock,
)

SMALLEST_P = 0.001
IMPOSSIBLE = "†"
"""Marks a mean whose interval leaves what the outcome can be."""
UNSUPPORTED = "‡"
"""Marks a rung of which a check is not passed: which rows stand behind its means, and how many."""

HEADINGS = {
    "arms": "All arms",
    "dose": "By dose",
    "threshold": "By threshold",
    "shift": "Under a shifted exposure",
    "survival": "By time",
}

CAPTIONS = {
    "dose": "Mean at each dose of the grid, with interval and band; the curve is read at these "
    "only, and the broken line is a guide for the eye",
    "survival": "Risk by time, from 0 at the start, with interval and band; each step holds the "
    "risk last read, and dots are the times listed",
}
"""What a figure shows, where it is more than a mark for each mean."""


def profiled(result: Result) -> list[RungBlock]:
    """Give the rungs that have more means than the two compared."""
    return [rung for rung in result.rungs if rung.profile is not None]


def profiles(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show every profile; nothing where there is none."""
    rungs = profiled(result)
    if not rungs:
        return
    chief = [rung for rung in rungs if rung.name == result.headline] or rungs[-1:]
    kinds = [rung.profile.kind for rung in chief if rung.profile]
    blocks: list[Block] = [Paragraph(_opening(result, chief[0]))]
    if "figures/profiles.svg" in parts:
        caption = CAPTIONS.get(kinds[0], "Every mean of a rung, interval and band")
        blocks.append(Figure("figures/profiles.svg", caption))
    others = [rung for rung in rungs if rung not in chief]
    blocks += _tables(result, chief)
    if others:
        blocks.append(Fold("The same of the other rungs", tuple(_tables(result, others))))
    blocks += _marks(result, rungs)
    notes = [f"{code(r.name)}: {sentence(plain(n))}" for r in rungs if r.profile
             for n in r.profile.notes]  # fmt: skip
    if notes:
        blocks.append(Bullets(tuple(notes)))
    links = [
        f"[{name}](tables/{name})"
        for name in ("profiles.csv", "profile_contrasts.csv")
        if f"tables/{name}" in parts
    ]
    if links:
        blocks.append(Paragraph(f"Data: {', '.join(links)}."))
    yield Section(HEADINGS.get(kinds[0], "All means"), tuple(blocks))


def _tables(result: Result, rungs: list[RungBlock]) -> list[Block]:
    """Give means and contrasts of some rungs."""
    if any(one.profile.contrasts for one in rungs if one.profile):
        return [_points(result, rungs), _contrasts(result, rungs)]
    return [_points(result, rungs)]


def _opening(result: Result, rung: RungBlock) -> str:
    """Say what the section shows, and how not to read it."""
    label = rung_label(result, rung)
    wording = " Contrasts are associations, not effects." if label == "association" else ""
    level = percent(rung.level)
    return (
        "The ladder compares two of the means of these rungs; here are all of them.\n"
        f"An interval holds its own mean at {level}; the band holds all means of the rung at once. "
        "Of several contrasts, the band and the corrected p-values allow for their number, the "
        f"intervals and plain p-values do not.{wording}"
    )


def _marks(result: Result, rungs: list[RungBlock]) -> list[Block]:
    """Say what the marks mean, in a sentence each; nothing where there is none."""
    said = []
    points = [one for rung in rungs if rung.profile for one in rung.profile.points]
    if any(one.listed and _impossible(result, one) for one in points):
        said.append(
            f"{IMPOSSIBLE} The interval leaves 0 to 1, where a probability lies: too little data "
            "stand behind this mean to read it."
        )
    for rung in rungs:
        reasons = [plain(one.rstrip(".")) for one in _failed(result, rung)]
        if reasons:
            said.append(f"{UNSUPPORTED} Checks of {code(rung.name)} fail: {'; '.join(reasons)}.")
    return [Paragraph(one) for one in said]


def _impossible(result: Result, one: ProfilePointBlock) -> bool:
    """Tell whether the interval of a probability leaves 0 to 1."""
    return (
        result.crude.scale != "mean_difference"
        and one.interval is not None
        and not (one.interval[0] >= 0 and one.interval[1] <= 1)
    )


def _failed(result: Result, rung: RungBlock) -> list[str]:
    """Give why the checks of a rung fail that do."""
    found = (one for one in result.diagnostics if one.rung == rung.name)
    return [one.reason or words(one.name) for one in found if one.verdict == "FAIL"]


def _marked(result: Result, rung: RungBlock) -> str:
    """Name a rung in a heading, marked where a check of it fails."""
    return f"{code(rung.name)} {UNSUPPORTED}" if _failed(result, rung) else code(rung.name)


def _points(result: Result, rungs: list[RungBlock]) -> GroupedTable:
    """Give every mean."""
    level = percent(rungs[-1].level)
    header = ("Mean", "Rows", "Estimate", f"{level} interval", f"{level} band")
    groups = []
    for rung in rungs:
        if rung.profile is None:
            continue
        at = f"/rungs/{result.rungs.index(rung)}/profile"
        rows = [
            _point(one, f"{at}/points/{i}", difference_measure(result), _impossible(result, one))
            for i, one in enumerate(rung.profile.points)
            if one.listed
        ]
        rows += [
            _point(one, f"{at}/beside/{i}", _of_own_unit(result), False)
            for i, one in enumerate(rung.profile.beside)
        ]
        groups.append((f"{_marked(result, rung)}, by {plain(_axis(rung.profile))}", rows))
    return GroupedTable(header, tuple(groups), "lrrll", "Every mean of a rung")


def _point(
    one: ProfilePointBlock, pointer: str, measure: Measure, impossible: bool
) -> tuple[str | Number, ...]:
    """Write one mean, marked where its interval is impossible."""
    return (
        f"{plain(one.name)} {IMPOSSIBLE}" if impossible else plain(one.name),
        "–" if one.rows is None else plain(str(one.rows)),
        Number(measure.cell(one.estimate), f"{pointer}/estimate"),
        _span(one.interval, measure),
        _span(one.band, measure),
    )


def _contrasts(result: Result, rungs: list[RungBlock]) -> GroupedTable:
    """Give every contrast."""
    level = percent(rungs[-1].level)
    header = (
        "Contrast", "Difference", f"{level} interval", f"{level} band", "p", "p, all jointly",
        "p, Holm",
    )  # fmt: skip
    groups = []
    for rung in rungs:
        if rung.profile is None or not rung.profile.contrasts:
            continue
        at = f"/rungs/{result.rungs.index(rung)}/profile/contrasts"
        rows = [
            _contrast(
                one,
                f"{at}/{i}",
                _of_own_unit(result) if one.unit else difference_measure(result),
            )
            for i, one in enumerate(rung.profile.contrasts)
        ]
        groups.append((f"{_marked(result, rung)}, {plain(rung.target)}", rows))
    return GroupedTable(header, tuple(groups), "lrllrrr", "Contrasts between the means of a rung")


def _contrast(
    one: ProfileContrastBlock, pointer: str, measure: Measure
) -> tuple[str | Number, ...]:
    """Write one contrast."""
    unit = f" ({plain(one.unit)})" if one.unit else ""
    return (
        f"{plain(one.name)}{unit}",
        Number(measure.cell(one.estimate), f"{pointer}/estimate"),
        _span(one.interval, measure),
        _span(one.band, measure),
        _p_value(one.p_value),
        _p_value(one.p_joint),
        _p_value(one.p_holm),
    )


def _of_own_unit(result: Result) -> Measure:
    """Give how what is in a unit of its own is written, such as mean times: all alike.

    One decimal, or two where no standard error reaches 1, so that means and their contrasts, of
    one rung and of another, can be held against each other.
    """
    profiles = [rung.profile for rung in profiled(result) if rung.profile]
    errors = [one.std_error for profile in profiles for one in profile.beside]
    errors += [one.std_error for profile in profiles for one in profile.contrasts if one.unit]
    return Measure(points=False, unit="", decimals=1 if max(errors) >= 1 else 2)


def _axis(profile: ProfileBlock) -> str:
    """Name the axis with its unit."""
    return f"{profile.axis} ({profile.unit})" if profile.unit else profile.axis


def _span(pair: Pair | None, measure: Measure) -> str:
    """Write an interval for a table; a dash where there is none."""
    return "–" if pair is None else measure.cells(pair)


def _p_value(p: float | None) -> str:
    """Write a p-value for a table; a dash where there is none."""
    if p is None:
        return "–"
    return f"< {SMALLEST_P:g}" if p < SMALLEST_P else number(p, 3)

"""Subgroups on the first page: which levels are told apart, and one line of a table for each."""

from __future__ import annotations

from causal.report.blocks import Cell, Number, Table
from causal.report.markdown import code, codes, joined
from causal.report.numbers import percent
from causal.report.subgroups import (
    MOST_CONTRASTS,
    contrasts_of,
    is_small,
    measure_in,
    of_instrument,
    p_number,
)
from causal.result import InteractionTestBlock, Reason, Result, SubgroupBlock


def subgroup_sentences(result: Result) -> list[str]:
    """Say on the first page which levels are told apart; ``summary_table`` has the numbers."""
    blocks = [block for _, block in _foremost(result)]
    tested = [(one, one.test) for one in blocks if isinstance(one.test, InteractionTestBlock)]
    apart = [one for one, test in tested if test.p_holm <= 1 - one.level]
    alike = [one for one, _ in tested if one not in apart]
    bare = [one for one in blocks if isinstance(one.test, Reason)]
    small = [one for one, _ in tested if any(is_small(level) for level in one.levels)]
    said = []
    if apart:
        said.append(
            f"By {_named(result, apart)} differences are further apart than chance alone would "
            "make them."
        )
    if alike:
        said.append(
            f"By {_named(result, alike)} the data do not tell levels apart, which is no evidence "
            "that differences are the same."
        )
    if bare:
        said.append(f"By {_named(result, bare)} levels are not compared.")
    if small:
        whose = "These tests" if len(small) == len(tested) else f"Tests by {_named(result, small)}"
        said.append(
            f"{whose} have few rows for each column adjusted for and reject more often than they "
            "say."
        )
    failing = [one for one in blocks if any(level.failed for level in one.levels)]
    if failing:
        said.append(f"Within levels of {_named(result, failing)} a check fails.")
    return [*said, "Levels one by one: section 7."] if said else []


def summary_table(result: Result) -> Table:
    """Give the test of each subgroup of the first page, with its contrasts; of many the clearest.

    Small enough to be read there: what each level shows by itself is in ``by_subgroup``.
    """
    found = _foremost(result)
    level = percent(found[0][1].level) if found else ""
    units = {measure_in(result, one).unit for _, one in found}
    unit = f", {units.pop()}" if len(units) == 1 and "" not in units else ""
    moments = {one.at for _, one in found}
    when = f", at {moments.pop()}" if len(moments) == 1 else ""
    rows = [
        (
            _title(result, block, moment=not when),
            _against(block),
            *_short_contrasts(result, block, pointer, named=not unit),
            *_short_test(block, pointer),
        )
        for pointer, block in found
    ]
    header = (
        f"Subgroup{when}",
        "Levels",
        f"Contrast, adjusted{unit} ({level} CI)",
        "p",
        "p by Holm",
    )
    return Table(header, rows, "lllrr", "Contrasts between levels of each subgroup")


def _foremost(result: Result) -> list[tuple[str, SubgroupBlock]]:
    """Give the subgroups of the first page with their addresses: those of the headline rung.

    And first stages: an effect through an instrument says nothing of a level in which the
    instrument moves nobody.
    """
    return [
        (f"/subgroups/{at}", one)
        for at, one in enumerate(result.subgroups)
        if one.rung == result.headline or of_instrument(result, one) == "first stage"
    ]


def _title(result: Result, block: SubgroupBlock, *, moment: bool) -> str:
    """Name a subgroup: by its column, its moment if wanted, and the rung if not the headline."""
    when = f" at {block.at}" if moment else ""
    rung = "" if block.rung == result.headline else f", rung {code(block.rung)}"
    return f"{code(block.column)}{when}{rung}"


def _named(result: Result, blocks: list[SubgroupBlock]) -> str:
    """Name subgroups in a sentence."""
    return joined([_title(result, one, moment=False) for one in blocks])


def _against(block: SubgroupBlock) -> str:
    """Say which levels are compared with which, and how many could be estimated if not all."""
    found = [code(name) for _, name, _ in contrasts_of(block)]
    if not found:
        return codes([one.name for one in block.levels])
    levels = len(block.levels)
    estimated = sum(not isinstance(one.adjusted, Reason) for one in block.levels)
    some = f" ({estimated} of {levels} levels estimated)" if estimated < levels else ""
    return f"{', '.join(found)} against {code(block.reference or '')}{some}"


def _short_contrasts(
    result: Result, block: SubgroupBlock, pointer: str, *, named: bool
) -> tuple[Cell]:
    """Write the contrasts of a subgroup in one cell; of many the clearest.

    Parameters
    ----------
    named : name the unit, which the heading does not.
    """
    measure, found = measure_in(result, block), contrasts_of(block)
    if not found:
        return ("–",)
    shown = found
    if len(found) > MOST_CONTRASTS:
        shown = [min(found, key=lambda one: one[2].p_value)]
    given = [
        f"{measure.amount(one.estimate) if named else measure.bare(one.estimate)} "
        f"({measure.span(one.interval)})" + (f" in {code(name)}" if len(found) > 1 else "")
        for _, name, one in shown
    ]
    return (Number("; ".join(given), f"{pointer}/levels/{shown[0][0]}/interaction/estimate"),)


def _short_test(block: SubgroupBlock, pointer: str) -> tuple[Cell, Cell]:
    """Write both p-values of the test between levels; dashes where there is none."""
    test = block.test
    if isinstance(test, Reason):
        return "–", "–"
    return (
        Number(p_number(test.p_value), f"{pointer}/test/p_value"),
        Number(p_number(test.p_holm), f"{pointer}/test/p_holm"),
    )

"""Exploratory: for whom the effect may differ, kept behind everything that was declared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from causal.report.blocks import Block, Bullets, Number, Paragraph, Section, Table
from causal.report.blocks import Cell as Written
from causal.report.markdown import code, joined, plain, sentence
from causal.report.numbers import Measure, difference_measure, number, percent
from causal.report.reading import rung_label
from causal.result import (
    EffectGroupBlock,
    EqualityBlock,
    HeterogeneityBlock,
    MedianBlock,
    ModifierBlock,
    Reason,
    RefusedHeterogeneityBlock,
    Result,
    SlopeBlock,
)

Cell: TypeAlias = str | int | float | None

SMALLEST_P = 0.001
CHANCE = 0.05

OPENING = (
    "Nobody declared what is below: persons are sorted by what the data themselves suggest, so it "
    "is a source of questions for the next study and no answer of this one. Each person has a "
    "doubly robust score from regressions that saw others only. One random half of the persons "
    "learns from scores of its own how effects go with the columns named, and predicts them for "
    "the other half, where they are compared with the scores. That is done anew several times; "
    "shown are medians, with intervals and p-values that allow for the choice."
)


def for_whom(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show every exploration; nothing where none was asked for."""
    if not result.heterogeneity:
        return
    blocks: list[Block] = [Paragraph(_opening(result))]
    for index, one in enumerate(result.heterogeneity):
        if isinstance(one, RefusedHeterogeneityBlock):
            why = plain(one.not_estimable.rstrip("."))
            blocks.append(Paragraph(f"Rung {code(one.rung)}: not explored, since {why}."))
            continue
        blocks += _explored(result, one, f"/heterogeneity/{index}")
    if "tables/heterogeneity.csv" in parts:
        blocks.append(Paragraph("Data: [heterogeneity.csv](tables/heterogeneity.csv)."))
    yield Section("Exploratory: for whom", tuple(blocks))


def _opening(result: Result) -> str:
    """Say what the section is, and what it is not."""
    rungs = dict.fromkeys(one.rung for one in result.heterogeneity)
    labels = {rung_label(result, result.rung(name)) for name in rungs}
    wording = " Differences are associations, not effects." if "association" in labels else ""
    return f"{OPENING}{wording}"


def _explored(result: Result, block: HeterogeneityBlock, at: str) -> Iterator[Block]:
    """Say what came of one exploration, and show its modifiers and groups."""
    measure, level = difference_measure(result), percent(block.level)
    said = [
        f"Rung {code(block.rung)}: {sentence(plain(block.reason))}",
        f"Average of the scores: {_amount(measure, block.average, level)}. "
        f"{block.divisions} divisions, effects learned by {code(block.learner)}.",
        _calibration(block.calibration, level),
        _spread(block, measure, level),
    ]
    if block.clipped not in (0, "0"):
        low, high = block.clip
        said.append(
            f"The propensity of {plain(str(block.clipped))} rows was set to {low:g} or {high:g}."
        )
    yield Bullets(tuple(said))
    if isinstance(block.modifiers, Reason):
        why = plain(block.modifiers.not_estimable)
        yield Paragraph(f"No projection on the modifiers, since {why}.")
    else:
        yield _modifier_table(block.modifiers, measure, level, at)
    if isinstance(block.groups, Reason):
        yield Paragraph(f"No groups, since {plain(block.groups.not_estimable)}.")
    else:
        yield _group_table(block.groups, measure, level, at)
        yield _mean_table(block.groups)
        yield from _hidden(block.groups)


def _calibration(found: MedianBlock | Reason, level: str) -> str:
    """Say whether predicted effects go with those of the persons they were predicted for."""
    if isinstance(found, Reason):
        return f"Calibration: not given, since {plain(found.not_estimable)}."
    noise = "" if found.split_sd is None else f"; SD {number(found.split_sd, 2)} between divisions"
    shown = (
        f"{number(found.estimate, 2)} ({level} CI {number(found.interval[0], 2)} to "
        f"{number(found.interval[1], 2)}; {_p_value(found.p_value)} against 0{noise})"
    )
    told = found.p_value <= CHANCE and found.estimate > 0
    verdict = (
        "predictions tell something of how effects differ"
        if told
        else "predictions are not shown to tell anything of how effects differ"
    )
    return f"Calibration slope (1 if predictions are right, 0 if noise): {shown}: {verdict}."


def _spread(block: HeterogeneityBlock, measure: Measure, level: str) -> str:
    """Give the contrast of the outer groups, and the test of all."""
    if isinstance(block.spread, Reason):
        return f"Outer groups: not compared, since {plain(block.spread.not_estimable)}."
    noise = block.spread.split_sd
    between = "" if noise is None else f"; SD {measure.amount(noise)} between divisions"
    same = (
        ""
        if isinstance(block.groups_p, Reason)
        else f" All groups the same: {_p_value(block.groups_p)}."
    )
    return (
        f"Highest minus lowest predicted group: {_amount(measure, block.spread, level)}, "
        f"{_p_value(block.spread.p_value)}{between}.{same}"
    )


def _modifier_table(
    modifiers: Sequence[ModifierBlock], measure: Measure, level: str, at: str
) -> Table:
    """Give the projection: each column's slope, and the test of its modifier."""
    header = ("Modifier", "Change a unit", f"{level} CI", "p", f"p by Holm, {len(modifiers)}")
    rows: list[Sequence[Written]] = []
    for index, one in enumerate(modifiers):
        tested = isinstance(one.test, EqualityBlock)
        p_value = one.test.p_value if isinstance(one.test, EqualityBlock) else 1.0
        for place, term in enumerate(one.terms):
            first = place == 0 and tested and one.p_holm is not None
            rows.append(
                (
                    f"{code(term.term)}, {plain(one.description)}",
                    Number(
                        measure.cell(term.estimate),
                        f"{at}/modifiers/{index}/terms/{place}/estimate",
                    ),
                    measure.cells(term.interval),
                    _p_cell(p_value) if first else "",
                    _p_cell(one.p_holm or 0.0) if first else "",
                )
            )
    caption = "How the effect moves with each modifier, the others held fixed"
    return Table(header, rows, "lrlrr", caption)


def _group_table(
    groups: Sequence[EffectGroupBlock], measure: Measure, level: str, at: str
) -> Table:
    """Give the sorted groups: what was predicted, and what was seen."""
    header = ("Group", "n", "Smaller arm", "Predicted", f"Effect ({level} CI)")
    rows = [
        (
            f"{one.number} of {len(groups)}",
            plain(str(one.n)),
            plain(str(one.arm)),
            "–" if one.predicted is None else measure.cell(one.predicted),
            _effect(one.effect, measure, f"{at}/groups/{index}/effect"),
        )
        for index, one in enumerate(groups)
    ]
    return Table(header, rows, "lrrrl", "Persons sorted by predicted effect, the lowest first")


def _mean_table(groups: Sequence[EffectGroupBlock]) -> Table:
    """Say who is in each group: the means of the modifiers, a dash where a group is hidden."""
    terms = next(([mean.term for mean in one.means] for one in groups if one.means), [])
    header = ("Mean of", *(f"Group {one.number}" for one in groups))
    rows = [
        (
            code(term),
            *(number(one.means[place].mean, 2) if one.means else "–" for one in groups),
        )
        for place, term in enumerate(terms)
    ]
    return Table(header, rows, "l" + "r" * len(groups), "Who is in the groups")


def _effect(found: MedianBlock | Reason, measure: Measure, at: str) -> Written:
    """Write the effect of a group; a dash where a note below says why there is none."""
    if isinstance(found, Reason):
        return Number("–", f"{at}/not_estimable")
    return Number(
        f"{measure.cell(found.estimate)} ({measure.cells(found.interval)})", f"{at}/estimate"
    )


def _hidden(groups: Sequence[EffectGroupBlock]) -> Iterator[Block]:
    """Say which groups are not shown, and why."""
    reasons: dict[str, list[str]] = {}
    for one in groups:
        if isinstance(one.effect, Reason):
            reasons.setdefault(one.effect.not_estimable, []).append(str(one.number))
    for reason, numbers in reasons.items():
        many = "Groups" if len(numbers) > 1 else "Group"
        verb = "are" if len(numbers) > 1 else "is"
        yield Paragraph(f"{many} {joined(numbers)} {verb} not shown: {plain(reason)}.")


def _amount(measure: Measure, found: SlopeBlock | MedianBlock, level: str) -> str:
    """Write a difference with its interval for a sentence."""
    return f"{measure.amount(found.estimate)} ({level} CI {measure.span(found.interval)})"


def _p_value(p: float) -> str:
    """Write a p-value for a sentence."""
    return f"p below {SMALLEST_P:g}" if p < SMALLEST_P else f"p = {number(p, 3)}"


def _p_cell(p: float) -> str:
    """Write a p-value for a table."""
    return f"below {SMALLEST_P:g}" if p < SMALLEST_P else number(p, 3)


def heterogeneity_rows(result: Result) -> tuple[Sequence[str], Iterable[Sequence[Cell]]]:
    """Give one row a number: the modifiers' slopes, the groups' effects, and the checks."""
    header = (
        "rung", "label", "what", "name", "n", "arm", "predicted", "estimate", "std_error",
        "lo", "hi", "split_sd", "p_value", "p_holm", "not_estimable",
    )  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for block in result.heterogeneity:
        head = (block.rung, block.label)
        if isinstance(block, RefusedHeterogeneityBlock):
            nothing = (None,) * 10
            rows.append((*head, "exploration", block.kind, *nothing, block.not_estimable))
            continue
        single = (
            ("average", block.average),
            ("calibration", block.calibration),
            ("highest minus lowest", block.spread),
        )
        for name, found in single:
            rows.append((*head, "summary", name, None, None, None, *_numbers(found, None)))
        if isinstance(block.modifiers, list):
            for modifier in block.modifiers:
                rows += [
                    (*head, "modifier", one.term, None, None, None, *_numbers(one, modifier.p_holm))
                    for one in modifier.terms
                ]
        if isinstance(block.groups, list):
            rows += [
                (
                    *head, "group", one.number, one.n, one.arm, one.predicted,
                    *_numbers(one.effect, None),
                )
                for one in block.groups
            ]  # fmt: skip
    return header, rows


def _numbers(found: SlopeBlock | MedianBlock | Reason, p_holm: float | None) -> tuple[Cell, ...]:
    """Give estimate, errors, interval and p-values; or the reason for none."""
    if isinstance(found, Reason):
        return (None,) * 7 + (found.not_estimable,)
    error = found.std_error if isinstance(found, SlopeBlock) else None
    split = found.split_sd if isinstance(found, MedianBlock) else None
    return (found.estimate, error, *found.interval, split, found.p_value, p_holm, "")

"""By subgroup: the same rung within levels of what was known before exposure, and between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from causal.report.blocks import (
    Block,
    Bullets,
    Cell,
    GroupedTable,
    Number,
    Paragraph,
    Section,
)
from causal.report.markdown import code, codes, joined, plain, sentence
from causal.report.numbers import (
    Measure,
    difference_measure,
    first_stage_measure,
    number,
    percent,
)
from causal.report.reading import few_rows, rung_label
from causal.result import (
    ContrastBlock,
    Count,
    DifferenceBlock,
    InteractionTestBlock,
    LevelBlock,
    Reason,
    Result,
    SubgroupBlock,
)

SMALLEST_P = 0.001
OF_INSTRUMENT = {
    "first stage": "differences are in the exposure, for a unit of the instrument",
    "ITT": "differences are in the outcome, for a unit of the instrument",
}
"""Targets of rungs about the instrument itself, and what their differences are."""
MOST_CONTRASTS = 3
"""Contrasts listed in a sentence; of more, the table has all."""

DECLARED = {
    "before_estimates": "The subgroups were declared before any estimate was seen.",
    "after_estimates": "The subgroups were declared after estimates had been seen, so a small "
    "p-value counts for less than it says: other columns and cuts could have been chosen.",
}


def by_subgroup(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show every subgroup under each of its rungs; nothing where none was declared."""
    if not result.subgroups:
        return
    blocks: list[Block] = [
        Paragraph(_opening(result)),
        Bullets(tuple(finding_sentence(result, one) for one in result.subgroups)),
        _table(result),
    ]
    notes = tuple(_notes(result))
    if notes:
        blocks.append(Bullets(notes))
    if "tables/subgroups.csv" in parts:
        blocks.append(Paragraph("Data: [subgroups.csv](tables/subgroups.csv)."))
    yield Section("By subgroup", tuple(blocks))


def finding_sentence(result: Result, block: SubgroupBlock) -> str:
    """Say in plain words what the test between levels found, and what it leaves open."""
    head = f"{code(block.column)} at {block.at}, rung {code(block.rung)}"
    test = block.test
    if isinstance(test, Reason):
        return f"{head}: levels are not compared, since {plain(test.not_estimable.rstrip('.'))}."
    estimated = [one.name for one in block.levels if isinstance(one.adjusted, DifferenceBlock)]
    many = "both levels" if len(estimated) == 2 else f"all {len(estimated)} levels estimated"
    shown = _said_test(test)
    if test.p_holm <= 1 - block.level:
        said = (
            f"{head}: the differences are further apart than chance alone would make them if the "
            f"difference were the same in {many} ({shown})."
        )
    else:
        said = (
            f"{head}: the data do not tell the differences of the levels apart ({shown}). That is "
            f"no evidence that the difference is the same in {many}."
        )
    few = [code(one.name) for one in block.levels if is_small(one)]
    warned = (
        f" With few rows for each column adjusted for, in {joined(few)}, the test rejects more "
        "often than it says."
        if few
        else ""
    )
    return f"{said} {_contrast_sentence(result, block)}{warned}"


def contrasts_of(block: SubgroupBlock) -> list[tuple[int, str, ContrastBlock]]:
    """Give the contrasts of a subgroup, each with its level and the level's place."""
    return [
        (at, one.name, one.interaction)
        for at, one in enumerate(block.levels)
        if isinstance(one.interaction, ContrastBlock)
    ]


def of_instrument(result: Result, block: SubgroupBlock) -> str:
    """Give the target of a rung about the instrument itself; empty for any other."""
    target = result.rung(block.rung).target
    return target if target in OF_INSTRUMENT else ""


def measure_in(result: Result, block: SubgroupBlock) -> Measure:
    """Choose the unit: first stages are differences in exposure, all others in the outcome."""
    if of_instrument(result, block) == "first stage":
        return first_stage_measure(result)
    return difference_measure(result)


def is_small(one: LevelBlock) -> bool:
    """Tell whether an estimated level has few rows for each column adjusted for."""
    return few_rows(one.n, one.terms) != ""


def _opening(result: Result) -> str:
    """Say what the section shows, and how not to read it."""
    rungs = list(dict.fromkeys(one.rung for one in result.subgroups))
    labels = {rung_label(result, result.rung(name)) for name in rungs}
    wording = " Differences are associations, not effects." if "association" in labels else ""
    return (
        f"The rung{'s' if len(rungs) > 1 else ''} {joined([code(name) for name in rungs])} once "
        "more within levels of what was known before exposure, each level with its own rows and "
        f"regressions.{wording} {DECLARED[result.design.chosen]}\n"
        "An interval that excludes 0 in one level and holds it in another does not show that "
        "levels differ: a difference in significance is no significant difference. Only the "
        "contrast between levels, and the test of all of them, speaks to that. Levels are not "
        "assigned either, so a contrast may be due to something else that goes with the level."
    )


def _said_test(test: InteractionTestBlock) -> str:
    """Write a test of the levels for a sentence."""
    reference = (
        f"chi-squared {number(test.statistic, 2)} on {test.df}"
        if test.df_residual is None
        else f"F {number(test.statistic / test.df, 2)} on {test.df} and "
        f"{number(test.df_residual, 0)}"
    )
    corrected = (
        f"; {_p_value(test.p_holm)} by Holm for {test.tests} subgroups" if test.tests > 1 else ""
    )
    return f"Wald test, {reference} df, {_p_value(test.p_value)}{corrected}"


def _contrast_sentence(result: Result, block: SubgroupBlock) -> str:
    """Give the contrasts with the level the others are compared with; of many, the clearest."""
    measure, against = measure_in(result, block), code(block.reference or "")
    found = [(name, one) for _, name, one in contrasts_of(block)]
    if not found:
        return ""
    shown = found if len(found) <= MOST_CONTRASTS else [min(found, key=lambda one: one[1].p_value)]
    given = [
        f"{measure.amount(one.estimate)} in {code(name)} ({percent(block.level)} CI "
        f"{measure.span(one.interval)}; {_said_p(one)})"
        for name, one in shown
    ]
    if len(shown) < len(found):
        return f"Of {len(found)} contrasts with {against}, adjusted, the clearest: {given[0]}."
    return f"Contrast with {against}, adjusted: {joined(given)}."


def _said_p(one: ContrastBlock) -> str:
    """Write the p-value of a contrast, corrected where there are several."""
    if one.contrasts == 1:
        return _p_value(one.p_value)
    return f"{_p_value(one.p_holm)} by Holm for {one.contrasts} contrasts"


def _table(result: Result) -> GroupedTable:
    """Give every level, under a heading for each subgroup and rung."""
    level = percent(result.subgroups[0].level)
    alone = all(of_instrument(result, one) for one in result.subgroups)
    arms = "Instrument 1 / 0" if alone else "Exposed / unexposed"
    clustered = any(one.n_clusters is not None for one in result.rungs)
    several = "clusters" if result.design.cluster else "persons"
    header = (
        "Level", f"n ({several})" if clustered else "n", arms,
        f"Crude ({level} CI)", f"Adjusted ({level} CI)", f"Contrast ({level} CI)", "p by Holm",
    )  # fmt: skip
    groups = tuple(
        (
            f"By {code(block.column)} at {block.at}, rung {code(block.rung)}: "
            f"{plain(block.description)}",
            [
                _row(one, f"/subgroups/{index}/levels/{at}", measure_in(result, block))
                for at, one in enumerate(block.levels)
            ],
        )
        for index, block in enumerate(result.subgroups)
    )
    return GroupedTable(header, groups, "lrrlllr", "Differences by subgroup, and their contrasts")


def _row(one: LevelBlock, pointer: str, measure: Measure) -> tuple[Cell, ...]:
    """Write one level."""
    arms = "–" if one.exposed is None else f"{_count(one.exposed)} / {_count(one.unexposed)}"
    persons = "" if one.n_clusters is None else f" ({_count(one.n_clusters)})"
    return (
        f"{code(one.name)}: {plain(one.values)}",
        f"{_count(one.n)}{persons}",
        arms,
        *(
            _difference(found, f"{pointer}/{name}", measure)
            for name, found in (
                ("crude", one.crude),
                ("adjusted", one.adjusted),
                ("interaction", one.interaction),
            )
        ),
        _corrected(one, pointer),
    )


def _corrected(one: LevelBlock, pointer: str) -> Cell:
    """Write the corrected p-value of a contrast; a dash where there is none."""
    found = one.interaction
    if isinstance(found, Reason):
        return "–"
    return Number(p_number(found.p_holm), f"{pointer}/interaction/p_holm")


def _difference(found: DifferenceBlock | Reason, pointer: str, measure: Measure) -> Cell:
    """Write a difference with its interval; a dash where a note below says why there is none."""
    if isinstance(found, Reason):
        return Number("–", f"{pointer}/not_estimable")
    text = f"{measure.cell(found.estimate)} ({measure.cells(found.interval)})"
    return Number(text, f"{pointer}/estimate")


def _notes(result: Result) -> Iterator[str]:
    """Say which levels were not estimated, which are small, and what each was not adjusted for."""
    for block in result.subgroups:
        head = f"{code(block.column)} at {block.at}, rung {code(block.rung)}"
        about = of_instrument(result, block)
        if about:
            yield (
                f"{head}: {OF_INSTRUMENT[about]}, and the two counts of a 0/1 instrument are of "
                "rows with and without it. The crude difference, one of exposure, is no match."
            )
        refused: dict[str, list[str]] = {}
        for one in block.levels:
            for found in (one.adjusted,) if about else (one.crude, one.adjusted):
                if isinstance(found, Reason):
                    refused.setdefault(found.not_estimable, []).append(one.name)
        for reason, names in refused.items():
            yield f"{head}, {codes(dict.fromkeys(names))}: {sentence(plain(reason))}"
        for one in block.levels:
            if one.dropped:
                yield (
                    f"{head}, {code(one.name)}: {codes(one.dropped)} "
                    f"{'does' if len(one.dropped) == 1 else 'do'} not vary there and "
                    f"{'is' if len(one.dropped) == 1 else 'are'} not adjusted for."
                )
            if is_small(one):
                yield f"{head}, {code(one.name)}: {few_rows(one.n, one.terms)}"
            if one.narrowed:
                yield f"{head}, {code(one.name)}: {plain(one.narrowed)}."
            for reason in one.failed:
                yield f"{head}, {code(one.name)}, a check fails: {sentence(plain(reason))}"
        if block.outside not in (0, "0"):
            yield f"{head}: {_count(block.outside)} rows are in no level."


def p_number(p: float) -> str:
    """Write a p-value for a table."""
    return f"below {SMALLEST_P:g}" if p < SMALLEST_P else number(p, 3)


def _p_value(p: float) -> str:
    """Write a p-value for a sentence."""
    return f"p below {SMALLEST_P:g}" if p < SMALLEST_P else f"p = {number(p, 3)}"


def _count(count: Count | None) -> str:
    """Write a count, hidden ones with their sign kept from being read as a tag."""
    return plain(str(count))

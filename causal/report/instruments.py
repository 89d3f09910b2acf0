"""What is said of the instruments: checks, whom they move, and what they cannot tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from causal.report.blocks import (
    Block,
    Bullets,
    Cell,
    Figure,
    Fold,
    Number,
    Paragraph,
    Section,
    Table,
)
from causal.report.markdown import code, joined, plain, sentence, words
from causal.report.numbers import number
from causal.report.sections import VERDICTS
from causal.result import InstrumentBlock, Reason, Result, TableRow

PICTURE = "instruments.svg"
SHOWN = ("compliers", "instrument_bounds")
"""Checks whose numbers are shown at once; those of the others are folded away."""
DECIMALS = 3
CAPTIONS = {
    "level": "Means by value of the instrument",
    "group": "First stage by group",
    "difference": "Do first stages differ within a covariate",
    "covariate": "Covariates",
    "test": "Tests",
    "ratio": "Ratio",
    "share": "Shares of persons",
    "bounds": "Bounds of the average effect in everybody",
}
WHOLE = ("rows", "inequalities")
"""Numbers that are counts."""


def instruments(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show what was looked at of the instruments; nothing where no rung leans on one."""
    if not result.instruments:
        return
    rung = result.instruments[0].rung
    yield Section(
        f"The instrument of `{rung}`" if len(_names(result)) == 1 else f"Instruments of `{rung}`",
        tuple(_blocks(result, parts)),
    )


def instrument_sentences(result: Result) -> list[str]:
    """Say on the first page what the instruments can tell, and what they cannot."""
    said = []
    inspected = result.instruments[0].rung if result.instruments else ""
    if inspected not in ("", result.headline):
        said.append(f"Of {code(inspected)}, the first rung that leans on an instrument:")
    for name in _names(result):
        own = [one for one in result.instruments if one.instrument == name]
        lead = f"{code(name)}: " if len(_names(result)) > 1 else ""
        moved = [one for one in own if one.kind == "compliers" and one.rows]
        bounds = [one for one in own if one.kind == "instrument_bounds" and one.rows]
        failed = [one for one in own if one.verdict == "FAIL"]
        said += [f"{lead}{plain(one.sentence)}" for one in (*moved, *bounds)]
        said += [
            f"{lead}**Not passed: {words(one.kind)}.** {plain(one.sentence)}" for one in failed
        ]
        if own and not failed:
            tested = [words(one.kind) for one in own if one.verdict == "PASS"]
            if tested:
                said.append(f"{lead}Not contradicted by {joined(tested)}.")
    by_form = [code(one.name) for one in result.rungs if one.target == "functional form"]
    if by_form:
        verb = "is" if len(by_form) == 1 else "are"
        said.append(
            f"{joined(by_form)} {verb} no average effect in those an instrument moves (LATE): with "
            "a 0/1 exposure, residual inclusion gives an effect in everybody by functional form "
            "only, and not even that where one of its two regressions has the wrong "
            "form (Basu, Coe & Chapman 2018, doi:10.1002/hec.3647)."
        )
    if any(rung.instruments and rung.target == "LATE" for rung in result.rungs):
        said.append(
            "An estimate through an instrument is an effect in those it moves only if the "
            "instrument is as if drawn at random (independence), reaches the outcome through the "
            "exposure alone (exclusion), and moves nobody the other way (monotonicity). No data "
            "can show these: the first two are the diagram's claim, the third is assumed."
        )
    return said


def contradicted(result: Result) -> list[tuple[str, str]]:
    """Give rung and words of every check of an instrument that failed."""
    return [
        (one.rung, f"{words(one.kind)} of {code(one.instrument)}")
        for one in result.instruments
        if one.verdict == "FAIL"
    ]


def _names(result: Result) -> list[str]:
    """Name the instruments looked at, once each."""
    return list(dict.fromkeys(one.instrument for one in result.instruments))


def _blocks(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Show figure, verdicts and numbers."""
    if f"figures/{PICTURE}" in parts:
        yield Figure(f"figures/{PICTURE}", "Mean exposure and outcome by value of the instrument")
        yield Paragraph(
            "Exposure by value of the instrument is the first stage, the outcome by value is what "
            "the instrument does in all. Bars are 95 % intervals of the means; nothing is adjusted "
            "for."
        )
    yield _verdicts(result)
    idle = [one for one in result.instruments if _idle(one)]
    if idle:
        several = len(_names(result)) > 1
        lines = dict.fromkeys(
            f"{f'{code(one.instrument)}, ' if several else ''}{words(one.kind)}: "
            f"{plain(one.sentence)}"
            for one in idle
        )
        yield Fold("Checks that do not apply", (Bullets(tuple(lines)),))
    several = len(_names(result)) > 1
    folded: list[Block] = []
    for index, one in enumerate(result.instruments):
        for label in dict.fromkeys(row.label for row in one.rows):
            name = f"{CAPTIONS.get(label, words(label))} ({words(one.kind)})"
            caption = f"{name}: {one.instrument}" if several else name
            table = _numbers(one, index, label, caption)
            if one.kind in SHOWN:
                yield Paragraph(f"{caption}.")
                yield table
            else:
                folded += [Paragraph(f"{caption}."), table]
    if folded:
        yield Fold("Numbers behind the checks", tuple(folded))
    if "tables/instruments.csv" in parts:
        yield Paragraph("Data: [instruments.csv](tables/instruments.csv).")


def _verdicts(result: Result) -> Table:
    """Make one line a check."""
    several = len(_names(result)) > 1
    header = (
        *(("Instrument",) if several else ()),
        "Check",
        "Verdict",
        "What was found",
        "What it cannot see",
    )
    rows = [
        (
            *((code(one.instrument),) if several else ()),
            words(one.kind),
            Number(_verdict(one), f"/instruments/{index}/verdict"),
            sentence(plain(one.sentence)),
            plain(one.cannot_see),
        )
        for index, one in enumerate(result.instruments)
        if not _idle(one)
    ]
    return Table(header, rows, "l" * len(header), "Checks of the instrument")


def _verdict(one: InstrumentBlock) -> str:
    """Write a verdict; what shows numbers without judging is for information."""
    return "for information" if one.verdict == "NOT_EVALUATED" else VERDICTS[one.verdict]


def _idle(one: InstrumentBlock) -> bool:
    """Tell whether a check does not apply."""
    return one.verdict == "NOT_EVALUATED" and not one.rows


def _numbers(one: InstrumentBlock, index: int, label: str, caption: str) -> Table:
    """Make one line a row of a label; a number with ``_lo`` and ``_hi`` gets them in brackets."""
    rows = [(at, row) for at, row in enumerate(one.rows) if row.label == label]
    names = [number.name for number in rows[0][1].numbers]
    ends = {f"{name}_{end}" for name in names for end in ("lo", "hi") if f"{name}_lo" in names}
    shown = [name for name in names if name not in ends]
    noted = any(row.note for _, row in rows)
    header = (
        *(("Which",) if any(row.subject for _, row in rows) else ()),
        *(words(name) for name in shown),
        *(("Reading",) if noted else ()),
    )
    cells = [
        (
            *((words(row.subject),) if row.subject else ()),
            *(_cell(row, name, f"/instruments/{index}/rows/{at}") for name in shown),
            *((plain(row.note),) if noted else ()),
        )
        for at, row in rows
    ]
    right = "l" + "r" * len(shown) + ("l" if noted else "")
    return Table(header, cells, right if rows[0][1].subject else right[1:], caption)


def _cell(row: TableRow, name: str, where: str) -> Cell:
    """Write one number with its interval, where it has one."""
    values = {one.name: one.value for one in row.numbers}
    value = values[name]
    if isinstance(value, Reason):
        return f"not given: {plain(value.not_estimable)}"
    decimals = 0 if name in WHOLE else DECIMALS
    text = number(value, decimals)
    lo, hi = values.get(f"{name}_lo"), values.get(f"{name}_hi")
    if isinstance(lo, float) and isinstance(hi, float):
        text = f"{text} ({number(lo, decimals)} to {number(hi, decimals)})"
    position = [one.name for one in row.numbers].index(name)
    return Number(text, f"{where}/numbers/{position}/value")

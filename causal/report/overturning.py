"""What could overturn the headline, in one table ordered by how little it would take."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from causal.report.blocks import Block, Bullets, Cell, Figure, Fold, Number, Paragraph, Table
from causal.report.markdown import code, joined, plain, sentence, words
from causal.report.numbers import times
from causal.result import Reason, Result, SensitivityBlock

FIRST = 3
"""Analyses named on the first page: those that would take least."""
INAPPLICABLE = 3
"""Rank of an analysis that has nothing to say of a rung."""
PICTURES = {
    "contours.svg": "What giving up two assumptions at once leaves of the estimate; orange: 0",
    "sweeps.svg": "What is left of the estimate as one assumption is given up step by step",
}


def overturning(result: Result, parts: Collection[str]) -> Iterator[Block]:
    """Say what could overturn the headline rung and the brackets."""
    if not result.sensitivity:
        yield Paragraph("No sensitivity analysis was specified.")
        return
    headline = ordered(result, [result.headline])
    yield Paragraph(
        "Each line says what would have to be true for the finding to go away, and counts that in "
        "something measured in this very cohort. Lines are in the order of that count, so the "
        "first needs least; those with nothing to be counted in come last. The yardsticks differ "
        "between lines: the order is a guide to reading, not a measurement. Nothing here says "
        "how likely any of it is."
    )
    yield _table(result, headline, f"What could overturn `{result.headline}`")
    for name, alt in PICTURES.items():
        if f"figures/{name}" in parts:
            yield Figure(f"figures/{name}", alt)
    others = [rung.name for rung in result.rungs if rung.name != result.headline]
    brackets = ordered(result, others)
    if brackets:
        yield Fold(
            "The same for the rungs that adjust for what came later",
            (_table(result, brackets, "What could overturn the brackets"),),
        )
    yield Fold(
        "In full",
        (
            Bullets(
                tuple(
                    f"{code(one.rung)}, {words(one.kind)}: {plain(one.sentence)}"
                    for _, one in (*headline, *brackets)
                )
            ),
        ),
    )
    if "tables/sensitivity.csv" in parts:
        yield Paragraph("Every number of these: [sensitivity.csv](tables/sensitivity.csv).")


def overturning_sentences(result: Result) -> list[str]:
    """Say on the first page what would overturn the headline rung with least."""
    found = ordered(result, [result.headline])
    if not found:
        return []
    idle = [one for _, one in found if _rank(one)[0] == INAPPLICABLE]
    applicable = [one for _, one in found if one not in idle]
    said = [sentence(plain(one.short)) for one in applicable[:FIRST]]
    if len(applicable) > FIRST:
        more = len(applicable) - FIRST
        which = f"{more} analyses are" if more > 1 else "analysis is"
        said.append(f"A further {which} in section 9.")
    if idle:
        kinds = dict.fromkeys(words(one.kind) for one in idle)
        said.append(f"Without an answer here: {joined(list(kinds))}.")
    return said


def unevaluated(result: Result) -> list[str]:
    """Say on the first page that none of the refuters, or of the analyses, can be evaluated."""
    idle = {"refuters": 0, "sensitivity analyses": 0}
    if all(one.verdict == "NOT_EVALUATED" for one in result.refutations):
        idle["refuters"] = len(result.refutations)
    asked = [one for _, one in ordered(result, [result.headline])]
    if all(inapplicable(one) for one in asked):
        idle["sensitivity analyses"] = len(asked)
    kinds = [kind for kind, number in idle.items() if number]
    if not kinds:
        return []
    number, where = sum(idle.values()), "section 8" if idle["refuters"] else "section 9"
    which = f"None of the {number}" if number > 1 else "None of the"
    return [f"{which} {joined(kinds)} declared can be evaluated here ({where})."]


def ordered(result: Result, rungs: Sequence[str]) -> list[tuple[int, SensitivityBlock]]:
    """Give the analyses of some rungs with their places, the one that takes least first."""
    found = [(i, one) for i, one in enumerate(result.sensitivity) if one.rung in rungs]
    return sorted(found, key=lambda pair: _rank(pair[1]))


def uncounted(one: SensitivityBlock) -> bool:
    """Tell whether an analysis counts nothing here: inapplicable, or without a yardstick."""
    return isinstance(one.multiple, Reason)


def inapplicable(one: SensitivityBlock) -> bool:
    """Tell whether an analysis has nothing to say of its rung."""
    return isinstance(one.multiple, Reason) and isinstance(one.headline.value, Reason)


def _rank(one: SensitivityBlock) -> tuple[int, float]:
    """Rank by what it takes: counted ones, those never reached, uncounted ones, inapplicable."""
    if isinstance(one.multiple, Reason):
        return (INAPPLICABLE if inapplicable(one) else 2, 0.0)
    return (1, 0.0) if one.multiple is None else (0, one.multiple)


def _table(result: Result, found: Sequence[tuple[int, SensitivityBlock]], caption: str) -> Table:
    """Make one line an analysis."""
    several = len({one.rung for _, one in found}) > 1
    header = (*(("Rung",) if several else ()), "Analysis", "What it would take", "Counted in")
    rows = [
        (
            *((code(one.rung),) if several else ()),
            words(one.kind),
            sentence(plain(one.short)),
            _counted(index, one),
        )
        for index, one in found
    ]
    return Table(header, rows, "l" * len(header), caption.replace("`", ""))


def _counted(index: int, one: SensitivityBlock) -> Cell:
    """Say what it takes in yardsticks."""
    if isinstance(one.multiple, Reason):
        return "does not apply" if inapplicable(one) else "no yardstick here"
    where = f"/sensitivity/{index}/multiple"
    if one.multiple is None:
        return Number("nothing examined does", where)
    if one.multiple == 0:
        return Number("nothing is needed", where)
    of = f" × {plain(one.yardstick)}" if one.yardstick else ""
    return Number(f"{times(one.multiple)}{of}", where)

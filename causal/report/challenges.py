"""The same question under other choices, attempts to refute it, and what could overturn it."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.blocks import Block, Bullets, Fold, Number, Paragraph, Table
from causal.report.markdown import code, joined, plain, words
from causal.report.numbers import measure_of, number, percent
from causal.report.words import with_interval
from causal.result import Reason, RefutationBlock, Result

BLIND = "unmeasured confounding"
"""What a refuter says it cannot see when a pass says nothing of confounding."""


def variants(result: Result) -> Iterator[Block]:
    """Show the crude and the headline rung under one changed choice each."""
    if not result.variants:
        yield Paragraph("No other choice was specified.")
        return
    yield Paragraph(
        "Each line changes one choice and has its own rows, so lines are not paired with the "
        "ladder. Strata by what happened after exposure began are shown for what they say of "
        "timing, not as effects."
    )
    measure, level = measure_of(result), percent(result.crude.level)
    header = ("Choice", "Why", "n (persons)", "Rung", f"Estimate ({level} CI)")
    rows = [
        (
            code(one.name) if at == 0 else "",
            plain(one.reason) if at == 0 else "",
            f"{rung.n} ({one.persons})" if at == 0 else "",
            code(rung.name),
            Number(with_interval(rung, measure), f"/variants/{index}/rungs/{at}/estimate"),
        )
        for index, one in enumerate(result.variants)
        for at, rung in enumerate(one.rungs)
    ]
    yield Table(header, rows, "llrll", "The headline under other choices")
    turned = [one for one in result.variants if one.verdicts]
    if turned:
        yield Paragraph("What the diagram says of the rungs once its arrows are turned:")
        yield Bullets(
            tuple(f"{code(one.name)}: {plain(said)}" for one in turned for said in one.verdicts)
        )


def refutations(result: Result) -> Iterator[Block]:
    """Show what tried to break the headline rung, what it found, and what it can see."""
    if not result.refutations:
        yield Paragraph("No refuter was specified.")
        return
    yield Paragraph(blindness(result))
    header = ("Attempt", "Verdict", "What it found", "It can see", "It cannot see")
    rows = [
        (
            _name(one),
            Number(words(one.verdict.lower()), f"/refutations/{index}/verdict"),
            plain(one.reason),
            plain(one.sees),
            plain(one.cannot_see),
        )
        for index, one in enumerate(result.refutations)
    ]
    yield Table(header, rows, "lllll", "Attempts to refute the headline rung")


def overturning(result: Result) -> Iterator[Block]:
    """Say what could overturn the headline rung and the brackets."""
    if not result.sensitivity:
        yield Paragraph("No sensitivity analysis was specified.")
        return
    yield Bullets(
        tuple(
            f"{code(one.rung)}, {words(one.kind)}: {plain(one.sentence)}"
            for one in result.sensitivity
        )
    )
    header = ("Rung", "Analysis", "Line", "Against", "Numbers", "Note")
    rows = [
        (
            code(one.rung),
            words(one.kind),
            words(row.label),
            plain(row.subject.replace("_", " ")),
            "; ".join(
                f"{words(item.name)} "
                + ("–" if isinstance(item.value, Reason) else number(item.value, 3))
                for item in row.numbers
            ),
            plain(row.note),
        )
        for one in result.sensitivity
        for row in one.rows
    ]
    yield Fold("All numbers", (Table(header, rows, "llllll", "Sensitivity analyses"),))


def challenge_sentences(result: Result) -> list[str]:
    """Say on the first page what attempts found, and what a pass is worth."""
    if not result.refutations:
        return []
    said = []
    for verdict, phrase in (
        ("FAIL", "Failed"),
        ("PASS", "Passed"),
        ("NOT_RESOLVABLE", "Too imprecise to tell"),
        ("NOT_EVALUATED", "Not evaluated"),
    ):
        names = [_name(one) for one in result.refutations if one.verdict == verdict]
        if names:
            said.append(f"{phrase}: {joined(names)}.")
    return [*said, blindness(result)]


def overturning_sentences(result: Result) -> list[str]:
    """Say on the first page how little could overturn the headline rung."""
    return [plain(one.sentence) for one in result.sensitivity if one.rung == result.headline]


def blindness(result: Result) -> str:
    """Say which passes are silent on confounding."""
    blind = [_name(one) for one in result.refutations if BLIND in one.cannot_see]
    if not blind:
        return "Each attempt sees only what its line says."
    return (
        f"A pass says nothing of confounding by what is not measured: {joined(blind)} cannot see "
        "it, and pass in a world where exposure does nothing and all that remains is selection."
    )


def _name(one: RefutationBlock) -> str:
    """Name an attempt, with the control it uses."""
    return f"{words(one.kind)} {code(one.subject)}" if one.subject else words(one.kind)

"""The same question under other choices, and attempts to refute it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from causal.report.blocks import Block, Bullets, Cell, Fold, Number, Paragraph, Table
from causal.report.markdown import code, joined, plain, words
from causal.report.numbers import measure_of, number, percent
from causal.report.words import with_interval
from causal.result import PowerCurveBlock, PowerPointBlock, RefutationBlock, Result

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
    strengths = _shown_strengths(result)
    added = (f"Power at {' / '.join(f'{k:g}x' for k in strengths)}",) if strengths else ()
    header = ("Attempt", "Verdict", *added, "What it found", "It can see", "It cannot see")
    rows = [
        (
            _name(one),
            Number(words(one.verdict.lower()), f"/refutations/{index}/verdict"),
            *((_power(one, index, strengths),) if strengths else ()),
            plain(one.reason),
            plain(one.sees),
            plain(one.cannot_see),
        )
        for index, one in enumerate(result.refutations)
    ]
    right = "lllll" + "l" * len(added)
    yield Table(header, rows, right, "Attempts to refute the headline rung")
    yield from _power_curves(result)


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
        names = Counter(_name(one) for one in result.refutations if one.verdict == verdict)
        if names:
            told = [
                f"{name} ({many} settings)" if many > 1 else name for name, many in names.items()
            ]
            said.append(f"{phrase}: {joined(told)}.")
    return [*said, *_power_in_short(result), blindness(result)]


def _power_in_short(result: Result) -> list[str]:
    """Say how often the attempts would have noticed the strongest confounder tried on them."""
    curves = [
        (_name(one), one.curve)
        for one in result.refutations
        if isinstance(one.curve, PowerCurveBlock)
    ]
    if not curves:
        return []
    name, keenest = max(curves, key=lambda pair: pair[1].points[-1].rejected)
    strongest = keenest.points[-1]
    return [
        f"With an unmeasured confounder {strongest.k:g} times as strong as "
        f"{plain(keenest.benchmark.replace('_', ' '))} put into cohorts like this one, the attempt "
        f"that notices it most often, {name}, fails in {number(100 * strongest.rejected, 0)} % of "
        f"them, and in {number(100 * keenest.points[0].rejected, 0)} % without any (section 8)."
    ]


def _power_curves(result: Result) -> Iterator[Block]:
    """Say what each attempt could have seen, and show how often it fails at every strength."""
    asked = [one for one in result.refutations if one.curve is not None]
    if not asked:
        return
    yield Paragraph(
        "How often each attempt fails when a confounder of known strength is put into cohorts like "
        "this one and left unmeasured:"
    )
    yield Bullets(tuple(f"{_name(one)}: {plain(_power_sentence(one))}" for one in asked))
    curves = [one.curve for one in asked if isinstance(one.curve, PowerCurveBlock)]
    faults = any(point.own_fault is not None for curve in curves for point in curve.points)
    header = (
        "Attempt",
        "Strength",
        "Partial R2, exposure",
        "Partial R2, outcome",
        "Fails (Monte-Carlo error)",
        *(("Fails at its own fault",) if faults else ()),
        "Bias",
    )
    rows = [
        (
            _name(one),
            f"{point.k:g}x{' (capped)' if point.capped else ''}",
            number(point.r2_exposure, 3),
            number(point.r2_outcome, 3),
            Number(
                f"{number(point.rejected, 2)} ({number(point.error, 2)})",
                f"/refutations/{index}/curve/points/{at}/rejected",
            ),
            *((_own_fault(point.own_fault, index, at),) if faults else ()),
            number(point.bias, 3),
        )
        for index, one in enumerate(result.refutations)
        if isinstance(one.curve, PowerCurveBlock)
        for at, point in enumerate(one.curve.points)
    ]
    notes = {curve.note for curve in curves}
    if rows:
        table = Table(
            header, rows, "l" + "r" * (len(header) - 1), "Power of the attempts to refute"
        )
        yield Fold("Power at every strength", (table, Bullets(tuple(map(plain, sorted(notes))))))


def _own_fault(rejected: float | None, index: int, at: int) -> Cell:
    """Give how often an attempt fails at the fault it is made for, where that is another one."""
    if rejected is None:
        return "–"
    return Number(number(rejected, 2), f"/refutations/{index}/curve/points/{at}/own_fault")


def _power_sentence(one: RefutationBlock) -> str:
    """Say what an attempt could have seen, or why that is not known."""
    if isinstance(one.curve, PowerCurveBlock):
        return one.curve.sentence
    reason = one.curve.not_estimable if one.curve else "not asked for"
    return f"power not measured: {reason.rstrip('.')}."


def _shown_strengths(result: Result) -> tuple[float, ...]:
    """Choose the strengths of the table: that of the benchmark, and the largest."""
    for one in result.refutations:
        if isinstance(one.curve, PowerCurveBlock):
            given = [point.k for point in one.curve.points]
            return tuple(dict.fromkeys(k for k in given if k in (1, given[-1])))
    return ()


def _power(one: RefutationBlock, index: int, strengths: tuple[float, ...]) -> Cell:
    """Give the power at the strengths shown, addressed by the last."""
    if not isinstance(one.curve, PowerCurveBlock):
        return "–"
    points: dict[float, PowerPointBlock] = {point.k: point for point in one.curve.points}
    text = " / ".join(number(points[k].rejected, 2) if k in points else "–" for k in strengths)
    return Number(text, f"/refutations/{index}/curve/points/{len(points) - 1}/rejected")


def blindness(result: Result) -> str:
    """Say which passes are silent on confounding."""
    named = dict.fromkeys(_name(one) for one in result.refutations if BLIND in one.cannot_see)
    blind = list(named)
    if not blind:
        return "Each attempt sees only what its line says."
    return (
        f"A pass says nothing of confounding by what is not measured: {joined(blind)} cannot see "
        f"it, and {'pass' if len(blind) > 1 else 'passes'} in a world where exposure does "
        "nothing and all that remains is selection."
    )


def _name(one: RefutationBlock) -> str:
    """Name an attempt, with the control it uses."""
    return f"{words(one.kind)} {code(one.subject)}" if one.subject else words(one.kind)

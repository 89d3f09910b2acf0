"""Beside every effect through instruments: what these do to exposure and outcome themselves."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.blocks import Block, GroupedTable, Number, Paragraph, Section
from causal.report.markdown import code, joined
from causal.report.numbers import (
    Measure,
    difference_measure,
    first_stage_measure,
    number,
    percent,
)
from causal.result import BothStagesBlock, DifferenceBlock, Result, RungBlock

SMALLEST_P = 0.001


def beside(result: Result) -> Iterator[Block]:
    """Show first stage and intention to treat of every rung with an effect through instruments."""
    alike: list[tuple[int, BothStagesBlock, list[str]]] = []
    for at, one in enumerate(result.rungs):
        if one.beside is None:
            continue
        same = next((names for _, found, names in alike if found == one.beside), None)
        if same is None:
            alike.append((at, one.beside, [one.name]))
        else:
            same.append(one.name)
    if not alike:
        return
    level = percent(result.crude.level)
    groups = tuple(
        (
            f"Rung{'s' if len(names) > 1 else ''} {joined([code(name) for name in names])}",
            list(_rows(result, f"/rungs/{at}/beside", found)),
        )
        for at, found, names in alike
    )
    header = ("Instrument", f"On exposure: first stage ({level} CI)",
              f"On outcome: intention to treat ({level} CI)")  # fmt: skip
    caption = "First stage and intention to treat, beside every effect through instruments"
    yield Section(
        "What the instruments do themselves",
        (
            Paragraph(
                "Differences for a unit of the instrument, by least squares with the rung's "
                "covariates; of several instruments each beside the others. The effect on the "
                "outcome, by whatever way, needs neither exclusion nor strength."
            ),
            GroupedTable(header, groups, "lll", caption),
        ),
    )


def beside_sentence(result: Result, rung: RungBlock) -> str:
    """Say on the first page what the instruments of a rung do; empty where there are none."""
    found = rung.beside
    if found is None:
        return ""
    level = percent(rung.level)
    exposure, outcome = first_stage_measure(result), difference_measure(result)
    if found.df > 1:
        names = joined([code(one.instrument) for one in found.instruments])
        return (
            f"{names} together: first stage F {number(found.first_stage_f, 1)}, intention to treat "
            f"F {number(found.itt_f, 1)} ({_p(found.itt_p)}); each by itself stands in section 1."
        )
    one = found.instruments[0]
    return (
        f"What {code(one.instrument)} does itself: "
        f"{_with_interval(exposure, one.first_stage, level)} in the exposure (first stage), "
        f"{_with_interval(outcome, one.itt, level)} in the outcome (intention to treat)."
    )


def _rows(result: Result, where: str, found: BothStagesBlock) -> Iterator[tuple[str | Number, ...]]:
    """Write one line an instrument, and one for all of several."""
    exposure, outcome = first_stage_measure(result), difference_measure(result)
    for at, one in enumerate(found.instruments):
        here = f"{where}/instruments/{at}"
        yield (
            code(one.instrument),
            Number(_cell(exposure, one.first_stage), f"{here}/first_stage/estimate"),
            Number(_cell(outcome, one.itt), f"{here}/itt/estimate"),
        )
    if found.df > 1:
        yield (
            f"all {found.df} jointly",
            Number(f"F {number(found.first_stage_f, 2)} ({_p(found.first_stage_p)})",
                   f"{where}/first_stage_f"),
            Number(f"F {number(found.itt_f, 2)} ({_p(found.itt_p)})", f"{where}/itt_f"),
        )  # fmt: skip


def _cell(measure: Measure, found: DifferenceBlock) -> str:
    """Write a difference with its interval for a table."""
    return f"{measure.cell(found.estimate)} ({measure.cells(found.interval)})"


def _with_interval(measure: Measure, found: DifferenceBlock, level: str) -> str:
    """Write a difference with its interval for a sentence."""
    return f"{measure.amount(found.estimate)} ({level} CI {measure.span(found.interval)})"


def _p(p: float) -> str:
    """Write a p-value."""
    return f"p below {SMALLEST_P:g}" if p < SMALLEST_P else f"p = {number(p, 3)}"

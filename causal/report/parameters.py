"""Parameters of models of the effect: what a rung's estimate is an average of."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.blocks import Block, Number, Paragraph, Section, Table
from causal.report.markdown import code, plain
from causal.report.numbers import number, percent
from causal.result import Result

DECIMALS = 3
"""Parameters are on scales of their own, such as kilograms a cigarette."""


def parameter_blocks(result: Result) -> Iterator[Block]:
    """Show the parameters of every rung that has some; nothing where none has."""
    rows = [
        (
            code(rung.name),
            plain(one.name),
            Number(number(one.estimate, DECIMALS), f"/rungs/{index}/parameters/{at}/estimate"),
            "–"
            if one.interval is None
            else Number(
                f"{number(one.interval[0], DECIMALS)} to {number(one.interval[1], DECIMALS)}",
                f"/rungs/{index}/parameters/{at}/interval",
            ),
        )
        for index, rung in enumerate(result.rungs)
        for at, one in enumerate(rung.parameters)
    ]
    if not rows:
        return
    header = ("Rung", "Parameter", "Estimate", f"{percent(result.crude.level)} interval")
    yield Section(
        "Parameters of the effect",
        (
            Paragraph(
                "The model of the effect these rungs assume: the effect where every modifier is 0, "
                "which nobody need have, and what is added for a unit of each. The rung's estimate "
                "is the average of what they come to."
            ),
            Table(header, rows, "llrl", "Parameters of the models of the effect"),
        ),
    )

"""The weights of the rungs in the report: each factor, their product, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.blocks import Block, Number, Paragraph, Table
from causal.report.markdown import code, plain
from causal.report.numbers import number
from causal.result import Result

PRODUCT = "product"


def weights(result: Result) -> Iterator[Block]:
    """Show what each rung weighs by, one by one and together; nothing where nothing weighs."""
    if not result.weights:
        return
    yield Paragraph(
        "Weights, as they multiply. The effective n is the number of rows of equal weight that "
        "would say as much of a mean; the design effect (Kish) is the rows over it, and takes the "
        "weights to have nothing to do with the outcome."
    )
    yield weight_table(result)


def weight_table(result: Result) -> Table:
    """Give one row a rung and factor."""
    rows = []
    for index, block in enumerate(result.weights):
        for place, one in enumerate(block.factors):
            at = f"/weights/{index}/factors/{place}"
            rows.append(
                (
                    code(block.rung),
                    f"**{one.name}**" if one.name == PRODUCT else plain(one.name),
                    Number(str(one.rows), f"{at}/rows"),
                    Number(number(one.mean, 3), f"{at}/mean"),
                    f"{number(one.lowest, 3)} to {number(one.highest, 3)}",
                    Number(number(one.variation, 2), f"{at}/variation"),
                    Number(number(one.effective, 0), f"{at}/effective"),
                    Number(number(one.design_effect, 2), f"{at}/design_effect"),
                )
            )
    header = ("Rung", "Weight", "Rows", "Mean", "Range", "CV", "Effective n", "Design effect")
    return Table(header, rows, "llrrrrrr", "Weights of the rungs, one by one and together")

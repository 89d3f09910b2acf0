"""The page that lists all reports: one row an analysis."""

from __future__ import annotations

from collections.abc import Sequence

from causal.report.headline import short_verdict
from causal.report.markdown import code, plain, table
from causal.report.numbers import measure_of
from causal.report.reading import chief, label_of
from causal.report.shares import share_cell
from causal.report.template import fill_template
from causal.report.words import with_interval
from causal.result import Result

HEADER = (
    "Analysis", "Question", "Crude", "Chief adjusted", "Share that remains, with set", "Wording",
    "In short",
)  # fmt: skip


def index_page(results: Sequence[Result], published: str = "") -> str:
    """Write the page, analyses in alphabetical order, then the table of published trials."""
    ordered = sorted(results, key=lambda one: one.name)
    rows = table(HEADER, [_row(one) for one in ordered]) if ordered else "No analysis has been run."
    return fill_template("index.md.j2", {"rows": rows, "published": published})


def _row(result: Result) -> tuple[str, ...]:
    """Write the row of one analysis."""
    measure, rung = measure_of(result), chief(result)
    crude = with_interval(result.crude, measure)
    head = (f"[{plain(result.name)}]({result.name}/report.md)", plain(result.question), crude)
    if rung is None:
        return (*head, "–", "–", label_of(result), short_verdict(result))
    chief_cell = f"{with_interval(rung, measure)}, {plain(rung.target)}, {code(rung.name)}"
    kind = "simulated; " if result.dataset.access == "generated" else ""
    return (
        *head, chief_cell, share_cell(rung), label_of(result), kind + short_verdict(result)
    )  # fmt: skip

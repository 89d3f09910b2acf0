"""The report as one Markdown page, written from its blocks."""

from __future__ import annotations

from collections.abc import Iterable

from causal.report.blocks import (
    Block,
    Bullets,
    Figure,
    Flow,
    Fold,
    GroupedTable,
    KeyNumbers,
    Lead,
    Page,
    Paragraph,
    Points,
    Section,
    Table,
    Verbatim,
    shown,
)
from causal.report.inline import to_html
from causal.report.markdown import fenced, table


def markdown_page(page: Page) -> str:
    """Write the page."""
    head = [f"# {page.title}", f"> {page.question}", page.stamp]
    body = [_written(section, 2) for section in page.sections]
    return _apart([*head, *body]) + "\n"


def _written(block: Block, level: int) -> str:
    """Write a block; sections in it have headings of the level given."""
    match block:
        case Section(title, blocks):
            inner = (_written(one, level + 1) for one in blocks)
            return _apart([f"{'#' * level} {title}", *inner])
        case Fold(summary, blocks, open_):
            head = f"<details{' open' if open_ else ''}><summary>{to_html(summary)}</summary>"
            return _apart([head, *(_written(one, level) for one in blocks), "</details>"])
        case GroupedTable(header, groups, right, caption):
            return _apart(
                _written(Section(title, (Table(header, rows, right, caption),)), level)
                for title, rows in groups
            )
        case Paragraph(text):
            return text
        case Lead(text):
            return f"**{text}**"
        case Points(items):
            return _apart(f"**{name}.** {text}" for name, text in items)
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Table(header, rows, right):
            return table(header, [[shown(cell) for cell in row] for row in rows], right)
        case Flow():
            return _written(block.table, level)
        case Figure(path, alt):
            return f"![{alt}]({path})"
        case Verbatim(text, language):
            return fenced(text, language)
        case KeyNumbers():  # the paragraphs after it say the same
            return ""


def _apart(parts: Iterable[str]) -> str:
    """Put blank lines between the parts there are."""
    return "\n\n".join(part for part in parts if part)

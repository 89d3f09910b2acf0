"""Blocks of a report as HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from causal.report.blocks import (
    Block,
    Bullets,
    Cell,
    Figure,
    Flow,
    Fold,
    GroupedTable,
    KeyNumbers,
    Lead,
    Number,
    Paragraph,
    Points,
    Section,
    Step,
    Table,
    Verbatim,
    shown,
)
from causal.report.inline import to_html, to_text

SHORT = 24  # characters of a number with its interval that a column can keep in one line
_NAME = re.compile(r"<code>[^<]*</code>")
_PARTS = re.compile(r"(?<= )(?=\[)|(?<=, )(?![^\[]*\])")
"""Where a number kept in one line may be broken all the same: before a set, and after a comma."""
_TO = re.compile(r"(?<= )(?=to )")
"""Where an interval may be broken on narrow screens and on paper."""


def written(blocks: Sequence[Block], level: int, drawn: Mapping[str, str]) -> str:
    """Write blocks one after another.

    Parameters
    ----------
    level : of the headings of sections among them.
    drawn : SVG markup of each figure, by its path.
    """
    return "\n".join(_block(one, level, drawn) for one in blocks)


def _block(block: Block, level: int, drawn: Mapping[str, str]) -> str:
    """Write one block."""
    match block:
        case Section(title, inner):
            head = f"<h{level}>{to_html(title)}</h{level}>"
            return f"<section>{head}\n{written(inner, level + 1, drawn)}</section>"
        case Fold(summary, inner, open_):
            head = f"<details{' open' if open_ else ''}><summary>{to_html(summary)}</summary>"
            return f"{head}\n{written(inner, level, drawn)}</details>"
        case Paragraph(text):
            return f"<p>{to_html(text)}</p>" if text else ""
        case Lead(text):
            return f'<p class="lead">{to_html(text)}</p>'
        case Points(items):
            return _points(items)
        case KeyNumbers(items):
            return _key_numbers(items)
        case Bullets(items):
            return f"<ul>{''.join(f'<li>{to_html(item)}</li>' for item in items)}</ul>"
        case Table(header, rows, right, caption):
            return _table(header, (("", rows),), right, caption)
        case GroupedTable(header, groups, right, caption):
            return _table(header, groups, right, caption)
        case Flow():
            table = _block(block.table, level, drawn)
            folded = f"<details><summary>The same as a table</summary>{table}</details>"
            return f'{_flow(block)}<div class="same">{folded}</div>'
        case Figure(path, alt):
            return _figure(drawn[path], alt)
        case Verbatim(text, language):
            return (
                f'<pre tabindex="0"><code class="{language}">{escape(text.rstrip())}</code></pre>'
            )


def _points(items: Sequence[tuple[str, str]]) -> str:
    """Write named paragraphs."""
    rows = "\n".join(
        f"<div><dt>{to_html(name)}</dt><dd>{to_html(text)}</dd></div>" for name, text in items
    )
    return f'<dl class="points">{rows}</dl>'


def _key_numbers(items: Sequence[tuple[str, Number, str]]) -> str:
    """Write the chief numbers large, each with its interval below it."""
    rows = "\n".join(
        f"<div><dt>{to_html(name)}</dt>"
        f'<dd><span class="large" title="{_address(number)}">{to_html(number.text)}</span> '
        f'<span class="beside">{to_html(beside)}</span></dd></div>'
        for name, number, beside in items
    )
    return f'<dl class="key">{rows}</dl>'


def _table(
    header: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Sequence[Cell]]]],
    right: str,
    caption: str,
) -> str:
    """Write one table; groups of rows have a heading across it."""
    sides = right.ljust(len(header))
    heads = "".join(
        f'<th scope="col"{_side(side)}>{to_html(text)}</th>'
        for text, side in zip(header, sides, strict=True)
    )
    bodies = "\n".join(_body(title, rows, sides) for title, rows in groups)
    label = escape(to_text(caption))
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table>'
        f"<caption>{to_html(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead>\n{bodies}</table></div>"
    )


def _body(title: str, rows: Sequence[Sequence[Cell]], sides: str) -> str:
    """Write the rows of one group."""
    head = ""
    if title:
        head = (
            f'<tr class="group"><th scope="rowgroup" colspan="{len(sides)}">{to_html(title)}'
            "</th></tr>\n"
        )
    return f"<tbody>{head}{''.join(_row(row, sides) for row in rows)}</tbody>"


def _row(row: Sequence[Cell], sides: str) -> str:
    """Write a row; its first cell names it."""
    cells = "".join(
        f"<td{_class(cell, side)}{_titled(cell)}>{_parted(cell)}</td>"
        for cell, side in zip(row[1:], sides[1:], strict=True)
    )
    return f'<tr><th scope="row">{_breakable(shown(row[0]))}</th>{cells}</tr>\n'


def _breakable(text: str) -> str:
    """Write a cell; names in it may be broken after an underscore, and nowhere else."""
    return _NAME.sub(lambda match: match.group().replace("_", "_<wbr>"), to_html(text))


def _parted(cell: Cell) -> str:
    """Write a cell; a number may be broken between its parts, as a narrow column needs."""
    text = _breakable(shown(cell))
    if not isinstance(cell, Number):
        return text
    return _TO.sub('<wbr class="narrow">', _PARTS.sub("<wbr>", text))


def _class(cell: Cell, side: str) -> str:
    """Keep a number that is short in one line, or one a part."""
    if side != "r" and isinstance(cell, Number) and len(cell.text) <= SHORT:
        return ' class="short"'
    return _side(side)


def _side(side: str) -> str:
    """Give the class of a column that is aligned to the right."""
    return ' class="number"' if side == "r" else ""


def _titled(cell: Cell) -> str:
    """Give a cell the address of its number."""
    return f' title="{_address(cell)}"' if isinstance(cell, Number) else ""


def _address(number: Number) -> str:
    """Write the address of a number for a tooltip."""
    return escape(f"results.json {number.pointer}")


def _flow(block: Flow) -> str:
    """Write the steps as a flow: who is left after each, and who was lost at it."""
    items = "\n".join(
        "<li>"
        f"{_change(step)}"
        f'<span class="step"><strong>{to_html(step.name)}</strong>'
        f'<span class="why">{to_html(step.why)}</span></span>'
        f'<span class="left">{to_html(step.persons)} persons'
        f'<span class="why">{to_html(step.rows)} rows</span></span></li>'
        for step in block.steps
    )
    return f'<ol class="flow" aria-label="{escape(to_text(block.table.caption))}">{items}</ol>'


def _change(step: Step) -> str:
    """Write who is no longer there at a step; nothing where that is hidden."""
    if not step.change:
        return ""
    kind = "lost" if step.lost else "lost nobody"
    return f'<span class="{kind}">{to_html(step.change)}</span>'


def _figure(svg: str, alt: str) -> str:
    """Write a figure with its drawing in the page."""
    return f"<figure>{svg}<figcaption>{to_html(alt)}</figcaption></figure>"

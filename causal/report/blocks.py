"""What a report page is made of, whatever it is written in: blocks, their texts inline Markdown.

Texts use code spans, bold, links and backslash escapes only (``markdown.plain`` sees to it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A cell that shows a field of ``results.json``, and the field's address.

    Attributes
    ----------
    pointer : JSON pointer, as ``causal why`` takes it.
    """

    text: str
    pointer: str


Cell: TypeAlias = str | Number


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; line breaks in it are spaces."""

    text: str


@dataclass(frozen=True, slots=True)
class Lead:
    """The one line the page begins with."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """Paragraphs, each with the name of what it is about."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KeyNumbers:
    """Numbers of the paragraphs that follow, set large where a page can; (name, number, beside)."""

    items: tuple[tuple[str, Number, str], ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names the row.

    Attributes
    ----------
    right : one letter a column, ``r`` for columns aligned to the right.
    caption : for those who meet the table without the text around it.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    right: str
    caption: str


@dataclass(frozen=True, slots=True)
class GroupedTable:
    """Tables with one header, each under a heading; (heading, rows)."""

    header: Sequence[str]
    groups: tuple[tuple[str, Sequence[Sequence[Cell]]], ...]
    right: str
    caption: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow, with the persons left, and in words who is no longer there.

    Attributes
    ----------
    persons : a dash where only rows are counted.
    change : empty when hidden.
    lost : persons were lost at it.
    """

    name: str
    why: str
    persons: str
    rows: str
    change: str
    lost: bool


@dataclass(frozen=True, slots=True)
class Flow:
    """Steps from everybody in the data to the rows analysed, and the same as a table."""

    steps: tuple[Step, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the report, by its path in the folder."""

    path: str
    alt: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text as it is."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks folded away under a line."""

    summary: str
    blocks: tuple[Block, ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading; its level follows from where it stands."""

    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = (
    Paragraph
    | Lead
    | Points
    | KeyNumbers
    | Bullets
    | Table
    | GroupedTable
    | Flow
    | Figure
    | Verbatim
    | Fold
    | Section
)


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report.

    Attributes
    ----------
    stamp : said above everything else; empty when there is nothing to warn of.
    """

    title: str
    question: str
    stamp: str
    sections: tuple[Section, ...]


def shown(cell: Cell) -> str:
    """Give the text of a cell."""
    return cell.text if isinstance(cell, Number) else cell

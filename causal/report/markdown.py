"""Markdown pieces: text that cannot break a page, tables and lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

_RISKY = re.compile(r"[*|~$]|(?<!\w)_|_(?!\w)|\](?=\()")
_MINUS = re.compile(r"(?<![\w./)\]\u2212-])-(?=\.?\d)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_FENCE = re.compile(r"`{3,}")
_WORD = re.compile(r"[A-Za-z][\w.-]*")
_NO_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}  # not strings in YAML


def plain(text: str) -> str:
    """Make one line of text that Markdown shows as it is; code spans are kept."""
    line = " ".join(text.split())
    parts = re.split(r"(`[^`]+`)", line)
    return "".join(
        part.replace("|", r"\|") if part.startswith("`") and len(part) > 1 else _escaped(part)
        for part in parts
    )


def code(name: str) -> str:
    """Set a name as code."""
    return "`" + " ".join(name.split()).replace("`", "'").replace("|", r"\|") + "`"


def codes(names: Iterable[str]) -> str:
    """Set names as code, separated by commas; a dash when there are none."""
    return ", ".join(code(name) for name in names) or "–"


def as_specified(settings: str) -> str:
    """Write settings as a specification has them (YAML in one line); nothing where there are none.

    Spaces between them let a narrow column break the line.

    Parameters
    ----------
    settings : a JSON object, or empty.
    """
    given = json.loads(settings.strip() or "{}")
    return _flow(given)[1:-1] if given else ""


def words(name: str) -> str:
    """Write a name of the specification as words."""
    return plain(name.replace("_", " ").strip("() "))


def page_title(subject: str, name: str) -> str:
    """Title a report by its data and its analysis: a dash apart, since either may hold a colon.

    Where the name begins with the word the subject begins with, that word is said once.
    """
    first = next(iter(subject.split()), "").rstrip(":").lower()
    return f"{plain(subject)} — {words(name.removeprefix(f'{first}_'))}"


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Join parts into a phrase: a, b and c."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop."""
    trimmed = text.strip()
    if not trimmed:
        return ""
    ended = trimmed if trimmed[-1] in ".!?" else trimmed + "."
    return ended[0].upper() + ended[1:]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> str:
    """Lay out a table; cells are Markdown already.

    Parameters
    ----------
    right : one letter a column, ``r`` for columns aligned to the right.
    """
    marks = ["--:" if side == "r" else "---" for side in right.ljust(len(header))]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fenced(text: str, language: str) -> str:
    """Set a text verbatim, with a fence longer than any in it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _escaped(text: str) -> str:
    """Give numbers a true minus, and escape what Markdown or mathematics would take as a sign."""
    signed = _MINUS.sub("\u2212", text)
    return _TAG.sub("&lt;", _RISKY.sub(lambda match: "\\" + match.group(), signed))


def _flow(value: object) -> str:
    """Write a value of JSON as YAML in one line; quotes where a word would be something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)

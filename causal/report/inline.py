"""Inline Markdown as HTML: the small part of it that the sentences of a report use."""

from __future__ import annotations

import html
import re

from causal.report.numbers import unbroken

_PIECES = re.compile(
    r"(?P<code>`[^`]+`)"
    r"|\\(?P<escaped>[*|~$_\]`\\])"
    r"|\*\*(?P<bold>(?:\\.|`[^`]*`|[^*])+)\*\*"
    r"|\[(?P<text>(?:\\.|`[^`]*`|[^\]\\])+)\]\((?P<href>[^)\s]+)\)"
)
_SAFE = re.compile(r"(?:https?://|\.\./|\./|#|[\w-]+[./])[\w./#%?=&-]*\Z")


def to_html(text: str) -> str:
    """Write inline Markdown as HTML; whatever else it holds is shown as it is."""
    parts, at = [], 0
    for match in _PIECES.finditer(text):
        parts.append(_text(text[at : match.start()]))
        parts.append(_piece(match))
        at = match.end()
    parts.append(_text(text[at:]))
    return "".join(parts)


def to_text(text: str) -> str:
    """Write inline Markdown as text without any signs, for attributes and tooltips."""
    return html.unescape(re.sub(r"<[^>]+>", "", to_html(text)))


def _piece(match: re.Match[str]) -> str:
    """Write one sign."""
    if match["code"]:
        return f"<code>{html.escape(match['code'][1:-1].replace(chr(92) + '|', '|'))}</code>"
    if match["escaped"]:
        return html.escape(match["escaped"])
    if match["bold"]:
        return f"<strong>{to_html(match['bold'])}</strong>"
    if not _SAFE.match(match["href"]):  # nothing but links of our own making
        return html.escape(match.group())
    return f'<a href="{html.escape(match["href"])}">{to_html(match["text"])}</a>'


def _text(text: str) -> str:
    """Escape plain text, whose entities are those of ``markdown.plain``; keep percents whole."""
    return html.escape(unbroken(html.unescape(text)), quote=False)

"""Texts with counts in them, as they may be printed of data whose small cells are hidden."""

from __future__ import annotations

import re

OF = "rows|exposed|unexposed|persons|clusters"
PART = re.compile(rf"(?:the )?(?<![\d.])(\d+) of (?:the )?(\d+)(?= (?:{OF}))")
COUNTED = re.compile(rf"(?<![\d.])(\d+) (?=(?:{OF}|of them)\b)")
"""A count is a number before what is counted; other numbers are estimates and thresholds."""


def without_small_counts(text: str, min_cell: int) -> str:
    """Take counts of too few out of a text, and parts of which too few are left out.

    Parameters
    ----------
    min_cell : smallest count that may be published; 0 leaves the text as it is.
    """
    if not min_cell:
        return text

    def part(found: re.Match[str]) -> str:
        kept, whole = int(found[1]), int(found[2])
        small = any(0 < one < min_cell for one in (kept, whole, whole - kept))
        return "some of the" if small else found[0]

    def count(found: re.Match[str]) -> str:
        return f"fewer than {min_cell} " if 0 < int(found[1]) < min_cell else found[0]

    return COUNTED.sub(count, PART.sub(part, text))

"""The pages that show how something is added quote the code as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-an-estimator.md"
FILE = re.compile(r"^`((?:causal|tests)/[\w/]+\.py)`", re.MULTILINE)
QUOTED = re.compile(r"```python\n(.*?)```", re.DOTALL)


def quotations(text: str) -> list[tuple[str, str]]:
    """Give each quotation with the file named last before it."""
    found = []
    for quoted in QUOTED.finditer(text):
        named = FILE.findall(text[: quoted.start()])
        found.append((named[-1], quoted.group(1)))
    return found


@pytest.mark.parametrize(("file", "quoted"), quotations(PAGE.read_text(encoding="utf-8")))
def test_a_quotation_stands_in_the_file_it_is_from(file: str, quoted: str) -> None:
    whole = (ROOT / file).read_text(encoding="utf-8")
    assert " ".join(quoted.split()) in " ".join(whole.split())  # quotations are less indented


def test_every_file_of_the_table_exists() -> None:
    rows = re.findall(r"^\| `([^`]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 6
    assert all((ROOT / one).exists() for one in rows)


def test_the_page_quotes_every_step() -> None:
    files = {file for file, _ in quotations(PAGE.read_text(encoding="utf-8"))}
    assert len(files) == 3

"""Writing the report: every file is complete or is the last good one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from causal.errors import CausalError, Place
from causal.report.figures import FIGURES, figures
from causal.report.html_page import html_page
from causal.report.index import index_page
from causal.report.page import compose_page, report_page
from causal.report.tables import TABLES, tables
from causal.result import Result

INDEX = "README.md"
HTML = "report.html"
"""Built beside the report, not committed, so not compared by ``verify``."""
Beside: TypeAlias = Mapping[str, Result]
NOBODY: Beside = MappingProxyType({})
OWN = [f"figures/{name}" for name in FIGURES] + [f"tables/{name}" for name in TABLES]


def rendered(result: Result, beside: Beside = NOBODY) -> dict[str, bytes]:
    """Give the content of every committed file of the report, by path within its folder.

    The same results give the same bytes; nothing but them is looked at.

    Parameters
    ----------
    beside : results of companions that are at hand.
    """
    parts = {f"tables/{name}": content for name, content in tables(result).items()}
    parts |= {f"figures/{name}": content for name, content in figures(result).items()}
    return {"report.md": report_page(result, list(parts), beside).encode("utf-8"), **parts}


def rendered_html(
    result: Result, committed: Mapping[str, bytes] | None = None, beside: Beside = NOBODY
) -> bytes:
    """Give the content of ``report.html``, which says what ``report.md`` says.

    The same result gives the same bytes under the same version of matplotlib.

    Parameters
    ----------
    committed : what ``rendered`` gave, where it is at hand, so that nothing is drawn twice.
    """
    parts = rendered(result, beside) if committed is None else committed
    drawn = {path: body for path, body in parts.items() if path.startswith("figures/")}
    page = compose_page(result, [path for path in parts if "/" in path], beside)
    return html_page(page, result.dag, drawn).encode("utf-8")


def render(result: Result, folder: Path, beside: Beside = NOBODY) -> tuple[Path, ...]:
    """Write the report of a result, and ``report.html`` beside it.

    A figure or table this result has nothing for is removed, should an earlier one lie there.

    Parameters
    ----------
    folder : made if it is not there; usually that of ``results.json``.

    Returns
    -------
    The files written, in order.

    Raises
    ------
    CausalError
        A file cannot be written.
    """
    committed = rendered(result, beside)
    content = {**committed, HTML: rendered_html(result, committed, beside)}
    for name in OWN:
        if name not in content and (folder / name).is_file():
            (folder / name).unlink()
    return write_files(content, folder)


def write_files(content: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, each whole or not at all."""
    return tuple(_replace(folder / name, body) for name, body in content.items())


def rendered_index(results: Sequence[Result], published: str = "") -> bytes:
    """Give the content of the page that lists all reports.

    Parameters
    ----------
    published : the table of published trials, in Markdown, which have no ladder.
    """
    return index_page(results, published).encode("utf-8")


def render_index(results: Sequence[Result], folder: Path, published: str = "") -> Path:
    """Write the page that lists all reports into the folder that holds them."""
    return _replace(folder / INDEX, rendered_index(results, published))


def _replace(path: Path, content: bytes) -> Path:
    """Write beside the file first, so that an interruption leaves the last good one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise CausalError(
            f"cannot be written: {problem.strerror}. Check the folder and its permissions, "
            "then run causal render.",
            Place(str(path)),
        ) from problem
    return path

"""Writes a finished run: result, report and index appear together, or the last good ones stay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from causal.errors import CausalError, EarlierFormatError, Place
from causal.interruption import undisturbed
from causal.kinds import RESULT, AnyResult, load_result, render_any, rendered_any, rendered_any_html
from causal.report import HTML, render_index
from causal.result import Result
from causal.sealing import seal
from causal.summary.document import SummaryResult
from causal.summary.page import index_rows


def publish(result: AnyResult, folder: Path) -> None:
    """Write ``results.json`` and the report into a folder.

    Everything is computed and written beside the folder first, then moved in; an interruption
    before that leaves the last good report untouched, one within waits until all are in place.

    Raises
    ------
    CausalError
        The folder cannot be written to.
    """
    text = seal(result)
    read = type(result).model_validate_json(text)
    reports = folder.absolute().parent
    committed = rendered_any(read, reports)
    page = rendered_any_html(read, committed, reports)
    content = {**committed, HTML: page, RESULT: text.encode()}
    stage = folder.parent / f".{folder.name}.{os.getpid()}.part"
    try:
        for name, body in content.items():
            path = stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        with undisturbed():
            _put_in_place(stage, folder, list(content))
    except OSError as problem:
        raise _unwritable(folder, problem) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _put_in_place(stage: Path, folder: Path, names: Sequence[str]) -> None:
    """Move files in, and remove tables and figures of an earlier report."""
    for kind in ("tables", "figures"):
        for old in (folder / kind).glob("*"):
            if f"{kind}/{old.name}" not in names:
                old.unlink()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / name, folder / name)


def rerender(folders: Sequence[Path]) -> None:
    """Write pages again that quote companions of the same run, whichever of both was run first."""
    names = {folder.name for folder in folders}
    for folder in folders:
        result = load_result(folder / RESULT)
        if names & set(getattr(result, "companions", ())):
            render_any(result, folder)


def check_writable(folder: Path) -> None:
    """Refuse a folder nothing can be written to, before minutes are spent on a run."""
    probe = folder / f".{os.getpid()}.probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise _unwritable(folder, problem) from None


def refresh_index(reports: Path) -> list[Path]:
    """Write the page that lists the reports of a folder.

    Returns
    -------
    The folders it leaves out, whose results another version wrote.
    """
    results, left_out = [], []
    for path in sorted(reports.glob(f"*/{RESULT}")):
        try:
            results.append(load_result(path))
        except EarlierFormatError:
            left_out.append(path.parent)
    published = [one for one in results if isinstance(one, SummaryResult)]
    if results:
        cohorts = [one for one in results if isinstance(one, Result)]
        render_index(cohorts, reports, index_rows(published))
    return left_out


def _unwritable(folder: Path, problem: OSError) -> CausalError:
    return CausalError(
        f"cannot be written to: {problem.strerror}. Choose another folder with --out, or mend "
        "its permissions.",
        Place(str(folder)),
    )

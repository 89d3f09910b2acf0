"""Compares a committed report with what specification and data give, field by field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from causal.errors import DataNotAvailableError, Place, VerificationError
from causal.kinds import RESULT, AnyResult, load_result, load_specification, rendered_any, run_any
from causal.result import Result
from causal.sealing import seal, sealed

Node: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"

RELATIVE = 1e-6
"""Other versions of numerical libraries sum in another order; estimators converge to 1e-10."""
ABSOLUTE = 1e-9
PAGE = "report.md"
NOT_COMPARED = ("/provenance", "/checksum")
"""Versions and source tree may differ between machines; what they may not change is compared."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared, in sentences; a difference is raised, never returned."""

    sentences: tuple[str, ...]


def verify(
    folder: Path, analyses: Path | None, *, data: Path | None = None, jobs: int = 1
) -> Verified:
    """Re-run an analysis and compare it with its committed report.

    Without the data, the schema, the specification, the checksum and every rendered file are
    still compared, and the sentences say that the numbers were not recomputed.

    Parameters
    ----------
    folder : the report, with ``results.json``.
    analyses : where its specification lies; None skips that comparison and the re-run.

    Raises
    ------
    VerificationError
        Naming the first field or file that differs, what it holds and what it should.
    """
    path = folder / RESULT
    committed = load_result(path)
    said = [f"{path} follows schema version {committed.schema_version}."]
    specification = None if analyses is None else analyses / f"{committed.name}.yaml"
    if specification is None or not specification.is_file():
        said.append("Its specification is not at hand, so the numbers were NOT recomputed.")
    else:
        said += _compare_with_run(committed, specification, path, data, jobs)
    if not sealed(path):
        raise VerificationError(
            "the checksum is not that of the content: the file was changed after the run.",
            Place(str(path), key="/checksum"),
        )
    said.append("The checksum is that of the content.")
    number = _compare_files(committed, folder)
    away = companions_away(committed, folder.absolute().parent)
    said.append(
        f"All {number} files of the report are rendered from it byte by byte."
        if not away
        else f"The files of the report are rendered from it byte by byte; {PAGE} was not compared, "
        f"since it may quote companions that do not lie beside it ({', '.join(away)})."
    )
    return Verified(tuple(said))


def differences(found: Node, expected: Node, pointer: str = "") -> Iterator[tuple[str, Node, Node]]:
    """Give (JSON pointer, found, expected) of every field that differs, in document order."""
    if pointer in NOT_COMPARED:
        return
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in [*expected, *(k for k in found if k not in expected)]:
            yield from differences(found.get(key), expected.get(key), f"{pointer}/{key}")
    elif isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            yield f"{pointer} (length)", len(found), len(expected)
        for i, (one, other) in enumerate(zip(found, expected, strict=False)):
            yield from differences(one, other, f"{pointer}/{i}")
    elif _is_number(found) and _is_number(expected):
        a, b = cast(float, found), cast(float, expected)
        if not math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            yield pointer, found, expected
    elif found != expected:
        yield pointer, found, expected


def _is_number(node: Node) -> bool:
    return isinstance(node, int | float) and not isinstance(node, bool)


def _compare_with_run(
    committed: AnyResult, specification: Path, path: Path, data: Path | None, jobs: int
) -> list[str]:
    """Re-run and compare; without data, compare the specification only."""
    loaded = load_specification(specification)
    if loaded.document.text != committed.specification:
        raise VerificationError(
            f"the specification recorded is not the one in {specification}. Run the analysis "
            "again (causal run), or restore the file.",
            Place(str(path), key="/specification"),
        )
    try:
        again = run_any(loaded, data=data, jobs=jobs)
    except DataNotAvailableError as absent:
        return [
            "The specification is the recorded one.",
            f"The data are not here, so the numbers were NOT recomputed ({absent.message})",
        ]
    found: Node = json.loads(path.read_text(encoding="utf-8"))
    expected: Node = json.loads(seal(again))
    for pointer, was, should in differences(found, expected):
        raise VerificationError(
            f"found {_short(was)}; specification and data give {_short(should)}.",
            Place(str(path), key=pointer),
        )
    said = ["Every field equals that of a re-run from specification and data."]
    if again.provenance != committed.provenance:
        said.append(
            "Versions or source tree differ from those recorded; the numbers agree within "
            f"{RELATIVE:g}."
        )
    return said


def companions_away(committed: AnyResult, reports: Path) -> list[str]:
    """Name the companions whose results do not lie beside a report."""
    if not isinstance(committed, Result):
        return []
    return [one for one in committed.companions if not (reports / one / RESULT).is_file()]


def _compare_files(committed: AnyResult, folder: Path) -> int:
    """Render again and compare every file; figures only under the same drawing library."""
    reports = folder.absolute().parent
    content = rendered_any(committed, reports)
    for name, body in content.items():
        path = folder / name
        if name == PAGE and companions_away(committed, reports):
            continue  # it may quote their headlines
        if not path.is_file():
            raise VerificationError("is missing. Write it again (causal render).", Place(str(path)))
        found = path.read_bytes()
        if found == body or (name.endswith(".svg") and not _same_drawing(committed)):
            continue
        raise VerificationError(
            "is not what its results.json gives. Write it again (causal render).",
            Place(str(path), _first_line(found, body)),
        )
    for kind in ("tables", "figures"):
        for extra in sorted((folder / kind).glob("*")):
            if f"{kind}/{extra.name}" not in content:
                raise VerificationError(
                    "does not belong to the report. Remove it.", Place(str(extra))
                )
    return len(content)


def _same_drawing(committed: AnyResult) -> bool:
    """Tell whether figures were drawn with the library version at hand."""
    from importlib.metadata import version

    return committed.provenance.versions.get("matplotlib") == version("matplotlib")


def _first_line(found: bytes, expected: bytes) -> int:
    """Give the first line in which two files differ."""
    lines = zip(found.splitlines(), expected.splitlines(), strict=False)
    return next((i for i, (a, b) in enumerate(lines, 1) if a != b), 1)


def _short(node: Node) -> str:
    """Write a value, shortened."""
    text = json.dumps(node, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "…"

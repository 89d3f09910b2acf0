"""What is behind a number of a report: from its address back to specification, code and data."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias, get_args

from pydantic import BaseModel, ValidationError

from causal.documents import Document, KeyPath, parse_document
from causal.errors import CausalError, Place
from causal.estimators import AnyEstimator, Estimator
from causal.instrumental import AnyInstrumentCheck
from causal.kinds import AnyResult, load_result
from causal.refuters import AnyRefuter
from causal.result import InstrumentBlock, RefutationBlock, Result, RungBlock, SensitivityBlock
from causal.sensitivity import AnySensitivity
from causal.streams import examination, stream_lines, written_at
from causal.summary.document import SummaryResult
from causal.summary.tracing import ORIGINS, origin_of

Node: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"

NEAREST = 5  # addresses named when one is unknown
CUTOFF = 0.5  # of difflib's likeness, 1 for equal
LONG = 160  # characters of a value that are shown
KEYS: Mapping[str, tuple[str, ...]] = {
    "question": ("question",),
    "dataset": ("dataset", "options"),
    "design": ("design", "population", "missing", "chosen"),
    "timing": ("design", "dag"),
    "dag": ("dag",),
    "attrition": ("population", "restrict", "design", "missing"),
    "covariates": ("features", "missing"),
    "covariate_profiles": ("features", "missing"),
    "headline": ("headline", "estimand"),
    "covariance": ("ladder", "estimand"),
    "diagnostics": ("gates",),
    "balance": ("gates",),
    "truth": ("dataset", "options", "population", "restrict", "design"),
    "companions": ("companions",),
    "provenance": ("seed",),
    "estimands": ("dag",),
    "rungs": ("estimand",),
    "refutations": ("refuters", "power"),
    "instruments": ("instrument_checks",),
}
"""Part of the document -> the keys of the specification it follows from."""
UNIONS = {
    RefutationBlock: AnyRefuter,
    SensitivityBlock: AnySensitivity,
    InstrumentBlock: AnyInstrumentCheck,
}
"""Block of the document -> the models one of which it follows from."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: what it is, and what it says here."""

    name: str
    lines: tuple[str, ...]


def why(report: Path, address: str) -> tuple[Link, ...]:
    """Give the chain behind a number; needs the report only, not the data.

    Parameters
    ----------
    report : a folder with ``results.json``, or that file.
    address : a JSON pointer (``/rungs/3/estimate``), a rung (``full``), or a field of a rung
        (``full/remaining``).

    Returns
    -------
    Value, specification, estimator, covariates, random stream, data, versions: those there are.

    Raises
    ------
    CausalError
        Nothing stands at the address; the message names the nearest ones.
    """
    path = report if report.suffix == ".json" else report / "results.json"
    result = load_result(path)
    tree: Node = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(result, SummaryResult):
        return _why_summary(result, tree, address, path)
    pointer = find_pointer(result, tree, address, path)
    document = parse_document(result.specification, f"analyses/{result.name}.yaml")
    rung = _rung_of(result, tree, pointer)
    links = [
        Link("Number", (f"{path}, {pointer}", _shown(value_at(tree, pointer)))),
        Link("Specification", tuple(_spec_lines(document, pointer, rung, result))),
    ]
    if (block := examination(result, pointer)) is not None:
        links.append(_examination_link(block))
    if rung is not None:
        links += _rung_links(result, rung)
    if streams := stream_lines(result, pointer, rung):
        links.append(Link("Random stream", streams))
    return (*links, _data_link(result), _version_link(result))


def find_pointer(result: AnyResult, tree: Node, address: str, path: Path) -> str:
    """Turn an address as people write it into a JSON pointer that leads somewhere."""
    known = set(pointers(tree))
    name, _, field = address.strip("/").removeprefix("rungs/").partition("/")
    names = [rung.name for rung in result.rungs] if isinstance(result, Result) else []
    if name in names:
        field = field or "estimate"
        address = f"/rungs/{names.index(name)}/{field}"
    pointer = "/" + address.strip("/")
    if pointer in known:
        return pointer
    close = get_close_matches(pointer, sorted(known), n=NEAREST, cutoff=CUTOFF)
    hint = "Give a JSON pointer into results.json."
    if names:
        hint = (
            "Give a JSON pointer, as in column 'pointer' of tables/ladder.csv, or the name of a "
            "rung."
        )
    parts = sorted(KEYS if isinstance(result, Result) else ORIGINS)
    rungs = get_close_matches(name, names, n=2, cutoff=CUTOFF)
    nearest = ", ".join([*rungs, *close]) or ", ".join(f"/{key}" for key in parts)
    raise CausalError(
        f"nothing stands at '{address}'. Nearest: {nearest}. {hint}",
        Place(str(path)),
    )


def pointers(tree: Node, at: str = "") -> Iterator[str]:
    """Give the address of every part of a document."""
    if at:
        yield at
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from pointers(value, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            yield from pointers(value, f"{at}/{i}")


def value_at(tree: Node, pointer: str) -> Node:
    """Follow a JSON pointer (RFC 6901) that is known to lead somewhere."""
    for part in pointer.split("/")[1:]:
        if isinstance(tree, list):
            tree = tree[int(part)]
        elif isinstance(tree, dict):
            tree = tree[part.replace("~1", "/").replace("~0", "~")]
    return tree


def formula_source(model: type[BaseModel]) -> str:
    """Give the sources a model's docstring names, in one line; empty when it names none."""
    text = inspect.getdoc(model) or ""
    found = re.search(r"^References\n-+\n(.+?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def _why_summary(result: SummaryResult, tree: Node, address: str, path: Path) -> tuple[Link, ...]:
    """Give the chain behind a number of a published trial."""
    pointer = find_pointer(result, tree, address, path)
    document = parse_document(result.specification, f"analyses/{result.name}.yaml")
    origin = origin_of(pointer)
    lines = tuple(_lines_of(document, [(key,) for key in origin.keys]))
    return (
        Link("Number", (f"{path}, {pointer}", _shown(value_at(tree, pointer)))),
        Link("Specification", lines),
        Link("Formula", (origin.formula,)),
        Link("Source", (result.source, "printed numbers only; no person's data")),
        _version_link(result),
    )


def _rung_of(result: Result, tree: Node, pointer: str) -> RungBlock | None:
    """Find the rung an address is about: itself, or one its block names."""
    head, *rest = pointer.split("/")[1:]
    if not rest or not rest[0].isdigit():
        return None
    if head == "rungs":
        return result.rungs[int(rest[0])]
    if head == "variants" and len(rest) > 2 and rest[1] == "rungs":
        return result.variants[int(rest[0])].rungs[int(rest[2])]
    block = value_at(tree, f"/{head}/{rest[0]}")
    name = block.get("rung") if isinstance(block, dict) else None
    return next((rung for rung in result.rungs if rung.name == name), None)


def _spec_lines(
    document: Document, pointer: str, rung: RungBlock | None, result: Result
) -> Iterator[str]:
    """Give the lines of the specification a number follows from."""
    tree = document.tree
    if not isinstance(tree, dict):
        return
    paths: list[KeyPath] = []
    ladder = tree.get("ladder")
    if rung is not None and isinstance(ladder, list):
        paths += [
            ("ladder", i)
            for i, one in enumerate(ladder)
            if isinstance(one, dict) and one.get("name") == rung.name
        ]
    head, entry = pointer.split("/")[1], written_at(result, pointer)
    for key in KEYS.get(head, (head,)):
        if entry is not None and entry[0] == key and entry in document.lines:
            paths.append(entry)
        elif key in tree:
            paths.append((key,))
    yield from _lines_of(document, paths)


def _lines_of(document: Document, paths: Sequence[KeyPath]) -> Iterator[str]:
    """Give the lines of those keys that are written, or say that none is."""
    text = document.text.splitlines()
    written = [path for path in paths if path in document.lines]
    for path in written:
        first, last = _extent(document, path)
        for number in range(first, last + 1):
            yield f"{document.file}:{number}: {text[number - 1].rstrip()}"
    if not written:
        yield "no key of its own: the defaults apply."


def _extent(document: Document, path: KeyPath) -> tuple[int, int]:
    """Give the first and last line of a part of the specification."""
    inside = [line for key, line in document.lines.items() if key[: len(path)] == path]
    first, last = min(inside), max(inside)
    after = [line for line in document.lines.values() if line > last]
    text = document.text.splitlines()
    end = min(after) - 1 if after else len(text)
    while end > last and not text[end - 1].startswith(" "):
        end -= 1  # what stands further left belongs to the next key, or is a remark on it
    return first, max(end, last)


def _rung_links(result: Result, rung: RungBlock) -> list[Link]:
    """Say how a rung's numbers are made."""
    kind = _estimator(rung.estimator)
    said = [rung.estimator]
    if kind is not None:
        said.append(f"{kind.__module__}.{kind.__qualname__}: {_first_line(kind)}")
        said += [f"{name} = {value}" for name, value in _settings(kind, rung).items()]
        said.append(f"source: {formula_source(kind) or 'elementary; docs/methods.md'}")
    note = f" ({rung.target_note})" if rung.target_note else ""
    target = f"{rung.target}{note}, {rung.scale}, {rung.level:.0%} interval, {rung.n} rows"
    return [
        Link("Estimator", tuple(said)),
        Link("Target", (target,)),
        Link("Covariates", tuple(_covariates(result, rung)) or ("none",)),
    ]


def _examination_link(block: RefutationBlock | SensitivityBlock | InstrumentBlock) -> Link:
    """Say what tried to break the rung, or asked what could overturn it."""
    kinds = _members(UNIONS[type(block)])
    kind = next((one for one in kinds if one.model_fields["kind"].default == block.kind), None)
    said = [block.kind]
    if kind is not None:
        said.append(f"{kind.__module__}.{kind.__qualname__}: {_first_line(kind)}")
        said.append(f"source: {formula_source(kind) or 'docs/methods.md'}")
    return Link("Examination", tuple(said))


def _covariates(result: Result, rung: RungBlock) -> Iterator[str]:
    """Give each concept, with the columns and terms that stand for it in this very rung."""
    if rung.adjusted and not rung.covariates:
        yield f"{', '.join(rung.adjusted)}: terms are not listed in this document; run it again"
    for one in rung.covariates:
        lead = "time, added by the design" if one.concept == "time" else one.concept
        columns = f"columns {', '.join(one.columns)}; " if one.columns else ""
        yield f"{lead}: {columns}terms {', '.join(one.terms) or '–'}"
    if rung.missing:
        yield f"needed and not measured here: {', '.join(rung.missing)}"


def _data_link(result: Result) -> Link:
    """Say which data the number is computed on."""
    data = result.dataset
    options = ", ".join(f"{key} = {value}" for key, value in data.options.items())
    return Link(
        "Data",
        (
            f"{data.name}{f' ({options})' if options else ''}: {data.title}",
            f"cohort sha256 {data.sha256}",
            f"diagram {result.dag.name}, sha256 {result.dag.sha256}",
            f"specification sha256 {result.specification_sha256}",
        ),
    )


def _version_link(result: AnyResult) -> Link:
    """Say which code computed it."""
    origin = result.provenance
    listed = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    return Link("Versions", (listed, f"source code sha256 {origin.source_sha256}"))


def _estimator(kind: str) -> type[Estimator] | None:
    """Find the class of an estimator by its name in the specification."""
    members: Sequence[type[Estimator]] = get_args(get_args(AnyEstimator)[0])
    return next((one for one in members if one.model_fields["kind"].default == kind), None)


def _members(union: object) -> Sequence[type[BaseModel]]:
    """List the models of a union keyed on ``kind``."""
    members: Sequence[type[BaseModel]] = get_args(get_args(union)[0])
    return members


def _settings(kind: type[Estimator], rung: RungBlock) -> dict[str, str]:
    """Give all settings in force: those of the specification, the others marked as defaults."""
    given: dict[str, Node] = json.loads(rung.settings) if rung.settings.strip() else {}
    try:
        full = kind.model_validate({"kind": rung.estimator, **given}).model_dump(mode="json")
    except ValidationError:  # written by a version with other settings
        full = given
    return {
        name: json.dumps(value) + ("" if name in given else " (default)")
        for name, value in full.items()
        if name != "kind"
    }


def _first_line(kind: type[BaseModel]) -> str:
    """Give the summary of a docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _shown(value: Node) -> str:
    """Write a value, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONG else text[: LONG - 1] + "…"

"""YAML documents that remember their lines, so that an error can say where.

YAML is read strictly: duplicate keys, tags, anchors and dates are refused, since each silently
means something other than what a reader sees.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from causal.errors import Place, SpecError, did_you_mean

Scalar: TypeAlias = str | int | float | bool | None
Tree: TypeAlias = "dict[str, Tree] | list[Tree] | Scalar"
KeyPath: TypeAlias = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

PLAIN_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?")

NOTHING = 'found nothing (null). Give a value; where the word is meant, put it in quotes: "null".'
"""What is said of a key without a value: YAML reads null, ~ and nothing alike."""

PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")
)


class Settings(BaseModel):
    """A frozen part of a specification; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file: its text, its content, and the line each key stands on."""

    file: str
    text: str
    tree: Tree
    lines: Mapping[KeyPath, int]

    def place(self, path: Sequence[str | int]) -> Place:
        """Give the place of a key, or of the nearest enclosing key that is written in the file."""
        known: KeyPath = ()
        for part in path:
            if (*known, part) in self.lines:
                known = (*known, part)
        return Place(self.file, self.lines.get(known), _dotted(path) or None)

    def error(self, path: Sequence[str | int], message: str) -> SpecError:
        """Make the error that says what is wrong at a key."""
        return SpecError(message, self.place(path))


def read_document(path: Path) -> Document:
    """Read a YAML file strictly.

    Raises
    ------
    SpecError
        The file is missing, is not YAML, or has a duplicate key, tag, anchor or date.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise SpecError(
            f"cannot be read: {problem.strerror or problem}. Give the path of a YAML file.",
            Place(str(path)),
        ) from None
    except UnicodeDecodeError:
        raise SpecError(
            "is not UTF-8 text. Give the path of a YAML file.", Place(str(path))
        ) from None
    return parse_document(text, str(path))


def parse_document(text: str, file: str) -> Document:
    """Parse YAML text strictly; ``file`` is the name used in messages."""
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else None
                raise SpecError(
                    f"alias '*{event.anchor}' found. Write the value out, where a reader sees it.",
                    Place(file, line),
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else None
        hint = " Put text that holds ': ' in quotes." if "mapping values" in str(problem) else ""
        raise SpecError(f"is not valid YAML: {problem.problem}.{hint}", Place(file, line)) from None
    except yaml.YAMLError as problem:
        raise SpecError(f"is not valid YAML: {problem}.", Place(file)) from None
    lines: dict[KeyPath, int] = {}
    tree = _plain(root, (), lines, file) if root is not None else {}
    return Document(file, text, tree, lines)


def validated(document: Document, model: type[M]) -> M:
    """Turn a document into a validated object.

    Raises
    ------
    SpecError
        The first thing that does not fit, with its line, what was expected and the choices.
    """
    if not isinstance(document.tree, dict):
        raise SpecError(
            "expected keys and values (a YAML mapping) at the top.", Place(document.file)
        )
    try:
        return model.model_validate(document.tree)
    except ValidationError as problem:
        details = problem.errors(include_url=False)
        # a misspelt key is also a missing one, and a list whose only item is wrong is also too
        # short: the misspelling, and the item, are what helps
        above = {one["loc"][:end] for one in details for end in range(len(one["loc"]))}
        details = [one for one in details if one["type"] != "too_short" or one["loc"] not in above]
        details = _meant(details, document)
        first = min(
            details,
            key=lambda one: (
                one["type"] == "missing",
                document.place(one["loc"]).line or 0,
                # of the members of a union, not those that take another type altogether
                _takes_another_type(one),
            ),
        )
        path = _written(first["loc"], first["type"], document)
        places = {_written(one["loc"], one["type"], document) for one in details}
        more = f" ({len(places) - 1} more to mend after this.)" if len(places) > 1 else ""
        raise document.error(path, _sentence(first, model) + more) from None


def report_name(document: Document) -> str:
    """Give the name of a specification's report: that of its file.

    Raises
    ------
    SpecError
        The name cannot be that of a folder everywhere.
    """
    path = Path(document.file)
    if not path.stem.replace("_", "").replace("-", "").isalnum():
        raise SpecError(
            f"the file name '{path.name}' is to name a folder of reports; use letters, digits, "
            "_ and - only."
        )
    return path.stem


def _meant(details: list[ErrorDetails], document: Document) -> list[ErrorDetails]:
    """Leave out what those members of a union say that the value was not written for.

    What is wrong inside a value shows which member knows its keys; another member only says that
    it takes a word, or not that key, or that keys of its own are missing.
    """
    faults = [(one, _written(one["loc"], one["type"], document)) for one in details]

    def inside(one: ErrorDetails, path: KeyPath) -> bool:
        holds = isinstance(one["input"], dict | list)
        return holds and any(len(o) > len(path) and o[: len(path)] == path for _, o in faults)

    def known(path: KeyPath) -> bool:
        odd = ("extra_forbidden", "missing")
        return any(other == path and one["type"] not in odd for one, other in faults)

    strangers = {
        one["loc"][:-1]
        for one, path in faults
        if one["type"] == "extra_forbidden" and (known(path) or inside(one, path))
    }
    return [
        one
        for one, path in faults
        if not (one["type"] in ("extra_forbidden", "missing") and one["loc"][:-1] in strangers)
        and not (_takes_another_type(one) and inside(one, path))
    ]


def _takes_another_type(detail: ErrorDetails) -> bool:
    """Tell whether a member of a union takes another type than what was found."""
    if detail["type"] == "literal_error":
        return isinstance(detail["input"], dict | list)
    return detail["type"].endswith(("_parsing", "_type"))


def _written(loc: KeyPath, kind: str, document: Document) -> KeyPath:
    """Keep the parts of pydantic's location that are keys of the file, and a key that is missing.

    Pydantic puts the tags and types of unions among them.
    """
    path: KeyPath = ()
    node: Tree = document.tree
    for part in loc:
        if isinstance(node, dict) and part in node:
            node = node[str(part)]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            continue
        path = (*path, part)
    return (*path, loc[-1]) if kind == "missing" else path


def _plain(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], file: str) -> Tree:
    """Turn a YAML node into plain values, noting the line of every key."""
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            key, key_line = key_node.value, key_node.start_mark.line + 1
            where = Place(file, key_line, _dotted((*path, str(key))))
            if not isinstance(key_node, yaml.ScalarNode) or key == "<<":
                raise SpecError("keys must be plain words.", where)
            if key in content:
                first = lines[(*path, key)]
                raise SpecError(
                    f"key given twice (first on line {first}). Keep one of them.", where
                )
            lines[(*path, key)] = key_line
            content[key] = _plain(value_node, (*path, key), lines, file)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, i), lines, file) for i, child in enumerate(node.value)]
    if node.tag not in PLAIN_TAGS:
        raise SpecError(
            f"found the YAML tag or type '{node.tag.removeprefix('tag:yaml.org,2002:')}'. "
            "Only text, numbers, true/false and null are read; put dates and odd text in quotes.",
            Place(file, line, _dotted(path)),
        )
    value: Scalar = yaml.SafeLoader("").construct_object(node)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _refuse_odd_number(str(node.value), Place(file, line, _dotted(path)))
    return value


def _refuse_odd_number(written: str, where: Place) -> None:
    """Refuse numbers YAML reads in another base (010, 1:30, 0x1F) and those that are not finite."""
    if not PLAIN_NUMBER.fullmatch(written):
        raise SpecError(
            f"found '{written}', which is not a plain finite decimal number to YAML's eyes. Write "
            "it as such, or in quotes if it is text.",
            where,
        )


def _dotted(path: Sequence[str | int]) -> str:
    """Write a path as ``ladder[2].estimator.kind``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """Say one of pydantic's findings in the style of this project."""
    kind, loc, found = detail["type"], detail["loc"], detail["input"]
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key '{loc[-1]}'. {did_you_mean(str(loc[-1]), _keys_at(model, loc[:-1]))}"
    if kind == "missing":
        return f"missing key '{loc[-1]}'. Add it."
    if kind == "union_tag_invalid":
        choices = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return f"unknown kind '{context['tag']}'. {did_you_mean(str(context['tag']), choices)}"
    if kind == "union_tag_not_found":
        kinds = sorted(_kinds_at(model, loc))
        return f"missing key 'kind'. Add it. Choices: {', '.join(kinds)}."
    if found is None:
        more = did_you_mean("", _choices(detail, model)) if kind == "literal_error" else ""
        return f"{NOTHING} {more}".rstrip()
    if kind == "literal_error":
        return f"found '{found}'. {did_you_mean(str(found), _choices(detail, model))}"
    said = detail["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(found, dict | list) else f"found {found!r}: "
    return f"{shown}{said[0].lower()}{said[1:].rstrip('.')}."


def _choices(detail: ErrorDetails, model: type[BaseModel]) -> list[str]:
    """List the words, and the kinds of mappings, that may stand in a place."""
    expected = str(detail.get("ctx", {})["expected"]).replace(" or ", ",")
    words = [one.strip(" '") for one in expected.split(",")]
    keys = _keys_at(model, detail["loc"][:-1], of_unions=True)
    return words + [f"{{{key}: ...}}" for key in keys]


def _keys_at(
    model: type[BaseModel], loc: Sequence[str | int], *, of_unions: bool = False
) -> list[str]:
    """List the keys a model takes at a location.

    Parameters
    ----------
    of_unions : only of models that stand in a union there, as those do whose place words may take.
    """
    current: list[object] = [model]
    for part in loc:
        current = [inner for one in current for inner in _step(one, part)]
    if of_unions:
        current = [one for one in current if not isinstance(one, type)]
    models = [m for one in current for m in _models_in(one)]
    return [field.alias or name for m in models for name, field in m.model_fields.items()]


def _kinds_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """List the kinds a union takes at a location."""
    current: list[object] = [model]
    for part in loc:
        current = [inner for one in current for inner in _step(one, part)]
    fields = [m.model_fields["kind"] for one in current for m in _models_in(one)]
    return [str(kind) for field in fields for kind in get_args(field.annotation)]


def _step(annotation: object, part: str | int) -> list[object]:
    """Go one step into an annotation: a field of a model, an item of a list, a tag of a union."""
    inner: list[object] = []
    members = _unwrapped(annotation)
    tagged = [one for one in _models_in(annotation) if part in _kinds_of(one)]
    if tagged and len(members) > 1:
        return [*tagged]  # a tag, though one of them may have a field of that name, as beta has
    named = [one for one in _models_in(annotation) if one.__name__ == part]
    if named:
        return [*_models_in(annotation)]  # pydantic tells members of a union apart by class names
    if str(part).startswith("tuple["):
        return [annotation]  # and lists among them by the type of their items
    for one in members:
        if isinstance(one, type) and issubclass(one, BaseModel):
            if part in one.model_fields:
                inner.append(one.model_fields[str(part)].annotation)
            elif one in tagged:
                inner.append(one)
        elif get_origin(one) in (list, tuple, dict) or get_origin(one) is Mapping:
            inner.extend(get_args(one))
    return inner


def _kinds_of(model: type[BaseModel]) -> tuple[object, ...]:
    """List the kinds a model goes by."""
    return get_args(getattr(model.model_fields.get("kind"), "annotation", None))


def _unwrapped(annotation: object) -> list[object]:
    """Open annotated types and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrapped(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for member in get_args(annotation) for one in _unwrapped(member)]
    return [] if origin is Literal else [annotation]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    """Keep the models among the members of an annotation."""
    return [
        one
        for one in _unwrapped(annotation)
        if isinstance(one, type) and issubclass(one, BaseModel)
    ]

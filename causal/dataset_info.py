"""What a data set says of itself: ``dataset.toml``, read strictly, and its codebook."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from causal.codebook import Codebook, read_codebook
from causal.documents import Document, KeyPath, Tree, validated
from causal.errors import SpecError, did_you_mean, range_words
from causal.expressions import EVERYONE, Expression, parse
from causal.sources import RawFile, Sha256, Sources

Value: TypeAlias = str | int | float | bool
Access: TypeAlias = Literal["open", "registration", "restricted", "generated"]
Statistic: TypeAlias = Literal["rows", "persons", "n", "mean", "sd", "median", "min", "max", "sum"]

KEY_COLUMNS = ("person_id", "wave")


class _Table(BaseModel):
    """A table of the file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Population(_Table):
    """A named query on a person's first row, and why one would ask it; no query is everyone."""

    where: str = ""
    reason: str = Field(min_length=1)

    @field_validator("where")
    @classmethod
    def _parses(cls, where: str) -> str:
        if where:
            parse(where)
        return where

    @property
    def expression(self) -> Expression:
        """Give the parsed query."""
        return parse(self.where) if self.where else EVERYONE


class Option(_Table):
    """A setting of a generated data set."""

    kind: Literal["text", "integer", "number", "boolean"]
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _default_fits(self) -> Option:
        self.check("default", self.default)
        return self

    def check(self, name: str, value: Value) -> None:
        """Refuse a value of the wrong kind, not among the choices, or out of range."""
        kinds: Mapping[str, tuple[type, ...]] = {
            "text": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
        }  # fmt: skip
        if not isinstance(value, kinds[self.kind]) or (
            isinstance(value, bool) and self.kind != "boolean"
        ):
            raise SpecError(f"option '{name}' is {value!r}; expected {self.kind}.")
        if self.choices and value not in self.choices:
            raise SpecError(
                f"option '{name}' is '{value}'. {did_you_mean(str(value), self.choices)}"
            )
        if not isinstance(value, str) and not self._within(value):
            raise SpecError(
                f"option '{name}' is {value:g}; expected {range_words(self.low, self.high)}."
            )

    def _within(self, value: float) -> bool:
        low, high = self.low, self.high
        return (low is None or value >= low) and (high is None or value <= high)


class Fact(_Table):
    """A published number the contract test recomputes.

    Attributes
    ----------
    table : a source to compute on, in its raw columns; the built cohort when left out.
    where : the rows, as a query; all when left out.
    tolerance : absolute; 0 for counts, half a unit of the last printed digit for the rest.
    """

    what: str
    statistic: Statistic
    value: float
    source: str
    column: str | None = None
    table: str | None = None
    where: str = ""
    tolerance: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _meant(self) -> Fact:
        if self.where:
            parse(self.where)
        if (self.column is None) != (self.statistic in ("rows", "persons")):
            need = "no column" if self.column else "a column"
            raise ValueError(f"the statistic '{self.statistic}' takes {need}")
        return self

    @property
    def expression(self) -> Expression:
        """Give the parsed query."""
        return parse(self.where) if self.where else EVERYONE


class DatasetDocument(_Table):
    """The content of ``dataset.toml``; keys: ``docs/how-to/add-a-dataset.md``.

    Attributes
    ----------
    self_reported : columns that are what the person said, and nothing else confirms.
    """

    title: str
    unit: str
    wave_unit: str
    wave_days: float = Field(gt=0)
    waves: Annotated[tuple[int, ...], Field(min_length=1)]
    access: Access
    licence: str
    licence_note: str = ""
    citation: str
    min_cell: int = Field(ge=0)
    t0_rule: str
    how_to_get: str
    cohort_sha256: Sha256 | None = None
    sources: Mapping[str, RawFile] = Field(default_factory=dict)
    populations: Annotated[Mapping[str, Population], Field(min_length=1)]
    self_reported: tuple[str, ...] = ()
    refused: Mapping[str, str] = Field(default_factory=dict)
    options: Mapping[str, Option] = Field(default_factory=dict)
    facts: tuple[Fact, ...] = ()

    @field_validator("refused")
    @classmethod
    def _one_a_column(cls, refused: Mapping[str, str]) -> Mapping[str, str]:
        return {column: why for columns, why in refused.items() for column in columns.split()}

    @model_validator(mode="after")
    def _generated_or_read(self) -> DatasetDocument:
        if self.access == "generated" and (self.sources or self.cohort_sha256):
            raise ValueError("a generated data set has no sources and no cohort_sha256")
        if self.access != "generated" and self.options:
            raise ValueError("only a generated data set takes options")
        for fact in self.facts:
            if fact.table is not None and fact.table not in self.sources:
                raise ValueError(
                    f"the fact '{fact.what}' names the source '{fact.table}'. "
                    f"{did_you_mean(fact.table, self.sources)}"
                )
        return self


class DatasetInfo(DatasetDocument):
    """A data set: the content of its ``dataset.toml``, its codebook, and where they are.

    Attributes
    ----------
    name : the name of the folder.
    folder : where adapter, codebook and card are.
    module : the import name of the folder.
    """

    name: str
    folder: Path
    module: str
    codebook: Codebook

    @property
    def raw(self) -> Sources:
        """Give the raw files as ``read_sources`` takes them."""
        return Sources(self.name, self.folder, self.sources, self.how_to_get)

    @property
    def card(self) -> str:
        """Give the text of ``card.md``."""
        return (self.folder / "card.md").read_text(encoding="utf-8")

    def population(self, name: str) -> Population:
        """Give a population, or raise with the choices."""
        if name not in self.populations:
            raise SpecError(
                f"data set '{self.name}' has no population '{name}'. "
                f"{did_you_mean(name, self.populations)}"
            )
        return self.populations[name]

    def why_refused(self, column: str) -> str | None:
        """Give the reason why a raw column is not carried, or None; case does not matter."""
        reasons = {raw.casefold(): why for raw, why in self.refused.items()}
        return reasons.get(column.casefold())


def read_dataset_info(name: str, folder: Path, module: str) -> DatasetInfo:
    """Read ``dataset.toml`` and ``codebook.csv`` of one folder.

    Raises
    ------
    SpecError
        Something in them cannot be meant; the message names file, line and key.
    """
    document = read_toml(folder / "dataset.toml")
    content = validated(document, DatasetDocument)
    codebook = read_codebook(folder / "codebook.csv", name)
    _check_columns(content, codebook, document)
    fields = {key: getattr(content, key) for key in DatasetDocument.model_fields}
    return DatasetInfo(**fields, name=name, folder=folder, module=module, codebook=codebook)


def read_toml(path: Path) -> Document:
    """Read a TOML file, remembering the line of every key."""
    try:
        text = path.read_text(encoding="utf-8")
        tree: Tree = tomllib.loads(text)
    except OSError as problem:
        raise SpecError(f"{path} cannot be read: {problem.strerror}.") from None
    except ValueError as problem:  # of decoding, or of TOML, which says line and column
        raise SpecError(f"{path} is not valid TOML: {problem}.") from None
    return Document(str(path), text, tree, _lines(text))


def _check_columns(content: DatasetDocument, codebook: Codebook, document: Document) -> None:
    """Refuse populations, facts and self_reported that name columns the codebook does not have."""
    known = {*KEY_COLUMNS, *codebook.variables}
    named: list[tuple[KeyPath, tuple[str, ...]]] = [
        (("populations", name), one.expression.columns) for name, one in content.populations.items()
    ]
    named += [
        (("facts", i), (*one.expression.columns, *([one.column] if one.column else [])))
        for i, one in enumerate(content.facts)
        if one.table is None
    ]
    named.append((("self_reported",), content.self_reported))
    for path, columns in named:
        for column in columns:
            if column not in known:
                raise document.error(
                    path,
                    f"there is no column '{column}' in codebook.csv. {did_you_mean(column, known)}",
                )


def _lines(text: str) -> dict[KeyPath, int]:
    """Find the lines of headings and keys; those it does not find only shorten a message."""
    lines: dict[KeyPath, int] = {}
    heading: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.match(r"\[\[\s*(\w+)\s*\]\]", line):
            known = [path for path in lines if len(path) == 2 and path[0] == found[1]]
            heading = (found[1], len(known))
            lines[heading] = number
        elif found := re.match(r"\[([^\[\]]+)\]", line):
            heading = tuple(part.strip().strip("\"'") for part in found[1].split("."))
            lines[heading] = number
        elif found := re.match(r"\s*([\w-]+)\s*=", line):
            lines[(*heading, found[1])] = number
    return lines

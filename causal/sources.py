"""Raw files, verified before they are opened: from an installed package, or a user's own CSV."""

from __future__ import annotations

import importlib.metadata
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from causal.errors import (
    ChecksumMismatchError,
    DataNotAvailableError,
    DatasetError,
    Place,
)

if TYPE_CHECKING:
    import pandas as pd

FOLDER_VARIABLE = "CAUSAL_DATA"
PICKLE_SUFFIXES = frozenset({".pkl", ".pickle", ".p", ".joblib", ".compress", ".npy", ".npz"})
MAGIC: Mapping[bytes, str] = {
    b"\x80": "a Python pickle",
    b"\xfd7zXZ": "an xz archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"PK": "a zip archive or a spreadsheet",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"\x93NUMPY": "a numpy file",
    b"PAR1": "a parquet file",
}

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RawFile(BaseModel):
    """Where one raw file is found, and how it is recognised.

    Attributes
    ----------
    distribution : the installed package that holds the file; without it, the file is beside
        ``dataset.toml`` (``path`` given) or the user's own (no ``path``).
    path : the file inside the distribution or the data set's folder.
    sha256 : of the file's bytes; required with ``path``.
    rows, columns : shape of the table, compared when given (columns at least).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    distribution: str | None = None
    path: str | None = None
    format: Literal["pickle.xz", "csv"] = "csv"
    sha256: Sha256 | None = None
    rows: int | None = None
    columns: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> RawFile:
        if self.distribution is not None and self.path is None:
            raise ValueError("a source in a distribution needs 'path', the file inside it")
        if self.path is not None and self.sha256 is None:
            raise ValueError("a source with a 'path' needs its 'sha256'")
        if self.format == "pickle.xz" and self.distribution is None:
            raise ValueError("a pickle is only read from an installed distribution; give a CSV")
        return self


@dataclass(frozen=True, slots=True)
class Sources:
    """The raw files of one data set: what they are, where its folder is, how to get them."""

    dataset: str
    folder: Path
    files: Mapping[str, RawFile]
    how_to_get: str

    def place(self, source: str) -> Place:
        """Give the place of a source, for messages."""
        return Place(f"data set {self.dataset}", key=f"sources.{source}")


def read_sources(sources: Sources, data: Path | None = None) -> dict[str, pd.DataFrame]:
    """Read every raw file of a data set.

    The first that exists is taken: ``data`` (a CSV, or a folder of them), the folder
    ``$CAUSAL_DATA/<dataset>``, the installed distribution or the data set's own folder.

    Parameters
    ----------
    data : the user's own CSV (of a data set with one source), or a folder with
        ``<source>.csv`` for each source.

    Raises
    ------
    DataNotAvailableError
        A file is nowhere; the message says how to get it.
    ChecksumMismatchError
        A file is not the one expected; nothing in it was read.
    """
    if data is not None and not sources.files:
        raise DatasetError(
            "reads no files, so none can be given. Leave the data path out.",
            Place(f"data set {sources.dataset}"),
        )
    return {name: _read(sources, name, data) for name in sources.files}


def read_csv(path: Path, where: Place) -> pd.DataFrame:
    """Read a user's CSV; anything that could run code, or is packed, is refused unread.

    Raises
    ------
    DatasetError
        The file is a pickle, an archive, or not a CSV; the message says what to do.
    """
    import pandas as pd

    with path.open("rb") as file:
        start = file.read(8)
    found = next((what for magic, what in MAGIC.items() if start.startswith(magic)), None)
    if found is None and path.suffix.lower() in PICKLE_SUFFIXES:
        found = f"a file ending in '{path.suffix}'"
    if found is not None:
        raise DatasetError(
            f"{path} is {found}; only plain CSV is read from a path of yours, since opening a "
            "pickle can run any code in it. Write the table with to_csv(path, index=False).",
            where,
        )
    try:
        return pd.read_csv(path, low_memory=False)
    except ValueError as problem:  # of parsing, of decoding, of an empty file
        raise DatasetError(f"{path} cannot be read as CSV: {problem}", where) from None


def _read(sources: Sources, name: str, data: Path | None) -> pd.DataFrame:
    """Read one raw file from wherever it is, and compare its shape."""
    file = sources.files[name]
    own = _own_file(sources, name, data)
    table = read_csv(own, sources.place(name)) if own else _packaged(sources, name)
    rows, columns = table.shape
    if (file.rows or rows) != rows or columns < (file.columns or 0) - 1:
        # One column fewer is let pass: exports differ in whether they number the rows.
        raise ChecksumMismatchError(
            f"{own or file.path} has {rows} rows and {columns} columns; expected "
            f"{file.rows or 'any number of'} rows and {file.columns or 'any number of'} columns. "
            "Give the complete file.",
            sources.place(name),
        )
    return table


def _own_file(sources: Sources, name: str, data: Path | None) -> Path | None:
    """Find the user's own file: what ``data`` names, else what is in the data folder, else none."""
    if data is not None:
        if data.is_dir():
            data = data / f"{name}.csv"
        elif len(sources.files) > 1:
            raise DatasetError(
                f"has {len(sources.files)} sources ({', '.join(sources.files)}), but {data} is one "
                "file. Give a folder with <source>.csv for each.",
                Place(f"data set {sources.dataset}"),
            )
        if not data.is_file():
            raise DataNotAvailableError(f"there is no file {data}.", sources.place(name))
        return data
    folder = os.environ.get(FOLDER_VARIABLE)
    own = Path(folder) / sources.dataset / f"{name}.csv" if folder else None
    return own if own is not None and own.is_file() else None


def _packaged(sources: Sources, name: str) -> pd.DataFrame:
    """Read a file of an installed distribution or of the data set's folder, once verified."""
    import pandas as pd

    file = sources.files[name]
    if file.path is None:
        raise _absent(sources, name, "the data are not shipped")
    content = _located(sources, name, file.path).read_bytes()
    if (found := sha256(content).hexdigest()) != file.sha256:
        origin = f" of {file.distribution}" if file.distribution else ""
        raise ChecksumMismatchError(
            f"{file.path}{origin} has sha256 {found}; expected {file.sha256}. Nothing in it was "
            "read. Install the version of the package this data set was made for, or give a CSV.",
            sources.place(name),
        )
    if file.format == "csv":
        return pd.read_csv(io.BytesIO(content), low_memory=False)
    table = pd.read_pickle(io.BytesIO(content), compression="xz")
    if not isinstance(table, pd.DataFrame):
        raise DatasetError(f"{file.path} holds a {type(table).__name__}.", sources.place(name))
    return table


def _located(sources: Sources, name: str, path: str) -> Path:
    """Find a file without importing the package that holds it."""
    distribution = sources.files[name].distribution
    if distribution is None:
        found = sources.folder / path
    else:
        try:
            found = Path(str(importlib.metadata.distribution(distribution).locate_file(path)))
        except importlib.metadata.PackageNotFoundError:
            raise _absent(sources, name, f"the package '{distribution}' is not installed") from None
    if not found.is_file():
        holder = f"the installed {distribution}" if distribution else str(sources.folder)
        raise _absent(sources, name, f"{holder} has no file {path}")
    return found


def _absent(sources: Sources, name: str, why: str) -> DataNotAvailableError:
    """Say that data are not here, and how to get them."""
    return DataNotAvailableError(
        f"{why}. {sources.how_to_get.strip()} A CSV of your own is read from the data path, or "
        f"from ${FOLDER_VARIABLE}/{sources.dataset}/{name}.csv.",
        sources.place(name),
    )

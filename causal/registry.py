"""Finds data sets by name and builds their cohorts; nothing here knows a data set by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

import causal.datasets
from causal.arrays import Floats
from causal.codebook import Codebook
from causal.cohort import KEYS, Cohort, check_table
from causal.dataset_info import DatasetInfo, Value, read_dataset_info
from causal.errors import (
    ChecksumMismatchError,
    DatasetError,
    Place,
    SpecError,
    UnknownDatasetError,
    did_you_mean,
)
from causal.sources import read_sources
from causal.truths import Truth

if TYPE_CHECKING:
    import pandas as pd

Options: TypeAlias = Mapping[str, Value]
Build: TypeAlias = "Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]"
Generate: TypeAlias = "Callable[[Options], pd.DataFrame]"
FindTruth: TypeAlias = Callable[[Options], Sequence[Truth]]

GROUP = "causal.datasets"
"""The entry-point group under which other packages offer data sets."""
KEPT_BITS = 28  # of 53, 8 digits: values that went through 15 printed digits keep their digest


def known_datasets() -> dict[str, Path]:
    """Give the folder of every data set on this machine, by name in alphabetical order.

    Raises
    ------
    DatasetError
        Another package offers a data set that cannot be found, or takes a name in use.
    """
    return {name: one.folder for name, one in sorted(_located().items())}


def describe(name: str) -> DatasetInfo:
    """Read what a data set says of itself: ``dataset.toml`` and codebook; needs no data.

    Raises
    ------
    UnknownDatasetError
        There is no data set of that name; the message lists those there are.
    SpecError
        Its files are faulty.
    """
    located = _located()
    if name not in located:
        raise UnknownDatasetError(f"there is no data set '{name}'. {did_you_mean(name, located)}")
    return read_dataset_info(name, located[name].folder, located[name].module)


def load_cohort(name: str, options: Options | None = None, data: Path | None = None) -> Cohort:
    """Read, build and check the cohort of a data set.

    Parameters
    ----------
    options : settings of a generated data set.
    data : the user's own CSV, or a folder with ``<source>.csv`` for each source.

    Raises
    ------
    DataNotAvailableError
        The data are not on this machine; the message says how to get them.
    ChecksumMismatchError
        A file, or the table built from it, is not the one the data set was made for.
    CodebookViolationError
        The table contradicts the codebook.
    """
    info = describe(name)
    table = canonicalise(build_table(info, options, data), info.codebook)
    digest = digest_table(table)
    if info.cohort_sha256 is not None and digest != info.cohort_sha256:
        raise ChecksumMismatchError(
            f"the table built has sha256 {digest}; dataset.toml records {info.cohort_sha256}. "
            "The file given is not the one the data set was made for; or, if build() was changed "
            "on purpose, write the new sha256 into dataset.toml.",
            Place(f"data set {name}", key="cohort_sha256"),
        )
    if odd := sorted(set(table["wave"]) - set(info.waves)):
        raise DatasetError(
            f"the data have wave {odd[0]}, which is not among the scheduled waves "
            f"{', '.join(map(str, info.waves))}. Mend build(), or waves in dataset.toml.",
            Place(f"data set {name}", key="waves"),
        )
    return Cohort(name, table, info.codebook, info.waves, info.wave_days, digest, info.min_cell)


def build_table(
    info: DatasetInfo, options: Options | None = None, data: Path | None = None
) -> pd.DataFrame:
    """Let the adapter build its table: from verified raw files, or by generating it."""
    if info.access == "generated":
        if data is not None:
            raise DatasetError("is generated; it reads no file.", Place(f"data set {info.name}"))
        return find_generate(info)(chosen_options(info, options))
    chosen_options(info, options)
    build = find_build(info)
    raw = read_sources(info.raw, data)
    try:
        return build(raw)
    except KeyError as problem:
        raise DatasetError(
            f"build() asks for {problem}, which the file does not have. Give the complete file.",
            Place(f"data set {info.name}"),
        ) from problem


def known_truths(name: str, options: Options | None = None) -> tuple[Truth, ...]:
    """Give the true values of a generated data set, each with the question it answers."""
    info = describe(name)
    if info.access != "generated":
        raise DatasetError("is not generated, so no truth is known.", Place(f"data set {name}"))
    found = find_truth(info)(chosen_options(info, options))
    if isinstance(found, Mapping) or not all(isinstance(one, Truth) for one in found):
        raise DatasetError(
            "truth() must give a list of causal.truths.Truth: values and the question they answer.",
            Place(f"data set {name}", key="adapter.py"),
        )
    return tuple(found)


def find_build(info: DatasetInfo) -> Build:
    """Import ``build`` of an adapter, which makes the table from raw files."""
    return cast("Build", _adapter(info, "build"))


def find_generate(info: DatasetInfo) -> Generate:
    """Import ``generate`` of an adapter, which makes the table from options."""
    return cast("Generate", _adapter(info, "generate"))


def find_truth(info: DatasetInfo) -> FindTruth:
    """Import ``truth`` of an adapter, which gives the true values of a generated table."""
    return cast("FindTruth", _adapter(info, "truth"))


def chosen_options(info: DatasetInfo, options: Options | None) -> dict[str, Value]:
    """Complete options by their defaults, refusing unknown ones and values that do not fit."""
    given = dict(options or {})
    for name, value in given.items():
        if name not in info.options:
            raise SpecError(
                f"data set '{info.name}' has no option '{name}'. {did_you_mean(name, info.options)}"
            )
        info.options[name].check(name, value)
    return {name: given.get(name, one.default) for name, one in info.options.items()}


def canonicalise(table: pd.DataFrame, codebook: Codebook) -> pd.DataFrame:
    """Check a built table, then bring it to one form: sorted, columns in the codebook's order.

    Returns
    -------
    ``person_id`` as text, ``wave`` as int, numbers as float, names as text; missing is NaN.
    """
    check_table(table, codebook)
    columns = {"person_id": table["person_id"].astype("str"), "wave": table["wave"].astype("int64")}
    for variable in codebook:
        if variable.column not in KEYS:
            values = table[variable.column]
            columns[variable.column] = values.astype("float64" if variable.numeric else "str")
    import pandas as pd

    return pd.DataFrame(columns).sort_values(list(KEYS), ignore_index=True)


def digest_table(table: pd.DataFrame) -> str:
    """Give the sha256 of columns and values, the same whatever file format they came from."""
    import pandas as pd

    digest = sha256(f"{table.shape}".encode())
    for column in table.columns:
        values = table[column]
        digest.update(f"\x1e{column}\x1f".encode())
        if values.dtype.kind in "fiub":
            digest.update(_rounded(values.to_numpy(dtype=np.float64)).tobytes())
        else:
            codes, names = pd.factorize(values.astype("str"), sort=True)
            digest.update("\x1f".join(map(str, names)).encode())
            digest.update(codes.astype("<i8").tobytes())
    return digest.hexdigest()


def analyses_folder() -> Path | None:
    """Give the folder of the analyses that come with the library, or None if there is none."""
    for folder in causal.datasets.__path__:
        analyses = Path(folder).parent / "analyses"
        if analyses.is_dir():
            return analyses
    return None


@dataclass(frozen=True, slots=True)
class _Located:
    """A data set's folder, and the name under which Python imports it."""

    folder: Path
    module: str


def _located() -> Mapping[str, _Located]:
    """Find the data sets of the library, then those of other packages."""
    found = {
        toml.parent.name: _Located(toml.parent, f"causal.datasets.{toml.parent.name}")
        for folder in causal.datasets.__path__
        for toml in sorted(Path(folder).glob("*/dataset.toml"))
    }
    for entry in importlib.metadata.entry_points(group=GROUP):
        where = Place(f"entry point {entry.name} = {entry.value}")
        if entry.name in found:
            raise DatasetError("a data set of that name exists. Rename one of the two.", where)
        try:
            spec = importlib.util.find_spec(entry.value)
        except ImportError:
            spec = None
        folders = [Path(one) for one in (spec and spec.submodule_search_locations) or ()]
        folder = next((one for one in folders if (one / "dataset.toml").is_file()), None)
        if folder is None:
            raise DatasetError(
                "is not a package with a dataset.toml. Mend or uninstall the package.", where
            )
        found[entry.name] = _Located(folder, entry.value)
    return found


def _adapter(info: DatasetInfo, function: str) -> object:
    """Import a function of a data set's adapter."""
    adapter = importlib.import_module(f"{info.module}.adapter")
    found = getattr(adapter, function, None)
    if not callable(found):
        raise DatasetError(
            f"{info.folder / 'adapter.py'} has no function {function}(). Add it; "
            f"access = '{info.access}' requires it.",
            Place(f"data set {info.name}"),
        )
    return cast("object", found)


def _rounded(values: Floats) -> Floats:
    """Keep 28 bits of the mantissa, one NaN and one zero, as little-endian bytes."""
    mantissa, exponent = np.frexp(values)
    kept = np.ldexp(np.rint(np.ldexp(mantissa, KEPT_BITS)), exponent - KEPT_BITS) + 0.0
    return np.where(np.isnan(kept), np.nan, kept).astype("<f8")

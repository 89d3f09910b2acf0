"""Examines an installation: versions, data files, and the hazards of the libraries used."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

import causal.datasets
from causal.errors import CausalError, ChecksumMismatchError, DataNotAvailableError
from causal.hazards import HAZARDS, Hazard, probe
from causal.registry import describe, known_datasets, load_cohort

State: TypeAlias = Literal["ok", "differs", "absent", "present", "NEWS", "unknown", "BROKEN"]

DISTRIBUTION = "causal-mhg"
VERSIONS, DATA, LIBRARIES = "Versions", "Data", "Hazards of DoWhy"
_PIN = re.compile(r"^[A-Za-z0-9._-]+==[^\\\n]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined.

    Attributes
    ----------
    state : ``BROKEN`` must be mended; ``differs`` and ``absent`` may be meant; ``present`` is a
        hazard that is guarded against; ``NEWS`` a hazard that is gone.
    """

    subject: str
    state: State
    said: str


def examine() -> Iterator[Finding]:
    """Examine versions, then data, then hazards; each finding as soon as there is one."""
    yield from examine_versions()
    yield from examine_data()
    yield from examine_hazards()


def examine_versions() -> Iterator[Finding]:
    """Compare what is installed with what is supported, and with what is pinned."""
    python = platform.python_version()
    try:
        needed = metadata.requires(DISTRIBUTION) or []
        supported = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    except metadata.PackageNotFoundError:
        yield Finding(
            VERSIONS, "BROKEN", f"{DISTRIBUTION} is not installed. Run make install, or pip."
        )
        return
    yield _compared("python", python, supported, None)
    pinned = pinned_versions()
    for name, range_ in _read_requirements(needed).items():
        yield examine_version(name, range_, pinned.get(name))


def examine_version(name: str, supported: str, pinned: str | None) -> Finding:
    """Compare one installed library with the versions supported and the one pinned."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(VERSIONS, "BROKEN", f"{name} is missing. Install it: pip install {name}.")
    return _compared(name, found, supported, pinned)


def pinned_versions() -> dict[str, str]:
    """Read the versions reports are made with, where the constraints file is at hand."""
    for folder in causal.datasets.__path__:
        path = Path(folder).parent / "constraints.txt"
        if path.is_file():
            lines = _PIN.findall(path.read_text(encoding="utf-8"))
            return {
                name: exact.removeprefix("==") for name, exact in _read_requirements(lines).items()
            }
    return {}


def examine_data() -> Iterator[Finding]:
    """Look for the files of each data set, and compare them with the checksums recorded."""
    for name in known_datasets():
        yield examine_dataset(name)


def examine_dataset(name: str) -> Finding:
    """Read and build one data set as a run would."""
    try:
        info = describe(name)
        if info.access == "generated":
            return Finding(DATA, "ok", f"{name}: generated, reads no file")
        cohort = load_cohort(name)
    except DataNotAvailableError as absent:
        return Finding(DATA, "absent", f"{name}: {absent.message}")
    except ChecksumMismatchError as wrong:
        return Finding(DATA, "BROKEN", f"{name}: {wrong.message}")
    except CausalError as problem:
        return Finding(DATA, "BROKEN", f"{name}: {problem}")
    count = len(info.sources)
    files = f"{count} file{'' if count == 1 else 's'} found"
    if info.cohort_sha256 is None:
        return Finding(DATA, "ok", f"{name}: {files}; no sha256 recorded, table {cohort.digest}")
    return Finding(DATA, "ok", f"{name}: {files}; the table built has the sha256 recorded")


def examine_hazards(hazards: Sequence[Hazard] = HAZARDS) -> Iterator[Finding]:
    """Probe each hazard on the version installed."""
    for hazard in hazards:
        there, measured = probe(hazard)
        said = f"{hazard.name} {hazard.what} ({measured}). Guard: {hazard.guard}."
        if there is None:
            yield Finding(LIBRARIES, "unknown", said)
        elif there:
            yield Finding(LIBRARIES, "present", said)
        else:
            yield Finding(LIBRARIES, "NEWS", f"{said} It is gone from this version.")


def _read_requirements(lines: Sequence[str]) -> dict[str, str]:
    """Read the requirements that hold here, without extras: name -> versions allowed."""
    from packaging.requirements import Requirement

    read = [Requirement(line) for line in lines]
    return {
        one.name: str(one.specifier)
        for one in read
        if one.marker is None or one.marker.evaluate({"extra": ""})
    }


def _compared(name: str, found: str, supported: str, pinned: str | None) -> Finding:
    """Judge one version."""
    from packaging.specifiers import SpecifierSet

    allowed = SpecifierSet(supported)
    range_ = str(allowed) or "any"
    if not allowed.contains(found, prereleases=True):
        return Finding(VERSIONS, "BROKEN", f"{name} {found}; supported: {range_}. Install one.")
    if pinned is not None and found != pinned:
        said = f"{name} {found}; pinned: {pinned}, supported: {range_}"
        return Finding(VERSIONS, "differs", f"{said}. Numbers may differ in the last digits.")
    return Finding(VERSIONS, "ok", f"{name} {found}; supported: {range_}")

"""What the numbers depend on besides specification and data: versions, and the source tree."""

from __future__ import annotations

import platform
from hashlib import sha256
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "numpy", "pandas", "scipy", "scikit-learn", "networkx", "pydantic", "dowhy", "econml",
    "matplotlib",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Give the versions of Python, of this library and of those that compute numbers."""
    import causal

    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), "causal": causal.__version__, **found}


def source_digest(dataset_folder: Path | None) -> str:
    """Give the sha256 of the library's Python files and of the data set's folder, if there is one.

    Names are taken relative to their folder, so that the digest does not depend on where the
    project lies.
    """
    library = Path(__file__).parent
    files = [
        (f"causal/{path.relative_to(library).as_posix()}", path)
        for path in library.rglob("*.py")
        if path.relative_to(library).parts[0] != "datasets"
    ]
    files += [
        (f"datasets/{path.parent.name}/{path.name}", path)
        for path in (dataset_folder.iterdir() if dataset_folder else ())
        if path.is_file()
    ]
    digest = sha256()
    for name, path in sorted(files):
        digest.update(f"{name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

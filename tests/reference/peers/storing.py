"""Read the fixture and store what a package says about it, with the versions that said it."""

from __future__ import annotations

import csv
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DIGITS = 12


def fixture() -> dict[str, np.ndarray]:
    """Give the columns of fixture.csv by name, as floats."""
    with (HERE / "fixture.csv").open() as file:
        rows = list(csv.reader(file))
    values = np.array(rows[1:], dtype=float)
    return dict(zip(rows[0], values.T, strict=True))


def store(name: str, packages: tuple[str, ...], says: dict, notes: dict[str, str]) -> None:
    """Write what was found to <name>.json, beside the versions that found it."""
    written = {
        "made_by": f"PYTHONPATH=tests/reference python -m peers.{name}",
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in packages},
        "notes": notes,
        "values": rounded(says),
    }
    (HERE / f"{name}.json").write_text(json.dumps(written, indent=1) + "\n")
    sys.stdout.write(f"{name}.json\n")


def rounded(found):
    """Give plain numbers with 12 significant digits, as JSON has them."""
    if isinstance(found, dict):
        return {str(key): rounded(value) for key, value in found.items()}
    if isinstance(found, list | tuple | np.ndarray):
        return [rounded(value) for value in found]
    return found if isinstance(found, str) else float(f"{float(found):.{DIGITS}g}")

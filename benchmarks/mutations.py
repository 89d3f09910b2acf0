"""Break standard errors on purpose, in a copy, and see that the fast coverage tests notice.

``python -m benchmarks.mutations`` writes ``docs/simulations/mutations.md``; exit code 1 if one
goes unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "simulations" / "mutations.md"
TESTS = "tests/simulation/test_fast_coverage.py"
COPIED = ("causal", "benchmarks", "tests/simulation", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one place in the library."""

    what: str
    file: str
    old: str
    new: str


UNCHANGED = Mutation("nothing", "inference.py", "LEVEL = 0.95", "LEVEL = 0.95")
MUTATIONS = (
    Mutation(
        "weighting: sign of the propensity's influence turned",
        "estimators/weighted_means.py",
        "influence[:, arm] += fit.influence[arm] @ gradient / size",
        "influence[:, arm] -= fit.influence[arm] @ gradient / size",
    ),
    Mutation(
        "weighting: propensity's influence left out",
        "estimators/weighting.py",
        "if not chained:",
        "if True:",
    ),
    Mutation(
        "outcome regression: its influence left out of standardisation",
        "estimators/outcome_fit.py",
        "added.append(fit.along(gradient))",
        "added.append(0 * fit.along(gradient))",
    ),
    Mutation(
        "outcome regression: sign of its influence turned for one arm",
        "estimators/outcome_fit.py",
        "added.append(fit.along(gradient))",
        "added.append((1 - 2 * arm) * fit.along(gradient))",
    ),
    Mutation(
        "linear probability: coefficients' influence halved",
        "estimators/regression.py",
        "weight[:, None] * own + regression.influence @ gradient.T",
        "weight[:, None] * own + 0.5 * regression.influence @ gradient.T",
    ),
    Mutation(
        "AIPW: residuals left out of the influence values",
        "estimators/doubly_robust.py",
        "influence = np.column_stack([means0, means1])",
        "influence = np.column_stack([over * mu0, over * mu1])",
    ),
    Mutation(
        "AIPW: weighted residuals subtracted instead of added, exposed arm",
        "estimators/doubly_robust.py",
        "else over * mu1 + survey",
        "else over * mu1 - survey",
    ),
    Mutation(
        "clusters left out of the covariance",
        "inference.py",
        "summed = influence if cluster is None else cluster_sums(influence, cluster)",
        "summed = influence",
    ),
    Mutation(
        "pairing: sign of the covariance between two fits turned",
        "estimate.py",
        "cross = _towards_declared(self) @ cross",
        "cross = -_towards_declared(self) @ cross",
    ),
    Mutation(
        "pairing: clusters left out of the covariance between two fits",
        "inference.py",
        "if cluster is not None:\n        n = first.shape[0]",
        "if False:\n        n = first.shape[0]",
    ),
    Mutation(
        "Fieller: covariance of numerator and denominator left out",
        "inference.py",
        "b = -2 * (numerator * denominator - q2 * v_ab)",
        "b = -2 * (numerator * denominator)",
    ),
    Mutation(
        "Fieller: an unbounded set printed as the interval between its ends",
        "inference.py",
        "((None, first), (second, None))",
        "((first, second),)",
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try every mutation and write what noticed it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    if failing := failing_tests(UNCHANGED):
        raise ValueError(f"tests fail without any mutation: {', '.join(failing)}. Mend them first.")
    noticed = [(one, failing_tests(one)) for one in MUTATIONS]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(write_page(noticed))
    return 1 if any(not tests for _, tests in noticed) else 0


def failing_tests(mutation: Mutation) -> list[str]:
    """Give the names of the tests that fail on a mutated copy.

    Raises
    ------
    ValueError
        The text to change is not there exactly once: the library has moved on.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source, target = ROOT / name, copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        place = copy / "causal" / mutation.file
        text = place.read_text()
        if text.count(mutation.old) != 1:
            raise ValueError(
                f"causal/{mutation.file} has {mutation.old!r} {text.count(mutation.old)} times, "
                "expected once. Bring the mutation up to date."
            )
        place.write_text(text.replace(mutation.old, mutation.new))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    return re.findall(r"^FAILED \S+::(\w+)", done.stdout, flags=re.MULTILINE)


def write_page(noticed: Sequence[tuple[Mutation, list[str]]]) -> str:
    """Write the page."""
    lines = [
        "# Do the coverage tests notice a broken standard error?",
        "",
        "Written by `python -m benchmarks.mutations`: each line is one change in a copy of the "
        f"library, on which `{TESTS}` is run.",
        "",
        "| mutation | noticed by |",
        "| --- | --- |",
    ]
    for mutation, tests in noticed:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(tests)) or "**nothing**"
        lines.append(f"| {mutation.what} | {names} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())

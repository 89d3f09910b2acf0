"""Time instrumental variables beside linearmodels; writes ``docs/benchmarks-instruments.md``.

``python -m benchmarks.instrument_speed``; ``--n 100000 --runs 2 --out FILE`` for a quick look.
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from benchmarks.machine import processor, versions
from causal.cohort import Sample
from causal.estimate import Region
from causal.estimators import InstrumentalVariables, NuisanceStore
from causal.seeding import generator

SEED = 20260103
OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks-instruments.md"
COVARIATES = 20
CLUSTERS = 1000
TARGET = 20
"""Times faster than linearmodels that the first row is to be."""
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Task:
    """One analysis, done by both."""

    name: str
    instruments: int
    clustered: bool = False


TASKS = (
    Task("one instrument, HC1, Anderson-Rubin set", 1),
    Task("three instruments, HC1, conditional likelihood-ratio set", 3),
    Task(f"one instrument, {CLUSTERS:,} clusters, CR1, Anderson-Rubin set", 1, clustered=True),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Coefficient, standard error, and the set, which linearmodels does not give."""

    estimate: float
    std_error: float
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU seconds of each run, peak of extra memory, and the answer."""

    seconds: tuple[float, ...]
    megabytes: float
    answer: Answer


def main(arguments: Sequence[str] | None = None) -> int:
    """Time both and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        measured = [measure(draw(task, chosen.n), chosen.runs) for task in TASKS]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(write_page(measured, chosen.n, chosen.runs))
    return 0


def draw(task: Task, n: int) -> Sample:
    """Draw a confounded dose, moved by 0/1 instruments, and covariates of both."""
    rng = generator(SEED, task.name)
    x = rng.standard_normal((n, COVARIATES))
    z = (rng.random((n, task.instruments)) < 0.5).astype(np.float64)
    to_exposure, to_outcome = rng.normal(0, 0.15, (2, COVARIATES))
    cluster, hidden = np.arange(n) % CLUSTERS, rng.standard_normal(n)
    if task.clustered:
        hidden += rng.standard_normal(CLUSTERS)[cluster]
    a = 0.5 * z.sum(axis=1) + x @ to_exposure + hidden + rng.standard_normal(n)
    y = 0.3 * a + x @ to_outcome - hidden + rng.standard_normal(n)
    terms = tuple(f"x{number}" for number in range(COVARIATES))
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=terms,
        concepts=terms,
        outcome_kind="continuous",
        exposure_kind="dose",
        w=np.ones(n),
        cluster=cluster if task.clustered else None,
        z=z,
        instruments=tuple(f"z{number}" for number in range(task.instruments)),
    )


def ours(sample: Sample) -> Answer:
    """Fit two-stage least squares and its set."""
    estimator, store = InstrumentalVariables(), NuisanceStore()
    fitted = estimator.fit(sample, store, generator(SEED, "unused"))
    forms = estimator.forms(sample, generator(SEED, "unused"), store)
    fitted = estimator.with_set(fitted, forms.weak)
    region = fitted.region if isinstance(fitted.region, Region) else None
    return Answer(float(fitted.values[0]), math.sqrt(float(fitted.covariance[0, 0])), region)


def theirs(frame: pd.DataFrame, sample: Sample) -> Answer:
    """Fit linearmodels' two-stage least squares with the same standard error."""
    from linearmodels.iv import IV2SLS

    exogenous = frame[["const", *sample.terms]]
    model = IV2SLS(frame["y"], exogenous, frame[["a"]], frame[list(sample.instruments)])
    if sample.cluster is None:
        fitted = model.fit(cov_type="robust", debiased=True)
    else:
        fitted = model.fit(cov_type="clustered", debiased=True, clusters=sample.cluster)
    return Answer(float(fitted.params["a"]), float(fitted.std_errors["a"]))


def measure(sample: Sample, runs: int) -> tuple[Measured, Measured]:
    """Time both in turns after a warm-up; each begins with the data in its own form."""
    frame = pd.DataFrame(sample.x, columns=list(sample.terms)).assign(
        const=1.0, y=sample.y, a=sample.a
    )
    if sample.z is not None:
        frame[list(sample.instruments)] = sample.z

    def peer() -> Answer:
        return theirs(frame, sample)

    def own() -> Answer:
        return ours(sample)

    mine, others = [], []
    for number in range(runs + 1):
        seconds, answer = _timed(own)
        peer_seconds, peer_answer = _timed(peer)
        if number:
            mine.append(seconds)
            others.append(peer_seconds)
    return (
        Measured(tuple(mine), _peak(own), answer),
        Measured(tuple(others), _peak(peer), peer_answer),
    )


def _timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """Give CPU seconds and answer of one call."""
    gc.collect()
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def _peak(call: Callable[[], Answer]) -> float:
    """Give the peak of memory allocated beyond what there was, in MB."""
    gc.collect()
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / MEGABYTE


def _ratio(own: Measured, peer: Measured) -> float:
    """Give how many times faster the fastest run of ours is."""
    return min(peer.seconds) / min(own.seconds)


def write_page(measured: Sequence[tuple[Measured, Measured]], n: int, runs: int) -> str:
    """Write the page."""
    lines = [
        "# Benchmarks: instruments",
        "",
        "Written by `python -m benchmarks.instrument_speed` (`make benchmark`). A figure counts "
        "only beside its peer in the same run.",
        "",
        f"## Two-stage least squares at n = {n:,}, {COVARIATES} covariates",
        "",
        f"CPU seconds, minimum (median) of {runs} runs in turns with linearmodels' IV2SLS after a "
        "warm-up, one BLAS thread; minima count, since others may use the machine. Both begin "
        "with the data in memory, ours as arrays, theirs as a data frame, and end with coefficient "
        "and standard error by the same convention; ours end with the set besides, which "
        f"linearmodels does not give. The aim is {TARGET} times faster in the first row. Memory is "
        "the peak of traced allocations beyond the data.",
        "",
        "| task | ours | linearmodels | ratio of minima | estimate (SE), ours | linearmodels | "
        "set | extra MB, ours | linearmodels |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for task, (own, peer) in zip(TASKS, measured, strict=True):
        lines.append(
            f"| {task.name} | {_seconds(own)} | {_seconds(peer)} | {_ratio(own, peer):.1f} | "
            f"{_answer(own)} | {_answer(peer)} | {_set(own.answer.region)} | "
            f"{own.megabytes:.0f} | {peer.megabytes:.0f} |"
        )
    made = f"{versions()}, linearmodels {version('linearmodels')}. {processor()}."
    return "\n".join([*lines, "", made, ""])


def _seconds(measured: Measured) -> str:
    """Write minimum and median."""
    return f"{min(measured.seconds):.2f} ({median(measured.seconds):.2f})"


def _answer(measured: Measured) -> str:
    """Write estimate and standard error."""
    return f"{measured.answer.estimate:.6f} ({measured.answer.std_error:.6f})"


def _set(region: Region | None) -> str:
    """Write the pieces of a set."""
    pieces = () if region is None else region.pieces
    ends = [["∞" if end is None else f"{end:.4f}" for end in piece] for piece in pieces]
    return "; ".join(" to ".join(piece) for piece in ends)


if __name__ == "__main__":
    sys.exit(main())

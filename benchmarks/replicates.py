"""Fitting the estimators to thousands of simulated samples, in parallel and reproducibly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.mechanism import Design, draw
from benchmarks.methods import Method
from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import Estimates
from causal.estimators import NuisanceStore
from causal.execution import map_tasks
from causal.seeding import generator

CHUNK = 50


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some replicates of one study; replicate r has the same stream wherever it runs."""

    design: Design
    methods: tuple[Method, ...]
    seed: int
    first: int
    count: int


def chunks(design: Design, methods: Sequence[Method], replicates: int, seed: int) -> list[Chunk]:
    """Divide replicates into tasks."""
    return [
        Chunk(design, tuple(methods), seed, first, min(CHUNK, replicates - first))
        for first in range(0, replicates, CHUNK)
    ]


def estimate_all(
    design: Design, methods: Sequence[Method], *, replicates: int, seed: int, jobs: int = 1
) -> Floats:
    """Give (replicates, methods, 2) estimates and standard errors; NaN where there was no fit."""
    tasks = chunks(design, methods, replicates, seed)
    return np.concatenate(map_tasks(_estimate_chunk, tasks, jobs=jobs))


def replicate(chunk: Chunk, number: int) -> tuple[Sample, np.random.Generator]:
    """Draw one sample, and give the stream that goes on to the estimators."""
    rng = generator(chunk.seed, "replicate", chunk.design.name, number)
    return draw(chunk.design, rng), rng


def fit(
    method: Method, sample: Sample, store: NuisanceStore, rng: np.random.Generator
) -> Estimates | None:
    """Fit one method; None when the estimator refuses the sample."""
    rows = replace(sample, cluster=None) if method.independent else sample
    try:
        return method.estimator.fit(rows, store, rng)
    except (PositivityError, OutcomeError):  # separation, which small samples have
        return None


def difference(fitted: Estimates) -> tuple[float, float]:
    """Give the difference and its standard error."""
    one = fitted.effect("risk_difference")
    return one.estimate, one.std_error


def _estimate_chunk(chunk: Chunk) -> Floats:
    """Fit every method to the replicates of a chunk."""
    results = np.full((chunk.count, len(chunk.methods), 2), np.nan)
    for row in range(chunk.count):
        sample, rng = replicate(chunk, chunk.first + row)
        store = NuisanceStore()
        for column, method in enumerate(chunk.methods):
            fitted = fit(method, sample, store, rng)
            if fitted is not None:
                results[row, column] = difference(fitted)
    return results

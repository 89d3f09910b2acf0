"""Coverage of the share that remains: Fieller's set, and the delta interval beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.limits import Limit, Limits
from benchmarks.mechanism import Design
from benchmarks.methods import CRUDE, Method
from benchmarks.replicates import Chunk, chunks, difference, fit, replicate
from causal.arrays import Floats
from causal.estimate import Estimates, Region
from causal.estimators import NuisanceStore
from causal.execution import map_tasks
from causal.inference import LEVEL, critical_value
from causal.ladder import attenuate

COLUMNS = ("fieller", "unbounded", "delta", "delta_low", "difference")


@dataclass(frozen=True, slots=True)
class ShareTask:
    """A chunk of replicates with the true values of each method: share, and crude - adjusted."""

    chunk: Chunk
    truths: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One row of the table: frequencies over the samples that have a fit.

    Attributes
    ----------
    delta_low : of the misses of the delta interval, the share that lies below the truth.
    """

    method: str
    share: Limit
    fits: int
    refused: int
    fieller: float
    unbounded: float
    delta: float
    delta_low: float
    difference: float


def cover_shares(
    design: Design,
    methods: Sequence[Method],
    limits: Limits,
    *,
    replicates: int,
    seed: int,
    jobs: int = 1,
) -> tuple[list[ShareRow], Floats]:
    """Give one row a method, and the crude z of every sample."""
    shares = [limits.share(one.limit_name, CRUDE.name) for one in methods]
    crude = limits.of(CRUDE.name).value
    truths = tuple((share.value, crude * (1 - share.value)) for share in shares)
    tasks = [ShareTask(chunk, truths) for chunk in chunks(design, methods, replicates, seed)]
    done = np.concatenate(map_tasks(_cover_chunk, tasks, jobs=jobs))
    rows = [
        _summarise(method.name, share, done[:, column])
        for column, (method, share) in enumerate(zip(methods, shares, strict=True))
    ]
    return rows, done[:, 0, -1]


def holds(region: Region, value: float) -> bool:
    """Tell whether a set holds a value."""
    return any(
        (lo is None or lo <= value) and (hi is None or value <= hi) for lo, hi in region.pieces
    )


def delta_interval(crude: Estimates, adjusted: Estimates) -> tuple[float, float]:
    """Give the interval the library refuses to print alone: linearised at the estimates."""
    joint = adjusted.contrast("risk_difference").joint(crude.contrast("risk_difference"))
    a, c = joint.values
    gradient = np.array([1 / c, -a / c**2])
    half = critical_value(LEVEL) * math.sqrt(gradient @ joint.covariance @ gradient)
    return a / c - half, a / c + half


def _cover_chunk(task: ShareTask) -> Floats:
    """Give (samples, methods, 6): the columns of ``COLUMNS``, then crude z; NaN without a fit."""
    chunk = task.chunk
    results = np.full((chunk.count, len(chunk.methods), len(COLUMNS) + 1), np.nan)
    for row in range(chunk.count):
        sample, rng = replicate(chunk, chunk.first + row)
        store = NuisanceStore()
        crude = CRUDE.estimator.fit(sample, store, rng)
        estimate, error = difference(crude)
        results[row, :, -1] = estimate / error
        for column, method in enumerate(chunk.methods):
            adjusted = fit(method, sample, store, rng)
            if adjusted is not None:
                results[row, column, :-1] = _covered(crude, adjusted, *task.truths[column])
    return results


def _covered(crude: Estimates, adjusted: Estimates, share: float, removed: float) -> list[float]:
    """Tell what holds the truth in one sample."""
    found = attenuate(crude, adjusted, "risk_difference")
    low, high = delta_interval(crude, adjusted)
    return [
        float(holds(found.fieller, share)),
        float(not found.fieller.bounded),
        float(low <= share <= high),
        float(high < share),
        float(holds(found.difference, removed)),
    ]


def _summarise(method: str, share: Limit, done: Floats) -> ShareRow:
    """Average over the samples that have a fit."""
    usable = done[~np.isnan(done[:, 0])]
    fieller, unbounded, delta, low, removed = (float(v) for v in usable.mean(axis=0)[:-1])
    return ShareRow(
        method=method,
        share=share,
        fits=len(usable),
        refused=len(done) - len(usable),
        fieller=fieller,
        unbounded=unbounded,
        delta=delta,
        delta_low=low / (1 - delta) if delta < 1 else 0.0,
        difference=removed,
    )

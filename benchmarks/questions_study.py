"""The study of several arms, doses, times, surveys and g-estimation: every sample, every cell."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from benchmarks.cells import Cell, judge
from benchmarks.limits import Limit
from benchmarks.performance import Jointly, Performance, summarise, summarise_jointly
from benchmarks.questions import World, every_world
from causal.arrays import Floats
from causal.errors import OutcomeError, PositivityError
from causal.execution import map_tasks
from causal.seeding import generator

CHUNK = 25


@dataclass(frozen=True, slots=True)
class _Chunk:
    world: World
    seed: int
    first: int
    count: int


def study_questions(*, many: int, slower: int, seed: int, jobs: int) -> list[Cell]:
    """Run the study; give its cells in the order of the page.

    Parameters
    ----------
    many, slower : samples where fits take milliseconds, and where they take longer.
    """
    studied = every_world(many, slower)
    count = sum(len(one.quantities) for world in studied for one in world.attempts)
    return [cell for world in studied for cell in try_world(world, count, seed, jobs)]


def try_world(world: World, count: int, seed: int, jobs: int) -> list[Cell]:
    """Try everything in one world; give a cell a quantity, ``count`` of which share a band."""
    tasks = [
        _Chunk(world, seed, first, min(CHUNK, world.replicates - first))
        for first in range(0, world.replicates, CHUNK)
    ]
    results = np.concatenate(map_tasks(_try_chunk, tasks, jobs=jobs))
    cells, column = [], 0
    for attempt in world.attempts:
        for label, limit in attempt.quantities:
            found = _measure(results[:, column], limit)
            band, side = judge(found.coverage, found.fits, count)
            reason = attempt.reason.format(found) if side == "below" else ""
            name = f"{attempt.name}: {label}"
            cells.append(Cell(world.name, name, found.coverage, band, side, reason, found))
            column += 1
    return cells


def _measure(results: Floats, limit: Limit | None) -> Performance | Jointly:
    """Summarise one column of (R, 3) readings."""
    if limit is None:
        return summarise_jointly(results[:, 2])
    return summarise(results[:, 0], results[:, 1], results[:, 2], limit)


def _try_chunk(chunk: _Chunk) -> Floats:
    """Fit everything to the samples of a chunk; NaN where an estimator refuses."""
    attempts = chunk.world.attempts
    results = np.full((chunk.count, sum(len(one.quantities) for one in attempts), 3), np.nan)
    for row in range(chunk.count):
        rng = generator(chunk.seed, "questions", chunk.world.name, chunk.first + row)
        sample, column = chunk.world.draw(rng), 0
        for attempt in attempts:
            width = len(attempt.quantities)
            with suppress(PositivityError, OutcomeError):  # NaN, which the page counts as refused
                results[row, column : column + width] = attempt.readings(sample, rng)
            column += width
    return results

"""How often intervals and sets cover with weak instruments and few clusters.

``python -m benchmarks.simulations --only instruments`` runs it alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import Region
from causal.estimators import InstrumentalVariables, LinearProbability, NuisanceStore
from causal.estimators.first_stage import effective_f, tf_factor, wald_f
from causal.estimators.reduced_form import ReducedForm, jackknifed, reduced_form
from causal.estimators.weak_sets import anderson_rubin_p, conditional_ratio_p, weak_set
from causal.execution import map_tasks
from causal.inference import LEVEL, critical_value
from causal.seeding import generator

TRUTH = 0.4
ROWS = 500
CORRELATION = 0.95
"""Of the errors of outcome and exposure: so much confounding that weakness shows."""
SHARED = 0.5
"""Share of the errors' variance that a cluster has in common."""
STRENGTHS = (1.0, 4.0, 10.0, 50.0)
CLUSTERS = (None, 50, 10)
REPLICATES = 2000
SHAPES = 200
"""Samples whose sets are drawn out; coverage needs the p-value of the truth only."""
CHUNK = 50
TSLS, LIML = InstrumentalVariables(), InstrumentalVariables(method="liml")
LEAST_SQUARES = LinearProbability()


@dataclass(frozen=True, slots=True)
class World:
    """A linear model with one confounded exposure, of a constant effect.

    Attributes
    ----------
    strength : about the effective F; 1 is no relevance at all.
    clusters : None for independent rows; else instruments vary between clusters only.
    instruments : how many, all alike.
    within : instruments vary half within clusters, half between.
    uneven : sizes of clusters rise from one to about seven.
    """

    strength: float
    clusters: int | None
    instruments: int
    within: bool = False
    uneven: bool = False

    @property
    def rows(self) -> str:
        """Say how rows belong together."""
        return "independent rows" if self.clusters is None else f"{self.clusters} clusters"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some replicates of one world; replicate r has the same stream wherever it runs."""

    world: World
    seed: int
    first: int
    count: int


def draw(world: World, rng: np.random.Generator) -> Sample:
    """Draw one cohort."""
    group = np.arange(ROWS) if world.clusters is None else np.arange(ROWS) % world.clusters
    if world.uneven and world.clusters is not None:
        size = np.exp(2 * np.arange(world.clusters) / world.clusters)
        group = np.searchsorted(np.cumsum(size) / size.sum(), (np.arange(ROWS) + 0.5) / ROWS)
    labels, q = int(group.max()) + 1, world.instruments
    z = rng.normal(size=(labels, q))[group]
    if world.within:
        z = (z + rng.normal(size=(ROWS, q))) / math.sqrt(2)
    root = np.linalg.cholesky([[1.0, CORRELATION], [CORRELATION, 1.0]]).T
    error = rng.normal(size=(ROWS, 2)) @ root
    if world.clusters is not None:
        shared = (rng.normal(size=(labels, 2)) @ root)[group]
        error = math.sqrt(1 - SHARED) * error + math.sqrt(SHARED) * shared
    a = math.sqrt((world.strength - 1) / _units(world)) * z.sum(axis=1) + error[:, 0]
    return Sample(
        unit=np.arange(ROWS),
        y=TRUTH * a + error[:, 1],
        a=a,
        x=np.empty((ROWS, 0)),
        terms=(),
        concepts=(),
        outcome_kind="continuous",
        exposure_kind="dose",
        w=np.ones(ROWS),
        cluster=None if world.clusters is None else group,
        z=z,
        instruments=tuple(f"z{j}" for j in range(q)),
    )


def _units(world: World) -> float:
    """Give the independent rows that the rows are worth for the first stage."""
    if world.clusters is None:
        return float(ROWS)
    return ROWS / (1 - SHARED + SHARED * ROWS / world.clusters)


COLUMNS = ("rubin", "ratio", "tsls", "tf", "liml", "error_tsls", "error_least", "strength")
SHAPED = ("unbounded", "empty", "several pieces")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What the samples of one world gave.

    Attributes
    ----------
    values : (R, 8) floats, ``COLUMNS``: five coverages, two errors of estimates, effective F.
    shapes : (S, 2, 3) floats, whether the Anderson-Rubin and the conditional ratio set are
        ``SHAPED``, of the samples looked at.
    """

    world: World
    values: Floats
    shapes: Floats

    def share(self, column: str) -> float:
        """Give a mean over samples."""
        return float(self.values[:, COLUMNS.index(column)].mean())

    def median(self, column: str) -> float:
        """Give a median over samples."""
        return float(np.median(self.values[:, COLUMNS.index(column)]))


def try_world(world: World, *, replicates: int, shapes: int, seed: int, jobs: int = 1) -> Found:
    """Draw and analyse all samples of one world."""
    tasks = _chunks(world, replicates, seed)
    values = np.concatenate(map_tasks(_estimate_chunk, tasks, jobs=jobs))
    some = _chunks(world, shapes, seed)
    return Found(world, values, np.concatenate(map_tasks(_shape_chunk, some, jobs=jobs)))


def _chunks(world: World, replicates: int, seed: int) -> list[Chunk]:
    """Divide replicates into tasks."""
    return [
        Chunk(world, seed, first, min(CHUNK, replicates - first))
        for first in range(0, replicates, CHUNK)
    ]


def _sample(chunk: Chunk, number: int) -> Sample:
    """Draw the sample of one replicate."""
    path = ("instruments", str(chunk.world), chunk.first + number)
    return draw(chunk.world, generator(chunk.seed, *path))


def _estimate_chunk(chunk: Chunk) -> Floats:
    """Give the ``COLUMNS`` of every sample of a chunk."""
    rng = np.random.default_rng(0)  # these estimators draw nothing
    truth, found = np.array([TRUTH]), np.empty((chunk.count, len(COLUMNS)))
    for row in range(chunk.count):
        sample, store = _sample(chunk, row), NuisanceStore()
        tsls, liml = (one.fit(sample, store, rng) for one in (TSLS, LIML))
        data = TSLS.projected(sample, store)
        form, weakly = TSLS.reduced(sample, data), TSLS.weakly(sample, data)
        off = [float(one.values[0]) - TRUTH for one in (tsls, liml)]
        half = [critical_value() * math.sqrt(float(o.covariance[0, 0])) for o in (tsls, liml)]
        widened = tf_factor(wald_f(form)) * half[0]
        least = LEAST_SQUARES.fit(replace(sample, cluster=None), store, rng)
        found[row] = (
            float(anderson_rubin_p(weakly, truth)[0]) > 1 - LEVEL,
            float(conditional_ratio_p(weakly, truth)[0]) > 1 - LEVEL,
            abs(off[0]) < half[0],
            abs(off[0]) < widened,
            abs(off[1]) < half[1],
            off[0],
            float(least.values[0]) - TRUTH,
            effective_f(form),
        )
    return found


def _shape_chunk(chunk: Chunk) -> Floats:
    """Give whether the sets of every sample of a chunk are ``SHAPED``."""
    found = np.empty((chunk.count, 2, len(SHAPED)))
    for row in range(chunk.count):
        sample = _sample(chunk, row)
        form = TSLS.weakly(sample, TSLS.projected(sample))
        rubin = weak_set(form, "anderson_rubin")
        ratio = weak_set(form, "conditional_ratio") if form.q > 1 else rubin
        found[row] = [_shape(rubin), _shape(ratio)]
    return found


def _shape(region: Region) -> tuple[bool, bool, bool]:
    """Tell whether a set is unbounded, empty, in pieces."""
    return not region.bounded and bool(region.pieces), not region.pieces, len(region.pieces) > 1


CORRECTIONS = (
    "CR1, chi-squared",
    "CR1, Hotelling",
    "jackknife, chi-squared",
    "jackknife, Hotelling",
)


def correct_all(worlds: Sequence[World], *, replicates: int, seed: int, jobs: int) -> list[Floats]:
    """Give (2, corrections) coverages of both sets in every world."""
    tasks = [task for world in worlds for task in _chunks(world, replicates, seed)]
    kept = np.concatenate(map_tasks(_correct_chunk, tasks, jobs=jobs))
    return list(kept.reshape(len(worlds), replicates, 2, len(CORRECTIONS)).mean(axis=1))


def _correct_chunk(chunk: Chunk) -> Floats:
    """Tell whether both sets cover by every one of ``CORRECTIONS``, for every sample."""
    truth, kept = np.array([TRUTH]), np.empty((chunk.count, 2, len(CORRECTIONS)))
    for row in range(chunk.count):
        sample = _sample(chunk, row)
        data, groups = TSLS.projected(sample), TSLS.groups(sample)
        if groups is None:
            raise ValueError("corrections are for clusters")
        forms: list[ReducedForm] = []
        for form in (reduced_form(data, "HC1", groups), jackknifed(data, groups)):
            forms += [replace(form, groups=None), form]
        for place, test in enumerate((anderson_rubin_p, conditional_ratio_p)):
            kept[row, place] = [float(test(form, truth)[0]) > 1 - LEVEL for form in forms]
    return kept

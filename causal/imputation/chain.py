"""Chained equations: incomplete columns imputed in turn, each given all the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.execution import map_tasks
from causal.imputation.matching import match_block
from causal.seeding import generator


@dataclass(frozen=True, slots=True)
class Block:
    """Columns that are known or missing together, and are imputed together.

    Attributes
    ----------
    columns : positions, such as the indicators of one nominal variable.
    by_unit : one value a person, the same in all of the person's rows.
    """

    columns: tuple[int, ...]
    by_unit: bool


@dataclass(frozen=True, slots=True, eq=False)
class Incomplete:
    """Columns with holes.

    Attributes
    ----------
    values : (n, p) floats, NaN where missing; columns in no block are complete.
    blocks : the columns that may be incomplete, in groups.
    unit : (n,) ints, person.
    pair : positions of the columns of exposure and of those of outcome, whose products predict all
        other columns.
    """

    values: Floats
    blocks: tuple[Block, ...]
    unit: Ints
    pair: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One imputation, with the name of its random stream."""

    incomplete: Incomplete
    iterations: int
    donors: int
    seed: int
    number: int


def impute(incomplete: Incomplete, m: int, iterations: int, donors: int, seed: int) -> list[Floats]:
    """Complete columns m times.

    Parameters
    ----------
    m : imputations; each has its own stream, so that the first few do not depend on how many.
    iterations, donors : see ``settings.Imputation``.
    seed : seed of the analysis.

    Returns
    -------
    m arrays of (n, p) floats without missing values.
    """
    tasks = [_Task(incomplete, iterations, donors, seed, number) for number in range(1, m + 1)]
    return map_tasks(_complete, tasks)


def _complete(task: _Task) -> Floats:
    """Run one chain, beginning with values drawn at random from those known."""
    rng = generator(task.seed, "imputation", task.number)
    incomplete, values = task.incomplete, task.incomplete.values.copy()
    holes = {block: np.isnan(values[:, block.columns[0]]) for block in incomplete.blocks}
    open_ = [block for block in incomplete.blocks if holes[block].any()]
    open_.sort(key=lambda block: int(holes[block].sum()))
    for block in open_:
        known = np.flatnonzero(~holes[block])
        drawn = known[rng.integers(0, len(known), int(holes[block].sum()))]
        _put_in(values, incomplete.unit, block, holes[block], drawn)
    rounds = task.iterations if len(open_) > 1 else min(1, len(open_))
    for _ in range(rounds):
        for block in open_:
            _update(values, incomplete, block, holes[block], task.donors, rng)
    return values


def _update(
    values: Floats,
    incomplete: Incomplete,
    block: Block,
    hole: Bools,
    donors: int,
    rng: np.random.Generator,
) -> None:
    """Impute one block anew, given the present values of all others, in place."""
    predictors = _predictors(values, block, incomplete.pair)
    rows = np.arange(len(values))
    if block.by_unit:  # one record a person, the means of what varies
        _, rows, place = np.unique(incomplete.unit, return_index=True, return_inverse=True)
        predictors = _unit_means(predictors, place, len(rows))
    chosen = match_block(values[rows][:, list(block.columns)], predictors, hole[rows], donors, rng)
    wanted = np.zeros(len(values), dtype=bool)
    wanted[rows] = hole[rows]
    donated = values[rows[chosen]][:, list(block.columns)]
    if not block.by_unit:
        values[np.ix_(wanted, np.asarray(block.columns))] = donated
        return
    position = np.full(len(rows), -1)
    position[hole[rows]] = np.arange(len(donated))
    values[np.ix_(hole, np.asarray(block.columns))] = donated[position[place[hole]]]


def _put_in(values: Floats, unit: Ints, block: Block, hole: Bools, drawn: Ints) -> None:
    """Copy a block from one drawn row into each row without it, persons alike, in place."""
    source = drawn
    if block.by_unit:
        _, first, place = np.unique(unit[hole], return_index=True, return_inverse=True)
        source = drawn[first][place]
    values[np.ix_(hole, np.asarray(block.columns))] = values[source][:, list(block.columns)]


def _predictors(
    values: Floats, block: Block, pair: tuple[tuple[int, ...], tuple[int, ...]]
) -> Floats:
    """Give all other columns, and the products of exposure and outcome where neither is imputed.

    Products are of deviations from the mean, so that recoding an outcome as its complement
    changes nothing but a sign.
    """
    others = [j for j in range(values.shape[1]) if j not in block.columns]
    if {*pair[0], *pair[1]} & set(block.columns):
        return np.asarray(values[:, others])
    first, second = (values[:, list(one)] - values[:, list(one)].mean(axis=0) for one in pair)
    products = first[:, :, None] * second[:, None, :]
    return np.column_stack([values[:, others], products.reshape(len(values), -1)])


def _unit_means(columns: Floats, place: Ints, units: int) -> Floats:
    """Average columns over the rows of each person."""
    counts = np.bincount(place, minlength=units)
    return np.column_stack(
        [np.bincount(place, weights=one, minlength=units) / counts for one in columns.T]
    )

"""Rows or clusters of both arms of an instrument put together, to draw two like arms from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimate import NotEstimable


@dataclass(frozen=True, slots=True, eq=False)
class UnitPool:
    """Units that are drawn whole, and how many either arm has.

    Attributes
    ----------
    totals : (units, cells) floats, weight a unit has in every cell.
    weight : (units,) floats, weight of a unit.
    share : (units,) floats, probability of a unit in a draw; they sum to 1.
    seen : (2, units) floats, how often a unit stands in either arm as observed.
    rows : rows of either arm.
    """

    totals: Floats
    weight: Floats
    share: Floats
    seen: Floats
    rows: tuple[int, int]

    def draw(self, rng: np.random.Generator, size: int) -> Floats:
        """Give (size, 2, units) counts: both arms drawn from all units, as large as they are."""
        sizes = self.seen.sum(axis=1).astype(int)
        arms = [rng.multinomial(many, self.share, size=size) for many in sizes]
        return np.stack(arms, axis=1).astype(float)


def pool_units(
    cell: Ints, cells: int, z: Floats, w: Floats, cluster: Ints | None
) -> UnitPool | NotEstimable:
    """Put rows together, or clusters where rows depend on one another.

    Rows of one cell and one weight are one unit, drawn as often as there are such rows: that gives
    the same draws, from far fewer units.

    Parameters
    ----------
    cell : (n,) ints, 0 to ``cells`` - 1.
    z : (n,) floats, 0/1.
    w : (n,) floats.
    cluster : (n,) ints or None.

    Returns
    -------
    The units; or that the instrument varies within clusters.
    """
    rows = int((z == 0).sum()), int((z == 1).sum())
    if cluster is None:
        kinds, unit = np.unique(np.column_stack([cell, w]), axis=0, return_inverse=True)
        totals = np.zeros((len(kinds), cells))
        totals[np.arange(len(kinds)), kinds[:, 0].astype(int)] = kinds[:, 1]
        seen = np.stack([np.bincount(unit[z == arm], minlength=len(kinds)) for arm in (0, 1)])
        weight = kinds[:, 1]
    else:
        unit = np.unique(cluster, return_inverse=True)[1]
        many = int(unit.max()) + 1
        totals = np.zeros((many, cells))
        np.add.at(totals, (unit, cell), w)
        encouraged = np.bincount(unit, weights=z) / np.bincount(unit)
        if not np.isin(encouraged, (0.0, 1.0)).all():
            return NotEstimable("the instrument varies within clusters, so no arms can be drawn")
        seen = np.stack([encouraged == arm for arm in (0, 1)])
        weight = totals.sum(axis=1)
    counts = seen.astype(float)
    return UnitPool(totals, weight, counts.sum(axis=0) / counts.sum(), counts, rows)

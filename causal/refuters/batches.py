"""Blocks of draws fitted together: their arrays, their orthonormal covariates, their products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.refuters.changes import AddedCovariate, Change, NewExposure, NewOutcome, Resample

CELLS = 5_000_000
"""Numbers in one array of a block: 40 MB."""
WIDEST = 50
"""Draws in a block; numbers do not depend on how many draws there are, only on this."""
NARROW, FEW_ROWS = 20, 5000
"""Draws in a block of so few rows that wider products gain nothing; refuters make at least 20."""
ROWS = 1024
"""Rows handled at a time, so that what belongs to them stays in the processor's cache."""
TRUSTED = 1e-3
"""Smallest over largest variance from which one pass makes columns orthonormal to 13 digits."""
DEPENDENT = 1e-11
"""Directions with less than this share of the largest variance are left out, as in regressions."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a block of draws gives.

    Attributes
    ----------
    values : (b,) floats, the contrast of each draw, ratios as logs; meaningless if not ``known``.
    known : (b,) booleans; a draw that is not must be fitted on its own, to succeed or to say why.
    influence : (n,) floats, each row's influence added over known draws; None unless asked for.
    """

    values: Floats
    known: Bools
    influence: Floats | None


class Batch(Protocol):
    """A way of fitting many draws at once that gives what fitting one by one would."""

    def fit(
        self,
        changes: Sequence[Change],
        rngs: Sequence[np.random.Generator],
        *,
        with_influence: bool,
    ) -> Fitted:
        """Fit a block of draws, all changed in the same way."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What a block of draws is fitted on; a first dimension of 1 is shared by all draws.

    Attributes
    ----------
    a, y : (1 or b, n) floats; outcomes not observed are 0.
    times : (1 or b, n) floats, how often each row is there.
    added : (b, n) floats, one more covariate a draw; None without.
    """

    a: Floats
    y: Floats
    times: Floats
    added: Floats | None


def gather_columns(changes: Sequence[Change], sample: Sample) -> Columns:
    """Put the changes of a block side by side, beside what they leave as it was."""
    a, y = sample.a[None], np.where(sample.observed, sample.y, 0.0)[None]
    times, added = np.ones((1, sample.n)), None
    first = changes[0]
    if isinstance(first, NewExposure):
        a = np.array([one.a for one in changes if isinstance(one, NewExposure)])
    elif isinstance(first, NewOutcome):
        y = np.array([one.y for one in changes if isinstance(one, NewOutcome)])
        y[:, ~sample.observed] = 0.0
    elif isinstance(first, Resample):
        times = np.array([one.counts for one in changes if isinstance(one, Resample)], dtype=float)
    else:
        added = np.array([one.column for one in changes if isinstance(one, AddedCovariate)])
    return Columns(a, y, times, added)


def block_width(n: int) -> int:
    """Give how many draws are fitted together."""
    return NARROW if n < FEW_ROWS else max(1, min(WIDEST, CELLS // n))


def fill_up(changes: Sequence[Change], width: int) -> list[Change]:
    """Repeat the first change until the block is full: products of equal shape round equally."""
    return [*changes, *[changes[0]] * (width - len(changes))]


def pieces(n: int) -> Iterator[slice]:
    """Give the rows, some at a time."""
    return (slice(start, min(start + ROWS, n)) for start in range(0, n, ROWS))


def orthonormal(x: Floats, w: Floats) -> Floats:
    """Give (r, n) rows that span a constant and the columns of x and are orthonormal under w.

    Parameters
    ----------
    x : (n, q) floats.
    w : (n,) floats, weights; fitted values of regressions depend on the span only.
    """
    columns = np.empty((1 + x.shape[1], len(x)))
    columns[0] = 1.0
    columns[1:] = x.T
    centre = columns[1:].mean(axis=1, keepdims=True)
    columns[1:] -= centre
    spread = np.sqrt(np.einsum("jn,jn->j", columns[1:], columns[1:]) / len(x))
    kept = np.append(True, spread > 1e-12 * np.maximum(1.0, np.abs(centre[:, 0])))
    columns[1:] /= np.where(kept[1:], spread, 1.0)[:, None]
    columns, smallest = (columns if kept.all() else columns[kept]), 0.0
    while smallest < TRUSTED:  # again where columns nearly depend: one pass loses digits there
        values, vectors = np.linalg.eigh(_gram(columns, w))
        good = values > DEPENDENT * values[-1]
        smallest = float(values[good][0] / values[-1])
        columns = (vectors[:, good] / np.sqrt(values[good])).T @ columns
    return columns


def _gram(columns: Floats, w: Floats) -> Floats:
    """Give the weighted products of rows."""
    total = np.zeros((len(columns), len(columns)))
    for rows in pieces(len(w)):
        some = columns[:, rows]
        total += (some * w[rows]) @ some.T
    return total


def outer_products(columns: Floats) -> Floats:
    """Give (p(p+1)/2, c) products of each pair of (p, c) rows, the first row's pairs first."""
    p = len(columns)
    products = np.empty((p * (p + 1) // 2, columns.shape[1]))
    start = 0
    for row in range(p):
        np.multiply(columns[row:], columns[row], out=products[start : start + p - row])
        start += p - row
    return products


def unpack(packed: Floats, p: int) -> Floats:
    """Make (b, p, p) symmetric matrices of (b, p(p+1)/2) sums of ``outer_products``."""
    full = np.empty((len(packed), p, p))
    upper, lower = np.triu_indices(p)
    full[:, upper, lower] = packed
    full[:, lower, upper] = packed
    return full


def enough_in_each_arm(columns: Columns, sample: Sample) -> Bools:
    """Tell of each draw whether both arms have the two outcomes a standard error needs.

    Exposures that are not 0/1 only have to vary, which the regressions find out.
    """
    if sample.exposure_kind != "binary":
        return np.ones(1, dtype=bool)
    if len(columns.times) > 1:
        arms = columns.times @ (sample.observed * np.array([1 - sample.a, sample.a])).T
    else:
        exposed = columns.a @ (columns.times[0] * sample.observed)
        arms = np.column_stack([sample.observed.sum() - exposed, exposed])
    return np.asarray((arms >= 2).all(axis=1))

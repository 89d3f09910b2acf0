"""The columns of a regression, a block of rows at a time, and sums over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimators.cross_products import BLOCK, LOOKED_AT, shifts

NEAR = 100.0
"""Means within so many standard deviations of 0 cost two digits of sixteen: no shift is needed."""
FEW = 0.75
"""Below this share, rows that take part are gathered rather than all gone through."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of one regression: a constant, shifted covariates, exposure and products.

    Attributes
    ----------
    x : (n, q) floats, covariates.
    a : (n,) floats, exposure; None for a regression without.
    products : covariates multiplied with exposure.
    shift : (q,) floats taken from the covariates, so that squares stay small; 0 for all where no
        covariate is far from 0, whose rows are then read where they stand.
    only : the rows that take part; None for all.
    """

    x: Floats
    a: Floats | None
    products: tuple[int, ...]
    shift: Floats
    only: Ints | None = None

    @classmethod
    def of(cls, x: Floats, a: Floats | None = None, products: Sequence[int] = ()) -> Columns:
        """Shift covariates by about their means, unless all are near 0."""
        shift = shifts(x)
        spread = x[:: max(1, len(x) // LOOKED_AT)].std(axis=0)
        near = bool((np.abs(shift) <= NEAR * spread).all())
        return cls(x, a, tuple(products), np.zeros_like(shift) if near else shift)

    @property
    def size(self) -> int:
        """Give the number of coefficients."""
        return 1 + int(self.x.shape[1]) + (0 if self.a is None else 1 + len(self.products))

    @property
    def count(self) -> int:
        """Give the number of rows that take part."""
        return len(self.x) if self.only is None else len(self.only)

    def weight(self, w: Floats) -> float:
        """Give the sum of the weights of the rows that take part."""
        return float(w.sum() if self.only is None else w[self.only].sum())

    def weighing(self, w: Floats) -> Columns:
        """Leave out rows without weight, if they are many."""
        used = np.flatnonzero(w > 0)
        return replace(self, only=used) if len(used) < FEW * len(w) else self

    def some(self, step: int) -> Columns:
        """Give the columns of every so many of the rows; of all where it is every one."""
        if step == 1:
            return self
        rows = np.arange(len(self.x)) if self.only is None else self.only
        return replace(self, only=rows[::step])

    def rows(self, chosen: slice | Ints) -> Floats:
        """Give (m, p) columns of some rows."""
        covariates = self.x[chosen] - self.shift
        exposure = [] if self.a is None else [self.a[chosen]]
        multiplied = [exposure[0] * covariates[:, j] for j in self.products]
        return np.column_stack([np.ones(len(covariates)), covariates, *exposure, *multiplied])

    def blocks(self) -> Iterator[Block]:
        """Give a block of rows at a time; its arrays are used again for the next."""
        n = self.count
        shifted = bool(self.shift.any())
        buffer = np.empty((min(BLOCK, n), self.x.shape[1]))
        others = np.ones((self.size - self.x.shape[1], min(BLOCK, n)))
        for first in range(0, n, BLOCK):
            rows: slice | Ints = slice(first, min(first + BLOCK, n))
            length = min(BLOCK, n - first)
            if self.only is not None:
                rows = self.only[rows]
                covariates = np.take(self.x, rows, axis=0, out=buffer[:length], mode="clip")
            else:
                covariates = self.x[rows]
            if shifted:
                covariates = np.subtract(covariates, self.shift, out=buffer[:length])
            if self.a is not None:
                exposure = others[1, :length]
                exposure[:] = self.a[rows]
                for j, product in enumerate(self.products):
                    np.multiply(exposure, covariates[:, product], out=others[2 + j, :length])
            yield Block(rows, covariates, others[:, :length])

    def in_order(self, products: Floats) -> Floats:
        """Give whole (K, p, p) cross products from those ``Block.add_products`` adds up."""
        q, p = self.x.shape[1], self.size
        products[:, :q, q:] = products[:, q:, :q].transpose(0, 2, 1)
        order = np.r_[q, :q, q + 1 : p]
        return np.asarray(products[:, order[:, None], order])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The columns of some rows, covariates row by row, the others column by column.

    Attributes
    ----------
    rows : which they are.
    covariates : (m, q) floats, shifted.
    others : (p - q, m) floats: constant, exposure, products.
    """

    rows: slice | Ints
    covariates: Floats
    others: Floats

    def times(self, coefficients: Floats) -> Floats:
        """Give (K, m) linear predictors for coefficients (K, p)."""
        q = self.covariates.shape[1]
        products = self.covariates @ np.ascontiguousarray(coefficients[:, 1 : q + 1].T)
        found = np.empty((len(coefficients), len(products)))
        for k, constant in enumerate(coefficients[:, 0]):  # rows of K would be slow to go along
            np.add(products[:, k], constant, out=found[k])
        for row, column in zip(self.others[1:], coefficients[:, q + 1 :].T, strict=True):
            found += np.multiply.outer(column, row)
        return np.asarray(found)

    def sums(self, weights: Floats) -> Floats:
        """Give (K, p) sums of the columns with weights (K, m)."""
        first, last = weights @ self.covariates, weights @ self.others.T
        return np.concatenate([last[:, :1], first, last[:, 1:]], axis=1)

    def add_products(self, totals: Floats, weight: Floats, fold: Ints) -> None:
        """Add the weighed cross products of the rows of each fold to (K, p, p) totals.

        Covariates stand first there, and what is above the diagonal blocks stays 0, until
        ``Columns.in_order`` has put it right.
        """
        q, count = self.covariates.shape[1], len(totals)
        covariates, others = self.covariates, self.others
        ends = [0, len(weight)]
        if count > 1:
            order = np.argsort(fold.astype(np.int16), kind="stable")
            covariates, others = covariates.take(order, axis=0), others.take(order, axis=1)
            weight = weight[order]
            ends = [0, *np.bincount(fold, minlength=count).cumsum()]
        weighed, lighter = covariates * weight[:, None], others * weight
        for k in range(count):
            here = slice(ends[k], ends[k + 1])
            totals[k, :q, :q] += weighed[here].T @ covariates[here]
            totals[k, q:, :q] += lighter[:, here] @ covariates[here]
            totals[k, q:, q:] += lighter[:, here] @ others[:, here].T

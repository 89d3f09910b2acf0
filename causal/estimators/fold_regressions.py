"""Regressions on all folds but one, for every fold at once: exact, from sums over the folds.

What least squares needs of all folds but one is the sum over all less that of one. A logistic
regression goes to near the maximum over all rows with the information of some of them; there the
same holds, and the steps from there, with that information, each end within a few parts in a
thousand of where they go. The rows are gone through in blocks that stay in cache, where they
stand, and nothing of the size of the covariates is ever written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimators.cross_products import BLOCK, CONSTANT, LOOKED_AT, PLAIN, shifts
from causal.estimators.glm import Link, SeparationFoundError, fit_glm

STARTED_ON = 20_000
"""Rows, evenly spaced, whose logistic regression Newton's method begins from."""
REFINED_ON = 8
"""One row in so many, at most, says how to get from there to about the maximum over all rows."""
CLOSE = 1e-10
"""Where steps stop: the root mean square of what is left of the linear predictor."""
MOST_STEPS = 12
"""Steps with one information; where more are needed folds are too unlike for this."""
NEAR = 100.0
"""Means within so many standard deviations of 0 cost two digits of sixteen: no shift is needed."""


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
    """

    x: Floats
    a: Floats | None
    products: tuple[int, ...]
    shift: Floats

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

    def in_order(self, products: Floats) -> Floats:
        """Give whole (K, p, p) cross products from those ``Block.add_products`` adds up."""
        q, p = self.x.shape[1], self.size
        products[:, :q, q:] = products[:, q:, :q].transpose(0, 2, 1)
        order = np.r_[q, :q, q + 1 : p]
        return np.asarray(products[:, order[:, None], order])

    def some(self, step: int) -> Columns:
        """Give the columns of every so many rows."""
        a = None if self.a is None else self.a[::step]
        return Columns(self.x[::step], a, self.products, self.shift)

    def rows(self, chosen: slice | Ints) -> Floats:
        """Give (m, p) columns of some rows."""
        covariates = self.x[chosen] - self.shift
        exposure = [] if self.a is None else [self.a[chosen]]
        multiplied = [exposure[0] * covariates[:, j] for j in self.products]
        return np.column_stack([np.ones(len(covariates)), covariates, *exposure, *multiplied])

    def blocks(self) -> Iterator[Block]:
        """Give a block of rows at a time; its arrays are used again for the next."""
        n, q = self.x.shape
        shifted = bool(self.shift.any())
        buffer = np.empty((min(BLOCK, n), q)) if shifted else self.x
        others = np.ones((self.size - q, min(BLOCK, n)))
        for first in range(0, n, BLOCK):
            rows = slice(first, min(first + BLOCK, n))
            length = rows.stop - rows.start
            covariates = self.x[rows]
            if shifted:
                covariates = np.subtract(covariates, self.shift, out=buffer[:length])
            if self.a is not None:
                others[1, :length] = self.a[rows]
                for j, product in enumerate(self.products):
                    np.multiply(
                        others[1, :length], covariates[:, product], out=others[2 + j, :length]
                    )
            yield Block(rows, covariates, others[:, :length])


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The columns of some rows, covariates row by row, the others column by column.

    Attributes
    ----------
    rows : which they are.
    covariates : (m, q) floats, shifted.
    others : (p - q, m) floats: constant, exposure, products.
    """

    rows: slice
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


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which of K folds each row is in.

    Attributes
    ----------
    of : (n,) ints below ``count``.
    """

    of: Ints
    count: int


def fit_without_each(
    columns: Columns, y: Floats, w: Floats, folds: Folds, link: Link
) -> Floats | None:
    """Fit one regression without each fold, by maximum likelihood.

    Parameters
    ----------
    columns : of all n rows.
    y, w : (n,) floats, response and weights; weight 0 for rows that take no part.
    link : logistic, or least squares.

    Returns
    -------
    (K, p) coefficients of ``columns``; None where the sums over folds are no safe way to them:
    columns that do not vary or nearly are combinations of others, a logistic likelihood that
    has no maximum, or folds that differ much. ``fit_glm`` then says more, one fold at a time.
    """
    if link == "linear":
        return _least_squares(columns, y, w, folds)
    start = _start(columns, y, w)
    return None if start is None else _by_steps(columns, y, w, folds, start)


def _least_squares(columns: Columns, y: Floats, w: Floats, folds: Folds) -> Floats | None:
    """Solve the normal equations of all folds but one."""
    centre = float(shifts(y[w > 0][:, None])[0])  # keeps squares of the response small
    slopes = np.zeros((folds.count, columns.size))
    products = np.zeros((folds.count, columns.size, columns.size))
    for block in columns.blocks():
        fold = folds.of[block.rows]
        left = w[block.rows] * (y[block.rows] - centre)
        slopes += block.sums(np.where(fold == np.arange(folds.count)[:, None], left, 0.0))
        block.add_products(products, w[block.rows], fold)
    products = columns.in_order(products)
    gradient, information = slopes.sum(axis=0) - slopes, products.sum(axis=0) - products
    fits = []
    for one, slope in zip(information, gradient, strict=True):
        fitted = _solve(one, slope)
        if fitted is None:
            return None
        fitted[0] += centre
        fits.append(fitted)
    return np.array(fits)


def _start(columns: Columns, y: Floats, w: Floats) -> Floats | None:
    """Give about the coefficients of a logistic regression, from rows here and there."""
    rows = np.flatnonzero(w > 0)
    rows = rows[:: max(1, len(rows) // STARTED_ON)]
    block = columns.rows(rows)[:, 1:]
    try:
        fit = fit_glm(block, y[rows], w[rows], "logit")
    except SeparationFoundError:
        return None
    if not fit.kept.all():
        return None
    slopes = fit.coefficients[1:] / fit.spread
    start = np.concatenate([[fit.coefficients[0] - slopes @ fit.centre], slopes])
    return start if len(y) < 2 * STARTED_ON else _refined(columns, y, w, start)


def _refined(columns: Columns, y: Floats, w: Floats, start: Floats) -> Floats | None:
    """Step to near the maximum over all rows, with the information of some."""
    every = min(REFINED_ON, len(y) // STARTED_ON)
    some, chosen = columns.some(every), slice(None, None, every)
    together = Folds(np.zeros(len(some.x), dtype=np.int64), 1)
    slope, products = _information(some, y[chosen], w[chosen], together, start)
    step = _solve(products[0], slope[0])
    if step is None:
        return None
    nearer = start + step
    slope = _slopes(columns, y, w, nearer[None])
    step = _solve(products[0] * (w.sum() / w[chosen].sum()), slope[0])
    return None if step is None else np.asarray(nearer + step)


def _information(
    columns: Columns, y: Floats, w: Floats, folds: Folds, at: Floats
) -> tuple[Floats, Floats]:
    """Give slopes (K, p) and information (K, p, p) of a logistic likelihood, fold by fold."""
    slopes = np.zeros((folds.count, columns.size))
    products = np.zeros((folds.count, columns.size, columns.size))
    numbers = np.arange(folds.count)[:, None]
    for block in columns.blocks():
        rows, fold = block.rows, folds.of[block.rows]
        mean = expit(block.times(at[None])[0])
        left = w[rows] * (y[rows] - mean)
        slopes += block.sums(np.where(fold == numbers, left, 0.0))
        mean *= 1 - mean
        block.add_products(products, w[rows] * mean, fold)
    return slopes, columns.in_order(products)


def _by_steps(columns: Columns, y: Floats, w: Floats, folds: Folds, begun: Floats) -> Floats | None:
    """Step to the maximum without each fold, with the information where all begin."""
    slopes, products = _information(columns, y, w, folds, begun)
    information = products.sum(axis=0) - products
    if any(_solve(one, one[0]) is None for one in information):
        return None
    inverse = np.linalg.inv(information)
    gradient, weight = slopes.sum(axis=0) - slopes, float(w.sum())
    at, before = np.tile(begun, (folds.count, 1)), np.inf
    for _ in range(MOST_STEPS):
        step = np.einsum("kij,kj->ki", inverse, gradient)
        at = at + step
        length = np.sqrt(np.einsum("ki,kij,kj->k", step, information, step).max() / weight)
        if not length < before:
            return None
        if length < CLOSE or (np.isfinite(before) and length * length < CLOSE * before):
            return np.asarray(at)  # the next step would be shorter by the same ratio
        before = float(length)
        gradient = _slopes(columns, y, w, at, folds.of)
    return None


def _slopes(
    columns: Columns, y: Floats, w: Floats, at: Floats, left_out: Ints | None = None
) -> Floats:
    """Give (K, p) slopes of the likelihood at each of K coefficients.

    Parameters
    ----------
    at : (K, p) floats.
    left_out : (n,) ints, in which of the K likelihoods a row takes no part.
    """
    found = np.zeros_like(at)
    half, weighed = 0.5 * at, bool((w != 1.0).any())
    for block in columns.blocks():
        left = np.tanh(block.times(half))  # 2 expit - 1
        np.subtract(2 * y[block.rows] - 1, left, out=left)
        if weighed:
            left *= w[block.rows]
        if left_out is not None:
            left[left_out[block.rows], np.arange(left.shape[1])] = 0.0
        found += block.sums(left)
    return 0.5 * found


def _solve(information: Floats, slope: Floats) -> Floats | None:
    """Solve normal equations; None where they are not well posed."""
    spread = np.sqrt(np.diag(information))
    if not (spread > CONSTANT * spread[0]).all():  # that of the constant
        return None
    scaled = information / np.outer(spread, spread)
    values = np.linalg.eigvalsh(scaled)
    if values[0] <= PLAIN * values[-1]:
        return None
    return np.asarray(np.linalg.solve(scaled, slope / spread) / spread)


def predict_left_out(
    columns: Columns, coefficients: Floats, folds: Folds, link: Link
) -> tuple[Floats, Floats]:
    """Predict each row without and with exposure, by the fit that left its fold out.

    Parameters
    ----------
    coefficients : (K, p) floats.

    Returns
    -------
    Two (n,) floats; the same where exposure has no column.
    """
    plain = Columns(columns.x, None, (), columns.shift)
    q = columns.x.shape[1]
    without = np.empty(len(columns.x))
    exposed = without if columns.a is None else np.empty(len(columns.x))
    for block in plain.blocks():
        fold = folds.of[block.rows]
        own = fold, np.arange(len(fold))
        without[block.rows] = block.times(coefficients[:, : q + 1])[own]
        if columns.a is not None:
            added = coefficients[fold, q + 1]
            for place, product in enumerate(columns.products):
                added += coefficients[fold, q + 2 + place] * block.covariates[:, product]
            np.add(without[block.rows], added, out=exposed[block.rows])
        if link == "logit":
            for means in (without,) if exposed is without else (without, exposed):
                expit(means[block.rows], out=means[block.rows])
    return without, exposed


def expit(eta: Floats, out: Floats | None = None) -> Floats:
    """Give probabilities of linear predictors, in ``out`` where there is one; no overflow."""
    mean = np.multiply(0.5, eta, out=out)
    np.tanh(mean, out=mean)
    mean += 1
    mean *= 0.5
    return np.asarray(mean)

"""Regressions on all folds but one, for every fold at once: exact, from sums over the folds.

What least squares needs of all folds but one is the sum over all less that of one. A logistic
regression takes Newton's steps from a common start, where the same holds, and then steps with
that information, each within a few parts in a thousand of where it goes. The rows are gone through
in blocks that stay in cache, and nothing of the size of the covariates is ever written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimators.cross_products import BLOCK, CONSTANT, PLAIN, shifts
from causal.estimators.glm import Link, SeparationFoundError, fit_glm

STARTED_ON = 20_000
"""Rows, evenly spaced, whose logistic regression Newton's method begins from."""
CLOSE = 1e-11
"""Where steps stop: the root mean square of what is left of the linear predictor."""
MOST_STEPS = 12
"""Steps with one information; where more are needed folds are too unlike for this."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns of one regression: a constant, shifted covariates, exposure and products.

    Attributes
    ----------
    x : (n, q) floats, covariates.
    a : (n,) floats, exposure; None for a regression without.
    products : covariates multiplied with exposure.
    shift : (q,) floats taken from the covariates, so that squares stay small.
    """

    x: Floats
    a: Floats | None
    products: tuple[int, ...]
    shift: Floats

    @classmethod
    def of(cls, x: Floats, a: Floats | None = None, products: Sequence[int] = ()) -> Columns:
        """Shift covariates by about their means."""
        return cls(x, a, tuple(products), shifts(x))

    @property
    def size(self) -> int:
        """Give the number of coefficients."""
        return 1 + int(self.x.shape[1]) + (0 if self.a is None else 1 + len(self.products))

    def rows(self, chosen: slice | Ints, out: Floats | None = None) -> Floats:
        """Give (m, p) columns of some rows, in ``out`` where there is one."""
        covariates, q = self.x[chosen], self.x.shape[1]
        block = np.empty((len(covariates), self.size)) if out is None else out
        block[:, 0] = 1.0
        np.subtract(covariates, self.shift, out=block[:, 1 : q + 1])
        if self.a is not None:
            block[:, q + 1] = self.a[chosen]
            for j, product in enumerate(self.products):
                np.multiply(block[:, q + 1], block[:, 1 + product], out=block[:, q + 2 + j])
        return block

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Give rows and their columns, a block at a time; the array is used again for the next."""
        n = len(self.x)
        buffer = np.empty((min(BLOCK, n), self.size))
        for first in range(0, n, BLOCK):
            rows = slice(first, min(first + BLOCK, n))
            yield rows, self.rows(rows, buffer[: rows.stop - rows.start])

    def effect(self, block: Floats, coefficients: Floats) -> Floats:
        """Give (m, K) what exposure adds to linear predictors of K fits.

        Parameters
        ----------
        coefficients : (p, K) floats.
        """
        q = self.x.shape[1]
        chosen = [1 + product for product in self.products]
        return np.asarray(coefficients[q + 1] + block[:, chosen] @ coefficients[q + 2 :])


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
    if start is None:
        return None
    together = Folds(np.zeros(len(y), dtype=np.int64), 1)
    slopes, information = _information(columns, y, w, together, start)
    step = _solve(information[0], slopes[0])
    return None if step is None else _by_steps(columns, y, w, folds, start + step)


def _least_squares(columns: Columns, y: Floats, w: Floats, folds: Folds) -> Floats | None:
    """Solve the normal equations of all folds but one."""
    p = columns.size
    centre = float(shifts(y[w > 0][:, None])[0])  # keeps squares of the response small
    products = np.zeros((folds.count, p + 1, p + 1))
    for rows, block in columns.blocks():
        both = np.column_stack([block, y[rows] - centre])
        _add_products(products, both, w[rows], folds.of[rows])
    fits = []
    for one in products.sum(axis=0) - products:
        fitted = _solve(one[:p, :p], one[:p, p])
        if fitted is None:
            return None
        fitted[0] += centre
        fits.append(fitted)
    return np.array(fits)


def _add_products(products: Floats, block: Floats, weight: Floats, fold: Ints) -> None:
    """Add the weighed cross products of the rows of each fold."""
    block *= np.sqrt(weight)[:, None]
    for k in range(len(products)):
        here = block if len(products) == 1 else block[fold == k]
        products[k] += here.T @ here


def _start(columns: Columns, y: Floats, w: Floats) -> Floats | None:
    """Give the coefficients of a logistic regression on rows from here and there."""
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
    return np.concatenate([[fit.coefficients[0] - slopes @ fit.centre], slopes])


def _information(
    columns: Columns, y: Floats, w: Floats, folds: Folds, at: Floats
) -> tuple[Floats, Floats]:
    """Give slopes (K, p) and information (K, p, p) of a logistic likelihood, fold by fold."""
    slopes = np.zeros((folds.count, columns.size))
    products = np.zeros((folds.count, columns.size, columns.size))
    for rows, block in columns.blocks():
        mean, fold = expit(block @ at), folds.of[rows]
        left = w[rows] * (y[rows] - mean)
        for k in range(folds.count):
            slopes[k] += (left * (fold == k)) @ block
        _add_products(products, block, w[rows] * mean * (1 - mean), fold)
    return slopes, products


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
        gradient = _slopes_without(columns, y, w, folds, at)
    return None


def _slopes_without(columns: Columns, y: Floats, w: Floats, folds: Folds, at: Floats) -> Floats:
    """Give (K, p) slopes of the likelihoods without each fold, each at its own coefficients."""
    found = np.zeros((columns.size, folds.count))
    for rows, block in columns.blocks():
        left = y[rows, None] - expit(block @ at.T)
        left *= w[rows, None]
        left[np.arange(len(left)), folds.of[rows]] = 0.0
        found += block.T @ left
    return found.T


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
    without, exposed = np.empty(len(columns.x)), np.empty(len(columns.x))
    for rows, block in plain.blocks():
        own = np.arange(len(block)), folds.of[rows]
        without[rows] = (block @ coefficients.T[: plain.size])[own]
        exposed[rows] = without[rows]
        if columns.a is not None:
            exposed[rows] += columns.effect(block, coefficients.T)[own]
    return (expit(without), expit(exposed)) if link == "logit" else (without, exposed)


def expit(eta: Floats) -> Floats:
    """Give probabilities of linear predictors; does not overflow."""
    mean = np.tanh(0.5 * eta)
    mean += 1
    mean *= 0.5
    return np.asarray(mean)

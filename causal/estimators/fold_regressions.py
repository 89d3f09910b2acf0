"""Regressions on all folds but one, for every fold at once: exact, from sums over the folds.

What least squares needs of all folds but one is the sum over all less that of one. A logistic
regression goes to near the maximum over all rows with the information of some of them; there the
same holds, and the steps from there, with that information, each end within a few parts in a
thousand of where they go. The rows are gone through in blocks that stay in cache, where they
stand, and nothing of the size of the covariates is ever written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimators.column_blocks import Columns
from causal.estimators.cross_products import CONSTANT, PLAIN, shifts
from causal.estimators.glm import Link, SeparationFoundError, fit_glm

STARTED_ON = 20_000
"""Rows, evenly spaced, whose logistic regression Newton's method begins from."""
REFINED_ON = 6
"""One row in so many, at most, says how to get from there to about the maximum over all rows, and
how far first steps from there end short."""
CLOSE = 1e-10
"""Where steps stop: the root mean square of what is left of the linear predictor."""
MOST_STEPS = 12
"""Steps with one information; where more are needed folds are too unlike for this."""


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
    columns = columns.weighing(w)
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
    some = columns.some(_every(columns))
    together = Folds(np.zeros(len(y), dtype=np.int64), 1)
    slope, products = _information(some, y, w, together, start)
    step = _solve(products[0], slope[0])
    if step is None:
        return None
    nearer = start + step
    slope = _slopes(columns, y, w, nearer[None])
    step = _solve(products[0] * (w.sum() / some.weight(w)), slope[0])
    return None if step is None else np.asarray(nearer + step)


def _every(columns: Columns) -> int:
    """Give of how many rows one is enough to say where to step."""
    return max(1, min(REFINED_ON, columns.count // STARTED_ON))


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
    """Step to the maximum without each fold, with the information where all begin.

    With that information a step ends short by a share of its length, the same at every step but
    the first, where it is half of that: the slope of a parabola at its end, and over its length.
    So it is known how far the next step would go, and the last need not be seen to be small.
    """
    slopes, products = _information(columns, y, w, folds, begun)
    information = products.sum(axis=0) - products
    if any(_solve(one, one[0]) is None for one in information):
        return None
    inverse, weight = np.linalg.inv(information), float(w.sum())
    some = columns.some(_every(columns))
    few = some.count < columns.count
    gradient, at = slopes.sum(axis=0) - slopes, np.tile(begun, (folds.count, 1))
    share, before = 0.0, np.inf
    for number in range(MOST_STEPS):
        step = np.einsum("kij,kj->ki", inverse, gradient)
        at = at + step
        length = np.sqrt(np.einsum("ki,kij,kj->k", step, information, step).max() / weight)
        if not length < before:
            return None
        if number == 1:
            share = 2 * length / before
        elif number > 2 or (number == 2 and not few):
            share = max(share, length / before)
        if length < CLOSE or (number and length * share < CLOSE):
            return np.asarray(at)
        before = float(length)
        if number == 0 and few:  # some rows say well enough how short this one ended
            gradient = _bend(some, w, folds, begun, step)
        else:
            gradient = _slopes(columns, y, w, at, folds.of)
    return None


def _bend(some: Columns, w: Floats, folds: Folds, begun: Floats, step: Floats) -> Floats:
    """Give (K, p) slopes left after each of K first steps, as some rows say.

    They are what means change beyond their tangents, which is little, so that a share of the rows
    says it well enough; the slopes where the steps began are known from all.

    Parameters
    ----------
    begun : (p,) floats.
    step : (K, p) floats.
    """
    found = np.zeros_like(step)
    for block in some.blocks():
        mean, further = expit(block.times(begun[None])), block.times(step)
        left = mean + mean * (1 - mean) * further - expit(block.times(begun + step))
        left *= w[block.rows]
        left[folds.of[block.rows], np.arange(left.shape[1])] = 0.0
        found += block.sums(left)
    return np.asarray(found * (w.sum() / some.weight(w)))


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

"""Many logistic or linear regressions that share their covariates, by Newton's method at once.

Each starts at the solution on the unchanged sample, whose information matrix serves for the first
steps; later steps use each regression's own, until every one has converged as ``glm.fit_glm`` asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.estimators.glm import MAX_STEPS, TOLERANCE, Link
from causal.refuters.batches import FEW_ROWS, outer_products, pieces, unpack

OWN_INFORMATION = {True: (4, *range(7, MAX_STEPS + 1)), False: (3, *range(6, MAX_STEPS + 1))}
"""Steps that renew the information matrix, where it is wanted at the solution or not. Near the
start it changes by about one part in the root of n, so steps with an old one gain a digit or two;
far from it they gain nothing, and from the seventh (sixth) step on this is Newton's method as
``glm`` has it; with few rows it always is."""
EVERY_STEP = tuple(range(1, MAX_STEPS + 1))
LONGEST = 5.0
"""Largest change of a linear predictor in one step, as in ``glm``."""
SETTLED = 0.1
"""Steps with an old matrix that shrink by more than this each leave less than the next would be."""
SINGULAR = 1e-7
"""Smallest over largest eigenvalue below which a regression is fitted on its own, which finds out
whether the response is determined or covariates are."""
EXACT_INFORMATION = 1e-6
"""Largest change of a linear predictor since the information matrix was formed."""


@dataclass(frozen=True, slots=True, eq=False)
class Regressions:
    """B regressions; a first dimension of 1 is shared by all.

    Attributes
    ----------
    basis : (r, n) floats, orthonormal covariates.
    extras : (1 or B, n) floats each, further columns.
    response, weight : (1 or B, n) floats.
    flags : the only further column holds 0 and 1.
    """

    link: Link
    basis: Floats
    extras: tuple[Floats, ...]
    response: Floats
    weight: Floats
    flags: bool = False

    @property
    def size(self) -> int:
        """Give the number of coefficients."""
        return len(self.basis) + len(self.extras)

    def predictor(self, coefficients: Floats, rows: slice) -> Floats:
        """Give the linear predictors of some rows."""
        r = len(self.basis)
        eta = np.asarray(coefficients[:, :r] @ self.basis[:, rows])
        for place, extra in enumerate(self.extras, start=r):
            eta += coefficients[:, place, None] * extra[:, rows]
        return eta

    def onto(self, values: Floats, rows: slice, times: Floats | None = None) -> Floats:
        """Multiply (B, c) values with the columns of some rows and add up: (B, size).

        Parameters
        ----------
        times : (1 or B, c) floats, multiplied with too; in the columns where it is shared.
        """
        basis = self.basis[:, rows]
        if times is not None and (len(times) > 1 or self.extras):
            values = values * times
        elif times is not None:
            basis = basis * times
        sums = [values @ basis.T]
        sums += [(values * extra[:, rows]).sum(axis=1, keepdims=True) for extra in self.extras]
        return np.hstack(sums)


@dataclass(frozen=True, slots=True, eq=False)
class BatchFit:
    """Fitted regressions.

    Attributes
    ----------
    coefficients : (B, p) floats.
    inverse : (B, p, p) floats, of the information matrices.
    converged : (B,) booleans; the others are to be fitted on their own.
    """

    coefficients: Floats
    inverse: Floats
    converged: Bools


def mean_of(eta: Floats, link: Link) -> Floats:
    """Give the mean of a linear predictor."""
    return eta if link == "linear" else np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))


def fit_batch(
    regressions: Regressions, start: Floats, information: Floats, *, exact: bool
) -> BatchFit:
    """Fit many regressions.

    Parameters
    ----------
    start : (p,) floats, where all begin.
    information : (p, p) floats, information matrix of a similar regression there.
    exact : the information matrices are wanted at the solution, for influence values.
    """
    count = max(len(regressions.response), len(regressions.weight), *map(len, regressions.extras))
    beta = np.tile(start, (count, 1))
    inverse = np.tile(np.linalg.inv(information), (count, 1, 1))
    reach = [np.abs(extra).max(axis=1) for extra in regressions.extras]
    lever = float(np.sqrt((regressions.basis**2).sum(axis=0).max()))
    converged, sound = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    since = np.full(count, np.inf)
    alone = count == 1 or regressions.basis.shape[1] < FEW_ROWS
    own = (1,) if regressions.link == "linear" else EVERY_STEP if alone else OWN_INFORMATION[exact]
    before = np.full(count, np.inf)
    for step in range(1, MAX_STEPS + 1):
        gradient, formed = (
            (_first_gradient(regressions, beta[0]), None)
            if step == 1 and step not in own and _shares_start(regressions)
            else _pass(regressions, beta, with_information=step in own)
        )
        if formed is not None:
            fresh, sound = _invert(formed, sound, converged)
            inverse = np.where(converged[:, None, None], inverse, fresh)
            since = np.where(converged, since, 0.0)
        move = np.einsum("bij,bj->bi", inverse, gradient)
        largest = _longest(move, lever, reach)
        shrink = np.minimum(1.0, LONGEST / np.maximum(largest, LONGEST))
        move *= np.where(converged | ~sound, 0.0, shrink)[:, None]
        beta += move
        since = since + _longest(move, lever, reach)
        # what is left: Newton squares its error; with an old matrix steps shrink by one ratio
        left = 0.5 * largest**2 if step in own else largest * np.minimum(largest / before, 1.0)
        known = (largest < SETTLED * before) | (step in own)
        near = (largest < TOLERANCE) | ((left < TOLERANCE) & known)
        converged = converged | (near & np.isfinite(since))
        before = largest
        if (converged | ~sound).all():
            break
    old = converged & (since > EXACT_INFORMATION)
    if exact and regressions.link == "logit" and old.any():
        _, formed = _pass(regressions, beta, with_information=True)
        if formed is not None:
            fresh, sound = _invert(formed, sound, ~old)
            inverse = np.where(old[:, None, None], fresh, inverse)
    return BatchFit(beta, inverse, converged & sound)


def _shares_start(regressions: Regressions) -> bool:
    """Tell whether all means at a common start are one vector, or two chosen by a 0/1 column."""
    if not regressions.extras:
        return True
    if len(regressions.weight) > 1:
        shared = all(len(one) == 1 for one in (regressions.response, *regressions.extras))
        return regressions.flags or shared
    one_sided = min(len(regressions.response), len(regressions.extras[0])) == 1
    return regressions.flags and one_sided


def _first_gradient(regressions: Regressions, beta: Floats) -> Floats:
    """Give the gradients where all regressions begin: products with what does not differ.

    Parameters
    ----------
    beta : (p,) floats, the common start.
    """
    r, basis, weight = len(regressions.basis), regressions.basis, regressions.weight
    if len(weight) > 1:
        return _first_of_parts(regressions, beta)
    none, weighed = beta[:r] @ basis, basis * weight
    mean0 = mean_of(none, regressions.link)
    gradient = np.asarray(regressions.response @ weighed.T - weighed @ mean0)
    if not regressions.extras:
        return gradient
    flag, mean1 = regressions.extras[0], mean_of(none + beta[r], regressions.link)
    gradient = gradient - flag @ (weighed * (mean1 - mean0)).T
    if len(regressions.response) == 1:
        own = flag @ (weight[0] * (regressions.response[0] - mean1))
    else:
        own = (regressions.response - mean1) @ (weight[0] * flag[0])
    return np.column_stack([gradient, own])


def _first_of_parts(regressions: Regressions, beta: Floats) -> Floats:
    """Give the gradients where all begin and each has weights of its own."""
    r, weight, extras = len(regressions.basis), regressions.weight, regressions.extras
    none, link = beta[:r] @ regressions.basis, regressions.link
    if all(len(one) == 1 for one in (regressions.response, *extras)):
        columns = np.vstack([regressions.basis, *extras])
        mean = mean_of(beta @ columns, link)
        return np.asarray(weight @ (columns * (regressions.response[0] - mean)).T)
    gradient = np.zeros((len(weight), regressions.size))
    for rows in pieces(regressions.basis.shape[1]):
        mean = mean_of(none[rows], link)
        if extras:
            mean = mean + extras[0][:, rows] * (mean_of(none[rows] + beta[r], link) - mean)
        left = (regressions.response[:, rows] - mean) * weight[:, rows]
        gradient += regressions.onto(left, rows)
    return gradient


def _pass(
    regressions: Regressions, beta: Floats, *, with_information: bool
) -> tuple[Floats, Floats | None]:
    """Go over the rows once: the gradients, and the information matrices if wanted."""
    r, p = len(regressions.basis), regressions.size
    gradient = np.zeros((len(beta), p))
    square = np.zeros((len(beta), r, r))
    packed = np.zeros((len(beta), r * (r + 1) // 2))
    border = np.zeros((len(beta), p - r, p))
    for rows in pieces(regressions.basis.shape[1]):
        mean = mean_of(regressions.predictor(beta, rows), regressions.link)
        weight = regressions.weight[:, rows]
        gradient += regressions.onto((regressions.response[:, rows] - mean) * weight, rows)
        if not with_information:
            continue
        slope = mean * (1 - mean) * weight if regressions.link == "logit" else weight
        slope = np.broadcast_to(slope, mean.shape)
        some = regressions.basis[:, rows]
        if len(beta) == 1:
            square[0] += (some * slope) @ some.T
        else:  # products of columns, formed once for all regressions
            packed += slope @ outer_products(some).T
        for place, extra in enumerate(regressions.extras):
            border[:, place] += regressions.onto(slope * extra[:, rows], rows)
    if not with_information:
        return gradient, None
    information = np.empty((len(beta), p, p))
    information[:, :r, :r] = square if len(beta) == 1 else unpack(packed, r)
    information[:, r:, :] = border
    information[:, :r, r:] = border[:, :, :r].transpose(0, 2, 1)
    return gradient, information


def information_at(regressions: Regressions, beta: Floats) -> Floats:
    """Give the (p, p) information matrix of a single regression."""
    _, formed = _pass(regressions, beta[None], with_information=True)
    return np.empty((0, 0)) if formed is None else formed[0]


def _invert(information: Floats, sound: Bools, skip: Bools) -> tuple[Floats, Bools]:
    """Invert (B, p, p) matrices; tell which could not be, among those that matter."""
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", information), np.finfo(float).tiny))
    scaled = information / (scale[:, :, None] * scale[:, None, :])
    finite = np.isfinite(scaled).all(axis=(1, 2))
    scaled = np.where(finite[:, None, None], scaled, np.eye(scaled.shape[1]))
    inverse = _plainly_invertible(scaled)
    fine = finite
    if inverse is None:
        spread = np.linalg.eigvalsh(scaled)
        fine = finite & (spread[:, 0] > SINGULAR * spread[:, -1])
        inverse = np.linalg.inv(np.where(fine[:, None, None], scaled, np.eye(scaled.shape[1])))
    inverse = inverse / (scale[:, :, None] * scale[:, None, :])
    return inverse, sound & (fine | skip)


def _plainly_invertible(scaled: Floats) -> Floats | None:
    """Invert (B, p, p) matrices of unit diagonal if none is near singular; else give None.

    The largest eigenvalue is at most p, the smallest at least one over the norm of the inverse,
    which takes a fraction of the time of finding eigenvalues.
    """
    try:
        inverse = np.asarray(np.linalg.inv(scaled), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    norm = np.sqrt(np.einsum("bij,bij->b", inverse, inverse))
    return inverse if (norm * scaled.shape[1] * SINGULAR < 1).all() else None


def _longest(move: Floats, lever: float, reach: Sequence[Floats]) -> Floats:
    """Bound the change of any linear predictor: Cauchy and Schwarz on orthonormal columns."""
    r = move.shape[1] - len(reach)
    bound = lever * np.sqrt((move[:, :r] ** 2).sum(axis=1))
    for place, most in enumerate(reach, start=r):
        bound = bound + np.abs(move[:, place]) * most
    return np.asarray(bound)

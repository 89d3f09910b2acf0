"""Linear and logistic regression with what influence values need: scores and bread.

Unpenalised maximum likelihood. Covariates are centred and scaled inside, which changes no fitted
value but keeps the information matrix well conditioned (squared dollars beside ages).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats, Ints, read_only

Link: TypeAlias = Literal["logit", "linear"]

BLOCK = 8192
"""Rows gone through at a time, so that nothing of the size of the covariates is written twice."""
MANY, STARTED_ON = 100_000, 20_000
"""Rows from which a logistic regression begins where that of some rows, evenly spaced, ends."""
MAX_STEPS = 40
"""Newton converges in 5 to 15 steps where a maximum exists; under separation it never does."""
TOLERANCE = 1e-10
"""Largest change of any linear predictor in the last step: Newton is quadratic, so the error left
is its square."""


@dataclass(frozen=True, slots=True, eq=False)
class NuisanceFit:
    """A fitted regression, ready to be chained into influence values.

    Attributes
    ----------
    link : ``logit`` or ``linear``.
    coefficients : (p,) floats, on the standardised design.
    centre, spread : (p - 1,) floats, what the design was centred and scaled with.
    kept : (q,) booleans, which of the q columns given vary.
    fitted : (n,) floats, means on the rows given, also those not used in fitting.
    columns : (n, q) floats, the columns given.
    residual : (n,) floats, weight times response less mean; 0 for rows not used in fitting.
    bread : (p, p) floats, inverse of the mean information per row given.
    rank : number of estimable coefficients.
    steps : Newton steps taken.
    added : (n, p) floats, what joins the score of each row where its weight was itself fitted; None
        where weights are known.
    """

    link: Link
    coefficients: Floats
    centre: Floats
    spread: Floats
    kept: Bools
    fitted: Floats
    columns: Floats
    residual: Floats
    bread: Floats
    rank: int
    steps: int
    added: Floats | None = None

    @property
    def scores(self) -> Floats:
        """Give (n, p) floats, the score of each row; 0 for rows not used in fitting."""
        scores = np.empty((len(self.residual), len(self.coefficients)))
        for rows in blocks(len(scores)):
            np.multiply(
                self.design(self.columns[rows]), self.residual[rows, None], out=scores[rows]
            )
        if self.added is not None:
            scores += self.added
        scores.flags.writeable = False
        return scores

    @property
    def influence(self) -> Floats:
        """Give (n, p) influence values of the coefficients."""
        found = np.empty((len(self.residual), len(self.coefficients)))
        for rows in blocks(len(found)):
            design = self.design(self.columns[rows])
            design *= self.residual[rows, None]
            np.matmul(design, self.bread, out=found[rows])
        if self.added is not None:
            found += self.added @ self.bread
        return found

    def along(self, gradient: Floats) -> Floats:
        """Give (n,) influence values of what moves with the coefficients by a gradient (p,).

        They are ``influence @ gradient``, without all the influence values in memory at once.
        """
        direction, found = self.bread @ gradient, np.empty(len(self.residual))
        for rows in blocks(len(found)):
            found[rows] = self.design(self.columns[rows]) @ direction * self.residual[rows]
        if self.added is not None:
            found += self.added @ direction
        return found

    def design(self, x: Floats) -> Floats:
        """Give the (n, p) standardised design of raw columns (n, q), the intercept first."""
        return _standardised(x if self.kept.all() else x[:, self.kept], self.centre, self.spread)

    def predict(self, x: Floats) -> Floats:
        """Give (n,) means for raw columns (n, q)."""
        eta = np.empty(len(x))
        for rows in blocks(len(x)):
            eta[rows] = self.design(x[rows]) @ self.coefficients
        return _mean(eta, self.link)

    def slope(self, fitted: Floats) -> Floats:
        """Give (n,) derivatives of the mean with respect to the linear predictor."""
        return fitted * (1 - fitted) if self.link == "logit" else np.ones_like(fitted)


class SeparationFoundError(ValueError):
    """No maximum exists: the covariates predict the response perfectly for some rows.

    Parameters
    ----------
    columns : the columns along which the coefficients run away, largest first.
    rows : how many rows are predicted perfectly.
    """

    def __init__(self, columns: tuple[int, ...], rows: int) -> None:
        self.columns = columns
        self.rows = rows
        super().__init__(f"{rows} rows are predicted perfectly")


def fit_glm(
    x: Floats,
    y: Floats,
    w: Floats,
    link: Link,
    rows: Bools | None = None,
    start: NuisanceFit | None = None,
) -> NuisanceFit:
    """Fit a regression by (weighted) maximum likelihood.

    Parameters
    ----------
    x : (n, q) floats, columns without intercept; columns that do not vary are left out.
    y : (n,) floats, response; ignored (may be NaN) outside ``rows``.
    w : (n,) floats, weights with mean about 1.
    link : ``logit`` for probabilities, ``linear`` for least squares.
    rows : (n,) booleans, the rows to fit on; all when None.
    start : a fit of the same columns on a similar sample, where Newton's method then begins: it
        saves steps and changes no number beyond rounding.

    Returns
    -------
    The fit, with scores and bread on all n rows so that a fit on part of the sample chains into
    means over the whole of it.

    Raises
    ------
    SeparationFoundError
        The logistic likelihood has no maximum.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 2.5 (Newton's method).
    """
    used = np.ones(len(y), dtype=bool) if rows is None else rows
    weight = np.where(used, w, 0.0)
    kept, centre, spread = _standardisation(x if used.all() else x[used])
    design = _standardised(x if kept.all() else x[:, kept], centre, spread)
    response = np.where(used, y, 0.0)
    if link == "linear":
        information = weighed_products(design, weight)
        bread, rank = inverse_of_information(information)
        coefficients, steps = bread @ (design.T @ (weight * response)), 1
        eta = design @ coefficients
    else:
        begin = _carried(start or _on_some(x, y, w, used), kept, centre, spread)
        coefficients, eta, steps = _newton(design, response, weight, np.flatnonzero(kept), begin)
        slope = _mean(eta, link)
        slope = slope * (1 - slope)
        bread, rank = inverse_of_information(weighed_products(design, weight * slope))
    fitted = _mean(eta, link)
    return NuisanceFit(
        link=link,
        coefficients=read_only(coefficients),
        centre=read_only(centre),
        spread=read_only(spread),
        kept=kept,
        fitted=read_only(fitted),
        columns=x,
        residual=read_only(weight * (response - fitted)),
        bread=read_only(bread * len(y)),
        rank=rank,
        steps=steps,
    )


def _on_some(x: Floats, y: Floats, w: Floats, used: Bools) -> NuisanceFit | None:
    """Fit a logistic regression of many rows on some of them, evenly spaced, to begin from."""
    rows = np.flatnonzero(used)
    if len(rows) < MANY:
        return None
    rows = rows[:: len(rows) // STARTED_ON]
    try:
        return fit_glm(x[rows], y[rows], w[rows], "logit")
    except SeparationFoundError:
        return None


def _carried(
    start: NuisanceFit | None, kept: Bools, centre: Floats, spread: Floats
) -> Floats | None:
    """Put another fit's coefficients on this design's scale; None where the columns differ."""
    if start is None or not np.array_equal(start.kept, kept):
        return None
    slopes = start.coefficients[1:] / start.spread
    intercept = start.coefficients[0] + slopes @ (centre - start.centre)
    return np.concatenate([[intercept], slopes * spread])


def _newton(
    design: Floats, y: Floats, w: Floats, columns: Ints, begin: Floats | None = None
) -> tuple[Floats, Floats, int]:
    """Maximise the logistic likelihood; give coefficients, linear predictor and steps."""
    if begin is None:
        share = float(np.clip(np.average(y, weights=w), 1e-6, 1 - 1e-6))
        beta = np.zeros(design.shape[1])
        beta[0] = np.log(share / (1 - share))
    else:
        beta = begin
    eta = design @ beta
    move, change = beta, np.zeros_like(eta)
    _, estimable = inverse_of_information(weighed_products(design, w))
    for step in range(1, MAX_STEPS + 1):
        gradient, information = _gradient(design, y, w, eta)
        inverse, rank = inverse_of_information(information)
        if rank < estimable:  # information along some direction has run out: no maximum
            break
        move, largest, furthest = inverse @ gradient, 0.0, 0.0
        for rows in blocks(len(y)):
            np.matmul(design[rows], move, out=change[rows])
            largest = max(largest, float(np.abs(change[rows]).max(where=w[rows] > 0, initial=0.0)))
        shrink = min(1.0, 5.0 / largest) if largest > 0 else 1.0  # a step that leaps overshoots
        beta = beta + shrink * move
        for rows in blocks(len(y)):
            eta[rows] += shrink * change[rows]
            furthest = max(furthest, float(np.abs(eta[rows]).max()))
        if largest < TOLERANCE * max(1.0, furthest):
            return beta, eta, step
    slopes = np.abs(move[1:])
    running = [i for i in np.argsort(-slopes) if slopes[i] > 0.1 * slopes.max()]
    perfect = int((((2 * y - 1) * change > 0.5) & (w > 0)).sum())  # these run away by 1 a step
    raise SeparationFoundError(tuple(int(columns[i]) for i in running[:3]), perfect)


def _gradient(design: Floats, y: Floats, w: Floats, eta: Floats) -> tuple[Floats, Floats]:
    """Give the slope (p,) and the information (p, p) of a logistic likelihood."""
    gradient, information = np.zeros(design.shape[1]), np.zeros((design.shape[1],) * 2)
    for rows in blocks(len(y)):
        block, mean = design[rows], _mean(eta[rows], "logit")
        gradient += (w[rows] * (y[rows] - mean)) @ block
        information += block.T @ (block * (w[rows] * mean * (1 - mean))[:, None])
    return gradient, information


def _mean(eta: Floats, link: Link) -> Floats:
    """Give the mean of a linear predictor."""
    if link == "linear":
        return eta
    return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))  # does not overflow


def _standardisation(x: Floats) -> tuple[Bools, Floats, Floats]:
    """Find which columns vary, and what to centre and scale them with."""
    centre, squared = x.mean(axis=0), np.zeros(x.shape[1])
    for rows in blocks(len(x)):
        squared += ((x[rows] - centre) ** 2).sum(axis=0)
    spread = np.sqrt(squared / len(x))
    kept = _vary(centre, spread)
    return kept, centre[kept], spread[kept]


def aliased(first: Floats, others: Floats, w: Floats) -> bool:
    """Tell whether a column is a linear combination of others and a constant.

    Parameters
    ----------
    first : (n,) floats.
    others : (n, q) floats.
    w : (n,) floats, weights; rows of weight 0 do not count.
    """
    used = np.flatnonzero(w > 0)
    totals = np.zeros(others.shape[1] + 1)
    for rows in blocks(len(used)):
        totals += _beside(first, others, used[rows]).sum(axis=0)
    centre, squared = totals / len(used), np.zeros(len(totals))
    for rows in blocks(len(used)):
        squared += ((_beside(first, others, used[rows]) - centre) ** 2).sum(axis=0)
    spread = np.sqrt(squared / len(used))
    kept = _vary(centre, spread)
    if not kept[0]:
        return True
    gram = np.zeros((int(kept.sum()) + 1,) * 2)
    for rows in blocks(len(used)):
        columns = _beside(first, others, used[rows])
        design = _standardised(columns[:, kept], centre[kept], spread[kept])
        gram += design.T @ design
    without = np.delete(np.delete(gram, 1, axis=0), 1, axis=1)
    return inverse_of_information(gram)[1] == inverse_of_information(without)[1]


def _beside(first: Floats, others: Floats, rows: Ints) -> Floats:
    """Put rows of one column beside those of others."""
    return np.column_stack([first[rows], others[rows]])


def _vary(centre: Floats, spread: Floats) -> Bools:
    """Tell which columns vary by more than rounding."""
    return np.asarray(spread > 1e-12 * np.maximum(1.0, np.abs(centre)))


def _standardised(x: Floats, centre: Floats, spread: Floats) -> Floats:
    """Centre and scale columns behind an intercept."""
    design = np.ones((len(x), x.shape[1] + 1))
    np.subtract(x, centre, out=design[:, 1:])
    design[:, 1:] /= spread
    return design


def blocks(n: int) -> Iterator[slice]:
    """Give the rows a block at a time."""
    for first in range(0, n, BLOCK):
        yield slice(first, min(first + BLOCK, n))


def weighed_products(design: Floats, weight: Floats) -> Floats:
    """Give the (p, p) cross products of a design, without writing a weighed one beside it."""
    total = np.zeros((design.shape[1], design.shape[1]))
    for rows in blocks(len(design)):
        total += design[rows].T @ (design[rows] * weight[rows, None])
    return total


def inverse_of_information(information: Floats) -> tuple[Floats, int]:
    """Invert a symmetric non-negative matrix; aliased directions get zero, as in R.

    Fitted values and everything computed from them do not depend on how aliasing is resolved.
    """
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    good = values > 1e-11 * values[-1]
    vectors = vectors[:, good] / scale[:, None]
    return (vectors / values[good]) @ vectors.T, int(good.sum())

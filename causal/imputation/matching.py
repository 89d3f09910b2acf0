"""Predictive mean matching: a Bayesian draw of a regression, and a donor near its prediction."""

from __future__ import annotations

import numpy as np

from causal.arrays import Bools, Floats, Ints

RIDGE = 1e-5
"""Added to the diagonal of standardised cross products, as the R package mice does."""
RESOLUTION = 9
"""Decimals of a residual standard deviation to which two predictions are taken as the same."""
SINGULAR = 1e-10
"""Share of the largest variance below which a direction of a block counts as without variance."""


def match_block(
    block: Floats, predictors: Floats, missing: Bools, donors: int, rng: np.random.Generator
) -> Ints:
    r"""Choose a donor for every row in which a block of columns is missing.

    The block is regressed on the predictors over the rows that have it. Donors are predicted by
    the estimate :math:`\hat\beta`, the rows without a value by a draw :math:`\beta^*` from its
    posterior (type-1 matching). A block of several columns, such as the indicators of a nominal
    variable or the terms of a spline, is matched on all at once, in the metric of its residuals,
    and is taken over whole, so that every value put in is one that was seen.

    Parameters
    ----------
    block : (n, k) floats; only the rows not ``missing`` are read.
    predictors : (n, p) floats without missing values.
    missing : (n,) booleans.
    donors : candidates to draw one from; all that tie with the last are candidates too.

    Returns
    -------
    (number missing,) ints, rows of ``block``.

    References
    ----------
    van Buuren (2018), Flexible Imputation of Missing Data, algorithm 3.3; Little (1988),
    doi:10.1080/07350015.1988.10509663 (several columns at once).
    """
    known = np.flatnonzero(~missing)
    design = _standardised(predictors, known)
    fitted, drawn, residual = regress(block[known], design[known], design[missing], rng)
    root = _whitening(residual, block[known])
    return known[_nearest(fitted @ root, drawn @ root, donors, rng)]


def regress(
    y: Floats, known: Floats, wanted: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    r"""Predict by the estimated and by a drawn regression.

    The residual covariance is drawn from its inverse Wishart distribution, and the coefficients
    given it as those of :math:`\hat y + e` with e of that covariance: their law is that of
    :math:`N(\hat\beta, \Sigma^* \otimes (X'X)^{-1})`, and does not hang on how X is coded.

    Parameters
    ----------
    y : (n, k) floats.
    known, wanted : (n, p) and (r, p) floats, rows with and without a value, intercept included.

    Returns
    -------
    (n, k) predictions by the estimate, (r, k) by the draw, and (k, k) residual cross products.

    References
    ----------
    van Buuren (2018), algorithm 3.1; its ridge of 1e-5 is on standardised predictors here.
    """
    products = known.T @ known
    solver = np.linalg.solve(products + RIDGE * np.diag(np.diag(products)), known.T)
    fitted = known @ (solver @ y)
    residual = (y - fitted).T @ (y - fitted)
    df = max(len(y) - known.shape[1], y.shape[1])
    noise = rng.standard_normal(y.shape) @ _drawn_root(residual, df, rng).T
    return fitted, wanted @ (solver @ (y + noise)), residual


def _drawn_root(residual: Floats, df: int, rng: np.random.Generator) -> Floats:
    """Draw C with C C' from the inverse Wishart distribution, by Bartlett's decomposition."""
    k = len(residual)
    triangle = np.tril(rng.standard_normal((k, k)), -1)
    triangle[np.diag_indices(k)] = np.sqrt(rng.chisquare(df - np.arange(k)))
    values, vectors = np.linalg.eigh(residual)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(np.linalg.solve(triangle, root.T).T)


def _standardised(predictors: Floats, known: Ints) -> Floats:
    """Give an intercept and the columns that vary among the rows with a value, standardised."""
    mean, spread = predictors[known].mean(axis=0), predictors[known].std(axis=0)
    varies = spread > SINGULAR * (1 + np.abs(mean))
    scaled = (predictors[:, varies] - mean[varies]) / spread[varies]
    return np.column_stack([np.ones(len(predictors)), scaled])


def _whitening(residual: Floats, y: Floats) -> Floats:
    """Give the (k, j) matrix that turns predictions into units of residual deviation."""
    values, vectors = np.linalg.eigh(residual / len(y))
    overall = float(y.var(axis=0).max())
    if values[-1] <= SINGULAR * max(overall, 1e-300):  # a perfect fit: any metric will do
        return np.eye(len(residual))
    good = values > SINGULAR * values[-1]
    return np.asarray(vectors[:, good] / np.sqrt(values[good]))


def _nearest(points: Floats, targets: Floats, donors: int, rng: np.random.Generator) -> Ints:
    """Draw one of the nearest points to each target; points that tie stand or fall together."""
    from scipy.spatial import cKDTree

    distinct, place, counts = np.unique(
        np.round(points, RESOLUTION), axis=0, return_inverse=True, return_counts=True
    )
    order = np.argsort(place.ravel(), kind="stable")
    start = np.cumsum(counts) - counts
    nearest = range(1, min(donors, len(distinct)) + 1)
    _, found = cKDTree(distinct).query(targets, k=list(nearest))
    reached = np.cumsum(counts[found], axis=1)
    enough = np.argmax(reached >= min(donors, len(points)), axis=1)
    pool = reached[np.arange(len(targets)), enough]
    pick = np.floor(rng.random(len(targets)) * pool).astype(np.int64)
    which = np.argmax(reached > pick[:, None], axis=1)
    chosen = found[np.arange(len(targets)), which]
    before = reached[np.arange(len(targets)), which] - counts[chosen]
    return np.asarray(order[start[chosen] + pick - before])

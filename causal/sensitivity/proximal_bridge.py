"""The linear outcome bridge: two-stage least squares with two proxies of what is not measured.

Letters as in Tchetgen Tchetgen et al. (2020): Z the exposure-inducing proxy, W the
outcome-inducing proxy, U what is not measured, X the covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.estimate import NotEstimable

NOTHING = 1e-10
"""A share of variance below this is rounding error of the projections."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows a bridge is fitted on.

    Attributes
    ----------
    y, a : (n,) floats, outcome and exposure, known.
    x : (n, p) floats, the covariates, proxies left out.
    z : (n, k) floats, exposure-inducing proxies.
    proxies : (n, m) floats, outcome-inducing proxies, m no more than k.
    w : (n,) floats, weights.
    cluster : (n,) ints or None.
    """

    y: Floats
    a: Floats
    x: Floats
    z: Floats
    proxies: Floats
    w: Floats
    cluster: Ints | None

    @property
    def groups(self) -> int | None:
        """Give the number of clusters, or None for independent rows."""
        return None if self.cluster is None else len(np.unique(self.cluster))


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Coefficients of exposure and then of proxies.

    Attributes
    ----------
    values : (1 + m,) floats.
    influence : (n, 1 + m) floats.
    covariance : (1 + m, 1 + m) floats, HC1, or CR1 where there are clusters.
    """

    values: Floats
    influence: Floats
    covariance: Floats

    @property
    def std_errors(self) -> Floats:
        """Give (1 + m,) standard errors."""
        return np.sqrt(np.diag(self.covariance))


def fit_bridge(rows: Rows) -> Coefficients | NotEstimable:
    r"""Fit :math:`h(W, A, X) = b_0 + b_A A + b_W W + b_X X` by two-stage least squares.

    It solves :math:`E[(Y - h(W, A, X)) (1, A, X, Z)] = 0`; with more Z than W these are combined
    by the first stage.

    References
    ----------
    Miao, Geng & Tchetgen Tchetgen (2018), doi:10.1093/biomet/asy038; Tchetgen Tchetgen, Ying,
    Cui, Shi & Miao (2020), doi:10.48550/arXiv.2009.10982, on two-stage least squares.
    """
    exogenous = _exogenous(rows)
    root = np.sqrt(rows.w)
    design = np.column_stack([root * rows.a, root[:, None] * rows.proxies])
    instruments = np.column_stack([root * rows.a, root[:, None] * rows.z])
    projected = _fitted(np.column_stack([exogenous, instruments]), design)
    design, projected = (
        design - _fitted(exogenous, design),
        projected - _fitted(exogenous, projected),
    )
    outcome = root * rows.y - _fitted(exogenous, root * rows.y)
    return _solve(rows, design, projected, outcome, exogenous.shape[1])


def fit_measured(rows: Rows) -> Coefficients | NotEstimable:
    """Fit least squares with all proxies as ordinary covariates, to stand beside the bridge."""
    root = np.sqrt(rows.w)
    exogenous = np.column_stack([_exogenous(rows), root[:, None] * rows.z])
    design = np.column_stack([root * rows.a, root[:, None] * rows.proxies])
    design = design - _fitted(exogenous, design)
    outcome = root * rows.y - _fitted(exogenous, root * rows.y)
    return _solve(rows, design, design, outcome, exogenous.shape[1])


def relevance(rows: Rows) -> Floats | NotEstimable:
    """Give (m,) partial F of Z for each W given exposure and covariates.

    Heteroscedasticity-robust, or clustered; with several W conditional on the others.

    References
    ----------
    Sanderson & Windmeijer (2016), doi:10.1016/j.jeconom.2015.06.004, equation 14; with one W it
    is the usual first-stage F, and with one Z as well the effective F of Montiel Olea & Pflueger
    (2013), doi:10.1080/00401706.2013.806694.
    """
    root = np.sqrt(rows.w)
    given = np.column_stack([_exogenous(rows), root * rows.a])
    proxies, z = root[:, None] * rows.proxies, root[:, None] * rows.z
    proxies, left = proxies - _fitted(given, proxies), z - _fitted(given, z)
    if (np.square(left).sum(axis=0) <= NOTHING * np.square(z).sum(axis=0)).any():
        return NotEstimable("exposure and covariates determine an exposure proxy")
    m, k = proxies.shape[1], left.shape[1]
    found = np.empty(m)
    for one in range(m):
        own, others = proxies[:, one], np.delete(proxies, one, axis=1)
        if m > 1:
            own = own - others @ np.linalg.lstsq(_fitted(left, others), own)[0]
        bread = np.linalg.pinv(left.T @ left / len(own))
        slope = bread @ (left.T @ own) / len(own)
        influence = (left * (own - left @ slope)[:, None]) @ bread
        factor = inference.small_sample_factor("HC1", len(own), given.shape[1] + k, rows.groups)
        covariance = factor * inference.covariance(influence, rows.cluster)
        found[one] = slope @ np.linalg.pinv(covariance) @ slope / (k - m + 1)
    return found


def _solve(
    rows: Rows, design: Floats, projected: Floats, outcome: Floats, partialled: int
) -> Coefficients | NotEstimable:
    """Solve the moment equations, all columns freed of intercept and covariates."""
    n, m = design.shape
    left = np.square(projected).sum(axis=0) / np.maximum(np.square(design).sum(axis=0), NOTHING)
    if n <= partialled + m or (left <= NOTHING).any():
        return NotEstimable("covariates and proxies leave nothing of exposure or of a proxy")
    cross = projected.T @ design / n
    if np.linalg.matrix_rank(cross) < m:
        return NotEstimable("the exposure proxies move the outcome proxies in too few directions")
    bread = np.linalg.inv(cross)
    values = bread @ (projected.T @ outcome) / n
    influence = (projected * (outcome - design @ values)[:, None]) @ bread.T
    factor = inference.small_sample_factor("HC1", n, partialled + m, rows.groups)
    return Coefficients(values, influence, factor * inference.covariance(influence, rows.cluster))


def _exogenous(rows: Rows) -> Floats:
    """Give intercept and covariates, weighted."""
    return np.column_stack([np.ones(len(rows.y)), rows.x]) * np.sqrt(rows.w)[:, None]


def _fitted(design: Floats, target: Floats) -> Floats:
    """Give the projection of a target on a design."""
    return np.asarray(design @ np.linalg.lstsq(design, target)[0])

"""Least squares with few clusters: bias-reduced variance, and wild bootstrap under the null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.estimate import Region
from causal.estimators.wild_draws import Multipliers, Statistics

RANK = 1e-10
"""Relative size below which a direction has nothing in it."""


@dataclass(frozen=True, slots=True, eq=False)
class BiasReduced:
    """Residuals adjusted cluster by cluster, and what the adjustment leaves in freedom.

    Attributes
    ----------
    residuals : (n,) floats, A_g e_g.
    df : Satterthwaite's degrees of freedom of one linear combination.
    """

    residuals: Floats
    df: float


def bias_reduced(
    x: Floats, residuals: Floats, w: Floats, cluster: Ints, combination: Floats
) -> BiasReduced:
    r"""Adjust residuals so that the sandwich is unbiased under independent, equal errors (CR2).

    .. math:: A_g = \Big[\big((I - H)(I - H)^\top\big)_{gg}\Big]^{+1/2}, \qquad
        H = X (X^\top W X)^{-1} X^\top W

    .. math:: \nu = \frac{(\sum_g p_g^\top p_g)^2}{\sum_{g, h} (p_g^\top p_h)^2}, \qquad
        p_g = (I - H)_g^\top A_g W_g X_g (X^\top W X)^{-1} c

    The block of each cluster is the identity but for the span of :math:`X_g` and :math:`W_g X_g`,
    so that its root costs as many columns as these have, however many rows there are.

    Parameters
    ----------
    x : (n, p) floats, the whole design; columns that depend on others may be there.
    residuals : (n,) floats, unweighted.
    w : (n,) floats, sampling weights; the working model gives errors of equal variance, whatever
        they weigh.
    cluster : (n,) ints.
    combination : (p,) floats, c: of the coefficients.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169; Imbens & Kolesár (2016),
    doi:10.1162/REST_a_00552; Pustejovsky & Tipton (2018), doi:10.1080/07350015.2016.1247004,
    equations 5, 8 and 11.
    """
    bread = np.asarray(np.linalg.pinv((x * w[:, None]).T @ x, hermitian=True), dtype=np.float64)
    middle: Floats = bread @ ((x * w[:, None] ** 2).T @ x) @ bread
    adjusted = np.empty(len(residuals))
    labels = np.unique(cluster)
    own, plain, weighted = np.empty(len(labels)), [], []
    for number, label in enumerate(labels):
        rows = np.flatnonzero(cluster == label)
        root = _inverse_root(x[rows], w[rows], bread, middle)
        adjusted[rows] = _apply(root, residuals[rows])
        u = _apply(root, w[rows] * (x[rows] @ (bread @ combination)))
        own[number] = u @ u
        plain.append(x[rows].T @ u)
        weighted.append(x[rows].T @ (w[rows] * u))
    a, b = np.array(plain), np.array(weighted)
    cross = b @ bread @ a.T
    products = np.diag(own) - cross - cross.T + a @ middle @ a.T
    return BiasReduced(adjusted, float(np.trace(products) ** 2 / np.sum(products**2)))


def _inverse_root(x: Floats, w: Floats, bread: Floats, middle: Floats) -> tuple[Floats, Floats]:
    """Give K and S with A = I + K S K' for one cluster."""
    basis, sizes, _ = np.linalg.svd(np.hstack([x, x * w[:, None]]), full_matrices=False)
    basis = basis[:, sizes > RANK * sizes[0]]
    inside = basis.T @ x
    inside_w = basis.T @ (x * w[:, None])
    block = inside @ bread @ inside_w.T
    whole = np.eye(basis.shape[1]) - block - block.T + inside @ middle @ inside.T
    values, vectors = np.linalg.eigh((whole + whole.T) / 2)
    good = values > RANK
    root = (vectors[:, good] / np.sqrt(values[good])) @ vectors[:, good].T
    return basis, root - np.eye(basis.shape[1])


def _apply(root: tuple[Floats, Floats], vector: Floats) -> Floats:
    """Multiply a vector of one cluster with A."""
    basis, inner = root
    return np.asarray(vector + basis @ (inner @ (basis.T @ vector)))


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    r"""Outcome and exposure with the covariates projected out, summed over clusters.

    Attributes
    ----------
    p, q : (G,) floats, of exposure with outcome, and with itself.
    outcome, exposure : (G, k) floats, of the covariates' basis with each after projection.
    """

    p: Floats
    q: Floats
    outcome: Floats
    exposure: Floats

    @property
    def coefficient(self) -> float:
        """Give the coefficient of exposure."""
        return float(self.p.sum() / self.q.sum())

    @property
    def std_error(self) -> float:
        """Give its standard error from clusters, without a small-sample factor (CR0)."""
        scores = self.p - self.coefficient * self.q
        return float(np.sqrt(scores @ scores) / self.q.sum())


def project_out(y: Floats, a: Floats, x: Floats, w: Floats, cluster: Ints) -> Projected:
    """Project covariates and intercept out of outcome and exposure, and sum over clusters.

    Parameters
    ----------
    y, a, w : (n,) floats.
    x : (n, p) floats, without intercept.
    cluster : (n,) ints.
    """
    root = np.sqrt(w)[:, None]
    design = np.column_stack([np.ones(len(y)), x]) * root
    basis, sizes, _ = np.linalg.svd(design, full_matrices=False)
    basis = basis[:, sizes > RANK * sizes[0]]
    y, a = root[:, 0] * y, root[:, 0] * a
    y, a = y - basis @ (basis.T @ y), a - basis @ (basis.T @ a)
    _, group = np.unique(cluster, return_inverse=True)

    def summed(values: Floats) -> Floats:
        out = np.zeros((int(group.max()) + 1, *values.shape[1:]))
        np.add.at(out, group, values)
        return out

    return Projected(summed(a * y), summed(a * a), summed(basis * y[:, None]),
                     summed(basis * a[:, None]))  # fmt: skip


def null_imposed(data: Projected, multipliers: Multipliers) -> Statistics:
    r"""Give the statistics of the wild cluster bootstrap with the tested value imposed.

    Residuals under :math:`\theta = \theta_0` are :math:`\tilde y - \theta_0 \tilde a`; multiplied
    by cluster and regressed again, they give a coefficient and a score of each cluster that are
    linear in :math:`\theta_0`, so that one pass serves every value to be tested.

    References
    ----------
    Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414; Roodman et al. (2019),
    doi:10.1177/1536867X19830877, section 5 (inversion, one pass).
    """
    omega, total = multipliers.values, float(data.q.sum())
    at_zero = (
        omega * data.p
        - (omega @ data.outcome) @ data.exposure.T
        - np.outer(omega @ data.p / total, data.q)
    )
    slope = -(
        omega * data.q
        - (omega @ data.exposure) @ data.exposure.T
        - np.outer(omega @ data.q / total, data.q)
    )
    value, step = data.coefficient, data.std_error
    here, moved = at_zero + value * slope, step * slope
    return Statistics(
        m0=omega @ data.p - value * (omega @ data.q),
        m1=-step * (omega @ data.q),
        a=(here**2).sum(axis=1),
        b=(here * moved).sum(axis=1),
        c=(moved**2).sum(axis=1),
    )


def wild_set(
    y: Floats, a: Floats, x: Floats, w: Floats, cluster: Ints, multipliers: Multipliers
) -> Region:
    """Give the values of the coefficient that the wild cluster bootstrap does not reject.

    Parameters
    ----------
    y, a, w : (n,) floats.
    x : (n, p) floats, without intercept.
    cluster : (n,) ints.
    """
    data = project_out(y, a, x, w, cluster)
    return null_imposed(data, multipliers).accepted(data.coefficient, data.std_error)

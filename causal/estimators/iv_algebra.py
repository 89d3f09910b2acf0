"""Instrumental variables as algebra: k-class and GMM coefficients from cross products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.errors import InstrumentError
from causal.estimators.glm import aliased
from causal.inference import cluster_sums

RELATIVE = 1e-10
"""Singular values of scaled columns below this share of the largest are rounding: aliased."""


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Outcome, exposure and instruments with covariates projected out, rows times root weight.

    Every sum over rows below is thereby a weighted sum, and by the theorem of Frisch, Waugh and
    Lovell every coefficient and residual is that of the regression with covariates in it.

    Attributes
    ----------
    y, a : (m,) floats, what covariates leave of outcome and exposure.
    z : (m, q) floats, an orthonormal basis of what covariates leave of the instruments.
    gram : (q + 2, q + 2) floats, cross products of ``[y, a, z]``.
    basis : (q, q) floats, upper triangular R with (residual instruments) = z R.
    n_covariates : estimable coefficients of the covariates, the intercept included.
    """

    y: Floats
    a: Floats
    z: Floats
    gram: Floats
    basis: Floats
    n_covariates: int

    @property
    def n(self) -> int:
        """Give the number of rows."""
        return len(self.y)

    @property
    def q(self) -> int:
        """Give the number of instruments."""
        return len(self.gram) - 2

    @property
    def free(self) -> int:
        """Give the rows left once covariates and instruments have taken their coefficients."""
        return self.n - self.n_covariates - self.q

    @property
    def whole(self) -> Floats:
        """Give the (2, 2) cross products of outcome and exposure."""
        return self.gram[:2, :2]

    @property
    def explained(self) -> Floats:
        """Give the (2, 2) cross products of what the instruments explain of them."""
        return np.asarray(self.gram[:2, 2:] @ self.gram[2:, :2])


@dataclass(frozen=True, slots=True, eq=False)
class Structural:
    """The coefficient of exposure in the structural equation.

    Attributes
    ----------
    influence : (m,) floats of mean 0, scaled so that the error of the coefficient is their mean.
    residual : (m,) floats, structural residual times root weight.
    classical_variance : under equal error variance, with ``df`` degrees of freedom.
    k : of the k-class; 1 is two-stage least squares, and stands for GMM too.
    overidentification : Hansen's J for GMM, Sargan's n R2 else; 0 with one instrument.
    """

    coefficient: float
    influence: Floats
    residual: Floats
    classical_variance: float
    df: float
    k: float
    overidentification: float


def project(
    y: Floats, a: Floats, z: Floats, x: Floats, w: Floats, names: tuple[str, ...]
) -> Projected:
    """Project covariates and a constant out of outcome, exposure and instruments.

    Parameters
    ----------
    y, a : (m,) floats.
    z : (m, q) floats, instruments.
    x : (m, p) floats, covariates without intercept; aliased columns do no harm.
    w : (m,) floats, positive weights.
    names : q names of the instruments, for errors.

    Raises
    ------
    InstrumentError
        There is no instrument, one is constant or a combination of covariates and other
        instruments, or nothing is left to estimate errors from.
    """
    root = np.sqrt(w)[:, None]
    spread = x.std(axis=0)
    varies = spread > np.finfo(float).eps * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    scaled = (x[:, varies] - x[:, varies].mean(axis=0)) / spread[varies]
    design = root * np.column_stack([np.ones(len(y)), scaled])
    left, sizes, _ = np.linalg.svd(design, full_matrices=False)
    space = left[:, sizes > RELATIVE * sizes[0]]
    if len(y) - space.shape[1] - z.shape[1] < 1:
        raise InstrumentError(
            f"{space.shape[1] + z.shape[1]} coefficients of covariates and instruments on {len(y)} "
            "rows with an outcome leave nothing to estimate their error from. Adjust for less, or "
            "widen the population."
        )
    refuse_empty_instruments(z, x, w, names)
    columns = root * np.column_stack([y, a, z])
    residual = columns - space @ (space.T @ columns)
    residual -= space @ (space.T @ residual)  # again: removes what rounding left in the space
    basis, upper = np.linalg.qr(residual[:, 2:])
    kept = np.column_stack([residual[:, :2], basis])
    return Projected(
        y=kept[:, 0],
        a=kept[:, 1],
        z=basis,
        gram=kept.T @ kept,
        basis=upper,
        n_covariates=space.shape[1],
    )


def refuse_empty_instruments(z: Floats, x: Floats, w: Floats, names: tuple[str, ...]) -> None:
    """Refuse instruments that do not vary, or not beyond covariates and one another.

    Raises
    ------
    InstrumentError
        Naming the instrument, and what to do.
    """
    if z.shape[1] == 0:
        raise InstrumentError("there is no instrument, and one exposure needs at least one.")
    for j, name in enumerate(names):
        column = z[:, j]
        if column.std() <= np.finfo(float).eps * max(1.0, float(np.abs(column).max())):
            raise InstrumentError(
                f"the instrument '{name}' is {column[0]:g} in all {len(column)} rows, so it moves "
                "nothing. Choose another instrument or population."
            )
        if aliased(column, x, w):
            raise InstrumentError(
                f"the covariates determine the instrument '{name}' exactly (a linear combination "
                "of them equals it), so nothing of it is left. Take its own concept out of adjust."
            )
        if j and aliased(column, np.column_stack([x, z[:, :j]]), w):
            raise InstrumentError(
                f"the instrument '{name}' is a linear combination of covariates and the "
                f"instruments {', '.join(names[:j])}. Leave it out."
            )


def liml_k(data: Projected) -> float:
    r"""Give the k of limited-information maximum likelihood.

    The smallest root of :math:`|Y^\top Y - k\, Y^\top M_Z Y|`, Y outcome and exposure.

    References
    ----------
    Anderson & Rubin (1949), doi:10.1214/aoms/1177730090.
    """
    inside = data.whole - data.explained
    root = np.linalg.cholesky(inside)
    turned = np.linalg.solve(root, np.linalg.solve(root, data.whole).T)
    return float(np.linalg.eigvalsh((turned + turned.T) / 2)[0])


def fuller_k(data: Projected, constant: float) -> float:
    """Give Fuller's k, which gives LIML moments: LIML's less constant / (n - q - p).

    References
    ----------
    Fuller (1977), doi:10.2307/1912683.
    """
    return liml_k(data) - constant / data.free


def k_class(data: Projected, k: float) -> Structural:
    r"""Estimate the structural coefficient by a k-class estimator.

    .. math:: \hat\beta = \frac{a^\top (I - k M_Z) y}{a^\top (I - k M_Z) a}

    Influence values are those of the estimating equation with k as given and the instruments in
    agreement, so squared and summed they are the usual sandwich variance.

    References
    ----------
    Theil (1958), Economic Forecasts and Policy, section 6.5; Bekker (1994),
    doi:10.2307/2951662, equation 4.
    """
    weighted = (1 - k) * data.whole + k * data.explained
    denominator = float(weighted[1, 1])
    beta = float(weighted[0, 1]) / denominator
    residual = data.y - beta * data.a
    moved = data.z @ data.gram[2:, 1]
    instrumented = (1 - k) * data.a + k * moved
    df = float(data.n - data.n_covariates - 1)
    fitted = data.gram[2:, 0] - beta * data.gram[2:, 1]
    total = float(residual @ residual)
    return Structural(
        coefficient=beta,
        influence=data.n * instrumented * residual / denominator,
        residual=residual,
        classical_variance=total / df / denominator,
        df=df,
        k=k,
        overidentification=data.n * float(fitted @ fitted) / total if data.q > 1 else 0.0,
    )


def two_step(data: Projected, cluster: Ints | None) -> Structural:
    """Estimate by efficient two-step GMM, weighing moments by their (clustered) covariance.

    Parameters
    ----------
    cluster : (m,) ints or None for independent rows.

    Raises
    ------
    InstrumentError
        There are fewer clusters than instruments, so their moments have no full covariance.

    References
    ----------
    Hansen (1982), doi:10.2307/1912775.
    """
    first = k_class(data, 1.0)
    moments = data.z * first.residual[:, None]
    summed = moments if cluster is None else cluster_sums(moments, cluster)
    if len(summed) <= data.q:
        raise InstrumentError(
            f"{len(summed)} clusters give no covariance of {data.q} moments. Use fewer instruments."
        )
    weight = np.linalg.inv(summed.T @ summed)
    to_y, to_a = data.gram[2:, 0], data.gram[2:, 1]
    denominator = float(to_a @ weight @ to_a)
    beta = float(to_a @ weight @ to_y) / denominator
    residual = data.y - beta * data.a
    left = to_y - beta * to_a
    df = float(data.n - data.n_covariates - 1)
    return Structural(
        coefficient=beta,
        influence=data.n * (data.z @ (weight @ to_a)) * residual / denominator,
        residual=residual,
        classical_variance=float(residual @ residual) / df / float(data.explained[1, 1]),
        df=df,
        k=1.0,
        overidentification=float(left @ weight @ left) if data.q > 1 else 0.0,
    )

"""Instrumental variables as algebra: k-class and GMM coefficients from cross products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.errors import InstrumentError
from causal.estimators.cross_products import (
    Design,
    cross_products,
    plain_design,
    residuals,
    shifts,
    well_posed,
)
from causal.estimators.glm import aliased
from causal.inference import independent_parts
from causal.strata import Strata

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
    covariates : the covariates and a constant.
    """

    y: Floats
    a: Floats
    z: Floats
    gram: Floats
    basis: Floats
    covariates: Design

    @property
    def n(self) -> int:
        """Give the number of rows."""
        return len(self.y)

    @property
    def n_covariates(self) -> int:
        """Give the estimable coefficients of the covariates, the intercept included."""
        return self.covariates.rank

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
    design, left = _left_by_covariates(y, a, z, x, w, names)
    if len(y) - design.rank - z.shape[1] < 1:
        raise InstrumentError(
            f"{design.rank + z.shape[1]} coefficients of covariates and instruments on {len(y)} "
            "rows with an outcome leave nothing to estimate their error from. Adjust for less, or "
            "widen the population."
        )
    basis, upper = np.linalg.qr(left[:, 2:])
    left[:, 2:] = basis
    return Projected(
        y=left[:, 0],
        a=left[:, 1],
        z=left[:, 2:],
        gram=left.T @ left,
        basis=upper,
        covariates=design,
    )


def _left_by_covariates(
    y: Floats, a: Floats, z: Floats, x: Floats, w: Floats, names: tuple[str, ...]
) -> tuple[Design, Floats]:
    """Give the covariates' design and what it leaves of ``[y, a, z]``, (m, q + 2) floats.

    From cross products where no covariate or instrument is nearly a combination of the others;
    otherwise by singular values, after a look at the instruments one by one.
    """
    root, size = np.sqrt(w), x.shape[1] + 1
    responses = np.empty((len(y), 2 + z.shape[1]), order="F")
    responses[:, 0], responses[:, 1], responses[:, 2:] = y, a, z
    if z.shape[1] and len(y) > size + z.shape[1]:
        shift = np.concatenate([shifts(x), shifts(responses)])
        products = cross_products(x, responses, shift, root)
        own = np.r_[:size, size + 2 : len(products)]
        if well_posed(products[np.ix_(own, own)], shift[own[1:] - 1]):
            design = plain_design(x, shift[: size - 1], root, products[:size, :size])
            return design, residuals(design, responses, products)
    design, space = _by_singular_values(x, root)
    if len(y) > design.rank + z.shape[1]:
        refuse_empty_instruments(z, x, w, names)
    columns = root[:, None] * responses
    left = columns - space @ (space.T @ columns)
    left -= space @ (space.T @ left)  # again: removes what rounding left in the space
    return design, np.asfortranarray(left)


def _by_singular_values(x: Floats, root: Floats) -> tuple[Design, Floats]:
    """Give the design of any covariates, aliased ones too, and its orthonormal columns."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > np.finfo(float).eps * np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
    unit = np.where(varies, spread, np.inf)
    design = root[:, None] * np.column_stack([np.ones(len(root)), (x - mean) / unit])
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    kept = sizes > RELATIVE * sizes[0]
    turn = right[kept].T / sizes[kept] / np.concatenate([[1.0], unit])[:, None]
    return Design(x, root, mean, turn), left[:, kept]


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


def two_step(data: Projected, cluster: Ints | None, strata: Strata | None = None) -> Structural:
    """Estimate by efficient two-step GMM, weighing moments by their covariance.

    Parameters
    ----------
    cluster : (m,) ints or None for independent rows.
    strata : of the rows, within which moments are centred; None without a survey.

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
    summed = independent_parts(moments, cluster, strata)
    if strata is None and len(summed) <= data.q:
        raise InstrumentError(
            f"{len(summed)} clusters give no covariance of {data.q} moments. Use fewer instruments."
        )
    if strata is not None and strata.free(cluster) < data.q:
        raise InstrumentError(
            f"sampling units less strata are {strata.free(cluster)}, which gives no covariance of "
            f"{data.q} moments. Use fewer instruments."
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

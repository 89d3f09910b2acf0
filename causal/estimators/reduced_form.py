"""Reduced form: how instruments move outcome and exposure, with the joint error of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Floats, Ints
from causal.errors import InstrumentError
from causal.estimators.iv_algebra import Projected
from causal.estimators.variance import design_factor
from causal.inference import Correction, covariance, small_sample_factor
from causal.strata import Strata

TOGETHER = 1024
"""Clusters whose matrices are decomposed at once."""
ALONE = 1e-9
"""A direction of which less than this lies outside a cluster is that cluster's alone."""


@dataclass(frozen=True, slots=True, eq=False)
class ReducedForm:
    """Coefficients of outcome and of exposure on the (orthonormal) instruments.

    All inference that weak instruments do not spoil needs these and their covariance only.

    Attributes
    ----------
    outcome, exposure : (q,) floats.
    covariance : (2 q, 2 q) floats, joint, the outcome's coefficients first.
    df : degrees of freedom of its scale; infinite where none is estimated.
    error : (2, 2) floats, classical covariance of the two regressions' errors.
    free : rows less coefficients of covariates and instruments.
    groups : clusters whose sums the covariance is estimated from; None without clusters. Of a
        survey, sampling units less strata and one more: as many clusters of one stratum would
        leave as much free.

    References
    ----------
    Andrews, Stock & Sun (2019), doi:10.1146/annurev-economics-080218-025643, section 2.
    """

    outcome: Floats
    exposure: Floats
    covariance: Floats
    df: float
    error: Floats
    free: int
    groups: int | None = None

    @property
    def q(self) -> int:
        """Give the number of instruments."""
        return len(self.outcome)

    @property
    def joint(self) -> bool:
        """Tell whether clusters are enough for both regressions' covariance to have full rank."""
        return self.groups is None or self.groups > 2 * self.q

    def moved(self, centre: float, scale: float) -> ReducedForm:
        """Give the reduced form of (outcome - centre * exposure) / scale.

        A coefficient b of it is centre + scale * b of the original.
        """
        q = self.q
        eye = np.eye(q)
        turn = np.block([[eye / scale, -centre / scale * eye], [np.zeros((q, q)), eye]])
        small = np.array([[1 / scale, -centre / scale], [0.0, 1.0]])
        return replace(
            self,
            outcome=(self.outcome - centre * self.exposure) / scale,
            covariance=np.asarray(turn @ self.covariance @ turn.T),
            error=small @ self.error @ small.T,
        )


@dataclass(frozen=True, slots=True, eq=False)
class ReducedForms:
    """The reduced form with both covariances there are.

    Attributes
    ----------
    plain : by the declared variance, for the strength of the instruments.
    weak : for tests that heed no strength: jackknifed where rows are clustered.
    """

    plain: ReducedForm
    weak: ReducedForm


def reduced_form(
    data: Projected,
    kind: Correction | None,
    cluster: Ints | None = None,
    strata: Strata | None = None,
) -> ReducedForm:
    """Regress outcome and exposure on the instruments.

    Parameters
    ----------
    kind : convention of the covariance, as in ``inference.small_sample_factor``; None for equal
        error variance, with its degrees of freedom.
    cluster : (m,) ints or None; not used with equal error variance.
    strata : of the rows; None without a survey. Degrees of freedom are then the survey's.

    Raises
    ------
    InstrumentError
        There are no more clusters than instruments.
    """
    outcome, exposure = data.gram[2:, 0], data.gram[2:, 1]
    errors = np.column_stack([data.y - data.z @ outcome, data.a - data.z @ exposure])
    error = np.asarray(errors.T @ errors / data.free)
    if kind is None:
        joint = np.asarray(np.kron(error, np.eye(data.q)), dtype=np.float64)
        return ReducedForm(outcome, exposure, joint, float(data.free), error, data.free)
    influence = data.n * np.hstack([data.z * errors[:, :1], data.z * errors[:, 1:]])
    groups = None if cluster is None else len(np.unique(cluster))
    if strata is not None:
        groups = strata.free(cluster) + 1
    if groups is not None and groups <= data.q:
        raise InstrumentError(
            f"{groups} clusters give no covariance of {data.q} moments. Use fewer instruments."
            if strata is None
            else f"sampling units less strata are {groups - 1}, which gives no covariance of "
            f"{data.q} moments. Use fewer instruments."
        )
    if strata is not None:
        factor = design_factor(kind, data.n, data.n_covariates + data.q)
        joint = factor * covariance(influence, cluster, strata)
        df = float(groups - 1) if groups is not None else math.inf
        return ReducedForm(outcome, exposure, joint, df, error, data.free, groups)
    factor = small_sample_factor(kind, data.n, data.n_covariates + data.q, groups)
    joint = factor * covariance(influence, cluster)
    return ReducedForm(outcome, exposure, joint, math.inf, error, data.free, groups)


def jackknifed(data: Projected, cluster: Ints) -> ReducedForm:
    r"""Regress outcome and exposure on the instruments, errors by leaving clusters out one by one.

    .. math:: \hat V = \frac{G - 1}{G} \sum_g (\hat\pi_{(g)} - \hat\pi)
        (\hat\pi_{(g)} - \hat\pi)^\top

    with :math:`\hat\pi_{(g)}` the coefficients without cluster g, covariates refitted (CR3). With
    few clusters residuals are too small where leverage is high, and sums of them over clusters
    with them; this heeds it, as the factor of CR1 does not.

    Parameters
    ----------
    cluster : (m,) ints.

    Raises
    ------
    InstrumentError
        There are no more clusters than instruments, or all that covariates leave of an instrument
        lies in one cluster.

    References
    ----------
    MacKinnon, Nielsen & Webb (2023), doi:10.1002/jae.2969, equations 10 to 12; Bell & McCaffrey
    (2002), Survey Methodology 28:169.
    """
    form = reduced_form(data, "HC0", cluster)
    residual = np.column_stack(
        [data.y - data.z @ form.outcome, data.a - data.z @ form.exposure],
    )
    labels, group = np.unique(cluster, return_inverse=True)
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group))
    changes = np.empty((len(labels), 2 * data.q))
    for first in range(0, len(labels), TOGETHER):
        some = range(first, min(first + TOGETHER, len(labels)))
        rows = [order[ends[g - 1] if g else 0 : ends[g]] for g in some]
        changes[some.start : some.stop] = _changes(data, residual, rows)
    joint = np.asarray((len(labels) - 1) / len(labels) * changes.T @ changes)
    return replace(form, covariance=joint)


def _changes(data: Projected, residual: Floats, left_out: list[Ints]) -> Floats:
    """Give (g, 2 q) changes of both regressions' coefficients as each set of rows is left out."""
    k, q = data.covariates.rank + data.q, data.q
    gram, score = np.empty((len(left_out), k, k)), np.empty((len(left_out), k, 2))
    for number, rows in enumerate(left_out):
        design = np.hstack([data.covariates.rows(rows), data.z[rows]])
        gram[number], score[number] = design.T @ design, design.T @ residual[rows]
    share, direction = np.linalg.eigh(gram)  # of each direction's information, in these rows
    alone = share > 1 - ALONE
    if (alone & (np.abs(direction[:, k - q :]).max(axis=1) > math.sqrt(ALONE))).any():
        raise InstrumentError(
            "all that covariates leave of an instrument lies in one cluster, so nothing tells how "
            "it varies between clusters. Adjust for less, or set variance.clustered to false."
        )
    weight = np.where(alone, 0.0, 1 / np.where(alone, 1.0, 1 - share))
    turned = weight[:, :, None] * (np.swapaxes(direction, 1, 2) @ score)
    change = (direction @ turned)[:, k - q :]
    return np.asarray(np.swapaxes(change, 1, 2).reshape(len(left_out), 2 * q))

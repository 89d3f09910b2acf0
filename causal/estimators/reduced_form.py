"""Reduced form: how instruments move outcome and exposure, with the joint error of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Floats, Ints
from causal.errors import InstrumentError
from causal.estimators.iv_algebra import Projected
from causal.inference import Correction, covariance, small_sample_factor


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
    groups : clusters whose sums the covariance is estimated from; None without clusters.

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


def reduced_form(
    data: Projected, kind: Correction | None, cluster: Ints | None = None
) -> ReducedForm:
    """Regress outcome and exposure on the instruments.

    Parameters
    ----------
    kind : convention of the covariance, as in ``inference.small_sample_factor``; None for equal
        error variance, with its degrees of freedom.
    cluster : (m,) ints or None; not used with equal error variance.

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
    if groups is not None and groups <= data.q:
        raise InstrumentError(
            f"{groups} clusters give no covariance of {data.q} moments. Use fewer instruments."
        )
    factor = small_sample_factor(kind, data.n, data.n_covariates + data.q, groups)
    joint = factor * covariance(influence, cluster)
    return ReducedForm(outcome, exposure, joint, math.inf, error, data.free, groups)

"""What every instrument of a rung does itself: to the exposure, and to the outcome, all jointly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Floats, read_only
from causal.estimators.iv_algebra import Projected
from causal.estimators.reduced_form import ReducedForm


@dataclass(frozen=True, slots=True, eq=False)
class BothStages:
    """First stage and intention to treat, in units of the instruments.

    Attributes
    ----------
    names : q names of the instruments.
    values : (2 q,) floats, coefficients for the outcome (intention to treat), then for exposure.
    covariance : (2 q, 2 q) floats of them, by the rung's declared convention.
    df : degrees of freedom of intervals; infinite for the normal.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    df: float

    @property
    def q(self) -> int:
        """Give the number of instruments."""
        return len(self.names)

    def joint_f(self, *, outcome: bool) -> float:
        """Give the Wald statistic over q of all instruments together, for one of the two."""
        part = slice(0, self.q) if outcome else slice(self.q, 2 * self.q)
        one = self.values[part]
        return float(one @ np.linalg.solve(self.covariance[part, part], one)) / self.q

    def joint_p(self, *, outcome: bool) -> float:
        """Give its p-value, by F with q and ``df`` degrees of freedom, or by chi-squared."""
        from scipy import special

        f = self.joint_f(outcome=outcome)
        if math.isfinite(self.df):
            return float(special.fdtrc(self.q, self.df, f))
        return float(special.chdtrc(self.q, self.q * f))


def both_stages(data: Projected, form: ReducedForm, names: tuple[str, ...]) -> BothStages:
    r"""Turn a reduced form in an orthonormal basis into coefficients of the instruments.

    With residual instruments Z R (Z orthonormal) and coefficients :math:`\hat\pi` on Z, those on
    the instruments are :math:`R^{-1} \hat\pi`, covariance :math:`R^{-1} \hat V R^{-\top}`.

    Parameters
    ----------
    data : the rung's arrays, without the covariates.
    form : its reduced form.
    names : of the instruments.
    """
    back = np.linalg.inv(data.basis)
    turn = np.kron(np.eye(2), back)
    values = turn @ np.concatenate([form.outcome, form.exposure])
    return BothStages(names, read_only(values), read_only(turn @ form.covariance @ turn.T), form.df)


def pool_stages(every: Sequence[BothStages]) -> BothStages:
    """Pool over imputations, by Rubin's rules."""
    first = every[0]
    found = inference.rubin(
        np.array([one.values for one in every]),
        np.array([one.covariance for one in every]),
        first.df,
    )
    return BothStages(first.names, read_only(found.values), read_only(found.total), found.df)

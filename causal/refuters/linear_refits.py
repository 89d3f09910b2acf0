"""Least squares on many changed samples at once, by residuals formed once: exact refits.

Frisch, Waugh and Lovell: the coefficient of exposure is that of its residual on the covariates.
The covariates stay, so all draws share one orthonormal basis and become matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.refuters.batches import (
    Fitted,
    block_width,
    enough_in_each_arm,
    fill_up,
    gather_columns,
    orthonormal,
    outer_products,
    pieces,
    unpack,
)
from causal.refuters.changes import AddedCovariate, Change, NewExposure, NewOutcome

ALIASED = 1e-6
"""Share of a column left beside the others below which a draw is fitted on its own, which finds
out whether the column is a linear combination of them."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearRefits:
    """The coefficient of exposure in draws of one sample; a ``Batch``.

    All arrays are weighted: times ``root``, which is 0 for rows without outcome.

    Attributes
    ----------
    sample : the rows.
    root : (n,) floats, root of the weights.
    basis : (r, n) floats, orthonormal covariates.
    exposure, outcome : (n,) floats, residuals on the covariates in the unchanged sample.
    centre : subtracted from exposures, so that no digits are lost.
    adjusts : False for the crude difference, which ignores a covariate that is added.
    """

    sample: Sample
    root: Floats
    basis: Floats
    exposure: Floats
    outcome: Floats
    centre: float
    adjusts: bool

    def fit(
        self,
        changes: Sequence[Change],
        rngs: Sequence[np.random.Generator],
        *,
        with_influence: bool,
    ) -> Fitted:
        """Fit a block of draws."""
        columns = gather_columns(fill_up(changes, block_width(self.sample.n)), self.sample)
        there = len(changes)
        enough = enough_in_each_arm(columns, self.sample)
        counted = np.broadcast_to(enough, (block_width(self.sample.n),)).copy()
        counted[there:] = False
        influence = None
        if isinstance(changes[0], NewExposure):
            values, usable, influence = self._other_exposures(columns.a, counted, with_influence)
        elif isinstance(changes[0], NewOutcome):
            values, usable, influence = self._other_outcomes(columns.y, counted, with_influence)
        elif isinstance(changes[0], AddedCovariate) and columns.added is not None:
            values, usable = self._wider(columns.added)
        else:
            values, usable = self._resampled(columns.times)
        known = np.broadcast_to(usable & enough, values.shape)
        return Fitted(values[:there], known[:there], influence)

    def _other_exposures(
        self, a: Floats, counted: Bools, with_influence: bool
    ) -> tuple[Floats, Bools, Floats | None]:
        """Fit with other exposures; influence n ã (ỹ - b ã) / ã'ã, added over draws."""
        on, square, crossed = (
            np.zeros((len(a), len(self.basis))),
            np.zeros(len(a)),
            np.zeros(len(a)),
        )
        for rows in pieces(self.sample.n):
            some = (a[:, rows] - self.centre) * self.root[rows]
            on += some @ self.basis[:, rows].T
            square += np.einsum("bm,bm->b", some, some)
            crossed += some @ self.outcome[rows]
        left = square - (on**2).sum(axis=1)
        usable = left > ALIASED * square
        values = crossed / np.where(usable, left, 1.0)
        if not with_influence:
            return values, usable, None
        share = np.where(usable & counted, self.sample.n / np.where(usable, left, 1.0), 0.0)
        influence = np.empty(self.sample.n)
        for rows in pieces(self.sample.n):
            some = (a[:, rows] - self.centre) * self.root[rows] - on @ self.basis[:, rows]
            influence[rows] = self.outcome[rows] * (share @ some) - (share * values) @ some**2
        return values, usable, influence

    def _other_outcomes(
        self, y: Floats, counted: Bools, with_influence: bool
    ) -> tuple[Floats, Bools, Floats | None]:
        """Fit with other outcomes; their influence is linear in the outcome."""
        y = y - y.mean(axis=1, keepdims=True)
        left = float(self.exposure @ self.exposure)
        values = y @ (self.root * self.exposure) / left
        usable = np.ones(len(y), dtype=bool)
        if not with_influence:
            return values, usable, None
        total = counted @ y * self.root
        residual = total - (self.basis @ total) @ self.basis - (counted @ values) * self.exposure
        return values, usable, self.sample.n / left * self.exposure * residual

    def _wider(self, added: Floats) -> tuple[Floats, Bools]:
        """Fit with one more covariate, itself cleared of the others."""
        fixed = np.vstack([self.basis, self.exposure, self.outcome])
        on, square = np.zeros((len(added), len(fixed))), np.zeros(len(added))
        for rows in pieces(self.sample.n):
            some = added[:, rows] * self.root[rows]
            on += some @ fixed[:, rows].T
            square += np.einsum("bm,bm->b", some, some)
        left = square - (on[:, :-2] ** 2).sum(axis=1)
        usable = left > ALIASED * square
        left = np.where(usable, left, 1.0)
        with_exposure, with_outcome = self.adjusts * on[:, -2:].T
        size = self.exposure @ self.exposure - with_exposure**2 / left
        usable = usable & (size > ALIASED * (self.exposure @ self.exposure))
        crossed = self.exposure @ self.outcome - with_exposure * with_outcome / left
        return crossed / np.where(usable, size, 1.0), usable

    def _resampled(self, times: Floats) -> tuple[Floats, Bools]:
        """Fit on rows left out or repeated, from weighted cross-products alone."""
        fixed = np.vstack([self.basis, self.exposure, self.outcome])
        p = len(fixed)
        packed = np.zeros((len(times), p * (p + 1) // 2))
        for rows in pieces(self.sample.n):
            packed += times[:, rows] @ outer_products(fixed[:, rows]).T
        products = unpack(packed, p)
        covariates = products[:, :-2, :-2]
        spread = np.linalg.eigvalsh(covariates)
        usable = spread[:, 0] > ALIASED * spread[:, -1]
        covariates = np.where(usable[:, None, None], covariates, np.eye(p - 2))
        taken = np.linalg.solve(covariates, products[:, :-2, -2:])
        left = products[:, -2:, -2:] - products[:, -2:, :-2] @ taken
        usable = usable & (left[:, 0, 0] > ALIASED * products[:, -2, -2])
        known = times @ (self.root > 0)
        usable = usable & (known > p)  # fewer rows than coefficients leave no error to estimate
        return left[:, 0, 1] / np.where(usable, left[:, 0, 0], 1.0), usable


def prepare_linear(sample: Sample, x: Floats | None) -> LinearRefits | None:
    """Prepare refits of the coefficient of exposure beside covariates.

    Parameters
    ----------
    x : (n, q) floats, the covariates; None gives the crude difference.

    Returns
    -------
    None where the covariates determine exposure, which a fit on its own refuses with its reason.
    """
    w = sample.w * sample.observed
    root = np.sqrt(w)
    basis = orthonormal(sample.x[:, :0] if x is None else x, w) * root
    centre = float(np.average(sample.a, weights=w))
    known = np.where(sample.observed, sample.y, 0.0)
    exposure = (sample.a - centre) * root
    outcome = (known - float(np.average(known, weights=w))) * root
    size = float(exposure @ exposure)
    exposure = exposure - (basis @ exposure) @ basis
    outcome = outcome - (basis @ outcome) @ basis
    if float(exposure @ exposure) <= ALIASED * size:
        return None
    return LinearRefits(sample, root, basis, exposure, outcome, centre, adjusts=x is not None)

"""Least squares on many changed samples at once, by residuals formed once: exact refits.

Frisch, Waugh and Lovell: the coefficient of exposure is that of its residual on the covariates.
The covariates stay, so all draws share one orthonormal basis and become matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints
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
from causal.refuters.changes import AddedCovariate, Change, NewExposure, NewOutcome, Resample

ALIASED = 1e-6
"""Share of a column left beside the others below which a draw is fitted on its own, which finds
out whether the column is a linear combination of them."""

FEW_LEFT_OUT = 0.35
"""Up to this share of rows left out, their products cost less than those of the rows kept."""


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
        full = fill_up(changes, block_width(self.sample.n))
        there = len(changes)
        if isinstance(changes[0], Resample):
            times = np.array([one.counts for one in full if isinstance(one, Resample)])
            values, known = self._resampled(times)
            return Fitted(values[:there], known[:there], None)
        columns = gather_columns(full, self.sample)
        enough = enough_in_each_arm(columns, self.sample)
        counted = np.broadcast_to(enough, (block_width(self.sample.n),)).copy()
        counted[there:] = False
        influence = None
        if isinstance(changes[0], NewExposure):
            values, usable, influence = self._other_exposures(columns.a, counted, with_influence)
        elif isinstance(changes[0], NewOutcome):
            values, usable, influence = self._other_outcomes(columns.y, counted, with_influence)
        else:
            added = [one.column for one in full if isinstance(one, AddedCovariate)]
            values, usable = self._wider(np.array(added))
        known = np.broadcast_to(usable & enough, values.shape)
        return Fitted(values[:there], known[:there], influence)

    def _other_exposures(
        self, a: Floats, counted: Bools, with_influence: bool
    ) -> tuple[Floats, Bools, Floats | None]:
        r"""Fit with other exposures; influence n ã (ỹ - b ã) / ã'ã, added over draws.

        With :math:`\tilde a_b = \alpha_b - (\alpha_b \cdot Q) Q`, sums over draws of ã and of ã²
        need products of the exposures with the basis only, never ã itself.
        """
        squares, two = self.root**2, self.sample.exposure_kind == "binary"
        shifted = a if two else a - self.centre
        shift = self.centre if two else 0.0  # of 0/1 no copy is made: sums are shifted instead
        fixed = np.vstack([self.basis * self.root, self.outcome * self.root, squares])
        sums = shifted @ fixed.T
        centred = sums - shift * fixed.sum(axis=1)
        on, crossed = centred[:, :-2], centred[:, -2]
        if two:  # (a - c)² is linear in a
            square = (1 - 2 * shift) * sums[:, -1] + shift**2 * squares.sum()
        else:
            square = np.einsum("bn,bn,n->b", shifted, shifted, squares)
        left = square - (on**2).sum(axis=1)
        usable = left > ALIASED * square
        values = crossed / np.where(usable, left, 1.0)
        if not with_influence:
            return values, usable, None
        share = np.where(usable & counted, self.sample.n / np.where(usable, left, 1.0), 0.0)
        weight = share * values
        towards = weight[:, None] * on
        factors = np.column_stack([share, weight, towards])
        mixed = factors.T @ shifted - shift * factors.sum(axis=0)[:, None]
        added = mixed[0] * self.root - (share @ on) @ self.basis
        if two:
            squared = (1 - 2 * shift) * mixed[1] + shift * (1 - shift) * weight.sum()
        else:
            squared = np.einsum("b,bn,bn->n", weight, shifted, shifted)
        inner = (on.T @ towards) @ self.basis - 2 * self.root * mixed[2:]
        squared = squared * squares + np.einsum("rn,rn->n", self.basis, inner)
        return values, usable, self.outcome * added - squared

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

    def _resampled(self, times: Ints) -> tuple[Floats, Bools]:
        """Fit on rows left out or repeated, from weighted cross-products alone."""
        fixed = np.vstack([self.basis, self.exposure, self.outcome])
        products = _products(fixed, times)
        covariates = products[:, :-2, :-2]
        p = len(fixed)
        spread = np.linalg.eigvalsh(covariates)
        usable = spread[:, 0] > ALIASED * spread[:, -1]
        covariates = np.where(usable[:, None, None], covariates, np.eye(p - 2))
        taken = np.linalg.solve(covariates, products[:, :-2, -2:])
        left = products[:, -2:, -2:] - products[:, -2:, :-2] @ taken
        usable = usable & (left[:, 0, 0] > ALIASED * products[:, -2, -2])
        # fewer rows than coefficients leave no error to estimate, nor does an arm of one row
        seen, a = self.sample.observed, self.sample.a
        kinds = [self.root > 0, seen & (a == 0), seen & (a == 1)]
        rows = times.astype(np.float32) @ np.array(kinds, dtype=np.float32).T  # counts: exact
        usable = usable & (rows[:, 0] > p)
        if self.sample.exposure_kind == "binary":
            usable = usable & (rows[:, 1:] >= 2).all(axis=1)
        return left[:, 0, 1] / np.where(usable, left[:, 0, 0], 1.0), usable


def _products(fixed: Floats, times: Ints) -> Floats:
    """Give (b, p, p) cross-products of columns, each row as often as it is there.

    Where few rows are left out and none repeated, their products are taken from those of all rows.

    Parameters
    ----------
    fixed : (p, n) floats.
    times : (b, n) ints.
    """
    p, n = fixed.shape
    if times.max() == 1 and times.sum() > (1 - FEW_LEFT_OUT) * times.size:
        by_row, everything = np.ascontiguousarray(fixed.T), fixed @ fixed.T
        found = np.empty((len(times), p, p))
        for draw, one in enumerate(times):
            absent = by_row.take(np.flatnonzero(one == 0), axis=0)
            np.subtract(everything, absent.T @ absent, out=found[draw])
        return found
    packed = np.zeros((len(times), p * (p + 1) // 2))
    for rows in pieces(n):
        packed += times[:, rows].astype(np.float64) @ outer_products(fixed[:, rows]).T
    return unpack(packed, p)


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

"""Weighting, standardisation and AIPW on many changed samples at once: exact refits in blocks.

Every formula here has its twin in ``estimators``, for one sample; tests hold them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimate import NotEstimable, Scale, contrast_gradient, contrast_value
from causal.estimators.nuisance import CrossFitting, folds_by_unit
from causal.estimators.regression import AverageTarget, over_target
from causal.estimators.weighting import (
    ClipBounds,
    WeightTarget,
    balancing_weights,
    clipped,
    weight_slopes,
    within,
)
from causal.refuters.batched_nuisances import Start
from causal.refuters.batches import (
    Columns,
    Fitted,
    block_width,
    enough_in_each_arm,
    fill_up,
    gather_columns,
    pieces,
)
from causal.refuters.changes import Change

Influence = Callable[[slice, Bools], Floats]
"""Gives (c,) influence values of some rows, added over the draws that count."""


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """A contrast of two means in each draw: (B,) values, (B, 2) gradients, and which exist."""

    values: Floats
    gradient: Floats
    known: Bools


@dataclass(frozen=True, slots=True, eq=False)
class WeightingRefits:
    """Hájek means by inverse probability or overlap weights; a ``Batch``."""

    sample: Sample
    scale: Scale
    propensity: Start
    target: WeightTarget
    clip: ClipBounds | None
    trim: float | None
    chained: bool

    def fit(
        self,
        changes: Sequence[Change],
        rngs: Sequence[np.random.Generator],
        *,
        with_influence: bool,
    ) -> Fitted:
        """Fit a block of draws."""
        columns = _columns(changes, self.sample)
        chained, n = self.chained and with_influence, self.sample.n
        fit = self.propensity.fit(self.sample, columns, columns.times, exact=chained)
        base = self.sample.w * self.sample.observed * columns.times
        count, size = block_width(n), fit.regressions.size
        sizes, sums = np.zeros((count, 2)), np.zeros((count, 2))
        moved, moved_y = np.zeros((2, count, size)), np.zeros((2, count, size))
        kept = np.empty((count, n)) if with_influence else None
        for rows in pieces(n):
            a, y = columns.a[:, rows], columns.y[:, rows]
            weight, slope = self._weights(fit.mean(rows), a, base[:, rows], sloped=chained)
            if kept is not None:
                kept[:, rows] = weight
            exposed = weight * a
            for arm, part in ((0, weight - exposed), (1, exposed)):
                sizes[:, arm] += part.sum(axis=1)
                sums[:, arm] += _along(part, y)
            if slope is not None:
                steep = slope * a
                for arm, part in ((0, slope - steep), (1, steep)):
                    moved[arm] += fit.regressions.onto(part, rows)
                    moved_y[arm] += fit.regressions.onto(part, rows, y)
        means = _divided(sums, sizes)
        found = _contrast(means, self.scale, fit.found.converged)
        if kept is None:
            return _fitted(changes, self.sample, columns, found, None)
        per_arm = np.where(found.known[:, None], _divided(found.gradient, sizes), 0.0)
        means = np.where(found.known[:, None], means, 0.0)
        direction = np.zeros((count, size))
        if chained:
            gradient = sum(
                per_arm[:, arm, None] * (moved_y[arm] - means[:, arm, None] * moved[arm])
                for arm in (0, 1)
            )
            direction = fit.chained(np.asarray(gradient), n)

        def influence(rows: slice, counted: Bools) -> Floats:
            a, y, weight = columns.a[:, rows], columns.y[:, rows], kept[:, rows]
            share = n * np.where(counted[:, None], per_arm, 0.0)
            own = (share[:, :1] + (share[:, 1:] - share[:, :1]) * a) * weight
            shifted = share * means
            centre = (shifted[:, :1] + (shifted[:, 1:] - shifted[:, :1]) * a) * weight
            added = _down(own, y) - centre.sum(axis=0)
            along = np.where(counted[:, None], direction, 0.0)
            return np.asarray(added + fit.added_scores(along, rows) if chained else added)

        return _fitted(changes, self.sample, columns, found, influence)

    def _weights(
        self, e: Floats, a: Floats, base: Floats, *, sloped: bool
    ) -> tuple[Floats, Floats | None]:
        """Give weights and, if wanted, their derivatives in the logit of the propensity."""
        if self.trim is not None:
            base = base * within(e, self.trim)
        free = base
        if self.clip is not None:
            e, inside = clipped(e, self.clip)
            free = base * inside
        if self.target == "ATE":  # one over the chance of the exposure had
            chance = (1 - a) + (2 * a - 1) * e
            weight = base / chance
            if not sloped:
                return weight, None
            return weight, (free / chance - free) * (1 - 2 * a)
        weight = base * balancing_weights(e, a, self.target)
        return weight, free * weight_slopes(e, a, self.target) if sloped else None


@dataclass(frozen=True, slots=True, eq=False)
class StandardisedRefits:
    """An outcome regression averaged at each exposure; a ``Batch``."""

    sample: Sample
    scale: Scale
    outcome: Start
    target: AverageTarget

    def fit(
        self,
        changes: Sequence[Change],
        rngs: Sequence[np.random.Generator],
        *,
        with_influence: bool,
    ) -> Fitted:
        """Fit a block of draws."""
        columns = _columns(changes, self.sample)
        fit = self.outcome.fit(self.sample, columns, columns.times, exact=with_influence)
        regressions, n = fit.regressions, self.sample.n
        place = len(regressions.basis)
        count, size = block_width(self.sample.n), fit.regressions.size
        over = self.sample.w * columns.times * over_target(columns.a, self.target)
        sums, moved = np.zeros((count, 2)), np.zeros((2, count, size))
        for rows in pieces(n):
            weight = over[:, rows]
            for arm, mean in enumerate(fit.arms(rows)):
                sums[:, arm] += (weight * mean).sum(axis=1)
                if with_influence:
                    slope = weight * fit.slope(mean)
                    part = regressions.onto(slope, rows)
                    part[:, place] = arm * slope.sum(axis=1)  # exposure is set, not as it was
                    moved[arm] += part
        total = over.sum(axis=1)
        means = sums / total[:, None]
        found = _contrast(means, self.scale, fit.found.converged)
        if not with_influence:
            return _fitted(changes, self.sample, columns, found, None)
        share = found.gradient / total[:, None]
        direction = fit.chained(share[:, :1] * moved[0] + share[:, 1:] * moved[1], n)

        def influence(rows: slice, counted: Bools) -> Floats:
            mu0, mu1, fitted = fit.means(rows)
            own = share[:, :1] * (mu0 - means[:, :1]) + share[:, 1:] * (mu1 - means[:, 1:])
            each = n * over[:, rows] * own + fit.scores_on(direction, fitted, rows)
            return np.asarray(each[counted].sum(axis=0))

        return _fitted(changes, self.sample, columns, found, influence)


@dataclass(frozen=True, slots=True, eq=False)
class DoublyRobustRefits:
    """Outcome regression corrected by weighted residuals, cross-fitted or not; a ``Batch``."""

    sample: Sample
    scale: Scale
    propensity: Start
    outcome: Start
    target: AverageTarget
    clip: ClipBounds | None
    cross_fit: CrossFitting | None

    def fit(
        self,
        changes: Sequence[Change],
        rngs: Sequence[np.random.Generator],
        *,
        with_influence: bool,
    ) -> Fitted:
        """Fit a block of draws."""
        columns = _columns(changes, self.sample)
        n, count = self.sample.n, block_width(self.sample.n)
        over = self.sample.w[None] * (
            1.0 if self.target == "ATE" else over_target(columns.a, self.target)
        )
        total = (over * columns.times).sum(axis=1)
        scores, known = self._all_scores(columns, rngs, over)
        sums = np.empty((count, 2))
        for arm, score in enumerate(scores):
            sums[:, arm] = (
                score.sum(axis=1) if len(columns.times) == 1 else _along(score, columns.times)
            )
        means = sums / total[:, None]
        found = _contrast(means, self.scale, known)
        share = found.gradient / total[:, None]

        def influence(rows: slice, counted: Bools) -> Floats:
            each = n * np.where(counted[:, None], share, 0.0)
            centre = np.where(counted, (each * means).sum(axis=1), 0.0)
            some = scores[:, :, rows]
            taken = np.broadcast_to(over[:, rows], some[0].shape)
            return np.asarray(each[:, 0] @ some[0] + each[:, 1] @ some[1] - centre @ taken)

        return _fitted(changes, self.sample, columns, found, influence if with_influence else None)

    def _all_scores(
        self, columns: Columns, rngs: Sequence[np.random.Generator], over: Floats
    ) -> tuple[Floats, Bools]:
        """Give (2, B, n) scores of both arms; tell which draws could be fitted."""
        scores = np.empty((2, block_width(self.sample.n), self.sample.n))
        if self.cross_fit is not None:
            predicted = np.empty((3, *scores.shape[1:]))
            known = self._predict(columns, rngs, predicted)
            for rows in pieces(self.sample.n):
                e, mu0, mu1 = predicted[:, :, rows]
                scores[:, :, rows] = self._scores(columns, (e, mu0, mu1), over, rows)
            return scores, known
        propensity = self.propensity.fit(self.sample, columns, columns.times, exact=False)
        outcome = self.outcome.fit(self.sample, columns, columns.times, exact=False)
        for rows in pieces(self.sample.n):
            fitted = (propensity.mean(rows), *outcome.arms(rows))
            for arm, score in enumerate(self._scores(columns, fitted, over, rows)):
                scores[arm, :, rows] = score
        return scores, propensity.found.converged & outcome.found.converged

    def _predict(
        self, columns: Columns, rngs: Sequence[np.random.Generator], predicted: Floats
    ) -> Bools:
        """Fill in propensity and both means of each row; tell which draws could be fitted."""
        if self.cross_fit is None:
            raise ValueError("there are no folds to predict by")
        folds = self.cross_fit.folds
        fold = np.full((predicted.shape[1], self.sample.n), -1)
        drawn = np.broadcast_to(columns.times, fold.shape) > 0
        for draw, rng in enumerate(rngs):
            fold[draw, drawn[draw]] = folds_by_unit(self.sample.unit[drawn[draw]], folds, rng)
        fold[len(rngs) :] = fold[0]
        known = np.ones(len(fold), dtype=bool)
        for held_out in range(folds):
            here = fold == held_out
            known &= self._predict_rows(columns, columns.times * ~here, here, predicted)
        return known

    def _predict_rows(
        self, columns: Columns, times: Floats, here: Bools, predicted: Floats
    ) -> Bools:
        """Fit on rows that count, and predict for those held out."""
        propensity = self.propensity.fit(self.sample, columns, times, exact=False)
        outcome = self.outcome.fit(self.sample, columns, times, exact=False)
        for rows in pieces(self.sample.n):
            for row, value in enumerate((propensity.mean(rows), *outcome.arms(rows))):
                np.copyto(predicted[row, :, rows], value, where=here[:, rows])
        return propensity.found.converged & outcome.found.converged

    def _scores(
        self,
        columns: Columns,
        fitted: tuple[Floats, Floats, Floats],
        over: Floats,
        rows: slice,
    ) -> tuple[Floats, Floats]:
        """Give both scores of some rows, not yet divided by the mean weight.

        Parameters
        ----------
        fitted : propensity, and means without and with exposure.
        """
        e, mu0, mu1 = fitted
        a, y, over = columns.a[:, rows], columns.y[:, rows], over[:, rows]
        if self.clip is not None:
            e, _ = clipped(e, self.clip)
        seen = self.sample.w[rows] * self.sample.observed[rows]
        if self.target == "ATC":
            residual = a * seen * balancing_weights(e, a, self.target)
            scores1 = over * mu1 + residual * (y - mu1)
            return np.broadcast_to(over * y, scores1.shape), scores1
        if self.target == "ATT":
            residual = (1 - a) * seen * balancing_weights(e, a, self.target)
            scores0 = over * mu0 + residual * (y - mu0)
            return scores0, np.broadcast_to(over * y, scores0.shape)
        chance = (1 - a) + (2 * a - 1) * e
        corrected = seen * (y - mu0 - a * (mu1 - mu0)) / chance
        exposed = a * corrected
        return over * mu0 + (corrected - exposed), over * mu1 + exposed


def _columns(changes: Sequence[Change], sample: Sample) -> Columns:
    """Gather a full block."""
    return gather_columns(fill_up(changes, block_width(sample.n)), sample)


def _contrast(means: Floats, scale: Scale, converged: Bools) -> Contrasts:
    """Form the contrast of (B, 2) means."""
    values, gradient = np.zeros(len(means)), np.zeros((len(means), 2))
    known = converged & np.isfinite(means).all(axis=1)
    for draw in np.flatnonzero(known):
        mu0, mu1 = float(means[draw, 0]), float(means[draw, 1])
        value = contrast_value(mu0, mu1, scale)
        if isinstance(value, NotEstimable):
            known[draw] = False
        else:
            values[draw], gradient[draw] = value, contrast_gradient(mu0, mu1, scale)
    return Contrasts(values, gradient, known)


def _along(values: Floats, y: Floats) -> Floats:
    """Multiply (B, c) values with outcomes, shared or of each draw, and add up the rows."""
    return np.asarray(values @ y[0] if len(y) == 1 else np.einsum("bc,bc->b", values, y))


def _down(values: Floats, y: Floats) -> Floats:
    """Multiply (B, c) values with outcomes, shared or of each draw, and add up the draws."""
    return np.asarray(values.sum(axis=0) * y[0] if len(y) == 1 else (values * y).sum(axis=0))


def _divided(sums: Floats, sizes: Floats) -> Floats:
    """Divide; NaN where an arm is empty, for draws to be fitted on their own."""
    return np.asarray(np.divide(sums, sizes, out=np.full(sums.shape, np.nan), where=sizes > 0))


def _fitted(
    changes: Sequence[Change],
    sample: Sample,
    columns: Columns,
    found: Contrasts,
    influence: Influence | None,
) -> Fitted:
    """Report a block, influence added over its known draws."""
    known = found.known & enough_in_each_arm(columns, sample)
    there = len(changes)
    if influence is None:
        return Fitted(found.values[:there], known[:there], None)
    counted = np.where(np.arange(len(known)) < there, known, False)
    total = np.empty(sample.n)
    for rows in pieces(sample.n):
        total[rows] = influence(rows, counted)
    return Fitted(found.values[:there], known[:there], total)

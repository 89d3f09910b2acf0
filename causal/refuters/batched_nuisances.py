"""Propensity and outcome regressions of a block of draws, begun at those of the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimators.glm import Link
from causal.refuters.batched_glm import (
    BatchFit,
    Regressions,
    fit_batch,
    information_at,
    mean_of,
)
from causal.refuters.batches import Columns, orthonormal

Model: TypeAlias = Literal["propensity", "outcome"]


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A regression on the unchanged sample, from which those of the draws begin.

    Attributes
    ----------
    basis : (r, n) floats, orthonormal covariates.
    coefficients, information : (p,) and (p, p) floats; after the covariates comes exposure, in
        regressions of the outcome.
    """

    model: Model
    link: Link
    basis: Floats
    coefficients: Floats
    information: Floats

    def fit(self, sample: Sample, columns: Columns, times: Floats, *, exact: bool) -> Fit:
        """Fit the regressions of a block; ``times`` multiplies the weights."""
        weight, response = sample.w * times, columns.a
        extras: tuple[Floats, ...] = ()
        if self.model == "outcome":
            weight, response, extras = weight * sample.observed, columns.y, (columns.a,)
        begin, information = self.coefficients, self.information
        if columns.added is not None:  # independent of all else, with mean 0 and variance 1
            extras = (*extras, columns.added)
            p = len(begin)
            begin = np.append(begin, 0.0)
            wider = np.zeros((p + 1, p + 1))
            wider[:p, :p] = information
            wider[p, p] = self.spread
            information = wider
        flags = len(extras) == 1 and sample.exposure_kind == "binary"
        regressions = Regressions(self.link, self.basis, extras, response, weight, flags)
        return Fit(regressions, fit_batch(regressions, begin, information, exact=exact))

    @property
    def spread(self) -> float:
        """Give the information about a column of noise with variance 1: the sum of the weights."""
        r = len(self.basis)
        on = self.basis.sum(axis=1)  # the coefficients that make a constant column
        return float(on @ self.information[:r, :r] @ on)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The regressions of a block, fitted."""

    regressions: Regressions
    found: BatchFit

    def mean(self, rows: slice) -> Floats:
        """Give (B, c) fitted means of some rows."""
        regressions = self.regressions
        return mean_of(regressions.predictor(self.found.coefficients, rows), regressions.link)

    def arms(self, rows: slice) -> tuple[Floats, Floats]:
        """Give (B, c) means of an outcome: under no exposure, and under exposure."""
        regressions, beta = self.regressions, self.found.coefficients
        place = len(regressions.basis)
        slope, a = beta[:, place, None], regressions.extras[0][:, rows]
        none = regressions.predictor(beta, rows) - slope * a
        return mean_of(none, regressions.link), mean_of(none + slope, regressions.link)

    def means(self, rows: slice) -> tuple[Floats, Floats, Floats]:
        """Give (B, c) means of an outcome: under no exposure, under exposure, and as it was."""
        without, exposed = self.arms(rows)
        if self.regressions.flags:
            a = self.regressions.extras[0][:, rows]
            return without, exposed, without + a * (exposed - without)
        return without, exposed, self.mean(rows)

    def slope(self, mean: Floats) -> Floats:
        """Give derivatives of means with respect to the linear predictor."""
        return mean * (1 - mean) if self.regressions.link == "logit" else np.ones_like(mean)

    def chained(self, gradient: Floats, n: int) -> Floats:
        """Give (B, p) by which scores are multiplied: n times inverse information, gradient."""
        return np.asarray(n * (self.found.inverse @ gradient[:, :, None])[:, :, 0])

    def added_scores(self, direction: Floats, rows: slice) -> Floats:
        """Give (c,) scores of some rows times (B, p) directions, added over the regressions."""
        regressions, r = self.regressions, len(self.regressions.basis)
        fitted = self.mean(rows)
        residual = (regressions.response[:, rows] - fitted) * regressions.weight[:, rows]
        residual = np.broadcast_to(residual, (len(direction), residual.shape[1]))
        inner = direction[:, :r].T @ residual
        total = np.einsum("rc,rc->c", regressions.basis[:, rows], inner)
        for place, extra in enumerate(regressions.extras, start=r):
            total = total + (direction[:, place, None] * extra[:, rows] * residual).sum(axis=0)
        return np.asarray(total)

    def scores_on(self, direction: Floats, fitted: Floats, rows: slice) -> Floats:
        """Give (B, c) scores of some rows times (B, p) directions."""
        regressions = self.regressions
        residual = (regressions.response[:, rows] - fitted) * regressions.weight[:, rows]
        return np.asarray(residual * regressions.predictor(direction, rows))


def prepare_start(model: Model, link: Link, sample: Sample, x: Floats) -> Start | None:
    """Fit a regression on the unchanged sample.

    Parameters
    ----------
    x : (n, q) floats, its covariates.

    Returns
    -------
    None where it has no unique solution, which a fit on its own refuses with its reason.
    """
    used = sample.observed if model == "outcome" else np.ones(sample.n, dtype=bool)
    basis = orthonormal(x, used.astype(np.float64))
    weight = (sample.w * used)[None]
    response = np.where(used, sample.y, 0.0) if model == "outcome" else sample.a
    extras = (sample.a[None],) if model == "outcome" else ()
    regressions = Regressions(link, basis, extras, response[None], weight)
    nothing = np.zeros(regressions.size)
    found = fit_batch(regressions, nothing, information_at(regressions, nothing), exact=False)
    if not found.converged[0]:
        return None
    solution = found.coefficients[0]
    return Start(model, link, basis, solution, information_at(regressions, solution))

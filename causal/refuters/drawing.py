"""Repeats a fit on changed samples: nuisances are fitted anew, from the first fit's solution."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import NotEstimable, Scale
from causal.estimators import Estimator, NuisanceStore
from causal.estimators.glm import fit_glm

SWEEPS = 20
"""Rounds of exchanges: within a stratum the odds differ little, so few are needed."""
MOST_FAILED = 0.1
"""With more draws than this unfit, those left are no longer a fair selection."""


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Estimates from repeated fits.

    Attributes
    ----------
    values : (k,) floats, ratios as logs.
    kept : (k,) ints, the numbers of the draws that could be fitted.
    influence : (n,) floats, each row's influence averaged over draws; None without such.
    failed : draws that could not be fitted.
    std_errors : (k,) floats, on the scale of ``values``.
    half_widths : (k,) floats, of the 95 % interval of each draw.
    """

    values: Floats
    kept: Ints
    influence: Floats | None
    failed: int
    std_errors: Floats
    half_widths: Floats


def refit(
    samples: Iterable[tuple[Sample, np.random.Generator]],
    estimator: Estimator,
    scale: Scale,
    start: NuisanceStore,
    *,
    same_rows: bool,
) -> Draws:
    """Fit an estimator on one changed sample after another.

    Parameters
    ----------
    samples : each with the stream its fit may use.
    start : the store of the fit on the unchanged sample; regressions begin at its solutions.
    same_rows : row i is the same unit in every draw, so that influence can be averaged.

    Raises
    ------
    PositivityError
        More than a tenth of the draws could not be fitted.
    """
    values: list[float] = []
    errors: list[float] = []
    halves: list[float] = []
    kept: list[int] = []
    total: Floats | None = None
    failed, said = 0, ""
    for number, (sample, rng) in enumerate(samples):
        try:
            fitted = estimator.fit(sample, NuisanceStore(start=start), rng).contrast(scale)
        except (PositivityError, OutcomeError) as problem:
            failed, said = failed + 1, said or problem.message
            continue
        if isinstance(fitted, NotEstimable):
            failed, said = failed + 1, said or fitted.reason
            continue
        values.append(float(fitted.values[0]))
        errors.append(math.sqrt(float(fitted.covariance[0, 0])))
        halves.append(inference.critical_value(df=fitted.df) * errors[-1])
        kept.append(number)
        if same_rows and not isinstance(fitted.influence, NotEstimable):
            one = fitted.influence[:, 0]
            total = one.copy() if total is None else total + one
    if failed > MOST_FAILED * (failed + len(values)):
        raise PositivityError(
            f"{failed} of {failed + len(values)} draws could not be fitted ({said.rstrip('.')})."
        )
    averaged = None if total is None else total / len(values)
    return Draws(
        values=np.array(values),
        kept=np.array(kept, dtype=np.int64),
        influence=averaged,
        failed=failed,
        std_errors=np.array(errors),
        half_widths=np.array(halves),
    )


def fit_start(
    estimator: Estimator, sample: Sample, scale: Scale, rng: np.random.Generator
) -> tuple[NuisanceStore, float]:
    """Fit once on the unchanged sample; give its regressions and its estimate.

    Raises
    ------
    OutcomeError
        The contrast does not exist.
    """
    store = NuisanceStore()
    fitted = estimator.fit(sample, store, rng).contrast(scale)
    if isinstance(fitted, NotEstimable):
        raise OutcomeError(fitted.reason)
    return store, float(fitted.values[0])


def shuffle_within(
    values: Floats, tendency: Floats, strata: Ints, rng: np.random.Generator
) -> Floats:
    """Permute values within strata, each landing where it tends to.

    A plain permutation would make the tendency a step function, which an estimator that models it
    smoothly could be found to miss. So pairs are then exchanged, or not, by the odds of the two
    ways round: values keep their law given the tendency, among permutations within strata.

    Parameters
    ----------
    values : (n,) floats.
    tendency : (n,) floats, natural parameter of each value: the logit for 0/1 values, the mean over
        the residual variance for others.
    strata : (n,) ints.

    References
    ----------
    Berrett, Wang, Barber & Samworth (2020), doi:10.1111/rssb.12340, algorithm 1.
    """
    order = np.argsort(strata + rng.random((SWEEPS + 1, len(values))), axis=1)
    shuffled = np.empty_like(values)
    shuffled[np.argsort(strata, kind="stable")] = values[order[0]]
    luck = rng.random((SWEEPS, len(values) // 2))
    for sweep in range(SWEEPS):
        pairs = order[sweep + 1][: 2 * luck.shape[1]].reshape(-1, 2)
        one, other = pairs.T
        stay = (shuffled[one] - shuffled[other]) * (tendency[one] - tendency[other])
        exchange = (luck[sweep] < 0.5 * (1 - np.tanh(0.5 * stay))) & (strata[one] == strata[other])
        shuffled[one[exchange]], shuffled[other[exchange]] = (
            shuffled[other[exchange]],
            shuffled[one[exchange]],
        )
    return shuffled


def fit_tendency(x: Floats, values: Floats, w: Floats, kind: str, rows: Bools) -> Floats:
    """Give the natural parameter of each value given covariates: a logit, or mean over variance.

    Parameters
    ----------
    kind : ``binary``, or anything else for least squares with equal variance.
    rows : (n,) booleans, where the value is known.

    Raises
    ------
    SeparationFoundError
        The covariates determine a 0/1 value.
    """
    if kind == "binary":
        mean = fit_glm(x, values, w, "logit", rows).fitted
        return np.log(mean) - np.log1p(-mean)
    fitted = fit_glm(x, values, w, "linear", rows).fitted
    variance = float(np.average((values[rows] - fitted[rows]) ** 2, weights=w[rows]))
    return fitted / variance if variance > 0 else fitted


def cut_into_strata(score: Floats, strata: int) -> Ints:
    """Divide rows into strata of about equal size by quantiles of a score."""
    inner = np.quantile(score, np.arange(1, strata) / strata)
    return np.searchsorted(inner, score, side="right").astype(np.int64)

"""Fits the rungs of a ladder on every imputation of their sample, and pools each: numerics only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal.cohort import Sample
from causal.diagnostics import Diagnostic, Verdict
from causal.estimate import Estimates, NotEstimable, combine, pool
from causal.estimators.both_stages import pool_stages
from causal.execution import map_tasks
from causal.fitting import FittedRung, RungTask, Thresholds, fit_rungs

WORST_FIRST: tuple[Verdict, ...] = ("FAIL", "NOT_RESOLVABLE", "NOT_EVALUATED", "PASS")
COSTS = (
    "fraction_missing_information",
    "relative_increase_in_variance",
    "imputation_df",
    "imputation_monte_carlo_error",
    "share_imputation_df",
)
"""What imputing cost a rung, for information."""


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """All rungs on one imputation."""

    sample: Sample
    tasks: tuple[RungTask, ...]
    thresholds: Thresholds
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """The rungs as they are reported, and as they are on one sample.

    Attributes
    ----------
    pooled : over all imputations.
    first : on the first imputation; the same where nothing was imputed.
    """

    pooled: list[FittedRung]
    first: list[FittedRung]


def fit_all(
    samples: Sequence[Sample],
    tasks: Sequence[RungTask],
    thresholds: Thresholds,
    seed: int,
    *,
    jobs: int = 1,
) -> Fits:
    """Fit every rung on one sample, or on each of its imputations.

    Where nothing was missing, imputations are the same, and one is fitted: nothing is pooled then,
    and intervals are read off what they are without imputation.

    Parameters
    ----------
    samples : the sample, or its aligned imputations: row i is the same unit in all of them.
    seed : seed of the analysis; a rung's random divisions are the same in every imputation, so
        that what differs between imputations is what was imputed.
    jobs : processes; the numbers do not depend on it.
    """
    if not differ(samples):
        fits = fit_rungs(samples[0], tasks, thresholds, seed, jobs=jobs)
        return Fits(fits, fits)
    batches = [_Batch(one, tuple(tasks), thresholds, seed) for one in samples]
    every = map_tasks(_fit, batches, jobs=jobs)
    return Fits([pool_rung(fits) for fits in zip(*every, strict=True)], every[0])


def differ(samples: Sequence[Sample]) -> bool:
    """Tell whether imputations differ in what is ever imputed."""
    first = samples[0]
    pairs = [
        pair
        for one in samples[1:]
        for pair in ((first.x, one.x), (first.a, one.a), (first.y, one.y))
    ]
    return not all(np.array_equal(one, two, equal_nan=True) for one, two in pairs)


def pool_rung(fits: Sequence[FittedRung]) -> FittedRung:
    """Pool one rung over imputations.

    Balance and overlap stay those of the first imputation. A check is that of the first imputation
    with its worst verdict, so that a gate closes if it closes in any; one that has something to
    say in some imputations only is of these.
    """
    estimates, crude = pool([f.estimates for f in fits]), pool([f.crude for f in fits])
    beside = [f.beside for f in fits if f.beside is not None]
    names = dict.fromkeys(one.name for f in fits for one in f.diagnostics)
    checks = [
        _worst([next((d for d in f.diagnostics if d.name == name), None) for f in fits])
        for name in names
    ]
    return replace(
        fits[0],
        estimates=estimates,
        crude=crude,
        diagnostics=(*checks, *_describe(estimates, crude)),
        beside=pool_stages(beside) if beside else None,
    )


def _fit(batch: _Batch) -> list[FittedRung]:
    """Fit all rungs on one imputation."""
    return fit_rungs(batch.sample, batch.tasks, batch.thresholds, batch.seed)


def _worst(found: Sequence[Diagnostic | None]) -> Diagnostic:
    """Give the first check with the worst verdict, and say which imputation it is of.

    Parameters
    ----------
    found : the check in each imputation; None where it has nothing to say.
    """
    told = [(i, one) for i, one in enumerate(found, 1) if one is not None]
    verdict = min((one.verdict for _, one in told), key=WORST_FIRST.index)
    number, one = next((i, d) for i, d in told if d.verdict == verdict)
    same = sum(d.verdict == verdict for _, d in told)
    said = f"imputation {number} of {len(found)}"
    if verdict in ("FAIL", "NOT_RESOLVABLE"):
        said += f", the first of {same} with this verdict"
    return replace(one, reason=f"{one.reason} ({said})")


def _describe(estimates: Estimates, crude: Estimates) -> tuple[Diagnostic, ...]:
    """Say what imputing cost a rung's difference, and the pair its share is formed of."""
    difference, other = estimates.contrast("mean_difference"), crude.contrast("mean_difference")
    if isinstance(difference, NotEstimable) or isinstance(other, NotEstimable):
        return ()
    found, m = combine(difference.imputed), len(difference.imputed)
    of = f"of the difference, over {m} imputations"
    told = [
        (float(found.fractions[0]), of),
        (float(found.increase[0]), of),
        (found.df, of),
        (math.sqrt(float(found.between[0, 0]) / m), f"{of}: how far {m} others would differ"),
    ]
    if estimates.target != "crude" and not isinstance(difference.influence, NotEstimable):
        pair = difference.joint(other)
        told.append((pair.df, "the fewest of any contrast of crude and adjusted"))
    return tuple(
        Diagnostic(name, value, None, "NOT_EVALUATED", why)
        for name, (value, why) in zip(COSTS, told, strict=False)
        if math.isfinite(value)  # infinite: a fit that does not count its units
    )

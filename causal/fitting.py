"""Fits the rungs of a ladder on their shared sample, and judges each: numerics only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from causal import diagnostics, instrument_checks, overlap
from causal.arm_diagnostics import (
    judge_arm_weights,
    judge_common_support,
    judge_dose_weights,
    judge_shift,
    pair_of_arms,
)
from causal.arrays import Bools, Floats, read_only
from causal.cohort import Sample, check_outcomes
from causal.diagnostics import Diagnostic
from causal.errors import CausalError, Place
from causal.estimate import Estimates, NotEstimable, Region
from causal.estimators import (
    AnyEstimator,
    ArmContrasts,
    DoseResponse,
    Instrumented,
    NuisanceStore,
    Shift,
    ThresholdScan,
    WeighsFollowUp,
)
from causal.estimators.both_stages import BothStages, both_stages
from causal.estimators.reduced_form import ReducedForms
from causal.execution import map_tasks
from causal.findings import Curve
from causal.held_terms import judge_terms
from causal.seeding import generator
from causal.weight_factors import WeightSummary, summarise_weights


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the diagnostics are judged by, declared before results are seen."""

    effective_sample_size: float
    smd: float
    max_weight_share: float
    effective_f: float | Literal["critical"] = "critical"
    least_chance: float = 0.02
    common_support: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class RungTask:
    """One rung as numerics see it: a name, an estimator, terms to adjust for, and instruments."""

    name: str
    estimator: AnyEstimator
    terms: tuple[str, ...]
    place: Place
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FittedRung:
    """What came of one rung.

    Attributes
    ----------
    estimates : the fit, its influence values on all rows of the sample (0 where a row is not
        used, so that pairing stays right).
    crude : the crude fit on the rows this rung uses, which the share is formed over.
    n, n_clusters : rows and clusters the estimate rests on, or stands for: without those that have
        no outcome where the estimator leaves them out. Trimming and calipers take away none: the
        propensity is fitted on all, and the share is over the crude difference of all; whom they
        leave, ``estimates.target_note`` says.
    terms : p names of the columns adjusted for; where weights balance them, not those that only
        follow-up depends on.
    crude_smd, weighted_smd : (p,) standardised differences, for rungs with weights.
    propensity_counts : rows in equal bins of the propensity, unexposed and exposed; None where
        there is no propensity. Of rungs without weights it is that of a logistic regression.
    curves : p-values against the size of the effect, for rungs with instruments.
    beside : what the instruments do themselves, for rungs with an effect through them.
    weights : what the rung weighs by, one by one and together; empty where nothing weighs.
    """

    estimates: Estimates
    crude: Estimates
    n: int
    n_clusters: int | None
    terms: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    crude_smd: Floats | None
    weighted_smd: Floats | None
    propensity_counts: tuple[list[int], list[int]] | None
    curves: tuple[Curve, ...] = ()
    beside: BothStages | None = None
    weights: tuple[WeightSummary, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Rungs fitted by one worker, sharing their nuisance regressions."""

    sample: Sample
    tasks: tuple[RungTask, ...]
    crude: AnyEstimator
    thresholds: Thresholds
    seed: int


def fit_rungs(
    sample: Sample,
    tasks: Sequence[RungTask],
    thresholds: Thresholds,
    seed: int,
    *,
    jobs: int = 1,
) -> list[FittedRung]:
    """Fit every rung on the same rows.

    Parameters
    ----------
    seed : seed of the analysis; each rung has its own stream, named after it.
    jobs : processes; the numbers do not depend on it.

    Raises
    ------
    CausalError
        With the place of the rung it happened in.
    """
    workers = min(jobs, len(tasks))
    batches = [
        _Batch(sample, tuple(tasks[first::workers]), tasks[0].estimator, thresholds, seed)
        for first in range(workers)
    ]
    results = map_tasks(_fit_batch, batches, jobs=workers)
    return [results[number % workers][number // workers] for number in range(len(tasks))]


def spread(estimates: Estimates, used: Bools, sample: Sample) -> Estimates:
    """Spread a fit on some rows over all of them, so that it pairs with fits on all.

    Rows not used get influence 0, the others n / n_used times theirs; the covariance is the same.
    """
    if used.all() or isinstance(estimates.influence, NotEstimable):
        return estimates
    influence = np.zeros((sample.n, estimates.influence.shape[1]))
    influence[used] = estimates.influence * (sample.n / used.sum())
    return replace(
        estimates, influence=read_only(influence), cluster=sample.cluster, strata=sample.strata
    )


def usable_rows(sample: Sample, estimator: AnyEstimator) -> Bools:
    """Give (n,) booleans: the columns, instruments and exposure an estimator needs are known."""
    known = np.asarray(~np.isnan(sample.x).any(axis=1))
    if sample.z is not None:
        known = known & ~np.isnan(sample.z).any(axis=1)
    return known if estimator.takes_missing_exposures else known & sample.entered


def _fit_batch(batch: _Batch) -> list[FittedRung]:
    """Fit the rungs of one worker, which share their nuisance regressions.

    Bracket rungs may use columns that are missing in some rows; they are fitted on the others,
    with nuisance regressions of their own.
    """
    store = NuisanceStore()
    found = []
    for task in batch.tasks:
        sample = batch.sample.with_terms(task.terms).with_instruments(task.instruments)
        known = usable_rows(sample, task.estimator)
        sample = sample if known.all() else sample.rows(known)
        fitted = _fit(batch, task, sample, known, store if known.all() else NuisanceStore())
        told = judge_terms(_adjusting(task.estimator, sample))
        found.append(replace(fitted, diagnostics=(*fitted.diagnostics, *told)))
    return found


def _adjusting(estimator: AnyEstimator, sample: Sample) -> Sample:
    """Keep the terms that are adjusted for, not those of follow-up alone."""
    return estimator.balancing(sample) if isinstance(estimator, WeighsFollowUp) else sample


def _fit(
    batch: _Batch, task: RungTask, sample: Sample, known: Bools, store: NuisanceStore
) -> FittedRung:
    """Fit one rung, and judge its weights.

    Parameters
    ----------
    sample, known : the rung's rows and terms, and which rows of the batch these are.
    store : nuisance regressions of these rows.
    """
    try:
        check_outcomes(sample)
        rng = generator(batch.seed, "rung", task.name)
        own = task.estimator.fit(sample, store, rng)
        estimates = spread(own, known, batch.sample)
        none = sample.with_terms(())
        seen = known & batch.sample.entered
        none = none if none.entered.all() else none.rows(none.entered)
        crude = spread(batch.crude.fit(none, NuisanceStore(), rng), seen, batch.sample)
        used = sample.rows(task.estimator.used(sample))
        fitted = FittedRung(
            estimates, crude, used.n, used.n_clusters, sample.terms, (), None, None, None
        )
        if isinstance(task.estimator, Instrumented):
            fitted = replace(fitted, weights=summarise_weights(sample, ()))
            again = generator(batch.seed, "rung", task.name)  # the estimate's own divisions
            forms = task.estimator.forms(sample, again, store)
            beside = _beside(task.estimator, sample, forms, store)
            fitted = replace(fitted, beside=beside)
            return _instrumented(batch, task.estimator, sample, forms, own, fitted)
        factors = task.estimator.weight_factors(sample, store)
        fitted = replace(fitted, weights=summarise_weights(sample, factors))
        if isinstance(task.estimator, ArmContrasts):
            return _judged_arms(batch, task.estimator, sample, store, fitted)
        if isinstance(task.estimator, ThresholdScan):
            return _judged_cuts(batch, task.estimator, sample, fitted)
        if isinstance(task.estimator, DoseResponse):
            return _judged_doses(batch, task.estimator, sample, fitted)
        if isinstance(task.estimator, Shift):
            ratios = sample.w * task.estimator.ratios(sample)
            least = (batch.thresholds.effective_sample_size, batch.thresholds.max_weight_share)
            return replace(fitted, diagnostics=judge_shift(ratios, *least))
        weights = task.estimator.weights(sample, store)
        if weights is None:
            limits = batch.thresholds
            found = overlap.judge_regression(
                task.estimator, sample, store, limits.least_chance, limits.common_support
            )
            told = diagnostics.describe_limited(task.estimator.limited(sample, store))
            return replace(
                fitted, diagnostics=(*found.checks, *told), propensity_counts=found.counts
            )
        return _judged(batch, task, sample, store, fitted, weights)
    except CausalError as error:
        if not str(error.place):
            error.place = task.place
        raise


def _beside(
    estimator: Instrumented, sample: Sample, forms: ReducedForms, store: NuisanceStore
) -> BothStages | None:
    """Give first stage and intention to treat of a rung's instruments, by least squares."""
    if estimator.estimand in instrument_checks.OF_INSTRUMENT:
        return None
    data = estimator.projected(sample, store)
    form = forms.plain if estimator.linear_stages else estimator.reduced(sample, data)
    return both_stages(data, form, sample.instruments)


def _instrumented(
    batch: _Batch,
    estimator: Instrumented,
    sample: Sample,
    forms: ReducedForms,
    own: Estimates,
    fitted: FittedRung,
) -> FittedRung:
    """Add the strength of the instruments, and withhold an interval that rests on it in vain.

    Parameters
    ----------
    sample, forms, own : the rung's rows, their reduced forms, and the fit to just these rows.
    fitted : the rung, its fit spread over all rows.
    """
    limit = batch.thresholds.effective_f
    found = instrument_checks.judge_instruments(sample, estimator, limit, forms, own)
    estimates = estimator.with_set(fitted.estimates, forms.weak)
    curves = () if estimates.region is None else instrument_checks.confidence_curves(forms.weak)
    strength = next(one for one in found if one.name == "effective_f")
    if strength.verdict == "FAIL" and estimator.unbounded_when_weak:
        nothing = Region(((None, None),))
        said = estimator.unbounded_when_weak
        estimates = replace(estimates, region=nothing, region_note=said)
    if strength.verdict == "FAIL" and estimates.region is not None:
        estimates = replace(
            estimates,
            interval_withheld=f"the effective F is {strength.value:.3g}, below "
            f"{strength.threshold:.3g}, so estimate plus or minus standard errors is no interval",
        )
    return replace(fitted, estimates=estimates, diagnostics=found, curves=curves)


def _judged(
    batch: _Batch,
    task: RungTask,
    sample: Sample,
    store: NuisanceStore,
    fitted: FittedRung,
    weights: Floats,
) -> FittedRung:
    """Add balance, overlap and effective size to a fit with weights."""
    estimator, limits = task.estimator, batch.thresholds
    e = estimator.propensities(sample, store)
    w, a = weights * sample.w, sample.a
    held = _adjusting(estimator, sample)
    found = (
        diagnostics.judge_effective_size(a, w, limits.effective_sample_size),
        diagnostics.judge_largest_weight(a, w, limits.max_weight_share),
        diagnostics.judge_balance(held.x, a, w, held.terms, limits.smd, sample.cluster),
        *(() if e is None else diagnostics.describe_propensity(e, a)),
        *diagnostics.describe_weights(w[w > 0]),
        *diagnostics.count_bounded(fitted.estimates.bounded),
        *diagnostics.describe_limited(estimator.limited(sample, store)),
    )
    return replace(
        fitted,
        diagnostics=found,
        terms=held.terms,
        crude_smd=diagnostics.standardised_differences(held.x, a, np.asarray(sample.w)),
        weighted_smd=diagnostics.standardised_differences(held.x, a, w),
        propensity_counts=None if e is None else diagnostics.propensity_shares(e, a),
    )


def _judged_arms(
    batch: _Batch,
    estimator: ArmContrasts,
    sample: Sample,
    store: NuisanceStore,
    fitted: FittedRung,
) -> FittedRung:
    """Add common support, balance and effective size of several arms."""
    limits = batch.thresholds
    support = overlap.judge_arms(estimator, sample, limits.least_chance, limits.common_support)
    weights = estimator.arm_weights(sample)
    if weights is None:
        return replace(fitted, diagnostics=(support,))
    w = weights * sample.w
    crude, own = pair_of_arms(sample, np.asarray(sample.w), 0, 1)
    two, weighted = pair_of_arms(sample, w, 0, 1)
    return replace(
        fitted,
        diagnostics=(
            support,
            *judge_arm_weights(
                sample,
                w,
                limits.effective_sample_size,
                limits.max_weight_share,
                limits.smd,
            ),
            *diagnostics.describe_weights(w[w > 0]),
            *diagnostics.describe_limited(estimator.limited(sample, store)),
        ),
        crude_smd=diagnostics.standardised_differences(crude.x, crude.a, own),
        weighted_smd=diagnostics.standardised_differences(two.x, two.a, weighted),
    )


def _judged_cuts(
    batch: _Batch, estimator: ThresholdScan, sample: Sample, fitted: FittedRung
) -> FittedRung:
    """Add effective size and largest weight of the worst cut."""
    limits, sizes, shares = batch.thresholds, [], []
    for cut, above, weights in estimator.cut_weights(sample):
        w = weights * sample.w
        size = diagnostics.judge_effective_size(above, w, limits.effective_sample_size)
        share = diagnostics.judge_largest_weight(above, w, limits.max_weight_share)
        sizes.append(replace(size, reason=f"at the cut {cut:g}, {size.reason}"))
        shares.append(replace(share, reason=f"at the cut {cut:g}, {share.reason}"))
    worst = (
        min(sizes, key=lambda one: one.value or 0.0),
        max(shares, key=lambda one: one.value or 0.0),
    )
    return replace(fitted, diagnostics=worst)


def _judged_doses(
    batch: _Batch, estimator: DoseResponse, sample: Sample, fitted: FittedRung
) -> FittedRung:
    """Add common support, balance and effective size of doses taken as levels, or of weights."""
    limits, found = batch.thresholds, estimator.leveled(sample)
    if found is None and estimator.method == "weighting":
        w = sample.w * estimator.dose_weights(sample).weights
        least = (limits.effective_sample_size, limits.max_weight_share)
        judged = judge_dose_weights(sample, w, *least)
        return replace(fitted, diagnostics=(*judged, *diagnostics.describe_weights(w)))
    if found is None:
        return fitted
    named, e, weights = found
    support = judge_common_support(
        e, named.levels, limits.least_chance, limits.common_support, overlap=False
    )
    judged = judge_arm_weights(
        named,
        weights * sample.w,
        limits.effective_sample_size,
        limits.max_weight_share,
        limits.smd,
    )
    return replace(fitted, diagnostics=(support, *judged))

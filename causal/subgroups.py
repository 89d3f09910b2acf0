"""Rungs estimated within levels of a subgroup, and compared between them: numerics only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.diagnostics import Diagnostic, varies
from causal.errors import CausalError
from causal.estimate import Effect, Estimates, NotEstimable, Scale
from causal.estimators import NuisanceStore
from causal.estimators.base import without_terms
from causal.fitting import FittedRung, RungTask, Thresholds, fit_rungs, spread, usable_rows
from causal.instrument_checks import OF_INSTRUMENT
from causal.ladder import OTHER_QUESTIONS


@dataclass(frozen=True, slots=True, eq=False)
class SubgroupTask:
    """One rung to be estimated within the levels of one subgroup.

    Attributes
    ----------
    names : K names of the levels.
    level : (n,) ints, the level each row is in, 0 to K - 1; others are in none.
    crude, rung : the crude rung and the rung, as fitted to the whole sample.
    smallest_arm : rows with a known outcome each arm of a level must have.
    """

    names: tuple[str, ...]
    level: Ints
    crude: RungTask
    rung: RungTask
    smallest_arm: int


@dataclass(frozen=True, slots=True, eq=False)
class LevelFit:
    """What came of one level.

    Attributes
    ----------
    n, n_clusters : rows and clusters the rung uses in the level; all in it where it is not fitted.
    arms : rows with a known outcome, unexposed and exposed; None for a dose. For a rung about the
        instrument itself, those without and with it; None where it is not 0/1.
    crude, adjusted : the difference, its influence values on all rows of the sample; or why not.
    terms : number of columns adjusted for within the level.
    dropped : terms the rung adjusts for that do not vary within the level.
    narrowed : what narrows the target within the level, such as rows without a match.
    failed : the checks that fail within the level.
    """

    name: str
    n: int
    n_clusters: int | None
    arms: tuple[int, int] | None
    crude: Estimates | NotEstimable
    adjusted: Estimates | NotEstimable
    terms: int
    dropped: tuple[str, ...]
    narrowed: str = ""
    failed: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Wald:
    """A joint test that the difference is the same in all levels that could be estimated.

    Attributes
    ----------
    statistic : Wald's, chi-squared with ``df`` degrees of freedom for infinite ``df_residual``;
        divided by ``df`` it is F with these two otherwise.
    """

    statistic: float
    df: int
    df_residual: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class SubgroupFinding:
    """The levels of one subgroup under one rung, and what sets them apart.

    Attributes
    ----------
    reference : the first level that could be estimated; None where none could.
    interactions : one a level, its difference minus that of ``reference``; or why not.
    """

    levels: tuple[LevelFit, ...]
    reference: str | None
    interactions: tuple[Effect | NotEstimable, ...]
    test: Wald | NotEstimable


def fit_subgroup(
    sample: Sample, task: SubgroupTask, thresholds: Thresholds, seed: int
) -> SubgroupFinding:
    """Estimate a rung within each level, and compare the levels.

    Parameters
    ----------
    seed : of the analysis; the rung keeps the stream of its name within every level.
    """
    fits = [_fit_level(sample, task, number, thresholds, seed) for number in range(len(task.names))]
    return compare(fits)


def compare(fits: Sequence[LevelFit]) -> SubgroupFinding:
    r"""Contrast levels with the first that could be estimated, and test them jointly.

    .. math:: W = (C\hat\beta)^\top (C \hat V C^\top)^{-1} C\hat\beta

    for differences :math:`\hat\beta` of the levels, their joint covariance :math:`\hat V` and the
    contrasts :math:`C`. Levels are disjoint rows, so that their estimates are independent, except
    where rows of one cluster fall into several: influence values are then added within clusters.

    References
    ----------
    Altman & Bland (2003), BMJ 326:219, doi:10.1136/bmj.326.7382.219 (contrasts of estimates);
    Liang & Zeger (1986), Biometrika 73:13 (clusters).
    """
    known = [one.adjusted for one in fits if isinstance(one.adjusted, Estimates)]
    names = [one.name for one in fits if isinstance(one.adjusted, Estimates)]
    if not names:
        nothing = NotEstimable("no level could be estimated")
        return SubgroupFinding(tuple(fits), None, (nothing,) * len(fits), nothing)
    joint = _covariance(known)
    df = min(one.df for one in known)
    values = np.array([float(one.values[0]) for one in known])
    interactions: list[Effect | NotEstimable] = []
    for fit in fits:
        if isinstance(fit.adjusted, NotEstimable):
            interactions.append(NotEstimable("the level could not be estimated"))
        elif fit.name == names[0]:
            interactions.append(NotEstimable("the other levels are compared with this one"))
        elif isinstance(joint, NotEstimable):
            interactions.append(joint)
        else:
            at = names.index(fit.name)
            variance = joint[0, 0] + joint[at, at] - 2 * joint[0, at]
            interactions.append(_effect(values[at] - values[0], float(variance), df, known[0]))
    test = joint if isinstance(joint, NotEstimable) else wald(values, joint, df)
    return SubgroupFinding(tuple(fits), names[0], tuple(interactions), test)


def wald(values: Floats, covariance: Floats, df: float) -> Wald | NotEstimable:
    """Test that all values are the same.

    Parameters
    ----------
    values, covariance : (K,) floats and their (K, K) covariance.
    df : residual degrees of freedom, infinite for the normal.
    """
    from scipy import stats

    if len(values) < 2:
        return NotEstimable("only one level could be estimated, so there is nothing to compare")
    contrasts = np.column_stack([-np.ones(len(values) - 1), np.eye(len(values) - 1)])
    moved = contrasts @ values
    spread_ = contrasts @ covariance @ contrasts.T
    if np.linalg.matrix_rank(spread_, hermitian=True) < len(moved):
        return NotEstimable("the contrasts between levels have no joint covariance of full rank")
    statistic, free = float(moved @ np.linalg.solve(spread_, moved)), len(moved)
    p = stats.chi2.sf(statistic, free) if np.isinf(df) else stats.f.sf(statistic / free, free, df)
    return Wald(statistic, free, df, float(p))


def _fit_level(
    sample: Sample, task: SubgroupTask, number: int, thresholds: Thresholds, seed: int
) -> LevelFit:
    """Estimate the crude rung and the rung on the rows of one level."""
    inside = np.asarray(task.level == number)
    rows = sample.rows(inside)
    arms = _arms(rows, task.rung)
    fit = LevelFit(
        name=task.names[number],
        n=rows.n,
        n_clusters=rows.n_clusters,
        arms=arms,
        crude=NotEstimable(""),
        adjusted=NotEstimable(""),
        terms=0,
        dropped=(),
    )
    refused = _refused(rows, arms, task.smallest_arm)
    if refused is not None:
        return replace(fit, crude=refused, adjusted=refused)
    dropped = _constant(rows, task.rung.terms)
    rung = replace(
        task.rung,
        terms=tuple(term for term in task.rung.terms if term not in dropped),
        estimator=without_terms(task.rung.estimator, dropped),
    )
    rows = replace(rows, w=rows.w / rows.w.mean())
    adjusted = _attempt(rows, (task.crude, rung), thresholds, seed)
    if isinstance(adjusted, FittedRung):
        pair = (adjusted.crude, adjusted.estimates)  # on the same rows, which may be fewer
        crude_, adjusted_ = (_difference(one, inside, sample) for one in pair)
        fit = replace(
            fit,
            n=adjusted.n,
            n_clusters=adjusted.n_clusters,
            narrowed=adjusted.estimates.target_note,
            failed=tuple(one for one in adjusted.diagnostics if one.verdict == "FAIL"),
        )
        if _left(rows, rung, fit) < task.smallest_arm:
            adjusted_ = NotEstimable(
                "some rows have no match or are trimmed, which leaves an arm fewer than "
                f"{task.smallest_arm}"
            )
    else:
        crude = _attempt(rows, (task.crude,), thresholds, seed)
        alone = crude.estimates if isinstance(crude, FittedRung) else crude
        crude_, adjusted_ = _difference(alone, inside, sample), adjusted
    if _of_instrument(task.rung):
        crude_ = NotEstimable(OTHER_QUESTIONS[task.rung.estimator.estimand])
    return replace(fit, crude=crude_, adjusted=adjusted_, terms=len(rung.terms), dropped=dropped)


def _of_instrument(rung: RungTask) -> bool:
    """Tell whether a rung is about the instrument itself: its first stage, or its effect."""
    return rung.estimator.estimand in OF_INSTRUMENT


def _arms(rows: Sample, rung: RungTask) -> tuple[int, int] | None:
    """Count rows with a known outcome in both arms: of exposure, or of the rung's instrument."""
    values = rows.a if rows.exposure_kind == "binary" else None
    if _of_instrument(rung):
        z = rows.with_instruments(rung.instruments).z
        alone = z is not None and z.shape[1] == 1 and bool(np.isin(z, (0.0, 1.0)).all())
        values = z[:, 0] if alone and z is not None else None
    if values is None:
        return None
    seen = values[rows.observed]
    return int((seen == 0).sum()), int((seen == 1).sum())


def _left(rows: Sample, rung: RungTask, fit: LevelFit) -> float:
    """Count the rows of the smaller arm that a narrowed target leaves; infinite where it is not."""
    if not fit.narrowed:
        return math.inf
    sample = rows.with_terms(rung.terms)
    sample = sample.rows(usable_rows(sample, rung.estimator))
    weights = rung.estimator.weights(sample, NuisanceStore())
    if weights is None:
        return math.inf
    used = sample.a[(weights > 0) & sample.observed]
    return min(int((used == 0).sum()), int((used == 1).sum()))


def _attempt(
    rows: Sample, tasks: tuple[RungTask, ...], thresholds: Thresholds, seed: int
) -> FittedRung | NotEstimable:
    """Fit the last of some rungs to the rows of a level; what cannot be fitted is a reason."""
    try:
        return fit_rungs(rows, tasks, thresholds, seed)[-1]
    except CausalError as error:
        return NotEstimable(error.message)


def _difference(
    found: Estimates | NotEstimable, inside: Bools, sample: Sample
) -> Estimates | NotEstimable:
    """Give the additive contrast of a fit, its influence values spread over the whole sample."""
    if isinstance(found, NotEstimable):
        return found
    scale: Scale = "risk_difference" if sample.in_risks else "mean_difference"
    contrast = found.contrast(scale)
    if isinstance(contrast, NotEstimable):
        return contrast
    if not contrast.covariance[0, 0] > 0:
        return NotEstimable("its standard error is 0, so that nothing can be said of its precision")
    return spread(contrast, inside, sample)


def _refused(rows: Sample, arms: tuple[int, int] | None, smallest: int) -> NotEstimable | None:
    """Say why a level is not estimated, before anything is fitted."""
    known = rows.y[rows.observed]
    sizes = arms or [int((rows.a[rows.observed] == arm).sum()) for arm in range(len(rows.levels))]
    if sizes and min(sizes) < smallest:
        return NotEstimable(f"an arm has fewer than {smallest} rows with a known outcome")
    if len(known) < smallest:
        return NotEstimable(f"fewer than {smallest} rows have a known outcome")
    if np.ptp(known) == 0:
        return NotEstimable("the outcome does not vary in this level")
    return None


def _constant(rows: Sample, terms: Sequence[str]) -> tuple[str, ...]:
    """Name the terms that have one value only, missing ones apart."""
    known = {term: rows.x_of(term)[~np.isnan(rows.x_of(term)), None] for term in terms}
    return tuple(term for term, column in known.items() if not varies(column)[0])


def _covariance(known: Sequence[Estimates]) -> Floats | NotEstimable:
    """Give the joint covariance of the levels' differences."""
    joint = np.diag([float(one.covariance[0, 0]) for one in known])
    if all(one.cluster is None and one.strata is None for one in known):
        return joint  # disjoint rows
    if any(isinstance(one.influence, NotEstimable) for one in known):
        return NotEstimable(
            "the estimator has no influence values, which clusters across levels need"
        )
    for i in range(len(known)):
        for j in range(i):
            joint[i, j] = joint[j, i] = known[i].joint(known[j]).covariance[0, 1]
    return joint


def _effect(value: float, variance: float, df: float, like: Estimates) -> Effect | NotEstimable:
    """Give a contrast between levels with its interval."""
    if not variance > 0:
        return NotEstimable("the contrast has no variance")
    std_error = float(np.sqrt(variance))
    lo, hi = inference.interval(float(value), std_error, df=df)
    scale: Scale = "mean_difference" if like.labels == ("mean_difference",) else "risk_difference"
    return Effect(scale, float(value), std_error, lo, hi, inference.LEVEL)

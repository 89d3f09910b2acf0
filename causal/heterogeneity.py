"""Effects as a function of modifiers, from doubly robust scores: numerics only, exploratory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.errors import CausalError
from causal.estimate import NotEstimable
from causal.estimators.cross_fitting import SEEDS, canonical_order, cross_fitted, training
from causal.estimators.glm import fit_glm
from causal.estimators.learners import learn
from causal.estimators.nuisance import NuisanceStore, folds_by_unit
from causal.estimators.weighting import clipped
from causal.heterogeneity_findings import (
    Exploration,
    GroupFinding,
    HeterogeneityFinding,
    Median,
    ModifierFinding,
    Slope,
)
from causal.seeding import generator
from causal.subgroups import wald

CLIP = (0.01, 0.99)
"""Propensities are kept from the ends where the rung does not say otherwise: one score of 100 times
a residual would be the group it falls into."""


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """What one division says: effects predicted by one half, looked at in the other."""

    calibration: Slope
    effects: tuple[Slope, ...]
    spread: Slope
    p_value: float
    rows: Ints
    arms: Ints
    predicted: Floats
    means: Floats


def explore(
    sample: Sample, exploration: Exploration, seed: int
) -> HeterogeneityFinding | NotEstimable:
    """Learn how the effect differs by modifiers.

    The projection uses everybody, by scores whose regressions saw others only. Sorting persons by
    predicted effects, and looking at the effects of those sorted, needs two samples: with folds
    that take turns, where the others' effects happen to rise those of the fold fall, and groups
    would differ too often. So persons are halved, one half learns and the other is looked at,
    several times over, and medians are taken.

    Parameters
    ----------
    sample : the rows of the analysis.
    seed : of the analysis.

    References
    ----------
    Kennedy (2023), doi:10.1214/23-EJS2157 (DR-learner); Semenova & Chernozhukov (2021),
    doi:10.1093/ectj/utaa027 (best linear projection of the scores); Chernozhukov, Demirer, Duflo
    & Fernández-Val (2018), doi:10.3386/w24678, sections 2 to 4 (calibration, sorted groups,
    medians over divisions).
    """
    rows = sample.with_terms(exploration.terms)
    if np.isnan(rows.x).any() or not (rows.observed.all() and rows.entered.all()):
        return NotEstimable("some rows have no outcome, exposure or covariate; scores need all")
    rng = generator(seed, "heterogeneity", *exploration.stream)
    try:
        score, moved = _scores(rows, exploration, int(rng.integers(SEEDS)))
        v = np.column_stack([rows.x_of(one) for one in exploration.columns])
        drawn = rng.integers(SEEDS, size=(exploration.divisions, 4)).tolist()
        halves = [_halve(rows, exploration, v, score, seeds) for seeds in drawn]
    except CausalError as problem:
        return NotEstimable(problem.message.rstrip("."))
    average, projection = _slopes(v[:, :0], score, rows)[0], project(v, score, rows, exploration)
    found = [one for one in halves if one is not None]
    if len(found) < len(halves):
        same = NotEstimable("the effects predicted are all the same")
        return HeterogeneityFinding(average, projection, same, same, same, same, moved)
    return HeterogeneityFinding(
        average=average,
        modifiers=projection,
        groups=_groups(found, exploration),
        spread=_median([one.spread for one in found]),
        groups_p=min(1.0, 2 * float(np.median([one.p_value for one in found]))),
        calibration=_median([one.calibration for one in found]),
        clipped=moved,
    )


def _scores(sample: Sample, exploration: Exploration, division: int) -> tuple[Floats, int]:
    r"""Give doubly robust scores of the effect, and how many propensities were clipped.

    .. math:: \Gamma_i = \hat\mu_1 - \hat\mu_0 + \frac{A_i(Y_i - \hat\mu_1)}{\hat e}
              - \frac{(1 - A_i)(Y_i - \hat\mu_0)}{1 - \hat e}

    Parameters
    ----------
    division : seed of the division of persons, each predicted from the other parts.
    """
    e, mu0, mu1 = cross_fitted(
        sample,
        exploration.propensity,
        exploration.outcome,
        exploration.folds,
        NuisanceStore(),
        np.random.default_rng(division),
    )
    e, free = clipped(e, exploration.clip)
    y, a = sample.y, sample.a
    score = mu1 - mu0 + a * (y - mu1) / e - (1 - a) * (y - mu0) / (1 - e)
    return score, int((~free).sum())


def _halve(
    sample: Sample, exploration: Exploration, v: Floats, score: Floats, seeds: list[int]
) -> _Half | None:
    """Let one half of the persons learn, and look at the other; None where nothing is learned.

    The learning half forms scores of its own, so that nothing of a person, not even through the
    regressions, is in what is predicted for her.

    Parameters
    ----------
    v, score : (n, q) and (n,) floats, columns of the modifiers, and everybody's scores.
    seeds : of the halves, the scores, the learner and ties.
    """
    learning = folds_by_unit(sample.unit, 2, np.random.default_rng(seeds[0])) == 0
    own = np.zeros(sample.n)
    own[learning], _ = _scores(sample.rows(learning), exploration, seeds[1])
    rows = training(sample, learning, v, own, seeds[2], binary=False)
    looked = sample.rows(~learning)
    predicted = learn(exploration.learner, rows)(v[~learning])
    if np.ptp(predicted) <= np.finfo(float).eps * max(1.0, float(np.abs(predicted).max())):
        return None
    group = sorted_groups(predicted, exploration.groups, looked, seeds[3])
    return _look(looked, group, predicted, score[~learning], v[~learning])


def _look(sample: Sample, group: Ints, predicted: Floats, score: Floats, v: Floats) -> _Half:
    """Give the effects of sorted groups, their contrast, and whether predictions are right.

    Parameters
    ----------
    group : (n,) ints from 0.
    predicted, score : (n,) floats; ``v`` (n, q) floats, to describe the groups by.
    """
    count = int(group.max()) + 1
    inside = np.column_stack([group == one for one in range(count)])
    weight = inside * sample.w[:, None]
    values = weight.T @ score / weight.sum(axis=0)
    influence = weight * (score[:, None] - values) / weight.mean(axis=0)
    covariance = _covariance(influence, sample, count)
    variance = float(covariance[0, 0] + covariance[-1, -1] - 2 * covariance[0, -1])
    test = wald(values, covariance, np.inf)
    exposed = inside.T @ sample.a
    return _Half(
        calibration=_slopes(predicted[:, None], score, sample)[1],
        effects=tuple(
            Slope(float(value), float(np.sqrt(own)))
            for value, own in zip(values, np.diag(covariance), strict=True)
        ),
        spread=Slope(float(values[-1] - values[0]), float(np.sqrt(variance))),
        p_value=1.0 if isinstance(test, NotEstimable) else test.p_value,
        rows=inside.sum(axis=0),
        arms=np.minimum(exposed, inside.sum(axis=0) - exposed).astype(np.int64),
        predicted=weight.T @ predicted / weight.sum(axis=0),
        means=weight.T @ v / weight.sum(axis=0)[:, None],
    )


def _groups(halves: Sequence[_Half], exploration: Exploration) -> tuple[GroupFinding, ...]:
    """Describe each group over the divisions."""
    predicted = np.median([one.predicted for one in halves], axis=0)
    means = np.median([one.means for one in halves], axis=0)
    return tuple(
        GroupFinding(
            rows=int(min(one.rows[at] for one in halves)),
            smallest_arm=int(min(one.arms[at] for one in halves)),
            predicted=float(predicted[at]),
            effect=_median([one.effects[at] for one in halves]),
            means=tuple(zip(exploration.columns, means[at].tolist(), strict=True)),
        )
        for at in range(exploration.groups)
    )


def _median(found: Sequence[Slope]) -> Median:
    """Combine what divisions say of one number.

    Half of the divisions may be misleading at once, so each interval leaves out half of what the
    level allows, and p-values count twice: Chernozhukov et al. (2018), section 4.
    """
    level = 1 - (1 - inference.LEVEL) / 2
    ends = np.array([inference.interval(one.value, one.std_error, level) for one in found])
    values = np.array([one.value for one in found])
    lo, hi = np.median(ends, axis=0)
    return Median(
        value=float(np.median(values)),
        lo=float(lo),
        hi=float(hi),
        p_value=min(1.0, 2 * float(np.median([one.p_value for one in found]))),
        split_sd=float(values.std(ddof=1)) if len(values) > 1 else None,
    )


def project(
    v: Floats, score: Floats, sample: Sample, exploration: Exploration
) -> tuple[ModifierFinding, ...] | NotEstimable:
    """Give the best linear projection of the effect on all modifiers at once.

    Parameters
    ----------
    v : (n, q) floats, the columns of the modifiers.
    score : (n,) floats.
    """
    fit = fit_glm(v, score, sample.w, "linear")
    if not fit.kept.all() or fit.rank < 1 + v.shape[1]:
        return NotEstimable("the modifiers determine one another, or one does not vary")
    values = fit.coefficients[1:] / fit.spread
    covariance = _covariance(fit.influence[:, 1:] / fit.spread, sample, fit.rank)
    found, start = [], 0
    for name, columns in exploration.modifiers:
        here = slice(start, start + len(columns))
        start += len(columns)
        own = covariance[here, here]
        slopes = tuple(
            (column, Slope(float(value), float(np.sqrt(variance))))
            for column, value, variance in zip(columns, values[here], np.diag(own), strict=True)
        )
        # all of them and a known zero the same: all of them zero
        test = wald(np.concatenate([[0.0], values[here]]), _beside_zero(own), np.inf)
        found.append(ModifierFinding(name, slopes, test))
    return tuple(found)


def sorted_groups(predicted: Floats, groups: int, sample: Sample, ties: int) -> Ints:
    """Put rows into equal groups by predicted effect.

    Parameters
    ----------
    ties : seed of the order in which persons with equal predictions are taken.

    Returns
    -------
    (n,) ints from 0, the lowest effect first.
    """
    persons, row = np.unique(sample.unit, return_inverse=True)
    drawn = np.random.default_rng(ties).permutation(len(persons))[row]
    place = np.empty(sample.n, dtype=np.int64)
    place[canonical_order(sample)] = np.arange(sample.n)
    group = np.empty(sample.n, dtype=np.int64)
    group[np.lexsort((place, drawn, predicted))] = np.arange(sample.n) * groups // sample.n
    return group


def _slopes(x: Floats, score: Floats, sample: Sample) -> tuple[Slope, ...]:
    """Regress scores on columns; the intercept, at the columns' means, first."""
    fit = fit_glm(x, score, sample.w, "linear")
    scale = np.concatenate([[1.0], fit.spread])
    covariance = _covariance(fit.influence / scale, sample, fit.rank)
    return tuple(
        Slope(float(value), float(np.sqrt(variance)))
        for value, variance in zip(fit.coefficients / scale, np.diag(covariance), strict=True)
    )


def _covariance(influence: Floats, sample: Sample, rank: int) -> Floats:
    """Give the covariance by clusters, where there are any, with the usual factor (HC1, CR1)."""
    factor = inference.small_sample_factor("HC1", sample.n, rank, sample.n_clusters)
    return factor * inference.covariance(influence, sample.cluster)


def _beside_zero(covariance: Floats) -> Floats:
    """Put a known zero before values: comparing all with it tests that all are zero."""
    size = len(covariance) + 1
    wider = np.zeros((size, size))
    wider[1:, 1:] = covariance
    return wider


def small_groups(groups: Sequence[GroupFinding], smallest: int) -> Bools:
    """Tell which groups have an arm with fewer rows than may be shown."""
    return np.array([one.smallest_arm < smallest for one in groups])

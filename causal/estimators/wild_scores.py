"""The wild bootstrap of scores: a set from influence values of few clusters, nothing refitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import Estimates, NotEstimable, Region
from causal.estimators.wild_draws import draw_multipliers
from causal.inference import LEVEL, cluster_sums

NO_SHARE = "a wild bootstrap has no set for a share; CR2, or CR1S with reference t, has one"


def with_score_set(
    estimates: Estimates, sample: Sample, draws: int, rng: np.random.Generator
) -> Estimates:
    """Put the set of the bootstrap of scores in the place of the interval of the difference."""
    if isinstance(estimates.influence, NotEstimable) or sample.cluster is None:
        return estimates  # refused before the fit
    contrast = np.ones(1)
    if len(estimates.values) > 1:
        contrast = np.zeros(len(estimates.values))
        contrast[list(estimates.pair)] = -1.0, 1.0
    sums = cluster_sums(estimates.influence @ contrast[:, None], sample.cluster)[:, 0]
    shares = cluster_sums(sample.w[:, None], sample.cluster)[:, 0] / sample.w.sum()
    multipliers = draw_multipliers(len(sums), draws, rng)
    std_error = float(np.sqrt(sums @ sums)) / sample.n
    half = score_quantile(sums, shares, multipliers.values) * std_error
    value = float(estimates.values @ contrast)
    return replace(
        estimates,
        region=Region(((value - half, value + half),)),
        region_note="wild bootstrap of scores (influence values multiplied by cluster, nothing "
        f"fitted again): {multipliers.said}",
        share_withheld=NO_SHARE,
    )


def score_quantile(
    sums: Floats, shares: Floats, multipliers: Floats, level: float = LEVEL
) -> float:
    r"""Give the largest statistic that is not rejected.

    .. math:: T^* = \sum_g \omega_g s_g \Big/ \sqrt{\sum_g \big(\omega_g s_g -
        \pi_g \sum_h \omega_h s_h\big)^2}

    Parameters
    ----------
    sums : (G,) floats, influence values added within clusters.
    shares : (G,) floats, the clusters' shares of the weight, which recentre.
    multipliers : (B, G) floats.

    References
    ----------
    Kline & Santos (2012), doi:10.1515/2156-6674.1006.
    """
    moved = multipliers * sums
    total = moved.sum(axis=1)
    spread = np.sqrt(((moved - shares * total[:, None]) ** 2).sum(axis=1))
    statistics = np.abs(np.divide(total, spread, out=np.zeros(len(total)), where=spread > 0))
    rejected = int(np.floor((1 - level) * len(statistics)))
    return float(np.sort(statistics)[::-1][rejected])

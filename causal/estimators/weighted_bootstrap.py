"""The weighted bootstrap of linear terms: residuals drawn with random signs and sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from causal import inference
from causal.arrays import Floats, read_only
from causal.cohort import Sample
from causal.estimate import Estimates, NotEstimable, Region
from causal.estimators.cross_fitting import canonical_order

GOLDEN = (1 + math.sqrt(5)) / 2
"""Mammen's two points are minus one over the golden ratio and the ratio itself."""
BLOCK = 2**22
"""Multipliers held at once: 32 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the bootstrap says of k parameters.

    Attributes
    ----------
    covariance : (k, k) floats, of the draws.
    moves : (draws, k) floats, how far each draw is from the estimate.
    """

    covariance: Floats
    moves: Floats


def draw_weighted(influence: Floats, draws: int, rng: np.random.Generator) -> Drawn:
    r"""Draw :math:`n^{-1} \sum_g \xi_g \psi_g` with independent multipliers.

    The multipliers have mean 0, variance 1 and third moment 1 (Mammen's two points), so that draws
    have the variance of the estimate, and its skewness.

    Parameters
    ----------
    influence : (g, k) floats, sums over independent units, divided by the number of rows.
    draws : how many.

    References
    ----------
    Mammen (1993), doi:10.1214/aos/1176349025; Otsu & Rai (2017),
    doi:10.1080/01621459.2016.1231613, section 2.
    """
    units = len(influence)
    moves = np.empty((draws, influence.shape[1]))
    width = max(1, BLOCK // units)
    for start in range(0, draws, width):
        size = min(width, draws - start)
        small = rng.random((size, units)) < GOLDEN / math.sqrt(5)
        moves[start : start + size] = np.where(small, -1 / GOLDEN, GOLDEN) @ influence
    return Drawn(np.cov(moves, rowvar=False, ddof=1), moves)


def with_draws(
    estimates: Estimates, sample: Sample, draws: int, *, clustered: bool, rng: np.random.Generator
) -> Estimates:
    """Let the covariance, and the set of the difference, come from weighted draws.

    Influence values stay, so that the fit pairs with others; what the draws make of the covariance
    stands in the place of what the influence values imply, by the declared small-sample factor.

    Parameters
    ----------
    estimates : two means with influence values.
    sample : the rows; draws are taken in an order that does not depend on how they are sorted.
    clustered : whether rows of a cluster are drawn together.
    """
    if isinstance(estimates.influence, NotEstimable):  # excluded by the caller
        return estimates
    cluster = sample.cluster if clustered else None
    implied = float(inference.covariance(estimates.influence, cluster)[0, 0])
    factor = float(estimates.covariance[0, 0]) / implied if implied > 0 else 1.0
    values = estimates.influence * math.sqrt(factor) / sample.n
    order = canonical_order(sample)
    summed = values[order]
    if cluster is not None:
        _, first, group = np.unique(cluster[order], return_index=True, return_inverse=True)
        place = np.argsort(np.argsort(first))  # clusters, too, in the order they come
        summed = inference.cluster_sums(summed, place[group])
    found = draw_weighted(summed, draws, rng)
    apart = found.moves[:, 1] - found.moves[:, 0]
    tail = (1 - inference.LEVEL) / 2
    low, high = np.quantile(apart, [tail, 1 - tail])
    difference = float(estimates.values[1] - estimates.values[0])
    return replace(
        estimates,
        covariance=read_only(found.covariance),
        region=Region(((difference - float(high), difference - float(low)),)),
        region_note=f"quantiles of {draws} weighted draws",
    )

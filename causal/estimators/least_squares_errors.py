"""Errors of least squares with few clusters: adjusted residuals, and the wild bootstrap's set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints, read_only
from causal.cohort import Sample
from causal.estimate import Estimates
from causal.estimators.few_clusters import bias_reduced, wild_set
from causal.estimators.variance import Variance
from causal.estimators.wild_draws import draw_multipliers
from causal.estimators.wild_scores import NO_SHARE


def reduced_residuals(
    sample: Sample, design: Floats, fitted: Floats, combination: Floats
) -> tuple[Floats, float]:
    """Give (n,) residuals adjusted for CR2, 0 in rows not used, and degrees of freedom."""
    used = sample.observed & (sample.w > 0)
    residuals = np.zeros(sample.n)
    found = bias_reduced(
        design[used],
        sample.y[used] - fitted[used],
        sample.w[used],
        clusters_or_rows(sample)[used],
        combination,
    )
    residuals[used] = found.residuals
    return residuals, found.df


def with_reduced_covariance(
    estimates: Estimates, influence: Floats, sample: Sample, df: float
) -> Estimates:
    """Replace the covariance by that of adjusted influence values, with their freedom."""
    covariance = inference.covariance(influence, sample.cluster)
    return replace(estimates, covariance=read_only(covariance), df=df)


def with_wild_least_squares(
    sample: Sample, x: Floats, estimates: Estimates, variance: Variance, rng: np.random.Generator
) -> Estimates:
    """Add the set of the wild cluster bootstrap of least squares."""
    used = sample.observed & (sample.w > 0)
    cluster = clusters_or_rows(sample)[used]
    multipliers = draw_multipliers(len(np.unique(cluster)), variance.draws, rng)
    region = wild_set(sample.y[used], sample.a[used], x[used], sample.w[used], cluster, multipliers)
    return replace(
        estimates,
        region=region,
        region_note=f"wild cluster bootstrap, the tested value imposed: {multipliers.said}",
        share_withheld=NO_SHARE,
    )


def clusters_or_rows(sample: Sample) -> Ints:
    """Give the clusters, which ``check_variance`` has made sure of; rows where there are none."""
    return np.arange(sample.n) if sample.cluster is None else sample.cluster

"""Fits that differ in the random division of the sample only: their mean, or the middle one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from causal import inference
from causal.arrays import Floats, read_only
from causal.estimate import Estimates, NotEstimable


def combine_divisions(fits: Sequence[Estimates], how: Literal["mean", "median"]) -> Estimates:
    """Combine fits that differ in the random division of the sample only, by mean or median."""
    one = average_divisions(fits) if how == "mean" else median_division(fits)
    one = replace(one, divisions=len(fits))
    counts = [fit.bounded for fit in fits if fit.bounded is not None]
    return replace(one, bounded=max(counts)) if counts else one


def average_divisions(fits: Sequence[Estimates]) -> Estimates:
    r"""Average fits that differ in the random division of the sample only.

    By the law of total variance, the mean :math:`\bar\theta` of S divisions has the variance of
    what it would be over all divisions, and that of the S drawn around it, given the data:

    .. math:: V(\bar\theta) = V\{E(\bar\theta \mid \text{data})\}
              + E\{V(\theta_s \mid \text{data})\} / S

    The first is that of the averaged influence values, the second the covariance between divisions
    over S, which vanishes as more are drawn.

    References
    ----------
    The division's part of the error, and averaging over it: Chernozhukov et al. (2018),
    doi:10.1111/ectj.12097, section 3.4. The variance is not that of their definition 3.3, whose
    mean rule averages :math:`\hat\sigma_s^2 + (\theta_s - \bar\theta)^2`: that is the error of
    one division, and does not shrink with S; see ADR 21.
    """
    first = fits[0]
    influences = [one.influence for one in fits if not isinstance(one.influence, NotEstimable)]
    if len(fits) == 1 or len(influences) < len(fits):
        return first
    values = np.array([one.values for one in fits])
    spread = np.atleast_2d(np.cov(values, rowvar=False, ddof=1))
    influence = np.mean(influences, axis=0)
    own = inference.covariance(influence, first.cluster, first.strata)
    single = inference.covariance(influences[0], first.cluster, first.strata)
    factor = first.covariance[0, 0] / single[0, 0]  # the declared small-sample factor
    return replace(
        first,
        values=read_only(values.mean(axis=0)),
        influence=read_only(influence),
        covariance=read_only(factor * own + spread / len(fits)),
        split_sd=float((values @ _contrast(first)).std(ddof=1)),
    )


def median_division(fits: Sequence[Estimates]) -> Estimates:
    r"""Give the division in the middle: the median difference, with the median of its variances.

    Values and influence values are those of the division whose difference is the median (of the
    two in the middle, averaged, when their number is even). Each division's covariance
    :math:`\hat V_s` grows by its distance from there, :math:`(\hat\theta_s - \tilde\theta)
    (\hat\theta_s - \tilde\theta)'`; the one whose difference has the median variance is kept.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, definition 3.3, equations 3.13 and 3.14.
    """
    first = fits[0]
    influences = [one.influence for one in fits if not isinstance(one.influence, NotEstimable)]
    if len(fits) == 1 or len(influences) < len(fits):
        return first
    values = np.array([one.values for one in fits])
    contrast = _contrast(first)
    middle = _middle(values @ contrast)
    value = values[middle].mean(axis=0)
    away = values - value
    covariances = np.array([one.covariance for one in fits]) + np.einsum("si,sj->sij", away, away)
    typical = _middle(np.einsum("i,sij,j->s", contrast, covariances, contrast))
    return replace(
        first,
        values=read_only(value),
        influence=read_only(np.mean([influences[i] for i in middle], axis=0)),
        covariance=read_only(covariances[typical].mean(axis=0)),
        split_sd=float((values @ contrast).std(ddof=1)),
    )


def _contrast(one: Estimates) -> Floats:
    """Give what takes the difference of the two means compared, or leaves a single coefficient."""
    if len(one.values) == 1:
        return np.ones(1)
    taken = np.zeros(len(one.values))
    taken[list(one.pair)] = -1.0, 1.0
    return taken


def _middle(numbers: Floats) -> list[int]:
    """Give the position of the median; of both in the middle when their number is even."""
    order = np.argsort(numbers, kind="stable")
    first, last = (len(order) - 1) // 2, len(order) // 2
    return [int(i) for i in order[first : last + 1]]

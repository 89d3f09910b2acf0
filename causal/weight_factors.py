"""Weights a rung multiplies, one by one and together: how uneven, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample

PRODUCT = "product"
"""The name of all factors together."""


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """One factor of a rung's weights, on the rows the product leaves any weight.

    Attributes
    ----------
    name : the factor; ``product`` for all of them together.
    rows : rows with a product above 0.
    mean, lowest, highest : of the factor, as it is.
    variation : its coefficient of variation.
    effective : rows of equal weight that would say as much of a mean.
    design_effect : rows over effective rows.
    """

    name: str
    rows: int
    mean: float
    lowest: float
    highest: float
    variation: float
    effective: float
    design_effect: float


def summarise_weights(
    sample: Sample, factors: tuple[tuple[str, Floats], ...]
) -> tuple[WeightSummary, ...]:
    """Describe each factor of a rung's weights, and their product where there are several.

    Parameters
    ----------
    sample : the rung's rows; ``w`` is a factor unless it is one throughout.
    factors : name and (n,) weights of what the rung multiplies it with.
    """
    named = list(factors)
    if np.ptp(sample.w) > 0:
        named.insert(0, ("persons" if sample.strata is None else "survey", sample.w))
    if not named:
        return ()
    product = np.prod([values for _, values in named], axis=0) * sample.observed
    used = product > 0
    found = [_summary(name, values, used) for name, values in named]
    if len(named) > 1:
        found.append(_summary(PRODUCT, product, used))
    return tuple(found)


def kish_design_effect(w: Floats) -> float:
    r"""Give by what uneven weights multiply the variance of a mean.

    .. math:: n \sum_i w_i^2 \Big/ \Big(\sum_i w_i\Big)^2 = 1 + \mathrm{CV}^2(w)

    if the weights have nothing to do with what is averaged.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7; Kish (1992), Journal of Official Statistics 8:183.
    """
    return float(len(w) * np.sum(w**2) / np.sum(w) ** 2)


def _summary(name: str, values: Floats, used: Bools) -> WeightSummary:
    """Describe one factor on some rows."""
    w = values[used]
    effect = kish_design_effect(w)
    return WeightSummary(
        name=name,
        rows=len(w),
        mean=float(w.mean()),
        lowest=float(w.min()),
        highest=float(w.max()),
        variation=float(np.sqrt(max(effect - 1, 0.0))),
        effective=len(w) / effect,
        design_effect=effect,
    )

"""How much each measured block of covariates moves a linear predictor: a yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.cohort import TIME
from causal.estimate import NotEstimable
from causal.estimators.balancing import Balancing
from causal.estimators.base import Estimator
from causal.estimators.glm import NuisanceFit
from causal.estimators.linear_probability import LinearProbability
from causal.estimators.nuisance import PropensityModel

NOTHING = 1e-9
"""A block that moves the linear predictor by less is no yardstick."""


@dataclass(frozen=True, slots=True)
class BlockEffect:
    """What a concept's columns move a linear predictor by, across their interquartile range."""

    concept: str
    effect: float


def adjusted_terms(estimator: Estimator) -> tuple[str, ...] | None:
    """Give the terms an estimator adjusts exposure for; None where that is all of the sample's.

    A weighting estimator's sample also holds the terms of follow-up, which may be measured after
    exposure.
    """
    propensity = getattr(estimator, "propensity", None)
    if isinstance(propensity, PropensityModel):
        return propensity.terms
    return estimator.terms if isinstance(estimator, LinearProbability | Balancing) else None


def contributions(
    fit: NuisanceFit, x: Floats, concepts: Sequence[str]
) -> tuple[Floats, tuple[str, ...]]:
    """Give each column times its coefficient, and its concept, for the columns that vary.

    Parameters
    ----------
    fit : a regression on the columns of ``x``.
    x : (n, q) floats.
    concepts : q names; empty for columns that belong to no block.
    """
    named = tuple(c for c, kept in zip(concepts, fit.kept, strict=True) if kept)
    return fit.design(x)[:, 1:] * fit.coefficients[1:], named


def block_effects(columns: Floats, concepts: Sequence[str]) -> list[BlockEffect]:
    """Measure each concept's block, the largest effect first.

    The columns of a concept are added up. Their sum's interquartile range over the rows is its
    effect; the whole range where the sum has two values only (a yes or no) or where its middle
    half does not vary. A design's own time indicators are no block.

    Parameters
    ----------
    columns : (n, q) floats, columns times coefficients.
    concepts : q names; empty for columns that belong to no block.
    """
    found = []
    for concept in dict.fromkeys(concepts):
        if concept in ("", TIME):
            continue
        total = columns[:, [c == concept for c in concepts]].sum(axis=1)
        low, high = np.quantile(total, [0.25, 0.75])
        effect = float(high - low)
        if len(np.unique(total)) <= 2 or effect <= NOTHING:
            effect = float(np.ptp(total))
        found.append(BlockEffect(concept, effect))
    return sorted(found, key=lambda one: -one.effect)


def in_blocks(size: float, effects: Sequence[BlockEffect]) -> tuple[float | NotEstimable, str]:
    """Count a change of a linear predictor in effects of the strongest block.

    Parameters
    ----------
    size : not negative; infinite where no change is enough.
    effects : the largest first.

    Returns
    -------
    The multiple, and the strongest block's name in words (empty where there is none).
    """
    if size == 0:
        return 0.0, effects[0].concept.replace("_", " ") if effects else ""
    if not effects or effects[0].effect <= NOTHING:
        return NotEstimable("no measured block moves it, so there is nothing to compare with"), ""
    return size / effects[0].effect, effects[0].concept.replace("_", " ")

"""Weighted means of both arms, with influence values that know how the weights were fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError, SpecError
from causal.estimators.nuisance import ObservationFit
from causal.estimators.regression import AverageTarget, arm_means, over_target


@dataclass(frozen=True, slots=True, eq=False)
class WeightFit:
    """Weights that balance the arms, and how they move with what was fitted.

    Attributes
    ----------
    weights : (n,) floats, not yet multiplied with the rows' own; 0 where a row is left out.
    slopes : (n,) floats, derivative of each weight in its linear predictor; 0 where it is fixed.
    design : (n, p) floats, of that linear predictor.
    influence : (n, p) floats for the unexposed and for the exposed, of the coefficients the
        weights of that arm move with; twice the same for a propensity.
    """

    weights: Floats
    slopes: Floats
    design: Floats
    influence: tuple[Floats, Floats]


def weighted_means(
    sample: Sample,
    fit: WeightFit,
    *,
    chained: bool = True,
    follow_up: tuple[ObservationFit, ...] = (),
    over: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Give both weighted means (Hájek: weights sum to one an arm) with (n, 2) influence values.

    Parameters
    ----------
    sample : the rows.
    fit : the weights.
    chained : let the sampling error of what was fitted into the influence values.
    follow_up : regressions of being seen and of having an outcome; their inverses multiply the
        weights.
    over : (n,) floats, ones for the rows averaged over: weights are then left as they are and the
        totals divided by the number of these rows (Horvitz & Thompson), not by the weights' sum.

    Raises
    ------
    PositivityError
        An arm has no weight left.

    References
    ----------
    Lunceford & Davidian (2004), doi:10.1002/sim.1903, section 3; Horvitz & Thompson (1952),
    doi:10.1080/01621459.1952.10483446; Robins, Rotnitzky & Zhao (1995),
    doi:10.1080/01621459.1995.10476493 (loss to follow-up).
    """
    base = sample.w * sample.observed
    for one in follow_up:
        base = base / one.fit.fitted
    weight = base * fit.weights
    for arm in (0, 1):
        if not np.any(weight[sample.a == arm] > 0):
            raise PositivityError(
                f"trimming leaves nobody with exposure {arm}. Trim less, or not at all."
            )
    if over is None:
        values, influence = arm_means(sample.y, sample.a, weight)
    else:
        values, influence = arm_totals(sample.y, sample.a, weight, sample.w * over)
    if not chained:
        return values, influence
    slopes = base * fit.slopes
    known = np.where(sample.observed, sample.y, 0.0)
    for arm in (0, 1):
        in_arm = sample.a == arm
        size = (weight * in_arm if over is None else sample.w * over).mean()
        centred = in_arm * (known - (values[arm] if over is None else 0.0))
        gradient = (slopes * centred) @ fit.design / sample.n
        influence[:, arm] += fit.influence[arm] @ gradient / size
        for one in follow_up:
            moved = weight * centred * (1 - one.fit.fitted)
            gradient = -moved @ one.design / sample.n
            influence[:, arm] += one.fit.influence @ gradient / size
    return values, influence


def arm_totals(y: Floats, a: Floats, weight: Floats, over: Floats) -> tuple[Floats, Floats]:
    """Give the weighted total of each arm over the size of the target, and influence values.

    Parameters
    ----------
    y : (n,) floats; NaN allowed where ``weight`` is 0.
    a : (n,) floats, 0/1.
    weight, over : (n,) floats, weights of the outcomes, and survey weights of the target's rows.
    """
    known = np.where(weight > 0, y, 0.0)
    totals = np.column_stack([weight * (a == arm) * known for arm in (0, 1)])
    values = totals.mean(axis=0) / over.mean()
    return values, (totals - over[:, None] * values) / over.mean()


def counted_rows(sample: Sample, target: AverageTarget) -> Floats:
    """Give ones for the rows of a target, whose number totals are divided by.

    Raises
    ------
    SpecError
        Persons whose exposure nobody saw may or may not belong to the target.
    """
    if target != "ATE" and not sample.entered.all():
        raise SpecError(
            f"normalised: false counts the rows of the {target}, and the exposure of "
            f"{int((~sample.entered).sum())} rows is unknown. Leave normalised at true."
        )
    return over_target(sample.a, target)

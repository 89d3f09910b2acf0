"""Time to an event: Kaplan-Meier (Aalen-Johansen) curves, crude and weighted by the propensity."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from causal.arrays import Floats, Ints
from causal.clock import Clock
from causal.cohort import OutcomeKind, Sample
from causal.errors import OutcomeError
from causal.estimate import Estimates
from causal.estimators.base import Crude, from_influence
from causal.estimators.nuisance import NuisanceStore, ObservationFit
from causal.estimators.survival_curves import last_at_risk, product_limit
from causal.estimators.survival_profile import curve_estimates
from causal.estimators.weighted_means import WeightFit
from causal.estimators.weighting import InverseWeights


class KaplanMeier(Crude):
    """The crude contrast of risks by a time: one minus Kaplan and Meier's curve of each arm.

    With competing events it is Aalen and Johansen's cumulative incidence.

    Assumptions
    -----------
    For the association: censoring says nothing of the event, given exposure. It is an effect only
    if exposure were assigned at random.

    References
    ----------
    Kaplan & Meier (1958), doi:10.1080/01621459.1958.10501452; Aalen & Johansen (1978), Scand J
    Stat 5:141; standard errors are Greenwood's.
    """

    kind: Literal["kaplan_meier"] = "kaplan_meier"
    outcomes: ClassVar[tuple[OutcomeKind, ...]] = ("survival",)

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both curves."""
        weight = sample.w * sample.observed
        values, slopes = both_arms(sample, weight)
        fit = from_influence(values, weight[:, None] * slopes, sample, self.variance, self.estimand)
        return curve_estimates(fit, sample)


class WeightedKaplanMeier(InverseWeights):
    """Kaplan-Meier curves weighted by the inverse probability of the exposure had.

    Settings are those of ``ipw``, weights for follow-up included.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, a correctly specified
    propensity, and censoring that says nothing of the event given exposure (not given covariates:
    for that use ``survival_aipw``).

    References
    ----------
    Cole & Hernán (2004), doi:10.1016/j.cmpb.2003.10.004; Xie & Liu (2005), doi:10.1002/sim.2174;
    the standard error lets the fitted propensity in, as for ``ipw``.
    """

    kind: Literal["ipw_kaplan_meier"] = "ipw_kaplan_meier"
    outcomes: ClassVar[tuple[OutcomeKind, ...]] = ("survival",)

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both weighted curves."""
        fit = self.fit_weights(sample, nuisances)
        follow_up = self.follow_up(sample)
        values, influence = weighted_curves(
            sample, fit, chained=self.knows_fitting, follow_up=follow_up
        )
        note = self.narrowing(sample, nuisances)
        own = from_influence(
            values, influence, sample, self.variance, self.estimand, target_note=note
        )
        return curve_estimates(own, sample)


def both_arms(sample: Sample, weight: Floats) -> tuple[Floats, Floats]:
    """Give the functionals of both arms, and how they move with every row's weight.

    Parameters
    ----------
    weight : (n,) floats; 0 where a row does not count.

    Returns
    -------
    (2m,) values, the unexposed first, and (n, 2m) slopes.

    Raises
    ------
    OutcomeError
        Somebody of an arm is lost before the end of the curve and nobody followed to it, or nobody
        has the event by the horizon that is compared.
    """
    clock, event, time = timed(sample)
    fits = []
    for arm in (0, 1):
        here = np.where(sample.a == arm, weight, 0.0)
        refuse_short_follow_up(time, event, here, clock, arm)
        fits.append(product_limit(time, event, here, clock))
    return (
        np.concatenate([one.values for one in fits]),
        np.hstack([one.slopes for one in fits]),
    )


def weighted_curves(
    sample: Sample,
    fit: WeightFit,
    *,
    chained: bool,
    follow_up: tuple[ObservationFit, ...] = (),
) -> tuple[Floats, Floats]:
    """Give the functionals of both weighted arms with (n, 2m) influence values.

    As ``weighted_means`` for means: what was fitted moves the weights, and the weights the curve.

    Parameters
    ----------
    fit : the weights that balance the arms.
    chained : let the sampling error of what was fitted into the influence values.
    follow_up : regressions of being seen and of having a time; inverses multiply the weights.
    """
    base = sample.w * sample.observed
    for one in follow_up:
        base = base / one.fit.fitted
    weight = base * fit.weights
    values, slopes = both_arms(sample, weight)
    influence = weight[:, None] * slopes
    if not chained:
        return values, influence
    m = len(values) // 2
    for arm in (0, 1):
        columns = slice(arm * m, (arm + 1) * m)
        in_arm = slopes[:, columns] * (sample.a == arm)[:, None]
        gradient = fit.design.T @ ((base * fit.slopes)[:, None] * in_arm) / sample.n
        influence[:, columns] += fit.influence[arm] @ gradient
        for one in follow_up:
            moved = (weight * (1 - one.fit.fitted))[:, None] * in_arm
            influence[:, columns] -= one.fit.influence @ (one.design.T @ moved / sample.n)
    return values, influence


def timed(sample: Sample) -> tuple[Clock, Ints, Floats]:
    """Give clock, events and times of a sample; times are 0 where they are not known."""
    if sample.clock is None or sample.event is None:
        raise OutcomeError(
            "this estimator needs times to an event. Say time_to_event in the design, or choose "
            "another estimator."
        )
    return sample.clock, sample.event, np.where(sample.observed, sample.y, 0.0)


def refuse_short_follow_up(time: Floats, event: Ints, w: Floats, clock: Clock, arm: int) -> None:
    """Refuse a curve that ends before its last time, or an arm without the event.

    Raises
    ------
    OutcomeError
        Naming the arm, and the last day anybody of it was followed.
    """
    name = ("unexposed", "exposed")[arm]
    last = last_at_risk(time, w)
    if last < clock.tau and np.any((w > 0) & (time == last) & (event == 0)):  # some were left
        raise OutcomeError(
            f"the last of the {name} was followed up to {last:g} {clock.unit}, so that the curve "
            f"up to {clock.tau:g} is not known. Set time_to_event.tau and horizons to {last:g} or "
            "less."
        )
    if not np.any((w > 0) & (event == 1) & (time <= clock.compare)):
        raise OutcomeError(
            f"nobody {name} had the event ({clock.event}) by {clock.compare:g} {clock.unit}, so "
            "its risk has no standard error. Compare at a later horizon, or choose another "
            "exposure."
        )

"""Targeted maximum likelihood: outcome regressions moved until their plug-in is doubly robust."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.errors import OutcomeError
from causal.estimate import Estimates
from causal.estimators.doubly_robust import FollowedRobust
from causal.estimators.followed_means import ArmMean, Fitted, plain_arms
from causal.estimators.regression import AverageTarget
from causal.estimators.weighting import balancing_weights, weight_slopes

BOUND = 0.0005
"""Initial predictions stay this far from the ends of the range: one minus alpha of R's tmle."""
XTOL, RTOL = 1e-15, 1e-14
"""Where the search for the root of a score, which is monotone, stops: at rounding."""


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse a range that is empty or not finite."""
    if not (np.isfinite(bounds).all() and bounds[0] < bounds[1]):
        raise ValueError("range takes the lowest and the highest possible outcome, such as [0, 42]")
    return bounds


Range: TypeAlias = Annotated[tuple[float, float], AfterValidator(_ascending)]


class TMLE(FollowedRobust):
    """Targeted maximum likelihood: predictions moved on the logit scale by a clever covariate.

    Both means stay within the range of the outcome, however large the weights are, unlike those
    of ``aipw``. With ``cross_fit`` predictions are those from other persons and one move serves
    all (CV-TMLE).

    Attributes
    ----------
    target : ``ATE``, ``ATT`` or ``ATC``; the exposed mean of the ATT, and the unexposed mean of
        the ATC, are taken as observed.
    propensity, outcome : the two regressions, or what they are learned with.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once.
    range : lowest and highest possible outcome, which a continuous outcome must declare.
    bound : how far initial predictions are kept from the ends of the range, as a share of it;
        the number of rows concerned is reported.
    observation, entry : regressions of having an outcome, and of being seen at the exposure
        interview; rows are weighted by their inverses where predictions are moved, the exposed of
        the ATT too.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and at least one of the
    two regressions correctly specified. The standard error takes both as correct; with learners,
    the product of both errors must vanish faster than one over the root of n. With follow-up
    weighed for, as for ``aipw``.

    References
    ----------
    van der Laan & Rubin (2006), doi:10.2202/1557-4679.1043; Gruber & van der Laan (2010),
    doi:10.2202/1557-4679.1260 (bounded continuous outcomes); Zheng & van der Laan (2011),
    doi:10.1007/978-1-4419-9782-1_27 (CV-TMLE).
    """

    kind: Literal["tmle"] = "tmle"
    range: Range | None = None
    bound: float = Field(default=BOUND, gt=0, lt=0.1)

    def _once(self, sample: Sample, e: Floats, mu0: Floats, mu1: Floats) -> Estimates:
        """Target the predictions of one division of the sample, or of none."""
        low, high = self._limits(sample)
        unit = replace(sample, y=(sample.y - low) / (high - low))
        start0, start1 = ((mu - low) / (high - low) for mu in (mu0, mu1))
        q0, q1, outside = bounded(start0, start1, self.bound)
        e = self._weighable(sample, e)
        q0, q1 = targeted_means(unit, e, q0, q1, self.target)
        fit = self._from_scores(sample, e, low + (high - low) * q0, low + (high - low) * q1)
        return replace(fit, bounded=outside)

    def arms(
        self, sample: Sample, fitted: Fitted, e: Floats, free: Bools
    ) -> tuple[tuple[ArmMean, ArmMean], int | None]:
        """Target the predictions of both arms on the followed, weighted by whom they stand for."""
        low, high = self._limits(sample)
        width, plain = high - low, plain_arms(fitted)
        raw0, raw1 = ((one.mu - low) / width for one in plain)
        q0, q1, outside = bounded(raw0, raw1, self.bound)
        y = (np.where(sample.observed, sample.y, low) - low) / width
        found = []
        for arm, (start, one) in enumerate(zip((q0, q1), plain, strict=True)):
            level = np.full(sample.n, float(arm))
            clever = balancing_weights(e, level, self.target)
            seen, w = sample.observed & (sample.a == arm), sample.w * fitted.standing.outcome
            offset = np.log(start / (1 - start))
            step = fluctuate(y[seen], offset[seen], clever[seen], w[seen], arm)
            q = _expit(offset + step * clever)
            bend = width * q * (1 - q)
            inside = (start == (one.mu - low) / width) / (width * start * (1 - start))
            slope = weight_slopes(e, level, self.target) * free
            over = sample.w * (1.0 if self.target == "ATE" else _exposed(sample, fitted))
            pull = 1.0
            if fitted.outcome is not None:  # by implicit differentiation of the score in the step
                pull = float(np.sum(over * bend * clever) / np.sum((w * bend * clever**2)[seen]))
            found.append(
                ArmMean(low + width * q, bend * inside * one.by_outcome, bend * step * slope, pull)
            )
        return (found[0], found[1]), outside

    def _limits(self, sample: Sample) -> tuple[float, float]:
        """Give the range of the outcome.

        Raises
        ------
        OutcomeError
            A continuous outcome has no declared range, or leaves it.
        """
        if self.range is None and sample.outcome_kind == "binary":
            return 0.0, 1.0
        if self.range is None:
            raise OutcomeError(
                "tmle keeps predictions within the range of the outcome, and a continuous outcome "
                "has none declared. Give range: [lowest, highest possible value], from the "
                "instrument rather than from the data."
            )
        low, high = self.range
        known = sample.y[sample.observed]
        found = float(known.min()), float(known.max())
        if found[0] < low or found[1] > high:
            raise OutcomeError(
                f"outcomes go from {found[0]:g} to {found[1]:g}, outside the declared range "
                f"{low:g} to {high:g}. Mend range."
            )
        return low, high


def bounded(mu0: Floats, mu1: Floats, bound: float) -> tuple[Floats, Floats, int]:
    """Keep two predictions, on the scale of 0 to 1, away from its ends; count the rows concerned.

    Parameters
    ----------
    mu0, mu1 : (n,) floats.
    bound : smallest distance from 0 and 1.
    """
    inside = [np.clip(mu, bound, 1 - bound) for mu in (mu0, mu1)]
    moved = (inside[0] != mu0) | (inside[1] != mu1)
    return inside[0], inside[1], int(moved.sum())


def targeted_means(
    sample: Sample, e: Floats, mu0: Floats, mu1: Floats, target: AverageTarget
) -> tuple[Floats, Floats]:
    r"""Move both predictions along their clever covariates until the scores of them are zero.

    .. math:: \mathrm{logit}\, \hat\mu_a^* = \mathrm{logit}\, \hat\mu_a + \hat\epsilon_a h_a

    with :math:`h_1 = 1/e`, :math:`h_0 = 1/(1-e)`; :math:`h_0 = e/(1-e)` for the ATT, and
    :math:`h_1 = (1-e)/e` for the ATC. Each is a logistic regression of the outcome on one covariate
    with offset, in the arm it is seen in.

    Parameters
    ----------
    sample : rows, outcomes within 0 and 1.
    e, mu0, mu1 : (n,) floats, strictly within 0 and 1.

    References
    ----------
    Gruber & van der Laan (2010), doi:10.2202/1557-4679.1260, section 3.
    """
    moved = []
    for arm, mu in enumerate((mu0, mu1)):
        if (target == "ATT" and arm == 1) or (target == "ATC" and arm == 0):
            moved.append(mu)
            continue
        clever = balancing_weights(e, np.full(sample.n, float(arm)), target)
        seen = sample.a == arm
        offset = np.log(mu / (1 - mu))
        step = fluctuate(sample.y[seen], offset[seen], clever[seen], sample.w[seen], arm)
        moved.append(_expit(offset + step * clever))
    return moved[0], moved[1]


def fluctuate(y: Floats, offset: Floats, clever: Floats, w: Floats, arm: int) -> float:
    """Fit the one coefficient of a logistic regression with offset and no intercept.

    Parameters
    ----------
    y : (m,) floats within 0 and 1.
    offset, clever, w : (m,) floats, initial linear predictor, covariate and weights.
    arm : the exposure of these rows, for the message.

    Raises
    ------
    OutcomeError
        There is no finite maximum: all outcomes of the arm are at one end of the range.
    """
    from scipy.optimize import brentq

    weighed = y[w * clever > 0]
    if not len(weighed) or weighed.min() >= 1 or weighed.max() <= 0:
        raise OutcomeError(
            f"all {len(y)} outcomes with exposure {arm} lie at one end of the range, or weigh "
            "nothing, so no finite move of their predictions fits them. Widen the population, or "
            "declare the range the outcome could have had."
        )

    def score(step: float) -> float:
        return float(np.mean(w * clever * (y - _expit(offset + step * clever))))

    reach = 1.0 / float(clever.max())
    while score(-reach) < 0 or score(reach) > 0:  # it falls from above 0 to below: there is one
        reach *= 2
    return float(brentq(score, -reach, reach, xtol=XTOL * reach, rtol=RTOL))


def _exposed(sample: Sample, fitted: Fitted) -> Floats:
    """Give what each exposed row stands for among the exposed; 0 for all others."""
    return np.where(sample.a == 1, fitted.standing.entry, 0.0)


def _expit(eta: Floats) -> Floats:
    """Give the inverse of the logit without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))

"""The E-value of a risk ratio, and every contrast as a risk ratio or a bounding factor."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import MEANS, SLOPE, Estimates, NotEstimable
from causal.findings import tell

Through: TypeAlias = Literal["risk_ratio", "odds_ratio", "hazard_ratio"]
Ratio: TypeAlias = tuple[float, float, float]
"""A ratio with the two ends of its interval."""

LOG_RATIO_PER_SD = 0.91
"""Log risk ratio that a difference of one standard deviation is about: pi / sqrt(3) = 1.81
on the log odds ratio (Chinn 2000, Stat Med 19:3127), halved by the square-root rule for a common
outcome (VanderWeele & Ding 2017, doi:10.7326/M16-2607, table 2)."""
HALF_WIDTH_PER_SD = 1.78
"""Half a 95 % interval of the log risk ratio per standard error of d, as printed in that table
(.91 x 1.96); kept as printed, so that published E-values are met."""
RARE = 0.15
"""Share with the outcome under which it counts as rare there."""


def e_value(ratio: float, against: float = 1.0) -> float:
    """Give the E-value that moves a risk ratio to another one.

    The direction does not matter: the smaller of the two is what the larger is divided by. The
    excess over 1 comes from their difference, which floating point gives exactly where they are
    near each other; taken from the quotient, its rounding would go into a square root at 0.

    Parameters
    ----------
    ratio : the risk ratio, above 0.
    against : the risk ratio to be left.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, table 1.
    """
    low, high = min(ratio, against), max(ratio, against)
    away, excess = high / low, (high - low) / low
    return away + math.sqrt(away * excess)


def nearest_limit(lo: float, hi: float, against: float = 1.0) -> float:
    """Give the end of an interval nearest to ``against``, or ``against`` itself if covered."""
    return min(max(against, lo), hi)


def ratio_of_odds(odds_ratio: float, *, rare: bool) -> float:
    """Turn an odds ratio into an approximate risk ratio.

    Parameters
    ----------
    odds_ratio : above 0.
    rare : whether fewer than 15 % have the outcome at the end of follow-up; the odds ratio is
        then taken as it is, and otherwise its square root.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, table 2, odds ratio.
    """
    return odds_ratio if rare else math.sqrt(odds_ratio)


def ratio_of_hazards(hazard_ratio: float, *, rare: bool) -> float:
    r"""Turn a hazard ratio into an approximate risk ratio.

    For a common outcome :math:`(1 - .5^{\sqrt{HR}}) / (1 - .5^{\sqrt{1/HR}})`.

    Parameters
    ----------
    hazard_ratio : above 0.
    rare : whether fewer than 15 % have the event by the end of follow-up; the hazard ratio is
        then taken as it is.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, table 2, hazard ratio.
    """
    if rare:
        return hazard_ratio
    root = math.sqrt(hazard_ratio)
    return math.expm1(-root * math.log(2)) / math.expm1(-math.log(2) / root)


def hazard_ratio_of(estimates: Estimates, level: float = inference.LEVEL) -> Ratio | NotEstimable:
    r"""Give the hazard ratio that two risks at the end of follow-up amount to.

    With proportional hazards :math:`1 - p_1 = (1 - p_0)^{HR}`, so that
    :math:`HR = \log(1 - p_1) / \log(1 - p_0)`; its log has the derivative
    :math:`-1 / ((1 - p) \log(1 - p))` in each risk, with a minus for that without exposure.

    Parameters
    ----------
    estimates : of the two means.
    """
    if estimates.labels != MEANS:
        return NotEstimable("a hazard ratio needs the risk under each of two exposures")
    risks = np.asarray(estimates.values, dtype=np.float64)
    if not ((risks > 0) & (risks < 1)).all():
        return NotEstimable(
            f"risks of {tell(risks[0])} and {tell(risks[1])} have no hazard ratio; both have to be "
            "above 0 and below 1"
        )
    hazards = -np.log1p(-risks)
    slope = np.array([-1.0, 1.0]) / ((1 - risks) * hazards)
    value = math.log(hazards[1] / hazards[0])
    std_error = math.sqrt(float(slope @ estimates.covariance @ slope))
    lo, hi = inference.interval(value, std_error, level, estimates.df)
    return math.exp(value), math.exp(lo), math.exp(hi)


def ratio_of_difference(d: float, std_error: float, level: float = inference.LEVEL) -> Ratio:
    """Turn a standardised difference into an approximate risk ratio with its interval.

    Parameters
    ----------
    d : difference in standard deviations of the outcome.
    std_error : of d.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, table 2, last line.
    """
    widening = inference.critical_value(level) / inference.critical_value()
    middle, half = LOG_RATIO_PER_SD * d, HALF_WIDTH_PER_SD * widening * std_error
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def pooled_deviation(y: Floats, a: Floats, w: Floats) -> float:
    """Give the standard deviation of the outcome within arms, with n - 2 degrees of freedom.

    Parameters
    ----------
    y : (n,) floats, known.
    a : (n,) floats, 0/1.
    w : (n,) floats, mean about 1.
    """
    centred = y.copy()
    for arm in (0, 1):
        centred[a == arm] -= np.average(y[a == arm], weights=w[a == arm])
    return math.sqrt(float(np.average(centred**2, weights=w)) * len(y) / (len(y) - 2))


def risk_ratio_of(
    estimates: Estimates,
    sample: Sample,
    level: float = inference.LEVEL,
    through: Through = "risk_ratio",
    rare: bool = False,
) -> Ratio | NotEstimable:
    """Give the (approximate) marginal risk ratio of a fit with its interval.

    Parameters
    ----------
    estimates : of the two means.
    sample : the rows they are of; a continuous outcome goes through the standardised difference.
    through : the measure that is converted, for a binary outcome.
    rare : see ``ratio_of_odds``.
    """
    if sample.outcome_kind == "binary" and through == "hazard_ratio":
        hazards = hazard_ratio_of(estimates, level)
        if isinstance(hazards, NotEstimable):
            return hazards
        value, lo, hi = (ratio_of_hazards(one, rare=rare) for one in hazards)
        return value, lo, hi
    if sample.outcome_kind == "binary":
        effect = estimates.effect("odds_ratio" if through == "odds_ratio" else "risk_ratio", level)
        if isinstance(effect, NotEstimable):
            return effect
        if through == "risk_ratio":
            return effect.estimate, effect.lo, effect.hi
        value, lo, hi = (
            ratio_of_odds(odds, rare=rare) for odds in (effect.estimate, effect.lo, effect.hi)
        )
        return value, lo, hi
    if through != "risk_ratio":
        return NotEstimable(
            f"a continuous outcome has no {through.replace('_', ' ')}; with through: risk_ratio "
            "it goes through the standardised difference"
        )
    if sample.exposure_kind != "binary" or estimates.labels == SLOPE:
        return NotEstimable(
            "an E-value compares two levels of exposure, and this is a difference per unit"
        )
    difference = estimates.effect("mean_difference", level)
    if isinstance(difference, NotEstimable):
        return difference
    seen = sample.observed
    deviation = pooled_deviation(sample.y[seen], sample.a[seen], sample.w[seen])
    if deviation == 0:
        return NotEstimable("the outcome does not vary within the arms, so d has no unit")
    return ratio_of_difference(
        difference.estimate / deviation, difference.std_error / deviation, level
    )


def factor_of_difference(
    risks: tuple[float, float], exposed: float, target: float
) -> float | NotEstimable:
    r"""Give the bounding factor B that brings a risk difference to a target.

    Confounding of bounding factor B takes risks (p0, p1) with p1 - p0 above the target d no lower
    than :math:`(p_1 - B p_0)(f + (1 - f) / B)`, f the share exposed among those the difference
    is for; this is set to d and solved for B. For f = 1 it is (p1 - d) / p0, and for d = 0 it is
    the risk ratio p1 / p0 whatever f. A difference below the target is turned round first.

    Parameters
    ----------
    risks : p0 and p1, above 0.
    exposed : f, 0 to 1.
    target : d, between -1 and 1.

    References
    ----------
    Ding & VanderWeele (2016), doi:10.1097/EDE.0000000000000457, bounds for the risk difference;
    named as the way to a difference by VanderWeele & Ding (2017), doi:10.7326/M16-2607.
    """
    p0, p1, f, d = _turned(risks, exposed, target)
    # p0 f B^2 + k B - p1 (1 - f) = 0
    k = d + p0 * (1 - f) - p1 * f
    root = math.sqrt(k * k + 4 * p0 * p1 * f * (1 - f))
    if k > 0:
        return 2 * p1 * (1 - f) / (k + root)
    if f == 0:
        return NotEstimable(f"no confounding takes risks of {tell(p0)} and {tell(p1)} to {d:g}")
    return (root - k) / (2 * p0 * f)


def factor_at_limit(
    risks: tuple[float, float],
    covariance: Floats,
    exposed: float,
    target: float,
    critical: float,
    of_share: float = 0.0,
) -> float | NotEstimable:
    r"""Give the bounding factor at which the interval of a risk difference reaches a target.

    What is left under a bounding factor B, :math:`(p_1 - B p_0)(f + (1 - f) / B)`, has the
    variance :math:`(f + (1 - f) / B)^2 \operatorname{var}(p_1 - B p_0) + (p_1 - B p_0)^2
    (1 - 1 / B)^2 \operatorname{var}(f)`.

    Parameters
    ----------
    risks, exposed, target : as in ``factor_of_difference``.
    covariance : (2, 2) floats, of the two risks.
    critical : half-width of the interval in standard errors.
    of_share : variance of the share exposed, taken as independent of the risks; 0 for a share
        that is known, as among the exposed alone.

    Returns
    -------
    The factor; 1 where the interval includes the target already.

    References
    ----------
    Ding & VanderWeele (2016), doi:10.1097/EDE.0000000000000457, inference for the risk
    difference; the R package EValue, evalues.RD.
    """
    from scipy import optimize

    whole = factor_of_difference(risks, exposed, target)
    if isinstance(whole, NotEstimable):
        return whole
    p0, p1, f, d = _turned(risks, exposed, target)
    v0, v1, shared = covariance[0, 0], covariance[1, 1], covariance[0, 1]
    if risks[1] - risks[0] < target:
        v0, v1 = v1, v0

    def left(factor: float) -> float:
        kept, difference = f + (1 - f) / factor, p1 - factor * p0
        variance = kept**2 * max(float(v1 - 2 * factor * shared + factor**2 * v0), 0.0)
        variance += (difference * (1 - 1 / factor)) ** 2 * of_share
        return kept * difference - critical * math.sqrt(variance) - d

    if left(1.0) <= 0:
        return 1.0
    return float(optimize.brentq(left, 1.0, whole, xtol=1e-12, rtol=1e-12))


def _turned(
    risks: tuple[float, float], exposed: float, target: float
) -> tuple[float, float, float, float]:
    """Exchange the arms where the difference is below the target."""
    if risks[1] - risks[0] < target:
        return risks[1], risks[0], 1 - exposed, -target
    return risks[0], risks[1], exposed, target

"""The E-value: how strongly an unmeasured confounder would have to act, on the risk ratio scale."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import SLOPE, Estimates, NotEstimable
from causal.findings import Row, numbers
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.subject import Subject

LOG_RATIO_PER_SD = 0.91
"""Log risk ratio that a difference of one standard deviation is about: pi / sqrt(3) = 1.81
on the log odds ratio (Chinn 2000, Stat Med 19:3127), halved by the square-root rule for a common
outcome (VanderWeele & Ding 2017, doi:10.7326/M16-2607, table 2)."""
HALF_WIDTH_PER_SD = 1.78
"""Half a 95 % interval of the log risk ratio per standard error of d, as printed in that table
(.91 x 1.96); kept as printed, so that published E-values are met."""
NAME = "E-value of the interval limit nearest to no association"


class EValue(Sensitivity):
    """The smallest risk ratio an unmeasured confounder needs with both exposure and outcome.

    It goes through the marginal risk ratio of the fit; for a continuous outcome through the
    standardised difference d, as a risk ratio of about exp(.91 d).

    Attributes
    ----------
    against : the risk ratio the confounder would have to leave; 1 is no association.
    level : of the interval.

    Assumptions
    -----------
    Says nothing of error in measurement, of selection into the data or of the order in time. For
    a continuous outcome it takes the outcome as normal, cut near its middle.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, tables 1 and 2; the bounding factor is that
    of Ding & VanderWeele (2016), doi:10.1097/EDE.0000000000000457.
    """

    kind: Literal["e_value"] = "e_value"
    against: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the E-value of the estimate and of the interval limit nearest to ``against``."""
        sample, rung = subject.sample, subject.rung
        found = _ratio(subject.estimates, sample, self.level)
        if isinstance(found, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, found)
        ratio, lo, hi = found
        limit = nearest_limit(lo, hi, self.against)
        at_estimate = e_value(ratio, self.against)
        at_limit = e_value(limit, self.against)
        rows = (
            Row("estimate", numbers(dict(risk_ratio=ratio, e_value=at_estimate))),
            Row("interval_limit", numbers(dict(risk_ratio=limit, e_value=at_limit, lo=lo, hi=hi))),
        )
        sentence = _sentence(sample.outcome_kind == "continuous", self, found, limit)
        return SensitivityFinding(self.kind, rung, NAME, at_limit, rows, sentence, sentence)


def e_value(ratio: float, against: float = 1.0) -> float:
    """Give the E-value that moves a risk ratio to another one.

    The direction does not matter: a ratio below ``against`` is inverted first.

    Parameters
    ----------
    ratio : the risk ratio, above 0.
    against : the risk ratio to be left.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, table 1.
    """
    away = math.exp(abs(math.log(ratio / against)))
    return away + math.sqrt(away * (away - 1))


def nearest_limit(lo: float, hi: float, against: float = 1.0) -> float:
    """Give the end of an interval nearest to ``against``, or ``against`` itself if covered."""
    return min(max(against, lo), hi)


def ratio_of_difference(
    d: float, std_error: float, level: float = inference.LEVEL
) -> tuple[float, float, float]:
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


def _ratio(
    estimates: Estimates, sample: Sample, level: float
) -> tuple[float, float, float] | NotEstimable:
    """Give the (approximate) marginal risk ratio with its interval."""
    if sample.outcome_kind == "binary":
        effect = estimates.effect("risk_ratio", level)
        if isinstance(effect, NotEstimable):
            return effect
        return effect.estimate, effect.lo, effect.hi
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


def _sentence(
    continuous: bool, settings: EValue, found: tuple[float, float, float], limit: float
) -> str:
    """Say what the two E-values mean."""
    ratio, lo, hi = found
    against, share = settings.against, f"{100 * settings.level:g} %"
    measure = "approximate risk ratio (from the standardised difference)"
    measure = measure if continuous else "risk ratio"
    said = (
        f"An unmeasured confounder tied to exposure and to outcome by risk ratios of "
        f"{e_value(ratio, against):.2f} each, beyond what the rung adjusts for, could bring the "
        f"adjusted {measure} of {ratio:.2f} to {against:g}; one weaker in both could not."
    )
    if limit == against:
        said += f" The {share} interval, {lo:.2f} to {hi:.2f}, already includes {against:g}."
    else:
        said += (
            f" To bring the {share} interval ({lo:.2f} to {hi:.2f}) to {against:g}, "
            f"{e_value(limit, against):.2f} each would do."
        )
    return said + (
        " This is about unmeasured confounding only: not about error in measurement, missing "
        "outcomes, or an outcome that drives exposure."
    )

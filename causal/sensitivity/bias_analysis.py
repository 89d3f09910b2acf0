"""Corrects two risks for misreporting, selection and confounding: functions of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats
from causal.estimate import DIFFERENCES, Estimates, NotEstimable, Scale

STEP = 1e-6
"""Of central differences: risks are of order 1, and the error is about its square."""
ONE = np.ones(1)

Pair: TypeAlias = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Risks:
    """The share exposed and the share with the event in each arm, each (m,) floats."""

    exposed: Floats
    risk0: Floats
    risk1: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Biases:
    """What is taken to be wrong with the data, one entry a draw; the defaults are: nothing.

    Attributes
    ----------
    sensitivity, specificity : of the reported event, among the unexposed and the exposed.
    exposure_sensitivity, exposure_specificity : of reported exposure, without and with the event.
    selection : chance to be among the rows with the event over that without, by arm.
    difference : part of the risk difference that is confounding.
    prevalence : of a confounder, by arm.
    ratio : risk ratio of that confounder with the event.
    over_exposed : standardise that confounder to the exposed rather than to everybody.
    """

    sensitivity: Pair = (ONE, ONE)
    specificity: Pair = (ONE, ONE)
    exposure_sensitivity: Pair = (ONE, ONE)
    exposure_specificity: Pair = (ONE, ONE)
    selection: Pair = (ONE, ONE)
    difference: Floats = field(default_factory=lambda: np.zeros(1))
    prevalence: Pair = (ONE, ONE)
    ratio: Floats = field(default_factory=lambda: np.ones(1))
    over_exposed: bool = False

    def reporting_only(self) -> Biases:
        """Keep the errors in reporting."""
        return replace(
            Biases(),
            sensitivity=self.sensitivity,
            specificity=self.specificity,
            exposure_sensitivity=self.exposure_sensitivity,
            exposure_specificity=self.exposure_specificity,
        )

    def without_exposure(self) -> Biases:
        """Take exposure as reported."""
        return replace(self, exposure_sensitivity=(ONE, ONE), exposure_specificity=(ONE, ONE))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What the data say: share exposed and two risks, with their covariance.

    Attributes
    ----------
    values : (3,) floats, share exposed, risk of the unexposed, risk of the exposed.
    covariance : (3, 3) floats.
    df : degrees of freedom of the reference distribution.
    event : the value of the outcome that is the event; contrasts are of the outcome as coded.
    scale : of the contrast.
    """

    values: Floats
    covariance: Floats
    df: float
    event: int
    scale: Scale

    @property
    def low_arm(self) -> int:
        """Give the arm that reports the event less often."""
        return int(self.values[2] < self.values[1])

    def back(self, values: Floats) -> Floats:
        """Put contrasts back on their natural scale."""
        return values if self.scale in DIFFERENCES else np.exp(values)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Contrasts after correction, one entry a draw, ratios as logs.

    Attributes
    ----------
    values, errors : (m,) floats, contrast and its standard error, NaN where impossible.
    risks : the corrected risks.
    possible : (m,) booleans, whether no corrected cell is negative.
    """

    values: Floats
    errors: Floats
    risks: Risks
    possible: Bools


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and central share of draws on the natural scale.

    Attributes
    ----------
    median, lo, hi : with random error.
    systematic_lo, systematic_hi : without.
    beyond : share of draws at no association or beyond, seen from the estimate.
    impossible : share of draws that give a negative cell.
    """

    median: float
    lo: float
    hi: float
    systematic_lo: float
    systematic_hi: float
    beyond: float
    impossible: float


def correct_outcome(risk: Floats, sensitivity: Floats, specificity: Floats) -> Floats:
    """Give the risk behind a reported one; NaN where reports say nothing.

    References
    ----------
    Rogan & Gladen (1978), doi:10.1093/oxfordjournals.aje.a112510.
    """
    told = sensitivity + specificity - 1
    return (risk - (1 - specificity)) / np.where(told > 0, told, np.nan)


def correct_exposure(risks: Risks, biases: Biases) -> Risks:
    """Give share exposed and risks behind reported exposure, by the table's two rows.

    References
    ----------
    Lash, Fox & Fink (2009), doi:10.1007/978-0-387-87959-8, chapter 6.
    """
    reports = (*biases.exposure_sensitivity, *biases.exposure_specificity)
    if all(np.all(one == 1) for one in reports):
        return risks
    exposed = []
    for event in (0, 1):
        with_event = [r if event else 1 - r for r in (risks.risk0, risks.risk1)]
        all_of = (1 - risks.exposed) * with_event[0] + risks.exposed * with_event[1]
        se, sp = biases.exposure_sensitivity[event], biases.exposure_specificity[event]
        cell = risks.exposed * with_event[1] / np.where(all_of > 0, all_of, np.nan)
        exposed.append((all_of, _probability(correct_outcome(cell, se, sp)) * all_of))
    total = exposed[0][1] + exposed[1][1]
    total = np.where((total > 0) & (total < 1), total, np.nan)
    return Risks(total, (exposed[1][0] - exposed[1][1]) / (1 - total), exposed[1][1] / total)


def correct(risks: Risks, biases: Biases) -> Risks:
    """Undo reporting, selection and confounding, last made first.

    The outcome is corrected within reported arms, exposure within corrected outcome.

    References
    ----------
    Lash et al. (2014), doi:10.1093/ije/dyu149 (order of corrections); selection by odds and
    confounding by standardisation as in Lash, Fox & Fink (2009), chapters 4 and 5.
    """
    risk0, risk1 = (
        _probability(correct_outcome(risk, biases.sensitivity[arm], biases.specificity[arm]))
        for arm, risk in enumerate((risks.risk0, risks.risk1))
    )
    now = correct_exposure(Risks(risks.exposed, risk0, risk1), biases)
    risk0, risk1 = (
        risk / (risk + (1 - risk) * biases.selection[arm])
        for arm, risk in enumerate((now.risk0, now.risk1))
    )
    p0, p1 = biases.prevalence
    shared = p1 if biases.over_exposed else (1 - now.exposed) * p0 + now.exposed * p1
    excess = biases.ratio - 1
    risk0 = risk0 * (1 + shared * excess) / (1 + p0 * excess)
    risk1 = risk1 * (1 + shared * excess) / (1 + p1 * excess) - biases.difference
    return Risks(now.exposed, risk0, risk1)


def correct_contrast(measured: Measured, biases: Biases) -> Corrected:
    """Give corrected contrasts, with the standard error the data give them.

    The error is that of the measured risks, through the correction (delta method).
    """

    def contrasts(values: Floats) -> tuple[Floats, Risks]:
        risks = correct(Risks(*(np.array([one]) for one in values)), biases)
        ends = [r if measured.event else 1 - r for r in (risks.risk0, risks.risk1)]
        return _contrast(ends[0], ends[1], measured.scale), risks

    values, risks = contrasts(measured.values)
    possible = np.isfinite(values) & _between(risks.risk0) & _between(risks.risk1)
    slopes = np.array(
        [
            (contrasts(measured.values + move)[0] - contrasts(measured.values - move)[0])
            / (2 * STEP)
            for move in STEP * np.eye(3)
        ]
    )
    variance = np.einsum("im,ij,jm->m", slopes, measured.covariance, slopes)
    errors = np.sqrt(np.maximum(variance, 0.0))
    known = possible & np.isfinite(errors)
    return Corrected(np.where(known, values, np.nan), np.where(known, errors, np.nan), risks, known)


def spread_of(found: Corrected, measured: Measured, tail: float, noise: Floats) -> Spread:
    """Summarise possible draws, with random error added.

    Parameters
    ----------
    tail : share left out on either side.
    noise : (m,) standard normal draws.
    """
    m = len(noise)
    possible = np.broadcast_to(found.possible, (m,))
    systematic = np.broadcast_to(found.values, (m,))[possible]
    total = systematic + np.broadcast_to(found.errors, (m,))[possible] * noise[possible]
    crude = correct_contrast(measured, Biases()).values[0]
    middle, lo, hi = measured.back(np.quantile(total, [0.5, tail, 1 - tail]))
    low, high = measured.back(np.quantile(systematic, [tail, 1 - tail]))
    return Spread(
        float(middle),
        float(lo),
        float(hi),
        float(low),
        float(high),
        float(np.mean(total * np.sign(crude) <= 0)),
        1 - float(possible.mean()),
    )


def nulling_sensitivity(measured: Measured, level: float) -> tuple[float, float]:
    """Give how fully the low arm would have to report for the arms not to differ at all.

    The other arm reports every event, and nobody reports one that was not. The sensitivity is the
    ratio of the two reported risks; the interval meets 0 at the upper end of that ratio's set.

    Returns
    -------
    The sensitivity at which the estimate is 0, and the largest at which its interval includes 0;
    1 where it does without any error.

    References
    ----------
    The set of a ratio: Fieller (1954), J R Stat Soc B 16:175.
    """
    low = measured.low_arm
    order = [1 + low, 2 - low]
    numerator, denominator = (float(measured.values[one]) for one in order)
    cov = measured.covariance[np.ix_(order, order)]
    pieces = inference.fieller(numerator, denominator, cov, level, measured.df)
    if any((lo is None or lo <= 1) and (hi is None or hi >= 1) for lo, hi in pieces):
        return numerator / denominator, 1.0
    ends = [float(hi) for _, hi in pieces if hi is not None and hi < 1]
    return numerator / denominator, max(ends, default=numerator / denominator)


def measure(
    means: Estimates, exposed: Estimates, event: int, scale: Scale
) -> Measured | NotEstimable:
    """Read risks and share exposed, with their covariance.

    Parameters
    ----------
    means : the two means of the outcome as coded, by arm.
    exposed : the share exposed, on the same rows where they can be paired.
    """
    if len(means.values) != 2:
        return NotEstimable("this estimator gives a difference only, not the two risks to correct")
    turn = 1.0 if event else -1.0
    values = np.array([exposed.values[0], *(means.values if event else 1 - means.values)])
    if not np.all((values > 0) & (values < 1)):
        return NotEstimable(
            f"the risks {means.values[0]:.3g} and {means.values[1]:.3g} are not both strictly "
            "between 0 and 1"
        )
    own = np.zeros((3, 3))
    own[0, 0], own[1:, 1:] = exposed.covariance[0, 0], means.covariance
    paired = not (
        isinstance(means.influence, NotEstimable)
        or isinstance(exposed.influence, NotEstimable)
        or len(means.influence) != len(exposed.influence)
    )
    if paired:
        own[:, :] = exposed.joint(means).covariance
    flip = np.diag([1.0, turn, turn])
    return Measured(values, flip @ own @ flip, means.df, event, scale)


def _contrast(first: Floats, second: Floats, scale: Scale) -> Floats:
    """Contrast two risks, ratios as logs; NaN where there is none."""
    if scale in DIFFERENCES:
        return second - first
    transform: Callable[[Floats], Floats] = _log if scale == "risk_ratio" else _logit
    return transform(second) - transform(first)


def _log(risk: Floats) -> Floats:
    """Give the logarithm; NaN where there is none."""
    return np.log(np.where(risk > 0, risk, np.nan))


def _logit(risk: Floats) -> Floats:
    """Give the log odds; NaN where there are none."""
    return _log(risk) - _log(1 - risk)


def _probability(risk: Floats) -> Floats:
    """Keep probabilities; NaN for what stands for a negative cell."""
    return np.where(_between(risk), risk, np.nan)


def _between(risk: Floats) -> Bools:
    """Tell which risks are probabilities."""
    return np.asarray((risk >= 0) & (risk <= 1))

"""Controls with the same confounding and no effect, by outcome or exposure: all they show is bias.

Each names a column, the concept it measures, the moment, and why there is no effect to find.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from causal import inference
from causal.cohort import HELD, Sample
from causal.diagnostics import Verdict
from causal.estimate import Effect, Estimates, NotEstimable, Region
from causal.estimators import Estimator, NuisanceStore
from causal.estimators.instrumental import Instrumented
from causal.estimators.reduced_form import ReducedForm
from causal.estimators.weak_sets import anderson_rubin_p, conditional_ratio_p
from causal.findings import say_set, tell
from causal.refuters.base import (
    DETECTABLE,
    Examined,
    Refutation,
    Refuter,
    TriedOn,
    difference_of,
)
from causal.refuters.changes import naming
from causal.refuters.control_settings import ControlExposure, ControlOutcome

EXPECTED = 10
"""Expected count of a cell below which a normal interval of a rare control is not to be trusted:
twice Cochran's 5, since the rung's regression divides the events among its covariates as well."""
INFORMATIVE = 0.5
"""A bias of half the estimate is the largest that may stay hidden in a pass worth the name."""
REMAINS = "bias remains of a kind that the rung does not remove"
THROUGH = "the instrument reaches it by another way than exposure, or shares a cause with it"
ABOUT_EXPOSURE = "the rung is about the exposure, and looks at no outcome"
SEES_INSTRUMENT = (
    "an instrument that acts on the control directly or shares causes with it, as it then may with "
    "the outcome, as far as its detectable bias reaches"
)
BLIND_INSTRUMENT = (
    "direct effects on the outcome alone, causes the instrument shares with the outcome alone, and "
    "anything smaller than its detectable bias"
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """A contrast on a control.

    Attributes
    ----------
    estimate, std_error : on the difference; through one instrument the error is that at 0, which
        does not hang on its strength.
    region : the interval, or the set where the rung has one.
    p_value : of 0.
    words : interval or set, for a sentence.
    """

    estimate: float
    std_error: float
    region: Region
    p_value: float
    words: str


class _NegativeControl(Refuter):
    """What both have in common: a contrast that must be 0, and a verdict in three ways."""

    def _judge(
        self,
        examined: Examined,
        estimator: Estimator,
        control: Sample,
        what: str,
        size: float | NotEstimable,
    ) -> Refutation:
        """Estimate a control's contrast, and judge it.

        Parameters
        ----------
        estimator : the rung's, as it is to be fitted on the control.
        control : the sample of the control.
        what : the beginning of the sentence, such as "On 'back_pain', ...".
        size : of the rung's estimate, in the unit of the control's contrast.
        """
        again = copy.deepcopy(examined.rng)  # for the set, divided as the estimate is
        fitted = estimator.fit(control, NuisanceStore(), examined.rng)
        found = contrast_on(estimator, control, fitted, again)
        if isinstance(found, NotEstimable):
            return self.decline(examined.rung, found.reason)
        detectable = DETECTABLE * found.std_error
        verdict, exact = control_verdict(found, size), exact_p(_compared(control))
        # with few events the normal interval is no ground for a pass, nor alone for a failure
        sparse = exact is not None and (verdict == "PASS" or exact >= 1 - inference.LEVEL)
        verdict = "NOT_RESOLVABLE" if sparse else verdict
        shows = THROUGH if estimator.needs_instruments else REMAINS
        said = (
            f"{what} the rung finds {tell(found.estimate)} ({found.words}, n = {control.n})"
            f"{tell_control(verdict, detectable, size, shows)}{tell_exact(exact)}."
        )
        low, high = found.region.pieces[0]
        ends = None if low is None or high is None or not found.region.bounded else (low, high)
        return self._report(
            examined.rung,
            0.0,
            np.empty(0),
            found.estimate,
            ends,
            found.p_value,
            verdict,
            said,
            detectable,
        )


class NegativeControlOutcome(_NegativeControl, ControlOutcome):
    """The rung's contrast on an outcome that exposure cannot change.

    FAIL when its interval excludes 0. Otherwise PASS only if a bias of half the rung's estimate,
    in standard deviations of the outcomes, would have been found; else the control is uninformative
    and NOT_RESOLVABLE. Where events are few, neither verdict stands on the normal interval alone.

    Attributes
    ----------
    outcome : column of the control.
    concept : what it measures in the diagram, which must allow it as a control.
    at : when it is read; as the outcome of the design when None.
    rationale : why exposure cannot change it, and why it shares the confounding; shown.

    References
    ----------
    Lipsitch, Tchetgen Tchetgen & Cohen (2010), doi:10.1097/EDE.0b013e3181d61eeb.
    """

    kind: Literal["negative_control_outcome"] = "negative_control_outcome"

    sees: ClassVar[str] = (
        "confounding, measured or not, that exposure and the control share, as far as its "
        "detectable bias reaches"
    )
    cannot_see: ClassVar[str] = (
        "confounding the control does not share, and anything smaller than its detectable bias"
    )
    tried_on: ClassVar[TriedOn] = "control outcome"

    @property
    def subject(self) -> str:
        """Give the column of the control."""
        return self.outcome

    @property
    def control_outcomes(self) -> tuple[ControlOutcome, ...]:
        """Give the one control."""
        return (self,)

    def examine(self, examined: Examined) -> Refutation:
        """Estimate the contrast on the control and compare what it could have found."""
        control, estimator = examined.auxiliary.outcome(self), examined.estimator
        if isinstance(control, NotEstimable):
            return self.decline(examined.rung, control.reason)
        if estimator.estimand == "first stage":
            return self.decline(examined.rung, ABOUT_EXPOSURE)
        what = f"On '{self.outcome}', which exposure cannot have changed,"
        size = size_to_find(examined, outcome=control)
        found = self._judge(examined, estimator, control, what, size)
        if not estimator.needs_instruments:
            return found
        return replace(found, sees=SEES_INSTRUMENT, cannot_see=BLIND_INSTRUMENT)


class NegativeControlExposure(_NegativeControl, ControlExposure):
    """The contrast of an exposure that cannot change the outcome, exposure itself held.

    Outcome and covariates stay. Exposure joins the covariates: the control may share causes with
    it, and its own effect is no bias. FAIL, PASS and NOT_RESOLVABLE as for an outcome; controls of
    another kind than the exposure are compared in standard deviations.

    Attributes
    ----------
    exposure : column of the control; that of the exposure itself if read after the outcome.
    concept : what it measures in the diagram, which must allow it as a control.
    at : ``exposure_window``, ``baseline``, or ``after_outcome`` for the first interview after the
        outcome's.
    rationale : why it cannot change the outcome, and why it shares the confounding; shown.

    References
    ----------
    Flanders et al. (2011), Epidemiology 22:59 (future exposure); Shi, Miao & Tchetgen Tchetgen
    (2020), doi:10.1007/s40471-020-00243-4 (negative control exposures).
    """

    kind: Literal["negative_control_exposure"] = "negative_control_exposure"

    sees: ClassVar[str] = (
        "confounding, measured or not, that the outcome and the control share, as far as its "
        "detectable bias reaches"
    )
    cannot_see: ClassVar[str] = (
        "confounding the control does not share, anything smaller than its detectable bias, and, "
        "for a control read after the outcome, who was not seen by then"
    )
    not_of_instruments: ClassVar[str] = (
        "the instrument is of the exposure and not of the control, so nothing is estimated through "
        "it; take a negative control outcome"
    )
    tried_on: ClassVar[TriedOn] = "control exposure"

    @property
    def subject(self) -> str:
        """Give the column of the control, with its moment when it is not the design's."""
        return self.key

    @property
    def control_exposures(self) -> tuple[ControlExposure, ...]:
        """Give the one control."""
        return (self,)

    def examine(self, examined: Examined) -> Refutation:
        """Estimate the control's contrast and compare what it could have found."""
        estimator, control = examined.estimator, examined.auxiliary.exposure(self)
        if isinstance(control, NotEstimable):
            return self.decline(examined.rung, control.reason)
        if not estimator.adjusts:
            return self.decline(
                examined.rung,
                f"{estimator.kind} adjusts for nothing, so exposure itself cannot be held",
            )
        if control.exposure_kind not in estimator.exposures:
            return self.decline(
                examined.rung, f"{estimator.kind} takes a 0/1 exposure; '{self.exposure}' is a dose"
            )
        using = naming(estimator, HELD) if HELD in control.terms else estimator
        what = f"For '{self.key}', which cannot have changed the outcome,"
        size = size_to_find(examined, exposure=control)
        return self._judge(examined, using, control, what, size)


def contrast_on(
    estimator: Estimator, control: Sample, fitted: Estimates, rng: np.random.Generator
) -> Contrast | NotEstimable:
    """Give the contrast on a control, through instruments by the set that heeds no strength.

    Parameters
    ----------
    rng : as it was before the fit, so that divisions of the sample are the estimate's.
    """
    effect = fitted.effect(difference_of(control))
    if isinstance(effect, NotEstimable):
        return effect
    if effect.std_error == 0:
        return NotEstimable("on the control the rung gives a standard error of 0")
    if isinstance(estimator, Instrumented) and estimator.estimand == "LATE":
        return _contrast_through(estimator.forms(control, rng).weak, estimator, fitted, effect)
    p_value = inference.two_sided_p(effect.estimate / effect.std_error, fitted.df)
    region = Region(((effect.lo, effect.hi),), effect.level)
    words = f"95 % interval {tell(effect.lo)} to {tell(effect.hi)}"
    return Contrast(effect.estimate, effect.std_error, region, p_value, words)


def _contrast_through(
    form: ReducedForm, estimator: Instrumented, fitted: Estimates, effect: Effect
) -> Contrast:
    """Give the contrast on a control through instruments."""
    region, zero = estimator.with_set(fitted, form).region, np.zeros(1)
    if region is None:  # a LATE always has one
        region = Region(((effect.lo, effect.hi),), effect.level)
    if form.q > 1:
        p_value, std_error = float(conditional_ratio_p(form, zero)[0]), effect.std_error
    else:
        p_value = float(anderson_rubin_p(form, zero)[0])
        std_error = math.sqrt(float(form.covariance[0, 0])) / abs(float(form.exposure[0]))
    words = f"95 % set, however weak the instruments, {say_set(region)}"
    return Contrast(effect.estimate, std_error, region, p_value, words)


def _compared(control: Sample) -> Sample:
    """Give a control's sample with what is compared as its exposure: an instrument of its own."""
    if control.z is None or not control.instruments:
        return control
    binary = control.z.shape[1] == 1 and bool(np.isin(control.z, (0.0, 1.0)).all())
    return replace(control, a=control.z[:, 0], exposure_kind="binary" if binary else "dose")


def size_to_find(
    examined: Examined, *, outcome: Sample | None = None, exposure: Sample | None = None
) -> float | NotEstimable:
    """Give the size of the rung's estimate in the unit of a control's contrast.

    Outcomes are compared in standard deviations, 0/1 ones too: the difference of a rare control is
    small, and precise, for being rare. So are exposures other than 0/1.
    """
    effect = examined.estimates.effect(examined.difference)
    if isinstance(effect, NotEstimable):
        return effect
    own, size = examined.sample, abs(effect.estimate)
    if outcome is not None:
        size *= float(np.nanstd(outcome.y)) / float(np.nanstd(own.y))
    if exposure is not None and not (own.exposure_kind == exposure.exposure_kind == "binary"):
        size *= float(np.std(own.a)) / float(np.std(exposure.a))
    return size


def exact_p(control: Sample) -> float | None:
    """Give Fisher's exact two-sided p of the crude table where events are too few for intervals.

    Clusters and covariates are left aside. None where the outcome or the exposure is not 0/1, or
    every cell is expected to hold at least ``EXPECTED``.

    References
    ----------
    Cochran (1954), doi:10.2307/3001616, for the rule.
    """
    if control.outcome_kind != "binary" or control.exposure_kind != "binary":
        return None
    from scipy.stats import fisher_exact

    seen = control.observed
    y, a = control.y[seen], control.a[seen]
    table = np.array([[np.sum((a == i) & (y == j)) for j in (0, 1)] for i in (0, 1)])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    if expected.min() >= EXPECTED:
        return None
    return float(fisher_exact(table).pvalue)


def tell_exact(p: float | None) -> str:
    """Say that events are few, and what the exact test says."""
    if p is None:
        return ""
    return (
        f"; events are so few that intervals are rough: Fisher's exact test of the crude table "
        f"gives p = {p:.2g}"
    )


def control_verdict(found: Contrast, size: float | NotEstimable) -> Verdict:
    """Judge in three ways: bias found, none found that matters, too imprecise to tell.

    Parameters
    ----------
    found : the control's contrast.
    size : of the rung's estimate, in the same unit.
    """
    if not found.region.holds(0.0):
        return "FAIL"
    wanted = 0.0 if isinstance(size, NotEstimable) else size
    return "PASS" if DETECTABLE * found.std_error <= INFORMATIVE * wanted else "NOT_RESOLVABLE"


def tell_control(
    verdict: Verdict, detectable: float, size: float | NotEstimable, shows: str = REMAINS
) -> str:
    """Say what a verdict is worth, to end a sentence.

    Parameters
    ----------
    shows : what a failure shows.
    """
    found = f"a bias of {tell(detectable)} would be found with 80 % power"
    if verdict == "FAIL":
        return f", so {shows}; {found}"
    if isinstance(size, NotEstimable):
        return f": compatible with none, but uninformative, since only {found}: {size.reason}"
    if verdict == "PASS":
        return f"; {found}, which is at most half of the rung's {tell(size)}"
    return (
        f": compatible with none, but uninformative, since only {found}, against half of the "
        f"rung's {tell(size)}"
    )

"""An outcome that exposure cannot change, with the same confounding: what it shows is bias."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal import inference
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.estimate import NotEstimable, Scale
from causal.estimators import NuisanceStore
from causal.refuters.base import DETECTABLE, Examined, Refutation, Refuter

ControlAt: TypeAlias = Literal[
    "next_interview", "next_observed_outcome", "next_scheduled", "same_interview"
]
INFORMATIVE = 0.5
"""A bias of half the estimate is the largest that may stay hidden in a pass worth the name."""


class NegativeControlOutcome(Refuter):
    """The rung's contrast on an outcome that exposure cannot change.

    FAIL when its interval excludes 0. Otherwise PASS only if a bias of half the rung's estimate
    would have been found; else the control is uninformative and NOT_RESOLVABLE. Outcomes of other
    kinds than the rung's are compared in standard deviations.

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
    outcome: str
    concept: str
    at: ControlAt | None = None
    rationale: str = Field(min_length=10)

    sees: ClassVar[str] = (
        "confounding, measured or not, that exposure and the control share, as far as its "
        "detectable bias reaches"
    )
    cannot_see: ClassVar[str] = (
        "confounding the control does not share, and anything smaller than its detectable bias"
    )

    def examine(self, examined: Examined) -> Refutation:
        """Estimate the contrast on the control and compare what it could have found."""
        control = examined.auxiliary.outcomes.get(self.outcome)
        if control is None:
            return self.decline(examined.rung, f"there is no sample with outcome '{self.outcome}'")
        scale: Scale = "risk_difference" if control.outcome_kind == "binary" else "mean_difference"
        start = NuisanceStore()
        fitted = examined.estimator.fit(control, start, examined.rng)
        effect = fitted.effect(scale)
        if isinstance(effect, NotEstimable):
            return self.decline(examined.rung, effect.reason)
        if effect.std_error == 0:
            return self.decline(examined.rung, f"'{self.outcome}' gives a standard error of 0")
        detectable = DETECTABLE * effect.std_error
        p_value = inference.two_sided_p(effect.estimate / effect.std_error, fitted.df)
        reference = self._reference(examined, control)
        verdict = self._verdict(effect.lo, effect.hi, detectable, reference)
        said = (
            f"On '{self.outcome}', which exposure cannot have changed, the rung finds "
            f"{effect.estimate:.3g} (95 % interval {effect.lo:.3g} to {effect.hi:.3g}, "
            f"n = {control.n}){self._meaning(verdict, detectable, reference)}."
        )
        return self._report(
            examined.rung,
            0.0,
            np.empty(0),
            effect.estimate,
            (effect.lo, effect.hi),
            p_value,
            verdict,
            said,
            detectable,
        )

    def _reference(self, examined: Examined, control: Sample) -> float | NotEstimable:
        """Give the size of the rung's estimate on the scale of the control."""
        if examined.scale not in ("risk_difference", "mean_difference"):
            fitted = examined.estimator.fit(examined.sample, NuisanceStore(), examined.rng)
            effect = fitted.effect("risk_difference")
            if isinstance(effect, NotEstimable):
                return effect
            value = abs(effect.estimate)
        else:
            value = abs(examined.value)
        if control.outcome_kind == examined.sample.outcome_kind == "binary":
            return value
        return value * float(np.nanstd(control.y)) / float(np.nanstd(examined.sample.y))

    @staticmethod
    def _verdict(
        low: float, high: float, detectable: float, reference: float | NotEstimable
    ) -> Verdict:
        """Judge in three ways: bias found, none found that matters, too imprecise to tell."""
        if low > 0 or high < 0:
            return "FAIL"
        size = 0.0 if isinstance(reference, NotEstimable) else reference
        return "PASS" if detectable <= INFORMATIVE * size else "NOT_RESOLVABLE"

    @staticmethod
    def _meaning(verdict: Verdict, detectable: float, reference: float | NotEstimable) -> str:
        """Say what a verdict is worth."""
        size = math.nan if isinstance(reference, NotEstimable) else reference
        found = f"a bias of {detectable:.3g} would be found with 80 % power"
        if verdict == "FAIL":
            return f", so bias remains of a kind that the rung does not remove; {found}"
        if verdict == "PASS":
            return f"; {found}, which is at most half of the rung's {size:.3g}"
        return (
            f": compatible with none, but uninformative, since only {found}, against half of the "
            f"rung's {size:.3g}"
        )

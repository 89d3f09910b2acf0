"""A fitted rung with the rows it was fitted on: what refuters and sensitivity analyses look at."""

from __future__ import annotations

from dataclasses import dataclass

from causal.cohort import ExposureKind, OutcomeKind, Sample
from causal.estimate import Estimates, Scale
from causal.estimators import AnyEstimator, DoseMeans, DoseResponse


@dataclass(frozen=True, slots=True)
class Compared:
    """What a rung compares, as far as it is known before any data.

    Attributes
    ----------
    arms : the number of named arms; 0 where there are none.
    """

    estimator: AnyEstimator
    exposure_kind: ExposureKind
    arms: int
    outcome_kind: OutcomeKind

    @property
    def beyond_two_arms(self) -> str:
        """Say why what compares two arms in one outcome cannot look at this rung; empty if it can.

        Refuters and sensitivity analyses change a 0/1 exposure or a dose and look at one outcome;
        those that know named arms or times to an event would say so here.
        """
        if self.exposure_kind == "arms":
            return (
                f"the rung compares {self.arms} arms, and this looks at two; ask it of an analysis "
                "with a 0/1 exposure"
            )
        if self.estimator.estimand in ("shift", "threshold"):
            return (
                "the rung compares a nudge, or all doses beyond a cut, and this looks at two "
                "exposures; ask it of a rung that compares two"
            )
        if isinstance(self.estimator, DoseMeans | DoseResponse):
            return (
                "the rung is a curve over doses, and this looks at a slope or two arms; ask it of "
                "linear_probability, or of an analysis with a 0/1 exposure"
            )
        if self.outcome_kind == "survival":
            return (
                "the rung is about times to an event, some of them censored, and this looks at one "
                "outcome known in full; ask it of an analysis of use by a fixed day"
            )
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A fitted rung under examination.

    Attributes
    ----------
    rung : its name.
    estimator : its settings, with which it can be fitted anew.
    sample : the rows it was fitted on, with the columns it adjusts for.
    estimates : its fit, with influence values on all rows of the analysis.
    crude : the crude fit on the same rows, spread over all rows of the analysis likewise.
    shared : the same rows as ``sample`` with the columns of every rung of the ladder proper.
    unfollowed : the analysis's rows drawn anew without leaving out those whose outcome is not
        known, with the columns this rung adjusts for; None where nothing asks for it.
    scale : the scale of the analysis's headline.
    """

    rung: str
    estimator: AnyEstimator
    sample: Sample
    estimates: Estimates
    crude: Estimates
    shared: Sample
    scale: Scale
    unfollowed: Sample | None = None

    @property
    def compared(self) -> Compared:
        """Give what the rung compares."""
        sample = self.sample
        return Compared(
            self.estimator, sample.exposure_kind, len(sample.levels), sample.outcome_kind
        )

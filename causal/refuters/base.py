"""What every refuter is: frozen settings that try to break an estimate, and say what they found."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints, read_only
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.documents import Settings
from causal.errors import InstrumentError, OutcomeError, PositivityError
from causal.estimate import DIFFERENCES, Estimates, NotEstimable, Scale
from causal.estimators import Estimator
from causal.findings import Row
from causal.refuters.control_settings import ControlExposure, ControlOutcome
from causal.refuters.drawing import Draws
from causal.refuters.independence import ImpliedIndependences
from causal.refuters.power_curve import PowerCurve
from causal.subject import Compared, Subject

DETECTABLE = 2.8
"""Standard errors a bias must have to be found at 5 % in 80 % of studies: 1.96 + 0.84."""
TOLERATED_SHIFT = 0.25
"""A bias of a quarter of a standard error takes a 95 % interval to 94.3 %: called negligible."""
SPREAD_TAIL = 0.95
FEWEST_CLUSTERS = 2
"""With fewer clusters than this nothing is known of the spread between them."""
TriedOn: TypeAlias = Literal["cohort", "control outcome", "control exposure", "controls", "diagram"]
"""What is drawn anew where a refuter's power is measured."""
WEAK = "with weak instruments an estimate has no standard error that means anything"


@dataclass(frozen=True, slots=True)
class Power:
    """The smallest departure from what is expected that would be found in 80 % of studies.

    Attributes
    ----------
    detectable : on the scale of the estimate (the log for ratios), as an absolute value.
    """

    detectable: float


@dataclass(frozen=True, slots=True, eq=False)
class Refutation:
    """What came of one refuter on one rung.

    Attributes
    ----------
    kind, rung : which refuter, on which rung.
    expected : what the draws should be about if the rung's estimator does what it claims.
    draws : (k,) floats, one estimate a draw; empty for refuters without draws.
    mean : mean of the draws, or the one estimate there is; None when nothing was computed.
    interval : central 95 % of the draws, or the interval of the one estimate.
    p_value : of the test the verdict rests on; None where it rests on a tolerance.
    reason : one sentence that says what was found.
    power : what would have been found, or why that is not given.
    sees, cannot_see : what this refuter can find, and what it is blind to.
    rows : further numbers, for a table of their own.
    curve : how often it fails as an unmeasured confounder grows, or why that cannot be measured;
        None when it was not asked for.
    """

    kind: str
    rung: str
    expected: float | None
    draws: Floats
    mean: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    verdict: Verdict
    reason: str
    power: Power | NotEstimable
    sees: str
    cannot_see: str
    rows: tuple[Row, ...] = ()
    curve: PowerCurve | NotEstimable | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Auxiliary:
    """What some refuters need besides the rung's own rows.

    Attributes
    ----------
    outcomes : samples whose outcome is a negative control, by ``ControlOutcome.key``.
    exposures : samples whose exposure is a negative control, by ``ControlExposure.key``; the
        exposure itself stands among their covariates as the term ``(exposure)``.
    absent : why there is no sample, by the same keys.
    implications : what the diagram implies of the data.
    """

    outcomes: Mapping[str, Sample] = field(default_factory=dict)
    exposures: Mapping[str, Sample] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    implications: ImpliedIndependences | None = None

    def outcome(self, control: ControlOutcome) -> Sample | NotEstimable:
        """Give the sample of a negative control outcome, or why there is none."""
        return self.outcomes.get(control.key) or self._without("outcome", control.key)

    def exposure(self, control: ControlExposure) -> Sample | NotEstimable:
        """Give the sample of a negative control exposure, or why there is none."""
        return self.exposures.get(control.key) or self._without("exposure", control.key)

    def _without(self, role: str, key: str) -> NotEstimable:
        """Say why there is no sample."""
        why = f": {self.absent[key]}" if key in self.absent else ""
        return NotEstimable(f"there is no sample with {role} '{key}'{why}")


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A fitted rung under examination.

    Attributes
    ----------
    sample : the rows all rungs share, with this rung's adjustment columns.
    shared : the same rows with the columns of every rung of the ladder proper.
    estimates : the rung's fit.
    value, std_error : the rung's estimate, ratios as logs.
    scale : the contrast examined.
    """

    rung: str
    estimator: Estimator
    sample: Sample
    shared: Sample
    estimates: Estimates
    value: float
    std_error: float
    scale: Scale
    rng: np.random.Generator
    auxiliary: Auxiliary

    @property
    def difference(self) -> Scale:
        """Give the scale on which this outcome has a difference."""
        return difference_of(self.sample)

    def natural(self, value: float) -> float:
        """Put a value back on the scale it is printed on."""
        return value if self.scale in DIFFERENCES else math.exp(value)


class Refuter(Settings, ABC):
    """Settings of one refuter.

    Attributes
    ----------
    kind : the name in the specification.
    why_no_power : why its power cannot be measured in cohorts drawn anew; empty if it can.
    tried_on : what is drawn anew to measure it.
    costly : whether it takes so long that fewer cohorts have to do.
    not_of_instruments : why it is not tried on a rung with an instrument; empty if it is.
    counts_in_errors : whether its verdict counts in the rung's standard errors, which say nothing
        where instruments are weak.
    """

    kind: str

    sees: ClassVar[str]
    cannot_see: ClassVar[str]
    why_no_power: ClassVar[str] = ""
    tried_on: ClassVar[TriedOn] = "cohort"
    costly: ClassVar[bool] = False
    not_of_instruments: ClassVar[str] = ""
    counts_in_errors: ClassVar[bool] = False

    def hastened(self, draws: int) -> Self:
        """Give the settings with which it is tried on many cohorts: few draws."""
        few = {"draws": draws} if "draws" in type(self).model_fields else {}
        return self.model_copy(update=few)

    @property
    def subject(self) -> str:
        """Give what the refuter looks at besides the rung, such as a control; empty if nothing."""
        return ""

    @property
    def named_concepts(self) -> tuple[str, ...]:
        """Give the concepts the settings compare with, so that a misspelt one is found early."""
        return ()

    @property
    def control_outcomes(self) -> tuple[ControlOutcome, ...]:
        """Give the outcomes whose samples the refuter needs."""
        return ()

    @property
    def control_exposures(self) -> tuple[ControlExposure, ...]:
        """Give the exposures whose samples the refuter needs."""
        return ()

    def why_not(self, compared: Compared) -> str:
        """Say why it cannot be tried on a rung of this kind; empty if it can."""
        if compared.beyond_two_arms:
            return compared.beyond_two_arms
        return self.not_of_instruments if compared.estimator.needs_instruments else ""

    def refute(
        self, subject: Subject, rng: np.random.Generator, auxiliary: Auxiliary
    ) -> Refutation:
        """Try to break a fitted rung.

        Parameters
        ----------
        subject : the fitted rung and its rows.
        rng : the refuter's own stream; each draw gets a child of it, so that draws depend
            neither on one another nor on how they are shared out.
        auxiliary : other samples, for negative controls.

        Returns
        -------
        What was found; ``NOT_EVALUATED`` with the reason where the refuter does not apply.
        """
        if not subject.sample.entered.all():
            return self.decline(
                subject.rung,
                "the rung weighs for persons not seen at the exposure interview, whose exposure "
                "no refuter can change",
            )
        if why := self.why_not(subject.compared):
            return self.decline(subject.rung, why)
        known = subject.estimates.contrast(subject.scale)
        if isinstance(known, NotEstimable):
            return self.decline(subject.rung, known.reason)
        if subject.estimates.interval_withheld and self.counts_in_errors:
            return self.decline(
                subject.rung,
                f"the verdict would count in standard errors, and {WEAK} "
                f"({subject.estimates.interval_withheld})",
            )
        clusters = subject.sample.n_clusters
        if clusters is not None and clusters < FEWEST_CLUSTERS:
            return self.decline(
                subject.rung,
                f"all {subject.sample.n} rows belong to {clusters} cluster; at least "
                f"{FEWEST_CLUSTERS} are needed, since clusters are the independent units",
            )
        examined = Examined(
            rung=subject.rung,
            estimator=subject.estimator.for_refits(),
            sample=subject.sample,
            shared=subject.shared,
            estimates=subject.estimates,
            value=float(known.values[0]),
            std_error=math.sqrt(float(known.covariance[0, 0])),
            scale=subject.scale,
            rng=rng,
            auxiliary=auxiliary,
        )
        try:
            return self.examine(examined)
        except (PositivityError, OutcomeError, InstrumentError) as problem:
            return self.decline(subject.rung, problem.message)

    @abstractmethod
    def examine(self, examined: Examined) -> Refutation:
        """Do what is particular to this refuter."""

    def decline(self, rung: str, reason: str) -> Refutation:
        """Say that this refuter was not evaluated, and why."""
        said = f"Not evaluated: {reason.rstrip('.')}."
        return self._report(rung, None, np.empty(0), None, None, None, "NOT_EVALUATED", said, None)

    def conclude(
        self,
        examined: Examined,
        *,
        expected: float,
        draws: Floats,
        p_value: float | None,
        verdict: Verdict,
        reason: str,
        detectable: float,
        rows: tuple[Row, ...] = (),
    ) -> Refutation:
        """Report draws, put back on the scale the analysis is printed on."""
        back = np.vectorize(examined.natural, otypes=[float])
        low, high = central(draws)
        return self._report(
            examined.rung,
            examined.natural(expected),
            back(draws),
            examined.natural(float(draws.mean())),
            (examined.natural(low), examined.natural(high)),
            p_value,
            verdict,
            reason,
            detectable,
            rows,
        )

    def _report(
        self,
        rung: str,
        expected: float | None,
        draws: Floats,
        mean: float | None,
        interval: tuple[float, float] | None,
        p_value: float | None,
        verdict: Verdict,
        reason: str,
        detectable: float | None,
        rows: tuple[Row, ...] = (),
    ) -> Refutation:
        """Fill in what is the same for every refutation of this kind."""
        return Refutation(
            kind=self.kind,
            rung=rung,
            expected=expected,
            draws=read_only(draws),
            mean=mean,
            interval=interval,
            p_value=p_value,
            verdict=verdict,
            reason=reason,
            power=NotEstimable(reason) if detectable is None else Power(detectable),
            sees=self.sees,
            cannot_see=self.cannot_see,
            rows=rows,
        )


def difference_of(sample: Sample) -> Scale:
    """Give the scale on which an outcome has a difference."""
    return "risk_difference" if sample.outcome_kind == "binary" else "mean_difference"


def central(draws: Floats) -> tuple[float, float]:
    """Give the central 95 % of draws."""
    tail = (1 - SPREAD_TAIL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def judge_null(draws: Draws, cluster: Ints | None, kept: float) -> tuple[float, float]:
    """Test that estimates which should be about 0 are.

    The mean over draws keeps what is peculiar to this sample, so its Monte-Carlo error alone
    would be too small. Averaging each row's influence over the draws gives a standard error for
    both sources at once.

    Parameters
    ----------
    draws : estimates, and each row's influence averaged over them.
    cluster : (n,) ints or None.
    kept : what a placebo keeps of the estimate by construction, as an absolute value; a mean
        within it is no evidence.

    Returns
    -------
    The bias that would be found in 80 % of studies, and the two-sided p-value.
    """
    values = draws.values
    variance = float(values.var(ddof=1)) / len(values)
    if draws.influence is not None:
        own = inference.covariance(draws.influence[:, None], cluster)
        variance = max(variance, float(own[0, 0]))
    excess, std_error = max(abs(float(values.mean())) - kept, 0.0), math.sqrt(variance)
    if std_error == 0:  # every draw the same: a constant estimator
        return kept, 0.0 if excess else 1.0
    return kept + DETECTABLE * std_error, inference.two_sided_p(excess / std_error)


def judge_shift(draws: Floats, expected: float, std_error: float) -> tuple[float, float, bool]:
    """Judge whether the mean of draws has moved by more than can be neglected.

    Parameters
    ----------
    draws : (k,) floats.
    expected : where their mean should be.
    std_error : of the estimate examined; a quarter of it is neglected.

    Returns
    -------
    The shift, the shift that would be found in 80 % of repetitions, and whether it is too large
    beyond Monte-Carlo error.
    """
    shift = float(draws.mean()) - expected
    error = float(draws.std(ddof=1)) / math.sqrt(len(draws))
    limit = TOLERATED_SHIFT * std_error
    moved = abs(shift) - inference.critical_value() * error > limit
    return shift, limit + DETECTABLE * error, moved


def tell_failures(draws: Draws) -> str:
    """Say how many draws could not be fitted; nothing when all could."""
    return f"; {draws.failed} more draws could not be fitted" if draws.failed else ""

"""A rung with one instrument, opened for sensitivity analyses: its stages, arrays and words."""

from __future__ import annotations

from dataclasses import dataclass

from causal import inference
from causal.cohort import Sample
from causal.estimate import NotEstimable, Region
from causal.estimators.instrumental import Instrumented
from causal.estimators.nuisance import choose_terms
from causal.findings import Number, Row, numbers, say_set
from causal.instrumental.stages import Stages, stages_of
from causal.subject import Subject

RATIOS = ("iv", "control_function")
"""Estimators that are reduced form over first stage when there is one instrument."""


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentRung:
    """What analyses of one instrument look at.

    Attributes
    ----------
    instrument : its name.
    stages : reduced form and first stage by the rung's own convention of the variance.
    sample : the rows with an outcome, with the covariates the rung conditions on.
    shared : the same rows with the columns of every rung of the ladder proper.
    region : the rung's Anderson-Rubin set at the level asked for.
    level : of the set.
    withheld : why the interval of the standard error is no interval; empty if it is one.
    """

    instrument: str
    stages: Stages
    sample: Sample
    shared: Sample
    region: Region
    level: float
    withheld: str

    @property
    def estimate(self) -> float:
        """Give reduced form over first stage."""
        return self.stages.reduced / self.stages.first

    @property
    def set_name(self) -> str:
        """Name the set, with its level."""
        return f"{100 * self.level:g} % Anderson-Rubin set"


def open_rung(subject: Subject, level: float = inference.LEVEL) -> InstrumentRung | NotEstimable:
    """Open a rung for analyses of its one instrument.

    Returns
    -------
    Its parts; or why such analyses are not about it.
    """
    estimator, sample = subject.estimator, subject.sample
    if not isinstance(estimator, Instrumented) or sample.z is None:
        return NotEstimable("the rung has no instrument")
    if estimator.kind == "first_stage":
        return NotEstimable("the rung claims nothing about the outcome, only about exposure")
    if estimator.kind == "itt":
        return NotEstimable(
            "the rung's estimate is the effect of the instrument itself, by whatever way; analyse "
            "a rung of kind iv"
        )
    if estimator.kind not in RATIOS:
        return NotEstimable(
            f"{estimator.kind} is no ratio of two linear regressions on the instrument, which this "
            "analysis takes apart"
        )
    if sample.z.shape[1] != 1:
        return NotEstimable(
            f"the rung has {sample.z.shape[1]} instruments ({', '.join(sample.instruments)}), and "
            "this analysis is of one; give each a rung of its own"
        )
    data = estimator.projected(sample)
    stages = stages_of(data, estimator.weakly(sample, data))
    if stages.first == 0:
        return NotEstimable("the instrument does not move exposure at all")
    chosen, known = choose_terms(sample, estimator.terms), sample.observed
    return InstrumentRung(
        instrument=sample.instruments[0].replace("_", " "),
        stages=stages,
        sample=chosen if known.all() else chosen.rows(known),
        shared=subject.shared if known.all() else subject.shared.rows(known),
        region=stages.region(level),
        level=level,
        withheld=subject.estimates.interval_withheld,
    )


def ends_of(region: Region) -> dict[str, Number]:
    """Give the outermost ends of a set, or say that there are none."""
    lo, hi = region.pieces[0][0], region.pieces[-1][1]
    return {
        "set_lo": NotEstimable("the set has no lower end") if lo is None else lo,
        "set_hi": NotEstimable("the set has no upper end") if hi is None else hi,
    }


def set_note(region: Region) -> str:
    """Write the set in words where two ends do not say it."""
    return "" if region.bounded else f"the set: {say_set(region)}"


def rung_row(opened: InstrumentRung) -> Row:
    """Write the rung's ratio and its set, by its own convention of the variance."""
    values = {"estimate": opened.estimate, **ends_of(opened.region)}
    return Row("rung", numbers(values), note=set_note(opened.region))

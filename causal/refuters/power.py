"""Measures how often refuters fail in cohorts with an unmeasured confounder of known strength."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from pydantic import Field, field_validator

from causal.cohort import Sample
from causal.documents import Settings
from causal.errors import OutcomeError, PositivityError
from causal.estimate import DIFFERENCES, NotEstimable
from causal.estimators import NuisanceStore
from causal.refuters.base import Auxiliary, Refuter
from causal.refuters.power_curve import (
    PowerCurve,
    PowerPoint,
    draw_curve,
    join_points,
    rejection_rate,
)
from causal.refuters.worlds import (
    HIGHEST_R2,
    Benchmark,
    Confounder,
    Known,
    World,
    build_world,
    draw_cohort,
    find_benchmark,
)
from causal.sensitivity.benchmarks import percent
from causal.sensitivity.partial_r2 import Strength
from causal.subject import Subject

MOST_UNEVALUATED = 0.1
"""With more cohorts than this lost, those left are no longer a fair selection."""
MODEL_ERRORS = (
    "The rung's covariates are kept; exposure and outcome are drawn from regressions fitted to "
    "them, so a wrong model is invisible here."
)


class PowerStudy(Settings):
    """Power of every refuter against an unmeasured confounder, in cohorts like the user's own.

    The confounder's partial R2 with exposure, and with the outcome, are ``k`` times those of a
    measured block of covariates, at most one half. The refuter makes fewer draws than in
    the analysis itself, which costs it some power; one pooled draw a cohort would be faster but
    would not be the verdict that is printed.

    Attributes
    ----------
    strengths : values of k, from 0 (which gives the size) upwards.
    cohorts : drawn at each strength.
    draws : of the refuter in each cohort, even where it asks for more in an analysis.
    benchmark : the concept strengths are counted in; the measured one that would bias the
        estimate most were it left out, when left out here.
    effect : the known effect on the scale of the analysis; the rung's own estimate when left out.
    confounder : one value a cluster (a person where there are none), or one a row.

    Assumptions
    -----------
    The confounder is normal and independent of the covariates; both regressions are right. See
    ``causal.refuters.worlds.World`` for what is kept and what is lost.

    References
    ----------
    Franklin, Schneeweiss, Polinski & Rassen (2014), doi:10.1016/j.csda.2013.10.018 (plasmode
    simulation); Cinelli & Hazlett (2020), doi:10.1111/rssb.12348 (strength against a benchmark).
    """

    strengths: tuple[float, ...] = (0, 0.5, 1, 2, 3)
    cohorts: int = Field(default=100, ge=20, le=10_000)
    draws: int = Field(default=20, ge=20, le=10_000)
    benchmark: str | None = None
    effect: float | None = None
    confounder: Confounder = "clusters"

    @field_validator("strengths")
    @classmethod
    def _ascend_from_none(cls, strengths: tuple[float, ...]) -> tuple[float, ...]:
        written = ", ".join(f"{one:g}" for one in strengths)
        if len(strengths) < 2 or strengths[0] != 0 or not math.isfinite(strengths[-1]):
            raise ValueError(
                f"strengths are {written or 'empty'}; they must start with 0, which gives the "
                "size, and go on to at least one finite strength above it"
            )
        if any(later <= earlier for earlier, later in pairwise(strengths)):
            raise ValueError(f"strengths are {written}; each must be larger than the one before")
        return strengths


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of the cohorts at one strength."""

    failed: int
    estimates: tuple[float, ...]
    refusals: tuple[str, ...]


def measure_power(
    refuter: Refuter,
    subject: Subject,
    auxiliary: Auxiliary,
    study: PowerStudy,
    k: float,
    rng: np.random.Generator,
) -> PowerPoint | NotEstimable:
    """Measure how often a refuter fails at one strength of the confounder.

    Parameters
    ----------
    subject : the fitted rung whose covariates and regressions the cohorts have.
    auxiliary : the samples of negative controls, which are drawn anew likewise, without effect.
    k : strength, counted in the strongest block.
    rng : each cohort gets a child of it.

    Returns
    -------
    The point, or why it cannot be given.
    """
    if refuter.why_no_power:
        return NotEstimable(refuter.why_no_power)
    if subject.estimator.needs_instruments:
        return NotEstimable(
            "cohorts are drawn with an exposure that the instrument does not move, so a rung with "
            "an instrument cannot be tried in them"
        )
    benchmark = find_benchmark(subject.sample, study.benchmark)
    if isinstance(benchmark, NotEstimable):
        return benchmark
    outcome = _strength_with_outcome(refuter, auxiliary, benchmark)
    if isinstance(outcome, NotEstimable):
        return outcome
    wanted = Strength(k * benchmark.strength.exposure, k * outcome)
    try:
        world = _world(refuter, subject, auxiliary, study, wanted)
    except (PositivityError, OutcomeError) as problem:
        return NotEstimable(problem.message.rstrip("."))
    if isinstance(world, NotEstimable):
        return world
    tally = _try_cohorts(refuter, subject, world, study, rng)
    evaluated = study.cohorts - len(tally.refusals)
    if len(tally.refusals) > MOST_UNEVALUATED * study.cohorts:
        said = tally.refusals[0].removeprefix("Not evaluated: ").rstrip(".")
        return NotEstimable(
            f"{len(tally.refusals)} of {study.cohorts} cohorts drawn at {k:g} times the strength "
            f"could not be evaluated ({said})"
        )
    rejected, error = rejection_rate(tally.failed, evaluated)
    reached = Strength(world.exposure.r2, world.outcome.r2)
    return PowerPoint(
        k=k,
        r2_exposure=reached.exposure,
        r2_outcome=reached.outcome,
        rejected=rejected,
        error=error,
        bias=float(np.mean(tally.estimates)) - world.effect,
        cohorts=evaluated,
        capped=reached.exposure < 0.99 * wanted.exposure or reached.outcome < 0.99 * wanted.outcome,
    )


def gather_curve(
    refuter: Refuter, subject: Subject, study: PowerStudy, points: list[PowerPoint | NotEstimable]
) -> PowerCurve | NotEstimable:
    """Put the points of one refuter together, with the sentence that follows from them."""
    joined, benchmark = join_points(points), find_benchmark(subject.sample, study.benchmark)
    if isinstance(joined, NotEstimable):
        return joined
    if isinstance(benchmark, NotEstimable):
        return benchmark
    own = getattr(refuter, "draws", None)
    name = benchmark.name.replace("_", " ")
    note = (
        f"1 is as strong as {name}, which explains {percent(benchmark.strength.exposure)} of "
        f"exposure and {percent(benchmark.strength.outcome)} of the outcome"
    )
    if refuter.control_outcome is not None:
        note += " (of a control, what it explains of that: see the table)"
    note += f" (a weak benchmark: {benchmark.weak})" if benchmark.weak else ""
    note += f". {study.cohorts} cohorts at each strength"
    if own is not None:
        note += f", {study.draws} draws in each where the analysis has {own}"
    return draw_curve(
        joined,
        cohorts=study.cohorts,
        draws=None if own is None else study.draws,
        benchmark=benchmark.name,
        note=f"{note}. {MODEL_ERRORS}",
    )


def _strength_with_outcome(
    refuter: Refuter, auxiliary: Auxiliary, benchmark: Benchmark
) -> float | NotEstimable:
    """Give the benchmark's partial R2 with the outcome looked at: a control has one of its own."""
    if refuter.control_outcome is None:
        return benchmark.strength.outcome
    control = auxiliary.outcomes.get(refuter.control_outcome)
    if control is None:
        return NotEstimable(f"there is no sample with outcome '{refuter.control_outcome}'")
    own = find_benchmark(control, benchmark.name)
    return own if isinstance(own, NotEstimable) else own.strength.outcome


def _world(
    refuter: Refuter, subject: Subject, auxiliary: Auxiliary, study: PowerStudy, wanted: Strength
) -> World | NotEstimable:
    """Build the world the refuter looks at: the rung's own, or that of its negative control."""
    at_most = Strength(min(wanted.exposure, HIGHEST_R2), min(wanted.outcome, HIGHEST_R2))
    target = subject.estimates.target
    if refuter.control_outcome is not None:
        control = auxiliary.outcomes.get(refuter.control_outcome)
        if control is None:
            return NotEstimable(f"there is no sample with outcome '{refuter.control_outcome}'")
        known = Known(None, "mean_difference", target, at_most, study.confounder)
        return build_world(control, known)
    estimated = subject.estimates.contrast(subject.scale)
    if isinstance(estimated, NotEstimable):
        return estimated
    effect = float(estimated.values[0])
    if study.effect is not None:
        if subject.scale not in DIFFERENCES and study.effect <= 0:
            return NotEstimable(f"power.effect is {study.effect:g}; a ratio must be above 0")
        effect = study.effect if subject.scale in DIFFERENCES else math.log(study.effect)
    return build_world(
        subject.sample, Known(effect, subject.scale, target, at_most, study.confounder)
    )


def _try_cohorts(
    refuter: Refuter,
    subject: Subject,
    world: World,
    study: PowerStudy,
    rng: np.random.Generator,
) -> Tally:
    """Draw cohorts, fit the rung to each, and let the refuter try to break it."""
    quick = refuter.model_copy(
        update={"draws": study.draws} if "draws" in type(refuter).model_fields else {}
    )
    failed, estimates, refusals = 0, [], []
    for stream in rng.spawn(study.cohorts):
        cohort = draw_cohort(world, stream)
        try:
            verdict, estimate, reason = _try_one(quick, subject, cohort, stream)
        except (PositivityError, OutcomeError) as problem:
            refusals.append(problem.message)
            continue
        if verdict == "NOT_EVALUATED":
            refusals.append(reason)
            continue
        failed += verdict == "FAIL"
        estimates.append(estimate)
    return Tally(failed, tuple(estimates), tuple(refusals))


def _try_one(
    refuter: Refuter, subject: Subject, cohort: Sample, rng: np.random.Generator
) -> tuple[str, float, str]:
    """Refute the rung in one cohort; give verdict, estimate and reason."""
    if refuter.control_outcome is not None:
        # the rung itself stays as it was: failing rests on the control alone
        found = refuter.refute(subject, rng, Auxiliary({refuter.control_outcome: cohort}))
        return found.verdict, math.nan if found.mean is None else found.mean, found.reason
    estimates = subject.estimator.fit(cohort, NuisanceStore(), rng)
    value = estimates.contrast(subject.scale)
    if isinstance(value, NotEstimable):
        return "NOT_EVALUATED", math.nan, value.reason
    drawn = replace(
        subject, sample=cohort, estimates=estimates, crude=estimates, shared=cohort, unfollowed=None
    )
    found = refuter.refute(drawn, rng, Auxiliary())
    return found.verdict, float(value.values[0]), found.reason

"""Measures how often refuters fail in cohorts with an unmeasured confounder of known strength."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from causal.documents import Settings
from causal.errors import OutcomeError, PositivityError
from causal.estimate import NotEstimable
from causal.refuters.base import Auxiliary, Refuter
from causal.refuters.power_curve import (
    PowerCurve,
    PowerPoint,
    draw_curve,
    join_points,
    rejection_rate,
)
from causal.refuters.scenes import Planted, Scene, Shown, set_scene
from causal.refuters.worlds import Confounder, find_benchmark
from causal.seeding import generator
from causal.sensitivity.benchmarks import percent
from causal.sensitivity.partial_r2 import Strength
from causal.subject import Subject

FEWEST_EVALUATED = 0.25
"""With fewer cohorts than this evaluated, nothing is known of when the refuter fails."""
MODEL_ERRORS = (
    "The rung's covariates are kept; exposure and outcome are drawn from regressions fitted to "
    "them, so a wrong model is invisible here."
)


class PowerStudy(Settings):
    """Power of every refuter against an unmeasured confounder, in cohorts like the user's own.

    The confounder's partial R2 with exposure, and with the outcome, are ``k`` times those of a
    measured block of covariates, at most one half. The refuter makes fewer draws than in
    the analysis itself, which costs it some power; one pooled draw a cohort would be faster but
    would not be the verdict that is printed. Refuters that look at the rung's own rows all see the
    same cohorts. A cohort in which a refuter cannot be evaluated counts as one it does not fail in,
    as in an analysis.

    Attributes
    ----------
    strengths : values of k, from 0 (which gives the size) upwards.
    cohorts : drawn at each strength.
    draws : of the refuter in each cohort, even where it asks for more in an analysis.
    benchmark : the concept strengths are counted in; the measured one that would bias the
        estimate most were it left out, when left out here.
    effect : the known effect on the scale of the analysis; the rung's own estimate when left out.
    confounder : one value a cluster (a person where there are none), or one a row.
    costly_cohorts, costly_strengths : for refuters that take a tenth of a second a cohort or
        longer (``graph_falsification``, ``simulated_outcome``, ``dowhy``); every strength when left
        out.

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
    costly_cohorts: int = Field(default=40, ge=20, le=10_000)
    costly_strengths: tuple[float, ...] | None = None

    @field_validator("strengths", "costly_strengths")
    @classmethod
    def _ascend_from_none(cls, strengths: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if strengths is None:
            return None
        written = ", ".join(f"{one:g}" for one in strengths)
        if len(strengths) < 2 or strengths[0] != 0 or not math.isfinite(strengths[-1]):
            raise ValueError(
                f"strengths are {written or 'empty'}; they must start with 0, which gives the "
                "size, and go on to at least one finite strength above it"
            )
        if any(later <= earlier for earlier, later in pairwise(strengths)):
            raise ValueError(f"strengths are {written}; each must be larger than the one before")
        return strengths

    @field_validator("costly_strengths")
    @classmethod
    def _are_among_all(
        cls, costly: tuple[float, ...] | None, found: ValidationInfo
    ) -> tuple[float, ...] | None:
        every = found.data.get("strengths", ())
        other = [f"{one:g}" for one in costly or () if one not in every]
        if other and every:
            written = ", ".join(f"{one:g}" for one in every)
            raise ValueError(
                f"costly_strengths has {', '.join(other)}, which is not among strengths; choose "
                f"among {written}"
            )
        return costly

    def strengths_for(self, refuter: Refuter) -> tuple[float, ...]:
        """Give the strengths at which a refuter is tried."""
        return self.costly_strengths or self.strengths if refuter.costly else self.strengths

    def cohorts_for(self, refuter: Refuter) -> int:
        """Give the number of cohorts a refuter is tried on at each strength."""
        return min(self.costly_cohorts, self.cohorts) if refuter.costly else self.cohorts


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A refuter of a specification, and the name of its random streams.

    Attributes
    ----------
    number : position in the specification.
    """

    number: int
    refuter: Refuter
    auxiliary: Auxiliary


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of some cohorts at one strength.

    Attributes
    ----------
    failed, faulty : cohorts in which the verdict was FAIL; the same with the refuter's own fault
        planted, None where that is confounding.
    estimates : in the cohorts that could be evaluated.
    refusals : why the others could not.
    """

    wanted: Strength
    reached: Strength
    effect: float
    failed: int
    faulty: int | None
    estimates: tuple[float, ...]
    refusals: tuple[str, ...]


def try_cohorts(
    tried: Sequence[Tried],
    subject: Subject,
    study: PowerStudy,
    k: float,
    seed: int,
    which: range,
) -> list[Tally | NotEstimable]:
    """Try refuters on cohorts with a confounder of one strength.

    Parameters
    ----------
    tried : refuters; several only if all are tried on the rung's own rows, which they then share.
    subject : the fitted rung whose covariates and regressions the cohorts have.
    which : numbers of the cohorts; cohort r is the same wherever and with whatever it is drawn.

    Returns
    -------
    A tally a refuter, or why it has none.
    """
    first = tried[0]
    scene = _scene(first, subject, study, k)
    if isinstance(scene, NotEstimable):
        return [scene] * len(tried)
    quick = [one.refuter.hastened(study.draws) for one in tried]
    found: list[list[_Trial]] = [[] for _ in tried]
    own = () if first.refuter.tried_on == "cohort" else (first.refuter.kind, first.number)
    for cohort in which:
        here = [at for at, one in enumerate(tried) if cohort < study.cohorts_for(one.refuter)]
        if not here:
            break
        try:
            shown = scene.draw(generator(seed, "power", "cohort", *own, f"{k:g}", cohort))
        except (PositivityError, OutcomeError) as problem:
            for at in here:
                found[at].append(_Trial("NOT_EVALUATED", math.nan, problem.message))
            continue
        for at in here:
            name = ("power", tried[at].refuter.kind, tried[at].number, f"{k:g}", cohort)
            found[at].append(_try_one(quick[at], shown, generator(seed, *name)))
    return [_count(scene, trials) for trials in found]


@dataclass(frozen=True, slots=True)
class _Trial:
    """What came of one cohort; ``faulty`` is the verdict with the refuter's own fault planted."""

    verdict: str
    estimate: float
    reason: str
    faulty: str | None = None


def _scene(one: Tried, subject: Subject, study: PowerStudy, k: float) -> Scene | NotEstimable:
    """Build what refuters are tried in, or say why they have no power."""
    if one.refuter.why_no_power:
        return NotEstimable(one.refuter.why_no_power)
    if beyond := subject.compared.beyond_two_arms:
        return NotEstimable(beyond)
    if subject.estimator.needs_instruments:
        return NotEstimable(
            "cohorts are drawn with an exposure that the instrument does not move, so a rung with "
            "an instrument cannot be tried in them"
        )
    benchmark = find_benchmark(subject.sample, study.benchmark)
    if isinstance(benchmark, NotEstimable):
        return benchmark
    planted = Planted(k, benchmark, study.effect, study.confounder)
    try:
        return set_scene(one.refuter, subject, one.auxiliary, planted)
    except (PositivityError, OutcomeError) as problem:
        return NotEstimable(problem.message.rstrip("."))


def _try_one(refuter: Refuter, shown: Shown, rng: np.random.Generator) -> _Trial:
    """Refute the rung in one cohort."""
    found = refuter.refute(shown.subject, rng, shown.auxiliary)
    estimate = found.mean if shown.estimate is None else shown.estimate
    faulty = None
    if shown.faulty is not None:
        faulty = refuter.refute(shown.subject, rng, shown.faulty).verdict
    return _Trial(found.verdict, math.nan if estimate is None else estimate, found.reason, faulty)


def _count(scene: Scene, trials: Sequence[_Trial]) -> Tally:
    """Count failures; cohorts that cannot be evaluated are none."""
    known = [one for one in trials if one.verdict != "NOT_EVALUATED"]
    faulty = [one.faulty == "FAIL" for one in trials if one.faulty is not None]
    return Tally(
        wanted=scene.wanted,
        reached=scene.reached,
        effect=scene.effect,
        failed=sum(one.verdict == "FAIL" for one in known),
        faulty=sum(faulty) if faulty else None,
        estimates=tuple(one.estimate for one in known),
        refusals=tuple(one.reason for one in trials if one.verdict == "NOT_EVALUATED"),
    )


def weigh(k: float, tallies: Sequence[Tally | NotEstimable]) -> PowerPoint | NotEstimable:
    """Put the tallies of one refuter at one strength together."""
    whole = [one for one in tallies if isinstance(one, Tally)]
    if len(whole) < len(tallies):
        return next(one for one in tallies if isinstance(one, NotEstimable))
    estimates = [value for one in whole for value in one.estimates]
    refusals = [said for one in whole for said in one.refusals]
    cohorts = len(estimates) + len(refusals)
    if len(estimates) < FEWEST_EVALUATED * cohorts:
        said = refusals[0].removeprefix("Not evaluated: ").rstrip(".")
        return NotEstimable(
            f"{len(refusals)} of {cohorts} cohorts drawn at {k:g} times the strength could not be "
            f"evaluated ({said})"
        )
    wanted, reached = whole[0].wanted, whole[0].reached
    rejected, error = rejection_rate(sum(one.failed for one in whole), cohorts)
    faulty = [one.faulty for one in whole if one.faulty is not None]
    return PowerPoint(
        k=k,
        r2_exposure=reached.exposure,
        r2_outcome=reached.outcome,
        rejected=rejected,
        error=error,
        bias=float(np.mean(estimates)) - whole[0].effect,
        cohorts=len(estimates),
        capped=reached.exposure < 0.99 * wanted.exposure or reached.outcome < 0.99 * wanted.outcome,
        own_fault=sum(faulty) / cohorts if faulty else None,
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
    own, cohorts = getattr(refuter, "draws", None), study.cohorts_for(refuter)
    name = benchmark.name.replace("_", " ")
    note = (
        f"1 is as strong as {name}, which explains {percent(benchmark.strength.exposure)} of "
        f"exposure and {percent(benchmark.strength.outcome)} of the outcome"
    )
    if refuter.tried_on in ("control outcome", "control exposure"):
        note += " (of a control, what it explains of that: see the table)"
    note += f" (a weak benchmark: {benchmark.weak})" if benchmark.weak else ""
    note += f". {cohorts} cohorts at each strength"
    if own is not None:
        note += f", {study.draws} draws in each where the analysis has {own}"
    return draw_curve(
        joined,
        cohorts=cohorts,
        draws=None if own is None else study.draws,
        benchmark=benchmark.name,
        note=f"{note}. {MODEL_ERRORS}",
    )

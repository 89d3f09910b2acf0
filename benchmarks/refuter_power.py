"""How often every refuter fails in worlds whose fault is known: its size and its power.

``python -m benchmarks.simulations --only refuters`` runs it alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.mechanism import LATENT, OTHERS, Design, draw
from benchmarks.performance import acceptance_band
from benchmarks.studies import BASE
from causal.arrays import Floats
from causal.cohort import HELD, Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimators import AnyEstimator, GComputation, MeanDifference, NuisanceStore
from causal.execution import map_tasks
from causal.refuters import (
    AnyRefuter,
    Auxiliary,
    Bootstrap,
    DataSubset,
    DoWhySecondOpinion,
    DummyOutcome,
    EmpiricalCalibration,
    GraphFalsification,
    NegativeControlExposure,
    NegativeControlOutcome,
    PlaceboExposure,
    RandomCommonCause,
    SimulatedConfounder,
    SimulatedOutcome,
)
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences
from causal.refuters.power_curve import rejection_rate
from causal.seeding import generator
from causal.simulate import Scenario, bernoulli, expit, simulate_cohort
from causal.subject import Subject

CHUNK = 10
NOMINAL = 0.05
DRAWS, MANY_DRAWS = 50, 200
"""Draws of a refuter; many where the spread of the draws is what is to be seen."""
SIZES = (500, 2000)
COHORTS = {500: 100, 2000: 40}
SECOND_OPINIONS = 20
"""Cohorts DoWhy is asked about, at the smaller size: a call takes as long as a hundred fits."""
CONTROL = "control"
BLIND = (
    PlaceboExposure(draws=DRAWS),
    DummyOutcome(draws=DRAWS),
    RandomCommonCause(draws=DRAWS),
    DataSubset(draws=DRAWS),
    Bootstrap(draws=DRAWS),
    SimulatedOutcome(draws=DRAWS),
    SimulatedConfounder(draws=4, k=(0.5, 1.0)),
)
NEGATIVE_CONTROL = NegativeControlOutcome(
    outcome=CONTROL,
    concept=CONTROL,
    rationale="drawn without exposure, from motivation and severity",
)
CONTROL_EXPOSURE = NegativeControlExposure(
    exposure="other_exposure",
    concept="other_exposure",
    rationale="driven by motivation and severity, without part in the outcome",
)
CALIBRATION = EmpiricalCalibration(
    controls=[
        {
            "outcome": f"{CONTROL}_{number}",
            "concept": CONTROL,
            "rationale": "drawn without exposure, from motivation and severity",
        }
        for number in range(12)
    ]
)
FALSIFICATION = GraphFalsification(permutations=60)
SEEING = (NEGATIVE_CONTROL, CONTROL_EXPOSURE, CALIBRATION, FALSIFICATION)
DOWHY = DoWhySecondOpinion(draws=20)
SPREAD = (*BLIND[:3], DataSubset(draws=MANY_DRAWS), Bootstrap(draws=MANY_DRAWS))
HIDDEN = replace(BASE, effect=0.0, motivation_to_exposure=1.2, motivation_to_outcome=1.2)
"""Meetings do nothing, motivation drives both and is not measured."""
MOTIVATION_TO_CONTROL = 1.2
"""As strong as motivation's part in the outcome where it is hidden."""


@dataclass(frozen=True, slots=True)
class World:
    """A mechanism, and the analysis made of it.

    Attributes
    ----------
    name, what : for the tables.
    refuters : tried on it.
    sizes : persons.
    repeated : one to four correlated rows a person, whose clustering the analysis ignores.
    """

    name: str
    what: str
    scenario: Scenario
    terms: tuple[str, ...]
    estimator: AnyEstimator
    refuters: tuple[AnyRefuter, ...] = (*BLIND, *SEEING)
    sizes: tuple[int, ...] = SIZES
    repeated: bool = False


SOUND = World("sound", "all confounders measured and adjusted for", BASE, LATENT, GComputation())
HIDDEN_MOTIVATION = World(
    "hidden motivation",
    "no effect; motivation (log odds ratio 1.2 per SD on both sides) is not measured",
    HIDDEN,
    ("true_severity", *OTHERS),
    GComputation(),
)
WORLDS = (
    SOUND,
    HIDDEN_MOTIVATION,
    World(
        "not adjusted",
        "all confounders measured, the estimator adjusts for none of them",
        BASE,
        LATENT,
        MeanDifference(),
    ),
    World(
        "clusters ignored",
        "one to four correlated rows a person, taken as independent",
        BASE,
        LATENT,
        GComputation(),
        SPREAD,
        SIZES[:1],
        repeated=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some cohorts of one world; cohort r has the same streams wherever it runs."""

    world: World
    n: int
    refuters: tuple[AnyRefuter, ...]
    seed: int
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a refuter fails in a world.

    Attributes
    ----------
    cohorts : in which it could be evaluated; the other numbers are nan where there is none.
    bias : mean estimate less the mean effect of attendance on these persons.
    """

    world: World
    n: int
    refuter: str
    failed: int
    cohorts: int
    rejected: float
    error: float
    bias: float


def measure_rates(
    world: World,
    n: int,
    refuters: Sequence[AnyRefuter],
    *,
    cohorts: int,
    seed: int,
    jobs: int = 1,
) -> list[Rate]:
    """Refute the analyses of drawn cohorts; every refuter sees the same ones."""
    batches = [
        Batch(world, n, tuple(refuters), seed, first, min(CHUNK, cohorts - first))
        for first in range(0, cohorts, CHUNK)
    ]
    results = np.concatenate(map_tasks(_try_batch, batches, jobs=jobs))
    return [
        _rate(world, n, refuter.kind, results[:, column], results[:, -1])
        for column, refuter in enumerate(refuters)
    ]


def largest_size(cohorts: int, cells: int) -> float:
    """Give the upper end of the binomial band round the nominal size."""
    return acceptance_band(cohorts, cells, NOMINAL)[1]


def _rate(world: World, n: int, kind: str, verdicts: Floats, errors: Floats) -> Rate:
    """Count failures among the cohorts that could be evaluated."""
    known = verdicts[~np.isnan(verdicts)]
    failed, cohorts = int(known.sum()), len(known)
    rejected, error = rejection_rate(failed, cohorts) if cohorts else (np.nan, np.nan)
    bias = float(np.mean(errors[~np.isnan(errors)])) if (~np.isnan(errors)).any() else np.nan
    return Rate(world, n, kind, failed, cohorts, rejected, error, bias)


def _try_batch(batch: Batch) -> Floats:
    """Give (cohorts, refuters + 1): 1 for FAIL, nan for none; last, the error of the estimate."""
    results = np.full((batch.count, len(batch.refuters) + 1), np.nan)
    for row in range(batch.count):
        name = (batch.world.name, batch.n, batch.first + row)
        sample, controls, effect = draw_with_controls(
            batch.world, batch.n, generator(batch.seed, "refuter power", *name)
        )
        estimator = batch.world.estimator
        try:
            fitted = estimator.fit(sample, NuisanceStore(), generator(batch.seed, "fit", *name))
        except (PositivityError, OutcomeError):  # separation, which small samples have
            continue
        subject = Subject("rung", estimator, sample, fitted, fitted, sample, "risk_difference")
        results[row, -1] = float(fitted.values[1] - fitted.values[0]) - effect
        for column, refuter in enumerate(batch.refuters):
            stream = generator(batch.seed, "refuter", refuter.kind, *name)
            verdict = refuter.refute(subject, stream, controls).verdict
            results[row, column] = np.nan if verdict == "NOT_EVALUATED" else verdict == "FAIL"
    return results


def draw_with_controls(
    world: World, n: int, rng: np.random.Generator
) -> tuple[Sample, Auxiliary, float]:
    """Draw a cohort, its negative control, and the mean effect of attendance on its persons."""
    if world.repeated:
        design = Design(world.name, world.scenario, n, world.terms, repeated=True)
        return replace(draw(design, rng), cluster=None), Auxiliary(), np.nan
    cohort = simulate_cohort(world.scenario, n, rng)
    sample = Sample(
        unit=np.arange(n),
        y=cohort["abstinent"],
        a=cohort["mhg_weekly"],
        x=np.column_stack([cohort[term] for term in world.terms]),
        terms=world.terms,
        concepts=world.terms,
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )
    motivation, severity = cohort["true_motivation"], cohort["true_severity"]
    logit = MOTIVATION_TO_CONTROL * motivation - 0.5 * severity
    controls = {CONTROL: replace(sample, y=bernoulli(expit(logit), rng))}
    for number, control in enumerate(CALIBRATION.controls):
        part = 0.5 + 0.5 * number / (len(CALIBRATION.controls) - 1)
        controls[control.key] = replace(sample, y=bernoulli(expit(part * logit), rng))
    other = replace(
        sample,
        a=bernoulli(expit(logit), rng),
        x=np.column_stack([sample.x, sample.a]),
        terms=(*sample.terms, HELD),
        concepts=(*sample.concepts, HELD),
    )
    effect = float((cohort["abstinent_if_attending"] - cohort["abstinent_if_not"]).mean())
    ends = {"mhg": sample.a, "outcome": sample.y}
    implied = _implied(motivation, severity, ends, missing=world.scenario is HIDDEN, rng=rng)
    exposures = {CONTROL_EXPOSURE.key: other}
    return sample, Auxiliary(controls, exposures, implications=implied), effect


def _implied(
    motivation: Floats,
    severity: Floats,
    ends: Mapping[str, Floats],
    *,
    missing: bool,
    rng: np.random.Generator,
) -> ImpliedIndependences:
    """Draw three marks of motivation and say that they and severity hang on it alone.

    ``ends`` are exposure and outcome, which motivation and severity drive.

    In the world with a fault one of them has an arrow from severity that the diagram leaves out.
    """
    own = severity - motivation * (motivation @ severity) / (motivation @ motivation)
    marks = {
        f"mark_{i}": motivation
        + rng.standard_normal(len(motivation))
        + (0.4 * own if faulty else 0)
        for i, faulty in enumerate((missing, False, False))
    }
    columns = {"motivation": motivation, "severity": severity, **marks, **ends}
    pairs = [("severity", mark) for mark in marks] + [
        ("mark_0", "mark_1"),
        ("mark_0", "mark_2"),
        ("mark_1", "mark_2"),
    ]
    return ImpliedIndependences(
        concepts=tuple(
            ConceptColumns(name, values[:, None], (name,), (False,))
            for name, values in columns.items()
        ),
        always=np.empty((len(motivation), 0)),
        w=np.ones(len(motivation)),
        cluster=None,
        implied=tuple(Implied(one, other, ("motivation",)) for one, other in pairs),
        edges=(
            *(("motivation", other) for other in ("severity", *marks)),
            *((cause, end) for cause in ("motivation", "severity") for end in ends),
            ("mhg", "outcome"),
        ),
        effect_of=("mhg", "outcome"),
    )

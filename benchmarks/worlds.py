"""Samples of the worlds where more than one difference is asked: arms, doses, times, surveys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from causal.arrays import Floats
from causal.clock import Clock
from causal.cohort import Sample
from causal.dose_grid import DoseGrid
from causal.seeding import generator
from causal.simulate import bernoulli, expit
from causal.simulate_groups import KINDS, MOST, WORLDS, Members, groups_truth, simulate_groups
from causal.simulate_survey import DRAWN, SURVEYS, simulate_survey
from causal.simulate_times import HORIZON, TAU, Times, simulate_times
from causal.strata import Strata

KINDS_WORLD, DOSES_WORLD = WORLDS["kinds"], WORLDS["doses"]
GRID = (0.0, 1.0, 2.0, 3.0)
"""Doses a curve is read at."""
TOP = 4
"""Meetings a week from which on doses are taken together where each has its own level."""
ODDS = 2.0
"""The factor of the nudge of the odds of attending."""
SURVEY_TERMS = ("motivation", "severity", "opioid", "prior_mhg")
EFFECT, SLOPE = 1.0, -0.5
"""Effect of exposure at a covariate of 0, and what one more of it adds, in ``tilted``."""
MANY = 1_000_000
CELLS = 60
"""Quantiles of each covariate by which a mean of many persons is smoothed."""


def arms(n: int, rng: np.random.Generator, terms: Sequence[str]) -> Sample:
    """Draw persons who choose among kinds of groups."""
    drawn = simulate_groups(KINDS_WORLD, n, rng)
    return Sample(
        unit=np.arange(n),
        y=drawn.use,
        a=drawn.kind.astype(float),
        x=_columns(drawn, terms, n),
        terms=tuple(terms),
        concepts=tuple(terms),
        outcome_kind="binary",
        exposure_kind="arms",
        w=np.ones(n),
        levels=KINDS,
    )


def arm_differences() -> tuple[float, ...]:
    """Give the true differences in risk: each kind against none, and between the two."""
    none, first, second = groups_truth(KINDS_WORLD)[0].values()
    return first - none, second - none, second - first


def doses(n: int, rng: np.random.Generator, *, top: int = MOST, binary: bool = False) -> Sample:
    """Draw persons with their meetings a week, or with whether there were any."""
    drawn = simulate_groups(DOSES_WORLD, n, rng)
    a = np.minimum(drawn.meetings, top)
    terms = ("motivation", "severity")
    return Sample(
        unit=np.arange(n),
        y=drawn.use,
        a=(a > 0).astype(float) if binary else a,
        x=_columns(drawn, terms, n),
        terms=terms,
        concepts=terms,
        outcome_kind="binary",
        exposure_kind="binary" if binary else "dose",
        w=np.ones(n),
        doses=None if binary else DoseGrid(GRID, (0.0, 1.0), "meetings a week"),
    )


def dose_risks() -> tuple[float, ...]:
    """Give the true risks at the doses of the grid."""
    _, risks = groups_truth(DOSES_WORLD)
    return tuple(risks[int(dose)] for dose in GRID)


@cache
def shift_truth() -> float:
    """Give what one more meeting a week does, where there is such a dose, over many persons."""
    many, dose = _many_members()
    return float((_use(many, np.minimum(dose + 1, TOP)) - _use(many, dose)).mean())


@cache
def incremental_truth() -> float:
    """Give what multiplied odds of any meeting do, over many persons."""
    many, dose = _many_members()
    share = 1 - np.exp(-np.exp(-0.1 + 0.6 * many.motivation + 0.3 * many.severity))
    moved = ODDS * share / (ODDS * share + 1 - share)
    attending = dose > 0  # among attenders of like covariates the mix of doses stays
    exposed = _mean_of_those(attending, _use(many, dose), many)
    return float(((moved - share) * (exposed - _use(many, np.zeros_like(dose)))).mean())


def times(
    world: Times,
    n: int,
    rng: np.random.Generator,
    terms: Sequence[str] = ("motivation", "severity"),
) -> Sample:
    """Draw persons with what ended each time, and when."""
    drawn = simulate_times(world, n, rng)
    return Sample(
        unit=np.arange(n),
        y=drawn.day,
        a=drawn.attends,
        x=_columns(drawn, terms, n),
        terms=tuple(terms),
        concepts=tuple(terms),
        outcome_kind="survival",
        exposure_kind="binary",
        w=np.ones(n),
        event=drawn.cause,
        clock=Clock((HORIZON, TAU), TAU, HORIZON, "days", "use", "death"),
    )


def survey(persons: int, rng: np.random.Generator) -> Sample:
    """Draw a sample of the survey with its weights, units and strata."""
    found = simulate_survey(SURVEYS["base"], persons, rng)
    n = len(found["abstinent"])
    region = found["region"].astype(np.int64)
    return Sample(
        unit=np.arange(n),
        y=found["abstinent"],
        a=found["mhg_weekly"],
        x=np.column_stack([found[name] for name in SURVEY_TERMS]),
        terms=SURVEY_TERMS,
        concepts=SURVEY_TERMS,
        outcome_kind="binary",
        exposure_kind="binary",
        w=found["weight"] / found["weight"].mean(),
        cluster=region * DRAWN + found["clinic"].astype(np.int64),
        strata=Strata(region, np.full(n, float(DRAWN)), np.zeros(n)),
    )


def tilted(n: int, rng: np.random.Generator, slope: float) -> Sample:
    """Draw outcomes no linear regression describes, and lose some by exposure and covariates."""
    x = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    a = bernoulli(expit(-0.2 + 0.8 * x[:, 0] - 0.5 * x[:, 1]), rng)
    free = np.exp(0.5 * x[:, 0]) + np.abs(x[:, 0]) * x[:, 1]
    y = free + a * (EFFECT + slope * x[:, 0]) + rng.normal(size=n)
    y[rng.random(n) < expit(-1.2 + 0.5 * a + 0.7 * x[:, 0])] = np.nan
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1"),
        concepts=("severity", "demographics"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
    )


def _columns(drawn: object, terms: Sequence[str], n: int) -> Floats:
    """Give (n, p) columns by name."""
    return np.column_stack([getattr(drawn, t) for t in terms]) if terms else np.empty((n, 0))


@cache
def _many_members() -> tuple[Members, np.ndarray]:
    """Draw persons to average over, and their doses, the rarer taken together."""
    many = simulate_groups(DOSES_WORLD, MANY, generator(0, "worlds", "many"))
    return many, np.minimum(many.meetings, TOP).astype(np.int64)


def _use(many: Members, dose: np.ndarray) -> Floats:
    """Give the risk of use of persons at a dose."""
    effects = np.array(DOSES_WORLD.dose_effects)
    return expit(0.2 - 0.6 * many.motivation + 0.5 * many.severity + effects[dose])


def _mean_of_those(chosen: np.ndarray, values: Floats, many: Members) -> Floats:
    """Give everybody the mean value of those chosen who have like covariates."""
    steps = np.linspace(0, 1, CELLS)[1:-1]
    cells = [np.searchsorted(np.quantile(v, steps), v) for v in (many.motivation, many.severity)]
    cell = cells[0] * CELLS + cells[1]
    total = np.bincount(cell[chosen], weights=values[chosen], minlength=CELLS**2)
    count = np.bincount(cell[chosen], minlength=CELLS**2)
    return np.asarray((total / np.maximum(count, 1))[cell])

"""A cohort of times to first use with known truth: competing events, and informative censoring.

Times are exponential given motivation, severity and attendance, so that every risk has a closed
form given these, and the truth is its average.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.seeding import generator
from causal.simulate import bernoulli, expit

TRUTH_DRAWS = 1_000_000
HORIZON, TAU = 91.0, 182.0
LAST_DAY = (182.0, 240.0)
"""Interviews that end follow-up fall evenly between these days."""


@dataclass(frozen=True, slots=True)
class Times:
    """The parameters of the world.

    Attributes
    ----------
    exposure : log odds of weekly attendance at mean motivation and severity; then for one SD.
    use, death, dropout : log of the daily hazard at mean motivation and severity, not attending.
    effect_use, effect_death : log hazard ratio of attending.
    """

    exposure: float = -0.2
    motivation_to_exposure: float = 1.0
    severity_to_exposure: float = 0.2
    use: float = -4.9
    motivation_to_use: float = -0.6
    severity_to_use: float = 0.6
    effect_use: float = -0.4
    death: float = -7.2
    severity_to_death: float = 0.5
    effect_death: float = -0.2
    dropout: float = -5.9
    severity_to_dropout: float = 0.7
    effect_dropout: float = 0.3


WORLDS: Mapping[str, Times] = {
    "base": Times(),
    "null": Times(effect_use=0.0, effect_death=0.0),
    "independent_censoring": Times(severity_to_dropout=0.0, effect_dropout=0.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One draw of persons: what is known at the start, and what ended each time.

    Attributes
    ----------
    day : (n,) floats, whole days from 1.
    cause : (n,) ints, 0 follow-up ended, 1 use, 2 death.
    """

    motivation: Floats
    severity: Floats
    attends: Floats
    day: Floats
    cause: Ints


def simulate_times(world: Times, n: int, rng: np.random.Generator) -> Drawn:
    """Draw persons with their times."""
    motivation, severity = _covariates(n, rng)
    odds = (
        world.exposure
        + world.motivation_to_exposure * motivation
        + world.severity_to_exposure * severity
    )
    attends = bernoulli(expit(odds), rng)
    use, death = _hazards(world, motivation, severity, attends)
    leave = np.exp(
        world.dropout + world.severity_to_dropout * severity + world.effect_dropout * attends
    )
    times = np.array(
        [
            np.minimum(rng.exponential(1 / leave), rng.uniform(*LAST_DAY, n)),
            rng.exponential(1 / use),
            rng.exponential(1 / death),
        ]
    )
    cause = times.argmin(axis=0)
    return Drawn(motivation, severity, attends, np.ceil(times.min(axis=0)), cause.astype(np.int64))


def times_truth(world: Times, horizon: float = HORIZON) -> dict[str, float]:
    """Give the true risk difference of use by a day, and of mean days lost to use by day 182.

    Both in the presence of death, averaged over everybody.
    """
    motivation, severity = _covariates(TRUTH_DRAWS, generator(0, "times", "truth"))
    risks, lost = [], []
    for arm in (0.0, 1.0):
        use, death = _hazards(world, motivation, severity, np.full(TRUTH_DRAWS, arm))
        total = use + death
        risks.append(use / total * -np.expm1(-total * horizon))
        lost.append(use / total * (TAU + np.expm1(-total * TAU) / total))
    return {
        "ate": float(np.mean(risks[1] - risks[0])),
        f"risk by day {horizon:g}, unexposed": float(np.mean(risks[0])),
        f"risk by day {horizon:g}, exposed": float(np.mean(risks[1])),
        "mean days lost to use by day 182, exposed - unexposed": float(np.mean(lost[1] - lost[0])),
    }


def _covariates(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw motivation and severity; the more severe are the more motivated."""
    severity = rng.standard_normal(n)
    motivation = 0.3 * severity + np.sqrt(1 - 0.3**2) * rng.standard_normal(n)
    return motivation, severity


def _hazards(
    world: Times, motivation: Floats, severity: Floats, attends: Floats
) -> tuple[Floats, Floats]:
    """Give the daily hazards of use and of death."""
    use = np.exp(
        world.use
        + world.motivation_to_use * motivation
        + world.severity_to_use * severity
        + world.effect_use * attends
    )
    death = np.exp(world.death + world.severity_to_death * severity + world.effect_death * attends)
    return use, death

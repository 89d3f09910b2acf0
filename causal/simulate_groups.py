"""A cohort that chooses among kinds of groups and how often to go, with known truth.

In the world ``kinds`` the kind of group bears on later use and how often one goes does not; in
``doses`` it is the other way round, with nothing gained below weekly attendance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints
from causal.seeding import generator
from causal.simulate import bernoulli, expit

KINDS = ("neither", "twelve_step", "smart")
MOST = 7
TRUTH_DRAWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Choices:
    """The parameters of the world.

    Attributes
    ----------
    kind_effects : log odds of use for each kind of group.
    dose_effects : log odds of use for 0 to 7 meetings a week.
    """

    kind_effects: tuple[float, float, float] = (0.0, 0.0, 0.0)
    dose_effects: tuple[float, ...] = (0.0,) * (MOST + 1)


WORLDS: Mapping[str, Choices] = {
    "kinds": Choices(kind_effects=(0.0, -0.6, -0.3)),
    "doses": Choices(dose_effects=(0.0, -0.5, -0.7, -0.85, -0.95, -1.0, -1.0, -1.0)),
    "null": Choices(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """One draw of persons; ``kind`` counts from 0 in the order of ``KINDS``."""

    motivation: Floats
    severity: Floats
    religiosity: Floats
    kind: Ints
    meetings: Floats
    use: Floats


def simulate_groups(world: Choices, n: int, rng: np.random.Generator) -> Members:
    """Draw persons, what they choose, and whether they use later."""
    motivation, severity, religiosity = _covariates(n, rng)
    eager = np.exp(-0.1 + 0.6 * motivation + 0.3 * severity)
    meetings = np.minimum(rng.poisson(eager), MOST).astype(np.float64)
    prefers = expit(0.5 + 0.9 * religiosity - 0.4 * motivation)  # twelve-step over SMART
    twelve = bernoulli(prefers, rng)
    kind = np.where(meetings == 0, 0, np.where(twelve == 1, 1, 2))
    use = bernoulli(_risk(world, motivation, severity, kind, meetings), rng)
    return Members(motivation, severity, religiosity, kind.astype(np.int64), meetings, use)


def groups_truth(world: Choices) -> tuple[dict[str, float], tuple[float, ...]]:
    """Give the true risks of use, averaged over everybody: by kind, and by meetings a week."""
    motivation, severity, _ = _covariates(TRUTH_DRAWS, generator(0, "groups", "truth"))
    nothing = np.zeros(TRUTH_DRAWS)
    kinds = {
        name: float(_risk(world, motivation, severity, np.full(TRUTH_DRAWS, k), nothing).mean())
        for k, name in enumerate(KINDS)
    }
    doses = tuple(
        float(_risk(world, motivation, severity, np.zeros(TRUTH_DRAWS, int), nothing + dose).mean())
        for dose in range(MOST + 1)
    )
    return kinds, doses


def _covariates(n: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Draw motivation, severity and religiosity."""
    severity = rng.standard_normal(n)
    motivation = 0.3 * severity + np.sqrt(1 - 0.3**2) * rng.standard_normal(n)
    return motivation, severity, rng.standard_normal(n)


def _risk(
    world: Choices, motivation: Floats, severity: Floats, kind: Ints, meetings: Floats
) -> Floats:
    """Give the risk of use."""
    return expit(
        0.2
        - 0.6 * motivation
        + 0.5 * severity
        + np.array(world.kind_effects)[kind]
        + np.array(world.dose_effects)[meetings.astype(np.int64)]
    )

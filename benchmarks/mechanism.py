"""Samples drawn from the structural model of ``causal.simulate``, single or repeated a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal import simulate
from causal.arrays import Floats
from causal.cohort import Sample
from causal.simulate import Scenario, simulate_cohort

OTHERS = (
    "female",
    "black",
    "religiosity",
    "network_support",
    "psychiatric",
    "moud",
    "prior_mhg",
    "abstinence_goal",
)
LATENT = ("true_motivation", "true_severity", *OTHERS)
"""Everything that confounds: adjusting for it makes the estimators' assumptions hold."""
MEASURED = ("motivation_score", "severity_score", *OTHERS)
"""What a study has: motivation and severity with error."""
INTERVALS = (1, 2, 3, 4)
"""Intervals a person contributes, equally often; unrelated to anything else."""
WITHIN_PERSON = 0.8
"""Correlation of the latent normals behind exposure, and behind outcome, within a person."""


@dataclass(frozen=True, slots=True)
class Design:
    """One data-generating mechanism of a study.

    Attributes
    ----------
    name : how tables call it.
    scenario : parameters of the structural model.
    n : persons.
    terms : columns adjusted for.
    repeated : one row a person, or one to four correlated rows clustered by person.
    """

    name: str
    scenario: Scenario
    n: int
    terms: tuple[str, ...] = LATENT
    repeated: bool = False


def draw(design: Design, rng: np.random.Generator) -> Sample:
    """Draw one sample of a design."""
    if design.repeated:
        return _draw_repeated(design, rng)
    cohort = simulate_cohort(design.scenario, design.n, rng)
    return _sample(cohort, design.terms, cohort["mhg_weekly"], cohort["abstinent"])


def draw_expected(design: Design, persons: int, rng: np.random.Generator) -> Sample:
    """Draw persons only, and let probabilities stand for exposure and outcome (Rao-Blackwell).

    Every person is there four times, with each facilitation and each exposure, weighted by its
    probability and with the probability of abstinence as outcome. The score equations of all
    estimators take expectations over exposure and outcome, so an estimator fitted here gives its
    large-sample limit with the sampling error of the covariates alone.
    """
    cohort = simulate_cohort(design.scenario, persons, rng)
    e = {z: _propensity(design.scenario, cohort, z) for z in (0.0, 1.0)}
    if design.scenario.direct == 0:  # the outcome does not know facilitation: two rows will do
        mean = (e[0.0] + e[1.0]) / 2
        rows = [(arm, 0.0, mean if arm else 1 - mean) for arm in (0.0, 1.0)]
    else:
        rows = [(arm, z, e[z] if arm else 1 - e[z]) for arm in (0.0, 1.0) for z in (0.0, 1.0)]
    x = np.column_stack([cohort[term] for term in design.terms])
    return Sample(
        unit=np.tile(np.arange(persons), len(rows)),
        y=np.concatenate([_risk(design.scenario, cohort, z, arm) for arm, z, _ in rows]),
        a=np.repeat([arm for arm, _, _ in rows], persons),
        x=np.tile(x, (len(rows), 1)),
        terms=design.terms,
        concepts=design.terms,
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.concatenate([weight for _, _, weight in rows]),
    )


def _draw_repeated(design: Design, rng: np.random.Generator) -> Sample:
    """Draw one to four intervals a person, each as a single one would be, but correlated."""
    cohort = simulate_cohort(design.scenario, design.n, rng)
    person = np.repeat(np.arange(design.n), rng.choice(INTERVALS, design.n))
    rows = {name: values[person] for name, values in cohort.items()}
    e = _propensity(design.scenario, rows, rows["facilitation"])
    a = (_correlated_uniform(person, rng) < e).astype(np.float64)
    risk = np.where(
        a == 1,
        _risk(design.scenario, rows, rows["facilitation"], 1.0),
        _risk(design.scenario, rows, rows["facilitation"], 0.0),
    )
    y = (_correlated_uniform(person, rng) < risk).astype(np.float64)
    return _sample(rows, design.terms, a, y, person)


def _correlated_uniform(person: np.ndarray, rng: np.random.Generator) -> Floats:
    """Draw uniforms that share a normal within each person: a Gaussian copula."""
    from scipy import special

    shared = rng.standard_normal(int(person.max()) + 1)[person]
    own = rng.standard_normal(len(person))
    mixed = np.sqrt(WITHIN_PERSON) * shared + np.sqrt(1 - WITHIN_PERSON) * own
    return np.asarray(special.ndtr(mixed))


def _propensity(scenario: Scenario, cohort: dict[str, Floats], z: Floats | float) -> Floats:
    """Give the probability of exposure; sites have no part in these studies."""
    return simulate.expit(simulate._exposure_logit(scenario, cohort, z))


def _risk(scenario: Scenario, cohort: dict[str, Floats], z: Floats | float, arm: float) -> Floats:
    """Give the probability of abstinence in one arm."""
    return simulate.expit(simulate._outcome_logit(scenario, cohort, z, arm))


def _sample(
    cohort: dict[str, Floats],
    terms: tuple[str, ...],
    a: Floats,
    y: Floats,
    person: np.ndarray | None = None,
) -> Sample:
    """Put columns into the arrays estimators speak."""
    return Sample(
        unit=np.arange(len(y)) if person is None else person,
        y=y,
        a=a,
        x=np.column_stack([cohort[term] for term in terms]),
        terms=terms,
        concepts=terms,
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(len(y)),
        cluster=person,
    )

"""The large-sample limit of each estimator, with its Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.mechanism import Design, draw_expected
from benchmarks.methods import Method
from causal.cohort import Sample
from causal.estimators import LinearDML, NuisanceStore
from causal.estimators.glm import fit_glm
from causal.estimators.orthogonal import partially_linear
from causal.execution import map_tasks
from causal.seeding import generator

PERSONS = 50_000
BATCHES = 32
"""1.6 million persons: limits known to a hundredth of a standard error at n = 3,000."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and its Monte-Carlo error."""

    value: float
    mc_error: float

    def over(self, other: Limit, covariance: float) -> Limit:
        """Divide by another limit from the same batches."""
        ratio = self.value / other.value
        variance = (
            self.mc_error**2 + ratio**2 * other.mc_error**2 - 2 * ratio * covariance
        ) / other.value**2
        return Limit(ratio, float(np.sqrt(max(variance, 0.0))))


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """The limits of several methods in one mechanism; paired, since batches are shared.

    Attributes
    ----------
    names : k methods.
    batches : (b, k) floats, the limit each batch of persons gives.
    """

    names: tuple[str, ...]
    batches: np.ndarray

    def of(self, name: str) -> Limit:
        """Give one limit."""
        column = self.batches[:, self.names.index(name)]
        return Limit(float(column.mean()), float(column.std(ddof=1) / np.sqrt(len(column))))

    def share(self, adjusted: str, crude: str) -> Limit:
        """Give the limit of a share: adjusted over crude."""
        pair = self.batches[:, [self.names.index(adjusted), self.names.index(crude)]]
        covariance = float(np.cov(pair.T)[0, 1] / len(pair))
        return self.of(adjusted).over(self.of(crude), covariance)


@dataclass(frozen=True, slots=True)
class _Batch:
    design: Design
    methods: tuple[Method, ...]
    persons: int
    seed: int
    number: int


def compute_limits(
    design: Design,
    methods: Sequence[Method],
    *,
    seed: int,
    jobs: int = 1,
    batches: int = BATCHES,
    persons: int = PERSONS,
) -> Limits:
    """Fit every method to batches of persons with expected exposure and outcome."""
    distinct = tuple(one for one in methods if one.limit_name == one.name)
    tasks = [_Batch(design, distinct, persons, seed, number) for number in range(batches)]
    rows = map_tasks(_one_batch, tasks, jobs=jobs)
    return Limits(tuple(one.name for one in distinct), np.array(rows))


def _one_batch(batch: _Batch) -> list[float]:
    """Give the limit of every method in one batch."""
    rng = generator(batch.seed, "limits", batch.design.name, batch.number)
    sample = draw_expected(batch.design, batch.persons, rng)
    store = NuisanceStore()
    return [_limit(one, sample, store, rng) for one in batch.methods]


def _limit(method: Method, sample: Sample, store: NuisanceStore, rng: np.random.Generator) -> float:
    """Fit one method; cross-fitting changes no limit, so it is left out of the slow one."""
    if isinstance(method.estimator, LinearDML):
        y = sample.y - fit_glm(sample.x, sample.y, sample.w, "linear").fitted
        a = sample.a - fit_glm(sample.x, sample.a, sample.w, "logit").fitted
        return partially_linear(y, a, sample.w)[0]
    values = method.estimator.fit(sample, store, rng).values
    return float(values[-1] - values[0])

"""Worlds with known faults, and estimators that are broken on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimate import Estimates
from causal.estimators import Estimator, NuisanceStore
from causal.refuters import Auxiliary, Refutation, Refuter
from causal.seeding import generator
from causal.subject import Subject


def _refute(
    refuter: Refuter,
    estimator: Estimator,
    sample: Sample,
    *,
    scale: str = "risk_difference",
    auxiliary: Mapping[str, Sample] | None = None,
    exposures: Mapping[str, Sample] | None = None,
    shared: Sample | None = None,
    seed: int = 0,
    original: Estimates | None = None,
) -> Refutation:
    if original is None:
        original = estimator.fit(sample, NuisanceStore(), generator(seed, "rung"))
    stream = generator(seed, "refuter", refuter.kind)
    subject = Subject("rung", estimator, sample, original, original, shared or sample, scale)
    return refuter.refute(
        subject, stream, Auxiliary(outcomes=auxiliary or {}, exposures=exposures or {})
    )


@pytest.fixture
def refute() -> Callable[..., Refutation]:
    """Give the function that fits and refutes."""
    return _refute


def _hidden(n: int = 1000, seed: int = 3) -> Sample:
    """Draw a world without effect, in which an unmeasured motivation drives both."""
    rng = np.random.default_rng(seed)
    u, x = rng.normal(size=n), rng.normal(size=(n, 2))
    a = (rng.random(n) < 1 / (1 + np.exp(-1.5 * u - 0.5 * x[:, 0]))).astype(float)
    y = 1.5 * u + x[:, 0] + rng.normal(size=n)
    return Sample(
        np.arange(n), y, a, x, ("x0", "x1"), ("severity", "age"), "continuous", "binary", np.ones(n)
    )


@pytest.fixture
def hidden() -> Callable[..., Sample]:
    """Give the function that draws the confounded world."""
    return _hidden


def _households(n: int = 100, rows: int = 5, seed: int = 4, *, shared: float = 1.5) -> Sample:
    """Draw clusters of equal exposure whose outcomes hang together."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(n), rows)
    x = rng.normal(size=(n, 1))[person]
    a = (rng.random(n) < 0.5).astype(float)[person]
    y = 0.3 * x[:, 0] + shared * rng.normal(size=n)[person] + rng.normal(size=n * rows)
    return Sample(
        person, y, a, x, ("x0",), ("severity",), "continuous", "binary", np.ones(len(y)), person
    )


@pytest.fixture
def households() -> Callable[..., Sample]:
    """Give the function that draws clustered rows."""
    return _households


def _with_leverage(seed: int = 5) -> Sample:
    """Draw 120 persons of whom one has an extreme covariate and an extreme outcome."""
    rng = np.random.default_rng(seed)
    n = 120
    x = rng.normal(size=(n, 1))
    a = (rng.random(n) < 0.5).astype(float)
    y = rng.normal(size=n)
    x[0], a[0], y[0] = 0.0, 1.0, 60.0
    sample = Sample(
        np.arange(n), y, a, x, ("x0",), ("severity",), "continuous", "binary", np.ones(n)
    )
    return replace(sample)


@pytest.fixture
def with_leverage() -> Callable[..., Sample]:
    """Give the function that draws a sample driven by one person."""
    return _with_leverage

"""Fixtures of several folders of tests: confounded samples, and a generic M-estimator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from causal.cohort import Sample
from causal.inference import covariance

Floats = np.ndarray
DIFFERENCE_STEP = 1e-5
"""Central differences: the truncation error, its square, is at the rounding error over the step."""


def _expit(eta: Floats) -> Floats:
    return 1 / (1 + np.exp(-eta))


def _confounded(
    n: int = 400,
    seed: int = 1,
    *,
    outcome: str = "binary",
    weighted: bool = False,
    clustered: bool = False,
    missing: bool = False,
    strength: float = 0.7,
) -> Sample:
    """Draw a sample in which x0 and x1 drive exposure and outcome, and x2 is a coin.

    z0 and z1 go with exposure, so that estimators that need instruments have some; coin is 0/1,
    moves exposure and has nothing to do with the covariates.
    """
    rng = np.random.default_rng(seed)
    person = np.arange(n) // 2 if clustered else np.arange(n)
    shared = rng.normal(size=n)[person] * (0.8 if clustered else 0.0)
    x = np.column_stack([rng.normal(size=n), rng.normal(size=n), rng.integers(0, 2, n)])
    inclination = rng.random(n)
    a = (inclination < _expit(-0.3 + strength * (x[:, 0] - x[:, 1]))).astype(float)
    eta = -0.2 + 0.5 * a + 0.8 * x[:, 0] - 0.4 * x[:, 1] + 0.3 * x[:, 2] + shared
    if outcome == "binary":
        y = (rng.random(n) < _expit(eta)).astype(float)
    else:
        y = eta + rng.normal(size=n) * (1 + 0.5 * np.abs(x[:, 0]))
    if missing:
        y[rng.random(n) < _expit(-1.5 + 0.5 * x[:, 0])] = np.nan
    w = rng.uniform(0.5, 2.0, n) if weighted else np.ones(n)
    others = np.random.default_rng(seed + 1000)
    noise = others.normal(size=(n, 2))
    coin = (inclination + others.normal(scale=0.3, size=n) < 0.5).astype(float)
    return Sample(
        unit=person,
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1", "x2"),
        concepts=("severity", "motivation", "demographics"),
        outcome_kind="binary" if outcome == "binary" else "continuous",
        exposure_kind="binary",
        w=w,
        cluster=person if clustered else None,
        z=np.column_stack([a + noise[:, 0], 0.5 * a + 0.3 * x[:, 0] + noise[:, 1], coin]),
        instruments=("z0", "z1", "coin"),
    )


@pytest.fixture
def confounded() -> Callable[..., Sample]:
    """Give the function that draws a sample."""
    return _confounded


def _estimating_equations(
    psi: Callable[[Floats], Floats], start: Floats, cluster: Floats | None
) -> tuple[Floats, Floats]:
    """Solve stacked estimating equations by Newton's method with numerical derivatives.

    A generic M-estimator (Stefanski & Boos 2002): nothing in it knows what is estimated.
    """

    def derivative(theta: Floats) -> Floats:
        columns = []
        for j in range(len(theta)):
            step = np.zeros(len(theta))
            step[j] = DIFFERENCE_STEP * max(1.0, abs(theta[j]))
            change = psi(theta + step).mean(axis=0) - psi(theta - step).mean(axis=0)
            columns.append(change / (2 * step[j]))
        return np.column_stack(columns)

    theta = np.array(start, dtype=float)
    for _ in range(50):
        move = np.linalg.solve(derivative(theta), psi(theta).mean(axis=0))
        theta = theta - move
        if np.abs(move).max() < 1e-11:
            break
    else:
        raise AssertionError("the reference estimating equations have not converged")
    influence = -psi(theta) @ np.linalg.inv(derivative(theta)).T
    return theta, covariance(influence, cluster)


@pytest.fixture
def estimating_equations() -> Callable[..., tuple[Floats, Floats]]:
    """Give the generic solver: (psi, start, cluster) -> parameters and their covariance."""
    return _estimating_equations

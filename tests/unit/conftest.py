"""Trials of encouragement with known types, for every test of an instrument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from causal.cohort import Sample

Floats = np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Rows of a simulated trial; ``type_`` is 0 never taker, 1 complier, 2 always taker."""

    y: Floats
    a: Floats
    z: Floats
    x: Floats
    w: Floats
    cluster: np.ndarray | None
    type_: np.ndarray


def _trial(
    n: int = 600,
    seed: int = 1,
    *,
    continuous: bool = False,
    weighted: bool = False,
    clustered: bool = False,
    direct: float = 0.0,
    compliers: float = 0.4,
    chosen: bool = False,
) -> Trial:
    """Draw a trial in which x0 drives type and outcome; ``direct`` breaks the exclusion."""
    rng = np.random.default_rng(seed)
    person = np.arange(n) // 2 if clustered else np.arange(n)
    x = rng.normal(size=(n, 2))[person]
    z = rng.integers(0, 2, n)[person].astype(float)
    if chosen:
        z = (rng.random(n)[person] < 1 / (1 + np.exp(-0.8 * x[:, 0]))).astype(float)
    place = rng.random(n)[person] + 0.1 * np.tanh(x[:, 0])
    rest = (1 - compliers) / 2
    type_ = (place > rest).astype(int) + (place > rest + compliers).astype(int)
    a = np.where(type_ == 1, z, (type_ == 2).astype(float))
    score = 0.5 * x[:, 0] + 0.4 * (type_ - 1) + 0.3 * a + direct * z
    score = score + rng.normal(size=n) * 0.6 + rng.normal(size=n)[person] * 0.8
    return Trial(
        y=score if continuous else (score > 0).astype(float),
        a=a,
        z=z,
        x=x,
        w=rng.uniform(0.5, 2.0, n) if weighted else np.ones(n),
        cluster=person if clustered else None,
        type_=type_,
    )


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """Give the generator of simulated trials."""
    return _trial


def _encouraged(n: int = 3000, seed: int = 1, **settings: float | bool) -> Sample:
    """Give a trial as the sample of a rung: x0 is severity, x1 demographics."""
    one = _trial(n, seed, **settings)
    return Sample(
        unit=np.arange(n),
        y=one.y,
        a=one.a,
        x=one.x,
        terms=("x0", "x1"),
        concepts=("severity", "demographics"),
        outcome_kind="continuous" if settings.get("continuous") else "binary",
        exposure_kind="binary",
        w=one.w,
        cluster=one.cluster,
        z=one.z[:, None],
        instruments=("offered_help",),
    )


@pytest.fixture
def encouraged() -> Callable[..., Sample]:
    """Give the generator of samples with one instrument."""
    return _encouraged

"""Lays out the persons of ``causal.simulate_times`` as a person-by-wave table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from causal.arrays import Floats
from causal.seeding import generator
from causal.simulate_times import WORLDS, simulate_times, times_truth
from causal.truths import Question, Truth

HORIZONS = (28.0, 91.0, 182.0)
NUMBERS = ("motivation", "severity", "mhg_weekly", "days", "first_use", "death")

Options = Mapping[str, str | int | float | bool]


def generate(options: Options) -> pd.DataFrame:
    """Draw the cohort; the same options give the same table on every machine."""
    rng = generator(int(options["seed"]), "simulated_times", "persons")
    drawn = simulate_times(WORLDS[str(options["scenario"])], int(options["n"]), rng)
    start = {
        "motivation": drawn.motivation,
        "severity": drawn.severity,
        "mhg_weekly": drawn.attends,
    }
    end = {
        "days": drawn.day,
        "first_use": (drawn.cause == 1).astype(np.float64),
        "death": (drawn.cause == 2).astype(np.float64),
    }
    return pd.concat([_wave(0, start), _wave(6, end)], ignore_index=True)


def truth(options: Options) -> list[Truth]:
    """Give the true values, by three horizons."""
    world = WORLDS[str(options["scenario"])]
    asked = Question(
        exposure="mhg_weekly",
        outcome="days",
        exposure_wave=0,
        outcome_at=6,
        events=("first_use", "death"),
    )
    return [Truth(replace(asked, horizon=day), times_truth(world, day)) for day in HORIZONS]


def _wave(wave: int, columns: Mapping[str, Floats]) -> pd.DataFrame:
    """Make the rows of one wave; columns not measured there are missing."""
    n = len(next(iter(columns.values())))
    numbers = {name: columns.get(name, np.full(n, np.nan)) for name in NUMBERS}
    person = pd.Series(np.arange(1, n + 1)).astype("str").str.zfill(7)
    return pd.DataFrame({"person_id": person, "wave": wave, **numbers})

"""Lays out the trials of ``causal.simulate_trial`` as a person-by-wave table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from causal.arrays import Floats
from causal.seeding import generator
from causal.simulate_trial import TRIALS, TrialSites, draw_trial_sites, simulate_trial, trial_truth
from causal.truths import Question, Truth

NUMBERS = ("facilitation", "true_motivation", "attendance", "abstinence", "followed")

Options = Mapping[str, str | int | float | bool]


def generate(options: Options) -> pd.DataFrame:
    """Draw the trial; the same options give the same table on every machine."""
    rng = generator(int(options["seed"]), "simulated_trial", "persons")
    trial = simulate_trial(
        TRIALS[str(options["scenario"])], int(options["n"]), rng, _sites(options)
    )
    kept = (trial["followed"] == 1) | (not options["attrition"])
    at_baseline = {name: trial[name] for name in ("facilitation", "true_motivation")}
    return pd.concat(
        [
            _wave(0, at_baseline, [f"site_{int(site)}" for site in trial["site"]]),
            _wave(3, {"attendance": trial["attendance"]}),
            _wave(
                15,
                {
                    "abstinence": np.where(kept, trial["abstinence"], np.nan),
                    "followed": trial["followed"],
                },
            ),
        ],
        ignore_index=True,
    )


def truth(options: Options) -> list[Truth]:
    """Give the true values, for the site effects of this seed."""
    values = trial_truth(TRIALS[str(options["scenario"])], int(options["n"]), _sites(options))
    everybody = {name: values[name] for name in ("ate", "limit_crude")}
    by_facilitation = {name: one for name, one in values.items() if name not in everybody}
    asked = Question(exposure="attendance", outcome="abstinence", exposure_wave=3, outcome_at=15)
    return [Truth(asked, everybody, "facilitation", by_facilitation)]


def _sites(options: Options) -> TrialSites:
    """Draw the site effects of a seed: once a data set, whatever its size."""
    rng = generator(int(options["seed"]), "simulated_trial", "sites")
    return draw_trial_sites(TRIALS[str(options["scenario"])], rng)


def _wave(wave: int, columns: Mapping[str, Floats], sites: list[str] | None = None) -> pd.DataFrame:
    """Make the rows of one wave; columns not measured there are missing."""
    n = len(next(iter(columns.values())))
    numbers = {name: columns.get(name, np.full(n, np.nan)) for name in NUMBERS}
    person = pd.Series(np.arange(1, n + 1)).astype("str").str.zfill(7)
    site = pd.Series(sites if sites else [np.nan] * n, dtype="str")
    return pd.DataFrame({"person_id": person, "wave": wave, "site": site, **numbers})

"""Lays out the survey of ``causal.simulate_survey`` as a person-by-wave table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from causal.arrays import Floats
from causal.seeding import generator
from causal.simulate_survey import SURVEYS, simulate_survey, survey_truth
from causal.truths import Question, Truth

BASELINE = (
    "weight", "clinics_in_region", "motivation", "severity", "female", "opioid", "prior_mhg",
)  # fmt: skip
LATER = ("mhg_weekly", "abstinent", "followed")

Options = Mapping[str, str | int | float | bool]


def generate(options: Options) -> pd.DataFrame:
    """Draw the survey; the same options give the same table on every machine."""
    rng = generator(int(options["seed"]), "simulated_survey", "persons")
    survey = simulate_survey(SURVEYS[str(options["scenario"])], int(options["n"]), rng)
    kept = (survey["followed"] == 1) | (not options["attrition"])
    outcome = {
        "abstinent": np.where(kept, survey["abstinent"], np.nan),
        "followed": survey["followed"],
    }
    at_baseline = {name: survey[name] for name in BASELINE}
    places = {
        "region": [f"region_{int(one) + 1}" for one in survey["region"]],
        "clinic": [f"clinic_{int(one) + 1}" for one in survey["clinic"]],
    }
    return pd.concat(
        [
            _wave(0, at_baseline, places),
            _wave(6, {"mhg_weekly": survey["mhg_weekly"]}, {}),
            _wave(12, outcome, {}),
        ],
        ignore_index=True,
    )


def truth(options: Options) -> list[Truth]:
    """Give the true values: with weights of the population, without of those drawn."""
    values = survey_truth(SURVEYS[str(options["scenario"])])
    drawn = Question(exposure="mhg_weekly", outcome="abstinent", exposure_wave=6, outcome_at=12)
    return [
        Truth(replace(drawn, weight="weight"), values),
        Truth(drawn, {"ate": values["ate_of_the_sample"]}),
    ]


def _wave(
    wave: int, columns: Mapping[str, Floats], places: Mapping[str, list[str]]
) -> pd.DataFrame:
    """Make the rows of one wave; columns not measured there are missing."""
    n = len(next(iter(columns.values())))
    numbers = {name: columns.get(name, np.full(n, np.nan)) for name in (*BASELINE, *LATER)}
    person = pd.Series(np.arange(1, n + 1)).astype("str").str.zfill(6)
    named = {
        name: pd.Series(places.get(name, [np.nan] * n), dtype="str")
        for name in ("region", "clinic")
    }
    return pd.DataFrame({"person_id": person, "wave": wave, **named, **numbers})

"""Lays out the structural models of ``causal.simulate`` as a person-by-wave table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from causal.arrays import Floats
from causal.seeding import generator
from causal.simulate import SCENARIOS, Sites, draw_sites, simulate_cohort
from causal.simulate import truth as cohort_truth
from causal.simulate_controls import AILMENTS, CLINIC, simulate_controls
from causal.simulate_panel import WAVES, ReverseOnly, panel_truth, simulate_panel
from causal.truths import Question, Truth

PANEL = "reverse_only"
OF_INSTRUMENT = ("late", "first_stage")
BASELINE = (
    "motivation_score", "severity_score", "true_motivation", "true_severity", "female", "black",
    "religiosity", "network_support", "psychiatric", "opioid", "moud", "prior_mhg",
    "abstinence_goal", "facilitation", "prior_outcome_control",
)  # fmt: skip
LATER = ("mhg_weekly", CLINIC, "abstinent", "drug_use", "followed", *AILMENTS)

Options = Mapping[str, str | int | float | bool]


def generate(options: Options) -> pd.DataFrame:
    """Draw the cohort; the same options give the same table on every machine."""
    n, seed = int(options["n"]), int(options["seed"])
    rng = generator(seed, "simulated", "persons")
    if options["scenario"] == PANEL:
        return _panel_table(simulate_panel(ReverseOnly(), n, rng))
    scenario = SCENARIOS[str(options["scenario"])]
    cohort = simulate_cohort(scenario, n, rng, _sites(options))
    controls = simulate_controls(cohort, generator(seed, "simulated", "controls"))
    return _cohort_table(cohort | controls, attrition=bool(options["attrition"]))


def truth(options: Options) -> list[Truth]:
    """Give the true values, for the site effects of this seed."""
    if options["scenario"] == PANEL:
        return _panel_truths()
    values = cohort_truth(SCENARIOS[str(options["scenario"])], _sites(options))
    by_facilitation = {name: values[name] for name in OF_INSTRUMENT}
    everybody = {name: one for name, one in values.items() if name not in OF_INSTRUMENT}
    turned = by_facilitation | {"late": -values["late"]}
    asked = Question(exposure="mhg_weekly", outcome="abstinent", exposure_wave=6, outcome_at=12)
    return [
        Truth(asked, everybody, "facilitation", by_facilitation),
        Truth(replace(asked, outcome="drug_use"), _of_use(everybody), "facilitation", turned),
    ]


def _of_use(values: Mapping[str, float]) -> dict[str, float]:
    """Turn true values about abstinence into those about use, which is its opposite."""
    exposed, unexposed = 1 - values["risk_exposed"], 1 - values["risk_unexposed"]
    return {name: -values[name] for name in ("ate", "att", "ato")} | {
        "risk_exposed": exposed,
        "risk_unexposed": unexposed,
        "risk_ratio": exposed / unexposed,
        "odds_ratio": 1 / values["odds_ratio"],
        "exposed": values["exposed"],
    }


def _panel_truths() -> list[Truth]:
    """Give what is true of intervals: nobody is lost, so that every word for later is the same."""
    values = panel_truth(ReverseOnly())
    later = ("next_interview", "next_observed_outcome", "next_scheduled")
    use = [
        Question(exposure="mhg_weekly", outcome="drug_use", exposure_wave=None, outcome_at=moment)
        for moment in later
    ]
    nothing = {name: values[name] for name in ("ate", "att", "ato")}
    return [Truth(one, values) for one in use] + [
        Truth(replace(one, outcome="abstinent"), nothing) for one in use
    ]


def _sites(options: Options) -> Sites:
    """Draw the site effects of a seed: once a data set, whatever its size."""
    scenario = SCENARIOS[str(options["scenario"])]
    return draw_sites(scenario, generator(int(options["seed"]), "simulated", "sites"))


def _cohort_table(cohort: Mapping[str, Floats], *, attrition: bool) -> pd.DataFrame:
    """Put covariates at wave 0, attendance at 6, the outcome at 12."""
    followed = cohort["followed"]
    outcome = np.where((followed == 1) | (not attrition), cohort["abstinent"], np.nan)
    sites = [f"site_{int(site)}" for site in cohort["site"]]
    return pd.concat(
        [
            _wave(0, len(followed), {name: cohort[name] for name in BASELINE}, sites),
            _wave(6, len(followed), {name: cohort[name] for name in ("mhg_weekly", CLINIC)}),
            _wave(
                12,
                len(followed),
                {"abstinent": outcome, "drug_use": 1 - outcome, "followed": followed}
                | {name: np.where(np.isnan(outcome), np.nan, cohort[name]) for name in AILMENTS},
            ),
        ],
        ignore_index=True,
    )


def _panel_table(panel: Mapping[str, Floats]) -> pd.DataFrame:
    """Put attendance and use at every wave; this scenario has no covariates."""
    use, attended = panel["drug_use"], panel["mhg_weekly"]
    waves = [
        _wave(
            wave,
            len(use),
            {"mhg_weekly": attended[:, t], "drug_use": use[:, t], "abstinent": 1 - use[:, t]},
        )
        for t, wave in enumerate(WAVES)
    ]
    return pd.concat(waves, ignore_index=True)


def _wave(
    wave: int, n: int, columns: Mapping[str, Floats], sites: list[str] | None = None
) -> pd.DataFrame:
    """Make the rows of one wave; columns not measured there are missing."""
    missing = np.full(n, np.nan)
    numbers = {name: columns.get(name, missing) for name in (*BASELINE, *LATER)}
    person = pd.Series(np.arange(1, n + 1)).astype("str").str.zfill(6)
    site = pd.Series(sites if sites else [np.nan] * n, dtype="str")
    return pd.DataFrame({"person_id": person, "wave": wave, "site": site, **numbers})

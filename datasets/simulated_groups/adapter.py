"""Lays out the persons of ``causal.simulate_groups`` as a person-by-wave table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pandas as pd

from causal.seeding import generator
from causal.simulate_groups import KINDS, WORLDS, groups_truth, simulate_groups
from causal.truths import Question, Truth

Options = Mapping[str, str | int | float | bool]


def generate(options: Options) -> pd.DataFrame:
    """Draw the cohort; the same options give the same table on every machine."""
    n = int(options["n"])
    rng = generator(int(options["seed"]), "simulated_groups", "persons")
    drawn = simulate_groups(WORLDS[str(options["scenario"])], n, rng)
    nothing = np.full(n, np.nan)
    start = pd.DataFrame(
        {
            "motivation": drawn.motivation,
            "severity": drawn.severity,
            "religiosity": drawn.religiosity,
            "group": pd.Series([KINDS[kind] for kind in drawn.kind], dtype="str"),
            "meetings": drawn.meetings,
            "use": nothing,
        }
    )
    end = pd.DataFrame(
        {name: nothing for name in ("motivation", "severity", "religiosity", "meetings")}
        | {"group": pd.Series([np.nan] * n, dtype="str"), "use": drawn.use}
    )
    person = pd.Series(np.arange(1, n + 1)).astype("str").str.zfill(7)
    rows = [one.assign(person_id=person, wave=wave) for wave, one in ((0, start), (6, end))]
    return pd.concat(rows, ignore_index=True)


def truth(options: Options) -> list[Truth]:
    """Give the true values of what matters in the world: any two kinds, or any two doses."""
    world = WORLDS[str(options["scenario"])]
    kinds, doses = groups_truth(world)
    asked = Question(exposure="group", outcome="use", exposure_wave=0, outcome_at=6)
    if any(world.dose_effects):
        shown = {f"risk, {dose} meetings a week": risk for dose, risk in enumerate(doses)}
        return [
            Truth(
                replace(asked, exposure="meetings", doses=(low, high)),
                {"ate": doses[high] - doses[low], **shown},
            )
            for low, high in combinations(range(len(doses)), 2)
        ]
    shown = {f"risk, {name}": risk for name, risk in kinds.items()}
    return [
        Truth(
            replace(asked, arms=(reference, compared, other)),
            {"ate": kinds[compared] - kinds[reference], **shown},
        )
        for reference, compared, other in permutations(kinds)
    ]

"""Puts the 185 trained of the NSW beside the CPS-1 controls: before, training, 1978."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

BEFORE = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
TRAINING = ("treat",)
AFTER = ("re78",)


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay each person out over three rows; names stay those of the raw tables.

    Parameters
    ----------
    raw : ``{"nsw_mixtape": table, "cps_mixtape": table}``, one row a person. The experiment's
        own controls are left out by design: the survey's stand in for them.
    """
    nsw, cps = raw["nsw_mixtape"], raw["cps_mixtape"]
    trained = nsw[nsw["treat"] == 1]
    source = pd.concat([_named(trained, "nsw_", 3), _named(cps, "cps_", 5)], ignore_index=True)
    source = source.assign(u74=source["re74"] == 0, u75=source["re75"] == 0)
    waves = [
        source[["person_id", *columns]].assign(wave=wave)
        for wave, columns in enumerate((BEFORE, TRAINING, AFTER))
    ]
    numbers = [*BEFORE, *TRAINING, *AFTER]
    return pd.concat(waves, ignore_index=True).astype(dict.fromkeys(numbers, "float64"))


def _named(table: pd.DataFrame, prefix: str, width: int) -> pd.DataFrame:
    """Name persons by the table they come from and their row in it."""
    rows = table["rownames"].astype("int64").astype("str").str.zfill(width)
    return table.assign(person_id=prefix + rows)

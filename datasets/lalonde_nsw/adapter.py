"""Turns the raw NSW table (causaldata nsw_mixtape) into three waves: before, training, 1978."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

BEFORE = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
TRAINING = ("treat",)
AFTER = ("re78",)


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay each person out over three rows; names stay those of the raw table.

    Parameters
    ----------
    raw : ``{"nsw_mixtape": table}``, one row a person.
    """
    source = raw["nsw_mixtape"]
    source = source.assign(
        person_id="nsw_" + source["rownames"].astype("int64").astype("str").str.zfill(3),
        u74=source["re74"] == 0,
        u75=source["re75"] == 0,
    )
    waves = [
        source[["person_id", *columns]].assign(wave=wave)
        for wave, columns in enumerate((BEFORE, TRAINING, AFTER))
    ]
    numbers = [*BEFORE, *TRAINING, *AFTER]
    return pd.concat(waves, ignore_index=True).astype(dict.fromkeys(numbers, "float64"))

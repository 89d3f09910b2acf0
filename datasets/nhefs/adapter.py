"""Turns the raw NHEFS table (causaldata nhefs) into three waves: 1971, 1982, 1992."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

CUTOFFS = {
    "high_price82": 1.5,
    "high_price82_160": 1.6,
    "high_price82_170": 1.7,
    "high_price82_180": 1.8,
    "high_price82_190": 1.9,
}
"""Dollars of 2008: the instrument of Hernan & Robins, chapter 16.2, and those of program 16.4."""

MARITAL = {
    2: "married", 3: "widowed", 4: "never_married", 5: "divorced", 6: "separated", 8: "unknown",
}  # fmt: skip
IN_1971 = (
    "sex", "race", "age", "education", "school", "income", "marital", "smokeintensity", "smokeyrs",
    "exercise", "active", "wt71", "ht", "asthma", "bronch", "chroniccough", "alcoholfreq",
    "cholesterol", "price71", "weighed_1982",
)  # fmt: skip
IN_1982 = ("qsmk", "wt82", "wt82_71", "smkintensity82_71", "sbp", "dbp", "price82")
IN_1992 = ("death", "months_1983_92")
FOLLOWED = 120
"""Months from January 1983 to December 1992: whoever has no date of death lived through them."""


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay each person out over three rows; names stay those of the raw table.

    Parameters
    ----------
    raw : ``{"nhefs": table}``, one row a person.
    """
    source = raw["nhefs"]
    source = source.assign(
        person_id=source["seqn"].astype("int64").astype("str").str.zfill(5),
        marital=source["marital"].map(MARITAL),
        weighed_1982=source["wt82"].notna(),
        state_price82=source["price82"],
        months_1983_92=_months(source),
        **{name: _at_least(source["price82"], cutoff) for name, cutoff in CUTOFFS.items()},
    )
    by_wave = ((*IN_1971, "state_price82", *CUTOFFS), IN_1982, IN_1992)
    waves = [
        source[["person_id", *columns]].assign(wave=wave) for wave, columns in enumerate(by_wave)
    ]
    numbers = [column for columns in by_wave for column in columns if column != "marital"]
    return pd.concat(waves, ignore_index=True).astype(dict.fromkeys(numbers, "float64"))


def _months(source: pd.DataFrame) -> pd.Series[float]:
    """Give the month of death, January 1983 being the first, or the last for the living.

    Months of four of the living are filled in though they have no year of death: only the dead's
    are read, as the book does (program 17.1).
    """
    month = (source["yrdth"] - 83) * 12 + source["modth"]
    return month.where(source["death"] == 1, FOLLOWED).where(source["death"].notna())


def _at_least(price: pd.Series[float], cutoff: float) -> pd.Series[bool]:
    """Give 1 from the cutoff on, 0 below it, missing where the price is."""
    return (price >= cutoff).where(price.notna())

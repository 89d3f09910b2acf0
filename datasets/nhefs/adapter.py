"""Turns the raw NHEFS table (causaldata nhefs) into three waves: 1971, 1982, 1992."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

HIGH_PRICE = 1.5  # dollars of 2008: the instrument of Hernan & Robins, chapter 16

MARITAL = {
    2: "married", 3: "widowed", 4: "never_married", 5: "divorced", 6: "separated", 8: "unknown",
}  # fmt: skip
IN_1971 = (
    "sex", "race", "age", "education", "school", "income", "marital", "smokeintensity", "smokeyrs",
    "exercise", "active", "wt71", "ht", "asthma", "bronch", "chroniccough", "alcoholfreq",
    "cholesterol", "price71", "weighed_1982",
)  # fmt: skip
IN_1982 = ("qsmk", "wt82", "wt82_71", "smkintensity82_71", "sbp", "dbp", "price82")
IN_1992 = ("death",)


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
        high_price82=(source["price82"] >= HIGH_PRICE).where(source["price82"].notna()),
    )
    by_wave = (IN_1971, (*IN_1982, "high_price82"), IN_1992)
    waves = [
        source[["person_id", *columns]].assign(wave=wave) for wave, columns in enumerate(by_wave)
    ]
    numbers = [column for columns in by_wave for column in columns if column != "marital"]
    return pd.concat(waves, ignore_index=True).astype(dict.fromkeys(numbers, "float64"))

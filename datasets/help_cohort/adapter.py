"""Turns the raw HELP table (mosaicData HELPfull) into the person-by-wave table of the codebook."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

FREQUENT = 4.0  # dose: 2-3 times a week or daily
DRUGS = {1.0: "alcohol", 2.0: "cocaine", 3.0: "heroin"}  # 6, another, is one person
RACES = {1.0: "black", 2.0: "white", 3.0: "hispanic", 4.0: "other"}
WORDS = ("race", "first_drug")

AT_EVERY_WAVE = {
    "mhg_any": "E9A",
    "heroin_days": "H3_30",
    "cocaine_days": "H8_30",
    "alcohol_severity": "C_AU",
    "drug_severity": "C_DU",
    "prior_treatment": "FRML_SAT",
    "depression": "CES_D",
    "physical_health": "PCS",
    "homeless": "HOMELESS",
    "sober_network": "O1D",
    "drug_using_network": "O1C",
    "friends_support": "PSS_FR",
    "taking_steps": "RAW_TS",
    "recognition": "RAW_RE",
    "ambivalence": "RAW_AM",
    "drug_treatment_importance": "H19B",
    "residential_care": "E4A",
    "outpatient_care": "E7A",
    "jail_nights": "A15C",
    "back_pain": "C2O2",
    "lung_disease": "C1B",
    "accident": "C2T2",
    "intervals_since_previous": "NUM_INTERVALS",
}
AT_BASELINE = {
    "age": "AGE",
    "education": "A9",
    "jail_5yr": "JAIL_5YR",
    "consequences": "INDTOT",  # lifetime 0/1 at baseline, recent 0-3 later: another scale
    "coc_her": "COC_HER",
    "randomised_clinic": "GROUP",
}
MOVED = {  # raw values stand on the baseline row, but were measured at a later wave
    "any_use": ("ANYSUBSTATUS", 6),
    "days_to_any_use": ("DAYSANYSUB", 6),
    "linked_admin": ("LINKSTATUS", 12),
}


def build(raw: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Recode the raw table; one row in, one row out.

    Parameters
    ----------
    raw : ``{"HELPfull": table}``, one row a person and interview, in the raw columns.
    """
    source = raw["HELPfull"]
    first = source["TIME"] == 0
    columns = {
        "person_id": source["ID"].astype("int64").astype("str").str.zfill(4),
        "wave": source["TIME"].astype("int64"),
    }
    columns |= {name: source[column] for name, column in AT_EVERY_WAVE.items()}
    columns |= {name: source[column].where(first) for name, column in AT_BASELINE.items()}
    columns |= {name: _moved(source, column, to) for name, (column, to) in MOVED.items()}
    dose = _dose(source)
    columns["mhg_dose"] = dose
    columns["mhg_frequent"] = (dose >= FREQUENT).where(dose.notna())
    use = _any_use(source["H3_30"], source["H8_30"])
    columns["drug_use"] = use
    columns["drug_use_or_residence"] = _any_use(use, source["E4A"])
    columns["detox_episodes"] = source["E2B"].where(source["E2A"] == 1, source["E2A"])
    columns["female"] = (source["A1"] == 2).where(first & source["A1"].notna())
    columns["race"] = source["RACE"].where(first).map(RACES)
    columns["first_drug"] = source["PRIM_SUB"].where(first).map(DRUGS)
    columns["days_since_baseline"] = source["DAYS_SINCE_BL"].where(~first, 0)
    numbers = [name for name in columns if name not in ("person_id", "wave", *WORDS)]
    return pd.DataFrame(columns).astype(dict.fromkeys(numbers, "float64"))


def _dose(source: pd.DataFrame) -> pd.Series[float]:
    """Give attendance as 0 never ... 5 daily; the raw codes run from 1 daily to 5 monthly."""
    return (6 - source["E9B"]).where(source["E9A"] == 1, 0.0).where(source["E9A"].notna())


def _any_use(*days: pd.Series[float]) -> pd.Series[float]:
    """Give 1 for any day of use, 0 for none, missing if a drug is missing and no other was used."""
    table = pd.concat(days, axis=1)
    used = (table > 0).any(axis=1)
    return used.astype("float64").where(used | table.notna().all(axis=1), np.nan)


def _moved(source: pd.DataFrame, column: str, to: int) -> pd.Series[float]:
    """Move a value from the baseline row to the row of the wave at which it was measured."""
    at_baseline = source.loc[source["TIME"] == 0].set_index("ID")[column]
    return source["ID"].map(at_baseline).where(source["TIME"] == to)

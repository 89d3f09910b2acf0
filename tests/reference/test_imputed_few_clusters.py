"""Imputed covariates in few clusters of the HELP cohort: numbers given, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from causal.documents import read_document
from causal.errors import DataNotAvailableError
from causal.pipeline import run
from causal.report import rendered
from causal.report.numbers import bounded, covers
from causal.result import Remaining, Result
from causal.spec import analysis_from

pytestmark = [pytest.mark.data, pytest.mark.reference]

ANALYSES = Path(__file__).parents[2] / "analyses"
SAME = 1e-9
"""The same number by another way."""
MISSING = {
    "covariates": "multiple_imputation",
    "exposure": "complete_case",
    "imputation": {"m": 3, "iterations": 3},
}
TIMES = {
    "design": {
        "kind": "baseline", "exposure": "mhg_frequent", "exposure_wave": 0,
        "outcome": "days_to_any_use", "outcome_wave": 6,
        "time_to_event": {
            "event": "any_use", "horizons": [30, 90, 180], "compare": 90, "zero_times": "half",
        },
    },
    "dag": "dags/before_detox.yaml",
    "missing": MISSING | {"outcome": "keep"},
    "ladder": [
        {"name": "crude", "estimator": {"kind": "kaplan_meier"}},
        {"name": "full", "adjust": "dag", "followed": {"adjust": ["dag"]},
         "estimator": {"kind": "ipw_kaplan_meier"}},
    ],
}  # fmt: skip
MEANS = {
    "design": {
        "kind": "baseline", "exposure": "mhg_frequent", "exposure_wave": 6, "outcome": "drug_use",
        "outcome_at": "next_observed_outcome",
    },
    "dag": "dags/first_interval.yaml",
    "missing": MISSING | {"updated": "multiple_imputation", "outcome": "complete_case"},
    "ladder": [
        {"name": "crude", "estimator": {"kind": "mean_difference"}},
        {"name": "full", "adjust": ["severity"], "estimator": {"kind": "g_computation"}},
    ],
}  # fmt: skip


def found(folder: Path, parts: dict[str, object], cluster: str) -> Result:
    """Run an analysis of the HELP cohort whose standard errors are by a column of few values."""
    tree = parts | {
        "question": "Few clusters, and covariates imputed",
        "dataset": "help_cohort",
        "population": "drug_primary",
        "chosen": "after_estimates",
        "estimand": {"target": "ATE", "scale": "risk_difference"},
        "design": parts["design"] | {"cluster": cluster},
        "dag": str(ANALYSES / parts["dag"]),
        "headline": "full",
        "seed": 1,
    }
    path = folder / "few.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        return run(analysis_from(read_document(path)))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


@pytest.mark.parametrize("cluster", ["race", "first_drug"], ids=["four", "three"])
def test_profile_and_ladder_agree_and_bands_are_refused_with_the_reason(tmp_path, cluster):
    result = found(tmp_path, TIMES, cluster)
    full = result.rung("full")
    (compared,) = [one for one in full.profile.contrasts if one.name == "risk by 90 days"]
    assert compared.interval == pytest.approx(full.interval, rel=SAME)
    assert full.profile.critical is None
    assert {one.band for one in full.profile.points} == {None}
    assert any(one.startswith("There is no band of the means") for one in full.profile.notes)
    assert rendered(result)["report.md"]


@pytest.mark.parametrize("parts", [TIMES, MEANS], ids=["times", "means"])
def test_words_on_the_set_and_the_crude_interval_agree(tmp_path, parts):
    result = found(tmp_path, parts, "first_drug")
    remaining = result.rung("full").remaining
    assert isinstance(remaining, Remaining)
    assert bounded(remaining.set) != covers(result.crude.interval, 0)
    text = rendered(result)["report.md"].decode()
    assert "crude difference is not distinguishable from 0: read the difference" in text

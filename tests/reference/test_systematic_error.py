"""Null distributions and error models of published negative controls, from their estimates.

Estimates: the example data of the R package EmpiricalCalibration (Schuemie et al. 2014,
doi:10.1002/sim.5925; 2018, doi:10.1073/pnas.1708282114), one CSV a study with log ratio, standard
error and truth of each control. Values: printed in the package's vignettes, or recomputed by the
recipe the papers give. The tables are not part of this project: name their folder in the
environment variable ``CAUSAL_REFERENCE_DATA``.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from causal.inference import two_sided_p
from causal.refuters.systematic_error import (
    calibrate,
    calibrate_plug_in,
    fit_error_model,
    fit_null,
    null_posterior,
)

pytestmark = pytest.mark.reference

FOLDER = "CAUSAL_REFERENCE_DATA"
NULL = 5e-4  # as printed, four digits
P_VALUE = 2e-3
SHARE = 0.02  # one control of 49
MODEL = 2e-3


def controls(name: str) -> list[dict[str, str]]:
    """Read the controls of a study, or skip."""
    folder = os.environ.get(FOLDER)
    if not folder:
        pytest.skip(f"{FOLDER} is not set, so there is no table {name}.csv")
    path = Path(folder) / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"there is no table {path}")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """Take a column of numbers."""
    return np.array([float(row[name]) for row in rows])


@pytest.mark.parametrize(
    ("name", "count", "mean", "sd", "drug", "p_value"),
    [
        ("sccs", 45, 0.7921165, 0.2834229, "Sertraline", 0.839018),
        ("cohortMethod", 30, -0.04593539, 0.5432056, "Isoniazid", 0.01315458),
    ],
)
def test_null_and_calibrated_p_are_the_published_ones(name, count, mean, sd, drug, p_value):
    rows = controls(name)
    negative = [row for row in rows if row["groundTruth"] == "0"]
    assert len(negative) == count
    values, errors = column(negative, "logRr"), column(negative, "seLogRr")
    null = fit_null(values, errors)
    assert (null.mean, null.sd) == (pytest.approx(mean, abs=NULL), pytest.approx(sd, abs=NULL))
    target = next(row for row in rows if row["drugName"] == drug)
    own = float(target["logRr"]), float(target["seLogRr"])
    assert calibrate_plug_in(*own, null).p_value == pytest.approx(p_value, abs=P_VALUE)
    assert calibrate(*own, null_posterior(values, errors)).p_value > p_value


def test_leaving_one_out_calibrated_p_values_are_below_5_percent_as_often_as_published():
    rows = [row for row in controls("southworthReplication") if row["trueLogRr"] != "NA"]
    negative = [row for row in rows if float(row["trueLogRr"]) == 0]
    x, s = column(negative, "logRr"), column(negative, "seLogRr")
    traditional = [two_sided_p(z) < 0.05 for z in x / s]
    calibrated = [
        calibrate_plug_in(x[i], s[i], fit_null(np.delete(x, i), np.delete(s, i))).p_value < 0.05
        for i in range(len(x))
    ]
    assert np.mean(traditional) == pytest.approx(0.5306122, abs=SHARE)
    assert np.mean(calibrated) == pytest.approx(0.04081633, abs=SHARE)


def test_the_error_model_is_the_published_one():
    rows = [row for row in controls("southworthReplication") if row["trueLogRr"] != "NA"]
    found = fit_error_model(*(column(rows, name) for name in ("logRr", "seLogRr", "trueLogRr")))
    assert found.intercept == pytest.approx(-0.06655015, abs=MODEL)
    assert found.slope == pytest.approx(0.9332924, abs=MODEL)
    assert found.sd_intercept == pytest.approx(0.1874658, abs=MODEL)
    assert found.sd_slope == pytest.approx(0.002977254, abs=MODEL)

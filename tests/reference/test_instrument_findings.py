"""What could overturn instruments, through the specifications of the repository.

College proximity against the numbers Cinelli & Hazlett (2025), doi:10.1093/biomet/asaf004, print
of it with their R package iv.sensemakr; the trial whose exclusion is violated against its truth.
"""

from functools import cache
from pathlib import Path

import pytest

from causal.errors import DataNotAvailableError
from causal.pipeline import run
from causal.result import Reason, Result, SensitivityBlock, TableRow
from causal.spec import load_analysis

pytestmark = [pytest.mark.data, pytest.mark.reference]

ANALYSES = Path(__file__).parents[2] / "analyses"
HALF_A_DIGIT = 0.0051
"""Of numbers printed with three significant digits, relative."""
SAMPLING = 0.02
"""Three standard errors of the reduced form of 20000 simulated persons."""


@cache
def result(name: str) -> Result:
    try:
        return run(load_analysis(ANALYSES / f"{name}.yaml"))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


def finding(name: str, rung: str, kind: str) -> SensitivityBlock:
    return next(one for one in result(name).sensitivity if (one.rung, one.kind) == (rung, kind))


def row(found: SensitivityBlock, label: str, subject: str = "", k: float | None = None) -> TableRow:
    return next(
        one
        for one in found.rows
        if (one.label, one.subject) == (label, subject) and (k is None or number(one, "k") == k)
    )


def number(one: TableRow, name: str) -> float:
    value = next(n.value for n in one.numbers if n.name == name)
    assert not isinstance(value, Reason), value
    return value


def test_robustness_values_of_college_proximity_are_the_published_ones():
    found = finding("card_schooling", "published_tsls", "instrument_omitted_variable")
    either = row(found, "estimate_or_beyond")
    assert found.headline.value == pytest.approx(0.00667, rel=HALF_A_DIGIT)
    assert number(either, "robustness_value") == pytest.approx(0.00667, rel=HALF_A_DIGIT)
    assert number(either, "extreme_robustness_value") == pytest.approx(0.000523, rel=HALF_A_DIGIT)


def test_the_bound_benchmarked_by_race_is_the_published_one():
    found = finding("card_schooling", "published_tsls", "instrument_omitted_variable")
    bound = row(found, "bound", "race", k=1)
    assert number(bound, "r2_instrument") == pytest.approx(0.00221, rel=HALF_A_DIGIT)
    assert number(bound, "r2_outcome") == pytest.approx(0.0750, rel=HALF_A_DIGIT)
    assert number(bound, "threshold") == pytest.approx(2.59, abs=0.0051)
    ends = number(bound, "set_lo"), number(bound, "set_hi")
    assert ends == pytest.approx((-0.0212, 0.402), rel=HALF_A_DIGIT)


def test_a_planted_direct_effect_is_as_large_as_the_one_that_overturns():
    """Facilitation raises abstinence itself; without that the rung would give the LATE."""
    made = result("simulated_facilitation_violated")
    planted = made.truth["itt"] - made.truth["late"] * made.truth["first_stage"]
    found = finding("simulated_facilitation_violated", "tsls", "plausibly_exogenous")
    stages = row(found, "stages", "facilitation")
    assert 0 < found.headline.value < planted + SAMPLING
    assert 0 < found.multiple < 1
    freed = (number(stages, "reduced_form") - planted) / number(stages, "first_stage")
    spread = SAMPLING / number(stages, "first_stage")
    assert freed == pytest.approx(made.truth["late"], abs=spread)
    assert abs(number(row(found, "rung"), "estimate") - made.truth["late"]) > 3 * spread
    whole = row(found, "range")
    assert number(whole, "lo") <= planted <= number(whole, "hi")
    assert number(whole, "set_lo") <= made.truth["late"] <= number(whole, "set_hi")


def test_the_valid_trial_needs_a_direct_effect_nobody_planted():
    found = finding("simulated_facilitation", "tsls", "plausibly_exogenous")
    assert found.headline.value > 0.5 * number(row(found, "stages", "facilitation"), "reduced_form")

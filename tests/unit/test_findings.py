"""Numbers in sentences carry no exponents, no minus zero, and no digits that are noise."""

from __future__ import annotations

import pytest

from causal.findings import amount, tell, times


@pytest.mark.parametrize(
    ("value", "std_error", "written"),
    [
        (2.01e-05, 0.03, "about 0"),
        (-2.01e-05, 0.03, "about 0"),
        (2.01e-05, 0.0, "0.0000201"),
        (-0.0, 0.03, "0"),
        (-0.1234, 0.03, "-0.123"),
        (0.00031, 0.03, "0.00031"),
        (12.345, 0.0, "12.3"),
        (1940.6, 0.0, "1941"),
        (-1440.2, 30.0, "-1440"),
        (999.7, 0.0, "1000"),
        (1.3e7, 0.0, "13000000"),
    ],
)
def test_numbers_are_written_as_a_reader_expects(value, std_error, written):
    assert tell(value, std_error) == written


def test_fewer_digits_never_bring_an_exponent_either():
    assert [tell(one, digits=2) for one in (100.0, 99.6, 3.14, 0.00001234)] == [
        "100",
        "100",
        "3.1",
        "0.000012",
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.05, "0.050"),
        (-0.0551, "-0.055"),
        (-0.0001, "0.000"),
        (1.234, "1.23"),
        (-8497.516, "-8498"),
        (699.132, "699"),
        (35.81, "35.8"),
        (999.96, "1000"),
    ],
)
def test_amounts_have_three_decimals_or_three_digits(value, written):
    assert amount(value) == written


def test_a_signed_amount_has_its_sign_but_for_nothing():
    assert [amount(one, signed=True) for one in (0.02, -12.34, 0.0)] == ["+0.020", "-12.3", "0.000"]


@pytest.mark.parametrize(
    ("multiple", "written"),
    [(0.0, "0.00"), (0.004, "less than 0.01"), (0.02, "0.02"), (0.96, "0.96"), (1.26, "1.3")],
)
def test_what_is_not_nothing_is_never_0_times(multiple, written):
    assert times(multiple) == written

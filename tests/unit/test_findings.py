"""Numbers in sentences carry no exponents, no minus zero, and no digits that are noise."""

from __future__ import annotations

import pytest

from causal.findings import tell


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
    ],
)
def test_numbers_are_written_as_a_reader_expects(value, std_error, written):
    assert tell(value, std_error) == written

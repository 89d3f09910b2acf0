import pytest

from causal.report.numbers import (
    MINUS,
    Measure,
    difference_measure,
    difference_of,
    exact,
    measure_of,
    number,
    percent,
    share_set,
    within,
)
from causal.result import Reason, Result, ScaleBlock


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [(-13.42, 1, f"{MINUS}13.4"), (-0.04, 1, "0.0"), (0.05, 2, "0.05"), (12.0, 0, "12")],
)
def test_numbers_have_a_true_minus_sign_and_no_negative_zero(
    value: float, decimals: int, written: str
) -> None:
    assert number(value, decimals) == written


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        ([(0.55, 2.2)], "[0.55, 2.20]"),
        ([(-1.234, 0.5)], f"[{MINUS}1.23, 0.50]"),
        ([(None, 0.3), (2.1, None)], "all values below 0.30 or above 2.10"),
        ([(None, 0.3)], "all values below 0.30"),
        ([(0.3, None)], "all values above 0.30"),
        ([(None, None)], "every value"),
    ],
)
def test_a_set_is_written_as_it_is(
    pieces: list[tuple[float | None, float | None]], written: str
) -> None:
    assert share_set(pieces) == written


def test_an_unbounded_set_holds_what_lies_beyond_its_ends() -> None:
    pieces: list[tuple[float | None, float | None]] = [(None, 0.3), (2.1, None)]
    assert within(pieces, -50)
    assert within(pieces, 2.1)
    assert not within(pieces, 1.0)


def test_risk_differences_are_points_in_sentences_and_proportions_in_tables(
    help_like: Result,
) -> None:
    measure = measure_of(help_like)
    assert measure.amount(-0.134) == f"{MINUS}13.4 points"
    assert measure.cell(-0.134) == f"{MINUS}0.134"
    assert measure.mean(0.331) == "33.1 %"


def test_other_outcomes_keep_their_unit_with_two_digits_of_the_error(continuous: Result) -> None:
    measure = measure_of(continuous)
    assert measure.amount(-4.02) == f"{MINUS}4.0 days"
    assert measure.cell(-4.02) == f"{MINUS}4.0"


def test_a_ratio_headline_is_compared_with_1_while_shares_stay_differences(
    as_ratio: Result,
) -> None:
    assert measure_of(as_ratio).silent((0.9, 1.2))
    assert not measure_of(as_ratio).silent((0.0, 0.9))
    assert difference_measure(as_ratio).points
    assert difference_of(as_ratio.crude) == -0.134


def test_a_difference_the_document_does_not_hold_is_not_made_up(as_ratio: Result) -> None:
    reason = Reason(not_estimable="risk_difference: a coefficient only")
    bare = as_ratio.crude.model_copy(update={"other_scales": [reason]})
    assert difference_of(bare) is None
    other = ScaleBlock(scale="odds_ratio", estimate=0.5, std_error=0.1, interval=(0.4, 0.6))
    assert difference_of(bare.model_copy(update={"other_scales": [other]})) is None


def test_data_files_keep_twelve_digits() -> None:
    assert exact(-0.134206495896) == "-0.134206495896"
    assert exact(1 / 3) == "0.333333333333"


def test_a_level_is_written_as_a_percentage() -> None:
    assert percent(0.95) == "95 %"
    assert percent(0.975) == "97.5 %"


def test_a_set_without_two_ends_is_written_piece_by_piece() -> None:
    measure = Measure(points=True, unit="points", decimals=3)
    assert measure.region([(None, None)]) == "every value"
    assert measure.region([(None, -0.1), (0.2, None)]) == f"below {MINUS}10.0 or above 20.0"
    assert measure.region_cells([(0.1, 0.2), (0.3, None)]) == "0.100 to 0.200 or above 0.300"
    assert measure.region([]) == "no value"

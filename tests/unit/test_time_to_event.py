"""Times to an event: what a specification may say of them, and how they are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from causal.codebook import Codebook, Variable
from causal.errors import OutcomeError, SpecError
from causal.time_settings import TimeToEvent
from causal.time_to_event import check_times, read_events


def variable(column, kind, unit=""):
    return Variable(column, f"what {column} is", kind, unit, None, None, {}, 0.0, (), None, "")


BOOK = Codebook(
    "made_up",
    {
        one.column: one
        for one in (
            variable("days", "count", "days"),
            variable("use", "binary"),
            variable("death", "binary"),
            variable("score", "ordinal"),
        )
    },
)
PLAIN = TimeToEvent(event="use", horizons=(30, 90))
COMPETING = TimeToEvent(event="use", competing="death", horizons=(30, 90), compare=30, tau=180)


def test_the_last_horizon_is_compared_and_ends_the_curve_unless_said():
    clock = PLAIN.clock(BOOK, "days")
    assert (clock.compare, clock.tau, clock.unit) == (90, 90, "days")
    assert set(clock.horizons) <= set(clock.times)
    other = COMPETING.clock(BOOK, "days")
    assert (other.compare, other.tau, other.competing) == (30, 180, "what death is")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"horizons": (90, 30)}, "must be above 0 and ascend"),
        ({"horizons": (0, 30)}, "must be above 0 and ascend"),
        ({"compare": 60}, "compare 60 is not one of the horizons 30, 90"),
        ({"tau": 60}, "tau 60 is before the last horizon 90"),
        ({"zero_times": "ignore"}, "leave_out"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changed, message):
    with pytest.raises(ValidationError, match=message):
        TimeToEvent(**{"event": "use", "horizons": (30, 90), **changed})


@pytest.mark.parametrize(
    ("settings", "outcome", "message"),
    [
        (PLAIN, "score", "'score' is ordinal; a time to an event must be a count or continuous"),
        (TimeToEvent(event="score", horizons=(30,)), "days", "'score' is ordinal; what ended"),
        (TimeToEvent(event="used", horizons=(30,)), "days", "no column 'used'.*use"),
        (TimeToEvent(event="use", competing="use", horizons=(3,)), "days", "different columns"),
    ],
)
def test_columns_that_cannot_be_times_or_events_are_refused(settings, outcome, message):
    with pytest.raises(SpecError, match=message):
        check_times(settings, BOOK, outcome)


def read(settings, times, use, death=None):
    ended = {"use": use} | ({} if death is None else {"death": death})
    return read_events(settings, pd.Series(times, dtype=float), pd.DataFrame(ended, dtype=float))


def test_what_ended_each_time_is_read():
    y, event = read(COMPETING, [5, 7, 9, 11], [1, 0, 0, np.nan], [0, 1, 0, 0])
    np.testing.assert_array_equal(y, [5, 7, 9, np.nan])
    np.testing.assert_array_equal(event, [1, 2, 0, 0])


def test_two_ends_of_one_time_are_refused():
    with pytest.raises(OutcomeError, match="1 rows have both 'use' and 'death'"):
        read(COMPETING, [5, 7], [1, 1], [1, 0])


def test_negative_times_are_refused():
    with pytest.raises(OutcomeError, match="1 times are negative, down to -2"):
        read(PLAIN, [5, -2], [1, 1])


def test_times_of_zero_are_refused_unless_something_is_said_of_them():
    with pytest.raises(OutcomeError, match="2 times are 0, 1 of them with an event"):
        read(PLAIN, [0, 0, 3], [1, 0, 1])
    half = TimeToEvent(event="use", horizons=(30,), zero_times="half")
    np.testing.assert_array_equal(read(half, [0, 3], [1, 1])[0], [0.5, 3])
    without = TimeToEvent(event="use", horizons=(30,), zero_times="leave_out")
    np.testing.assert_array_equal(read(without, [0, 3], [1, 1])[0], [np.nan, 3])

"""Designs: who, when, and which interview gives the outcome."""

import numpy as np
import pandas as pd
import pytest

from causal.codebook import Codebook, Variable
from causal.cohort import Cohort
from causal.design import Baseline, LaggedIntervals, MissingData, build_units, values_at
from causal.errors import PositivityError, SpecError

WAVES = (0, 6, 12, 18)
NAN = np.nan


def variable(name: str) -> Variable:
    return Variable(name, name, "binary", "", None, None, {"0": "no", "1": "yes"}, 30, (), None, "")


def cohort(rows: list[tuple[str, int, float, float]]) -> Cohort:
    """Make a cohort of (person, wave, exposure, outcome)."""
    table = pd.DataFrame(rows, columns=["person_id", "wave", "a", "y"])
    book = Codebook("made up", {name: variable(name) for name in ("a", "y")})
    return Cohort("made up", table, book, WAVES, 30.0, "")


ROWS = [
    ("p1", 0, NAN, 0), ("p1", 6, 1, 1), ("p1", 12, 0, NAN), ("p1", 18, 1, 0),
    ("p2", 0, NAN, 1), ("p2", 6, 0, 0), ("p2", 18, 1, 1),
    ("p3", 0, NAN, 1), ("p3", 12, 1, 1), ("p3", 18, 0, 0),
]  # fmt: skip


def units(design, missing=None, rows=ROWS):
    made = cohort(rows)
    everybody = pd.Series(True, index=made.table["person_id"].unique())
    return build_units(made, design, missing or MissingData(), everybody, ("all", "everybody"))


def times(built) -> list[tuple[str, float, float, float, float]]:
    frame = built.frame
    return list(frame[["person_id", "s", "t", "u", "outcome"]].itertuples(index=False, name=None))


def baseline(outcome_at: str) -> Baseline:
    return Baseline(exposure="a", outcome="y", exposure_wave=6, outcome_at=outcome_at)


def test_next_interview_takes_the_persons_next_row_and_drops_it_if_the_outcome_is_missing():
    assert times(units(baseline("next_interview"))) == [("p2", 0, 6, 18, 1)]


def test_next_observed_outcome_looks_past_interviews_without_outcome():
    found = times(units(baseline("next_observed_outcome")))
    assert found == [("p1", 0, 6, 18, 0), ("p2", 0, 6, 18, 1)]


def test_next_scheduled_misses_who_was_not_seen_at_the_next_wave():
    rows = [*ROWS, ("p4", 0, NAN, 1), ("p4", 6, 1, 0), ("p4", 12, 1, 1)]
    assert times(units(baseline("next_scheduled"), rows=rows)) == [("p4", 0, 6, 12, 1)]


def test_same_interview_takes_the_outcome_reported_with_the_exposure():
    found = times(units(baseline("same_interview")))
    assert found == [("p1", 0, 6, 6, 1), ("p2", 0, 6, 6, 0)]


def test_lagged_intervals_need_the_wave_just_before():
    built = units(LaggedIntervals(exposure="a", outcome="y"))
    # p1: 6 (next interview has no outcome, dropped), 12; p2: 6; p3 was not seen at 6
    assert times(built) == [("p1", 6, 12, 18, 0), ("p2", 0, 6, 18, 1)]
    steps = {step.step: (step.persons, step.rows) for step in built.attrition}
    assert steps["in the data"] == (3, 10)
    assert steps["has an earlier interview"] == (3, 7)
    assert steps["seen at the wave just before"] == (3, 5)
    assert steps["outcome known"] == (2, 2)


def test_what_has_no_outcome_by_design_leaves_as_a_step_of_its_own_whatever_is_missing():
    intervals = LaggedIntervals(exposure="a", outcome="y")
    kept = units(intervals, MissingData(outcome="keep"))
    # p1's and p3's intervals from 12 to 18 end at the last wave: nobody is asked after it
    assert [(p, t) for p, _, t, _, _ in times(kept)] == [("p1", 6), ("p1", 12), ("p2", 6)]
    last = kept.attrition[-1]
    assert (last.step, last.rows) == ("an outcome was due", 3)
    assert "recorded y at a later wave" in last.reason
    assert np.isnan(kept.frame["outcome"]).sum() == 1  # p1's interview at 12 has none: lost
    known = units(intervals).attrition
    steps = [step.step for step in known]
    assert steps.index("an outcome was due") == steps.index("has a later interview") - 1
    assert known[steps.index("an outcome was due")].rows == 3


def test_the_last_wave_is_that_of_the_outcome_not_of_the_schedule():
    rows = [(p, w, a, NAN if w == 18 else y) for p, w, a, y in ROWS]
    kept = units(LaggedIntervals(exposure="a", outcome="y"), MissingData(outcome="keep"), rows)
    assert [(p, t) for p, _, t, _, _ in times(kept)] == [("p1", 6), ("p2", 6)]


def test_a_scheduled_outcome_is_due_where_the_very_next_wave_records_it():
    rows = [(p, w, a, NAN if w == 12 else y) for p, w, a, y in ROWS]
    kept = MissingData(outcome="keep")
    later = units(LaggedIntervals(exposure="a", outcome="y"), kept, rows)
    scheduled = LaggedIntervals(exposure="a", outcome="y", outcome_at="next_scheduled")
    assert [t for _, _, t, _, _ in times(later)] == [6, 12, 6]
    assert [t for _, _, t, _, _ in times(units(scheduled, kept, rows))] == [12]


def test_every_dropped_row_is_in_the_attrition_table():
    built = units(LaggedIntervals(exposure="a", outcome="y"))
    rows = [step.rows for step in built.attrition]
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] == len(built.frame)


def test_outcomes_can_be_kept_for_estimators_that_predict_them():
    built = units(baseline("next_interview"), MissingData(outcome="keep"))
    assert np.isnan(built.frame["outcome"]).sum() == 1


def test_a_missing_exposure_is_refused_unless_the_specification_says_what_to_do():
    rows = [(p, w, NAN if (p, w) == ("p2", 6) else a, y) for p, w, a, y in ROWS]
    with pytest.raises(SpecError, match=r"missing \(NaN\) in 1 of 2 rows, first person p2"):
        units(baseline("next_observed_outcome"), rows=rows)
    kept = units(
        baseline("next_observed_outcome"), MissingData(exposure="complete_case"), rows=rows
    )
    assert times(kept) == [("p1", 0, 6, 18, 0)]


def test_nobody_left_is_refused_with_the_step_that_left_out_the_last():
    rows = [(p, w, a, NAN if w > 6 else y) for p, w, a, y in ROWS]
    with pytest.raises(PositivityError, match="nobody is left after the step 'an outcome was due'"):
        units(baseline("next_observed_outcome"), rows=rows)


def test_values_are_looked_up_at_a_persons_wave_and_missing_where_there_is_none():
    people, waves = pd.Series(["p2", "p3"]), pd.Series([18.0, 6.0])
    found = values_at(cohort(ROWS), "y", people, waves)
    assert found.iloc[0] == 1
    assert np.isnan(found.iloc[1])


def test_an_outcome_wave_reads_the_outcome_there_whoever_was_seen_between():
    design = Baseline(exposure="a", outcome="y", exposure_wave=6, outcome_wave=18)
    assert times(units(design)) == [("p1", 0, 6, 18, 0), ("p2", 0, 6, 18, 1)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"outcome_wave": 6}, "not after exposure_wave 6"),
        ({"outcome_wave": 12, "outcome_at": "next_interview"}, "keep one"),
    ],
)
def test_an_outcome_wave_that_cannot_be_meant_is_refused(changed, said):
    with pytest.raises(ValueError, match=said):
        Baseline(exposure="a", outcome="y", exposure_wave=6, **changed)


def test_kept_persons_without_an_exposure_interview_have_neither_exposure_nor_outcome():
    missing = MissingData(exposure="keep", outcome="keep")
    built = units(baseline("next_observed_outcome"), missing)
    frame = built.frame.set_index("person_id")
    assert list(frame.index) == ["p1", "p2", "p3"]
    assert frame.loc["p3", ["exposure", "outcome", "u"]].isna().all()
    assert frame.loc["p3", "s"] == 0
    assert "1 kept" in built.attrition[-1].reason

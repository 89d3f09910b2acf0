"""The cohort table against its codebook, and the sample all rungs share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causal.codebook import Codebook, Variable
from causal.cohort import TIME, Cohort, check_arms, check_outcomes, check_table
from causal.errors import CodebookViolationError, PositivityError, SpecError


def variable(column, kind="continuous", low=None, high=None, levels=None):
    return Variable(column, column, kind, "", low, high, levels or {}, 0.0, (), None, "")


CODEBOOK = Codebook(
    "made_up",
    {
        "age": variable("age", low=18, high=90),
        "used": variable("used", "binary"),
        "stage": variable("stage", "ordinal", levels={"1": "low", "2": "high"}),
        "race": variable("race", "categorical", levels={"black": "", "white": ""}),
    },
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "person_id": ["p1", "p1", "p2"],
            "wave": [0, 6, 0],
            "age": [30.0, 30.0, np.nan],
            "used": [0.0, 1.0, np.nan],
            "stage": [1.0, 2.0, 2.0],
            "race": ["black", "black", None],
        }
    )


def test_a_table_that_fits_its_codebook_passes(table):
    check_table(table, CODEBOOK)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            "age",
            91.0,
            "data set made_up: age: 1 values .* first 91 of person p1; expected 18 to 90",
        ),
        (
            "age",
            np.inf,
            "age: 1 values .* first inf of person p1; expected 18",
        ),
        ("used", 2.0, "used: 1 values .* first 2 of person p1; expected one of 0, 1"),
        ("stage", 3.0, "stage: .* expected one of 1, 2"),
        ("race", "blak", "race: .*'blak' of person p1; expected one of black, white. Mend"),
    ],
)
def test_values_outside_the_codebook_are_named(table, column, value, message):
    table.loc[0, column] = value
    with pytest.raises(CodebookViolationError, match=message):
        check_table(table, CODEBOOK)


def test_infinite_values_are_refused_where_there_is_no_range(table):
    open_ended = Codebook("made_up", {**CODEBOOK.variables, "age": variable("age")})
    table.loc[0, "age"] = np.inf
    with pytest.raises(CodebookViolationError, match="age: 1 values"):
        check_table(table, open_ended)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (None, None, "first inf of person p1; expected any finite number. Mend"),
        (0, None, "expected 0 or more. Mend"),
        (None, 90, "expected up to 90. Mend"),
    ],
)
def test_an_open_range_is_said_in_words(table, low, high, expected):
    ranged = variable("age", low=low, high=high)
    table.loc[0, "age"] = np.inf
    with pytest.raises(CodebookViolationError, match=expected):
        check_table(table, Codebook("made_up", {**CODEBOOK.variables, "age": ranged}))


def test_keys_are_there_known_and_unique(table):
    with pytest.raises(CodebookViolationError, match="wave: the key column is missing"):
        check_table(table.drop(columns="wave"), CODEBOOK)
    with pytest.raises(
        CodebookViolationError, match=r"1 row has no value, first row 2 .*leave out"
    ):
        check_table(table.assign(person_id=["p1", None, "p2"]), CODEBOOK)
    with pytest.raises(CodebookViolationError, match=r"1 rows repeat .* p1 at wave 0"):
        check_table(table.assign(wave=[0, 0, 0]), CODEBOOK)


def test_table_and_codebook_have_the_same_columns(table):
    with pytest.raises(CodebookViolationError, match="extra: is not in the codebook"):
        check_table(table.assign(extra=1.0), CODEBOOK)
    with pytest.raises(CodebookViolationError, match="age: is in the codebook but not in the data"):
        check_table(table.drop(columns="age"), CODEBOOK)


def test_text_where_numbers_belong_is_refused(table):
    said = r"age: holds .*, first '30' of person p1; a continuous holds numbers\. Turn texts"
    with pytest.raises(CodebookViolationError, match=said):
        check_table(table.assign(age=["30", "30", "31"]), CODEBOOK)
    with pytest.raises(CodebookViolationError, match="first 'old' of person p2"):
        check_table(table.assign(age=["30", "30", "old"]), CODEBOOK)


def test_columns_are_given_with_keys_or_refused_with_choices(table):
    cohort = Cohort(
        name="made_up",
        table=table,
        codebook=CODEBOOK,
        waves=(0, 6),
        wave_days=30.4,
        digest="",
    )
    assert list(cohort.columns_at(["used", "used"]).columns) == ["person_id", "wave", "used"]
    with pytest.raises(SpecError, match=r"no column 'usd'. Did you mean 'used'"):
        cohort.columns_at(["usd"])


def test_adjusting_keeps_the_concepts_and_the_designs_own_time(confounded):
    sample = replace(confounded(), concepts=("severity", "motivation", TIME))
    chosen = sample.adjusting_for(["motivation"])
    assert chosen.terms == ("x1", "x2")
    np.testing.assert_array_equal(chosen.x, sample.x[:, 1:])
    assert chosen.y is sample.y


def test_terms_are_taken_in_the_order_of_the_sample(confounded):
    sample = confounded()
    assert sample.with_terms(("x2", "x0")).terms == ("x0", "x2")
    with pytest.raises(SpecError, match="no term 'x7'"):
        sample.with_terms(("x7",))


def test_sizes_and_observed_outcomes_are_counted(confounded):
    sample = confounded(missing=True, clustered=True)
    assert (sample.n, sample.n_clusters) == (400, 200)
    assert 0 < sample.observed.sum() < 400
    assert confounded().n_clusters is None


def test_two_arms_with_two_rows_each_are_enough(confounded):
    base = confounded(n=4)
    check_arms(replace(base, a=np.array([0.0, 1.0, 0.0, 1.0]), y=np.array([0.0, 0, 1, 1])))


@pytest.mark.parametrize("arm", [0, 1])
@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_an_arm_of_equal_outcomes_is_refused_whether_there_are_two_arms_or_three(
    confounded, outcome, arm
):
    base = confounded(outcome=outcome, missing=True)
    same = replace(base, y=np.where((base.a == arm) & base.observed, 1.0, base.y))
    said = rf"everybody with exposure {arm} has the same outcome, so its mean has no standard error"
    with pytest.raises(PositivityError, match=rf"{said}\. Choose another outcome, exposure or"):
        check_outcomes(same)
    named = replace(same, exposure_kind="arms", levels=("none", "some"))
    said = said.replace(str(arm), f"'{named.levels[arm]}'")
    with pytest.raises(PositivityError, match=rf"{said}\. Leave this arm out"):
        check_outcomes(named)
    check_outcomes(base)


def test_doses_and_times_are_not_asked_by_arm(confounded):
    same = replace(confounded(), y=np.ones(400))
    check_outcomes(replace(same, exposure_kind="dose"))
    check_outcomes(replace(same, outcome_kind="survival"))


@pytest.mark.parametrize(
    ("a", "message"),
    [
        ([1.0, 1, 1, 1], r"everyone has exposure 1 \(n = 4\), so there is nobody to compare with"),
        ([1.0, 0, 0, 0], "only 1 row with exposure 1 and a known outcome; at least 2"),
    ],
)
def test_an_arm_that_is_empty_or_single_is_refused(confounded, a, message):
    with pytest.raises(PositivityError, match=message):
        check_arms(replace(confounded(n=4), a=np.array(a)))


def test_an_arm_without_known_outcomes_is_refused(confounded):
    base = confounded()
    with pytest.raises(PositivityError, match=r"exposure 1.*outcome|outcome.*exposure 1"):
        check_arms(replace(base, y=np.where(base.a == 1, np.nan, base.y)))


def test_a_dose_may_have_single_values(confounded):
    check_arms(replace(confounded(n=4), a=np.arange(4.0), exposure_kind="dose"))


def test_an_arm_smaller_than_a_publishable_cell_is_refused(confounded):
    base = confounded(n=12)
    a = np.array([1.0] * 4 + [0.0] * 8)
    check_arms(replace(base, a=a))
    with pytest.raises(PositivityError, match="fewer than 5 rows have exposure 1"):
        check_arms(replace(base, a=a), min_cell=5)

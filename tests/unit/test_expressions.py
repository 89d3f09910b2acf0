"""Population queries hold for the right rows and never run as code."""

import numpy as np
import pandas as pd
import pytest

from causal.errors import SpecError
from causal.expressions import EVERYONE, LONGEST, holds, parse

TABLE = pd.DataFrame(
    {
        "age": [17.0, 18.0, 40.0, np.nan],
        "coc_her": [1.0, 0.0, 1.0, 1.0],
        "race": pd.Series(["black", "white", None, "other"], dtype="str"),
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coc_her == 1", [True, False, True, True]),
        ("age >= 18", [False, True, True, False]),
        ("age < 18", [True, False, False, False]),
        ("age <= 18", [True, True, False, False]),
        ("age > -1.5", [True, True, True, False]),
        ("age != 18", [True, False, True, False]),
        ("race in ['black', 'white']", [True, True, False, False]),
        ("race not in ['black']", [False, True, False, True]),
        ("age in (17, 40)", [True, False, True, False]),
        ("age > 17 and coc_her == 1", [False, False, True, False]),
        ("age > 17 or coc_her == 1", [True, True, True, True]),
        ("not (age > 17 or race == 'white')", [True, False, False, False]),
    ],
)
def test_queries_hold_for_the_rows_they_describe(text, expected):
    assert holds(parse(text), TABLE).tolist() == expected


@pytest.mark.parametrize("text", ["age == 18", "age < 18", "age in [18, 40]", "race == 'white'"])
def test_a_missing_value_holds_neither_for_a_query_nor_for_its_negation(text):
    missing = TABLE[text.split(maxsplit=1)[0]].isna()
    assert missing.any()
    assert not holds(parse(text), TABLE)[missing].any()
    assert not holds(parse(f"not ({text})"), TABLE)[missing].any()


def test_an_unknown_part_does_not_hide_what_decides():
    assert holds(parse("age > 17 or coc_her == 1"), TABLE).iloc[3]
    assert holds(parse("not (age > 17 and coc_her == 0)"), TABLE).iloc[3]


def test_the_index_of_the_table_is_kept():
    turned = TABLE.set_index(pd.Index([7, 5, 3, 1]))
    assert holds(parse("coc_her == 0"), turned).loc[5]


def test_everyone_holds_for_every_row():
    assert holds(EVERYONE, TABLE).all()
    assert EVERYONE.columns == ()


def test_columns_are_listed_once_in_the_order_of_the_text():
    text = "race == 'black' or age > 3 and not (race != 'x')"
    assert parse(text).columns == ("race", "age")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("__import__('os').system('true')", "a call"),
        ("age.__class__ == 1", "an attribute"),
        ("age + 1 == 2", "arithmetic"),
        ("age[0] == 2", "a subscript"),
        ("age == 1 + 1", "arithmetic"),
        ("age == f'{age}'", "a formatted text"),
        ("age == other", "a bare column"),
        ("1 == age", "a bare constant"),
        ("female", r"Did you mean 'female == 1'\?"),
        ("(lambda: 1)() == 1", "a call"),
        ("age in [x for x in [1]]", "a comprehension"),
        ("age in 'abc'", "a bare constant"),
        ("age in []", "expected a list"),
        ("(age := 3) == 3", "an assignment"),
        ("1 < age < 3", "a chain of comparisons"),
        ("age is 3", "found 'is'"),
        ("age == True", "found the constant True"),
        ("age == None", "found the constant None"),
        ("age in [1, 'a']", "mixes texts and numbers"),
        ("race < 'b'", "text has no order"),
        ("age == -'a'", "a bare constant"),
        ("age ==", "cannot read the query"),
        ("", "cannot read the query"),
        ("age == 1; age == 2", "cannot read the query"),
        ("age == '\x00'", "cannot read the query"),
        ("(" * 300 + "age == 1" + ")" * 300, "cannot read the query"),
        ("age == 1 or " * LONGEST, "at most"),
    ],
)
def test_anything_but_comparisons_is_refused_and_named(text, found):
    with pytest.raises(SpecError, match=found):
        parse(text)


def test_a_refusal_says_what_is_allowed():
    with pytest.raises(SpecError, match="comparisons of a column with a number"):
        parse("max(age) == 1")


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(SpecError, match=r"no column 'agee'.*Did you mean 'age'\?"):
        holds(parse("agee == 1"), TABLE)


def test_text_is_not_compared_with_numbers():
    with pytest.raises(SpecError, match=r"'race' holds text.*with a number"):
        holds(parse("race == 1"), TABLE)
    with pytest.raises(SpecError, match=r"'age' holds numbers.*with a text"):
        holds(parse("age == '18'"), TABLE)

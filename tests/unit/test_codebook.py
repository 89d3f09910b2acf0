"""The codebook file: what it says, and a place for everything it cannot mean."""

from __future__ import annotations

import math

import pytest

from causal.codebook import read_codebook
from causal.errors import SpecError

HEAD = (
    "column,description,kind,unit,low,high,levels,recall,concept,proxy_for,reliability,use,note\n"
)
ROWS = {
    "age": "age,Age,continuous,years,18,90,,now,demographics@baseline,,,,",
    "race": "race,Race,categorical,,,,black; white,,demographics@baseline,,,,",
    "score": "score,Readiness,ordinal,,0,10,,30,,motivation@start motivation@end,0.7,,Source",
    "mhg": "mhg,Meetings,binary,,,,0=no; 1=yes,interval,mhg@end,,,,",
    "ever": "ever,Ever in care,binary,,,,,ever,prior_treatment@baseline,,,on_request,",
}


@pytest.fixture
def write(tmp_path):
    def _write(*rows: str, head: str = HEAD):
        path = tmp_path / "codebook.csv"
        path.write_text(head + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return path

    return _write


@pytest.fixture
def codebook(write):
    return read_codebook(write(*ROWS.values()), "made_up")


def test_variables_stand_in_the_order_of_the_file(codebook):
    assert [one.column for one in codebook] == list(ROWS)
    assert codebook["age"].unit == "years"
    assert (codebook["age"].low, codebook["age"].high) == (18, 90)


def test_levels_are_codes_with_labels_or_bare_labels(codebook):
    assert codebook["mhg"].levels == {"0": "no", "1": "yes"}
    assert codebook["race"].levels == {"black": "black", "white": "white"}


def test_recall_windows_are_days_or_words(codebook):
    assert codebook["score"].recall == 30
    assert codebook["mhg"].recall is None
    assert math.isinf(codebook["ever"].recall)
    assert codebook["age"].recall == 0 == codebook["race"].recall


def test_a_column_measures_concepts_at_moments(codebook):
    first, second = codebook["score"].measures
    assert (first.concept, first.when, first.proxy, first.before_exposure) == (
        "motivation", "start", True, True,
    )  # fmt: skip
    assert (second.when, second.before_exposure) == ("end", False)
    assert not codebook["age"].measures[0].proxy


def test_columns_on_request_measure_only_when_named(codebook):
    assert codebook.measuring("prior_treatment") == ()
    assert [m.column for m in codebook.measuring("prior_treatment", ("ever",))] == ["ever"]
    assert [m.column for m in codebook.measuring("demographics")] == ["age", "race"]


def test_kinds_know_whether_they_are_numbers(codebook):
    assert [one.column for one in codebook if not one.numeric] == ["race"]


def test_an_unknown_column_lists_the_choices(codebook):
    with pytest.raises(SpecError, match=r"'made_up' has no column 'scor'. Did you mean 'score'"):
        codebook["scor"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "age,Age,continous",
            r"codebook.csv:2: kind: found 'continous'. Did you mean 'continuous'",
        ),
        ("age,Age,continuous,,low", "codebook.csv:2: low: found 'low'; expected a number"),
        (
            "age,Age,continuous,,,,,month",
            "codebook.csv:2: recall: found 'month'; expected a number",
        ),
        ("age,Age,continuous,,,,,,mhg", "codebook.csv:2: concept: found 'mhg'; expected concept@"),
        ("age,Age,continuous,,,,,,mhg@later", "concept: found 'mhg@later'.*baseline, start, end"),
        ("age,Age,binary,,,,0=a; 0=b", "codebook.csv:2: levels: code '0' stands twice"),
        ("age,Age,continuous,,,,,,,,,never", "codebook.csv:2: use: found 'never'"),
        (ROWS["age"] + "\n" + ROWS["age"], "codebook.csv:3: column: 'age' is described twice"),
    ],
)
def test_cells_that_cannot_be_meant_are_refused_with_their_place(write, row, message):
    with pytest.raises(SpecError, match=message):
        read_codebook(write(row), "made_up")


@pytest.mark.parametrize("reliability", ["1.4", "0", "-0.2"])
def test_a_reliability_is_a_share(write, reliability):
    row = f"score,Readiness,ordinal,,0,10,,30,,motivation@start,{reliability},,"
    with pytest.raises(SpecError, match=r"codebook.csv:2: reliability: found .*0.*1"):
        read_codebook(write(row), "made_up")


def test_a_range_that_is_upside_down_is_refused(write):
    with pytest.raises(SpecError, match=r"codebook.csv:2: (low|high): "):
        read_codebook(write("age,Age,continuous,years,90,18"), "made_up")


def test_a_row_with_more_cells_than_headings_is_refused(write):
    with pytest.raises(SpecError, match=r"codebook.csv:2: .*(cells|comma|column)"):
        read_codebook(write(ROWS["age"] + ",too,many"), "made_up")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            HEAD.replace("kind", "kinds"),
            "codebook.csv:1: unknown heading 'kinds'. Did you mean 'kind'",
        ),
        ("column,description\n", "codebook.csv:1: the heading 'kind' is missing"),
    ],
)
def test_headings_are_checked(write, head, message):
    with pytest.raises(SpecError, match=message):
        read_codebook(write(head=head), "made_up")

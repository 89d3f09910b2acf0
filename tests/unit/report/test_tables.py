import csv
import io

import pytest

from causal.report.tables import tables
from causal.result import Result


def rows(result: Result, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tables(result)[name].decode("utf-8"))))


def test_numbers_keep_all_digits_and_say_where_they_stand(help_like: Result) -> None:
    long = 0.134206495896
    first = help_like.crude.model_copy(update={"estimate": long})
    result = help_like.model_copy(update={"rungs": [first, *help_like.rungs[1:]]})
    row = rows(result, "ladder.csv")[0]
    assert float(row["estimate"]) == long
    assert row["pointer"] == "/rungs/0"
    assert row["not_estimable"] == "the crude rung itself"


def test_unbounded_sets_are_written_with_their_infinities(disjoint: Result) -> None:
    row = rows(disjoint, "ladder.csv")[3]
    assert row["remaining_set"] == "[-inf, 0.3] [2.1, inf]"


def test_suppressed_counts_and_missing_numbers_stay_as_they_are(help_like: Result) -> None:
    steps = [one.model_copy(update={"persons": "<10"}) for one in help_like.attrition]
    result = help_like.model_copy(update={"attrition": steps})
    assert rows(result, "attrition.csv")[0]["persons"] == "<10"
    assert rows(help_like, "overlap.csv")[19]["share_exposed"] == ""
    assert rows(help_like, "covariates.csv")[0]["smd"] == ""


def test_one_row_a_thing(help_like: Result) -> None:
    assert len(rows(help_like, "ladder.csv")) == len(help_like.rungs)
    assert len(rows(help_like, "edges.csv")) == len(help_like.dag.edges)
    assert len(rows(help_like, "concepts.csv")) == len(help_like.dag.concepts)
    assert len(rows(help_like, "identification.csv")) == 4 * len(help_like.estimands)
    assert len(rows(help_like, "overlap.csv")) == sum(len(one.exposed) for one in help_like.overlap)
    assert "truth.csv" not in tables(help_like)


def test_the_covariance_is_a_square_matrix(help_like: Result) -> None:
    found = rows(help_like, "covariance.csv")
    names = [one.name for one in help_like.rungs]
    assert [row["rung"] for row in found] == names
    assert float(found[0]["full"]) == pytest.approx(float(found[3]["crude"]))


def test_lines_end_the_same_everywhere(help_like: Result) -> None:
    assert all(b"\r" not in content for content in tables(help_like).values())


def test_the_label_in_the_table_is_the_one_timing_allows(simulated_null: Result) -> None:
    assert rows(simulated_null, "ladder.csv")[1]["label"] == "effect"
    assert rows(simulated_null, "ladder.csv")[1]["truth"] == "0"

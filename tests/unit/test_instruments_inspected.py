"""Checks of instruments from specification to report, on a simulated trial."""

import re
from pathlib import Path

import pytest

from causal.assailing import check_assaults
from causal.composing_checks import compose_instrument
from causal.errors import CausalError
from causal.findings import Curve, Point, Row, numbers
from causal.instrumental import ALL_CHECKS, InstrumentFinding
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.registry import describe
from causal.report.files import rendered
from causal.report.instruments import instrument_sentences
from causal.result import Reason, dump
from causal.spec import load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
KINDS = [check.kind for check in ALL_CHECKS]


def specified(tmp_path, name="simulated_facilitation", *, rows=2500, added="", without=()):
    text = (ANALYSES / f"{name}.yaml").read_text(encoding="utf-8")
    text = text.replace("dags/", f"{ANALYSES}/dags/")
    text = re.sub(r"n: \d+", f"n: {rows}", text)
    for key in ("companions", "sensitivity", "refuters", *without):
        text = re.sub(rf"(?m)^{key}:.*\n(?:[ -].*\n)*", "", text)
    path = tmp_path / "spec.yaml"
    path.write_text(f"{text}{added}\n", encoding="utf-8")
    return load_analysis(path)


@pytest.fixture(scope="module")
def violated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("violated")
    return run(specified(folder, "simulated_facilitation_violated", rows=20_000))


def test_every_check_is_made_of_the_headline_unless_said_otherwise(tmp_path):
    result = run(specified(tmp_path))
    assert [one.kind for one in result.instruments] == KINDS
    assert {one.rung for one in result.instruments} == {"tsls"}
    assert "FAIL" not in {one.verdict for one in result.instruments}
    page = rendered(result)["report.md"].decode()
    assert "### The instrument of `tsls`" in page
    assert "figures/instruments.svg" in page
    assert "No data can show these: the first two are the diagram" in page


def test_the_first_page_says_what_the_data_contradict(violated):
    page = rendered(violated)["report.md"].decode()
    stamped = next(line for line in page.splitlines() if line.startswith("**Checks not passed"))
    assert "instrumental inequalities of `facilitation`" in stamped
    said = " ".join(instrument_sentences(violated))
    assert "**Not passed: impossible ratio.**" in said
    assert "Chance is excluded" in said
    assert "exclusion violated or coarsened dose, which these data cannot tell apart" in said
    assert "Not contradicted by" not in said


def test_the_numbers_of_checks_are_in_a_table_of_their_own(violated):
    table = rendered(violated)["tables/instruments.csv"].decode().splitlines()
    assert table[0] == "kind,rung,instrument,label,subject,number,value,not_estimable"
    held = sum(len(row.numbers) for one in violated.instruments for row in one.rows)
    assert len(table) == held + 1


def test_processes_change_no_number(tmp_path):
    specification = specified(tmp_path, rows=800)
    assert dump(run(specification, jobs=1)) == dump(run(specification, jobs=2))


def test_some_checks_or_none_can_be_asked_for(tmp_path):
    some = "instrument_checks: [{kind: instrument_balance, margin: 0.3}]"
    assert [one.kind for one in run(specified(tmp_path, added=some)).instruments] == [
        "instrument_balance"
    ]
    none = run(specified(tmp_path, added="instrument_checks: []"))
    assert none.instruments == []
    assert "### The instrument" not in rendered(none)["report.md"].decode()


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("instrument_checks: [{kind: balanse}]", r"unknown kind 'balanse'.*instrument_balance"),
        ("instrument_checks: [{kind: instrument_balance, margin: 0}]", "greater than 0"),
        (
            "instrument_checks: [{kind: instrument_bounds, outcome_range: [1, 0]}]",
            "write the lowest first",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_place(tmp_path, added, said):
    with pytest.raises(CausalError, match=said) as found:
        specified(tmp_path, added=added)
    assert "instrument_checks" in str(found.value)


def test_checks_need_a_rung_with_an_instrument(tmp_path):
    added = "instrument_checks: [{kind: compliers}]"
    specification = specified(tmp_path, "simulated_base", added=added)
    plan = plan_analysis(specification, describe("simulated"))
    with pytest.raises(CausalError, match="no rung has an instrument"):
        check_assaults(plan)


def test_lines_of_few_rows_are_hidden_in_restricted_data():
    points = (Point(0.0, 0.2), Point(1.0, 0.4))
    found = InstrumentFinding(
        kind="by_instrument",
        rung="tsls",
        instrument="facilitation",
        verdict="NOT_EVALUATED",
        sentence="Said.",
        cannot_see="much",
        rows=tuple(
            Row("level", numbers({"rows": float(many), "exposure": 0.5}), name)
            for many, name in ((4, "0"), (40, "1"))
        ),
        curves=(Curve("mean exposure", "facilitation", "mean exposure", points),),
    )
    hidden, shown = compose_instrument(found, 11), compose_instrument(found, 0)
    assert [row.subject for row in hidden.rows] == ["1"]
    assert hidden.curves == []
    assert [row.subject for row in shown.rows] == ["0", "1"]
    assert len(shown.curves) == 1
    assert not any(isinstance(n.value, Reason) for row in shown.rows for n in row.numbers)

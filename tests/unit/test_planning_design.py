"""Waves, ranges and queries that cannot be meant are refused before any data, at their key."""

from __future__ import annotations

from pathlib import Path

import pytest

from causal.cli import INVALID, OK, main
from causal.codebook import Codebook, read_codebook
from causal.errors import SpecError
from causal.expressions import parse
from causal.planning_design import check_query, check_schedule
from causal.registry import describe
from causal.spec import load_analysis

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
SPEC = f"""\
question: Does it check?
dataset: simulated
options: {{n: 300, seed: 3}}
population: all
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
missing: {{outcome: keep}}
chosen: before_estimates
dag: {DAGS}/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: dag, followed: {{adjust: [severity]}}, estimator: {{kind: ipw}}}}
seed: 1
"""
SUBGROUP = "subgroups: [{column: %s, at: baseline, %s, reason: why}]\nseed: 1"
RESTRICT = "restrict: [{column: %s, at: baseline, %s, reason: why}]\nseed: 1"
VARIANT = "variants: [{name: other, reason: why, %s}]\nseed: 1"


def checked(tmp_path: Path, *changes: tuple[str, str]) -> tuple[int, Path]:
    text = SPEC
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return main(["check", str(path)]), path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("abstinent", "mhg_weekly"), ":9: design.outcome: exposure and outcome are both 'mhg"),
        (("wave: 6", "wave: 7"), ":8: design.exposure_wave: there is no wave 7; waves are 0, 6"),
        (("wave: 6", "wave: 24"), ":8: design.exposure_wave: wave 24 is the last one, so no"),
        (("outcome_at: next_scheduled", "outcome_wave: 13"), ":10: design.outcome_wave: there is"),
        (
            ("{outcome: keep}", "{exposure: keep}"),
            ":11: missing.exposure: missing.exposure: keep needs missing.outcome: keep",
        ),
        (
            ("wave: 6", "wave: 0\nmissing: {outcome: keep, exposure: keep}"),
            "missing.exposure: keep needs the design 'baseline' with an exposure wave after",
        ),
        (
            ("seed: 1", RESTRICT % ("female", "low: 5, high: 6")),
            ":17: restrict[0]: 'female' is never 5 to 6: by the codebook it is one of 0, 1.",
        ),
        (("seed: 1", RESTRICT % ("site", "low: 1")), "'site' is categorical, and has no range."),
        (("seed: 1", RESTRICT % ("wave", "low: 7, high: 11")), "no wave is 7 to 11; waves are 0"),
        (
            ("seed: 1", SUBGROUP % ("female", "cuts: {a: {high: -1}, b: {low: 1}}")),
            ":17: subgroups[0]: level 'a' is up to -1, where 'female' never lies",
        ),
        (
            ("all", "female == 5"),
            ":4: population: 'female' is never 5, which 'female == 5' asks of",
        ),
        (("all", 'site == "site_11"'), "'site' is never 'site_11'"),
        (("all", 'female == "yes"'), "column 'female' holds numbers, but"),
        (("seed: 1", VARIANT % "outcome: mhg_weekly"), "variants[0]: exposure and outcome are"),
        (
            ("seed: 1", VARIANT % "restrict: [{column: opioid, at: start, low: 2, reason: r}]"),
            "variants[0]: 'opioid' is never 2 or more",
        ),
    ],
)
def test_what_no_data_can_make_possible_is_refused_by_check(tmp_path, capsys, change, said):
    old, new = change
    changes = [(old, new)]
    if new.startswith("wave: 0"):  # of two keys 'missing' the second would be refused
        changes.append(("missing: {outcome: keep}\nchosen", "chosen"))
        changes[0] = (old, "wave: 0")
        changes.append(("chosen", "missing: {outcome: keep, exposure: keep}\nchosen"))
    code, path = checked(tmp_path, *changes)
    told = capsys.readouterr().err
    assert code == INVALID
    assert told.startswith(f"error: {path}:")
    assert said in told


def test_persons_are_never_unseen_at_the_first_wave(tmp_path, capsys):
    keeping = ("{outcome: keep}", "{outcome: keep, exposure: keep}")
    code, _ = checked(tmp_path, ("wave: 6", "wave: 0"), keeping)
    told = capsys.readouterr().err
    assert code == INVALID
    assert "needs the design 'baseline' with an exposure wave after the first" in told


def test_an_interval_needs_a_wave_before_it_and_one_after(tmp_path):
    info, specification = describe("simulated"), load_analysis(_lagged(tmp_path))
    check_schedule(specification.analysis, info, specification.document)
    short = info.model_copy(update={"waves": (0, 6)})
    with pytest.raises(SpecError, match="a wave before the exposure's and a later one"):
        check_schedule(specification.analysis, short, specification.document)


def _lagged(tmp_path: Path) -> Path:
    path = tmp_path / "lagged.yaml"
    text = SPEC.replace("kind: baseline", "kind: lagged_intervals")
    path.write_text(text.replace("  exposure_wave: 6\n", ""), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "change",
    [
        ("outcome_at: next_scheduled", "outcome_wave: 12"),
        ("wave: 6\n  outcome: abstinent\n  outcome_at: next_scheduled",
         "wave: 24\n  outcome: abstinent\n  outcome_at: same_interview"),
        ("seed: 1", RESTRICT % ("female", "low: 1")),
        ("seed: 1", RESTRICT % ("severity_score", "low: 5, missing: keep")),
        ("seed: 1", RESTRICT % ("wave", "high: 0")),
        ("population: all", "population: site != \"site_1\" and female < 5"),
    ],
)  # fmt: skip
def test_what_data_may_make_possible_is_valid(tmp_path, capsys, change):
    code, _ = checked(tmp_path, change)
    assert (code, capsys.readouterr().err) == (OK, "")


@pytest.fixture
def codebook(tmp_path: Path) -> Codebook:
    path = tmp_path / "codebook.csv"
    path.write_text(
        "column,description,kind,low,high,levels\n"
        "clinic,clinic,id,,,\nstage,stage,ordinal,1,4,\nage,age,continuous,18,,\n"
        "race,race,categorical,,,black; white\n",
        encoding="utf-8",
    )
    return read_codebook(path, "made_up")


def test_a_range_of_the_codebook_bounds_what_a_query_may_ask_for(codebook):
    possible = ("clinic == 3", 'clinic == "3"', "stage in [1, 4]", "age == 99", "age > 5")
    to_be_safe = ("stage != 9", "stage not in [8, 9]", "not (stage == 9)", "stage in [1, 9]")
    elsewhere = ("age == 17 or stage == 1", "age >= 18 and (stage == 9 or stage == 1)")
    for text in (*possible, *to_be_safe, *elsewhere):
        check_query(parse(text), codebook)
    for text, said in (
        ("stage in [0, 5]", "'stage' is never 0 or 5, which .* asks of every row.*it is 1 to 4"),
        ("age == 17 and stage == 1", "'age' is never 17, .*it is 18 or more"),
        ("stage == 1 and (age < 5 and stage == 1)", "'age' is never up to 5"),
        ("stage > 6", "'stage' is never 6 or more"),
        ('stage == 1 or race == "wite"', "Did you mean 'white'"),
        ("race == 1", "'race' holds text"),
    ):
        with pytest.raises(SpecError, match=said):
            check_query(parse(text), codebook)

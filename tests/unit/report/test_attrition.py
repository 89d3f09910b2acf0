"""The flow from everybody to the outcome: who is lost, never meant, or kept without an outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from causal.pipeline import run
from causal.report.attrition import change_of, flow_steps
from causal.report.attrition_figure import attrition_svg
from causal.report.html_blocks import written
from causal.report.sections import attrition_flow
from causal.result import AttritionBlock, FollowUpBlock, Result
from causal.spec import load_analysis

ROOT = Path(__file__).parents[3]
SPEC = f"""\
question: Who is kept without an outcome?
dataset: simulated
options: {{n: 400, seed: 3, attrition: true}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {ROOT}/analyses/dags/simulated.yaml
restrict:
  - {{column: severity_score, at: start, low: 0, reason: severe enough}}
missing: {{outcome: keep}}
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: severity, estimator: {{kind: g_computation}}}}
seed: 1
"""


def with_follow_up(result: Result, *arms: tuple[str, int | str, int | str], **design) -> Result:
    blocks = [
        FollowUpBlock(stratum="", arm=arm, rows=rows, known=known, late=0)
        for arm, rows, known in arms
    ]
    return result.model_copy(
        update={"follow_up": blocks, "design": result.design.model_copy(update=design)}
    )


@pytest.mark.parametrize(
    ("step", "persons", "said"),
    [
        ("population drug_primary", 4, "5 persons outside the population"),
        ("wave@end up to 18", 4, "5 persons not eligible"),
        ("an outcome was due", 8, "1 person with none due"),
        ("in one of the arms", 7, "2 persons in none of the arms"),
        ("without the event at the start", 7, "2 persons never at risk"),
        ("outcome known", 8, "1 person lost"),
        ("outcome known", 9, "nobody lost"),
        ("outcome known", "<10", ""),
    ],
)
def test_who_was_never_to_be_analysed_is_not_called_lost(
    step: str, persons: int | str, said: str
) -> None:
    assert change_of(9, AttritionBlock(step=step, reason="", persons=persons, rows=9)) == said


def test_where_every_outcome_is_known_the_flow_ends_with_the_table(help_like: Result) -> None:
    assert [one.name for one in flow_steps(help_like)] == [one.step for one in help_like.attrition]


def test_who_is_kept_without_an_outcome_is_the_last_step(help_like: Result) -> None:
    kept = with_follow_up(
        help_like, ("exposed", 250, 236), ("unexposed", 143, 100), unit="persons",
        missing={"outcome": "kept: predicted by the outcome regression"},
    )  # fmt: skip
    crude = kept.crude.model_copy(update={"n": 336})
    kept = kept.model_copy(update={"rungs": [crude, *kept.rungs[1:]]})
    last = flow_steps(kept)[-1]
    assert (last.name, last.persons, last.rows, last.kept) == ("outcome known", 336, 336, 393)
    assert last.change == "57 without one: kept, weighed for or predicted"
    assert not last.lost
    row = attrition_flow(kept).table.rows[-1]
    assert row[1:] == ("57 without one; kept: predicted by the outcome regression", "336", "336")
    assert attrition_svg(kept) != attrition_svg(help_like)


def test_who_was_never_seen_stands_before_who_has_no_outcome(help_like: Result) -> None:
    kept = with_follow_up(
        help_like, ("exposed", 250, 236), ("unexposed", 143, 100), ("not seen", 80, 0),
        unit="persons",
    )  # fmt: skip
    seen, known = flow_steps(kept)[-2:]
    assert (seen.name, seen.rows, seen.kept) == ("seen at the exposure interview", 393, 473)
    assert seen.change == "80 never seen: kept"
    assert (known.rows, known.kept) == (336, 473)
    assert known.change.startswith("57 without one: ")


def test_of_intervals_only_rows_are_counted(help_like: Result) -> None:
    kept = with_follow_up(help_like, ("exposed", 250, 236), ("unexposed", 143, 143))
    last = flow_steps(kept)[-1]
    assert last.persons is None
    assert last.change.startswith("14 intervals without one: ")
    assert attrition_flow(kept).table.rows[-1][2:] == ("–", "379")


def test_outcomes_put_in_are_called_what_they_are(help_like: Result) -> None:
    arms = (("exposed", 250, 236), ("unexposed", 143, 143))
    assert help_like.crude.n == help_like.attrition[-1].rows
    assert flow_steps(with_follow_up(help_like, *arms))[-1].change.endswith(": imputed")
    counted = {"missing outcomes counted as use": "14 of 250 exposed"}
    used = with_follow_up(help_like, *arms, missing=counted)
    assert flow_steps(used)[-1].change.endswith(": counted as use")


def test_a_hidden_count_adds_no_step(help_like: Result) -> None:
    hidden = with_follow_up(help_like, ("exposed", 250, "<10"), ("unexposed", 143, 100))
    assert len(flow_steps(hidden)) == len(help_like.attrition)


def test_the_page_says_lost_only_of_those_lost(help_like: Result) -> None:
    text = written([attrition_flow(help_like)], 3, {})
    assert '<span class="lost nobody">116 persons outside the population</span>' in text
    assert '<span class="lost">47 persons lost</span>' in text


def test_the_steps_of_a_run_are_told_by_their_words(tmp_path: Path) -> None:
    path = tmp_path / "kept.yaml"
    path.write_text(SPEC, encoding="utf-8")
    result = run(load_analysis(path))
    said = {one.name: one.change for one in flow_steps(result)}
    assert result.crude.n < result.attrition[-1].rows
    restricted = next(name for name in said if "@start" in name)
    assert said[restricted].endswith("persons not eligible")
    lacking = result.attrition[-1].rows - result.crude.n
    assert said["outcome known"] == f"{lacking} without one: kept, weighed for or predicted"

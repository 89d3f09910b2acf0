"""Subgroups from the specification to the report: what is refused, estimated, hidden and said."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from causal.cli import OK, main
from causal.errors import SpecError, TimingError
from causal.inference import two_sided_p
from causal.pipeline import estimate, run
from causal.planning import Plan, plan_analysis
from causal.registry import chosen_options, describe, load_cohort
from causal.report.blocks import Number, shown
from causal.report.page import report_page
from causal.report.subgroup_summary import subgroup_sentences, summary_table
from causal.report.tables import tables
from causal.result import (
    ContrastBlock,
    DifferenceBlock,
    InteractionTestBlock,
    Reason,
    Result,
    dump,
    load,
)
from causal.spec import load_analysis

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
SAME = 1e-12
"""The same rows, regressions and streams."""

HEAD = f"""\
question: Does the difference differ?
dataset: simulated
options: {{n: 900, seed: 3}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {DAGS}/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - name: full
    adjust: [severity, motivation]
    estimator: {{kind: g_computation}}
  - name: crossed
    adjust: [severity, motivation]
    estimator: {{kind: aipw, cross_fit: {{folds: 3, repeats: 2}}}}
seed: 1
"""
LAGGED = f"""\
question: Does the difference differ?
dataset: simulated
options: {{scenario: reverse_only, n: 500, seed: 3}}
design:
  kind: lagged_intervals
  exposure: mhg_weekly
  outcome: drug_use
chosen: after_estimates
dag: {DAGS}/relapse.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [prior_attendance], estimator: {{kind: g_computation}}}}
seed: 1
"""
OPIOID = "{column: opioid, at: baseline, levels: {other: [0], opioid: [1]}, reason: medication}"
SCORE = (
    "{column: severity_score, at: baseline, cuts: {mild: {high: -0.5}, middle: {low: -0.49, "
    "high: 0.5}, severe: {low: 0.51}}, reason: severity}"
)
START = "{column: drug_use, at: start, levels: {clean: [0], using: [1]}, reason: state}"


def specified(tmp_path: Path, head: str, *subgroups: str, more: str = "") -> Path:
    path = tmp_path / "made.yaml"
    listed = "".join(f"  - {one}\n" for one in subgroups)
    path.write_text(f"{head}subgroups:\n{listed}{more}", encoding="utf-8")
    return path


def result(tmp_path: Path, head: str, *subgroups: str, more: str = "") -> Result:
    return run(load_analysis(specified(tmp_path, head, *subgroups, more=more)))


def planned(path: Path) -> Plan:
    return plan_analysis(load_analysis(path), describe("simulated"))


def given(found: DifferenceBlock | Reason) -> DifferenceBlock:
    assert isinstance(found, DifferenceBlock)
    return found


@pytest.mark.parametrize(
    ("head", "subgroup", "restrict", "rungs"),
    [
        (HEAD, OPIOID, "{column: opioid, at: baseline", ["full"]),
        (HEAD, OPIOID[:-1] + ", rungs: [crossed]}", "{column: opioid, at: baseline", ["crossed"]),
        (HEAD + "weights: persons\n", OPIOID, "{column: opioid, at: baseline", ["crossed"]),
        (LAGGED, START, "{column: drug_use, at: start", ["full"]),
    ],
)
def test_a_level_is_what_the_variant_restricted_to_it_gives(
    tmp_path, head, subgroup, restrict, rungs
):
    more = "variants:\n" + "".join(
        f"  - {{name: only_{value}, reason: level, rungs: [{rungs[0]}], restrict: "
        f"[{restrict}, low: {value}, high: {value}, reason: level}}]}}\n"
        for value in (0, 1)
    )
    subgroup = subgroup if "rungs" in subgroup else f"{subgroup[:-1]}, rungs: [{rungs[0]}]}}"
    found = result(tmp_path, head, subgroup, more=more)
    (block,) = found.subgroups
    for level, variant in zip(block.levels, found.variants, strict=True):
        crude, adjusted = variant.rungs
        assert level.n == adjusted.n
        assert level.n_clusters == adjusted.n_clusters
        for one, other in ((given(level.crude), crude), (given(level.adjusted), adjusted)):
            assert one.estimate == pytest.approx(other.estimate, abs=SAME)
            assert one.std_error == pytest.approx(other.std_error, abs=SAME)
            assert one.interval == pytest.approx(other.interval, abs=SAME)


def test_tests_are_corrected_for_the_number_of_subgroups_within_a_rung(tmp_path):
    both = [one[:-1] + ", rungs: [full, crossed]}" for one in (OPIOID, SCORE)]
    found = result(tmp_path, HEAD, *both)
    assert [(one.column, one.rung) for one in found.subgroups] == [
        ("opioid", "full"), ("opioid", "crossed"),
        ("severity_score", "full"), ("severity_score", "crossed"),
    ]  # fmt: skip
    for rung in ("full", "crossed"):
        tests = [one.test for one in found.subgroups if one.rung == rung]
        assert all(isinstance(one, InteractionTestBlock) for one in tests)
        small, large = sorted(tests, key=lambda one: one.p_value)
        assert [one.tests for one in tests] == [2, 2]
        assert small.p_holm == pytest.approx(min(1, 2 * small.p_value))
        assert large.p_holm == pytest.approx(max(small.p_holm, large.p_value))
    assert [one.test.df for one in found.subgroups] == [1, 1, 2, 2]


def test_rows_in_no_level_are_counted(tmp_path):
    found = result(tmp_path, HEAD, SCORE)
    (block,) = found.subgroups
    assert block.outside + sum(one.n for one in block.levels) == found.crude.n
    assert block.outside > 0
    text = report_page(found, ["tables/subgroups.csv"])
    assert f"{block.outside} rows are in no level" in text


def test_small_cells_hide_the_counts_that_would_give_them_by_subtraction(tmp_path):
    rare = OPIOID.replace("column: opioid", "column: black")
    specification = load_analysis(specified(tmp_path, HEAD, rare))
    plan = plan_analysis(specification, describe("simulated"))
    cohort = load_cohort("simulated", chosen_options(plan.info, plan.analysis.options))
    (open_,) = estimate(plan, cohort).subgroups
    cell = min(one.exposed for one in open_.levels) + 1
    (hidden,) = estimate(plan, replace(cohort, min_cell=cell)).subgroups
    counts = [c for one in hidden.levels for c in (one.n, one.exposed, one.unexposed)]
    assert set(counts) <= {f"<{cell}", f">={cell}"}
    assert f"<{cell}" in counts
    refused = [one.adjusted for one in hidden.levels if one.exposed == f"<{cell}"]
    assert all(isinstance(one, Reason) for one in refused)
    assert str(cell - 1) not in " ".join(one.not_estimable for one in refused)


def test_what_narrows_a_level_does_not_tell_how_few_are_left_out(tmp_path):
    """Of 72 of 73 exposed rows one person is without a match."""
    caliper = HEAD.replace(
        "estimator: {kind: g_computation}",
        "estimator: {kind: matching, target: ATT, caliper: 0.2}",
    )
    specification = load_analysis(specified(tmp_path, caliper, OPIOID))
    plan = plan_analysis(specification, describe("simulated"))
    cohort = load_cohort("simulated", chosen_options(plan.info, plan.analysis.options))
    cell = 40
    plain, held = (estimate(plan, replace(cohort, min_cell=one)) for one in (0, cell))
    notes = [one.narrowed for block in plain.subgroups for one in block.levels]
    notes.append(plain.rung("full").target_note)
    left_out = [
        int(found[2]) - int(found[1])
        for found in (re.match(r"among the (\d+) of (\d+) exposed", one) for one in notes)
        if found
    ]
    assert left_out
    assert max(left_out) < cell
    said = [one.narrowed for block in held.subgroups for one in block.levels]
    said.append(held.rung("full").target_note)
    assert "among some of the exposed rows that have a match (caliper)" in said
    assert not any(re.search(r"\d+ of \d+", one) for one in said)


REFUSED = [
    (OPIOID.replace("baseline", "end"), SpecError, "after exposure began"),
    (OPIOID.replace("opioid, at", "opiod, at"), SpecError, "mean 'opioid'"),
    (OPIOID.replace("[1]", "[0]"), SpecError, "levels must not share rows"),
    (OPIOID.replace("[1]", "[2]"), SpecError, "does not have"),
    (OPIOID.replace("[1]", "['yes']"), SpecError, "holds numbers"),
    (OPIOID.replace("other: [0], ", ""), SpecError, "nothing to be compared with"),
    (OPIOID.replace("levels: {other: [0], opioid: [1]}, ", ""), SpecError, "levels .* or cuts"),
    (OPIOID[:-1] + ", rungs: [crude]}", SpecError, "is crude"),
    (OPIOID[:-1] + ", rungs: [ful]}", SpecError, "mean 'full'"),
    (OPIOID[:-1] + ", smallest_arm: 1}", SpecError, "greater than or equal to 2"),
    (SCORE.replace("-0.49", "-0.5"), SpecError, "'mild' and 'middle' share values"),
    (SCORE.replace("{high: -0.5}", "{}"), SpecError, "needs low or high"),
    (SCORE.replace("severity_score", "site"), SpecError, "cannot be cut"),
    (SCORE.replace("severity_score", "person_id"), SpecError, "has no levels"),
]


@pytest.mark.parametrize(("subgroup", "error", "said"), REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, subgroup, error, said):
    path = specified(tmp_path, HEAD, subgroup)
    with pytest.raises(error, match=rf"made\.yaml:\d+: subgroups\[0\].*{said}"):
        planned(path)


@pytest.mark.parametrize(
    ("subgroup", "said"),
    [
        (
            OPIOID.replace("opioid, at", "abstinent, at"),
            "'abstinent' is not known at baseline of any of the .* rows.*Say at: start if it is",
        ),
        (
            SCORE.replace("low: 0.51", "low: 51"),
            r"no row is in level 'severe' of 'severity_score' at baseline \(51 or more\); there "
            "it is -.*Mend the level",
        ),
        (
            "{column: wave, at: baseline, levels: {first: [0], ninth: [9]}, reason: wave}",
            r"level 'ninth' of 'wave' at baseline \(9\); \d+ rows have other values",
        ),
    ],
)
def test_a_column_never_known_or_a_level_without_rows_is_refused(tmp_path, subgroup, said):
    path = specified(tmp_path, HEAD, OPIOID, subgroup)
    with pytest.raises(SpecError, match=rf"made\.yaml:\d+: subgroups\[1\].*{said}"):
        run(load_analysis(path))


def test_a_variant_without_rows_of_a_level_is_run(tmp_path):
    only = (
        "variants:\n  - {name: only, reason: level, rungs: [full], restrict: [{column: opioid, "
        "at: baseline, low: 1, high: 1, reason: level}]}\n"
    )
    found = result(tmp_path, HEAD, OPIOID, more=only)
    assert found.variants[0].rungs[0].n == found.subgroups[0].levels[1].n


def test_a_rung_with_instruments_is_refused(tmp_path):
    instrumented = HEAD.replace(
        "seed: 1\n",
        "  - {name: moved, adjust: [severity], instrument: facilitation, estimator: {kind: iv}}\n"
        "seed: 1\n",
    )
    path = specified(tmp_path, instrumented, OPIOID[:-1] + ", rungs: [moved]}")
    with pytest.raises(SpecError, match="rests on instruments"):
        planned(path)


def test_first_stages_and_intention_to_treat_are_estimated_within_levels(tmp_path):
    """Neither rests on strength; each is the difference of two means within the level."""
    instrumented = HEAD.replace(
        "seed: 1\n",
        "  - {name: first, instrument: facilitation, estimator: {kind: first_stage}}\n"
        "  - {name: itt, instrument: facilitation, estimator: {kind: itt}}\nseed: 1\n",
    )
    path = specified(tmp_path, instrumented, OPIOID[:-1] + ", rungs: [first, itt]}")
    specification = load_analysis(path)
    plan = plan_analysis(specification, describe("simulated"))
    cohort = load_cohort("simulated", chosen_options(plan.info, specification.analysis.options))
    result = estimate(plan, cohort)
    table = cohort.table
    wave = {w: table[table["wave"] == w].set_index("person_id") for w in (0, 6, 12)}
    z, opioid = wave[0]["facilitation"], wave[0]["opioid"]
    for block, column in zip(
        result.subgroups, (wave[6]["mhg_weekly"], wave[12]["abstinent"]), strict=True
    ):
        for one in block.levels:
            here = opioid == float(one.values)
            with_, without = here & (z == 1), here & (z == 0)
            expected = column[with_].mean() - column[without].mean()
            assert one.adjusted.estimate == pytest.approx(expected)
            assert (one.unexposed, one.exposed) == (without.sum(), with_.sum())
            assert "the crude difference is one" in one.crude.not_estimable
    page = report_page(result, ())
    assert "| Level | n | Instrument 1 / 0 |" in page
    assert "differences are in the exposure, for a unit of the instrument" in page


def test_the_same_column_twice_is_refused(tmp_path):
    specification = load_analysis(specified(tmp_path, HEAD, OPIOID, OPIOID))
    with pytest.raises(SpecError, match="stands twice"):
        plan_analysis(specification, describe("simulated"))


def test_a_column_known_only_after_exposure_is_refused(tmp_path):
    head = (DAGS.parent / "help_drug_use.yaml").read_text(encoding="utf-8")
    head = head.split("refuters:")[0].replace("dag: dags/", f"dag: {DAGS}/") + "seed: 1\n"
    late = "{column: linked_admin, at: baseline, levels: {no_: [0], yes_: [1]}, reason: linkage}"
    specification = load_analysis(specified(tmp_path, head, late))
    with pytest.raises(TimingError, match="'linked_admin' measures linkage, which is known only"):
        plan_analysis(specification, describe("help_cohort"))


def test_an_exposure_reported_at_baseline_is_no_subgroup_of_itself(tmp_path):
    head = HEAD.replace("exposure_wave: 6", "exposure_wave: 0")
    own = OPIOID.replace("column: opioid", "column: mhg_weekly")
    specification = load_analysis(specified(tmp_path, head, own))
    with pytest.raises(TimingError, match="is the exposure itself"):
        plan_analysis(specification, describe("simulated"))


def test_the_command_line_writes_levels_into_results_report_and_table(tmp_path, capsys):
    path = specified(tmp_path, HEAD + "headline: crossed\n", OPIOID)
    assert main(["run", str(path), "--out", str(tmp_path / "reports")]) == OK
    folder = tmp_path / "reports" / "made"
    found = load(folder / "results.json")
    assert [one.name for one in found.subgroups[0].levels] == ["other", "opioid"]
    text = (folder / "report.md").read_text(encoding="utf-8")
    section = text.split("## 7.")[1].split("\n## 8.")[0]
    assert "### By subgroup" in section
    short, _, rest = text.partition("<summary>The same at length</summary>")
    assert re.search(r"\*\*By subgroup\.\*\* By `opioid` .*\n\n\| Subgroup, at baseline \|", short)
    assert "By subgroup" not in rest.split("</details>")[0]
    assert "a difference in significance is no significant difference" in section
    assert "declared before any estimate was seen" in section
    lines = (folder / "tables" / "subgroups.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert [row["level"] for row in rows] == ["other", "opioid"]
    level = given(found.subgroups[0].levels[1].adjusted)
    assert float(rows[1]["adjusted_estimate"]) == level.estimate
    assert main(["why", str(folder), "/subgroups/0/levels/1/adjusted/estimate"]) == OK
    assert "column: opioid" in capsys.readouterr().out
    assert main(["verify", str(folder), "--analyses", str(tmp_path)]) == OK


def test_the_sentence_follows_the_corrected_test_and_never_claims_sameness(tmp_path):
    found = result(tmp_path, HEAD, OPIOID)
    (block,) = found.subgroups
    for p, said, unsaid in (
        (0.4, "do not tell the differences of the levels apart", "further apart than"),
        (0.02, "further apart than chance alone", "no evidence"),
    ):
        changed = block.model_copy(update={"test": block.test.model_copy(update={"p_holm": p})})
        text = report_page(found.model_copy(update={"subgroups": [changed]}), [])
        first = text.split("</details>")[0]
        assert said in text
        assert ("no evidence that differences are the same" in first) == (p == 0.4)
        assert ("By `opioid` differences are further apart than chance" in first) == (p == 0.02)
        assert unsaid not in text.split("## 7.")[1].split("## 8.")[0]
        contrast = given(block.levels[1].interaction)
        assert re.search(r"Contrast with `other`, adjusted: \S+ points in `opioid`", text)
        assert contrast.interval[0] < contrast.interval[1]


def test_the_first_page_has_one_line_of_a_table_a_subgroup(tmp_path):
    """Tests and contrasts stand there once; the sentences on each are in section 7 only."""
    black = OPIOID.replace("opioid", "black")
    both = OPIOID[:-1] + ", rungs: [full, crossed]}"
    found = result(tmp_path, HEAD + "headline: full\n", both, SCORE, black)
    table = summary_table(found)
    assert table.header[0] == "Subgroup, at baseline"
    assert table.header[2] == "Contrast, adjusted, points (95 % CI)"
    shown = [[one.text if isinstance(one, Number) else one for one in row] for row in table.rows]
    blocks = [one for one in found.subgroups if one.rung == "full"]
    assert [row[0] for row in shown] == ["`opioid`", "`severity_score`", "`black`"]
    assert shown[0][1] == "`opioid` against `other`"
    assert shown[1][1] == "`middle`, `severe` against `mild`"
    assert re.fullmatch(
        r"\S+ \(\S+ to \S+\) in `middle`; \S+ \(\S+ to \S+\) in `severe`", shown[1][2]
    )
    for row, block in zip(shown, blocks, strict=True):
        assert row[3:] == [f"{block.test.p_value:.3f}", f"{block.test.p_holm:.3f}"]
    for row in table.rows:
        for cell in row[2:]:
            at = found.model_dump(mode="json")
            for part in cell.pointer.strip("/").split("/"):
                at = at[int(part)] if isinstance(at, list) else at[part]
            assert isinstance(at, float)


def test_first_stages_and_what_is_not_compared_stand_in_the_table_too(tmp_path):
    found = result(tmp_path, HEAD, OPIOID, SCORE)
    first, second = found.subgroups
    bare = Reason(not_estimable="no level could be estimated")
    levels = [one.model_copy(update={"interaction": bare}) for one in first.levels]
    changed = [first.model_copy(update={"test": bare, "levels": levels}), second]
    changed[1] = second.model_copy(update={"at": "start"})
    other = found.model_copy(update={"subgroups": changed})
    table = summary_table(other)
    assert table.header[0] == "Subgroup"
    assert table.rows[0] == ("`opioid` at baseline", "`other`, `opioid`", "–", "–", "–")
    assert table.rows[1][0] == "`severity_score` at start"
    assert "By `opioid` levels are not compared." in " ".join(subgroup_sentences(other))


def test_levels_that_cannot_be_compared_say_why(tmp_path):
    few = OPIOID[:-1] + ", smallest_arm: 400}"
    found = result(tmp_path, HEAD, few)
    text = report_page(found, [])
    assert "levels are not compared, since no level could be estimated" in text
    assert "fewer than 400 rows" in text
    assert len(next(csv.DictReader(io.StringIO(tables(found)["subgroups.csv"].decode())))) > 20


def test_documents_from_before_subgroups_still_load(tmp_path):
    found = result(tmp_path, HEAD, OPIOID)
    path = tmp_path / "results.json"
    old = found.model_dump(mode="json")
    old.pop("subgroups")
    path.write_text(dump(Result.model_validate(old)), encoding="utf-8")
    assert load(path).subgroups == []
    assert "By subgroup" not in report_page(load(path), [])


CROSSED = (
    "{columns: {female: {levels: {men: [0], women: [1]}}, severity_score: {cuts: {mild: {high: 0}, "
    "severe: {low: 0.001}}}}, at: baseline, reason: both}"
)


def test_crossed_columns_make_every_combination_a_level(tmp_path):
    found = result(tmp_path, HEAD, CROSSED, more="")
    (block,) = found.subgroups
    assert block.column == "female × severity_score"
    names = ["men_mild", "men_severe", "women_mild", "women_severe"]
    assert [one.name for one in block.levels] == names
    assert block.levels[3].values == "female 1; severity_score 0.001 or more"
    options = chosen_options(describe("simulated"), {"n": 900, "seed": 3})
    table = load_cohort("simulated", options, None).table
    first = table[table["wave"] == 0]
    women = first[first["female"] == 1]
    assert block.levels[2].n == int((women["severity_score"] <= 0).sum())
    assert sum(one.n for one in block.levels) + block.outside == 900
    assert block.test.df == 3


def test_contrasts_are_corrected_for_all_of_the_rung(tmp_path):
    found = result(tmp_path, HEAD, OPIOID, SCORE)
    contrasts = [
        one.interaction
        for block in found.subgroups
        for one in block.levels
        if isinstance(one.interaction, ContrastBlock)
    ]
    assert [one.contrasts for one in contrasts] == [3, 3, 3]
    raw = sorted(one.p_value for one in contrasts)
    for one in contrasts:
        assert one.p_value == pytest.approx(two_sided_p(one.estimate / one.std_error), rel=1e-9)
    assert min(one.p_holm for one in contrasts) == pytest.approx(min(1.0, 3 * raw[0]))
    page = report_page(found, [])
    assert "by Holm for 3 contrasts" in page
    assert "| p by Holm |" in page


@pytest.mark.parametrize(
    ("crossed", "said"),
    [
        (CROSSED.replace("{columns", "{column: opioid, columns"), "say either column"),
        (
            "{columns: {female: {levels: {men: [0], women: [1]}}}, at: baseline, reason: both}",
            "columns crosses two or more",
        ),
        (CROSSED.replace("at: base", "levels: {a: [1], b: [2]}, at: base"), "said of each column"),
        (CROSSED.replace("female", "femail"), "femail"),
        (CROSSED.replace("women: [1]", "women: [7]"), "does not have"),
        (
            "{columns: {female: {levels: {a: [0], a_b: [1]}}, opioid: {levels: {b_c: [0], c: "
            "[1]}}}, at: baseline, reason: both}",
            "two combinations have the same name",
        ),
    ],
)
def test_crossings_that_cannot_be_are_refused(tmp_path, crossed, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        plan_analysis(load_analysis(specified(tmp_path, HEAD, crossed)), describe("simulated"))


def test_the_same_crossing_in_another_order_stands_twice(tmp_path):
    other = (
        "{columns: {opioid: {levels: {no: [0], yes: [1]}}, female: {levels: {men: [0], women: [1]}}"
        "}, at: baseline, reason: one}"
    )
    again = (
        "{columns: {female: {levels: {men: [0], women: [1]}}, opioid: {levels: {no: [0], yes: [1]}}"
        "}, at: baseline, reason: two}"
    )
    with pytest.raises(SpecError, match="stands twice among the subgroups"):
        plan_analysis(load_analysis(specified(tmp_path, HEAD, other, again)), describe("simulated"))


def test_small_combinations_are_said_together(tmp_path):
    found = result(tmp_path, HEAD.replace("n: 900", "n: 260"), CROSSED)
    page = report_page(found, [])
    (block,) = found.subgroups
    hidden = [one.name for one in block.levels if isinstance(one.adjusted, Reason)]
    assert hidden
    assert ", ".join(f"`{name}`" for name in hidden) + ": An arm has fewer than 20" in page


def test_the_first_page_says_how_many_levels_could_be_estimated(tmp_path):
    found = result(tmp_path, HEAD + "headline: full\n", OPIOID)
    block = found.subgroups[0]
    assert "levels estimated" not in shown(summary_table(found).rows[0][1])
    none = block.levels[1].model_copy(update={"adjusted": Reason(not_estimable="too few rows")})
    more = block.model_copy(update={"levels": [*block.levels, none, none]})
    other = found.model_copy(update={"subgroups": [more, *found.subgroups[1:]]})
    assert shown(summary_table(other).rows[0][1]).endswith("(2 of 4 levels estimated)")

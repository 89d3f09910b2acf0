"""Exploration from the specification to the report: refused, hidden, labelled, and kept behind."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from causal.errors import SpecError, TimingError
from causal.pipeline import estimate, run
from causal.planning import plan_analysis
from causal.registry import chosen_options, describe, load_cohort
from causal.report.page import report_page
from causal.report.tables import tables
from causal.result import Result, dump, load
from causal.result_heterogeneity import HeterogeneityBlock, RefusedHeterogeneityBlock
from causal.result_parts import Reason
from causal.spec import load_analysis

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
HEAD = f"""\
question: For whom?
dataset: simulated
options: {{n: 800, seed: 3}}
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
  - {{name: standardised, adjust: [severity, site], estimator: {{kind: g_computation}}}}
  - {{name: full, adjust: [severity, site, moud], estimator: {{kind: aipw}}}}
seed: 1
"""
LAGGED = f"""\
question: For whom?
dataset: simulated
options: {{scenario: reverse_only, n: 500, seed: 3}}
design: {{kind: lagged_intervals, exposure: mhg_weekly, outcome: drug_use}}
chosen: after_estimates
dag: {DAGS}/relapse.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [prior_attendance], estimator: {{kind: ipw}}}}
  - {{name: late, role: bracket, adjust: [prior_use, use_at_end], estimator: {{kind: ipw}}}}
seed: 1
"""
DOSE = f"""\
question: For whom?
dataset: help_cohort
population: drug_primary
design: {{kind: lagged_intervals, exposure: mhg_dose, outcome: drug_use}}
chosen: after_estimates
estimand: {{target: linear projection}}
dag: {DAGS}/cohort.yaml
ladder:
  - {{name: crude, estimator: {{kind: linear_probability}}}}
  - {{name: full, adjust: [demographics], estimator: {{kind: linear_probability}}}}
seed: 1
"""
ASKED = (
    "{kind: dr_learner, modifiers: [severity_score, site], groups: 2, divisions: 3, reason: ask}"
)


def specified(tmp_path: Path, asked: str, head: str = HEAD) -> Path:
    path = tmp_path / "made.yaml"
    path.write_text(f"{head}heterogeneity:\n  - {asked}\n", encoding="utf-8")
    return path


def explored(tmp_path: Path, asked: str = ASKED, head: str = HEAD) -> Result:
    return run(load_analysis(specified(tmp_path, asked, head)))


def refusal(tmp_path: Path, asked: str, head: str = HEAD) -> str:
    def plan() -> None:
        specification = load_analysis(specified(tmp_path, asked, head))
        plan_analysis(specification, describe(specification.analysis.dataset))

    with pytest.raises((SpecError, TimingError)) as raised:
        plan()
    assert "made.yaml" in str(raised.value)
    return str(raised.value)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return explored(tmp_path_factory.mktemp("explored"))


def test_a_factor_is_one_modifier_with_one_test(result: Result):
    (block,) = result.heterogeneity
    assert isinstance(block, HeterogeneityBlock)
    severity, site = block.modifiers
    assert (len(severity.terms), len(site.terms)) == (1, 9)
    assert (severity.test.df, site.test.df) == (1, 9)
    raw = sorted((severity.test.p_value, site.test.p_value))
    assert sorted((severity.p_holm, site.p_holm)) == pytest.approx(
        [min(2 * raw[0], 1), max(min(2 * raw[0], 1), raw[1])]
    )
    assert block.rung == "full"
    assert [one.n for one in block.groups] == [200, 200]


def test_the_report_keeps_it_behind_what_was_declared(result: Result):
    page = report_page(result, ["tables/heterogeneity.csv"])
    first, rest = page.split("\n## 1. The ladder", 1)
    assert "xplorat" not in first
    assert "dr_learner" not in first
    section = rest.split("### Exploratory: for whom")[1].split("\n## ")[0]
    assert "is a source of questions for the next study and no answer of this one" in section
    assert "Calibration slope (1 if predictions are right, 0 if noise)" in section
    assert "tables/heterogeneity.csv" in section


def test_every_number_is_in_the_table(result: Result):
    rows = list(csv.DictReader(io.StringIO(tables(result)["heterogeneity.csv"].decode())))
    assert [row["what"] for row in rows] == ["summary"] * 3 + ["modifier"] * 10 + ["group"] * 2
    assert {row["label"] for row in rows} == {"exploratory"}
    assert all(row["not_estimable"] or float(row["p_value"]) >= 0 for row in rows)


def test_the_document_is_read_back_and_the_same_seed_gives_the_same(result: Result, tmp_path: Path):
    path = tmp_path / "results.json"
    path.write_text(dump(result), encoding="utf-8")
    assert isinstance(load(path).heterogeneity[0], HeterogeneityBlock)
    again = explored(tmp_path)
    assert dump(again) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ASKED.replace("site]", "mhg_weekly]"), "does not adjust for the modifier 'mhg_weekly'"),
        (ASKED.replace("site]", "opioid]"), "does not adjust for the modifier 'opioid'"),
        (ASKED.replace("site]", "sight]"), "sight"),
        (ASKED.replace("site]", "severity_score]"), "stands twice"),
        (ASKED.replace("groups", "rung: crude, groups"), "is crude and has no propensity"),
        (ASKED.replace("groups", "rung: other, groups"), "'other' is not there"),
        (
            ASKED.replace("groups", "rung: standardised, groups"),
            "(g_computation) has no propensity",
        ),
        (ASKED.replace("divisions: 3", "divisions: 4"), "no median; take an odd number"),
    ],
)
def test_what_cannot_be_explored_is_refused(tmp_path: Path, asked: str, said: str):
    assert said in refusal(tmp_path, asked)


def test_what_a_bracket_knows_too_late_is_no_modifier(tmp_path: Path):
    asked = "{kind: dr_learner, rung: late, modifiers: [drug_use], reason: ask}"
    assert "known only after exposure begins" in refusal(tmp_path, asked, LAGGED)


def test_doses_and_imputations_are_refused(tmp_path: Path):
    imputing = HEAD + "missing: {covariates: multiple_imputation, outcome: complete_case}\n"
    assert "not pooled over imputations" in refusal(tmp_path, ASKED, imputing)
    asked = "{kind: dr_learner, modifiers: [age], reason: ask}"
    assert "'mhg_dose' is ordinal; doubly robust scores compare two exposures" in refusal(
        tmp_path, asked, DOSE
    )


def test_persons_with_several_rows_are_halved_as_persons(tmp_path: Path):
    asked = "{kind: dr_learner, modifiers: [mhg_weekly], groups: 2, divisions: 3, reason: ask}"
    (block,) = explored(tmp_path, asked, LAGGED).heterogeneity
    assert isinstance(block, HeterogeneityBlock)
    assert [one.terms[0].term for one in block.modifiers] == ["mhg_weekly@start"]


def test_small_cells_are_hidden_in_every_group(tmp_path: Path):
    specification = load_analysis(specified(tmp_path, ASKED.replace("groups: 2", "groups: 10")))
    plan = plan_analysis(specification, describe("simulated"))
    options = chosen_options(plan.info, plan.analysis.options)
    cohort = load_cohort("simulated", options, None)
    found = estimate(plan, replace(cohort, min_cell=15)).heterogeneity[0]
    assert found.smallest_arm == 20
    assert all(isinstance(one.n, str) for one in found.groups)
    hidden = [one for one in found.groups if isinstance(one.effect, Reason)]
    assert hidden
    assert all(one.means == [] and one.predicted is None for one in hidden)
    assert isinstance(found.spread, Reason)
    assert isinstance(found.groups_p, Reason)


def test_an_exploration_that_fails_says_why_and_stops_nothing(tmp_path: Path):
    head = HEAD.replace("seed: 3}", "seed: 3, attrition: true}").replace(
        "seed: 1", "missing: {outcome: keep}\nestimand: {target: ATO}\nseed: 1"
    )
    head = head.replace("{kind: aipw}", "{kind: propensity_regression}")
    found = explored(tmp_path, ASKED, head)
    (block,) = found.heterogeneity
    assert isinstance(block, RefusedHeterogeneityBlock)
    assert "not explored, since some rows have no outcome" in report_page(found, [])

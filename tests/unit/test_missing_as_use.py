"""Missing outcomes counted as use: who is counted, what is said of it, and what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.composing_labels import counted_as_use
from causal.errors import SpecError
from causal.missing_settings import MissingData
from causal.pipeline import estimate
from causal.planning import Plan, plan_analysis
from causal.registry import describe, load_cohort
from causal.report.caveats import caveats
from causal.sampling import draw_sample
from causal.spec import load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
SPEC = f"""
question: Does attendance go with use?
dataset: simulated
options: {{scenario: base, n: 700, seed: 1, attrition: true}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {ANALYSES}/dags/simulated.yaml
missing: MISSING
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [dag], estimator: {{kind: g_computation}}}}
headline: full
seed: 1
"""
AS_USE = "{outcome: as_use, use_value: 0}"
VARIANT = """
variants:
  - name: lost_used
    reason: The worst is thought of those lost.
    missing: {outcome: as_use, use_value: 0}
"""
INTERVALS = f"""
question: Does attendance go with use?
dataset: simulated
options: {{scenario: reverse_only, n: 300, seed: 1}}
design: {{kind: lagged_intervals, exposure: mhg_weekly, outcome: drug_use}}
chosen: before_estimates
dag: {ANALYSES}/dags/relapse.yaml
missing: MISSING
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: lagged, adjust: dag, estimator: {{kind: g_computation}}}}
seed: 1
"""


def planned(folder: Path, missing: str = AS_USE, text: str = SPEC) -> Plan:
    path = folder / "one.yaml"
    path.write_text(text.replace("MISSING", missing), encoding="utf-8")
    return plan_analysis(load_analysis(path), describe("simulated"))


def loaded(plan: Plan):
    return load_cohort("simulated", plan.analysis.options)


def test_everybody_due_is_kept_and_those_without_an_outcome_have_used(tmp_path):
    plan, kept = planned(tmp_path), planned(tmp_path, "{outcome: keep}")
    cohort = loaded(plan)
    counted, raw = draw_sample(cohort, plan), draw_sample(cohort, kept).sample
    lost = ~raw.observed
    assert 0 < lost.sum() < raw.n == counted.sample.n
    assert (counted.sample.y[lost] == 0).all()  # the outcome is abstinence: use is 0
    np.testing.assert_array_equal(counted.sample.y[~lost], raw.y[~lost])
    np.testing.assert_array_equal(counted.read.y, raw.y)  # as they were read
    last = counted.attrition[-1]
    assert last.step == "outcome known, or counted as use"
    assert last.reason == "abstinent, taken as 0 where missing"
    assert (last.persons, last.rows) == (raw.n, raw.n)


def test_the_numbers_of_each_arm_are_in_the_document_and_its_crude_means(tmp_path):
    plan = planned(tmp_path)
    cohort = loaded(plan)
    found = estimate(plan, cohort)
    sample = draw_sample(cohort, plan).read
    said = found.design.missing["missing outcomes counted as use"]
    expected = []
    for arm, name in ((1, "exposed"), (0, "unexposed")):
        here = sample.a == arm
        expected.append(f"{int((here & ~sample.observed).sum())} of {int(here.sum())} {name}")
    assert said == ", ".join(expected)
    assert "taken as 0, as if all who were due" in found.design.missing["outcome"]
    assert any("a convention, not a finding" in one for one in caveats(found))
    known = {one.arm: one.known for one in found.follow_up}
    assert known["exposed"] == int(((sample.a == 1) & sample.observed).sum())
    abstinent = np.nansum(sample.y[sample.a == 1]) / np.sum(sample.a == 1)
    assert found.crude.means[1] == pytest.approx(abstinent)


def test_a_variant_counts_as_use_beside_a_main_analysis_that_does_not(tmp_path):
    plan = planned(tmp_path, "{outcome: complete_case}", SPEC + VARIANT)
    cohort = loaded(plan)
    found = estimate(plan, cohort)
    (variant,) = found.variants
    lost = int((~draw_sample(cohort, planned(tmp_path)).read.observed).sum())
    said = re.fullmatch(
        r"The worst is thought of those lost\. Missing outcomes counted as use: "
        r"(\d+) of \d+ exposed, (\d+) of \d+ unexposed\.",
        variant.reason,
    )
    assert said is not None
    assert int(said[1]) + int(said[2]) == lost
    assert variant.rungs[0].n == found.crude.n + lost
    assert variant.rungs[0].estimate != found.crude.estimate


def test_small_cells_of_those_counted_are_hidden(tmp_path):
    plan = planned(tmp_path)
    shown = estimate(plan, loaded(plan)).design.missing["missing outcomes counted as use"]
    counts = [int(one) for one in re.findall(r"\d+", shown)]  # counted and all, of either arm
    cell = max(counts[::2]) + 1
    assert cell <= min(counts[1::2])  # the arms themselves may be published
    hidden = estimate(plan, replace(loaded(plan), min_cell=cell)).design.missing
    said = hidden["missing outcomes counted as use"]
    assert said.count(f"<{cell} of") == 2


def test_only_those_due_for_a_later_interview_are_counted(tmp_path):
    plan = planned(tmp_path, "{outcome: as_use, use_value: 1}", INTERVALS)
    cohort = loaded(plan)
    table, last = cohort.table, max(cohort.waves)
    persons = np.unique(table["person_id"])
    left = table["person_id"].isin(persons[::3]) & (table["wave"] == last)
    drawn = draw_sample(replace(cohort, table=table[~left]), plan)
    steps = [one.step for one in drawn.attrition]
    assert steps.index("an outcome was due") < steps.index("outcome known, or counted as use")
    due = next(one for one in drawn.attrition if one.step == "an outcome was due")
    before = drawn.attrition[drawn.attrition.index(due) - 1]
    assert due.rows < before.rows  # the last wave: nobody was to ask for an outcome after it
    assert drawn.sample.n <= due.rows
    assert drawn.sample.observed.all()
    lost = ~drawn.read.observed
    assert lost.sum() == left.sum()  # one interval each: that before the interview not held
    assert (drawn.sample.y[lost] == 1).all()


def test_covariates_can_be_imputed_beside_it(tmp_path):
    how = "{outcome: as_use, use_value: 0, covariates: multiple_imputation, imputation: {m: 2}}"
    plan = planned(tmp_path, how)
    cohort = loaded(plan)
    table = cohort.table.copy()
    hole = np.random.default_rng(3).random(len(table)) < 0.2
    table["severity_score"] = table["severity_score"].where(~hole)
    drawn = draw_sample(replace(cohort, table=table), plan, every_imputation=True)
    assert len(drawn.samples) == 2
    for one in drawn.samples:
        assert not np.isnan(one.x).any()
        assert (one.y[~drawn.read.observed] == 0).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"outcome": "as_use"}, "say which value that is: use_value: 1 where the outcome is use"),
        ({"use_value": 1}, "use_value is for outcome: as_use"),
        ({"outcome": "as_use", "use_value": 2}, "Input should be 0 or 1"),
    ],
)
def test_the_value_of_use_must_be_said(settings, said):
    with pytest.raises(ValidationError, match=said):
        MissingData(**settings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace("outcome: abstinent", "outcome: motivation_score"),
            r"missing\.outcome.*as_use is for 0/1 outcomes, and 'motivation_score' is",
        ),
        (
            lambda text: text + "sensitivity: [{kind: tipping_point}]\n",
            r"leaves no outcome open, which tipping_point would look at. Say as_use in a variant",
        ),
    ],
)
def test_what_it_cannot_be_combined_with_is_refused(tmp_path, change, said):
    with pytest.raises(SpecError, match=said):
        planned(tmp_path, text=change(SPEC))


@pytest.mark.parametrize(
    ("exposure_kind", "levels", "said"),
    [
        ("arms", ("none", "lodge"), "2 of 3 in lodge, 1 of 2 in none"),
        ("dose", (), "3 of 5 rows"),
    ],
)
def test_several_arms_are_counted_by_name_and_doses_together(
    confounded, exposure_kind, levels, said
):
    base = confounded(n=5)
    read = replace(
        base,
        a=np.array([1.0, 1.0, 1.0, 0.0, 0.0]),
        y=np.array([np.nan, 0.0, np.nan, 1.0, np.nan]),
        exposure_kind=exposure_kind,
        levels=levels,
    )
    missing = MissingData(outcome="as_use", use_value=1)
    plan = SimpleNamespace(analysis=SimpleNamespace(missing=missing))
    assert counted_as_use(plan, SimpleNamespace(read=read), 0) == said

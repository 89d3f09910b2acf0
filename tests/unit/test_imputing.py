"""Imputation from a specification to a result: who takes part, what is said and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causal.assailing import check_assaults
from causal.cohort import Cohort
from causal.errors import SpecError
from causal.imputation.rungs import COSTS
from causal.pipeline import estimate
from causal.planning import Plan, plan_analysis
from causal.registry import describe, load_cohort
from causal.result import Remaining
from causal.sampling import draw_sample
from causal.spec import load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
SPEC = f"""
question: Does attendance go with abstinence?
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
  - {{name: weighted, adjust: [dag], estimator: {{kind: ipw}}}}
headline: full
seed: 1
"""
COVARIATES = "{covariates: multiple_imputation, imputation: {m: 3, iterations: 3}}"
INTERVALS = f"""
question: Does attendance go with use?
dataset: simulated
options: {{scenario: reverse_only, n: 300, seed: 1}}
design: {{kind: lagged_intervals, exposure: mhg_weekly, outcome: drug_use}}
chosen: before_estimates
dag: {ANALYSES}/dags/relapse.yaml
missing: {{updated: multiple_imputation, imputation: {{m: 2, iterations: 2}}}}
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: lagged, adjust: dag, estimator: {{kind: g_computation}}}}
seed: 1
"""


def planned(folder: Path, missing: str = COVARIATES, text: str = SPEC) -> Plan:
    path = folder / "one.yaml"
    path.write_text(text.replace("MISSING", missing), encoding="utf-8")
    specification = load_analysis(path)
    return plan_analysis(specification, describe("simulated"))


def cohort_of(plan: Plan, **holes: float) -> Cohort:
    """Load the cohort and lose a share of each column named, at random."""
    cohort = load_cohort("simulated", plan.analysis.options)
    table, rng = cohort.table.copy(), np.random.default_rng(3)
    for column, share in holes.items():
        table[column] = table[column].where(rng.random(len(table)) >= share)
    return replace(cohort, table=table)


def holed(plan: Plan) -> Cohort:
    return cohort_of(plan, severity_score=0.25, moud=0.15)


def test_what_imputing_costs_is_told_of_every_rung_and_pooled_into_its_interval(tmp_path):
    plan = planned(tmp_path)
    result = estimate(plan, holed(plan))
    told = {(one.rung, one.name): one for one in result.diagnostics if one.name in COSTS}
    for rung in ("full", "weighted"):
        assert 0 < told[rung, "fraction_missing_information"].value < 1
        assert 2 < told[rung, "share_imputation_df"].value <= told[rung, "imputation_df"].value
        assert "over 3 imputations" in told[rung, "imputation_df"].reason
    assert told["crude", "fraction_missing_information"].value == 0  # it uses nothing imputed
    persons = result.crude.n - 1  # complete-data degrees of freedom, as of the other rungs
    left = (persons + 1) / (persons + 3) * persons
    assert told["crude", "imputation_df"].value == pytest.approx(left, rel=1e-12)
    one = result.rung("full")
    width = (one.interval[1] - one.interval[0]) / 2
    assert width > 1.96 * one.std_error  # Student's t
    assert isinstance(one.remaining, Remaining)
    checks = [one for one in result.diagnostics if one.name == "smd"]
    assert all("imputation 1 of 3" in one.reason for one in checks)


def test_the_document_says_what_was_imputed_and_how_much(tmp_path):
    plan = planned(tmp_path)
    said = estimate(plan, holed(plan))
    assert said.design.missing["covariates"] == "multiple imputation"
    assert said.design.missing["imputation"].startswith("3 chains of 3 rounds")
    assert "first imputation alone" in said.design.missing["one imputation"]
    assert "left out after that" in said.design.missing["outcome"]
    filled = {one.term: one.filled for one in said.covariates}
    assert filled["severity_score"] > 50
    assert filled["motivation_score"] == 0


def test_with_nothing_to_impute_nothing_is_said_to_be_pooled(tmp_path):
    plan = planned(tmp_path)
    result = estimate(plan, cohort_of(plan))
    said = result.design.missing
    assert said["imputation"].startswith("nothing was missing: one sample is analysed")
    assert not {"pooling", "one imputation"} & set(said)
    texts = [one.reason for one in result.refutations] + [
        one.sentence for one in result.sensitivity
    ]
    assert not any("imputations" in one for one in texts)
    assert not {one.name for one in result.diagnostics} & set(COSTS)


def test_rows_without_an_outcome_help_to_impute_and_are_then_left_out(tmp_path):
    plan = planned(tmp_path)
    cohort = holed(plan)
    drawn = draw_sample(cohort, plan, every_imputation=True)
    assert drawn.attrition[-1].step == "outcome known"
    assert drawn.attrition[-2].rows == 700 > drawn.attrition[-1].rows == drawn.sample.n
    assert drawn.sample.observed.all()
    assert len(drawn.samples) == 3
    assert all(not np.isnan(one.x).any() for one in drawn.samples)
    early = cohort.table["wave"] < 12  # without those rows the donors are others
    unseen = cohort.table.loc[cohort.table["abstinent"].isna() & ~early, "person_id"]
    fewer = replace(cohort, table=cohort.table[~cohort.table["person_id"].isin(unseen)])
    alone = draw_sample(fewer, plan).sample
    assert alone.n == drawn.sample.n
    assert (alone.x != drawn.sample.x).any()


def test_kept_outcomes_stay_missing_and_imputed_ones_do_not(tmp_path):
    keeping = planned(tmp_path, COVARIATES.replace("{", "{outcome: keep, ", 1))
    kept = draw_sample(holed(keeping), keeping).sample
    assert 0 < (~kept.observed).sum() < kept.n == 700
    imputing = planned(tmp_path, COVARIATES.replace("{", "{outcome: multiple_imputation, ", 1))
    drawn = draw_sample(holed(imputing), imputing)
    assert drawn.sample.observed.all()
    np.testing.assert_array_equal(drawn.read.y, kept.y)
    assert set(np.unique(drawn.sample.y)) == {0.0, 1.0}
    result = estimate(imputing, holed(imputing))
    lost = int((~kept.observed).sum())
    assert result.design.missing["outcome"] == f"multiple imputation, in {lost} of 700 rows"
    assert sum(one.known for one in result.follow_up) == 700 - lost


def test_an_exposure_is_imputed_only_where_that_is_said(tmp_path):
    plan = planned(tmp_path)
    cohort = cohort_of(plan, mhg_weekly=0.1)
    with pytest.raises(SpecError, match=r"'mhg_weekly' is missing.*multiple_imputation to impute"):
        draw_sample(cohort, plan)
    plan = planned(tmp_path, COVARIATES.replace("{", "{exposure: multiple_imputation, ", 1))
    drawn = draw_sample(cohort_of(plan, mhg_weekly=0.1, moud=0.1), plan)
    assert drawn.sample.entered.all()
    assert (~drawn.read.entered).sum() > 0
    assert set(np.unique(drawn.sample.a)) == {0.0, 1.0}


def test_nothing_missing_gives_what_complete_cases_give(tmp_path):
    whole = SPEC.replace(", attrition: true", "")
    plain, imputing = planned(tmp_path, "{}", whole), planned(tmp_path, COVARIATES, whole)
    ours = estimate(imputing, cohort_of(imputing))
    theirs = estimate(plain, cohort_of(plain))
    assert ours.rungs == theirs.rungs
    assert ours.covariance == theirs.covariance


def test_numbers_depend_neither_on_processes_nor_on_the_order_of_the_table(tmp_path):
    plan = planned(tmp_path)
    cohort = holed(plan)
    one, two = (estimate(plan, cohort, jobs=jobs) for jobs in (1, 2))
    assert one == two
    turned = replace(
        cohort,
        table=cohort.table.sort_values(
            ["person_id", "wave"], ascending=[False, True], ignore_index=True
        ),
    )
    again = draw_sample(turned, plan, every_imputation=True).samples[2]
    np.testing.assert_array_equal(
        again.x, draw_sample(cohort, plan, every_imputation=True).samples[2].x
    )


def test_auxiliaries_predict_and_are_adjusted_for_by_nothing(tmp_path):
    aside = COVARIATES.replace("m: 3", "m: 3, auxiliary: [true_severity, site]")
    plan, plain = planned(tmp_path, aside), planned(tmp_path)
    cohort = cohort_of(plan, severity_score=0.3)
    ours, theirs = (draw_sample(cohort, one).sample for one in (plan, plain))
    assert ours.terms == theirs.terms
    truth = load_cohort("simulated", plan.analysis.options).table
    first = truth.groupby("person_id", sort=False).head(1).sort_values("person_id")
    wrong = [
        np.mean((one.x_of("severity_score") - first["severity_score"][seen].to_numpy()) ** 2)
        for one in (ours, theirs)
        for seen in [np.isin(np.unique(first["person_id"], return_inverse=True)[1], one.unit)]
    ]
    assert wrong[0] < 0.6 * wrong[1]


def test_intervals_are_imputed_by_row_once_an_outcome_is_due(tmp_path):
    plan = planned(tmp_path, text=INTERVALS)
    cohort = cohort_of(plan, drug_use=0.1)
    drawn = draw_sample(cohort, plan, every_imputation=True)
    steps = [one.step for one in drawn.attrition]
    assert steps.index("an outcome was due") < steps.index("outcome known")
    assert drawn.filled["drug_use@start"] > 0
    assert drawn.sample.cluster is not None
    result = estimate(plan, cohort)
    assert result.rung("lagged").n == drawn.sample.n


def test_refuters_and_sensitivity_say_that_they_look_at_one_imputation(tmp_path):
    text = (
        SPEC
        + "refuters: [{kind: random_common_cause, draws: 20}]\nsensitivity: [{kind: e_value}]\n"
    )
    plan = planned(tmp_path, text=text)
    result = estimate(plan, holed(plan))
    assert result.refutations[0].reason.endswith("Looked at the first of 3 imputations.")
    assert all(
        one.sentence.endswith("Looked at the first of 3 imputations.") for one in result.sensitivity
    )


VARIANT = """
variants:
  - name: imputed
    reason: covariates imputed
    missing: {covariates: multiple_imputation, imputation: {m: 2, auxiliary: [AUXILIARY]}}
"""


def test_variants_are_pooled_and_tell_what_imputing_cost_them(tmp_path):
    plan = planned(tmp_path, "{}", SPEC + VARIANT.replace("AUXILIARY", "religiosity"))
    result = estimate(plan, holed(plan))
    told = [one for one in result.diagnostics if one.rung == "imputed: full"]
    assert [one.name for one in told] == list(COSTS)
    assert "imputation" not in result.design.missing
    wrong = planned(tmp_path, "{}", SPEC + VARIANT.replace("AUXILIARY", "cravings"))
    with pytest.raises(SpecError, match=r"variants\[0\].*no column 'cravings'"):
        check_assaults(wrong)


@pytest.mark.parametrize(
    ("auxiliary", "said"),
    [
        (
            "ailment_01",
            r"'ailment_01' was looked for at baseline, its moment where none is said, and is "
            r"missing there for everybody of the 700 rows, .* known as ailment_01@outcome: name",
        ),
        ("clinic_weekly@0", r"for at wave 0, and is missing .* known as clinic_weekly@end: name"),
        ("abstinent", r"looked for at baseline.* predicts nothing\. Take it out\."),
    ],
    ids=["known later", "known at another wave", "known as the outcome only"],
)
def test_an_auxiliary_never_known_at_its_moment_says_where_it_is(tmp_path, auxiliary, said):
    plan = planned(tmp_path, COVARIATES.replace("m: 3", f"auxiliary: [{auxiliary}]"))
    with pytest.raises(SpecError, match=rf"missing\.imputation\.auxiliary: .*{said}") as refused:
        draw_sample(holed(plan), plan)
    assert "fewer donors" not in str(refused.value)


def test_products_of_imputed_columns_are_refused(tmp_path):
    text = SPEC + "features: {severity_score: [identity, {product: female}]}\n"
    with pytest.raises(SpecError, match="enters as a product"):
        check_assaults(planned(tmp_path, text=text))


def test_rungs_with_instruments_are_refused(tmp_path):
    rung = (
        "  - {name: late, adjust: [dag], instrument: facilitation, assume: [exclusion, "
        "independence], estimator: {kind: iv}}\nheadline"
    )
    plan = planned(tmp_path, text=SPEC.replace("headline", rung, 1))
    with pytest.raises(SpecError, match="weak instruments cannot be pooled over imputations"):
        check_assaults(plan)

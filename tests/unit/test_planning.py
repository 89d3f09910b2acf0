"""Plans: what a specification comes to on a codebook and a diagram, without data."""

from pathlib import Path

import pytest

from causal.errors import IdentificationError, SpecError, TimingError
from causal.planning import Plan, plan_analysis, rung_terms
from causal.registry import describe
from causal.spec import load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
COHORTS = sorted(set(ANALYSES.glob("*.yaml")) - set(ANALYSES.glob("trial_*.yaml")))


def plan(name: str, tmp_path: Path | None = None, **changes: str) -> Plan:
    """Plan an analysis, with pieces of its text replaced."""
    path = ANALYSES / f"{name}.yaml"
    if tmp_path is not None:
        text = path.read_text(encoding="utf-8").replace("dag: dags/", f"dag: {ANALYSES}/dags/")
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    specification = load_analysis(path)
    return plan_analysis(specification, describe(specification.analysis.dataset))


@pytest.mark.parametrize("path", COHORTS, ids=lambda p: p.stem)
def test_every_committed_analysis_is_valid(path):
    specification = load_analysis(path)
    plan_analysis(specification, describe(specification.analysis.dataset))


def test_dag_stands_for_the_measured_part_of_the_set_and_names_what_is_missing():
    full = plan("help_drug_use").full
    assert set(full.concepts) == {
        "demographics", "severity", "motivation", "problem_recognition", "prior_treatment",
        "depression", "network_support", "prior_use", "prior_mhg",
    }  # fmt: skip
    assert full.proxied == ("motivation",)
    assert "legal_mandate" in full.missing


def test_terms_follow_the_declared_features():
    made = plan("help_drug_use")
    terms = rung_terms(made, next(r for r in made.rungs if r.rung.name == "full").measurements)
    assert "log1p(detox_episodes)" in terms
    assert {"race in black", "race in hispanic|other"} <= set(terms)
    assert {"drug_use@start", "mhg_dose@start"} <= set(terms)
    assert "drug_use@end" not in terms


def test_a_rung_may_name_the_columns_that_measure_a_concept():
    made = plan("simulated_base")
    verdicts = {r.rung.name: r.estimand.verdict for r in made.rungs}
    assert verdicts["full"] == "identified if measured without error"
    assert verdicts["error_free"] == "identified"


def test_the_design_label_is_computed_from_time_and_diagram():
    assert plan("help_drug_use").association
    assert plan("help_first_interval").association
    assert plan("simulated_reverse_only").association
    assert not plan("simulated_base").association


def test_adjusting_for_the_end_of_the_window_needs_a_bracket(tmp_path):
    with pytest.raises(TimingError, match=r"role: bracket"):
        plan("help_drug_use", tmp_path, a=("    role: bracket\n", ""))


def test_adjusting_for_an_unmeasured_concept_is_refused(tmp_path):
    with pytest.raises(IdentificationError, match="no columns"):
        plan("help_drug_use", tmp_path, a=("[demographics, severity]", "[legal_mandate]"))


def test_a_dose_needs_an_estimator_that_takes_one(tmp_path):
    with pytest.raises(SpecError, match="takes a 0/1 exposure; 'mhg_dose' is ordinal"):
        plan("help_drug_use", tmp_path, a=("exposure: mhg_frequent", "exposure: mhg_dose"))


def test_a_column_that_does_not_measure_the_concept_is_refused(tmp_path):
    with pytest.raises(SpecError, match="does not measure 'severity'"):
        plan("simulated_base", tmp_path, a=("[true_severity]", "[true_motivation]"))


def test_a_diagram_may_be_dagitty_text(tmp_path):
    (tmp_path / "small.txt").write_text(
        "dag { mhg [exposure]\n outcome [outcome]\n severity -> mhg\n severity -> outcome\n"
        " mhg -> outcome }"
    )
    text = (ANALYSES / "simulated_base.yaml").read_text(encoding="utf-8")
    head = text[: text.index("ladder:")].replace("dags/simulated.yaml", "small.txt")
    ladder = (
        "ladder:\n  - {name: crude, estimator: {kind: mean_difference}}\n"
        "  - {name: full, adjust: dag, estimator: {kind: overlap}}\nseed: 1\n"
        "estimand: {target: ATO}\n"
    )
    head = head.replace("estimand: {target: ATE, scale: risk_difference}\n", "")
    (tmp_path / "s.yaml").write_text(head + ladder)
    specification = load_analysis(tmp_path / "s.yaml")
    made = plan_analysis(specification, describe("simulated"))
    assert made.full.concepts == ("severity",)

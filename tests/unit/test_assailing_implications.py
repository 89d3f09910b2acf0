"""What the diagram implies reaches the refuter as columns, each at its own moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from causal.assailing import check_assaults
from causal.errors import DataNotAvailableError, SpecError
from causal.implications import measured_as
from causal.pipeline import run
from causal.planning import Plan, plan_analysis
from causal.registry import describe, load_cohort
from causal.sampling import draw_concepts, draw_sample
from causal.spec import Specification, load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
SIMULATED = """
question: Does the diagram of the equations fit data drawn from them?
dataset: simulated
options: {{scenario: base, n: 3000, seed: 1}}
design: {{kind: baseline, exposure: mhg_weekly, exposure_wave: 6, outcome: abstinent,
         outcome_at: next_scheduled}}
chosen: before_estimates
estimand: {{target: ATE, scale: risk_difference}}
dag: {dag}
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: dag, estimator: {{kind: g_computation}}}}
refuters: [{{kind: graph_falsification{settings}}}]
seed: 1
"""


def specified(tmp_path: Path, settings: str = "", dag: Path | None = None) -> Specification:
    path = tmp_path / "fits.yaml"
    diagram = dag or ANALYSES / "dags" / "simulated.yaml"
    path.write_text(SIMULATED.format(dag=diagram, settings=settings), encoding="utf-8")
    return load_analysis(path)


def planned(specification: Specification) -> Plan:
    return plan_analysis(specification, describe(specification.analysis.dataset))


def test_the_diagram_of_the_equations_passes_on_data_drawn_from_them(tmp_path):
    found = run(specified(tmp_path)).refutations[0]
    assert found.verdict == "PASS", found.reason
    assert {row.label for row in found.rows} == {"missing edges", "not contradicted"}


def test_an_edge_taken_out_of_the_diagram_is_found(tmp_path):
    text = (ANALYSES / "dags" / "simulated.yaml").read_text(encoding="utf-8")
    assert "to: [religiosity, psychiatric]" in text
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text.replace("to: [religiosity, psychiatric]", "to: psychiatric"))
    found = run(specified(tmp_path, dag=wrong)).refutations[0]
    assert found.verdict == "FAIL", found.reason
    assert "demographics" in found.reason
    assert "religiosity" in found.reason


def test_naming_error_free_columns_lets_more_be_tested(tmp_path):
    latent = ", columns: {motivation: [true_motivation], severity: [true_severity]}"
    counts = [
        next(item.value for item in run(specified(tmp_path, more)).refutations[0].rows[0].numbers)
        for more in ("", latent)
    ]
    assert counts[0] < counts[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (", selected: [folowed]", r"unknown concept 'folowed'. Did you mean 'followed'"),
        (", columns: {motivation: [female]}", r"'female' does not measure 'motivation'"),
    ],
)
def test_unknown_concepts_and_columns_are_refused_with_their_place(tmp_path, settings, message):
    with pytest.raises(SpecError, match=message) as caught:
        check_assaults(planned(specified(tmp_path, settings)))
    assert "refuters" in str(caught.value.place)


def test_every_measured_concept_is_drawn_once_on_the_rows_of_the_analysis(tmp_path):
    specification = specified(tmp_path)
    plan = planned(specification)
    cohort = load_cohort("simulated", specification.analysis.options)
    drawn = draw_concepts(cohort, plan, measured_as(plan.dag, plan.info.codebook)[0])
    sample = draw_sample(cohort, plan).sample
    assert {one.concept for one in drawn.concepts} == plan.dag.concepts.keys() - {"followed"}
    np.testing.assert_array_equal(drawn.block("mhg").values[:, 0], sample.a)
    np.testing.assert_array_equal(drawn.block("outcome").values[:, 0], sample.y)
    assert len(drawn.block("site").terms) == 9
    assert drawn.cluster is None
    assert drawn.always.shape == (3000, 0)


@pytest.mark.data
def test_missing_values_stay_missing_and_time_is_held_fixed():
    specification = load_analysis(ANALYSES / "help_drug_use.yaml")
    plan = planned(specification)
    try:
        cohort = load_cohort("help_cohort", {})
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    drawn = draw_concepts(cohort, plan, measured_as(plan.dag, plan.info.codebook)[0])
    severity = drawn.block("severity")
    assert "log1p(detox_episodes)" in severity.terms
    assert np.isnan(severity.values).any()
    assert drawn.block("prior_mhg").terms == ("mhg_dose@start",)
    assert drawn.block("prior_mhg").ranked == (True,)
    assert drawn.block("use_at_end").terms == ("drug_use@end",)
    assert drawn.always.shape[1] == 2
    assert len(np.unique(drawn.cluster)) < len(drawn.w)

"""The stream printed beside a number is the one that made it, and the covariates are the rung's."""

from __future__ import annotations

from pathlib import Path

import pytest

from causal import seeding
from causal.assailing import subject_of
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.pipeline import estimate
from causal.planning import plan_analysis, rung_terms
from causal.refuters import Auxiliary
from causal.registry import describe, load_cohort
from causal.result import Result, dump
from causal.sampling import draw_sample
from causal.spec import Specification, load_analysis
from causal.streams import stream_lines, written_at
from causal.why import why

DAG = Path(__file__).parents[2] / "analyses" / "dags" / "relapse.yaml"
SPECIFICATION = f"""\
question: Which stream made this number?
dataset: simulated
options: {{scenario: reverse_only, n: 200, seed: 1}}
design:
  kind: lagged_intervals
  exposure: mhg_weekly
  outcome: drug_use
  outcome_at: next_interview
chosen: before_estimates
dag: {DAG}
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: own_use, adjust: prior_use, estimator: {{kind: linear_probability}}}}
  - {{name: lagged, adjust: dag, estimator: {{kind: g_computation}}}}
  - {{name: with_use, role: bracket, adjust: [dag, use_at_end], estimator: {{kind: g_computation}}}}
headline: lagged
refuters:
  - {{kind: bootstrap, draws: 50}}
  - {{kind: placebo_exposure, draws: 50}}
power: {{strengths: [0, 1.5], cohorts: 20, draws: 20}}
sensitivity:
  - {{kind: e_value}}
  - {{kind: omitted_variable, k: [1]}}
seed: 20260101
"""


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> Specification:
    path = tmp_path_factory.mktemp("traced") / "traced.yaml"
    path.write_text(SPECIFICATION, encoding="utf-8")
    return load_analysis(path)


@pytest.fixture(scope="module")
def ran(specification: Specification) -> Result:
    plan = plan_analysis(specification, describe("simulated"))
    return estimate(plan, load_cohort("simulated", dict(specification.analysis.options)))


@pytest.fixture(scope="module")
def report(ran: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced_report")
    (folder / "results.json").write_text(dump(ran), encoding="utf-8")
    return folder


def chain(report: Path, address: str) -> dict[str, str]:
    return {link.name: "\n".join(link.lines) for link in why(report, address)}


def test_a_refutation_made_anew_from_the_printed_stream_is_that_of_the_document(
    specification: Specification, ran: Result, report: Path
) -> None:
    plan = plan_analysis(specification, describe("simulated"))
    sample = draw_sample(load_cohort("simulated", dict(plan.analysis.options)), plan).sample
    planned = next(one for one in plan.rungs if one.rung.name == "lagged")
    terms = tuple(term for one in ran.rung("lagged").covariates for term in one.terms)
    assert set(rung_terms(plan, planned.measurements)) <= set(terms)  # and the design's time
    place = specification.document.place(("ladder",))
    crude = RungTask("crude", plan.rungs[0].rung.estimator, (), place)
    lagged = RungTask("lagged", planned.rung.estimator, terms, place)
    gates = Thresholds(**plan.analysis.gates.model_dump())
    fits = fit_rungs(sample, [crude, lagged], gates, plan.analysis.seed)
    subject = subject_of(plan, lagged, fits[1], sample)
    printed = chain(report, "/refutations/1/mean")["Random stream"].splitlines()[0]
    assert printed == 'causal.seeding.generator(20260101, "refuter", "placebo_exposure", 1)'
    rng = seeding.generator(20260101, "refuter", "placebo_exposure", 1)
    found = plan.analysis.refuters[1].refute(subject, rng, Auxiliary())
    assert found.mean == pytest.approx(ran.refutations[1].mean, rel=1e-9)


def test_every_sensitivity_analysis_leads_to_its_own_line_and_stream(
    ran: Result, report: Path
) -> None:
    assert [(one.kind, one.rung) for one in ran.sensitivity] == [
        ("e_value", "lagged"), ("e_value", "with_use"),
        ("omitted_variable", "lagged"), ("omitted_variable", "with_use"),
    ]  # fmt: skip
    for i, block in enumerate(ran.sensitivity):
        said = chain(report, f"/sensitivity/{i}/headline/value")
        lines = [one for one in said["Specification"].splitlines() if "kind: " in one]
        assert any(f"kind: {block.kind}" in one for one in lines)
        other = {"e_value": "omitted_variable", "omitted_variable": "e_value"}[block.kind]
        assert not any(other in one for one in lines)
        assert any(f"name: {block.rung}" in one for one in lines)
        assert said["Random stream"].splitlines()[0] == (
            f'causal.seeding.generator(20260101, "sensitivity", "{block.kind}", {i // 2}, '
            f'"{block.rung}")'
        )
        assert said["Examination"].startswith(f"{block.kind}\ncausal.sensitivity.")


def test_a_point_of_a_power_curve_has_the_stream_of_its_strength(ran: Result) -> None:
    lines = stream_lines(ran, "/refutations/0/curve/points/1/rejected", ran.rung("lagged"))
    assert lines[0] == 'causal.seeding.generator(20260101, "power", "bootstrap", 0, "1.5")'


def test_a_rung_lists_its_own_terms_and_not_those_of_the_sample(ran: Result, report: Path) -> None:
    assert {one.term for one in ran.covariates} > {
        term for one in ran.rung("own_use").covariates for term in one.terms
    }
    at = [one.name for one in ran.rungs].index("own_use")
    said = chain(report, f"/rungs/{at}/estimate")["Covariates"]
    assert said.startswith("prior_use: columns drug_use; terms drug_use@start\n")
    assert "prior_attendance" not in said
    assert "terms" not in chain(report, "crude")["Covariates"]
    assert "use_at_end: columns" in chain(report, "with_use")["Covariates"]


def test_what_no_rung_and_no_draw_made_has_no_stream(ran: Result) -> None:
    assert stream_lines(ran, "/attrition/1/rows", None) == ()
    assert written_at(ran, "/attrition/1/rows") is None
    assert written_at(ran, "/refutations/1/mean") == ("refuters", 1)

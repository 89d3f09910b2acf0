"""A dose from the specification to the report, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from causal.documents import read_document
from causal.errors import CausalError, SpecError
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.registry import describe, load_cohort
from causal.report import rendered
from causal.sampling import draw_sample
from causal.spec import analysis_from

SPEC = Path(__file__).parents[2] / "analyses" / "simulated_meetings_a_week.yaml"
DESIGN = yaml.safe_load(SPEC.read_text())["design"]
SPLINE = {"spline": [0, 1, 2, 4]}


def specified(tmp_path, **changed):
    """Write the specification with some keys changed; None takes one away."""
    tree = yaml.safe_load(SPEC.read_text()) | {"options": {"scenario": "doses", "n": 1500}}
    tree |= {"dag": str(SPEC.parent / "dags" / "simulated_groups.yaml"), "companions": []} | changed
    path = tmp_path / "doses.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in tree.items() if v is not None}))
    return analysis_from(read_document(path))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(specified(tmp_path_factory.mktemp("doses")))


def test_the_ladder_compares_two_doses_and_the_profile_shows_the_curve(result):
    for name in ("crude", "spline", "straight_line"):
        rung = result.rung(name)
        assert [one.x for one in rung.profile.points] == [0, 1, 2, 3, 4]
        assert rung.profile.unit == "meetings a week"
        assert rung.profile.compared == ("dose 0", "dose 1")
        first = next(one for one in rung.profile.contrasts if one.name == "1 − 0")
        assert first.estimate == pytest.approx(rung.estimate, rel=1e-9)
    assert "all doses at or above a cut" in result.rung("weekly_or_more").remaining.not_estimable


def test_the_report_names_the_doses_and_draws_the_curve(result):
    files = rendered(result)
    text = files["report.md"].decode()
    assert "at 1 meetings a week" in text
    assert "### By dose" in text
    assert "no estimate of where an effect begins" in text
    assert "figures/profiles.svg" in files


def test_codes_are_taken_for_doses_and_the_report_says_so(tmp_path):
    values = {code: min(code, 3) for code in range(8)}
    dose = {"grid": [0, 1, 2, 3], "compare": [0, 1], "values": values, "unit": "meetings"}
    ladder = [
        {"name": "crude", "estimator": {"kind": "dose_means", "form": "levels"}},
        {"name": "full", "adjust": "dag",
         "estimator": {"kind": "dose_response", "form": "levels", "method": "doubly_robust"}},
        {"name": "more", "adjust": "dag", "estimator": {"kind": "shift"}},
    ]  # fmt: skip
    found = run(specified(tmp_path, design={**DESIGN, "dose": dose}, ladder=ladder, headline=None))
    assert any("4 as 3; 5 as 3" in said for said in found.design.sentences)
    assert (
        found.rung("full").profile.points[-1].rows > found.rung("full").profile.points[0].rows / 20
    )
    assert "those the shift moves" in found.rung("more").profile.notes[1]
    judged = {(one.rung, one.name) for one in found.diagnostics}
    assert {("full", "common_support"), ("full", "smd")} <= judged
    assert {("full", "effective_sample_size"), ("more", "effective_sample_size")} <= judged


def test_a_marginal_structural_model_is_judged_by_its_weights(tmp_path):
    model = {"kind": "dose_response", "form": "quadratic", "method": "weighting"}
    ladder = [
        {"name": "crude", "estimator": {"kind": "dose_means", "form": "quadratic"}},
        {"name": "density", "adjust": "dag", "estimator": model},
        {"name": "chances", "adjust": "dag", "estimator": model | {"density": "levels"}},
    ]
    capped = {"values": {code: min(code, 3) for code in range(8)}, "grid": [0, 1, 2, 3]}
    dose = {"compare": [0, 1], "unit": "meetings a week", **capped}
    found = run(specified(tmp_path, design={**DESIGN, "dose": dose}, ladder=ladder, headline=None))
    judged = {(one.rung, one.name): one.value for one in found.diagnostics}
    assert judged["density", "effective_sample_size"] < 1500
    assert judged["density", "weight_mean"] == pytest.approx(1, abs=0.1)
    assert ("density", "dose_correlation") in judged
    assert {("chances", "common_support"), ("chances", "smd")} <= judged.keys()
    weighed = next(one for one in found.weights if one.rung == "density")
    assert [one.name for one in weighed.factors] == ["exposure"]
    assert "a regression on the dose alone, weighted" in found.rung("density").profile.notes[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"design": {**DESIGN, "exposure": "group"}}, "'group' is categorical"),
        (
            {"ladder": [{"name": "crude", "estimator": {"kind": "mean_difference"}}],
             "headline": None},
            "mean_difference takes a 0/1 exposure; 'meetings' is count.*dose_means",
        ),
        (
            {"design": {**DESIGN, "exposure": "group",
                        "arms": {"reference": "neither", "compared": "smart"}}},
            "arms have no doses",
        ),
        ({"design": {**DESIGN, "dose": {"grid": [0, 1], "compare": [0, 3]}}}, "names the dose 3"),
        (
            {"design": {key: value for key, value in DESIGN.items() if key != "dose"}},
            r"ladder\[0\].estimator: dose_means needs doses to be read at. Say dose",
        ),
    ],
    ids=["names", "estimator", "arms and doses", "off the grid", "no grid"],
)  # fmt: skip
def test_doses_that_do_not_fit_are_refused(tmp_path, changed, message):
    with pytest.raises(CausalError, match=message):
        plan_analysis(specified(tmp_path, **changed), describe("simulated_groups"))


def with_slope(tmp_path, kind, compare, **rung):
    """Put the coefficient of an estimator beside the curves of the ladder."""
    ladder = yaml.safe_load(SPEC.read_text())["ladder"]
    ladder.append({"name": "slope", **rung, "estimator": {"kind": kind}})
    dose = {"grid": [0, 0.5, 1, 2, 3, 4], "compare": compare}
    return specified(tmp_path, ladder=ladder, design={**DESIGN, "dose": dose})


@pytest.mark.parametrize("compare", [[0, 4], [0, 0.5]])
def test_a_coefficient_of_one_unit_is_refused_beside_other_doses(tmp_path, compare):
    span = f"compares {compare[1]:g} with 0, {compare[1]:g} units. Compare doses one unit apart"
    with pytest.raises(SpecError, match=rf"ladder\[\d\].estimator: linear_probability .* {span}"):
        plan_analysis(
            with_slope(tmp_path, "linear_probability", compare, adjust="dag"),
            describe("simulated_groups"),
        )


def test_a_coefficient_stands_beside_doses_one_unit_apart_and_is_their_straight_line(tmp_path):
    found = run(with_slope(tmp_path, "linear_probability", [1, 2], adjust="dag"))
    line, slope = found.rung("straight_line"), found.rung("slope")
    assert slope.estimate == pytest.approx(line.estimate, abs=0.01)  # logistic against linear


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {0: 0, 1: 1, 2: 3},
            r"design\.dose\.values: dose.values leaves out the codes 3, 4, 5, 6, 7 of 'meetings'\. "
            "Give a dose for each of 0, 1, 2, 3, 4, 5, 6, 7,",
        ),
        ({0: 0, 1: 1}, "leaves out the codes 2, 3, 4, 5, 6, 7"),
        (
            {code: min(code, 3) for code in range(8)} | {77: 9},
            "names codes that 'meetings' does not have: 77. Give",
        ),
    ],
    ids=["left out", "all but two left out", "unknown"],
)
def test_codes_of_a_count_without_a_dose_are_refused_and_never_left_out(tmp_path, values, message):
    dose = {"grid": [0, 1], "compare": [0, 1], "values": values, "unit": "meetings"}
    with pytest.raises(SpecError, match=message):
        run(specified(tmp_path, design={**DESIGN, "dose": dose}))


def test_sensitivity_and_refuters_decline_with_the_reason(tmp_path):
    found = run(
        specified(
            tmp_path,
            refuters=[{"kind": "random_common_cause", "draws": 20}],
            sensitivity=[{"kind": "omitted_variable"}],
        )
    )
    assert "a curve over doses" in found.refutations[0].reason
    assert "a curve over doses" in found.sensitivity[0].sentence


def test_covariates_are_tabulated_beside_the_dose(result, tmp_path):
    text = rendered(result)["report.md"].decode()
    assert "No covariate is adjusted for." not in text
    assert "| Term | Concept | Mean | Correlation with the dose | Filled in |" in text
    plan = plan_analysis(specified(tmp_path), describe("simulated_groups"))
    options = {"scenario": "doses", "n": 1500}
    sample = draw_sample(load_cohort("simulated_groups", options), plan).sample
    assert len(result.covariate_profiles) == len(sample.terms) > 0
    for j, one in enumerate(result.covariate_profiles):
        assert one.means == pytest.approx([sample.x[:, j].mean()])
        assert one.correlation == pytest.approx(np.corrcoef(sample.x[:, j], sample.a)[0, 1])

"""Several arms from the specification to the report, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from causal.composing_terms import compose_covariate_profiles
from causal.documents import read_document
from causal.errors import CausalError
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.registry import describe, load_cohort
from causal.report import rendered
from causal.sampling import draw_sample
from causal.spec import analysis_from

SPEC = Path(__file__).parents[2] / "analyses" / "simulated_kinds_of_groups.yaml"
DESIGN = yaml.safe_load(SPEC.read_text())["design"]


def specified(tmp_path, **changed):
    """Write the specification with some keys changed; None takes one away."""
    tree = yaml.safe_load(SPEC.read_text()) | {"options": {"n": 1200, "seed": 2}}
    tree |= {"dag": str(SPEC.parent / "dags" / "simulated_groups.yaml"), **changed}
    path = tmp_path / "arms.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in tree.items() if v is not None}))
    return analysis_from(read_document(path))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return run(specified(tmp_path_factory.mktemp("arms")))


def test_the_ladder_compares_two_arms_and_the_profile_all(result):
    for rung in result.rungs:
        assert [one.name for one in rung.profile.points] == ["neither", "twelve_step", "smart"]
        assert rung.profile.contrasts[0].estimate == pytest.approx(rung.estimate, rel=1e-9)
    assert result.design.arms == ["neither", "twelve_step", "smart"]


def test_common_support_is_judged_but_for_overlap_weights(result):
    found = {one.rung: one for one in result.diagnostics if one.name == "common_support"}
    assert found["full_aipw"].verdict == "PASS"
    assert found["full_overlap"].verdict == "NOT_EVALUATED"
    assert "crude" not in found


def test_the_report_names_the_arms(result):
    text = rendered(result)["report.md"].decode()
    assert "in `twelve_step`" in text
    assert "The exposure is one of 3 arms (neither, twelve_step, smart)" in text
    assert "with the exposure" not in text


def test_rows_in_no_arm_are_counted_out(tmp_path):
    two = {**DESIGN, "arms": {"reference": "neither", "compared": "smart", "others": []}}
    found = run(specified(tmp_path, design=two))
    step = next(one for one in found.attrition if one.step == "in one of the arms")
    assert step.persons < 1200
    assert step.reason == "neither, smart"
    assert found.crude.n == step.rows


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"reference": "nether", "compared": "smart"}, "has no level 'nether'.*neither"),
        ({"reference": "smart", "compared": "smart"}, "the arm 'smart' is named twice"),
        (None, "'group' is categorical. As an exposure it needs arms in the design"),
    ],
    ids=["misspelt", "twice", "not said"],
)
def test_arms_that_cannot_be_meant_are_refused(tmp_path, arms, message):
    design = {key: value for key, value in DESIGN.items() if key != "arms"}
    with pytest.raises(CausalError, match=message):
        plan_analysis(
            specified(tmp_path, design=design | ({"arms": arms} if arms else {})),
            describe("simulated_groups"),
        )


def test_an_estimator_of_two_arms_is_refused_with_the_choices(tmp_path):
    ladder = [
        {"name": "crude", "estimator": {"kind": "arm_means"}},
        {"name": "full", "adjust": "dag", "estimator": {"kind": "aipw"}},
    ]
    message = "aipw compares two arms; 'group' has several.*Use arm_means"
    with pytest.raises(CausalError, match=message):
        plan_analysis(
            specified(tmp_path, ladder=ladder, headline=None), describe("simulated_groups")
        )


def test_refuters_and_sensitivity_decline_with_the_reason(tmp_path):
    found = run(
        specified(
            tmp_path,
            refuters=[{"kind": "placebo_exposure", "draws": 20}],
            sensitivity=[{"kind": "omitted_variable"}],
        )
    )
    assert found.refutations[0].verdict == "NOT_EVALUATED"
    assert "compares 3 arms" in found.refutations[0].reason
    assert "compares 3 arms" in found.sensitivity[0].sentence


def test_levels_of_a_subgroup_need_every_arm(tmp_path):
    halves = {
        "column": "severity", "at": "baseline", "reason": "it may matter", "smallest_arm": 250,
        "cuts": {"low": {"high": 0}, "high": {"low": 0.000001}},
    }  # fmt: skip
    found = run(specified(tmp_path, subgroups=[halves]))
    assert all(
        one.adjusted.not_estimable == "an arm has fewer than 250 rows with a known outcome"
        for one in found.subgroups[0].levels
    )


def test_covariates_are_tabulated_by_arm_and_small_arms_are_hidden(result, tmp_path):
    text = rendered(result)["report.md"].decode()
    assert "No covariate is adjusted for." not in text
    assert "| Term | Concept | Mean, `neither` | Mean, `twelve_step` | Mean, `smart` |" in text
    specification = specified(tmp_path)
    plan = plan_analysis(specification, describe("simulated_groups"))
    drawn = draw_sample(load_cohort("simulated_groups", {"n": 1200, "seed": 2}), plan)
    sample = drawn.sample
    rows = [int((sample.a == arm).sum()) for arm in range(3)]
    assert len(result.covariate_profiles) == len(sample.terms) > 0
    for j, one in enumerate(result.covariate_profiles):
        own = [float(sample.x[sample.a == arm, j].mean()) for arm in range(3)]
        assert one.means == pytest.approx(own)
        assert one.correlation is None
    hidden = compose_covariate_profiles(drawn, sorted(rows)[1])
    smallest = rows.index(min(rows))
    assert [mean is None for mean in hidden[0].means] == [arm == smallest for arm in range(3)]
    shown = result.model_copy(update={"covariate_profiles": hidden})
    assert "A dash: fewer than" in rendered(shown)["report.md"].decode()

"""A truth is printed of the very question it answers, and of no other."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from causal.composing_truth import compose_truth
from causal.documents import read_document
from causal.planning import plan_analysis
from causal.registry import chosen_options, describe, known_truths
from causal.spec import analysis_from

ANALYSES = Path(__file__).parents[2] / "analyses"
RESTRICT = [{"column": "severity_score", "at": "baseline", "high": 0, "reason": "milder"}]


def truth(folder, name, design=None, **changed):
    """Give the truth of a committed specification with some keys changed."""
    tree = yaml.safe_load((ANALYSES / f"{name}.yaml").read_text())
    tree = {k: v for k, v in tree.items() if k not in ("refuters", "power", "sensitivity")}
    tree |= {"dag": str(ANALYSES / tree["dag"]), "companions": []} | changed
    merged = tree["design"] | (design or {})
    tree["design"] = {key: value for key, value in merged.items() if value is not None}
    path = folder / "one.yaml"
    path.write_text(yaml.safe_dump(tree))
    specification = analysis_from(read_document(path))
    plan = plan_analysis(specification, describe(specification.analysis.dataset))
    return compose_truth(plan, chosen_options(plan.info, specification.analysis.options))


def ladder(*rungs):
    return {"ladder": list(rungs), "headline": None, "variants": []}


CRUDE = {"name": "crude", "estimator": {"kind": "mean_difference"}}
PLAIN = ladder(CRUDE, {"name": "g", "adjust": ["severity"], "estimator": {"kind": "g_computation"}})


def by_instrument(concept):
    rung = {"name": "iv", "instrument": [concept], "estimator": {"kind": "iv", "method": "tsls"}}
    granted = {} if concept == "facilitation" else {"assume": ["exclusion", "independence"]}
    return ladder(CRUDE, rung | granted)


def test_the_committed_question_has_its_truth(tmp_path):
    found = truth(tmp_path, "simulated_base", **PLAIN)
    first = known_truths("simulated", {"scenario": "base", "n": 20000, "seed": 1})[0]
    assert found == first.values
    assert found["ate"] > 0.05


@pytest.mark.parametrize(
    ("design", "changed"),
    [
        ({"outcome": "ailment_12"}, {}),
        ({"exposure": "clinic_weekly"}, {}),
        ({"outcome_at": None, "outcome_wave": 18}, {}),
        ({}, {"population": "opioid"}),
        ({}, {"restrict": RESTRICT}),
    ],
    ids=["another outcome", "another exposure", "a later wave", "a population", "restricted"],
)
def test_another_question_has_none(tmp_path, design, changed):
    assert truth(tmp_path, "simulated_base", design, **PLAIN, **changed) == {}


def test_the_wave_of_the_outcome_may_be_named(tmp_path):
    named = {"outcome_at": None, "outcome_wave": 12}
    assert truth(tmp_path, "simulated_base", named, **PLAIN)["ate"] > 0.05


def test_the_opposite_outcome_has_the_opposite_truth(tmp_path):
    abstinent = truth(tmp_path, "simulated_base", **PLAIN)
    use = truth(tmp_path, "simulated_base", {"outcome": "drug_use"}, **PLAIN)
    for name in ("ate", "att", "ato"):
        assert use[name] == -abstinent[name] != 0
    assert use["risk_exposed"] - use["risk_unexposed"] == pytest.approx(use["ate"])
    assert use["risk_ratio"] == pytest.approx(use["risk_exposed"] / use["risk_unexposed"])


def test_what_holds_for_an_instrument_is_told_where_it_is_the_one_used(tmp_path):
    moved = truth(tmp_path, "simulated_facilitation", **by_instrument("facilitation"))
    other = truth(tmp_path, "simulated_facilitation", **by_instrument("prior_mhg"))
    assert moved["late"] != moved["ate"]
    assert other["ate"] == moved["ate"]
    assert "late" not in other
    assert "late" not in truth(tmp_path, "simulated_base", **PLAIN)


def test_arms_have_the_truth_of_their_pair(tmp_path):
    pair = {"reference": "neither", "compared": "twelve_step", "others": ["smart"]}
    one = truth(tmp_path, "simulated_kinds_of_groups")
    assert not any("meetings" in name for name in one)
    assert one["ate"] == one["risk, twelve_step"] - one["risk, neither"]
    turned = pair | {"reference": "twelve_step", "compared": "neither"}
    assert truth(tmp_path, "simulated_kinds_of_groups", {"arms": turned})["ate"] == -one["ate"]
    smart = {"arms": {"reference": "neither", "compared": "smart"}}  # others: all there are
    found = truth(tmp_path, "simulated_kinds_of_groups", smart)
    assert found["ate"] == one["risk, smart"] - one["risk, neither"] != one["ate"]
    without = {"arms": pair | {"others": []}}  # those in SMART are left out: other people
    assert truth(tmp_path, "simulated_kinds_of_groups", without) == {}


def test_doses_have_the_truth_of_their_pair(tmp_path):
    dose = {"grid": [0, 1, 2, 2.5, 3, 4], "compare": [0, 4]}
    found = truth(tmp_path, "simulated_meetings_a_week", {"dose": dose})
    risks = [found[f"risk, {dose} meetings a week"] for dose in range(8)]
    assert found["ate"] == risks[4] - risks[0]
    assert truth(tmp_path, "simulated_meetings_a_week")["ate"] == risks[1] - risks[0]
    between = {"dose": dose | {"compare": [0, 2.5]}}
    assert truth(tmp_path, "simulated_meetings_a_week", between) == {}
    recoded = {"dose": dose | {"values": {code: min(code, 4) for code in range(8)}}}
    assert truth(tmp_path, "simulated_meetings_a_week", recoded) == {}


def test_times_have_the_truth_of_their_horizon_and_event(tmp_path):
    times = {"event": "first_use", "competing": "death", "horizons": [28, 56, 91, 182]}
    found = {
        day: truth(tmp_path, "simulated_time_to_use", {"time_to_event": times | {"compare": day}})
        for day in (56, 91, 182)
    }
    assert found[56] == {}
    for day in (91, 182):
        risks = [found[day][f"risk by day {day}, {arm}"] for arm in ("exposed", "unexposed")]
        assert found[day]["ate"] == pytest.approx(risks[0] - risks[1])
    assert found[182]["ate"] != found[91]["ate"]
    alone = {"event": "first_use", "horizons": [91]}  # without death: another risk
    assert truth(tmp_path, "simulated_time_to_use", {"time_to_event": alone}) == {}


def test_a_survey_has_the_truth_of_its_population_with_weights_and_of_its_sample_without(tmp_path):
    weighted = truth(tmp_path, "simulated_survey")
    kept = {"weights": "rows", "missing": {"outcome": "complete_case"}, **PLAIN}
    unweighted = truth(tmp_path, "simulated_survey", {"survey": None}, **kept)
    assert unweighted == {"ate": weighted["ate_of_the_sample"]}


def test_intervals_have_their_truth_unless_persons_weigh_alike(tmp_path):
    rung = {"name": "g", "adjust": ["prior_use"], "estimator": {"kind": "g_computation"}}
    panel = ladder(CRUDE, rung)
    assert truth(tmp_path, "simulated_reverse_only", **panel)["ate"] == 0
    assert truth(tmp_path, "simulated_reverse_only", **panel)["persistence"] > 0
    at = {"outcome_at": "same_interview"}
    assert truth(tmp_path, "simulated_reverse_only", at, **panel) == {}
    assert truth(tmp_path, "simulated_reverse_only", **panel, weights="persons") == {}


def test_data_that_were_not_generated_have_none(tmp_path):
    assert truth(tmp_path, "help_first_interval") == {}

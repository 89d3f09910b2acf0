"""Refuters get the samples of their controls; controls the diagram does not allow are refused."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from causal.assailing import _ladder_terms, check_assaults
from causal.codebook import Codebook, Variable
from causal.cohort import Cohort
from causal.control_checks import refuse_few
from causal.design import LaggedIntervals, MissingData, build_units
from causal.errors import CausalError, IdentificationError, SpecError
from causal.pipeline import run
from causal.planning import plan_analysis, rung_terms
from causal.refuters import EmpiricalCalibration
from causal.refuters.control_settings import ControlExposure
from causal.registry import describe, load_cohort
from causal.sampling import _with_control, draw_sample
from causal.spec import Variant, load_analysis

ANALYSES = Path(__file__).parents[2] / "analyses"
SPEC = f"""
question: Does attendance go with abstinence?
dataset: simulated
options: {{scenario: base, n: 1500, seed: 1}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {ANALYSES}/dags/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [dag], estimator: {{kind: g_computation}}}}
refuters: [REFUTERS]
seed: 1
"""
WHY = "rationale: nothing that exposure could have changed"
EARLIER = (
    "{kind: negative_control_exposure, exposure: prior_outcome_control, at: baseline, "
    f"concept: prior_outcome, {WHY}}}"
)
SAME_MOMENT = f"outcome: prior_outcome_control, concept: prior_outcome, {WHY}"


def written(folder, refuters, text=SPEC):
    """Write a specification with these refuters, and read it."""
    path = folder / "one.yaml"
    path.write_text(text.replace("REFUTERS", refuters), encoding="utf-8")
    return load_analysis(path)


def checked(folder, refuters):
    """Check a specification without data."""
    specification = written(folder, refuters)
    check_assaults(plan_analysis(specification, describe("simulated")))


def test_a_control_exposure_is_estimated_with_exposure_held(tmp_path):
    result = run(written(tmp_path, EARLIER))
    (found,) = result.refutations
    assert found.subject == "prior_outcome_control@baseline"
    assert found.verdict in ("PASS", "FAIL", "NOT_RESOLVABLE"), found.reason
    assert "For 'prior_outcome_control@baseline'" in found.reason


def test_a_control_without_rows_is_declined_and_the_run_goes_on(tmp_path):
    refuters = (
        f"{{kind: negative_control_outcome, {SAME_MOMENT}}}, {{kind: simulated_outcome, draws: 20}}"
    )
    result = run(written(tmp_path, refuters))
    control, simulated = result.refutations
    assert control.verdict == "NOT_EVALUATED"
    assert control.subject == "prior_outcome_control"
    assert "nobody is left after the step 'an outcome was due'" in control.reason
    assert simulated.verdict in ("PASS", "FAIL")
    assert simulated.subject == ""
    assert [row.label for row in simulated.rows] == ["planted", "planted"]


def test_too_few_calibration_controls_are_refused_before_any_data(tmp_path):
    for moments, said in (
        ([""], "1 columns are controls; empirical_calibration needs at least 10"),
        (["", ", at: next_interview"], r"1 columns \(at several moments one is one\) are controls"),
    ):
        controls = ", ".join(f"{{{SAME_MOMENT}{at}}}" for at in moments)
        with pytest.raises(SpecError, match=r"refuters\[0\]: " + said):
            checked(tmp_path, f"{{kind: empirical_calibration, controls: [{controls}]}}")


@pytest.mark.parametrize(("number", "refused"), [(9, True), (10, False)])
def test_ten_columns_are_enough_to_be_checked(number, refused):
    controls = [
        {"outcome": f"control_{one}", "concept": "pain", "rationale": "nothing could change it"}
        for one in range(number)
    ]
    settings = EmpiricalCalibration(controls=controls)
    if refused:
        with pytest.raises(SpecError, match="9 columns are controls"):
            refuse_few(settings)
    else:
        refuse_few(settings)


@pytest.mark.parametrize(
    ("refuters", "error", "said"),
    [
        (
            f"{{kind: negative_control_exposure, exposure: followed, concept: followed, {WHY}}}",
            IdentificationError,
            r"refuters\[0\].*'followed' is no negative control: followed may follow from outcome: "
            "outcome -> followed",
        ),
        (
            f"{{kind: negative_control_exposure, exposure: moud, concept: moud, {WHY}}}",
            IdentificationError,
            "moud may cause outcome: moud -> outcome",
        ),
        (
            "{kind: negative_control_exposure, exposure: mhg_weekly, "
            f"concept: prior_outcome, {WHY}}}",
            IdentificationError,
            "'mhg_weekly' is the exposure itself. Its later state may be a control: add a concept",
        ),
        (
            "{kind: negative_control_exposure, exposure: mhg_weekly, at: after_outcome, "
            f"concept: mhg, {WHY}}}",
            IdentificationError,
            "add a concept for it to the diagram, such as 'mhg_next'",
        ),
        (
            f"{{kind: negative_control_exposure, exposure: site, concept: site, {WHY}}}",
            SpecError,
            r"refuters\[0\]: 'site' is categorical. As an exposure it needs arms",
        ),
        (
            f"{{kind: negative_control_exposure, exposure: person_id, concept: site, {WHY}}}",
            SpecError,
            r"refuters\[0\]: 'person_id' is id; exposures and outcomes must be",
        ),
        (
            f"{{kind: negative_control_outcome, outcome: site, concept: prior_outcome, {WHY}}}",
            SpecError,
            r"refuters\[0\]: 'site' is categorical",
        ),
        (
            "{kind: negative_control_outcome, outcome: abstinent, concept: prior_outcome, "
            f"{WHY}}}",
            IdentificationError,
            "'abstinent' is the outcome itself, which exposure may change",
        ),
        (
            "{kind: negative_control_outcome, outcome: abstinent, at: next_scheduled, "
            f"concept: prior_outcome, {WHY}}}",
            IdentificationError,
            "'abstinent' is the outcome itself, which exposure may change",
        ),
        (
            "{kind: negative_control_outcome, outcome: mhg_weekly, concept: prior_outcome, "
            f"{WHY}}}",
            IdentificationError,
            "'mhg_weekly' is the exposure itself, so it cannot be an outcome",
        ),
        (
            f"{{kind: negative_control_outcome, outcome: female, concept: prior_outcome, {WHY}}}",
            SpecError,
            "'female' does not measure 'prior_outcome' by the codebook; prior_outcome_control does",
        ),
        (
            f"{{kind: empirical_calibration, controls: [{{{SAME_MOMENT}}}, "
            f"{{{SAME_MOMENT}, at: next_scheduled}}]}}",
            SpecError,
            r"refuters\[0\]: the control 'prior_outcome_control' stands twice .*next_scheduled",
        ),
        (
            f"{{kind: negative_control_outcome, {SAME_MOMENT}}}, "
            f"{{kind: negative_control_outcome, {SAME_MOMENT}, at: next_scheduled}}",
            SpecError,
            r"refuters\[1\]: the control 'prior_outcome_control' stands twice",
        ),
        (
            f"{{kind: negative_control_exposure, exposure: muod, concept: moud, {WHY}}}",
            CausalError,
            "mean 'moud'",
        ),
        (
            "{kind: placebo_exposure}, {kind: empirical_calibration, "
            f"controls: [{{outcome: moud, concept: moud, {WHY}}}]}}",
            IdentificationError,
            r"refuters\[1\].*moud may cause mhg: moud -> mhg",
        ),
        (
            "{kind: simulated_confounder, benchmark: severty}",
            SpecError,
            r"refuters\[0\].*mean 'severity'",
        ),
    ],
)
def test_controls_the_diagram_or_codebook_does_not_allow_are_refused(
    tmp_path, refuters, error, said
):
    with pytest.raises(error, match=said):
        checked(tmp_path, refuters)


def test_one_control_may_serve_refuters_of_different_kinds_and_be_read_at_two_moments(tmp_path):
    checked(
        tmp_path,
        f"{{kind: negative_control_outcome, {SAME_MOMENT}}}, "
        f"{{kind: negative_control_outcome, {SAME_MOMENT}, at: next_interview}}, {EARLIER}",
    )


def test_a_concept_without_columns_is_taken_at_the_specifications_word():
    specification = load_analysis(ANALYSES / "help_first_interval.yaml")
    codebook = describe("help_cohort").codebook
    named = {one.concept for r in specification.analysis.refuters for one in r.control_outcomes}
    assert named == {"bodily_illness"}
    assert not codebook.measuring("bodily_illness")
    check_assaults(plan_analysis(specification, describe("help_cohort")))


def test_what_only_brackets_adjust_for_is_not_shared(tmp_path):
    """It may be a mediator, and what it carries of the effect is no confounding."""
    bracket = (
        "  - {name: seen, role: bracket, adjust: [dag, religiosity], "
        "estimator: {kind: g_computation}}\nrefuters:"
    )
    specification = written(tmp_path, "", SPEC.replace("refuters:", bracket))
    plan = plan_analysis(specification, describe("simulated"))
    cohort = load_cohort("simulated", specification.analysis.options)
    sample = draw_sample(cohort, plan).sample
    assert "religiosity" in sample.terms
    assert "religiosity" not in _ladder_terms(plan, sample)
    full = rung_terms(plan, next(r for r in plan.rungs if r.rung.name == "full").measurements)
    assert set(_ladder_terms(plan, sample)) == set(full)


def test_a_variant_may_look_at_another_exposure(tmp_path):
    specification = written(tmp_path, "")
    variant = Variant(name="medication", reason="another exposure", exposure="moud")
    assert specification.analysis.varied(variant).design.exposure == "moud"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("baseline", [("p1", 0, 0), ("p1", 1, 0), ("p2", 1, 1)]),
        ("exposure_window", [("p1", 0, 1), ("p1", 1, 1)]),
        ("after_outcome", [("p1", 0, 1), ("p2", 1, 0)]),
    ],
)
def test_a_control_exposure_is_read_at_its_moment_and_the_exposure_is_kept(at, expected):
    missing = float("nan")
    rows = [
        # person, wave, exposure, outcome, control
        ("p1", 0, missing, 0, 0), ("p1", 6, 0, 1, 1), ("p1", 12, 1, 0, 1), ("p1", 18, 1, 1, 1),
        ("p2", 0, missing, 0, 1), ("p2", 6, 1, 1, missing), ("p2", 18, 0, 1, 1),
        ("p2", 24, 0, 1, 0),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["person_id", "wave", "a", "y", "c"])
    names = {name: variable(name) for name in ("a", "y", "c")}
    cohort = Cohort("made up", table, Codebook("made up", names), (0, 6, 12, 18, 24), 30.0, "")
    design = LaggedIntervals(exposure="a", outcome="y")
    everybody = pd.Series(True, index=["p1", "p2"])
    units = build_units(cohort, design, MissingData(), everybody, ("all", "everybody"))
    control = ControlExposure(exposure="c", concept="c", at=at, rationale="a test of timing")
    found = _with_control(cohort, units, control).frame
    read = found[["person_id", "held", "exposure"]].itertuples(index=False, name=None)
    assert list(read) == expected


def variable(name: str) -> Variable:
    """Give a 0/1 column."""
    return Variable(name, name, "binary", "", None, None, {"0": "no", "1": "yes"}, 30, (), None, "")


PANEL = f"""
question: Does attendance lower later use?
dataset: simulated
options: {{scenario: reverse_only, n: 400, seed: 1}}
design: {{kind: lagged_intervals, exposure: mhg_weekly, outcome: drug_use}}
chosen: before_estimates
dag: {ANALYSES}/dags/relapse.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: lagged, adjust: [prior_use, prior_attendance], estimator: {{kind: g_computation}}}}
sensitivity: [{{kind: bounds}}, {{kind: tipping_point}}, {{kind: selection_bias}}]
refuters: [REFUTERS]
seed: 1
"""


def test_intervals_that_end_at_the_last_interview_are_nobody_lost(tmp_path):
    # everybody is seen at every wave, so nobody is lost; 400 intervals end at the last of them
    result = run(written(tmp_path, "", PANEL))
    due = next(one for one in result.attrition if one.step == "an outcome was due")
    before = result.attrition[result.attrition.index(due) - 1]
    assert (before.rows - due.rows, result.attrition[-1].rows) == (400, due.rows)
    bounds, tip, selection = result.sensitivity
    assert "Every outcome is known" in bounds.sentence
    assert "no outcome is missing" in tip.sentence
    assert "every outcome is known" in selection.sentence

"""What the HELP analysis must own up to: the printed figures, from the committed specifications."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from causal.controls import exposure_control_fault
from causal.dag import Dag, Edge
from causal.errors import DataNotAvailableError
from causal.estimators import GComputation, LinearProbability, NuisanceStore
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.refuters import Auxiliary, NegativeControlOutcome
from causal.refuters.control_settings import ControlExposure
from causal.refuters.negative_controls import exact_p
from causal.registry import chosen_options, describe, load_cohort
from causal.result import FollowUpBlock, Result, RungBlock
from causal.sampling import draw_sample
from causal.spec import load_analysis
from causal.subject import Subject

pytestmark = [pytest.mark.data, pytest.mark.reference]

ANALYSES = Path(__file__).parents[2] / "analyses"
SPECS = Path(__file__).parent / "specs"
PRINTED = 0.00051
"""Half a unit of the third decimal printed, and rounding."""
UNPINNED = 0.05
"""Of a standard error: the notes give a third decimal and not what it is of."""
SHORT = 0.80
"""The printed standard errors come from 200 resamples of persons. Influence values are first order
and leave out how far fitted weights stray: with 231 persons they fall short by a tenth to a sixth,
as the simulation studies show for weighting (docs/simulations/clustered.md)."""


@cache
def result(name: str) -> Result:
    """Run a committed analysis once, without its refuters (their draws are tested elsewhere)."""
    specification = load_analysis(ANALYSES / f"{name}.yaml")
    quick = specification.analysis.model_copy(update={"refuters": (), "sensitivity": ()})
    try:
        return run(replace(specification, analysis=quick))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


def variant(name: str, rung: str) -> RungBlock:
    """Give a rung of a variant of the primary."""
    found = next(one for one in result("help_drug_use").variants if one.name == name)
    return next(one for one in found.rungs if one.name == rung)


@pytest.mark.parametrize(
    ("name", "rung", "value", "n"),
    [
        ("abstinent_at_end", "crude", 0.001, 232),
        ("use_at_end", "crude", -0.113, 160),
        ("interval_ending_6", "full", -0.144, None),
        ("interval_ending_12", "full", -0.131, None),
        ("interval_ending_18", "full", -0.180, None),
        ("no_residence_at_outcome", "crude", -0.086, 275),
        ("no_residence_at_outcome", "full", -0.078, 275),
        ("no_jail", "full", -0.120, 305),
        ("no_controlled_environment", "full", -0.074, 219),
    ],
)
def test_strata_intervals_and_environments_are_the_printed_ones(name, rung, value, n):
    found = variant(name, rung)
    assert found.estimate == pytest.approx(value, abs=PRINTED)
    assert n is None or found.n == n


@pytest.mark.parametrize(
    ("name", "error"),
    [("no_residence_at_outcome", 0.060), ("no_jail", 0.061), ("no_controlled_environment", 0.066)],
)
def test_standard_errors_of_the_environments_are_the_printed_ones(name, error):
    assert variant(name, "full").std_error == pytest.approx(error, abs=PRINTED)


def test_the_bracket_goes_from_care_to_use_with_the_printed_interval():
    found = result("help_drug_use")
    assert found.rung("with_residential_care").estimate == pytest.approx(-0.096, abs=PRINTED)
    last = found.rung("with_use_at_end")
    assert last.estimate == pytest.approx(-0.044, abs=PRINTED)
    assert last.interval == pytest.approx((-0.143, 0.056), abs=PRINTED)
    assert last.n == 392
    assert found.rung("full").n == 393


@pytest.mark.parametrize(
    ("rung", "value", "error"),
    [
        ("ipw", -0.117, 0.065),
        ("ipw_followed", -0.113, 0.070),
        ("ipw_followed_by_use", -0.089, 0.063),
    ],
)
def test_the_next_scheduled_wave_with_and_without_weights_for_follow_up(rung, value, error):
    found = result("help_scheduled_wave").rung(rung)
    assert found.estimate == pytest.approx(value, abs=PRINTED)
    assert SHORT < found.std_error / error < 1.05


def test_within_persons_the_sign_turns_and_between_them_it_does_not():
    found = result("help_within_person")
    within, between = found.rung("within_person"), found.rung("between_persons")
    assert (round(within.estimate, 3), round(within.std_error, 3)) == (0.038, 0.068)
    assert (round(between.estimate, 3), round(between.std_error, 3)) == (-0.296, 0.101)


def test_with_24_covariates_the_doubly_robust_estimate_turns_and_its_error_explodes():
    found = result("help_extended")
    aipw = found.rung("full_aipw")
    assert (round(aipw.estimate, 2), round(aipw.std_error, 2)) == (0.03, 0.25)
    weights = {d.name: d for d in found.diagnostics if d.rung == "full_aipw"}
    assert round(weights["weight_max"].value) == 66
    assert weights["effective_sample_size"].verdict == "FAIL"


def test_the_concurrent_design_is_an_association_by_overlap():
    assert "the same interview" in result("help_concurrent").timing.reasons[0]


@pytest.mark.parametrize(
    ("rung", "value"),
    [
        ("ipw", -0.093),
        ("ipw_two_stages", -0.137),
        ("overlap", -0.158),
        ("overlap_two_stages", -0.195),
    ],
)
def test_two_stages_of_follow_up_from_baseline_move_the_first_interval_away_from_zero(rung, value):
    assert result("help_two_stages").rung(rung).estimate == pytest.approx(value, abs=PRINTED)


FEW_HOLES = 0.006
"""Medians against imputations: 21 of 6,000 covariate values are missing."""


@pytest.mark.parametrize("rung", ["ipw", "ipw_two_stages", "overlap_two_stages"])
def test_imputing_the_few_missing_covariates_moves_two_stage_weights_little(rung):
    imputed, medians = (result(one).rung(rung) for one in ("help_attrition", "help_two_stages"))
    assert imputed.n == medians.n == (354 if rung.endswith("stages") else 197)
    assert abs(imputed.estimate - medians.estimate) < FEW_HOLES
    told = {(one.rung, one.name): one.value for one in result("help_attrition").diagnostics}
    assert told[rung, "fraction_missing_information"] < 0.05
    assert 0.2 < told["lost_imputed: standardised", "fraction_missing_information"] < 0.8


def follow_up(name: str, arm: str, stratum: str = "") -> FollowUpBlock:
    return next(one for one in result(name).follow_up if (one.arm, one.stratum) == (arm, stratum))


def test_the_next_interview_is_late_more_often_after_attendance():
    exposed, unexposed = (follow_up("help_drug_use", arm) for arm in ("exposed", "unexposed"))
    assert (exposed.late, exposed.rows) == (49, 236)
    assert (unexposed.late, unexposed.rows) == (14, 157)


def test_among_users_attenders_are_followed_to_the_next_wave_less_often():
    shares = [
        one.known / one.rows
        for one in (
            follow_up("help_scheduled_wave", arm, "drug_use@end = 1")
            for arm in ("exposed", "unexposed")
        )
    ]
    assert [round(100 * share) for share in shares] == [61, 78]


def test_too_few_are_complete_and_change_for_regimes_over_the_waves():
    try:
        table = load_cohort("help_cohort", chosen_options(describe("help_cohort"), {})).table
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    later = table[table["wave"] > 0]
    waves = later.groupby("person_id")["wave"].nunique()
    complete = later[later["person_id"].isin(waves.index[waves == 4]) & (later["wave"] < 24)]
    frequent = complete.groupby("person_id")["mhg_frequent"].sum()
    assert [len(frequent), int((frequent == 0).sum()), int((frequent == 3).sum())] == [99, 18, 32]


def test_lung_disease_fails_as_a_control_by_its_interval_but_not_by_the_exact_test():
    specification = load_analysis(SPECS / "help_nco_lung_disease.yaml")
    info = describe("help_cohort")
    try:
        cohort = load_cohort("help_cohort", chosen_options(info, {}))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    sample = draw_sample(cohort, plan_analysis(specification, info)).sample
    events = [
        (int(sample.y[sample.a == arm].sum()), int((sample.a == arm).sum())) for arm in (1, 0)
    ]
    assert events == [(15, 144), (2, 71)]
    assert round(exact_p(sample), 3) == 0.061
    estimator = LinearProbability()
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, "risk_difference")
    control = NegativeControlOutcome(
        outcome="lung_disease", concept="bodily_illness", rationale="long-standing disease"
    )
    found = control.refute(
        subject, np.random.default_rng(0), Auxiliary(outcomes={control.key: sample})
    )
    assert found.interval[0] > 0
    assert found.verdict == "NOT_RESOLVABLE"
    assert "Fisher's exact test of the crude table gives p = 0.061" in found.reason


def test_accidents_pass_as_a_control():
    """The notes print +.001 without a recipe; that of the other two controls gives -.0003."""
    specification = load_analysis(SPECS / "help_nco_accident.yaml")
    info = describe("help_cohort")
    try:
        cohort = load_cohort("help_cohort", chosen_options(info, {}))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    sample = draw_sample(cohort, plan_analysis(specification, info)).sample
    assert sample.n == 215
    fit = LinearProbability().fit(sample, NuisanceStore(), np.random.default_rng(0))
    found = fit.effect("risk_difference")
    assert abs(found.estimate - 0.001) < UNPINNED * found.std_error
    assert found.lo < 0 < found.hi
    assert 2.8 * found.std_error > 0.11  # detectable at 80 % power: ±.11 to ±.23, says the note


def test_future_attendance_is_the_printed_one_and_the_diagram_refuses_it():
    """Attendance in months 6 to 12 on use at 6, attendance up to 6 held: anyone seen at both."""
    specification = load_analysis(SPECS / "help_p1.yaml")
    design = specification.analysis.design.model_copy(
        update={"outcome_at": "same_interview", "exposure_wave": 6}
    )
    update = {"population": "all", "design": design}
    analysis = specification.analysis.model_copy(update=update)
    plan = plan_analysis(replace(specification, analysis=analysis), describe("help_cohort"))
    later = ControlExposure(
        exposure="mhg_frequent",
        concept="mhg_next",
        at="after_outcome",
        rationale="attendance cannot change use before it",
    )
    try:
        cohort = load_cohort("help_cohort", chosen_options(plan.info, {}))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    next_seen = draw_sample(cohort, plan, later)
    at_12 = replace(cohort, table=cohort.table[cohort.table["wave"].isin((0, 6, 12))])
    sample = draw_sample(at_12, plan, later).sample
    assert (next_seen.sample.n, sample.n) == (214, 153)
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    found = fit.effect("risk_difference")
    assert found.estimate == pytest.approx(-0.066, abs=PRINTED)
    assert found.std_error == pytest.approx(0.081, abs=PRINTED)
    # use at 6 may drive attendance after 6, so an association would be no confounding
    fault = exposure_control_fault(with_next(plan.dag), "mhg_next")
    assert "may follow from outcome" in fault


def with_next(dag: Dag) -> Dag:
    """Add later attendance to a diagram, driven by what drives attendance, and by use."""
    edges = [
        *((edge.cause, "mhg_next") for edge in dag.edges if edge.effect == dag.exposure),
        (dag.exposure, "mhg_next"),
        (dag.outcome, "mhg_next"),
    ]
    return replace(
        dag,
        concepts={**dag.concepts, "mhg_next": replace(dag.concepts[dag.exposure])},
        edges=(
            *dag.edges,
            *(Edge(cause, effect, "by the test", "the test") for cause, effect in edges),
        ),
    )


def test_lung_disease_is_mostly_reported_again_from_baseline():
    try:
        table = load_cohort("help_cohort", chosen_options(describe("help_cohort"), {})).table
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    indexed = table.set_index(["person_id", "wave"])["lung_disease"]
    seen = table[(table["wave"] == 6) & table["mhg_frequent"].notna()]["person_id"]
    later = table[(table["wave"] > 6) & table["person_id"].isin(seen)].dropna(
        subset=["lung_disease"]
    )
    first = later.drop_duplicates("person_id").set_index("person_id")["lung_disease"]
    with_disease = first.index[first == 1]
    before = [indexed.get((person, 0)) == 1 for person in with_disease]
    assert (len(before), sum(before)) == (17, 16)

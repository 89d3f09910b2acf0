"""When a contrast is an association only: windows that overlap, and states inside the window."""

from dataclasses import replace
from pathlib import Path

import pytest

from causal.dag import load_dag
from causal.design import Baseline, LaggedIntervals
from causal.registry import describe
from causal.timing import association_reasons

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
INFO = describe("simulated")
WAVES, DAYS = (0, 6, 12), 30.4375


def reasons(design, dag: str = "simulated", recall: float | None = 30.0) -> list[str]:
    variables = dict(INFO.codebook.variables)
    variables["abstinent"] = replace(variables["abstinent"], recall=recall)
    book = replace(INFO.codebook, variables=variables)
    return association_reasons(design, book, load_dag(DAGS / f"{dag}.yaml"), WAVES, DAYS)


def baseline(outcome_at: str = "next_interview", wave: int = 6) -> Baseline:
    return Baseline(
        exposure="mhg_weekly", outcome="abstinent", exposure_wave=wave, outcome_at=outcome_at
    )


def test_separate_windows_and_a_diagram_without_inner_states_allow_an_effect():
    assert reasons(baseline()) == []


def test_exposure_and_outcome_of_one_interview_overlap():
    assert "same interview" in reasons(baseline("same_interview"))[0]


@pytest.mark.parametrize("recall", [200.0, float("inf")])
def test_an_outcome_that_looks_back_into_the_exposure_window_overlaps(recall):
    assert "the two windows overlap" in reasons(baseline(), recall=recall)[0]


def test_an_outcome_since_the_previous_interview_begins_where_the_window_ends():
    assert reasons(baseline(), recall=None) == []


def test_relapse_inside_the_window_that_stops_attendance_makes_an_association():
    design = LaggedIntervals(exposure="mhg_weekly", outcome="drug_use")
    assert "use_at_end" in reasons(design, "relapse")[0]


def test_a_disputed_edge_is_enough():
    design = LaggedIntervals(exposure="mhg_weekly", outcome="drug_use")
    assert "edge disputed" in reasons(design, "cohort")[0]


def test_a_point_exposure_at_the_wave_of_the_confounders_leaves_no_open_window():
    variables = dict(INFO.codebook.variables)
    variables["mhg_weekly"] = replace(variables["mhg_weekly"], recall=0.0)
    book = replace(INFO.codebook, variables=variables)
    dag = load_dag(DAGS / "relapse.yaml")
    assert association_reasons(baseline(wave=0), book, dag, WAVES, DAYS) == []
    assert association_reasons(baseline(wave=6), book, dag, WAVES, DAYS) != []

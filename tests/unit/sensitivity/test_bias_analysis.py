"""Correction of two risks: what was made wrong on purpose is put right exactly."""

import math

import numpy as np
import pytest

from causal.estimate import Estimates
from causal.sensitivity.bias_analysis import (
    Biases,
    Measured,
    Risks,
    correct,
    correct_contrast,
    nulling_sensitivity,
    spread_of,
)

EXACT = 1e-10  # algebra there and back
DERIVATIVE = 1e-6  # central differences of smooth functions
TRUE = Risks(*(np.array([v]) for v in (0.6, 0.5, 0.35)))
SE, SP = (0.95, 0.8), (0.98, 0.97)
EXPOSURE_SE, EXPOSURE_SP = (0.9, 0.75), (0.92, 0.97)


def one(*values):
    return tuple(np.array([value]) for value in values)


def misreport(truth: Risks, se, sp, exposure_se, exposure_sp) -> Risks:
    """Misreport exposure by true event, then the event by reported exposure."""
    arms = (1 - truth.exposed, truth.exposed)
    risks = (truth.risk0, truth.risk1)
    cell = {}  # by event and reported exposure
    for event in (0, 1):
        share = [arms[a] * (risks[a] if event else 1 - risks[a]) for a in (0, 1)]
        told = share[1] * exposure_se[event] + share[0] * (1 - exposure_sp[event])
        cell[event, 1], cell[event, 0] = told, share[0] + share[1] - told
    exposed = cell[0, 1] + cell[1, 1]
    seen = [cell[1, a] / (cell[0, a] + cell[1, a]) for a in (0, 1)]
    reported = [seen[a] * se[a] + (1 - seen[a]) * (1 - sp[a]) for a in (0, 1)]
    return Risks(exposed, *reported)


def measured(event=1, scale="risk_difference", risks=(0.465, 0.33), share=0.6, n=393):
    covariance = np.diag([share * (1 - share), *(p * (1 - p) * 2 for p in risks)]) / n
    return Measured(np.array([share, *risks]), covariance, math.inf, event, scale)


def same(found: Risks, expected: Risks):
    for name in ("exposed", "risk0", "risk1"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=EXACT)


def test_misreporting_made_on_purpose_is_undone_exactly():
    reported = misreport(TRUE, SE, SP, EXPOSURE_SE, EXPOSURE_SP)
    biases = Biases(
        sensitivity=one(*SE),
        specificity=one(*SP),
        exposure_sensitivity=one(*EXPOSURE_SE),
        exposure_specificity=one(*EXPOSURE_SP),
    )
    same(correct(reported, biases), TRUE)
    assert abs(float((reported.risk1 - reported.risk0)[0]) + 0.15) > 0.02  # it did matter


def test_selection_made_on_purpose_is_undone_exactly():
    kept = (0.7, 1.4)
    seen = [risk * s / (risk * s + 1 - risk) for risk, s in zip((0.5, 0.35), kept, strict=True)]
    same(correct(Risks(TRUE.exposed, *one(*seen)), Biases(selection=one(*kept))), TRUE)


@pytest.mark.parametrize("over_exposed", [False, True])
def test_confounding_made_on_purpose_is_undone_exactly(over_exposed):
    prevalence, ratio, base = (0.6, 0.2), 1.8, (0.25, 0.2)
    seen = [b * (1 + p * (ratio - 1)) for b, p in zip(base, prevalence, strict=True)]
    shared = prevalence[1] if over_exposed else 0.4 * prevalence[0] + 0.6 * prevalence[1]
    biases = Biases(prevalence=one(*prevalence), ratio=np.array([ratio]), over_exposed=over_exposed)
    expected = Risks(TRUE.exposed, *one(*(b * (1 + shared * (ratio - 1)) for b in base)))
    same(correct(Risks(TRUE.exposed, *one(*seen)), biases), expected)


def test_a_known_difference_is_taken_off():
    moved = correct_contrast(measured(), Biases(difference=np.array([-0.05])))
    assert moved.values == pytest.approx([0.33 - 0.465 + 0.05], abs=EXACT)


def test_without_biases_nothing_changes():
    at = measured()
    found = correct_contrast(at, Biases())
    assert found.values == pytest.approx([0.33 - 0.465], abs=EXACT)
    variance = at.covariance[1, 1] + at.covariance[2, 2]
    assert found.errors == pytest.approx([math.sqrt(variance)], rel=DERIVATIVE)


def test_standard_error_of_a_corrected_difference_is_the_closed_form():
    at = measured()
    found = correct_contrast(at, Biases(sensitivity=one(*SE), specificity=one(*SP)))
    told = [se + sp - 1 for se, sp in zip(SE, SP, strict=True)]
    variance = at.covariance[1, 1] / told[0] ** 2 + at.covariance[2, 2] / told[1] ** 2
    assert found.errors == pytest.approx([math.sqrt(variance)], rel=DERIVATIVE)


@pytest.mark.parametrize("scale", ["risk_difference", "odds_ratio"])
def test_event_or_its_absence_as_the_outcome_gives_the_same_with_the_sign_turned(scale):
    biases = Biases(
        sensitivity=one(*SE),
        specificity=one(*SP),
        exposure_sensitivity=one(*EXPOSURE_SE),
        selection=one(0.8, 1.1),
        prevalence=one(0.4, 0.5),
        ratio=np.array([1.3]),
    )
    use = correct_contrast(measured(1, scale), biases)
    abstinence = correct_contrast(measured(0, scale), biases)
    assert use.values == pytest.approx(-abstinence.values, abs=EXACT)
    assert use.errors == pytest.approx(abstinence.errors, rel=DERIVATIVE)


def test_risk_ratios_are_on_the_log_until_put_back():
    at = measured(scale="risk_ratio")
    found = correct_contrast(at, Biases())
    assert at.back(found.values) == pytest.approx([0.33 / 0.465], abs=EXACT)


@pytest.mark.parametrize(
    "biases",
    [
        Biases(sensitivity=one(1, 0.3)),  # more events than persons
        Biases(specificity=one(1, 0.6)),  # fewer than none
        Biases(sensitivity=one(0.5, 0.5), specificity=one(0.5, 0.5)),  # reports say nothing
        Biases(exposure_sensitivity=one(0.5, 1)),  # more exposed than persons
        Biases(difference=np.array([0.5])),
    ],
)
def test_biases_the_data_contradict_are_impossible(biases):
    found = correct_contrast(measured(), biases)
    assert not found.possible.any()
    assert np.isnan(found.values).all()


def test_correction_is_the_same_one_draw_at_a_time():
    rng = np.random.default_rng(3)
    se = (rng.uniform(0.6, 1, 9), rng.uniform(0.6, 1, 9))
    ese = (rng.uniform(0.9, 1, 9), rng.uniform(0.9, 1, 9))
    together = correct_contrast(measured(), Biases(sensitivity=se, exposure_sensitivity=ese))
    for i in range(9):
        alone = Biases(
            sensitivity=one(se[0][i], se[1][i]), exposure_sensitivity=one(ese[0][i], ese[1][i])
        )
        found = correct_contrast(measured(), alone)
        assert found.values[0] == pytest.approx(together.values[i], abs=EXACT, nan_ok=True)
        assert found.errors[0] == pytest.approx(together.errors[i], rel=DERIVATIVE, nan_ok=True)


def test_random_error_widens_and_fixed_biases_leave_nothing_systematic():
    at, noise = measured(), np.random.default_rng(4).standard_normal(20_000)
    found = spread_of(correct_contrast(at, Biases(sensitivity=one(1, 0.9))), at, 0.025, noise)
    assert found.systematic_lo == found.systematic_hi
    assert found.lo < found.systematic_lo < found.hi
    assert found.impossible == 0
    nobody = correct_contrast(at, Biases(sensitivity=one(1, 0.9)))
    half = 1.96 * nobody.errors[0]
    band = 4 * nobody.errors[0] / math.sqrt(20_000 * 0.025)  # four errors of an extreme quantile
    assert found.hi - found.lo == pytest.approx(2 * half, abs=2 * band)


# --- how fully an arm would have to report


def test_attenders_reporting_71_percent_would_leave_no_crude_difference():
    # 33.1 % use after frequent attendance, 46.5 % otherwise
    needed, interval = nulling_sensitivity(measured(risks=(0.465, 0.331)), 0.95)
    assert needed == pytest.approx(0.711, abs=0.001)
    assert needed < interval < 1


@pytest.mark.parametrize(
    ("event", "risks"), [(1, (0.465, 0.33)), (1, (0.33, 0.465)), (0, (0.465, 0.33))]
)
def test_at_the_needed_sensitivity_the_estimate_is_zero_and_at_the_other_its_interval_ends_there(
    event, risks
):
    at = measured(event, risks=risks)
    needed, interval = nulling_sensitivity(at, 0.95)
    for sensitivity, of_interval in ((needed, False), (interval, True)):
        both = [np.ones(1), np.ones(1)]
        both[at.low_arm] = np.array([sensitivity])
        found = correct_contrast(at, Biases(sensitivity=tuple(both)))
        critical = 1.959963984540054 if of_interval else 0.0
        assert abs(found.values[0]) - critical * found.errors[0] == pytest.approx(0, abs=DERIVATIVE)


def test_interval_that_includes_zero_needs_no_misreporting():
    assert nulling_sensitivity(measured(n=60), 0.95)[1] == 1


def test_one_slope_has_no_risks_to_correct():
    from causal.sensitivity.bias_analysis import measure

    slope = Estimates(("difference",), np.array([0.1]), np.zeros((3, 1)), np.eye(1), "ATE")
    assert "difference only" in measure(slope, slope, 1, "risk_difference").reason
    odd = Estimates(("a", "b"), np.array([-0.1, 0.2]), np.zeros((3, 2)), np.eye(2), "ATE")
    assert "strictly between" in measure(odd, slope, 1, "risk_difference").reason

"""Published trials: the denominators demanded, the numbers, their invariances, the alarm."""

import numpy as np
import pytest
from scipy.special import ndtr

from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.instrumental.two_by_two import (
    CHANCE,
    Arm,
    arm_from_counts,
    arm_from_rates,
    difference_from_interval,
    difference_from_p,
    read_differences,
    read_trial,
    share_overall,
    shares_by_exposure,
)

ROUNDING = 1e-9
CENT = 0.0051
"""Half a unit of the second decimal."""

# Manning et al. 2012, doi:10.1016/j.drugalcdep.2012.05.004: its three arms together, and abstinence
# of attenders and of others, printed without a denominator.
ATTENDED, ABSTINENT = (0.64 + 0.48 + 0.33) / 3, (0.44 + 0.41 + 0.36) / 3
BY_ATTENDANCE = (0.608, 0.392)


def arm(exposed=0.6, outcome=0.5, n=200, of="randomised", both=None):
    return arm_from_rates(n=n, of=of, exposed=exposed, outcome=outcome, both=both)


@pytest.mark.reference
def test_abstinence_by_attendance_has_the_two_readings_recorded():
    assert share_overall(ATTENDED, *BY_ATTENDANCE) == pytest.approx(ABSTINENT / 0.83, abs=0.011)
    assert shares_by_exposure(ATTENDED, ABSTINENT, 0.608) == pytest.approx((0.51, 0.31), abs=CENT)


def test_shares_by_exposure_turn_back():
    first, second = shares_by_exposure(0.3, 0.4, 0.5)
    assert share_overall(0.3, first, second) == pytest.approx(0.4)
    assert 0.3 * first / 0.4 == pytest.approx(0.5)
    with pytest.raises(SpecError, match="nobody to compare with"):
        shares_by_exposure(1.0, 0.4, 0.5)


def test_a_missing_denominator_is_demanded():
    with pytest.raises(SpecError, match="how many persons they are of"):
        arm_from_rates(n=None, of="followed", exposed=0.608, outcome=0.4)
    with pytest.raises(SpecError, match="randomised or those followed"):
        arm_from_rates(n=151, of=None, exposed=0.608, outcome=0.4)
    with pytest.raises(SpecError, match="how many persons"):
        arm_from_counts(n=None, of="followed", exposed=30, outcome=20)


def test_arms_on_different_denominators_are_refused():
    with pytest.raises(SpecError, match="randomised in one arm and of those followed"):
        read_trial(arm(), arm(of="followed"), correlation=0.2)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"exposed": 64.0}, "Divide percentages"),
        ({"n": 1}, "at least 2"),
        ({"both": 0.55}, "on one denominator"),
    ],
)
def test_shares_that_cannot_be_are_refused(wrong, match):
    with pytest.raises(SpecError, match=match):
        arm(**wrong)


def test_how_exposure_and_outcome_go_together_is_demanded():
    with pytest.raises(SpecError, match="declare `correlation`"):
        read_trial(arm(), arm(0.3))
    with pytest.raises(SpecError, match="cannot be for shares"):
        read_trial(arm(0.05, 0.95), arm(0.05, 0.9), correlation=0.6)
    with pytest.raises(SpecError, match="between -1 and 1"):
        read_trial(arm(), arm(0.3), correlation=1.2)


def test_counts_give_the_anderson_rubin_set_of_the_rows():
    counts = {1: (100, 60, 50, 40), 0: (120, 30, 48, 20)}  # n, exposed, outcome, both
    arms = {
        z: arm_from_counts(n=n, of="randomised", exposed=e, outcome=o, both=b)
        for z, (n, e, o, b) in counts.items()
    }
    found = read_trial(arms[1], arms[0])
    y, a, z = [], [], []
    for side, (n, exposed, outcome, both) in counts.items():
        cells = {
            (1, 1): both,
            (1, 0): exposed - both,
            (0, 1): outcome - both,
            (0, 0): n - exposed - outcome + both,
        }
        for (one, other), size in cells.items():
            a += [one] * size
            y += [other] * size
            z += [side] * size
    y, a, z = (np.array(v, float) for v in (y, a, z))

    def passes(b):
        left = y - b * a
        difference = left[z == 1].mean() - left[z == 0].mean()
        variance = left[z == 1].var() / 100 + left[z == 0].var() / 120
        return difference**2 <= 1.959963984540054**2 * variance

    (low, high) = found.region.pieces[0]
    assert passes(low + 1e-6)
    assert passes(high - 1e-6)
    assert not passes(low - 1e-6)
    assert not passes(high + 1e-6)


def test_exchanging_the_arms_turns_both_stages_and_leaves_the_rest():
    one, other = arm(0.6, 0.5, both=0.35), arm(0.4, 0.45, n=150, both=0.2)
    here, there = read_trial(one, other), read_trial(other, one)
    assert there.first_stage.value == -here.first_stage.value
    assert there.reduced_form.value == -here.reduced_form.value
    assert there.wald == here.wald
    assert there.region.pieces[0] == pytest.approx(here.region.pieces[0], abs=ROUNDING)


def test_recoding_the_outcome_turns_the_ratio_and_the_set():
    def read(recoded):
        arms = [(0.7, 0.51), (0.61, 0.41)]
        made = [arm(a, 1 - y if recoded else y) for a, y in arms]
        return read_trial(*made, correlation=-0.25 if recoded else 0.25)

    here, there = read(False), read(True)
    assert there.wald == pytest.approx(-here.wald)
    (_, first), (second, _) = here.region.pieces
    assert there.region.pieces == (
        (None, pytest.approx(-second)),
        (pytest.approx(-first), None),
    )
    assert len(there.readings) == 3


def test_student_quantiles_widen_the_set():
    arms = arm(0.7, 0.5, n=20), arm(0.2, 0.4, n=20)
    normal = read_trial(*arms, correlation=0.2).region.pieces[0]
    student = read_trial(*arms, correlation=0.2, quantile="student").region.pieces[0]
    assert student[0] < normal[0]
    assert student[1] > normal[1]


def test_equal_exposure_leaves_no_ratio_and_no_finite_set():
    found = read_trial(arm(0.5), arm(0.5), correlation=0.2)
    assert isinstance(found.wald, NotEstimable)
    assert not found.region.bounded


def test_chance_of_an_impossible_ratio_falls_with_size():
    def chance(n):
        found = read_trial(arm(0.5, 0.6, n), arm(0.4, 0.4, n), correlation=0.2)
        assert found.readings[0].startswith("Chance:") == (found.chance >= CHANCE)
        return found.chance

    assert chance(100) > CHANCE > chance(1000) > chance(4000)


def test_chance_of_an_impossible_ratio_is_the_larger_of_those_at_both_ends():
    found = read_trial(arm(0.5, 0.6, 100), arm(0.5, 0.4, 100), correlation=0.2)
    spread = found.reduced_form.std_error**2 + found.first_stage.std_error**2
    ends = [ndtr(-0.2 / (spread + 2 * sign * found.covariance) ** 0.5) for sign in (-1, 1)]
    assert found.chance == pytest.approx(max(ends))


def test_published_intervals_and_p_values_give_their_standard_errors():
    assert difference_from_interval(1.0, 0.0, 2.0).std_error == pytest.approx(1 / 1.959963984540054)
    assert difference_from_p(-2.0, 0.05).f == pytest.approx(1.959963984540054**2)
    with pytest.raises(SpecError, match="no width"):
        difference_from_interval(1.0, 2.0, 2.0)
    with pytest.raises(SpecError, match="gives no standard error"):
        difference_from_p(0.0, 0.5)


def test_the_normal_interval_lies_within_the_set_and_nears_it_as_arms_grow():
    def both(n):
        found = read_trial(arm(0.7, 0.6, n), arm(0.3, 0.5, n), correlation=0.2)
        return found.normal_interval(), found.region.pieces[0]

    def gap(n):
        normal, region = both(n)
        return max(abs(normal[0] - region[0]), abs(normal[1] - region[1])) * n**0.5

    (low, high), (first, second) = both(200)
    assert (low + high) / 2 == pytest.approx(0.25)
    assert second - first > high - low
    assert gap(200) > gap(2_000) > gap(200_000)


def test_without_a_ratio_there_is_no_normal_interval():
    found = read_trial(arm(0.5), arm(0.5), correlation=0.2)
    assert isinstance(found.normal_interval(), NotEstimable)


def test_differences_and_arms_agree_where_the_covariance_does():
    arms = arm(0.6, 0.5), arm(0.6 - 0.2, 0.5)
    found = read_trial(*arms, correlation=0.3)
    again = read_differences(found.first_stage, found.reduced_form, correlation=0.3)
    # sqrt(p q) is the same in both arms, so the correlation of the differences is that within arms
    assert again.region.pieces[0] == pytest.approx(found.region.pieces[0])


def test_an_arm_without_sampling_error_is_refused():
    certain = Arm(50, "followed", 1.0, 0.5, NotEstimable("not said"))
    none = certain
    with pytest.raises(SpecError, match="no sampling error"):
        read_trial(certain, none, correlation=0.0)

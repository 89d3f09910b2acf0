"""Measures turned into risk ratios, and the bounding factor of a risk difference."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from causal.sensitivity.conversions import (
    e_value,
    factor_at_limit,
    factor_of_difference,
    ratio_of_hazards,
    ratio_of_odds,
)

SAME = 1e-9  # the same closed form another way round
PRINTED = 0.005  # two decimals printed
risks = st.floats(0.02, 0.98)
ratios = st.floats(0.05, 20)


@pytest.mark.parametrize(
    ("turned", "expected"),
    [
        # the examples of the R package EValue (Mathur et al. 2018, Epidemiology 29:e45), by the
        # formulas of VanderWeele & Ding (2017), table 2
        pytest.param(ratio_of_odds(0.86, rare=False), math.sqrt(0.86), id="odds, common"),
        pytest.param(ratio_of_odds(0.86, rare=True), 0.86, id="odds, rare"),
        pytest.param(
            ratio_of_hazards(0.56, rare=False),
            (1 - 0.5 ** math.sqrt(0.56)) / (1 - 0.5 ** math.sqrt(1 / 0.56)),
            id="hazards, common",
        ),
        pytest.param(ratio_of_hazards(0.56, rare=True), 0.56, id="hazards, rare"),
    ],
)
def test_measures_are_turned_by_the_published_rules(turned, expected):
    assert turned == pytest.approx(expected, rel=SAME)


@given(ratios, st.booleans())
def test_turning_a_ratio_upside_down_turns_its_risk_ratio_upside_down(ratio, rare):
    for turn in (ratio_of_odds, ratio_of_hazards):
        assert turn(1 / ratio, rare=rare) == pytest.approx(1 / turn(ratio, rare=rare), rel=SAME)


@given(st.floats(1.01, 20))
def test_a_common_outcome_takes_a_hazard_ratio_towards_1_but_not_to_it(ratio):
    assert 1 < ratio_of_hazards(ratio, rare=False) < ratio


@given(risks, risks, st.floats(0.05, 0.95))
def test_difference_of_0_needs_the_risk_ratio_whoever_is_exposed(p0, p1, exposed):
    factor = factor_of_difference((p0, p1), exposed, 0.0)
    assert factor == pytest.approx(max(p0 / p1, p1 / p0), rel=SAME)


@given(risks, risks, st.floats(0.05, 0.95), st.floats(-0.5, 0.5))
def test_recoding_exposure_or_direction_changes_no_bounding_factor(p0, p1, exposed, target):
    one = factor_of_difference((p0, p1), exposed, target)
    other = factor_of_difference((p1, p0), 1 - exposed, -target)
    assert one == pytest.approx(other, rel=SAME)
    assert one >= 1 - SAME


@given(risks, risks, st.floats(0.05, 0.95), st.floats(-0.3, 0.3))
def test_bound_at_the_factor_is_the_target(p0, p1, exposed, target):
    assume(p1 - p0 > target)
    factor = factor_of_difference((p0, p1), exposed, target)
    # the bound of Ding & VanderWeele (2016) written out: the exposed keep p1 and would have had
    # B p0 unexposed; the unexposed keep p0 and would have had p1 / B exposed
    among_exposed, among_unexposed = p1 - factor * p0, p1 / factor - p0
    left = exposed * among_exposed + (1 - exposed) * among_unexposed
    assert left == pytest.approx(target, abs=SAME)


def test_difference_among_the_exposed_moves_the_unexposed_risk_only():
    assert factor_of_difference((0.3, 0.5), 1.0, 0.1) == pytest.approx((0.5 - 0.1) / 0.3)


def test_risk_difference_of_smoking_and_lung_cancer_has_the_e_value_of_the_ratio():
    # Hammond & Horn (1958), counts as in the R package EValue, whose E-value is 20.95
    unexposed, exposed = 51 / (51 + 108778), 397 / (397 + 78557)
    share = (397 + 78557) / (397 + 78557 + 51 + 108778)
    assert e_value(factor_of_difference((unexposed, exposed), share, 0)) == pytest.approx(
        20.95, abs=PRINTED
    )
    assert factor_of_difference((unexposed, exposed), share, 0.001) < exposed / unexposed


def test_interval_reaches_the_target_at_its_own_factor():
    risks, covariance = (0.3, 0.5), np.array([[4e-4, 5e-5], [5e-5, 6e-4]])
    factor = factor_at_limit(risks, covariance, 0.4, 0.02, 1.96)
    gradient = np.array([-factor, 1.0])
    share = 0.4 + 0.6 / factor
    limit = share * (gradient @ risks - 1.96 * math.sqrt(gradient @ covariance @ gradient))
    assert limit == pytest.approx(0.02, abs=SAME)
    assert 1 < factor < factor_of_difference(risks, 0.4, 0.02)
    turned = factor_at_limit(risks[::-1], covariance[::-1, ::-1], 0.6, -0.02, 1.96)
    assert turned == pytest.approx(factor, rel=SAME)


def test_share_exposed_counts_in_the_interval_as_drawing_it_shows():
    # 600 persons of whom 240 are exposed: risks and share are drawn, and what a bounding factor
    # leaves is computed from each draw; its spread is what the root has in it
    risks, n, share = (0.3, 0.5), 600, 0.4
    covariance = np.diag([0.3 * 0.7 / (n * (1 - share)), 0.5 * 0.5 / (n * share)])
    of_share, target = share * (1 - share) / n, 0.08
    known, drawn = (
        factor_at_limit(risks, covariance, share, target, 1.0, variance)
        for variance in (0.0, 400 * of_share)
    )
    assert 1 < drawn < known < factor_of_difference(risks, share, target)
    rng = np.random.default_rng(4)
    p0, p1 = (
        rng.normal(p, math.sqrt(v), 400_000)
        for p, v in zip(risks, np.diag(covariance), strict=True)
    )
    f = rng.normal(share, math.sqrt(of_share), 400_000)
    factor = factor_at_limit(risks, covariance, share, target, 1.0, of_share)
    left = (p1 - factor * p0) * (f + (1 - f) / factor)
    middle = (risks[1] - factor * risks[0]) * (share + (1 - share) / factor)
    assert left.std() == pytest.approx(middle - target, rel=0.01)
    assert factor < known


def test_interval_that_includes_the_target_needs_no_confounder():
    assert factor_at_limit((0.3, 0.35), np.diag([4e-3, 4e-3]), 0.5, 0.0, 1.96) == 1.0

"""Bounds in closed form: widths, mirrors, trimming, standard errors and interval coverage."""

import math

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.sensitivity.partial_identification import Bounds, lee_bounds, manski_bounds, top_mean

ROUNDING = 1e-10
NUMERICAL = 1e-6  # central differences of the reference
UNIT = (0.0, 1.0)
BOTH = ("monotone_response", "monotone_selection")


def arrays(sample):
    return sample.y, sample.a, sample.w, sample.cluster


def test_bounds_without_assumption_are_as_wide_as_the_range_and_hold_no_effect(confounded):
    found = manski_bounds(*arrays(confounded()), UNIT)
    assert found.upper - found.lower == pytest.approx(1, abs=ROUNDING)
    assert found.lower < 0 < found.upper


def test_bounds_are_those_of_filling_in_the_extremes(confounded):
    sample = confounded(weighted=True, missing=True)
    y, a, w, _ = arrays(sample)

    def filled(exposed, unexposed):
        high = np.where(a == 1, np.where(np.isnan(y), exposed, y), exposed)
        low = np.where(a == 0, np.where(np.isnan(y), unexposed, y), unexposed)
        return np.average(high, weights=w) - np.average(low, weights=w)

    found = manski_bounds(*arrays(sample), UNIT)
    assert found.upper == pytest.approx(filled(1, 0), abs=ROUNDING)
    assert found.lower == pytest.approx(filled(0, 1), abs=ROUNDING)
    lost = np.average(np.isnan(y), weights=w)
    assert found.upper - found.lower == pytest.approx(1 + lost, abs=ROUNDING)


def test_monotone_assumptions_leave_what_the_closed_forms_say(confounded):
    sample = confounded(n=1000)
    y, a, *_ = arrays(sample)
    crude = y[a == 1].mean() - y[a == 0].mean()
    assert crude > 0
    free = manski_bounds(*arrays(sample), UNIT)
    response = manski_bounds(*arrays(sample), UNIT, ("monotone_response",))
    selection = manski_bounds(*arrays(sample), UNIT, ("monotone_selection",))
    both = manski_bounds(*arrays(sample), UNIT, BOTH)
    assert (response.lower, response.lower_error) == pytest.approx((0, 0), abs=ROUNDING)
    assert response.upper == free.upper
    assert selection.upper == pytest.approx(crude)
    assert selection.lower == free.lower
    assert (both.lower, both.upper) == (response.lower, selection.upper)


def test_assumptions_the_data_contradict_cross(confounded):
    sample = confounded(n=1000)
    found = manski_bounds(1 - sample.y, sample.a, sample.w, None, UNIT, BOTH)
    assert found.lower > found.upper


@pytest.mark.parametrize("assume", [(), ("monotone_selection",), BOTH])
def test_standard_errors_are_those_of_stacked_equations(confounded, estimating_equations, assume):
    sample = confounded(n=600, weighted=True, clustered=True, missing=True)
    y, a, w, cluster = arrays(sample)
    found = manski_bounds(*arrays(sample), UNIT, assume)
    raised = np.where(np.isnan(y), a, y)

    def psi(theta):
        p, m0, m1, upper = theta
        first, second = (m1, m0) if "monotone_selection" in assume else (1.0, 0.0)
        end = p * (m1 - second) + (1 - p) * (first - m0)
        return np.column_stack(
            [
                w * (a - p),
                w * (1 - a) * (raised - m0),
                w * a * (raised - m1),
                np.full(len(a), end - upper),
            ]
        )

    theta, covariance = estimating_equations(psi, np.full(4, 0.4), cluster)
    assert found.upper == pytest.approx(theta[3], abs=ROUNDING)
    assert found.upper_error == pytest.approx(math.sqrt(covariance[3, 3]), rel=NUMERICAL)


def test_trimmed_means_of_a_binary_outcome_are_the_closed_forms(confounded):
    sample = confounded(n=2000, missing=True)
    y, a, *_ = arrays(sample)
    seen = ~np.isnan(y)
    followed = [seen[a == arm].mean() for arm in (0, 1)]
    means = [y[seen & (a == arm)].mean() for arm in (0, 1)]
    found = lee_bounds(*arrays(sample))
    trimmed = int(followed[1] > followed[0])
    kept = min(followed) / max(followed)
    high = min(1.0, means[trimmed] / kept)
    low = max(0.0, (means[trimmed] - 1 + kept) / kept)
    ends = [high - means[0], low - means[0]] if trimmed else [means[1] - low, means[1] - high]
    assert (found.lower, found.upper) == pytest.approx(tuple(sorted(ends)), abs=ROUNDING)


def test_trimming_takes_away_whole_and_parts_of_rows():
    y = np.array([1.0, 5.0, 3.0, 9.0, 0.0])
    w = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    assert top_mean(y, w, 0.5, np.zeros(5))[0] == pytest.approx(7)
    assert top_mean(y, w, 0.625, np.zeros(5))[0] == pytest.approx((9 + 5 + 3 / 2) / 2.5)
    assert top_mean(y, w, 1.0, np.zeros(5))[0] == pytest.approx(4.5)
    assert -top_mean(-y, w, 0.25, np.zeros(5))[0] == pytest.approx(1)


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_exchanging_arms_or_outcomes_mirrors_the_trimming_bounds(confounded, outcome):
    sample = confounded(n=800, missing=True, outcome=outcome, clustered=True, weighted=True)
    y, a, w, cluster = arrays(sample)
    found = lee_bounds(y, a, w, cluster)
    assert found.lower < found.upper
    for other in (lee_bounds(y, 1 - a, w, cluster), lee_bounds(1 - y, a, w, cluster)):
        assert (other.lower, other.upper) == pytest.approx((-found.upper, -found.lower))
        assert (other.lower_error, other.upper_error) == pytest.approx(
            (found.upper_error, found.lower_error)
        )


def test_trimming_standard_errors_are_the_spread_over_samples(confounded):
    ends, errors = [], []
    for seed in range(300):
        sample = confounded(n=500, seed=seed, outcome="continuous", missing=True)
        a = sample.a
        sample.y[(a == 0) & (np.random.default_rng(seed).random(500) < 0.3)] = np.nan
        found = lee_bounds(*arrays(sample))
        ends.append((found.lower, found.upper))
        errors.append((found.lower_error, found.upper_error))
    spread = np.std(ends, axis=0, ddof=1)
    # 300 samples know a standard deviation to 4 %; three of those
    assert np.mean(errors, axis=0) == pytest.approx(spread, rel=0.12)


def test_trimming_needs_somebody_lost_and_somebody_followed(confounded):
    sample = confounded()
    assert "every outcome" in lee_bounds(*arrays(sample)).reason
    gone = np.where(sample.a == 1, np.nan, sample.y)
    found = lee_bounds(gone, sample.a, sample.w, None)
    assert isinstance(found, NotEstimable)


def test_interval_goes_from_the_two_sided_to_the_one_sided_quantile():
    point = Bounds(0.2, 0.2, 0.1, 0.1).interval()
    assert point == pytest.approx((0.2 - 0.196, 0.2 + 0.196), abs=1e-5)
    wide = Bounds(-5.0, 5.0, 0.1, 0.2).interval()
    assert wide == pytest.approx((-5 - 0.16449, 5 + 0.32897), abs=1e-5)
    middle = Bounds(0.0, 0.1, 0.1, 0.1).interval()
    assert 0.16449 < -middle[0] < 0.196
    assert Bounds(0.0, 1.0, 0.0, 0.0).interval() == (0.0, 1.0)

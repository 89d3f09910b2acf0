"""The null distribution of systematic error: fitted, uncertain, and carried into intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from causal.refuters.systematic_error import (
    ErrorModel,
    Normal,
    absolute_error_interval,
    calibrate,
    calibrate_by_model,
    calibrate_plug_in,
    expected_absolute_error,
    fit_error_model,
    fit_null,
    mean_interval,
    null_posterior,
    sd_interval,
)

CLOSE = 1e-6  # optimisers stop at 1e-8 of the parameter
GRID_ERROR = 2e-3  # of a posterior quantile, by the grid of sd
WORLDS = 1500
BAND = 3.3 * math.sqrt(0.95 * 0.05 / WORLDS)  # binomial, two-sided 0.1 %


def controls(k, mean, sd, seed=0):
    """Give k estimates whose truth is 0, with systematic and sampling error."""
    rng = np.random.default_rng(seed)
    std_error = rng.uniform(0.05, 0.3, k)
    return rng.normal(mean, np.sqrt(sd**2 + std_error**2)), std_error


def test_the_null_is_where_the_likelihood_is_highest():
    x, s = controls(30, 0.4, 0.3)
    null = fit_null(x, s)

    def minus(mean, sd):
        return -stats.norm.logpdf(x, mean, np.sqrt(s**2 + sd**2)).sum()

    best = minus(null.mean, null.sd)
    for step in (-1e-4, 1e-4):
        assert minus(null.mean + step, null.sd) > best
        assert minus(null.mean, null.sd + step) > best


def test_estimates_that_agree_within_their_errors_show_no_spread():
    null = fit_null(np.array([0.1, 0.12, 0.08]), np.full(3, 0.2))
    assert null.sd == pytest.approx(0, abs=CLOSE)
    assert null.mean == pytest.approx(0.1, abs=CLOSE)
    same = fit_null(np.full(4, 0.2), np.full(4, 0.1))
    assert (same.mean, same.sd) == (pytest.approx(0.2), 0)


def test_reversing_every_sign_reverses_the_null_and_what_it_calibrates():
    x, s = controls(15, 0.4, 0.3)
    one, other = fit_null(x, s), fit_null(-x, s)
    assert (other.mean, other.sd) == (
        pytest.approx(-one.mean, abs=CLOSE),
        pytest.approx(one.sd, abs=CLOSE),
    )
    found, turned = (
        calibrate(0.7, 0.1, null_posterior(x, s)),
        calibrate(-0.7, 0.1, null_posterior(-x, s)),
    )
    assert (turned.lo, turned.hi) == (pytest.approx(-found.hi), pytest.approx(-found.lo))
    assert turned.p_value == pytest.approx(found.p_value)


def test_the_posterior_is_that_of_the_model():
    """Against brute-force integration over mean and sd, prior included."""
    x, s = controls(12, 0.3, 0.4, seed=3)
    posterior = null_posterior(x, s)
    mean, sd = np.meshgrid(np.linspace(-2, 3, 1201), np.linspace(0, 3, 1201), indexing="ij")
    log_density = -0.5 * sd**2
    for one, error in zip(x, s, strict=True):
        log_density += stats.norm.logpdf(one, mean, np.sqrt(error**2 + sd**2))
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean_low, mean_high = mean_interval(posterior)
    sd_low, sd_high = sd_interval(posterior)
    assert weight[mean < mean_low].sum() == pytest.approx(0.025, abs=GRID_ERROR)
    assert weight[mean < mean_high].sum() == pytest.approx(0.975, abs=GRID_ERROR)
    assert weight[sd < sd_low].sum() == pytest.approx(0.025, abs=GRID_ERROR)
    assert weight[sd < sd_high].sum() == pytest.approx(0.975, abs=GRID_ERROR)
    low, high = absolute_error_interval(posterior)
    size = expected_absolute_error(mean, sd)
    assert weight[size < low].sum() == pytest.approx(0.025, abs=GRID_ERROR)
    assert weight[size < high].sum() == pytest.approx(0.975, abs=GRID_ERROR)


def test_an_interval_that_includes_the_null_s_uncertainty_is_wider():
    x, s = controls(10, 0.3, 0.3)
    whole = calibrate(0.5, 0.1, null_posterior(x, s))
    plug = calibrate_plug_in(0.5, 0.1, fit_null(x, s))
    assert whole.hi - whole.lo > plug.hi - plug.lo


def test_with_many_controls_the_null_is_as_good_as_known():
    x, s = controls(20_000, 0.3, 0.3)
    whole = calibrate(0.5, 0.1, null_posterior(x, s))
    plug = calibrate_plug_in(0.5, 0.1, Normal(0.3, 0.3))
    assert (whole.lo, whole.hi) == (
        pytest.approx(plug.lo, abs=0.02),
        pytest.approx(plug.hi, abs=0.02),
    )


def test_the_interval_excludes_0_just_when_p_is_below_5_percent():
    posterior = null_posterior(*controls(20, 0.1, 0.1))
    for value in np.linspace(-1, 1, 41):
        found = calibrate(float(value), 0.1, posterior)
        assert (found.p_value < 0.05) == (found.lo > 0 or found.hi < 0)


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 0.3), (0.4, 0.2), (-0.4, 0.2), (0.5, 0.0)])
def test_the_expected_absolute_error_is_the_integral(mean, sd):
    if sd == 0:
        expected = abs(mean)
    else:
        expected = integrate.quad(
            lambda b: abs(b) * stats.norm.pdf(b, mean, sd), mean - 9 * sd, mean + 9 * sd, points=[0]
        )[0]
    assert float(expected_absolute_error(mean, sd)) == pytest.approx(expected, rel=1e-6)


def test_the_error_model_finds_the_parameters_it_was_drawn_from():
    rng = np.random.default_rng(4)
    truth = np.repeat(np.log([1.0, 1.5, 2.0, 4.0]), 2000)
    error = rng.uniform(0.02, 0.1, len(truth))
    spread = np.hypot(error, 0.15 + 0.1 * truth)
    found = fit_error_model(rng.normal(-0.1 + 0.9 * truth, spread), error, truth)
    expected = ErrorModel(-0.1, 0.9, 0.15, 0.1)
    for name in ("intercept", "slope", "sd_intercept", "sd_slope"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=0.015)


def test_a_model_without_slope_of_its_own_calibrates_as_the_null_does():
    null = calibrate_plug_in(0.7, 0.1, Normal(0.2, 0.3))
    model = calibrate_by_model(0.7, 0.1, ErrorModel(0.2, 1.0, 0.3, 0.0))
    for name in ("value", "lo", "hi", "p_value"):
        assert getattr(model, name) == pytest.approx(getattr(null, name))


def test_the_ends_of_a_model_s_interval_are_1_96_standard_deviations_off():
    model, critical = ErrorModel(0.1, 0.8, 0.2, 0.1), stats.norm.ppf(0.975)
    found = calibrate_by_model(0.7, 0.1, model)
    for end, side in ((found.lo, 1), (found.hi, -1)):
        spread = math.hypot(0.1, 0.2 + 0.1 * abs(end))
        assert (0.7 - 0.1 - 0.8 * end) / spread == pytest.approx(side * critical)


@pytest.mark.parametrize(
    ("x", "s", "said"),
    [
        ([0.1], [0.1], "1 estimates with 1 standard errors; at least 2"),
        ([0.1, math.nan], [0.1, 0.1], "must be finite"),
        ([0.1, 0.2], [0.1, 0.0], "must be above 0"),
    ],
)
def test_what_no_null_can_be_fitted_to_is_refused(x, s, said):
    with pytest.raises(ValueError, match=said):
        fit_null(np.array(x), np.array(s))


def test_a_model_needs_two_true_ratios_and_an_interval_needs_a_slope():
    x, s = controls(10, 0.1, 0.1)
    with pytest.raises(ValueError, match="10 controls with 1 true ratios"):
        fit_error_model(x, s, np.zeros(10))
    with pytest.raises(ValueError, match="no true ratio is excluded"):
        calibrate_by_model(0.5, 0.1, ErrorModel(0.0, 0.5, 0.1, 0.5))


@pytest.mark.simulation
@pytest.mark.parametrize("k", [10, 20])
def test_calibrated_intervals_cover_where_nominal_ones_do_not(k):
    """A world with bias planted: nominal intervals cover in less than 60 %."""
    rng = np.random.default_rng(7)
    truth, mean, sd = 0.3, 0.25, 0.25
    nominal, plug_in, whole = 0, 0, 0
    for _ in range(WORLDS):
        s = rng.uniform(0.05, 0.3, k)
        x = rng.normal(mean, sd, k) + s * rng.standard_normal(k)
        error = float(rng.uniform(0.05, 0.3))
        estimate = truth + float(rng.normal(mean, sd)) + error * float(rng.standard_normal())
        nominal += abs(estimate - truth) < 1.96 * error
        one = calibrate_plug_in(estimate, error, fit_null(x, s))
        plug_in += one.lo < truth < one.hi
        one = calibrate(estimate, error, null_posterior(x, s))
        whole += one.lo < truth < one.hi
    assert nominal / WORLDS < 0.6
    assert plug_in / WORLDS < 0.95  # too short: the null is not known
    assert abs(whole / WORLDS - 0.95) < BAND

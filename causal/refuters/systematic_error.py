"""The distribution of systematic error that controls show, and intervals calibrated by it.

Estimates are log ratios. Pure functions of arrays; Schuemie et al. (2014), doi:10.1002/sim.5925,
is the paper where none other is named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Floats, read_only

PRIOR_SD = 1.0
"""Scale of the half-normal prior of sd. One standard deviation of systematic error as large as a
ratio of 2.7 is already a study without value, so it is weak; the mean has a flat prior."""
GRID = 801
"""Points of sd, denser towards 0; ten times as many move no quantile by 1e-4."""
WIDEST = 6.0
"""Largest sd looked at, in units of the prior's scale: 2e-9 of the prior lies beyond."""
NODES = 201
"""Points of the mean at each sd where a function of both is wanted."""


@dataclass(frozen=True, slots=True)
class Normal:
    """Systematic error of a log ratio as a normal distribution."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What controls tell of the systematic error, its uncertainty included.

    Attributes
    ----------
    sd : (g,) floats, grid.
    weight : (g,) floats, posterior probability of each point; sums to 1.
    mean, variance : (g,) floats, of the mean given sd (normal).
    """

    sd: Floats
    weight: Floats
    mean: Floats
    variance: Floats


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A log ratio freed of the systematic error to be expected, with interval and p-value of 0."""

    value: float
    lo: float
    hi: float
    p_value: float


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Systematic error that may depend on the true log ratio t: N(a + b t, (c + d |t|)^2).

    Attributes
    ----------
    intercept, slope : a and b; 0 and 1 without systematic error on average.
    sd_intercept, sd_slope : c and d, at least 0.
    """

    intercept: float
    slope: float
    sd_intercept: float
    sd_slope: float


def fit_null(log_ratio: Floats, std_error: Floats) -> Normal:
    """Fit the systematic error of negative controls by maximum likelihood.

    Each estimate is taken as normal around a systematic error of its own, with its standard error;
    systematic errors as normal. The two variances add.

    Parameters
    ----------
    log_ratio, std_error : (k,) floats, of estimates whose truth is 0.

    Raises
    ------
    ValueError
        Fewer than two controls, or values that are not finite.
    """
    from scipy import optimize

    _check(log_ratio, std_error)

    def minus_twice(sd: float) -> float:
        precision = 1 / (std_error**2 + sd**2)
        mean = float(np.sum(precision * log_ratio) / np.sum(precision))
        return float(np.sum(precision * (log_ratio - mean) ** 2) - np.sum(np.log(precision)))

    # the profile can have two peaks, so a grid finds the higher one first
    grid = np.linspace(0, float(np.ptp(log_ratio)), 101)
    best = int(np.argmin([minus_twice(float(sd)) for sd in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 100)])
    sd = 0.0
    if high > 0:
        inner = optimize.minimize_scalar(
            minus_twice, bounds=(low, high), method="bounded", options={"xatol": 1e-10}
        )
        sd = float(inner.x) if inner.fun < minus_twice(low) else low
    precision = 1 / (std_error**2 + sd**2)
    return Normal(float(np.sum(precision * log_ratio) / np.sum(precision)), sd)


def null_posterior(log_ratio: Floats, std_error: Floats, prior_sd: float = PRIOR_SD) -> Posterior:
    """Give the posterior of the systematic error's mean and sd.

    The mean has a flat prior and is integrated out exactly; sd has a half-normal prior and is
    summed over a grid.

    Parameters
    ----------
    log_ratio, std_error : (k,) floats, of estimates whose truth is 0.
    prior_sd : scale of the prior of sd.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, equations 5.20 and 5.21 (the same model).
    """
    _check(log_ratio, std_error)
    step = np.linspace(0, 1, GRID)
    sd = WIDEST * prior_sd * step**2  # half of the points lie below a quarter of the range
    precision = 1 / (std_error[:, None] ** 2 + sd**2)
    total = precision.sum(axis=0)
    mean = (precision * log_ratio[:, None]).sum(axis=0) / total
    fit = np.sum(np.log(precision) - precision * (log_ratio[:, None] - mean) ** 2, axis=0)
    log_density = 0.5 * (fit - np.log(total)) - 0.5 * (sd / prior_sd) ** 2
    weight = np.exp(log_density - log_density.max()) * step  # step is the width of a cell
    return Posterior(
        read_only(sd), read_only(weight / weight.sum()), read_only(mean), read_only(1 / total)
    )


def calibrate_plug_in(
    log_ratio: float, std_error: float, null: Normal, level: float = inference.LEVEL
) -> Calibrated:
    """Calibrate an estimate as if the null distribution were known.

    With few controls the interval is too short: its uncertainty is left out.
    """
    spread = math.hypot(null.sd, std_error)
    value = log_ratio - null.mean
    lo, hi = inference.interval(value, spread, level)
    return Calibrated(value, lo, hi, inference.two_sided_p(value / spread))


def calibrate(
    log_ratio: float, std_error: float, posterior: Posterior, level: float = inference.LEVEL
) -> Calibrated:
    """Calibrate an estimate, the uncertainty of the null distribution included.

    What is left of the estimate once a further systematic error is taken away is a mixture of
    normals over the grid of sd; the interval is between its quantiles.

    Parameters
    ----------
    log_ratio, std_error : of the estimate whose truth is wanted.
    """
    centre = log_ratio - posterior.mean
    spread = np.sqrt(posterior.sd**2 + posterior.variance + std_error**2)
    tail = (1 - level) / 2
    below = _mixture_cdf(0.0, centre, spread, posterior.weight)
    return Calibrated(
        value=_mixture_quantile(0.5, centre, spread, posterior.weight),
        lo=_mixture_quantile(tail, centre, spread, posterior.weight),
        hi=_mixture_quantile(1 - tail, centre, spread, posterior.weight),
        p_value=2 * min(below, 1 - below),
    )


def expected_absolute_error(mean: Floats | float, sd: Floats | float) -> Floats:
    r"""Give the expected absolute systematic error, :math:`E|b|` for b ~ N(mean, sd^2).

    References
    ----------
    Leone, Nelson & Nottingham (1961), doi:10.1080/00401706.1961.10489974 (the folded normal).
    """
    from scipy import special

    mean, sd = np.asarray(mean, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    z = np.abs(mean) / np.where(sd > 0, sd, 1.0)
    folded = sd * math.sqrt(2 / math.pi) * np.exp(-0.5 * z**2) + np.abs(mean) * (
        1 - 2 * special.ndtr(-z)
    )
    return np.asarray(np.where(sd > 0, folded, np.abs(mean)))


def absolute_error_interval(
    posterior: Posterior, level: float = inference.LEVEL
) -> tuple[float, float]:
    """Give the interval of the expected absolute systematic error between posterior quantiles."""
    from scipy import special

    z = special.ndtri((np.arange(NODES) + 0.5) / NODES)  # equal probability each
    mean = posterior.mean[:, None] + np.sqrt(posterior.variance)[:, None] * z
    values = expected_absolute_error(mean, posterior.sd[:, None]).ravel()
    weight = np.repeat(posterior.weight / NODES, NODES)
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    tail = (1 - level) / 2
    low, high = (int(np.searchsorted(reached, at)) for at in (tail, 1 - tail))
    return float(values[order[low]]), float(values[order[min(high, len(values) - 1)]])


def sd_interval(posterior: Posterior, level: float = inference.LEVEL) -> tuple[float, float]:
    """Give the posterior interval of the sd of the systematic error."""
    tail = (1 - level) / 2
    low, high = np.interp([tail, 1 - tail], np.cumsum(posterior.weight), posterior.sd)
    return float(low), float(high)


def mean_interval(posterior: Posterior, level: float = inference.LEVEL) -> tuple[float, float]:
    """Give the posterior interval of the mean of the systematic error."""
    spread, tail = np.sqrt(posterior.variance), (1 - level) / 2
    return (
        _mixture_quantile(tail, posterior.mean, spread, posterior.weight),
        _mixture_quantile(1 - tail, posterior.mean, spread, posterior.weight),
    )


def fit_error_model(log_ratio: Floats, std_error: Floats, truth: Floats) -> ErrorModel:
    """Fit the systematic error of controls with known true ratios by maximum likelihood.

    Parameters
    ----------
    log_ratio, std_error : (k,) floats.
    truth : (k,) floats, true log ratios; 0 for negative controls.

    Raises
    ------
    ValueError
        Fewer than four controls, a single true ratio, or values that are not finite.

    References
    ----------
    Schuemie et al. (2018), doi:10.1073/pnas.1708282114, supplement (systematic error model).
    """
    from scipy import optimize

    _check(log_ratio, std_error)
    if len(log_ratio) < 4 or len(np.unique(truth)) < 2:
        raise ValueError(
            f"{len(log_ratio)} controls with {len(np.unique(truth))} true ratios cannot tell four "
            "parameters; at least 4 controls with 2 true ratios are needed"
        )
    size = np.abs(truth)

    def minus_twice(theta: Floats) -> float:
        variance = std_error**2 + (theta[2] + theta[3] * size) ** 2
        excess = log_ratio - theta[0] - theta[1] * truth
        return float(np.sum(excess**2 / variance + np.log(variance)))

    slope, intercept = np.polyfit(truth, log_ratio, 1)
    spread = float(np.std(log_ratio - intercept - slope * truth)) + 1e-3
    bounds = [(None, None), (None, None), (0, None), (0, None)]
    starts = ([intercept, slope, spread, 0.0], [intercept, slope, spread / 2, spread / 2])
    options = {"ftol": 1e-14, "gtol": 1e-10, "maxiter": 2000}
    found = [
        optimize.minimize(minus_twice, start, method="L-BFGS-B", bounds=bounds, options=options)
        for start in starts
    ]
    best = min(found, key=lambda one: float(one.fun))
    return ErrorModel(*(float(one) for one in best.x))


def calibrate_by_model(
    log_ratio: float, std_error: float, model: ErrorModel, level: float = inference.LEVEL
) -> Calibrated:
    """Calibrate an estimate by a systematic error model taken as known.

    The interval holds every true log ratio the estimate is compatible with under the model.

    Raises
    ------
    ValueError
        The spread grows so fast with the true ratio that no ratio is excluded.
    """
    from scipy import optimize

    critical = inference.critical_value(level)
    if model.slope <= critical * model.sd_slope:
        raise ValueError(
            f"with slope {model.slope:.3g} and sd slope {model.sd_slope:.3g} no true ratio is "
            "excluded; the controls cannot calibrate"
        )

    def excess(truth: float, z: float) -> float:
        spread = math.hypot(std_error, model.sd_intercept + model.sd_slope * abs(truth))
        return log_ratio - model.intercept - model.slope * truth - z * spread

    value = (log_ratio - model.intercept) / model.slope
    reach = 1.0
    while excess(value - reach, critical) < 0 or excess(value + reach, -critical) > 0:
        reach *= 2
    lo = float(optimize.brentq(excess, value - reach, value, args=(critical,)))
    hi = float(optimize.brentq(excess, value, value + reach, args=(-critical,)))
    spread = math.hypot(std_error, model.sd_intercept)
    p_value = inference.two_sided_p((log_ratio - model.intercept) / spread)
    return Calibrated(value, lo, hi, p_value)


def _check(log_ratio: Floats, std_error: Floats) -> None:
    """Refuse what no distribution can be fitted to."""
    if len(log_ratio) < 2 or len(log_ratio) != len(std_error):
        raise ValueError(
            f"{len(log_ratio)} estimates with {len(std_error)} standard errors; at least 2 of each "
            "are needed"
        )
    if not (np.isfinite(log_ratio).all() and np.isfinite(std_error).all()):
        raise ValueError("log ratios and standard errors must be finite; leave out the others")
    if not (std_error > 0).all():
        raise ValueError("standard errors must be above 0; leave out the others")


def _mixture_cdf(at: float, centre: Floats, spread: Floats, weight: Floats) -> float:
    """Give the distribution function of a mixture of normals."""
    from scipy import special

    return float(weight @ special.ndtr((at - centre) / spread))


def _mixture_quantile(share: float, centre: Floats, spread: Floats, weight: Floats) -> float:
    """Give a quantile of a mixture of normals."""
    from scipy import optimize

    kept = weight > 1e-14
    centre, spread, weight = centre[kept], spread[kept], weight[kept]
    low, high = float((centre - 10 * spread).min()), float((centre + 10 * spread).max())
    return float(
        optimize.brentq(
            lambda at: _mixture_cdf(at, centre, spread, weight) - share, low, high, xtol=1e-10
        )
    )

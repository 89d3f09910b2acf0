"""How far a confounder of given strength can move any average effect: functions of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from causal.estimate import Estimates, NotEstimable
from causal.findings import Number
from causal.sensitivity.partial_r2 import NOTHING, Strength
from causal.sensitivity.riesz import Elements


@dataclass(frozen=True, slots=True)
class Scaled:
    """An estimate with the scale of its bias, and the covariance of the two.

    Attributes
    ----------
    estimate : the short estimate.
    scale : S, the bias of a confounder of unit strength.
    v_estimate, v_both, v_scale : their variances and covariance.
    critical : half-width of the interval in standard errors.
    """

    estimate: float
    scale: float
    v_estimate: float
    v_both: float
    v_scale: float
    critical: float

    @property
    def sign(self) -> float:
        """Give the sign of the estimate."""
        return math.copysign(1.0, self.estimate)

    def std_error(self, moved: float) -> float:
        """Give the standard error of estimate + moved * S."""
        variance = self.v_estimate + 2 * moved * self.v_both + moved**2 * self.v_scale
        return math.sqrt(max(variance, 0.0))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the long effect lies between, and the interval around that.

    Attributes
    ----------
    lower, upper : the bounds as estimated.
    lo, hi : with sampling error of the bounds.
    """

    lower: float
    upper: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class Gains:
    """What a benchmark adds: to the outcome regression, and to the size of the representer.

    Attributes
    ----------
    strength : gains relative to what the long model leaves, 0 or more.
    rho : correlation of the two errors made without the benchmark; signed like the change.
    change : estimate without the benchmark minus estimate with it.
    """

    strength: Strength
    rho: float
    change: float


def scaled(both: Estimates, critical: float) -> Scaled:
    """Read estimate and scale from their joint estimates."""
    v = both.covariance
    return Scaled(
        float(both.values[0]),
        float(both.values[1]),
        float(v[0, 0]),
        float(v[0, 1]),
        float(v[1, 1]),
        critical,
    )


def strength_factor(confounder: Strength, rho: float = 1.0) -> float:
    r"""Give the bias of a confounder in units of S.

    .. math:: |\rho| \, C_Y C_D, \qquad C_Y^2 = \eta^2_{Y \sim U | A X}, \qquad
              C_D^2 = r / (1 - r), \quad r = 1 - R^2_{\alpha \sim \alpha_s}

    Parameters
    ----------
    confounder : ``exposure`` is r, what it adds to the representer; ``outcome`` is the share of
        the outcome left that it explains.
    rho : correlation of the two errors; 1 is the worst case.

    References
    ----------
    Chernozhukov et al. (2022), arXiv:2112.13398, theorem 2 and corollary 1.
    """
    return rho * math.sqrt(confounder.outcome * confounder.exposure / (1 - confounder.exposure))


def bounds(found: Scaled, factor: float) -> Bounds:
    """Bound the long effect for a confounder of a strength.

    Parameters
    ----------
    factor : its bias in units of S.
    """
    lower, upper = found.estimate - factor * found.scale, found.estimate + factor * found.scale
    return Bounds(
        lower,
        upper,
        lower - found.critical * found.std_error(-factor),
        upper + found.critical * found.std_error(factor),
    )


def nearest(found: Scaled, factor: float) -> float:
    """Give the end of the interval that meets 0 first, of the estimate's own side."""
    given = bounds(found, factor)
    return given.lo if found.sign > 0 else given.hi


def needed_factor(found: Scaled, *, of_interval: bool) -> float:
    """Give the bias, in units of S, that brings the estimate or its interval to 0.

    Along the bias the end of the interval is concave, so it meets 0 once, and no later than the
    estimate does.
    """
    from scipy import optimize

    whole = abs(found.estimate) / found.scale
    if not of_interval:
        return whole

    def left(factor: float) -> float:
        return nearest(found, factor) * found.sign

    if left(0.0) <= 0:
        return 0.0
    if left(whole) >= 0:  # S and the estimate vary together: only without any spread
        return whole
    return float(optimize.brentq(left, 0.0, whole, xtol=1e-14, rtol=1e-12))


def strength_of_factor(factor: float, rho: float = 1.0) -> float:
    """Give the strength, the same with exposure and outcome, that has a factor.

    References
    ----------
    Chernozhukov et al. (2022), arXiv:2112.13398, section 4 (robustness value); in a linear model
    it is that of Cinelli & Hazlett (2020), doi:10.1111/rssb.12348, section 4.2.
    """
    f2 = (factor / rho) ** 2
    return (math.sqrt(f2**2 + 4 * f2) - f2) / 2


def gains(long: Elements, short: Elements) -> Gains:
    """Compare the model with a benchmark to the model without it.

    Parameters
    ----------
    long, short : the pieces with and without the benchmark.

    References
    ----------
    Chernozhukov et al. (2022), arXiv:2112.13398, section 6 (benchmarking by gains).
    """
    outcome, exposure = short.sigma2 - long.sigma2, long.nu2 - short.nu2
    change = short.theta - long.theta
    both = math.sqrt(max(outcome, 0.0) * max(exposure, 0.0))
    rho = math.copysign(min(abs(change) / both, 1.0) if both else 1.0, change)
    strength = Strength(max(exposure, 0.0) / short.nu2, max(outcome, 0.0) / long.sigma2)
    return Gains(strength, rho, change)


def times_gains(strength: Strength, k: float) -> Strength | NotEstimable:
    """Give a confounder k times as strong as a benchmark."""
    if k * strength.exposure >= 1 or k * strength.outcome > 1:
        side = "exposure" if k * strength.exposure >= 1 else "the outcome"
        return NotEstimable(
            f"a confounder {k:g} times as strong would explain more of {side} than is left"
        )
    return Strength(k * strength.exposure, k * strength.outcome)


def needed_multiple(factor: float, strength: Strength, rho: float = 1.0) -> Number:
    """Solve for the multiple of a benchmark that has a factor.

    Parameters
    ----------
    factor : in units of S.
    strength : the benchmark's gains.
    """
    if factor == 0:
        return 0.0
    if min(strength.exposure, strength.outcome) < NOTHING:
        side = "exposure" if strength.exposure < NOTHING else "the outcome"
        return NotEstimable(f"the benchmark explains nothing of {side}, so no multiple of it does")
    # factor^2 = rho^2 k^2 G_Y G_D / (1 - k G_D), a quadratic in k with one positive root
    f2 = factor**2
    product = rho**2 * strength.exposure * strength.outcome
    half = f2 * strength.exposure
    k = (math.sqrt(half**2 + 4 * product * f2) - half) / (2 * product)
    if isinstance(times_gains(strength, k), NotEstimable):
        return NotEstimable(
            "not reached: a confounder as many times as strong would explain more of the outcome "
            "than is left"
        )
    return k

"""Distributions an assumption can be given by, each with its quantiles: a closed set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from causal.arrays import Floats
from causal.documents import Settings

Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class Prior(Settings, ABC):
    """What is taken to be known of one quantity before the data are looked at."""

    kind: str

    @property
    @abstractmethod
    def support(self) -> tuple[float, float]:
        """Give the smallest and the largest value it can take."""

    @abstractmethod
    def quantile(self, p: Floats) -> Floats:
        """Give the values below which shares ``p`` lie; (n,) floats, 0 to 1."""

    @property
    def median(self) -> float:
        """Give the value in the middle."""
        return float(self.quantile(np.array([0.5]))[0])


class Fixed(Prior):
    """One value, taken as certain."""

    kind: Literal["fixed"] = "fixed"
    value: Finite

    @property
    def support(self) -> tuple[float, float]:
        """Give the value twice."""
        return self.value, self.value

    def quantile(self, p: Floats) -> Floats:
        """Give the value, whatever the share."""
        return np.full_like(p, self.value)


class Trapezoidal(Prior):
    """Equally likely from ``first`` to ``second``, falling off in lines to ``low`` and ``high``.

    References
    ----------
    Fox, Lash & Greenland (2005), doi:10.1093/ije/dyi184.
    """

    kind: Literal["trapezoidal"] = "trapezoidal"
    low: Finite
    first: Finite
    second: Finite
    high: Finite

    @model_validator(mode="after")
    def _ascending(self) -> Trapezoidal:
        if not (self.low <= self.first <= self.second <= self.high and self.low < self.high):
            raise ValueError(
                f"low, first, second, high must ascend; found {self.low:g}, {self.first:g}, "
                f"{self.second:g}, {self.high:g}. For one value use kind: fixed"
            )
        return self

    @property
    def support(self) -> tuple[float, float]:
        """Give both ends."""
        return self.low, self.high

    def quantile(self, p: Floats) -> Floats:
        """Give the quantiles."""
        return trapezoid_quantile(p, (self.low, self.first, self.second, self.high))


class Triangular(Prior):
    """Most likely at ``mode``, falling off in lines to ``low`` and ``high``."""

    kind: Literal["triangular"] = "triangular"
    low: Finite
    mode: Finite
    high: Finite

    @model_validator(mode="after")
    def _ascending(self) -> Triangular:
        if not (self.low <= self.mode <= self.high and self.low < self.high):
            raise ValueError(
                f"low, mode, high must ascend; found {self.low:g}, {self.mode:g}, {self.high:g}. "
                "For one value use kind: fixed"
            )
        return self

    @property
    def support(self) -> tuple[float, float]:
        """Give both ends."""
        return self.low, self.high

    def quantile(self, p: Floats) -> Floats:
        """Give the quantiles."""
        return trapezoid_quantile(p, (self.low, self.mode, self.mode, self.high))


class Uniform(Prior):
    """Equally likely between ``low`` and ``high``."""

    kind: Literal["uniform"] = "uniform"
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _ascending(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError(
                f"low must be below high; found {self.low:g} and {self.high:g}. "
                "For one value use kind: fixed"
            )
        return self

    @property
    def support(self) -> tuple[float, float]:
        """Give both ends."""
        return self.low, self.high

    def quantile(self, p: Floats) -> Floats:
        """Give the quantiles."""
        return self.low + p * (self.high - self.low)


class Beta(Prior):
    """The beta distribution, as of ``alpha - 1`` successes and ``beta - 1`` failures seen."""

    kind: Literal["beta"] = "beta"
    alpha: Annotated[Finite, Field(gt=0)]
    beta: Annotated[Finite, Field(gt=0)]

    @property
    def support(self) -> tuple[float, float]:
        """Give both ends."""
        return 0.0, 1.0

    def quantile(self, p: Floats) -> Floats:
        """Give the quantiles."""
        from scipy import special

        return np.asarray(special.betaincinv(self.alpha, self.beta, p))


class Logit(Prior, ABC):
    """A bell on the logit of where a value lies between two ends.

    Attributes
    ----------
    location, scale : of the bell, on the logit: 0 is the middle between the ends.
    low, high : the ends, which are approached and never reached.

    References
    ----------
    Lash, Fox & Fink (2009), doi:10.1007/978-0-387-87959-8, chapter 4; parametrised as in the R
    package episensr.
    """

    location: Finite
    scale: Annotated[Finite, Field(gt=0)]
    low: Finite = 0.0
    high: Finite = 1.0

    @model_validator(mode="after")
    def _ascending(self) -> Logit:
        if not self.low < self.high:
            raise ValueError(
                f"low must be below high; found {self.low:g} and {self.high:g}. "
                "For one value use kind: fixed"
            )
        return self

    @property
    def support(self) -> tuple[float, float]:
        """Give both ends."""
        return self.low, self.high

    def quantile(self, p: Floats) -> Floats:
        """Give the quantiles."""
        from scipy import special

        share = special.expit(self.location + self.scale * self.bell(p))
        return np.asarray(self.low + (self.high - self.low) * share)

    @abstractmethod
    def bell(self, p: Floats) -> Floats:
        """Give the quantiles of the bell of location 0 and scale 1."""


class LogitNormal(Logit):
    """A normal distribution on the logit of where a value lies between two ends."""

    kind: Literal["logit_normal"] = "logit_normal"

    def bell(self, p: Floats) -> Floats:
        """Give normal quantiles."""
        from scipy import special

        return np.asarray(special.ndtri(p))


class LogitLogistic(Logit):
    """A logistic distribution, with its heavier tails, on that logit."""

    kind: Literal["logit_logistic"] = "logit_logistic"

    def bell(self, p: Floats) -> Floats:
        """Give logistic quantiles."""
        from scipy import special

        return np.asarray(special.logit(p))


AnyPrior: TypeAlias = Annotated[
    Fixed | Uniform | Triangular | Trapezoidal | Beta | LogitNormal | LogitLogistic,
    Field(discriminator="kind"),
]


def _within(low: float, high: float, what: str) -> Callable[[Prior], Prior]:
    """Make the check that a prior stays within a range."""

    def check(prior: Prior) -> Prior:
        ends = prior.support
        if ends[0] < low or ends[1] > high:
            raise ValueError(
                f"{what} lies between {low:g} and {high:g}; found {ends[0]:g} to {ends[1]:g}"
            )
        return prior

    return check


def _positive(prior: Prior) -> Prior:
    """Refuse a ratio that may be 0 or negative; an end at 0 that is never reached may stand."""
    open_at_0 = isinstance(prior, Beta | Logit) and prior.support[0] == 0
    if prior.support[0] <= 0 and not open_at_0:
        raise ValueError(f"a ratio is above 0; found {prior.support[0]:g} to {prior.support[1]:g}")
    return prior


Probability: TypeAlias = Annotated[AnyPrior, AfterValidator(_within(0, 1, "a probability"))]
Difference: TypeAlias = Annotated[AnyPrior, AfterValidator(_within(-1, 1, "a risk difference"))]
Ratio: TypeAlias = Annotated[AnyPrior, AfterValidator(_positive)]


def trapezoid_quantile(p: Floats, corners: tuple[float, float, float, float]) -> Floats:
    """Give quantiles of a density that rises, stays and falls in lines.

    Parameters
    ----------
    p : (n,) floats, 0 to 1.
    corners : ascending, the first below the last; equal ones make a triangle or a rectangle.
    """
    a, b, c, d = corners
    height = 2 / (d + c - a - b)
    rising, falling = height * (b - a) / 2, height * (d - c) / 2
    inner = b + (p - rising) / height
    left = a + np.sqrt(2 * np.minimum(p, rising) * (b - a) / height)
    right = d - np.sqrt(2 * np.minimum(1 - p, falling) * (d - c) / height)
    return np.where(p < rising, left, np.where(1 - p < falling, right, inner))


def draw_pair(
    first: Prior, second: Prior, correlation: float, draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draw two quantities that go together, by a normal copula.

    Parameters
    ----------
    correlation : of the two normal scores, from 0 up to but not including 1.
    draws : how many.

    References
    ----------
    Fox, Lash & Greenland (2005), doi:10.1093/ije/dyi184 (correlated sensitivities).
    """
    from scipy import special

    shared, one, other = rng.standard_normal((3, draws))
    keep, own = np.sqrt(correlation), np.sqrt(1 - correlation)
    scores = keep * shared + own * one, keep * shared + own * other
    return first.quantile(special.ndtr(scores[0])), second.quantile(special.ndtr(scores[1]))

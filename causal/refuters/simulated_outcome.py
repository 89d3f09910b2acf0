"""Outcomes simulated with a known effect: does the estimator find it, and do its intervals cover.

Exposure and covariates are the rung's own, so that overlap and sample size are those of the study.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from causal import inference
from causal.arrays import Ints
from causal.estimate import NotEstimable
from causal.findings import Row, numbers, tell
from causal.refuters.base import (
    DETECTABLE,
    TOLERATED_SHIFT,
    Examined,
    Refutation,
    Refuter,
    tell_failures,
)
from causal.refuters.changes import NewOutcome
from causal.refuters.drawing import Draws, refit
from causal.refuters.planting import World, fit_world, target_weights

OF_INSTRUMENT = ("ITT", "first stage")
"""Targets that are effects of the instrument."""
MOST_NAMED = 5
"""Covariates named in a sentence."""
NOT_BEYOND_CHANCE = (
    f"a bias above {TOLERATED_SHIFT:g} standard errors, but not beyond what chance and these very "
    "exposures and covariates explain"
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """How an estimator did on outcomes with a planted effect.

    Attributes
    ----------
    planted : the effect, as a difference.
    mean, bias : mean of the draws, and its distance from the planted effect.
    error : standard error of the bias: Monte-Carlo, or what these exposures and covariates
        happen to add, whichever is larger.
    std_error : mean standard error the estimator reports.
    coverage : share of its 95 % intervals that hold the planted effect.
    wanted : coverage of a valid interval with a bias within tolerance and error.
    coverage_lo, coverage_hi : 95 % interval of the coverage, Monte-Carlo error only.
    """

    planted: float
    mean: float
    bias: float
    error: float
    std_error: float
    coverage: float
    wanted: float
    coverage_lo: float
    coverage_hi: float

    @property
    def biased(self) -> bool:
        """Tell whether bias exceeds a quarter of a standard error beyond its own error."""
        excess = abs(self.bias) - inference.critical_value() * self.error
        return excess > TOLERATED_SHIFT * self.std_error

    @property
    def unclear(self) -> bool:
        """Tell whether bias exceeds a quarter of a standard error, but not beyond its own error."""
        return abs(self.bias) > TOLERATED_SHIFT * self.std_error and not self.biased

    @property
    def undercovered(self) -> bool:
        """Tell whether intervals hold the planted effect too seldom, beyond Monte-Carlo error."""
        return self.coverage_hi < self.wanted


class SimulatedOutcome(Refuter):
    """Outcomes drawn from a fitted regression in which the effect of exposure is planted.

    The regression has exposure and all covariates of the ladder (logistic for 0/1 outcomes, else
    least squares), so a rung that leaves out covariates that confound is found out. The effect is
    planted as a difference in the rung's target population: for 0/1 outcomes by the coefficient of
    exposure that gives it. FAIL when the mean of the draws is off by more than a quarter of a
    standard error, or intervals hold the planted effect too seldom, each beyond chance;
    NOT_RESOLVABLE when it is off by more than that, but not beyond chance.

    Attributes
    ----------
    effect : planted differences, in the unit of the outcome; ``estimate`` stands for the rung's.
    draws : simulated outcomes for each.

    Assumptions
    -----------
    Main effects of the covariates, none of them with exposure. Residuals of continuous outcomes
    are kept in place and change sign at random, all those of a cluster together; 0/1 outcomes of a
    cluster share a normal latent part that gives them the mean correlation of the fitted
    residuals, and keeps each risk as it is.

    References
    ----------
    Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414 (signs by cluster); Emrich &
    Piedmonte (1991), doi:10.1080/00031305.1991.10475828 (correlated 0/1 outcomes).
    """

    kind: Literal["simulated_outcome"] = "simulated_outcome"
    effect: tuple[float | Literal["estimate"], ...] = Field(default=(0.0, "estimate"), min_length=1)
    draws: int = Field(default=200, ge=20, le=100_000)

    sees: ClassVar[str] = (
        "an estimator that misses a known effect on this design: covariates of the ladder it "
        "leaves out, poor overlap, too many terms for the rows, standard errors that are too small"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, and a wrong form of the regression: the outcomes are drawn from it"
    )

    counts_in_errors: ClassVar[bool] = True
    costly: ClassVar[bool] = True

    @field_validator("effect", mode="before")
    @classmethod
    def _one_or_many(cls, effect: object) -> object:
        return (effect,) if isinstance(effect, int | float | str) else effect

    @field_validator("effect")
    @classmethod
    def _is_finite(cls, effect: tuple[float | str, ...]) -> tuple[float | str, ...]:
        for one in effect:
            if not isinstance(one, str) and not math.isfinite(one):
                raise ValueError(f"a planted effect of {one} is no number; write a difference")
        return effect

    def examine(self, examined: Examined) -> Refutation:
        """Simulate under each planted effect, refit, and judge bias and coverage."""
        own = examined.estimates.effect(examined.difference)
        if isinstance(own, NotEstimable):
            return self.decline(examined.rung, own.reason)
        if examined.estimator.estimand in OF_INSTRUMENT:
            return self.decline(
                examined.rung, "it plants an effect of exposure, and the rung is about another one"
            )
        examined = replace(examined, scale=examined.difference)
        world = fit_world(examined.sample, examined.shared)
        found: list[tuple[Recovered, Draws]] = []
        for effect, rng in zip(self.effect, examined.rng.spawn(len(self.effect)), strict=True):
            planted = own.estimate if isinstance(effect, str) else effect
            draws = self._simulate(examined, world, planted, rng)
            found.append((judge_recovery(draws, planted, examined.sample.cluster), draws))
        failed = any(one.biased or one.undercovered for one, _ in found)
        unclear = any(one.unclear for one, _ in found)
        first, draws = found[0]
        return self.conclude(
            examined,
            expected=first.planted,
            draws=draws.values,
            p_value=None,
            verdict="FAIL" if failed else "NOT_RESOLVABLE" if unclear else "PASS",
            reason=_sentence(found, _left_out(examined) if failed else ""),
            detectable=TOLERATED_SHIFT * first.std_error + DETECTABLE * first.error,
            rows=tuple(_row(one) for one, _ in found),
        )

    def _simulate(
        self, examined: Examined, world: World, planted: float, rng: np.random.Generator
    ) -> Draws:
        """Fit the estimator on outcomes with one planted effect."""
        sample, estimator = examined.sample, examined.estimator
        weight = target_weights(sample, estimator.estimand)
        mean = world.mean(sample.a, weight, planted)
        streams = rng.spawn(self.draws)
        changed = ((NewOutcome(world.draw(mean, one)), one) for one in streams)
        return refit(changed, estimator, sample, examined.scale, same_rows=True, batched=False)


def judge_recovery(draws: Draws, planted: float, cluster: Ints | None) -> Recovered:
    """Compare draws and their intervals with the effect that was planted.

    The exposures and covariates at hand stay the same over draws, so the mean over draws keeps
    what is peculiar to them. Averaging each row's influence over the draws gives a standard error
    for that; the coverage asked for allows for it too.

    Parameters
    ----------
    draws : estimates with their intervals, and influence averaged over them.
    planted : the effect.
    cluster : (n,) ints or None.
    """
    values, number = draws.values, len(draws.values)
    peculiar = 0.0
    if draws.influence is not None:
        peculiar = float(inference.covariance(draws.influence[:, None], cluster)[0, 0])
    error = math.sqrt(max(float(values.var(ddof=1)) / number, peculiar))
    std_error = float(np.sqrt(np.mean(draws.std_errors**2)))
    hit = float(np.mean(np.abs(values - planted) <= draws.half_widths))
    lo, hi = share_interval(hit, number)
    return Recovered(
        planted=planted,
        mean=float(values.mean()),
        bias=float(values.mean()) - planted,
        error=error,
        std_error=std_error,
        coverage=hit,
        wanted=coverage_with_bias(std_error, math.sqrt(peculiar)),
        coverage_lo=lo,
        coverage_hi=hi,
    )


def coverage_with_bias(std_error: float, peculiar: float) -> float:
    """Give the coverage of a valid 95 % interval, given exposures and covariates as they are.

    Parameters
    ----------
    std_error : of the estimate.
    peculiar : the part of it that does not vary while exposures and covariates stay; the bias
        allowed for is 1.96 times it, and a quarter of a standard error.
    """
    from scipy import special

    if std_error == 0:
        return 0.0
    z = inference.critical_value()
    kept = min(peculiar / std_error, 0.99)
    bias, spread = z * kept + TOLERATED_SHIFT, math.sqrt(1 - kept**2)
    return float(special.ndtr((z - bias) / spread) - special.ndtr((-z - bias) / spread))


def share_interval(share: float, number: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of draws.

    References
    ----------
    Wilson (1927), doi:10.1080/01621459.1927.10502953.
    """
    z2 = inference.critical_value() ** 2
    centre = (share + z2 / (2 * number)) / (1 + z2 / number)
    half = math.sqrt(z2) * math.sqrt(share * (1 - share) / number + z2 / (4 * number**2))
    half /= 1 + z2 / number
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _row(found: Recovered) -> Row:
    """Write what came of one planted effect."""
    values = dict(
        planted=found.planted,
        mean=found.mean,
        bias=found.bias,
        error=found.error,
        std_error=found.std_error,
        coverage=found.coverage,
        coverage_lo=found.coverage_lo,
        coverage_hi=found.coverage_hi,
        coverage_wanted=found.wanted,
    )
    return Row("planted", numbers(values), f"{found.planted:.3g}")


def _left_out(examined: Examined) -> str:
    """Name the covariates of the ladder that the rung does not have."""
    left = [term for term in examined.shared.terms if term not in examined.sample.terms]
    if not left:
        return ""
    more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
    return f"; the rung leaves out {', '.join(left[:MOST_NAMED])}{more}"


def _sentence(found: list[tuple[Recovered, Draws]], left_out: str) -> str:
    """Say how the estimator did on every planted effect."""
    said = []
    for one, draws in found:
        faults = ["biased"] * one.biased + ["covering too seldom"] * one.undercovered
        faults += [NOT_BEYOND_CHANCE] * one.unclear
        size = one.bias / one.std_error if one.std_error else math.inf
        said.append(
            f"with {tell(one.planted)} planted it gives {tell(one.mean, one.std_error)} on "
            f"average over {len(draws.values)} draws (bias {size:.2f} standard errors) and "
            f"its 95 % intervals hold it in {100 * one.coverage:.1f} %"
            f"{': ' + ' and '.join(faults) if faults else ''}{tell_failures(draws)}"
        )
    drawn = "On outcomes drawn from the regression on all covariates of the ladder"
    return f"{drawn}, {'; '.join(said)}{left_out}."

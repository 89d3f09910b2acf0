"""The E-value: how strongly an unmeasured confounder would have to act, on the risk ratio scale."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.cohort import Sample
from causal.estimate import MEANS, Estimates, NotEstimable, Target
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.conversions import (
    RARE,
    Through,
    e_value,
    factor_at_limit,
    factor_of_difference,
    nearest_limit,
    ratio_of_odds,
    risk_ratio_of,
)
from causal.sensitivity.e_value_wording import (
    Needed,
    block_row,
    count_in_block,
    needed_rows,
    say_shortly,
    say_what_moves,
)
from causal.sensitivity.observed_bias import leave_out_blocks, strongest_block
from causal.subject import Subject

NAME = "E-value of the interval limit nearest to no association"


class EValue(Sensitivity):
    """The smallest risk ratio an unmeasured confounder needs with both exposure and outcome.

    It goes through the marginal risk ratio of the fit, or its odds ratio turned into one; for a
    continuous outcome through the standardised difference d, as a risk ratio of about exp(.91 d).
    Its yardstick is the E-value of the bias each measured block would leave: the rung is fitted
    anew without it, and the ratio of the two risk ratios taken as a bounding factor.

    Attributes
    ----------
    against : the ratio the confounder would have to leave, on the measure of ``through``; 1 is
        no association.
    against_difference : a risk difference to leave instead, through the two marginal risks; see
        ``conversions.factor_of_difference``.
    level : of the interval.
    through : the measure turned into a risk ratio, for a binary outcome.
    rare : whether fewer than 15 % have the outcome, which decides how an odds ratio is turned.

    Assumptions
    -----------
    Says nothing of error in measurement, of selection into the data or of the order in time. For
    a continuous outcome it takes the outcome as normal, cut near its middle. For a difference
    other than 0 the share exposed is taken as the same at every risk. That a confounder is no
    stronger than a measured block is nothing data can show.

    References
    ----------
    VanderWeele & Ding (2017), doi:10.7326/M16-2607, tables 1 and 2; the bounding factor is that
    of Ding & VanderWeele (2016), doi:10.1097/EDE.0000000000000457.
    """

    kind: Literal["e_value"] = "e_value"
    against: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    against_difference: Annotated[float, Field(gt=-1, lt=1)] | None = None
    level: float = Field(default=inference.LEVEL, gt=0, lt=1)
    through: Through = "risk_ratio"
    rare: bool | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> EValue:
        if self.through == "odds_ratio" and self.rare is None:
            raise ValueError(
                "an odds ratio is turned into a risk ratio by how common the outcome is; say "
                "rare: true (fewer than 15 % have it) or rare: false"
            )
        if self.through == "risk_ratio" and self.rare is not None:
            raise ValueError("rare is for through: odds_ratio; a risk ratio needs no such thing")
        if self.against_difference is not None and (
            self.against != 1 or self.through != "risk_ratio"
        ):
            raise ValueError(
                "against_difference goes through the two risks, so it excludes against and "
                "through: odds_ratio; give one of them"
            )
        return self

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the E-value of the estimate and of the interval limit nearest to the target."""
        sample, rung = subject.sample, subject.rung
        needed = self._needed(subject.estimates, sample)
        if isinstance(needed, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, needed)
        moved = leave_out_blocks(subject.estimator, sample, self._ratio, rng)
        strongest = strongest_block(moved)
        at_limit = e_value(needed.factor_limit)
        multiple = count_in_block(needed, strongest)
        yardstick = (
            ""
            if isinstance(strongest, NotEstimable)
            else f"what leaving out {listed([strongest[0]])} does, the strongest measured block"
        )
        return SensitivityFinding(
            self.kind,
            rung,
            NAME,
            at_limit,
            (*needed_rows(needed), *(block_row(one) for one in moved)),
            say_what_moves(needed, strongest, self.level),
            say_shortly(needed, strongest, multiple),
            multiple,
            yardstick,
        )

    def _needed(self, estimates: Estimates, sample: Sample) -> Needed | NotEstimable:
        """Give the E-values on the measure asked for."""
        if self.against_difference is not None:
            return _needed_for_difference(estimates, sample, self.against_difference, self.level)
        rare = bool(self.rare)
        found = risk_ratio_of(estimates, sample, self.level, self.through, rare)
        if isinstance(found, NotEstimable):
            return found
        value, lo, hi = found
        measure, target = "risk ratio", self.against
        if self.through == "odds_ratio":
            target = ratio_of_odds(self.against, rare=rare)
            measure = f"risk ratio (from the odds ratio, {'' if rare else 'not '}rare)"
        elif sample.outcome_kind == "continuous":
            measure = "approximate risk ratio (from the standardised difference)"
        limit = nearest_limit(lo, hi, target)
        factor, at_limit = (math.exp(abs(math.log(one / target))) for one in (value, limit))
        common = _share(sample) if rare and _share(sample) >= RARE else None
        return Needed(measure, value, lo, hi, limit, target, factor, at_limit, common)

    def _ratio(self, estimates: Estimates, sample: Sample) -> float | NotEstimable:
        """Give the ratio on which blocks are compared."""
        found = risk_ratio_of(estimates, sample, self.level, self.through, bool(self.rare))
        return found if isinstance(found, NotEstimable) else found[0]


def _needed_for_difference(
    estimates: Estimates, sample: Sample, target: float, level: float
) -> Needed | NotEstimable:
    """Give the E-values that bring a risk difference to a target."""
    effect = estimates.effect("risk_difference", level)
    if sample.outcome_kind != "binary" or estimates.labels != MEANS:
        return NotEstimable("a target risk difference needs the risk under each of two exposures")
    ratio = estimates.effect("risk_ratio", level)
    if isinstance(effect, NotEstimable):
        return effect
    if isinstance(ratio, NotEstimable):
        return ratio
    risks = (float(estimates.values[0]), float(estimates.values[1]))
    whole: dict[Target, float] = {"ATT": 1.0, "ATC": 0.0}
    share = whole.get(estimates.target, float(np.average(sample.a, weights=sample.w)))
    critical = inference.critical_value(level, estimates.df)
    factor = factor_of_difference(risks, share, target)
    at_limit = factor_at_limit(risks, estimates.covariance, share, target, critical)
    if isinstance(factor, NotEstimable):
        return factor
    if isinstance(at_limit, NotEstimable):
        return at_limit
    limit = nearest_limit(effect.lo, effect.hi, target)
    return Needed(
        "risk difference", effect.estimate, effect.lo, effect.hi, limit, target, factor, at_limit
    )


def _share(sample: Sample) -> float:
    """Give the share with the outcome."""
    known = sample.observed
    return float(np.average(sample.y[known], weights=sample.w[known]))

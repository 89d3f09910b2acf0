"""The E-value: how strongly an unmeasured confounder would have to act, on the risk ratio scale."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from causal import inference
from causal.cohort import Sample
from causal.estimate import MEANS, Estimates, NotEstimable, Target
from causal.sensitivity.base import Sensitivity, SensitivityFinding, finding_without_number
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.codings import no_risks, recode, smaller
from causal.sensitivity.conversions import (
    RARE,
    Through,
    e_value,
    factor_at_limit,
    factor_of_difference,
    nearest_limit,
    ratio_of_hazards,
    ratio_of_odds,
    risk_ratio_of,
)
from causal.sensitivity.e_value_wording import (
    WITHOUT,
    Needed,
    block_row,
    count_in_block,
    needed_rows,
    say_shortly,
    say_what_moves,
)
from causal.sensitivity.observed_bias import leave_out_blocks, strongest_block
from causal.subject import Subject

ARTICLES: dict[Through, str] = {
    "risk_ratio": "a risk ratio",
    "odds_ratio": "an odds ratio",
    "hazard_ratio": "a hazard ratio",
}
NAME = "E-value of the interval limit nearest to no association"


class EValue(Sensitivity):
    """The smallest risk ratio an unmeasured confounder needs with both exposure and outcome.

    It goes through the marginal risk ratio of the fit, or its odds ratio turned into one; for a
    continuous outcome through the standardised difference d, as a risk ratio of about exp(.91 d).
    A risk ratio depends on which of two outcomes is coded 1, so both codings are read and the
    smaller E-value leads. Its yardstick is the E-value of the bias each measured block would
    leave: the rung is fitted anew without it, and the ratio of the two risk ratios taken as a
    bounding factor, in the coding that leads.

    Attributes
    ----------
    against : the ratio the confounder would have to leave, on the measure of ``through``; 1 is
        no association. Another one is of the outcome as coded, and only that is then read.
    against_difference : a risk difference to leave instead, through the two marginal risks; see
        ``conversions.factor_of_difference``.
    level : of the interval.
    through : the measure turned into a risk ratio, for a binary outcome. A hazard ratio is the one
        that two risks at the end of follow-up amount to with proportional hazards, of the outcome
        as coded; an odds ratio is the same for both codings.
    rare : whether fewer than 15 % have the outcome, which decides how an odds or hazard ratio is
        turned.

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
        if self.through != "risk_ratio" and self.rare is None:
            raise ValueError(
                f"{ARTICLES[self.through]} is turned into a risk ratio by how common the outcome "
                "is; say rare: true (fewer than 15 % have it) or rare: false"
            )
        if self.through == "risk_ratio" and self.rare is not None:
            raise ValueError(
                "rare is for through: odds_ratio or hazard_ratio; a risk ratio needs no such thing"
            )
        if self.against_difference is not None and (
            self.against != 1 or self.through != "risk_ratio"
        ):
            raise ValueError(
                "against_difference goes through the two risks, so it excludes against and "
                "any other through; give one of them"
            )
        return self

    def analyse(self, subject: Subject, rng: np.random.Generator) -> SensitivityFinding:
        """Give the E-value of the estimate and of the interval limit nearest to the target."""
        sample, rung = subject.sample, subject.rung
        readings = self._readings(subject.estimates, sample)
        if isinstance(readings, NotEstimable):
            return finding_without_number(self.kind, rung, NAME, readings)
        needed = smaller(readings)

        def ratio(estimates: Estimates, rows: Sample) -> float | NotEstimable:
            return self._ratio(recode(estimates) if needed.recoded else estimates, rows)

        moved = leave_out_blocks(subject.estimator, sample, ratio, rng)
        strongest = strongest_block(moved)
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
            e_value(needed.factor_limit),
            (
                *(row for one in readings for row in needed_rows(one, leads=one is needed)),
                *(block_row(one) for one in moved),
            ),
            say_what_moves(needed, strongest, self.level, readings),
            say_shortly(needed, strongest, multiple),
            multiple,
            yardstick,
        )

    def _readings(self, estimates: Estimates, sample: Sample) -> tuple[Needed, ...] | NotEstimable:
        """Give what the outcome as coded needs, and what it does the other way round."""
        own = self._needed(estimates, sample)
        if sample.outcome_kind != "binary" or self.through != "risk_ratio" or self.against != 1:
            return own if isinstance(own, NotEstimable) else (own,)
        refused = no_risks(estimates)
        if refused is not None:
            return refused
        other = self._needed(recode(estimates), sample, recoded=True)
        if isinstance(own, NotEstimable):
            return own if isinstance(other, NotEstimable) else (other,)
        return (own,) if isinstance(other, NotEstimable) else (own, other)

    def _needed(
        self, estimates: Estimates, sample: Sample, *, recoded: bool = False
    ) -> Needed | NotEstimable:
        """Give the E-values on the measure asked for, in one coding of the outcome."""
        if self.against_difference is not None:
            turned = -self.against_difference if recoded else self.against_difference
            found = _needed_for_difference(estimates, sample, turned, self.level)
            if recoded and not isinstance(found, NotEstimable):
                return found.turned()
            return found
        rare = bool(self.rare)
        ratio = risk_ratio_of(estimates, sample, self.level, self.through, rare)
        if isinstance(ratio, NotEstimable):
            return ratio
        value, lo, hi = ratio
        measure, target = "risk ratio", self.against
        if self.through == "odds_ratio":
            target = ratio_of_odds(self.against, rare=rare)
        elif self.through == "hazard_ratio":
            target = ratio_of_hazards(self.against, rare=rare)
        if self.through != "risk_ratio":
            name = self.through.replace("_", " ")
            measure = f"risk ratio (from the {name}, {'' if rare else 'not '}rare)"
        elif sample.outcome_kind == "continuous":
            measure = "approximate risk ratio (from the standardised difference)"
        elif recoded:
            measure = WITHOUT
        limit = nearest_limit(lo, hi, target)
        factor, at_limit = (max(one / target, target / one) for one in (value, limit))
        common = _share(sample) if rare and _share(sample) >= RARE else None
        return Needed(measure, value, lo, hi, limit, target, factor, at_limit, common, recoded)

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
    share, of_share = _share_exposed(estimates.target, sample)
    critical = inference.critical_value(level, estimates.df)
    factor = factor_of_difference(risks, share, target)
    at_limit = factor_at_limit(risks, estimates.covariance, share, target, critical, of_share)
    if isinstance(factor, NotEstimable):
        return factor
    if isinstance(at_limit, NotEstimable):
        return at_limit
    limit = nearest_limit(effect.lo, effect.hi, target)
    return Needed(
        "risk difference", effect.estimate, effect.lo, effect.hi, limit, target, factor, at_limit
    )


def _share_exposed(target: Target, sample: Sample) -> tuple[float, float]:
    """Give the share exposed among those a difference is for, and its variance."""
    whole: dict[Target, float] = {"ATT": 1.0, "ATC": 0.0}
    if target in whole:
        return whole[target], 0.0
    share = float(np.average(sample.a, weights=sample.w))
    influence = (sample.w / sample.w.mean() * (sample.a - share))[:, None]
    return share, float(inference.covariance(influence, sample.cluster)[0, 0])


def _share(sample: Sample) -> float:
    """Give the share with the outcome."""
    known = sample.observed
    return float(np.average(sample.y[known], weights=sample.w[known]))

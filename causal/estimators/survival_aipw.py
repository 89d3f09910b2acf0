"""Doubly robust curves of a time to an event: hazards, propensity and censoring, augmented."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from causal.arrays import Bools, Floats, read_only
from causal.clock import Clock
from causal.cohort import OutcomeKind, Sample
from causal.errors import OutcomeError, PositivityError, SpecError
from causal.estimate import Estimates, Target
from causal.estimators.base import Limited, from_influence
from causal.estimators.divisions import combine_divisions
from causal.estimators.follow_up import WeighsFollowUp
from causal.estimators.followed_means import is_explained
from causal.estimators.glm import SeparationFoundError
from causal.estimators.nuisance import (
    CrossFitting,
    EntryModel,
    NuisanceStore,
    ObservationModel,
    PropensityModel,
    choose_terms,
    folds_by_unit,
)
from causal.estimators.survival import refuse_short_follow_up, timed
from causal.estimators.survival_hazards import (
    TIME_TERMS,
    Grid,
    augmented_curves,
    fit_hazards,
    gains_by_step,
    put_on_grid,
)
from causal.estimators.survival_profile import curve_estimates
from causal.estimators.survival_steps import dividing_width, told_of_leaving
from causal.estimators.weighting import (
    ClipBounds,
    balancing_weights,
    clipped,
    limited_propensities,
)


class SurvivalAIPW(WeighsFollowUp):
    """Risks by a time from augmented inverse probability weighting, robust to one wrong model.

    Hazards of the event, of what competes with it and of censoring are logistic in the rung's
    covariates and up to three powers of time, one regression an arm.

    Attributes
    ----------
    width : length of a step of time; horizons and tau must be whole numbers of steps. Times are
        known to the step only, and who leaves within one counts as leaving at its nearer end; the
        page says so where many do.
    propensity : the exposure regression.
    hazards : which of the rung's terms hazards depend on; all when None.
    clip : propensities below and above are set to these bounds; the number is reported.
    cross_fit : fit the regressions on other persons than they are used for; None fits once.
    observation, entry : regressions of having a time at all, and of being seen at the exposure
        interview, whose inverses multiply the weights of the residuals; cross-fitted as well.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity of exposure and of staying in follow-up,
    consistency, censoring independent of the event given exposure and covariates, and either the
    hazards of the event (and of what competes) right, or propensity and hazard of censoring. The
    standard error takes all as right. Risks are not forced to rise with time: where a model is
    far off, a curve may dip.

    With follow-up weighed for: who has no time at all is missing at random given exposure and the
    terms of the regressions of follow-up. Where hazards hold all these terms, it is enough that
    hazards are right, or that propensity, censoring and follow-up all are. Where follow-up depends
    on more, follow-up must be right, and hazards, or propensity and censoring; hazards are then
    weighted by whom those with a time stand for. How the curves move with the fitted chances is
    in the standard error, since it does not vanish there.

    References
    ----------
    Zhang & Schaubel (2012), doi:10.1002/sim.5466; Bai, Tsiatis, Lu & Song (2017),
    doi:10.1007/s10985-016-9376-x; Ozenne et al. (2020), doi:10.1002/bimj.201800298; without a
    time: Bang & Robins (2005), doi:10.1111/j.1541-0420.2005.00377.x, section 3.
    """

    kind: Literal["survival_aipw"] = "survival_aipw"
    width: float = Field(default=7.0, gt=0)
    propensity: PropensityModel = PropensityModel()
    hazards: tuple[str, ...] | None = None
    clip: ClipBounds | None = None
    cross_fit: CrossFitting | None = None

    outcomes: ClassVar[tuple[OutcomeKind, ...]] = ("survival",)

    @property
    def estimand(self) -> Target:
        """Give the target: everybody."""
        return "ATE"

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms of the regressions, the hazards among them."""
        return super().named_terms + (self.hazards or ())

    def with_follow_up(
        self, adjusted: tuple[str, ...], observation: ObservationModel, entry: EntryModel | None
    ) -> Self:
        """Give these settings with follow-up weighed for; see ``WeighsFollowUp``."""
        hazards = adjusted if self.hazards is None else self.hazards
        return (
            super()
            .with_follow_up(adjusted, observation, entry)
            .model_copy(update={"hazards": hazards})
        )

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both curves from doubly robust scores."""
        clock, event, time = timed(sample)
        self.check_steps(clock)
        for arm in (0, 1):
            here = sample.w * (sample.observed & (sample.a == arm))
            refuse_short_follow_up(time, event, here, clock, arm)
        grid = put_on_grid(time, event, clock.tau, self.width)
        everybody = np.ones(sample.n, dtype=bool)
        if self.cross_fit is None:
            return self._once(sample, grid, [(everybody, everybody)], nuisances)
        fits = []
        for _ in range(self.cross_fit.repeats):
            fold = folds_by_unit(sample.unit, self.cross_fit.folds, rng)
            parts = [(fold != k, fold == k) for k in range(self.cross_fit.folds)]
            fits.append(self._once(sample, grid, parts, nuisances))
        return combine_divisions(fits, self.cross_fit.combine)

    def check_steps(self, clock: Clock) -> None:
        """Refuse steps that miss a horizon.

        Raises
        ------
        SpecError
            Naming the horizon and the width.
        """
        for value in (*clock.horizons, clock.tau):
            if abs(value / self.width - round(value / self.width)) > 1e-9:
                raise SpecError(
                    f"{value:g} {clock.unit} are not a whole number of steps of {self.width:g}. "
                    f"Set width to {dividing_width(clock, self.width):g}, or another that divides "
                    "every horizon and tau. The smaller it is, the less hangs on when within a "
                    "step somebody left."
                )

    def _once(
        self,
        sample: Sample,
        grid: Grid,
        parts: list[tuple[Bools, Bools]],
        nuisances: NuisanceStore,
    ) -> Estimates:
        """Estimate with one division of the sample, or none."""
        clock, _, _ = timed(sample)
        gains = gains_by_step(grid, clock)
        scores = np.empty((sample.n, 2 * gains.shape[1]))
        chained = np.zeros_like(scores)
        over = sample.w / sample.w.mean()
        for others, own in parts:
            e = self._usable(sample, nuisances, others, own)
            standing = self.standing(sample, None if others.all() else others)
            weights = balancing_weights(e, sample.a, "ATE") * standing.outcome
            held = choose_terms(sample, self.hazards)
            if not is_explained(self, held.terms):
                held = replace(held, w=read_only(sample.w * standing.outcome))
            found = []
            for arm in (0, 1):
                weight = np.where(own & (sample.a == arm), weights, 0.0)
                found.append(self._arm(held, grid, gains, others, weight, arm))
            predicted, residuals = (np.hstack(part) for part in zip(*found, strict=True))
            scores[own] = (predicted + residuals)[own]
            chained += standing.chain(over[:, None] * residuals)
        values = (over[:, None] * scores).mean(axis=0)
        influence = over[:, None] * (scores - values) + chained
        fit = from_influence(values, influence, sample, self.variance, self.estimand)
        return curve_estimates(fit, sample, told_of_leaving(sample, self.width))

    def _usable(
        self, sample: Sample, nuisances: NuisanceStore, others: Bools, own: Bools
    ) -> Floats:
        """Fit the propensity on others, clip it, and refuse one that leaves its own no weight."""
        fit_on = None if others.all() else others
        e, _ = clipped(nuisances.propensity(sample, self.propensity, fit_on).fitted, self.clip)
        if np.any((e[own] <= 0) | (e[own] >= 1)):
            raise PositivityError(
                "a propensity is predicted to be 0 or 1. Set clip, such as [0.01, 0.99], or "
                "narrow the population."
            )
        return e

    def _arm(
        self,
        sample: Sample,
        grid: Grid,
        gains: Floats,
        others: Bools,
        weight: Floats,
        arm: int,
    ) -> tuple[Floats, Floats]:
        """Give both parts of the scores of one arm, from hazards fitted on others of that arm.

        Parameters
        ----------
        sample : with the terms of the hazards, and the weights they are fitted with.
        """
        rows = others & sample.observed & (sample.a == arm)
        name = ("unexposed", "exposed")[arm]
        hazards = []
        for cause, what in ((1, "the event"), (2, "competing events"), (0, "censoring")):
            try:
                hazards.append(fit_hazards(grid, sample.x, sample.w, rows, cause))
            except SeparationFoundError as found:
                terms = (*sample.terms, *TIME_TERMS)
                named = ", ".join(f"'{terms[i]}'" for i in found.columns) or "the covariates"
                raise OutcomeError(
                    f"the hazard of {what} among the {name} has no finite fit: it runs away along "
                    f"{named}. Adjust for less, coarsen them, or choose wider steps."
                ) from None
        return augmented_curves(grid, gains, (hazards[0], hazards[1], hazards[2]), weight)

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the propensities, fitted on everybody."""
        return nuisances.propensity(sample, self.propensity).fitted

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights of the residuals, those for follow-up included."""
        weights = self._balancing(sample, nuisances)
        return weights if self.observation is None else weights * self.standing(sample).outcome

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weights for exposure, and of each stage of follow-up."""
        weights = self._balancing(sample, nuisances)
        return (("exposure", weights), *self.follow_up_factors(sample))

    def _balancing(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights for exposure, from propensities fitted on everybody."""
        e, _ = clipped(self.propensities(sample, nuisances), self.clip)
        return balancing_weights(e, sample.a, "ATE")

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows clipped."""
        return limited_propensities(self.propensities(sample, nuisances), self.clip, None)

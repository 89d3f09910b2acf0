"""What an instrument does itself: to the outcome (intention to treat), and to the exposure."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.estimate import Estimates, Target
from causal.estimators.instrumental import (
    Instrumented,
    instruments_of,
    refuse_several_instruments,
)
from causal.estimators.iv_algebra import refuse_empty_instruments
from causal.estimators.linear_probability import LinearProbability
from causal.estimators.nuisance import NuisanceStore, choose_terms


class _OfInstrument(Instrumented):
    """A coefficient of the one instrument."""

    def _coefficient(
        self, sample: Sample, response: Floats, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Regress a response on the instrument and the covariates, on the rows with an outcome."""
        z = instruments_of(sample)
        refuse_several_instruments(self.kind, sample)
        chosen = choose_terms(sample, self.terms)
        refuse_empty_instruments(z, chosen.x, chosen.w * chosen.observed, chosen.instruments)
        turned = replace(
            sample,
            y=np.where(sample.observed, response, np.nan),
            a=z[:, 0],
            outcome_kind="continuous",
            exposure_kind="dose",
        )
        linear = LinearProbability(variance=self.variance, terms=self.terms)
        return replace(linear.estimate(turned, nuisances, rng), target=self.estimand)


class IntentionToTreat(_OfInstrument):
    """The reduced form: the outcome on the instrument, a difference a unit of instrument.

    Assumptions
    -----------
    Given the rung's covariates the instrument is as if drawn at random. Nothing about exposure is
    assumed: what the instrument does by other ways is part of the answer.
    """

    kind: Literal["itt"] = "itt"

    @property
    def estimand(self) -> Target:
        """Give the target: the instrument's effect on the outcome."""
        return "ITT"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient of the instrument."""
        return self._coefficient(sample, sample.y, nuisances, rng)


class FirstStage(_OfInstrument):
    """The first stage: the exposure on the instrument, a difference a unit of instrument.

    Assumptions
    -----------
    None for the association; given the rung's covariates the instrument as if drawn at random for
    its effect on exposure. Rows without an outcome are left out, as ``iv`` does.
    """

    kind: Literal["first_stage"] = "first_stage"

    @property
    def estimand(self) -> Target:
        """Give the target: the instrument's effect on the exposure."""
        return "first stage"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient of the instrument."""
        return self._coefficient(sample, sample.a, nuisances, rng)

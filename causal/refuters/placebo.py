"""Placebos: an exposure, or an outcome, that by construction has nothing to do with the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal.arrays import Floats
from causal.cohort import Sample
from causal.diagnostics import Verdict
from causal.errors import OutcomeError, PositivityError
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.refuters.base import (
    DETECTABLE,
    Examined,
    Refutation,
    Refuter,
    central,
    tell_failures,
    test_null,
)
from causal.refuters.drawing import Draws, cut_into_strata, fit_start, refit, shuffle_within

LEVEL = 0.05


class PlaceboExposure(Refuter):
    """Exposure permuted within strata of its estimated propensity, everything fitted again.

    The placebo keeps the dependence of exposure on the covariates (between strata) and loses any
    dependence on the outcome beyond them, so an estimator that adjusts for the covariates must
    give 0 on average, and one that does not is found out. Where exposure is constant within
    clusters, clusters are permuted; otherwise rows are, across persons: a permutation among the
    rows of one person would keep the person's total exposure and with it part of the association.

    Attributes
    ----------
    draws : permutations.
    strata : groups of equal size by propensity; more of them at large n, where the steps of a few
        strata are themselves a misspecification that can be found.
    """

    kind: Literal["placebo_exposure"] = "placebo_exposure"
    draws: int = Field(default=500, ge=20, le=100_000)
    strata: int = Field(default=5, ge=1, le=1000)

    sees: ClassVar[str] = (
        "an estimator that gives an effect where there is none: covariates that are not adjusted "
        "for although they drive exposure, a wrong sign, a leak, a regression that overfits"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, reverse causation, errors of measurement: the permutation "
        "removes them together with the effect"
    )

    def examine(self, examined: Examined) -> Refutation:
        """Permute, refit, and test the mean against 0."""
        sample = examined.sample
        blocks, first = exposure_blocks(sample)
        score = np.bincount(blocks, _exposure_score(sample)) / np.bincount(blocks)
        strata = cut_into_strata(score, self.strata)

        def change(one: Sample, rng: np.random.Generator) -> Sample:
            return one.with_exposure(shuffle_within(one.a[first], strata, rng)[blocks])

        if len(np.unique(np.column_stack([strata, sample.a[first]]), axis=0)) == len(
            np.unique(strata)
        ):
            return self.decline(examined.rung, "no stratum holds both exposures, none can move")
        found = _placebo_draws(examined, self.draws, change)
        what = f"Exposure permuted within {self.strata} strata of the propensity"
        return _conclude_null(self, examined, found, what)


class DummyOutcome(Refuter):
    """Outcome permuted within strata of its prediction from the covariates, without exposure.

    The dummy keeps the dependence of the outcome on the covariates (between strata) and loses any
    on the exposure beyond them: an estimator that adjusts must give 0 on average.

    Attributes
    ----------
    draws : permutations.
    strata : groups of equal size by predicted outcome.
    """

    kind: Literal["dummy_outcome"] = "dummy_outcome"
    draws: int = Field(default=500, ge=20, le=100_000)
    strata: int = Field(default=5, ge=1, le=1000)

    sees: ClassVar[str] = (
        "an estimator that finds an effect on an outcome exposure cannot have changed: measured "
        "confounding left in, a wrong sign, a leak of the exposure"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding, reverse causation, errors of measurement: the permutation "
        "removes them together with the effect"
    )

    def examine(self, examined: Examined) -> Refutation:
        """Permute, refit, and test the mean against 0."""
        known = examined.sample.observed
        strata = cut_into_strata(_outcome_score(examined.sample)[known], self.strata)

        def change(one: Sample, rng: np.random.Generator) -> Sample:
            y = np.array(one.y)
            y[known] = shuffle_within(one.y[known], strata, rng)
            return replace(one, y=y)

        found = _placebo_draws(examined, self.draws, change)
        what = f"Outcome permuted within {self.strata} strata of its prediction"
        return _conclude_null(self, examined, found, what)


class _Change:
    """The type of a function that changes a sample with a stream of its own."""

    def __call__(self, one: Sample, rng: np.random.Generator) -> Sample: ...

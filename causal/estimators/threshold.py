"""Threshold scan: at or above a dose against below it, for every declared cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats
from causal.cohort import ExposureKind, Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.doubly_robust import doubly_robust_means
from causal.estimators.nuisance import NuisanceStore, OutcomeModel, PropensityModel
from causal.estimators.weighting import balancing_weights
from causal.profiles import Profile, ProfileContrast, ProfilePoint

FEWEST_ROWS = 20
"""Rows with a known outcome asked of each side of a cut; a habit, not a theorem."""


class ThresholdScan(Estimator):
    """Doubly robust contrasts of doses at or above a cut with doses below it, cut by cut.

    Attributes
    ----------
    cuts : the cuts, ascending; a dose equal to a cut counts as above.
    compare : the cut whose contrast is the rung's.
    propensity, outcome : the two regressions of every cut.

    Assumptions
    -----------
    As for ``aipw``, at every cut; the standard error takes both regressions as right. Each side
    mixes doses: the contrast is that of the mixes there are in each stratum of covariates, and
    changes with them. The cut with the largest contrast is no estimate of where an effect begins;
    the band allows for looking at all cuts.
    """

    kind: Literal["threshold_scan"] = "threshold_scan"
    cuts: Annotated[tuple[float, ...], Field(min_length=1)]
    compare: float
    propensity: PropensityModel = PropensityModel()
    outcome: OutcomeModel = OutcomeModel()

    exposures: ClassVar[tuple[ExposureKind, ...]] = ("dose",)

    @model_validator(mode="after")
    def _compares_a_cut(self) -> ThresholdScan:
        if list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError("cuts must ascend, such as [0.5, 1, 2.5]")
        if self.compare not in self.cuts:
            shown = ", ".join(f"{cut:g}" for cut in self.cuts)
            raise ValueError(f"compare {self.compare:g} is not one of the cuts {shown}")
        return self

    @property
    def estimand(self) -> Target:
        """Give the target: a threshold."""
        return "threshold"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the means of both sides of every cut."""
        values, influence = [], []
        for cut in self.cuts:
            own, psi = self._at(sample, cut)
            values.append(own)
            influence.append(psi)
        fit = from_influence(
            np.concatenate(values), np.hstack(influence), sample, self.variance, self.estimand
        )
        at = 2 * self.cuts.index(self.compare)
        labels = tuple(f"{side} {cut:g}" for cut in self.cuts for side in ("below", "at or above"))
        return replace(fit, labels=labels, pair=(at, at + 1), profile=self._profile(sample))

    def _at(self, sample: Sample, cut: float) -> tuple[Floats, Floats]:
        """Estimate both sides of one cut, with regressions of its own."""
        above = (sample.a >= cut).astype(np.float64)
        for side, rows in (("below", above == 0), ("at or above", above == 1)):
            if int((rows & sample.observed).sum()) < FEWEST_ROWS:
                raise PositivityError(
                    f"only {int((rows & sample.observed).sum())} rows are {side} the cut {cut:g}; "
                    f"{FEWEST_ROWS} are asked of each side. Take it out of cuts."
                )
        two = replace(sample, a=above, exposure_kind="binary")
        store = NuisanceStore()
        e = store.propensity(two, self.propensity).fitted
        regression = store.outcome(two, self.outcome)
        return doubly_robust_means(two, e, regression.mu0, regression.mu1, "ATE")

    def cut_weights(self, sample: Sample) -> tuple[tuple[float, Floats, Floats], ...]:
        """Give each cut with its (n,) sides, 0/1, and the weights of their residuals."""
        found = []
        for cut in self.cuts:
            above = (sample.a >= cut).astype(np.float64)
            two = replace(sample, a=above, exposure_kind="binary")
            e = NuisanceStore().propensity(two, self.propensity).fitted
            found.append((cut, above, balancing_weights(e, above, "ATE")))
        return tuple(found)

    def _profile(self, sample: Sample) -> Profile:
        """Give points, contrasts and notes."""
        points = tuple(
            ProfilePoint(
                2 * i + side,
                f"{name} {cut:g}",
                series=name,
                x=cut,
                rows=int((sample.observed & ((sample.a >= cut) == bool(side))).sum()),
            )
            for side, name in enumerate(("below", "at or above"))
            for i, cut in enumerate(self.cuts)
        )
        contrasts = tuple(
            ProfileContrast(f"at or above − below {cut:g}", 2 * i + 1, 2 * i)
            for i, cut in enumerate(self.cuts)
        )
        return Profile(
            kind="threshold",
            axis="cut",
            unit=sample.doses.unit if sample.doses else "",
            points=points,
            contrasts=contrasts,
            notes=(
                "Each side of a cut mixes doses, so that a contrast at one cut carries what "
                "happens at others; the largest is no estimate of where an effect begins",
            ),
        )

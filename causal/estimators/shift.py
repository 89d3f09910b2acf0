"""Stochastic interventions: a dose shifted where it can be, and odds of exposure multiplied."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from causal.arrays import Bools, Floats
from causal.cohort import ExposureKind, Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.dose import dose_chances, fit_curve
from causal.estimators.dose_forms import (
    DoseForm,
    dose_basis,
    observed_doses,
    refuse_misfit,
    refuse_rare_levels,
)
from causal.estimators.glm import Link
from causal.estimators.nuisance import NuisanceStore, OutcomeModel, PropensityModel
from causal.profiles import Profile, ProfileContrast, ProfilePoint


class Shift(Estimator):
    """The mean outcome had everybody's dose been some steps higher, where there is such a dose.

    Attributes
    ----------
    steps : how many observed doses further; negative for lower. Whoever would leave the doses
        observed keeps the dose had.
    form : how the outcome bends with dose in its regression.
    link : of that regression; by the outcome's kind when None.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and positivity only where it is used:
    whoever has a dose could have had the next. One of the outcome regression and the chances of
    the doses (multinomial) correctly specified; the standard error takes both as right.

    References
    ----------
    Muñoz & van der Laan (2012), doi:10.1111/j.1541-0420.2011.01685.x; Haneuse & Rotnitzky (2013),
    doi:10.1002/sim.5907; one-step estimate: Díaz & van der Laan (2018),
    doi:10.1007/978-3-319-65304-4_14.
    """

    kind: Literal["shift"] = "shift"
    steps: int = 1
    form: DoseForm = "levels"
    link: Link | None = None

    exposures: ClassVar[tuple[ExposureKind, ...]] = ("dose",)

    @field_validator("steps")
    @classmethod
    def _moves(cls, steps: int) -> int:
        if steps == 0:
            raise ValueError("a shift of 0 steps changes nothing; say 1 or -1")
        return steps

    @property
    def estimand(self) -> Target:
        """Give the target: a shift."""
        return "shift"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the mean as it is, and as shifted."""
        refuse_rare_levels(sample)
        refuse_misfit(sample, self.form, ())
        regression = fit_curve(sample, self.form, self.link)
        doses = observed_doses(sample)
        number = np.searchsorted(doses, sample.a)
        if abs(self.steps) >= len(doses):
            word = "higher" if self.steps > 0 else "lower"
            raise PositivityError(
                f"a shift of {self.steps} steps moves nobody: there are {len(doses)} distinct "
                f"doses, so at most {len(doses) - 1} steps {word}. Say 1 or -1."
            )
        shifted, moved = shifted_doses(number, self.steps, len(doses))
        columns = [
            np.column_stack([dose_basis(doses[at], self.form, doses), sample.x])
            for at in (number, shifted)
        ]
        mu, mu_shifted = (regression.predict(one) for one in columns)
        ratio = self.ratios(sample)
        over = sample.w / sample.w.mean()
        scores = over[:, None] * np.column_stack([sample.y, mu_shifted + ratio * (sample.y - mu)])
        values = scores.mean(axis=0)
        influence = scores - over[:, None] * values
        fit = from_influence(values, influence, sample, self.variance, self.estimand)
        word = "higher" if self.steps > 0 else "lower"
        name = f"{abs(self.steps)} step{'s' if abs(self.steps) > 1 else ''} {word}"
        return replace(
            fit,
            labels=("as it is", name),
            profile=_two_points(name, int(moved.sum())),
        )

    def ratios(self, sample: Sample) -> Floats:
        """Give the (n,) ratio of the chance of each row's dose after the shift to that before."""
        number = np.searchsorted(observed_doses(sample), sample.a)
        return shift_ratio(dose_chances(sample), number, self.steps)


class Incremental(Estimator):
    """The mean outcome had everybody's odds of exposure been multiplied.

    Attributes
    ----------
    odds : the factor; above 1 for more exposure.
    propensity, outcome : the two regressions.

    Assumptions
    -----------
    Exchangeability given the rung's covariates and consistency. No positivity: whoever would never
    (or always) be exposed stays so. Both regressions correctly specified: unlike for ``aipw``, the
    propensity is part of the question.

    References
    ----------
    Kennedy (2019), doi:10.1080/01621459.2017.1422737, equation 5.
    """

    kind: Literal["incremental"] = "incremental"
    odds: float = Field(default=2.0, gt=0)
    propensity: PropensityModel = PropensityModel()
    outcome: OutcomeModel = OutcomeModel()

    @field_validator("odds")
    @classmethod
    def _changes(cls, odds: float) -> float:
        if odds == 1:
            raise ValueError("a factor of 1 changes nothing; say 2 or 0.5")
        return odds

    @property
    def estimand(self) -> Target:
        """Give the target: a shift."""
        return "shift"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the mean as it is, and with the odds changed."""
        e = nuisances.propensity(sample, self.propensity).fitted
        regression = nuisances.outcome(sample, self.outcome)
        score = incremental_score(sample, e, regression.mu0, regression.mu1, self.odds)
        over = sample.w / sample.w.mean()
        scores = over[:, None] * np.column_stack([sample.y, score])
        values = scores.mean(axis=0)
        fit = from_influence(
            values, scores - over[:, None] * values, sample, self.variance, self.estimand
        )
        name = f"odds times {self.odds:g}"
        return replace(fit, labels=("as it is", name), profile=_two_points(name, None))


def shifted_doses(
    number: np.ndarray[tuple[int, ...], np.dtype[np.int64]], steps: int, many: int
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Bools]:
    """Give the number of each row's dose after the shift, and which rows it moves."""
    wanted = number + steps
    moved = np.asarray((wanted >= 0) & (wanted < many))
    return np.where(moved, wanted, number), moved


def shift_ratio(
    e: Floats, number: np.ndarray[tuple[int, ...], np.dtype[np.int64]], steps: int
) -> Floats:
    """Give the (n,) ratio of the chance of a row's dose after the shift to that before.

    Parameters
    ----------
    e : (n, K) floats, chances of the doses.
    number : (n,) ints, each row's dose.

    Raises
    ------
    PositivityError
        A row's own dose has no chance.
    """
    n, many = e.shape
    after = np.zeros_like(e)
    for dose in range(many):
        to = dose + steps
        after[:, to if 0 <= to < many else dose] += e[:, dose]
    own = e[np.arange(n), number]
    if np.any(own <= 0):
        raise PositivityError(
            f"{int((own <= 0).sum())} rows have a dose the covariates give no chance of. Coarsen "
            "the doses (design.dose.values) or the covariates."
        )
    return np.asarray(after[np.arange(n), number] / own)


def incremental_score(sample: Sample, e: Floats, mu0: Floats, mu1: Floats, odds: float) -> Floats:
    """Give the (n,) uncentred influence values of the mean under multiplied odds.

    References
    ----------
    Kennedy (2019), doi:10.1080/01621459.2017.1422737, equation 5 with one time point.
    """
    a, y = sample.a, sample.y
    below = odds * e + 1 - e
    weighted = (odds * a + 1 - a) / below
    mixed = (odds * e * mu1 + (1 - e) * mu0) / below
    own = np.where(a == 1, mu1, mu0)
    return np.asarray(weighted * (y - own) + mixed + odds * (mu1 - mu0) * (a - e) / below**2)


def _two_points(name: str, moved: int | None) -> Profile:
    """Give the profile of a mean as it is and another, with the rows that are moved."""
    notes = [
        "The first mean is the observed one: the contrast is what a nudge would change, not what "
        "exposure does to those who have it"
    ]
    if moved is not None:
        notes.append(
            "Rows are those the shift moves; all others stay, having no such dose to go to"
        )
    return Profile(
        kind="shift",
        axis="exposure",
        unit="",
        points=(ProfilePoint(0, "as it is"), ProfilePoint(1, name, rows=moved)),
        contrasts=(ProfileContrast(f"{name} − as it is", 1, 0),),
        notes=tuple(notes),
    )

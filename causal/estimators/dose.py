"""Dose-response curves: crude, and adjusted by regression, by weights or doubly robustly."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import model_validator

from causal.arrays import Floats, read_only
from causal.cohort import ExposureKind, Sample
from causal.dose_grid import DoseGrid
from causal.errors import OutcomeError, PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.arms import augmented_arm_means
from causal.estimators.base import Crude, Estimator, from_influence
from causal.estimators.dose_forms import (
    DoseForm,
    dose_basis,
    observed_doses,
    refuse_misfit,
    refuse_rare_levels,
)
from causal.estimators.dose_weights import (
    DoseDensity,
    DoseWeights,
    level_weights,
    normal_weights,
)
from causal.estimators.glm import Link, NuisanceFit, SeparationFoundError, fit_glm
from causal.estimators.multinomial import fit_arms
from causal.estimators.nuisance import NuisanceStore
from causal.profiles import Profile, ProfileContrast, ProfilePoint


class DoseCurve(Estimator):
    """What curves over doses share; ``design.dose`` says where they are read and compared.

    Attributes
    ----------
    form : how the outcome bends with dose: ``levels`` (each dose on its own), ``linear``,
        ``quadratic``, or ``{spline: [knots]}``, restricted cubic.
    link : of the outcome regression; by the outcome's kind when None.
    """

    form: DoseForm
    link: Link | None = None

    exposures: ClassVar[tuple[ExposureKind, ...]] = ("dose",)

    def curve(self, fit: Estimates, sample: Sample, notes: tuple[str, ...] = ()) -> Estimates:
        """Name the means of a fit after the doses of the grid."""
        grid = dose_grid(sample)
        low, high = (grid.doses.index(dose) for dose in grid.compare)
        points = tuple(
            ProfilePoint(
                i, f"{dose:g}", x=dose, rows=int((sample.observed & (sample.a == dose)).sum())
            )
            for i, dose in enumerate(grid.doses)
        )
        contrasts = tuple(
            ProfileContrast(f"{dose:g} − {grid.compare[0]:g}", i, low)
            for i, dose in enumerate(grid.doses)
            if i != low
        )
        profile = Profile(
            kind="dose",
            axis="dose",
            unit=grid.unit,
            points=points,
            contrasts=contrasts,
            notes=notes,
        )
        labels = tuple(f"dose {dose:g}" for dose in grid.doses)
        return replace(fit, labels=labels, pair=(low, high), profile=profile)


class DoseMeans(DoseCurve, Crude):
    """The crude curve: the mean outcome by dose, nothing adjusted for.

    Assumptions
    -----------
    For the association: the form. It is an effect only if doses were assigned at random.
    """

    kind: Literal["dose_means"] = "dose_means"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the mean at every dose of the grid."""
        grid = dose_grid(sample).doses
        refuse_misfit(sample, self.form, grid)
        bare = sample.with_terms(())
        regression = fit_curve(bare, self.form, self.link)
        values, influence = standardised_curve(bare, regression, self.form, grid)
        fit = from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=regression.rank
        )
        return self.curve(fit, sample)


class DoseResponse(DoseCurve):
    """The mean outcome had everybody had each dose of a grid.

    Attributes
    ----------
    method : ``g_computation`` averages an outcome regression over everybody; ``doubly_robust``
        takes doubly robust means of every dose observed (each a level, with chances by multinomial
        regression) and puts the form through them, weighted by how many have each dose; where
        the form does not fit, how many that are counts in the standard error. ``weighting`` fits a
        marginal structural model: a regression of the outcome on the form of the dose alone, with
        stabilised weights whose fit is in the standard error.
    density : what ``weighting`` weighs by: ``normal`` densities with a linear mean and one
        variance, or ``levels``, chances of every dose observed; the latter for ``form: levels``
        and the former else, when None.

    Assumptions
    -----------
    Exchangeability given the rung's covariates at every dose, positivity: everybody could have had
    every dose; consistency: the column's codes stand for the doses said; and a correctly specified
    outcome regression (for ``doubly_robust``, that or the chances of the doses; the standard error
    takes both as right). For ``weighting``, the density of the dose given covariates and the form
    are right: a dose with a heap at 0 is not normal, whatever the covariates. A form that bends
    too little draws a smooth lie: compare it with ``levels``.

    References
    ----------
    Robins (1986), doi:10.1016/0270-0255(86)90088-6; Hirano & Imbens (2004),
    doi:10.1002/0470090456.ch7; projection of doubly robust scores on a declared form: Kennedy,
    Ma, McHugh & Small (2017), doi:10.1111/rssb.12212 (with levels in the place of a density);
    weighting: Robins, Hernán & Brumback (2000), doi:10.1097/00001648-200009000-00011.
    """

    kind: Literal["dose_response"] = "dose_response"
    method: Literal["g_computation", "doubly_robust", "weighting"] = "g_computation"
    density: DoseDensity | None = None

    @model_validator(mode="after")
    def _weighs_by_what_fits(self) -> DoseResponse:
        if self.density is not None and self.method != "weighting":
            raise ValueError(f"{self.method} weighs by no density; take density away")
        if self.form == "levels" and self.density == "normal":
            raise ValueError("form: levels takes chances of the levels; take density away")
        return self

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are predicted."""
        return self.method == "g_computation"

    @property
    def estimand(self) -> Target:
        """Give the target: everybody."""
        return "ATE"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the mean at every dose of the grid."""
        grid = dose_grid(sample).doses
        refuse_misfit(sample, self.form, grid)
        if self.method == "weighting":
            regression = self._marginal(sample)
            sample = sample.with_terms(())
        else:
            regression = fit_curve(sample, self.form, self.link)
        if self.method != "doubly_robust":
            values, influence = standardised_curve(sample, regression, self.form, grid)
            rank = regression.rank
        else:
            values, influence = self._projected(sample, regression)
            rank = 1
        fit = from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=rank
        )
        return self.curve(fit, sample, self._notes(sample))

    def dose_weights(self, sample: Sample) -> DoseWeights:
        """Fit the stabilised weights of a marginal structural model."""
        if self.form == "levels" or self.density == "levels":
            refuse_rare_levels(sample)
            return level_weights(sample)
        return normal_weights(sample)

    def _marginal(self, sample: Sample) -> NuisanceFit:
        """Fit the outcome on the dose alone, with weights that the scores know to be fitted."""
        own = self.dose_weights(sample)
        bare = replace(sample.with_terms(()), w=read_only(sample.w * own.weights))
        regression = fit_curve(bare, self.form, self.link)
        return replace(regression, added=own.chain(regression.scores))

    @property
    def weighs_exposure(self) -> bool:
        """Tell whether weights are to make the dose independent of covariates."""
        return self.method == "weighting"

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weights of a marginal structural model."""
        if self.method != "weighting":
            return ()
        return (("exposure", self.dose_weights(sample).weights),)

    def _projected(self, sample: Sample, regression: NuisanceFit) -> tuple[Floats, Floats]:
        """Put the form through doubly robust means of the doses observed."""
        refuse_rare_levels(sample)
        doses, grid = observed_doses(sample), dose_grid(sample).doses
        e = dose_chances(sample)
        mu = predicted_curve(sample, regression, self.form, tuple(doses))
        number = np.searchsorted(doses, sample.a).astype(np.float64)
        values, influence = augmented_arm_means(replace(sample, a=number), e, mu)
        if self.form == "levels":
            chosen = [int(np.searchsorted(doses, dose)) for dose in grid]
            return values[chosen], influence[:, chosen]
        return project(values, influence, replace(sample, a=number), doses, grid, self.form)

    def leveled(self, sample: Sample) -> tuple[Sample, Floats, Floats] | None:
        """Give the doses as named levels, their (n, K) chances, and each row's (n,) weight.

        None where no chances of levels are used.
        """
        if self.method == "g_computation" or (
            self.method == "weighting" and "levels" not in (self.form, self.density)
        ):
            return None
        doses, e = observed_doses(sample), dose_chances(sample)
        number = np.searchsorted(doses, sample.a)
        names = tuple(f"dose {dose:g}" for dose in doses)
        a = number.astype(np.float64)
        named = replace(sample, a=a, exposure_kind="arms", levels=names, doses=None)
        return named, e, 1 / e[np.arange(sample.n), number]

    def _notes(self, sample: Sample) -> tuple[str, ...]:
        """Say how the curve was made."""
        bends = self.form if isinstance(self.form, str) else "a spline with the knots declared"
        by = {
            "g_computation": "an outcome regression",
            "doubly_robust": "doubly robust means",
            "weighting": "a regression on the dose alone, weighted",
        }[self.method]
        return (
            f"The curve is that of {by}, by {bends}; its shape beyond what that allows is not "
            "looked for",
        )


def dose_grid(sample: Sample) -> DoseGrid:
    """Give where curves are read.

    Raises
    ------
    PositivityError
        The design does not say.
    """
    if sample.doses is None:
        raise PositivityError(
            "curves over doses need doses to be read at. Say dose in the design, such as "
            "{grid: [0, 1, 2.5], compare: [0, 1]}."
        )
    return sample.doses


def fit_curve(sample: Sample, form: DoseForm, link: Link | None) -> NuisanceFit:
    """Fit the outcome on the dose by its form and the covariates.

    Raises
    ------
    OutcomeError
        A logit link for a number, or perfect separation.
    """
    chosen = link or ("logit" if sample.outcome_kind == "binary" else "linear")
    if chosen == "logit" and sample.outcome_kind != "binary":
        raise OutcomeError("a logit link needs a 0/1 outcome. Set link to linear.")
    basis = dose_basis(sample.a, form, observed_doses(sample))
    try:
        columns = np.column_stack([basis, sample.x])
        return fit_glm(columns, sample.y, sample.w, chosen, sample.observed)
    except SeparationFoundError as found:
        terms = (*(f"dose[{i + 1}]" for i in range(basis.shape[1])), *sample.terms)
        named = ", ".join(f"'{terms[i]}'" for i in found.columns) or "the dose"
        raise OutcomeError(
            f"perfect separation: dose and covariates determine the outcome of {found.rows} rows, "
            f"along {named}. Choose a stiffer form, drop or coarsen covariates, or set link to "
            "linear."
        ) from None


def predicted_curve(
    sample: Sample, regression: NuisanceFit, form: DoseForm, grid: tuple[float, ...]
) -> Floats:
    """Give the (n, g) predicted outcome of everybody at every dose."""
    doses = observed_doses(sample)
    return np.column_stack(
        [
            regression.predict(
                np.column_stack([dose_basis(np.full(sample.n, dose), form, doses), sample.x])
            )
            for dose in grid
        ]
    )


def standardised_curve(
    sample: Sample, regression: NuisanceFit, form: DoseForm, grid: tuple[float, ...]
) -> tuple[Floats, Floats]:
    """Average predictions over everybody at every dose, with stacked influence values."""
    weight, doses = sample.w / sample.w.mean(), observed_doses(sample)
    mu = predicted_curve(sample, regression, form, grid)
    values = (weight[:, None] * mu).mean(axis=0)
    influence = weight[:, None] * (mu - values)
    for at, dose in enumerate(grid):
        columns = np.column_stack([dose_basis(np.full(sample.n, dose), form, doses), sample.x])
        design = regression.design(columns) * (weight * regression.slope(mu[:, at]))[:, None]
        influence[:, at] += regression.influence @ design.mean(axis=0)
    return values, influence


def dose_chances(sample: Sample) -> Floats:
    """Give the (n, K) chances of the doses observed, by multinomial regression."""
    doses = observed_doses(sample)
    number = np.searchsorted(doses, sample.a).astype(np.float64)
    names = tuple(f"dose {dose:g}" for dose in doses)
    return fit_arms(sample.x, number, sample.w, names, sample.terms).e


def project(
    values: Floats,
    influence: Floats,
    sample: Sample,
    doses: Floats,
    grid: tuple[float, ...],
    form: DoseForm,
) -> tuple[Floats, Floats]:
    """Put a form through means of doses, weighted by how many have each, and read it at a grid.

    Parameters
    ----------
    values, influence : (K,) floats, means of the doses observed, and (n, K) influence values.
    sample : whose exposure is the number of each row's dose.

    Returns
    -------
    (g,) floats, and (n, g) influence values; where the form does not fit, how many have each dose
    moves the curve, too.
    """
    own = (sample.a[:, None] == np.arange(len(doses))[None, :]) * sample.w[:, None]
    share = own.mean(axis=0)
    misfit = values - _smoother(doses, doses, share, form) @ values
    counted = (own - sample.w[:, None] * share / sample.w.mean()) * (misfit / share)
    through = _smoother(doses, np.array(grid), share, form)
    return through @ values, (influence + counted) @ through.T


def _smoother(doses: Floats, grid: Floats, share: Floats, form: DoseForm) -> Floats:
    """Give the (g, K) matrix that puts a form through K means by weighted least squares."""
    at = np.column_stack([np.ones(len(doses)), dose_basis(doses, form, doses)])
    to = np.column_stack([np.ones(len(grid)), dose_basis(grid, form, doses)])
    weighted = at * share[:, None]
    return np.asarray(to @ np.linalg.pinv(weighted.T @ at) @ weighted.T)

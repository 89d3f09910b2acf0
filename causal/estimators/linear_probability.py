"""The linear probability model: least squares of the outcome, and the coefficient of exposure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats
from causal.cohort import ExposureKind, Sample
from causal.errors import PositivityError
from causal.estimate import MEANS, SLOPE, Estimates, Target
from causal.estimators.base import Estimator, from_influence, with_classical_covariance
from causal.estimators.glm import NuisanceFit, aliased, fit_glm
from causal.estimators.least_squares_errors import (
    reduced_residuals,
    with_reduced_covariance,
    with_wild_least_squares,
)
from causal.estimators.nuisance import (
    NuisanceStore,
    choose_terms,
    interacting_columns,
    refuse_aliased_exposure,
)
from causal.estimators.outcome_fit import outcome_columns
from causal.estimators.variance import EVERY_ESTIMATOR, Variance, VarianceKind


class LinearProbability(Estimator):
    """Least squares of the outcome on exposure and covariates; the coefficient of exposure.

    Takes binary or continuous outcomes, and exposures that are 0/1 or a dose (difference a unit).
    With ``interactions`` the coefficient depends on covariates, and ``at`` says where it is read:
    the effect among those with these values, not an average over anybody.

    Attributes
    ----------
    terms : which of the rung's terms to adjust for; all when None.
    interactions : terms multiplied with exposure.
    at : the value of each of them at which the effect is given.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, and a linear conditional mean with a constant
    effect; otherwise it is a variance-weighted average effect (Angrist 1998,
    doi:10.2307/2998558), named ``linear projection`` here. With ``interactions``, a linear
    conditional mean in which the effect differs by these terms only, and by them linearly.
    """

    kind: Literal["linear_probability"] = "linear_probability"
    variance: Variance = Variance(kind="HC1")
    terms: tuple[str, ...] | None = None
    interactions: tuple[str, ...] = ()
    at: Mapping[str, float] = Field(default_factory=dict)
    leaves_out: ClassVar[bool] = True
    variances: ClassVar[tuple[VarianceKind, ...]] = (
        *EVERY_ESTIMATOR, "classical", "classical_n", "CR2",
    )  # fmt: skip
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary", "dose")

    @model_validator(mode="after")
    def _says_where(self) -> LinearProbability:
        without = [term for term in self.interactions if term not in self.at]
        if without:
            raise ValueError(
                f"with the product of exposure and '{without[0]}' the effect depends on it; say "
                f"where to read it, such as at: {{{without[0]}: 5}}, or average over everybody "
                "with g_computation (outcome: {link: linear, interactions: [...]})"
            )
        if self.interactions and self.variance.kind == "wild":
            raise ValueError(
                "wild is of one coefficient of exposure, and interactions give several; choose "
                "CR2 or CR1S for variance.kind"
            )
        alone = [term for term in self.at if term not in self.interactions]
        if alone:
            raise ValueError(
                f"at names '{alone[0]}', which is not among the interactions, so the effect does "
                f"not depend on it. Add it to interactions, or take it out of at"
            )
        return self

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target: the projection on exposure and covariates, or the effect at a value."""
        return "conditional" if self.interactions else "linear projection"

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return (self.terms or ()) + self.interactions

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient, and for 0/1 exposures the two means it separates."""
        chosen = choose_terms(sample, self.terms)
        refuse_aliased_exposure(chosen)
        if self.interactions:
            return self._at_values(chosen)
        columns = np.column_stack([sample.a, chosen.x])
        regression = fit_glm(columns, sample.y, sample.w, "linear", sample.observed)
        binary = sample.exposure_kind == "binary"
        levels = np.column_stack([np.zeros(sample.n), np.ones(sample.n)])
        values, influence, gradient = linear_contrast(
            regression, columns, levels, sample.w, means=binary
        )
        labels = MEANS if binary else SLOPE
        return self._estimates(sample, columns, regression, values, influence, gradient, labels)

    def _at_values(self, sample: Sample) -> Estimates:
        """Estimate the effect of a unit of exposure at the declared values."""
        products = interacting_columns(sample, self.interactions)
        columns = outcome_columns(sample.a, sample.x, products, pooled=True)
        refuse_aliased_products(columns, 1 + sample.x.shape[1], sample.w * sample.observed)
        regression = fit_glm(columns, sample.y, sample.w, "linear", sample.observed)
        ends = np.zeros((2, columns.shape[1]))
        ends[1, 0] = 1.0
        ends[1, 1 + sample.x.shape[1] :] = [self.at[sample.terms[j]] for j in products]
        low, high = regression.design(ends)
        gradient = (high - low)[None, :]
        where = ", ".join(f"{sample.terms[j]} = {self.at[sample.terms[j]]:g}" for j in products)
        return self._estimates(
            sample,
            columns,
            regression,
            gradient @ regression.coefficients,
            regression.influence @ gradient.T,
            gradient,
            SLOPE,
            f"at {where}",
        )

    def _estimates(
        self,
        sample: Sample,
        columns: Floats,
        regression: NuisanceFit,
        values: Floats,
        influence: Floats,
        gradient: Floats,
        labels: tuple[str, ...],
        note: str = "",
    ) -> Estimates:
        """Make estimates from combinations of coefficients, by the declared convention."""
        estimates = from_influence(
            values,
            influence,
            sample,
            self.variance,
            self.estimand,
            labels=labels,
            n_coefficients=regression.rank,
            target_note=note,
        )
        if self.variance.classical:
            covariance, df = classical_covariance(sample, regression, gradient)
            rows = int(sample.observed.sum())
            return with_classical_covariance(estimates, covariance, df, self.variance, rows)
        if self.variance.kind == "CR2":
            design = regression.design(columns)
            slope = gradient[-1] - (gradient[0] if len(gradient) > 1 else 0.0)
            reduced, df = reduced_residuals(sample, design, regression.fitted, slope)
            kept = replace(regression, residual=sample.w * sample.observed * reduced)
            adjusted = kept.influence
            influence = influence + (adjusted - regression.influence) @ gradient.T
            return with_reduced_covariance(estimates, influence, sample, df)
        return estimates

    def with_wild_set(
        self, sample: Sample, estimates: Estimates, rng: np.random.Generator
    ) -> Estimates:
        """Put the set of the wild cluster bootstrap, the null imposed, in the interval's place."""
        x = choose_terms(sample, self.terms).x
        return with_wild_least_squares(sample, x, estimates, self.variance, rng)


def refuse_aliased_products(columns: Floats, first: int, w: Floats) -> None:
    """Refuse products with exposure that other columns give exactly: their effect is not seen.

    Parameters
    ----------
    columns : (n, q) floats, exposure, covariates and products.
    first : the position of the first product.
    w : (n,) floats; rows of weight 0 do not count.

    Raises
    ------
    PositivityError
        A product, or exposure beside the products, is a linear combination of other columns.
    """
    for one in (0, *range(first, columns.shape[1])):
        if aliased(columns[:, one], np.delete(columns, one, axis=1), w):
            raise PositivityError(
                "exposure and its products with covariates determine one another (a covariate "
                "varies in one arm only, say), so how the effect depends on it cannot be seen. "
                "Take the product out of interactions, or widen the population."
            )


def linear_contrast(
    regression: NuisanceFit, columns: Floats, levels: Floats, w: Floats, *, means: bool
) -> tuple[Floats, Floats, Floats]:
    """Give the two standardised means of a linear regression, or the slope of exposure.

    Parameters
    ----------
    regression : least squares of the outcome on ``columns``, exposure first.
    columns : (n, 1 + q) floats.
    levels : (n, 2) floats, the exposures to compare.
    means : both means rather than their difference.

    Returns
    -------
    (k,) values, (n, k) influence values, and (k, p) gradient in the coefficients.
    """
    weight = w / w.mean()
    designs = []
    for level in levels.T:
        changed = columns.copy()
        changed[:, 0] = level
        designs.append(regression.design(changed))
    gradient = np.vstack([(weight[:, None] * design).mean(axis=0) for design in designs])
    if not means:
        slope = gradient[1:] - gradient[:1]
        return slope @ regression.coefficients, regression.influence @ slope.T, slope
    values = gradient @ regression.coefficients
    own = np.column_stack([design @ regression.coefficients for design in designs]) - values
    return values, weight[:, None] * own + regression.influence @ gradient.T, gradient


def classical_covariance(
    sample: Sample, regression: NuisanceFit, gradient: Floats
) -> tuple[Floats, float]:
    """Give the covariance under equal error variance, covariates held fixed."""
    used = sample.observed
    df = float(used.sum() - regression.rank)
    residual = sample.y[used] - regression.fitted[used]
    variance = np.sum(sample.w[used] * residual**2) / df
    return variance * gradient @ (regression.bread / sample.n) @ gradient.T, df

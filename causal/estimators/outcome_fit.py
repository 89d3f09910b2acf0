"""A fitted outcome regression: both counterfactual means, and what they add to influence values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.estimators.glm import NuisanceFit, blocks


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeFit:
    """Counterfactual means of every row, and how they move with the coefficients.

    Attributes
    ----------
    mu0, mu1 : (n,) floats, predicted outcome under no exposure and under exposure.
    fits : one regression (pooled) or two (no exposure, exposure).
    x : (n, q) floats, the covariates.
    interacting : the covariates multiplied with exposure.
    """

    mu0: Floats
    mu1: Floats
    fits: tuple[NuisanceFit, ...]
    x: Floats
    interacting: Sequence[int] = ()

    def design(self, arm: int, rows: slice) -> Floats:
        """Give some rows of the design, on the regression's own scale, exposure set to an arm."""
        x, pooled = self.x[rows], len(self.fits) == 1
        level = np.full(len(x), float(arm))
        columns = outcome_columns(level, x, self.interacting, pooled)
        return self.fits[0 if pooled else arm].design(columns)

    @property
    def designs(self) -> tuple[Floats, Floats]:
        """Give two (n, p) designs, exposure set to 0 and to 1."""
        return self.design(0, slice(None)), self.design(1, slice(None))

    @property
    def rank(self) -> int:
        """Give the number of estimable coefficients."""
        return sum(fit.rank for fit in self.fits)

    def chain(self, weights0: Floats, weights1: Floats) -> Floats:
        """Give (n, 2) influence that the regression adds to two weighted means of mu0 and mu1.

        Parameters
        ----------
        weights0, weights1 : (n,) floats whose mean is 1.
        """
        added = []
        for arm, (mu, weights) in enumerate(((self.mu0, weights0), (self.mu1, weights1))):
            fit = self.fits[min(arm, len(self.fits) - 1)]
            slope = weights * fit.slope(mu)
            gradient = np.zeros(fit.bread.shape[0])
            for rows in blocks(len(mu)):
                gradient += slope[rows] @ self.design(arm, rows) / len(mu)
            added.append(fit.along(gradient))
        return np.column_stack(added)


def outcome_columns(a: Floats, x: Floats, interacting: Sequence[int], pooled: bool) -> Floats:
    """Put exposure, covariates and products side by side; covariates alone for separate arms."""
    if not pooled:
        return x
    return np.column_stack([a, x, *(a * x[:, j] for j in interacting)])

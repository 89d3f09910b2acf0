"""First stage and reduced form of one instrument, and their joint covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints, read_only
from causal.errors import PositivityError, SpecError
from causal.estimate import NotEstimable, Region
from causal.estimators.iv_algebra import Projected
from causal.estimators.reduced_form import ReducedForm
from causal.estimators.variance import design_factor
from causal.strata import Strata

NOTHING = 1e-12
"""A share of variance below this is rounding error of the projections."""


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """What the instrument does to outcome and to exposure, given the covariates.

    Attributes
    ----------
    reduced, first : coefficients of the instrument for outcome and for exposure.
    covariance : (2, 2) floats of (reduced, first), HC1, or CR1 where there are clusters.
    classical : (2, 2) floats, the same from residual variances; only for formulas in partial R2.
    df : residual degrees of freedom of either regression.
    reference : degrees of freedom of what tests by ``covariance`` are compared with; infinite for
        the normal.
    """

    reduced: float
    first: float
    covariance: Floats
    classical: Floats
    df: float
    reference: float = math.inf

    @property
    def wald(self) -> float | NotEstimable:
        """Give reduced form over first stage."""
        if self.first == 0:
            return NotEstimable("the instrument does not move exposure at all")
        return self.reduced / self.first

    @property
    def f(self) -> float:
        """Give the first-stage F, by the HC1 or CR1 variance."""
        return self.first**2 / float(self.covariance[1, 1])

    def region(self, level: float = inference.LEVEL) -> Region:
        """Give the Anderson-Rubin set, of right size whatever the first stage.

        References
        ----------
        Anderson & Rubin (1949), doi:10.1214/aoms/1177730090; for one instrument it is Fieller's
        set of reduced form over first stage.
        """
        pieces = inference.fieller(self.reduced, self.first, self.covariance, level, self.reference)
        return Region(pieces, level)

    def less(self, direct: float) -> Stages:
        """Take a direct effect of the instrument, in outcome units a unit of it, out of both."""
        return replace(self, reduced=self.reduced - direct)


def check_two_arms(values: Floats, what: str) -> None:
    """Refuse anything but known 0 and 1, both present.

    Raises
    ------
    SpecError
        There are other values.
    PositivityError
        Everybody has the same value.
    """
    found = np.unique(values)
    if not np.isin(found, (0.0, 1.0)).all():
        shown = ", ".join(f"{value:g}" for value in found[:5])
        raise SpecError(
            f"{what} must be 0 or 1 in every row; found {shown}. Recode it, and leave out rows "
            "where it is missing."
        )
    if len(found) < 2:
        raise PositivityError(
            f"everyone has {what} {found[0]:g}, so there is nobody to compare with."
        )


def fit_stages(
    y: Floats,
    a: Floats,
    z: Floats,
    x: Floats,
    w: Floats,
    cluster: Ints | None,
    strata: Strata | None = None,
) -> Stages | NotEstimable:
    """Regress outcome, and exposure, on instrument and covariates by least squares.

    Parameters
    ----------
    y, a : (n,) floats, outcome and exposure, known.
    z : (n,) floats, the instrument; 0/1 or any number.
    x : (n, p) floats, columns without intercept.
    w : (n,) floats.
    cluster : (n,) ints or None.
    strata : of the rows, or None.

    Returns
    -------
    Both coefficients with their joint covariance; or why there are none.

    References
    ----------
    Frisch & Waugh (1933), doi:10.2307/1907330, for taking out the covariates first.
    """
    root = np.sqrt(w)
    design = root[:, None] * np.column_stack([np.ones(len(z)), x - x.mean(axis=0)])
    targets = root[:, None] * np.column_stack([z, y, a])
    coefficients, _, rank, _ = np.linalg.lstsq(design, targets)
    left = targets - design @ coefficients
    df = len(z) - int(rank) - 1
    spread = float(left[:, 0] @ left[:, 0])
    if df < 2:
        return NotEstimable(f"{len(z)} rows are too few for a linear model of {rank + 1} terms")
    if spread <= NOTHING * float(w @ z**2):
        return NotEstimable("the covariates determine the instrument, or it does not vary")
    slopes = left[:, 0] @ left[:, 1:] / spread
    errors = left[:, 1:] - np.outer(left[:, 0], slopes)
    influence = len(z) * left[:, :1] * errors / spread
    groups = None if cluster is None else len(np.unique(cluster))
    factor = (
        inference.small_sample_factor("HC1", len(z), int(rank) + 1, groups)
        if strata is None
        else design_factor("HC1", len(z), int(rank) + 1)
    )
    return Stages(
        reduced=float(slopes[0]),
        first=float(slopes[1]),
        covariance=read_only(factor * inference.covariance(influence, cluster, strata)),
        classical=read_only(errors.T @ errors / df / spread),
        df=df,
        reference=math.inf if strata is None else float(strata.free(cluster)),
    )


def stages_of(data: Projected, form: ReducedForm) -> Stages:
    """Give the stages of a rung with one instrument, with the covariance the rung declares.

    Parameters
    ----------
    data : the rung's arrays without the covariates, whose basis holds the instrument's unit.
    form : its reduced form by the declared convention; Anderson-Rubin tests compare with
        Student's t by its degrees of freedom, or by its clusters less one.

    Raises
    ------
    SpecError
        There are several instruments.
    """
    if form.q != 1:
        raise SpecError(f"there are {form.q} instruments; stages are of one. Name one of them.")
    unit = float(data.basis[0, 0])
    reference = form.df if form.groups is None else form.groups - 1.0
    return Stages(
        reduced=float(form.outcome[0]) / unit,
        first=float(form.exposure[0]) / unit,
        covariance=read_only(form.covariance / unit**2),
        classical=read_only(form.error / unit**2),
        df=float(form.free),
        reference=reference,
    )


def standard_error(influence: Floats, cluster: Ints | None, strata: Strata | None = None) -> float:
    """Give the standard error of one number from its (n,) influence values."""
    return math.sqrt(float(inference.covariance(influence[:, None], cluster, strata)[0, 0]))

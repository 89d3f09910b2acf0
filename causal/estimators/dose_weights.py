"""Weights of a dose: its density (or chance) at large over that given covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimators.dose_forms import observed_doses
from causal.estimators.glm import fit_glm
from causal.estimators.multinomial import fit_arms

DoseDensity: TypeAlias = Literal["normal", "levels"]

DETERMINED = 1e-10
"""A share of a dose's variance left by covariates that is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class DoseWeights:
    """Stabilised weights, and how they move with all that was fitted for them.

    Attributes
    ----------
    weights : (n,) floats.
    slopes : (n, q) floats, derivatives of each log weight in the q parameters.
    influence : (n, q) floats, influence values of these.
    """

    weights: Floats
    slopes: Floats
    influence: Floats

    def chain(self, parts: Floats) -> Floats:
        """Give the (n, m) influence that fitting the weights adds to m weighted means.

        Parameters
        ----------
        parts : (n, m) floats, each row's weighted part of each mean.
        """
        return np.asarray(self.influence @ (self.slopes.T @ parts / len(parts)))


def normal_weights(sample: Sample) -> DoseWeights:
    r"""Give :math:`f(a) / f(a | x)`, both densities normal.

    The conditional mean is linear in the covariates, with one residual variance. Variances divide
    by rows less coefficients. With :math:`\mu_0, v_0` for the marginal mean and variance,

    .. math:: \log sw = \tfrac12 \log(v / v_0) + \frac{(a - x'\beta)^2}{2 v}
        - \frac{(a - \mu_0)^2}{2 v_0}

    moves with :math:`\beta, v, \mu_0, v_0`, and so do the influence values of what is weighted.

    Raises
    ------
    PositivityError
        Covariates determine the dose.

    References
    ----------
    Robins, Hernán & Brumback (2000), doi:10.1097/00001648-200009000-00011, section on continuous
    exposures; Hernán & Robins (2020), chapter 12.4; Zhu, Coffman & Ghosh (2015),
    doi:10.1515/jci-2014-0022.
    """
    n, over = sample.n, sample.w / sample.w.mean()
    given = fit_glm(sample.x, sample.a, sample.w, "linear")
    mean = float(np.average(sample.a, weights=sample.w))
    far, left = sample.a - mean, sample.a - given.fitted
    spread = far**2 * n / (n - 1)
    residual = left**2 * n / max(n - given.rank, 1)
    v0, v = (float(np.mean(over * one)) for one in (spread, residual))
    if given.rank >= n or v <= DETERMINED * v0:
        raise PositivityError(
            "the covariates determine the dose, so that nobody could have had another. Adjust for "
            "less, or narrow the population."
        )
    log_weight = 0.5 * np.log(v / v0) + left**2 / (2 * v) - far**2 / (2 * v0)
    return DoseWeights(
        weights=np.exp(log_weight),
        slopes=np.column_stack(
            [
                -given.design(sample.x) * (left / v)[:, None],
                1 / (2 * v) - left**2 / (2 * v**2),
                far / v0,
                far**2 / (2 * v0**2) - 1 / (2 * v0),
            ]
        ),
        influence=np.column_stack(
            [given.influence, over * (residual - v), over * far, over * (spread - v0)]
        ),
    )


def level_weights(sample: Sample) -> DoseWeights:
    """Give the share of each dose over its chance given covariates, by multinomial regression.

    Raises
    ------
    PositivityError
        As ``fit_arms``.
    """
    doses, over = observed_doses(sample), sample.w / sample.w.mean()
    number = np.searchsorted(doses, sample.a)
    names = tuple(f"dose {dose:g}" for dose in doses)
    fit = fit_arms(sample.x, number.astype(np.float64), sample.w, names, sample.terms)
    own = (number[:, None] == np.arange(len(doses))[None, :]).astype(np.float64)
    share = (over[:, None] * own).mean(axis=0)
    moved = [(fit.e[:, k] - own[:, k])[:, None] * fit.design for k in range(1, len(doses))]
    return DoseWeights(
        weights=share[number] / fit.e[np.arange(sample.n), number],
        slopes=np.column_stack([*moved, own / share]),
        influence=np.column_stack([fit.influence, over[:, None] * (own - share)]),
    )

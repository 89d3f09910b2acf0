"""Simulation extrapolation: estimates under added error, taken back to none, held against algebra.

With one score seen with error the exposure's least-squares coefficient is a hyperbola in the error
added: its pole is where the score's variance, given exposure and covariates, would be used up. That
place is known from the regression of the score, so only height and slope are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.sensitivity.measurement_error import Proxies

Extrapolant: TypeAlias = Literal["rational", "quadratic"]

LAMBDAS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Multiples of the error variance added by simulation (Cook & Stefanski 1994, section 3)."""
BACK = -1.0
"""Where there is no error."""
MOST_POLES = 2
"""With more, five multiples hardly tell them apart; those nearest, which move most, are kept."""
MISSED = 0.1
"""Share of the exact correction of the linear model that may be missed beyond chance."""
BEYOND_CHANCE = 3.0
"""Monte-Carlo standard errors beyond which a miss is none of chance."""
STEP = 1e-5
"""Relative step of central differences in a pole."""


@dataclass(frozen=True, slots=True, eq=False)
class Poles:
    """Where estimates under added error would be infinite, as negative multiples of the error.

    Attributes
    ----------
    values : (k,) floats above 1, ascending.
    influence : (n, k) floats.
    error_influence : (n,) floats, of the error variance as a share of itself.
    """

    values: Floats
    influence: Floats
    error_influence: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolated:
    """An estimate taken back to no error.

    Attributes
    ----------
    influence : (n, 1) floats.
    monte_carlo : variance owed to the number of simulations.
    choice : how far another extrapolant that fits at least as well lies away, 0 if none is tried.
    """

    value: float
    influence: Floats
    monte_carlo: float
    choice: float


@dataclass(frozen=True, slots=True)
class LinearCheck:
    """The same simulation on the linear model, whose exact correction is known.

    Attributes
    ----------
    uncorrected, exact, simulated : the exposure's least-squares coefficient.
    error : Monte-Carlo standard error of ``simulated``.
    """

    uncorrected: float
    exact: float
    simulated: float
    error: float

    @property
    def share(self) -> float:
        """Give the share of the exact correction that simulation finds."""
        moved = self.exact - self.uncorrected
        return (self.simulated - self.uncorrected) / moved if moved else 1.0

    @property
    def missed(self) -> bool:
        """Tell whether more than a tenth of the exact correction is missed, beyond chance."""
        gap = abs(self.simulated - self.exact) - BEYOND_CHANCE * self.error
        return gap > MISSED * abs(self.exact - self.uncorrected)


def find_poles(proxies: Proxies, reliability: float) -> Poles:
    r"""Find where the scores' variance, given exposure and covariates, would be used up.

    The added error is :math:`\lambda S`, :math:`S = (1 - r) \operatorname{diag}
    \operatorname{var}(W)`; poles are at :math:`\lambda = -c` with :math:`\det(\Sigma_{W|C} - c S)
    = 0`. For one score :math:`c = (1 - R^2_{W|C}) / (1 - r)`, above 1 for a possible r.

    Parameters
    ----------
    reliability : below 1, and one that ``Proxies.allows``.
    """
    error = (1 - reliability) * proxies.variance
    root = np.sqrt(error)
    values, vectors = np.linalg.eigh(proxies.within / np.outer(root, root))
    keep = slice(0, MOST_POLES)
    u = (vectors / root[:, None])[:, keep]  # u' S u = 1
    weight = proxies.weight[:, None]
    relative = weight * proxies.centred**2 / proxies.variance - 1
    within = weight * (proxies.residual @ u) ** 2 - values[keep]
    of_error = relative @ (error[:, None] * u**2)
    return Poles(values[keep], within - values[keep] * of_error, relative.mean(axis=1))


def extrapolate(
    values: Floats, influence: Floats, poles: Poles, extrapolant: Extrapolant = "rational"
) -> Extrapolated:
    r"""Take estimates under added error back to no error.

    ``rational`` is :math:`b_0 + \sum_j b_j / (c_j + \lambda)` with known :math:`c_j`, exact for a
    linear model; a straight line more is tried beside it, and how far that moves the result is
    given as ``choice``. ``quadratic`` is that of Cook & Stefanski (1994), which falls short where
    the pole is near.

    Parameters
    ----------
    values : (B, 5) floats, one row a simulation and one column a value of ``LAMBDAS``.
    influence : (n, 5) floats, influence values averaged over simulations.

    References
    ----------
    Cook & Stefanski (1994), doi:10.1080/01621459.1994.10476871, section 3 (the rational linear
    extrapolant); Carroll, Ruppert, Stefanski & Crainiceanu (2006), Measurement Error in Nonlinear
    Models, section 5.3; standard errors from the extrapolated influence values, Carroll,
    Küchenhoff, Lombard & Stefanski (1996), doi:10.1080/01621459.1996.10476682.
    """
    mean = values.mean(axis=0)
    if extrapolant == "quadratic":
        weights = _weights(np.vander(LAMBDAS, 3), np.array([1.0, -1.0, 1.0]))
        drawn, carried, choice = values @ weights, influence @ weights, 0.0
    else:
        weights = _rational(poles.values)
        drawn = values @ weights
        carried = influence @ weights + _of_poles(mean, poles, weights)
        choice = abs(float(mean @ (_rational(poles.values, straight=True) - weights)))
    return Extrapolated(
        value=float(drawn.mean()),
        influence=carried[:, None],
        monte_carlo=float(drawn.var(ddof=1)) / len(drawn),
        choice=choice,
    )


def check_linear(
    sample: Sample,
    terms: Sequence[str],
    reliability: float,
    errors: Sequence[Floats],
    poles: Poles,
    extrapolant: Extrapolant = "rational",
) -> LinearCheck:
    """Simulate and extrapolate the linear model with the same errors, and correct it exactly.

    Parameters
    ----------
    terms : the scores.
    errors : one (n, m) array of standard normal errors a simulation.

    References
    ----------
    Fuller (1987), Measurement Error Models, section 2.2 (the exact correction).
    """
    places = [sample.terms.index(t) for t in terms]
    w = np.where(sample.observed, sample.w, 0.0)
    root = np.sqrt(w / w.sum())[:, None]
    scores = sample.x[:, places]
    others = np.delete(sample.x, places, axis=1)
    columns = root * np.column_stack([np.ones(sample.n), sample.a, others, scores])
    y = root[:, 0] * np.where(sample.observed, sample.y, 0.0)
    gram, cross = columns.T @ columns, columns.T @ y
    variance = np.average((scores - np.average(scores, axis=0, weights=w)) ** 2, 0, weights=w)
    added, of_scores = (1 - reliability) * variance, slice(gram.shape[0] - len(places), None)
    less = np.zeros_like(gram)
    less[of_scores, of_scores] = np.diag(added)
    values = np.empty((len(errors), len(LAMBDAS)))
    for draw, error in enumerate(errors):
        noise = root * error * np.sqrt(added)
        shared, own, with_y = columns.T @ noise, noise.T @ noise, noise.T @ y
        for place, multiple in enumerate(LAMBDAS):
            step, noisy, target = np.sqrt(multiple), gram.copy(), cross.copy()
            noisy[:, of_scores] += step * shared
            noisy[of_scores] += step * shared.T
            noisy[of_scores, of_scores] += multiple * own
            target[of_scores] += step * with_y
            values[draw, place] = _coefficient(noisy, target)
    back = extrapolate(values, np.zeros((sample.n, len(LAMBDAS))), poles, extrapolant)
    exact = _coefficient(gram - less, cross)
    return LinearCheck(_coefficient(gram, cross), exact, back.value, float(back.monte_carlo**0.5))


def draw_error(proxies: Floats, unit: Ints, rng: np.random.Generator) -> Floats:
    """Draw (n, m) standard normal errors; a score a person keeps on all rows has one error.

    Parameters
    ----------
    proxies : (n, m) floats.
    unit : (n,) ints, persons.
    """
    _, first, row = np.unique(unit, return_index=True, return_inverse=True)
    drawn = rng.standard_normal(proxies.shape)
    kept = (proxies == proxies[first][row]).all(axis=0)
    return np.where(kept, drawn[first][row], drawn)


def _rational(poles: Floats, *, straight: bool = False) -> Floats:
    """Give (5,) weights that extrapolate hyperbolas with known poles, or these and a line."""
    lambdas = np.array(LAMBDAS)
    basis = [np.ones(len(lambdas)), *(1 / (one + lambdas) for one in poles)]
    back = [1.0, *(1 / (one + BACK) for one in poles)]
    if straight:
        basis.append(lambdas)
        back.append(BACK)
    return _weights(np.column_stack(basis), np.array(back))


def _weights(basis: Floats, back: Floats) -> Floats:
    """Give (5,) weights of least squares in a basis, read off where there is no error."""
    return np.asarray(back @ np.linalg.pinv(basis))


def _of_poles(mean: Floats, poles: Poles, weights: Floats) -> Floats:
    """Give (n,) influence of the poles and of the error variance, both estimated.

    More error variance moves every estimate along the curve, which the poles then take back.
    """
    values, lambdas = poles.values, np.array(LAMBDAS)
    slopes = np.empty(len(values))
    for place, one in enumerate(values):
        step = STEP * np.eye(len(values))[place] * (one - 1)
        slopes[place] = float(mean @ (_rational(values + step) - _rational(values - step))) / (
            2 * STEP * (one - 1)
        )
    basis = np.column_stack([np.ones(len(lambdas)), *(1 / (one + lambdas) for one in values)])
    heights = np.linalg.pinv(basis) @ mean
    along = sum(
        -height * lambdas / (one + lambdas) ** 2
        for height, one in zip(heights[1:], values, strict=True)
    )
    return np.asarray(
        poles.influence @ slopes + float(weights @ np.asarray(along)) * poles.error_influence
    )


def _coefficient(gram: Floats, cross: Floats) -> float:
    """Give the coefficient of exposure, which stands second."""
    return float(np.linalg.lstsq(gram, cross)[0][1])

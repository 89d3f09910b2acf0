"""Who an instrument moves: shares of compliers, always and never takers, and what they are like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Floats, Ints
from causal.errors import PositivityError
from causal.estimate import NotEstimable
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.instrumental.stages import check_two_arms, standard_error
from causal.strata import Strata

CLIP = 1e-3
"""Weights are refused below this probability of either arm of the instrument: one row would stand
for a thousand."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its standard error and interval."""

    value: float
    std_error: float
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class Profile:
    """One covariate: its mean among compliers beside that of everybody.

    Attributes
    ----------
    name : of the covariate.
    compliers, everybody, difference : means, and compliers minus everybody.
    """

    name: str
    compliers: Quantity
    everybody: Quantity
    difference: Quantity


@dataclass(frozen=True, slots=True)
class Compliers:
    """Shares of the types, and what compliers are like.

    Attributes
    ----------
    compliers, always, never : shares.
    turned : whether the instrument lowers exposure, so that its codes were exchanged.
    profiles : one a covariate; or why there are none.
    """

    compliers: Quantity
    always: Quantity
    never: Quantity
    turned: bool
    profiles: tuple[Profile, ...] | NotEstimable


def describe_compliers(
    a: Floats,
    z: Floats,
    x: Floats,
    names: tuple[str, ...],
    given: Floats,
    w: Floats,
    cluster: Ints | None,
    level: float = inference.LEVEL,
    strata: Strata | None = None,
) -> Compliers:
    r"""Estimate shares of types and covariate means of compliers by Abadie's kappa.

    With :math:`e = P(Z = 1 | X)`, :math:`A(1 - Z)/(1 - e)` averages to the share of always
    takers, :math:`(1 - A) Z / e` to that of never takers, and
    :math:`\kappa = 1 - A(1 - Z)/(1 - e) - (1 - A) Z / e` to that of compliers; the mean of a
    covariate weighted by kappa is its mean among compliers.

    Parameters
    ----------
    a, z : (n,) floats, 0/1.
    x : (n, p) floats, covariates to describe.
    names : p names.
    given : (n, q) floats, what assignment of the instrument depended on; no columns where it was
        randomised alike for all.
    w : (n,) floats.
    cluster : (n,) ints or None.
    strata : of the rows, or None; intervals are then by Student's t, with the survey's degrees of
        freedom.

    Raises
    ------
    PositivityError
        What the instrument depended on determines it for some rows.

    Notes
    -----
    Assumes an instrument that is independent of types given ``given``, by a logit, and that moves
    exposure in one direction only. Standard errors carry the estimated logit.

    References
    ----------
    Abadie (2003), doi:10.1016/S0304-4076(02)00201-4, theorem 3.1; the table: Angrist & Pischke
    (2009), Mostly Harmless Econometrics, section 4.5.2.
    """
    check_two_arms(a, "exposure")
    check_two_arms(z, "instrument")
    first = _types(a, z, given, w)
    turned = float(np.average(first.compliers, weights=w)) < 0
    types = _types(a, 1 - z, given, w) if turned else first
    drawn = _Drawn(cluster, strata)
    compliers, always, never = (
        _share(kind, moves, types, w, drawn, level)
        for kind, moves in (
            (types.compliers, types.compliers_move),
            (types.always, types.always_move),
            (types.never, types.never_move),
        )
    )
    profiles = _profiles(types, x, names, w, drawn, level, compliers)
    return Compliers(compliers, always, never, turned, profiles)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """How rows were drawn: their (n,) clusters and their strata, or None."""

    cluster: Ints | None
    strata: Strata | None

    @property
    def df(self) -> float:
        """Give the degrees of freedom a survey leaves; infinite without one."""
        return math.inf if self.strata is None else float(self.strata.free(self.cluster))


@dataclass(frozen=True, slots=True, eq=False)
class _Types:
    """Weights that average to shares of types, and how they move with the logit's coefficients.

    Attributes
    ----------
    compliers, always, never : (n,) floats.
    compliers_move, always_move, never_move : (n,) floats, derivative by the linear predictor.
    design : (n, k) floats, of the logit.
    influence : (n, k) floats, of its coefficients.
    """

    compliers: Floats
    always: Floats
    never: Floats
    compliers_move: Floats
    always_move: Floats
    never_move: Floats
    design: Floats
    influence: Floats


def _types(a: Floats, z: Floats, given: Floats, w: Floats) -> _Types:
    """Weigh rows by what their type could be."""
    try:
        fit = fit_glm(given, z, w, "logit")
    except SeparationFoundError as error:
        raise PositivityError(
            f"the columns the instrument depends on determine it for {error.rows} rows; both arms "
            "must be possible for everybody. Leave those columns or rows out."
        ) from error
    e = fit.fitted
    if min(e.min(), 1 - e.max()) < CLIP:
        raise PositivityError(
            f"the probability of the instrument runs from {e.min():.2g} to {e.max():.2g}; expected "
            f"{CLIP:g} to {1 - CLIP:g}. Leave out rows that could only be in one arm."
        )
    always, never = a * (1 - z) / (1 - e), (1 - a) * z / e
    always_move, never_move = always * e, -never * (1 - e)
    return _Types(
        compliers=1 - always - never,
        always=always,
        never=never,
        compliers_move=-always_move - never_move,
        always_move=always_move,
        never_move=never_move,
        design=fit.design(given),
        influence=fit.influence,
    )


def _mean(
    kind: Floats, moves: Floats, columns: Floats, types: _Types, w: Floats
) -> tuple[Floats, Floats]:
    """Average columns times weights of a type, with (n, p) influence values."""
    rows = kind[:, None] * columns
    value = np.average(rows, axis=0, weights=w)
    slope = (w[:, None] * types.design).T @ (moves[:, None] * columns) / w.sum()
    own = w[:, None] * (rows - value) / w.mean()
    return value, own + types.influence @ slope


def _share(
    kind: Floats,
    moves: Floats,
    types: _Types,
    w: Floats,
    drawn: _Drawn,
    level: float,
) -> Quantity:
    """Average the weights of a type."""
    value, psi = _mean(kind, moves, np.ones((len(w), 1)), types, w)
    return _quantity(value[0], psi[:, 0], drawn, level)


def _profiles(
    types: _Types,
    x: Floats,
    names: tuple[str, ...],
    w: Floats,
    drawn: _Drawn,
    level: float,
    share: Quantity,
) -> tuple[Profile, ...] | NotEstimable:
    """Describe compliers, where there are some beyond chance."""
    if share.lo <= 0:
        return NotEstimable(
            f"the share of compliers is {share.value:.3f} ({share.lo:.3f} to {share.hi:.3f}): "
            "perhaps nobody is moved, and nothing can be said of what they are like"
        )
    one = np.ones((len(w), 1))
    (p,), p_psi = _mean(types.compliers, types.compliers_move, one, types, w)
    totals, psi = _mean(types.compliers, types.compliers_move, x, types, w)
    means = totals / p
    mean_psi = (psi - p_psi * means) / p
    overall = np.average(x, axis=0, weights=w)
    overall_psi = w[:, None] * (x - overall) / w.mean()
    return tuple(
        Profile(
            name,
            _quantity(means[j], mean_psi[:, j], drawn, level),
            _quantity(overall[j], overall_psi[:, j], drawn, level),
            _quantity(means[j] - overall[j], mean_psi[:, j] - overall_psi[:, j], drawn, level),
        )
        for j, name in enumerate(names)
    )


def _quantity(value: float, psi: Floats, drawn: _Drawn, level: float) -> Quantity:
    """Put a value, its standard error and its interval together."""
    std_error = standard_error(psi, drawn.cluster, drawn.strata)
    lo, hi = inference.interval(float(value), std_error, level, drawn.df)
    return Quantity(float(value), std_error, lo, hi)

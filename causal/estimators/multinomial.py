"""Multinomial logistic regression of arms on covariates, with what influence values need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints, read_only
from causal.errors import PositivityError
from causal.estimators.glm import inverse_of_information

MAX_STEPS = 60
TOLERANCE = 1e-10
"""Largest change of any linear predictor in the last step."""
LONGEST = 5.0
"""Longest change of a linear predictor in one step: a step that leaps overshoots."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmPropensities:
    """Chances of each arm, and how they move with the coefficients.

    Attributes
    ----------
    e : (n, K) floats, rows add to one.
    design : (n, p) floats, standardised covariates behind an intercept; each of the K - 1 arms
        after the first has p coefficients on it.
    influence : (n, (K - 1) p) floats, of the coefficients, arm by arm.
    """

    e: Floats
    design: Floats
    influence: Floats

    def chain(self, slopes: Floats) -> Floats:
        """Give (n, m) influence that the coefficients add to m means.

        Parameters
        ----------
        slopes : (n, K, m) floats, derivative of each row's part of each mean with respect to the
            linear predictor of each arm (the first arm's is fixed at 0).
        """
        n, arms, m = slopes.shape
        gradient = np.concatenate(
            [self.design.T @ slopes[:, arm] / n for arm in range(1, arms)], axis=0
        )
        added: Floats = self.influence @ gradient
        return added.reshape(n, m)


def fit_arms(
    x: Floats, a: Floats, w: Floats, levels: tuple[str, ...], terms: tuple[str, ...]
) -> ArmPropensities:
    r"""Fit :math:`e_k(x) = \exp(x'\beta_k) / \sum_l \exp(x'\beta_l)`, the first arm's beta 0.

    Parameters
    ----------
    x : (n, q) floats, covariates; columns that do not vary are left out.
    a : (n,) floats, the number of each row's arm.
    w : (n,) floats, weights.

    Raises
    ------
    PositivityError
        The likelihood has no maximum: covariates tell some arm apart; names it and the terms.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, section 5.2.4.
    """
    kept = x.std(axis=0) > 1e-12 * np.maximum(1.0, np.abs(x.mean(axis=0)))
    columns = x[:, kept]
    design = np.column_stack(
        [np.ones(len(x)), (columns - columns.mean(axis=0)) / columns.std(axis=0)]
    )
    n, p, k = len(x), design.shape[1], len(levels)
    own = (a[:, None] == np.arange(k)[None, :]).astype(np.float64)
    shares = np.average(own, axis=0, weights=w)
    beta = np.zeros((k - 1, p))
    beta[:, 0] = np.log(shares[1:] / shares[0])
    move = beta
    for _ in range(MAX_STEPS):
        e = _chances(design @ beta.T)
        score = ((own - e)[:, 1:, None] * design[:, None, :] * w[:, None, None]).reshape(n, -1)
        inverse, _ = inverse_of_information(_information(design, e, w))
        move = (inverse @ score.sum(axis=0)).reshape(k - 1, p)
        change = float(np.abs(design @ move.T).max())
        beta = beta + move * min(1.0, LONGEST / change if change > 0 else 1.0)
        if change < TOLERANCE * max(1.0, float(np.abs(design @ beta.T).max())):
            e = _chances(design @ beta.T)
            score = ((own - e)[:, 1:, None] * design[:, None, :] * w[:, None, None]).reshape(n, -1)
            inverse, _ = inverse_of_information(_information(design, e, w))
            return ArmPropensities(read_only(e), read_only(design), read_only(n * score @ inverse))
    raise _separated(move, np.flatnonzero(kept), levels, terms)


def _chances(eta: Floats) -> Floats:
    """Give (n, K) chances from (n, K - 1) linear predictors, the first arm's being 0."""
    whole = np.column_stack([np.zeros(len(eta)), eta])
    raised = np.exp(whole - whole.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _information(design: Floats, e: Floats, w: Floats) -> Floats:
    """Give the information of all coefficients, arm by arm."""
    k, p = e.shape[1], design.shape[1]
    information = np.empty(((k - 1) * p, (k - 1) * p))
    for i in range(1, k):
        for j in range(i, k):
            weight = w * e[:, i] * ((i == j) - e[:, j])
            block = design.T @ (design * weight[:, None])
            information[(i - 1) * p : i * p, (j - 1) * p : j * p] = block
            information[(j - 1) * p : j * p, (i - 1) * p : i * p] = block.T
    return information


def _separated(
    move: Floats, columns: Ints, levels: tuple[str, ...], terms: tuple[str, ...]
) -> PositivityError:
    """Say which arm the covariates tell apart, and along which terms."""
    slopes = np.abs(move[:, 1:])
    arm = int(slopes.max(axis=1).argmax()) if slopes.size else 0
    worst: list[int] = [int(i) for i in np.argsort(-slopes[arm])[:3]] if slopes.size else []
    named = ", ".join(f"'{terms[int(columns[i])]}'" for i in worst) or "the covariates"
    return PositivityError(
        f"the covariates determine who is in the arm '{levels[arm + 1]}' or '{levels[0]}', so the "
        f"multinomial regression has no finite fit. It runs away along {named}. Drop or coarsen "
        "them, or choose a population in which all arms occur."
    )

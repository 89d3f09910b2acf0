"""Entropy balancing: the weights nearest to equal ones that balance the means exactly."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimators.balancing import ArmFit, Balancing, Columns, refuse_imbalance
from causal.estimators.convex import NoMinimumError, minimise


class EntropyBalancing(Balancing):
    """Weights that balance the means of the terms exactly and stray least from equal ones.

    Attributes
    ----------
    target, terms, moments : whom the arms are weighted to, and what is balanced.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, and that the target's means lie
    inside what the weighted arm covers. Consistent if the outcome of the weighted arm is linear in
    what is balanced; or if the propensity is logistic in it (ATT, ATC), and for the ATE if the log
    of each inverse propensity is linear in it, which a logistic propensity is not (``cbps`` then
    is right).

    References
    ----------
    Hainmueller (2012), doi:10.1093/pan/mpr025, equations 8 to 12; Zhao & Percival (2017),
    doi:10.1515/jci-2016-0010 (double robustness, theorem 1).
    """

    kind: Literal["entropy_balancing"] = "entropy_balancing"

    def balance_arm(self, columns: Columns, sample: Sample, arm: int, over: Floats) -> ArmFit:
        """Weight one arm to the means of the target."""
        try:
            return entropy_weights(columns.design, sample.a == arm, sample.w, over)
        except NoMinimumError:
            raise refuse_imbalance(columns, sample, arm, over, 0.0) from None


def entropy_weights(design: Floats, rows: Bools, w: Floats, over: Floats) -> ArmFit:
    r"""Minimise the dual of entropy balancing, whose slopes are the imbalances.

    .. math:: \sum_i w_i \{ r_i \exp(x_i'\lambda) - g_i x_i'\lambda \}

    with :math:`r` the rows weighted and :math:`g` those of the target; the rows' own weights are
    the base weights that entropy is taken against.

    Parameters
    ----------
    design : (n, 1 + p) floats, the intercept first.
    rows : (n,) booleans, the arm.
    w : (n,) floats.
    over : (n,) floats, 0/1, the target.

    Raises
    ------
    NoMinimumError
        No weights balance the arm.
    """
    inside = np.where(rows, w, 0.0)

    def loss(eta: Floats) -> tuple[Floats, Floats, Floats]:
        weight = inside * np.exp(np.where(rows, eta, 0.0))
        return weight - w * over * eta, weight - w * over, weight

    start = np.zeros(design.shape[1])
    start[0] = np.log(np.sum(w * over) / np.sum(inside))
    found = minimise(design, loss, start)
    weights = np.where(rows, np.exp(np.where(rows, found.eta, 0.0)), 0.0)
    return ArmFit(weights, weights, found.influence)

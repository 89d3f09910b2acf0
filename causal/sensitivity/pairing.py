"""Optimal pair matching of exposed with unexposed persons: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.estimate import NotEstimable
from causal.estimators.assignment import LARGEST_TABLE, assign
from causal.estimators.match_sets import whiten
from causal.findings import tell

CALIPER = 0.2
"""Standard deviations of the logit of the propensity (Austin 2011, doi:10.1002/pst.433)."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows, exposed and unexposed.

    Attributes
    ----------
    exposed, unexposed : (m,) ints, row numbers, pair by pair.
    gaps : (m,) floats, absolute difference within the pair in the logit of the propensity.
    possible : the size of the smaller arm, the largest number of pairs there could be.
    """

    exposed: Ints
    unexposed: Ints
    gaps: Floats
    possible: int


def first_rows(unit: Ints, eligible: Bools) -> Ints:
    """Give the number of the first eligible row of each person, in the order of the persons."""
    rows = np.flatnonzero(eligible)
    _, first = np.unique(unit[rows], return_index=True)
    return np.asarray(rows[first])


def pair_rows(
    logit: Floats, a: Floats, rows: Ints, *, caliper: float = CALIPER, x: Floats | None = None
) -> Pairs | NotEstimable:
    """Pair each person of the smaller arm with one of the other, within a caliper.

    As many pairs as the caliper allows, and of all such sets the one whose squared distances add
    up to least: plain differences on a line would leave many sets equally good.

    Parameters
    ----------
    logit : (n,) floats, linear predictor of exposure.
    a : (n,) floats, 0/1.
    rows : (k,) ints, the rows to pair, one a person and in the order of the persons: then the
        order of the rows in the sample does not matter.
    caliper : largest difference within a pair, in standard deviations of the logit over ``rows``.
    x : (n, p) floats, covariates whose Mahalanobis distance is to be small within the caliper;
        None takes the difference in the logit itself.

    References
    ----------
    Rosenbaum (1989), doi:10.1080/01621459.1989.10478868 (optimal matching); Rosenbaum & Rubin
    (1985), doi:10.1080/00031305.1985.10479383 (Mahalanobis distance within calipers).
    """
    arms = rows[a[rows] == 0], rows[a[rows] == 1]
    exposed_fewer = len(arms[1]) <= len(arms[0])
    fewer, more = (arms[1], arms[0]) if exposed_fewer else arms
    if len(fewer) == 0:
        return NotEstimable("one arm holds nobody with a known outcome, so nobody can be paired")
    if len(fewer) * len(more) > LARGEST_TABLE:
        return NotEstimable(
            f"{len(fewer)} and {len(more)} persons are too many for optimal matching "
            f"(at most {LARGEST_TABLE} distances)"
        )
    width = caliper * float(logit[rows].std(ddof=1))
    gaps = np.abs(logit[fewer][:, None] - logit[more][None, :])
    cost = (gaps if x is None else mahalanobis(x, rows, fewer, more)) ** 2
    far = gaps > width
    i, j = assign(cost, far)
    if len(i) == 0:
        return NotEstimable(
            f"no exposed and unexposed person are within the caliper of {tell(width)}"
        )
    one, other = fewer[i], more[j]
    exposed, unexposed = (one, other) if exposed_fewer else (other, one)
    return Pairs(exposed, unexposed, gaps[i, j], len(fewer))


def mahalanobis(x: Floats, rows: Ints, one: Ints, other: Ints) -> Floats:
    """Give the (k, m) Mahalanobis distances between two sets of rows.

    Parameters
    ----------
    x : (n, p) floats.
    rows : (r,) ints, rows whose covariance is the metric; aliased directions do not count.
    one, other : (k,) and (m,) ints.
    """
    white = whiten(x, rows)
    squared = (
        (white[one] ** 2).sum(axis=1)[:, None]
        + (white[other] ** 2).sum(axis=1)[None, :]
        - 2 * white[one] @ white[other].T
    )
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))

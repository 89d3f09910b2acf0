"""Hidden bias beyond p-values of pairs: the point estimate of pairs, and a table of persons."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from causal.arrays import Floats
from causal.sensitivity.signed_rank import rising_root

HALVINGS = 200
"""More than the bits of a float, so that bisection ends at neighbouring numbers."""


def hodges_lehmann(differences: Floats, gamma: float) -> tuple[float, float]:
    r"""Bound the Hodges-Lehmann estimate of an additive effect on matched pairs.

    The estimate is the shift at which the signed-rank statistic is what it is expected to be. That
    statistic counts Walsh averages :math:`(d_i + d_j) / 2`, i up to j, above the shift; hidden bias
    takes its expectation anywhere from :math:`1 / (1 + \Gamma)` to :math:`\Gamma / (1 + \Gamma)`
    of their number m (m + 1) / 2, so that the bounds are quantiles of the Walsh averages. At Gamma
    1 both are their median.

    Parameters
    ----------
    differences : (m,) floats, exposed minus unexposed.
    gamma : at least 1.

    Returns
    -------
    The smallest and the largest estimate.

    References
    ----------
    Rosenbaum (1993), J Am Stat Assoc 88:1250; (2002), Observational Studies, 2nd ed., section 4.3,
    and hlsens of the R package rbounds; Hodges & Lehmann (1963), doi:10.1214/aoms/1177704172.
    """
    ordered = np.sort(differences)
    number = len(ordered) * (len(ordered) + 1) / 2
    share = gamma / (1 + gamma)
    return _shift_at(ordered, share * number), _shift_at(ordered, (1 - share) * number)


def _shift_at(ordered: Floats, wanted: float) -> float:
    """Give the middle of the shifts that have a number of Walsh averages above them.

    Hodges & Lehmann: midway between the largest shift with more above and the smallest with fewer.
    """
    rounding = 1e-9 * max(wanted, 1.0)
    more = _last(ordered, lambda above: above > wanted + rounding)
    fewer = _last(ordered, lambda above: above >= wanted - rounding)
    return (more + fewer) / 2


def _last(ordered: Floats, holds: Callable[[float], bool]) -> float:
    """Give the supremum of the shifts for whose number of Walsh averages above something holds."""
    low, high = float(ordered[0]) - 1, float(ordered[-1]) + 1
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if holds(_above(ordered, middle)) else (low, middle)
    return low


def _above(ordered: Floats, shift: float) -> float:
    """Count Walsh averages above a shift."""
    beyond = len(ordered) - np.searchsorted(ordered, 2 * shift - ordered, side="right")
    return (float(beyond.sum()) + float((ordered > shift).sum())) / 2


def table_p(exposed: tuple[int, int], unexposed: tuple[int, int], gamma: float) -> float:
    r"""Bound the one-sided p-value of Fisher's exact test from above, for a raised outcome.

    Two persons may differ in their odds of exposure by a factor of at most Gamma. Given the
    margins, the exposed with the outcome then are at most as many as draws of Fisher's noncentral
    (extended) hypergeometric with odds ratio Gamma.

    Parameters
    ----------
    exposed, unexposed : persons with the outcome, and persons, of either arm.
    gamma : at least 1.

    References
    ----------
    Rosenbaum (2002), Observational Studies, 2nd ed., section 4.4 (two-sample statistics of 0/1
    outcomes); FisherSens of the R package rbounds.
    """
    from scipy import special

    (with_it, n1), (without, n0) = exposed, unexposed
    total = with_it + without
    counts = np.arange(max(0, total - n0), min(n1, total) + 1)
    chances = (
        -special.gammaln(counts + 1)
        - special.gammaln(n1 - counts + 1)
        - special.gammaln(total - counts + 1)
        - special.gammaln(n0 - total + counts + 1)
        + counts * math.log(gamma)
    )
    weight = np.exp(chances - chances.max())
    return float(weight[counts >= with_it].sum() / weight.sum())


def critical_table_gamma(
    exposed: tuple[int, int], unexposed: tuple[int, int], alpha: float
) -> float:
    """Find the hidden bias at which the bound on Fisher's p-value reaches a level.

    Returns
    -------
    Gamma; 1 where the p-value is above the level at once. The bound rises with Gamma to 1.
    """
    return rising_root(lambda log: table_p(exposed, unexposed, math.exp(log)) - alpha)

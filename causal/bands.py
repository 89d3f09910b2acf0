"""Simultaneous bands for many parameters, and p-values corrected for their number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.arrays import Floats

DRAWS = 20_000
"""Draws of the largest deviation: the critical value is then known to about .01."""

LEAST_DF = 2.0
"""Degrees of freedom a band of several needs: below two, Student's t has no variance."""


@dataclass(frozen=True, slots=True, eq=False)
class Largest:
    """Draws of the largest absolute deviation of several standardised estimates.

    Attributes
    ----------
    draws : (B,) floats, sorted.
    number : of estimates that have variance; of one alone the distribution is known without draws.
    df : degrees of freedom of the reference distribution of each.
    """

    draws: Floats
    number: int
    df: float = math.inf

    def critical(self, level: float = inference.LEVEL) -> float:
        """Give the value that all deviations stay within, jointly, at this level.

        Never less than that of one alone, which the draws may miss by a little; 0 where nothing
        has variance.
        """
        if self.number == 0:
            return 0.0
        alone = inference.critical_value(level, self.df)
        return alone if self.number == 1 else max(float(np.quantile(self.draws, level)), alone)

    def p_value(self, z: float) -> float:
        """Give the share of draws with a deviation at least this large, one added to both counts.

        A number corrected for all estimates that were drawn together; never less than that of one
        alone.
        """
        alone = inference.two_sided_p(z, self.df)
        if self.number < 2:
            return alone
        beyond = len(self.draws) - int(np.searchsorted(self.draws, abs(z), side="left"))
        return max((1 + beyond) / (1 + len(self.draws)), alone)


def largest_deviation(
    covariance: Floats,
    rng: np.random.Generator,
    df: float = math.inf,
    draws: int = DRAWS,
) -> Largest | None:
    r"""Draw the largest of several standardised estimates, all centred at their truths.

    .. math:: \max_j |Z_j| / s, \qquad Z \sim N(0, R), \quad s^2 \sim \chi^2_\nu / \nu

    with R the correlation of the estimates. Given the data, the Gaussian multiplier bootstrap of
    influence values has just this law, so that no influence value need be looked at; clusters,
    weights and imputation come in through the covariance.

    Parameters
    ----------
    covariance : (k, k) floats, of the estimates; parameters without variance are left out.
    df : degrees of freedom of the reference distribution: where estimates differ in them, the
        fewest, with which no band is narrower than an interval.

    Returns
    -------
    The draws; None where several have fewer degrees of freedom than ``LEAST_DF``, or one fewer than
    an interval needs.

    References
    ----------
    Montiel Olea & Plagborg-Møller (2019), doi:10.1002/jae.2656, algorithm 1 (sup-t band); Hasler &
    Hothorn (2008), doi:10.1002/bimj.200710466 (contrasts with degrees of freedom of their own).
    """
    spread = np.sqrt(np.diag(covariance))
    moves = spread > 0
    number = int(moves.sum())
    if df < (inference.LEAST_DF if number < 2 else LEAST_DF):
        return None
    if number < 2:
        return Largest(np.zeros(0), number, df)
    correlation = covariance[np.ix_(moves, moves)] / np.outer(spread[moves], spread[moves])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    z = np.abs(rng.standard_normal((draws, len(values))) @ root.T).max(axis=1)
    if math.isfinite(df):
        z = z / np.sqrt(rng.chisquare(df, draws) / df)
    return Largest(np.sort(z), number, df)

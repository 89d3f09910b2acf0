"""Upper bounds on p-values of matched pairs under hidden bias: pure functions of differences.

In pairs alike in covariates, hidden bias of at most Gamma lets the odds that the exposed one is
either member differ from 1 by a factor of at most Gamma. Under no effect each difference then is
positive with a probability of at most Gamma / (1 + Gamma), and a sum of scores over the positive
ones is stochastically largest when each probability is just that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats

Statistic: TypeAlias = Literal["signed_rank", "mcnemar", "fisher", "m_statistic"]

Zeros: TypeAlias = Literal["dropped", "ranked"]

INNER, OUTER, UNIT = 0.0, 2.5, 0.5
"""Where the scores of the M-statistic begin to rise and stop rising, in medians of the absolute
differences: their quantile at one half (Rosenbaum 2007, doi:10.1111/j.1541-0420.2006.00717.x,
section 4.2)."""
LARGEST_LOG_GAMMA = 700.0
"""The logarithm of the largest float is 709."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How differences are scored, where a statistic leaves a choice.

    Attributes
    ----------
    zeros : whether signed ranks drop differences of 0 before ranking, or rank them with the others.
    inner, outer : of the M-statistic, in its unit.
    unit : the quantile of the absolute differences that is its unit.
    """

    zeros: Zeros = "dropped"
    inner: float = INNER
    outer: float = OUTER
    unit: float = UNIT


USUAL = Scoring()


def rank_scores(differences: Floats, zeros: Zeros = "dropped") -> Floats:
    """Rank absolute differences, ties averaged; zeros score 0.

    Parameters
    ----------
    differences : (m,) floats, exposed minus unexposed.
    zeros : ``dropped`` before ranking, as most programmes do, or ``ranked`` with the others, their
        ranks then counting for nothing (Pratt), as in Rosenbaum's book.

    References
    ----------
    Wilcoxon (1945), doi:10.2307/3001968; Pratt (1959), J Am Stat Assoc 54:655.
    """
    size = np.abs(differences)
    scores = np.zeros(len(size))
    kept = size > 0
    _, place, count = np.unique(size[kept], return_inverse=True, return_counts=True)
    last = np.cumsum(count) + (int((~kept).sum()) if zeros == "ranked" else 0)
    scores[kept] = (last - (count - 1) / 2)[place]
    return scores


def huber_scores(
    differences: Floats, inner: float = INNER, outer: float = OUTER, unit: float = UNIT
) -> Floats:
    """Score differences by Huber's function, in units of a quantile of their absolute values.

    Where that quantile is 0 there is no such unit: every difference but 0 then scores 1, which is
    what the function tends to as its unit shrinks.

    Parameters
    ----------
    differences : (m,) floats, exposed minus unexposed.
    inner, outer : absolute values below ``inner`` score 0, those beyond ``outer`` score 1. The R
        packages sensitivitymv and sensitivitymw call the second trim, and have 3 by default.
    unit : the share of absolute values below the unit; they call it lambda.

    References
    ----------
    Rosenbaum (2007), doi:10.1111/j.1541-0420.2006.00717.x; (2013) for ``inner``,
    doi:10.1111/j.1541-0420.2012.01821.x.
    """
    size = np.abs(differences)
    one = float(np.quantile(size, unit))
    if one == 0:
        return (size > 0).astype(np.float64)
    return np.asarray(np.clip((size / one - inner) / (outer - inner), 0.0, 1.0))


def scores_of(differences: Floats, statistic: Statistic, scoring: Scoring = USUAL) -> Floats:
    """Give the score of each pair, which the statistic adds up over the positive differences."""
    if statistic == "signed_rank":
        return rank_scores(differences, scoring.zeros)
    if statistic == "m_statistic":
        return huber_scores(differences, scoring.inner, scoring.outer, scoring.unit)
    return np.abs(differences)


def deviate(differences: Floats, statistic: Statistic, scoring: Scoring = USUAL) -> float:
    """Give the standardised statistic without hidden bias; positive where exposure raises it."""
    scores = scores_of(differences, statistic, scoring)
    spread = math.sqrt(float(scores @ scores) / 4)
    excess = float(scores[differences > 0].sum() - scores.sum() / 2)
    return excess / spread if spread else 0.0


def upper_p(
    differences: Floats, statistic: Statistic, gamma: float, scoring: Scoring = USUAL
) -> float:
    r"""Bound the one-sided p-value of no effect, against a positive one, from above.

    With scores :math:`r_i`, T their sum over the positive differences and
    :math:`p = \Gamma / (1 + \Gamma)`: the upper tail of the normal at
    :math:`(T - p \sum r_i) / \sqrt{p (1 - p) \sum r_i^2}`, without continuity correction. Where
    all scores are equal (``mcnemar``, and ``fisher`` of a 0/1 outcome) the binomial tail is exact.

    Parameters
    ----------
    differences : (m,) floats, exposed minus unexposed; turn their sign to test the other way.
    gamma : the factor by which the odds of exposure may differ within a pair, at least 1.

    References
    ----------
    Rosenbaum (2002), Observational Studies, 2nd ed., section 4.3; (2007),
    doi:10.1111/j.1541-0420.2006.00717.x, section 3.
    """
    from scipy import special

    scores = scores_of(differences, statistic, scoring)
    share = gamma / (1 + gamma)
    positive = differences > 0
    counted = scores > 0
    if not counted.any():
        return 1.0
    if statistic in ("mcnemar", "fisher") and np.ptp(scores[counted]) == 0:
        return discordant_p(int(positive.sum()), int(counted.sum()), gamma)
    mean, variance = share * scores.sum(), share * (1 - share) * (scores @ scores)
    return float(special.ndtr((mean - scores[positive].sum()) / math.sqrt(float(variance))))


def discordant_p(positive: int, discordant: int, gamma: float) -> float:
    r"""Bound the one-sided p-value of McNemar's test from above.

    .. math:: P\{\mathrm{Bin}(D, \Gamma / (1 + \Gamma)) \ge D_+\}

    Parameters
    ----------
    positive : pairs in which only the exposed one has the outcome.
    discordant : pairs that differ in the outcome.
    gamma : the factor by which the odds of exposure may differ within a pair, at least 1.

    References
    ----------
    Rosenbaum (2002), Observational Studies, 2nd ed., section 4.3, page 112.
    """
    from scipy import special

    if positive == 0:
        return 1.0
    return float(special.betainc(positive, discordant - positive + 1, gamma / (1 + gamma)))


def critical_gamma(
    differences: Floats, statistic: Statistic, alpha: float, scoring: Scoring = USUAL
) -> float:
    """Find the hidden bias at which the bound on the p-value reaches a level.

    Parameters
    ----------
    differences : (m,) floats, exposed minus unexposed.
    alpha : the level of the one-sided p-value, below one half.

    Returns
    -------
    Gamma; 1 where the p-value is above the level without hidden bias. The bound rises with Gamma
    to at least one half, so that it reaches every level below.
    """

    def excess(log_gamma: float) -> float:
        return upper_p(differences, statistic, math.exp(log_gamma), scoring) - alpha

    return rising_root(excess)


def rising_root(excess: Callable[[float], float]) -> float:
    """Give Gamma where something that rises with its log is 0; 1 where it is above 0 at once."""
    from scipy import optimize

    if excess(0.0) >= 0:
        return 1.0
    beyond = 1.0
    while excess(beyond) < 0 and beyond < LARGEST_LOG_GAMMA / 2:
        beyond *= 2
    return math.exp(float(optimize.brentq(excess, 0.0, beyond, xtol=1e-12)))


def amplify(gamma: float) -> float:
    r"""Give the odds ratio an omitted variable needs with exposure and with outcome, both alike.

    Solves :math:`\Gamma = (\Lambda \Delta + 1) / (\Lambda + \Delta)` for
    :math:`\Lambda = \Delta`.

    References
    ----------
    Rosenbaum & Silber (2009), doi:10.1198/jasa.2009.tm08470, proposition 1.
    """
    return gamma + math.sqrt((gamma - 1) * (gamma + 1))


def tie_with_outcome(gamma: float, with_exposure: float) -> float | None:
    r"""Give the odds ratio with the outcome that makes a hidden bias of one with exposure.

    Solves :math:`\Gamma = (\Lambda \Delta + 1) / (\Lambda + \Delta)` for :math:`\Delta`.

    Parameters
    ----------
    gamma : at least 1.
    with_exposure : Lambda, the odds ratio with exposure.

    Returns
    -------
    Delta; None where Lambda is not above Gamma, which no Delta then makes up for.

    References
    ----------
    Rosenbaum & Silber (2009), doi:10.1198/jasa.2009.tm08470, proposition 1.
    """
    if with_exposure <= gamma:
        return None
    return (gamma * with_exposure - 1) / (with_exposure - gamma)

"""From influence values to standard errors, intervals and Fieller sets: pure functions of arrays.

Each rule of inference of the library is written here once. Influence values are (n, k) arrays, one
row a unit and one column a parameter, with columns of mean zero, scaled so that the estimate minus
the truth is about their mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Floats, Ints
from causal.strata import Strata, centred_in_strata

Correction: TypeAlias = Literal["HC0", "HC1", "CR1", "CR1S"]
Piece: TypeAlias = tuple[float | None, float | None]

LEVEL = 0.95
LEAST_DF = 1.0
"""Degrees of freedom an interval needs: with fewer than one, 95 % lie within 13 errors and more."""


def cluster_sums(influence: Floats, cluster: Ints) -> Floats:
    """Add influence values within clusters.

    Parameters
    ----------
    influence : (n, k) floats.
    cluster : (n,) ints, any labels.

    Returns
    -------
    (G, k) floats, one row a cluster, in the order of the sorted labels.
    """
    labels, group = np.unique(cluster, return_inverse=True)
    sums = np.empty((len(labels), influence.shape[1]))
    for column in range(influence.shape[1]):
        sums[:, column] = np.bincount(group, weights=influence[:, column], minlength=len(labels))
    return sums


def independent_parts(
    influence: Floats, cluster: Ints | None = None, strata: Strata | None = None
) -> Floats:
    """Add influence values within what was drawn as one, and centre them within strata.

    Parameters
    ----------
    influence : (n, k) floats.
    cluster : (n,) ints or None; None treats rows as independent (each its own cluster).
    strata : of the n rows, whose clusters lie within strata; None draws from one population.

    Returns
    -------
    (m, k) floats, whose products over n squared are the covariance.
    """
    if strata is None:
        return influence if cluster is None else cluster_sums(influence, cluster)
    if cluster is None:
        return centred_in_strata(influence, strata)
    _, first = np.unique(cluster, return_index=True)
    return centred_in_strata(cluster_sums(influence, cluster), strata.at(first))


def covariance(
    influence: Floats, cluster: Ints | None = None, strata: Strata | None = None
) -> Floats:
    r"""Give the covariance of estimates from their influence values.

    .. math:: V = n^{-2} \sum_g \psi_g \psi_g^\top, \qquad \psi_g = \sum_{i \in g} \psi_i

    and within strata, where there are any, that of ``strata.centred_in_strata``.

    Parameters
    ----------
    influence : (n, k) floats.
    cluster : (n,) ints or None; None treats rows as independent (each its own cluster).
    strata : of the rows, or None.

    Returns
    -------
    (k, k) floats, without small-sample factor (HC0, or CR0 under clustering); with strata, the
    linearised variance of a stratified sample, which has its own.

    References
    ----------
    Liang & Zeger (1986), Biometrika 73:13, equation 11; Stefanski & Boos (2002),
    doi:10.1198/000313002753631330, equation 10; Binder (1983), doi:10.2307/1402588.
    """
    summed = independent_parts(influence, cluster, strata)
    return np.asarray(summed.T @ summed / influence.shape[0] ** 2)


def cross_covariance(
    first: Floats, second: Floats, cluster: Ints | None = None, strata: Strata | None = None
) -> Floats:
    """Give the (k1, k2) covariance between two sets of estimates on the same n rows."""
    n = first.shape[0]
    first = independent_parts(first, cluster, strata)
    second = independent_parts(second, cluster, strata)
    return np.asarray(first.T @ second / n**2)


def small_sample_factor(
    correction: Correction, n: int, n_coefficients: int, n_clusters: int | None = None
) -> float:
    r"""Give the factor a declared convention multiplies the variance with.

    ``HC0`` is 1. ``HC1`` is :math:`n/(n-k)`, and with clusters (then called CR1)
    :math:`\frac{G}{G-1}\frac{n-1}{n-k}`; for a mean (k = 1) these are the familiar
    :math:`n/(n-1)` and :math:`G/(G-1)`. ``CR1S`` names that of HC1 with clusters outright, and
    ``CR1`` is :math:`\frac{G}{G-1}` alone, whatever the coefficients; both need clusters.

    Parameters
    ----------
    correction : the convention.
    n : rows.
    n_coefficients : regression coefficients of the estimator, the intercept included; 1 for means.
    n_clusters : clusters, or None.

    References
    ----------
    MacKinnon & White (1985), doi:10.1016/0304-4076(85)90158-7; Cameron & Miller (2015),
    doi:10.3368/jhr.50.2.317, equation 12.
    """
    if correction == "HC0":
        return 1.0
    if n_clusters is None:
        return n / (n - n_coefficients)
    if correction == "CR1":
        return n_clusters / (n_clusters - 1)
    return n_clusters / (n_clusters - 1) * (n - 1) / (n - n_coefficients)


def critical_value(level: float = LEVEL, df: float = math.inf) -> float:
    """Give the two-sided critical value: normal for infinite ``df``, else Student's t.

    It grows without limit as ``df`` goes to 0, and is infinite there.
    """
    from scipy import special

    if df == 0:
        return math.inf
    tail = 0.5 + level / 2
    return float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))


def two_sided_p(z: float, df: float = math.inf) -> float:
    """Give the two-sided p-value of a standardised statistic; with no ``df`` it is 1."""
    from scipy import special

    if df == 0:
        return 1.0
    if math.isinf(df):
        return float(2 * special.ndtr(-abs(z)))
    return float(2 * special.stdtr(df, -abs(z)))


def interval(
    value: float, std_error: float, level: float = LEVEL, df: float = math.inf
) -> tuple[float, float]:
    """Give value plus and minus the critical value times the standard error."""
    half = critical_value(level, df) * std_error
    return value - half, value + half


def delta(influence: Floats, covariance_: Floats, jacobian: Floats) -> tuple[Floats, Floats]:
    """Carry influence values and covariance through a function of the parameters.

    Parameters
    ----------
    influence : (n, k) floats.
    covariance_ : (k, k) floats.
    jacobian : (m, k) floats, derivative of the m new parameters.

    Returns
    -------
    (n, m) influence values and (m, m) covariance.
    """
    return influence @ jacobian.T, jacobian @ covariance_ @ jacobian.T


def fieller(
    numerator: float,
    denominator: float,
    covariance_: Floats,
    level: float = LEVEL,
    df: float = math.inf,
) -> tuple[Piece, ...]:
    r"""Give Fieller's set for a ratio of two estimates.

    All :math:`\theta` with :math:`(a - \theta b)^2 \le q^2 (V_{aa} - 2\theta V_{ab} +
    \theta^2 V_{bb})`. The set is an interval when the denominator differs from zero at this
    level; otherwise it is the outside of an interval, or the whole line.

    Parameters
    ----------
    numerator, denominator : the two estimates a and b.
    covariance_ : (2, 2) floats, their joint covariance, in that order.

    Returns
    -------
    Pieces in ascending order; ``None`` stands for minus or plus infinity. Where the quadratic
    degenerates to a line, the piece is a half-line.

    References
    ----------
    Fieller (1954), J R Stat Soc B 16:175; Zerbe (1978), doi:10.1080/00031305.1978.10479288.
    """
    q2 = critical_value(level, df) ** 2
    v_aa, v_ab, v_bb = covariance_[0, 0], covariance_[0, 1], covariance_[1, 1]
    a = denominator**2 - q2 * v_bb
    b = -2 * (numerator * denominator - q2 * v_ab)
    c = numerator**2 - q2 * v_aa
    scale = max(denominator**2, q2 * v_bb)
    if abs(a) <= np.finfo(float).eps * scale:
        return _half_line(b, c)
    discriminant = b * b - 4 * a * c
    if discriminant <= 4 * np.finfo(float).eps * b * b:
        discriminant = 0.0  # for a > 0 the point estimate itself is inside, so it is never negative
    if discriminant == 0.0 and a < 0:
        return ((None, None),)
    root = math.sqrt(discriminant)
    pivot = -(b + math.copysign(root, b)) / 2  # avoids subtracting nearly equal numbers
    first, second = sorted((pivot / a, c / pivot if pivot else 0.0))
    return ((first, second),) if a > 0 else ((None, first), (second, None))


@dataclass(frozen=True, slots=True, eq=False)
class Rubin:
    """Estimates pooled over imputations.

    Attributes
    ----------
    values : (k,) floats, means over imputations.
    within, between : (k, k) floats, the mean covariance and the covariance of the estimates.
    total : (k, k) floats, within + (1 + 1/m) between.
    increase : (k,) floats, relative increase in variance due to missing values.
    dfs : (k,) degrees of freedom of each estimate.
    fractions : (k,) fractions of missing information.
    df : the smallest degrees of freedom of any combination of the estimates.
    m : imputations.
    complete_df : degrees of freedom, had nothing been missing.
    """

    values: Floats
    within: Floats
    between: Floats
    total: Floats
    increase: Floats
    dfs: Floats
    fractions: Floats
    df: float
    m: int
    complete_df: float

    def df_of(self, weights: Floats) -> float:
        """Give the degrees of freedom of one linear combination, whose (k,) weights these are."""
        increase = _ratio(
            float(weights @ (self.total - self.within) @ weights),
            float(weights @ self.within @ weights),
        )
        return barnard_rubin_df(self.m, increase, self.complete_df)


def rubin(values: Floats, covariances: Floats, complete_df: float = math.inf) -> Rubin:
    r"""Pool a vector of estimates over m imputations by Rubin's rules.

    .. math:: T = \bar U + (1 + 1/m) B, \qquad r = (1 + 1/m) B / \bar U, \qquad
        \gamma = \frac{r + 2 / (\nu + 3)}{1 + r}

    Every combination has degrees of freedom of its own. The fewest are those of the largest
    :math:`c'Bc / c'\bar Uc`; a test of all estimates together is safe with them. Where
    :math:`\bar U` has less than full rank they are few or none, whatever the estimates by
    themselves have.

    Parameters
    ----------
    values : (m, k) floats, one row an imputation.
    covariances : (m, k, k) floats, the joint covariance within each.
    complete_df : degrees of freedom, had nothing been missing.

    References
    ----------
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys, section 3.1; Barnard & Rubin
    (1999), doi:10.1093/biomet/86.4.948, equation 3.
    """
    m, k = values.shape
    centred = values - values[:1]  # exact zeros where imputations do not differ
    between = np.atleast_2d(np.cov(centred, rowvar=False, ddof=1)).reshape(k, k)
    within = np.asarray(covariances[0] + (covariances - covariances[0]).mean(axis=0))
    extra = (1 + 1 / m) * between
    own = np.diag(within)
    increase = np.array([_ratio(b, u) for b, u in zip(np.diag(extra), own, strict=True)])
    dfs = np.array([barnard_rubin_df(m, float(r), complete_df) for r in increase])
    fractions = np.array(
        [missing_information(float(r), float(v)) for r, v in zip(increase, dfs, strict=True)]
    )
    worst = max(_largest_ratio(extra, within), float(increase.max()))
    return Rubin(
        values=values[0] + centred.mean(axis=0),
        within=within,
        between=between,
        total=within + extra,
        increase=increase,
        dfs=dfs,
        fractions=fractions,
        df=barnard_rubin_df(m, worst, complete_df),
        m=m,
        complete_df=complete_df,
    )


def barnard_rubin_df(m: int, increase: float, complete_df: float = math.inf) -> float:
    """Give the degrees of freedom of an estimate pooled over m imputations.

    Parameters
    ----------
    increase : relative increase in variance due to missing values.
    complete_df : degrees of freedom, had nothing been missing; infinite gives Rubin's (1987).
        With finite ones, none are left where all information is missing.

    References
    ----------
    Barnard & Rubin (1999), doi:10.1093/biomet/86.4.948, equation 3.
    """
    share = 1.0 if math.isinf(increase) else increase / (1 + increase)
    simple = (m - 1) / share**2 if share else math.inf
    if math.isinf(complete_df):
        return simple
    seen = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    return seen if math.isinf(simple) else simple * seen / (simple + seen)


def missing_information(increase: float, df: float) -> float:
    """Give the fraction of missing information; Rubin (1987), equation 3.1.10."""
    if increase == 0:
        return 0.0
    if math.isinf(increase):
        return 1.0
    return (increase + 2 / (df + 3)) / (1 + increase)


def _ratio(extra: float, within: float) -> float:
    """Give the relative increase in variance; infinite where there was none within."""
    if within > 0:
        return extra / within
    return math.inf if extra > 0 else 0.0


def _largest_ratio(extra: Floats, within: Floats) -> float:
    """Give the largest c'Ec / c'Wc; infinite where E reaches where W has nothing."""
    values, vectors = np.linalg.eigh(within)
    good = values > np.finfo(float).eps * max(float(values[-1]), 0.0) * len(values)
    outside = vectors[:, ~good]
    beyond = float(np.abs(outside.T @ extra @ outside).max()) if outside.size else 0.0
    if beyond > np.finfo(float).eps * float(np.abs(extra).max()) * len(values):
        return math.inf
    root = vectors[:, good] / np.sqrt(values[good])
    return max(float(np.linalg.eigvalsh(root.T @ extra @ root)[-1]), 0.0) if good.any() else 0.0


def _half_line(b: float, c: float) -> tuple[Piece, ...]:
    """Solve b θ + c ≤ 0."""
    if b == 0:
        return ((None, None),)
    return ((None, -c / b),) if b > 0 else ((-c / b, None),)

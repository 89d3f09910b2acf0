"""Means of matched samples with influence values, and their standard errors by three sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats
from causal.errors import OutcomeError
from causal.estimators.glm import NuisanceFit, fit_glm
from causal.estimators.match_sets import Sets

ErrorKind: TypeAlias = Literal["otsu_rai", "abadie_imbens", "abadie_spiess"]

DEGREE = 3
"""Of the polynomial of the logit that means given the propensity are fitted by."""
LARGEST_LEVERAGE = 0.9
"""A row of leverage 1 has no residual, whatever its error; what is scaled up stays finite."""
ROWS_A_COEFFICIENT = 10
"""Donors to each power of the logit, the usual number of rows to a regression coefficient."""


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """A matched sample.

    Attributes
    ----------
    y, a, w : (n,) floats, outcome (known everywhere), exposure 0/1, and survey weights.
    sets : who is matched with whom.
    own : (n,) floats, survey weights of the rows the means are over, 0 for others.
    given : (n,) floats, weight each row has as a match of others.
    squares : (n,) floats, sum of the squares of the weights it is made up of.
    """

    y: Floats
    a: Floats
    w: Floats
    sets: Sets
    own: Floats
    given: Floats
    squares: Floats

    @property
    def outcomes(self) -> Floats:
        """Give (n, 2) outcomes without and with exposure, that of the other arm imputed."""
        imputed = self.sets.impute(self.y, self.w)
        return np.column_stack(
            [np.where(self.a == arm, self.y, imputed) for arm in (0, 1)],
        )

    @property
    def weights(self) -> Floats:
        """Give (n,) weights of rows, survey weights included."""
        return self.own + self.given


@dataclass(frozen=True, slots=True, eq=False)
class MatchedMeans:
    """Both means of a matched sample.

    Attributes
    ----------
    values : (2,) floats.
    outcomes : (n, 2) floats, what they are the means of: that of the other arm imputed, and moved
        along the regression where means are adjusted.
    influence : (n, 2) floats, as if the propensity were known.
    propensity : (n, 2) floats, what estimating it adds to them.
    """

    values: Floats
    outcomes: Floats
    influence: Floats
    propensity: Floats


def form_matched(y: Floats, a: Floats, w: Floats, sets: Sets, wanted: Bools) -> Matched:
    """Weigh rows by what they stand for; rows that were to be matched and are not are left out.

    Parameters
    ----------
    wanted : (n,) booleans, the rows the means are to be over.
    """
    own = np.where(wanted & sets.matched, w, 0.0)
    return Matched(y, a, w, sets, own, *sets.given(own, w))


def powers(logit: Floats, donors: int) -> Floats:
    """Give (n, k) powers of the logit, as many as the donors bear."""
    degree = min(DEGREE, donors // ROWS_A_COEFFICIENT)
    centred = logit - logit.mean()
    return np.column_stack([np.empty((len(logit), 0)), *(centred**k for k in range(1, degree + 1))])


def matched_means(
    matched: Matched,
    logit: Floats,
    x: Floats | None,
    propensity: tuple[NuisanceFit, Floats] | None,
    *,
    adjusted: bool,
) -> MatchedMeans:
    r"""Give both means of a matched sample, with influence values.

    For arm k, with :math:`\hat\mu_k` a least-squares regression among the matches, :math:`K` the
    weights they were given, and :math:`o` the rows' own weights,

    .. math:: \psi_{ki} = o_i (\hat\mu_k(X_i) - \bar\mu_k)
        + 1\{A_i = k\} (o_i + K_i)(Y_i - \hat\mu_k(X_i)) / (1 - h_i).

    Rows far out are matched often and bend the regression to themselves; the leverage :math:`h_i`
    gives them back the residual they would have without. With ``adjusted`` the mean itself is that
    of :math:`\hat\mu_k` plus residuals: matches are moved along the regression to the covariates
    they stand in for.

    Parameters
    ----------
    logit : (n,) floats, linear predictor of exposure.
    x : (n, p) floats, covariates of the regression; None regresses on powers of ``logit``, which
        is what rows matched on the propensity are alike in.
    propensity : the fitted regression and its (n, q) design, where rows are matched on it; its
        sampling error moves a mean by
        :math:`E[X (Y_k - \mu_k(e))]` over the rows imputed.
    adjusted : correct for what is left of the differences in covariates.

    References
    ----------
    Otsu & Rai (2017), doi:10.1080/01621459.2016.1231613, section 2 (representation); Abadie &
    Imbens (2011), doi:10.1198/jbes.2009.07333 (correction); Abadie & Imbens (2016),
    doi:10.3982/ECTA11293 (estimated propensity); MacKinnon & White (1985),
    doi:10.1016/0304-4076(85)90158-7 (residuals over one minus leverage).
    """
    n, total = len(matched.y), matched.own.sum()
    outcomes = matched.outcomes
    values, influence, added = np.empty(2), np.empty((n, 2)), np.zeros((n, 2))
    for arm in (0, 1):
        here = matched.a == arm
        plain = float(matched.own @ outcomes[:, arm]) / total
        k = np.where(here, matched.given, 0.0)
        if not k.any():
            values[arm] = plain
            influence[:, arm] = matched.own * (matched.y - plain) * n / total
            continue
        columns = powers(logit, int((k > 0).sum())) if x is None else x
        fit = _regress(columns, matched.y, matched.w, k > 0)
        residual = np.where(here, matched.y - fit.fitted, 0.0)
        corrected = float(matched.own @ np.where(here, matched.y, fit.fitted) + k @ residual)
        values[arm] = corrected / total if adjusted else plain
        if adjusted:
            moves = fit.fitted - matched.sets.impute(fit.fitted, matched.w)
            outcomes[:, arm] += np.where(here, 0.0, moves)
        residual /= 1 - _leverage(fit, columns, matched.w, k > 0)
        moved = matched.own * fit.fitted + (matched.own + k) * residual
        influence[:, arm] = (moved - matched.own * moved.sum() / total) * n / total
        if adjusted:
            apart = np.where(here, -k, matched.own) @ fit.design(columns) / total
            influence[:, arm] += fit.influence @ apart
        if propensity is not None:
            regression, design = propensity
            gradient = design.T @ (k * residual) / total
            added[:, arm] = (1 if arm == 0 else -1) * (regression.influence @ gradient)
    return MatchedMeans(values, outcomes, influence, added)


def _regress(columns: Floats, y: Floats, w: Floats, used: Bools) -> NuisanceFit:
    """Regress the outcome on columns among the matches.

    Weights of a few who match many would let the regression bend to them, and residuals vanish.
    """
    fit = fit_glm(columns, y, w / w[used].mean(), "linear", used)
    if columns.shape[1] and fit.rank >= int(used.sum()):
        raise OutcomeError(
            f"{int(used.sum())} matched rows are too few for a regression with {fit.rank} "
            "coefficients. Match on fewer terms, or widen the caliper."
        )
    return fit


def _leverage(fit: NuisanceFit, columns: Floats, w: Floats, used: Bools) -> Floats:
    """Give (n,) leverages of the matches in their regression; 0 for other rows."""
    design = fit.design(columns)
    scaled = w / w[used].mean()
    own = np.einsum("ij,jk,ik->i", design, fit.bread / len(w), design) * scaled
    return np.where(used, np.minimum(own, LARGEST_LEVERAGE), 0.0)


def abadie_imbens(matched: Matched, found: MatchedMeans, neighbours: Sets) -> Floats:
    r"""Give the (2, 2) covariance of both means, matched with replacement.

    .. math:: V = T^{-2} \Big( \sum_i o_i^2 u_i u_i^\top
        + \mathrm{diag}_k \sum_{A_j = k} \big((o_j + K_j)^2 - o_j^2 - \sum_i \lambda_{ij}^2\big)
        \hat\sigma_j^2 \Big)

    :math:`u_i` are a row's two outcomes, one of them imputed, minus their means;
    :math:`\lambda_{ij}` the weight row j has as a match of row i, :math:`K_j` their sum;
    :math:`\hat\sigma_j^2` the variance of the outcome among the nearest rows of the same arm.

    Parameters
    ----------
    neighbours : each row with itself and its nearest of the same arm.

    References
    ----------
    Abadie & Imbens (2006), doi:10.1111/j.1468-0262.2006.00655.x, theorems 6 and 7; with outcomes
    moved along a regression, Abadie & Imbens (2011), doi:10.1198/jbes.2009.07333, section 2.
    """
    around = neighbours.counted()
    lonely = (around < 2) & (matched.given > 0)
    if lonely.any():
        raise OutcomeError(
            f"{int(lonely.sum())} matched rows have no other of their arm that agrees in the exact "
            "terms, so the spread of the outcome there is unknown. Set error to otsu_rai."
        )
    others = np.maximum(around - 1, 1)
    mean = (neighbours.impute(matched.y, np.ones_like(matched.y)) * around - matched.y) / others
    spread = others / (others + 1) * (matched.y - mean) ** 2
    u = matched.own[:, None] * (found.outcomes - found.values)
    extra = (matched.own + matched.given) ** 2 - matched.own**2 - matched.squares
    by_arm = [float(np.sum(np.where(matched.a == arm, extra * spread, 0.0))) for arm in (0, 1)]
    return np.asarray((u.T @ u + np.diag(by_arm)) / matched.own.sum() ** 2)


def abadie_spiess(matched: Matched, found: MatchedMeans) -> Floats:
    """Give the (2, 2) covariance of both means, matched without replacement: sets are independent.

    References
    ----------
    Abadie & Spiess (2022), doi:10.1080/01621459.2020.1840383 (standard errors clustered by
    matched set).
    """
    u = matched.own[:, None] * (found.outcomes - found.values)
    return np.asarray(u.T @ u / matched.own.sum() ** 2)

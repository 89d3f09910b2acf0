"""Tests of conditional independence between blocks of columns: pure functions of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from causal import inference
from causal.arrays import Bools, Floats, Ints
from causal.estimators.glm import Link, SeparationFoundError, fit_glm

Control: TypeAlias = Literal["benjamini_yekutieli", "benjamini_hochberg"]

MIN_DF = 20
"""With fewer residual clusters (or rows) the chi-squared limit of the score is not to be had."""
CELLS_PER_DF = 0.1
"""A quadratic form estimates the covariance of all its cells; beyond one cell per ten residual
clusters that covariance is too noisy to invert, and the largest cell is tested instead."""
DETERMINED = 1e-6
"""A column whose residual is this part of its own standard deviation is a function of the rest."""
SINGULAR = 1e-8
"""Relative eigenvalue below which a direction is rounding error."""


@dataclass(frozen=True, slots=True, eq=False)
class ConceptColumns:
    """The columns that measure one concept.

    Attributes
    ----------
    values : (n, p) floats; NaN where missing.
    terms : p names.
    ranked : p booleans, whether a column enters by its ranks, as ordinal columns and counts do.
    """

    concept: str
    values: Floats
    terms: tuple[str, ...]
    ranked: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Implied:
    """An implied independence of two concepts given others."""

    one: str
    other: str
    given: tuple[str, ...]

    def __str__(self) -> str:
        """Write the independence as ``motivation ⟂ mhg | severity``."""
        return f"{self.one} ⟂ {self.other}" + (f" | {', '.join(self.given)}" if self.given else "")


@dataclass(frozen=True, slots=True, eq=False)
class ImpliedIndependences:
    """What a diagram implies of the data, as arrays and names.

    Attributes
    ----------
    concepts : the measured concepts, all on the same n rows.
    always : (n, t) floats, held fixed in every test, such as indicators of time.
    w : (n,) floats, weights.
    cluster : (n,) ints or None, groups whose rows are dependent.
    implied : the independences to be tested.
    proxied : concepts measured with error; they keep to ends of independences.
    untestable : missing edges that no test reaches.
    sentences : what can be tested, and what cannot.
    edges : the diagram's arrows, unmeasured concepts among their ends.
    effect_of : the concepts of exposure and outcome.
    """

    concepts: tuple[ConceptColumns, ...]
    always: Floats
    w: Floats
    cluster: Ints | None
    implied: tuple[Implied, ...]
    proxied: frozenset[str] = frozenset()
    untestable: int = 0
    sentences: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    effect_of: tuple[str, str] = ("", "")

    @property
    def scored(self) -> ImpliedIndependences:
        """Put normal scores in place of columns that enter by their ranks."""
        return replace(self, concepts=tuple(_scored(one) for one in self.concepts))

    def block(self, concept: str) -> ConceptColumns:
        """Give the columns of a concept."""
        return next(one for one in self.concepts if one.concept == concept)


@dataclass(frozen=True, slots=True)
class Checked:
    """One test of an implied independence.

    Attributes
    ----------
    implied : what was tested.
    p_value : of the score test of all cells.
    n, df : rows used, and residual degrees of freedom.
    cells : pairs of columns compared.
    columns : the pair of columns farthest from independence.
    correlation, std_error : their partial correlation.
    """

    implied: Implied
    p_value: float
    n: int
    df: int
    cells: int
    columns: tuple[str, str]
    correlation: float
    std_error: float

    def simultaneous(self, tests: int) -> tuple[float, float]:
        """Give the partial correlation's 95 % interval among all cells of as many such tests."""
        tail = (1 - inference.LEVEL) / (tests * self.cells)
        return inference.interval(self.correlation, self.std_error, 1 - tail, self.df)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An implied independence the data cannot test, and why."""

    implied: Implied
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """A score test of blocks of residuals; see ``product_score``."""

    p_value: float
    df: int
    cell: tuple[int, int]
    correlation: float
    std_error: float


def check_independence(
    data: ImpliedIndependences, implied: Implied, *, link: Link, squares: bool
) -> Checked | Unchecked:
    """Test one independence on the rows on which its concepts are known.

    Each column of either concept is regressed on the concepts held fixed; if the independence
    holds, the residuals of the two are uncorrelated. The test is valid if one of each two
    regressions is right, or both are nearly so.

    Parameters
    ----------
    data : columns, ordinal ones already as normal scores.
    link : ``logit`` for logistic regression of binary columns; ``linear`` for least squares of all
        columns, which is faster and less exact.
    squares : whether columns held fixed that are not binary enter with their squares.

    References
    ----------
    Shah & Peters (2020), The hardness of conditional independence testing and the generalised
    covariance measure, doi:10.1214/19-AOS1857, sections 3.1 and 3.2.
    """
    one, other = data.block(implied.one), data.block(implied.other)
    fixed = [data.block(name) for name in implied.given]
    known = _known([one, other, *fixed])
    w, cluster = data.w[known], None if data.cluster is None else data.cluster[known]
    design = _design([_rows(block, known) for block in fixed], data.always[known], squares=squares)
    units = len(w) if cluster is None else len(np.unique(cluster))
    df = units - 1 - design.shape[1]
    if df < MIN_DF:
        return Unchecked(implied, f"{units} independent units for {design.shape[1]} held columns")
    first, rx = _left(_rows(one, known), design, w, link)
    second, ry = _left(_rows(other, known), design, w, link)
    if not first or not second:
        end = implied.other if first else implied.one
        return Unchecked(implied, f"{end} does not vary once the others are held fixed")
    score = product_score(rx, ry, w, cluster, df)
    return Checked(
        implied=implied,
        p_value=score.p_value,
        n=len(w),
        df=df,
        cells=len(first) * len(second),
        columns=(first[score.cell[0]], second[score.cell[1]]),
        correlation=score.correlation,
        std_error=score.std_error,
    )


def product_score(rx: Floats, ry: Floats, w: Floats, cluster: Ints | None, df: int) -> Score:
    r"""Test that two blocks of residuals are uncorrelated.

    With :math:`R_i` the products of the residuals of row i and :math:`V` the clustered
    covariance of their mean, enlarged by units over residual degrees of freedom,
    :math:`\bar R^\top V^{-1} \bar R` is referred to Hotelling's distribution; with many cells the
    largest :math:`|\bar R_{jk}| / \sqrt{V_{jk,jk}}` is, with Bonferroni's correction.

    Parameters
    ----------
    rx, ry : (n, p) and (n, q) floats, residuals with positive variance.
    w : (n,) floats, weights.
    df : residual degrees of freedom, in clusters where there are any.

    References
    ----------
    Shah & Peters (2020), doi:10.1214/19-AOS1857, equations 4 and 8; their maximum is kept, their
    multiplier bootstrap is replaced by Bonferroni, which needs no draws.
    """
    from scipy import special

    products = (rx[:, :, None] * ry[:, None, :]).reshape(len(rx), -1)
    mean = np.average(products, axis=0, weights=w)
    psi = (products - mean) * (w / w.mean())[:, None]
    units = len(rx) if cluster is None else len(np.unique(cluster))
    variance = inference.covariance(psi, cluster) * units / df
    squares = [np.average(side**2, axis=0, weights=w) for side in (rx, ry)]
    spread = np.sqrt(np.outer(*squares)).ravel()
    errors = np.sqrt(np.diag(variance))
    z = np.divide(mean, errors, out=np.zeros_like(mean), where=errors > 0)
    worst = int(np.argmax(np.abs(z)))
    p_value = min(1.0, len(z) * inference.two_sided_p(float(z[worst]), df))
    if 1 < len(z) <= CELLS_PER_DF * df:
        statistic, rank = _quadratic(z, variance / np.outer(errors, errors))
        scaled = statistic * (df - rank + 1) / (rank * df)
        p_value = float(special.fdtrc(rank, df - rank + 1, scaled))
    return Score(
        p_value=p_value,
        df=df,
        cell=divmod(worst, ry.shape[1]),
        correlation=float(mean[worst] / spread[worst]),
        std_error=float(errors[worst] / spread[worst]),
    )


def partial_correlation(x: Floats, y: Floats, z: Floats | None = None) -> float:
    """Give the p-value of the partial correlation of two columns, rows independent.

    References
    ----------
    Fisher (1924), Metron 3:329.
    """
    fixed = np.ones((len(x), 1)) if z is None else np.column_stack([np.ones(len(x)), z])
    sides = np.column_stack([x, y])
    left = sides - fixed @ np.linalg.lstsq(fixed, sides)[0]
    r = float(np.clip(left[:, 0] @ left[:, 1] / np.linalg.norm(left, axis=0).prod(), -1, 1))
    df = len(left) - fixed.shape[1] - 1
    return inference.two_sided_p(r * np.sqrt(df / max(1 - r * r, SINGULAR)), df)


def adjusted(p_values: Sequence[float], control: Control) -> Floats:
    """Adjust p-values so that a cut at q keeps the false-discovery rate at q.

    References
    ----------
    Benjamini & Hochberg (1995), J R Stat Soc B 57:289, for independent or positively dependent
    tests; Benjamini & Yekutieli (2001), doi:10.1214/aos/1013699998, theorem 1.3, for any
    dependence.
    """
    from scipy import stats

    method = "by" if control == "benjamini_yekutieli" else "bh"
    return np.asarray(stats.false_discovery_control(list(p_values), method=method))


def normal_scores(values: Floats) -> Floats:
    """Put normal quantiles in place of values by their mid-ranks; missing ones stay missing.

    References
    ----------
    van der Waerden's scores: Lehmann & Romano (2005), Testing Statistical Hypotheses, section 6.9.
    """
    from scipy import special, stats

    known = ~np.isnan(values)
    scores = np.full(values.shape, np.nan)
    ranks = stats.rankdata(values[known])
    scores[known] = special.ndtri(ranks / (len(ranks) + 1))
    return scores


def _scored(block: ConceptColumns) -> ConceptColumns:
    """Put normal scores in place of the ranked columns of a concept."""
    columns = [
        normal_scores(column) if ranked else column
        for column, ranked in zip(block.values.T, block.ranked, strict=True)
    ]
    return replace(block, values=np.column_stack(columns))


def _known(blocks: Iterable[ConceptColumns]) -> Bools:
    """Tell on which rows all columns of some concepts are known."""
    return np.asarray(~np.any([np.isnan(one.values).any(axis=1) for one in blocks], axis=0))


def _rows(block: ConceptColumns, kept: Bools) -> ConceptColumns:
    """Keep rows of a concept's columns."""
    return replace(block, values=block.values[kept])


def _varying(block: ConceptColumns) -> tuple[tuple[str, ...], Floats, Bools]:
    """Give the columns that vary: those of two values as 0/1, others in standard deviations.

    Returns
    -------
    Their names, (n, p) values, and which of them have two values.
    """
    vary = np.ptp(block.values, axis=0) > 0
    values = block.values[:, vary]
    low, high = values.min(axis=0), values.max(axis=0)
    two = ((values == low) | (values == high)).all(axis=0)
    scaled = (values - low) / np.where(two, high - low, values.std(axis=0))
    return tuple(t for t, v in zip(block.terms, vary, strict=True) if v), scaled, two


def _design(fixed: Sequence[ConceptColumns], always: Floats, *, squares: bool) -> Floats:
    """Give the columns to regress on: centred, orthonormal, of full rank, without intercept."""
    columns = [always[:, j] for j in range(always.shape[1])]
    if len(always):
        for _, values, two in map(_varying, fixed):
            columns += list(values.T)
            if squares:
                columns += list((values[:, ~two] - values[:, ~two].mean(axis=0)).T ** 2)
    if not columns or not len(always):
        return np.empty((len(always), 0))
    centred = np.column_stack(columns) - np.mean(columns, axis=1)
    spread = centred.std(axis=0)
    centred = centred[:, spread > 0] / spread[spread > 0]
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = values > SINGULAR * values.max(initial=0.0)
    return np.asarray(centred @ (vectors[:, kept] / np.sqrt(values[kept])))


def _left(
    block: ConceptColumns, design: Floats, w: Floats, link: Link
) -> tuple[tuple[str, ...], Floats]:
    """Give what is left of a concept's columns once others are held fixed, with their names.

    A column that others determine is left out. One that they separate perfectly for some rows has
    no logistic fit; its linear residual serves.
    """
    terms, values, two = _varying(block)
    full = np.column_stack([np.ones(len(design)), design])
    weighted = full * w[:, None]
    left = values - full @ np.linalg.solve(weighted.T @ full, weighted.T @ values)
    if link == "logit" and design.shape[1]:
        for column in np.flatnonzero(two):
            with suppress(SeparationFoundError):
                fitted = fit_glm(design, values[:, column], w, "logit").fitted
                left[:, column] = values[:, column] - fitted
    kept = np.sqrt(np.average(left**2, axis=0, weights=w)) > DETERMINED
    return tuple(t for t, k in zip(terms, kept, strict=True) if k), left[:, kept]


def _quadratic(z: Floats, correlation: Floats) -> tuple[float, int]:
    """Give the quadratic form of standardised means, and its rank."""
    values, vectors = np.linalg.eigh(correlation)
    kept = values > SINGULAR * values.max()
    along = vectors[:, kept].T @ z
    return float((along**2 / values[kept]).sum()), int(kept.sum())

"""Columns of a diagram's concepts drawn anew, all it implies being true but for a planted fault."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Bools, Floats, Ints
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.refuters.calibration import expit, latent_correlation, pair_correlation
from causal.refuters.independence import ConceptColumns, Implied, ImpliedIndependences
from causal.sensitivity.partial_r2 import Strength

MOST_HIDDEN = 0.95
"""Share of a 0/1 column's latent variable that a hidden common cause may be."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """How one column is drawn from those of the concept's direct causes.

    Attributes
    ----------
    coefficients : (q,) floats, of a constant, the causes' columns and what is always held.
    residual : (n,) floats, what the regression leaves; None for 0/1 columns, drawn as such.
    spread : residual standard deviation.
    share : of ones, in a 0/1 column.
    together : correlation within clusters of the latent variable of a 0/1 column.
    """

    coefficients: Floats
    residual: Floats | None
    spread: float
    share: float
    together: float


@dataclass(frozen=True, slots=True, eq=False)
class DiagramWorld:
    """A mechanism that the diagram is right about, among the concepts that are measured.

    Concepts are drawn in the order of the arrows between measured ones, each column by its
    regression on the columns of its causes. What a regression leaves keeps its size and changes
    sign at random, all of a concept and of a cluster (else a row) together, so that leftovers of
    two concepts are uncorrelated; 0/1 columns are drawn by their chances. Missing values stay
    missing. Lost: what unmeasured concepts add, and all that is not linear.

    Attributes
    ----------
    data : the concepts as they are, ordinal columns as normal scores.
    order : concepts, causes before effects.
    causes : concept -> its measured direct causes.
    columns : concept -> how its columns are drawn.
    group : (n,) ints from 0 on.
    """

    data: ImpliedIndependences
    order: tuple[str, ...]
    causes: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[Column, ...]]
    group: Ints

    def draw(
        self, ends: tuple[str, str], strength: Strength, rng: np.random.Generator
    ) -> ImpliedIndependences:
        """Draw all concepts anew, with a hidden common cause of two.

        Parameters
        ----------
        ends : the two.
        strength : share of what their regressions leave that is the hidden cause: of the first,
            and of the second.
        """
        hidden = rng.standard_normal(int(self.group.max()) + 1)[self.group]
        parts = {ends[0]: strength.exposure, ends[1]: strength.outcome}
        drawn: dict[str, Floats] = {}
        for concept in self.order:
            x = self._design(drawn[one] for one in self.causes[concept])
            signs = rng.choice([-1.0, 1.0], int(self.group.max()) + 1)[self.group]
            columns = [
                self._draw_column(one, x, signs, hidden, parts.get(concept, 0.0), rng)
                for one in self.columns[concept]
            ]
            drawn[concept] = np.column_stack(columns)
        blocks = tuple(
            replace(one, values=np.where(np.isnan(one.values), np.nan, drawn[one.concept]))
            for one in self.data.concepts
        )
        return replace(self.data, concepts=blocks)

    def _draw_column(
        self,
        column: Column,
        x: Floats,
        signs: Floats,
        hidden: Floats,
        part: float,
        rng: np.random.Generator,
    ) -> Floats:
        """Draw one column; a part of what the regression leaves is the hidden cause."""
        from scipy import special

        eta = x @ column.coefficients
        if column.residual is not None:
            left = math.sqrt(1 - part) * signs * column.residual
            return np.asarray(eta + left + math.sqrt(part) * column.spread * hidden)
        shared, own = rng.standard_normal(int(self.group.max()) + 1), rng.standard_normal(len(eta))
        luck = math.sqrt(column.together) * shared[self.group]
        luck = luck + math.sqrt(1 - column.together) * own
        of_luck = _latent_part(part, column.share)
        luck = math.sqrt(1 - of_luck) * luck - math.sqrt(of_luck) * hidden
        return np.asarray(special.ndtr(luck) < expit(eta), dtype=np.float64)

    def _design(self, causes: Iterable[Floats]) -> Floats:
        """Give the columns a concept's columns are regressed on."""
        return _design(list(causes), self.data.always)


def build_diagram_world(data: ImpliedIndependences) -> DiagramWorld:
    """Fit every column on the columns of its concept's measured causes.

    Parameters
    ----------
    data : the concepts, ordinal columns as normal scores.
    """
    names = [one.concept for one in data.concepts]
    causes = {
        name: tuple(cause for cause, effect in data.edges if effect == name and cause in names)
        for name in names
    }
    n = len(data.w)
    ids = np.arange(n) if data.cluster is None else data.cluster
    group = np.unique(ids, return_inverse=True)[1].ravel().astype(np.int64)
    filled = {one.concept: _filled(one) for one in data.concepts}
    columns = {}
    for name in names:
        x = _design([filled[one] for one in causes[name]], data.always)
        known = np.ones(n, dtype=bool)
        for cause in causes[name]:
            known &= ~np.isnan(data.block(cause).values).any(axis=1)
        columns[name] = tuple(
            _fit_column(values, x, data.w, known, group) for values in data.block(name).values.T
        )
    return DiagramWorld(data, _in_order(names, causes), causes, columns, group)


def hidden_pair(data: ImpliedIndependences, rng: np.random.Generator) -> Implied:
    """Choose one of the independences that the diagram implies."""
    return data.implied[int(rng.integers(len(data.implied)))]


def _fit_column(values: Floats, x: Floats, w: Floats, known: Bools, group: Ints) -> Column:
    """Fit one column on its concept's causes."""
    rows = known & ~np.isnan(values)
    two = len(np.unique(values[rows])) == 2
    if two:
        values = (values - values[rows].min()) / np.ptp(values[rows])
    seen = values[rows]
    coefficients, fitted = _regress(values, x, w, rows, logistic=two)
    residual = np.where(rows, values - fitted, 0.0)
    freedom = max(1 - x.shape[1] / max(int(rows.sum()), 1), 0.1)
    spread = math.sqrt(float(np.average(residual[rows] ** 2, weights=w[rows])) / freedom)
    if not two:
        # rows without a value get the next row's leftover, so that their effects have a cause
        places = np.flatnonzero(rows)
        following = places[np.searchsorted(places, np.arange(len(x))) % len(places)]
        return Column(coefficients, residual[following], spread, 0.0, 0.0)
    share = float(np.average(seen, weights=w[rows]))
    root = np.sqrt(np.maximum(fitted * (1 - fitted), 1e-9))[rows]
    correlation = pair_correlation(residual[rows], root, group[rows])
    together = latent_correlation(correlation, share) if 0 < share < 1 else 0.0
    return Column(coefficients, None, spread, share, together)


def _regress(
    values: Floats, x: Floats, w: Floats, rows: Bools, *, logistic: bool
) -> tuple[Floats, Floats]:
    """Give coefficients on the columns as they are, and fitted means; logistic where it can be."""
    if logistic:
        try:
            fit = fit_glm(x[:, 1:], np.where(rows, values, 0.0), w, "logit", rows)
        except SeparationFoundError:
            share = float(np.average(values[rows], weights=w[rows]))
            level = math.log(share / (1 - share))
            return np.asarray(np.eye(1, x.shape[1])[0] * level), np.full(len(x), share)
        eta = fit.design(x[:, 1:]) @ fit.coefficients
        return np.asarray(np.linalg.lstsq(x, eta)[0]), fit.fitted
    root = np.sqrt(w[rows])
    coefficients: Floats = np.asarray(
        np.linalg.lstsq(x[rows] * root[:, None], values[rows] * root)[0]
    )
    return coefficients, np.asarray(x @ coefficients)


def _filled(block: ConceptColumns) -> Floats:
    """Put a column's mean where it is missing, to hold the place in a design."""
    mean = np.nanmean(block.values, axis=0)
    return np.where(np.isnan(block.values), mean, block.values)


def _design(causes: list[Floats], always: Floats) -> Floats:
    """Put a constant, the causes' columns and what is always held side by side."""
    return np.column_stack([np.ones((len(always), 1)), *causes, always])


def _in_order(names: list[str], causes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Put causes before effects."""
    order: list[str] = []
    while len(order) < len(names):
        order += [
            name
            for name in names
            if name not in order and all(one in order for one in causes[name])
        ][:1]
    return tuple(order)


def _latent_part(part: float, share: float) -> float:
    """Give the share of the latent variable that is this share of the 0/1 column, at its mean."""
    from scipy import special

    if part <= 0 or not 0 < share < 1:
        return 0.0
    density = math.exp(-0.5 * float(special.ndtri(share)) ** 2) / math.sqrt(2 * math.pi)
    return min(part * share * (1 - share) / density**2, MOST_HIDDEN)

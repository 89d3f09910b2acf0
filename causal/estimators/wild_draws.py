"""The wild cluster bootstrap: multipliers of clusters, and the set its test does not reject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from causal.arrays import Bools, Floats
from causal.estimate import Region
from causal.inference import LEVEL, Piece

Points: TypeAlias = Literal["Rademacher", "Webb"]
POINTS: dict[Points, Floats] = {
    "Rademacher": np.array([-1.0, 1.0]),
    "Webb": np.array([-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)]),
}
FEW = 12
"""Clusters below which two points give too few different statistics: MacKinnon & Webb 2018."""
NOTHING = 1e-10
"""Share of the statistic's scale below which a coefficient is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """What the clusters' residuals are multiplied with.

    Attributes
    ----------
    values : (B, G) floats, one row a draw; the first is all ones unless every row there can be is
        in it anyway, so that the sample itself counts among its draws.
    points : which values can occur.
    every : whether these are all there are, each once.
    """

    values: Floats
    points: Points
    every: bool

    @property
    def said(self) -> str:
        """Describe the draws."""
        drawn, clusters = self.values.shape
        how = f"all {drawn}" if self.every else f"{drawn - 1}"
        return f"{self.points} weights, {how} draws, {clusters} clusters"


def draw_multipliers(clusters: int, draws: int, rng: np.random.Generator) -> Multipliers:
    """Draw multipliers of clusters, or list them all where they are no more than the draws.

    Parameters
    ----------
    clusters : how many; below 12 they take Webb's six values, from there on two.
    draws : the number drawn, beside the sample itself.

    References
    ----------
    Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414; Webb (2023),
    doi:10.1111/caje.12661 (six points); MacKinnon & Webb (2018), doi:10.1111/ectj.12107.
    """
    points: Points = "Webb" if clusters < FEW else "Rademacher"
    values = POINTS[points]
    if len(values) ** clusters <= draws:
        grid = np.meshgrid(*[values] * clusters, indexing="ij")
        return Multipliers(np.stack(grid, axis=-1).reshape(-1, clusters), points, every=True)
    drawn = values[rng.integers(0, len(values), (draws, clusters))]
    return Multipliers(np.vstack([np.ones(clusters), drawn]), points, every=False)


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    r"""The statistics of all draws as functions of the value that is tested.

    For a test of :math:`\theta = \hat\theta + t s`, with s the standard error (CR0), the squared
    statistic of the sample is :math:`t^2` and that of a draw
    :math:`(m_0 + m_1 t)^2 / (a + 2 b t + c t^2)`.

    Attributes
    ----------
    m0, m1, a, b, c : (B,) floats.
    """

    m0: Floats
    m1: Floats
    a: Floats
    b: Floats
    c: Floats

    def exceeds(self, t: Floats) -> Bools:
        """Tell where a draw's statistic is at least the sample's; (B, k) for (B, k) values."""
        m0, m1, a, b, c = (v[:, None] for v in (self.m0, self.m1, self.a, self.b, self.c))
        return np.asarray((m0 + m1 * t) ** 2 >= t**2 * (a + 2 * b * t + c * t**2))

    def p_value(self, t: float) -> float:
        """Give the share of draws whose statistic is at least the sample's, at one value."""
        ties = self._ties()
        return float((ties | self.exceeds(np.full((len(self.a), 1), t))[:, 0]).mean())

    def accepted(self, value: float, std_error: float, level: float = LEVEL) -> Region:
        """Give all values whose p-value is above 1 - level, exactly: between the quartics' roots.

        Parameters
        ----------
        value, std_error : the estimate, and the standard error (CR0) that scales ``t``.
        """
        ties = self._ties()
        free = Statistics(*(v[~ties] for v in (self.m0, self.m1, self.a, self.b, self.c)))
        roots = free._roots()
        inside = free.exceeds(_between(roots))
        change = (inside[:, 1:].astype(np.int64) - inside[:, :-1]).ravel()
        at = roots.ravel()
        kept = np.isfinite(at) & (change != 0)
        order = np.argsort(at[kept], kind="stable")
        at, change = at[kept][order], change[kept][order]
        counts = int(ties.sum()) + int(inside[:, 0].sum()) + np.concatenate([[0], change.cumsum()])
        accepts = counts > (1 - level) * len(self.a)
        return Region(_pieces(accepts, value + std_error * at), level)

    def _ties(self) -> Bools:
        """Tell which draws have the sample's own statistic at every value: all multipliers alike.

        Their quartic is zero but for rounding.
        """
        scale = self.a + NOTHING
        parts = (self.c, self.b, self.m1**2 - self.a, self.m0 * self.m1, self.m0**2)
        return np.asarray(np.all([np.abs(one) <= NOTHING * scale for one in parts], axis=0))

    def _roots(self) -> Floats:
        """Give the (B, 4) real values at which a draw's statistic is the sample's; inf where not.

        Sorted within a draw.
        """
        lead = np.maximum(self.c, NOTHING * self.a)
        monic = np.column_stack(
            [2 * self.b, self.a - self.m1**2, -2 * self.m0 * self.m1, -(self.m0**2)]
        )
        companion = np.zeros((len(lead), 4, 4))
        companion[:, 0, :] = -monic / lead[:, None]
        companion[:, [1, 2, 3], [0, 1, 2]] = 1.0
        found = np.linalg.eigvals(companion)
        real = np.abs(found.imag) <= 1e-7 * (1 + np.abs(found.real))
        return np.sort(np.where(real, found.real, np.inf), axis=1)


def _between(roots: Floats) -> Floats:
    """Give (B, 5) values, one before, between and after each draw's roots; the last repeat."""
    first = np.where(np.isfinite(roots[:, :1]), roots[:, :1], 0.0)
    filled = np.where(np.isfinite(roots), roots, np.maximum.accumulate(
        np.where(np.isfinite(roots), roots, -np.inf), axis=1
    ))  # fmt: skip
    filled = np.where(np.isfinite(filled), filled, first)
    after = filled[:, -1:] + 1 + np.abs(filled[:, -1:])
    middles = (filled[:, 1:] + filled[:, :-1]) / 2
    beyond = ~np.isfinite(roots[:, 1:])
    middles = np.where(beyond, after, middles)
    return np.hstack([first - 1 - np.abs(first), middles, after])


def _pieces(accepts: Bools, at: Floats) -> tuple[Piece, ...]:
    """Join neighbouring segments that are accepted; None stands for infinity."""
    ends: list[float | None] = [None, *(float(one) for one in at), None]
    pieces: list[Piece] = []
    start: int | None = None
    for number, one in enumerate([*accepts, False]):
        if one and start is None:
            start = number
        elif not one and start is not None:
            pieces.append((ends[start], ends[number]))
            start = None
    return tuple(pieces)

"""The set for a ratio of two estimates that are pooled over imputations."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from causal.arrays import Floats
from causal.inference import LEVEL, Piece, Rubin, two_sided_p

HALF = math.pi / 2
ANGLES = 720
"""Steps of a quarter of a degree: what a set may be narrower than is looked for by itself."""


def pooled_fieller(pooled: Rubin, level: float = LEVEL) -> tuple[Piece, ...]:
    r"""Give Fieller's set for the first estimate over the second.

    All :math:`\theta` with :math:`|a - \theta b| \le q(\nu_\theta) \sqrt{T_{aa} - 2\theta T_{ab} +
    \theta^2 T_{bb}}`, where :math:`\nu_\theta` are the degrees of freedom of that very contrast.
    At 0 and 1, and without limit, it therefore tests what the intervals of a, of a − b and of b
    do. In complete data all contrasts have the same, and the set is that of ``inference.fieller``.

    Parameters
    ----------
    pooled : the two estimates.

    Returns
    -------
    Pieces in ascending order; ``None`` stands for minus or plus infinity.

    References
    ----------
    Fieller (1954), J R Stat Soc B 16:175; Barnard & Rubin (1999), doi:10.1093/biomet/86.4.948.
    """
    from scipy import optimize

    scale = np.sqrt(np.diag(pooled.total))
    scale = np.where(scale > 0, scale, 1.0)

    def kept(angle: float) -> float:
        """Tell by its sign whether a ratio is in the set: its p-value, less one minus the level."""
        angle = -HALF if angle == HALF else angle  # the same ratio, to the last digit
        weights = np.array([math.cos(angle), -math.sin(angle)]) / scale
        return _p_value(pooled, weights) - (1 - level)

    nodes = _nodes(pooled, scale)
    inside = [kept(one) >= 0 for one in nodes]
    ends = nodes[:1] if inside[0] else []
    for (left, held), (right, holds) in pairwise(zip(nodes, inside, strict=True)):
        if held != holds:
            ends.append(float(optimize.brentq(kept, left, right, xtol=1e-15)))
    ends += nodes[-1:] if inside[-1] else []
    ratios = [
        None if abs(one) == HALF else math.tan(one) * float(scale[0] / scale[1]) for one in ends
    ]
    return tuple(zip(ratios[::2], ratios[1::2], strict=True))


def _p_value(pooled: Rubin, weights: Floats) -> float:
    """Give the p-value of a linear combination being 0."""
    value, variance = abs(float(weights @ pooled.values)), float(weights @ pooled.total @ weights)
    if variance <= 0:
        return 0.0 if value > 0 else 1.0
    return two_sided_p(value / math.sqrt(variance), pooled.df_of(weights))


def _nodes(pooled: Rubin, scale: Floats) -> list[float]:
    """Give angles to look at: a grid, the estimate itself, and what lies furthest from it.

    The angle of a ratio is the arc tangent of it in units of standard errors. Both ends of the
    grid stand for a ratio without limit.
    """
    first, second = pooled.values / scale
    furthest = np.linalg.pinv(pooled.total / np.outer(scale, scale)) @ np.array([first, second])
    own = [_angle(float(first), float(second)), _angle(-float(furthest[1]), float(furthest[0]))]
    return sorted({*np.linspace(-HALF, HALF, ANGLES + 1).tolist(), *own})


def _angle(rise: float, run: float) -> float:
    """Give the angle of a ratio, between minus and plus a right one."""
    return math.atan2(rise, run) if run > 0 else math.atan2(-rise, -run)

"""Restricted cubic splines: the same columns for covariates and for doses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causal.arrays import Floats


def restricted_cubic(x: Floats, knots: Sequence[float]) -> list[Floats]:
    """Give the restricted cubic spline basis: x itself and as many columns as knots less two.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, section 2.4.5.
    """
    first, before, last = knots[0], knots[-2], knots[-1]
    cube = [np.maximum(x - knot, 0) ** 3 for knot in knots]
    basis = [
        cube[j]
        - cube[-2] * (last - knot) / (last - before)
        + cube[-1] * (before - knot) / (last - before)
        for j, knot in enumerate(knots[:-2])
    ]
    return [x, *(column / (last - first) ** 2 for column in basis)]

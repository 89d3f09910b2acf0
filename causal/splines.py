"""Restricted cubic splines: the same columns for covariates and for doses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field

from causal.arrays import Floats

FEWEST_KNOTS, MOST_KNOTS = 3, 7  # as many as Harrell (2015), section 2.4.6, gives places for


def _check_knots(knots: object) -> object:
    """Refuse knots that are too few, too many, or do not ascend; other types are not looked at."""
    if not isinstance(knots, list | tuple):
        return knots
    numbers = [one for one in knots if isinstance(one, int | float)]
    ascending = all(earlier < later for earlier, later in pairwise(numbers))
    if not FEWEST_KNOTS <= len(knots) <= MOST_KNOTS or not ascending:
        raise ValueError(
            f"a spline takes {FEWEST_KNOTS} to {MOST_KNOTS} knots that ascend, such as [0, 1, 4]; "
            f"found {list(knots)}"
        )
    return knots


Knots: TypeAlias = Annotated[
    tuple[float, ...],
    Field(min_length=FEWEST_KNOTS, max_length=MOST_KNOTS),
    BeforeValidator(_check_knots),
]


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

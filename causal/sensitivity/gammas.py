"""Grids of hidden biases, and of a confounder's ties to exposure, as settings."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field


def _ascending(gammas: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse a grid that does not rise from 1 or above."""
    if not gammas or gammas[0] < 1 or any(b <= a for a, b in pairwise(gammas)):
        raise ValueError(
            f"gammas are odds ratios of 1 or more in ascending order, such as [1, 1.5, 2], "
            f"not {list(gammas)}"
        )
    return gammas


def _beyond_one(ties: tuple[float, ...]) -> tuple[float, ...]:
    """Refuse ties to exposure that are none."""
    if any(one <= 1 for one in ties):
        raise ValueError(f"amplify_at are odds ratios above 1, such as [2, 3], not {list(ties)}")
    return ties


Ties: TypeAlias = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...], AfterValidator(_beyond_one)
]
Gammas: TypeAlias = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...], AfterValidator(_ascending)
]

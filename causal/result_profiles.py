"""The part of the result document on rungs with more than two means: arms, doses, times."""

from __future__ import annotations

from causal.result_parts import Block, Count, Pair


class ProfilePointBlock(Block):
    """One mean (or other parameter) of a rung.

    ``interval`` is for this point alone; ``band`` holds for all points of the profile at once, and
    is None beside the profile. ``rows`` are those that stand at it, where that means anything;
    what is not ``listed`` is only drawn.
    """

    name: str
    series: str
    x: float | None
    rows: Count | None
    estimate: float
    std_error: float
    interval: Pair
    band: Pair | None
    listed: bool = True


class ProfileContrastBlock(Block):
    """A difference of two points, corrected for the contrasts of its ``family`` too.

    ``band`` and ``p_joint`` hold for all contrasts of the family at once (sup-t), ``p_holm`` is
    Holm's.
    """

    name: str
    family: str
    unit: str
    estimate: float
    std_error: float
    interval: Pair
    band: Pair
    p_value: float
    p_joint: float
    p_holm: float


class ProfileBlock(Block):
    """All means of a rung, of which the ladder compares two.

    ``compared`` are the names of the two the ladder compares, the second minus the first;
    ``critical`` is the number of standard errors of the simultaneous band at ``level``.
    """

    kind: str
    axis: str
    unit: str
    level: float
    critical: float
    compared: tuple[str, str]
    points: list[ProfilePointBlock]
    beside: list[ProfilePointBlock]
    contrasts: list[ProfileContrastBlock]
    notes: list[str]

"""The part of the result document on more than two means: of rungs, and of covariates."""

from __future__ import annotations

from causal.result_parts import Block, Count, Pair


class CovariateProfileBlock(Block):
    """One adjustment column where the exposure has several arms or is a dose.

    ``means`` are one an arm, in the order of ``design.arms``, or the one of all rows for a dose;
    None where fewer rows stand behind it than may be shown. ``correlation`` is with the dose; None
    for arms, and where either does not vary.
    """

    term: str
    concept: str
    means: list[float | None]
    correlation: float | None
    filled: Count


class ProfilePointBlock(Block):
    """One mean (or other parameter) of a rung.

    ``interval`` is for this point alone; ``band`` holds for all points of the profile at once, and
    is None beside the profile. Either is None too where degrees of freedom are too few for it, as
    the notes of the profile say. ``rows`` are those that stand at it, where that means anything;
    what is not ``listed`` is only drawn.
    """

    name: str
    series: str
    x: float | None
    rows: Count | None
    estimate: float
    std_error: float
    interval: Pair | None
    band: Pair | None
    listed: bool = True


class ProfileContrastBlock(Block):
    """A difference of two points, corrected for the contrasts of its ``family`` too.

    ``band`` and ``p_joint`` hold for all contrasts of the family at once (sup-t), ``p_holm`` is
    Holm's. What is None has too few degrees of freedom, as the notes of the profile say.
    """

    name: str
    family: str
    unit: str
    estimate: float
    std_error: float
    interval: Pair | None
    band: Pair | None
    p_value: float | None
    p_joint: float | None
    p_holm: float | None


class ProfileBlock(Block):
    """All means of a rung, of which the ladder compares two.

    ``compared`` are the names of the two the ladder compares, the second minus the first;
    ``critical`` is the number of standard errors of the simultaneous band at ``level``, None where
    there is no band.
    """

    kind: str
    axis: str
    unit: str
    level: float
    critical: float | None
    compared: tuple[str, str]
    points: list[ProfilePointBlock]
    beside: list[ProfilePointBlock]
    contrasts: list[ProfileContrastBlock]
    notes: list[str]

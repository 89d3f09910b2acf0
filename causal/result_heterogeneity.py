"""Blocks of the result document: how the effect differs, as far as exploration can tell."""

from __future__ import annotations

from typing import Literal

from causal.result_parts import Block, Count, Pair, Reason


class SlopeBlock(Block):
    """A number with its interval, and the two-sided p-value of zero."""

    estimate: float
    std_error: float
    interval: Pair
    p_value: float


class TermSlopeBlock(SlopeBlock):
    """Change of the effect for a unit of one column, the other modifiers held fixed."""

    term: str


class MedianBlock(Block):
    """A number from several divisions, by its medians; ``p_value`` is twice the median.

    ``interval`` is of the medians of intervals that each leave out half of what the level allows.
    ``split_sd`` is the standard deviation between divisions, None for one.
    """

    estimate: float
    interval: Pair
    p_value: float
    split_sd: float | None


class EqualityBlock(Block):
    """A joint Wald test: chi-squared with ``df`` degrees of freedom."""

    statistic: float
    df: int
    p_value: float


class ModifierBlock(Block):
    """One modifier in the best linear projection; ``p_holm`` is corrected for all modifiers."""

    column: str
    description: str
    terms: list[TermSlopeBlock]
    test: EqualityBlock | Reason
    p_holm: float | None


class GroupMeanBlock(Block):
    """The mean of a column in a group."""

    term: str
    mean: float


class EffectGroupBlock(Block):
    """Rows whose predicted effects are alike, the lowest first; hidden where an arm is small.

    ``n`` is their number in a division, ``arm`` that of the smaller arm where it is fewest.
    """

    number: int
    n: Count
    arm: Count
    predicted: float | None
    effect: MedianBlock | Reason
    means: list[GroupMeanBlock]


class HeterogeneityBlock(Block):
    """One exploration; ``label`` says that it is one, and nothing more."""

    kind: Literal["dr_learner"]
    label: Literal["exploratory"] = "exploratory"
    rung: str
    reason: str
    scale: str
    level: float
    folds: int
    divisions: int
    learner: str
    clip: Pair
    clipped: Count
    smallest_arm: int
    average: SlopeBlock
    modifiers: list[ModifierBlock] | Reason
    groups: list[EffectGroupBlock] | Reason
    spread: MedianBlock | Reason
    groups_p: float | Reason
    calibration: MedianBlock | Reason


class RefusedHeterogeneityBlock(Block):
    """An exploration that came to nothing, and why."""

    kind: Literal["dr_learner"]
    label: Literal["exploratory"] = "exploratory"
    rung: str
    reason: str
    not_estimable: str

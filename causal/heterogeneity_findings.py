"""What an exploration of effects asks and finds, as numerics see it."""

from __future__ import annotations

from dataclasses import dataclass

from causal import inference
from causal.estimate import NotEstimable
from causal.estimators.learners import Learned
from causal.estimators.nuisance import OutcomeModel, PropensityModel
from causal.subgroups import Wald


@dataclass(frozen=True, slots=True)
class Exploration:
    """What is to be learned, as numerics see it.

    Attributes
    ----------
    terms : the columns adjusted for.
    modifiers : name -> its columns among the terms.
    propensity, outcome : the regressions scores are formed from.
    clip : bounds of the propensity.
    groups, folds, divisions : as declared.
    learner : what effects are predicted with.
    stream : names of the stream of random numbers.
    """

    terms: tuple[str, ...]
    modifiers: tuple[tuple[str, tuple[str, ...]], ...]
    propensity: PropensityModel
    outcome: OutcomeModel
    clip: tuple[float, float]
    groups: int
    folds: int
    divisions: int
    learner: Learned
    stream: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Give the columns of all modifiers."""
        return tuple(one for _, columns in self.modifiers for one in columns)


@dataclass(frozen=True, slots=True)
class Slope:
    """A number with its standard error."""

    value: float
    std_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """Give the interval at the usual level."""
        return inference.interval(self.value, self.std_error)

    @property
    def p_value(self) -> float:
        """Give the two-sided p-value of zero."""
        return inference.two_sided_p(self.value / self.std_error)


@dataclass(frozen=True, slots=True)
class ModifierFinding:
    """How the effect moves with one modifier, the others held fixed.

    Attributes
    ----------
    slopes : column -> change of the effect for a unit of it.
    test : that none of its columns moves the effect.
    """

    name: str
    slopes: tuple[tuple[str, Slope], ...]
    test: Wald | NotEstimable


@dataclass(frozen=True, slots=True)
class Median:
    """A number found in each of several divisions of the persons, by its medians.

    Attributes
    ----------
    value : the median.
    lo, hi : medians of the ends of intervals that each leave out half of what the level allows.
    p_value : twice the median, at most 1.
    split_sd : standard deviation between divisions; None for one.
    """

    value: float
    lo: float
    hi: float
    p_value: float
    split_sd: float | None


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """Persons with like predicted effects: the lowest quarter, say.

    Attributes
    ----------
    rows : how many in each division.
    smallest_arm : rows of the smaller arm, in the division where they are fewest.
    predicted : mean of the effects predicted, from persons in the other half.
    effect : the mean of their scores.
    means : column -> its mean in the group.
    """

    rows: int
    smallest_arm: int
    predicted: float
    effect: Median
    means: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class HeterogeneityFinding:
    """What was learned of how the effect differs.

    Attributes
    ----------
    average : mean of the scores.
    modifiers : the best linear projection of the effect; or why there is none.
    groups : the lowest predicted effect first; or why there are none.
    spread : the last group's effect minus the first's.
    groups_p : twice the median p-value of all groups having the same effect.
    calibration : change of the effect for a unit of predicted effect: 1 where predictions are
        right on average, 0 where they tell nothing.
    clipped : rows whose propensity was moved to a bound.
    """

    average: Slope
    modifiers: tuple[ModifierFinding, ...] | NotEstimable
    groups: tuple[GroupFinding, ...] | NotEstimable
    spread: Median | NotEstimable
    groups_p: float | NotEstimable
    calibration: Median | NotEstimable
    clipped: int

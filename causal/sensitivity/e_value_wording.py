"""What an E-value analysis found, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from causal.estimate import NotEstimable
from causal.findings import Number, Row, numbers, times
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.codings import LEADS, OTHER
from causal.sensitivity.conversions import e_value
from causal.sensitivity.observed_bias import Moved

WITHOUT = "risk ratio of being without the outcome"


@dataclass(frozen=True, slots=True)
class Needed:
    """The E-values of one contrast.

    Attributes
    ----------
    measure : what is to be moved, in words; ``value``, ``lo`` and ``hi`` are on it.
    limit : the end of the interval nearest to the target, or the target itself if covered.
    target : the value to be left.
    factor, factor_limit : bounding factors that move the estimate, and the limit, to the target.
    common : the share with the outcome where it was called rare and is not.
    recoded : whether the outcome is taken the other way round than it is coded.
    """

    measure: str
    value: float
    lo: float
    hi: float
    limit: float
    target: float
    factor: float
    factor_limit: float
    common: float | None = None
    recoded: bool = False

    @property
    def needs(self) -> tuple[float, float]:
        """Give the E-values of the interval limit and of the estimate."""
        return e_value(self.factor_limit), e_value(self.factor)

    def turned(self) -> Needed:
        """Give a difference of the outcome coded the other way round in the analysis's coding."""
        return replace(
            self,
            value=-self.value,
            lo=-self.hi,
            hi=-self.lo,
            limit=-self.limit,
            target=-self.target,
            recoded=True,
        )

    @property
    def covered(self) -> bool:
        """Tell whether the interval includes the target already."""
        return self.lo <= self.target <= self.hi


def count_in_block(needed: Needed, strongest: tuple[str, float] | NotEstimable) -> Number:
    """Count what it takes in the excess over 1 of the strongest block's E-value."""
    if needed.covered:
        return 0.0
    if isinstance(strongest, NotEstimable):
        return strongest
    return (e_value(needed.factor_limit) - 1) / (e_value(strongest[1]) - 1)


def needed_rows(needed: Needed, *, leads: bool = True) -> tuple[Row, Row]:
    """Write the estimate and the interval limit in one coding of the outcome."""
    name = "risk_difference" if needed.measure == "risk difference" else "risk_ratio"
    estimate: dict[str, Number] = {name: needed.value, "e_value": e_value(needed.factor)}
    limit: dict[str, Number] = {name: needed.limit, "e_value": e_value(needed.factor_limit)}
    if name == "risk_difference":
        estimate["bounding_factor"] = needed.factor
        limit["bounding_factor"] = needed.factor_limit
    limit |= {"lo": needed.lo, "hi": needed.hi}
    subject, note = OTHER if needed.recoded else "", "" if leads else LEADS
    return (
        Row("estimate", numbers(estimate), subject, note),
        Row("interval_limit", numbers(limit), subject, note),
    )


def block_row(moved: Moved) -> Row:
    """Write what leaving out one block does."""
    factor = moved.factor
    strength = factor if isinstance(factor, NotEstimable) else e_value(factor)
    values = dict(risk_ratio_without=moved.ratio, bias_factor=factor, e_value=strength)
    return Row("block", numbers(values), moved.block)


def say_shortly(
    needed: Needed, strongest: tuple[str, float] | NotEstimable, multiple: Number
) -> str:
    """Say in one sentence what it takes."""
    if needed.covered:
        return (
            f"The interval of the {needed.measure}, {_plain(needed, needed.lo)} to "
            f"{_plain(needed, needed.hi)}, includes {needed.target:g} without any confounder."
        )
    said = (
        "A confounder tied to exposure and to outcome by risk ratios of "
        f"{e_value(needed.factor_limit):.2f} each could bring the interval to {needed.target:g}"
    )
    if isinstance(strongest, NotEstimable) or isinstance(multiple, NotEstimable):
        return f"{said}."
    return (
        f"{said}, {times(multiple)} times as far from 1 as what leaving out "
        f"{listed([strongest[0]])}, the strongest measured block, amounts to "
        f"({e_value(strongest[1]):.2f})."
    )


def say_what_moves(
    needed: Needed,
    strongest: tuple[str, float] | NotEstimable,
    level: float,
    readings: Sequence[Needed] = (),
) -> str:
    """Say what the two E-values mean, and what they are in the other coding of the outcome."""
    share = f"{100 * level:g} %"
    lo, hi = _plain(needed, needed.lo), _plain(needed, needed.hi)
    said = (
        f"An unmeasured confounder tied to exposure and to outcome by risk ratios of "
        f"{e_value(needed.factor):.2f} each, beyond what the rung adjusts for, could bring the "
        f"adjusted {needed.measure} of {_plain(needed, needed.value)} to {needed.target:g}; one "
        "weaker in both could not."
    )
    if needed.covered:
        said += f" The {share} interval, {lo} to {hi}, already includes {needed.target:g}."
    else:
        said += (
            f" To bring the {share} interval ({lo} to {hi}) to {needed.target:g}, "
            f"{e_value(needed.factor_limit):.2f} each would do."
        )
    said += "".join(_say_other(one) for one in readings if one is not needed)
    said += _say_block(strongest)
    if needed.common is not None:
        said += (
            f" The outcome is not rare, though: {100 * needed.common:.0f} % have it, and the odds "
            "ratio is farther from 1 than the risk ratio."
        )
    return said + (
        " This is about unmeasured confounding only: not about error in measurement, missing "
        "outcomes, or an outcome that drives exposure."
    )


def _say_other(other: Needed) -> str:
    """Say what the coding that does not lead comes to."""
    coding = "the other way round" if other.recoded else "as the analysis has it"
    value = "" if other.measure == "risk difference" else f" (risk ratio {other.value:.2f})"
    return (
        f" With the outcome coded {coding}{value} the two E-values are {e_value(other.factor):.2f} "
        f"and {e_value(other.factor_limit):.2f}: no smaller, so they do not lead."
    )


def _say_block(strongest: tuple[str, float] | NotEstimable) -> str:
    """Say what the strongest measured block amounts to."""
    if isinstance(strongest, NotEstimable):
        return f" There is no yardstick among the covariates: {strongest.reason}."
    block, factor = strongest
    return (
        f" Of the measured blocks, leaving out {listed([block])} moves the ratio most, by a factor "
        f"of {factor:.2f}, as a confounder tied to both by {e_value(factor):.2f} could."
    )


def _plain(needed: Needed, value: float) -> str:
    """Write a number of the measure."""
    return f"{value:.3f}" if needed.measure == "risk difference" else f"{value:.2f}"

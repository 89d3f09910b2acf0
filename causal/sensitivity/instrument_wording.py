"""What omitted variables of an instrument were compared with, and the words for what they do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from causal.estimate import NotEstimable
from causal.findings import Number, say_set, tell
from causal.sensitivity.benchmarks import listed
from causal.sensitivity.instrument_partial_r2 import InstrumentRobustness
from causal.sensitivity.instrument_rung import InstrumentRung
from causal.sensitivity.partial_r2 import Strength
from causal.sensitivity.wording import say_not_reached


@dataclass(frozen=True, slots=True)
class InstrumentBlock:
    """One benchmark of an instrument.

    Attributes
    ----------
    strength : partial R2 with the instrument, and the largest with the outcome less exposure.
    chance : what as many columns of noise would explain of the instrument.
    multiple : the multiple at which the set includes 0 or becomes unbounded.
    at : how strong the omitted variable then is.
    held : whether the rung adjusts for it; if not, its multiples are of what it explains itself.
    weak : why it is a weak benchmark; empty if it is not.
    """

    name: str
    strength: Strength
    chance: float
    multiple: Number
    at: Strength | NotEstimable
    held: bool
    weak: str


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentCompared:
    """A rung's instrument and the benchmarks its omitted variable was compared with.

    Attributes
    ----------
    opened : the rung.
    values : its robustness values.
    blocks : the benchmarks.
    absent : those asked for that no rung of the ladder adjusts for.
    """

    opened: InstrumentRung
    values: InstrumentRobustness
    blocks: tuple[InstrumentBlock, ...]
    absent: tuple[str, ...]

    @property
    def overturned(self) -> bool:
        """Tell whether the rung's own set, or the classical one, is overturned as it is."""
        region = self.opened.region
        own = not region.bounded or region.holds(0.0)
        return own or self.values.estimate_or_beyond.equal == 0

    @property
    def smallest(self) -> InstrumentBlock | None:
        """Give the block of which the smallest multiple overturns the set, if any does."""
        reached = [one for one in self.blocks if not isinstance(one.multiple, NotEstimable)]
        return min(reached, key=_multiple_of, default=None)

    @property
    def end(self) -> str:
        """Say what an omitted variable does to the set first."""
        if self.values.reduced_form.equal <= self.values.first_stage.equal:
            return "include 0"
        return "become unbounded"

    @property
    def explained(self) -> str:
        """Name what the omitted variable has to explain beside the instrument."""
        return "the outcome" if self.end == "include 0" else "exposure"


def say_shortly(found: InstrumentCompared) -> str:
    """Say in one sentence what overturns the set."""
    opened, smallest = found.opened, found.smallest
    if found.overturned:
        return f"No omitted variable is needed: the {opened.set_name} {_already(found)}."
    if smallest is None:
        return (
            f"An omitted variable that explains {share(found.values.estimate_or_beyond.equal)} of "
            f"what is left of {opened.instrument} and of {found.explained} would make the "
            f"{opened.set_name} {found.end}"
            f"{say_not_reached([bool(one.weak) for one in found.blocks])}."
        )
    weak = " (a weak benchmark)" if smallest.weak else ""
    return (
        f"An omitted variable {tell(_multiple_of(smallest))} times as strong as "
        f"{listed([smallest.name])}{weak}, with {opened.instrument} and with the outcome, would "
        f"make the {opened.set_name} {found.end}."
    )


def say_what_overturns(found: InstrumentCompared) -> str:
    """Say how strong a variable must be, absolutely and against each block."""
    if found.overturned:
        return say_shortly(found)
    parts = [
        *_absolute(found),
        _against_blocks(found),
        _weak(found),
        _not_held(found),
    ]
    if found.absent:
        parts.append(
            f"Not adjusted for in the ladder, so not compared with: {listed(found.absent)}."
        )
    if found.blocks:
        parts.append("A variable unlike these blocks is not bounded by them.")
    parts.append(_clustered(found))
    return " ".join(part for part in parts if part)


def share(part: float) -> str:
    """Write a partial R2 as a percentage."""
    return f"{tell(100 * part)} %"


def _absolute(found: InstrumentCompared) -> list[str]:
    """Say the robustness values of the estimate, and of the first stage."""
    opened, values = found.opened, found.values
    first = values.first_stage
    said = [
        f"An omitted variable that explains {share(values.reduced_form.equal)} of what is left of "
        f"{opened.instrument} and of the outcome would make the {opened.set_name} include 0; one "
        f"that explains all of the outcome would do with "
        f"{share(values.reduced_form.extreme)} of {opened.instrument}.",
    ]
    if first.equal:
        said.append(
            f"With {share(first.equal)} of {opened.instrument} and of exposure the set would "
            "become unbounded."
        )
    return said


def _against_blocks(found: InstrumentCompared) -> str:
    """Say the smallest multiple of a block, with the partial R2 it means."""
    smallest = found.smallest
    if not found.blocks:
        return "No rung of the ladder adjusts for a block it could be compared with."
    if smallest is None:
        names = listed(one.name for one in found.blocks)
        return f"No admissible multiple of any block ({names}) does."
    said = (
        f"Over all blocks compared with, the set would first {found.end} for a variable "
        f"{tell(_multiple_of(smallest))} times as strong as {listed([smallest.name])}"
    )
    if isinstance(smallest.at, NotEstimable):
        return f"{said}."
    return (
        f"{said}, {share(smallest.at.exposure)} of {found.opened.instrument} and "
        f"{share(smallest.at.outcome)} of the outcome."
    )


def _weak(found: InstrumentCompared) -> str:
    """Name the weak benchmarks, which make bounds look reassuring."""
    weak = [one.name for one in found.blocks if one.weak]
    if not weak:
        return ""
    said = f"Weak benchmarks, of which even a large multiple is little: {listed(weak)}."
    if len(weak) == len(found.blocks):
        said += f" So it has to be where {found.opened.instrument} was drawn at random."
    return said


def _not_held(found: InstrumentCompared) -> str:
    """Name the benchmarks the rung leaves out."""
    left = [one.name for one in found.blocks if not one.held]
    if not left:
        return ""
    return (
        f"Other rungs adjust for {listed(left)} and this one does not: once as strong is as strong "
        "as that itself."
    )


def _clustered(found: InstrumentCompared) -> str:
    """Say that clustering is left out of account, and how much that is."""
    stages = found.opened.stages
    if found.opened.sample.cluster is None:
        return ""
    ratio = math.sqrt(float(stages.covariance[0, 0] / stages.classical[0, 0]))
    return (
        "All this takes rows as independent and leaves clusters out of account: by the rung's own "
        f"convention the standard error of the effect of {found.opened.instrument} on the outcome "
        f"is {ratio:.2f} times the one used here."
    )


def _already(found: InstrumentCompared) -> str:
    """Say how the set is overturned as it is."""
    region = found.opened.region
    if region.holds(0.0):
        return f"includes 0 already ({say_set(region)})"
    if not region.bounded:
        return f"is unbounded already ({say_set(region)})"
    return "by classical standard errors includes 0, or is unbounded, already"


def _multiple_of(block: InstrumentBlock) -> float:
    """Give the multiple of a block that reaches."""
    return math.inf if isinstance(block.multiple, NotEstimable) else block.multiple

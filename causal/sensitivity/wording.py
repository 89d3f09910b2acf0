"""What could overturn a linear model, in plain words that name against what it was measured."""

from __future__ import annotations

from causal.estimate import DIFFERENCES, NotEstimable, Scale
from causal.findings import amount, times
from causal.sensitivity.benchmarks import (
    Compared,
    Of,
    Smallest,
    leading_multiple,
    listed,
    percent,
    smallest_over_blocks,
)
from causal.sensitivity.partial_r2 import robustness_value


def say_what_overturns(found: Compared, scale: Scale) -> str:
    """Say how strong an omitted variable would have to be, absolutely and against each block.

    Parameters
    ----------
    scale : of the analysis's headline; the bounds are on the difference.
    """
    parts = [
        f"Least squares with the same covariates gives {amount(found.fit.estimate)}.",
        _say_absolute(found),
        _say_smallest(found, "interval"),
        _say_smallest(found, "estimate"),
        _say_weak(found),
    ]
    if found.absent:
        parts.append(f"Not adjusted for here, so not compared with: {listed(found.absent)}.")
    if found.blocks:
        parts.append("A confounder unlike these blocks is not bounded by them.")
    if scale not in DIFFERENCES:
        parts.append(f"All this is on the difference, not on the {scale.replace('_', ' ')}.")
    return " ".join(part for part in parts if part)


def say_shortly(found: Compared, covered: bool) -> str:
    """Say in one sentence what overturns the rung.

    Parameters
    ----------
    covered : whether the rung's own interval includes the goal already.
    """
    level = f"{100 * found.level:g} % interval"
    if covered or found.fit.covers_goal(found.q, found.critical):
        return f"No omitted variable is needed: the {level} includes {found.goal} already."
    smallest = leading_multiple(found)
    needed = robustness_value(found.fit.t, found.fit.df, found.q, found.level)
    if isinstance(smallest, NotEstimable):
        return (
            f"An omitted variable that explains {percent(needed)} of what is left of exposure and "
            f"of outcome brings the {level} to {found.goal}"
            f"{say_not_reached([bool(one.weak) for one in found.blocks])}."
        )
    weak = " (a weak benchmark)" if smallest.block.weak else ""
    return (
        f"An omitted variable {times(smallest.multiple)} times as strong as "
        f"{listed([smallest.block.name])}{weak}, explaining "
        f"{percent(smallest.strength.exposure)} of what is left of exposure and "
        f"{percent(smallest.strength.outcome)} of outcome, brings the {level} to {found.goal}"
        f"{_say_clustered(found, smallest)}."
    )


def _say_clustered(found: Compared, smallest: Smallest) -> str:
    """Say what suffices with clustered standard errors, where that is less."""
    robust = smallest_over_blocks(found, "robust interval")
    if not found.clustered or isinstance(robust, NotEstimable):
        return ""
    if robust.multiple >= smallest.multiple:
        return ""
    return (
        f"; with clustered standard errors {times(robust.multiple)} times {robust.block.name} does"
    )


def say_not_reached(weak: list[bool]) -> str:
    """Say that no multiple of a block suffices, and when that means nothing.

    Parameters
    ----------
    weak : of each block, whether it is a weak benchmark.
    """
    if not weak:
        return ""
    if all(weak):
        return "; every block it could be compared with is a weak benchmark"
    return "; no multiple of a measured block does"


def _say_absolute(found: Compared) -> str:
    """Say the robustness values."""
    fit, level = found.fit, f"{100 * found.level:g} % interval"
    whole = robustness_value(fit.t, fit.df, found.q)
    limit = robustness_value(fit.t, fit.df, found.q, found.level)
    said = (
        f"An omitted variable that explains {percent(whole)} of what is left of exposure and of "
        f"outcome could bring the estimate to {found.goal}"
    )
    if limit == 0:
        return f"{said}; the {level} includes {found.goal} without one."
    return f"{said}; {percent(limit)} of each would do for the {level}."


def _say_smallest(found: Compared, of: Of) -> str:
    """Say the smallest multiple of a block, with the partial R2 it means."""
    smallest = smallest_over_blocks(found, of)
    if isinstance(smallest, NotEstimable):
        # the reason is the same for both when there is nothing to compare with
        return f"Against blocks, {smallest.reason}." if found.blocks or of == "interval" else ""
    if smallest.multiple == 0:
        return ""
    robust = smallest_over_blocks(found, "robust interval")
    clustered = ""
    if of == "interval" and found.clustered and not isinstance(robust, NotEstimable):
        against = listed([robust.block.name])
        clustered = f" (with clustered standard errors {times(robust.multiple)} times {against})"
    return (
        f"Over all blocks compared with, the {of} meets {found.goal} first for a confounder "
        f"{times(smallest.multiple)} times as strong as "
        f"{listed([smallest.block.name])}{clustered}, "
        f"{percent(smallest.strength.exposure)} of exposure and "
        f"{percent(smallest.strength.outcome)} of outcome."
    )


def _say_weak(found: Compared) -> str:
    """Name the weak benchmarks, which make bounds look reassuring."""
    weak = [block.name for block in found.blocks if block.weak]
    if not weak:
        return ""
    return f"Weak benchmarks, of which even a large multiple is little: {listed(weak)}."

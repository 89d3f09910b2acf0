"""How often a refuter fails as an unmeasured confounder grows: points, curve, and its sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from causal.estimate import NotEstimable

ENOUGH = 0.8
"""The power studies are planned for (Cohen 1988, p. 56)."""
LITTLE = 0.1
"""A test that fails this rarely at the largest strength tells nothing: twice the nominal size."""
NOMINAL = 0.05


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """How often a refuter fails at one strength of the confounder.

    Attributes
    ----------
    k : strength, counted in the strongest measured block of covariates.
    r2_exposure, r2_outcome : partial R2 of the confounder with exposure given the covariates, and
        with the outcome given exposure and covariates, as they came out.
    rejected : share of cohorts in which the verdict was FAIL; where it could not be evaluated, it
        was not.
    error : its Monte-Carlo standard error.
    bias : mean estimate over cohorts less the known effect, ratios as logs; for a negative control
        on the control, and over cohorts that could be evaluated.
    cohorts : cohorts in which the refuter could be evaluated.
    capped : a partial R2 is below k times the block's, because it was capped or cannot be reached.
    own_fault : share of cohorts in which the verdict was FAIL with another fault of this strength,
        which the refuter is made for; None where that fault is confounding.
    """

    k: float
    r2_exposure: float
    r2_outcome: float
    rejected: float
    error: float
    bias: float
    cohorts: int
    capped: bool
    own_fault: float | None = None


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """A refuter's power against an unmeasured confounder, from its size at no confounder on.

    Attributes
    ----------
    points : ascending in ``k``, the first at 0.
    cohorts, draws : asked for at each point; draws is None for refuters that make none.
    benchmark : the block of covariates strengths are counted in.
    sentence : what the refuter can see, by rule.
    note : how the cohorts were made, and what that leaves out.
    """

    points: tuple[PowerPoint, ...]
    cohorts: int
    draws: int | None
    benchmark: str
    sentence: str
    note: str


def rejection_rate(failed: int, cohorts: int) -> tuple[float, float]:
    """Give a share and its standard error, which is not 0 at a share of 0 or 1.

    References
    ----------
    Agresti & Coull (1998), doi:10.1080/00031305.1998.10480550: two failures and two others added.
    """
    smoothed = (failed + 2) / (cohorts + 4)
    return failed / cohorts, math.sqrt(smoothed * (1 - smoothed) / (cohorts + 4))


def draw_curve(
    points: tuple[PowerPoint, ...], *, cohorts: int, draws: int | None, benchmark: str, note: str
) -> PowerCurve:
    """Put points together with the sentence that follows from them."""
    sentence = tell_power(points, benchmark)
    capped = [f"{one.k:g}" for one in points if one.capped]
    if capped:
        note += (
            f" At {', '.join(capped)} times the strength, a partial R2 is below that multiple: it "
            "is capped, or no larger one can be reached."
        )
    fewest = min(one.cohorts for one in points)
    if fewest < cohorts:
        note += (
            f" Up to {cohorts - fewest} cohorts of a point could not be evaluated, and count as "
            "not failed in, as they would in an analysis."
        )
    return PowerCurve(points, cohorts, draws, benchmark, sentence, note)


def tell_power(points: tuple[PowerPoint, ...], benchmark: str) -> str:
    """Say by rule whether a refuter can see unmeasured confounding.

    It cannot if at the largest strength it fails in under ``LITTLE`` of the cohorts, or if two
    Monte-Carlo errors leave room for no more than ``LITTLE`` beyond how often it fails without any.
    Where they leave room for more, but not for none, nothing is claimed either way.
    """
    size, largest = points[0], points[-1]
    name = benchmark.replace("_", " ")
    without = f"{100 * size.rejected:.0f} % without any"
    more, beyond = largest.rejected - size.rejected, 2 * math.hypot(size.error, largest.error)
    fails = (
        f"with a confounder {largest.k:g} times as strong as {name} it fails in "
        f"{100 * largest.rejected:.0f} % of cohorts, in {without}"
    )
    if largest.rejected < LITTLE or more + beyond <= LITTLE:
        said = f"This test cannot see unmeasured confounding: {fails}"
    elif more <= beyond:
        said = (
            f"Not shown to see unmeasured confounding: {fails}, which {largest.cohorts} cohorts "
            "cannot tell apart"
        )
    else:
        enough = [one for one in points[1:] if one.rejected >= ENOUGH]
        if enough:
            said = (
                f"From {enough[0].k:g} times the strength of {name} on, this test finds unmeasured "
                f"confounding in {100 * enough[0].rejected:.0f} % of cohorts; it fails in {without}"
            )
        else:
            said = (
                f"This test sees unmeasured confounding in part: with a confounder {largest.k:g} "
                f"times as strong as {name} it fails in {100 * largest.rejected:.0f} % of "
                "cohorts, in "
                f"{without}"
            )
    if size.rejected - 2 * size.error > NOMINAL:
        said += f", which is more often than the {100 * NOMINAL:.0f} % of a sound test"
    if largest.own_fault is not None:
        said += (
            ". A common cause as strong, left out of the diagram between two concepts it "
            f"separates, makes it fail in {100 * largest.own_fault:.0f} %"
        )
    return f"{said}."


def join_points(points: list[PowerPoint | NotEstimable]) -> tuple[PowerPoint, ...] | NotEstimable:
    """Give the points in ascending order, or why one of them is missing."""
    found = [one for one in points if isinstance(one, PowerPoint)]
    missing = [one for one in points if isinstance(one, NotEstimable)]
    return missing[0] if missing else tuple(sorted(found, key=lambda one: one.k))

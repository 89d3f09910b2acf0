"""How a fit of several arms is read: which two are compared, and every pair beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from causal.cohort import Sample
from causal.estimate import Estimates
from causal.profiles import Profile, ProfileContrast, ProfilePoint


def arm_estimates(fit: Estimates, sample: Sample) -> Estimates:
    """Name the means of a fit after the arms; the ladder compares the first two.

    Parameters
    ----------
    fit : K means, in the order of the sample's levels.
    """
    levels = sample.levels
    profile = Profile(
        kind="arms",
        axis="arm",
        unit="",
        points=tuple(
            ProfilePoint(i, name, rows=int((sample.observed & (sample.a == i)).sum()))
            for i, name in enumerate(levels)
        ),
        contrasts=tuple(
            ProfileContrast(f"{levels[j]} − {levels[i]}", j, i)
            for i, j in combinations(range(len(levels)), 2)
        ),
        notes=(
            "Each contrast is between two arms averaged over the same people, so that contrasts "
            "add up; it is no comparison of those who chose the one with those who chose the other",
        ),
    )
    return replace(fit, labels=levels, pair=(0, 1), profile=profile)

"""The share of the crude contrast that remains, paired on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causal import inference
from causal.errors import EstimandMismatchError
from causal.estimate import (
    DIFFERENCES,
    Estimates,
    NotEstimable,
    Region,
    Scale,
    Target,
    combine,
    too_few,
)
from causal.pooled_ratio import pooled_fieller

OTHER_QUESTIONS: Mapping[Target, str] = {
    "conditional": "the crude difference is about everybody, this one about those with given "
    "values of covariates: what differs between the two is not confounding alone",
    "LATE": "the crude difference is about everybody, a LATE about those whose exposure the "
    "instrument changes: what differs between the two is not confounding alone",
    "within persons": "the crude difference compares persons with one another, this one each "
    "person who changes exposure with themselves",
    "between persons": "the crude difference is one between rows, this one what a person's average "
    "exposure adds to that within persons",
    "ITT": "the crude difference is one of exposure, this one of the instrument",
    "functional form": "it is an effect by functional form only, and a share of the crude "
    "difference would take it for one the diagram identifies",
    "first stage": "the crude difference is one in the outcome, this one in the exposure",
    "threshold": "the crude difference compares two doses, this one all doses at or above a cut "
    "with all below it",
    "shift": "the crude difference compares two exposures, this one a nudge with what is",
}
"""Targets that no share of the crude difference can be formed for, and why."""


@dataclass(frozen=True, slots=True)
class Attenuation:
    """How much of the crude difference remains after adjustment.

    Attributes
    ----------
    remaining : adjusted over crude; not clipped, since severity can deflate a crude contrast.
    fieller : the set for it, printed as it is, also when unbounded or in two pieces.
    difference : the paired interval for crude minus adjusted.
    mixed_targets : the two answer different questions (an overlap-weighted rung over crude, say),
        so that the share mixes selection with effect heterogeneity.
    """

    remaining: float
    fieller: Region
    difference: Region
    mixed_targets: bool


def attenuate(
    crude: Estimates, adjusted: Estimates, scale: Scale, level: float = inference.LEVEL
) -> Attenuation | NotEstimable:
    """Compare an adjusted with the crude difference, on the same rows.

    Parameters
    ----------
    crude, adjusted : fits on the same rows.
    scale : a difference; log ratios depend on how the outcome is coded.

    Returns
    -------
    The share with its Fieller set and the difference beside it; or why there is none.

    Raises
    ------
    EstimandMismatchError
        The scale is a ratio, or the fits cannot be paired.
    """
    if scale not in DIFFERENCES:
        raise EstimandMismatchError(
            f"the share that remains is defined on differences, not on '{scale}'."
        )
    if adjusted.target in OTHER_QUESTIONS:
        return NotEstimable(OTHER_QUESTIONS[adjusted.target])
    if adjusted.share_withheld:
        return NotEstimable(adjusted.share_withheld)
    if crude.share_withheld:
        return NotEstimable(f"the crude rung rules it out: {crude.share_withheld}")
    first, second = adjusted.contrast(scale), crude.contrast(scale)
    if isinstance(first, NotEstimable):
        return first
    if isinstance(second, NotEstimable):
        return second
    joint = first.joint(second)
    a, c = float(joint.values[0]), float(joint.values[1])
    if c == 0:
        return NotEstimable("the crude difference is exactly 0, so no share of it can remain")
    v = np.asarray(joint.covariance)
    spread = math.sqrt(max(float(v[0, 0] + v[1, 1] - 2 * v[0, 1]), 0.0))
    if joint.imputed:
        pooled = combine(joint.imputed)
        pieces, df = pooled_fieller(pooled, level), pooled.df_of(np.array([-1.0, 1.0]))
    else:
        pieces, df = inference.fieller(a, c, v, level, joint.df), joint.df
    if df < inference.LEAST_DF:
        return NotEstimable(too_few("crude minus adjusted", df))
    return Attenuation(
        remaining=a / c,
        fieller=Region(pieces, level),
        difference=Region((inference.interval(c - a, spread, level, df),), level),
        mixed_targets=_mixed(crude, adjusted),
    )


def _mixed(crude: Estimates, adjusted: Estimates) -> bool:
    """Tell whether a share mixes selection with a change of target.

    A crude mean difference has no target of its own; over the ATT or the ATC it is selection
    alone, over the ATE selection and heterogeneity, and over any narrower population neither can
    be told apart.
    """
    if adjusted.target_note:
        return True
    return adjusted.target not in ("ATE", "ATT", "ATC") and adjusted.target != crude.target

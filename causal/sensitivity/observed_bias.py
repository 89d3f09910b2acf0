"""How far measured blocks of covariates move a ratio: the yardstick for what is not measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causal.arrays import Floats
from causal.cohort import TIME, Sample
from causal.errors import OutcomeError, PositivityError, SpecError
from causal.estimate import Estimates, NotEstimable
from causal.estimators import Estimator, NuisanceStore, WeighsFollowUp
from causal.estimators.base import without_terms
from causal.findings import Number

Measure = Callable[[Estimates, Sample], float | NotEstimable]
"""What gives the ratio of a fit."""

MOVES_NOTHING = 1e-9
"""A bias factor this close to 1 is rounding error of the refit."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What one block does to the ratio.

    Attributes
    ----------
    block : the concept.
    ratio : the ratio with the block left out, or weighed for.
    factor : the larger over the smaller of that and the rung's own, at least 1.
    """

    block: str
    ratio: Number
    factor: Number


def leave_out_blocks(
    estimator: Estimator, sample: Sample, measure: Measure, rng: np.random.Generator
) -> tuple[Moved, ...]:
    """Fit the rung anew without each concept it adjusts for, and compare the ratios.

    Every fit begins from the same stream, so that cross-fitted estimators divide the persons in
    the same way and the ratios differ by the block only.

    Parameters
    ----------
    estimator : the rung's.
    sample : its rows, with the columns it adjusts for.
    measure : the ratio.
    """
    seed = int(rng.integers(2**63))
    whole = _ratio_of_fit(estimator, sample, measure, seed)
    return tuple(
        compare_ratios(
            concept, _ratio_of_fit(*leave_out(estimator, sample, concept), measure, seed), whole
        )
        for concept in blocks_of(adjusted_for(estimator, sample))
    )


def weigh_for_loss(
    estimator: Estimator,
    followed: Sample,
    weights: Sequence[tuple[str, Floats | NotEstimable]],
    measure: Measure,
    rng: np.random.Generator,
) -> tuple[Moved, ...]:
    """Fit the rung anew with each set of weights for being followed, and compare the ratios.

    Parameters
    ----------
    followed : the rows whose outcome is known.
    weights : by block, (n,) floats of mean 1 over the same rows, or why there are none.
    """
    seed = int(rng.integers(2**63))
    whole = _ratio_of_fit(estimator, followed, measure, seed)
    found = []
    for block, weight in weights:
        if isinstance(weight, NotEstimable):
            found.append(Moved(block, weight, weight))
            continue
        weighted = replace(followed, w=followed.w * weight)
        ratio = _ratio_of_fit(estimator, weighted, measure, seed)
        found.append(compare_ratios(block, ratio, whole))
    return tuple(found)


def compare_ratios(block: str, ratio: Number, whole: Number) -> Moved:
    """Give the bias factor between two ratios."""
    if isinstance(ratio, NotEstimable) or isinstance(whole, NotEstimable):
        return Moved(block, ratio, ratio if isinstance(ratio, NotEstimable) else whole)
    return Moved(block, ratio, max(ratio / whole, whole / ratio))


def strongest_block(moved: Sequence[Moved]) -> tuple[str, float] | NotEstimable:
    """Find the block that moves the ratio most, and its bias factor."""
    if not moved:
        return NotEstimable("the rung adjusts for no measured block to compare with")
    factors = [(one.factor, one.block) for one in moved if isinstance(one.factor, float)]
    if not factors:
        reason = next(one.factor for one in moved if isinstance(one.factor, NotEstimable)).reason
        return NotEstimable(f"no measured block could be compared with: {reason.rstrip('.')}")
    factor, block = max(factors)
    if factor - 1 < MOVES_NOTHING:
        return NotEstimable("no measured block moves the ratio, so there is nothing to count in")
    return block, factor


def blocks_of(sample: Sample) -> tuple[str, ...]:
    """Name the concepts a rung adjusts for, without the design's own time indicators."""
    return tuple(concept for concept in dict.fromkeys(sample.concepts) if concept != TIME)


def without(sample: Sample, concept: str) -> Sample:
    """Leave out the columns of one concept."""
    return sample.adjusting_for([one for one in sample.concepts if one != concept])


def adjusted_for(estimator: Estimator, sample: Sample) -> Sample:
    """Keep the columns of exposure and outcome: those of follow-up alone are not adjusted for."""
    if not isinstance(estimator, WeighsFollowUp) or estimator.observation is None:
        return sample
    unweighed = estimator.model_copy(update={"observation": None, "entry": None})
    return sample.with_terms(tuple(dict.fromkeys(unweighed.named_terms)))


def leave_out(estimator: Estimator, sample: Sample, concept: str) -> tuple[Estimator, Sample]:
    """Give settings and rows that do not adjust for one concept.

    Regressions that name their terms no longer name its columns. Where a rung weighs for loss to
    follow-up, the regressions of follow-up keep theirs: the rows go on standing for the same.
    """
    own = [t for t, c in zip(sample.terms, sample.concepts, strict=True) if c == concept]
    fewer = without_terms(estimator, own)
    if not isinstance(estimator, WeighsFollowUp) or estimator.observation is None:
        return fewer, without(sample, concept)
    held = {"observation": estimator.observation, "entry": estimator.entry}
    return fewer.model_copy(update=held), sample


def _ratio_of_fit(estimator: Estimator, sample: Sample, measure: Measure, seed: int) -> Number:
    """Fit from scratch and give the ratio, or why it cannot be fitted."""
    try:
        fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))
    except (SpecError, PositivityError, OutcomeError) as problem:
        return NotEstimable(problem.message.rstrip("."))
    return measure(fit, sample)

"""How far weights for being followed move a ratio: the loss that was measured, as a yardstick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import Estimates, NotEstimable
from causal.estimators.follow_up import fit_observation
from causal.estimators.nuisance import ObservationModel
from causal.sensitivity.codings import recode
from causal.sensitivity.conversions import risk_ratio_of
from causal.sensitivity.observed_bias import Moved, blocks_of, strongest_block, weigh_for_loss
from causal.subject import Subject

ALL = "all covariates"
"""The name of the weights that take every covariate of the rung together."""
NOBODY = "every outcome is known, so nobody is lost"
WEIGHED = (
    "the rung weighs for the measured loss already, so there is nothing of it left to count in"
)


@dataclass(frozen=True, slots=True)
class Loss:
    """How many rows have an outcome, and by how much weights for being followed move the ratio.

    Attributes
    ----------
    followed, rows : how many rows have an outcome, of how many.
    """

    followed: int
    rows: int
    moved: tuple[Moved, ...]
    strongest: tuple[str, float] | NotEstimable


def measure_loss(subject: Subject, rng: np.random.Generator, *, recoded: bool = False) -> Loss:
    """Fit the rung on the followed with weights for being followed, and see the ratio move.

    Parameters
    ----------
    recoded : whether the ratio is of the outcome coded the other way round.
    """
    drawn = subject.unfollowed or subject.sample
    everybody = drawn.rows(np.asarray(~np.isnan(drawn.x).any(axis=1)))
    seen = everybody.observed
    followed = int(seen.sum())
    if seen.all():
        return Loss(followed, everybody.n, (), NotEstimable(NOBODY))
    if getattr(subject.estimator, "observation", None) is not None:
        return Loss(followed, everybody.n, (), NotEstimable(WEIGHED))
    if not blocks_of(everybody):
        why = NotEstimable("the rung adjusts for no measured block by which to weigh for loss")
        return Loss(followed, everybody.n, (), why)
    concepts = blocks_of(everybody)
    sets = [(concept, everybody.adjusting_for([concept])) for concept in concepts]
    if len(concepts) > 1:
        sets.append((ALL, everybody))
    weights = [(name, _weights(one)) for name, one in sets]

    def ratio(estimates: Estimates, sample: Sample) -> float | NotEstimable:
        found = risk_ratio_of(recode(estimates) if recoded else estimates, sample)
        return found if isinstance(found, NotEstimable) else found[0]

    moved = weigh_for_loss(subject.estimator, everybody.rows(seen), weights, ratio, rng)
    return Loss(followed, everybody.n, moved, strongest_block(moved))


def _weights(sample: Sample) -> Floats | NotEstimable:
    """Give the followed the inverse of their chance of being followed, of mean 1."""
    try:
        chance = fit_observation(sample, ObservationModel(terms=sample.terms)).fit
    except PositivityError as problem:
        return NotEstimable(problem.message.rstrip("."))
    seen = sample.observed
    weights = 1 / chance.fitted[seen]
    return np.asarray(weights / np.average(weights, weights=sample.w[seen]))

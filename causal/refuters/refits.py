"""Which estimators can be fitted on many changed samples at once; all others are fitted singly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from causal.cohort import Sample
from causal.estimate import DIFFERENCES, Scale
from causal.estimators import (
    AIPW,
    Estimator,
    GComputation,
    InverseProbability,
    LinearProbability,
    MeanDifference,
    Overlap,
    WeighsFollowUp,
)
from causal.estimators.glm import Link
from causal.estimators.nuisance import OutcomeModel, PropensityModel, choose_terms
from causal.refuters.batched_nuisances import Start, prepare_start
from causal.refuters.batches import Batch
from causal.refuters.linear_refits import prepare_linear
from causal.refuters.logit_refits import DoublyRobustRefits, StandardisedRefits, WeightingRefits

FEW_CLUSTERS = 20
"""With fewer, a resample may hold one cluster only, which an estimator refuses on its own."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What a way is found for; a sample is told by what it is, not by what it holds."""

    estimator: Estimator
    sample: Sample
    scale: Scale

    def __hash__(self) -> int:
        """Tell samples apart."""
        return hash((id(self.sample), self.scale))

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same sample, and alike settings."""
        return (
            isinstance(other, _Asked)
            and self.sample is other.sample
            and self.scale == other.scale
            and type(self.estimator) is type(other.estimator)
            and self.estimator == other.estimator
        )


def find_batch(estimator: Estimator, sample: Sample, scale: Scale) -> Batch | None:
    """Find the way to fit many draws at once that equals fitting them one by one.

    The last is kept, since the refuters of one rung come one after another.

    Subclasses may estimate otherwise, so types must match exactly.

    Returns
    -------
    None where there is none for these settings, or where the sample itself cannot be fitted.
    """
    return prepared(_Asked(estimator, sample, scale))


@lru_cache(maxsize=1)
def prepared(asked: _Asked) -> Batch | None:
    """Prepare a way; ``cache_clear`` forgets the last."""
    estimator, sample, scale = asked.estimator, asked.sample, asked.scale
    if not estimator.takes_missing_outcomes and not sample.observed.all():
        return None
    if isinstance(estimator, WeighsFollowUp) and estimator.observation is not None:
        return None
    if sample.cluster is not None and (sample.n_clusters or 0) < FEW_CLUSTERS:
        return None
    if not sample.observed.any() or sample.a.std() == 0:
        return None
    if type(estimator) is MeanDifference and scale in DIFFERENCES:
        return prepare_linear(sample, None)
    if type(estimator) is LinearProbability and not estimator.interactions and scale in DIFFERENCES:
        return prepare_linear(sample, choose_terms(sample, estimator.terms).x)
    if type(estimator) is GComputation:
        return _standardised(estimator, sample, scale)
    if type(estimator) is AIPW:
        return _doubly_robust(estimator, sample, scale)
    if type(estimator) is InverseProbability:
        return _weighted(estimator, sample, scale)
    if type(estimator) is Overlap:
        overlap = _propensity(sample, estimator.propensity)
        if overlap is not None:
            target = estimator.target
            return WeightingRefits(sample, scale, overlap, target, None, None, chained=True)
    return None


def _weighted(estimator: InverseProbability, sample: Sample, scale: Scale) -> Batch | None:
    """Weight by the inverse probability of exposure."""
    propensity = _propensity(sample, estimator.propensity)
    if propensity is None or estimator.truncate is not None or not estimator.normalised:
        return None
    return WeightingRefits(
        sample,
        scale,
        propensity,
        estimator.target,
        estimator.clip,
        estimator.trim,
        chained=not estimator.weights_known,
    )


def _standardised(estimator: GComputation, sample: Sample, scale: Scale) -> Batch | None:
    """Standardise; with a linear outcome the difference is the coefficient of exposure."""
    link = _link(sample, estimator.outcome)
    if link is None:
        return None
    if link == "linear" and scale in DIFFERENCES:
        return prepare_linear(sample, choose_terms(sample, estimator.outcome.terms).x)
    outcome = _outcome(sample, estimator.outcome)
    if outcome is None:
        return None
    return StandardisedRefits(sample, scale, outcome, estimator.target)


def _doubly_robust(estimator: AIPW, sample: Sample, scale: Scale) -> Batch | None:
    """Combine both regressions, with one division of the sample or none."""
    cross_fit = estimator.cross_fit
    if cross_fit is not None and cross_fit.repeats > 1:
        return None
    if estimator.propensity.learns or estimator.outcome.learns:
        return None
    propensity = _propensity(sample, estimator.propensity)
    outcome = _outcome(sample, estimator.outcome)
    if propensity is None or outcome is None:
        return None
    return DoublyRobustRefits(
        sample, scale, propensity, outcome, estimator.target, estimator.clip, cross_fit
    )


def _propensity(sample: Sample, model: PropensityModel) -> Start | None:
    """Begin with the propensity of the sample."""
    if sample.exposure_kind != "binary":
        return None
    return prepare_start("propensity", "logit", sample, choose_terms(sample, model.terms).x)


def _outcome(sample: Sample, model: OutcomeModel) -> Start | None:
    """Begin with the outcome regression of the sample."""
    link = _link(sample, model)
    if link is None:
        return None
    return prepare_start("outcome", link, sample, choose_terms(sample, model.terms).x)


def _link(sample: Sample, model: OutcomeModel) -> Link | None:
    """Give the link of a pooled outcome regression without products; None for others."""
    if model.arms != "pooled" or model.interactions:
        return None
    link = model.link or ("logit" if sample.outcome_kind == "binary" else "linear")
    return None if link == "logit" and sample.outcome_kind != "binary" else link

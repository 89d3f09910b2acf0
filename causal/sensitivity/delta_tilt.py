"""Standardised means when missing outcomes differ from those known by a declared tilt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimators.follow_up import fit_observation
from causal.estimators.glm import NuisanceFit
from causal.estimators.nuisance import NuisanceStore, ObservationModel, OutcomeModel, choose_terms
from causal.estimators.outcome_fit import OutcomeFit, outcome_columns
from causal.estimators.regression import arm_means


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """The probability of a missing outcome under each exposure, and how it moves.

    Attributes
    ----------
    missing : (n, 2) floats, probability of being missing, unexposed and exposed.
    designs : two (n, p) designs of the regression of being followed; None for shares by arm.
    influence : (n, p) floats, of its coefficients; or (n, 2), of the two shares followed.
    """

    missing: Floats
    designs: tuple[Floats, Floats] | None
    influence: Floats

    @property
    def by_covariates(self) -> bool:
        """Tell whether the probability depends on covariates."""
        return self.designs is not None


@dataclass(frozen=True, slots=True, eq=False)
class TiltModel:
    """What tilted means are made of: both regressions, and whom to average over.

    Attributes
    ----------
    outcome : the regression of the known outcomes.
    loss : the probability of a missing outcome.
    over : (n,) floats, weights of the average.
    """

    outcome: OutcomeFit
    loss: Loss
    over: Floats

    @property
    def logistic(self) -> bool:
        """Tell whether the tilt is on the log odds."""
        return self.outcome.fits[0].link == "logit"


def fit_loss(sample: Sample) -> Loss:
    """Regress being followed on exposure and covariates.

    Where covariates determine who is lost, or an arm loses nobody, the shares of the two arms
    serve: without a tilt the estimate is the same either way.
    """
    fitted = _regress_followed(sample)
    if fitted is None:
        shares, influence = arm_means(sample.observed.astype(np.float64), sample.a, sample.w)
        return Loss(np.tile(1 - shares, (sample.n, 1)), None, influence)
    columns = [
        outcome_columns(np.full(sample.n, level), sample.x, [], pooled=True) for level in (0.0, 1.0)
    ]
    missing = np.column_stack([1 - fitted.predict(one) for one in columns])
    designs = fitted.design(columns[0]), fitted.design(columns[1])
    return Loss(missing, designs, fitted.influence)


def _regress_followed(sample: Sample) -> NuisanceFit | None:
    """Regress being followed on exposure and covariates; None where there is no finite fit."""
    if any(sample.observed[sample.a == arm].all() for arm in (0, 1)):
        return None
    try:
        return fit_observation(sample, ObservationModel(terms=sample.terms)).fit
    except PositivityError:
        return None


def tilted(mu: Floats, delta: float, logistic: bool) -> tuple[Floats, Floats]:
    """Give means moved by a tilt, and how they move with the linear predictor.

    Parameters
    ----------
    mu : (n,) floats, means of the known outcomes.
    delta : added to their log odds (logistic; may be infinite) or to themselves.
    """
    if not logistic:
        return mu + delta, np.ones_like(mu)
    if np.isinf(delta):
        return np.full_like(mu, float(delta > 0)), np.zeros_like(mu)
    odds = np.exp(delta)
    moved = mu * odds / (1 - mu + mu * odds)
    return moved, moved * (1 - moved)


def tilted_means(model: TiltModel, deltas: tuple[float, float]) -> tuple[Floats, Floats]:
    r"""Give both standardised means under a tilt, with stacked influence values.

    .. math:: E[\pi_a(X)\,\mu_a(X) + (1 - \pi_a(X))\,g(\mu_a(X), \delta_a)]

    with :math:`\pi_a` the probability of being followed, and g adding :math:`\delta_a` to the
    log odds of a 0/1 outcome or to a continuous one.

    Parameters
    ----------
    deltas : of the unexposed and of the exposed; held fixed.

    Returns
    -------
    (2,) means and (n, 2) influence values, which know that both regressions are fitted.

    References
    ----------
    Rotnitzky, Robins & Scharfstein (1998), doi:10.1080/01621459.1998.10473795; pattern mixtures:
    Little (1993), doi:10.1080/01621459.1993.10594302.
    """
    weight = model.over / model.over.mean()
    values, influence = np.empty(2), np.empty((len(weight), 2))
    for arm, delta in enumerate(deltas):
        mu = (model.outcome.mu0, model.outcome.mu1)[arm]
        missing = model.loss.missing[:, arm]
        moved, slope = tilted(mu, delta, model.logistic)
        mean = mu + missing * (moved - mu)
        values[arm] = np.mean(weight * mean)
        fit = _fit_of(model.outcome, arm)
        total = (1 - missing) * fit.slope(mu) + missing * slope
        gradient = (model.outcome.designs[arm] * (weight * total)[:, None]).mean(axis=0)
        influence[:, arm] = weight * (mean - values[arm]) + fit.influence @ gradient
        influence[:, arm] += _through_loss(model.loss, arm, weight * (mu - moved))
    return values, influence


def mean_among_missing(model: TiltModel, sample: Sample, arm: int, delta: float) -> float:
    """Give the mean outcome a tilt supposes among the missing of an arm."""
    mu = (model.outcome.mu0, model.outcome.mu1)[arm]
    moved, _ = tilted(mu, delta, model.logistic)
    lost = sample.w * (sample.a == arm) * ~sample.observed
    return float(np.average(moved, weights=lost))


def fit_tilt(sample: Sample, outcome: OutcomeModel, over: Floats) -> TiltModel:
    """Fit both regressions on the terms of the outcome's; see ``NuisanceStore.outcome``."""
    return TiltModel(
        NuisanceStore().outcome(sample, outcome),
        fit_loss(choose_terms(sample, outcome.terms)),
        over,
    )


def _fit_of(outcome: OutcomeFit, arm: int) -> NuisanceFit:
    """Give the regression of an arm; pooled arms share one."""
    return outcome.fits[min(arm, len(outcome.fits) - 1)]


def _through_loss(loss: Loss, arm: int, gain: Floats) -> Floats:
    """Give (n,) influence that the probability of being followed adds.

    Parameters
    ----------
    gain : (n,) floats, what each row's weighted mean gains per unit of that probability.
    """
    if loss.designs is None:
        return np.asarray(loss.influence[:, arm] * gain.mean())
    followed = 1 - loss.missing[:, arm]
    gradient = (loss.designs[arm] * (gain * followed * (1 - followed))[:, None]).mean(axis=0)
    return np.asarray(loss.influence @ gradient)

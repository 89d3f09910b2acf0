"""Doubly robust means where outcomes are missing: weights for follow-up in the residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from causal.arrays import Bools, Floats
from causal.cohort import Sample
from causal.estimators.cross_fitting import predicted_across
from causal.estimators.fold_regressions import Folds
from causal.estimators.follow_up import (
    Standing,
    WeighsFollowUp,
    exposure_filled,
    weighted_outcome,
)
from causal.estimators.glm import NuisanceFit
from causal.estimators.nuisance import (
    NuisanceStore,
    OutcomeModel,
    PropensityModel,
    choose_terms,
    folds_by_unit,
)
from causal.estimators.outcome_fit import OutcomeFit
from causal.estimators.weighting import balancing_weights, weight_slopes


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Nuisances of rows of which some have no outcome.

    Attributes
    ----------
    e : (n,) floats, propensity before clipping.
    mu0, mu1 : (n,) floats, predicted outcomes.
    standing : whom rows with an outcome stand for.
    propensity, outcome : both regressions, to be chained into the influence values; None where
        they were fitted on other persons.
    design : (n, p) floats, of the propensity; empty without one.
    """

    e: Floats
    mu0: Floats
    mu1: Floats
    standing: Standing
    propensity: NuisanceFit | None
    outcome: OutcomeFit | None
    design: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ArmMean:
    """Predictions of one arm, and how they move.

    Attributes
    ----------
    mu : (n,) floats, predicted outcome.
    by_outcome, by_propensity : (n,) floats, derivatives of ``mu`` in the linear predictor of the
        outcome regression, and of the propensity (0 unless targeted).
    pull : what a unit of weighted residual moves the mean by: 1, but for predictions that were
        moved until these residuals sum to zero.
    """

    mu: Floats
    by_outcome: Floats
    by_propensity: Floats
    pull: float = 1.0


def is_explained(settings: WeighsFollowUp, held: tuple[str, ...]) -> bool:
    """Tell whether an outcome regression holds all that follow-up is taken to depend on.

    If so, the followed have the outcomes of all given its terms, and it needs no weights.

    Parameters
    ----------
    held : the terms of the regression.
    """
    asked = () if settings.observation is None else settings.observation.terms
    if settings.entry is not None:
        asked += settings.entry.terms
    return set(asked) <= set(held)


def fit_followed(
    sample: Sample,
    settings: WeighsFollowUp,
    propensity: PropensityModel,
    outcome: OutcomeModel,
    nuisances: NuisanceStore,
) -> Fitted:
    """Fit propensity, outcome and follow-up once."""
    standing = settings.standing(sample)
    first = nuisances.propensity(sample, propensity)
    if is_explained(settings, choose_terms(sample, outcome.terms).terms):
        second = nuisances.outcome(exposure_filled(sample), outcome)
    else:
        second = weighted_outcome(sample, outcome, standing)
    design = first.design(choose_terms(sample, propensity.terms).x)
    return Fitted(first.fitted, second.mu0, second.mu1, standing, first, second, design)


def fit_followed_across(
    sample: Sample,
    settings: WeighsFollowUp,
    propensity: PropensityModel,
    outcome: OutcomeModel,
    folds: int,
    nuisances: NuisanceStore,
    rng: np.random.Generator,
) -> Fitted:
    """Predict propensity, outcome and follow-up of each row from other persons.

    All regressions share one division. Weights of an outcome regression come from the chances
    fitted on the same persons as it.
    """
    parts = Folds(folds_by_unit(sample.unit, folds, rng), folds)
    entry, known = np.empty(sample.n), np.empty(sample.n)
    weights, held = [], choose_terms(sample, outcome.terms).terms
    explained = is_explained(settings, held)
    for held_out in range(folds):
        here = parts.of == held_out
        others = settings.standing(sample, ~here)
        entry[here], known[here] = others.entry[here], others.outcome[here]
        if not explained:
            weights.append(sample.w * others.outcome)
    e, mu0, mu1 = predicted_across(sample, propensity, outcome, parts, nuisances, rng, weights)
    return Fitted(e, mu0, mu1, Standing(entry, known), None, None, np.empty((sample.n, 0)))


def plain_arms(fitted: Fitted) -> tuple[ArmMean, ArmMean]:
    """Give the predictions as they were fitted."""
    found = []
    for arm, mu in enumerate((fitted.mu0, fitted.mu1)):
        slope = np.zeros(len(mu))
        if fitted.outcome is not None:
            slope = fitted.outcome.fits[min(arm, len(fitted.outcome.fits) - 1)].slope(mu)
        found.append(ArmMean(mu, slope, np.zeros(len(mu))))
    return found[0], found[1]


def followed_means(
    sample: Sample,
    e: Floats,
    free: Bools,
    arms: tuple[ArmMean, ArmMean],
    fitted: Fitted,
    target: Literal["ATE", "ATT"],
) -> tuple[Floats, Floats]:
    r"""Give both means and their (n, 2) influence values.

    .. math:: \frac{1}{n} \sum_i v_i \hat\mu_a(X_i)
        + \frac{S_i R_i}{\hat\sigma_i \hat\rho_i} k_a(\hat e_i) (Y_i - \hat\mu_a(X_i))

    with S being seen at the exposure interview and R having an outcome, :math:`\hat\sigma` and
    :math:`\hat\rho` their chances, :math:`k_a` the balancing weight in arm a, else 0. For the
    ATE :math:`v = 1`; for the ATT :math:`v = A S / \hat\sigma` over its mean, the same for both
    arms, so that missing outcomes of the exposed are predicted too. The error of all regressions
    is chained, unless they were fitted on other persons.

    Parameters
    ----------
    sample : rows, some without outcome, or without exposure and outcome.
    e : (n,) floats, propensity after clipping.
    free : (n,) booleans, which propensities were not clipped.
    arms : the predictions of the unexposed and the exposed arm.
    target : over whom to average.

    References
    ----------
    Robins, Rotnitzky & Zhao (1995), doi:10.1080/01621459.1995.10476493; Bang & Robins (2005),
    doi:10.1111/j.1541-0420.2005.00377.x, section 3; Stefanski & Boos (2002),
    doi:10.1198/000313002753631330 (stacked equations).
    """
    exposed, standing = sample.a == 1, fitted.standing
    y = np.where(sample.observed, sample.y, 0.0)
    over = sample.w * (exposed * standing.entry if target == "ATT" else 1.0)
    unit = sample.w / over.mean() * standing.outcome
    over = over / over.mean()
    values, influence = np.empty(2), np.empty((sample.n, 2))
    for arm, model in enumerate(arms):
        level = np.full(sample.n, float(arm))
        base = model.pull * unit * (sample.a == arm)
        weight = base * balancing_weights(e, level, target)
        residual = weight * (y - model.mu)
        means = over * model.mu + residual
        values[arm] = means.mean()
        own = means - over * values[arm]
        seen = over * (model.mu - values[arm]) if target == "ATT" else 0.0
        own = own + standing.chain(residual, seen)
        lead = over - weight  # what a prediction moves the mean by
        if fitted.propensity is not None:
            slope = weight_slopes(e, level, target) * free
            moved = base * slope * (y - model.mu) + lead * model.by_propensity
            own = own + fitted.propensity.influence @ (fitted.design.T @ moved / sample.n)
        if fitted.outcome is not None:
            at = min(arm, len(fitted.outcome.fits) - 1)
            gradient = fitted.outcome.designs[arm].T @ (lead * model.by_outcome) / sample.n
            own = own + fitted.outcome.fits[at].influence @ gradient
        influence[:, arm] = own
    return values, influence

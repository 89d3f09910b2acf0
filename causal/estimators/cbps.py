"""Covariate balancing propensity score: a logistic propensity chosen for the balance it gives."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causal.arrays import Floats
from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import Target
from causal.estimators.convex import Minimum, NoMinimumError, minimise
from causal.estimators.glm import NuisanceFit
from causal.estimators.nuisance import NuisanceStore, choose_terms
from causal.estimators.overidentified import balance_moments, fit_both
from causal.estimators.regression import AverageTarget
from causal.estimators.weighted_means import WeightFit
from causal.estimators.weighting import PropensityWeighting, balancing_weights, weight_slopes


class CovariateBalancingPropensity(PropensityWeighting):
    """Inverse probability weighting by a logistic propensity that balances the means itself.

    Attributes
    ----------
    target : ``ATE``, ``ATT`` or ``ATC``.
    propensity : which terms are in it.
    method : ``exact`` solves the balance equations alone (just-identified), so that weighted means
        of both arms agree exactly; ``over`` weighs them against the score of the likelihood
        (over-identified, two-step), so that both are met about.
    observation, entry : as for ``ipw``.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity, consistency, and a propensity that is
    logistic in the terms. With ``exact`` the ATT and the ATC are also right where the outcome of
    the weighted arm is linear in the terms; the ATE is so only where the effect is the same for
    everybody, since the means both arms are brought to are then not everybody's.

    References
    ----------
    Imai & Ratkovic (2014), doi:10.1111/rssb.12027, equations 6 to 12; Zhao (2019),
    doi:10.1214/18-AOS1698 (the just-identified equations as a convex loss).
    """

    kind: Literal["cbps"] = "cbps"
    target: AverageTarget = "ATE"
    method: Literal["exact", "over"] = "exact"

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    def fit_weights(self, sample: Sample, nuisances: NuisanceStore) -> WeightFit:
        """Fit the propensity by balance, and weight by its inverse."""
        likely = nuisances.propensity(sample, self.propensity)
        chosen = choose_terms(sample, self.propensity.terms)
        design = likely.design(chosen.x)
        found = self._fit(chosen, likely, design)
        e = probability(found.eta)
        weights = balancing_weights(e, sample.a, self.target)
        slopes = weight_slopes(e, sample.a, self.target)
        return WeightFit(weights, slopes, design, (found.influence, found.influence))

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the propensities fitted by balance."""
        likely = nuisances.propensity(sample, self.propensity)
        chosen = choose_terms(sample, self.propensity.terms)
        return probability(self._fit(chosen, likely, likely.design(chosen.x)).eta)

    def _fit(self, sample: Sample, likely: NuisanceFit, design: Floats) -> Minimum:
        """Solve the equations on those seen, starting from the likelihood."""
        w = np.where(sample.entered, sample.w, 0.0)
        a = np.where(sample.entered, sample.a, 0.0)
        try:
            exact = balance_exactly(design, a, w, self.target, likely.coefficients)
        except NoMinimumError as found:
            if self.method == "over":
                return fit_both(design, a, w, self.target, likely, [likely.coefficients])
            terms = [t for t, kept in zip(sample.terms, likely.kept, strict=True) if kept]
            names = [f"'{terms[i - 1]}'" for i in found.columns if i > 0][:3]
            raise PositivityError(
                f"no logistic propensity balances the means exactly: it runs away along "
                f"{', '.join(names) or 'its intercept'}. Drop or coarsen these terms, set method "
                "to over, narrow the population, or use overlap."
            ) from None
        if self.method == "exact":
            return exact
        starts = [likely.coefficients, exact.coefficients]
        return fit_both(design, a, w, self.target, likely, starts)


def balance_exactly(
    design: Floats, a: Floats, w: Floats, target: AverageTarget, start: Floats
) -> Minimum:
    """Solve the balance equations, as the slope of a convex loss.

    Parameters
    ----------
    design : (n, p) floats, the intercept first.
    a, w : (n,) floats; rows of weight 0 are left out.
    start : (p,) floats.

    Raises
    ------
    NoMinimumError
        No propensity balances the means.

    References
    ----------
    Zhao (2019), doi:10.1214/18-AOS1698, table 1.
    """

    def loss(eta: Floats) -> tuple[Floats, Floats, Floats]:
        multiplier, slope, _ = balance_moments(eta, a, target)
        return w * _loss(eta, a, target), -w * multiplier, -w * slope

    return minimise(design, loss, start)


def probability(eta: Floats) -> Floats:
    """Give the logistic probability of a linear predictor."""
    smallest = np.finfo(float).eps / 2  # both it and its complement can be divided by
    return np.clip(0.5 * (1 + np.tanh(0.5 * eta)), smallest, 1 - smallest)


def _loss(eta: Floats, a: Floats, target: AverageTarget) -> Floats:
    """Give the loss whose slope is minus the balance multiplier."""
    unexposed = (1 - a) * np.exp(np.where(a == 0, eta, 0.0))
    exposed = a * np.exp(np.where(a == 1, -eta, 0.0))
    if target == "ATT":
        return unexposed - a * eta
    if target == "ATC":
        return exposed + (1 - a) * eta
    return unexposed + exposed + (1 - 2 * a) * eta

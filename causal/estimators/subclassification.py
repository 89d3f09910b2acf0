"""Subclassification: arms compared within strata of the propensity, strata put together."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from causal.arrays import Floats, Ints
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimate import Estimates, Target
from causal.estimators.base import Estimator, Limited, count_unused, from_influence
from causal.estimators.glm import aliased, fit_glm
from causal.estimators.nuisance import NuisanceStore, PropensityModel, choose_terms
from causal.estimators.regression import AverageTarget, over_target

Within: TypeAlias = Literal["means", "regression"]


class Subclassification(Estimator):
    """Differences within strata of equal size of the propensity, averaged over the strata.

    Attributes
    ----------
    target : ``ATE`` cuts strata at quantiles of everybody and weighs them by their rows; ``ATT``
        at quantiles of the exposed, by their exposed rows; unexposed rows outside the range of the
        exposed are left out. ``ATC`` does the same with the arms exchanged.
    strata : how many.
    within : ``means`` compares the two means; ``regression`` fits least squares on exposure and
        the propensity's terms in each stratum, for what differs within it.
    propensity : the exposure regression.

    Assumptions
    -----------
    Exchangeability given the rung's covariates, positivity in every stratum, consistency, a
    correctly specified propensity, and strata narrow enough: five remove about nine tenths of the
    bias, never all of it. Outcomes are missing at random given stratum and exposure: rows without
    one help to fit the propensity only. The standard error takes the strata as fixed.

    References
    ----------
    Rosenbaum & Rubin (1984), doi:10.1080/01621459.1984.10478078; Lunceford & Davidian (2004),
    doi:10.1002/sim.1903, section 3.
    """

    leaves_out: ClassVar[bool] = True

    kind: Literal["subclassification"] = "subclassification"
    target: AverageTarget = "ATE"
    strata: int = Field(default=5, ge=2, le=100)
    within: Within = "means"
    propensity: PropensityModel = PropensityModel()

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are openly left out of the means."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.propensity.named_terms

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both means."""
        stratum = self.divide(sample, nuisances)
        w = sample.w * sample.observed
        over = w * over_target(sample.a, self.target)
        y = np.where(sample.observed, sample.y, 0.0)
        if self.within == "regression":
            x = choose_terms(sample, self.propensity.terms).x
            values, influence = regressed_means(y, sample.a, x, w, over, stratum)
        else:
            values, influence = stratified_means(y, sample.a, w, over, stratum)
        return from_influence(values, influence, sample, self.variance, self.estimand)

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the weights by which means within strata are means of the target."""
        stratum = self.divide(sample, nuisances)
        w = sample.w * sample.observed
        over = w * over_target(sample.a, self.target)
        weights = np.zeros(sample.n)
        for number in range(self.strata):
            for arm in (0, 1):
                here = (stratum == number) & (sample.a == arm)
                weights[here] = over[stratum == number].sum() / w[here].sum()
        return weights * sample.observed

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats:
        """Give the fitted propensities."""
        return nuisances.propensity(sample, self.propensity).fitted

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows of each arm that take no part."""
        return count_unused(sample.a, self.weights(sample, nuisances))

    def divide(self, sample: Sample, nuisances: NuisanceStore) -> Ints:
        """Give the stratum of each row, from 0; -1 outside the range of those averaged over.

        Raises
        ------
        PositivityError
            A stratum has fewer than two rows of an arm.
        """
        fit = nuisances.propensity(sample, self.propensity)
        x = choose_terms(sample, self.propensity.terms).x
        alike, row = np.unique(x, axis=0, return_inverse=True)  # cut where rows differ only
        logit = (fit.design(alike) @ fit.coefficients)[row.ravel()]
        counted = over_target(sample.a, self.target) == 1
        stratum = cut(logit, logit[counted], self.strata)
        for number in range(self.strata):
            here = (stratum == number) & sample.observed & (sample.w > 0)
            sizes = [int((here & (sample.a == arm)).sum()) for arm in (0, 1)]
            if min(sizes) < 2:
                raise PositivityError(
                    f"stratum {number + 1} of {self.strata} of the propensity has {sizes[0]} "
                    f"unexposed and {sizes[1]} exposed rows with an outcome; at least 2 of each "
                    "are needed. Set fewer strata, or choose a population with more overlap."
                )
        return stratum


def cut(values: Floats, counted: Floats, strata: int) -> Ints:
    """Divide rows at the quantiles of some of them; -1 for rows outside their range.

    Parameters
    ----------
    values : (n,) floats.
    counted : (m,) floats, the values whose quantiles are the limits; each limit belongs to the
        stratum below it, the lowest to the first.
    """
    limits = np.quantile(counted, np.linspace(0, 1, strata + 1))
    stratum = np.clip(np.searchsorted(limits, values, side="left") - 1, 0, strata - 1)
    outside = (values < limits[0]) | (values > limits[-1])
    return np.where(outside, -1, stratum).astype(np.int64)


def stratified_means(
    y: Floats, a: Floats, w: Floats, over: Floats, stratum: Ints
) -> tuple[Floats, Floats]:
    r"""Give both means over strata, with (n, 2) influence values; strata are taken as fixed.

    .. math:: \psi_{ki} = \frac{o_i}{\bar o} (\bar y_{ks} - \mu_k)
        + \frac{O_s}{\bar o} \frac{w_i 1\{A_i = k\}}{W_{ks}} (Y_i - \bar y_{ks})

    Parameters
    ----------
    y : (n,) floats, any value where ``w`` is 0.
    a : (n,) floats, 0/1.
    w, over : (n,) floats, survey weights, and weights of the target population.
    stratum : (n,) ints; rows of a negative one take no part.

    References
    ----------
    Lunceford & Davidian (2004), doi:10.1002/sim.1903, section 3.
    """
    over = np.where(stratum >= 0, over, 0.0)
    mean = over.mean()
    values, influence = np.zeros(2), np.zeros((len(y), 2))
    for arm in (0, 1):
        fitted = np.zeros(len(y))
        for number in range(int(stratum.max()) + 1):
            inside = stratum == number
            here = inside & (a == arm)
            own = np.where(here, w, 0.0)
            fitted[inside] = own @ y / own.sum()
            share = over[inside].sum() / mean / own.sum()
            influence[here, arm] = share * w[here] * (y[here] - fitted[here])
        values[arm] = over @ fitted / over.sum()
        influence[:, arm] += over / mean * (fitted - values[arm])
    return values, influence


def regressed_means(
    y: Floats, a: Floats, x: Floats, w: Floats, over: Floats, stratum: Ints
) -> tuple[Floats, Floats]:
    """Give both means by a regression on exposure and covariates in each stratum.

    Parameters are those of ``stratified_means``, and ``x`` the (n, p) covariates.

    Raises
    ------
    PositivityError, OutcomeError
        The covariates of a stratum determine exposure, or are too many for its rows.
    """
    over = np.where(stratum >= 0, over, 0.0)
    n, mean = len(y), over.mean()
    fitted, influence = np.zeros((n, 2)), np.zeros((n, 2))
    for number in range(int(stratum.max()) + 1):
        inside = stratum == number
        own = np.where(inside, w, 0.0)
        if aliased(a, x, own):
            raise PositivityError(
                f"the covariates determine the exposure in stratum {number + 1}. Set fewer "
                "strata, or within to means."
            )
        fit = fit_glm(np.column_stack([a, x]), y, own, "linear", own > 0)
        if fit.rank >= int((own > 0).sum()):
            raise OutcomeError(
                f"stratum {number + 1} has {int((own > 0).sum())} rows for a regression with "
                f"{fit.rank} coefficients. Set fewer strata, or within to means."
            )
        for arm in (0, 1):
            design = fit.design(np.column_stack([np.full(n, arm), x]))
            fitted[inside, arm] = (design @ fit.coefficients)[inside]
            gradient = np.where(inside, over, 0.0) @ design / n / mean
            influence[:, arm] += fit.influence @ gradient
    values = over @ fitted / over.sum()
    return values, influence + over[:, None] / mean * (fitted - values)

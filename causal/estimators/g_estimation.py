"""G-estimation of a structural nested mean model: the effect that leaves nothing of exposure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import model_validator

from causal import inference
from causal.arrays import Floats, read_only
from causal.cohort import Sample
from causal.errors import PositivityError, SpecError, did_you_mean
from causal.estimate import SLOPE, Estimates, Region, Target
from causal.estimators.base import Estimator, from_influence
from causal.estimators.follow_up import fit_observation
from causal.estimators.glm import SeparationFoundError, fit_glm, inverse_of_information
from causal.estimators.nuisance import (
    NuisanceStore,
    ObservationFit,
    ObservationModel,
    PropensityModel,
    choose_terms,
)
from causal.estimators.regression import AverageTarget, over_target

TESTED = "the effects a test of exchangeability does not reject"
"""What the set by test inversion is."""


class GEstimation(Estimator):
    r"""G-estimation in closed form: the effect that, once taken off, frees outcomes of exposure.

    The model :math:`E(Y^a - Y^0 \mid A = a, L) = a\, \psi^\top g(L)` says how the effect depends
    on covariates, and nothing of how the outcome does. With ``modifiers`` :math:`g` is one and
    these terms, otherwise one. Rows without outcome are weighed for.

    Attributes
    ----------
    propensity : the exposure regression, fitted to the rows with an outcome by their weights.
    observation : the regression of having an outcome, whose inverse weighs the rows; on the terms
        of the propensity where outcomes are missing and none is named.
    modifiers : terms the effect depends on, linearly; they must be among those of the propensity.
    target : whom the effects of the model are averaged over; with ``modifiers`` only.
    interval : ``wald`` from the standard error, or ``test_inversion``: the effects at which
        exposure is not found to depend on what the outcome would be without it (an interval where
        exposure varies enough given covariates; without ``modifiers`` only).

    Assumptions
    -----------
    Exchangeability given the rung's covariates, consistency, a correctly specified propensity,
    outcomes missing at random given exposure and covariates with a correct regression of having
    one, and a correct model of the effect: the same for all without ``modifiers``, linear in them
    otherwise. Where the effect is not the same for all, the one parameter is its average over
    those who could have been in either arm (ATO), and is named so.

    References
    ----------
    Robins, Mark & Newey (1992), doi:10.2307/2532304, section 2; Vansteelandt & Joffe (2014),
    doi:10.1214/14-STS493, section 3; Hernán & Robins (2020), What If, sections 14.3 to 14.6 and
    technical point 14.2 (the closed form).
    """

    kind: Literal["g_estimation"] = "g_estimation"
    propensity: PropensityModel = PropensityModel()
    observation: ObservationModel | None = None
    modifiers: tuple[str, ...] = ()
    target: AverageTarget = "ATE"
    interval: Literal["wald", "test_inversion"] = "wald"

    @model_validator(mode="after")
    def _fits_together(self) -> GEstimation:
        if not self.modifiers and self.target != "ATE":
            raise ValueError(
                f"target: {self.target} averages effects that differ by modifiers, and there are "
                "none. Name modifiers, or take target away (one effect for all)."
            )
        if self.modifiers and self.interval == "test_inversion":
            raise ValueError(
                "test_inversion gives the set of one parameter; with modifiers there are "
                f"{1 + len(self.modifiers)}. Set interval to wald, or take modifiers away."
            )
        outside = [one for one in self.modifiers if one not in (self.propensity.terms or (one,))]
        if outside:
            raise ValueError(
                f"the modifier '{outside[0]}' is not among the terms of the propensity, so who is "
                "exposed at its values is not known. Add it to propensity.terms."
            )
        return self

    @property
    def estimand(self) -> Target:
        """Give the target: an average of modified effects, or one effect for all."""
        return self.target if self.modifiers else "ATO"

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are weighed for."""
        return True

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms of the regressions, and those the effect depends on."""
        return super().named_terms + self.modifiers

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the parameters, and the average effect they come to."""
        chosen = choose_terms(sample, self.propensity.terms)
        followed = self._follow_up(sample, chosen)
        weights = sample.w * sample.observed
        if followed is not None:
            weights = weights / followed.fit.fitted
        blip = np.column_stack([np.ones(sample.n), *(sample.x_of(t) for t in self._blip(sample))])
        solved = solve(sample, chosen.x, blip, weights, followed)
        named = ("effect", *(f"effect per unit of {term}" for term in self.modifiers))
        coefficients = self._from(solved.psi, solved.influence, sample, named)
        if not self.modifiers:
            found = self._from(solved.psi, solved.influence, sample, SLOPE)
            return self._with_set(found, solved)
        over = sample.w * over_target(sample.a, self.target)
        weight = over / over.mean()
        gradient = (weight[:, None] * blip).mean(axis=0)
        value = float(gradient @ solved.psi)
        influence = solved.influence @ gradient + weight * (blip @ solved.psi - value)
        found = self._from(np.array([value]), influence[:, None], sample, SLOPE)
        return replace(found, coefficients=coefficients)

    def _blip(self, sample: Sample) -> tuple[str, ...]:
        """Give the modifiers, or raise with the choices."""
        for term in self.modifiers:
            if term not in sample.terms:
                raise SpecError(
                    f"there is no term '{term}' the effect may depend on. "
                    f"{did_you_mean(term, sample.terms)}"
                )
        return self.modifiers

    def _follow_up(self, sample: Sample, chosen: Sample) -> ObservationFit | None:
        """Fit having an outcome; None where everybody has one and no regression is asked for."""
        if self.observation is None and sample.observed.all():
            return None
        model = self.observation or ObservationModel(terms=chosen.terms)
        return fit_observation(sample, model)

    def _from(
        self, values: Floats, influence: Floats, sample: Sample, labels: tuple[str, ...]
    ) -> Estimates:
        """Make estimates by the declared convention."""
        return from_influence(
            values,
            influence,
            sample,
            self.variance,
            self.estimand,
            labels=labels,
            n_coefficients=1 + len(self.modifiers),
        )

    def _with_set(self, found: Estimates, solved: Solved) -> Estimates:
        """Replace the interval by the set of effects not rejected, if asked for."""
        if self.interval == "wald":
            return found
        own = inference.covariance(solved.influence, found.cluster)[0, 0]
        factor = float(found.covariance[0, 0] / own) if own > 0 else 1.0
        clusters = found.cluster if self.variance.clustered else None
        moments = factor * inference.covariance(solved.moments, clusters)
        numerator, denominator = solved.ratio
        pieces = inference.fieller(numerator, denominator, moments, df=found.df)
        return replace(found, region=Region(pieces), region_note=TESTED)


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """The parameters of a structural nested mean model.

    Attributes
    ----------
    psi : (k,) floats, the parameters.
    influence : (n, k) floats, their influence values.
    ratio : numerator and denominator of the first parameter, were it the only one.
    moments : (n, 2) floats, influence values of these two.
    """

    psi: Floats
    influence: Floats
    ratio: tuple[float, float]
    moments: Floats


def solve(
    sample: Sample, x: Floats, blip: Floats, weights: Floats, followed: ObservationFit | None
) -> Solved:
    r"""Solve the estimating equations of a linear blip, with stacked influence values.

    .. math:: \sum_i W_i (A_i - p_i) g_i (Y_i - A_i \psi^\top g_i) = 0
        \quad\Rightarrow\quad \hat\psi = \Big(\sum_i W_i (A_i - p_i) A_i g_i g_i^\top\Big)^{-1}
        \sum_i W_i (A_i - p_i) g_i Y_i

    where the weighted logistic regression of exposure gives :math:`p`, and the inverse of the
    fitted probability of having an outcome is in :math:`W`. Both are estimated; with
    :math:`H = Y - A\psi^\top g`, the derivatives of the equations are
    :math:`-\overline{W p(1-p) g H x^\top}` in the coefficients of :math:`p`, and
    :math:`-\overline{W (1-\pi) u d^\top}` in those of :math:`\pi`, the probability of having an
    outcome with design :math:`d`, for every equation :math:`u` that :math:`W` multiplies.

    Parameters
    ----------
    sample : the rows.
    x : (n, p) floats, columns of the propensity.
    blip : (n, k) floats, what the effect depends on, ones first.
    weights : (n,) floats, 0 where there is no outcome.
    followed : the regression whose inverse is in ``weights``; None where it is in none.

    Raises
    ------
    PositivityError
        Covariates determine exposure, or exposure does not vary enough to tell the parameters
        apart.

    References
    ----------
    Hernán & Robins (2020), What If, technical point 14.2; stacking: Stefanski & Boos (2002),
    doi:10.1198/000313002753631330, section 3.
    """
    n, used = sample.n, sample.observed
    try:
        fit = fit_glm(x, sample.a, weights, "logit", None if used.all() else used)
    except SeparationFoundError as found:
        raise PositivityError(
            f"the covariates determine the exposure of {found.rows} rows with an outcome, so the "
            "propensity has no finite fit. Drop or coarsen them, or widen the population."
        ) from None
    y = np.where(used, sample.y, 0.0)
    pull = weights * (sample.a - fit.fitted)
    bread, rank = inverse_of_information((blip * (pull * sample.a)[:, None]).T @ blip / n)
    if rank < blip.shape[1]:
        raise PositivityError(
            f"exposure given the covariates does not vary enough to estimate {blip.shape[1]} "
            "parameters of its effect. Take away modifiers, or widen the population."
        )
    psi = bread @ (blip.T @ (pull * y)) / n
    moved = _Moved(fit.design(x), fit.scores, fit.bread, fit.fitted * (1 - fit.fitted), followed)
    influence = moved.chain(blip, y - sample.a * (blip @ psi), pull, weights) @ bread.T
    ones = np.ones((n, 1))
    pieces = [moved.chain(ones, one, pull, weights)[:, 0] for one in (y, sample.a)]
    ratio = (float(np.mean(pull * y)), float(np.mean(pull * sample.a)))
    return Solved(psi, influence, ratio, read_only(np.column_stack(pieces)))


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """How equations move with the regressions in them.

    Attributes
    ----------
    design, scores, bread : (n, p), (n, p) and (p, p) floats, of the weighted propensity.
    slope : (n,) floats, p(1 - p).
    followed : the regression of having an outcome, if there is one.
    """

    design: Floats
    scores: Floats
    bread: Floats
    slope: Floats
    followed: ObservationFit | None

    def chain(self, blip: Floats, left: Floats, pull: Floats, weights: Floats) -> Floats:
        """Give (n, k) values of the equations pull x blip x left, what is fitted in them chained.

        Parameters
        ----------
        blip : (n, k) floats.
        left, pull, weights : (n,) floats.
        """
        n = len(left)
        own = blip * (pull * left)[:, None]
        gradient = -blip.T @ (self.design * (weights * self.slope * left)[:, None]) / n
        scores, added = self.scores, own - own.mean(axis=0)
        if self.followed is not None:
            fading = (1 - self.followed.fit.fitted)[:, None] * self.followed.design
            seen = self.followed.fit.influence
            added = added - seen @ (fading.T @ own / n)
            scores = scores - seen @ (fading.T @ self.scores / n)
        return np.asarray(added + scores @ self.bread @ gradient.T)

"""Several named arms: crude means, and means adjusted by regression, weighting or both."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats
from causal.cohort import ExposureKind, Sample
from causal.errors import OutcomeError
from causal.estimate import Estimates, Target
from causal.estimators.arm_profile import arm_estimates
from causal.estimators.base import Crude, Estimator, Limited, from_influence
from causal.estimators.estimability import refuse_beyond
from causal.estimators.glm import Link, NuisanceFit, SeparationFoundError, fit_glm
from causal.estimators.multinomial import ArmPropensities, fit_arms
from causal.estimators.nuisance import NuisanceStore


class ArmMeans(Crude):
    """The crude contrasts: the mean outcome of every arm.

    Assumptions
    -----------
    None for the association. It is an effect only if arms were assigned at random.
    """

    kind: Literal["arm_means"] = "arm_means"
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("arms",)

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the observed means."""
        weight = sample.w * sample.observed
        values, influence = weighted_arm_means(
            sample, np.outer(weight, np.ones(len(sample.levels)))
        )
        fit = from_influence(
            values, influence, sample, self.variance, self.estimand,
            n_coefficients=len(sample.levels),
        )  # fmt: skip
        return arm_estimates(fit, sample)


class ArmContrasts(Estimator):
    """The mean outcome had everybody been in each arm, by one of four methods.

    Attributes
    ----------
    method : ``g_computation`` (an outcome regression an arm, averaged over everybody), ``ipw``
        (Hájek weights by the inverse chance of the arm had), ``overlap`` (weights to those who
        could have been in any arm), or ``aipw`` (both, right when either is).
    link : of the outcome regressions; by the outcome's kind when None.
    clip : the smallest chance of the arm had that a weight is made of; smaller ones are set to it
        and counted. For ipw and aipw.

    Assumptions
    -----------
    Exchangeability of the arms given the rung's covariates, for every pair; positivity: everybody
    could have been in every arm (not for ``overlap``, which is about those who could); consistency;
    and the regressions the method uses correctly specified (for ``aipw``, one of the two kinds; its
    standard error takes both as right).
    Arms are kinds of groups, not doses.

    References
    ----------
    Imbens (2000), doi:10.1093/biomet/87.3.706 (generalised propensity); Cattaneo (2010),
    doi:10.1016/j.jeconom.2009.09.023 (doubly robust means of several arms); Li & Li (2019),
    doi:10.1214/19-AOAS1282 (generalised overlap weights).
    """

    kind: Literal["arm_contrasts"] = "arm_contrasts"
    method: Literal["g_computation", "ipw", "overlap", "aipw"] = "aipw"
    link: Link | None = None
    clip: float | None = Field(default=None, gt=0, lt=0.5)

    exposures: ClassVar[tuple[ExposureKind, ...]] = ("arms",)

    @model_validator(mode="after")
    def _names_what_it_uses(self) -> ArmContrasts:
        if self.clip is not None and self.method not in ("ipw", "aipw"):
            raise ValueError(f"{self.method} has no weights to clip; take clip away")
        if self.link is not None and self.method not in ("g_computation", "aipw"):
            raise ValueError(f"{self.method} has no outcome regression; take link away")
        return self

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are predicted."""
        return self.method == "g_computation"

    @property
    def estimand(self) -> Target:
        """Give the target: everybody, or those who could have been in any arm."""
        return "ATO" if self.method == "overlap" else "ATE"

    @property
    def weighs(self) -> bool:
        """Tell whether chances of the arms are used."""
        return self.method != "g_computation"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the mean of every arm."""
        rank = 1
        if self.method == "aipw":
            values, influence = augmented_arm_means(
                sample, self._clipped(self.chances(sample).e), self._predicted(sample)[0]
            )
        elif self.method == "g_computation":
            mu, fits, designs = self._predicted(sample)
            values, influence = standardised_arm_means(sample, mu, fits, designs)
            rank = sum(fit.rank for fit in fits)
        else:
            values, influence = self._weighted(sample)
        fit = from_influence(
            values, influence, sample, self.variance, self.estimand, n_coefficients=rank
        )
        return arm_estimates(fit, sample)

    def chances(self, sample: Sample) -> ArmPropensities:
        """Fit the chances of the arms."""
        return fit_arms(sample.x, sample.a, sample.w, sample.levels, sample.terms)

    def arm_weights(self, sample: Sample) -> Floats | None:
        """Give the (n,) weight of each row for its own arm; None without weights."""
        if not self.weighs:
            return None
        e = self.chances(sample).e
        own = e[np.arange(sample.n), sample.a.astype(np.int64)]
        if self.method == "overlap":
            return np.asarray(1 / (1 / e).sum(axis=1) / own)
        return np.asarray(1 / np.maximum(own, self.clip or 0.0))

    @property
    def weighs_exposure(self) -> bool:
        """Tell whether weights are to balance the arms."""
        return self.weighs

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give the weight of each row for its own arm."""
        weights = self.arm_weights(sample)
        return () if weights is None else (("exposure", weights),)

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows whose chance of their own arm was raised."""
        if self.clip is None:
            return ()
        own = self.chances(sample).e[np.arange(sample.n), sample.a.astype(np.int64)]
        said = f"rows whose chance of the arm they were in was raised to {self.clip:g}"
        return (Limited("clipped", int((own < self.clip).sum()), said),)

    def _clipped(self, e: Floats) -> Floats:
        """Raise small chances."""
        return e if self.clip is None else np.maximum(e, self.clip)

    def _weighted(self, sample: Sample) -> tuple[Floats, Floats]:
        """Give weighted means, with the fitted chances chained into their influence values."""
        chances = self.chances(sample)
        e = chances.e
        k = e.shape[1]
        if self.method == "overlap":
            h = 1 / (1 / e).sum(axis=1)
            weights = h[:, None] / e
            # d log h / d eta_j = sum_k (h / e_k)(1{k = j} - e_j) = h / e_j - e_j
            log_h = weights - e
        else:
            weights = 1 / self._clipped(e)
            log_h = np.zeros_like(e)
        free = np.ones_like(e) if self.clip is None else (e > self.clip).astype(np.float64)
        base = sample.w[:, None] * (sample.a[:, None] == np.arange(k)[None, :])
        values, influence = weighted_arm_means(sample, base * weights)
        slopes = np.zeros((sample.n, k, k))  # row, linear predictor, mean
        for arm in range(k):
            size = (base * weights)[:, arm].mean()
            part = (base * weights)[:, arm] * (sample.y - values[arm]) / size
            for j in range(k):
                log_e = free[:, arm] * ((arm == j) - e[:, j])
                slopes[:, j, arm] = part * (log_h[:, j] - log_e)
        return values, influence + chances.chain(slopes)

    def _predicted(
        self, sample: Sample
    ) -> tuple[Floats, tuple[NuisanceFit, ...], tuple[Floats, ...]]:
        """Fit one outcome regression an arm, and predict everybody under each."""
        link = self.link or ("logit" if sample.outcome_kind == "binary" else "linear")
        if link == "logit" and sample.outcome_kind != "binary":
            raise OutcomeError("a logit link needs a 0/1 outcome. Set link to linear.")
        fits, designs = [], []
        for arm, name in enumerate(sample.levels):
            rows = (sample.a == arm) & sample.observed
            try:
                fit = fit_glm(sample.x, sample.y, sample.w, link, rows)
            except SeparationFoundError as found:
                named = ", ".join(f"'{sample.terms[i]}'" for i in found.columns)
                raise OutcomeError(
                    f"perfect separation: the covariates determine the outcome of {found.rows} "
                    f"rows of the arm '{name}', along {named}. Drop or coarsen them, or set link "
                    "to linear."
                ) from None
            refuse_beyond(fit, rows, sample.x, sample.terms, f" of the arm '{name}'")
            fits.append(fit)
            designs.append(fit.design(sample.x))
        mu = np.column_stack([fit.predict(sample.x) for fit in fits])
        return mu, tuple(fits), tuple(designs)


def weighted_arm_means(sample: Sample, weights: Floats) -> tuple[Floats, Floats]:
    """Give the weighted mean of each arm, and (n, K) influence values.

    Parameters
    ----------
    weights : (n, K) floats, of each row for each arm; those of other arms are not used.
    """
    k = weights.shape[1]
    known = np.where(sample.observed, sample.y, 0.0)
    values, influence = np.empty(k), np.empty((sample.n, k))
    for arm in range(k):
        weight = weights[:, arm] * (sample.a == arm)
        values[arm] = np.sum(weight * known) / np.sum(weight)
        influence[:, arm] = weight * (known - values[arm]) / weight.mean()
    return values, influence


def standardised_arm_means(
    sample: Sample, mu: Floats, fits: tuple[NuisanceFit, ...], designs: tuple[Floats, ...]
) -> tuple[Floats, Floats]:
    """Average the predictions of each arm over everybody, with stacked influence values.

    Parameters
    ----------
    mu : (n, K) floats.
    fits, designs : the K regressions, and everybody's design on each one's own scale.
    """
    weight = sample.w / sample.w.mean()
    values = (weight[:, None] * mu).mean(axis=0)
    influence = weight[:, None] * (mu - values)
    for arm, (fit, design) in enumerate(zip(fits, designs, strict=True)):
        gradient = (design * (weight * fit.slope(mu[:, arm]))[:, None]).mean(axis=0)
        influence[:, arm] += fit.influence @ gradient
    return values, influence


def augmented_arm_means(sample: Sample, e: Floats, mu: Floats) -> tuple[Floats, Floats]:
    """Give doubly robust means of every arm, and (n, K) influence values.

    Parameters
    ----------
    e, mu : (n, K) floats, chances of the arms and predicted outcomes.

    References
    ----------
    Cattaneo (2010), doi:10.1016/j.jeconom.2009.09.023, equation 5.
    """
    own = sample.a[:, None] == np.arange(e.shape[1])[None, :]
    over = sample.w / sample.w.mean()
    scores = over[:, None] * (mu + np.where(own, (sample.y[:, None] - mu) / e, 0.0))
    values = scores.mean(axis=0)
    return values, scores - over[:, None] * values

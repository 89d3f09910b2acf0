"""What every estimator is: frozen settings that turn a sample into estimates with influence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar

import numpy as np
from pydantic import model_validator

from causal import inference
from causal.arrays import Bools, Floats, read_only
from causal.cohort import ExposureKind, OutcomeKind, Sample, check_arms
from causal.documents import Settings
from causal.errors import InstrumentError, OutcomeError, PositivityError
from causal.estimate import MEANS, Estimates, Target
from causal.estimators.learners import Learned
from causal.estimators.nuisance import NuisanceStore
from causal.estimators.variance import (
    CORRECTIONS,
    EVERY_ESTIMATOR,
    Variance,
    VarianceKind,
    check_variance,
    degrees_of_freedom,
    design_factor,
    without_set,
)
from causal.estimators.wild_scores import with_score_set

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Limited:
    """Rows whose weight a setting holds back: how many, and what was done to them."""

    name: str
    rows: int
    said: str


class Estimator(Settings, ABC):
    """Settings of one estimator; ``fit`` orchestrates, numbers happen in pure functions.

    Attributes
    ----------
    kind : the name in the specification.
    variance : the convention of the standard error.
    """

    kind: str
    variance: Variance = Variance()

    variances: ClassVar[tuple[VarianceKind, ...]] = EVERY_ESTIMATOR
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary",)
    outcomes: ClassVar[tuple[OutcomeKind, ...]] = ("binary", "continuous")
    adjusts: ClassVar[bool] = True
    needs_instruments: ClassVar[bool] = False
    takes_learners: ClassVar[bool] = False
    leaves_out: ClassVar[bool] = False
    """Whether rows without outcome take no part: neither predicted nor weighed for."""

    @model_validator(mode="after")
    def _has_the_variance(self) -> Estimator:
        kind = self.variance.kind
        if kind not in self.variances:
            instead = " (CR1S is for clusters)" if kind == "CR2" else ""
            raise ValueError(
                f"{self.kind} has no {kind} standard error; choose {' or '.join(self.variances)} "
                f"for variance.kind{instead}"
            )
        return self

    @model_validator(mode="after")
    def _has_the_learners(self) -> Estimator:
        learned = [one for _, one in self if isinstance(one, Learned) and one.learns]
        if learned and not self.takes_learners:
            raise ValueError(
                f"{self.kind} has a standard error for regressions only, not for learner "
                f"'{learned[0].learner}'. Use aipw, tmle, linear_dml or causal_forest with "
                "cross_fit, or "
                "learner: glm."
            )
        return self

    @property
    @abstractmethod
    def estimand(self) -> Target:
        """Give the target this estimator is after."""

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are predicted, weighed for or openly left out."""
        return False

    @property
    def takes_missing_exposures(self) -> bool:
        """Tell whether persons not seen at the exposure interview are weighed for."""
        return False

    def used(self, sample: Sample) -> Bools:
        """Give (n,) booleans: the rows an estimate rests on, or stands for."""
        return sample.observed if self.leaves_out else np.ones(sample.n, dtype=bool)

    @property
    def why_no_bootstrap(self) -> str:
        """Say why resamples of persons do not show the standard error; empty where they do."""
        return ""

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name, so that a misspelt one is found before any data.

        Those of its regressions; an estimator that names terms of its own adds them.
        """
        return tuple(term for _, one in self for term in getattr(one, "named_terms", ()))

    def fit(self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator) -> Estimates:
        """Check the sample, then estimate the target on it.

        Parameters
        ----------
        sample : the rows all rungs share, with the rung's adjustment columns.
        nuisances : regressions already fitted on this sample.
        rng : the rung's own stream; unused by deterministic estimators.

        Raises
        ------
        PositivityError
            An arm is empty, or covariates determine exposure.
        OutcomeError
            Covariates determine the outcome, or outcomes are missing and the estimator would
            quietly answer for those who have one.
        InstrumentError
            The estimator needs an instrument, and there is none or it is missing in some rows.
        """
        check_arms(sample)
        if self.needs_instruments:
            check_instruments(sample)
        if not self.takes_missing_exposures and not sample.entered.all():
            raise PositivityError(
                f"{self.kind} needs every exposure; {int((~sample.entered).sum())} of {sample.n} "
                "are missing. Set missing.exposure to complete_case, or weigh for those not seen "
                "(entered, with the estimators ipw, overlap, cbps, aipw, tmle or g_computation)."
            )
        if not self.takes_missing_outcomes and not sample.observed.all():
            raise OutcomeError(
                f"{self.kind} needs every outcome; {int((~sample.observed).sum())} of {sample.n} "
                f"are missing. Set missing.outcome to complete_case, {_instead(sample)}."
            )
        check_variance(sample, self.variance)
        found = self.estimate(sample, nuisances, rng)
        return self.with_wild_set(sample, found, rng) if self.variance.kind == "wild" else found

    def for_refits(self) -> Self:
        """Give these settings for fits of which no set is printed: those of a wild set without."""
        if self.variance.kind != "wild":
            return self
        return self.model_copy(update={"variance": without_set(self.variance)})

    def with_wild_set(
        self, sample: Sample, estimates: Estimates, rng: np.random.Generator
    ) -> Estimates:
        """Put the set of the wild cluster bootstrap in the place of the interval.

        From influence values alone it is the bootstrap of scores, which fits nothing again.
        """
        return with_score_set(estimates, sample, self.variance.draws, rng)

    @abstractmethod
    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the target on a checked sample; see ``fit``."""

    @property
    def weighs_exposure(self) -> bool:
        """Tell whether weights are to balance the arms."""
        return type(self).weights is not Estimator.weights

    def weight_factors(
        self, sample: Sample, nuisances: NuisanceStore
    ) -> tuple[tuple[str, Floats], ...]:
        """Give what the weights are the product of, by name; nothing where there are none."""
        weights = self.weights(sample, nuisances)
        return () if weights is None else (("exposure", weights),)

    def weights(self, sample: Sample, nuisances: NuisanceStore) -> Floats | None:
        """Give the (n,) weights that are to balance the arms; None when the estimator has none."""
        return None

    def propensities(self, sample: Sample, nuisances: NuisanceStore) -> Floats | None:
        """Give the (n,) propensities behind the weights, unclipped; None when there are none."""
        return None

    def limited(self, sample: Sample, nuisances: NuisanceStore) -> tuple[Limited, ...]:
        """Count the rows whose weight the settings hold back."""
        return ()


def _instead(sample: Sample) -> str:
    """Say what else can be done where outcomes are missing, by what is compared in what."""
    if sample.outcome_kind == "survival":
        return "or weigh for them (followed, with the estimator ipw_kaplan_meier or survival_aipw)"
    if sample.exposure_kind == "arms":
        return "or use arm_contrasts with method: g_computation, which predicts them"
    if sample.exposure_kind == "dose":
        return "or use dose_response with method: g_computation, which predicts them"
    return (
        "weigh for them (followed, with the estimators ipw, overlap, cbps, aipw or tmle), or use "
        "g_computation, which predicts them"
    )


class Crude(Estimator):
    """What the crude contrasts share: they adjust for nothing and leave out who has no outcome."""

    adjusts: ClassVar[bool] = False
    leaves_out: ClassVar[bool] = True

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target: a crude contrast has none of its own."""
        return "crude"


def count_unused(a: Floats, weights: Floats) -> tuple[Limited, ...]:
    """Count the rows of each arm that take no part: no match, or no match of anybody's.

    Parameters
    ----------
    a, weights : (n,) floats, exposure 0/1, and what each row stands for.
    """
    found = []
    for arm, name in enumerate(("unexposed", "exposed")):
        here = a == arm
        said = f"{name} rows not used, of {int(here.sum())}"
        found.append(Limited(f"unused_{name}", int((here & (weights == 0)).sum()), said))
    return tuple(found)


def check_instruments(sample: Sample) -> None:
    """Refuse a sample without instruments, or with rows in which one is missing.

    Raises
    ------
    InstrumentError
        Naming the instrument, and how many rows lack it at each exposure.
    """
    if sample.z is None or not sample.instruments:
        raise InstrumentError(
            "there is no instrument, and this estimator needs at least one. Name concepts under "
            "instrument in the rung."
        )
    for name, column in zip(sample.instruments, sample.z.T, strict=True):
        unknown = np.isnan(column)
        if unknown.any():
            exposed = int((unknown & (sample.a > 0)).sum())
            raise InstrumentError(
                f"the instrument '{name}' is missing in {int(unknown.sum())} of {sample.n} rows, "
                f"{exposed} of them exposed. Instruments are never filled in: leave these rows out."
            )


def from_influence(
    values: Floats,
    influence: Floats,
    sample: Sample,
    variance: Variance,
    target: Target,
    *,
    labels: tuple[str, ...] = MEANS,
    n_coefficients: int = 1,
    target_note: str = "",
) -> Estimates:
    """Make estimates whose covariance comes from influence values by the declared convention.

    Parameters
    ----------
    values : (k,) floats.
    influence : (n, k) floats.
    n_coefficients : what HC1 counts; 1 for estimators that are means.
    """
    cluster = sample.cluster if variance.clustered else None
    n_clusters = sample.n_clusters if variance.clustered else None
    strata = sample.strata
    known = int(sample.observed.sum())
    if n_coefficients >= known:
        raise OutcomeError(
            f"{n_coefficients} coefficients on {known} rows with an outcome leave nothing to "
            "estimate their error from. Adjust for less, or widen the population."
        )
    if n_clusters is not None and n_clusters < 2:
        raise PositivityError(
            "all rows belong to one cluster, so their spread between clusters is unknown. "
            "Widen the population, or set variance.clustered to false."
        )
    correction = CORRECTIONS[variance.kind]
    factor = (
        inference.small_sample_factor(correction, known, n_coefficients, n_clusters)
        if strata is None
        else design_factor(correction, known, n_coefficients)
    )
    return Estimates(
        labels=labels,
        values=read_only(values),
        influence=read_only(influence),
        covariance=read_only(factor * inference.covariance(influence, cluster, strata)),
        target=target,
        df=degrees_of_freedom(sample, variance, known - n_coefficients),
        cluster=sample.cluster,
        target_note=target_note,
        strata=strata,
    )


def with_classical_covariance(
    estimates: Estimates, covariance: Floats, df: float, variance: Variance, rows: int
) -> Estimates:
    """Replace the covariance by the classical one, with Student's t or as ``variance`` says.

    Parameters
    ----------
    covariance, df : with the residual degrees of freedom, and these.
    rows : with an outcome.
    """
    if variance.kind == "classical_n":
        return replace(estimates, covariance=read_only(covariance * (df / rows)), df=math.inf)
    return replace(estimates, covariance=read_only(covariance), df=df if df > 0 else math.inf)


def without_terms(settings: S, dropped: Sequence[str]) -> S:
    """Take terms out of every tuple of names in settings, at whatever depth."""
    changes: dict[str, object] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Settings):
            changes[name] = without_terms(value, dropped)
        elif isinstance(value, tuple) and any(one in dropped for one in value):
            changes[name] = tuple(one for one in value if one not in dropped)
    return settings.model_copy(update=changes) if changes else settings

"""What every estimator is: frozen settings that turn a sample into estimates with influence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import model_validator

from causal import inference
from causal.arrays import Floats, read_only
from causal.cohort import ExposureKind, OutcomeKind, Sample, check_arms
from causal.documents import Settings
from causal.errors import InstrumentError, OutcomeError, PositivityError
from causal.estimate import MEANS, Estimates, NotEstimable, Target
from causal.estimators.learners import Learned
from causal.estimators.nuisance import NuisanceStore

VarianceKind: TypeAlias = Literal["HC0", "HC1", "classical", "classical_n"]


class Variance(Settings):
    """Which convention the standard error follows, so that a published one can be matched.

    Attributes
    ----------
    kind : ``HC0`` from influence values as they are (CR0 when the design has clusters); ``HC1``
        with the small-sample factor of ``inference.small_sample_factor`` (CR1); ``classical``
        for equal error variance and no clustering, with Student's t; ``classical_n`` the same with
        the squares divided by all rows, none taken off for coefficients, and the normal, as some
        programs print it.
    clustered : False ignores the clusters of the design, as some published numbers do.
    """

    kind: VarianceKind = "HC0"
    clustered: bool = True

    @property
    def classical(self) -> bool:
        """Tell whether errors are taken to have one variance, and to be independent."""
        return self.kind in ("classical", "classical_n")

    @property
    def correction(self) -> inference.Correction | None:
        """Give the convention of a variance from influence values; None for a classical one."""
        return "HC0" if self.kind == "HC0" else "HC1" if self.kind == "HC1" else None


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

    classical_variance: ClassVar[bool] = False
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary",)
    outcomes: ClassVar[tuple[OutcomeKind, ...]] = ("binary", "continuous")
    adjusts: ClassVar[bool] = True
    needs_instruments: ClassVar[bool] = False
    takes_learners: ClassVar[bool] = False

    @model_validator(mode="after")
    def _has_the_variance(self) -> Estimator:
        if self.variance.classical and not self.classical_variance:
            raise ValueError(
                f"{self.kind} has no classical standard error; choose HC0 or HC1 for variance.kind"
            )
        return self

    @model_validator(mode="after")
    def _has_the_learners(self) -> Estimator:
        learned = [one for _, one in self if isinstance(one, Learned) and one.learns]
        if learned and not self.takes_learners:
            raise ValueError(
                f"{self.kind} has a standard error for regressions only, not for learner "
                f"'{learned[0].learner}'. Use aipw, tmle or causal_forest with cross_fit, or "
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

    @property
    def why_no_bootstrap(self) -> str:
        """Say why resamples of persons do not show the standard error; empty where they do."""
        return ""

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name, so that a misspelt one is found before any data."""
        return ()

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
        return self.estimate(sample, nuisances, rng)

    @abstractmethod
    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the target on a checked sample; see ``fit``."""

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
        return "or weigh for them (followed, with the estimator ipw_kaplan_meier)"
    if sample.exposure_kind == "arms":
        return "or use arm_contrasts with method: g_computation, which predicts them"
    if sample.exposure_kind == "dose":
        return "or use dose_response with method: g_computation, which predicts them"
    return (
        "weigh for them (followed, with the estimators ipw, overlap, cbps, aipw or tmle), or use "
        "g_computation, which predicts them"
    )


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
    correction: inference.Correction = "HC1" if variance.kind == "HC1" else "HC0"
    factor = inference.small_sample_factor(correction, known, n_coefficients, n_clusters)
    return Estimates(
        labels=labels,
        values=read_only(values),
        influence=read_only(influence),
        covariance=read_only(factor * inference.covariance(influence, cluster)),
        target=target,
        cluster=sample.cluster,
        target_note=target_note,
    )


def combine_divisions(fits: Sequence[Estimates], how: Literal["mean", "median"]) -> Estimates:
    """Combine fits that differ in the random division of the sample only, by mean or median."""
    one = average_divisions(fits) if how == "mean" else median_division(fits)
    counts = [fit.bounded for fit in fits if fit.bounded is not None]
    return replace(one, bounded=max(counts)) if counts else one


def average_divisions(fits: Sequence[Estimates]) -> Estimates:
    r"""Average fits that differ in the random division of the sample only.

    Values and influence values are averaged; the covariance of the S averaged values,
    :math:`S^{-1}` times that between divisions, is added to that of the averaged influence values.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, definition 3.3 (mean over splits).
    """
    first = fits[0]
    influences = [one.influence for one in fits if not isinstance(one.influence, NotEstimable)]
    if len(fits) == 1 or len(influences) < len(fits):
        return first
    values = np.array([one.values for one in fits])
    spread = np.atleast_2d(np.cov(values, rowvar=False, ddof=1))
    influence = np.mean(influences, axis=0)
    own = inference.covariance(influence, first.cluster)
    single = inference.covariance(influences[0], first.cluster)
    factor = first.covariance[0, 0] / single[0, 0]  # the declared small-sample factor
    return replace(
        first,
        values=read_only(values.mean(axis=0)),
        influence=read_only(influence),
        covariance=read_only(factor * own + spread / len(fits)),
        split_sd=float((values @ _contrast(first)).std(ddof=1)),
    )


def median_division(fits: Sequence[Estimates]) -> Estimates:
    r"""Give the division in the middle: the median difference, with the median of its variances.

    Values and influence values are those of the division whose difference is the median (of the
    two in the middle, averaged, when their number is even). Each division's covariance
    :math:`\hat V_s` grows by its distance from there, :math:`(\hat\theta_s - \tilde\theta)
    (\hat\theta_s - \tilde\theta)'`; the one whose difference has the median variance is kept.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, definition 3.3, equations 3.13 and 3.14.
    """
    first = fits[0]
    influences = [one.influence for one in fits if not isinstance(one.influence, NotEstimable)]
    if len(fits) == 1 or len(influences) < len(fits):
        return first
    values = np.array([one.values for one in fits])
    contrast = _contrast(first)
    middle = _middle(values @ contrast)
    value = values[middle].mean(axis=0)
    away = values - value
    covariances = np.array([one.covariance for one in fits]) + np.einsum("si,sj->sij", away, away)
    typical = _middle(np.einsum("i,sij,j->s", contrast, covariances, contrast))
    return replace(
        first,
        values=read_only(value),
        influence=read_only(np.mean([influences[i] for i in middle], axis=0)),
        covariance=read_only(covariances[typical].mean(axis=0)),
        split_sd=float((values @ contrast).std(ddof=1)),
    )


def _contrast(one: Estimates) -> Floats:
    """Give what takes the difference of the two means compared, or leaves a single coefficient."""
    if len(one.values) == 1:
        return np.ones(1)
    taken = np.zeros(len(one.values))
    taken[list(one.pair)] = -1.0, 1.0
    return taken


def _middle(numbers: Floats) -> list[int]:
    """Give the position of the median; of both in the middle when their number is even."""
    order = np.argsort(numbers, kind="stable")
    first, last = (len(order) - 1) // 2, len(order) // 2
    return [int(i) for i in order[first : last + 1]]


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

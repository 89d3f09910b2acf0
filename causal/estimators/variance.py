"""Conventions of standard errors: what each is called, and what a sample must have for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NoReturn, TypeAlias

from pydantic import Field, model_validator

from causal import inference
from causal.cohort import Sample
from causal.documents import Settings
from causal.errors import PositivityError, SpecError

VarianceKind: TypeAlias = Literal[
    "HC0", "HC1", "classical", "classical_n", "CR1S", "CR1", "CR2", "wild"
]
EVERY_ESTIMATOR: tuple[VarianceKind, ...] = ("HC0", "HC1", "CR1S", "CR1", "wild")
"""Kinds that influence values are enough for."""
OF_CLUSTERS: tuple[VarianceKind, ...] = ("CR1S", "CR1", "CR2", "wild")
"""Kinds that are about few clusters, and mean nothing without any."""
NOT_OF_SURVEYS: tuple[VarianceKind, ...] = ("classical", "classical_n", "CR2", "wild")
"""Kinds that know nothing of strata, nor of units drawn with unequal probabilities."""
CORRECTIONS: Mapping[VarianceKind, inference.Correction] = {
    "HC0": "HC0", "HC1": "HC1", "classical": "HC0", "classical_n": "HC0", "CR1S": "CR1S",
    "CR1": "CR1", "CR2": "CR1S", "wild": "CR1S",
}  # fmt: skip
"""The small-sample factor of influence values; for CR2 least squares replaces the covariance."""


class Variance(Settings):
    """Which convention the standard error follows, so that a published one can be matched.

    Attributes
    ----------
    kind : ``HC0`` from influence values as they are (CR0 when the design has clusters); ``HC1``
        with the small-sample factor of ``inference.small_sample_factor``; ``classical`` for equal
        error variance and no clustering, with Student's t; ``classical_n`` the same with the
        squares divided by all rows, none taken off for coefficients, and the normal, as some
        programs print it. For few clusters: ``CR1S`` (the factor
        of HC1 with clusters, by its own name), ``CR1`` (its part G/(G - 1) alone), ``CR2`` (Bell
        and McCaffrey's, with Satterthwaite degrees of freedom), ``wild`` (a set from the wild
        cluster bootstrap in the place of the interval; its standard error is CR1S).
    clustered : False ignores the clusters of the design, as some published numbers do.
    reference : what an interval is read off: ``normal``; or ``t``, Student's with one degree of
        freedom less than there are clusters, or without clusters the rows less the coefficients.
        CR2 and ``wild`` have their own (``wild`` that of ``t``), and so has a survey: sampling
        units less strata.
    draws : of ``wild``, beside the sample itself; all there are where these are no more.
    """

    kind: VarianceKind = "HC0"
    clustered: bool = True
    reference: Literal["normal", "t"] = "normal"
    draws: int = Field(default=9999, ge=199, le=999_999)

    @property
    def classical(self) -> bool:
        """Tell whether errors are taken to have one variance, and to be independent."""
        return self.kind in ("classical", "classical_n")

    @model_validator(mode="after")
    def _heeds_clusters(self) -> Variance:
        if self.kind in OF_CLUSTERS and not self.clustered:
            raise ValueError(
                f"{self.kind} is about clusters, and clustered: false ignores them; take one away"
            )
        if "draws" in self.model_fields_set and self.kind != "wild":
            raise ValueError(f"draws belongs to wild; {self.kind} draws nothing")
        return self


def without_set(variance: Variance) -> Variance:
    """Give the convention of the standard error beside a wild set, for fits that need no set."""
    return variance if variance.kind != "wild" else Variance(kind="CR1S", reference="t")


def check_variance(sample: Sample, variance: Variance) -> None:
    """Refuse a convention whose clusters are not there, or that knows no survey.

    Raises
    ------
    SpecError
        Naming the conventions there are instead.
    PositivityError
        A survey has as many sampling units as strata.
    """
    kind = variance.kind
    if kind in OF_CLUSTERS and sample.cluster is None and sample.strata is None:
        raise SpecError(
            f"variance.kind {kind} is for clusters, and these rows are independent. Name "
            "design.cluster, or choose HC0 or HC1."
        )
    if sample.strata is None:
        return
    if kind in NOT_OF_SURVEYS or not variance.clustered:
        refuse_survey_variance(variance)
    if survey_df(sample) < 1:
        raise PositivityError(
            f"the rows come from {sampling_units(sample)} sampling units in "
            f"{sample.strata.number} strata, which leaves no degree of freedom. Widen the "
            "population, or merge strata."
        )


def refuse_survey_variance(variance: Variance) -> NoReturn:
    """Refuse a convention that ignores how a survey drew its sample.

    Raises
    ------
    SpecError
        Naming the conventions there are instead.
    """
    if not variance.clustered:
        raise SpecError(
            "variance.clustered: false ignores the sampling units of design.survey. Take one away."
        )
    raise SpecError(
        f"variance.kind {variance.kind} knows nothing of how a survey draws its sample. Choose HC0 "
        "(linearised), or HC1 with the factor for coefficients; degrees of freedom are those of "
        "the survey."
    )


def design_factor(correction: inference.Correction, n: int, n_coefficients: int) -> float:
    r"""Give the factor beside the one each stratum of a survey has.

    :math:`\frac{n - 1}{n - k}` for HC1 and CR1S, 1 otherwise.

    References
    ----------
    Fuller (1975), Sankhya C 37:117; as in SAS SURVEYREG (VADJUST=DF).
    """
    return (n - 1) / (n - n_coefficients) if correction in ("HC1", "CR1S") else 1.0


def sampling_units(sample: Sample) -> int:
    """Count the sampling units that are left: clusters, or rows where there are none."""
    return sample.n if sample.n_clusters is None else sample.n_clusters


def survey_df(sample: Sample) -> int:
    """Give sampling units less strata, of those that are left; no strata, nothing less."""
    return sampling_units(sample) if sample.strata is None else sample.strata.free(sample.cluster)


def degrees_of_freedom(sample: Sample, variance: Variance, residual: int) -> float:
    """Give the degrees of freedom an interval is read off by, infinite for the normal.

    Parameters
    ----------
    residual : rows with an outcome less coefficients.
    """
    if sample.strata is not None:
        return float(survey_df(sample))
    if variance.reference == "normal" and variance.kind not in ("CR2", "wild"):
        return math.inf
    clusters = sample.n_clusters if variance.clustered else None
    return float(residual if clusters is None else clusters - 1)

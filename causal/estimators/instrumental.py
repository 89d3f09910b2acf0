"""Instrumental variables: k-class and GMM, control function, residual inclusion, reduced form."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats, Ints
from causal.cohort import ExposureKind, Sample
from causal.errors import InstrumentError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import Estimator, from_influence, with_classical_covariance
from causal.estimators.iv_algebra import (
    Projected,
    Structural,
    fuller_k,
    k_class,
    liml_k,
    project,
    refuse_empty_instruments,
    two_step,
)
from causal.estimators.nuisance import NuisanceStore, choose_terms, refuse_aliased_exposure
from causal.estimators.reduced_form import ReducedForm, ReducedForms, jackknifed, reduced_form
from causal.estimators.residual_inclusion import included_residual
from causal.estimators.variance import CORRECTIONS, Variance, VarianceKind
from causal.estimators.weak_sets import WeakTest, weak_set
from causal.strata import Strata

SETS: dict[WeakTest, str] = {
    "anderson_rubin": "Anderson-Rubin set: it holds however weak the instrument is",
    "conditional_ratio": "conditional likelihood-ratio set: it holds however weak the instruments "
    "are",
}
"""What the printed set is called."""
WITH_SETS: tuple[VarianceKind, ...] = ("HC0", "HC1", "CR1S", "CR1")
"""Conventions of estimators whose own set, where they have one, is no bootstrap's."""
LITTLE = 1e-6
"""Share of the exposure's squares: where less is left by covariates, they may determine it."""


class Instrumented(Estimator):
    """What all estimators with instruments share; rows without an outcome are left out.

    Attributes
    ----------
    terms : which of the rung's terms to condition on; all when None.
    linear_stages : whether both stages are least squares, to which tests of such errors belong.
    randomised : whether the instrument must be as if drawn at random without any covariate.
    """

    variance: Variance = Variance(kind="HC1")
    terms: tuple[str, ...] | None = None
    leaves_out: ClassVar[bool] = True
    linear_stages: ClassVar[bool] = True
    randomised: ClassVar[bool] = False
    variances: ClassVar[tuple[VarianceKind, ...]] = (*WITH_SETS, "classical", "classical_n")
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary", "dose")
    needs_instruments: ClassVar[bool] = True

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are left out."""
        return True

    @property
    def estimand(self) -> Target:
        """Give the target: those whose exposure the instrument changes."""
        return "LATE"

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms the settings name."""
        return self.terms or ()

    def projected(self, sample: Sample, nuisances: NuisanceStore | None = None) -> Projected:
        """Project the covariates out of the rows with an outcome, once for all who ask.

        Raises
        ------
        InstrumentError, PositivityError
            An instrument, or the exposure, does not vary beyond the covariates.
        """
        chosen = choose_terms(sample, self.terms)
        key = (chosen.terms, chosen.instruments)
        made = {} if nuisances is None else nuisances.projections
        if key not in made:
            known = chosen if chosen.observed.all() else chosen.rows(chosen.observed)
            data = project(
                known.y, known.a, instruments_of(known), known.x, known.w, known.instruments
            )
            if data.gram[1, 1] <= LITTLE * float(known.w @ known.a**2):
                refuse_aliased_exposure(chosen)
            made[key] = data
        return made[key]

    def reduced(self, sample: Sample, data: Projected) -> ReducedForm:
        """Give the reduced form, its covariance by the declared convention."""
        kind = self.variance.kind
        return reduced_form(
            data,
            None if self.variance.classical else CORRECTIONS[kind],
            self.groups(sample),
            self.drawn(sample),
        )

    def forms(
        self, sample: Sample, rng: np.random.Generator, nuisances: NuisanceStore | None = None
    ) -> ReducedForms:
        """Give all that inference needs which weak instruments do not spoil.

        Parameters
        ----------
        rng : the rung's stream from its start, so that divisions of the sample are the estimate's.
        nuisances : as in ``fit``.
        """
        data = self.projected(sample, nuisances)
        return ReducedForms(self.reduced(sample, data), self.weakly(sample, data))

    @property
    def unbounded_when_weak(self) -> str:
        """Say why nothing is excluded when instruments are weak; empty where there is a set."""
        return ""

    def weakly(self, sample: Sample, data: Projected) -> ReducedForm:
        """Give the reduced form for tests that heed no strength: with clusters, jackknifed.

        Of a survey it is the linearised one, whose clusters lie within strata.
        """
        groups = self.groups(sample)
        if groups is None or self.variance.classical or sample.strata is not None:
            return self.reduced(sample, data)
        return jackknifed(data, groups)

    def groups(self, sample: Sample) -> Ints | None:
        """Give the clusters of the rows with an outcome, if the variance heeds them."""
        if sample.cluster is None or not self.variance.clustered:
            return None
        return sample.cluster[sample.observed]

    def drawn(self, sample: Sample) -> Strata | None:
        """Give the strata of the rows with an outcome."""
        return None if sample.strata is None else sample.strata.rows(sample.observed)

    def _estimates(self, sample: Sample, data: Projected, found: Structural) -> Estimates:
        """Put one coefficient, its influence values and its set together."""
        estimates = from_influence(
            np.array([found.coefficient]),
            on_all_rows(sample, found.influence[:, None]),
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
            n_coefficients=data.n_covariates + 1,
        )
        if self.variance.classical:
            covariance = np.array([[found.classical_variance]])
            estimates = with_classical_covariance(
                estimates, covariance, found.df, self.variance, data.n
            )
        return estimates

    def with_set(self, estimates: Estimates, form: ReducedForm) -> Estimates:
        """Add the set that does not rest on the strength of the instruments.

        Apart from ``fit``, since with several instruments it takes longer than the rest, and
        refits on resampled rows have no use for it.

        Parameters
        ----------
        form : the reduced form for tests that heed no strength, on the rows of the estimates.
        """
        if self.estimand != "LATE":
            return estimates
        simple = form.q == 1 or not form.joint
        test: WeakTest = "anderson_rubin" if simple else "conditional_ratio"
        return replace(estimates, region=weak_set(form, test), region_note=SETS[test])


class InstrumentalVariables(Instrumented):
    """The effect of exposure through instruments: two-stage least squares and its relatives.

    Attributes
    ----------
    method : ``tsls``; ``liml``, and ``fuller`` with its constant, less biased with several weak
        instruments; ``gmm``, efficient under heteroskedasticity or clustering; ``wald``, the ratio
        of two differences, for one 0/1 instrument without covariates.
    fuller : the constant of ``fuller``; 1 is nearly unbiased, 4 has least mean squared error.

    Assumptions
    -----------
    Given the rung's covariates the instrument is as if drawn at random, reaches the outcome only
    through exposure (exclusion), moves exposure, and moves nobody's the other way (monotonicity).
    Then it is the average effect among those it moves (LATE), with several instruments, covariates
    or a dose a weighted average of such effects; with covariates their form must also be linear.

    References
    ----------
    Imbens & Angrist (1994), doi:10.2307/2951620; Angrist & Imbens (1995),
    doi:10.1080/01621459.1995.10476535 (doses and covariates).
    """

    kind: Literal["iv"] = "iv"
    method: Literal["tsls", "liml", "fuller", "gmm", "wald"] = "tsls"
    fuller: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _constant_is_used(self) -> InstrumentalVariables:
        if "fuller" in self.model_fields_set and self.method != "fuller":
            raise ValueError(f"fuller belongs to the method fuller, not to {self.method}")
        if self.method == "gmm" and self.variance.classical:
            raise ValueError("gmm has no classical standard error; choose HC0 or HC1")
        return self

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the structural coefficient."""
        data = self.projected(sample, nuisances)
        return self._estimates(sample, data, self.structural(sample, data))

    def structural(self, sample: Sample, data: Projected) -> Structural:
        """Estimate by the chosen method."""
        if self.method == "gmm":
            return two_step(data, self.groups(sample))
        if self.method == "wald":
            _refuse_covariates(sample, self.terms)
        k = 1.0
        if self.method == "liml":
            k = liml_k(data)
        elif self.method == "fuller":
            k = fuller_k(data, self.fuller)
        return k_class(data, k)


class ControlFunction(Instrumented):
    """The outcome on exposure, covariates and the residual of a linear first stage.

    The coefficient is that of two-stage least squares; the residual's own coefficient is the test
    of endogeneity (Wu-Hausman) among the checks.

    Assumptions
    -----------
    Those of ``iv``; read as a control function besides that the outcome's error is linear in the
    first stage's.

    References
    ----------
    Wooldridge (2015), doi:10.3368/jhr.50.2.420, section 2.
    """

    kind: Literal["control_function"] = "control_function"

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the coefficient of exposure beside the residual."""
        data = self.projected(sample, nuisances)
        return self._estimates(sample, data, k_class(data, 1.0))


class ResidualInclusion(Instrumented):
    """Two-stage residual inclusion: a logistic first stage, its residual in the outcome model.

    Standardised means under no exposure and exposure, everybody's residual kept as it is.

    Assumptions
    -----------
    A valid instrument, and that both regressions have the right form: the residual of the exposure
    (observed less predicted probability) must stand for all that confounds. With a 0/1 exposure
    this is no LATE, and unlike ``iv`` it does not tend to one when the forms are wrong.

    References
    ----------
    Terza, Basu & Rathouz (2008), doi:10.1016/j.jhealeco.2007.09.009; Basu, Coe & Chapman (2018),
    doi:10.1002/hec.3647 (what fails with 0/1 exposures).
    """

    kind: Literal["residual_inclusion"] = "residual_inclusion"
    variances: ClassVar[tuple[VarianceKind, ...]] = WITH_SETS
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary",)

    @property
    def estimand(self) -> Target:
        """Give the target: everybody, by the two regressions' form only."""
        return "functional form"

    @property
    def unbounded_when_weak(self) -> str:
        """Say why nothing is excluded by what rests on forms and on strength."""
        return (
            "whole line: for residual inclusion no set is known that holds however weak the "
            "instrument is (the estimator iv has one)"
        )

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate both standardised means."""
        chosen = choose_terms(sample, self.terms)
        refuse_aliased_exposure(chosen)
        known = chosen if chosen.observed.all() else chosen.rows(chosen.observed)
        z = instruments_of(known)
        refuse_empty_instruments(z, known.x, known.w, known.instruments)
        values, influence, rank = included_residual(
            known.y,
            known.a,
            z,
            known.x,
            known.w,
            ("logit", "logit" if known.outcome_kind == "binary" else "linear"),
        )
        return from_influence(
            values,
            on_all_rows(sample, influence),
            sample,
            self.variance,
            self.estimand,
            n_coefficients=rank,
            target_note="by functional form only; no LATE",
        )


def instruments_of(sample: Sample) -> Floats:
    """Give the instruments, which ``fit`` has made sure of."""
    return np.empty((sample.n, 0)) if sample.z is None else sample.z


def refuse_several_instruments(kind: str, sample: Sample) -> None:
    """Refuse more than one instrument where the estimator is about one.

    Raises
    ------
    InstrumentError
        Naming the instruments.
    """
    if len(sample.instruments) != 1:
        raise InstrumentError(
            f"{kind} is about one instrument; there are {', '.join(sample.instruments)}. "
            "Give each a rung of its own."
        )


def on_all_rows(sample: Sample, influence: Floats) -> Floats:
    """Spread influence values of the rows with an outcome over all rows."""
    known = sample.observed
    if known.all():
        return influence
    spread = np.zeros((sample.n, influence.shape[1]))
    spread[known] = influence * (sample.n / known.sum())
    return spread


def _refuse_covariates(sample: Sample, terms: tuple[str, ...] | None) -> None:
    """Refuse what the ratio of two differences has no place for."""
    z = instruments_of(sample)
    binary = z.shape[1] == 1 and set(np.unique(z)) <= {0.0, 1.0}
    if not binary or choose_terms(sample, terms).terms:
        raise InstrumentError(
            "the method wald is the ratio of two differences between two groups: it takes one 0/1 "
            "instrument and no covariates. Use tsls."
        )

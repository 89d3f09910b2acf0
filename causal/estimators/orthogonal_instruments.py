"""Instruments with cross-fitted regressions: orthogonal moments whose ratio is the effect."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Floats, Ints
from causal.cohort import ExposureKind, Sample
from causal.errors import InstrumentError, PositivityError
from causal.estimate import SLOPE, Estimates, Target
from causal.estimators.base import from_influence
from causal.estimators.divisions import average_divisions
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.estimators.instrumental import (
    WITH_SETS,
    Instrumented,
    on_all_rows,
    refuse_several_instruments,
)
from causal.estimators.iv_algebra import refuse_empty_instruments
from causal.estimators.nuisance import (
    CrossFitting,
    NuisanceStore,
    PropensityModel,
    choose_terms,
    folds_by_unit,
    refuse_aliased_exposure,
)
from causal.estimators.orthogonal import (
    Encouraged,
    econml_encouraged,
    econml_iv_residuals,
    is_binary,
)
from causal.estimators.orthogonal_moments import (
    conditional_effects,
    encouragement_scores,
    ratio_of_moments,
)
from causal.estimators.reduced_form import ReducedForm, ReducedForms
from causal.estimators.variance import Variance, VarianceKind

MOMENTS = ("outcome by instrument", "exposure by instrument")
COV_CLIP = 1e-3  # EconML's default: a difference in exposure of .004 where assignment is even
LARGEST_SEED = 2**31 - 1  # scikit-learn takes no larger one


class _Orthogonal(Instrumented):
    """A ratio of two moments with cross-fitted regressions in them, one instrument.

    Attributes
    ----------
    cross_fit : division of persons for the regressions.
    """

    variance: Variance = Variance()
    cross_fit: CrossFitting = CrossFitting()
    variances: ClassVar[tuple[VarianceKind, ...]] = WITH_SETS
    linear_stages: ClassVar[bool] = False

    @abstractmethod
    def scores(self, known: Sample, fold: Ints, seed: int) -> Floats:
        """Give the (n, 2) scores whose means are the moments of outcome and of exposure."""

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the ratio of the two moments."""
        return ratio_of_moments(self._divisions(sample, rng), self.estimand)

    def forms(
        self, sample: Sample, rng: np.random.Generator, nuisances: NuisanceStore | None = None
    ) -> ReducedForms:
        """Give both moments with their covariance, which the ratio's set is Fieller's of."""
        moments = average_divisions(self._divisions(sample, rng))
        groups = self.groups(sample)
        form = ReducedForm(
            outcome=moments.values[:1],
            exposure=moments.values[1:],
            covariance=moments.covariance,
            df=moments.df,
            error=moments.covariance,
            free=int(sample.observed.sum()) - 1,
            groups=None if groups is None else len(np.unique(groups)),
        )
        return ReducedForms(plain=form, weak=form)

    def _divisions(self, sample: Sample, rng: np.random.Generator) -> list[Estimates]:
        """Estimate both moments, once for each division of the sample."""
        known = self._ready(sample)
        fits = []
        for _ in range(self.cross_fit.repeats):
            fold = folds_by_unit(known.unit, self.cross_fit.folds, rng)
            _refuse_empty_parts(known, fold)
            scores = self.scores(known, fold, int(rng.integers(LARGEST_SEED)))
            fits.append(self._means(sample, scores * _shares(known.w)[:, None], MOMENTS))
        return fits

    def _means(self, sample: Sample, scores: Floats, labels: tuple[str, ...]) -> Estimates:
        """Give means of weighted scores, on the rows with an outcome, with their covariance."""
        values = scores.mean(axis=0)
        influence = on_all_rows(sample, scores - values)
        return from_influence(
            values, influence, sample, self.variance, self.estimand, labels=labels
        )

    def _ready(self, sample: Sample) -> Sample:
        """Give the rows with an outcome, once exposure and instrument are known to vary in them."""
        refuse_several_instruments(self.kind, sample)
        chosen = choose_terms(sample, self.terms)
        known = chosen if chosen.observed.all() else chosen.rows(chosen.observed)
        refuse_aliased_exposure(known)
        z = _one(known)
        refuse_empty_instruments(z[:, None], known.x, known.w, known.instruments)
        if known.exposure_kind == "binary":
            NuisanceStore().propensity(known, PropensityModel())  # EconML would not see separation
        if is_binary(z) and not self.randomised:
            _refuse_determined(known, z)
        return known


class OrthogonalIV(_Orthogonal):
    """The effect of exposure through one instrument, by residuals of all three: orthogonal IV.

    What covariates leave of outcome, exposure and instrument, cross-fitted by person; the estimate
    is the covariance of instrument and outcome over that of instrument and exposure. EconML gives
    the residuals (its ``OrthoIV``), inference is ours: EconML does not cluster, and its interval
    rests on a strong instrument, where the set printed here is Anderson and Rubin's for the same
    moment: all effects at which the data agree with residual instrument and what is left of the
    outcome being unrelated.

    Assumptions
    -----------
    Those of ``iv``: given the rung's covariates the instrument is as if drawn at random, reaches
    the outcome only through exposure, moves exposure, and moves nobody's the other way. Then it is
    the average effect among those it moves, covariates weighted by how much it moves exposure
    there times its variance (LATE). The regression of the instrument on the covariates, or both
    others, must have the right form: a logistic regression for 0/1, a linear one else.

    References
    ----------
    Chernozhukov et al. (2018), doi:10.1111/ectj.12097, section 4.2; the set: Anderson & Rubin
    (1949), doi:10.1214/aoms/1177730090.
    """

    kind: Literal["orthogonal_iv"] = "orthogonal_iv"

    def scores(self, known: Sample, fold: Ints, seed: int) -> Floats:
        """Give instrument times outcome and instrument times exposure, all residuals."""
        y, a, z = econml_iv_residuals(known, _one(known), fold, seed)
        return np.column_stack([z * y, z * a])


class EncouragementDRIV(_Orthogonal):
    """The effect of exposure by a randomised 0/1 encouragement, some not heeding it: doubly robust.

    EconML fits the outcome and, by encouragement, the exposure on covariates (its
    ``LinearIntentToTreatDRIV``), cross-fitted by person. What is averaged is ours to choose:

    * ``LATE``: the doubly robust effect of encouragement on outcome over that on exposure, each
      averaged first. Nothing is divided row by row, and the set is Fieller's of that ratio.
    * ``ATE``: EconML's own. It divides row by row by the predicted effect of encouragement on
      exposure, and averages these conditional effects over everybody. That is no LATE, which
      counts strata by how many of them comply; with few compliers somewhere it is ruled by them.

    For the ATE, EconML raises covariances of encouragement and exposure below ``cov_clip`` to it,
    towards its preliminary effect, whose error the standard error then leaves out: it is refused
    where that concerns too many rows. Weak encouragement biases it without any clipping, and no set
    for it holds however weak encouragement is: below the gate no value is excluded.

    Attributes
    ----------
    target : ``LATE`` or ``ATE``.
    assigned : probability of encouragement by design; its share in the sample when None.
    cov_clip : least covariance of encouragement and exposure given covariates, of the ATE.
    max_clipped : largest share of rows, by weight, below that, or on the other side of 0 than
        the average, at which the ATE is still given.

    Assumptions
    -----------
    Encouragement was drawn with one probability for all, whatever the covariates, which serve
    precision only; it reaches the outcome only through exposure, moves exposure, and moves nobody's
    the other way. The ATE needs besides that those it moves respond as all others with the same
    covariates do, that it moves some at all values of these, and that the regression of exposure on
    encouragement and covariates has the right form; the LATE needs none of this.

    References
    ----------
    Syrgkanis et al. (2019), arXiv:1905.10176; the ratio: Tan (2006),
    doi:10.1198/016214505000001366, and Frölich (2007), doi:10.1016/j.jeconom.2006.06.004.
    """

    kind: Literal["itt_dr_iv"] = "itt_dr_iv"
    target: Literal["LATE", "ATE"] = "LATE"
    assigned: float | None = Field(default=None, gt=0, lt=1)
    cov_clip: float = Field(default=COV_CLIP, gt=0, le=0.25)
    max_clipped: float = Field(default=0.05, ge=0, le=1)  # with 30 %, intervals cover less
    exposures: ClassVar[tuple[ExposureKind, ...]] = ("binary",)
    randomised: ClassVar[bool] = True

    @model_validator(mode="after")
    def _clips_only_what_is_divided_by(self) -> EncouragementDRIV:
        idle = [name for name in ("cov_clip", "max_clipped") if name in self.model_fields_set]
        if idle and self.target == "LATE":
            raise ValueError(
                f"{idle[0]} belongs to the target ATE; the LATE divides nothing by row"
            )
        return self

    @property
    def estimand(self) -> Target:
        """Give the target the specification names."""
        return self.target

    @property
    def unbounded_when_weak(self) -> str:
        """Say why nothing is excluded by an average of conditional effects."""
        if self.target == "LATE":
            return ""
        return (
            "whole line: for an average of conditional effects no set is known that holds however "
            "weak the instrument is (target LATE has one)"
        )

    def scores(self, known: Sample, fold: Ints, seed: int) -> Floats:
        """Give the doubly robust scores of encouragement's effects on outcome and on exposure."""
        return encouragement_scores(self._fit(known, fold, seed))

    def estimate(
        self, sample: Sample, nuisances: NuisanceStore, rng: np.random.Generator
    ) -> Estimates:
        """Estimate the ratio of averages, or the average of ratios."""
        if self.target == "LATE":
            return super().estimate(sample, nuisances, rng)
        known = self._ready(sample)
        fits = []
        for _ in range(self.cross_fit.repeats):
            fold = folds_by_unit(known.unit, self.cross_fit.folds, rng)
            _refuse_empty_parts(known, fold)
            fits.append(self._average(sample, known, fold, int(rng.integers(LARGEST_SEED))))
        return average_divisions(fits)

    def _average(self, sample: Sample, known: Sample, fold: Ints, seed: int) -> Estimates:
        """Average conditional effects over everybody, once for one division of the sample."""
        effects, clipped = conditional_effects(self._fit(known, fold, seed), known.w, self.cov_clip)
        share = float(np.average(clipped, weights=known.w))
        if share > self.max_clipped:
            raise InstrumentError(
                f"in {100 * share:.3g} % of the rows encouragement is predicted to move exposure "
                f"hardly at all or the other way (covariance below cov_clip, {self.cov_clip:g}); "
                f"max_clipped allows {100 * self.max_clipped:.3g} %. An average of effects divided "
                "by that would be ruled by the clipping. Choose target: LATE."
            )
        weights = _shares(known.w)
        mean = float(np.mean(weights * effects))
        influence = on_all_rows(sample, (weights * (effects - mean))[:, None])
        return from_influence(
            np.array([mean]),
            influence,
            sample,
            self.variance,
            self.estimand,
            labels=SLOPE,
            target_note="everybody, if those encouragement moves respond as others with the same "
            f"covariates do; clipped in {int(clipped.sum())} of {known.n} rows",
        )

    def _fit(self, known: Sample, fold: Ints, seed: int) -> Encouraged:
        """Have EconML fit the regressions."""
        return econml_encouraged(known, _one(known), fold, seed, self.assigned, self.cov_clip)

    def _ready(self, sample: Sample) -> Sample:
        """Refuse an instrument with other values than 0 and 1, besides the common checks."""
        known = super()._ready(sample)
        z = _one(known)
        if not is_binary(z):
            raise InstrumentError(
                f"{self.kind} takes a 0/1 instrument; '{known.instruments[0]}' has "
                f"{len(np.unique(z))} values from {z.min():g} to {z.max():g}. Use orthogonal_iv."
            )
        return known


def _one(sample: Sample) -> Floats:
    """Give the one instrument, which ``fit`` has made sure of."""
    return np.empty(sample.n) if sample.z is None else sample.z[:, 0]


def _shares(w: Floats) -> Floats:
    """Give weights of mean 1."""
    return np.asarray(w / w.mean())


def _refuse_empty_parts(known: Sample, fold: Ints) -> None:
    """Refuse divisions that leave one value only of a 0/1 variable to fit on."""
    columns = {"the exposure": known.a, f"the instrument '{known.instruments[0]}'": _one(known)}
    for name, column in columns.items():
        if not is_binary(column):
            continue
        for part in np.unique(fold):
            if len(np.unique(column[fold != part])) < 2:
                raise PositivityError(
                    f"{name} is the same in all rows outside one of {len(np.unique(fold))} parts "
                    "of the sample, so nothing can be fitted there. Use fewer folds, or widen the "
                    "population."
                )


def _refuse_determined(known: Sample, z: Floats) -> None:
    """Refuse covariates that determine a 0/1 instrument in some rows."""
    try:
        fit_glm(known.x, z, known.w, "logit")
    except SeparationFoundError as found:
        names = ", ".join(f"'{known.terms[i]}'" for i in found.columns) or "the covariates"
        raise InstrumentError(
            f"perfect separation: the covariates determine the instrument "
            f"'{known.instruments[0]}' of {found.rows} rows; it runs away along {names}. "
            "Drop or coarsen them, or choose a population in which both values occur."
        ) from None

"""Propensity and outcome regressions, fitted once and shared by the rungs that need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from causal.arrays import Bools, Floats, Ints
from causal.cohort import Sample
from causal.documents import Settings
from causal.errors import OutcomeError, PositivityError, SpecError, did_you_mean
from causal.estimators.estimability import complete, refuse_beyond
from causal.estimators.glm import Link, NuisanceFit, SeparationFoundError, aliased, fit_glm
from causal.estimators.iv_algebra import Projected
from causal.estimators.learners import Learned
from causal.estimators.outcome_fit import OutcomeFit, outcome_columns

Arms: TypeAlias = Literal["pooled", "separate"]


class PropensityModel(Learned):
    """Regression of exposure on covariates: logistic, main effects of the terms, if not learned.

    Attributes
    ----------
    learner, library, allow_import : what it is learned with, unpenalised likelihood by default.
    terms : which of the rung's terms to use; all when None.
    """

    terms: tuple[str, ...] | None = None

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms named."""
        return self.terms or ()


class OutcomeModel(Learned):
    """Regression of the outcome on exposure and covariates.

    Attributes
    ----------
    learner, library, allow_import : what it is learned with, unpenalised likelihood by default.
    link : ``logit`` (binary outcomes) or ``linear``; by the outcome's kind when None.
    terms : which of the rung's terms to use; all when None.
    interactions : terms multiplied with exposure.
    arms : ``pooled`` fits one regression with exposure in it, ``separate`` one an arm.
    """

    link: Link | None = None
    terms: tuple[str, ...] | None = None
    interactions: tuple[str, ...] = ()
    arms: Arms = "pooled"

    @model_validator(mode="after")
    def _has_a_form_only_if_glm(self) -> OutcomeModel:
        if self.learns and (self.link or self.interactions):
            raise ValueError(
                f"link and interactions are for learner: glm; '{self.learner}' goes by the "
                "outcome's kind, and learns each arm on its own with arms: separate."
            )
        return self

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms named."""
        return (self.terms or ()) + self.interactions


class ObservationModel(Settings):
    """Logistic regression of having an outcome on exposure and covariates.

    Attributes
    ----------
    terms : which of the rung's terms to use.
    interactions : terms multiplied with exposure.
    stabilised : multiply the inverse by the share followed of the arm (and of those seen); changes
        the weights reported, not the estimate, since weights are scaled to one an arm anyhow.
    """

    terms: tuple[str, ...]
    interactions: tuple[str, ...] = ()
    stabilised: bool = False

    @property
    def named_terms(self) -> tuple[str, ...]:
        """Give the terms named."""
        return self.terms + self.interactions


class EntryModel(Settings):
    """Logistic regression of being seen at the exposure interview on earlier covariates.

    Attributes
    ----------
    terms : which of the rung's terms to use.
    """

    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ObservationFit:
    """The regression of having an outcome, or of being seen at all, with its (n, p) design."""

    fit: NuisanceFit
    design: Floats


class CrossFitting(Settings):
    """Fit nuisances on part of the persons and predict for the rest.

    Attributes
    ----------
    folds : number of parts; persons, never rows, are divided.
    repeats : how often the division is drawn anew; estimates are combined, and what they owe to
        the luck of the draw is added to the variance and reported.
    combine : ``mean`` of the divisions, or their ``median``, which one odd division cannot move.
    """

    folds: int = Field(default=5, ge=2, le=50)
    repeats: int = Field(default=1, ge=1, le=200)
    combine: Literal["mean", "median"] = "mean"


@dataclass(slots=True)
class NuisanceStore:
    """Nuisance regressions already fitted on one sample, by settings and terms.

    A refuter that changes the exposure or the rows starts a new store.

    Attributes
    ----------
    start : the store of a similar sample, whose fits on all rows regressions begin from.
    crossed : (n,) propensities learned on other persons, by estimator and terms, as last used.
    projections : what ``Instrumented.projected`` has already projected, by terms and instruments.
    """

    start: NuisanceStore | None = None
    projections: dict[tuple[tuple[str, ...], tuple[str, ...]], Projected] = field(
        default_factory=dict
    )
    _propensities: dict[tuple[object, ...], NuisanceFit] = field(default_factory=dict)
    _outcomes: dict[tuple[object, ...], OutcomeFit] = field(default_factory=dict)
    crossed: dict[tuple[object, ...], Floats] = field(default_factory=dict)

    def propensity(
        self, sample: Sample, model: PropensityModel, rows: Bools | None = None
    ) -> NuisanceFit:
        """Fit exposure on covariates, or give the fit already made.

        Raises
        ------
        PositivityError
            The covariates determine the exposure of some rows; names the terms.
        """
        chosen = choose_terms(sample, model.terms)
        key = (chosen.terms, _key(rows))
        if key not in self._propensities:
            first = self.start._propensities.get((chosen.terms, None)) if self.start else None
            try:
                usable = sample.entered if rows is None else rows & sample.entered
                exposed = np.where(sample.entered, sample.a, 0.0)
                self._propensities[key] = fit_glm(
                    chosen.x,
                    exposed,
                    sample.w,
                    "logit",
                    None if usable.all() else usable,
                    first,
                )
            except SeparationFoundError as found:
                raise PositivityError(separation_message("exposure", chosen.terms, found)) from None
        return self._propensities[key]

    def outcome(self, sample: Sample, model: OutcomeModel, rows: Bools | None = None) -> OutcomeFit:
        """Fit the outcome on exposure and covariates, or give the fit already made.

        Raises
        ------
        OutcomeError
            The covariates determine the outcome of some rows; names the terms.
        """
        chosen = choose_terms(sample, model.terms)
        key = (model, chosen.terms, _key(rows))
        if key not in self._outcomes:
            first = self.start._outcomes.get((model, chosen.terms, None)) if self.start else None
            try:
                self._outcomes[key] = _fit_outcome(chosen, model, rows, first)
            except SeparationFoundError as found:
                names = _outcome_terms(chosen, model)
                raise OutcomeError(separation_message("outcome", names, found)) from None
        return self._outcomes[key]


def folds_by_unit(unit: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Divide persons into folds of equal size at random; give each row its fold.

    The division depends on the set of persons only, not on the order of the rows.
    """
    alone = bool((unit[1:] > unit[:-1]).all())  # one row a person, in order
    persons, row = (unit, slice(None)) if alone else np.unique(unit, return_inverse=True)
    fold = np.empty(len(persons), dtype=np.int64)
    fold[rng.permutation(len(persons))] = np.arange(len(persons)) % folds
    return fold[row]


def choose_terms(sample: Sample, terms: tuple[str, ...] | None) -> Sample:
    """Keep the terms a nuisance model names; all of them when it names none."""
    return sample if terms is None else sample.with_terms(terms)


def refuse_aliased_exposure(sample: Sample) -> None:
    """Refuse covariates that give the exposure exactly, which would share its coefficient.

    Raises
    ------
    PositivityError
        Exposure is a linear combination of the covariates.
    """
    if aliased(sample.a, sample.x, sample.w * sample.observed):
        raise PositivityError(
            "the covariates determine the exposure exactly (a linear combination of them equals "
            f"it), so nothing is left to compare. Look for it among {', '.join(sample.terms)}."
        )


def _key(rows: Bools | None) -> bytes | None:
    """Give what tells one subset of rows from another."""
    return None if rows is None else rows.tobytes()


def _fit_outcome(
    sample: Sample, model: OutcomeModel, rows: Bools | None, start: OutcomeFit | None = None
) -> OutcomeFit:
    """Fit one pooled regression or one an arm, and predict under both exposures."""
    begin: tuple[NuisanceFit | None, ...] = (None, None) if start is None else start.fits
    link = model.link or ("logit" if sample.outcome_kind == "binary" else "linear")
    if link == "logit" and sample.outcome_kind != "binary":
        raise OutcomeError("a logit link needs a 0/1 outcome. Set outcome.link to linear.")
    usable = sample.observed if rows is None else sample.observed & rows
    pooled = model.arms == "pooled"
    if pooled:
        refuse_aliased_exposure(sample)
    interacting = interacting_columns(sample, model.interactions)
    if pooled:
        actual = outcome_columns(sample.a, sample.x, interacting, pooled)
        fits: tuple[NuisanceFit, ...] = (
            fit_glm(actual, sample.y, sample.w, link, usable, begin[0]),
        )
    else:
        fits = tuple(
            fit_glm(sample.x, sample.y, sample.w, link, usable & (sample.a == level), first)
            for level, first in zip((0.0, 1.0), begin, strict=True)
        )
    names = _outcome_terms(sample, model)

    def predicted(fit: NuisanceFit, level: float) -> Floats:
        """Predict everybody at one exposure; the columns for it are gone before the next ones."""
        asked = outcome_columns(np.full(sample.n, level), sample.x, interacting, pooled)
        if not complete(fit):
            seen = usable if pooled else usable & (sample.a == level)
            where = "" if pooled else f" of the {'exposed' if level else 'unexposed'} arm"
            advice = "" if pooled else "Set arms to pooled, or drop"
            # a fold may lack a rare level, which is then predicted as if it were the common one
            over = asked if rows is None else asked[usable]
            refuse_beyond(fit, seen, over, names, where, advice)
        return fit.predict(asked)

    mu0, mu1 = predicted(fits[0], 0.0), predicted(fits[-1], 1.0)
    return OutcomeFit(mu0, mu1, fits, sample.x, interacting)


def interacting_columns(sample: Sample, terms: tuple[str, ...]) -> list[int]:
    """Find the columns of the terms that are multiplied with exposure."""
    for term in terms:
        if term not in sample.terms:
            raise SpecError(
                f"there is no term '{term}' to multiply with exposure. "
                f"{did_you_mean(term, sample.terms)}"
            )
    return [i for i, term in enumerate(sample.terms) if term in terms]


def _outcome_terms(sample: Sample, model: OutcomeModel) -> tuple[str, ...]:
    """Name the columns of ``outcome_columns``."""
    if model.arms == "separate":
        return sample.terms
    products = tuple(f"exposure:{t}" for t in sample.terms if t in model.interactions)
    return ("exposure", *sample.terms, *products)


def separation_message(what: str, terms: tuple[str, ...], found: SeparationFoundError) -> str:
    """Say that no maximum likelihood fit exists, and along which terms."""
    names = ", ".join(f"'{terms[i]}'" for i in found.columns) or "the covariates"
    return (
        f"perfect separation: the covariates determine the {what} of {found.rows} rows, so the "
        f"logistic regression has no finite fit. It runs away along {names}. "
        "Drop or coarsen them, or choose a population in which both values occur."
    )

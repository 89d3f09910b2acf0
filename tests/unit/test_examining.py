"""What no sensitivity analysis can represent of a rung is declined before any is made."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from causal.errors import Place
from causal.estimate import NotEstimable
from causal.estimators import (
    ControlFunction,
    GComputation,
    InstrumentalVariables,
    IntentionToTreat,
    LinearProbability,
    NuisanceStore,
    ResidualInclusion,
    WithinPerson,
)
from causal.examining import OF_INSTRUMENTS, Inquiry, analyse_sensitivity
from causal.sensitivity import (
    AnySensitivity,
    Austen,
    Bounding,
    EValue,
    InstrumentOmittedVariable,
    Misclassification,
    NonparametricOmittedVariable,
    OmittedVariable,
    Oster,
    PlausiblyExogenous,
    Proximal,
    Reliability,
    Rosenbaum,
    SelectionBias,
    TippingPoint,
)
from causal.subject import Subject

REFITTING = [Austen(), Bounding(), OmittedVariable(), Oster(), Rosenbaum(), SelectionBias()]
OTHERS = [
    *REFITTING,
    TippingPoint(),
    EValue(),
    NonparametricOmittedVariable(),
    Misclassification(),
    Proximal(
        confounder="motivation",
        exposure_proxy=["x0"],
        outcome_proxy=["x1"],
        rationale="made for the test",
    ),
    Reliability(terms=["x0"]),
]
EVERY_OTHER = pytest.mark.parametrize("settings", OTHERS, ids=lambda one: one.kind)
EVERY = pytest.mark.parametrize(
    "settings", [*REFITTING, TippingPoint(), EValue()], ids=lambda one: one.kind
)


def analysed(settings, estimator, fitted_on, *, sample=None):
    fit = estimator.fit(fitted_on, NuisanceStore(), np.random.default_rng(0))
    rows = fitted_on if sample is None else sample
    subject = Subject("full", estimator, rows, fit, fit, rows, "risk_difference", rows)
    inquiry = Inquiry(0, settings, subject, 1, Place())
    return analyse_sensitivity([inquiry])[0]


@EVERY
def test_rows_without_an_exposure_are_represented_by_no_analysis(confounded, settings):
    sample = confounded(n=300)
    unseen = replace(sample, a=np.where(np.arange(300) < 10, np.nan, sample.a))
    found = analysed(settings, GComputation(), sample, sample=unseen)
    assert isinstance(found.headline, NotEstimable)
    assert "never seen at the exposure interview" in found.short


@pytest.mark.parametrize("settings", REFITTING, ids=lambda one: one.kind)
def test_a_contrast_within_persons_is_not_analysed_as_one_between_them(confounded, settings):
    sample = confounded(n=300)
    paired = replace(sample, unit=np.arange(300) // 2, cluster=np.arange(300) // 2)
    found = analysed(settings, WithinPerson(), paired)
    assert isinstance(found.headline, NotEstimable)
    assert "compares persons with themselves" in found.short


@EVERY_OTHER
@pytest.mark.parametrize(
    "estimator",
    [InstrumentalVariables(), ControlFunction(), ResidualInclusion(), IntentionToTreat()],
    ids=lambda one: one.kind,
)
def test_a_rung_with_an_instrument_is_not_analysed_as_a_comparison_of_exposures(
    encouraged, settings, estimator
):
    found = analysed(settings, estimator, encouraged(300))
    assert isinstance(found.headline, NotEstimable)
    assert isinstance(found.multiple, NotEstimable)
    assert "goes by an instrument" in found.short
    assert "plausibly_exogenous and instrument_omitted_variable" in found.short


def test_every_kind_of_analysis_is_either_of_instruments_or_declined_for_them():
    kinds = {one.model_fields["kind"].default for one in get_args(get_args(AnySensitivity)[0])}
    declined = {settings.kind for settings in OTHERS}
    assert declined | set(OF_INSTRUMENTS) == kinds


@pytest.mark.parametrize("settings", [PlausiblyExogenous(), InstrumentOmittedVariable()])
def test_the_analyses_of_instruments_are_made_of_them_and_of_no_other_rung(encouraged, settings):
    sample = encouraged(3000, direct=0.6)
    assert not isinstance(
        analysed(settings, InstrumentalVariables(), sample).headline, NotEstimable
    )
    found = analysed(settings, LinearProbability(), sample)
    assert found.short == "This analysis does not apply: the rung has no instrument."


def test_a_rung_between_persons_with_known_exposures_is_analysed(confounded):
    found = analysed(OmittedVariable(), LinearProbability(), confounded(n=300))
    assert not isinstance(found.headline, NotEstimable)

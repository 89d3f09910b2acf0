"""What no sensitivity analysis can represent of a rung is declined before any is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.errors import Place
from causal.estimate import NotEstimable
from causal.estimators import GComputation, LinearProbability, NuisanceStore, WithinPerson
from causal.examining import Inquiry, analyse_sensitivity
from causal.sensitivity import (
    Austen,
    Bounding,
    EValue,
    OmittedVariable,
    Oster,
    Rosenbaum,
    SelectionBias,
    TippingPoint,
)
from causal.subject import Subject

REFITTING = [Austen(), Bounding(), OmittedVariable(), Oster(), Rosenbaum(), SelectionBias()]
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


def test_a_rung_between_persons_with_known_exposures_is_analysed(confounded):
    found = analysed(OmittedVariable(), LinearProbability(), confounded(n=300))
    assert not isinstance(found.headline, NotEstimable)

"""DoWhy's refuters agree with the own ones where they work, and are not asked where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimators import GComputation, LinearProbability, MeanDifference
from causal.refuters import DoWhySecondOpinion
from causal.refuters.dowhy_refuters import Method

METHODS = pytest.mark.parametrize("method", get_args(Method))


@METHODS
def test_both_agree_on_the_same_linear_regression(refute, confounded, method):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = refute(DoWhySecondOpinion(method=method, draws=50), GComputation(), confounded())
    assert found.verdict == "PASS", found.reason
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert "they agree" in found.reason
    assert found.mean != found.expected


@METHODS
def test_the_same_stream_gives_the_same_number(refute, confounded, method):
    asked = DoWhySecondOpinion(draws=20, method=method)
    first, second = (refute(asked, LinearProbability(), confounded(150)) for _ in range(2))
    assert first.mean == second.mean


def test_a_bootstrap_with_noise_in_its_covariates_is_found_to_be_something_else(refute, confounded):
    """DoWhy's own default adds noise, which adjusts for less; both programs as they are."""
    sample = confounded(2000, strength=1.0)
    noisy = DoWhySecondOpinion(method="bootstrap", draws=50, noise=0.5)
    found = refute(noisy, GComputation(), sample)
    assert found.verdict == "FAIL", found.reason
    assert "they disagree" in found.reason
    plain = refute(noisy.model_copy(update={"noise": 0.0}), GComputation(), sample)
    assert plain.verdict == "PASS", plain.reason


def test_an_unobserved_common_cause_moves_both_programs_alike(refute, confounded):
    asked = DoWhySecondOpinion(method="unobserved_common_cause", draws=20, strength=(0.2, 0.1))
    found = refute(asked, LinearProbability(), confounded(1000))
    assert found.verdict == "PASS", found.reason
    assert found.mean < found.expected - 0.02  # it takes from the outcome of those it turns round
    assert "without the common cause" in found.reason
    with pytest.raises(ValidationError, match="strength"):
        DoWhySecondOpinion(method="unobserved_common_cause", strength=(0.0, 0.1))


def test_a_dowhy_that_answers_something_else_fails(refute, confounded, monkeypatch):
    from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator

    honest, calls = LinearRegressionEstimator.estimate_effect, []

    def biased(self, *arguments, **options):
        calls.append(1)
        answer = honest(self, *arguments, **options)
        if len(calls) > 1:  # the refuter's fits, not the first
            answer.value += 0.3
        return answer

    monkeypatch.setattr(LinearRegressionEstimator, "estimate_effect", biased)
    found = refute(DoWhySecondOpinion(draws=50), GComputation(), confounded())
    assert found.verdict == "FAIL", found.reason
    assert "they disagree" in found.reason


def test_another_model_is_not_compared(refute, confounded, monkeypatch):
    from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator

    honest = LinearRegressionEstimator.estimate_effect

    def biased(self, *arguments, **options):
        answer = honest(self, *arguments, **options)
        answer.value += 0.3
        return answer

    monkeypatch.setattr(LinearRegressionEstimator, "estimate_effect", biased)
    found = refute(DoWhySecondOpinion(draws=20), GComputation(), confounded())
    assert found.verdict == "NOT_EVALUATED"
    assert "not the same model" in found.reason


def test_where_dowhy_goes_wrong_it_is_not_asked(refute, confounded):
    plain = confounded(outcome="continuous")
    dose = replace(plain, a=np.sin(plain.y), exposure_kind="dose")
    for sample, word in (
        (confounded(missing=True), "missing"),
        (confounded(weighted=True), "weights"),
        (confounded().with_terms(()), "without covariates"),
    ):
        found = refute(DoWhySecondOpinion(), MeanDifference(), sample)
        assert found.verdict == "NOT_EVALUATED"
        assert word in found.reason
    found = refute(DoWhySecondOpinion(), LinearProbability(), dose, scale="mean_difference")
    assert "not 0/1" in found.reason


def test_many_covariates_do_not_slow_identification(refute, confounded):
    sample = confounded()
    wide = np.random.default_rng(1).normal(size=(sample.n, 25))
    crowded = replace(
        sample, x=wide, terms=tuple(f"t{i}" for i in range(25)), concepts=("severity",) * 25
    )
    found = refute(DoWhySecondOpinion(draws=20), GComputation(), crowded)
    assert found.verdict == "PASS", found.reason

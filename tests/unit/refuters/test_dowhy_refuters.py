"""DoWhy's refuters agree with the own ones where they work, and are not asked where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.estimators import GComputation, LinearProbability, MeanDifference
from causal.refuters import DoWhySecondOpinion

METHODS = pytest.mark.parametrize("method", ["placebo", "random_common_cause", "subset"])


@METHODS
def test_both_agree_on_the_same_linear_regression(refute, confounded, method):
    found = refute(DoWhySecondOpinion(method=method, draws=50), GComputation(), confounded())
    assert found.verdict == "PASS", found.reason
    assert "they agree" in found.reason
    assert found.mean != found.expected


def test_the_same_stream_gives_the_same_number(refute, confounded):
    first, second = (
        refute(DoWhySecondOpinion(draws=20), LinearProbability(), confounded()) for _ in range(2)
    )
    assert first.mean == second.mean


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

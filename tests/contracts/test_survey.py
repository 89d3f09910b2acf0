"""What every estimator owes a survey: weights change it, strata its error; or it says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.errors import SpecError
from causal.estimators import CausalForest, Instrumented, Matching
from causal.estimators.variance import Variance
from causal.strata import Strata
from tests.contracts.test_estimators import BY_ECONML, ESTIMATORS, EVERY, fitted

HEEDED = 0.02  # weights of 5 for those whose outcome, exposure and instrument agree move more
EXACT = 1e-9
OF_INSTRUMENTS = {"HC0", "HC1", "CR1S", "CR1"}


def surveyed(sample, units=40, strata=8):
    unit = np.arange(sample.n) % units
    code = (unit * strata // units).astype(np.int64)
    drawn = np.full(sample.n, units / strata)
    return replace(
        sample, cluster=unit.astype(np.int64), strata=Strata(code, drawn, np.zeros(sample.n))
    )


@EVERY
def test_weights_change_the_estimate(confounded, estimator):
    sample = confounded(n=600)
    rng = np.random.default_rng(7)
    alike = (sample.y == sample.a) & (sample.a == (sample.z[:, 0] > 0.5))
    chosen = alike & (rng.random(sample.n) < 0.7)  # moves any contrast
    heavy = replace(sample, w=np.where(chosen, 5.0, 1.0))
    before, after = (fitted(estimator, one).values for one in (sample, heavy))
    moved = np.abs(after - before)
    assert moved.max() > HEEDED


@EVERY
def test_a_survey_gives_the_linearised_error_or_a_refusal_that_names_another(confounded, estimator):
    sample = surveyed(confounded(weighted=True))
    kind = estimator.variance.kind
    if kind == "classical":
        with pytest.raises(SpecError, match=r"knows nothing of how a survey.*Choose HC0"):
            fitted(estimator, sample)
        return
    if isinstance(estimator, Matching) and estimator.draws is not None:
        with pytest.raises(SpecError, match=r"draws.*knows nothing of strata"):
            fitted(estimator, sample)
        return
    found = fitted(estimator, sample)
    assert found.df == 40 - 8
    assert found.strata is sample.strata
    implied = inference.covariance(found.influence, found.cluster, found.strata)
    plain = replace(sample, strata=None)
    if not isinstance(estimator, CausalForest):  # whose divisions add what lies between them
        ratio = found.covariance / implied
        assert np.ptp(ratio) < 0.5
    assert not np.allclose(found.covariance, fitted(estimator, plain).covariance, rtol=1e-6)
    np.testing.assert_allclose(found.values, fitted(estimator, plain).values, rtol=EXACT)


def test_errors_of_matching_for_independent_rows_are_refused_under_a_survey(confounded):
    sample = confounded()
    rows = Strata(np.zeros(sample.n, dtype=np.int64), np.full(sample.n, 400.0), np.zeros(sample.n))
    with pytest.raises(SpecError, match="otsu_rai"):
        fitted(Matching(error="abadie_imbens"), replace(sample, strata=rows))


@pytest.mark.parametrize("kind", ["CR1S", "CR1", "CR2", "wild"])
@EVERY
def test_variances_of_clusters_are_there_or_refused_with_the_choices(confounded, estimator, kind):
    if kind not in type(estimator).variances:
        with pytest.raises(ValueError, match=f"has no {kind} standard error; choose .*HC0"):
            type(estimator)(variance={"kind": kind})
        return
    usual = type(estimator)().variance.kind
    if isinstance(estimator, BY_ECONML) or estimator.variance.kind != usual:
        return  # the same code, slowly
    draws = {"draws": 199} if kind == "wild" else {}
    one = estimator.model_copy(update={"variance": Variance(kind=kind, **draws)})
    with pytest.raises(SpecError, match=f"{kind} is for clusters"):
        fitted(one, confounded())
    if isinstance(one, Matching) and one.error != "otsu_rai":
        return
    found = fitted(one, replace(confounded(), cluster=np.arange(400, dtype=np.int64) % 10))
    own = isinstance(one, Matching) and one.draws is not None  # percentiles of its own bootstrap
    assert (found.region is not None) == (kind == "wild" or own)
    if isinstance(one, Instrumented):
        assert kind in OF_INSTRUMENTS


def test_every_kind_of_estimator_is_asked():
    assert len(ESTIMATORS) > 40

"""First stage and reduced form: against statsmodels, and under relabelling."""

import numpy as np
import pytest

from causal import inference
from causal.errors import PositivityError, SpecError
from causal.estimate import NotEstimable
from causal.instrumental.stages import check_two_arms, fit_stages


def fit(one, **changes):
    y, a, z, x = (changes.get(key, getattr(one, key)) for key in ("y", "a", "z", "x"))
    return fit_stages(y, a, z, x, one.w, one.cluster)


@pytest.mark.parametrize("clustered", [False, True])
def test_coefficients_and_errors_are_those_of_statsmodels(trial, clustered):
    import statsmodels.api as sm

    one = trial(weighted=True, clustered=clustered)
    found = fit(one)
    design = np.column_stack([np.ones(len(one.z)), one.z, one.x])
    for place, target in ((0, one.y), (1, one.a)):
        model = sm.WLS(target, design, weights=one.w)
        classical = model.fit()
        robust = (
            model.fit(cov_type="cluster", cov_kwds={"groups": one.cluster})
            if clustered
            else model.fit(cov_type="HC1")
        )
        assert (found.reduced, found.first)[place] == pytest.approx(classical.params[1])
        assert found.classical[place, place] == pytest.approx(classical.bse[1] ** 2)
        assert found.covariance[place, place] == pytest.approx(robust.bse[1] ** 2)
    assert found.df == classical.df_resid


def test_relabelling_the_instrument_turns_both_stages_and_leaves_the_ratio(trial):
    one = trial(clustered=True)
    here, there = fit(one), fit(one, z=1 - one.z)
    assert (there.reduced, there.first) == pytest.approx((-here.reduced, -here.first))
    assert there.wald == pytest.approx(here.wald)
    assert there.f == pytest.approx(here.f)
    assert there.region().pieces[0] == pytest.approx(here.region().pieces[0])


def test_recoding_the_outcome_turns_the_ratio(trial):
    one = trial()
    low, high = fit(one).region().pieces[0]
    assert fit(one, y=1 - one.y).wald == pytest.approx(-fit(one).wald)
    assert fit(one, y=1 - one.y).region().pieces[0] == pytest.approx((-high, -low))


def test_the_set_holds_what_the_regression_of_what_is_left_does_not_reject(trial):
    one = trial(weighted=True)
    low, high = fit(one).region().pieces[0]
    for value in (low, high):
        left = fit(one, y=one.y - value * one.a)
        z = left.reduced / np.sqrt(left.covariance[0, 0])
        assert abs(z) == pytest.approx(inference.critical_value(), abs=1e-6)


def test_what_cannot_be_fitted_says_why(trial):
    one = trial()
    determined = fit(one, x=one.z[:, None])
    assert isinstance(determined, NotEstimable)
    assert "determine the instrument" in determined.reason
    few = fit_stages(one.y[:4], one.a[:4], one.z[:4], one.x[:4], one.w[:4], None)
    assert isinstance(few, NotEstimable)
    assert "too few" in few.reason


def test_an_instrument_of_one_value_or_of_others_is_refused():
    with pytest.raises(PositivityError, match="everyone has instrument 1"):
        check_two_arms(np.ones(4), "instrument")
    with pytest.raises(SpecError, match="found 0, 2"):
        check_two_arms(np.array([0.0, 2.0]), "instrument")
    with pytest.raises(SpecError, match="missing"):
        check_two_arms(np.array([0.0, 1.0, np.nan]), "instrument")

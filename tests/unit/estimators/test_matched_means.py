"""Standard errors of matching against the papers' formulas, written out, and statsmodels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from causal.errors import OutcomeError, SpecError
from causal.estimators import Matching, NuisanceStore
from causal.estimators.match_sets import TIE, Space, group_rows, match_own_arm
from causal.estimators.matched_means import (
    abadie_imbens,
    form_matched,
    matched_means,
    powers,
)
from causal.estimators.matching import lay_out
from causal.estimators.nuisance import PropensityModel

SAME = 1e-9  # the same formula, summed in another order
NEIGHBOURS = 2


def textbook(sample, target, m, adjusted=False):
    """Write out Abadie & Imbens (2006), theorem 7, for covariates without ties.

    With ``adjusted``, imputed outcomes are moved as Abadie & Imbens (2011), equation 5, by a
    regression of each arm among the rows used as matches.
    """
    z = (sample.x - sample.x.mean(axis=0)) / sample.x.std(axis=0)
    white = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T, ddof=0))).T
    apart = np.linalg.norm(white[:, None] - white[None], axis=2)
    n, y, a = sample.n, sample.y, sample.a
    design = np.column_stack([np.ones(n), sample.x])
    used = np.zeros((n, n), dtype=bool)  # row, its matches
    for i in range(n):
        across = np.flatnonzero(a != a[i])
        used[i, across[np.argsort(apart[i, across])[:m]]] = target == "ATE" or a[i] == 1
    fits = {
        arm: design
        @ np.linalg.lstsq(design[donor := used.any(axis=0) & (a == arm)], y[donor], rcond=None)[0]
        for arm in (0, 1)
        if (used.any(axis=0) & (a == arm)).any() and adjusted
    }
    other = np.zeros(n)
    times = np.zeros(n)
    spread = np.zeros(n)
    for i in range(n):
        across = np.flatnonzero(a != a[i])
        near = across[np.argsort(apart[i, across])[:m]]
        other[i] = y[near].mean()
        if 1 - a[i] in fits:
            other[i] += (fits[1 - a[i]][i] - fits[1 - a[i]][near]).mean()
        if target == "ATE" or a[i] == 1:
            times[near] += 1
        own = np.setdiff1d(np.flatnonzero(a == a[i]), [i])
        alike = own[np.argsort(apart[i, own])[:NEIGHBOURS]]
        spread[i] = NEIGHBOURS / (NEIGHBOURS + 1) * (y[i] - y[alike].mean()) ** 2
    effects = (2 * a - 1) * (y - other)
    if target == "ATE":
        tau = effects.mean()
        k = times / m
        extra = (k**2 + (2 * m - 1) / m * k) * spread
        return tau, np.sqrt(((effects - tau) ** 2).sum() + extra.sum()) / n
    one = a == 1
    tau = effects[one].mean()
    extra = (times * (times - 1) / m**2 * spread)[~one]
    return tau, np.sqrt(((effects[one] - tau) ** 2).sum() + extra.sum()) / one.sum()


@pytest.mark.parametrize("target", ["ATE", "ATT"])
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("adjusted", [False, True], ids=["", "adjusted"])
def test_abadie_imbens_errors_are_those_of_the_paper(confounded, target, m, adjusted):
    sample = confounded(n=150, outcome="continuous")
    estimator = Matching(
        target=target,
        ratio=m,
        distance="mahalanobis",
        error="abadie_imbens",
        bias_adjusted=adjusted,
    )
    effect = estimator.fit(sample, NuisanceStore(), None).effect("mean_difference")
    assert (effect.estimate, effect.std_error) == pytest.approx(
        textbook(sample, target, m, adjusted), rel=SAME
    )


def test_a_propensity_of_one_covariate_is_nothing_but_that_covariate(confounded):
    sample = confounded(n=2000).with_terms(("x0",))
    by_x, by_e = (
        Matching(target="ATE", distance=distance, error="abadie_imbens").fit(
            sample, NuisanceStore(), None
        )
        for distance in ("mahalanobis", "propensity")
    )
    np.testing.assert_allclose(by_x.values, by_e.values, rtol=SAME)
    # estimating it gains nothing, but for what sampling correlates with it
    assert by_e.effect("risk_difference").std_error == pytest.approx(
        by_x.effect("risk_difference").std_error, rel=0.02
    )


def test_estimating_the_propensity_makes_the_ate_more_precise(confounded):
    sample = confounded(n=3000)
    store = NuisanceStore()
    estimator = Matching(target="ATE", error="abadie_imbens")
    estimated = estimator.fit(sample, store, None)
    fit = store.propensity(sample, PropensityModel())
    groups = group_rows(sample.x, sample.a, np.empty((sample.n, 0)))
    points, logit = lay_out(fit, sample.x, groups, "propensity")
    space = Space(points[groups.first], logit[groups.first], np.inf, TIE)
    everybody = np.ones(sample.n, dtype=bool)
    sets = estimator.find_sets(sample, store)
    matched = form_matched(sample.y, sample.a, sample.w, sets, everybody)
    means = matched_means(matched, logit, None, None, adjusted=False)
    known = abadie_imbens(matched, means, match_own_arm(space, groups, NEIGHBOURS))
    difference = np.array([-1.0, 1.0])
    gained = difference @ (known - estimated.covariance) @ difference
    assert gained > 0.01 * difference @ known @ difference


@pytest.mark.parametrize("ratio", [1, 2])
def test_abadie_spiess_errors_are_clustered_by_matched_set(confounded, ratio):
    sample = confounded(n=500, strength=0.3)
    store = NuisanceStore()
    settings = dict(target="ATC" if sample.a.mean() > 0.5 else "ATT", replacement=False)
    if ratio == 2:
        sample = sample.rows((sample.a == 0) | (np.arange(500) % 3 == 0))
    estimator = Matching(ratio=ratio, error="abadie_spiess", **settings)
    effect = estimator.fit(sample, store, None).effect("risk_difference")
    sets = estimator.find_sets(sample, store)
    rows = np.concatenate([np.unique(sets.targets), sets.donors])
    label = np.concatenate([np.unique(sets.targets), sets.targets])
    weight = np.concatenate([np.ones(len(np.unique(sets.targets))), np.full(len(sets.donors), 1)])
    weight[len(np.unique(sets.targets)) :] /= ratio
    peer = sm.WLS(sample.y[rows], sm.add_constant(sample.a[rows]), weights=weight).fit(
        cov_type="cluster", cov_kwds={"groups": label, "use_correction": False}
    )
    assert effect.estimate == pytest.approx(peer.params[1], rel=SAME)
    assert effect.std_error == pytest.approx(peer.bse[1], rel=SAME)


def test_bias_adjustment_moves_matches_along_a_regression(confounded):
    sample = confounded(n=300, outcome="continuous")
    store = NuisanceStore()
    estimator = Matching(bias_adjusted=True, ratio=2)
    sets = estimator.find_sets(sample, store)
    given, _ = sets.given(sample.a, sample.w)
    matches = given > 0
    line = sm.OLS(sample.y[matches], sm.add_constant(sample.x[matches])).fit()
    expected = line.predict(sm.add_constant(sample.x))
    residual = sets.impute(sample.y - expected, sample.w)
    moved = (sample.y - expected - residual)[sample.a == 1].mean()
    found = estimator.fit(sample, store, None).effect("mean_difference").estimate
    assert found == pytest.approx(moved, rel=1e-8)


def test_adjustment_removes_what_is_left_of_a_linear_confounder(confounded):
    """With an outcome that is exactly linear in covariates, only the effect is left."""
    sample = confounded(n=200, outcome="continuous")
    exact = 2.0 * sample.a + sample.x @ np.array([1.0, -3.0, 0.5])
    sample = replace(sample, y=exact)
    adjusted = Matching(target="ATE", distance="mahalanobis", bias_adjusted=True)
    plain = Matching(target="ATE", distance="mahalanobis")
    effects = [np.diff(e.fit(sample, NuisanceStore(), None).values)[0] for e in (adjusted, plain)]
    assert effects[0] == pytest.approx(2.0, rel=1e-9)
    assert abs(effects[1] - 2.0) > 0.1


def test_too_few_matches_for_the_regression_are_refused(confounded):
    sample = confounded(n=400)
    few = np.flatnonzero(sample.a == 0)[:4]
    rows = np.isin(np.arange(400), few) | (sample.a == 1)
    with pytest.raises(OutcomeError, match="matched rows are too few for a regression"):
        Matching(distance="mahalanobis").fit(sample.rows(rows), NuisanceStore(), None)


def test_powers_of_the_logit_are_as_many_as_the_matches_bear():
    logit = np.arange(5.0)
    assert [powers(logit, donors).shape for donors in (4, 10, 25, 1000)] == [
        (5, 0),
        (5, 1),
        (5, 2),
        (5, 3),
    ]


@pytest.mark.parametrize("settings", [{}, {"replacement": False, "caliper": 0.2}], ids=str)
def test_errors_for_independent_rows_are_refused_for_clusters(confounded, settings):
    kind = "abadie_spiess" if settings else "abadie_imbens"
    sample = confounded(n=300, clustered=True)
    with pytest.raises(SpecError, match=r"300 are in 150 clusters. Set error to otsu_rai"):
        Matching(error=kind, **settings).fit(sample, NuisanceStore(), None)
    open_ = Matching(error=kind, variance={"clustered": False}, **settings)
    assert open_.fit(sample, NuisanceStore(), None).effect("risk_difference").std_error > 0


def test_a_lone_row_of_its_arm_has_no_neighbours_to_take_the_spread_from(confounded):
    sample = confounded(n=300)
    lone = np.zeros(300)
    lone[[int(np.flatnonzero(sample.a == 0)[0]), int(np.flatnonzero(sample.a == 1)[0])]] = 1
    sample = replace(sample, x=np.column_stack([sample.x[:, :2], lone]))
    with pytest.raises(OutcomeError, match=r"1 matched rows have no other.*Set error to otsu_rai"):
        Matching(
            exact=("x2",), error="abadie_imbens", propensity=PropensityModel(terms=("x0", "x1"))
        ).fit(sample, NuisanceStore(), None)

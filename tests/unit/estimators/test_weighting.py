"""Inverse probability and overlap weighting against stacked equations and statsmodels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from causal.errors import CausalError, PositivityError
from causal.estimators import InverseProbability, NuisanceStore, Overlap
from causal.estimators.nuisance import EntryModel, ObservationModel, PropensityModel
from causal.estimators.weighting import balancing_weights, clipped, weight_slopes, within

SAME = 1e-8  # the same formula on a propensity converged to 1e-10
STACKED = 1e-6  # the reference differentiates numerically
EXACT = 1e-12

RNG = np.random.default_rng(0)


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), RNG)


def peer_propensity(sample):
    """Fit the propensity with statsmodels."""
    model = sm.GLM(
        sample.a, sm.add_constant(sample.x), family=sm.families.Binomial(), freq_weights=sample.w
    )
    return model.fit(tol=1e-14).fittedvalues


def weighting_equations(sample, target, clip=None, trim=None):
    """Write the estimating equations of weighted means with an estimated propensity."""
    design = np.hstack([np.ones((sample.n, 1)), sample.x])
    first = peer_propensity(sample)
    kept = np.ones(sample.n) if trim is None else (first >= trim) & (first <= 1 - trim)
    a, y = sample.a, np.where(sample.observed, sample.y, 0.0)
    base = sample.w * kept * sample.observed

    def psi(theta):
        e = 1 / (1 + np.exp(-design @ theta[:-2]))
        scores = design * (sample.w * (a - e))[:, None]
        e = e if clip is None else np.clip(e, *clip)
        tilts = {"ATE": 1.0, "ATT": e, "ATC": 1 - e, "ATO": e * (1 - e)}
        tilt = np.minimum(e, 1 - e) if target == "ATM" else tilts[target]
        return np.column_stack(
            [
                scores,
                base * tilt * (1 - a) / (1 - e) * (y - theta[-2]),
                base * tilt * a / e * (y - theta[-1]),
            ]
        )

    return psi, np.zeros(design.shape[1] + 2)


@pytest.mark.parametrize("target", ["ATE", "ATT", "ATC"])
@pytest.mark.parametrize("limits", [{}, {"clip": (0.3, 0.7)}, {"trim": 0.25}], ids=str)
@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_ipw_solves_its_stacked_equations(
    confounded, estimating_equations, target, limits, population
):
    sample = confounded(n=500, **population)
    psi, start = weighting_equations(sample, target, **limits)
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    ours = fitted(InverseProbability(target=target, **limits), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)


@pytest.mark.parametrize("target", ["ATO", "ATM"])
@pytest.mark.parametrize("population", [{}, {"weighted": True}, {"clustered": True}], ids=str)
def test_overlap_and_matching_weights_solve_their_stacked_equations(
    confounded, estimating_equations, population, target
):
    sample = confounded(n=500, **population)
    psi, start = weighting_equations(sample, target)
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    ours = fitted(Overlap(target=target), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_known_weights_give_the_robust_error_of_a_weighted_regression(confounded, target):
    sample = confounded(weighted=True)
    e = peer_propensity(sample)
    weights = sample.w * balancing_weights(e, sample.a, target)
    peer = sm.WLS(sample.y, sm.add_constant(sample.a), weights=weights).fit(cov_type="HC0")
    ours = fitted(InverseProbability(target=target, weights_known=True), sample)
    effect = ours.effect("risk_difference")
    assert math.isclose(effect.estimate, peer.params[1], rel_tol=SAME)
    assert math.isclose(effect.std_error, peer.bse[1], rel_tol=SAME)


def test_estimating_the_propensity_makes_the_ate_more_precise(confounded):
    sample = confounded(n=2000)
    known, estimated = (
        fitted(InverseProbability(weights_known=flag), sample).effect("risk_difference")
        for flag in (True, False)
    )
    assert estimated.std_error < known.std_error


def test_overlap_weights_balance_the_means_exactly(confounded):
    sample = confounded()
    weights = Overlap().weights(sample, NuisanceStore())
    means = [
        np.average(sample.x[sample.a == arm], axis=0, weights=weights[sample.a == arm])
        for arm in (0, 1)
    ]
    np.testing.assert_allclose(means[1], means[0], rtol=SAME, atol=1e-10)


def test_stabilised_weights_change_no_estimate(confounded):
    sample = confounded()
    plain, stable = (fitted(InverseProbability(stabilised=flag), sample) for flag in (False, True))
    np.testing.assert_allclose(stable.covariance, plain.covariance, rtol=EXACT)
    weights = InverseProbability(stabilised=True).weights(sample, NuisanceStore())
    assert abs(weights.mean() - 1) < 0.1  # plain weights have mean 2


def weighted_contrast(sample, weights):
    means = [np.average(sample.y[sample.a == k], weights=weights[sample.a == k]) for k in (0, 1)]
    return means[1] - means[0]


@pytest.mark.parametrize("stabilised", [False, True])
def test_truncation_sets_weights_to_percentiles_of_both_arms(confounded, stabilised):
    """Cole & Hernán (2008): percentiles of the weights as they are, stabilised or not."""
    sample = confounded()
    e = peer_propensity(sample)
    share = sample.a.mean() if stabilised else 1.0
    other = 1 - sample.a.mean() if stabilised else 1.0
    plain = np.where(sample.a == 1, share / e, other / (1 - e))
    low, high = np.percentile(plain, [5, 95])
    ours = InverseProbability(truncate=(5, 95), stabilised=stabilised)
    weights = ours.weights(sample, NuisanceStore())
    np.testing.assert_allclose(weights, np.clip(plain, low, high), rtol=SAME)
    effect = fitted(ours, sample).effect("risk_difference")
    assert math.isclose(effect.estimate, weighted_contrast(sample, weights), rel_tol=SAME)
    (found,) = ours.limited(sample, NuisanceStore())
    assert (found.name, found.rows) == ("truncated", 40)
    assert "percentile 5 or 95 of the weights; the target stays" in found.said
    assert fitted(ours, sample).target_note == ""


@pytest.mark.parametrize(("target", "arm"), [("ATT", 0), ("ATC", 1)])
def test_truncation_for_one_arm_takes_percentiles_of_the_rows_it_weights(confounded, target, arm):
    sample = confounded()
    plain, cut = (
        InverseProbability(target=target, truncate=one).weights(sample, NuisanceStore())
        for one in (None, (0, 90))
    )
    rows = sample.a == arm
    expected = np.minimum(plain[rows], np.percentile(plain[rows], 90))
    np.testing.assert_allclose(cut[rows], expected, rtol=EXACT)
    assert (cut[~rows] == 1).all()


def test_truncating_nothing_changes_nothing(confounded):
    sample = confounded(weighted=True)
    plain, cut = (fitted(InverseProbability(truncate=one), sample) for one in (None, (0, 100)))
    np.testing.assert_array_equal(plain.values, cut.values)
    np.testing.assert_array_equal(plain.covariance, cut.covariance)


def test_truncated_rows_no_longer_move_with_the_propensity(confounded):
    """With all weights cut to one value an arm, the arm means and their errors are left."""
    sample = confounded()
    ours = fitted(InverseProbability(truncate=(49.99, 50.01)), sample)
    crude = fitted(InverseProbability(), sample.adjusting_for(()))
    np.testing.assert_allclose(ours.values, crude.values, rtol=1e-3)
    np.testing.assert_allclose(ours.covariance, crude.covariance, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("bounds", [(99, 1), (-1, 99), (1, 101), (0.01, 0.99), (60, 99)])
def test_percentiles_that_cannot_be_meant_are_refused(bounds):
    with pytest.raises(ValidationError, match="truncate takes two percentiles"):
        InverseProbability(truncate=bounds)


def test_matching_weights_are_one_for_the_rarer_exposure():
    e = np.array([0.2, 0.2, 0.8, 0.8])
    weights = balancing_weights(e, np.array([1.0, 0, 1, 0]), "ATM")
    np.testing.assert_allclose(weights, [1, 0.25, 0.25, 1], rtol=EXACT)


def test_without_covariates_weighting_gives_the_arm_means(confounded):
    sample = confounded().adjusting_for(())
    means = [sample.y[sample.a == arm].mean() for arm in (0, 1)]
    for estimator in (InverseProbability(), InverseProbability(target="ATT"), Overlap()):
        np.testing.assert_allclose(fitted(estimator, sample).values, means, rtol=SAME)


@pytest.mark.parametrize("target", ["ATE", "ATT", "ATC", "ATO", "ATM"])
@pytest.mark.parametrize("arm", [0.0, 1.0])
def test_weight_slopes_are_the_derivatives_of_the_weights(target, arm):
    logit, step = np.linspace(-3, 3, 12), 1e-6  # not at 0, where matching weights bend
    a = np.full(12, arm)
    low, high = (
        balancing_weights(1 / (1 + np.exp(-(logit + h))), a, target) for h in (-step, step)
    )
    slopes = weight_slopes(1 / (1 + np.exp(-logit)), a, target)
    np.testing.assert_allclose(slopes, (high - low) / (2 * step), rtol=STACKED, atol=1e-8)


def test_trimming_narrows_the_target_and_says_so(confounded):
    sample = confounded()
    ours = fitted(InverseProbability(trim=0.3), sample)
    e = peer_propensity(sample)
    kept = int(((e >= 0.3) & (e <= 0.7)).sum())
    assert f"among the {kept} of 400 rows" in ours.target_note
    assert not InverseProbability(trim=0.3).weights(sample, NuisanceStore())[~within(e, 0.3)].any()


def test_trimming_everybody_is_refused(confounded):
    with pytest.raises(PositivityError, match="trimming leaves nobody with exposure"):
        fitted(InverseProbability(trim=0.499999), confounded(n=40))


def test_clipping_tells_which_propensities_were_free():
    e, free = clipped(np.array([0.01, 0.5, 0.99]), (0.1, 0.9))
    np.testing.assert_array_equal(e, [0.1, 0.5, 0.9])
    np.testing.assert_array_equal(free, [False, True, False])


@pytest.mark.parametrize("bounds", [(0.9, 0.1), (-0.1, 0.9), (0.1, 1.5), (0.5, 0.5)])
def test_clipping_bounds_that_cannot_be_meant_are_refused(bounds):
    with pytest.raises(ValidationError, match="clip"):
        InverseProbability(clip=bounds)


@pytest.mark.parametrize(
    "estimator",
    [InverseProbability(), InverseProbability(target="ATT"), Overlap()],
    ids=["ATE", "ATT", "ATO"],
)
def test_missing_outcomes_are_refused_since_weights_do_not_make_up_for_them(confounded, estimator):
    """The weights balance everybody; the weighted means would be over those who answered."""
    with pytest.raises(CausalError, match="missing"):
        fitted(estimator, confounded(missing=True))


def test_extreme_propensities_give_finite_weights_without_warnings(confounded):
    sample = confounded(n=3000, strength=6.0)
    assert peer_propensity(sample).min() < 1e-9
    for estimator in (InverseProbability(), InverseProbability(target="ATT"), Overlap()):
        assert np.isfinite(estimator.weights(sample, NuisanceStore())).all()
        assert np.isfinite(fitted(estimator, sample).covariance).all()


def test_a_covariate_that_determines_exposure_is_named(confounded):
    base = confounded()
    sample = replace(base, x=np.column_stack([base.x[:, :2], base.a + base.x[:, 2] * 0.01]))
    with pytest.raises(PositivityError, match=r"determine the exposure of .* along 'x2'"):
        fitted(InverseProbability(), sample)


def test_a_group_in_which_everybody_is_exposed_is_named(confounded):
    """A 0/1 covariate whose bearers are all exposed has no finite propensity."""
    base = confounded()
    group = np.where(base.a == 1, base.x[:, 2], 0.0)
    sample = replace(base, x=np.column_stack([base.x[:, :2], group]))
    with pytest.raises(PositivityError, match="along 'x2'"):
        fitted(InverseProbability(), sample)


def follow_up(sample, rng):
    """Lose outcomes by exposure and the first covariate; give the sample and its logit."""
    logit = 1.0 + 0.8 * sample.a - 0.9 * sample.x[:, 0] + 0.7 * sample.a * sample.x[:, 0]
    seen = rng.random(sample.n) < 1 / (1 + np.exp(-logit))
    return replace(sample, y=np.where(seen, sample.y, np.nan))


FOLLOWED = InverseProbability(observation=ObservationModel(terms=("x0",), interactions=("x0",)))


@pytest.mark.parametrize("population", [{}, {"weighted": True}, {"clustered": True}], ids=str)
def test_weights_for_follow_up_solve_their_stacked_equations(
    confounded, estimating_equations, population
):
    sample = follow_up(confounded(n=700, **population), np.random.default_rng(3))
    x = np.column_stack([np.ones(sample.n), sample.x])
    v = np.column_stack([np.ones(sample.n), sample.a, sample.x[:, 0], sample.a * sample.x[:, 0]])
    seen, y, p = sample.observed, np.where(sample.observed, sample.y, 0.0), x.shape[1]

    def psi(theta):
        beta, gamma, mu = theta[:p], theta[p : p + 4], theta[p + 4 :]
        e, r = 1 / (1 + np.exp(-x @ beta)), 1 / (1 + np.exp(-v @ gamma))
        w0 = sample.w * seen * (1 - sample.a) / (1 - e) / r
        w1 = sample.w * seen * sample.a / e / r
        return np.column_stack(
            [
                x * (sample.w * (sample.a - e))[:, None],
                v * (sample.w * (seen - r))[:, None],
                w0 * (y - mu[0]),
                w1 * (y - mu[1]),
            ]
        )

    start = np.concatenate([np.zeros(p + 4), [0.3, 0.4]])
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    ours = fitted(FOLLOWED, sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)


def test_weights_for_follow_up_undo_a_loss_that_biases_complete_cases(confounded):
    sample = confounded(n=40_000)
    lost = follow_up(sample, np.random.default_rng(4))
    whole, weighed = (
        fitted(one, data).effect("risk_difference").estimate
        for one, data in ((InverseProbability(), sample), (FOLLOWED, lost))
    )
    complete = fitted(InverseProbability(), lost.rows(lost.observed))
    biased = complete.effect("risk_difference").estimate
    assert abs(weighed - whole) < 0.012  # two Monte-Carlo errors at 40,000
    assert abs(biased - whole) > abs(weighed - whole)


def test_weighing_for_follow_up_is_refused_when_nobody_was_lost(confounded):
    with pytest.raises(CausalError, match="every outcome is known"):
        fitted(FOLLOWED, confounded())


ENTERED = InverseProbability(
    propensity=PropensityModel(terms=("x0", "x1", "x2")),
    observation=ObservationModel(terms=("x0",)),
    entry=EntryModel(terms=("x0", "x1")),
)


def never_seen(sample, rng):
    """Lose whole persons before exposure by the first covariate, outcomes later by exposure."""
    seen = rng.random(sample.n) < 1 / (1 + np.exp(-(0.7 - 0.9 * sample.x[:, 0])))
    kept = rng.random(sample.n) < 1 / (1 + np.exp(-(1.0 + 0.6 * sample.a)))
    return replace(
        sample,
        a=np.where(seen, sample.a, np.nan),
        y=np.where(seen & kept, sample.y, np.nan),
    )


@pytest.mark.parametrize("population", [{}, {"weighted": True}, {"clustered": True}], ids=str)
@pytest.mark.parametrize("overlap", [False, True], ids=["ATE", "ATO"])
def test_weights_of_both_stages_solve_their_stacked_equations(
    confounded, estimating_equations, population, overlap
):
    sample = never_seen(confounded(n=900, **population), np.random.default_rng(5))
    x = np.column_stack([np.ones(sample.n), sample.x])
    entered, seen = sample.entered, sample.observed
    a, y = np.where(entered, sample.a, 0.0), np.where(seen, sample.y, 0.0)
    v = np.column_stack([np.ones(sample.n), a, sample.x[:, 0]])
    z = x[:, :3]
    cuts = np.cumsum([4, 3, 3])

    def psi(theta):
        beta, gamma, delta, mu = np.split(theta, cuts)
        e, r, s = (1 / (1 + np.exp(-m @ c)) for m, c in ((x, beta), (v, gamma), (z, delta)))
        tilt = e * (1 - e) if overlap else 1.0
        base = sample.w * seen * tilt / r / s
        return np.column_stack(
            [
                x * (sample.w * entered * (a - e))[:, None],
                v * (sample.w * entered * (seen - r))[:, None],
                z * (sample.w * (entered - s))[:, None],
                base * (1 - a) / (1 - e) * (y - mu[0]),
                base * a / e * (y - mu[1]),
            ]
        )

    start = np.concatenate([np.zeros(10), [0.3, 0.4]])
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    kind = Overlap if overlap else InverseProbability
    settings = kind(
        propensity=ENTERED.propensity, observation=ENTERED.observation, entry=ENTERED.entry
    )
    ours = fitted(settings, sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-10)


def test_weights_of_both_stages_undo_a_loss_that_biases_those_seen(confounded):
    sample = confounded(n=40_000)
    lost = never_seen(sample, np.random.default_rng(6))
    whole = fitted(InverseProbability(), sample).values
    weighed = fitted(ENTERED, lost)
    seen = fitted(InverseProbability(), lost.rows(lost.observed)).values
    error = np.sqrt(np.diag(weighed.covariance))
    assert np.all(np.abs(weighed.values - whole) < 3 * error)
    assert np.all(np.abs(seen - whole) > 5 * error)


def test_weighing_for_the_unseen_is_refused_when_everybody_was_seen(confounded):
    lost = follow_up(confounded(), np.random.default_rng(7))
    with pytest.raises(CausalError, match="everybody was seen"):
        fitted(ENTERED, lost)


def test_an_estimator_that_cannot_weigh_for_the_unseen_says_so(confounded):
    with pytest.raises(CausalError, match=r"ipw needs every exposure; .* of 400 are missing"):
        fitted(FOLLOWED, never_seen(confounded(), np.random.default_rng(8)))


@pytest.mark.parametrize("target", ["ATE", "ATT", "ATC"])
def test_totals_are_those_of_stacked_equations(confounded, estimating_equations, target):
    sample = confounded(weighted=True, clustered=True)
    x = np.column_stack([np.ones(sample.n), sample.x])
    over = {"ATE": np.ones(sample.n), "ATT": sample.a, "ATC": 1 - sample.a}[target]

    def psi(theta):
        e = 1 / (1 + np.exp(-(x @ theta[:4])))
        weight = sample.w * balancing_weights(e, sample.a, target)
        means = [
            weight * (sample.a == arm) * sample.y - sample.w * over * theta[4 + arm]
            for arm in (0, 1)
        ]
        return np.column_stack([(sample.w * (sample.a - e))[:, None] * x, *means])

    theta, covariance = estimating_equations(psi, np.zeros(6), sample.cluster)
    found = fitted(InverseProbability(normalised=False, target=target), sample)
    np.testing.assert_allclose(found.values, theta[4:], rtol=STACKED)
    np.testing.assert_allclose(found.covariance, covariance[4:, 4:], rtol=1e-5, atol=1e-9)


def test_totals_are_refused_where_weights_or_rows_do_not_say_of_how_many(confounded):
    for setting in ({"stabilised": True}, {"trim": 0.1}):
        with pytest.raises(ValidationError, match="changes what the weights sum to"):
            InverseProbability(normalised=False, **setting)
    sample = confounded()
    a = sample.a.copy()
    a[:20] = np.nan
    entering = InverseProbability(normalised=False, target="ATT", entry=EntryModel(terms=("x0",)))
    with pytest.raises(CausalError, match="the exposure of 20 rows is unknown"):
        fitted(entering, replace(sample, a=a))

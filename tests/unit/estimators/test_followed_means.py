"""Standardised and doubly robust means with follow-up weighed for, against stacked equations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.errors import OutcomeError, Place
from causal.estimators import (
    AIPW,
    TMLE,
    GComputation,
    InverseProbability,
    MeanDifference,
    NuisanceStore,
)
from causal.estimators.follow_up import fit_observation
from causal.estimators.nuisance import (
    EntryModel,
    ObservationModel,
    OutcomeModel,
    PropensityModel,
    folds_by_unit,
)
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.rungs import Rung

STACKED = 1e-6  # the reference differentiates numerically
EXACT = 1e-10
STEP = 1e-4
DIFFERENCED = 2e-6  # central differences: the square of the step, and fits stopped at 1e-10
LATE = OutcomeModel(terms=("x0", "x1"))
ONE_STAGE = {
    "propensity": PropensityModel(terms=("x0", "x1")),
    "outcome": LATE,
    "observation": ObservationModel(terms=("x0", "x2"), interactions=("x2",)),
}
TWO_STAGES = {**ONE_STAGE, "entry": EntryModel(terms=("x0", "x1"))}


def expit(eta):
    return 1 / (1 + np.exp(-eta))


def without_propensity(settings, kind):
    """Leave out what standardisation has no use for."""
    return {k: v for k, v in settings.items() if kind != "g_computation" or k != "propensity"}


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def lose(sample, stages=1, seed=3):
    """Lose outcomes by exposure, x0 and x2, which drives the outcome too; then whole persons."""
    rng = np.random.default_rng(seed)
    x = sample.x
    known = rng.random(sample.n) < expit(
        1.0 + 0.6 * sample.a - 0.7 * x[:, 0] + 0.5 * x[:, 2] - 0.9 * sample.a * x[:, 2]
    )
    seen = rng.random(sample.n) < expit(1.1 - 0.8 * x[:, 0] + 0.4 * x[:, 1])
    if stages == 1:
        seen[:] = True
    return replace(
        sample,
        a=np.where(seen, sample.a, np.nan),
        y=np.where(seen & known, sample.y, np.nan),
    )


def stacked(sample, target, stages, kind, *, weighted=True):
    """Write the estimating equations of an estimator in one array of unknowns."""
    one = np.ones(sample.n)
    entered, seen = sample.entered, sample.observed
    a, y = np.where(entered, sample.a, 0.0), np.where(seen, sample.y, 0.0)
    x0, x1, x2 = sample.x.T
    x = np.column_stack([one, x0, x1])
    m = np.column_stack([one, a, x0, x1])
    m0, m1 = np.column_stack([one, 0 * one, x0, x1]), np.column_stack([one, one, x0, x1])
    v = np.column_stack([one, a, x0, x2, a * x2])
    sizes = [3, 4, 5, 3 if stages == 2 else 0, 2 if kind == "tmle" else 0, 2]
    cuts, w = np.cumsum(sizes)[:-1], sample.w

    def psi(theta):
        alpha, beta, gamma, delta, step, mean = np.split(theta, cuts)
        e, r = expit(x @ alpha), expit(v @ gamma)
        s = expit(x @ delta) if stages == 2 else one
        stand, whole = seen / r / s, entered / s
        used = stand if weighted else seen
        clever = (1 / (1 - e), 1 / e) if target == "ATE" else (e / (1 - e), one)
        mu = [expit(m0 @ beta), expit(m1 @ beta)]
        over = w * (a * whole if target == "ATT" else 1.0)
        rows = [
            x * (w * entered * (a - e))[:, None],
            m * (w * used * (y - expit(m @ beta)))[:, None],
            v * (w * entered * (seen - r))[:, None],
        ]
        if stages == 2:
            rows.append(x * (w * (entered - s))[:, None])
        for arm in (0, 1):
            part = w * stand * (a == arm) * clever[arm] * entered
            if kind == "tmle":
                mu[arm] = expit(np.log(mu[arm] / (1 - mu[arm])) + step[arm] * clever[arm])
                rows.append((part * (y - mu[arm]))[:, None])
        for arm in (0, 1):
            part = w * stand * (a == arm) * clever[arm] * entered
            extra = part * (y - mu[arm]) if kind == "aipw" else 0.0
            rows.append((over * (mu[arm] - mean[arm]) + extra)[:, None])
        return np.hstack(rows)

    start = np.zeros(sum(sizes))
    start[-2:] = 0.4
    return psi, start


MIXED = {"weighted": True, "clustered": True}
KINDS = {"g_computation": GComputation, "aipw": AIPW, "tmle": TMLE}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("target", "stages", "population"),
    [("ATE", 1, {}), ("ATT", 1, MIXED), ("ATE", 2, MIXED), ("ATT", 2, {})],
    ids=["ATE, one stage", "ATT, one stage", "ATE, two stages", "ATT, two stages"],
)
def test_means_solve_their_stacked_equations(
    confounded, estimating_equations, kind, target, stages, population
):
    sample = lose(confounded(n=500, **population), stages)
    settings = without_propensity(ONE_STAGE if stages == 1 else TWO_STAGES, kind)
    psi, start = stacked(sample, target, stages, kind)
    theta, covariance = estimating_equations(psi, start, sample.cluster)
    ours = fitted(KINDS[kind](target=target, **settings), sample)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-9)


@pytest.mark.parametrize("target", ["ATE", "ATT"])
def test_regressions_that_hold_what_follow_up_depends_on_are_not_weighted(
    confounded, estimating_equations, target
):
    """As other software has it: R's tmle, DoubleML's sample selection and zEpid fit the seen."""
    sample = lose(confounded(n=700))
    sample = sample.with_terms(("x0", "x1"))
    wide = replace(sample, x=np.column_stack([sample.x, confounded(n=700).x[:, 2]]))
    sample = replace(wide, terms=("x0", "x1", "x2"), concepts=("a", "b", "c"))
    full = OutcomeModel()
    narrow = ObservationModel(terms=("x0", "x1"))
    ours = fitted(AIPW(target=target, outcome=full, observation=narrow), sample)
    a, seen = sample.a, sample.observed
    y = np.where(seen, sample.y, 0.0)
    one = np.ones(sample.n)
    x = np.column_stack([one, sample.x])
    m = np.column_stack([one, a, sample.x])
    v = np.column_stack([one, a, sample.x[:, :2]])
    both = [np.column_stack([one, one * arm, sample.x]) for arm in (0, 1)]

    def psi(theta):
        alpha, beta, gamma, mean = np.split(theta, [4, 9, 13])
        e, r = expit(x @ alpha), expit(v @ gamma)
        clever = (1 / (1 - e), 1 / e) if target == "ATE" else (e / (1 - e), one)
        over = a if target == "ATT" else one
        rows = [
            x * (a - e)[:, None],
            m * (seen * (y - expit(m @ beta)))[:, None],
            v * (seen - r)[:, None],
        ]
        for arm in (0, 1):
            mu = expit(both[arm] @ beta)
            part = seen / r * (a == arm) * clever[arm] * (y - mu)
            rows.append((over * (mu - mean[arm]) + part)[:, None])
        return np.hstack(rows)

    theta, covariance = estimating_equations(psi, np.concatenate([np.zeros(13), [0.4, 0.4]]), None)
    np.testing.assert_allclose(ours.values, theta[-2:], rtol=STACKED)
    np.testing.assert_allclose(ours.covariance, covariance[-2:, -2:], rtol=STACKED, atol=1e-9)


FOLLOWED = {
    f"{kind} {target} {stages}": (one(target=target, **without_propensity(whole, kind)), stages)
    for kind, one in KINDS.items()
    for target in ("ATE", "ATT")
    for stages, whole in ((1, ONE_STAGE), (2, TWO_STAGES))
} | {
    "aipw separate clip": (
        AIPW(
            **{**TWO_STAGES, "outcome": OutcomeModel(terms=("x0",), arms="separate")},
            clip=(0.2, 0.8),
        ),
        2,
    ),
    "tmle separate clip": (
        TMLE(
            **{**TWO_STAGES, "outcome": OutcomeModel(terms=("x0",), arms="separate")},
            clip=(0.2, 0.8),
        ),
        2,
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_influence_is_the_derivative_of_the_estimate_in_the_weight_of_a_row(confounded, name):
    """The infinitesimal jackknife, also of rows without outcome and of rows never seen."""
    estimator, stages = FOLLOWED[name]
    sample = lose(confounded(weighted=True), stages)
    influence = fitted(estimator, sample).influence
    lost = int(np.flatnonzero(sample.entered & ~sample.observed)[0])
    known = np.flatnonzero(sample.observed)
    rows = [lost, int(known[0]), int(known[50])]
    rows += [int(np.flatnonzero(~sample.entered)[0])] if stages == 2 else []
    for row in rows:
        step = STEP * sample.w[row]
        ends = []
        for sign in (1, -1):
            w = sample.w.copy()
            w[row] += sign * step
            ends.append(fitted(estimator, replace(sample, w=w)).values)
        slope = (ends[0] - ends[1]) / (2 * step) * sample.n * sample.w[row]
        np.testing.assert_allclose(slope, influence[row], atol=DIFFERENCED)


@pytest.mark.parametrize("kind", [AIPW, TMLE])
@pytest.mark.parametrize("stages", [1, 2])
def test_cross_fitting_predicts_follow_up_from_other_persons_too(confounded, kind, stages):
    """Each fold by hand: four regressions on the others, scores on the fold."""
    sample = lose(confounded(n=600, clustered=True), stages)
    settings = ONE_STAGE if stages == 1 else TWO_STAGES
    estimator = kind(**settings, cross_fit={"folds": 3})
    ours = fitted(estimator, sample, seed=4)
    fold = folds_by_unit(sample.unit, 3, np.random.default_rng(4))
    plain = kind(**settings)
    e, mu0, mu1, stand = (np.empty(sample.n) for _ in range(4))
    for k in range(3):
        here = fold == k
        others = plain.standing(sample, ~here)
        stand[here] = others.outcome[here]
        e[here] = NuisanceStore().propensity(sample, plain.propensity, rows=~here).fitted[here]
        a = np.where(sample.entered, sample.a, 0.0)
        weighed = replace(sample, a=a, w=sample.w * others.outcome)
        regression = NuisanceStore().outcome(weighed, plain.outcome, ~here)
        mu0[here], mu1[here] = regression.mu0[here], regression.mu1[here]
    y = np.where(sample.observed, sample.y, 0.0)
    expected = []
    for arm, (mu, chance) in enumerate(((mu0, 1 - e), (mu1, e))):
        part = (sample.a == arm) * stand / chance
        if kind is TMLE:
            logit = np.log(mu / (1 - mu))
            step = 0.0
            for _ in range(50):  # Newton on the one coefficient
                q = expit(logit + step / chance)
                step += np.sum(part * (y - q)) / np.sum(part / chance * q * (1 - q))
            mu = expit(logit + step / chance)
        expected.append(np.mean(mu + part * (y - mu)))
    np.testing.assert_allclose(ours.values, expected, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_both_stages_undo_a_loss_that_biases_those_seen(confounded, kind):
    sample = confounded(n=40_000)
    lost = lose(sample, stages=2)
    settings = without_propensity(TWO_STAGES, kind)
    estimator = KINDS[kind](**settings)
    bare = {key: v for key, v in settings.items() if key not in ("observation", "entry")}
    whole = fitted(KINDS[kind](**bare), sample).values
    weighed = fitted(estimator, lost)
    seen = fitted(KINDS[kind](**bare), lost.rows(lost.observed)).values
    error = np.sqrt(np.diag(weighed.covariance))
    assert np.all(np.abs(weighed.values - whole) < 3 * error)
    assert np.max(np.abs(seen - whole) / error) > 5


def test_continuous_outcomes_are_scaled_by_the_outcomes_known(confounded):
    sample = lose(confounded(n=700, outcome="continuous"))
    low, high = np.nanmin(sample.y), np.nanmax(sample.y)
    settings = {**ONE_STAGE, "outcome": OutcomeModel(terms=("x0", "x1"), link="linear")}
    tmle = fitted(TMLE(range=(low - 1, high + 1), **settings), sample)
    aipw = fitted(AIPW(**settings), sample)
    np.testing.assert_allclose(
        tmle.values, aipw.values, atol=0.5 * math.sqrt(aipw.covariance.max())
    )
    with pytest.raises(OutcomeError, match="outside the declared range"):
        fitted(TMLE(range=(low + 0.5, high), **settings), sample)


def test_learners_are_fitted_on_those_with_an_outcome(confounded):
    sample = lose(confounded(n=600), stages=2)
    learner = {"learner": "lasso"}
    estimator = AIPW(
        propensity=PropensityModel(terms=("x0", "x1"), **learner),
        outcome=OutcomeModel(terms=("x0", "x1"), **learner),
        observation=ONE_STAGE["observation"],
        entry=TWO_STAGES["entry"],
        cross_fit={"folds": 3},
    )
    plain = AIPW(**TWO_STAGES, cross_fit={"folds": 3})
    learned, regressed = (fitted(one, sample) for one in (estimator, plain))
    assert np.isfinite(learned.covariance).all()
    gap = np.abs(learned.values - regressed.values)
    assert np.all(gap < np.sqrt(np.diag(regressed.covariance)))


def test_weights_shown_are_those_of_the_residuals(confounded):
    sample = lose(confounded(), stages=2)
    estimator = AIPW(**TWO_STAGES)
    store = NuisanceStore()
    weights = estimator.weights(sample, store)
    assert (weights[~sample.observed] == 0).all()
    e = estimator.propensities(sample, store)
    chance = fit_observation(sample, estimator.observation).fit.fitted
    entry = estimator.follow_up(sample)[0].fit.fitted
    known = sample.observed & (sample.a == 1)
    np.testing.assert_allclose(weights[known], (1 / e / chance / entry)[known], rtol=EXACT)


def test_settings_reach_every_regression_and_a_named_choice_stays():
    observation = ObservationModel(terms=("x2",))
    named = AIPW(outcome=OutcomeModel(terms=("x0",))).with_follow_up(("x1",), observation, None)
    assert named.outcome.terms == ("x0",)
    assert named.propensity.terms == ("x1",)
    assert named.observation == observation
    assert named.named_terms == ("x1", "x0", "x2")


def test_stabilised_follow_up_is_refused_where_chances_are_used_as_they_are():
    with pytest.raises(ValidationError, match="aipw needs the chances as they are"):
        Rung(name="one", followed={"stabilised": True}, estimator={"kind": "aipw"})
    assert Rung(name="one", followed={"stabilised": True}, estimator={"kind": "ipw"}).followed


def test_what_only_follow_up_depends_on_is_not_asked_to_balance(confounded):
    """Use at the end of the window follows exposure: arms that differ in it are no fault."""
    sample = lose(confounded())
    estimator = InverseProbability().with_follow_up(
        ("x0", "x1"), ObservationModel(terms=("x2",)), None
    )
    assert estimator.balancing(sample).terms == ("x0", "x1")
    assert InverseProbability().balancing(sample).terms == sample.terms
    place = Place("simulated", 1, "ladder")
    tasks = [
        RungTask("crude", MeanDifference(), (), place),
        RungTask("weighed", estimator, ("x0", "x1", "x2"), place),
    ]
    limits = Thresholds(effective_sample_size=1, smd=1, max_weight_share=1)
    fitted_rung = fit_rungs(sample, tasks, limits, 1)[1]
    assert fitted_rung.terms == ("x0", "x1")
    assert fitted_rung.weighted_smd.shape == (2,)

"""What estimators of times to an event owe: the contract of the others, in times."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest

from causal.clock import Clock
from causal.cohort import Sample
from causal.errors import OutcomeError, SpecError
from causal.estimators import (
    AnyEstimator,
    InverseProbability,
    KaplanMeier,
    MeanDifference,
    NuisanceStore,
    SurvivalAIPW,
    WeightedKaplanMeier,
)
from causal.estimators.nuisance import (
    CrossFitting,
    EntryModel,
    ObservationModel,
    PropensityModel,
)
from causal.estimators.survival_curves import product_limit
from causal.estimators.survival_hazards import (
    fit_hazards,
    gains_by_step,
    predicted_curves,
    put_on_grid,
)
from causal.estimators.survival_steps import dividing_width, told_of_leaving
from causal.ladder import attenuate

EXACT = 1e-9  # sums in another order
REFITTED = 1e-6  # iterative fits stop at slightly different points
STEP = 1e-5
DIFFERENCED = 1e-5  # central differences with that step
DRAWS = 200
THIRD_POWERS = 2.5e-4  # what the terms left out come to with hazards of 0.3 a step
STEPPED = 0.01  # a cubic hazard by four-week steps against weekly ones
SMALL_SAMPLE = 0.10  # resampling also varies the covariates

ESTIMATORS = {
    "kaplan_meier": KaplanMeier(),
    "kaplan_meier HC1": KaplanMeier(variance={"kind": "HC1"}),
    "ipw_kaplan_meier": WeightedKaplanMeier(),
    "ipw_kaplan_meier ATT": WeightedKaplanMeier(target="ATT"),
    "ipw_kaplan_meier ATC": WeightedKaplanMeier(target="ATC"),
    "ipw_kaplan_meier clip": WeightedKaplanMeier(clip=(0.2, 0.8)),
    "survival_aipw": SurvivalAIPW(width=14),
    "survival_aipw crossed": SurvivalAIPW(width=14, cross_fit=CrossFitting(folds=3)),
}
EVERY = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
HORIZONS = (28.0, 84.0, 168.0)


def test_the_suite_covers_every_estimator_of_times():
    union = get_args(get_args(AnyEstimator)[0])
    assert {type(one) for one in ESTIMATORS.values()} == {
        one for one in union if one.outcomes == ("survival",)
    }


def times(n=500, seed=0, *, competing=True, clustered=False, weighted=False, censored=True):
    """Draw times that depend on covariates, exposure that does too, and dropping out that does."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n // 2), 2) if clustered else np.arange(n)
    x = rng.normal(size=(n, 3))
    a = (rng.random(n) < 1 / (1 + np.exp(-x @ np.array([0.6, -0.4, 0.2])))).astype(float)
    use = rng.exponential(np.exp(4.6 - 0.5 * x[:, 0] - 0.3 * x[:, 1] + 0.4 * a))
    death = rng.exponential(np.exp(6.2 + 0.2 * a), n) if competing else np.full(n, np.inf)
    leave = np.minimum(rng.exponential(np.exp(5.6 - 0.4 * x[:, 0])), rng.uniform(170, 260, n))
    ends = np.array([leave if censored else np.full(n, np.inf), use, death])
    return Sample(
        unit=unit,
        y=np.ceil(ends.min(axis=0)),
        a=a,
        x=x,
        terms=("x0", "x1", "x2"),
        concepts=("c", "c", "c"),
        outcome_kind="survival",
        exposure_kind="binary",
        w=rng.uniform(0.5, 1.5, n) if weighted else np.ones(n),
        cluster=unit if clustered else None,
        event=ends.argmin(axis=0),
        clock=Clock(HORIZONS, 168.0, 84.0, "days", "use", "death" if competing else ""),
    )


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def rearranged(sample, rows):
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def difference(estimates):
    effect = estimates.effect("risk_difference")
    return np.array([effect.estimate, effect.std_error])


@EVERY
@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_influence_columns_have_mean_zero(estimator, population):
    influence = fitted(estimator, times(**population)).influence
    assert np.abs(influence.mean(axis=0)).max() < 1e-8 * influence.std()


@EVERY
def test_shapes_labels_and_profile_agree(estimator):
    sample = times()
    fit = fitted(estimator, sample)
    k = len(fit.labels)
    assert fit.values.shape == (k,)
    assert fit.influence.shape == (sample.n, k)
    for point in (*fit.profile.points, *fit.profile.beside):
        assert point.name.split(",")[0].split()[0] in fit.labels[point.at]
    low, high = fit.pair
    assert fit.labels[low] == "risk by 84 days, unexposed"
    assert fit.labels[high] == "risk by 84 days, exposed"


@EVERY
def test_the_order_of_rows_changes_nothing(estimator):
    sample = times(clustered=True, weighted=True)
    order = np.random.default_rng(9).permutation(sample.n)
    straight, shuffled = fitted(estimator, sample), fitted(estimator, rearranged(sample, order))
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=EXACT)
    np.testing.assert_allclose(shuffled.covariance, straight.covariance, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(shuffled.influence, straight.influence[order], atol=1e-7)


@EVERY
def test_exchanging_the_arms_turns_the_sign(estimator):
    sample = times()
    turned = {"ATT": "ATC", "ATC": "ATT"}.get(estimator.estimand)
    mirror = estimator.model_copy(update={"target": turned}) if turned else estimator
    there, back = (
        difference(fitted(estimator, sample)),
        difference(fitted(mirror, replace(sample, a=1 - sample.a))),
    )
    np.testing.assert_allclose(back, there * [-1, 1], rtol=1e-6)


@EVERY
def test_units_of_covariates_change_nothing(estimator):
    sample = times()
    moved = replace(sample, x=sample.x * np.array([10.0, 0.1, 3.0]) + np.array([5.0, -2.0, 100.0]))
    np.testing.assert_allclose(
        difference(fitted(estimator, moved)), difference(fitted(estimator, sample)), rtol=REFITTED
    )


@EVERY
def test_constant_weights_are_no_weights(estimator):
    sample = times()
    twice = replace(sample, w=np.full(sample.n, 2.0))
    np.testing.assert_allclose(
        difference(fitted(estimator, twice)), difference(fitted(estimator, sample)), rtol=REFITTED
    )


@EVERY
def test_the_standard_error_is_that_of_a_bootstrap_of_persons(estimator):
    slow, clustered = isinstance(estimator, SurvivalAIPW), estimator.variance.kind == "HC0"
    repeats = DRAWS // 2 if slow else DRAWS
    sample = times(400, seed=5, clustered=clustered)
    rng, persons = np.random.default_rng(1), np.unique(sample.unit)
    place = {one: np.flatnonzero(sample.unit == one) for one in persons}
    draws = []
    for _ in range(repeats):
        chosen = rng.choice(persons, len(persons))
        rows = np.concatenate([place[one] for one in chosen])
        unit = np.repeat(np.arange(len(chosen)), [len(place[one]) for one in chosen])
        again = replace(rearranged(sample, rows), unit=unit, cluster=unit if clustered else None)
        draws.append(difference(fitted(estimator, again))[0])
    error = difference(fitted(estimator, sample))[1]
    band = 4 / math.sqrt(2 * repeats)  # four Monte-Carlo errors of a bootstrap standard error
    assert abs(np.std(draws, ddof=1) / error - 1) < band + SMALL_SAMPLE


@pytest.mark.parametrize("target", ["ATE", "ATT", "ATC"])
def test_without_censoring_curves_are_means_of_what_happened_by_then(target):
    sample = times(censored=False)
    by = replace(
        sample,
        y=((sample.y <= 84) & (sample.event == 1)).astype(float),
        outcome_kind="binary",
        event=None,
        clock=None,
    )
    pairs = [(KaplanMeier(), MeanDifference())] if target == "ATE" else []
    pairs.append((WeightedKaplanMeier(target=target), InverseProbability(target=target)))
    for curve, mean in pairs:
        np.testing.assert_allclose(
            difference(fitted(curve, sample)), difference(fitted(mean, by)), rtol=1e-8
        )


def test_slopes_are_the_derivatives_in_every_weight():
    sample = times(120, weighted=True)
    fit = product_limit(sample.y, sample.event, sample.w, sample.clock)
    for row in (0, 17, 60, 119):
        moved = np.where(np.arange(sample.n) == row, STEP, 0.0)
        ends = [
            product_limit(sample.y, sample.event, sample.w + sign * moved, sample.clock).values
            for sign in (1, -1)
        ]
        numeric = sample.n * (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose(fit.slopes[row], numeric, atol=DIFFERENCED * 100)


def test_curves_and_greenwoods_errors_are_those_of_statsmodels():
    from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

    sample = times(300, competing=True)
    at = sample.clock.times.index(84.0)
    both = product_limit(sample.y, sample.event, np.ones(300), sample.clock)
    theirs = CumIncidenceRight(sample.y, sample.event)
    place = np.searchsorted(theirs.times, 84.0, side="right") - 1
    assert math.isclose(both.values[at], theirs.cinc[0][place], rel_tol=1e-12)
    any_end = (sample.event > 0).astype(np.int64)
    alone = product_limit(sample.y, any_end, np.ones(300), sample.clock)
    curve = SurvfuncRight(sample.y, any_end)
    place = np.searchsorted(curve.surv_times, 84.0, side="right") - 1
    assert math.isclose(alone.values[at], 1 - curve.surv_prob[place], rel_tol=1e-12)
    error = math.sqrt(np.sum(alone.slopes[:, at] ** 2)) / 300
    assert math.isclose(error, curve.surv_prob_se[place], rel_tol=1e-12)


def test_mean_time_is_the_area_under_the_curve():
    sample = times(300, competing=False)
    fit = fitted(KaplanMeier(), sample)
    for arm, name in enumerate(("unexposed", "exposed")):
        rows = sample.a == arm
        ends = np.unique(sample.y[rows & (sample.event == 1) & (sample.y < 168)])
        alive, area, last = 1.0, 0.0, 0.0
        for end in ends:
            area += alive * (end - last)
            at_risk = (rows & (sample.y >= end)).sum()
            alive *= 1 - (rows & (sample.y == end) & (sample.event == 1)).sum() / at_risk
            last = end
        area += alive * (168 - last)
        at = fit.labels.index(f"mean days without the event, up to 168, {name}")
        assert math.isclose(fit.values[at], area, rel_tol=1e-12)


def test_predicted_risks_are_sums_over_steps():
    sample = times(50)
    grid = put_on_grid(sample.y, sample.event, 168.0, 14.0)
    gains = gains_by_step(grid, sample.clock)
    rng = np.random.default_rng(0)
    hazard, competing = rng.uniform(0.01, 0.1, (2, 50, grid.last))
    alive, risk = np.ones(50), np.zeros(50)
    for step in range(6):  # to day 84
        risk += alive * hazard[:, step]
        alive *= 1 - hazard[:, step] - competing[:, step]
    predicted = predicted_curves(hazard, competing, gains)
    np.testing.assert_allclose(predicted[:, sample.clock.times.index(84.0)], risk, rtol=1e-12)


def test_who_is_censored_within_a_step_leaves_at_its_nearer_end():
    time, event = np.array([1.0, 17, 21, 24, 25, 41, 90]), np.array([0, 0, 1, 0, 2, 0, 0])
    grid = put_on_grid(time, event, 42.0, 14.0)
    assert grid.step.tolist() == [0, 1, 2, 2, 2, 3, 4]
    assert grid.cause.tolist() == [0, 0, 1, 0, 2, 0, 0]


@pytest.mark.parametrize(("event", "leaving"), [(0.3, 0.24), (0.1, 0.3), (0.2, 0.1)])
def test_leaving_moves_the_chance_of_an_event_in_a_step_by_what_is_derived(event, leaving):
    """Both times are cut into cells so narrow that their exact chances make a population."""
    edges = np.append(np.linspace(0, 3, 601), np.inf)
    middles = np.append((edges[:-2] + edges[1:-1]) / 2, 4.0)
    chances = [-np.diff(np.exp(-rate * edges)) for rate in (event, leaving)]
    weight = np.outer(*chances).ravel()
    use, leave = (one.ravel() for one in np.meshgrid(middles, middles, indexing="ij"))
    first = np.where(use == leave, 0.5, use < leave)  # half of those who do both in one cell
    time, ones = np.tile(np.minimum(use, leave), 2), np.ones(len(use), dtype=np.int64)
    weight = np.concatenate([weight * first, weight * (1 - first)])
    grid = put_on_grid(time, np.concatenate([ones, 0 * ones]), 3.0, 1.0)
    for step in (1, 2, 3):
        at_risk = weight[grid.step >= step].sum()
        chance = weight[(grid.step == step) & (grid.cause == 1)].sum() / at_risk
        moved = chance / -np.expm1(-event) - 1
        assert abs(moved - leaving * (leaving - event) / 24) < THIRD_POWERS


def test_weights_for_staying_stand_for_all_who_left():
    """Hazards without covariates and free in every step: an identity of the product limit."""
    time, event = simulated(3000, seed=4)
    grid = put_on_grid(time, event, 50.0, 10.0)
    nothing, ones, everybody = np.zeros((3000, 0)), np.ones(3000), np.ones(3000, dtype=bool)
    leaving = fit_hazards(grid, nothing, ones, everybody, 0)[0]
    alive, stayed = 1.0, np.cumprod(1 - leaving)
    for step in range(1, 6):
        at_risk = grid.step >= step
        assert math.isclose(at_risk.mean() / stayed[step - 1], alive, rel_tol=REFITTED)
        ended = (grid.step == step) & (grid.cause > 0)
        alive *= 1 - ended.sum() / at_risk.sum()


def simulated(n, seed):
    """Draw exponential times of the event, of a competing one and of leaving."""
    rng = np.random.default_rng(seed)
    ends = rng.exponential(np.array([40.0, 25.0, 90.0])[:, None], (3, n))
    return ends.min(axis=0), ends.argmin(axis=0)


def test_nobody_leaves_before_a_first_step_that_all_were_followed_through():
    time, event = simulated(3000, seed=4)
    late = np.where((event == 0) & (time < 5), 5.0, time)
    grid = put_on_grid(late, event, 60.0, 10.0)
    ones = np.ones(3000)
    hazard = fit_hazards(grid, np.zeros((3000, 0)), ones, ones > 0, 0)[0]
    assert hazard[0] == 0
    assert hazard[1:].min() > 0.1  # the rest is not thinned by steps nobody could leave before


def test_wide_steps_do_not_thin_out_events():
    sample = times(6000, seed=3)
    narrow, wide = (
        np.asarray(fitted(SurvivalAIPW(width=width), sample).values) for width in (7, 28)
    )
    m = len(narrow) // 2
    for when in HORIZONS:
        at = sample.clock.times.index(when)
        np.testing.assert_allclose(wide[[at, m + at]], narrow[[at, m + at]], atol=STEPPED)


def test_the_page_says_where_many_leave_within_one_step():
    sample = times(6000, seed=3)
    notes = fitted(SurvivalAIPW(width=28), sample).profile.notes
    assert "leave before 28, within one step" in notes[-1]
    assert "A width smaller than 28" in notes[-1]
    assert "A width" not in fitted(SurvivalAIPW(width=7), sample).profile.notes[-1]


def test_share_that_leaves_within_a_step_is_of_those_followed_to_its_start():
    sample = times(2000, seed=3, weighted=True)
    rows = (sample.a == 0) & (sample.y > 140)
    gone, ends = rows & (sample.unit % 2 == 0), rows & (sample.unit % 2 == 1)
    y = np.where(gone, 150.0, np.where(ends, 168.0, sample.y))  # at its end is not within it
    event = np.where(rows, 0, sample.event)
    notes = told_of_leaving(replace(sample, y=y, event=event), 28.0)
    share = sample.w[gone].sum() / sample.w[rows].sum()
    assert (
        f"Of the unexposed followed beyond 140 days, {100 * share:.0f} % leave before 168"
        in notes[0]
    )


@pytest.mark.parametrize(
    ("horizons", "asked", "width"),
    [
        ((30.0, 90.0, 180.0), 7.0, 6.0),
        ((30.0, 90.0, 180.0), 45.0, 30.0),
        ((28.0, 84.0, 168.0), 10.0, 7.0),
        ((30.0, 91.0), 7.0, 1.0),
        ((0.5, 1.25), 7.0, 0.25),
        ((3.0, 6.0), 0.7, 0.6),
    ],
)
def test_the_width_named_divides_every_horizon_and_is_no_wider(horizons, asked, width):
    clock = replace(times(20).clock, horizons=horizons, tau=horizons[-1], compare=horizons[-1])
    assert dividing_width(clock, asked) == pytest.approx(width)
    SurvivalAIPW(width=dividing_width(clock, asked)).check_steps(clock)


def test_shares_are_formed_of_risks_at_the_horizon():
    sample = times(2000, seed=3)
    crude = fitted(KaplanMeier(), sample.with_terms(()))
    share = attenuate(crude, fitted(WeightedKaplanMeier(), sample), "risk_difference")
    assert math.isclose(
        share.remaining,
        difference(fitted(WeightedKaplanMeier(), sample))[0] / difference(crude)[0],
        rel_tol=1e-12,
    )


@EVERY
def test_a_curve_nobody_is_followed_to_is_refused_with_the_last_day(estimator):
    sample = times()
    short = replace(sample, y=np.where(sample.a == 1, np.minimum(sample.y, 100.0), sample.y))
    with pytest.raises(OutcomeError, match=r"last of the exposed was followed up to 100 days"):
        fitted(estimator, short)


def test_a_curve_that_ends_since_everybody_had_the_event_is_known():
    sample = times(competing=False, censored=False)
    early = replace(sample, y=np.minimum(sample.y, 100.0), event=np.ones(sample.n, dtype=np.int64))
    fit = KaplanMeier().fit(early, NuisanceStore(), np.random.default_rng(1))
    last = [fit.labels.index(f"risk by 168 days, {arm}") for arm in ("unexposed", "exposed")]
    np.testing.assert_allclose(np.asarray(fit.values)[last], 1.0)


@EVERY
def test_an_arm_without_the_event_is_refused(estimator):
    sample = times()
    nobody = replace(sample, event=np.where(sample.a == 0, 0, sample.event))
    with pytest.raises(OutcomeError, match=r"nobody unexposed had the event \(use\) by 84 days"):
        fitted(estimator, nobody)


def test_steps_that_miss_a_horizon_are_refused():
    with pytest.raises(SpecError, match=r"28 days are not a whole .* of 10\. Set width to 7, or"):
        fitted(SurvivalAIPW(width=10), times())


def test_times_are_asked_for_where_there_are_none(confounded):
    with pytest.raises(OutcomeError, match="Say time_to_event in the design"):
        fitted(KaplanMeier(), confounded())


def test_missing_times_are_refused_with_what_helps_there():
    sample = times()
    holed = replace(sample, y=np.where(np.arange(sample.n) < 5, np.nan, sample.y))
    with pytest.raises(OutcomeError, match="followed, with the estimator ipw_kaplan_meier"):
        fitted(SurvivalAIPW(width=14), holed)


BY_X0 = ObservationModel(terms=("x0",), interactions=("x0",))
ENTRY = EntryModel(terms=("x0", "x2"))
WITHOUT = {"propensity": PropensityModel(terms=("x1", "x2")), "hazards": ("x1", "x2")}
WEIGHED = {
    "ipw_kaplan_meier": WeightedKaplanMeier(observation=BY_X0),
    "ipw_kaplan_meier two stages": WeightedKaplanMeier(observation=BY_X0, entry=ENTRY),
    "survival_aipw": SurvivalAIPW(width=28, observation=BY_X0),
    "survival_aipw on more": SurvivalAIPW(width=28, observation=BY_X0, **WITHOUT),
    "survival_aipw two stages": SurvivalAIPW(width=28, observation=BY_X0, entry=ENTRY, **WITHOUT),
    "survival_aipw crossed": SurvivalAIPW(
        width=28, observation=BY_X0, entry=ENTRY, cross_fit=CrossFitting(folds=3), **WITHOUT
    ),
}
LOSING = pytest.mark.parametrize("estimator", WEIGHED.values(), ids=WEIGHED.keys())


def losing(sample, estimator, seed=21):
    """Lose times by exposure and x0, and exposures by x0 where the estimator weighs for them."""
    draws = np.random.default_rng(seed).random((2, sample.n))[:, sample.unit]
    known = draws[0] < 1 / (1 + np.exp(-(1.2 + (0.8 * sample.a - 0.9) * sample.x[:, 0])))
    seen = draws[1] < 1 / (1 + np.exp(-(1.5 - 0.6 * sample.x[:, 0])))
    if not estimator.takes_missing_exposures:
        seen[:] = True
    gone = ~(seen & known)
    return replace(
        sample,
        a=np.where(seen, sample.a, np.nan),
        y=np.where(gone, np.nan, sample.y),
        event=np.where(gone, 0, sample.event),
    )


@LOSING
def test_without_some_times_influence_has_mean_zero_and_order_changes_nothing(estimator):
    sample = losing(times(clustered=True, weighted=True), estimator)
    order = np.random.default_rng(9).permutation(sample.n)
    straight, shuffled = fitted(estimator, sample), fitted(estimator, rearranged(sample, order))
    influence = straight.influence
    assert np.abs(influence.mean(axis=0)).max() < 1e-8 * influence.std()
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=EXACT)
    np.testing.assert_allclose(shuffled.influence, influence[order], atol=1e-7)


@LOSING
def test_without_some_times_the_difference_turns_with_the_arms_and_heeds_no_unit(estimator):
    sample = losing(times(), estimator)
    effect = difference(fitted(estimator, sample))
    turned = difference(fitted(estimator, replace(sample, a=1 - sample.a)))
    np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)
    for same in (
        replace(sample, w=np.full(sample.n, 2.0)),
        replace(sample, x=1000 * sample.x - 5),
    ):
        np.testing.assert_allclose(difference(fitted(estimator, same)), effect, rtol=REFITTED)


@pytest.mark.parametrize("name", [name for name in WEIGHED if "crossed" not in name])
def test_without_some_times_the_standard_error_is_that_of_a_bootstrap_of_persons(name):
    estimator = WEIGHED[name]
    sample = losing(times(600, seed=5), estimator)
    rng, draws = np.random.default_rng(1), []
    for _ in range(DRAWS // 2):
        again = rearranged(sample, rng.integers(0, sample.n, sample.n))
        draws.append(difference(fitted(estimator, replace(again, unit=sample.unit)))[0])
    error = difference(fitted(estimator, sample))[1]
    band = 4 / math.sqrt(DRAWS)
    assert abs(np.std(draws, ddof=1) / error - 1) < band + SMALL_SAMPLE


def test_fitted_chances_of_a_time_are_chained_into_the_influence_of_every_row():
    """Four steps and a 0/1 term fill every regression, so that only these chances move the curves.

    What the others add to the derivative is then nothing at all, as the influence values have it.
    """
    base = times(1600, seed=3, competing=False, censored=False)
    coin = (base.x[:, 0] > 0.2).astype(float)
    full = replace(base, x=coin[:, None], terms=("x0",), concepts=("c",))
    full = replace(full, clock=Clock((42.0, 84.0, 168.0), 168.0, 84.0, "days", "use"))
    estimator = SurvivalAIPW(
        width=42, propensity=PropensityModel(terms=()), hazards=(), observation=BY_X0
    )
    sample = losing(full, estimator)
    influence = fitted(estimator, sample).influence
    lost, known = np.flatnonzero(~sample.observed)[:3], np.flatnonzero(sample.observed)[:3]
    for row in (*lost, *known):
        ends = []
        for sign in (1, -1):
            w = sample.w.copy()
            w[row] += sign * 1e-4
            ends.append(fitted(estimator, replace(sample, w=w)).values)
        slope = (ends[0] - ends[1]) / 2e-4 * sample.n
        apart = (slope - influence[row]) / influence.std(axis=0)  # some are risks, some days
        assert np.abs(apart).max() < DIFFERENCED


def test_hazards_keep_to_what_is_adjusted_for_where_follow_up_depends_on_more():
    given = SurvivalAIPW().with_follow_up(("x1",), BY_X0, None)
    assert (given.propensity.terms, given.hazards) == (("x1",), ("x1",))
    own = SurvivalAIPW(hazards=("x2",)).with_follow_up(("x1",), BY_X0, ENTRY)
    assert (own.hazards, own.entry) == (("x2",), ENTRY)
    assert set(own.named_terms) == {"x0", "x1", "x2"}
    sample = losing(times(), SurvivalAIPW())
    narrow = rearranged(sample, np.arange(sample.n)).with_terms(("x0", "x1"))
    wide = difference(fitted(given, sample))
    np.testing.assert_allclose(difference(fitted(given, narrow)), wide, rtol=EXACT)


def test_weights_of_the_residuals_hold_those_of_follow_up():
    estimator = WEIGHED["survival_aipw two stages"]
    sample, store = losing(times(), estimator), NuisanceStore()
    plain = estimator.model_copy(update={"observation": None, "entry": None})
    ratio = estimator.weights(sample, store) / plain.weights(sample, store)
    np.testing.assert_allclose(ratio, estimator.standing(sample).outcome)
    assert (ratio[~sample.observed] == 0).all()
    assert (ratio[sample.observed] > 1).all()
    factors = dict(estimator.weight_factors(sample, store))
    assert list(factors) == [
        "exposure",
        "attrition: seen when exposure was asked",
        "attrition: outcome known",
    ]
    product = np.prod(list(factors.values()), axis=0) * sample.observed
    np.testing.assert_allclose(product, estimator.weights(sample, store))


@EVERY
def test_a_column_that_does_not_vary_changes_nothing(fitted_beside, judged_alike, estimator):
    without, with_ = fitted_beside(estimator, times())
    np.testing.assert_allclose(
        with_.estimates.values, without.estimates.values, rtol=REFITTED, atol=1e-9
    )
    np.testing.assert_allclose(
        with_.estimates.covariance, without.estimates.covariance, rtol=REFITTED, atol=1e-9
    )
    judged_alike(without, with_)

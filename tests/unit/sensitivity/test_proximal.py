"""Proximal inference: the bridge against other algebra, weak proxies, and a simulation's truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.cohort import Sample
from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.estimators import GComputation, NuisanceStore
from causal.inference import covariance, small_sample_factor
from causal.seeding import generator
from causal.sensitivity import AnySensitivity, Proximal
from causal.sensitivity.proximal_bridge import Rows, fit_bridge, fit_measured, relevance
from causal.simulate import SCENARIOS, simulate_cohort
from causal.subject import Subject

ROUNDING = 1e-9  # the same estimate by another algebra
SAMPLING = 0.02  # three standard errors of the bridge at n = 100,000 (SE .0060)
COVARIATES = (
    "severity_score",
    "female",
    "black",
    "religiosity",
    "network_support",
    "psychiatric",
    "prior_mhg",
    "abstinence_goal",
    "moud",
)


def world(n=4000, seed=1, *, effect=0.5, clustered=False):
    """Draw a linear world with an unmeasured confounder and two proxies of it."""
    rng = np.random.default_rng(seed)
    person = np.arange(n) // 2 if clustered else np.arange(n)
    u = rng.normal(size=n)[person] if clustered else rng.normal(size=n)
    x = rng.normal(size=n)
    z = u + 0.3 * x + rng.normal(size=n)
    w = u - 0.2 * x + rng.normal(size=n)
    a = (rng.random(n) < 1 / (1 + np.exp(-(u + 0.4 * z - 0.3 * x)))).astype(float)
    y = effect * a + u + 0.5 * x + rng.normal(size=n)
    return Sample(
        unit=person,
        y=y,
        a=a,
        x=np.column_stack([x, z, w]),
        terms=("x0", "ask", "mood"),
        concepts=("severity", "motivation", "motivation"),
        outcome_kind="continuous",
        exposure_kind="binary",
        w=np.ones(n),
        cluster=person if clustered else None,
    )


def settings(**changed):
    given = {
        "confounder": "motivation",
        "exposure_proxy": ["ask"],
        "outcome_proxy": ["mood"],
        "rationale": "asking precedes going, mood does not.",
    }
    return Proximal(**(given | changed))


def finding(sample, scale="mean_difference", rung=None, **changed):
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    own = sample if rung is None else sample.with_terms(rung)
    subject = Subject("full", GComputation(), own, fit, fit, sample, scale)
    return settings(**changed).analyse(subject, np.random.default_rng(0))


def rows_of(sample, z=(1,), w=(2,), weights=None):
    kept = [i for i in range(sample.x.shape[1]) if i not in (*z, *w)]
    return Rows(
        sample.y,
        sample.a,
        sample.x[:, kept],
        sample.x[:, list(z)],
        sample.x[:, list(w)],
        sample.w if weights is None else weights,
        sample.cluster,
    )


@pytest.mark.parametrize("clustered", [False, True])
def test_bridge_solves_its_moment_equations_with_the_sandwich_error(
    estimating_equations, clustered
):
    sample = world(600, clustered=clustered)
    weights = np.random.default_rng(2).uniform(0.5, 2, sample.n)
    found = fit_bridge(rows_of(sample, weights=weights))
    one = np.ones(sample.n)
    design = np.column_stack([sample.a, sample.x[:, 2], one, sample.x[:, 0]])
    instruments = np.column_stack([sample.a, sample.x[:, 1], one, sample.x[:, 0]])

    def psi(theta):
        return instruments * (weights * (sample.y - design @ theta))[:, None]

    theta, expected = estimating_equations(psi, np.zeros(4), sample.cluster)
    groups = sample.n_clusters
    factor = small_sample_factor("HC1", sample.n, 4, groups)
    assert found.values == pytest.approx(theta[:2], rel=1e-7)
    assert found.covariance == pytest.approx(factor * expected[:2, :2], rel=1e-5)
    assert covariance(found.influence, sample.cluster) == pytest.approx(expected[:2, :2], rel=1e-5)


def test_one_proxy_of_each_kind_is_the_ratio_of_two_regressions():
    # Tchetgen Tchetgen et al. (2020): the slope of Y on A less that of W on A times what Z tells
    sample = world(800)
    given = np.column_stack([np.ones(sample.n), sample.a, sample.x[:, :2]])
    outcome, proxy = (np.linalg.lstsq(given, v)[0] for v in (sample.y, sample.x[:, 2]))
    ratio = outcome[3] / proxy[3]
    found = fit_bridge(rows_of(sample))
    assert found.values == pytest.approx([outcome[1] - ratio * proxy[1], ratio], rel=ROUNDING)


def test_more_exposure_proxies_than_needed_are_combined_by_the_first_stage():
    sample = world(800)
    extra = replace(
        sample,
        x=np.column_stack([sample.x, sample.x[:, 1] ** 2]),
        terms=(*sample.terms, "ask_squared"),
        concepts=(*sample.concepts, "motivation"),
    )
    found = fit_bridge(rows_of(extra, z=(1, 3)))
    given = np.column_stack([np.ones(extra.n), extra.a, extra.x[:, [0, 1, 3]]])
    predicted = given @ np.linalg.lstsq(given, extra.x[:, 2])[0]
    second = np.column_stack([np.ones(extra.n), extra.a, predicted, extra.x[:, 0]])
    assert found.values == pytest.approx(np.linalg.lstsq(second, extra.y)[0][1:3], rel=ROUNDING)


def test_relevance_is_the_squared_robust_t_of_the_first_stage():
    sample = world(500, clustered=True)
    given = np.column_stack([np.ones(sample.n), sample.a, sample.x[:, :2]])
    w = sample.x[:, 2]
    slope = np.linalg.lstsq(given, w)[0]
    influence = (given * (w - given @ slope)[:, None]) @ np.linalg.inv(given.T @ given / sample.n)
    factor = small_sample_factor("HC1", sample.n, 4, sample.n_clusters)
    variance = factor * covariance(influence, sample.cluster)[3, 3]
    assert relevance(rows_of(sample)) == pytest.approx([slope[3] ** 2 / variance], rel=ROUNDING)


def test_proxies_that_follow_one_confounder_only_are_weak_for_two():
    # both W follow the same U, so given one, Z says nothing of the other
    sample = world(3000)
    rng = np.random.default_rng(9)
    u_again = sample.x[:, 2] + rng.normal(size=sample.n)
    second = sample.x[:, 1] + rng.normal(size=sample.n)
    both = replace(
        sample,
        x=np.column_stack([sample.x, second, u_again]),
        terms=(*sample.terms, "ask_again", "mood_again"),
        concepts=(*sample.concepts, "motivation", "motivation"),
    )
    assert relevance(rows_of(both.with_terms(both.terms[:3]))).min() > 100
    assert relevance(rows_of(both, z=(1, 3), w=(2, 4))).min() < 10


def test_bridge_finds_the_effect_that_adjusting_for_proxies_misses():
    sample = world(40_000)
    found = finding(sample)
    proximal, measured = found.row("proximal"), found.row("measured")
    assert abs(proximal.number("estimate") - 0.5) < 3 * proximal.number("std_error")
    assert abs(measured.number("estimate") - 0.5) > 10 * measured.number("std_error")
    assert found.headline == proximal.number("estimate")
    assert found.multiple == math.inf
    assert found.row("difference").number("hi") < 0


def test_estimate_that_proxies_explain_away_is_overturned():
    found = finding(world(20_000, effect=0.0))
    assert found.row("measured").number("lo") > 0
    assert found.multiple == 0
    assert "meets 0" in found.short


def test_recoding_outcome_or_exposure_turns_the_estimate_round_only():
    sample = world(2000)
    one = finding(sample)
    for other in (replace(sample, y=1 - sample.y), replace(sample, a=1 - sample.a)):
        turned = finding(other)
        assert turned.headline == pytest.approx(-one.headline, rel=1e-7)
        assert turned.multiple == one.multiple
        assert turned.row("proximal").number("std_error") == pytest.approx(
            one.row("proximal").number("std_error"), rel=1e-7
        )


def test_measured_stands_for_least_squares_with_all_columns():
    sample = world(700)
    design = np.column_stack([np.ones(sample.n), sample.a, sample.x])
    slope = np.linalg.lstsq(design, sample.y)[0][1]
    assert fit_measured(rows_of(sample)).values[0] == pytest.approx(slope, rel=ROUNDING)


def test_proxies_come_from_all_rungs_and_leave_the_covariates():
    sample = world(2000)
    assert finding(sample, rung=["x0"]).headline == finding(sample).headline


def test_rows_without_outcome_are_left_out():
    sample = world(2000)
    y = sample.y.copy()
    y[:500] = np.nan
    known = np.arange(2000) >= 500
    found = finding(replace(sample, y=y), scale="mean_difference")
    assert found.headline == pytest.approx(finding(sample.rows(known)).headline, rel=ROUNDING)


def test_weak_proxies_are_refused_with_their_f():
    sample, rng = world(2000), np.random.default_rng(4)
    noise = rng.normal(size=sample.n)  # drawn after exposure, which it does not move
    found = finding(replace(sample, x=np.column_stack([sample.x[:, 0], noise, sample.x[:, 2]])))
    assert isinstance(found.headline, NotEstimable)
    assert "too weakly" in found.sentence
    strength = found.row("first_stage", "mood").number("f")
    assert strength < 10
    assert f"F = {strength:.2g}" in found.sentence


def test_exposure_proxy_given_by_the_covariates_is_refused():
    sample = world(500)
    copied = replace(sample, x=np.column_stack([sample.x[:, 1], sample.x[:, 1:]]))
    found = finding(copied)
    assert "determine an exposure proxy" in found.sentence


def test_sentence_says_what_proxies_assume_and_names_the_reason():
    said = finding(world()).sentence
    for needed in ("only through exposure", "not changed by exposure", "shares no error"):
        assert needed in said
    assert "asking precedes going" in said


def test_ratio_scale_is_told_that_this_is_the_difference(confounded):
    made = confounded(n=3000)
    noisy = made.x[:, 0] + np.random.default_rng(6).normal(size=made.n)
    found = finding(
        replace(
            made,
            x=np.column_stack([made.x, noisy]),
            terms=(*made.terms, "x3"),
            concepts=(*made.concepts, "motivation"),
        ),
        "risk_ratio",
        exposure_proxy=["x0"],
        outcome_proxy=["x3"],
    )
    assert "not on the risk ratio" in found.sentence


def test_unknown_proxy_is_an_error_that_says_where_terms_come_from():
    with pytest.raises(SpecError, match="A rung that adjusts for a column brings it in"):
        finding(world(), exposure_proxy=["asked"])


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"outcome_proxy": ["ask"]}, "both exposure_proxy and outcome_proxy"),
        ({"outcome_proxy": ["mood", "x0"]}, "as many exposure proxies"),
        ({"exposure_proxy": []}, "at least 1"),
        ({"rationale": ""}, "at least 1"),
    ],
)
def test_senseless_settings_are_refused(changed, why):
    given = settings().model_dump() | changed
    with pytest.raises(ValidationError, match=why):
        TypeAdapter(AnySensitivity).validate_python(given)


@pytest.mark.parametrize(
    ("scenario", "measured", "truth"), [("base", 0.15, 0.10), ("null", 0.05, 0)]
)
def test_proxies_of_motivation_halve_the_bias_left_in_the_simulated_cohort(
    scenario, measured, truth
):
    # the truth of a linear model that sees motivation and severity is .10 (.104 without sites)
    n = 100_000
    made = simulate_cohort(SCENARIOS[scenario], n, generator(11, "proximal"))
    terms = ("motivation_score", "prior_outcome_control", *COVARIATES)
    sample = Sample(
        unit=np.arange(n),
        y=made["abstinent"],
        a=made["mhg_weekly"],
        x=np.column_stack([made[t] for t in terms]),
        terms=terms,
        concepts=("motivation", "prior_outcome", *COVARIATES),
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )
    found = finding(
        sample,
        "risk_difference",
        exposure_proxy=["motivation_score"],
        outcome_proxy=["prior_outcome_control"],
    )
    assert found.row("first_stage", "prior_outcome_control").number("f") > 1000
    assert found.row("measured").number("estimate") == pytest.approx(measured, abs=SAMPLING / 2)
    assert found.headline == pytest.approx(truth, abs=SAMPLING)
    assert found.row("difference").number("hi") < 0

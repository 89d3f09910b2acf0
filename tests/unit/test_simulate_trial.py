"""The linear trial does what it says, and the limits given with it are those it tends to."""

import numpy as np
import pytest

from causal.registry import known_truths, load_cohort
from causal.seeding import generator
from causal.simulate_trial import (
    TRIALS,
    Trial,
    TrialSites,
    draw_trial_sites,
    simulate_trial,
    trial_truth,
)

N = 2_000_000
POOLED = 0.03  # the tolerance of the pooled reference: 4 standard errors of the ratio at N
SLOPE = 0.006  # 4 standard errors of a slope at N, and of a mean
PERSONS = 1582  # Humphreys et al. 2014: six pooled data sets
NO_SITES = TrialSites(np.zeros(6), np.zeros(6))


def difference(v, z):
    return v[z == 1].mean() - v[z == 0].mean()


@pytest.fixture(scope="module")
def drawn():
    """Draw each scenario once, with its sites."""
    worlds = {}
    for name, trial in TRIALS.items():
        sites = draw_trial_sites(trial, generator(1, "sites"))
        cohort = simulate_trial(trial, N, generator(99, "persons"), sites)
        worlds[name] = (cohort, trial_truth(trial, PERSONS, sites))
    return worlds


def test_the_pooled_trial_gives_the_reference_values(drawn):
    # Truth .38; crude limit .38 + .8 / (.25 * .45^2 + 1.64); one run each; F - 1 at n = 1582.
    cohort, true = drawn["no_sites"]
    a, y, z = (cohort[name] for name in ("attendance", "abstinence", "facilitation"))
    assert true["late"] == 0.38
    assert true["limit_crude"] == pytest.approx(0.8531978, abs=1e-7)
    assert true["expected_f"] == pytest.approx(48.8346, abs=1e-4)
    assert np.cov(a, y)[0, 1] / a.var() == pytest.approx(0.8545748, abs=SLOPE)
    assert difference(y, z) / difference(a, z) == pytest.approx(0.3752321, abs=POOLED)


@pytest.mark.parametrize("name", TRIALS)
def test_the_limits_are_those_of_the_simulation(drawn, name):
    cohort, true = drawn[name]
    a, y, z = (cohort[column] for column in ("attendance", "abstinence", "facilitation"))
    assert difference(a, z) == pytest.approx(true["first_stage"], abs=2 * SLOPE)
    assert difference(y, z) == pytest.approx(true["itt"], abs=2 * SLOPE)
    assert np.cov(a, y)[0, 1] / a.var() == pytest.approx(true["limit_crude"], abs=SLOPE)
    assert true["ate"] == true["late"]
    assert (true["wald"] == pytest.approx(true["late"])) == (name != "violated_exclusion")


def test_the_expected_f_is_that_of_the_first_stage():
    trial, few = TRIALS["no_sites"], 400
    rng = generator(3, "first stages")
    found = []
    for _ in range(few):
        cohort = simulate_trial(trial, PERSONS, rng, NO_SITES)
        a, z = cohort["attendance"], cohort["facilitation"]
        left = a - np.where(z == 1, a[z == 1].mean(), a[z == 0].mean())
        variance = left @ left / (PERSONS - 2) * (1 / (z == 1).sum() + 1 / (z == 0).sum())
        found.append(difference(a, z) ** 2 / variance)
    expected = trial_truth(trial, PERSONS, NO_SITES)["expected_f"] + 1
    spread = 2 * np.sqrt(expected / few)  # F has variance about 4 times its mean
    assert np.mean(found) == pytest.approx(expected, abs=4 * spread)


def test_follow_up_by_outcome_and_arm_turns_the_ratio_round(drawn):
    for name, low, high in (("strong", 0.35, 0.42), ("outcome_attrition", -0.7, -0.5)):
        cohort = drawn[name][0]
        seen = cohort["followed"] == 1
        a, y, z = (cohort[column][seen] for column in ("attendance", "abstinence", "facilitation"))
        assert low < difference(y, z) / difference(a, z) < high


def test_sites_are_drawn_once_a_data_set():
    few, many, other = (
        known_truths("simulated_trial", {"n": n, "seed": seed})[0]
        for n, seed in ((100, 5), (5000, 5), (100, 6))
    )
    assert few.values["limit_crude"] == many.values["limit_crude"] != other.values["limit_crude"]
    strengths = [one.of_instrument["expected_f"] for one in (few, many)]
    assert strengths[0] == pytest.approx(strengths[1] / 50)


def test_attrition_hides_the_outcome_of_those_not_followed_only():
    whole, thinned = (
        load_cohort("simulated_trial", {"attrition": some}).table for some in (False, True)
    )
    last = thinned["wave"] == 15
    assert whole.loc[last, "abstinence"].notna().all()
    assert (thinned.loc[last, "abstinence"].isna() == (thinned.loc[last, "followed"] == 0)).all()


def test_the_same_seed_gives_the_same_trial_and_another_another():
    draws = [simulate_trial(Trial(), 100, generator(seed, "x"), NO_SITES) for seed in (1, 1, 2)]
    assert all((draws[0][name] == draws[1][name]).all() for name in draws[0])
    assert any((draws[0][name] != draws[2][name]).any() for name in draws[0])

"""The structural models do what they say, and the truth given with them is the truth."""

import numpy as np
import pytest

from causal.estimators.glm import fit_glm
from causal.registry import known_truths, load_cohort
from causal.seeding import generator
from causal.simulate import (
    SCENARIOS,
    SITES,
    Scenario,
    _exposure_logit,
    _outcome_logit,
    draw_sites,
    expit,
    simulate_cohort,
    truth,
)
from causal.simulate_controls import AILMENTS, CLINIC, LEAST, MOST, SEVERITY, simulate_controls
from causal.simulate_panel import WAVES, ReverseOnly, panel_truth, simulate_panel

N = 400_000
TABLE = 0.012  # single published runs of 400,000, each with site effects of its own
TRUTH = 0.0005  # what is promised of truth(); its own error is under .0001
LARGE = 0.004  # 4 standard errors of a difference in means at N with an arm of a quarter
LOG_ODDS = 0.09  # 3 standard errors of a log odds ratio of attendance at 40,000 persons
PUBLISHED = {  # crude difference, its odds ratio, truth, first stage; one run each
    "base": (0.232, 2.70, 0.091, 0.066),
    "null": (0.136, 1.84, 0.0, 0.061),
    "strong_facilitation": (0.223, 2.63, 0.091, 0.287),
    "violated_exclusion": (0.239, None, 0.091, 0.062),
    "good_motivation": (0.233, None, 0.091, 0.059),
    "weak_selection": (0.110, None, 0.097, 0.071),
}


@pytest.fixture(scope="module")
def drawn():
    """Draw each scenario once, with its sites."""
    worlds = {}
    for name, scenario in SCENARIOS.items():
        sites = draw_sites(scenario, generator(1, "simulated", "sites"))
        cohort = simulate_cohort(scenario, N, generator(1, "simulated", "persons"), sites)
        worlds[name] = (cohort, truth(scenario, sites))
    return worlds


def difference(y, a):
    return y[a == 1].mean() - y[a == 0].mean()


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_scenario_gives_the_published_picture(drawn, name):
    cohort, true = drawn[name]
    crude, odds_ratio, effect, first_stage = PUBLISHED[name]
    a, y, z = (cohort[column] for column in ("mhg_weekly", "abstinent", "facilitation"))
    assert difference(y, a) == pytest.approx(crude, abs=TABLE)
    assert true["ate"] == pytest.approx(effect, abs=TABLE)
    assert difference(a, z) == pytest.approx(first_stage, abs=TABLE)
    if odds_ratio is not None:
        p1, p0 = y[a == 1].mean(), y[a == 0].mean()
        assert p1 * (1 - p0) / (p0 * (1 - p1)) == pytest.approx(odds_ratio, rel=0.05)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_is_the_mean_of_the_potential_outcomes(drawn, name):
    cohort, true = drawn[name]
    gain = cohort["abstinent_if_attending"] - cohort["abstinent_if_not"]
    a = cohort["mhg_weekly"]
    assert gain.mean() == pytest.approx(true["ate"], abs=LARGE)
    assert gain[a == 1].mean() == pytest.approx(true["att"], abs=LARGE)
    assert cohort["abstinent_if_attending"].mean() == pytest.approx(true["risk_exposed"], abs=LARGE)
    assert cohort["abstinent_if_not"].mean() == pytest.approx(true["risk_unexposed"], abs=LARGE)
    assert a.mean() == pytest.approx(true["exposed"], abs=LARGE)
    assert cohort["abstinent"].mean() == pytest.approx(true["abstinent"], abs=LARGE)
    assert difference(a, cohort["facilitation"]) == pytest.approx(true["first_stage"], abs=LARGE)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_true_measures_agree_with_each_other(drawn, name):
    true = drawn[name][1]
    risk1, risk0 = true["risk_exposed"], true["risk_unexposed"]
    assert true["ate"] == risk1 - risk0
    assert true["risk_ratio"] == risk1 / risk0
    assert true["odds_ratio"] == pytest.approx(risk1 / (1 - risk1) / (risk0 / (1 - risk0)))


def test_the_truth_is_as_precise_as_promised(drawn):
    # The same average over ten times as many persons as truth() takes.
    cohort, true = drawn["no_sites"]
    scenario = SCENARIOS["no_sites"]
    gain = expit(_outcome_logit(scenario, cohort, 0.0, 1.0)) - expit(
        _outcome_logit(scenario, cohort, 0.0, 0.0)
    )
    e0, e1 = (expit(_exposure_logit(scenario, cohort, z)) for z in (0.0, 1.0))
    e = (e0 + e1) / 2
    assert gain.mean() == pytest.approx(true["ate"], abs=TRUTH)
    assert np.average(gain, weights=e) == pytest.approx(true["att"], abs=TRUTH)
    assert np.average(gain, weights=e * (1 - e)) == pytest.approx(true["ato"], abs=TRUTH)
    assert np.average(gain, weights=e1 - e0) == pytest.approx(true["late"], abs=TRUTH)


def test_weighting_by_the_true_propensity_recovers_the_truth(drawn):
    cohort, true = drawn["base"]
    a, y, e = (cohort[column] for column in ("mhg_weekly", "abstinent", "propensity"))
    weighted = [
        np.average(y[arm], weights=w[arm]) for arm, w in ((a == 1, 1 / e), (a == 0, 1 / (1 - e)))
    ]
    assert weighted[0] - weighted[1] == pytest.approx(true["ate"], abs=2 * LARGE)


def test_attendance_and_both_outcomes_share_one_draw(drawn):
    cohort, _ = drawn["base"]
    y1, y0 = cohort["abstinent_if_attending"], cohort["abstinent_if_not"]
    assert (y1 >= y0).all()
    assert (cohort["abstinent"] == np.where(cohort["mhg_weekly"] == 1, y1, y0)).all()
    null = drawn["null"][0]
    assert (null["abstinent_if_attending"] == null["abstinent_if_not"]).all()


def test_the_wald_ratio_is_the_late_only_where_exclusion_holds(drawn):
    def wald(name):
        cohort = drawn[name][0]
        z = cohort["facilitation"]
        return difference(cohort["abstinent"], z) / difference(cohort["mhg_weekly"], z)

    # Standard error of the ratio at N: .0015 / first stage.
    for name, first_stage in (("base", 0.06), ("strong_facilitation", 0.28)):
        assert wald(name) == pytest.approx(drawn[name][1]["late"], abs=4 * 0.0015 / first_stage)
    assert wald("violated_exclusion") > 0.9


@pytest.mark.parametrize("name", SCENARIOS)
def test_facilitation_contrasts_tend_to_what_the_truth_says(drawn, name):
    cohort, true = drawn[name]
    a, y, z = (cohort[column] for column in ("mhg_weekly", "abstinent", "facilitation"))
    seen = cohort["followed"] == 1
    assert difference(y, z) == pytest.approx(true["itt"], abs=2 * LARGE)
    assert true["wald"] == pytest.approx(true["itt"] / true["first_stage"])
    itt = difference(y[seen], z[seen])
    assert itt == pytest.approx(true["itt_followed"], abs=2 * LARGE)
    first = difference(a[seen], z[seen])
    assert itt == pytest.approx(first * true["wald_followed"], abs=2 * LARGE)


def test_the_ratio_is_the_late_but_where_facilitation_acts_by_itself(drawn):
    for name in SCENARIOS:
        true = drawn[name][1]
        same = true["wald"] == pytest.approx(true["late"], abs=TRUTH)
        assert same == (name != "violated_exclusion")


def test_follow_up_by_outcome_and_arm_turns_the_ratio_round(drawn):
    cohort, true = drawn["outcome_attrition"]
    assert cohort["followed"].mean() == pytest.approx(0.64, abs=0.01)
    assert true["late"] > 0.09
    assert true["wald_followed"] < -0.2
    strong = drawn["strong_facilitation"][1]
    assert true["late"] == strong["late"]
    assert strong["wald_followed"] == pytest.approx(strong["late"], abs=0.003)


@pytest.mark.parametrize(("name", "reliability"), [("base", 0.6), ("good_motivation", 0.9)])
def test_the_motivation_score_has_the_declared_reliability(drawn, name, reliability):
    cohort, _ = drawn[name]
    r = np.corrcoef(cohort["true_motivation"], cohort["motivation_score"])[0, 1]
    assert r**2 == pytest.approx(reliability, abs=0.01)
    assert cohort["motivation_score"].std() == pytest.approx(1, abs=0.01)


def test_follow_up_and_margins_are_in_the_published_range(drawn):
    cohort, _ = drawn["base"]
    assert cohort["followed"].mean() == pytest.approx(0.84, abs=0.01)
    assert 0.25 < cohort["mhg_weekly"].mean() < 0.34
    assert 0.33 < cohort["abstinent"].mean() < 0.40


def test_the_same_seed_gives_the_same_cohort_and_another_another():
    draws = [simulate_cohort(Scenario(), 100, generator(seed, "x")) for seed in (1, 1, 2)]
    assert all((draws[0][name] == draws[1][name]).all() for name in draws[0])
    assert any((draws[0][name] != draws[2][name]).any() for name in draws[0])


def test_site_effects_do_not_depend_on_the_number_of_persons():
    truths = [
        known_truths("simulated", {"n": n, "seed": seed})[0].values["ate"]
        for n, seed in ((100, 5), (5000, 5), (100, 6))
    ]
    assert truths[0] == truths[1]
    assert truths[0] != truths[2]


def test_the_scenario_without_sites_has_none():
    sites = draw_sites(SCENARIOS["no_sites"], generator(1))
    assert not sites.exposure.any()
    assert not sites.outcome.any()
    assert len(sites.exposure) == SITES


# The world in which attendance does nothing


@pytest.fixture(scope="module")
def intervals():
    """Pool the intervals (s, t, u) of 200,000 persons: use and attendance at s, at t, use at u."""
    panel = simulate_panel(ReverseOnly(), 200_000, generator(1, "panel"))
    use, attended = panel["drug_use"], panel["mhg_weekly"]
    steps = range(len(WAVES) - 2)
    return {
        "s": np.repeat([float(s) for s in steps], len(use)),
        "use_s": np.concatenate([use[:, s] for s in steps]),
        "attended_s": np.concatenate([attended[:, s] for s in steps]),
        "use_t": np.concatenate([use[:, s + 1] for s in steps]),
        "attended_t": np.concatenate([attended[:, s + 1] for s in steps]),
        "use_u": np.concatenate([use[:, s + 2] for s in steps]),
    }


def adjusted(intervals, *given):
    """Give the coefficient of attendance in a linear probability model."""
    wave = [intervals["s"] == s for s in (1.0, 2.0)]
    rows = [intervals["attended_t"], *(intervals[name] for name in given), *wave]
    x = np.column_stack([*rows, np.ones_like(intervals["s"])]).astype(float)
    return np.linalg.lstsq(x, intervals["use_u"], rcond=None)[0][0]


def test_reverse_only_is_matched_to_detox_cohorts():
    true = panel_truth(ReverseOnly())
    assert true["concurrent"] == pytest.approx(-0.21, abs=0.01)
    assert true["persistence"] == pytest.approx(0.41, abs=1e-9)
    assert true["limit_lag_adjusted"] == pytest.approx(-0.08, abs=0.005)
    assert true["ate"] == true["att"] == true["ato"] == 0


def test_lag_adjustment_leaves_an_association_where_there_is_no_effect(intervals):
    limit = panel_truth(ReverseOnly())["limit_lag_adjusted"]
    assert adjusted(intervals, "use_s", "attended_s") == pytest.approx(limit, abs=LARGE)


def test_the_association_is_gone_given_use_at_the_end_of_the_interval(intervals):
    assert panel_truth(ReverseOnly())["limit_use_adjusted"] == pytest.approx(0, abs=1e-12)
    assert adjusted(intervals, "use_s", "attended_s", "use_t") == pytest.approx(0, abs=LARGE)


def test_the_enumerated_limits_are_those_of_the_simulation(intervals):
    true = panel_truth(ReverseOnly())
    use_t, attended_t, use_u = (intervals[name] for name in ("use_t", "attended_t", "use_u"))
    assert difference(use_u, attended_t) == pytest.approx(true["limit_crude"], abs=LARGE)
    assert difference(use_t, attended_t) == pytest.approx(true["concurrent"], abs=LARGE)
    assert difference(use_u, use_t) == pytest.approx(true["persistence"], abs=LARGE)


def test_without_relapse_ending_attendance_nothing_is_left():
    true = panel_truth(ReverseOnly(relapse_to_attendance=0.0))
    assert true["limit_lag_adjusted"] == pytest.approx(0, abs=1e-12)


# The data set


def test_attrition_hides_the_outcome_of_those_not_followed_only():
    whole = load_cohort("simulated").table
    thinned = load_cohort("simulated", {"attrition": True}).table
    last = thinned["wave"] == 12
    assert whole.loc[last, "abstinent"].notna().all()
    assert (thinned.loc[last, "abstinent"].isna() == (thinned.loc[last, "followed"] == 0)).all()
    seen = last & thinned["abstinent"].notna()
    assert (thinned.loc[seen, "abstinent"] == whole.loc[seen, "abstinent"]).all()


def test_each_column_stands_at_its_wave():
    table = load_cohort("simulated", {"n": 100}).table
    known = table.drop(columns="person_id").groupby("wave").count()
    at = {name: known.index[known[name] > 0].tolist() for name in known.columns}
    assert at.pop("mhg_weekly") == at.pop(CLINIC) == [6]
    last = ("abstinent", "drug_use", "followed", *AILMENTS)
    assert [at.pop(name) for name in last] == [[12]] * len(last)
    assert set(map(tuple, at.values())) == {(0,)}


def test_the_panel_has_five_waves_of_attendance_and_use():
    table = load_cohort("simulated", {"n": 100, "scenario": "reverse_only"}).table
    assert sorted(table["wave"].unique()) == list(WAVES)
    assert table[["mhg_weekly", "drug_use", "abstinent"]].notna().all(axis=None)
    assert (table["drug_use"] == 1 - table["abstinent"]).all()


def test_controls_have_the_latent_causes_of_the_outcome_and_nothing_of_attendance():
    cohort = simulate_cohort(SCENARIOS["base"], 40_000, np.random.default_rng(3))
    controls = simulate_controls(cohort, np.random.default_rng(4))
    latent = np.column_stack([cohort["true_motivation"], cohort["true_severity"]])
    for number, name in enumerate((*AILMENTS, CLINIC)):
        x = np.column_stack([cohort["mhg_weekly"], latent])
        fit = fit_glm(x, controls[name], np.ones(len(x)), "logit")
        found = fit.coefficients[1:] / fit.spread
        part = LEAST + (MOST - LEAST) * number / (len(AILMENTS) - 1)
        wanted = (0.0, 0.9, 0.35) if name == CLINIC else (0.0, part, -SEVERITY * part)
        np.testing.assert_allclose(found, wanted, atol=LOG_ODDS)


def test_controls_leave_every_other_column_as_it_was():
    """They have a stream of their own, so earlier reports keep their numbers."""
    table = load_cohort("simulated", {"n": 500, "seed": 9}).table
    rng = generator(9, "simulated", "persons")
    sites = draw_sites(SCENARIOS["base"], generator(9, "simulated", "sites"))
    alone = simulate_cohort(SCENARIOS["base"], 500, rng, sites)
    last = table[table["wave"] == 12].sort_values("person_id")
    np.testing.assert_array_equal(last["abstinent"], alone["abstinent"])

"""Tests of instruments: right size where every inequality binds, power, and invariances."""

import numpy as np
import pytest

from causal.errors import PositivityError, SpecError
from causal.estimate import NotEstimable
from causal.instrumental.validity import huber_mellace_test, kitagawa_test, pearl_test

ROUNDING = 1e-9
REPEATS = 120
SMALL_ARM = 40
AT_MOST = 13
"""Rejections of 120 at the 5 % level: 6, and three Monte-Carlo errors of 2.4."""
TESTS = {"kitagawa": kitagawa_test, "huber": huber_mellace_test, "pearl": pearl_test}


def rng(seed=1):
    return np.random.default_rng(seed)


def run(name, one, **changes):
    y, a, z = (changes.get(key, getattr(one, key)) for key in ("y", "a", "z"))
    return TESTS[name](y, a, z, one.w, one.cluster, rng())


@pytest.mark.simulation
@pytest.mark.parametrize("continuous", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_kitagawa_rejects_an_irrelevant_valid_instrument_no_more_than_it_says(
    trial, continuous, clustered
):
    # with no compliers every inequality binds, the least favourable case
    rejected = 0
    for seed in range(REPEATS):
        one = trial(300, seed, compliers=0.0, continuous=continuous, clustered=clustered)
        found = kitagawa_test(
            one.y, one.a, one.z, one.w, one.cluster, rng(seed), raises=True, draws=200
        )
        rejected += found.p < 0.05
    assert 0 < rejected <= AT_MOST


@pytest.mark.simulation
def test_a_small_arm_without_rows_in_an_interval_is_no_violation(trial):
    rejected = 0
    for seed in range(REPEATS):
        one = trial(1500, seed, compliers=0.0, continuous=True)
        kept = (one.z == 1) | (np.cumsum(one.z == 0) <= SMALL_ARM)
        arrays = (values[kept] for values in (one.y, one.a, one.z, one.w))
        found = kitagawa_test(*arrays, None, rng(seed), raises=True, draws=200)
        rejected += found.p < 0.05
    assert rejected <= AT_MOST


def test_huber_mellace_rejects_an_irrelevant_valid_instrument_no_more_than_it_says(trial):
    rejected = 0
    for seed in range(REPEATS):
        one = trial(300, seed, compliers=0.0, continuous=True)
        found = huber_mellace_test(one.y, one.a, one.z, one.w, None, rng(seed), raises=True)
        rejected += found.p < 0.05
    assert rejected <= AT_MOST


@pytest.mark.parametrize("name", ["kitagawa", "huber"])
@pytest.mark.parametrize("continuous", [False, True])
def test_a_strong_direct_effect_is_found(trial, name, continuous):
    one = trial(2000, direct=1.5, continuous=continuous, compliers=0.1, weighted=True)
    found = run(name, one)
    assert found.p < 0.01
    assert "the data contradict" in found.sentence
    assert "monotonicity" in found.sentence


@pytest.mark.parametrize("name", list(TESTS))
def test_a_valid_instrument_is_not_contradicted_and_not_called_valid(trial, name):
    found = run(name, trial(2000))
    assert found.p > 0.05
    assert "does not show the instrument to be valid" in found.sentence


def test_pearls_inequality_is_broken_only_by_gross_violations():
    sim = rng(3)
    z = sim.integers(0, 2, 1000).astype(float)
    a = (sim.random(1000) < 0.95).astype(float)
    y = np.where(sim.random(1000) < 0.9, z, 1 - z)
    found = pearl_test(y, a, z, np.ones(1000), None, rng())
    assert found.p < 0.01
    assert found.worst == "outcome 0 at instrument 0 and outcome 1 at instrument 1, both at " + (
        "exposure 1"
    )
    assert "monotonicity" not in found.sentence


@pytest.mark.parametrize("name", list(TESTS))
@pytest.mark.parametrize("clustered", [False, True])
def test_relabelling_and_recoding_change_no_statistic(trial, name, clustered):
    one = trial(weighted=True, clustered=clustered, direct=0.5)
    here = run(name, one).statistic
    assert run(name, one, z=1 - one.z).statistic == pytest.approx(here, abs=ROUNDING)
    assert run(name, one, y=1 - one.y).statistic == pytest.approx(here, abs=ROUNDING)
    assert run(name, one, a=1 - one.a).statistic == pytest.approx(here, abs=ROUNDING)


@pytest.mark.parametrize("name", ["kitagawa", "huber"])
def test_a_declared_direction_is_kept_to(trial, name):
    one = trial(2000, compliers=0.5)
    right, wrong = (
        TESTS[name](one.y, one.a, one.z, one.w, None, rng(), raises=raises)
        for raises in (True, False)
    )
    assert right.p == run(name, one).p
    assert wrong.p < 0.01 or name == "huber"  # means alone do not show that few are moved
    assert "turned round" in wrong.worst


@pytest.mark.parametrize("name", ["kitagawa", "huber"])
def test_the_unit_of_the_outcome_does_not_matter(trial, name):
    one = trial(continuous=True)
    assert run(name, one, y=5 + 100 * one.y).statistic == pytest.approx(run(name, one).statistic)


def test_kitagawas_statistic_is_that_of_the_paper_for_independent_rows(trial):
    one = trial(compliers=0.1, direct=0.8)
    m, n = (one.z == 1).sum(), (one.z == 0).sum()
    ratios = []
    for exposure, sign in ((1, -1), (0, 1)):
        for values in ([0], [1], [0, 1]):
            inside = np.isin(one.y, values) & (one.a == exposure)
            p, q = inside[one.z == 1].mean(), inside[one.z == 0].mean()
            spread = np.sqrt(n / (m + n) * p * (1 - p) + m / (m + n) * q * (1 - q))
            ratios.append(np.sqrt(m * n / (m + n)) * sign * (p - q) / max(spread, 0.07))
    assert run("kitagawa", one).statistic == pytest.approx(max(ratios))


def test_one_sided_noncompliance_leaves_the_never_takers_to_compare(trial):
    one = trial(2000, continuous=True)
    found = run("huber", one, a=one.z * (one.type_ > 0))
    assert found.constraints == 2
    everybody = run("huber", one, a=one.z)
    assert isinstance(everybody, NotEstimable)


def test_what_cannot_be_tested_is_refused(trial):
    one = trial()
    with pytest.raises(SpecError, match="instrument must be 0 or 1"):
        run("kitagawa", one, z=one.z + 0.5)
    with pytest.raises(PositivityError, match="everyone has exposure 1"):
        run("huber", one, a=np.ones_like(one.a))

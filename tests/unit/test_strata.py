"""Covariances within strata are those of the formula, and pair with each other."""

from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.estimate import Estimates
from causal.estimators import GComputation, MeanDifference, NuisanceStore
from causal.estimators.divisions import average_divisions
from causal.fitting import spread
from causal.strata import Strata, same_strata
from causal.subgroups import _covariance

EXACT = 1e-12


def by_formula(influence, cluster, strata):
    """Add up, stratum by stratum and unit by unit, as Lohr (2010), 9.1 writes it."""
    n, k = influence.shape
    total = np.zeros((k, k))
    for code in set(strata.code):
        here = strata.code == code
        drawn, fraction = strata.drawn[here][0], strata.fraction[here][0]
        sums = [influence[here & (cluster == one)].sum(axis=0) for one in set(cluster[here])]
        sums += [np.zeros(k)] * int(drawn - len(sums))
        if drawn == 1:
            if not strata.certain:
                total += (1 - fraction) * np.outer(sums[0], sums[0])
            continue
        mean = np.mean(sums, axis=0)
        inner = sum(np.outer(one - mean, one - mean) for one in sums)
        total += (1 - fraction) * drawn / (drawn - 1) * inner
    return total / n**2


@pytest.fixture
def surveyed(confounded):
    """Give a sample of 400 rows in 25 units of 6 strata, one of which has one unit."""
    sample = confounded(weighted=True, seed=3)
    rng = np.random.default_rng(4)
    unit = rng.integers(0, 25, sample.n)
    code = np.minimum(unit // 5, 4)
    code[unit == 24] = 5
    drawn = np.array([5.0, 7.0, 5.0, 5.0, 4.0, 1.0])[code]
    fraction = np.array([0.0, 0.1, 0.2, 0.0, 0.5, 0.3])[code]
    strata = Strata(code.astype(np.int64), drawn, fraction)
    return replace(sample, cluster=unit.astype(np.int64), strata=strata)


@pytest.mark.parametrize("certain", [False, True])
def test_the_covariance_is_that_of_the_formula(surveyed, certain):
    strata = replace(surveyed.strata, certain=certain)
    influence = np.random.default_rng(1).normal(size=(surveyed.n, 3))
    found = inference.covariance(influence, surveyed.cluster, strata)
    expected = by_formula(influence, surveyed.cluster, strata)
    np.testing.assert_allclose(found, expected, rtol=EXACT)
    cross = inference.cross_covariance(influence[:, :1], influence[:, 1:], surveyed.cluster, strata)
    np.testing.assert_allclose(cross, expected[:1, 1:], rtol=EXACT)


def test_one_stratum_of_rows_is_the_variance_of_a_mean():
    y = np.random.default_rng(2).normal(size=50)
    strata = Strata(np.zeros(50, dtype=np.int64), np.full(50, 50.0), np.zeros(50))
    found = inference.covariance((y - y.mean())[:, None], None, strata)
    assert found[0, 0] == pytest.approx(y.var(ddof=1) / 50, rel=EXACT)


def test_rows_carry_their_strata_and_the_number_drawn(surveyed):
    kept = surveyed.rows(surveyed.cluster > 1)
    np.testing.assert_array_equal(kept.strata.code, surveyed.strata.code[surveyed.cluster > 1])
    assert kept.strata.drawn[kept.strata.code == 0][0] == 5


def test_a_fit_on_some_rows_spreads_to_its_own_error_on_all(surveyed):
    used = surveyed.x[:, 2] == 1
    part = MeanDifference().fit(surveyed.rows(used), NuisanceStore(), np.random.default_rng(0))
    whole = spread(part, used, surveyed)
    implied = inference.covariance(whole.influence, whole.cluster, whole.strata)
    np.testing.assert_allclose(implied, part.covariance, rtol=1e-9)


def test_pairs_are_positive_and_refused_across_designs(surveyed):
    crude, adjusted = (
        one.fit(surveyed, NuisanceStore(), np.random.default_rng(0))
        for one in (MeanDifference(), GComputation(variance={"kind": "HC1"}))
    )
    joint = crude.joint(adjusted)
    assert np.linalg.eigvalsh(joint.covariance)[0] > -EXACT
    np.testing.assert_allclose(joint.covariance[2:, 2:], adjusted.covariance, rtol=EXACT)
    assert joint.df == crude.df == 25 - 6
    assert same_strata(joint.strata, surveyed.strata)
    other = replace(crude, strata=replace(surveyed.strata, certain=True))
    with pytest.raises(Exception, match="different clusters or strata"):
        adjusted.joint(other)


def test_pairing_a_fit_with_itself_gives_its_own_variance(surveyed):
    one = MeanDifference().fit(surveyed, NuisanceStore(), np.random.default_rng(0))
    joint = one.joint(one).covariance
    np.testing.assert_allclose(joint[:2, 2:], one.covariance, rtol=1e-9)


def test_averages_over_divisions_keep_the_design(surveyed):
    one = MeanDifference().fit(surveyed, NuisanceStore(), np.random.default_rng(0))
    both = average_divisions([one, one])
    np.testing.assert_allclose(both.covariance, one.covariance, rtol=1e-9)


def test_levels_of_a_subgroup_are_dependent_within_strata():
    """Without units too: in a stratum the rows of one level are those not of the other."""
    strata = Strata(np.zeros(6, dtype=np.int64), np.full(6, 6.0), np.zeros(6))
    influence = np.array([1.0, -1.0, 2.0, 0.0, 0.0, 0.0])[:, None]
    levels = [
        Estimates(
            ("mean_difference",), np.zeros(1), one, inference.covariance(one, None, strata),
            "crude", strata=strata,
        )
        for one in (influence, influence[::-1])
    ]  # fmt: skip
    expected = -(6 / 5) * 2 * 2 / 6 / 36
    assert _covariance(levels)[0, 1] == pytest.approx(expected, rel=EXACT)

"""A fit of many parameters: the pair the ladder compares, and the rest as points and contrasts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.composing_profiles import compose_profile
from causal.estimate import Estimates, pool
from causal.profiles import Profile, ProfileContrast, ProfilePoint

SAME = 1e-12


def three_arms(seed=0, pair=(0, 2), **changed):
    rng = np.random.default_rng(seed)
    influence = rng.normal(size=(400, 3)) @ np.array([[1.0, 0.2, 0], [0, 1, 0.3], [0, 0, 2]])
    influence -= influence.mean(axis=0)
    profile = Profile(
        kind="arms",
        axis="arm",
        unit="",
        points=tuple(ProfilePoint(i, name, rows=rows) for i, (name, rows) in enumerate(
            [("neither", 300), ("twelve_step", 93), ("smart", 7)])),
        contrasts=(
            ProfileContrast("twelve_step − neither", 1, 0),
            ProfileContrast("smart − neither", 2, 0),
            ProfileContrast("smart − twelve_step", 2, 1),
        ),
        notes=("Arms are exchangeable by assumption only.",),
    )  # fmt: skip
    return Estimates(
        ("neither", "twelve_step", "smart"),
        np.array([0.5, 0.4, 0.35]),
        influence,
        inference.covariance(influence),
        "ATE",
        pair=pair,
        profile=profile,
        **changed,
    )


def test_the_ladder_compares_the_pair_named():
    fit = three_arms()
    effect = fit.effect("risk_difference")
    assert math.isclose(effect.estimate, 0.35 - 0.5, rel_tol=SAME)
    d = fit.influence[:, 2] - fit.influence[:, 0]
    assert math.isclose(effect.std_error, math.sqrt(np.sum(d**2)) / 400, rel_tol=SAME)
    assert math.isclose(fit.effect("risk_ratio").estimate, 0.7, rel_tol=SAME)
    other = three_arms(pair=(2, 0)).effect("risk_difference")
    assert math.isclose(other.estimate, -effect.estimate, rel_tol=SAME)


def test_pooled_imputations_keep_pair_and_profile():
    pooled = pool([three_arms(seed) for seed in range(3)])
    assert pooled.profile is not None
    assert math.isclose(pooled.effect("risk_difference").estimate, -0.15, rel_tol=SAME)
    assert compose_profile(pooled, "arms", 1, 0) is not None


def test_contrasts_equal_those_of_the_ladder_and_are_corrected_for_their_number():
    fit = three_arms()
    block = compose_profile(fit, "arms", 1, 0)
    effect = fit.effect("risk_difference")
    second = block.contrasts[1]
    assert math.isclose(second.estimate, effect.estimate, rel_tol=SAME)
    assert math.isclose(second.std_error, effect.std_error, rel_tol=SAME)
    for one in block.contrasts:
        assert one.band[0] < one.interval[0]
        assert one.band[1] > one.interval[1]
        assert one.p_value <= one.p_holm
        assert one.p_value < one.p_joint + 0.01
    for point in block.points:
        half = (point.band[1] - point.band[0]) / 2
        assert math.isclose(half, block.critical * point.std_error, rel_tol=1e-9)


def test_the_same_seed_and_name_give_the_same_band_and_another_name_does_not():
    fit = three_arms()
    assert compose_profile(fit, "arms", 1, 0) == compose_profile(fit, "arms", 1, 0)
    assert (
        compose_profile(fit, "arms", 1, 0).critical != compose_profile(fit, "other", 1, 0).critical
    )


def test_two_means_have_no_profile():
    fit = three_arms().linear(np.eye(3)[:2], ("a", "b"))
    assert compose_profile(fit, "two", 1, 0) is None
    assert fit.pair == (0, 1)


def test_one_small_count_hides_all_that_would_give_it_by_subtraction():
    assert [one.rows for one in compose_profile(three_arms(), "arms", 1, 0).points] == [300, 93, 7]
    hidden = compose_profile(three_arms(), "arms", 1, 10).points
    assert [one.rows for one in hidden] == [">=10", ">=10", "<10"]
    assert [one.rows for one in compose_profile(three_arms(), "arms", 1, 5).points] == [300, 93, 7]


def curve(rows, kind="survival", listed=()):
    k = len(rows)
    points = tuple(
        ProfilePoint(i, f"by {i}", "exposed", float(i), rows=count, listed=i in listed)
        for i, count in enumerate(rows)
    )
    return Estimates(
        tuple(f"by {i}" for i in range(k)), np.linspace(0.1, 0.9, k), np.eye(k) - 1 / k,
        np.eye(k) / 100, "ATE", profile=Profile(kind, "time", "days", points),
    )  # fmt: skip


def test_curves_of_restricted_data_show_no_single_persons_days():
    fit = curve([60, 59, 48, 40, 30, 9], listed=(3,))
    assert len(compose_profile(fit, "one", 1, 0).points) == 6
    found = compose_profile(fit, "one", 1, 10).points
    assert [one.name for one in found] == ["by 0", "by 3", "by 4"]
    assert [one.rows for one in found] == [None, 40, None]


def test_rows_left_at_two_horizons_are_hidden_where_few_went_between():
    fit = curve([60, 55], listed=(0, 1))
    assert [one.rows for one in compose_profile(fit, "one", 1, 10).points] == [">=10", ">=10"]
    fit = curve([60, 55], kind="dose", listed=(0, 1))
    assert [one.rows for one in compose_profile(fit, "one", 1, 10).points] == [60, 55]


def imputed_in(clusters: int, df: float = math.inf) -> Estimates:
    """Pool three arms over imputations whose rows come from a few clusters."""
    fits = []
    for seed in range(4):
        one = three_arms()
        cluster = np.arange(400) % clusters
        moved = one.values + 0.01 * np.random.default_rng(seed).normal(size=3)
        covariance = inference.covariance(one.influence, cluster)
        fits.append(replace(one, values=moved, covariance=covariance, cluster=cluster, df=df))
    return pool(fits)


@pytest.mark.parametrize("clusters", [5, 8, 40])
def test_over_imputations_each_number_has_its_own_degrees_of_freedom(clusters):
    """Of three means in few clusters some combination has next to none, whatever each has."""
    fit = imputed_in(clusters)
    block = compose_profile(fit, "arms", 1, 0)
    effect = fit.effect("risk_difference")
    assert block.contrasts[1].interval == pytest.approx((effect.lo, effect.hi), rel=SAME)
    for one, value, variance in zip(block.points, np.eye(3), np.diag(fit.covariance), strict=True):
        alone = fit.linear(value[None, :], ("one",))
        half = inference.critical_value(df=alone.df) * math.sqrt(variance)
        assert one.interval == pytest.approx((one.estimate - half, one.estimate + half), rel=SAME)
    for one in (*block.points, *block.contrasts):
        assert one.band[0] < one.interval[0]
        assert one.band[1] > one.interval[1]
    assert all(one.p_joint >= one.p_value for one in block.contrasts)


def test_with_few_clusters_there_is_no_band_but_intervals_and_a_reason():
    block = compose_profile(imputed_in(4), "arms", 1, 0)
    assert block.critical is None
    assert {one.band for one in (*block.points, *block.contrasts)} == {None}
    assert {one.p_joint for one in block.contrasts} == {None}
    assert None not in {one.interval for one in (*block.points, *block.contrasts)}
    assert block.contrasts[0].p_holm >= block.contrasts[0].p_value
    (of_means, of_contrasts) = block.notes[-2:]
    assert of_means.startswith("There is no band of the means: the one with the fewest degrees")
    assert of_contrasts.startswith("There is no band of contrasts: ")


def test_with_two_clusters_there_are_estimates_only_and_the_reason():
    block = compose_profile(imputed_in(2), "arms", 1, 0)
    for one in block.contrasts:
        assert (one.interval, one.band, one.p_value, one.p_joint, one.p_holm) == (None,) * 5
        assert math.isfinite(one.estimate)
    assert "Where an interval is missing" in block.notes[-1]
    assert "nan" not in block.model_dump_json().lower()


@pytest.mark.parametrize("fit", [three_arms(), imputed_in(8)], ids=["plain", "imputed"])
def test_one_contrast_has_one_p_value_and_one_interval(fit):
    alone = replace(fit.profile, contrasts=fit.profile.contrasts[:1])
    (one,) = compose_profile(replace(fit, profile=alone), "arms", 1, 0).contrasts
    assert one.p_joint == one.p_holm == one.p_value
    assert one.band == one.interval

"""Balance of instruments: verdicts, multiplicity, invariance; first stages by subgroup."""

import numpy as np
import pytest

from causal.diagnostics import standardised_differences
from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.instrumental.balance import check_balance, holm, stage_by_subgroup

ROUNDING = 1e-12
REPEATS = 200


def balance(one, margin=0.2, **changes):
    z, x = (changes.get(key, getattr(one, key)) for key in ("z", "x"))
    names = tuple(f"x{j}" for j in range(x.shape[1]))
    return check_balance(z, x, names, one.w, one.cluster, margin)


def test_differences_are_those_of_the_diagnostics(trial):
    one = trial(weighted=True)
    found = [row.smd for row in balance(one).rows]
    assert found == pytest.approx(standardised_differences(one.x, one.z, one.w))


def test_a_large_randomised_trial_is_alike_and_a_small_one_is_not_resolved(trial):
    assert [row.verdict for row in balance(trial(5000)).rows] == ["alike", "alike"]
    assert [row.verdict for row in balance(trial(60)).rows] == ["not resolved"] * 2


def test_a_chosen_instrument_differs_in_what_it_was_chosen_by(trial):
    found = balance(trial(3000, chosen=True))
    assert [row.verdict for row in found.rows] == ["different", "alike"]
    assert "1 are alike between the arms of the instrument within 0.2" in found.sentence


def test_alikeness_is_claimed_no_more_often_than_it_says_at_the_margin():
    margin, alike = 0.2, 0
    for seed in range(REPEATS):
        sim = np.random.default_rng([9, seed])
        z = sim.integers(0, 2, 400).astype(float)
        x = (sim.normal(size=400) + margin * z)[:, None]
        found = check_balance(z, x, ("x",), np.ones(400), None, margin)
        alike += found.rows[0].p_alike < 0.05
    assert alike <= 19  # 10, and three Monte-Carlo errors of 3.1


def test_relabelling_turns_the_differences_only(trial):
    one = trial(clustered=True, weighted=True)
    for here, there in zip(balance(one).rows, balance(one, z=1 - one.z).rows, strict=True):
        assert there.smd == pytest.approx(-here.smd)
        assert (there.p_alike, there.p_different) == pytest.approx((here.p_alike, here.p_different))


def test_constant_covariates_are_named(trial):
    one = trial()
    found = balance(one, x=np.column_stack([np.ones(len(one.z)), one.x]))
    assert found.constant == ("x0",)
    assert len(found.rows) == 2


def test_a_margin_of_nothing_is_refused(trial):
    with pytest.raises(SpecError, match="expected above 0"):
        balance(trial(), margin=0.0)


def test_holm_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(2).random(7) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=ROUNDING)
    assert holm(np.array([])).shape == (0,)


def test_first_stages_of_subgroups_are_their_own_and_their_test_a_regressions(trial):
    import statsmodels.api as sm

    one = trial(clustered=True, weighted=True)
    group = (one.x[:, 0] > 0).astype(int) + (one.x[:, 0] > 1)
    found = stage_by_subgroup(one.a, one.z, group, ("low", "middle", "high"), one.w, one.cluster)
    dummies = np.column_stack([group == k for k in range(3)]).astype(float)
    design = np.column_stack([dummies, dummies * one.z[:, None]])
    fit = sm.WLS(one.a, design, weights=one.w).fit(
        cov_type="cluster", cov_kwds={"groups": one.cluster, "use_correction": False}
    )
    assert [stage.value for stage in found.stages] == pytest.approx(fit.params[3:])
    assert [stage.std_error for stage in found.stages] == pytest.approx(fit.bse[3:])
    equal = fit.wald_test(np.array([[0, 0, 0, -1, 1, 0], [0, 0, 0, -1, 0, 1]]), scalar=True)
    assert found.df == 2
    assert found.p == pytest.approx(float(equal.pvalue))
    assert "may still be moved opposite ways" in found.sentence


def test_a_subgroup_moved_the_other_way_is_pointed_out_under_either_label(trial):
    one = trial(2000)
    group = (one.x[:, 1] > 0.8).astype(int)
    a = np.where(group == 1, 1 - one.a, one.a)
    for z in (one.z, 1 - one.z):
        found = stage_by_subgroup(a, z, group, ("most", "few"), one.w, None)
        assert found.sentence.startswith("In 'few' the instrument moves exposure the other way")
        assert found.p < 0.001


def test_subgroups_with_one_arm_are_left_out(trial):
    one = trial()
    group = np.zeros(len(one.z), int)
    group[one.x[:, 0] > 0] = 1
    group[np.flatnonzero(one.z == 1)[:20]] = 2
    found = stage_by_subgroup(one.a, one.z, group, ("first", "second", "one arm"), one.w, None)
    assert found.left_out == ("one arm",)
    assert [stage.name for stage in found.stages] == ["first", "second"]
    rest = stage_by_subgroup(one.a, one.z, group * (group == 2), ("one", "other", "x"), one.w, None)
    assert isinstance(rest, NotEstimable)

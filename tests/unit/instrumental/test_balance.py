"""Balance of instruments: verdicts, multiplicity, invariance."""

import numpy as np
import pytest

from causal.diagnostics import standardised_differences
from causal.errors import SpecError
from causal.instrumental.balance import check_balance, holm

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

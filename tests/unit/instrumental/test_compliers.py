"""Compliers: shares and profiles recover known types, with the right standard errors."""

import numpy as np
import pytest

from causal.errors import PositivityError
from causal.estimate import NotEstimable
from causal.instrumental.compliers import describe_compliers

ROUNDING = 1e-9
EQUATIONS = 2e-4  # central differences of the reference
NAMES = ("x0", "x1")


def describe(one, given=None, **changes):
    a, z, x = (changes.get(key, getattr(one, key)) for key in ("a", "z", "x"))
    given = np.empty((len(a), 0)) if given is None else given
    return describe_compliers(a, z, x, NAMES, given, one.w, one.cluster)


def test_shares_of_a_randomised_instrument_are_those_of_the_arms(trial):
    one = trial(weighted=True)
    found = describe(one)

    def share(z, a):
        inside = one.z == z
        return np.average(one.a[inside] == a, weights=one.w[inside])

    assert found.always.value == pytest.approx(share(0, 1))
    assert found.never.value == pytest.approx(share(1, 0))
    total = found.compliers.value + found.always.value + found.never.value
    assert total == pytest.approx(1)


def test_types_and_profiles_are_recovered_where_the_instrument_was_chosen(trial):
    one = trial(100_000, chosen=True)
    found = describe(one, one.x)
    for quantity, kind in ((found.never, 0), (found.compliers, 1), (found.always, 2)):
        truth = np.mean(one.type_ == kind)
        assert abs(quantity.value - truth) < 4 * quantity.std_error
    for column, profile in enumerate(found.profiles):
        truth = one.x[one.type_ == 1, column].mean()
        assert abs(profile.compliers.value - truth) < 4 * profile.compliers.std_error
        assert profile.everybody.value == pytest.approx(one.x[:, column].mean())
    naive = describe(one)
    assert abs(naive.always.value - np.mean(one.type_ == 2)) > 4 * naive.always.std_error


def test_standard_errors_are_those_of_stacked_equations(trial, estimating_equations):
    one = trial(weighted=True, clustered=True, chosen=True)
    found = describe(one, one.x)
    design = np.column_stack([np.ones(len(one.z)), one.x])
    w, z, a, x0 = one.w, one.z, one.a, one.x[:, 0]

    def psi(theta):
        beta, share, mean, overall, always = theta[:3], *theta[3:]
        e = 1 / (1 + np.exp(-design @ beta))
        taking, refusing = a * (1 - z) / (1 - e), (1 - a) * z / e
        kappa = 1 - taking - refusing
        return np.column_stack(
            [
                (w * (z - e))[:, None] * design,
                w * (kappa - share),
                w * kappa * (x0 - mean),
                w * (x0 - overall),
                w * (taking - always),
            ]
        )

    profile = found.profiles[0]
    start = np.array([0, 0.8, 0, 0.4, 0, 0, 0.3])
    theta, covariance = estimating_equations(psi, start, one.cluster)
    values = [found.compliers, profile.compliers, profile.everybody, found.always]
    assert [one.value for one in values] == pytest.approx(theta[3:])
    errors = np.sqrt(np.diag(covariance))
    assert found.compliers.std_error == pytest.approx(errors[3], rel=EQUATIONS)
    assert profile.compliers.std_error == pytest.approx(errors[4], rel=EQUATIONS)
    assert profile.everybody.std_error == pytest.approx(errors[5], rel=EQUATIONS)
    assert found.always.std_error == pytest.approx(errors[6], rel=EQUATIONS)
    contrast = covariance[4, 4] + covariance[5, 5] - 2 * covariance[4, 5]
    assert profile.difference.std_error == pytest.approx(np.sqrt(contrast), rel=EQUATIONS)


def test_relabelling_the_instrument_is_seen_and_changes_nothing(trial):
    one = trial(chosen=True)
    here, there = describe(one, one.x), describe(one, one.x, z=1 - one.z)
    assert not here.turned
    assert there.turned
    assert there.compliers.value == pytest.approx(here.compliers.value, abs=ROUNDING)
    assert there.profiles[0].compliers.std_error == pytest.approx(
        here.profiles[0].compliers.std_error
    )


def test_recoding_exposure_exchanges_always_and_never_takers(trial):
    one = trial()
    here, there = describe(one), describe(one, a=1 - one.a)
    assert there.always.value == pytest.approx(here.never.value)
    assert there.profiles[1].compliers.value == pytest.approx(here.profiles[1].compliers.value)


def test_nothing_is_said_of_compliers_there_may_not_be(trial):
    found = describe(trial(200, compliers=0.0))
    assert isinstance(found.profiles, NotEstimable)
    assert "perhaps nobody is moved" in found.profiles.reason


def test_a_determined_instrument_is_refused(trial):
    one = trial()
    with pytest.raises(PositivityError, match="determine it"):
        describe(one, one.z[:, None])
    many = trial(2000)
    lopsided = (np.arange(2000) == 0).astype(float)
    with pytest.raises(PositivityError, match="Leave out rows"):
        describe(many, z=lopsided)

"""What weights chosen by balance share: columns, targets, and the best that can be had."""

from __future__ import annotations

import numpy as np
import pytest

from causal.errors import SpecError
from causal.estimators import EntropyBalancing, NuisanceStore, StableBalancing
from causal.estimators.balancing import least_imbalance, standardised_columns
from causal.estimators.convex import NoMinimumError, minimise
from causal.estimators.regression import over_target
from causal.rungs import Rung

EXACT = 1e-9


def test_columns_have_mean_zero_and_spread_one_under_the_weights(confounded):
    sample = confounded(weighted=True)
    columns = standardised_columns(sample, 3)
    assert columns.names == ("x0", "x0^2", "x0^3", "x1", "x1^2", "x1^3", "x2")
    rest = columns.design[:, 1:]
    np.testing.assert_allclose(np.average(rest, axis=0, weights=sample.w), 0, atol=EXACT)
    np.testing.assert_allclose(np.average(rest**2, axis=0, weights=sample.w), 1, rtol=EXACT)


def test_targets_are_everybody_or_one_arm():
    a = np.array([0.0, 1.0, 1.0])
    assert over_target(a, "ATE").tolist() == [1, 1, 1]
    assert over_target(a, "ATT").tolist() == [0, 1, 1]
    assert over_target(a, "ATC").tolist() == [1, 0, 0]


def test_the_least_imbalance_is_the_distance_to_what_the_points_span():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(
        least_imbalance(points, np.array([0.2, 0.3]), 0.0), [0, 0], atol=EXACT
    )
    np.testing.assert_allclose(
        least_imbalance(points, np.array([0.0, 3.0]), 0.0), [0, 2], atol=EXACT
    )
    np.testing.assert_allclose(
        least_imbalance(points, np.array([0.0, 3.0]), 0.5), [0, 1.5], atol=EXACT
    )


def test_a_convex_loss_is_brought_to_its_minimum_and_one_without_is_refused():
    design = np.column_stack([np.ones(4), [-1.0, 1.0, -1.0, 1.0]])

    def bowl(eta):
        return np.exp(eta) - 2 * eta, np.exp(eta) - 2, np.exp(eta)

    def slide(eta):
        return np.exp(eta), np.exp(eta), np.exp(eta)

    np.testing.assert_allclose(minimise(design, bowl).coefficients, [np.log(2), 0], atol=EXACT)
    with pytest.raises(NoMinimumError):
        minimise(design, slide)


@pytest.mark.parametrize("kind", [EntropyBalancing, StableBalancing])
def test_an_unknown_term_is_named_with_the_choices(confounded, kind):
    estimator = kind(terms=("x9",))
    assert estimator.named_terms == ("x9",)
    with pytest.raises(SpecError, match=r"no term 'x9'.*x0, x1, x2"):
        estimator.fit(confounded(), NuisanceStore(), np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["entropy_balancing", "stable_balancing"])
def test_weights_for_follow_up_are_refused_where_they_would_undo_the_balance(kind):
    with pytest.raises(
        ValueError,
        match=r"cannot weigh .*choose among g_computation, ipw, overlap, cbps, aipw, tmle",
    ):
        Rung(name="one", followed={"adjust": ["severity"]}, estimator={"kind": kind})
    assert Rung(name="one", followed={"adjust": ["severity"]}, estimator={"kind": "cbps"}).followed


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (
            {"kind": "dose_response", "form": "linear"},
            r"no estimator of a dose can\. Take followed away, and say m",
        ),
        ({"kind": "shift"}, r"no estimator of a dose can"),
        ({"kind": "arm_contrasts"}, r"no estimator of several arms can"),
        ({"kind": "linear_probability"}, r"choose for a 0/1 exposure among g_computation, ipw"),
        ({"kind": "kaplan_meier"}, r"choose among ipw_kaplan_meier, survival_aipw\b"),
        ({"kind": "matching"}, r"choose among g_computation, ipw, overlap, cbps, aipw, tmle\b"),
    ],
)
def test_only_what_takes_the_same_exposure_is_proposed_for_follow_up(estimator, said):
    with pytest.raises(ValueError, match=said) as found:
        Rung(name="one", followed={"adjust": ["severity"]}, estimator=estimator)
    proposed = str(found.value).split("among")[-1]
    assert ("kaplan_meier" in proposed) == (estimator["kind"] == "kaplan_meier")


def test_with_an_instrument_nothing_is_proposed_for_follow_up():
    with pytest.raises(ValueError, match="no estimator with an instrument can"):
        Rung(
            name="one",
            followed={"adjust": ["severity"]},
            instrument="facilitation",
            estimator={"kind": "iv"},
        )

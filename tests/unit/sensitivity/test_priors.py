"""Priors: their quantiles are those of the distributions named, and impossible ones are refused."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from causal.sensitivity.priors import (
    AnyPrior,
    Difference,
    Probability,
    Ratio,
    Trapezoidal,
    Triangular,
    draw_pair,
)

EXACT = 1e-9  # closed forms on both sides
DRAWS = 20_000
MONTE_CARLO = 4 / np.sqrt(DRAWS)  # four standard errors of a correlation near 0, more near 1
P = np.array([0.0, 0.01, 0.2, 0.5, 0.77, 0.99, 1.0])


def prior(**given):
    return TypeAdapter(AnyPrior).validate_python(given)


@pytest.mark.parametrize(
    ("given", "peer"),
    [
        (dict(kind="uniform", low=0.6, high=0.9), stats.uniform(0.6, 0.3)),
        (dict(kind="triangular", low=0.6, mode=0.7, high=1), stats.triang(0.25, 0.6, 0.4)),
        (dict(kind="triangular", low=0.6, mode=0.6, high=1), stats.triang(0, 0.6, 0.4)),
        (
            dict(kind="trapezoidal", low=0.5, first=0.6, second=0.8, high=1),
            stats.trapezoid(0.2, 0.6, 0.5, 0.5),
        ),
        (dict(kind="beta", alpha=20, beta=5), stats.beta(20, 5)),
    ],
)
def test_quantiles_are_those_of_the_distribution(given, peer):
    found = prior(**given)
    assert found.quantile(P) == pytest.approx(peer.ppf(P), abs=EXACT)
    assert found.median == pytest.approx(peer.median(), abs=EXACT)
    assert found.support == pytest.approx(peer.support())


@pytest.mark.parametrize(
    ("kind", "bell"), [("logit_normal", stats.norm), ("logit_logistic", stats.logistic)]
)
def test_logit_priors_are_their_bell_on_the_logit_between_the_ends(kind, bell):
    found = prior(kind=kind, location=1.2, scale=0.5, low=0.6, high=0.9)
    value = found.quantile(P)
    inner = (value[1:-1] - 0.6) / 0.3
    peer = bell(1.2, 0.5)
    assert np.log(inner / (1 - inner)) == pytest.approx(peer.ppf(P[1:-1]), abs=EXACT)
    assert value[[0, -1]] == pytest.approx([0.6, 0.9])
    assert found.support == (0.6, 0.9)
    middle = 1 / (1 + np.exp(-1.2))
    assert found.median == pytest.approx(0.6 + 0.3 * middle)


def test_logit_priors_lie_between_0_and_1_where_nothing_else_is_said():
    found = prior(kind="logit_logistic", location=0, scale=1)  # the logistic of a logit: uniform
    assert found.quantile(P) == pytest.approx(P, abs=EXACT)


def test_a_fixed_value_is_always_the_same():
    found = prior(kind="fixed", value=0.8)
    assert set(found.quantile(P)) == {0.8}
    assert found.support == (0.8, 0.8)


def test_a_trapezoid_without_a_plateau_is_a_triangle():
    one = Trapezoidal(low=0.5, first=0.7, second=0.7, high=0.8)
    assert one.quantile(P) == pytest.approx(Triangular(low=0.5, mode=0.7, high=0.8).quantile(P))


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_pairs_have_the_correlation_asked_for_and_their_own_distributions(correlation):
    first, second = prior(kind="uniform", low=0, high=1), prior(kind="beta", alpha=9, beta=2)
    one, other = draw_pair(first, second, correlation, DRAWS, np.random.default_rng(2))
    scores = stats.norm.ppf(one), stats.norm.ppf(stats.beta(9, 2).cdf(other))
    assert np.corrcoef(*scores)[0, 1] == pytest.approx(correlation, abs=MONTE_CARLO)
    assert stats.kstest(one, "uniform").pvalue > 1e-3
    assert stats.kstest(other, stats.beta(9, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (dict(kind="uniform", low=0.9, high=0.6), "low must be below high"),
        (dict(kind="uniform", low=0.9, high=0.9), "kind: fixed"),
        (dict(kind="triangular", low=0.5, mode=0.4, high=1), "must ascend"),
        (dict(kind="trapezoidal", low=0.5, first=0.8, second=0.7, high=1), "must ascend"),
        (dict(kind="beta", alpha=0, beta=1), "greater than 0"),
        (dict(kind="fixed", value=float("nan")), "finite"),
        (dict(kind="normal", mean=0), "'fixed', 'uniform', 'triangular', 'trapezoidal', 'beta'"),
        (dict(kind="logit_normal", location=0, scale=0), "greater than 0"),
        (dict(kind="logit_normal", location=0, scale=1, low=1, high=0.5), "below high"),
    ],
)
def test_what_is_no_distribution_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        prior(**given)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (
            Probability,
            dict(kind="uniform", low=0.5, high=1.2),
            "a probability lies between 0 and 1",
        ),
        (Difference, dict(kind="fixed", value=-1.5), "a risk difference lies between -1 and 1"),
        (Ratio, dict(kind="uniform", low=0, high=2), "a ratio is above 0"),
    ],
)
def test_priors_keep_to_the_range_of_what_they_are_of(kind, given, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(kind).validate_python(given)

"""Sets that hold however weak the instruments: shapes, inversions, and two forms of one test."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, stats

from causal.errors import InstrumentError
from causal.estimators.iv_algebra import k_class, liml_k, project
from causal.estimators.reduced_form import ReducedForm, jackknifed, reduced_form
from causal.estimators.weak_sets import (
    _ar_p,
    _conditional_p,
    _followed_set,
    _scales,
    anderson_rubin_p,
    conditional_ratio_p,
    weak_set,
)
from causal.inference import fieller

EXACT = 1e-9
SOLVED = 1e-6  # a root found by bisection against one from a formula, relative
QUADRATURE = 1e-7


def data(q=1, strength=0.3, n=300, seed=0, clashing=0.0):
    rng = np.random.default_rng(seed)
    z, u = rng.normal(size=(n, q)), rng.normal(size=n)
    a = strength * z.sum(axis=1) + u + rng.normal(size=n)
    y = 0.7 * a - 2 * u + rng.normal(size=n) * (1 + np.abs(z[:, 0]))
    if q > 1:
        y = y + clashing * z[:, 0]
    x = rng.normal(size=(n, 1))
    return project(y, a, z, x, np.ones(n), tuple(f"z{j}" for j in range(q)))


def inside(region, value):
    pieces = region.pieces
    return any((lo is None or lo <= value) and (hi is None or value <= hi) for lo, hi in pieces)


@pytest.mark.parametrize("kind", [None, "HC1"])
@pytest.mark.parametrize("q", [1, 2, 5])
@pytest.mark.parametrize("strength", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("test", ["anderson_rubin", "conditional_ratio"])
def test_a_set_holds_just_what_its_test_does_not_reject(kind, q, strength, test):
    form = reduced_form(data(q, strength), kind)
    p_value = anderson_rubin_p if test == "anderson_rubin" else conditional_ratio_p
    region = weak_set(form, test)
    points = np.concatenate([np.linspace(-6, 6, 241), [-1e3, -50, 50, 1e3]])
    p = p_value(form, points)
    for value, kept in zip(points, p, strict=True):
        if abs(kept - 0.05) > 1e-6:
            assert inside(region, value) == (kept > 0.05), value
    for piece in region.pieces:
        for end in piece:
            if end is not None:
                assert p_value(form, np.array([end]))[0] == pytest.approx(0.05, abs=SOLVED)


def test_strong_instruments_give_an_interval_weak_ones_the_line_or_its_outside():
    assert weak_set(reduced_form(data(strength=0.5), "HC1"), "anderson_rubin").bounded
    forms = [reduced_form(data(strength=0.0, seed=seed), "HC1") for seed in range(40)]
    weak = [weak_set(form, "anderson_rubin") for form in forms]
    assert sum(one.pieces == ((None, None),) for one in weak) > 20
    assert sum(one.bounded for one in weak) < 6  # 5 % of 40 are bounded by chance
    assert any(len(one.pieces) == 2 for one in weak)


def test_instruments_that_contradict_one_another_may_leave_nothing():
    form = reduced_form(data(q=2, strength=0.5, clashing=2.0), "HC1")
    assert weak_set(form, "anderson_rubin").pieces == ()
    classical = reduced_form(data(q=2, strength=0.5, clashing=2.0), None)
    assert weak_set(classical, "anderson_rubin").pieces == ()


def test_following_the_p_value_round_the_line_finds_what_the_quadratic_does():
    for strength, seed in ((0.3, 0), (0.05, 1), (0.05, 2), (0.0, 3), (0.0, 5)):
        form = reduced_form(data(3, strength, seed=seed), None)
        centre, scales = _scales(form)
        followed = _followed_set(form, _ar_p, centre, scales, 0.05)
        solved = weak_set(form, "anderson_rubin").pieces
        assert len(followed) == len(solved)
        for one, other in zip(followed, solved, strict=True):
            for mine, theirs in zip(one, other, strict=True):
                assert (mine is None) == (theirs is None)
                assert mine is None or mine == pytest.approx(theirs, rel=SOLVED)


def test_the_statistic_under_equal_variance_is_the_f_test_of_instruments_on_what_is_left():
    one = data(3)
    form = reduced_form(one, None)
    for value in (-1.0, 0.0, 0.7):
        left = one.y - value * one.a
        explained = float(np.sum((one.z.T @ left) ** 2))
        f = explained / 3 / ((float(left @ left) - explained) / one.free)
        expected = stats.f.sf(f, 3, one.free)
        assert anderson_rubin_p(form, np.array([value]))[0] == pytest.approx(expected, rel=EXACT)


def test_with_one_instrument_the_conditional_ratio_is_anderson_rubin():
    form = reduced_form(data(), "HC1")
    points = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(
        conditional_ratio_p(form, points), anderson_rubin_p(form, points), rtol=EXACT
    )


def test_kleibergens_statistic_under_equal_variance_is_moreiras():
    """Moreira (2003), with S and T of Andrews, Moreira & Stock (2006), equations 2.8 to 2.10."""
    one = data(3, 0.1)
    form = reduced_form(one, None)
    omega, moments = form.error, one.gram[2:, :2]
    for value in (-1.5, 0.0, 0.7, 4.0):
        b, a = np.array([1.0, -value]), np.array([value, 1.0])
        s = moments @ b / math.sqrt(b @ omega @ b)
        inverse = np.linalg.inv(omega)
        t = moments @ inverse @ a / math.sqrt(a @ inverse @ a)
        qs, qt, qst = s @ s, t @ t, s @ t
        ratio = (qs - qt + math.sqrt((qs + qt) ** 2 - 4 * (qs * qt - qst**2))) / 2
        expected = _conditional_p(np.array([ratio]), np.array([qt]), 3)[0]
        assert conditional_ratio_p(form, np.array([value]))[0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("q", [2, 3, 6])
@pytest.mark.parametrize("rank", [0.01, 2.0, 40.0, 5000.0])
@pytest.mark.parametrize("ratio", [0.3, 3.84, 12.0])
def test_the_conditional_distribution_is_that_of_its_two_chi_squareds(q, rank, ratio):
    """LR > m given r: integrate the chi-squared of q - 1 beyond where the other alone exceeds."""

    def exceeds(rest):
        # the smallest first chi-squared at which LR exceeds the ratio
        return stats.chi2.sf(max(ratio * (ratio + rank - rest) / (ratio + rank), 0.0), 1)

    edge = ratio + rank
    parts = [
        integrate.quad(lambda v: exceeds(v) * stats.chi2.pdf(v, q - 1), low, high, limit=400)[0]
        for low, high in ((0, min(edge, 1)), (min(edge, 1), min(edge, 30)), (min(edge, 30), edge))
        if high > low
    ]
    expected = sum(parts) + stats.chi2.sf(edge, q - 1)
    found = _conditional_p(np.array([ratio]), np.array([rank]), q)[0]
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_sets_turn_with_the_sign_of_the_outcome_and_do_not_heed_the_instruments_units():
    one = data(2, 0.1)
    form = reduced_form(one, "HC1")
    turned = ReducedForm(
        -form.outcome,
        form.exposure,
        form.covariance * np.kron([[1, -1], [-1, 1]], np.ones((2, 2))),
        form.df,
        form.error * [[1, -1], [-1, 1]],
        form.free,
    )
    for test in ("anderson_rubin", "conditional_ratio"):
        pieces = weak_set(form, test).pieces
        back = [
            tuple(None if end is None else -end for end in reversed(piece))
            for piece in reversed(weak_set(turned, test).pieces)
        ]
        for piece, other in zip(pieces, back, strict=True):
            assert (piece[0] is None, piece[1] is None) == (other[0] is None, other[1] is None)
            for end, its in zip(piece, other, strict=True):
                assert end is None or end == pytest.approx(its, rel=SOLVED)


def test_the_liml_estimate_is_in_the_conditional_ratio_set():
    for seed in range(6):
        one = data(4, 0.05, seed=seed)
        beta = k_class(one, liml_k(one)).coefficient
        assert inside(weak_set(reduced_form(one, None), "conditional_ratio"), beta)


def test_with_one_instrument_the_set_is_fiellers_with_a_degree_of_freedom_a_cluster():
    one, groups = data(strength=0.1), np.arange(300) % 30
    for form, df in (
        (reduced_form(one, "HC1"), math.inf),
        (reduced_form(one, None), one.free),
        (reduced_form(one, "HC1", groups), 29),
    ):
        solved = fieller(form.outcome[0], form.exposure[0], form.covariance, df=df)
        found = weak_set(form, "anderson_rubin").pieces
        assert len(found) == len(solved)
        for mine, theirs in zip(found, solved, strict=True):
            assert mine == pytest.approx(theirs, rel=EXACT)


def test_few_clusters_make_both_tests_milder_and_many_do_not():
    form = reduced_form(data(3, 0.1), "HC1", np.arange(300) % 30)
    points = np.array([-1.0, 0.0, 2.0])
    for p_value in (anderson_rubin_p, conditional_ratio_p):
        few, many, endless = (
            p_value(replace(form, groups=groups), points) for groups in (10, 100_000, None)
        )
        assert (few > many).all()
        np.testing.assert_allclose(many, endless, rtol=1e-3)


def test_the_conditional_distribution_with_clusters_is_that_of_hotellings_and_a_uniform_angle():
    """Of (T - r + sqrt((T + r)^2 - 4 r T u)) / 2: T Hotelling's, u the squared sine of an angle."""
    q, groups, rank, ratio = 3, 12, 4.0, 5.0

    def beyond(u):
        length = (ratio + rank) / (1 + rank * (1 - u) / ratio)
        return stats.f.sf(length * (groups - q) / (q * (groups - 1)), q, groups - q)

    beta = stats.beta((q - 1) / 2, 1 / 2)
    p = integrate.quad(lambda u: beyond(u) * beta.pdf(u), 0, 1, epsabs=1e-10)[0]
    found = _conditional_p(np.array([ratio]), np.array([rank]), q, groups)
    assert found[0] == pytest.approx(p, abs=QUADRATURE)


def test_strong_instruments_and_50_clusters_give_a_bounded_conditional_set():
    rng = np.random.default_rng(4)
    cluster = np.arange(500) % 50
    z, u = rng.normal(size=(50, 3))[cluster], rng.normal(size=500) + rng.normal(size=50)[cluster]
    a, y = 1.2 * z.sum(axis=1) + u, u + rng.normal(size=500)
    one = project(0.4 * a + y, a, z, np.empty((500, 0)), np.ones(500), ("z0", "z1", "z2"))
    region = weak_set(jackknifed(one, cluster), "conditional_ratio")
    assert len(region.pieces) == 1
    assert region.bounded


def test_too_few_clusters_to_condition_leave_the_anderson_rubin_set():
    form = reduced_form(data(3), "HC1", np.arange(300) % 6)
    assert weak_set(form, "anderson_rubin").pieces
    with pytest.raises(InstrumentError, match="6 clusters give no joint covariance of the 6"):
        weak_set(form, "conditional_ratio")


def test_there_must_be_more_clusters_than_instruments():
    with pytest.raises(InstrumentError, match="3 clusters give no covariance of 3 moments"):
        reduced_form(data(3), "HC1", np.arange(300) % 3)


def test_nothing_is_computed_without_instruments():
    with pytest.raises(InstrumentError, match="there is no instrument"):
        project(np.ones(5), np.ones(5), np.empty((5, 0)), np.empty((5, 0)), np.ones(5), ())

"""Estimators with instruments: what they agree on, what they refuse, and truths they recover."""

import re
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import Sample
from causal.errors import InstrumentError, OutcomeError
from causal.estimators import (
    ControlFunction,
    FirstStage,
    InstrumentalVariables,
    IntentionToTreat,
    NuisanceStore,
    ResidualInclusion,
)
from causal.estimators.residual_inclusion import included_residual

EXACT = 1e-8
BEYOND = 4.0  # Monte-Carlo errors


def drawn(n=500, seed=0, instruments=1, clustered=False, missing=False, dose=False):
    """Draw a trial with non-compliance: confounded attendance, moved by a coin."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, (n, instruments)).astype(float)
    x, u = rng.normal(size=(n, 2)), rng.normal(size=n)
    lean = 0.9 * z.sum(axis=1) - 0.6 + 0.5 * x[:, 0] + u
    a = lean + rng.normal(size=n) if dose else (lean + rng.normal(size=n) > 0).astype(float)
    y = 0.4 * a + 0.5 * x[:, 1] - u + rng.normal(size=n)
    if missing:
        y[rng.random(n) < 0.2] = np.nan
    return Sample(
        unit=np.arange(n),
        y=y,
        a=a,
        x=x,
        terms=("x0", "x1"),
        concepts=("severity", "motivation"),
        outcome_kind="continuous",
        exposure_kind="dose" if dose else "binary",
        w=rng.uniform(0.5, 2.0, n),
        cluster=np.arange(n) // 5 if clustered else None,
        z=z,
        instruments=tuple(f"coin{j}" for j in range(instruments)),
    )


def fitted(estimator, sample):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))


def with_its_set(estimator, sample):
    form = estimator.forms(sample, np.random.default_rng(0)).weak
    return estimator.with_set(fitted(estimator, sample), form)


def test_the_estimate_is_the_reduced_form_over_the_first_stage():
    sample = drawn(missing=True)
    ratio = fitted(IntentionToTreat(), sample).values / fitted(FirstStage(), sample).values
    for estimator in (InstrumentalVariables(), ControlFunction()):
        np.testing.assert_allclose(fitted(estimator, sample).values, ratio, rtol=EXACT)


def test_wald_is_the_ratio_of_two_differences_between_two_groups():
    sample = replace(drawn(), w=np.ones(500)).with_terms(())
    moved = sample.z[:, 0] == 1
    ratio = (sample.y[moved].mean() - sample.y[~moved].mean()) / (
        sample.a[moved].mean() - sample.a[~moved].mean()
    )
    wald = fitted(InstrumentalVariables(method="wald"), sample)
    assert wald.values[0] == pytest.approx(ratio, rel=EXACT)


@pytest.mark.parametrize("clustered", [False, True])
def test_the_included_residual_of_a_linear_first_stage_gives_two_stage_least_squares(clustered):
    """Values and influence values: what the residual owes to its own regression is in them."""
    sample = drawn(clustered=clustered)
    iv = fitted(InstrumentalVariables(), sample)
    values, influence, _ = included_residual(
        sample.y, sample.a, sample.z, sample.x, sample.w, ("linear", "linear")
    )
    assert values[1] - values[0] == pytest.approx(iv.values[0], rel=EXACT)
    np.testing.assert_allclose(
        influence[:, 1] - influence[:, 0], iv.influence[:, 0], rtol=1e-6, atol=1e-8
    )


def test_residual_inclusion_is_an_m_estimator(estimating_equations):
    """Its stacked influence values are those of a generic solver of the same equations."""
    sample = drawn(n=250)
    y = (sample.y > 0).astype(float)
    design = np.column_stack([np.ones(250), sample.z, sample.x])
    w = sample.w

    def expit(eta):
        return 1 / (1 + np.exp(-eta))

    def psi(theta):
        gamma, beta, means = theta[:4], theta[4:9], theta[9:]
        v = sample.a - expit(design @ gamma)
        outcome = np.column_stack([np.ones(250), sample.a, sample.x, v])
        at = [np.column_stack([np.full((250, 1), 1.0), np.full(250, arm), sample.x, v])
              for arm in (0.0, 1.0)]  # fmt: skip
        return np.column_stack(
            [
                design * (w * v)[:, None],
                outcome * (w * (y - expit(outcome @ beta)))[:, None],
                *[w * (expit(one @ beta) - mean) for one, mean in zip(at, means, strict=True)],
            ]
        )

    start = np.zeros(11)  # one regression after the other, lest Newton leap
    for low, high in ((0, 4), (4, 9), (9, 11)):

        def part(own, low=low, high=high):
            return psi(np.concatenate([start[:low], own, start[high:]]))[:, low:high]

        start[low:high] = estimating_equations(part, start[low:high], None)[0]
    theta, covariance = estimating_equations(psi, start, None)
    binary = replace(sample, y=y, outcome_kind="binary")
    estimates = fitted(ResidualInclusion(variance={"kind": "HC0"}), binary)
    np.testing.assert_allclose(estimates.values, theta[9:], rtol=1e-6)
    np.testing.assert_allclose(estimates.covariance, covariance[9:, 9:], rtol=1e-4)
    assert "no LATE" in estimates.target_note


def test_rows_without_an_outcome_are_left_out_and_pair_with_the_rest():
    sample = drawn(missing=True)
    known = sample.rows(sample.observed)
    for estimator in (InstrumentalVariables(), IntentionToTreat(), ResidualInclusion()):
        whole, part = fitted(estimator, sample), fitted(estimator, known)
        np.testing.assert_allclose(whole.values, part.values, rtol=EXACT)
        assert (whole.influence[~sample.observed] == 0).all()
        if not isinstance(estimator, IntentionToTreat):
            np.testing.assert_allclose(whole.covariance, part.covariance, rtol=1e-6)


def test_the_set_is_added_apart_and_only_to_the_coefficient_of_exposure():
    for instruments, named in ((1, "Anderson-Rubin"), (2, "conditional likelihood-ratio")):
        sample = drawn(instruments=instruments)
        iv = InstrumentalVariables()
        estimates = with_its_set(iv, sample)
        assert estimates.region.bounded
        lo, hi = estimates.region.pieces[0]
        assert lo < estimates.values[0] < hi
        assert estimates.region_note.startswith(named)
        assert estimates.contrast("mean_difference").region == estimates.region
    itt, single = IntentionToTreat(), drawn()
    assert with_its_set(itt, single).region is None


def test_with_too_few_clusters_to_condition_several_instruments_get_the_anderson_rubin_set():
    sample = drawn(instruments=3)
    for groups, said in ((7, "conditional"), (6, "Anderson-Rubin")):
        few = replace(sample, cluster=np.arange(sample.n) % groups)
        iv = InstrumentalVariables()
        estimates = with_its_set(iv, few)
        assert estimates.region_note.startswith(said)


@pytest.mark.parametrize("dose", [False, True])
def test_a_constant_effect_is_recovered_where_least_squares_is_not_near_it(dose):
    sample = drawn(n=40_000, instruments=2, dose=dose)
    for method in ("tsls", "liml", "fuller", "gmm"):
        effect = fitted(InstrumentalVariables(method=method), sample).effect("mean_difference")
        assert abs(effect.estimate - 0.4) < BEYOND * effect.std_error
        assert effect.std_error < 0.05


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: replace(s, z=None, instruments=()), "there is no instrument"),
        (lambda s: replace(s, z=np.ones_like(s.z)), "is 1 in all 500 rows"),
        (
            lambda s: replace(s, z=np.where(s.a[:, None] == 1, np.nan, s.z)),
            "'coin0' is missing in .* rows, .* of them exposed",
        ),
        (lambda s: replace(s, x=np.hstack([s.x[:, :1], s.z])), "determine the instrument 'coin0'"),
    ],
)
@pytest.mark.parametrize(
    "estimator", [InstrumentalVariables(), IntentionToTreat()], ids=["iv", "itt"]
)
def test_bad_instruments_are_refused_by_name(estimator, change, said):
    with pytest.raises(InstrumentError, match=said):
        fitted(estimator, change(drawn()))


def test_what_a_method_cannot_take_is_refused():
    with pytest.raises(InstrumentError, match="one 0/1 instrument and no covariates"):
        fitted(InstrumentalVariables(method="wald"), drawn())
    with pytest.raises(InstrumentError, match=re.escape("there are coin0, coin1")):
        fitted(FirstStage(), drawn(instruments=2))
    with pytest.raises(ValidationError, match="fuller belongs to the method fuller"):
        InstrumentalVariables(method="liml", fuller=4)
    with pytest.raises(ValidationError, match="gmm has no classical standard error"):
        InstrumentalVariables(method="gmm", variance={"kind": "classical"})


def test_an_outcome_that_the_rest_determines_has_no_finite_fit():
    sample = drawn()
    determined = replace(sample, y=(sample.x[:, 0] > 0).astype(float), outcome_kind="binary")
    with pytest.raises(OutcomeError, match="no finite fit"):
        fitted(ResidualInclusion(), determined)


def test_every_row_twice_in_a_cluster_of_its_own_adds_nothing():
    sample = drawn(n=600)
    names = ("unit", "y", "a", "x", "w", "z")
    arrays = {name: np.repeat(getattr(sample, name), 2, axis=0) for name in names}
    twice = replace(sample, **arrays, cluster=np.repeat(np.arange(600), 2))
    estimator = InstrumentalVariables(variance={"kind": "HC0"})
    once, again = fitted(estimator, sample), fitted(estimator, twice)
    np.testing.assert_allclose(again.covariance, once.covariance, rtol=EXACT)
    (one,), (other,) = (with_its_set(estimator, one).region.pieces for one in (sample, twice))
    # jackknife and Student's t in the place of HC0 and the normal: wider by a hair
    assert other[0] < one[0] < one[1] < other[1]
    assert other[1] - other[0] < 1.02 * (one[1] - one[0])


def test_a_classical_error_may_divide_by_all_rows():
    """As programs do that take nothing off for coefficients; the quantile is then the normal."""
    sample = drawn()
    one = fitted(InstrumentalVariables(variance={"kind": "classical"}), sample)
    other = fitted(InstrumentalVariables(variance={"kind": "classical_n"}), sample)
    n = sample.n
    assert other.covariance == pytest.approx(one.covariance * one.df / n)
    assert (other.values, other.df) == (one.values, np.inf)

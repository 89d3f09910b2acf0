"""CR2, CR1S and the wild cluster bootstrap beside brute force, statsmodels and Welch's test."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from pydantic import ValidationError
from scipy import stats

from causal.cohort import Sample
from causal.errors import SpecError
from causal.estimate import NotEstimable
from causal.estimators import GComputation, LinearProbability, MeanDifference, NuisanceStore
from causal.estimators.few_clusters import bias_reduced, null_imposed, project_out, wild_set
from causal.estimators.variance import Variance
from causal.estimators.wild_draws import POINTS, draw_multipliers
from causal.estimators.wild_scores import score_quantile
from causal.inference import critical_value
from causal.ladder import attenuate

EXACT = 1e-9
SIZES = (5, 9, 12, 7, 20, 4, 6, 11)


def drawn(seed=1, *, weighted=True, covariates=2):
    """Draw 8 uneven clusters with effects of their own; the last is exposed throughout."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(SIZES)), SIZES)
    n = len(cluster)
    x = rng.normal(size=(n, covariates)) + rng.normal(size=len(SIZES))[cluster, None]
    a = (rng.random(n) < 0.4).astype(float)
    a[cluster == 7] = 1.0
    y = 0.5 * a + x.sum(axis=1) + rng.normal(size=len(SIZES))[cluster] + rng.normal(size=n)
    return Sample(
        unit=np.arange(n), y=y, a=a, x=x, terms=tuple(f"x{j}" for j in range(covariates)),
        concepts=("severity",) * covariates, outcome_kind="continuous", exposure_kind="binary",
        w=rng.uniform(0.5, 3.0, n) if weighted else np.ones(n), cluster=cluster,
    )  # fmt: skip


def design_of(sample):
    return np.column_stack([np.ones(sample.n), sample.a, sample.x])


def dense(x, y, w, cluster, c):
    """Write CR2 and its degrees of freedom down with n by n matrices, as the papers do."""
    n, wx = len(y), x * w[:, None]
    bread = np.linalg.inv(wx.T @ x)
    left = np.eye(n) - x @ bread @ wx.T
    residual = left @ y
    meat, vectors = np.zeros((x.shape[1],) * 2), []
    for g in np.unique(cluster):
        rows = cluster == g
        block = (left @ left.T)[np.ix_(rows, rows)]
        values, basis = np.linalg.eigh(block)
        good = values > 1e-10
        a = (basis[:, good] / np.sqrt(values[good])) @ basis[:, good].T
        score = wx[rows].T @ a @ residual[rows]
        meat += np.outer(score, score)
        vectors.append(left[rows].T @ a @ wx[rows] @ bread @ c)
    gram = np.array(vectors) @ np.array(vectors).T
    variance = c @ bread @ meat @ bread @ c
    return float(variance), float(np.trace(gram) ** 2 / np.sum(gram**2))


def fitted(estimator, sample, seed=0):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "covariates"), [(LinearProbability, 2), (MeanDifference, 0)], ids=["lpm", "means"]
)
def test_cr2_is_that_of_dense_matrices(kind, covariates, weighted):
    sample = drawn(weighted=weighted, covariates=covariates)
    x = design_of(sample)
    c = np.zeros(x.shape[1])
    c[1] = 1.0
    variance, df = dense(x, sample.y, sample.w, sample.cluster, c)
    found = fitted(kind(variance={"kind": "CR2"}), sample)
    effect = found.effect("mean_difference")
    assert effect.std_error == pytest.approx(np.sqrt(variance), rel=EXACT)
    assert found.df == pytest.approx(df, rel=EXACT)
    half = critical_value(0.95, df) * np.sqrt(variance)
    assert effect.hi - effect.estimate == pytest.approx(half, rel=EXACT)


def test_rows_without_an_outcome_take_no_part_in_cr2():
    sample = drawn()
    lost = np.arange(sample.n) % 7 == 0
    y = np.where(lost, np.nan, sample.y)
    one = LinearProbability(variance={"kind": "CR2"})
    some, kept = fitted(one, replace(sample, y=y)), fitted(one, sample.rows(~lost))
    assert some.df == pytest.approx(kept.df, rel=EXACT)
    assert some.effect("mean_difference").std_error == pytest.approx(
        kept.effect("mean_difference").std_error, rel=EXACT
    )


def test_cr2_of_differences_in_differences_is_welchs_t():
    """As clubSandwich has it: clusters before and after, with an intercept for each cluster."""
    rng = np.random.default_rng(3)
    clusters, exposed = 13, np.arange(13) < 9
    cluster, time = np.repeat(np.arange(clusters), 2), np.tile([0.0, 1.0], clusters)
    a = time * exposed[cluster]
    y = 0.4 * a + rng.normal(size=clusters)[cluster] + rng.normal(size=2 * clusters)
    x = np.column_stack([a, time, np.eye(clusters)[cluster]])
    c = np.eye(x.shape[1])[0]
    beta, *_ = np.linalg.lstsq(x, y, rcond=None)
    reduced = bias_reduced(x, y - x @ beta, np.ones(len(y)), cluster, c)
    scores = np.array([x[cluster == g].T @ reduced.residuals[cluster == g] for g in range(13)])
    bread = np.linalg.pinv(x.T @ x)
    std_error = np.sqrt(c @ bread @ scores.T @ scores @ bread @ c)
    moved = y[time == 1] - y[time == 0]
    welch = stats.ttest_ind(moved[exposed], moved[~exposed], equal_var=False)
    assert beta[0] / std_error == pytest.approx(welch.statistic, rel=EXACT)


def test_cr2_of_clusters_of_one_row_is_hc2():
    sample = drawn(weighted=False)
    alone = replace(sample, cluster=np.arange(sample.n))
    expected = sm.OLS(sample.y, design_of(sample)).fit(cov_type="HC2").bse[1]
    found = fitted(LinearProbability(variance={"kind": "CR2"}), alone)
    assert found.effect("mean_difference").std_error == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
def test_cr1s_is_that_of_statsmodels_and_of_hc1(weighted):
    sample = drawn(weighted=weighted)
    model = sm.WLS(sample.y, design_of(sample), weights=sample.w)
    expected = model.fit(cov_type="cluster", cov_kwds={"groups": sample.cluster}).bse[1]
    for kind in ("CR1S", "HC1"):
        found = fitted(LinearProbability(variance={"kind": kind}), sample)
        assert found.effect("mean_difference").std_error == pytest.approx(expected, rel=EXACT)
        assert found.df == np.inf
    cr0 = fitted(LinearProbability(variance={"kind": "HC0"}), sample)
    cr1 = fitted(LinearProbability(variance={"kind": "CR1", "reference": "t"}), sample)
    np.testing.assert_allclose(cr1.covariance, 8 / 7 * cr0.covariance, rtol=EXACT)
    assert cr1.df == 7


def brute_p(sample, theta, multipliers):
    """Fit every draw anew with the tested value imposed."""
    x, w, cluster = design_of(sample), sample.w, sample.cluster
    x = x[:, [1, 0, *range(2, x.shape[1])]]
    wx = x * w[:, None]
    bread = np.linalg.inv(wx.T @ x)

    def fit(y):
        beta = bread @ wx.T @ y
        rows = wx * (y - x @ beta)[:, None]
        scores = np.array([rows[cluster == g].sum(axis=0) for g in np.unique(cluster)])
        return beta[0], np.sqrt((bread @ scores.T @ scores @ bread)[0, 0])

    value, std_error = fit(sample.y)
    z, wz = x[:, 1:], wx[:, 1:]
    gamma = np.linalg.solve(wz.T @ z, wz.T @ (sample.y - theta * sample.a))
    mean = theta * sample.a + z @ gamma
    t = abs((value - theta) / std_error)
    beyond = 0
    for row in multipliers:
        again, spread = fit(mean + row[cluster] * (sample.y - mean))
        beyond += abs((again - theta) / spread) >= t - 1e-9
    return beyond / len(multipliers)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_wild_bootstrap_is_that_of_refitting_every_draw(weighted):
    sample = drawn(weighted=weighted)
    drawn_ = draw_multipliers(8, 300, np.random.default_rng(5))
    assert drawn_.points == "Webb"
    data = project_out(sample.y, sample.a, sample.x, sample.w, sample.cluster)
    found = null_imposed(data, drawn_)
    for t in (-6.0, -2.5, -0.4, 0.7, 1.9, 4.0):
        theta = data.coefficient + t * data.std_error
        assert found.p_value(t) == pytest.approx(brute_p(sample, theta, drawn_.values), abs=1e-12)


def test_the_set_ends_where_the_p_value_falls_below_its_level():
    sample = drawn()
    drawn_ = draw_multipliers(8, 999, np.random.default_rng(5))
    arrays = sample.y, sample.a, sample.x, sample.w, sample.cluster
    data = project_out(*arrays)
    found, region = null_imposed(data, drawn_), wild_set(*arrays, drawn_)
    assert region.holds(data.coefficient)
    for t in np.linspace(-12, 12, 481):
        inside = region.holds(data.coefficient + t * data.std_error)
        assert inside == (found.p_value(float(t)) > 0.05), t


def test_all_draws_are_listed_where_they_are_few():
    listed = draw_multipliers(4, 9999, np.random.default_rng(0))
    assert listed.every
    assert len(listed.values) == 6**4
    assert {tuple(row) for row in listed.values} == set(product(POINTS["Webb"], repeat=4))
    two = draw_multipliers(12, 9999, np.random.default_rng(0))
    assert two.every
    assert len(two.values) == 2**12
    many = draw_multipliers(20, 999, np.random.default_rng(0))
    assert not many.every
    assert many.points == "Rademacher"
    assert len(many.values) == 1000
    assert (many.values[0] == 1).all()


def test_multipliers_have_mean_0_and_variance_1():
    for values in POINTS.values():
        assert values.mean() == pytest.approx(0, abs=EXACT)
        assert np.mean(values**2) == pytest.approx(1, rel=EXACT)


def test_two_clusters_reject_nothing():
    """Of six by six draws those alike in both clusters, or turned, have the sample's statistic."""
    sample = drawn().rows(np.repeat(np.arange(8), SIZES) < 2)
    found = fitted(LinearProbability(variance={"kind": "wild"}), sample)
    assert found.region.pieces == ((None, None),)


def test_wild_gives_a_set_its_name_and_no_share():
    sample = drawn(covariates=0)
    crude = fitted(MeanDifference(variance={"kind": "wild"}), sample)
    full = fitted(LinearProbability(variance={"kind": "wild"}), drawn())
    assert "Webb weights, 9999 draws, 8 clusters" in full.region_note
    assert "the tested value imposed" in crude.region_note
    assert crude.df == 7
    share = attenuate(crude, full, "mean_difference")
    assert isinstance(share, NotEstimable)
    assert "CR1S" in share.reason
    refitted = LinearProbability(variance={"kind": "wild"}).for_refits()
    assert refitted.variance == Variance(kind="CR1S", reference="t")
    again = fitted(LinearProbability(variance={"kind": "wild"}), drawn())
    assert again.region == full.region
    plain = fitted(LinearProbability(variance={"kind": "CR1S"}), drawn())
    np.testing.assert_array_equal(full.covariance, plain.covariance)


def test_means_and_least_squares_have_the_same_wild_set():
    sample = drawn(covariates=0)
    one, other = (
        fitted(kind(variance={"kind": "wild", "draws": 499}), sample, seed=4)
        for kind in (MeanDifference, LinearProbability)
    )
    np.testing.assert_allclose(one.region.pieces, other.region.pieces, rtol=1e-6)


def test_scores_multiplied_give_the_quantile_of_their_own_statistics():
    rng = np.random.default_rng(8)
    sums = rng.normal(size=9)
    sums -= sums.mean()
    shares = rng.dirichlet(np.ones(9))
    omega = rng.choice([-1.0, 1.0], size=(400, 9))
    statistics = []
    for row in omega:
        moved = row * sums
        total = moved.sum()
        statistics.append(abs(total) / np.sqrt(sum((moved - shares * total) ** 2)))
    found = score_quantile(sums, shares, omega)
    statistics = np.array(statistics)
    assert np.mean(statistics > found + 1e-12) <= 0.05 < np.mean(statistics >= found - 1e-12)


def test_other_estimators_multiply_scores_and_say_so():
    sample = drawn(weighted=False)
    y = (sample.y > 0).astype(float)
    binary = replace(sample, y=y, outcome_kind="binary")
    found = fitted(GComputation(variance={"kind": "wild"}), binary)
    effect = found.effect("risk_difference")
    assert found.region_note.startswith("wild bootstrap of scores")
    ((low, high),) = found.region.pieces
    assert (low + high) / 2 == pytest.approx(effect.estimate, rel=1e-9)


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValidationError, match=r"g_computation has no CR2.*CR1S is for clusters"):
        GComputation(variance={"kind": "CR2"})
    with pytest.raises(ValidationError, match="clustered: false ignores them"):
        Variance(kind="CR2", clustered=False)
    with pytest.raises(ValidationError, match="draws belongs to wild"):
        Variance(kind="HC1", draws=999)
    with pytest.raises(SpecError, match="CR2 is for clusters, and these rows are independent"):
        fitted(LinearProbability(variance={"kind": "CR2"}), replace(drawn(), cluster=None))

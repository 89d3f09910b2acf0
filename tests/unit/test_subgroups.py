"""Rungs within levels: estimated on their rows alone, and compared as a product term would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from causal.cohort import Sample
from causal.errors import Place
from causal.estimate import Effect, Estimates, NotEstimable
from causal.estimators import (
    AIPW,
    GComputation,
    LinearProbability,
    Matching,
    MeanDifference,
    NuisanceStore,
    Overlap,
)
from causal.estimators.base import Variance
from causal.estimators.nuisance import OutcomeModel
from causal.fitting import RungTask, Thresholds, fit_rungs
from causal.subgroups import (
    SubgroupFinding,
    SubgroupTask,
    Wald,
    compare,
    fit_subgroup,
    wald,
)

LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
TERMS = ("x0", "x1", "x2")
SAME = 1e-12
"""The same arithmetic in the same order, but for the scale of the weights."""
SOLVED = 1e-9
"""Two ways of solving the same normal equations."""
CONVERGED = 1e-7
"""Logistic fits stop at a change of 1e-10 in the linear predictor."""


def divided(
    sample: Sample,
    level: np.ndarray,
    estimator=None,
    names: tuple[str, ...] = ("low", "high"),
    smallest: int = 20,
) -> SubgroupFinding:
    """Estimate one rung within levels."""
    rung = RungTask("full", estimator or GComputation(), TERMS, Place())
    crude = RungTask("crude", MeanDifference(), (), Place())
    task = SubgroupTask(names, level.astype(np.int64), crude, rung, smallest)
    return fit_subgroup(sample, task, LIMITS, seed=3)


def value(found: Estimates | NotEstimable) -> tuple[float, float]:
    assert isinstance(found, Estimates)
    return float(found.values[0]), float(found.covariance[0, 0])


def contrast(found: SubgroupFinding, at: int = 1) -> Effect:
    one = found.interactions[at]
    assert isinstance(one, Effect)
    return one


@pytest.fixture(params=["rows", "weighted", "clustered", "continuous"])
def sample(request, confounded) -> Sample:
    return confounded(
        n=800,
        seed=5,
        weighted=request.param == "weighted",
        clustered=request.param == "clustered",
        outcome="continuous" if request.param == "continuous" else "binary",
    )


@pytest.mark.parametrize("estimator", [GComputation(), Overlap(), AIPW()], ids=lambda e: e.kind)
def test_a_level_is_estimated_as_its_rows_alone_would_be(sample, estimator):
    level = (sample.x_of("x0") > 0.2).astype(int)
    found = divided(sample, level, estimator)
    for number, one in enumerate(found.levels):
        rows = sample.rows(level == number)
        rows = replace(rows, w=rows.w / rows.w.mean())
        tasks = [
            RungTask("crude", MeanDifference(), (), Place()),
            RungTask("full", estimator, TERMS, Place()),
        ]
        crude, alone = (fit.estimates for fit in fit_rungs(rows, tasks, LIMITS, 3))
        for mine, other in ((one.crude, crude), (one.adjusted, alone)):
            scale = "risk_difference" if sample.outcome_kind == "binary" else "mean_difference"
            np.testing.assert_allclose(value(mine), value(other.contrast(scale)), rtol=SAME)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_contrast_is_the_product_term_of_one_regression_of_all_rows(
    confounded, clustered, weighted
):
    import statsmodels.api as sm

    sample = confounded(n=900, seed=2, clustered=clustered, weighted=weighted)
    level = (sample.x_of("x1") > 0).astype(int)  # rows of one person fall into both levels
    found = contrast(divided(sample, level, LinearProbability(variance=Variance())))
    inside = np.column_stack([np.ones(sample.n), sample.a, sample.x])
    design = np.hstack([inside, inside * level[:, None]])
    how = (
        {"cov_type": "cluster", "cov_kwds": {"groups": sample.cluster, "use_correction": False}}
        if clustered
        else {"cov_type": "HC0"}
    )
    stacked = sm.WLS(sample.y, design, weights=sample.w).fit(**how)
    at = inside.shape[1] + 1
    assert found.estimate == pytest.approx(stacked.params[at], rel=SOLVED)
    assert found.std_error == pytest.approx(stacked.bse[at], rel=SOLVED)


def test_clusters_that_span_levels_are_not_taken_as_independent(confounded):
    sample = confounded(n=900, seed=2, clustered=True)
    spanning = np.arange(sample.n) % 2  # the two rows of every person are in different levels
    found = divided(sample, spanning)
    apart = sum(value(one.adjusted)[1] for one in found.levels)
    assert contrast(found).std_error ** 2 != pytest.approx(apart, rel=0.01)
    whole = (sample.cluster % 2).astype(int)
    found = divided(sample, whole)
    apart = sum(value(one.adjusted)[1] for one in found.levels)
    assert contrast(found).std_error ** 2 == pytest.approx(apart, rel=SOLVED)


def test_the_joint_test_does_not_depend_on_the_order_of_levels(sample):
    level = np.digitize(sample.x_of("x0"), [-0.4, 0.4])
    names = ("a", "b", "c")
    one = divided(sample, level, names=names)
    turned = divided(sample, np.array([2, 0, 1])[level], names=("b", "c", "a"))
    assert isinstance(one.test, Wald)
    assert isinstance(turned.test, Wald)
    assert one.test.df == 2
    assert one.test.statistic == pytest.approx(turned.test.statistic, rel=SOLVED)
    assert contrast(one).estimate == pytest.approx(-contrast(turned, 2).estimate, rel=SOLVED)
    assert (one.reference, turned.reference) == ("a", "b")


def test_use_recoded_as_abstinence_turns_every_sign_and_nothing_else(confounded):
    sample = confounded(n=900, seed=4)
    level = (sample.x_of("x2") > 0).astype(int)
    one, other = (divided(each, level) for each in (sample, replace(sample, y=1 - sample.y)))
    assert contrast(one).estimate == pytest.approx(-contrast(other).estimate, rel=CONVERGED)
    assert contrast(one).std_error == pytest.approx(contrast(other).std_error, rel=CONVERGED)
    assert isinstance(one.test, Wald)
    assert isinstance(other.test, Wald)
    assert one.test.p_value == pytest.approx(other.test.p_value, rel=CONVERGED)


def test_a_column_constant_within_a_level_is_not_adjusted_for_there(sample):
    level = sample.x_of("x2").astype(int)
    named = GComputation(outcome=OutcomeModel(terms=("x0", "x2"), interactions=("x2",)))
    for estimator, left in ((GComputation(), ("x0", "x1")), (named, ("x0",))):
        found = divided(sample, level, estimator)
        assert [one.dropped for one in found.levels] == [("x2",), ("x2",)]
        rows = sample.rows(level == 1)
        rows = replace(rows, w=rows.w / rows.w.mean())
        alone = GComputation().fit(rows.with_terms(left), _store(), np.random.default_rng(0))
        assert value(found.levels[1].adjusted)[0] == pytest.approx(
            float(np.diff(alone.values)[0]), rel=CONVERGED
        )


def _store():
    from causal.estimators import NuisanceStore

    return NuisanceStore()


def test_a_level_with_a_small_arm_is_a_reason_and_the_next_one_is_compared_with(confounded):
    sample = confounded(n=800, seed=6)
    level = np.digitize(sample.x_of("x0"), [-1.6, 0.0])
    found = divided(sample, level, names=("few", "middle", "many"))
    few = found.levels[0].adjusted
    assert isinstance(few, NotEstimable)
    assert "fewer than 20 rows" in few.reason
    assert found.reference == "middle"
    assert isinstance(found.test, Wald)
    assert found.test.df == 1
    assert isinstance(found.interactions[0], NotEstimable)
    assert contrast(found, 2).estimate == pytest.approx(
        value(found.levels[2].adjusted)[0] - value(found.levels[1].adjusted)[0]
    )


def test_one_level_left_is_nothing_to_compare(confounded):
    sample = confounded(n=300, seed=6)
    level = (sample.x_of("x0") < -2.0).astype(int)
    found = divided(sample, level)
    assert isinstance(found.test, NotEstimable)
    assert "only one level" in found.test.reason
    nobody = divided(sample, np.full(sample.n, -1))
    assert nobody.reference is None
    assert isinstance(nobody.test, NotEstimable)


def test_an_outcome_that_does_not_vary_and_a_fit_that_fails_are_reasons(confounded):
    sample = confounded(n=600, seed=7)
    level = (sample.x_of("x2") > 0).astype(int)
    still = replace(sample, y=np.where(level == 1, 1.0, sample.y))
    one = divided(still, level).levels[1].adjusted
    assert isinstance(one, NotEstimable)
    assert "does not vary" in one.reason
    x = sample.x.copy()
    x[level == 1, 0] = sample.a[level == 1]
    failing = divided(replace(sample, x=x), level, LinearProbability()).levels[1]
    assert isinstance(failing.adjusted, NotEstimable)
    assert "determine the exposure" in failing.adjusted.reason
    assert isinstance(failing.crude, Estimates)  # what can be given is given


def test_what_narrows_a_level_is_said_and_counts_against_the_smallest_arm(confounded):
    sample = confounded(n=600, seed=7)
    level = (sample.x_of("x2") > 0).astype(int)
    narrow = Matching(replacement=False, caliper=0.01)
    for smallest, estimated in ((20, True), (100, False)):
        found = divided(sample, level, narrow, smallest=smallest).levels
        for number, one in enumerate(found):
            rows = sample.rows(level == number)
            matched = narrow.find_sets(rows.with_terms(TERMS), NuisanceStore()).matched
            kept = int((matched & (rows.a == 1)).sum())
            assert smallest > kept or estimated
            assert min(one.arms or ()) > 100  # of all rows there are enough
            assert one.narrowed.startswith(f"among the {kept} of {int(rows.a.sum())} exposed")
            assert isinstance(one.adjusted, Estimates) == estimated
            if isinstance(one.adjusted, NotEstimable):
                assert "leaves an arm fewer than 100" in one.adjusted.reason
    assert all(one.narrowed == "" for one in divided(sample, level).levels)


def test_checks_that_fail_within_a_level_are_kept(confounded):
    sample = confounded(n=900, seed=7, strength=2.0)
    level = (np.arange(sample.n) % 3 == 0).astype(int)
    alike = replace(sample, a=np.random.default_rng(0).integers(0, 2, sample.n).astype(float))
    mixed = replace(sample, a=np.where(level == 1, sample.a, alike.a))
    failed = [{check.name for check in one.failed} for one in divided(mixed, level, AIPW()).levels]
    assert failed[0] == set()
    assert "effective_sample_size" in failed[1]


def test_a_dose_has_no_arms_and_is_held_against_rows(confounded):
    sample = confounded(n=600, seed=8)
    dose = replace(sample, a=sample.a + sample.x_of("x2"), exposure_kind="dose")
    level = (sample.x_of("x1") > 0).astype(int)
    rung = RungTask("full", LinearProbability(), TERMS, Place())
    crude = RungTask("crude", LinearProbability(), (), Place())
    for smallest, given in ((20, True), (500, False)):
        task = SubgroupTask(("low", "high"), level, crude, rung, smallest)
        found = fit_subgroup(dose, task, LIMITS, seed=3)
        assert [one.arms for one in found.levels] == [None, None]
        assert isinstance(found.test, Wald) == given


def test_the_joint_test_is_wald_with_its_reference_distribution():
    from scipy import stats

    values, variances = np.array([0.1, 0.4]), np.diag([0.01, 0.02])
    normal, student = wald(values, variances, np.inf), wald(values, variances, 9.0)
    assert isinstance(normal, Wald)
    assert isinstance(student, Wald)
    assert normal.statistic == pytest.approx(0.09 / 0.03)
    assert normal.p_value == pytest.approx(2 * stats.norm.sf(0.3 / np.sqrt(0.03)))
    assert student.p_value == pytest.approx(2 * stats.t.sf(0.3 / np.sqrt(0.03), 9))


def without_effect(n: int, columns: int, seed: int) -> Sample:
    """Draw rows in which four columns drive exposure and outcome, and exposure does nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, columns))
    score = 0.4 * x[:, :4].sum(axis=1)
    names = tuple(f"x{j}" for j in range(columns))
    return Sample(
        unit=np.arange(n),
        y=(rng.random(n) < 1 / (1 + np.exp(0.4 - score))).astype(float),
        a=(rng.random(n) < 1 / (1 + np.exp(-score))).astype(float),
        x=x,
        terms=names,
        concepts=names,
        outcome_kind="binary",
        exposure_kind="binary",
        w=np.ones(n),
    )


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "columns", "low", "high"), [(130, 20, 0.1, 1), (800, 8, 0.02, 0.1)])
def test_the_test_rejects_too_often_only_where_rows_are_few_for_each_column(n, columns, low, high):
    """As docs/methods.md says; 300 draws, binomial error up to 2.3 points."""
    p_values = []
    for seed in range(300):
        sample = without_effect(n, columns, seed)
        level = np.random.default_rng(seed).integers(0, 2, n)
        rung = RungTask("full", GComputation(), sample.terms, Place())
        crude = RungTask("crude", MeanDifference(), (), Place())
        task = SubgroupTask(("low", "high"), level, crude, rung, smallest_arm=10)
        test = fit_subgroup(sample, task, LIMITS, seed=1).test
        p_values += [test.p_value] if isinstance(test, Wald) else []
    assert len(p_values) > 200  # the others are separated, and say so
    assert low <= np.mean(np.array(p_values) < 0.05) <= high


@pytest.mark.simulation
def test_the_test_rejects_a_true_null_at_its_level(confounded):
    """At 5 %, 400 draws: a binomial's 99.9 % range is about 2 to 9 %."""
    rejected = 0
    for seed in range(400):
        sample = confounded(n=500, seed=seed, outcome="continuous")
        level = np.random.default_rng(seed).integers(0, 3, sample.n)
        found = divided(sample, level, names=("a", "b", "c"))
        assert isinstance(found.test, Wald)
        rejected += found.test.p_value < 0.05
    assert 0.02 * 400 <= rejected <= 0.09 * 400


def test_fits_without_influence_values_are_contrasted_only_where_rows_are_independent(confounded):
    for clustered in (False, True):
        sample = confounded(n=600, seed=9, clustered=clustered)
        level = (sample.x_of("x1") > 0).astype(int)
        fits = divided(sample, level).levels
        bare = [
            replace(one, adjusted=replace(one.adjusted, influence=NotEstimable("repeated")))
            for one in fits
        ]
        found = compare(bare)
        if clustered:
            assert isinstance(found.test, NotEstimable)
            assert "no influence values" in found.test.reason
            assert found.interactions[1] == found.test
        else:
            apart = sum(value(one.adjusted)[1] for one in fits)
            assert contrast(found).std_error ** 2 == pytest.approx(apart, rel=SAME)

"""What every estimator owes: the same checks for each, whatever it estimates."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import Sample
from causal.estimate import MEANS, SLOPE, Target
from causal.estimators import (
    AIPW,
    TMLE,
    AnyEstimator,
    Balancing,
    CausalForest,
    ControlFunction,
    CovariateBalancingPropensity,
    DoublyRobust,
    EncouragementDRIV,
    EntropyBalancing,
    Estimator,
    FirstStage,
    GComputation,
    GEstimation,
    Incremental,
    InstrumentalVariables,
    IntentionToTreat,
    InverseProbability,
    LinearDML,
    LinearProbability,
    Matching,
    MeanDifference,
    NuisanceStore,
    OrthogonalIV,
    Overlap,
    PropensityRegression,
    PropensityWeighting,
    ResidualInclusion,
    StableBalancing,
    Subclassification,
    WeighsFollowUp,
    WithinPerson,
)
from causal.estimators.nuisance import (
    CrossFitting,
    EntryModel,
    ObservationModel,
    OutcomeModel,
    PropensityModel,
)

EXACT = 1e-9  # sums in another order
REFITTED = 1e-6  # iterative fits of transformed data stop at slightly different points
CENTRED = 1e-8  # influence values of converged fits, relative to their spread
WEIGHT_STEP = 1e-4
DIFFERENCED = 1e-6  # central differences: the square of the step, and fits stopped at 1e-10
BOOTSTRAP_DRAWS = 200
BOOTSTRAP_BAND = 4 / math.sqrt(2 * BOOTSTRAP_DRAWS)  # four Monte-Carlo errors of a bootstrap SE
BOOTSTRAP_BATCH = 25
GROUPS = 15
JACKKNIFED = (
    0.20  # leaving out a fifteenth also moves the regressions: 1.04 to 1.19 in three samples
)
SMALL_SAMPLE = 0.10  # resampling also varies the covariates; 400 rows are few

ESTIMATORS: dict[str, Estimator] = {
    "mean_difference": MeanDifference(),
    "mean_difference HC1": MeanDifference(variance={"kind": "HC1"}),
    "mean_difference classical": MeanDifference(variance={"kind": "classical"}),
    "g_computation": GComputation(),
    "g_computation ATT": GComputation(target="ATT"),
    "g_computation ATC": GComputation(target="ATC"),
    "g_computation separate": GComputation(outcome=OutcomeModel(arms="separate")),
    "g_computation interactions": GComputation(outcome=OutcomeModel(interactions=("x0",))),
    "g_computation linear HC1": GComputation(
        outcome=OutcomeModel(link="linear"), variance={"kind": "HC1"}
    ),
    "linear_probability": LinearProbability(),
    "linear_probability classical": LinearProbability(variance={"kind": "classical"}),
    "linear_probability at": LinearProbability(interactions=("x2",), at={"x2": 1}),
    "ipw": InverseProbability(),
    "ipw ATT": InverseProbability(target="ATT"),
    "ipw ATC": InverseProbability(target="ATC"),
    "ipw truncate": InverseProbability(truncate=(2, 98), stabilised=True),
    "ipw clip": InverseProbability(clip=(0.1, 0.9)),
    "ipw total": InverseProbability(normalised=False),
    "ipw total ATT": InverseProbability(normalised=False, target="ATT"),
    "ipw trim": InverseProbability(trim=0.1),
    "ipw known HC1": InverseProbability(weights_known=True, variance={"kind": "HC1"}),
    "overlap": Overlap(),
    "overlap ATM": Overlap(target="ATM"),
    "propensity_regression": PropensityRegression(),
    "g_estimation": GEstimation(),
    "g_estimation modifiers": GEstimation(modifiers=("x2",)),
    "g_estimation modifiers ATT": GEstimation(modifiers=("x2",), target="ATT"),
    "entropy_balancing": EntropyBalancing(),
    "entropy_balancing ATT squares": EntropyBalancing(target="ATT", moments=2),
    "entropy_balancing ATC": EntropyBalancing(target="ATC"),
    "cbps": CovariateBalancingPropensity(),
    "cbps over": CovariateBalancingPropensity(method="over"),
    "cbps ATT over": CovariateBalancingPropensity(target="ATT", method="over"),
    "cbps ATC": CovariateBalancingPropensity(target="ATC"),
    "stable_balancing": StableBalancing(),
    "stable_balancing exact": StableBalancing(tolerance=0),
    "stable_balancing ATT": StableBalancing(target="ATT", tolerance=0.05),
    "aipw": AIPW(),
    "aipw ATT": AIPW(target="ATT"),
    "aipw ATC": AIPW(target="ATC"),
    "aipw crossed": AIPW(cross_fit=CrossFitting(folds=4)),
    "aipw separate": AIPW(outcome=OutcomeModel(arms="separate")),
    "aipw median": AIPW(cross_fit=CrossFitting(folds=4, repeats=3, combine="median")),
    "aipw lasso": AIPW(
        propensity=PropensityModel(learner="lasso"),
        outcome=OutcomeModel(learner="lasso"),
        cross_fit=CrossFitting(folds=3),
    ),
    "aipw gradient_boosting": AIPW(
        propensity=PropensityModel(learner="gradient_boosting"),
        outcome=OutcomeModel(learner="gradient_boosting", arms="separate"),
        cross_fit=CrossFitting(folds=3),
    ),
    "tmle": TMLE(),
    "tmle ATT": TMLE(target="ATT"),
    "tmle ATC": TMLE(target="ATC"),
    "tmle crossed": TMLE(cross_fit=CrossFitting(folds=4)),
    "causal_forest": CausalForest(trees=40, cross_fit=CrossFitting(folds=2)),
    "linear_dml": LinearDML(cross_fit=CrossFitting(folds=3)),
    "linear_dml lasso": LinearDML(
        propensity=PropensityModel(learner="lasso"),
        outcome=OutcomeModel(learner="lasso"),
        cross_fit=CrossFitting(folds=3),
    ),
    "iv": InstrumentalVariables(),
    "iv classical": InstrumentalVariables(variance={"kind": "classical"}),
    "iv liml": InstrumentalVariables(method="liml"),
    "iv fuller": InstrumentalVariables(method="fuller", fuller=4),
    "iv gmm": InstrumentalVariables(method="gmm", variance={"kind": "HC0"}),
    "control_function": ControlFunction(),
    "residual_inclusion": ResidualInclusion(),
    "itt": IntentionToTreat(),
    "first_stage": FirstStage(),
    "orthogonal_iv": OrthogonalIV(cross_fit=CrossFitting(folds=3)),
    "itt_dr_iv": EncouragementDRIV(cross_fit=CrossFitting(folds=3)),
    "itt_dr_iv ATE": EncouragementDRIV(cross_fit=CrossFitting(folds=3), target="ATE"),
    "matching": Matching(),
    "matching ATE": Matching(target="ATE"),
    "matching ATC 3": Matching(target="ATC", ratio=3),
    "matching adjusted": Matching(target="ATE", bias_adjusted=True),
    "matching drawn": Matching(draws=200),
    "matching mahalanobis": Matching(
        target="ATE", distance="mahalanobis", caliper=1, exact=("x2",), bias_adjusted=True
    ),
    "matching pairs": Matching(replacement=False, caliper=0.2),
    "matching optimal HC1": Matching(
        replacement=False, method="optimal", caliper=0.5, variance={"kind": "HC1"}
    ),
    "subclassification": Subclassification(),
    "subclassification ATT": Subclassification(target="ATT", strata=4),
    "subclassification ATC": Subclassification(target="ATC", strata=4),
    "subclassification regression": Subclassification(within="regression"),
}
EVERY = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS.keys())
SYMMETRIC = {
    name: one for name, one in ESTIMATORS.items() if one.estimand not in ("ATT", "ATC", "ITT")
}  # an ATT is about one arm, so exchanging the arms changes the question; an ITT is about neither
MIRRORED = {name: one for name, one in ESTIMATORS.items() if one.estimand in ("ATT", "ATC")}
WEIGHING = (PropensityWeighting, Balancing, DoublyRobust, Matching, Subclassification)
OF_INSTRUMENT = ("ITT", "first stage")
BY_ECONML = (LinearDML, OrthogonalIV, EncouragementDRIV)  # slow, and solvers stop earlier
OF_OUTCOME = {
    name: one
    for name, one in ESTIMATORS.items()
    if one.estimand != "first stage" and getattr(one, "normalised", True)
}  # totals of weights that need not sum to one depend on where the outcome's zero is


def suited(estimator, sample):
    """Leave one instrument to the estimators that are about one, a coin where it must be one."""
    if isinstance(estimator, EncouragementDRIV):
        return sample.with_instruments(("coin",))
    one = estimator.estimand in OF_INSTRUMENT or isinstance(estimator, OrthogonalIV)
    return sample.with_instruments(("z0",) if one else ("z0", "z1"))


def fitted(estimator, sample, seed=0):
    return estimator.fit(suited(estimator, sample), NuisanceStore(), np.random.default_rng(seed))


@pytest.fixture(scope="module")
def as_drawn():
    """Fit an estimator to a sample as it was drawn, once for all checks that compare with it."""
    kept = {}

    def fit_once(estimator, sample):
        drawn = (id(estimator), sample.y.tobytes(), sample.w.tobytes())
        if drawn not in kept:
            kept[drawn] = fitted(estimator, sample)
        return kept[drawn]

    return fit_once


def difference(estimates):
    """Give the difference and its standard error."""
    effect = estimates.effect("risk_difference")
    return np.array([effect.estimate, effect.std_error])


def rearranged(sample: Sample, rows: np.ndarray) -> Sample:
    """Take rows of a sample in another order."""
    arrays = {
        one.name: getattr(sample, one.name)[rows]
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def test_the_suite_covers_every_estimator():
    known = {type(one) for one in ESTIMATORS.values()}
    union = get_args(get_args(AnyEstimator)[0])
    # WithinPerson needs exposures that repeat: tests/unit/estimators/test_within_person.py
    # and what is of times, arms, doses or nudges has files of its own beside this one
    elsewhere = {WithinPerson, Incremental} | {
        one for one in union if one.outcomes == ("survival",) or "binary" not in one.exposures
    }
    assert known | elsewhere == set(union)
    assert len({one.model_fields["kind"].default for one in union}) == len(union)


@EVERY
@pytest.mark.parametrize(
    "population", [{}, {"weighted": True, "clustered": True}], ids=["plain", "weights, clusters"]
)
def test_influence_columns_have_mean_zero(confounded, as_drawn, estimator, population):
    estimates = as_drawn(estimator, confounded(**population))
    assert np.abs(estimates.influence.mean(axis=0)).max() < CENTRED * estimates.influence.std()


@EVERY
def test_shapes_and_labels_agree(confounded, as_drawn, estimator):
    sample = confounded()
    estimates = as_drawn(estimator, sample)
    k = len(estimates.labels)
    assert estimates.labels in (MEANS, SLOPE)
    assert estimates.values.shape == (k,)
    assert estimates.influence.shape == (sample.n, k)
    assert estimates.covariance.shape == (k, k)
    np.testing.assert_allclose(estimates.covariance, estimates.covariance.T, rtol=EXACT)
    assert np.linalg.eigvalsh(estimates.covariance).min() > -EXACT * estimates.covariance.max()


@EVERY
@pytest.mark.parametrize("population", [{}, {"clustered": True, "weighted": True}], ids=str)
def test_the_order_of_rows_changes_nothing(confounded, as_drawn, estimator, population):
    sample = confounded(**population)
    order = np.random.default_rng(9).permutation(sample.n)
    straight = as_drawn(estimator, sample)
    shuffled = fitted(estimator, rearranged(sample, order))
    tolerance = REFITTED if isinstance(estimator, BY_ECONML) else EXACT
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=tolerance)
    np.testing.assert_allclose(shuffled.covariance, straight.covariance, rtol=tolerance, atol=1e-12)
    np.testing.assert_allclose(
        shuffled.influence, straight.influence[order], rtol=REFITTED, atol=1e-6
    )


@pytest.mark.parametrize("estimator", SYMMETRIC.values(), ids=SYMMETRIC.keys())
def test_exchanging_the_arms_turns_the_sign(confounded, as_drawn, estimator):
    sample = confounded()
    effect = difference(as_drawn(estimator, sample))
    turned = difference(fitted(estimator, replace(sample, a=1 - sample.a)))
    np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)


@pytest.mark.parametrize("estimator", MIRRORED.values(), ids=MIRRORED.keys())
def test_exchanging_the_arms_turns_att_into_minus_atc(confounded, as_drawn, estimator):
    sample = confounded()
    other = estimator.model_copy(update={"target": "ATC" if estimator.target == "ATT" else "ATT"})
    effect = difference(as_drawn(estimator, sample))
    turned = difference(fitted(other, replace(sample, a=1 - sample.a)))
    np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)


@pytest.mark.parametrize("estimator", OF_OUTCOME.values(), ids=OF_OUTCOME.keys())
def test_recoding_the_outcome_turns_the_sign(confounded, as_drawn, estimator):
    """A difference must not depend on whether use or abstinence is coded 1."""
    sample = confounded()
    effect = difference(as_drawn(estimator, sample))
    turned = difference(fitted(estimator, replace(sample, y=1 - sample.y)))
    np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)


@EVERY
def test_units_of_covariates_change_nothing(confounded, as_drawn, estimator):
    sample = confounded()
    moved = replace(sample, x=sample.x * np.array([1e4, -0.01, 3.0]) + np.array([5e4, 0.0, -7.0]))
    effect = difference(as_drawn(estimator, sample))
    if isinstance(estimator, LinearProbability) and estimator.at:  # in the units of x2
        estimator = estimator.model_copy(update={"at": {"x2": 3.0 * estimator.at["x2"] - 7.0}})
    same = difference(fitted(estimator, moved))
    np.testing.assert_allclose(same, effect, rtol=REFITTED)


@EVERY
def test_equal_weights_are_no_weights(confounded, as_drawn, estimator):
    sample = confounded()
    effect = difference(as_drawn(estimator, sample))
    same = difference(fitted(estimator, replace(sample, w=np.full(sample.n, 3.7))))
    np.testing.assert_allclose(same, effect, rtol=REFITTED)


@EVERY
def test_clusters_of_one_row_are_no_clusters(confounded, as_drawn, estimator):
    sample = confounded()
    alone = replace(sample, cluster=np.arange(sample.n)[::-1].copy())
    effect = difference(as_drawn(estimator, sample))
    same = difference(fitted(estimator, alone))
    np.testing.assert_allclose(same, effect, rtol=REFITTED)


@EVERY
def test_the_same_stream_gives_the_same_numbers(confounded, estimator):
    sample = confounded()
    first, second = (fitted(estimator, sample, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.influence, second.influence)


@EVERY
def test_a_store_already_in_use_changes_nothing(confounded, as_drawn, estimator):
    sample, store = confounded(), NuisanceStore()
    for other in (AIPW(), GComputation(outcome=OutcomeModel(arms="separate"))):
        other.fit(sample, store, np.random.default_rng(1))
    shared = estimator.fit(suited(estimator, sample), store, np.random.default_rng(0))
    np.testing.assert_array_equal(shared.values, as_drawn(estimator, sample).values)


@EVERY
def test_the_sample_is_left_as_it_was(confounded, estimator):
    sample = confounded(weighted=True, clustered=True)
    before = {
        one.name: np.copy(getattr(sample, one.name))
        for one in fields(sample)
        if isinstance(getattr(sample, one.name), np.ndarray)
    }
    fitted(estimator, sample)
    estimator.weights(sample, NuisanceStore())
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(sample, name), values, err_msg=name)


@EVERY
def test_estimates_cannot_be_written_to(confounded, as_drawn, estimator):
    estimates = as_drawn(estimator, confounded())
    for values in (estimates.values, estimates.influence, estimates.covariance):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


@EVERY
def test_settings_are_frozen_and_refuse_unknown_keys(estimator):
    with pytest.raises(ValidationError, match="frozen"):
        estimator.kind = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(estimator)(misspelt=1)


@EVERY
def test_a_target_is_named(confounded, as_drawn, estimator):
    assert estimator.estimand in get_args(Target)
    assert as_drawn(estimator, confounded()).target == estimator.estimand


@EVERY
def test_assumptions_are_stated(estimator):
    text = inspect.getdoc(type(estimator))
    assert "\nAssumptions\n-----------\n" in text
    assert len(text.split("Assumptions\n-----------\n")[1].strip()) > 40


@EVERY
def test_classical_errors_are_refused_where_there_are_none(estimator):
    if "classical" in type(estimator).variances:
        assert type(estimator)(variance={"kind": "classical"}).variance.kind == "classical"
    else:
        with pytest.raises(ValidationError, match="has no classical standard error"):
            type(estimator)(variance={"kind": "classical"})


@EVERY
def test_weights_are_not_negative_and_only_where_balance_is_claimed(confounded, estimator):
    sample = confounded()
    weights = estimator.weights(sample, NuisanceStore())
    if not isinstance(estimator, WEIGHING):
        assert weights is None
        return
    assert weights.shape == (sample.n,)
    assert (weights >= 0).all()


DIFFERENTIABLE = {
    name: one
    for name, one in ESTIMATORS.items()
    if isinstance(one, PropensityWeighting | Balancing)
    and not {"truncate", "trim", "known"} & set(name.split())
}  # bounds are taken as fixed, and known weights as known


@pytest.mark.parametrize("estimator", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE.keys())
@pytest.mark.parametrize("population", [{}, {"weighted": True}], ids=str)
def test_influence_is_the_derivative_of_the_estimate_in_the_weight_of_a_row(
    confounded, estimator, population
):
    """The infinitesimal jackknife, which knows nothing of how the estimator is built."""
    sample = confounded(**population)
    influence = fitted(estimator, sample).influence
    for row in (0, 7, 33, 200):
        step = WEIGHT_STEP * sample.w[row]
        ends = []
        for sign in (1, -1):
            w = sample.w.copy()
            w[row] += sign * step
            ends.append(fitted(estimator, replace(sample, w=w)).values)
        slope = (ends[0] - ends[1]) / (2 * step) * sample.n * sample.w[row]
        np.testing.assert_allclose(slope, influence[row], atol=DIFFERENCED)


FOLLOW_UP = {"observation": ObservationModel(terms=("x0",), interactions=("x0",))}
IN_TWO_STAGES = {**FOLLOW_UP, "entry": EntryModel(terms=("x0", "x2"))}
WEIGHED: dict[str, Estimator] = {
    f"{one.model_fields['kind'].default} {'two stages' if 'entry' in stages else 'followed'}": one(
        **stages
    )
    for one in get_args(get_args(AnyEstimator)[0])
    if issubclass(one, WeighsFollowUp) and "binary" in one.outcomes
    for stages in (FOLLOW_UP, IN_TWO_STAGES)
} | {
    "aipw ATT two stages": AIPW(target="ATT", **IN_TWO_STAGES),
    "tmle ATT two stages": TMLE(target="ATT", **IN_TWO_STAGES),
    "g_computation ATT two stages": GComputation(target="ATT", **IN_TWO_STAGES),
    "aipw crossed two stages": AIPW(cross_fit=CrossFitting(folds=3), **IN_TWO_STAGES),
    "tmle crossed followed": TMLE(cross_fit=CrossFitting(folds=3), **FOLLOW_UP),
}
LOSING = pytest.mark.parametrize("estimator", WEIGHED.values(), ids=WEIGHED.keys())


def losing(sample: Sample, estimator: Estimator, seed: int = 21) -> Sample:
    """Lose outcomes by exposure and x0, and exposures by x0 where the estimator weighs for them.

    Both rows of a person are lost alike, and a bootstrap draws persons with what they lost.
    """
    draws = np.random.default_rng(seed).random((2, sample.n))[:, sample.unit - sample.unit.min()]
    known = draws[0] < 1 / (1 + np.exp(-(1.2 + 0.5 * sample.a - 0.6 * sample.x[:, 0])))
    seen = draws[1] < 1 / (1 + np.exp(-(1.5 - 0.6 * sample.x[:, 0])))
    if not estimator.takes_missing_exposures:
        seen[:] = True
    return replace(
        sample,
        a=np.where(seen, sample.a, np.nan),
        y=np.where(seen & known, sample.y, np.nan),
    )


@LOSING
@pytest.mark.parametrize("population", [{}, {"weighted": True, "clustered": True}], ids=str)
def test_with_losses_influence_has_mean_zero_and_the_order_of_rows_changes_nothing(
    confounded, estimator, population
):
    sample = losing(confounded(**population), estimator)
    order = np.random.default_rng(9).permutation(sample.n)
    straight, shuffled = fitted(estimator, sample), fitted(estimator, rearranged(sample, order))
    influence = straight.influence
    assert influence.shape == (sample.n, 2)
    assert np.abs(influence.mean(axis=0)).max() < CENTRED * influence.std()
    np.testing.assert_allclose(shuffled.values, straight.values, rtol=EXACT)
    np.testing.assert_allclose(shuffled.influence, influence[order], rtol=REFITTED, atol=1e-6)


SCALED = {
    f"{name} stabilised": one.model_copy(
        update={"observation": one.observation.model_copy(update={"stabilised": True})}
    )
    for name, one in WEIGHED.items()
    if one.stabilises
}


@pytest.mark.parametrize("estimator", (WEIGHED | SCALED).values(), ids=(WEIGHED | SCALED).keys())
def test_with_losses_the_factors_of_the_weights_are_named_and_multiply_to_them(
    confounded, estimator
):
    sample = losing(confounded(weighted=True), estimator)
    factors = dict(estimator.weight_factors(sample, NuisanceStore()))
    stages = [name for name in factors if name.startswith("attrition")]
    assert len(stages) == 1 + (estimator.entry is not None)
    seen = sample.observed
    for name in stages:
        assert np.isfinite(factors[name][seen]).all()
        assert estimator.observation.stabilised or (factors[name][seen] > 1).all()
    weights = estimator.weights(sample, NuisanceStore())
    if weights is None:  # the regression is weighted, and nothing is balanced
        assert list(factors) == stages
        return
    assert list(factors) == ["exposure", *stages]
    product = np.prod([one[seen] for one in factors.values()], axis=0)
    np.testing.assert_allclose(product, weights[seen], rtol=EXACT)
    assert (weights[~seen] == 0).all()


@LOSING
def test_with_losses_units_codes_and_constant_weights_change_a_sign_at_most(confounded, estimator):
    sample = losing(confounded(), estimator)
    effect = difference(fitted(estimator, sample))
    moved = replace(sample, x=sample.x * np.array([1e4, -0.01, 3.0]) + np.array([5e4, 0.0, -7.0]))
    heavy = replace(sample, w=np.full(sample.n, 3.7))
    alone = replace(sample, cluster=np.arange(sample.n)[::-1].copy())
    for same in (moved, heavy, alone):
        np.testing.assert_allclose(difference(fitted(estimator, same)), effect, rtol=REFITTED)
    turned = difference(fitted(estimator, replace(sample, y=1 - sample.y)))
    np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)
    if estimator.estimand not in ("ATT", "ATC"):
        turned = difference(fitted(estimator, replace(sample, a=1 - sample.a)))
        np.testing.assert_allclose(turned, effect * [-1, 1], rtol=REFITTED)


@pytest.mark.parametrize("name", [name for name in WEIGHED if "two stages" in name])
def test_with_losses_the_standard_error_is_that_of_a_bootstrap_of_persons(confounded, name):
    estimator = WEIGHED[name]
    sample = losing(confounded(n=600, clustered=True, weighted=True), estimator)
    rows_of = np.argsort(sample.unit, kind="stable").reshape(-1, 2)
    rng, found = np.random.default_rng(11), []
    for _ in range(BOOTSTRAP_DRAWS):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        label = np.repeat(np.arange(len(drawn)), 2)
        again = replace(rearranged(sample, rows_of[drawn].ravel()), unit=label, cluster=label)
        found.append(difference(fitted(estimator, again))[0])
    ratio = np.std(found, ddof=1) / difference(fitted(estimator, sample))[1]
    assert abs(ratio - 1) < BOOTSTRAP_BAND + SMALL_SAMPLE


MATCHED = {
    name: one
    for name, one in ESTIMATORS.items()
    if isinstance(one, Matching) and one.error == "otsu_rai" and one.draws is None
}


@pytest.mark.parametrize("estimator", MATCHED.values(), ids=MATCHED.keys())
@pytest.mark.parametrize("population", [{}, {"clustered": True, "weighted": True}], ids=str)
def test_the_standard_error_of_matching_is_that_of_a_weighted_bootstrap(
    confounded, estimator, population
):
    """Resamples of persons do not show it (Abadie & Imbens 2008); draws of linear terms do."""
    sample = confounded(**population)
    drawn = fitted(estimator.model_copy(update={"draws": BOOTSTRAP_DRAWS}), sample, seed=11)
    ratio = difference(drawn)[1] / difference(fitted(estimator, sample))[1]
    assert abs(ratio - 1) < BOOTSTRAP_BAND
    assert difference(drawn)[0] == difference(fitted(estimator, sample))[0]


BOOTSTRAPPED = {
    name: one
    for name, one in ESTIMATORS.items()
    if "known" not in name and "classical" not in name and "trim" not in name
    if not one.why_no_bootstrap
    if not (isinstance(one, DoublyRobust | LinearDML) and one.propensity.learns)
}  # errors wrong on purpose, a bound that moves with the draw, and learners, which recognise a
# person drawn twice: her copies are in the fold she is predicted from (a jackknife has no copies)


@pytest.mark.parametrize("estimator", BOOTSTRAPPED.values(), ids=BOOTSTRAPPED.keys())
def test_the_standard_error_is_that_of_a_bootstrap_of_persons(confounded, as_drawn, estimator):
    sample = confounded(clustered=True, weighted=True)
    rows_of = np.argsort(sample.unit, kind="stable").reshape(-1, 2)  # two rows a person
    rng = np.random.default_rng(11)
    most = BOOTSTRAP_DRAWS if not isinstance(estimator, BY_ECONML) else BOOTSTRAP_DRAWS // 3
    band = 4 / math.sqrt(2 * most)  # four Monte-Carlo errors, were all left to chance
    straight = as_drawn(estimator, sample)
    error = difference(straight)[1]
    moved = straight.contrast("risk_difference").influence[:, 0][rows_of].sum(axis=1) / sample.n
    refits, sums = [], []
    while not refits or (len(refits) < most and left_to_chance(refits, sums) > band * error**2):
        for _ in range(BOOTSTRAP_BATCH):
            drawn = rng.integers(0, len(rows_of), len(rows_of))
            again = rearranged(sample, rows_of[drawn].ravel())
            label = np.repeat(np.arange(len(drawn)), 2)
            again = replace(again, unit=label, cluster=label)
            refits.append(difference(fitted(estimator, again))[0])
            sums.append(moved[drawn].sum())
    known = len(moved) * moved.var()
    variance = known + np.var(refits, ddof=1) - np.var(sums, ddof=1)
    assert abs(math.sqrt(variance) / error - 1) < band + SMALL_SAMPLE


def test_the_standard_error_with_learners_is_that_of_leaving_out_group_after_group(confounded):
    """Rows left out weigh nothing: folds stay, and nobody is predicted from a copy of herself.

    Kott (2001), J Off Stat 17:521 (the delete-a-group jackknife).
    """
    estimator, sample = ESTIMATORS["aipw lasso"], confounded(n=1000, seed=2, weighted=True)
    group = np.random.default_rng(1).permutation(sample.n) % GROUPS
    sample = replace(sample, cluster=group)
    whole, error = difference(fitted(estimator, sample))
    moved = np.array(
        [
            difference(fitted(estimator, replace(sample, w=np.where(group == one, 0, sample.w))))[0]
            for one in range(GROUPS)
        ]
    )
    jackknifed = math.sqrt((GROUPS - 1) / GROUPS * ((moved - whole) ** 2).sum())
    assert abs(jackknifed / error - 1) < JACKKNIFED


def left_to_chance(refits, sums):
    """Give four Monte-Carlo errors of half the bootstrap variance.

    Refits and the sums of influence values of the persons drawn move together, and the bootstrap
    variance of the sums is known: only what refits vary otherwise is left to chance. That is
    unbiased whatever the influence values, and where they are right few draws are enough.
    """
    apart = np.subtract(*((np.array(one) - np.mean(one)) ** 2 for one in (refits, sums)))
    return 4 * apart.std(ddof=1) / math.sqrt(len(apart)) / 2


@EVERY
def test_a_column_that_does_not_vary_changes_nothing(
    confounded, fitted_beside, judged_alike, estimator
):
    without, with_ = fitted_beside(estimator, suited(estimator, confounded()))
    if not isinstance(estimator, CausalForest):  # it draws among the columns
        np.testing.assert_allclose(
            with_.estimates.values, without.estimates.values, rtol=REFITTED, atol=1e-9
        )
        np.testing.assert_allclose(
            with_.estimates.covariance, without.estimates.covariance, rtol=REFITTED, atol=1e-9
        )
    judged_alike(without, with_)

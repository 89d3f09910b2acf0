"""Rubin's rules on vectors: published numbers, hand-computed ones, and another package's."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from causal import inference
from causal.errors import EstimandMismatchError
from causal.estimate import Estimates, NotEstimable, combine, pool
from causal.estimators import GComputation, MeanDifference, NuisanceStore
from causal.inference import barnard_rubin_df, missing_information, rubin
from causal.ladder import Attenuation, attenuate

PUBLISHED = 1e-5
"""The published digits."""
EXACT = 1e-12
"""Rounding."""
LEFT = 200 / 202 * 199
"""Barnard & Rubin (1999), equation 3, with nothing missing."""
ESTIMATES = np.array([2.10, 1.85, 2.40, 2.02, 1.93])
ERRORS = np.array([0.25, 0.22, 0.27, 0.24, 0.23])


@pytest.mark.reference
def test_one_estimate_is_pooled_as_published():
    """Rubin (1987); the numbers are those of pool.scalar in the R package mice."""
    found = rubin(ESTIMATES[:, None], ERRORS[:, None, None] ** 2)
    assert found.values[0] == pytest.approx(2.06, abs=PUBLISHED)
    assert found.within[0, 0] == pytest.approx(0.05886, abs=PUBLISHED)
    assert found.between[0, 0] == pytest.approx(0.04495, abs=PUBLISHED)
    assert found.total[0, 0] == pytest.approx(0.1128, abs=PUBLISHED)
    assert found.df == found.dfs[0] == pytest.approx(17.49268, abs=PUBLISHED)
    assert found.increase[0] == pytest.approx(0.9164118, abs=PUBLISHED)
    assert found.fractions[0] == pytest.approx(0.5291178, abs=PUBLISHED)
    lo, hi = inference.interval(2.06, math.sqrt(found.total[0, 0]), df=found.df)
    assert (lo, hi) == pytest.approx((1.352921, 2.767079), abs=PUBLISHED)


def test_finite_degrees_of_freedom_are_barnards_and_rubins():
    """By hand: the share lost is .4781909, simple 17.49268, seen 21/23 * 20 * .5218091."""
    seen = 21 / 23 * 20 * (1 - 0.9164118 / 1.9164118)
    expected = 17.49268 * seen / (17.49268 + seen)
    assert barnard_rubin_df(5, 0.9164118, 20) == pytest.approx(expected, abs=1e-4)
    assert barnard_rubin_df(5, 0.9164118, 20) < 20
    assert barnard_rubin_df(5, 0.9164118, 1e9) == pytest.approx(17.49268, abs=1e-4)


def test_nothing_imputed_loses_no_information_and_what_the_formula_takes_of_degrees_of_freedom():
    assert barnard_rubin_df(20, 0.0) == math.inf
    assert barnard_rubin_df(20, 0.0, 30) == 31 / 33 * 30
    assert barnard_rubin_df(20, 1e-9, 30) == pytest.approx(31 / 33 * 30, rel=1e-6)  # no step
    assert missing_information(0.0, math.inf) == 0
    assert missing_information(math.inf, 19) == 1
    assert barnard_rubin_df(20, math.inf) == 19


def test_degrees_of_freedom_go_to_none_as_all_information_goes_missing():
    few = [barnard_rubin_df(20, increase, 3.0) for increase in (1.0, 1e3, 1e9, math.inf)]
    assert few == sorted(few, reverse=True)
    assert few[2] < 1e-8
    assert few[3] == 0
    assert inference.critical_value(df=0.0) == math.inf
    assert inference.two_sided_p(5.0, 0.0) == 1


def _vectors(seed: int = 1, m: int = 7, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    roots = np.eye(k) + 0.2 * rng.normal(size=(m, k, k))
    return rng.normal(size=(m, k)), roots @ roots.transpose(0, 2, 1)


def test_a_vector_is_pooled_with_its_joint_covariance():
    values, covariances = _vectors()
    found = rubin(values, covariances)
    between = sum(np.outer(v - values.mean(axis=0), v - values.mean(axis=0)) for v in values) / 6
    np.testing.assert_allclose(found.between, between, rtol=EXACT)
    np.testing.assert_allclose(found.total, covariances.mean(axis=0) + 8 / 7 * between, rtol=EXACT)


def test_no_combination_of_estimates_has_fewer_degrees_of_freedom():
    values, covariances = _vectors()
    found = rubin(values, covariances, complete_df=50)
    each = [
        rubin((values @ c)[:, None], np.einsum("i,mij,j->m", c, covariances, c)[:, None, None], 50)
        for c in np.random.default_rng(2).normal(size=(500, 3))
    ]
    assert min(one.df for one in each) >= found.df
    assert min(one.df for one in each) == pytest.approx(found.df, rel=0.02)


def test_variance_where_there_is_none_within_counts_as_all_missing():
    values = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 5.0]])
    covariances = np.broadcast_to(np.ones((2, 2)), (3, 2, 2))  # their difference has no variance
    assert rubin(values, covariances).df == 2


def test_pooling_is_that_of_statsmodels():
    import pandas as pd
    import statsmodels.api as sm
    from statsmodels.imputation.bayes_mi import MI

    rng = np.random.default_rng(3)
    frames = [
        pd.DataFrame(rng.normal((0, i / 5), 1, (50, 2)), columns=["y", "x"]) for i in range(6)
    ]

    class Given:
        """Hand out ready imputations one after another."""

        def __init__(self) -> None:
            self.left = iter(frames)

        def update(self) -> None:
            self.data = next(self.left)

    theirs = MI(
        Given(),
        sm.OLS,
        model_args_fn=lambda data: [data["y"], sm.add_constant(data[["x"]])],
        xfunc=None,
        burn=0,
        nrep=6,
        skip=0,
    ).fit()
    fits = [sm.OLS(one["y"], sm.add_constant(one[["x"]])).fit() for one in frames]
    ours = rubin(
        np.array([one.params for one in fits]), np.array([one.cov_params() for one in fits])
    )
    np.testing.assert_allclose(ours.values, theirs.params, rtol=EXACT)
    np.testing.assert_allclose(ours.total, theirs.cov_params(), rtol=EXACT)
    np.testing.assert_allclose(ours.increase / (1 + ours.increase), theirs.fmi, rtol=1e-9)


@pytest.fixture
def imputations(confounded):
    """Give four samples that differ in one covariate, and fits of a crude and an adjusted rung."""
    rng = np.random.default_rng(5)
    base = confounded(clustered=True)
    crude, adjusted = [], []
    for _ in range(4):
        x = base.x.copy()
        x[:100, 0] = rng.permutation(x[:100, 0])
        sample = replace(base, x=x)
        adjusted.append(GComputation().fit(sample, NuisanceStore(), rng))
        crude.append(MeanDifference().fit(sample.with_terms(()), NuisanceStore(), rng))
    return crude, adjusted


def test_a_contrast_is_taken_in_each_imputation_and_pooled(imputations):
    _, adjusted = imputations
    pooled = pool(adjusted)
    logs = [one.contrast("risk_ratio") for one in adjusted]
    effect = pooled.effect("risk_ratio")
    expected = rubin(
        np.array([one.values for one in logs]), np.array([one.covariance for one in logs]), 199
    )
    assert math.log(effect.estimate) == pytest.approx(expected.values[0], rel=EXACT)
    assert effect.std_error**2 == pytest.approx(expected.total[0, 0], rel=EXACT)
    assert effect.hi == pytest.approx(
        math.exp(
            inference.interval(expected.values[0], math.sqrt(expected.total[0, 0]), df=expected.df)[
                1
            ]
        )
    )


def test_the_pair_of_the_share_is_pooled_before_it_is_divided(imputations):
    crude, adjusted = imputations
    share = attenuate(pool(crude), pool(adjusted), "risk_difference")
    assert isinstance(share, Attenuation)
    pairs = [
        a.contrast("risk_difference").joint(c.contrast("risk_difference"))
        for a, c in zip(adjusted, crude, strict=True)
    ]
    both = rubin(
        np.array([one.values for one in pairs]), np.array([one.covariance for one in pairs]), 199
    )
    assert share.remaining == pytest.approx(both.values[0] / both.values[1], rel=EXACT)
    assert both.df < 199  # independent persons less one
    (ends,) = share.fieller.pieces
    for weights, away in [((1.0, -end), None) for end in ends] + [((-1.0, 1.0), share.difference)]:
        one = inference.rubin(  # each contrast is pooled by itself, with its own degrees of freedom
            (np.array([pair.values for pair in pairs]) @ weights)[:, None],
            np.array([weights @ pair.covariance @ weights for pair in pairs])[:, None, None],
            199,
        )
        half = inference.critical_value(df=one.df) * math.sqrt(one.total[0, 0])
        if away is None:
            assert abs(one.values[0]) == pytest.approx(half, rel=1e-9)
        else:
            assert away.pieces[0] == pytest.approx((one.values[0] - half, one.values[0] + half))


def test_equal_imputations_give_what_one_sample_gives_read_off_students_t(imputations):
    """By what the formula leaves of the complete-data degrees of freedom, persons less one."""
    first, second = (replace(one[0], df=LEFT) for one in imputations)
    one = attenuate(first, second, "risk_difference")
    many = attenuate(*(pool(fits[:1] * 3) for fits in imputations), "risk_difference")
    assert many.remaining == one.remaining
    assert many.difference == one.difference
    assert many.fieller.pieces[0] == pytest.approx(one.fieller.pieces[0], rel=1e-9)
    assert combine(imputations[1][:1] * 3).df == LEFT
    assert pool(imputations[1][:1] * 3).effect("odds_ratio") == second.effect("odds_ratio")


def test_a_rung_that_no_imputation_moves_has_most_degrees_of_freedom(imputations):
    crude, adjusted = (pool(fits) for fits in imputations)
    assert crude.contrast("risk_difference").df == LEFT
    assert adjusted.contrast("risk_difference").df < LEFT


def test_a_set_has_no_two_ends_just_where_the_crude_interval_covers_0(imputations):
    """Both read the crude difference off the same degrees of freedom."""
    crude, adjusted = imputations
    kinds = set()
    for shift in np.linspace(0.1, 0.4, 31):
        moved = [
            pool([replace(one, values=one.values + np.array([shift, 0])) for one in fits])
            for fits in (crude, adjusted)
        ]
        effect = moved[0].effect("risk_difference")
        share = attenuate(*moved, "risk_difference")
        assert share.fieller.bounded == (not effect.lo <= 0 <= effect.hi)
        kinds.add(share.fieller.bounded)
    assert kinds == {True, False}


def few_clusters(fits: list[Estimates], number: int) -> list[Estimates]:
    """Put the rows of some fits into few clusters."""
    cluster = np.arange(len(fits[0].influence)) % number
    return [
        replace(one, cluster=cluster, covariance=inference.covariance(one.influence, cluster))
        for one in fits
    ]


def test_no_interval_is_given_with_less_than_one_degree_of_freedom(imputations):
    """Two clusters leave one degree of freedom of complete data, and less of what is pooled."""
    crude, adjusted = (pool(few_clusters(fits, 2)) for fits in imputations)
    for with_reason in (crude.effect("risk_difference"), adjusted.effect("risk_difference")):
        assert isinstance(with_reason, NotEstimable)
        assert re.search(
            r"it has 0.\d+ degrees of freedom, and an interval needs 1", with_reason.reason
        )
    share = attenuate(crude, adjusted, "risk_difference")
    assert isinstance(share, NotEstimable)
    assert re.search(r"has 0\.\d", share.reason)


def test_recoding_the_outcome_flips_the_sign_of_what_is_pooled(imputations):
    _, adjusted = imputations
    turned = [
        replace(one, values=1 - one.values, influence=-np.asarray(one.influence))
        for one in adjusted
    ]
    ours, theirs = (pool(one).effect("risk_difference") for one in (adjusted, turned))
    assert (theirs.estimate, theirs.lo, theirs.hi) == pytest.approx(
        (-ours.estimate, -ours.hi, -ours.lo), rel=1e-9
    )


def test_a_contrast_that_one_imputation_lacks_has_a_reason(imputations):
    _, adjusted = imputations
    broken = replace(adjusted[1], values=np.array([-0.1, 0.4]))
    assert isinstance(pool([adjusted[0], broken]).contrast("risk_ratio"), NotEstimable)


def test_pooled_and_single_fits_are_not_paired(imputations):
    crude, adjusted = imputations
    with pytest.raises(EstimandMismatchError, match="different imputations cannot be paired"):
        pool(adjusted).joint(crude[0])


def test_notes_that_differ_between_imputations_name_theirs(imputations):
    _, adjusted = imputations
    fits: list[Estimates] = [
        replace(one, target_note=f"{i} rows") for i, one in enumerate(adjusted)
    ]
    assert pool(fits).target_note == "0 rows in the first of 4 imputations"
    assert pool(adjusted).target_note == ""

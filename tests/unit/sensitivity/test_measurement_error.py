"""Classical error in scores: closed forms against refits, standard errors, impossible worlds."""

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.estimators.glm import fit_glm
from causal.inference import covariance
from causal.sensitivity.measurement_error import (
    calibrated_means,
    raw_coefficients,
    regress_proxies,
    shift_by_error,
)

REFIT = 1e-9  # the same estimate by another algebra; Newton stops at 1e-10
NUMERICAL = 2e-6  # derivatives of the reference are central differences


def corrected(sample, places, reliability, link):
    """Correct a sample's columns at some places; give shift, means and influence."""
    others = np.delete(sample.x, places, axis=1)
    proxies = regress_proxies(sample.x[:, places], sample.a, others, sample.w, sample.observed)
    fit = fit_glm(np.column_stack([sample.a, sample.x]), sample.y, sample.w, link, sample.observed)
    scores = raw_coefficients(fit, [1 + place for place in places])
    shift = shift_by_error(proxies, *scores, reliability)
    designs = [
        fit.design(np.column_stack([np.full(sample.n, level), sample.x])) for level in (0.0, 1.0)
    ]
    return proxies, shift, *calibrated_means(fit, tuple(designs), sample.a, sample.w, shift)


def expected_scores(sample, places, reliability):
    """Give E[X* | W, exposure, covariates] by two regressions, the definition."""
    w = np.where(sample.observed, sample.w, 0.0)
    given = np.column_stack([np.ones(sample.n), sample.a, np.delete(sample.x, places, axis=1)])
    scores = sample.x[:, places]
    root = np.sqrt(w)[:, None]
    mean = given @ np.linalg.lstsq(root * given, root * scores)[0]
    error = np.diag((1 - reliability) * np.cov(scores.T, aweights=w, bias=True).reshape(-1))
    if len(places) > 1:
        total = np.cov(scores.T, aweights=w, bias=True)
        error = np.diag((1 - reliability) * np.diag(total))
    within = np.average(
        (scores - mean)[:, :, None] * (scores - mean)[:, None, :], axis=0, weights=w
    )
    return mean + (scores - mean) @ np.linalg.solve(within, within - error)


@pytest.mark.parametrize("places", [[0], [0, 1]])
@pytest.mark.parametrize("link", ["logit", "linear"])
@pytest.mark.parametrize("made", [{}, {"weighted": True, "missing": True}])
def test_closed_form_is_the_refit_with_expected_scores(confounded, places, link, made):
    sample = confounded(n=1500, **made)
    _, _, values, _ = corrected(sample, places, 0.8, link)
    x = sample.x.copy()
    x[:, places] = expected_scores(sample, places, 0.8)
    fit = fit_glm(np.column_stack([sample.a, x]), sample.y, sample.w, link, sample.observed)
    means = [
        np.average(fit.predict(np.column_stack([np.full(sample.n, a), x])), weights=sample.w)
        for a in (0.0, 1.0)
    ]
    assert values == pytest.approx(means, abs=REFIT)


def test_linear_correction_is_the_errors_in_variables_estimator(confounded):
    sample = confounded(n=1500, outcome="continuous")
    _, _, values, _ = corrected(sample, [0], 0.7, "linear")
    design = np.column_stack([np.ones(sample.n), sample.a, sample.x])
    gram = design.T @ design / sample.n
    gram[2, 2] -= 0.3 * sample.x[:, 0].var()
    slope = np.linalg.solve(gram, design.T @ sample.y / sample.n)[1]
    assert values[1] - values[0] == pytest.approx(slope, abs=REFIT)


def test_shift_of_one_score_is_the_formula_in_its_share_explained(confounded):
    sample = confounded(n=800)
    proxies, shift, *_ = corrected(sample, [1], 0.6, "logit")
    fit = fit_glm(np.column_stack([sample.a, sample.x]), sample.y, sample.w, "logit")
    b = float(raw_coefficients(fit, [2])[0][0])
    formula = proxies.slope[0] * b * 0.4 / (0.6 - proxies.explained[0])
    assert shift.value == pytest.approx(formula, abs=REFIT)


def test_no_error_shifts_nothing(confounded):
    sample = confounded()
    _, shift, *_ = corrected(sample, [0, 1], 1.0, "logit")
    assert shift.value == 0
    assert not shift.influence.any()


@pytest.mark.parametrize("clustered", [False, True])
def test_standard_errors_are_those_of_the_stacked_equations(
    confounded, estimating_equations, clustered
):
    sample = confounded(n=400, clustered=clustered, weighted=True)
    y, a, w = sample.y, sample.a, sample.w[:, None]
    score, given = sample.x[:, 0], np.column_stack([np.ones(400), sample.a, sample.x[:, 1:]])
    reliability = 0.8

    def psi(theta):
        # regression of the score, its mean and variances, then the refit with the expected score
        slopes, (mean, variance, within), beta = theta[:4], theta[4:7], theta[7:12]
        expected = given @ slopes
        left = score - expected
        expected = expected + left * (within - (1 - reliability) * variance) / within
        design = np.column_stack([given, expected])
        fitted = 1 / (1 + np.exp(-design @ beta))
        arms = []
        for level in (0.0, 1.0):
            moved = design.copy()
            moved[:, 1] = level
            arms.append(1 / (1 + np.exp(-moved @ beta)) - theta[12 + int(level)])
        return w * np.column_stack(
            [
                given * left[:, None],
                score - mean,
                (score - mean) ** 2 - variance,
                left**2 - within,
                design * (y - fitted)[:, None],
                *arms,
            ]
        )

    start = np.zeros(14)
    start[5:7], start[12:] = score.var(), a.mean()
    start[:4] = np.linalg.lstsq(given, score)[0]
    theta, expected = estimating_equations(psi, start, sample.cluster)
    _, _, values, influence = corrected(sample, [0], reliability, "logit")
    assert values == pytest.approx(theta[12:], abs=NUMERICAL)
    assert covariance(influence, sample.cluster) == pytest.approx(expected[12:, 12:], abs=NUMERICAL)
    assert influence.mean(axis=0) == pytest.approx([0, 0], abs=REFIT)


def test_one_score_must_be_more_reliable_than_the_rest_explains_of_it(confounded):
    sample = confounded()
    proxies, *_ = corrected(sample, [0], 1.0, "linear")
    assert proxies.lowest_reliability == pytest.approx(proxies.explained[0], abs=REFIT)


def test_lowest_joint_reliability_is_where_positive_definiteness_ends(confounded):
    proxies, *_ = corrected(confounded(strength=1.5), [0, 1], 1.0, "linear")
    at = proxies.lowest_reliability
    assert at > proxies.explained.max()
    for reliability, definite in ((at + 1e-6, True), (at - 1e-6, False)):
        left = proxies.within - np.diag((1 - reliability) * proxies.variance)
        assert (np.linalg.eigvalsh(left)[0] > 0) == definite


def test_reliability_next_to_the_lowest_is_not_allowed(confounded):
    proxies, *_ = corrected(confounded(), [0], 1.0, "linear")
    left = 1 - proxies.lowest_reliability
    assert not proxies.allows(proxies.lowest_reliability + 0.019 * left)
    assert proxies.allows(proxies.lowest_reliability + 0.021 * left)


def test_score_determined_by_covariates_allows_no_error(confounded):
    sample = confounded()
    score = sample.x[:, :1] + sample.x[:, 1:2]
    proxies = regress_proxies(score, sample.a, sample.x, sample.w, sample.observed)
    assert proxies.lowest_reliability == 1


@pytest.mark.parametrize(
    ("score", "a", "why"),
    [(np.ones((400, 1)), None, "does not vary"), (None, "x0", "determine exposure")],
)
def test_score_or_exposure_without_variance_is_refused(confounded, score, a, why):
    sample = confounded()
    exposure = sample.a if a is None else sample.x[:, 0]
    score = sample.x[:, 1:2] if score is None else score
    found = regress_proxies(score, exposure, sample.x[:, :1], sample.w, sample.observed)
    assert isinstance(found, NotEstimable)
    assert why in found.reason

"""Austen plots: bias and partial R2 in a world made by their model, blocks, and curves."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import special

from causal.cohort import Sample
from causal.estimate import NotEstimable
from causal.estimators import (
    GComputation,
    InverseProbability,
    LinearProbability,
    NuisanceStore,
    Overlap,
)
from causal.findings import times
from causal.sensitivity import AnySensitivity, Austen
from causal.sensitivity.austen_model import (
    Influence,
    World,
    beta_shapes,
    bias_of,
    bias_per_unit,
    equal_influence,
    measured_influences,
    multiple_of,
    outcome_needed,
    variance_per_unit,
    world_of,
)
from causal.subject import Subject

SAME = 1e-9  # the same closed form another way round
N = 400_000
MONTE_CARLO = 0.02  # relative; about three standard errors at this size
ALPHA, SLOPE = 0.3, 0.4


def finding(sample, estimator=None, scale="risk_difference", **settings):
    estimator = estimator or GComputation()
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("full", estimator, sample, fit, fit, sample, scale)
    return Austen(**settings).analyse(subject, np.random.default_rng(0)), fit


def made_by_the_model():
    """Draw exposure and outcome with a hidden log odds of exposure; x has two levels."""
    rng = np.random.default_rng(8)
    x = rng.integers(0, 2, N).astype(float)
    e = np.where(x == 1, 0.65, 0.3)
    p, q = beta_shapes(e, ALPHA)
    hidden = rng.beta(p, q)
    a = (rng.random(N) < hidden).astype(float)
    log_odds = np.log(hidden) - np.log1p(-hidden)
    expected = [special.digamma(p + arm) - special.digamma(q + 1 - arm) for arm in (0, 1)]
    means = [1.0 + x + SLOPE * (log_odds - one) for one in expected]
    y = np.where(a == 1, means[1], means[0]) + rng.normal(size=N)
    sample = Sample(
        np.arange(N), y, a, x[:, None], ("x",), ("severity",), "continuous", "binary", np.ones(N)
    )
    return sample, means[1] - means[0], log_odds


def world(e, a=None, residual=1.0):
    a = np.zeros(len(e)) if a is None else a
    ones = np.ones(len(e))
    return World(e, a, ones, ones, residual, ones)


def test_bias_and_partial_r2_are_those_of_a_world_made_by_the_model():
    sample, effects, log_odds = made_by_the_model()
    known = world_of(sample, "ATE")
    fit = GComputation().fit(sample, NuisanceStore(), np.random.default_rng(0))
    bias = fit.effect("mean_difference").estimate - effects.mean()
    assert bias == pytest.approx(SLOPE * bias_per_unit(known, ALPHA), rel=MONTE_CARLO)
    # what the hidden log odds explains of the outcome beyond exposure and covariate
    design = np.column_stack([np.ones(N), sample.a, sample.x, sample.a * sample.x[:, 0]])
    left = [one - design @ np.linalg.lstsq(design, one)[0] for one in (sample.y, log_odds)]
    explained = np.corrcoef(*left)[0, 1] ** 2
    needed = outcome_needed(known, ALPHA, bias)
    assert needed == pytest.approx(explained, rel=3 * MONTE_CARLO)
    assert bias_of(known, Influence(ALPHA, needed)) == pytest.approx(bias, rel=SAME)


def test_bias_among_the_exposed_is_averaged_over_them():
    sample, effects, _ = made_by_the_model()
    fit = GComputation(target="ATT").fit(sample, NuisanceStore(), np.random.default_rng(0))
    bias = fit.effect("mean_difference").estimate - effects[sample.a == 1].mean()
    known = world_of(sample, fit.target)
    assert bias == pytest.approx(SLOPE * bias_per_unit(known, ALPHA), rel=MONTE_CARLO)
    assert bias_per_unit(known, ALPHA) != bias_per_unit(world_of(sample, "ATE"), ALPHA)


def test_two_fractions_are_the_four_digammas_of_the_paper():
    e = np.linspace(0.05, 0.95, 19)
    p, q = beta_shapes(e, 0.2)
    published = (
        special.digamma(p + 1) - special.digamma(q) - special.digamma(p) + special.digamma(q + 1)
    )
    assert bias_per_unit(world(e), 0.2) == pytest.approx(published.mean(), rel=1e-9)


def test_beta_spreads_the_propensity_by_alpha():
    p, q = beta_shapes(np.array([0.3]), 0.2)
    assert p / (p + q) == pytest.approx(0.3)
    variance = p * q / ((p + q) ** 2 * (p + q + 1))
    assert variance == pytest.approx(0.2 * 0.3 * 0.7)


def test_more_of_exposure_needs_less_of_outcome():
    one = world(np.array([0.3, 0.5, 0.6]), np.array([0.0, 1.0, 0.0]))
    needed = [outcome_needed(one, alpha, 0.1) for alpha in (0.01, 0.05, 0.1, 0.3)]
    assert needed == sorted(needed, reverse=True)
    assert outcome_needed(one, 0.1, 0.2) == pytest.approx(4 * outcome_needed(one, 0.1, 0.1))


def test_equal_influence_and_multiples_make_exactly_the_bias():
    one = world(np.array([0.3, 0.5, 0.6]), np.array([0.0, 1.0, 0.0]))
    same = equal_influence(one, 0.1)
    assert bias_of(one, Influence(same, same)) == pytest.approx(0.1, rel=1e-6)
    block = Influence(0.02, 0.01)
    k = multiple_of(one, block, 0.1)
    assert bias_of(one, Influence(0.02 * k, 0.01 * k)) == pytest.approx(0.1, rel=1e-6)
    assert multiple_of(one, block, 50.0) == math.inf
    assert multiple_of(one, block, 0.0) == 0.0
    assert isinstance(equal_influence(one, 50.0), NotEstimable)
    assert "says nothing of exposure" in multiple_of(one, Influence(0.0, 0.2), 0.1).reason


def test_influence_of_a_block_is_what_leaving_it_out_takes_away(confounded):
    sample = confounded(n=1500, outcome="continuous", weighted=True)
    known = world_of(sample, "ATE")
    found = dict(measured_influences(sample, known))
    rest = world_of(sample.adjusting_for(["motivation", "demographics"]), "ATE")
    left, before = (np.average(w.e * (1 - w.e), weights=sample.w) for w in (known, rest))
    assert found["severity"].exposure == pytest.approx(1 - left / before)
    assert found["severity"].outcome == pytest.approx(1 - known.residual / rest.residual)
    assert found["severity"].exposure > 10 * found["demographics"].exposure


@pytest.mark.parametrize("estimator", [GComputation(), InverseProbability(), Overlap()])
@pytest.mark.parametrize("kind", [{}, {"weighted": True, "clustered": True}])
def test_recoding_exposure_or_outcome_flips_the_sign_only(confounded, estimator, kind):
    sample = confounded(n=2000, **kind)
    plain, fit = finding(sample, estimator)
    assert fit.effect("risk_difference").lo > 0
    for turned in (replace(sample, a=1 - sample.a), replace(sample, y=1 - sample.y)):
        found, _ = finding(turned, estimator)
        assert found.headline == pytest.approx(plain.headline, rel=1e-5)
        assert found.multiple == pytest.approx(plain.multiple, rel=1e-5)
        one, other = plain.contours[0].height[5][5], found.contours[0].height[5][5]
        assert other == pytest.approx(-one, rel=1e-4)


def test_multiple_is_that_of_the_block_of_which_the_least_would_do(confounded):
    found, fit = finding(confounded(n=2000))
    rows = found.labelled("block")
    known = [row.number("multiple_for_interval") for row in rows]
    assert found.multiple == min(k for k in known if isinstance(k, float))
    assert found.row("interval_limit").number("bias") == fit.effect("risk_difference").lo
    assert "severity" in found.yardstick or "motivation" in found.yardstick
    assert f"{times(found.multiple)} times" in found.short


def test_curves_stand_at_the_headline_and_contour_carries_the_blocks(confounded):
    found, fit = finding(confounded(n=2000))
    whole, limit = found.curves
    assert [p.x for p in limit.points] == sorted(p.x for p in limit.points)
    assert all(0 < point.y <= 1 for curve in found.curves for point in curve.points)
    assert limit.points[-1].y < whole.points[-1].y
    at = np.interp(found.headline, [p.x for p in limit.points], [p.y for p in limit.points])
    assert at == pytest.approx(found.headline, rel=0.05)  # read off between drawn points
    (contour,) = found.contours
    assert {mark.name for mark in contour.marks} == {"severity", "motivation", "demographics"}
    assert contour.height[0][0] == fit.effect("risk_difference").estimate
    assert all(mark.x <= contour.x[-1] and mark.y <= contour.y[-1] for mark in contour.marks)
    assert contour.height[-1][-1] < 0  # the line at 0 is on the page


def test_interval_that_includes_zero_needs_nothing(confounded):
    found, fit = finding(confounded(n=60, seed=3))
    effect = fit.effect("risk_difference")
    assert effect.lo < 0 < effect.hi
    assert found.headline == 0.0
    assert found.multiple == 0.0
    assert "without any confounder" in found.short
    assert len(found.curves) == 1


def test_missing_outcomes_leave_the_rows_in_the_target(confounded):
    sample = confounded(n=2000, missing=True, outcome="continuous")
    found, _ = finding(sample, GComputation(), "mean_difference")
    assert 0 < found.headline < 1
    assert variance_per_unit(world_of(sample, "ATE"), 0.1) > 0


def test_difference_is_named_where_the_headline_is_a_ratio(confounded):
    found, _ = finding(confounded(n=2000), scale="risk_ratio")
    assert "not on the risk ratio" in found.sentence


def test_a_dose_has_no_propensity(confounded):
    base = confounded(outcome="continuous")
    sample = replace(base, a=base.a * 2.5 + 0.1 * base.x[:, 0], exposure_kind="dose")
    found, _ = finding(sample, LinearProbability(), "mean_difference")
    assert "not a dose" in found.headline.reason


def test_without_blocks_there_is_a_headline_but_no_yardstick(confounded):
    found, _ = finding(confounded(n=2000).adjusting_for([]))
    assert found.headline > 0
    assert "no measured block" in found.multiple.reason


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="leval"):
        TypeAdapter(AnySensitivity).validate_python({"kind": "austen", "leval": 0.9})

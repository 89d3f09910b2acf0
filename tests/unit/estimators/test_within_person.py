"""Within-person contrasts against dummy-variable regression, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm

from causal.cohort import Sample
from causal.errors import PositivityError
from causal.estimate import NotEstimable
from causal.estimators import MeanDifference, NuisanceStore, WithinPerson
from causal.estimators.within_person import count_switchers, person_means
from causal.inference import critical_value
from causal.ladder import attenuate

SAME = 1e-9  # the same least squares, by another route
RNG = np.random.default_rng(0)
EFFECT = 0.4
REPLICATES = 400


def panel(n: int, rng: np.random.Generator) -> Sample:
    """Draw persons with three rows; a person's level drives exposure and outcome."""
    unit = np.repeat(np.arange(n), 3)
    level, x = rng.normal(size=n)[unit], rng.normal(size=3 * n)
    a = (level + x + rng.normal(size=3 * n) > 0).astype(float)
    y = EFFECT * a + level + 0.5 * x + rng.normal(size=3 * n)
    return Sample(
        unit, y, a, x[:, None], ("x",), ("x",), "continuous", "binary", np.ones(3 * n), unit
    )


def coefficient(sample: Sample, report: str = "within") -> tuple[float, float]:
    effect = WithinPerson(report=report).fit(sample, NuisanceStore(), RNG).effect("mean_difference")
    return effect.estimate, effect.std_error


def test_deviations_from_means_are_dummies_for_persons():
    sample = panel(40, np.random.default_rng(1))
    dummies = (sample.unit[:, None] == np.unique(sample.unit)).astype(float)
    design = np.column_stack([sample.a, sample.x, dummies])
    peer = sm.OLS(sample.y, design).fit(
        cov_type="cluster", cov_kwds={"groups": sample.unit, "use_correction": False}
    )
    estimate, std_error = coefficient(sample)
    assert estimate == pytest.approx(peer.params[0], rel=SAME)
    assert std_error == pytest.approx(peer.bse[0], rel=1e-6)


def test_the_contextual_coefficient_is_mundlaks():
    sample = panel(60, np.random.default_rng(2))
    means = np.bincount(sample.unit, sample.a)[sample.unit] / 3
    design = np.column_stack([np.ones(sample.n), means, sample.a, sample.x])
    peer = sm.OLS(sample.y, design).fit(
        cov_type="cluster", cov_kwds={"groups": sample.unit, "use_correction": False}
    )
    estimate, std_error = coefficient(sample, "contextual")
    assert estimate == pytest.approx(peer.params[1], rel=SAME)
    assert std_error == pytest.approx(peer.bse[1], rel=1e-6)


def test_intervals_cover_the_effect_that_levels_of_persons_would_hide():
    rng = np.random.default_rng(3)
    found = np.array([coefficient(panel(150, rng)) for _ in range(REPLICATES)])
    covered = np.abs(found[:, 0] - EFFECT) < critical_value() * found[:, 1]
    error = (0.95 * 0.05 / REPLICATES) ** 0.5
    assert abs(covered.mean() - 0.95) < 2.6 * error  # 1 % two-sided
    assert abs(found[:, 0].mean() - EFFECT) < 3 * found[:, 0].std() / REPLICATES**0.5


def test_both_coefficients_have_targets_of_their_own_and_share_none_with_the_crude():
    sample = panel(40, np.random.default_rng(5))
    crude = MeanDifference().fit(sample.with_terms(()), NuisanceStore(), RNG)
    for report, target in (("within", "within persons"), ("contextual", "between persons")):
        estimator = WithinPerson(report=report)
        fit = estimator.fit(sample, NuisanceStore(), RNG)
        assert fit.target == estimator.estimand == target
        assert isinstance(attenuate(crude, fit, "mean_difference"), NotEstimable)


def test_persons_who_change_exposure_are_counted_by_person_and_weight():
    a = np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    unit = np.array([0, 0, 1, 1, 2, 2, 4, 4])
    assert count_switchers(a, unit) == 2
    sample = panel(40, np.random.default_rng(7))
    (told,) = WithinPerson().limited(sample, NuisanceStore())
    expected = sum(len(set(sample.a[sample.unit == one])) > 1 for one in np.unique(sample.unit))
    assert (told.name, told.rows) == ("switchers", expected)
    unweighted = replace(sample, w=(sample.unit < 10).astype(float))
    assert WithinPerson().limited(unweighted, NuisanceStore())[0].rows < expected


def test_exposures_that_never_change_are_refused():
    sample = panel(30, np.random.default_rng(4))
    constant = sample.with_exposure((sample.unit % 2).astype(float))
    with pytest.raises(PositivityError, match="nobody's exposure changes"):
        coefficient(constant)


def test_a_person_without_weight_or_rows_changes_nothing():
    """Numbers of persons have gaps, and weights zeros, in a resample."""
    sample = panel(40, np.random.default_rng(6))
    kept = sample.unit < 30
    weighted = replace(sample, w=kept.astype(float))
    mean = person_means(sample.x, sample.unit, weighted.w)
    assert np.isfinite(mean).all()
    gaps = person_means(sample.x[kept], 2 * sample.unit[kept], np.ones(kept.sum()))
    np.testing.assert_allclose(gaps, mean[kept], rtol=SAME)
    assert coefficient(weighted)[0] == pytest.approx(coefficient(sample.rows(kept))[0], rel=SAME)

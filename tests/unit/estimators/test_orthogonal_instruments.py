"""Orthogonal instruments: EconML's numbers, our inference, sets, and what is refused."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal import inference
from causal.cohort import Sample
from causal.errors import InstrumentError, InternalConsistencyError, Place, PositivityError
from causal.estimators import EncouragementDRIV, MeanDifference, NuisanceStore, OrthogonalIV
from causal.estimators.nuisance import folds_by_unit
from causal.estimators.orthogonal import Encouraged
from causal.estimators.orthogonal_moments import conditional_effects, encouragement_scores
from causal.fitting import RungTask, Thresholds, fit_rungs

SAME = 1e-6  # scikit-learn's solver stops at a gradient of 1e-10, not at the last digit
EXACT = 1e-9
LIMITS = Thresholds(effective_sample_size=50, smd=0.1, max_weight_share=0.1)
BOTH = pytest.mark.parametrize("estimator", [OrthogonalIV(), EncouragementDRIV()], ids=str)


def drawn(n=600, seed=0, strength=0.9, dose=False, weighted=False, clustered=False, missing=False):
    """Draw a trial with non-compliance: confounded attendance, moved by a coin."""
    rng = np.random.default_rng(seed)
    z = (rng.random(n) < 0.4).astype(float)
    x, u = rng.normal(size=(n, 2)), rng.normal(size=n)
    lean = strength * z - 0.4 + 0.5 * x[:, 0] + u + rng.normal(size=n)
    a = lean if dose else (lean > 0).astype(float)
    y = -0.4 * a + 0.5 * x[:, 1] - u + rng.normal(size=n)
    y[rng.random(n) < (0.2 if missing else 0.0)] = np.nan
    return Sample(
        unit=np.arange(n), y=y, a=a, x=x, terms=("x0", "x1"), concepts=("severity", "motivation"),
        outcome_kind="continuous", exposure_kind="dose" if dose else "binary",
        w=rng.uniform(0.5, 2.0, n) if weighted else np.ones(n),
        cluster=np.arange(n) // 5 if clustered else None, z=z[:, None], instruments=("coin",),
    )  # fmt: skip


def fitted(estimator, sample, seed=3):
    return estimator.fit(sample, NuisanceStore(), np.random.default_rng(seed))


def form_of(estimator, sample, seed=3):
    return estimator.forms(sample, np.random.default_rng(seed)).weak


def set_of(estimator, sample):
    return estimator.with_set(fitted(estimator, sample), form_of(estimator, sample)).region.pieces


def rung(estimator, sample):
    """Fit a crude rung and one with the instrument, as the pipeline does."""
    tasks = [
        RungTask("crude", MeanDifference(), (), Place()),
        RungTask("iv", estimator, sample.terms, Place(), sample.instruments),
    ]
    return fit_rungs(sample, tasks, LIMITS, 0)[1]


def peers_own(kind, sample, **settings):
    """Give EconML's own effect and standard error on the folds of stream 3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from econml.iv.dml import OrthoIV
        from econml.iv.dr import LinearIntentToTreatDRIV
        from sklearn.linear_model import LinearRegression, LogisticRegression

        fold = folds_by_unit(sample.unit, 5, np.random.default_rng(3))
        splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]
        line, curve = LinearRegression(), LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        if kind == "orthogonal_iv":
            binary = sample.exposure_kind == "binary"
            peer = OrthoIV(
                model_y_xw=line, model_t_xw=curve if binary else line, model_z_xw=curve,
                discrete_treatment=binary, discrete_instrument=True, cv=splits,
            )  # fmt: skip
        else:
            peer = LinearIntentToTreatDRIV(
                model_y_xw=line, model_t_xwz=curve, cv=splits, **settings
            )
        w = sample.x if sample.x.shape[1] else None
        peer.fit(sample.y, sample.a, Z=sample.z[:, 0], X=None, W=w, sample_weight=sample.w)
        found = peer.intercept__inference()
        return float(found.point_estimate), float(found.stderr)


POPULATIONS = {
    "plain": (drawn(), ("x0", "x1")),
    "weighted": (drawn(weighted=True), ("x0", "x1")),
    "no covariates": (drawn(), ()),
}


@pytest.mark.parametrize(
    ("sample", "terms"),
    [*POPULATIONS.values(), (drawn(dose=True), ("x0", "x1"))],
    ids=[*POPULATIONS, "dose"],
)
def test_orthogonal_iv_has_econmls_effect_and_standard_error(sample, terms):
    sample = sample.with_terms(terms)
    ours = fitted(OrthogonalIV(), sample)
    effect, std_error = peers_own("orthogonal_iv", sample)
    assert ours.values[0] == pytest.approx(effect, rel=SAME)
    assert math.sqrt(ours.covariance[0, 0]) == pytest.approx(std_error, rel=SAME)


@pytest.mark.parametrize(("sample", "terms"), POPULATIONS.values(), ids=POPULATIONS)
@pytest.mark.parametrize("assigned", [None, 0.4])
def test_the_average_of_conditional_effects_is_econmls_with_its_error(sample, terms, assigned):
    """EconML counts its one coefficient, as HC1 does."""
    sample = sample.with_terms(terms)
    ours = fitted(
        EncouragementDRIV(target="ATE", assigned=assigned, variance={"kind": "HC1"}), sample
    )
    settings = {} if assigned is None else {"z_propensity": assigned}
    effect, std_error = peers_own("itt_dr_iv", sample, **settings)
    assert ours.values[0] == pytest.approx(effect, rel=SAME)
    assert math.sqrt(ours.covariance[0, 0]) == pytest.approx(std_error, rel=SAME)


def made(rng, n=50, p=0.3):
    """Make nuisances up, with the predictions they stand for."""
    z, low, high, about = (rng.random(n) < p), *rng.random((2, n)), rng.normal(size=n)
    z, a, y = z.astype(float), (rng.random(n) < 0.5).astype(float), rng.normal(size=n)
    given = p * high + (1 - p) * low
    found = Encouraged(np.full(n, 0.7), y - about, a - given, z - p, p * (1 - p) * (high - low))
    return found, z, a, y, low, high, about


def test_scores_are_inverse_probability_weighting_augmented_by_the_predictions():
    found, z, a, y, low, high, about = made(np.random.default_rng(0))
    p, moved = 0.3, 0.7 * (high - low)
    means = {0: (about - p * moved, low), 1: (about + (1 - p) * moved, high)}
    scores = encouragement_scores(found)
    for column, response in enumerate((y, a)):
        at0, at1 = means[0][column], means[1][column]
        textbook = at1 - at0 + z * (response - at1) / p - (1 - z) * (response - at0) / (1 - p)
        np.testing.assert_allclose(scores[:, column], textbook, rtol=EXACT)


def test_conditional_effects_are_clipped_where_hardly_anyone_is_moved():
    found, *_ = made(np.random.default_rng(1), n=4)
    turned = replace(
        found, covariance=np.array([0.2, 0.1, 1e-5, -0.05]), preliminary=np.zeros(4),
        y=np.ones(4), z=np.ones(4),
    )  # fmt: skip
    effects, clipped = conditional_effects(turned, np.ones(4), 0.01)
    np.testing.assert_allclose(effects, [5, 10, 100, -20], rtol=EXACT)
    np.testing.assert_array_equal(clipped, [False, False, True, True])
    mirrored, same = conditional_effects(
        replace(turned, covariance=-turned.covariance), np.ones(4), 0.01
    )
    np.testing.assert_allclose(mirrored, -effects, rtol=EXACT)
    np.testing.assert_array_equal(same, clipped)


@BOTH
def test_the_set_is_where_the_moment_is_within_its_standard_error(estimator):
    """Its ends solve |mean of z (y - theta a)| = 1.96 standard errors."""
    sample = drawn(weighted=True)
    ((low, high),) = set_of(estimator, sample)
    form = form_of(estimator, sample)
    limit = inference.critical_value()
    for theta in (low, high):
        turn = np.array([1.0, -theta])
        moment = abs(form.outcome[0] - theta * form.exposure[0])
        assert moment / math.sqrt(turn @ form.covariance @ turn) == pytest.approx(limit, rel=EXACT)
    both = (float(form.outcome[0]), float(form.exposure[0]))
    np.testing.assert_allclose(inference.fieller(*both, form.covariance), [(low, high)], rtol=EXACT)
    assert low < fitted(estimator, sample).values[0] < high


@BOTH
def test_the_reduced_form_is_that_of_the_estimate(estimator):
    for sample in (drawn(), drawn(missing=True, clustered=True, weighted=True)):
        form, fit = form_of(estimator, sample), fitted(estimator, sample)
        assert fit.values[0] == pytest.approx(form.outcome[0] / form.exposure[0], rel=EXACT)
        turn = np.array([1.0, -fit.values[0]]) / form.exposure[0]
        assert fit.covariance[0, 0] == pytest.approx(turn @ form.covariance @ turn, rel=EXACT)


@BOTH
def test_recoding_the_outcome_turns_the_set(estimator):
    sample = drawn()
    ((low, high),) = set_of(estimator, sample)
    turned = set_of(estimator, replace(sample, y=1 - sample.y))
    np.testing.assert_allclose(turned, [(-high, -low)], rtol=SAME)


@BOTH
def test_a_weak_instrument_leaves_a_set_without_ends_and_no_interval(estimator):
    found = rung(estimator, drawn(strength=0.0))
    assert not found.estimates.region.bounded
    assert "effective F" in found.estimates.interval_withheld
    checks = {one.name: one for one in found.diagnostics}
    assert checks["effective_f"].verdict == "FAIL"
    assert checks["effective_f"].value == pytest.approx(checks["first_stage_wald_f"].value)
    assert not {"first_stage_f", "wu_hausman_p"} & set(checks)  # tests of linear stages


@BOTH
def test_a_strong_instrument_keeps_its_interval_beside_the_set(estimator):
    found = rung(estimator, drawn(n=2000, strength=1.5))
    assert found.estimates.interval_withheld == ""
    assert found.estimates.region.bounded
    assert [one.name for one in found.curves] == ["Anderson-Rubin"]
    assert {"tf_factor", "hausman_p"} <= {one.name for one in found.diagnostics}


def test_an_average_of_conditional_effects_says_nothing_when_the_instrument_is_weak():
    average = EncouragementDRIV(target="ATE", max_clipped=1)
    weak = rung(average, drawn(n=1000, strength=0.35)).estimates
    assert weak.region.pieces == ((None, None),)
    assert "no set is known" in weak.region_note
    assert weak.interval_withheld
    strong = rung(average, drawn(n=2000, strength=1.5)).estimates
    assert strong.region is None
    assert strong.target == "ATE"
    assert "clipped in 0 of 2000 rows" in strong.target_note


def test_an_average_ruled_by_clipping_is_refused():
    with pytest.raises(InstrumentError, match=r"in 100 % of the rows .* max_clipped allows 5 %"):
        fitted(EncouragementDRIV(target="ATE", cov_clip=0.2), drawn())
    kept = fitted(EncouragementDRIV(target="ATE", cov_clip=0.2, max_clipped=1), drawn())
    assert "clipped in 600 of 600 rows" in kept.target_note


def test_nobody_attends_without_encouragement():
    """One-sided non-compliance, where the regression of exposure has no finite maximum."""
    sample = drawn(n=2000)
    a = sample.a * sample.z[:, 0]
    sample = replace(sample, a=a, y=sample.y + 0.4 * (sample.a - a))
    ratio = [fitted(one, sample).effect("mean_difference")
             for one in (OrthogonalIV(), EncouragementDRIV())]  # fmt: skip
    for one in ratio:
        assert abs(one.estimate + 0.4) < 4 * one.std_error
    assert abs(ratio[0].estimate - ratio[1].estimate) < 0.2 * ratio[0].std_error


@BOTH
def test_rows_without_an_outcome_are_left_out_and_pair_with_the_rest(estimator):
    sample = drawn(missing=True, clustered=True)
    whole, part = (fitted(estimator, one) for one in (sample, sample.rows(sample.observed)))
    np.testing.assert_allclose(whole.values, part.values, rtol=EXACT)
    np.testing.assert_allclose(whole.covariance, part.covariance, rtol=EXACT)
    assert (whole.influence[~sample.observed] == 0).all()


@BOTH
def test_every_row_twice_in_a_cluster_of_its_own_adds_nothing(estimator):
    sample = drawn()
    arrays = {name: np.repeat(getattr(sample, name), 2, axis=0)
              for name in ("unit", "y", "a", "x", "w", "z")}  # fmt: skip
    twice = replace(sample, **arrays, cluster=np.repeat(np.arange(600), 2))
    once, again = fitted(estimator, sample), fitted(estimator, twice)
    np.testing.assert_allclose(again.values, once.values, rtol=SAME)
    np.testing.assert_allclose(again.covariance, once.covariance, rtol=SAME)


@pytest.mark.parametrize(
    "estimator",
    [OrthogonalIV, EncouragementDRIV, lambda **own: EncouragementDRIV(target="ATE", **own)],
    ids=["orthogonal_iv", "itt_dr_iv", "itt_dr_iv ATE"],
)
def test_repeated_divisions_are_averaged_and_their_spread_is_reported(estimator):
    sample = drawn(n=1000, strength=1.5)
    many = fitted(estimator(cross_fit={"folds": 2, "repeats": 8}), sample)
    one = fitted(estimator(cross_fit={"folds": 2}), sample)
    assert one.split_sd is None
    assert 0 < many.split_sd < math.sqrt(many.covariance[0, 0])
    own = inference.covariance(many.influence)[0, 0]
    assert many.covariance[0, 0] - own == pytest.approx(many.split_sd**2 / 8, rel=0.1)


@pytest.mark.parametrize(
    ("estimator", "change", "error", "said"),
    [
        (OrthogonalIV(), lambda s: replace(s, z=np.hstack([s.z, 1 - s.z]),
                                           instruments=("coin", "other")),
         InstrumentError, "orthogonal_iv is about one instrument; there are coin, other"),
        (OrthogonalIV(), lambda s: replace(s, z=np.ones_like(s.z)),
         InstrumentError, "'coin' is 1 in all 600 rows"),
        (OrthogonalIV(), lambda s: replace(s, z=(s.x[:, :1] > 0).astype(float)),
         InstrumentError, "perfect separation: .* 'coin' of 59. rows; it runs away along 'x0'"),
        (OrthogonalIV(), lambda s: replace(s, z=s.x[:, :1].copy()),
         InstrumentError, "determine the instrument 'coin'"),
        (OrthogonalIV(), lambda s: replace(s, z=np.full_like(s.z, np.nan)),
         InstrumentError, "missing in 600 of 600 rows"),
        (EncouragementDRIV(), lambda s: replace(s, z=2 * s.z),
         InstrumentError, r"takes a 0/1 instrument; 'coin' has 2 values from 0 to 2"),
        (OrthogonalIV(), lambda s: replace(s, z=(s.unit == 7).astype(float)[:, None]),
         PositivityError, "instrument 'coin' is the same in all rows outside one of 5 parts"),
    ],
)  # fmt: skip
def test_bad_instruments_are_refused_by_name(estimator, change, error, said):
    sample = change(drawn())
    if "outside one" in said:
        sample = sample.with_terms(())
    with pytest.raises(error, match=said):
        fitted(estimator, sample)


@pytest.mark.parametrize("idle", [{"cov_clip": 0.01}, {"max_clipped": 0.1}], ids=str)
def test_clipping_is_declared_for_the_average_only(idle):
    with pytest.raises(ValidationError, match="belongs to the target ATE"):
        EncouragementDRIV(**idle)


@pytest.mark.parametrize("kind", ["orthogonal_iv", "itt_dr_iv"])
def test_residuals_in_another_order_are_refused(monkeypatch, kind):
    if kind == "orthogonal_iv":
        from econml.iv.dml import OrthoIV as Theirs

        estimator = OrthogonalIV()
    else:
        from econml.iv.dr import LinearIntentToTreatDRIV as Theirs

        estimator = EncouragementDRIV()
    honest = Theirs.residuals_.fget

    def turned(self):
        return tuple(None if one is None else one[::-1] for one in honest(self))

    monkeypatch.setattr(Theirs, "residuals_", property(turned))
    for sample in (drawn(), drawn().with_terms(())):
        with pytest.raises(InternalConsistencyError, match="row order"):
            fitted(estimator, sample)

"""The misclassification analysis of fitted rungs: crude and adjusted, with and without priors."""

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from causal.estimate import NotEstimable
from causal.estimators import AIPW, GComputation, LinearDML, MeanDifference, NuisanceStore
from causal.sensitivity import AnySensitivity, Misclassification
from causal.subject import Subject

EXACT = 1e-9  # the same sums in another order
DRAWS = 4000
MONTE_CARLO = 0.01  # about four errors of a 2.5 % quantile of 4000 draws with SD .05

UNDERREPORT = {
    "sensitivity": {
        "exposed": {"kind": "uniform", "low": 0.8, "high": 1.0},
        "unexposed": {"kind": "triangular", "low": 0.8, "mode": 0.95, "high": 1.0},
    }
}


def rng():
    return np.random.default_rng(0)


def finding(sample, estimator=None, scale="risk_difference", **settings):
    estimator = estimator or GComputation()
    fit = estimator.fit(sample, NuisanceStore(), rng())
    crude = MeanDifference().fit(sample.with_terms(()), NuisanceStore(), rng())
    subject = Subject("full", estimator, sample, fit, crude, sample, scale)
    return Misclassification(**{"draws": DRAWS, **settings}).analyse(subject, rng())


def attended(confounded, **given):
    """Give a sample in which the exposed report less."""
    sample = confounded(**{"n": 1500, "weighted": True, "clustered": True, **given})
    return replace(sample, a=1 - sample.a)


def values(row):
    return {one.name: one.value for one in row.numbers}


def test_reported_rows_are_the_fits_themselves(confounded):
    sample = attended(confounded)
    found = finding(sample)
    fit = GComputation().fit(sample, NuisanceStore(), rng())
    crude = MeanDifference().fit(sample, NuisanceStore(), rng())
    for title, estimates in (("rung", fit), ("crude", crude)):
        effect, row = estimates.effect("risk_difference"), found.row("reported", title)
        for name in ("estimate", "std_error", "lo", "hi"):
            assert row.number(name) == pytest.approx(getattr(effect, name), rel=1e-6)
        assert row.number("risk_exposed") == pytest.approx(estimates.values[1])


def test_headline_is_the_ratio_of_the_rungs_own_risks(confounded):
    sample = attended(confounded)
    found = finding(sample, AIPW())
    fit = AIPW().fit(sample, NuisanceStore(), rng())
    assert found.headline == pytest.approx(fit.values[1] / fit.values[0], rel=EXACT)
    assert "exposed would have to report" in found.headline_name
    crude = found.row("needed_sensitivity", "crude").number("estimate")
    assert f"For the crude difference it is {100 * crude:.0f} %" in found.sentence


def test_where_the_exposed_report_more_the_others_would_have_to_hide(confounded):
    found = finding(confounded(n=1500))
    assert "the unexposed would have to report" in found.headline_name
    assert found.headline < 1


def test_abstinence_as_the_outcome_tells_the_same_story_with_the_sign_turned(confounded):
    sample = attended(confounded)
    settings = dict(outcome=UNDERREPORT, plausible={"sensitivity": 0.9, "source": "a study"})
    use = finding(sample, **settings)
    abstinence = finding(replace(sample, y=1 - sample.y), event=0, **settings)
    assert use.headline == pytest.approx(abstinence.headline, rel=1e-6)
    assert use.multiple == pytest.approx(abstinence.multiple, rel=1e-6)
    one = values(use.row("corrected", "rung, reporting"))
    other = values(abstinence.row("corrected", "rung, reporting"))
    assert one["estimate"] == pytest.approx(-other["estimate"], rel=1e-6)
    assert one["lo"] == pytest.approx(-other["hi"], rel=1e-6)


def test_curve_goes_through_zero_at_the_needed_sensitivity_and_ends_at_the_estimate(confounded):
    found = finding(attended(confounded))
    curve = next(one for one in found.curves if one.name == "rung")
    x, y = (np.array([getattr(p, name) for p in curve.points]) for name in ("x", "y"))
    assert curve.level_line == 0
    assert (x[-1], y[-1]) == pytest.approx((1, found.row("reported", "rung").number("estimate")))
    assert y[x < found.headline].min() > 0 > y[x > found.headline].max()
    needed = found.row("needed_sensitivity", "rung").number("interval")
    hi = np.array([p.hi for p in curve.points])
    assert (hi[x < needed - 0.02] > 0).all()
    assert (hi[x > needed + 0.02] < 0).all()


def test_multiple_counts_hidden_events_in_plausible_ones(confounded):
    plausible = {"sensitivity": 0.9, "source": "a validation study"}
    found = finding(attended(confounded), plausible=plausible)
    interval = found.row("needed_sensitivity", "rung").number("interval")
    assert found.multiple == pytest.approx((1 - interval) / 0.1)
    assert "a validation study" in found.yardstick
    assert isinstance(finding(attended(confounded)).multiple, NotEstimable)


def test_interval_that_includes_zero_needs_no_misreporting(confounded):
    found = finding(confounded(n=60))
    assert found.multiple == 0
    assert "includes 0 already" in found.short


def test_draws_of_fixed_values_are_the_corrected_estimate_with_its_interval(confounded):
    fixed = {"sensitivity": {"exposed": {"kind": "fixed", "value": 0.9}}}
    found = finding(attended(confounded), outcome=fixed, draws=40_000)
    corrected = values(found.row("corrected", "rung, reporting"))
    drawn = values(found.row("distribution", "rung, reporting"))
    for name, other in (("median", "estimate"), ("lo", "lo"), ("hi", "hi")):
        assert drawn[name] == pytest.approx(corrected[other], abs=MONTE_CARLO)
    assert drawn["systematic_lo"] == drawn["systematic_hi"] == pytest.approx(corrected["estimate"])


def test_probabilistic_correction_covers_the_truth_that_was_misreported(confounded):
    sample = attended(confounded, n=6000, weighted=False, clustered=False)
    truth = finding(sample).row("reported", "rung").number("estimate")
    hidden = (np.random.default_rng(7).random(sample.n) < 0.15) & (sample.a == 1)
    reported = replace(sample, y=np.where(hidden, 0.0, sample.y))
    prior = {"sensitivity": {"exposed": {"kind": "uniform", "low": 0.8, "high": 0.9}}}
    found = finding(reported, outcome=prior)
    biased = found.row("reported", "rung").number("estimate")
    drawn = values(found.row("distribution", "rung, reporting"))
    assert abs(drawn["median"] - truth) < abs(biased - truth) / 3
    assert drawn["systematic_lo"] < truth < drawn["systematic_hi"]


def test_exposure_is_corrected_in_the_crude_table_only_and_said_so(confounded):
    sample = attended(confounded)
    exposure = {"sensitivity": {"with_event": {"kind": "fixed", "value": 0.9}}}
    found = finding(sample, exposure=exposure, outcome=UNDERREPORT)
    with_it = values(found.row("corrected", "rung, reporting"))
    without = values(finding(sample, outcome=UNDERREPORT).row("corrected", "rung, reporting"))
    assert with_it == without
    assert "only the crude table" in found.row("corrected", "rung, reporting").note
    assert "only the crude table" in found.sentence
    crude = values(found.row("corrected", "crude, reporting"))
    assert crude["share_exposed"] > found.row("reported", "crude").number("share_exposed")
    alone = finding(sample, exposure=exposure)
    assert {row.subject for row in alone.labelled("corrected")} == {"crude, reporting"}


def test_all_errors_together_stand_beside_reporting_alone(confounded):
    found = finding(
        attended(confounded),
        outcome=UNDERREPORT,
        selection={"exposed": {"kind": "uniform", "low": 0.8, "high": 1}},
        confounding={
            "kind": "difference",
            "difference": {"kind": "uniform", "low": -0.1, "high": 0},
        },
    )
    subjects = [row.subject for row in found.labelled("distribution")]
    assert subjects == [
        f"{title}, {what}"
        for title in ("crude", "rung")
        for what in ("reporting", "reporting, selection, confounding")
    ]
    alone, combined = (values(row) for row in found.labelled("distribution")[2:])
    assert combined["median"] > alone["median"]  # confounding made it too negative
    assert combined["systematic_hi"] - combined["systematic_lo"] > (
        alone["systematic_hi"] - alone["systematic_lo"]
    )
    for row in (alone, combined):
        assert row["lo"] < row["systematic_lo"] < row["systematic_hi"] < row["hi"]


def test_priors_the_data_contradict_are_refused_with_the_share_of_impossible_draws(confounded):
    prior = {"specificity": {"exposed": {"kind": "uniform", "low": 0.3, "high": 1}}}
    found = finding(attended(confounded), outcome=prior)
    row = found.row("distribution", "rung, reporting")
    assert isinstance(row.number("median"), NotEstimable)
    assert "priors contradict the data" in row.number("median").reason
    assert 0.1 < row.number("impossible") < 1
    allowed = finding(attended(confounded), outcome=prior, most_impossible=0.99)
    assert isinstance(allowed.row("distribution", "rung, reporting").number("median"), float)


def test_ratios_are_given_as_ratios(confounded):
    found = finding(attended(confounded), scale="risk_ratio", outcome=UNDERREPORT)
    reported = values(found.row("reported", "rung"))
    assert reported["estimate"] == pytest.approx(
        reported["risk_exposed"] / reported["risk_unexposed"]
    )
    assert found.curves[0].level_line == 1
    drawn = values(found.row("distribution", "rung, reporting"))
    assert 0 < drawn["lo"] < drawn["median"] < drawn["hi"]


def test_draws_are_those_of_the_stream(confounded):
    sample = attended(confounded)
    assert finding(sample, outcome=UNDERREPORT).rows == finding(sample, outcome=UNDERREPORT).rows


def test_what_has_no_risks_is_declined(confounded):
    continuous = finding(confounded(outcome="continuous"), scale="mean_difference")
    assert "outcomes that are 0 or 1" in continuous.headline.reason
    slope = finding(confounded(n=300), LinearDML())
    assert "difference only" in slope.headline.reason
    assert slope.curves == ()


def test_dose_exposures_are_declined(confounded):
    sample = confounded()
    fit = MeanDifference().fit(sample, NuisanceStore(), rng())
    dose = replace(sample, exposure_kind="dose")
    subject = Subject("full", MeanDifference(), dose, fit, fit, dose, "risk_difference")
    found = Misclassification().analyse(subject, rng())
    assert "exposures that are 0 or 1" in found.headline.reason


def test_rows_without_outcome_count_for_nothing(confounded):
    sample = confounded(n=900, missing=True)
    one = finding(sample, GComputation())
    share = one.row("reported", "rung").number("share_exposed")
    assert share == pytest.approx(sample.a[sample.observed].mean())


def test_rows_of_a_bracket_may_be_fewer_than_those_of_the_analysis(confounded):
    sample = attended(confounded)
    fit = GComputation().fit(sample, NuisanceStore(), rng())
    kept = np.arange(sample.n) < 1400
    subject = Subject(
        "full", GComputation(), sample.rows(kept), fit, fit, sample, "risk_difference"
    )
    found = Misclassification().analyse(subject, rng())
    assert math.isfinite(found.headline)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"outcome": {"sensitivity": {"exposed": {"kind": "fixed", "value": 1.2}}}}, "probability"),
        ({"outcome": {"sensitivty": {}}}, "sensitivty"),
        ({"selection": {"exposed": {"kind": "fixed", "value": 0}}}, "ratio is above 0"),
        ({"confounding": {"kind": "ratio"}}, "'difference', 'confounder'"),
        ({"plausible": {"sensitivity": 0.9}}, "source"),
        ({"plausible": {"sensitivity": 1, "source": "x"}}, "less than 1"),
        ({"draws": 10}, "draws"),
        ({"event": 2}, "event"),
        ({"outcome": {"sensitivity": {"correlation": 1}}}, "correlation"),
    ],
)
def test_bad_settings_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(AnySensitivity).validate_python({"kind": "misclassification", **wrong})


def test_words_say_what_the_priors_leave_and_of_which_reports(confounded):
    sample = attended(confounded)
    exposure = {"specificity": {"with_event": {"kind": "uniform", "low": 0.95, "high": 1}}}
    alone = finding(sample, exposure=exposure)
    row = alone.row("distribution", "crude, reporting")
    told = f"{row.number('median'):.3f} ({row.number('lo'):.3f} to {row.number('hi'):.3f})"
    assert "; crude and corrected for reports of exposure by draws" in alone.short
    assert told in alone.short
    assert told in alone.sentence
    both = finding(
        sample,
        outcome=UNDERREPORT,
        exposure=exposure,
        selection={"exposed": {"kind": "uniform", "low": 0.8, "high": 1}},
    )
    assert "; corrected for reports of outcome and selection by draws" in both.short
    assert "Crude and corrected for reports of outcome and exposure and selection" in both.sentence
    assert finding(sample).short.endswith("%.")

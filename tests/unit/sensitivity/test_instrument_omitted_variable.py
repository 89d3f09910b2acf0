"""Omitted variables of a rung's instrument: benchmarks held and not, recodings, clusters."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from causal.estimate import NotEstimable
from causal.estimators import (
    InstrumentalVariables,
    IntentionToTreat,
    LinearProbability,
    NuisanceStore,
)
from causal.instrumental.stages import fit_stages
from causal.refuters.changes import take_rows
from causal.sensitivity import InstrumentOmittedVariable
from causal.sensitivity.instrument_partial_r2 import benchmark_bound, robustness
from causal.subject import Subject

IV = InstrumentalVariables()


def finding(sample, *, shared=None, estimator=IV, **settings):
    fit = estimator.fit(sample, NuisanceStore(), np.random.default_rng(0))
    subject = Subject("rung", estimator, sample, fit, fit, shared or sample, "risk_difference")
    return InstrumentOmittedVariable(**settings).analyse(subject, np.random.default_rng(0))


def chosen(encouraged, n=4000, **settings):
    """Draw a trial whose instrument goes with severity, and that has a large effect."""
    return encouraged(n, direct=0.4, chosen=True, **settings)


def arrays(sample):
    return sample.y, sample.a, sample.z[:, 0], sample.x, sample.w


def test_the_values_are_those_of_the_formulas(encouraged):
    sample = chosen(encouraged, weighted=True)
    values = robustness(fit_stages(*arrays(sample), None))
    found = finding(sample)
    assert found.headline == pytest.approx(values.estimate_or_beyond.equal)
    for label, given in (
        ("reduced_form", values.reduced_form),
        ("first_stage", values.first_stage),
        ("estimate", values.estimate),
        ("estimate_or_beyond", values.estimate_or_beyond),
    ):
        row = found.row(label, "offered help" if label in ("reduced_form", "first_stage") else "")
        assert row.number("robustness_value") == pytest.approx(given.equal)
        assert row.number("extreme_robustness_value") == pytest.approx(given.extreme)


def test_blocks_are_the_concepts_the_rung_adjusts_for(encouraged):
    sample = chosen(encouraged)
    found = finding(sample)
    assert {row.subject for row in found.labelled("benchmark")} == {"severity", "demographics"}
    bound = benchmark_bound(
        *arrays(sample), fit_stages(*arrays(sample), None), np.array([True, False]), 2.0
    )
    row = next(
        row for row in found.labelled("bound") if row.subject == "severity" and row.number("k") == 2
    )
    assert row.number("threshold") == pytest.approx(bound.threshold)


def test_the_smallest_multiple_over_blocks_puts_zero_on_the_edge(encouraged):
    sample = chosen(encouraged, continuous=True)
    found = finding(sample)
    assert found.yardstick == "severity"
    assert 0 < found.multiple < np.inf
    again = finding(sample, k=[found.multiple])
    row = next(r for r in again.labelled("bound") if r.subject == "severity")
    assert row.number("set_lo") == pytest.approx(0, abs=1e-6)
    assert "times as strong as severity" in found.short


def test_a_rung_without_covariates_is_compared_with_what_other_rungs_adjust_for(encouraged):
    shared = chosen(encouraged, continuous=True)
    crude = shared.with_terms(())
    found = finding(crude, shared=shared)
    row = found.row("benchmark", "severity")
    assert "not adjusted for by this rung" in row.note
    assert "Other rungs adjust for severity" in found.sentence
    held = finding(shared).row("benchmark", "severity")
    # left out, the other covariate explains of it what it can: close, not the same
    assert row.number("r2_instrument") == pytest.approx(held.number("r2_instrument"), rel=0.05)
    bound = next(r for r in found.labelled("bound") if r.subject == "severity")
    assert bound.number("r2_instrument") == pytest.approx(row.number("r2_instrument"))


def test_once_a_left_out_block_bounds_what_adjusting_for_it_gives(encouraged):
    shared = chosen(encouraged, continuous=True)
    crude = shared.with_terms(())
    bound = next(
        r for r in finding(crude, shared=shared).labelled("bound") if r.subject == "severity"
    )
    adjusted = finding(shared.with_terms(("x0",))).row("classical_set")
    assert bound.number("set_lo") <= adjusted.number("set_lo")
    assert adjusted.number("set_hi") <= bound.number("set_hi")


def test_without_any_covariate_in_the_ladder_there_is_no_yardstick(encouraged):
    crude = chosen(encouraged, n=6000).with_terms(())
    found = finding(crude)
    assert found.headline > 0
    assert isinstance(found.multiple, NotEstimable)
    assert "no rung of the ladder adjusts for a block" in found.multiple.reason
    assert "No rung of the ladder" in found.sentence


def test_named_benchmarks_are_found_wherever_they_are_and_the_others_named(encouraged):
    shared = chosen(encouraged)
    settings = InstrumentOmittedVariable(benchmarks=["severity", "demographics", "motivation"])
    assert settings.benchmark_concepts == ("severity", "demographics", "motivation")
    found = finding(shared.with_terms(("x0",)), shared=shared, benchmarks=settings.benchmarks)
    notes = {row.subject: row.note for row in found.labelled("benchmark")}
    assert set(notes) == {"severity", "demographics"}
    assert "not adjusted for" in notes["demographics"]
    assert "not adjusted for" not in notes["severity"]
    assert "Not adjusted for in the ladder, so not compared with: motivation" in found.sentence


def test_a_block_that_is_the_instrument_itself_is_no_benchmark(encouraged):
    sample = chosen(encouraged).with_terms(())
    shared = replace(sample, x=2 * sample.z + 1, terms=("site",), concepts=("site",))
    found = finding(sample, shared=shared)
    assert not found.labelled("benchmark")
    assert isinstance(found.multiple, NotEstimable)


def test_a_randomised_instrument_has_weak_benchmarks_only(encouraged):
    found = finding(encouraged(4000, direct=0.6))
    assert all("weak benchmark" in row.note for row in found.labelled("benchmark"))
    assert "of the instrument" in found.labelled("benchmark")[0].note
    assert "drawn at random" in found.sentence


def test_a_set_that_includes_zero_needs_no_omitted_variable(encouraged):
    found = finding(encouraged(100))
    assert found.headline == found.multiple == 0
    assert "No omitted variable is needed" in found.short


@pytest.mark.parametrize("change", ["outcome", "exposure", "instrument"])
def test_recoding_moves_no_count(encouraged, change):
    sample = chosen(encouraged)
    turned = {
        "outcome": replace(sample, y=1 - sample.y),
        "exposure": replace(sample, a=1 - sample.a),
        "instrument": replace(sample, z=1 - sample.z),
    }[change]
    one, other = finding(sample), finding(turned)
    assert one.multiple > 0
    assert other.headline == pytest.approx(one.headline)
    assert other.multiple == pytest.approx(one.multiple, rel=1e-6)


def test_clusters_are_left_out_of_account_and_it_is_said(encouraged):
    sample = chosen(encouraged, clustered=True)
    found, alone = finding(sample), finding(replace(sample, cluster=None))
    assert found.headline == pytest.approx(alone.headline)
    assert "leaves clusters out of account" in found.sentence
    assert "leaves clusters out of account" not in alone.sentence
    assert found.row("rung").number("set_lo") != alone.row("rung").number("set_lo")


def test_a_set_overturned_by_clusters_alone_needs_no_omitted_variable(encouraged):
    copies = take_rows(encouraged(100), np.repeat(np.arange(100), 100))
    assert finding(copies).headline > 0
    found = finding(replace(copies, cluster=copies.unit))
    assert found.multiple == found.headline == 0
    assert "No omitted variable is needed" in found.short


@pytest.mark.parametrize("estimator", [LinearProbability(), IntentionToTreat()])
def test_rungs_it_is_not_about_are_declined(encouraged, estimator):
    found = finding(encouraged(600), estimator=estimator)
    assert isinstance(found.headline, NotEstimable)
    assert "does not apply" in found.short


def test_benchmarks_that_stand_twice_are_refused():
    with pytest.raises(ValidationError, match="stands twice"):
        InstrumentOmittedVariable(benchmarks=["severity", "severity"])

"""Checks of an instrument: what each says of sound, broken and unsuitable instruments."""

import numpy as np
import pytest
from pydantic import ValidationError

from causal.cohort import Sample
from causal.errors import InstrumentError
from causal.estimators import InstrumentalVariables, NuisanceStore
from causal.instrumental import (
    ALL_CHECKS,
    ByInstrument,
    ComplierTable,
    FirstStageByGroup,
    ImpossibleRatio,
    InstrumentalInequalities,
    InstrumentBalance,
    InstrumentBounding,
)
from causal.instrumental.levels import level_of
from causal.subject import Subject

ROUNDING = 1e-12


def rng():
    return np.random.default_rng(3)


def sample_of(one, *, z=None, female=None, y=None, a=None):
    female = (np.arange(len(one.y)) // 2 % 2).astype(float) if female is None else female
    y, a = one.y if y is None else y, one.a if a is None else a
    return Sample(
        unit=np.arange(len(y)),
        y=y,
        a=a,
        x=np.column_stack([one.x, female]),
        terms=("motivation", "severity", "female"),
        concepts=("motivation", "severity", "demographics"),
        outcome_kind="binary" if set(np.unique(y)) <= {0.0, 1.0} else "continuous",
        exposure_kind="binary" if set(np.unique(a)) <= {0.0, 1.0} else "dose",
        w=one.w,
        cluster=one.cluster,
        z=(one.z if z is None else z)[:, None],
        instruments=("facilitation",),
    )


def subject_of(sample, *terms):
    rung, estimator = sample.with_terms(terms), InstrumentalVariables()
    fitted = estimator.fit(rung, NuisanceStore(), rng())
    return Subject("tsls", estimator, rung, fitted, fitted, sample, "risk_difference")


def examine(check, sample, *terms):
    return check.examine(subject_of(sample, *terms), "facilitation", rng())


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda one: one.kind)
def test_no_check_contradicts_a_sound_instrument(trial, check):
    found = examine(check, sample_of(trial(3000)))
    assert found.verdict in ("PASS", "NOT_RESOLVABLE", "NOT_EVALUATED")
    assert found.rows
    assert (found.kind, found.rung, found.instrument) == (check.kind, "tsls", "facilitation")


def test_means_by_instrument_are_those_of_its_arms(trial):
    one = trial(900, weighted=True)
    found = examine(ByInstrument(), sample_of(one))
    for row, arm in zip(found.labelled("level"), (0, 1), strict=True):
        inside = one.z == arm
        assert row.number("rows") == inside.sum()
        for name, values in (("exposure", one.a), ("outcome", one.y)):
            expected = np.average(values[inside], weights=one.w[inside])
            assert row.number(name) == pytest.approx(expected, abs=ROUNDING)
    assert [curve.name for curve in found.curves] == ["mean exposure", "mean outcome"]


def test_an_instrument_of_many_values_is_cut_into_groups_of_like_size():
    groups = level_of(np.arange(100.0), 5)
    assert np.bincount(groups).tolist() == [20] * 5
    assert level_of(np.array([3.0, 1.0, 3.0, 2.0]), 5).tolist() == [2, 0, 2, 1]
    mostly_zero = level_of(np.concatenate([np.zeros(90), np.arange(1.0, 11.0)]), 5)
    assert np.unique(mostly_zero).tolist() == list(range(mostly_zero.max() + 1))


def test_an_instrument_that_depends_on_a_covariate_fails_balance_unless_the_rung_adjusts(trial):
    sample = sample_of(trial(3000, chosen=True))
    assert examine(InstrumentBalance(), sample).verdict == "FAIL"
    adjusted = examine(InstrumentBalance(), sample, "motivation")
    assert adjusted.verdict != "FAIL"
    assert [row.subject for row in adjusted.rows] == ["severity", "female"]


def test_balance_has_nothing_to_say_where_the_rung_adjusts_for_all_there_is(trial):
    found = examine(InstrumentBalance(), sample_of(trial()), "motivation", "severity", "female")
    assert found.verdict == "NOT_EVALUATED"
    assert "Does not apply: no rung of the ladder" in found.sentence


def test_a_group_moved_the_other_way_is_found(trial):
    one = trial(3000)
    female = (np.arange(3000) % 4 == 0).astype(float)
    turned = np.where((female == 1) & (one.type_ == 1), 1 - one.a, one.a)
    found = examine(FirstStageByGroup(), sample_of(one, female=female, a=turned))
    assert found.verdict == "FAIL"
    assert "female: yes" in found.sentence
    assert "not monotone" in found.sentence


def test_groups_that_are_too_small_to_tell_are_not_resolved(trial):
    one = trial(400, compliers=0.15)
    female = (np.arange(400) < 40).astype(float)
    assert examine(FirstStageByGroup(), sample_of(one, female=female)).verdict == "NOT_RESOLVABLE"
    few = (np.arange(400) < 12).astype(float)
    found = examine(FirstStageByGroup(), sample_of(one, female=few))
    assert found.verdict == "NOT_EVALUATED"
    assert "among enough rows (female)" in found.sentence


def test_first_stages_by_group_are_given_for_a_rung_with_covariates_and_a_dose(trial):
    one = trial(1500)
    dose = one.a * 3 + (np.arange(1500) % 3)
    found = examine(FirstStageByGroup(), sample_of(one, a=dose), "motivation")
    assert found.verdict == "PASS"
    assert {row.subject for row in found.labelled("group")} == {"female: no", "female: yes"}


def test_a_direct_effect_breaks_the_inequalities(trial):
    one = trial(2000, direct=1.5, compliers=0.1)
    found = examine(InstrumentalInequalities(), sample_of(one))
    assert found.verdict == "FAIL"
    assert "the data contradict" in found.sentence


def test_more_outcome_than_exposure_moved_is_impossible_and_no_chance(trial):
    one = trial(2000, direct=1.5, compliers=0.1)
    found = examine(ImpossibleRatio(), sample_of(one))
    assert found.verdict == "FAIL"
    assert "Chance is excluded" in found.sentence
    for reading in ("Exclusion violated:", "Coarsened dose:"):
        assert reading in found.sentence
    assert "cannot tell apart" in found.sentence


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda one: one.kind)
def test_use_and_abstinence_get_the_same_verdict(trial, check):
    one = trial(800)
    sample, recoded = sample_of(one), sample_of(one, y=1 - one.y)
    assert examine(check, sample).verdict == examine(check, recoded).verdict


def test_bounds_turn_with_the_outcome(trial):
    one = trial(800)
    (sharp, _), (turned, _) = (
        examine(InstrumentBounding(), sample_of(one, y=y)).rows for y in (one.y, 1 - one.y)
    )
    assert sharp.number("lower") == pytest.approx(-turned.number("upper"), abs=ROUNDING)
    assert -1 <= sharp.number("lower") < sharp.number("upper") <= 1


def test_bounds_of_a_score_need_its_range(trial):
    sample = sample_of(trial(800, continuous=True))
    assert "outcome_range" in examine(InstrumentBounding(), sample).sentence
    found = examine(InstrumentBounding(outcome_range=(-9, 9)), sample)
    assert [row.subject for row in found.rows] == ["natural bounds"]
    with pytest.raises(ValidationError, match="write the lowest first"):
        InstrumentBounding(outcome_range=(1, 0))


def test_compliers_are_those_the_trial_was_made_of(trial):
    one = trial(4000)
    found = examine(ComplierTable(), sample_of(one))
    share = next(row for row in found.labelled("share") if row.subject == "moved by the instrument")
    assert share.number("value_lo") < np.mean(one.type_ == 1) < share.number("value_hi")
    profile = next(row for row in found.labelled("covariate") if row.subject == "motivation")
    true = one.x[one.type_ == 1, 0].mean()
    assert profile.number("among_moved_lo") < true < profile.number("among_moved_hi")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (InstrumentalInequalities(), "an instrument of two values"),
        (InstrumentBounding(), "an instrument of two values"),
        (ComplierTable(), "an instrument of two values"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.kind,
)
def test_an_instrument_of_many_values_is_declined_where_two_are_needed(trial, check, said):
    one = trial(600)
    found = examine(check, sample_of(one, z=one.z + 0.1 * np.arange(600) % 1))
    assert found.verdict == "NOT_EVALUATED"
    assert said in found.sentence
    assert not found.rows


@pytest.mark.parametrize("check", [InstrumentalInequalities(), InstrumentBounding()])
def test_what_needs_an_instrument_random_for_everybody_says_so(trial, check):
    found = examine(check, sample_of(trial()), "motivation")
    assert "random given covariates only" in found.sentence


def test_rows_without_an_outcome_are_left_out(trial):
    one = trial(900)
    y = np.where(np.arange(900) % 3 == 0, np.nan, one.y)
    sample = sample_of(one)
    missing = Sample(**{name: getattr(sample, name) for name in sample.__slots__} | {"y": y})
    rows = examine(ByInstrument(), missing).labelled("level")
    assert sum(row.number("rows") for row in rows) == 600


def test_an_instrument_the_rung_does_not_have_is_refused(trial):
    with pytest.raises(InstrumentError, match="has no instrument 'distance'"):
        ByInstrument().examine(subject_of(sample_of(trial())), "distance", rng())

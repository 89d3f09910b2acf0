"""Further printed figures of the HELP notes, and analyses kept as fixtures of diagnostics."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from causal.cohort import TIME, Sample
from causal.errors import DataNotAvailableError
from causal.estimate import Effect
from causal.estimators import GComputation, NuisanceStore
from causal.pipeline import run
from causal.planning import plan_analysis, rung_terms
from causal.refuters import Bootstrap
from causal.registry import chosen_options, describe, load_cohort
from causal.report.caveats import caveats
from causal.report.headline import headline
from causal.report.sections import stamp
from causal.report.short import short_page
from causal.result import Result
from causal.sampling import draw_sample
from causal.spec import load_analysis

pytestmark = [pytest.mark.data, pytest.mark.reference]

ANALYSES = Path(__file__).parents[2] / "analyses"
PRINTED = 0.00051
"""Half a unit of the third decimal printed, and rounding."""
WORDS = 450
"""What a first page may have."""


@cache
def result(name: str) -> Result:
    """Run a committed analysis once, without refuters, sensitivity analyses and their power."""
    specification = load_analysis(ANALYSES / f"{name}.yaml")
    nothing = {"refuters": (), "sensitivity": (), "power": None}
    quick = specification.analysis.model_copy(update=nothing)
    try:
        return run(replace(specification, analysis=quick))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


@cache
def sample(name: str, rung: str) -> Sample:
    """Draw the rows of an analysis, with the covariates of a rung."""
    specification = load_analysis(ANALYSES / f"{name}.yaml")
    info = describe(specification.analysis.dataset)
    plan = plan_analysis(specification, info)
    try:
        cohort = load_cohort(info.name, chosen_options(info, specification.analysis.options))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    drawn = draw_sample(cohort, plan).sample
    time = [t for t, c in zip(drawn.terms, drawn.concepts, strict=True) if c == TIME]
    planned = next(one for one in plan.rungs if one.rung.name == rung)
    return drawn.with_terms([*rung_terms(plan, planned.measurements), *time])


@pytest.mark.parametrize(
    ("rung", "value"),
    [("ipw", -0.114), ("ipw_followed", -0.119), ("ipw_followed_by_use", -0.109)],
)
def test_weights_for_loss_at_the_next_interview_give_the_printed_differences(rung, value):
    found = result("help_next_interview_weights").rung(rung)
    assert found.estimate == pytest.approx(value, abs=PRINTED)
    printed = {"ipw": 0.054, "ipw_followed": 0.055, "ipw_followed_by_use": 0.055}[rung]
    assert 0.90 < found.std_error / printed < 1.05  # 200 resamples: 5 % of chance either way


def test_residence_at_the_outcome_differs_by_exposure_as_printed():
    rows = sample("help_drug_use", "full")
    either = result("help_drug_use")
    assert rows.n == either.crude.n
    excluded = next(one for one in either.variants if one.name == "no_residence_at_outcome")
    composite = next(one for one in either.variants if one.name == "use_or_residence")
    assert excluded.rungs[0].n == 275
    specification = load_analysis(ANALYSES / "help_drug_use.yaml")
    kept = next(v for v in specification.analysis.variants if v.name == excluded.name)
    info = describe("help_cohort")
    restricted = specification.analysis.model_copy(
        update={"restrict": kept.restrict, "variants": ()}
    )
    plan = plan_analysis(replace(specification, analysis=restricted), info)
    left = draw_sample(load_cohort("help_cohort", {}), plan).sample
    shares = [1 - (left.a == arm).sum() / (rows.a == arm).sum() for arm in (1, 0)]
    assert [round(100 * one) for one in shares] == [39, 16]
    assert composite.rungs[0].n == 393


def test_47_persons_change_exposure_and_the_first_page_answers_within_persons():
    found = result("help_within_person")
    (switchers,) = (d for d in found.diagnostics if d.name == "switchers" and d.rung[0] == "w")
    assert switchers.value == 47
    assert found.headline == "within_person"
    assert {one.target for one in found.rungs} == {
        "crude", "linear projection", "within persons", "between persons",
    }  # fmt: skip
    page = dict(short_page(found, {}))
    assert "3.8 points (95 % CI −9.6 to 17.2)" in page["Found"]
    assert "rests on the 47 of 203 persons who change exposure" in page["Within persons"]
    assert "`between_persons`: −29.6 points" in page["Within persons"]
    assert "asked at the interview that gives this interval's outcome" in page["Within persons"]
    assert any("strict exogeneity" in one for one in caveats(found))
    assert "inconclusive" in headline(found)


def test_permuting_exposure_within_persons_is_no_placebo():
    """Persons who attend more use less, whatever the order: the mean is not 0 but as printed."""
    rows = sample("help_drug_use", "full")
    rng = np.random.default_rng(20260101)
    place = np.lexsort((np.arange(rows.n), rows.unit))
    found = []
    for _ in range(200):
        shuffled = np.empty(rows.n)
        shuffled[place] = rows.a[np.lexsort((rng.random(rows.n), rows.unit))]
        fit = GComputation().fit(rows.with_exposure(shuffled), NuisanceStore(), rng)
        effect = fit.effect("risk_difference")
        assert isinstance(effect, Effect)
        found.append(effect.estimate)
    error = float(np.std(found)) * (1 / 200 + 1 / 200) ** 0.5  # of ours and of as many printed
    assert np.mean(found) == pytest.approx(-0.157, abs=2.6 * error)
    assert np.mean(found) < -0.1


def test_fixed_effects_point_the_other_way_where_exposure_does_nothing():
    found = result("simulated_reverse_only")
    within, lagged = found.rung("within_person"), found.rung("lagged")
    assert found.truth["ate"] == 0
    assert within.interval[0] > 0  # harm, where there is nothing
    assert within.estimate == pytest.approx(0.05, abs=2.6 * within.std_error)
    assert lagged.interval[1] < 0


def test_refitting_gives_the_standard_error_of_the_scheduled_wave_that_is_printed():
    """The printed .063 comes from 200 resamples of persons; influence values fall short of it."""
    specification = load_analysis(ANALYSES / "help_scheduled_wave.yaml")
    assert [one.kind for one in specification.analysis.refuters] == ["bootstrap"]
    quick = specification.analysis.model_copy(update={"refuters": (Bootstrap(draws=200),)})
    try:
        found = run(replace(specification, analysis=quick))
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)
    refit, own = found.refutations[0], found.rung("ipw_followed_by_use").std_error
    spread = (refit.interval[1] - refit.interval[0]) / (2 * 1.959964)
    chance = 2.6 * (1 / 400 + 1 / 400) ** 0.5  # two spreads of 200 draws each
    assert spread == pytest.approx(0.063, rel=chance)
    assert "times what the reported standard error implies" in refit.reason
    assert own < spread


@pytest.mark.parametrize(
    ("rung", "effective"), [("full_ipw", 14), ("full_ipw_att", 12), ("full_aipw", 14)]
)
def test_any_attendance_fails_its_checks_of_positivity(rung, effective):
    found = {d.name: d for d in result("help_any_attendance").diagnostics if d.rung == rung}
    assert found["effective_sample_size"].verdict == "FAIL"
    assert round(found["effective_sample_size"].value) == effective
    assert found["max_weight_share"].verdict == "FAIL"
    assert found["propensity_max"].value > 0.99
    assert found["smd"].verdict == "NOT_RESOLVABLE"  # 27 unexposed cannot tell


def test_any_attendance_has_27_unexposed_and_is_stamped_above_everything():
    found = result("help_any_attendance")
    arms = {one.arm: one.rows for one in found.follow_up if not one.stratum}
    assert arms == {"exposed": 147, "unexposed": 27}
    assert "Checks not passed" in stamp(found, ())
    for rung in ("full_ipw", "full_aipw", "full_overlap"):
        assert rung in stamp(found, ())
    silent = [one.interval[0] <= 0 <= one.interval[1] for one in found.rungs if "ipw" in one.name]
    assert all(silent)  # weighting shows what regression hides: nothing can be told


def test_the_concurrent_design_is_larger_than_the_lagged_one_and_no_effect_by_two_rules():
    found, lagged = result("help_concurrent"), result("help_first_interval")
    first, second = found.timing.reasons
    assert "reported at the same interview" in first
    assert "extends past the last measurement" in second
    assert found.timing.label == "association"
    assert {one.label for one in found.rungs} == {"association"}
    assert found.crude.n == 197
    assert abs(found.rung("full").estimate) > abs(lagged.rung("full").estimate)
    assert headline(found).startswith("An adjusted association, not an effect")
    assert {one.late for one in found.follow_up} == {0}


def test_the_first_page_of_the_primary_is_short_and_owns_up_to_everything():
    found = result("help_drug_use")
    beside = {"help_first_interval": result("help_first_interval")}
    page = dict(short_page(found, beside))
    said = " ".join(page.values())
    assert len(said.split()) <= WORDS
    for owned in (
        "by self-report",
        "per interval, weighted by the intervals that were observed",
        "where `drug_use` was 0",
        "where `drug_use` was 1",
        "at its ceiling (51 % in the last tenth of `taking_steps`)",
        "chosen after estimates had been seen",
        "There is no valid instrument",
        "−14.1 points (95 % CI −29.5 to 1.2), n = 174",
        "cannot be told apart",
    ):
        assert owned in said, owned

"""What a published trial says: numbers, their invariances, and the committed trials."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.published_trials import PAGE, page, results
from causal.documents import parse_document
from causal.errors import SpecError
from causal.estimators.first_stage import critical_of
from causal.instrumental.bounds import balke_pearl_bounds
from causal.result_parts import Reason
from causal.seeding import generator
from causal.summary.composing import nearest_to_zero, run_summary, union, within_range
from causal.summary.specification import load_summary, summary_from

ANALYSES = Path(__file__).parents[3] / "analyses"
PRINTED = 0.051
"""Half a unit of the one decimal an F statistic is stated with."""
CENT = 0.0051
"""Half a unit of the second decimal."""
ROUNDING = 1e-9
LIPID = """\
question: Does it lower cholesterol?
design: {kind: summary, of: randomised}
source: "Balke & Pearl (1997)"
exposure: {name: cholestyramine, kind: binary}
outcome: {name: lowered cholesterol, kind: binary}
arms:
  - {name: treatment, n: 165, exposed: 0.612, outcome: 0.546, both: 0.473}
  - {name: placebo, n: 172, exposed: 0.0, outcome: 0.081}
"""
TRIED, WRONG = "randomised, correlation: 0.57}", "randomised, correlation: 0}"
COMPLIED = """\
question: Does surgery help?
design: {kind: summary, of: randomised}
source: made up
exposure: {name: surgery, kind: binary}
outcome: {name: recovery, kind: binary}
arms:
  - {name: at once, n: 100, exposed: 1.0, outcome: 0.7}
  - {name: waiting, n: 100, exposed: 0.0, outcome: 0.5}
"""


def rows_of(*, both, exposed_only, outcome_only, neither):
    """Give exposure and outcome of an arm's persons from its counts."""
    sizes = (both, exposed_only, outcome_only, neither)
    return np.repeat([1.0, 1.0, 0.0, 0.0], sizes), np.repeat([1.0, 0.0, 1.0, 0.0], sizes)


def run(text):
    return run_summary(summary_from(parse_document(text, "trial.yaml")))


@pytest.fixture(scope="module")
def trials():
    return results()


@pytest.mark.reference
def test_first_stages_of_the_published_trials_are_weak_as_recorded(trials):
    stages = [stage for one in trials for stage in (one.first_stage, *one.further)]
    assert [one.f for one in stages] == pytest.approx([3.1, 3.9, 5.3, 8.9, 4.2], abs=PRINTED)
    assert {one.diagnostics[0].verdict for one in trials} == {"FAIL"}


@pytest.mark.reference
def test_the_ratio_of_timko_is_impossible_and_its_set_is_in_two_pieces(trials):
    found = trials[0]
    assert found.wald == pytest.approx(0.10 / 0.09)
    assert found.chief.correlation == 0.25
    (low, first), (second, high) = found.chief.region
    assert (low, high) == (None, None)
    assert first == pytest.approx(-6.7, abs=PRINTED)
    assert second == pytest.approx(-0.08, abs=CENT)
    assert found.chief.possible == [(second, 1.0)]
    assert [one.split(":")[0] for one in found.chief.readings] == [
        "Chance",
        "Exclusion violated",
        "Coarsened dose",
    ]


@pytest.mark.reference
def test_the_ratio_of_manning_is_possible_and_its_set_bounded(trials):
    found = trials[1]
    assert found.wald == pytest.approx(0.26, abs=CENT)
    assert found.chief.region[0] == pytest.approx((-0.61, 1.13), abs=CENT)
    assert found.chief.readings == []


@pytest.mark.reference
def test_abstinence_by_attendance_of_manning_has_the_two_readings_recorded(trials):
    found = trials[1].by_exposure
    assert found.implied == pytest.approx(0.50, abs=CENT)
    assert found.outcome == pytest.approx(0.40, abs=CENT)
    assert found.lost_as_none == pytest.approx(0.49, abs=CENT)
    assert found.turned == pytest.approx((0.51, 0.31), abs=CENT)
    assert found.differences == pytest.approx((0.216, 0.20), abs=CENT)


@pytest.mark.reference
def test_a_ratio_of_days_raises_no_alarm_and_keeps_the_printed_intervals(trials):
    found = trials[2]
    assert found.wald == pytest.approx(-4 / 0.91)
    assert found.chief.readings == []
    assert isinstance(found.chief.possible, Reason)
    assert found.itt.interval == (-7.5, -0.4)


def test_the_committed_page_is_the_one_the_specifications_give(trials):
    assert PAGE.read_text(encoding="utf-8") == page(trials)


def test_the_middle_correlation_leads_whatever_the_order(forms):
    for written in ("[0.4, -0.1, 0.2]", "[0.2, 0.4]", "[0.2]", "0.2"):
        assert run(forms["shares"].replace("[0, 0.2]", written)).chief.correlation == 0.2


def test_exchanging_the_arms_turns_both_stages_and_leaves_ratio_and_set(forms):
    here = run(forms["shares"])
    there = run(forms["shares"].replace("arms:", "contrast: [usual, referred]\narms:"))
    assert there.first_stage.value == -here.first_stage.value
    assert there.itt.value == -here.itt.value
    assert there.wald == here.wald
    assert there.chief.region[0] == pytest.approx(here.chief.region[0], abs=ROUNDING)


def test_recoding_the_outcome_turns_ratio_set_and_bounds(forms):
    def cells(both, exposed_only, outcome_only, neither):
        return (
            f"both: {both}, exposed_only: {exposed_only}, outcome_only: {outcome_only}, "
            f"neither: {neither}"
        )

    recoded = forms["counts"]
    for one in ((80, 60, 20, 40), (40, 20, 50, 90)):
        assert cells(*one) in forms["counts"]
        recoded = recoded.replace(cells(*one), cells(one[1], one[0], one[3], one[2]))
    here, there = run(forms["counts"]), run(recoded)
    assert there.wald == pytest.approx(-here.wald)
    (low, high) = here.chief.region[0]
    assert there.chief.region[0] == pytest.approx((-high, -low), abs=ROUNDING)
    for one, other in zip(here.bounds, there.bounds, strict=True):
        assert other.bounds == pytest.approx((-one.bounds[1], -one.bounds[0]), abs=ROUNDING)


def test_counts_and_the_shares_they_make_agree(forms):
    counted = run(forms["counts"])
    shared = run(
        forms["shares"]
        .replace(", correlation: [0, 0.2]", "")
        .replace("0.7, outcome: 0.5", "0.7, outcome: 0.5, both: 0.4")
        .replace("0.3, outcome: 0.4", "0.3, outcome: 0.45, both: 0.2")
    )
    assert shared.wald == pytest.approx(counted.wald)
    assert shared.chief.region[0] == pytest.approx(counted.chief.region[0], abs=ROUNDING)
    assert shared.first_stage.f == pytest.approx(counted.first_stage.f)
    for one, other in zip(shared.bounds, counted.bounds, strict=True):
        assert one.bounds == pytest.approx(other.bounds, abs=ROUNDING)
    assert shared.inequality.statistic == pytest.approx(counted.inequality.statistic)


def test_the_lipid_trial_as_published():
    """Balke & Pearl (1997): shares of exposed and of outcome give .39 to .78."""
    found = run(LIPID)
    sharp, natural = found.bounds
    assert (sharp.assuming, natural.assuming) == ("Balke-Pearl", "natural")
    assert sharp.bounds == pytest.approx((0.392, 0.780), abs=ROUNDING)
    assert found.inequality.p > 0.5
    without = run(LIPID.replace(", both: 0.473", "").replace("randomised}", TRIED))
    under = without.bounds[0]
    assert under.bounds == pytest.approx((0.392, 0.780), abs=CENT)
    assert under.correlation == 0.57
    whatever = without.bounds[-1]
    assert whatever.assuming == "margins"
    assert whatever.bounds[0] <= under.bounds[0]
    assert under.bounds[1] <= whatever.bounds[1]
    assert whatever.interval[0] < whatever.bounds[0] < whatever.bounds[1] < whatever.interval[1]
    impossible = run(LIPID.replace(", both: 0.473", "").replace("randomised}", WRONG))
    assert "at a correlation of 0 within arms" in impossible.bounds[0].not_estimable


def test_full_compliance_makes_the_intention_to_treat_the_effect(forms):
    found = run(COMPLIED)
    assert found.wald == pytest.approx(found.itt.value) == pytest.approx(0.2)
    assert found.chief.region[0] == pytest.approx(found.itt.interval)
    assert found.chief.interval == pytest.approx(found.itt.interval)
    assert "everybody complied" in found.first_stage.f.not_estimable
    assert found.diagnostics[0].verdict == "PASS"
    assert found.bounds[0].bounds == pytest.approx((0.2, 0.2))
    with pytest.raises(SpecError, match="no sampling error"):
        run(COMPLIED.replace("exposed: 0.0", "exposed: 1.0"))


def test_the_confidence_curve_crosses_its_line_at_the_ends_of_the_set(forms):
    for form in ("shares", "counts", "differences"):
        for one in run(forms[form]).sets:
            x, p = (
                np.array(column) for column in zip(*(q[:2] for q in one.curve.points), strict=True)
            )
            inside = np.zeros(len(x), bool)
            for low, high in one.region:
                inside |= (x >= (-np.inf if low is None else low)) & (
                    x <= (np.inf if high is None else high)
                )
            assert 0 < inside.sum() <= len(x)
            np.testing.assert_array_equal(p >= 0.05, inside)


def test_bounds_of_counts_are_those_of_the_rows(forms):
    a1, y1 = rows_of(both=80, exposed_only=60, outcome_only=20, neither=40)
    a0, y0 = rows_of(both=40, exposed_only=20, outcome_only=50, neither=90)
    assert (a1.sum(), y1.sum(), (a1 * y1).sum()) == (140, 100, 80)
    y, a, z = np.r_[y1, y0], np.r_[a1, a0], np.repeat([1.0, 0.0], 200)
    rng = generator(0, "summary", "sharp")
    expected = balke_pearl_bounds(y, a, z, np.ones(400), None, rng)
    sharp, natural = run(forms["counts"]).bounds
    assert sharp.bounds == pytest.approx((expected.lower, expected.upper))
    assert sharp.interval == pytest.approx((expected.lo, expected.hi))
    assert natural.bounds[0] <= sharp.bounds[0] + ROUNDING
    assert sharp.bounds[1] <= natural.bounds[1] + ROUNDING
    assert sharp.bounds[0] <= run(forms["counts"]).wald <= sharp.bounds[1]


def test_counts_no_instrument_could_give_leave_no_bounds_and_fail_the_inequality(forms):
    broken = (
        forms["counts"]
        .replace(
            "both: 80, exposed_only: 60, outcome_only: 20, neither: 40",
            "both: 190, exposed_only: 2, outcome_only: 4, neither: 4",
        )
        .replace(
            "both: 40, exposed_only: 20, outcome_only: 50, neither: 90",
            "both: 2, exposed_only: 190, outcome_only: 4, neither: 4",
        )
    )
    found = run(broken)
    assert "breaks the instrumental inequality" in found.bounds[0].not_estimable
    assert found.diagnostics[1].verdict == "FAIL"


def test_a_normal_interval_is_shown_only_above_the_critical_f(forms):
    strong, weak = (
        run(forms["shares"]),
        run(forms["shares"].replace("exposed: 0.7", "exposed: 0.35")),
    )
    assert strong.first_stage.f > critical_of(np.eye(1)) > weak.first_stage.f
    assert strong.chief.interval[0] < strong.wald < strong.chief.interval[1]
    assert "below 23.1" in weak.chief.interval.not_estimable
    assert strong.diagnostics[0].verdict == "PASS"


def test_equal_exposure_leaves_no_ratio(forms):
    found = run(forms["shares"].replace("exposed: 0.7", "exposed: 0.3"))
    assert "exposed alike" in found.wald.not_estimable
    assert None in {end for piece in found.chief.region for end in piece}


def test_a_p_value_gives_the_f_of_its_normal_quantile(forms):
    found = run(forms["differences"].replace("interval: [0.1, 1.7]", "p: 0.05"))
    assert found.first_stage.f == pytest.approx(1.959963984540054**2)


def test_a_printed_standard_error_is_taken_as_it_is(forms):
    found = run(forms["differences"].replace("p: 0.03", "std_error: 1.6"))
    assert found.itt.std_error == 1.6
    assert found.first_stage.read_from == "95 % CI 0.1 to 1.7"


def test_the_size_of_what_a_set_holds_is_least_where_it_nears_zero():
    assert nearest_to_zero(((None, -3.0), (2.0, None))) == 2.0
    assert nearest_to_zero(((None, -3.0),)) == 3.0
    assert nearest_to_zero(((-1.0, 2.0),)) == 0.0
    assert nearest_to_zero(((None, None),)) == 0.0


def test_a_correlation_the_shares_forbid_is_refused_where_it_stands(forms):
    text = forms["shares"].replace("exposed: 0.7", "exposed: 0.05").replace("0.2]", "0.9]")
    with pytest.raises(SpecError, match=r"trial.yaml:2: design.correlation: .*cannot be for sha"):
        run(text)


def test_arms_without_sampling_error_are_refused_where_they_stand(forms):
    text = (
        forms["shares"]
        .replace("exposed: 0.7", "exposed: 1")
        .replace("exposed: 0.3", "exposed: 1")
        .replace(", correlation: [0, 0.2]", "")
    )
    with pytest.raises(SpecError, match=r"trial.yaml:6: arms: .*no sampling error"):
        run(text)


def test_a_union_holds_what_any_set_holds():
    assert union([((0.0, 1.0),), ((0.5, 2.0),)]) == [(0.0, 2.0)]
    assert union([((None, -3.0), (1.0, None)), ((None, -2.0), (2.0, None))]) == [
        (None, -2.0),
        (1.0, None),
    ]
    assert union([((None, None),), ((0.0, 1.0),)]) == [(None, None)]


def test_a_set_is_cut_to_a_range():
    assert within_range(((None, -3.0), (0.2, None)), -1, 1) == [(0.2, 1)]
    assert within_range(((1.5, 2.0),), -1, 1) == []
    assert within_range(((None, None),), -1, 1) == [(-1, 1)]


def test_the_seed_moves_nothing_but_intervals_of_bounds(forms):
    here, there = run(forms["counts"]), run(forms["counts"] + "seed: 5\n")
    assert here.chief == there.chief
    assert here.bounds[0].bounds == there.bounds[0].bounds
    assert here.bounds[0].interval != there.bounds[0].interval


def test_committed_reports_are_named_as_their_specifications(trials):
    for one in trials:
        assert load_summary(ANALYSES / f"{one.name}.yaml").sha256 == (one.specification_sha256)

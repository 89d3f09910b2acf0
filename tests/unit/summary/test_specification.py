"""Specifications of published trials: what is demanded, and what contradicts itself."""

from pathlib import Path

import pytest

from causal.documents import parse_document
from causal.errors import SpecError
from causal.kinds import load_specification
from causal.spec import Specification
from causal.summary.specification import SummarySpecification, load_summary, summary_from

ANALYSES = Path(__file__).parents[3] / "analyses"


def read(text):
    return summary_from(parse_document(text, "trial.yaml"))


@pytest.mark.parametrize("form", ["shares", "counts", "differences"])
def test_each_form_is_read(forms, form):
    assert read(forms[form]).summary.form == form


@pytest.mark.parametrize("path", sorted(ANALYSES.glob("trial_*.yaml")), ids=lambda p: p.stem)
def test_every_committed_trial_is_valid(path):
    assert isinstance(load_specification(path), SummarySpecification)
    assert load_summary(path).name == path.stem


def test_specifications_of_cohorts_are_still_read_as_such():
    assert isinstance(load_specification(ANALYSES / "simulated_base.yaml"), Specification)


def test_without_a_contrast_the_first_of_two_arms_is_the_facilitated_one(forms):
    assert read(forms["shares"]).summary.compared == ("referred", "usual")
    turned = forms["shares"].replace("arms:", "contrast: [usual, referred]\narms:")
    assert read(turned).summary.pair == (1, 0)


@pytest.mark.parametrize(
    ("form", "old", "new", "said"),
    [
        ("shares", "question:", "qestion:", r"trial.yaml:1: qestion: unknown key.*mean 'question'"),
        ("shares", "n: 200, exposed: 0.7", "n: 200, exposd: 0.7", r"trial.yaml:7.*mean 'exposed'"),
        (
            "shares",
            "of: randomised, ",
            "",
            r"trial.yaml:7: arms\[0\]: arm 'referred' does not say w",
        ),
        ("shares", "of: randomised", "of: everybody", r"found 'everybody'.*followed, randomised"),
        (
            "shares",
            "{name: usual,",
            "{name: usual, of: followed,",
            r"trial.yaml:8: .*'usual' is of those followed, and the design says those randomised",
        ),
        ("shares", "n: 200, exposed: 0.3", "exposed: 0.3", r"trial.yaml:8: .*how many persons"),
        ("shares", "n: 200, exposed: 0.3", "n: 0, exposed: 0.3", r"'usual'.* has 0 persons"),
        ("shares", "exposed: 0.7", "exposed: 70", r"trial.yaml:7: .*'exposed' is 70.*Divide perc"),
        ("shares", "outcome: 0.4}", "outcome: -0.4}", r"'outcome' is -0.4; expected 0 to 1"),
        ("shares", ", outcome: 0.4}", "}", r"arm 'usual' gives no share 'outcome'"),
        ("shares", "outcome: 0.4}", "outcome: 0.4, both: 0.35}", r"cannot be.* between 0 and 0.3"),
        ("shares", ", correlation: [0, 0.2]", "", r"missing key 'correlation'.*does not cross"),
        ("shares", "[0, 0.2]", "[0, 1.2]", r"found 1.2; expected above -1"),
        ("shares", "[0, 0.2]", "[0, 0]", r"a correlation stands twice"),
        ("shares", "name: usual", "name: referred", r"two arms are called 'referred'"),
        ("shares", "name: meetings, kind: binary", "name: m, kind: continuous", r"needs its unit"),
        (
            "shares",
            "name: meetings, kind: binary",
            "name: m, kind: continuous, unit: days",
            r"trial.yaml:4: exposure.kind: is continuous, and arms give counts or shares",
        ),
        ("shares", "arms:", "contrast: [refered, usual]\narms:", r"mean 'referred'"),
        ("shares", "arms:", "contrast: [usual, usual]\narms:", r"compares 'usual' with itself"),
        (
            "shares",
            "arms:",
            "by_exposure: {exposed: 0.9, unexposed: 0.8, of: randomised}\narms:",
            r"trial.yaml:6: by_exposure: with 50% exposed .* make 0.85 .* arms make 0.45",
        ),
        (
            "shares",
            "arms:",
            "by_exposure: {exposed: 0.9, unexposed: 0.8, of: followed}\narms:",
            r"by_exposure.of: is of those followed, and the arms of those randomised",
        ),
        (
            "shares",
            "arms:",
            "by_exposure: {exposed: 0.9, unexposed: 0.8}\narms:",
            r"by_exposure.of: missing key 'of'",
        ),
        ("shares", "correlation", "share_followed: 0.8, correlation", r"those lost were counted"),
        ("shares", "kind: summary, of", "kind: sumary, of", r"found 'sumary'.*mean 'summary'"),
        (
            "counts",
            "referred, cells: {both: 80, exposed_only: 60, outcome_only: 20, neither: 40}",
            "referred, cells: {both: 0, exposed_only: 0, outcome_only: 0, neither: 0}",
            r"trial.yaml:7: .*arm 'referred' is empty: its four counts add to 0",
        ),
        ("counts", "referred, cells", "referred, n: 201, cells", r"add to 200, not to n = 201"),
        ("counts", "both: 80", "both: -80", r"cells.both: found -80"),
        ("counts", "both: 80", "both: 80.5", r"cells.both: found 80.5"),
        ("counts", "both: 80, ", "", r"missing key 'both'"),
        ("counts", "referred, cells", "referred, exposed: 0.7, cells", r"counts and the share"),
        ("counts", "randomised}", "randomised, correlation: 0.2}", r"is not used.*Take it away"),
        ("differences", "contrast: [advice, none]\n", "", r"missing key 'contrast'"),
        ("differences", ", p: 0.03", "", r"either the interval or the p-value"),
        ("differences", "p: 0.03", "p: 0.03, interval: [-7, -1]", r"either the interval or the p-"),
        ("differences", "[0.1, 1.7]", "[1.7, 0.1]", r"has no width"),
        ("differences", "[0.1, 1.7]", "[0.8, 3.0]", r"no normal interval; .*give `p` or `std_err"),
        ("differences", "p: 0.03", "interval: [-9, -3.5]", r"5 below .* -4 and 0.5 above"),
        ("differences", "p: 0.03", "p: 0.03, std_error: 2", r"either the interval or the p-"),
        ("differences", "p: 0.03", "std_error: 0", r"std_error: found 0"),
        ("shares", "randomised,", "randomised, assumed: [sizes],", r"assumed.*found 'sizes'"),
        (
            "shares",
            "randomised,",
            "randomised, assumed: [arm_sizes, arm_sizes],",
            r"an assumption stands twice",
        ),
        ("counts", "randomised}", "randomised, assumed: [arm_sizes]}", r"one gives counts"),
        (
            "differences",
            "summary,",
            "summary, assumed: [denominator],",
            r"names the denominator, and none is given",
        ),
        ("differences", "[0.1, 1.7]", "[-1.7, -0.1]", r"outside its interval; check the signs"),
        ("differences", "value: -4, p", "value: 0, p", r"difference of 0 has no standard error"),
        (
            "differences",
            "name: use, kind: continuous, unit: days",
            "name: use, kind: binary",
            r"differences.outcome.value: found -4; a difference of shares",
        ),
        ("differences", ", correlation: -0.2", "", r"missing key 'correlation'"),
        ("differences", "differences:", "diferences:", r"unknown key.*mean 'differences'"),
    ],
)
def test_what_cannot_be_is_refused_with_place_and_remedy(forms, form, old, new, said):
    text = forms[form]
    assert old in text
    with pytest.raises(SpecError, match=said):
        read(text.replace(old, new, 1))


def test_assumed_sizes_of_arms_are_equal(forms):
    text = forms["shares"].replace("randomised,", "randomised, assumed: [arm_sizes],")
    assert read(text).summary.design.assumed == ("arm_sizes",)
    with pytest.raises(SpecError, match=r"trial.yaml:2: design.assumed: .* arms, which differ"):
        read(text.replace("n: 200, exposed: 0.7", "n: 190, exposed: 0.7"))


@pytest.mark.parametrize("interval", ["[0.19, 0.5]", "[-0.1, 0.21]"])
def test_an_interval_far_from_normal_is_refused(forms, interval):
    text = forms["differences"].replace("value: 0.9, interval: [0.1, 1.7]",
                                        f"value: 0.2, interval: {interval}")  # fmt: skip
    with pytest.raises(SpecError, match=r"trial.yaml:8: .*is no normal interval"):
        read(text)


@pytest.mark.parametrize(
    "printed",
    [
        "value: -4.0, interval: [-7.5, -0.4]",
        "value: 1, interval: [0, 3]",
        "value: 0.2, interval: [0.1, 0.4]",
    ],
)
def test_an_interval_off_its_middle_by_rounding_is_read(forms, printed):
    assert read(forms["differences"].replace("value: -4, p: 0.03", printed))


def test_arms_and_differences_exclude_each_other_and_one_is_needed(forms):
    with pytest.raises(SpecError, match=r"stands beside `arms`"):
        read(forms["shares"] + forms["differences"][forms["differences"].index("differences:") :])
    with pytest.raises(SpecError, match=r"missing key 'arms'"):
        read(forms["shares"][: forms["shares"].index("arms:")])
    with pytest.raises(SpecError, match=r"one arm, and nothing to compare"):
        read(forms["shares"][: forms["shares"].index("  - {name: usual")])


def test_arms_of_different_persons_are_refused(forms):
    text = forms["shares"].replace("of: randomised, ", "")
    text = text.replace("referred,", "referred, of: randomised,")
    text = text.replace("usual,", "usual, of: followed,")
    with pytest.raises(SpecError, match="cannot be compared"):
        read(text)


def test_denominators_may_be_said_of_each_arm(forms):
    text = forms["shares"].replace("of: randomised, ", "")
    for name in ("referred", "usual"):
        text = text.replace(f"{name},", f"{name}, of: followed,")
    summary = read(text).summary
    assert {summary.denominator(arm) for arm in summary.arms} == {"followed"}


def test_three_arms_must_say_which_two_are_compared(forms):
    text = forms["shares"] + "  - {name: leaflet, n: 90, exposed: 0.4, outcome: 0.4}\n"
    with pytest.raises(SpecError, match=r"missing key 'contrast': 3 arms do not say"):
        read(text)
    chosen = read(text.replace("arms:", "contrast: [leaflet, usual]\narms:"))
    assert chosen.summary.pair == (2, 1)

import pytest

from causal.errors import VerificationError
from causal.report.reading import (
    added_by,
    adjusted_rungs,
    brackets,
    by_target,
    chief,
    interval_of,
    label_of,
    rung_label,
    truth_of,
    unmeasured,
)
from causal.result import LabelBlock, Result


def test_the_first_page_leads_with_the_headline(help_like: Result) -> None:
    rung = chief(help_like)
    assert rung is not None
    assert rung.name == "full"


def test_a_crude_headline_leaves_no_adjusted_rung_to_lead_with(help_like: Result) -> None:
    assert chief(help_like.model_copy(update={"headline": "crude"})) is None


def test_a_headline_without_a_rung_is_refused_with_the_choices(help_like: Result) -> None:
    broken = help_like.model_copy(update={"headline": "ful"})
    with pytest.raises(VerificationError, match=r"/headline.*'ful'.*Did you mean 'full'\?"):
        chief(broken)


def test_brackets_stand_apart_from_the_ladder(help_like: Result) -> None:
    assert [one.name for one in brackets(help_like)] == ["with_residential_care", "with_use_at_end"]
    assert all(one.role == "ladder" for one in adjusted_rungs(help_like))


def test_rungs_are_grouped_by_target_in_order(help_like: Result) -> None:
    groups = by_target(adjusted_rungs(help_like))
    assert list(groups) == ["ATE", "ATT", "ATO"]
    assert [one.name for one in groups["ATE"]] == ["severity", "motivation", "full"]


def test_timing_overrules_the_label_of_a_rung(simulated_null: Result) -> None:
    assert label_of(simulated_null) == "effect"
    timing = LabelBlock(label="association", reasons=["windows overlap"])
    overlapping = simulated_null.model_copy(update={"timing": timing})
    assert label_of(overlapping) == "association"
    assert rung_label(overlapping, overlapping.rungs[1]) == "association"


def test_the_truth_of_a_rung_is_that_of_its_target_and_scale(simulated_null: Result) -> None:
    crude, full = simulated_null.rungs
    assert truth_of(simulated_null, full) == 0.0
    assert truth_of(simulated_null, crude) is None
    ratio = full.model_copy(update={"scale": "risk_ratio"})
    assert truth_of(simulated_null, ratio) == 1.0
    treated = ratio.model_copy(update={"target": "ATT"})
    assert truth_of(simulated_null, treated) is None


def test_a_region_in_two_pieces_is_no_interval(help_like: Result) -> None:
    rung = help_like.crude.model_copy(
        update={"interval": None, "region": [(None, 0.1), (0.4, None)]}
    )
    assert interval_of(rung) is None
    assert interval_of(rung.model_copy(update={"region": [(0.1, 0.4)]})) == (0.1, 0.4)


def test_what_a_bracket_adds_is_named(help_like: Result) -> None:
    assert added_by(help_like.rung("with_use_at_end"), help_like.rung("full")) == ["use_at_end"]


def test_without_an_estimand_the_diagram_says_what_is_unmeasured(help_like: Result) -> None:
    bare = help_like.model_copy(update={"estimands": []})
    assert "linkage" in unmeasured(bare)
    assert "linkage" not in unmeasured(help_like)

import re

import pytest

from causal.report.headline import headline, short_verdict
from causal.report.numbers import MINUS
from causal.report.words import first_page
from causal.result import DiagnosticBlock, LabelBlock, Result

CAUSAL = re.compile(
    r"\b(an effect|causes?|caused|reduces?|lowers|prevents?|due to|because of) ", re.IGNORECASE
)


def said(result: Result) -> str:
    return " ".join(text for _, text in first_page(result))


def paragraph(result: Result, name: str) -> str:
    return dict(first_page(result))[name]


def widened(result: Result, rung: str, lo: float, hi: float) -> Result:
    rungs = [
        one.model_copy(update={"interval": (lo, hi), "region": [(lo, hi)]})
        if one.name == rung
        else one
        for one in result.rungs
    ]
    return result.model_copy(update={"rungs": rungs})


def test_an_association_is_called_one_and_the_reasons_are_given(help_like: Result) -> None:
    assert headline(help_like).startswith("An adjusted association, not an effect")
    assert "extends past the last measurement" in paragraph(help_like, "Wording")


def test_causal_wording_is_dropped_where_timing_forbids_it(help_like: Result) -> None:
    denied = said(help_like).replace("not evidence of an effect", "")
    assert not CAUSAL.search(denied)
    assert "Adjusted difference" in denied
    assert "Adjusted effect" not in denied


def test_timing_drops_causal_wording_even_where_a_rung_claims_an_effect(
    simulated_null: Result,
) -> None:
    assert "Adjusted effect" in said(simulated_null)
    timing = LabelBlock(label="association", reasons=["the windows overlap"])
    forbidden = simulated_null.model_copy(update={"timing": timing})
    assert "Adjusted effect" not in said(forbidden)
    assert headline(forbidden).startswith("An adjusted association")


def test_numbers_come_with_unit_level_and_interval(help_like: Result) -> None:
    text = paragraph(help_like, "Crude and adjusted")
    assert "33.1 % with the exposure, 46.5 % without" in text
    assert f"{MINUS}13.4 points (95 % CI {MINUS}24.0 to {MINUS}2.8)" in text
    assert f"{MINUS}13.8 points (95 % CI {MINUS}24.1 to {MINUS}3.5)" in text
    assert "The 95 % interval excludes 0." in text


def test_the_share_stands_with_set_and_difference(help_like: Result) -> None:
    text = paragraph(help_like, "The share that remains")
    assert "1.03 (95 % Fieller set: [0.55, 2.20]); crude − adjusted: 0.4 points (95 % CI" in text


def test_an_interval_covering_0_is_inconclusive(help_like: Result) -> None:
    wide = widened(help_like, "full", -0.29, 0.012)
    assert "inconclusive: its 95 % interval covers 0" in headline(wide)
    assert "Inconclusive: neither no difference" in said(wide)
    assert "inconclusive" in short_verdict(wide)
    assert "nconclusive" not in said(help_like)


def test_a_bracket_that_covers_0_is_in_the_headline(help_like: Result) -> None:
    assert "covers 0 in the brackets `with_residential_care` and `with_use_at_end`" in headline(
        help_like
    )
    narrow = widened(help_like, "with_residential_care", -0.15, -0.04)
    assert "covers 0 in the bracket `with_use_at_end`." in headline(narrow)


def test_brackets_say_what_they_add_and_what_cannot_be_separated(help_like: Result) -> None:
    text = paragraph(help_like, "With what came after exposure began")
    assert "residential or outpatient care in the same window" in text
    assert f"{MINUS}4.4 points" in text
    assert "cannot be separated" in text
    concepts = [one.model_copy(update={"state_of": None}) for one in help_like.dag.concepts]
    dag = help_like.dag.model_copy(update={"concepts": concepts})
    assert "cannot be separated" not in said(help_like.model_copy(update={"dag": dag}))


def test_who_is_told_from_the_population_to_the_rows(help_like: Result) -> None:
    text = paragraph(help_like, "Who")
    assert (
        "Of 354 persons (cocaine or heroin as first or second drug), 203 contributed 393 intervals"
        in text
    )
    assert "“has an earlier interview”: 354 to 290" in text


def test_suppressed_counts_are_printed_as_they_are(help_like: Result) -> None:
    steps = [one.model_copy(update={"persons": "<10"}) for one in help_like.attrition]
    text = paragraph(help_like.model_copy(update={"attrition": steps}), "Who")
    assert "Of <10 persons" in text
    assert "largest loss" not in text


def test_a_rung_with_better_measured_concepts_is_not_called_the_same(help_like: Result) -> None:
    assert "Target ATT: `weighted`" in said(help_like)
    estimands = [
        one.model_copy(update={"proxied": []}) if one.rung == "weighted" else one
        for one in help_like.estimands
    ]
    assert "`weighted`" not in paragraph(
        help_like.model_copy(update={"estimands": estimands}), "Crude and adjusted"
    )


def test_what_is_needed_and_left_out_is_named(help_like: Result) -> None:
    assert "not adjusted for" not in said(help_like)
    estimands = [one.model_copy(update={"omitted": ["use_at_end"]}) for one in help_like.estimands]
    text = said(help_like.model_copy(update={"estimands": estimands}))
    assert "Needed besides, and not adjusted for: use at end." in text
    assert "use at end not adjusted for" in text


def test_what_is_unmeasured_and_disputed_is_on_the_first_page(help_like: Result) -> None:
    text = paragraph(help_like, "What is not measured")
    assert "abstinence goal, religiosity and legal mandate" in text
    assert "motivation and problem recognition" in text
    assert "suffices in 1 of the 4 ways" in text
    assert "no valid instrument" in text


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("after_estimates", "The design was chosen after estimates had been seen."),
        ("before_estimates", "The design was chosen before any estimate was seen."),
    ],
)
def test_the_page_says_when_the_design_was_chosen(
    help_like: Result, chosen: str, sentence: str
) -> None:
    design = help_like.design.model_copy(update={"chosen": chosen})
    assert sentence in said(help_like.model_copy(update={"design": design}))


def test_companions_are_linked(help_like: Result) -> None:
    assert "(../help_first_interval/report.md)" in said(help_like)


def test_simulated_data_are_held_against_their_truth(simulated_null: Result) -> None:
    assert "the truth, 0.0 points, lies outside the interval" in headline(simulated_null)
    text = paragraph(simulated_null, "Against the truth")
    assert "`full` 5.2 points (ATE: 0.0, outside)" in text
    assert "`crude`" not in text
    inside = widened(simulated_null, "full", -0.01, 0.1)
    assert "`full` 5.2 points (ATE: 0.0, inside)" in paragraph(inside, "Against the truth")
    assert "lies inside the interval" in headline(inside)


def test_continuous_outcomes_have_their_unit_and_no_points(continuous: Result) -> None:
    assert "8.3 days with the exposure" in said(continuous)
    assert "points" not in said(continuous)


def test_a_ratio_is_judged_against_1(as_ratio: Result) -> None:
    assert "The 95 % interval excludes 1." in said(as_ratio)
    assert "33.1 % with the exposure" in said(as_ratio)
    assert "inconclusive: its 95 % interval covers 1" in headline(
        widened(as_ratio, "full", 0.7, 1.2)
    )


def test_a_crude_ladder_is_told_as_crude(help_like: Result) -> None:
    bare = help_like.model_copy(update={"rungs": help_like.rungs[:1], "headline": "crude"})
    assert headline(bare) == "A crude association; nothing is adjusted for."
    assert short_verdict(bare) == "crude only"
    assert "The share that remains" not in dict(first_page(bare))


def test_failed_checks_are_counted_in_the_index(help_like: Result) -> None:
    assert short_verdict(help_like).endswith("1 check not passed")
    failed = DiagnosticBlock(
        name="smd", rung="full", value=0.3, threshold=0.1, verdict="FAIL", reason="x"
    )
    twice = help_like.model_copy(update={"diagnostics": [failed, failed]})
    assert short_verdict(twice).endswith("2 checks not passed")


def test_p_values_are_not_printed(help_like: Result) -> None:
    assert not re.search(r"\bp\s*[=<>]|p-value|significan", said(help_like), re.IGNORECASE)


def with_many(result: Result, estimates: tuple[float, ...]) -> Result:
    """Put copies of one rung beside the headline, apart by estimate; intervals are .2 wide."""
    one = next(rung for rung in result.rungs if rung.name == "full")
    rungs = [rung for rung in result.rungs if rung.name in ("crude", "full")]
    copies = [
        one.model_copy(
            update={
                "name": f"copy_{i}",
                "estimate": estimate,
                "interval": (estimate - 0.1, estimate + 0.1),
                "region": [(estimate - 0.1, estimate + 0.1)],
            }
        )
        for i, estimate in enumerate(estimates)
    ]
    said = next(one for one in result.estimands if one.rung == "full")
    estimands = [said.model_copy(update={"rung": one.name}) for one in copies]
    return result.model_copy(
        update={"rungs": rungs + copies, "estimands": [*result.estimands, *estimands]}
    )


def test_of_many_rungs_of_one_set_and_target_the_ends_are_named(help_like: Result) -> None:
    text = paragraph(with_many(help_like, (-0.12, -0.3, -0.05, -0.2, -0.15)), "Crude and adjusted")
    assert (
        f"5 more rungs, from `copy_1` {MINUS}30.0 points (95 % CI {MINUS}40.0 to {MINUS}20.0) to "
        f"`copy_2` {MINUS}5.0 points (95 % CI {MINUS}15.0 to 5.0); 0 is inside the interval of "
        "`copy_2`." in text
    )
    assert "copy_3" not in text


def test_intervals_of_many_rungs_that_agree_about_0_are_counted_not_named(
    help_like: Result,
) -> None:
    none, every = (
        paragraph(with_many(help_like, (at,) * 5), "Crude and adjusted") for at in (-0.3, 0.01)
    )
    assert "0 is inside none of their intervals." in none
    assert "0 is inside all of their intervals." in every


def test_few_rungs_are_named_one_by_one(help_like: Result) -> None:
    text = paragraph(with_many(help_like, (-0.12, -0.3, -0.05, -0.2)), "Crude and adjusted")
    assert all(f"`copy_{i}`" in text for i in range(4))

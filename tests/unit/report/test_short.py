"""The first page in few words: every doubt is there by rule, and leaves when its reason does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from causal.cli import DIFFERS, OK, main
from causal.pipeline import run
from causal.report.attrition_figure import attrition_svg
from causal.report.blocks import shown
from causal.report.headline import headline
from causal.report.page import report_page
from causal.report.reading import same_question
from causal.report.short import short_page
from causal.report.subgroup_summary import summary_table
from causal.report.vanishing import fate_of
from causal.report.words import bracket_sentences, estimate_sentences, who_sentences
from causal.result import (
    CeilingBlock,
    FollowUpBlock,
    NumberBlock,
    ProfileBlock,
    Reason,
    RestrictionBlock,
    Result,
    RungBlock,
    RungCovariateBlock,
    SensitivityBlock,
    VariantBlock,
    load,
)
from causal.spec import load_analysis

ROOT = Path(__file__).parents[3]
WORDS = 450


def page(result: Result, **beside: Result) -> dict[str, str]:
    return dict(short_page(result, beside))


def changed(result: Result, rung: str, **fields: object) -> Result:
    rungs = [r.model_copy(update=fields) if r.name == rung else r for r in result.rungs]
    return result.model_copy(update={"rungs": rungs})


def at(result: Result, rung: str, estimate: float, lo: float, hi: float) -> Result:
    return changed(result, rung, estimate=estimate, interval=(lo, hi), region=[(lo, hi)])


@pytest.mark.parametrize(
    ("estimate", "lo", "hi", "fate", "said"),
    [
        (0.002, -0.017, 0.022, "gone", "gone: the interval holds 0 and nothing half as large"),
        (-0.044, -0.143, 0.056, "unsure", "too imprecise to tell: it covers 0 and `full` alike"),
        (-0.040, -0.100, 0.020, "open", "the interval covers 0"),
        (-0.090, -0.150, -0.030, "left", ""),
    ],
)
def test_a_bracket_tells_what_is_gone_from_what_is_imprecise(
    help_like: Result, estimate: float, lo: float, hi: float, fate: str, said: str
) -> None:
    result = at(help_like, "with_use_at_end", estimate, lo, hi)
    assert fate_of(result, result.rung("with_use_at_end"), result.rung("full")) == fate
    sentence = next(one for one in bracket_sentences(result) if "`with_use_at_end`" in one)
    assert said in sentence
    assert said in page(result)["What came after exposure began"]
    for other in ("gone:", "imprecise", "covers 0"):
        assert (other in sentence) == (other in said)
    assert ("it is gone in the bracket `with_use_at_end`" in headline(result)) == (fate == "gone")


def test_the_same_rule_holds_of_a_ratio(as_ratio: Result) -> None:
    base = as_ratio.rung("full")
    for lo, hi, fate in ((0.93, 1.07, "gone"), (0.5, 1.3, "unsure"), (0.75, 1.3, "open")):
        held = {"estimate": 1.0, "interval": (lo, hi), "region": [(lo, hi)], "scale": "risk_ratio"}
        whole = base.model_copy(update={"estimate": 0.7, "scale": "risk_ratio"})
        assert fate_of(as_ratio, base.model_copy(update=held), whole) == fate


def test_from_the_specification_to_the_sentence_relapse_takes_the_association_away() -> None:
    specification = load_analysis(ROOT / "analyses" / "simulated_reverse_only.yaml")
    result = run(specification)
    assert result.rung("lagged").interval[1] < 0
    assert "it is gone in the bracket `with_use_at_end`" in headline(result)
    assert "gone: the interval holds 0" in page(result)["What came after exposure began"]
    fewer = specification.analysis.model_copy(
        update={"options": {"scenario": "reverse_only", "n": 150, "seed": 1}}
    )
    few = run(replace(specification, analysis=fewer))
    assert "gone" not in headline(few)
    assert "gone" not in page(few)["What came after exposure began"]


def test_self_report_is_said_where_the_data_set_says_so(help_like: Result) -> None:
    assert "by self-report" not in page(help_like)["Who"]
    outcome = help_like.design.outcome.model_copy(update={"self_reported": True})
    design = help_like.design.model_copy(update={"outcome": outcome})
    assert "by self-report" in page(help_like.model_copy(update={"design": design}))["Who"]


def test_intervals_are_said_to_weigh_as_they_do(help_like: Result) -> None:
    assert "per interval, weighted by the intervals" in page(help_like)["Who"]
    design = help_like.design.model_copy(update={"weights": "persons"})
    assert "persons weigh alike" in page(help_like.model_copy(update={"design": design}))["Who"]


def followed(result: Result, *counts: tuple[str, int | str, int | str]) -> Result:
    """Count rows and known outcomes by arm."""
    blocks = [
        FollowUpBlock(stratum="", arm=arm, rows=rows, known=known, late=0)
        for arm, rows, known in counts
    ]
    return result.model_copy(update={"follow_up": blocks})


def test_the_first_page_says_how_many_outcomes_are_known(help_like: Result) -> None:
    assert "known outcome" not in page(help_like)["Who"]
    some = followed(help_like, ("exposed", 236, 200), ("unexposed", 157, 100))
    assert "Of these rows 300 have a known outcome." in page(some)["Who"]
    unseen = followed(help_like, ("exposed", 236, 200), ("unexposed", 57, 50), ("not seen", 100, 0))
    assert (
        "Of these rows 100 were never seen at the exposure interview, and 250 have a known outcome."
        in page(unseen)["Who"]
    )
    hidden = followed(help_like, ("exposed", 236, "<10"), ("unexposed", 157, 100))
    assert "known outcome" not in page(hidden)["Who"]


def test_where_follow_up_is_not_counted_by_arm_the_crude_rung_tells_known_outcomes(
    help_like: Result,
) -> None:
    last = help_like.attrition[-1].rows
    whole = followed(changed(help_like, "crude", n=last))
    assert "known outcome" not in page(whole)["Who"]
    some = changed(whole, "crude", n=123)
    assert "Of these rows 123 have a known outcome." in page(some)["Who"]
    assert "known outcome" not in page(changed(whole, "crude", n="<10"))["Who"]


def test_a_run_that_keeps_missing_outcomes_counts_the_known_on_every_page(tmp_path: Path) -> None:
    path = tmp_path / "kept.yaml"
    lost = SPEC.replace("seed: 3}", "seed: 3, attrition: true}")
    path.write_text(f"{lost}missing: {{outcome: keep}}\n", encoding="utf-8")
    result = run(load_analysis(path))
    known = sum(one.known for one in result.follow_up if not one.stratum)
    rows = result.attrition[-1].rows
    assert known < rows
    assert [one.n for one in result.rungs] == [known, rows]
    assert f"Of these rows {known} have a known outcome." in page(result)["Who"]
    said = f"It stands for {rows} rows; the crude difference rests on {known}."
    assert said in page(result)["Found"]


@pytest.mark.parametrize(("share", "said"), [(0.83, True), (0.49, False), (None, False)])
def test_a_proxy_at_its_ceiling_is_named_with_the_share(
    help_like: Result, share: float | None, said: bool
) -> None:
    own = RungCovariateBlock(concept="motivation", columns=["steps"], terms=["steps"])
    result = changed(help_like, "full", covariates=[own]).model_copy(
        update={
            "ceilings": [
                CeilingBlock(concept="motivation", column="steps", highest=40, share=share),
                CeilingBlock(concept="motivation", column="other", highest=4, share=0.99),
            ]
        }
    )
    text = page(result)["Not measured"]
    assert ("at its ceiling (83 % in the last tenth of `steps`)" in text) == said
    assert "`other`" not in text  # another rung's column
    assert ("By proxy only: motivation" in text) != said


def test_strata_by_the_outcomes_own_state_are_on_the_page_and_no_others(help_like: Result) -> None:
    def variant(name: str, *kept: RestrictionBlock) -> VariantBlock:
        return VariantBlock(
            name=name, reason="why", verdicts=[], persons=9, rungs=[help_like.crude],
            restrictions=list(kept),
        )  # fmt: skip

    column = help_like.design.outcome.column
    state = RestrictionBlock(column=column, at="end", low=1, high=1)
    early = RestrictionBlock(column=column, at="start", low=1, high=1)
    result = help_like.model_copy(
        update={"variants": [variant("use", state), variant("early", early), variant("all")]}
    )
    text = page(result)["What came after exposure began"]
    assert text.count(f"where `{column}` was 1") == 1


def finding(kind: str, multiple: float | Reason | None) -> SensitivityBlock:
    return SensitivityBlock(
        kind=kind, rung="full", headline=NumberBlock(name="x", value=1.0), multiple=multiple,
        yardstick="severity", short=f"Short of {kind}", rows=[], sentence="s", curves=[],
        contours=[],
    )  # fmt: skip


def test_the_measured_multiple_leads_and_bounds_that_assume_nothing_never_do(
    help_like: Result,
) -> None:
    nothing = Reason(not_estimable="bounds that assume nothing hold 0 whatever the data")
    found = [finding("bounds", nothing), finding("e_value", 0.4), finding("omitted_variable", 2.0)]
    text = page(help_like.model_copy(update={"sensitivity": found}))["What could overturn it"]
    assert text.startswith("Short of omitted_variable.")
    assert "Of the other analyses e value needs least: 0.40 × severity" in text
    assert "bounds" not in text


def counted(result: Result, *found: SensitivityBlock) -> str:
    return page(result.model_copy(update={"sensitivity": list(found)}))["What could overturn it"]


def test_an_analysis_that_needs_nothing_says_so_and_no_yardstick_is_empty(
    help_like: Result,
) -> None:
    first = finding("omitted_variable", 2.0)
    nothing = finding("e_value", 0.0).model_copy(update={"yardstick": ""})
    assert counted(help_like, first, nothing).endswith("By e value nothing is needed (section 9).")
    bare = finding("e_value", 0.4).model_copy(update={"yardstick": ""})
    assert counted(help_like, first, bare).endswith("e value needs least: Short of e_value.")
    tiny = finding("e_value", 0.002)
    assert "needs least: less than 0.01 × severity" in counted(help_like, first, tiny)


def test_a_headline_that_adjusts_for_nothing_is_called_unadjusted(help_like: Result) -> None:
    bare = changed(help_like, "full", adjusted=[])
    assert headline(bare).startswith("An unadjusted association, not an effect")
    assert "Unadjusted (`full`, ATE): " in page(bare)["Found"]
    assert "Unadjusted over crude 1.03" in page(bare)["The share that remains"]
    assert "Unadjusted difference, averaged" in " ".join(estimate_sentences(bare))
    moved = changed(help_like, "full", adjusted=[], instruments=["z"])
    assert headline(moved).startswith("An association by an instrument, not an effect")
    assert headline(help_like).startswith("An adjusted association, not an effect")


def test_the_first_page_names_what_the_headline_does_not_adjust_for(help_like: Result) -> None:
    assert "Not adjusted for" not in page(help_like)
    own = next(one for one in help_like.estimands if one.rung == "full")
    others = [one for one in help_like.estimands if one is not own]
    fewer = own.model_copy(update={"omitted": ["housing", "prior_use"]})
    result = help_like.model_copy(update={"estimands": [*others, fewer]})
    assert page(result)["Not adjusted for"].startswith("Housing and prior use: by the diagram")
    crude = help_like.model_copy(
        update={
            "headline": "crude",
            "estimands": [*others, fewer.model_copy(update={"rung": "crude"})],
        }
    )
    assert page(crude)["Not adjusted for"] == page(result)["Not adjusted for"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n_clusters": 20}, ""),
        ({"n_clusters": "<10"}, ""),
        ({"n_clusters": None}, ""),
        ({"n_clusters": 7}, "Only 7 clusters (`site`): the standard error is likely too small"),
        (
            {"n_clusters": 7, "region_note": "wild cluster bootstrap set"},
            "Only 7 clusters (`site`): its set allows for that",
        ),
        (
            {"n_clusters": 7, "settings": '{"variance":{"kind":"CR2"}}'},
            "Only 7 clusters (`site`): its set allows for that",
        ),
    ],
)
def test_few_clusters_are_on_the_first_page(
    help_like: Result, fields: dict[str, object], said: str
) -> None:
    design = help_like.design.model_copy(update={"cluster": "site"})
    result = changed(help_like, "full", **fields).model_copy(update={"design": design})
    found = page(result)["Found"]
    assert said in found
    assert ("Only" in found) == bool(said)
    assert ("Only" in " ".join(estimate_sentences(result))) == bool(said)


def test_a_ratio_says_that_its_share_is_of_the_difference(
    as_ratio: Result, help_like: Result
) -> None:
    said = ", of the difference in points and not of the risk ratio"
    assert f"Adjusted over crude 1.03{said} (" in page(as_ratio)["The share that remains"]
    assert " points)." in page(as_ratio)["The share that remains"]
    assert said not in report_page(help_like, [])
    assert "Share and crude − adjusted are of the difference" in report_page(as_ratio, [])
    assert "<summary>Differences</summary>" in report_page(as_ratio, [])
    assert "<summary>Ratios</summary>" in report_page(help_like, [])


def test_simulated_data_are_said_to_be_so_whatever_truth_is_known(
    simulated_null: Result, help_like: Result
) -> None:
    assert "The data are simulated: the truth" in headline(simulated_null)
    other = simulated_null.model_copy(update={"truth": {"persistence": 0.4}})
    assert headline(other).endswith("The data are simulated.")
    generated = help_like.dataset.model_copy(update={"access": "generated"})
    bare = help_like.model_copy(update={"dataset": generated})
    assert headline(bare).endswith("The data are simulated.")
    assert headline(bare.model_copy(update={"headline": "crude"})).endswith("are simulated.")
    assert "simulated" not in headline(help_like)


def test_the_larger_loss_is_told_where_outcomes_are_lost_last(help_like: Result) -> None:
    design = help_like.design.model_copy(update={"unit": "persons"})
    steps = [one.model_copy(update={"rows": one.persons}) for one in help_like.attrition]
    persons = help_like.model_copy(update={"design": design, "attrition": steps})

    def told(known: int) -> str:
        result = followed(persons, ("exposed", 103, known), ("unexposed", 100, 100))
        return " ".join(who_sentences(result))

    step = "“has an earlier interview”: 354 to 290."
    assert f"The largest loss of persons is at the step {step}" in told(103)
    assert f"The largest loss of persons is at the step {step}" in told(39)
    assert (
        "The largest loss is of outcomes: 65 of 203 persons have none known; the largest at a "
        f"step is at {step}" in told(38)
    )


def test_companions_are_quoted_where_they_are_at_hand_and_linked_where_not(
    help_like: Result, simulated_null: Result
) -> None:
    alone = page(help_like)["Beside it"]
    assert "[help_first_interval](../help_first_interval/report.md);" in alone
    quoted = page(help_like, help_first_interval=simulated_null)["Beside it"]
    assert "(../help_first_interval/report.md) 5.2 points (95 % CI" in quoted
    assert "n = " in quoted
    assert quoted in report_page(help_like, [], {"help_first_interval": simulated_null})


def test_everything_else_is_said_at_length_below(help_like: Result) -> None:
    text = report_page(help_like, [])
    brief, _, rest = text.partition("<summary>The same at length</summary>")
    assert "**Wording.**" not in brief
    assert "**Wording.**" in rest
    assert len(brief.split()) < len(rest.split("</details>")[0].split()) + WORDS


@pytest.mark.parametrize(
    "name", ["help_drug_use", "help_within_person", "help_scheduled_wave", "help_subgroups"]
)
def test_the_first_page_of_a_committed_report_is_short(name: str) -> None:
    result = load(ROOT / "reports" / name / "results.json")
    table = summary_table(result)
    cells = [shown(cell) for row in (table.header, *table.rows) for cell in row]
    said = [*(f"{head} {told}" for head, told in short_page(result, {})), *cells]
    assert len(" ".join(said if table.rows else said[: -len(table.header)]).split()) <= WORDS


def test_attrition_is_drawn_with_every_step_and_hidden_counts_have_no_bar(
    help_like: Result,
) -> None:
    drawn = ElementTree.fromstring(attrition_svg(help_like))
    assert drawn.tag.endswith("svg")
    hidden = [one.model_copy(update={"persons": "<10"}) for one in help_like.attrition]
    without = attrition_svg(help_like.model_copy(update={"attrition": hidden}))
    assert without.count(b"#0072b2") < attrition_svg(help_like).count(b"#0072b2")
    assert attrition_svg(help_like.model_copy(update={"attrition": []})) is None


SPEC = f"""\
question: Does a companion's number stand on this page?
dataset: simulated
options: {{n: 400, seed: 3}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: {ROOT}/analyses/dags/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: severity, estimator: {{kind: g_computation}}}}
seed: 1
"""


def test_a_page_quotes_what_lies_beside_it_and_verify_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "first.yaml").write_text(SPEC + "companions: [second]\n", encoding="utf-8")
    (tmp_path / "second.yaml").write_text(SPEC.replace("seed: 1\n", "seed: 2\n"), encoding="utf-8")
    out, verify = tmp_path / "out", ["--analyses", str(tmp_path / "nowhere")]
    assert main(["run", str(tmp_path / "first.yaml"), "--out", str(out)]) == OK
    report = out / "first" / "report.md"
    assert "[second](../second/report.md)." in report.read_text(encoding="utf-8")
    capsys.readouterr()
    main(["verify", str(out / "first"), *verify])
    assert "was not compared" in capsys.readouterr().out
    assert main(["run", str(tmp_path / "second.yaml"), "--out", str(out)]) == OK
    assert main(["verify", str(out / "first"), *verify]) == DIFFERS  # not yet rendered again
    before = (out / "first" / "results.json").read_bytes()
    assert main(["render", str(out / "first")]) == OK
    estimate = json.loads((out / "second" / "results.json").read_text())["rungs"][1]["estimate"]
    assert f"{100 * estimate:.1f} points" in report.read_text(encoding="utf-8")
    assert (out / "first" / "results.json").read_bytes() == before
    assert main(["verify", str(out / "first"), *verify]) == OK


def beside_full(result: Result, **others: dict[str, object]) -> Result:
    """Put rungs beside the headline that adjust for the same, with some fields changed."""
    full = result.rung("full")
    more = [full.model_copy(update={"name": name, **fields}) for name, fields in others.items()]
    return result.model_copy(
        update={"rungs": [result.crude, full, *more], "estimands": [], "headline": "full"}
    )


def spanning(estimate: float) -> dict[str, object]:
    pair = (estimate - 0.1, estimate + 0.1)
    return {"estimate": estimate, "interval": pair, "region": [pair]}


def test_a_spread_holds_only_rungs_that_estimate_the_same_of_the_same_rows(
    help_like: Result,
) -> None:
    more = help_like.rung("full").n + 100
    result = beside_full(
        help_like,
        first=spanning(-0.15),
        second=spanning(-0.13),
        nudge=spanning(-0.01) | {"target": "shift"},
        everybody=spanning(-0.31) | {"n": more},
        ratio=spanning(-0.29) | {"scale": "risk_ratio"},
        moved=spanning(-0.28) | {"instruments": ["z"]},
    )
    found = page(result)["Found"]
    assert "2 other estimators with the same set and target: −15.0 to −13.0." in found
    assert "4 rungs have other estimands (section 1); the interval of `nudge` covers 0." in found
    length = " ".join(estimate_sentences(result))
    assert "Same set and target: `first` −15.0 points (95 % CI −25.0 to −5.0) and `sec" in length
    assert f"Same set and target, for {more} rows: `everybody`" in length
    assert "Target shift: `nudge`" in length
    assert "Same set and target, by `z`: `moved`" in length


def test_a_single_rung_of_another_target_is_named_with_its_target(help_like: Result) -> None:
    result = beside_full(help_like, whole=spanning(-0.15) | {"target": "ATO"})
    assert "Target ATO, `whole`: −15.0 points (95 % CI −25.0 to −5.0)." in page(result)["Found"]
    result = beside_full(help_like, other=spanning(-0.15))
    assert "Same set and target, `other`: −15.0 points" in page(result)["Found"]


def test_two_cuts_of_a_dose_are_two_questions(help_like: Result) -> None:
    full = help_like.rung("full")

    def cut(name: str, *compared: str) -> RungBlock:
        profile = ProfileBlock(
            kind="threshold", axis="cut", unit="", level=0.95, critical=2, compared=compared,
            points=[], beside=[], contrasts=[], notes=[],
        )  # fmt: skip
        return full.model_copy(update={"name": name, "profile": profile})

    assert not same_question(cut("one", "below 1", "from 1"), cut("two", "below 2", "from 2"))
    assert same_question(cut("one", "below 1", "from 1"), cut("two", "below 1", "from 1"))


@pytest.mark.parametrize(
    ("estimator", "idle"),
    [("g_computation", {"effective_sample_size", "smd"}), ("ipw", {"common_support"})],
)
def test_a_threshold_that_judges_nothing_says_so(
    tmp_path: Path, estimator: str, idle: set[str]
) -> None:
    path = tmp_path / "gated.yaml"
    gates = "gates: {effective_sample_size: 5000, smd: 0.2, common_support: 0.2}\n"
    path.write_text(SPEC.replace("g_computation", estimator) + gates, encoding="utf-8")
    result = run(load_analysis(path))
    unjudged = [one for one in result.diagnostics if "judges nothing" in one.reason]
    assert {one.name for one in unjudged} == idle
    assert {one.verdict for one in unjudged} <= {"NOT_EVALUATED"}
    assert {one.rung for one in unjudged} <= {"full"}
    shown = report_page(result, []).partition("## 5.")[2].partition("## 6.")[0]
    assert ("no rung has weights" in shown) == ("smd" in idle)

"""Published trials through the command line: check, run, render, verify, why; and their pages."""

import json
import re
from pathlib import Path

import pytest

from causal.cli import DIFFERS, GATED, INVALID, OK, main
from causal.documents import parse_document
from causal.kinds import load_result
from causal.report.inline import to_text
from causal.summary.composing import run_summary
from causal.summary.document import SummaryResult
from causal.summary.leading import lead, short_verdict
from causal.summary.page import compose_summary, index_rows, rendered_summary, rendered_summary_html
from causal.summary.specification import summary_from
from causal.summary.words import randomised_sentences

ROOT = Path(__file__).parents[3]
TRIALS = sorted((ROOT / "reports").glob("trial_*"))
GATE = ["--require-design"]
NUMBER = re.compile(r"\d+\.\d+")
COHORT = f"""\
question: Does it run?
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
seed: 1
"""


@pytest.fixture
def made(tmp_path, forms):
    """Run a made-up trial of each form; give the folder of specifications and that of reports."""
    for form, text in forms.items():
        (tmp_path / f"{form}.yaml").write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert (
        main(["run", *(str(tmp_path / f"{form}.yaml") for form in forms), "--out", str(out)]) == 0
    )
    return tmp_path, out


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_writes_result_page_and_index_and_verifies(made, capsys):
    specs, out = made
    assert set(files(out)) == {Path("README.md")} | {
        Path(form) / name
        for form in ("shares", "counts", "differences")
        for name in (
            "results.json",
            "report.md",
            "report.html",
            "figures/stages.svg",
            "figures/confidence.svg",
        )
    }
    capsys.readouterr()
    assert main(["verify", str(out / "counts"), "--analyses", str(specs)]) == OK
    assert "Every field equals that of a re-run" in capsys.readouterr().out
    assert "## Published trials" in (out / "README.md").read_text(encoding="utf-8")


def test_a_second_run_and_a_render_give_the_same_bytes(made):
    specs, out = made
    before = files(out)
    assert main(["run", str(specs / "counts.yaml"), "--out", str(out)]) == OK
    assert files(out) == before
    for name in ("report.md", "report.html"):
        (out / "counts" / name).unlink()
    assert main(["render", str(out / "counts")]) == OK
    assert files(out) == before


def test_verify_names_the_number_the_page_and_the_specification_that_were_changed(made, capsys):
    specs, out = made
    result, page = out / "shares" / "results.json", out / "shares" / "report.md"
    whole, text = result.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")
    document = json.loads(whole)
    document["wald"] += 0.01
    result.write_text(json.dumps(document), encoding="utf-8")
    verify = ["verify", str(out / "shares"), "--analyses", str(specs)]
    assert main(verify) == DIFFERS
    assert "/wald" in capsys.readouterr().err
    assert main([*verify[:2], "--analyses", str(out)]) == DIFFERS
    assert "checksum" in capsys.readouterr().err
    result.write_text(whole, encoding="utf-8")
    page.write_text(text.replace("randomised", "adjusted"), encoding="utf-8")
    assert main(verify) == DIFFERS
    assert "report.md:" in capsys.readouterr().err
    page.write_text(text, encoding="utf-8")
    spec = specs / "shares.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("0.7", "0.71"), encoding="utf-8")
    assert main(verify) == DIFFERS
    assert "/specification" in capsys.readouterr().err


def test_a_result_of_another_schema_is_refused_with_the_field(made, capsys):
    _, out = made
    result = out / "shares" / "results.json"
    result.write_text(
        result.read_text(encoding="utf-8").replace('"wald"', '"wold"'), encoding="utf-8"
    )
    assert main(["render", str(out / "shares")]) == DIFFERS
    assert "/wald: does not follow the schema" in capsys.readouterr().err


def test_check_says_what_randomisation_identifies_and_what_it_does_not(made, capsys):
    specs, _ = made
    assert main(["check", str(specs / "counts.yaml")]) == OK
    said = capsys.readouterr().out
    assert "Identified by randomisation: the effect of assignment to referred on meetings" in said
    assert "no number here can show that" in said
    assert "bounds and the instrumental inequality are given too" in said


def test_bad_input_ends_before_anything_is_written(tmp_path, forms, capsys):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(forms["shares"], encoding="utf-8")
    bad.write_text(forms["shares"].replace("of: randomised, ", ""), encoding="utf-8")
    for verb in (["check", str(bad)], ["run", str(good), str(bad), "--out", str(tmp_path / "o")]):
        assert main(verb) == INVALID
        message = capsys.readouterr().err
        assert message.startswith(f"error: {bad}:7: arms[0]: arm 'referred' does not say whether")
        assert "Traceback" not in message
    assert not (tmp_path / "o").exists()


def test_an_unknown_kind_of_design_lists_all_of_them(tmp_path, forms, capsys):
    path = tmp_path / "trial.yaml"
    path.write_text(forms["shares"].replace("kind: summary", "kind: sumary"), encoding="utf-8")
    assert main(["check", str(path)]) == INVALID
    said = capsys.readouterr().err
    assert "trial.yaml:2: design.kind: unknown kind 'sumary'. Did you mean 'summary'?" in said
    assert "baseline, lagged_intervals, summary" in said


def test_a_file_name_that_is_no_folder_name_is_refused(tmp_path, forms, capsys):
    path = tmp_path / "a trial.yaml"
    path.write_text(forms["shares"], encoding="utf-8")
    assert main(["check", str(path)]) == INVALID
    assert "is to name a folder of reports" in capsys.readouterr().err


def test_a_weak_first_stage_is_a_gate(tmp_path, forms, capsys):
    path = tmp_path / "weak.yaml"
    path.write_text(forms["shares"].replace("exposed: 0.7", "exposed: 0.35"), encoding="utf-8")
    out = ["--out", str(tmp_path / "out")]
    assert main(["run", str(path), *out]) == OK
    assert "the first-stage F is 1.1" in capsys.readouterr().err
    assert main(["run", str(path), *out, "--require-design"]) == GATED


def test_cohorts_and_trials_stand_in_one_index(tmp_path, forms):
    (tmp_path / "cohort.yaml").write_text(COHORT, encoding="utf-8")
    (tmp_path / "trial.yaml").write_text(forms["counts"], encoding="utf-8")
    out = tmp_path / "out"
    specs = [str(tmp_path / "cohort.yaml"), str(tmp_path / "trial.yaml")]
    assert main(["run", *specs, "--out", str(out)]) == OK
    index = (out / "README.md").read_text(encoding="utf-8")
    assert index.index("cohort/report.md") < index.index("trial/report.md")


def test_why_gives_the_printed_numbers_behind_a_number(made, capsys):
    _, out = made
    assert main(["why", str(out / "shares"), "sets/0/region"]) == OK
    said = capsys.readouterr().out
    assert "analyses/shares.yaml:7:   - {name: referred" in said
    assert "Fieller" in said
    assert main(["why", str(out / "shares"), "walt"]) == INVALID
    assert "Nearest: /wald" in capsys.readouterr().err


def test_every_part_of_the_document_has_an_origin(made):
    _, out = made
    tree = json.loads((out / "counts" / "results.json").read_text(encoding="utf-8"))
    for part in tree:
        assert main(["why", str(out / "counts"), f"/{part}"]) == OK


@pytest.mark.parametrize("folder", TRIALS, ids=lambda p: p.name)
def test_committed_trials_are_what_their_specifications_give(folder, capsys):
    assert main(["verify", str(folder), "--analyses", str(ROOT / "analyses")]) == OK
    assert "Every field equals" in capsys.readouterr().out


@pytest.mark.parametrize("folder", TRIALS, ids=lambda p: p.name)
def test_numbers_of_a_page_are_fields_of_its_result(folder):
    result = load_result(folder / "results.json")
    assert isinstance(result, SummaryResult)
    text = rendered_summary(result)["report.md"].decode()
    tree = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    shown = set(NUMBER.findall(text.split("## 6.")[0].replace("doi:", " doi:")))
    shown -= set(NUMBER.findall(" ".join(re.findall(r"doi:\S+", text))))
    known = {"-1.00", "1.00", "0.00"}
    for value in numbers(tree):
        for scaled in (value, 100 * value):
            known |= {f"{abs(scaled):.{places}f}" for places in range(5)}
    words = " ".join(strings(tree))
    assert shown - known - set(NUMBER.findall(words)) == set()


def numbers(node):
    """Give every number of a tree."""
    if isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from numbers(one)
    elif isinstance(node, int | float):
        yield float(node)


def strings(node):
    """Give every text of a tree."""
    if isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from strings(one)
    elif isinstance(node, str):
        yield node


def page_of(name):
    result = load_result(ROOT / "reports" / name / "results.json")
    return result, " ".join(rendered_summary(result)["report.md"].decode().split())


def test_an_unbounded_set_is_said_in_words_and_no_normal_interval_is_headlined():
    _, text = page_of("trial_timko")
    assert "the data exclude only values between −6.74 and −0.08" in text
    assert "of the effects there can be the 95 % set leaves those from −0.08 to 1.00" in text
    assert "below 23.1: the ratio plus or minus standard errors would be no 95 % interval" in text
    assert "It is not the effect of weekly attendance" in text
    assert "Nothing is adjusted for" in text


def test_an_impossible_ratio_has_three_readings_and_none_is_asserted():
    _, text = page_of("trial_timko")
    assert "three ways, chance, exclusion violated or coarsened dose, which these data" in text
    for reading in ("Chance:", "Exclusion violated:", "Coarsened dose:"):
        assert text.count(reading) == 1
    assert "An impossible ratio" not in page_of("trial_manning")[1]


def test_a_set_that_holds_no_possible_effect_is_said_to_contradict_the_instrument(tmp_path, forms):
    text = forms["shares"].replace("exposed: 0.7, outcome: 0.5", "exposed: 0.42, outcome: 0.9")
    text = text.replace("n: 200", "n: 2000").replace("outcome: 0.4}", "outcome: 0.2}")
    (tmp_path / "far.yaml").write_text(text, encoding="utf-8")
    assert main(["run", str(tmp_path / "far.yaml"), "--out", str(tmp_path)]) == OK
    result = load_result(tmp_path / "far" / "results.json")
    assert result.chief.possible == []
    assert "the numbers contradict the instrument" in rendered_summary(result)["report.md"].decode()
    assert main(["run", str(tmp_path / "far.yaml"), "--out", str(tmp_path), *GATE]) == GATED


NO_FIRST_STAGE = (
    ("both: 80, exposed_only: 60, outcome_only: 20, neither: 40",
     "both: 400, exposed_only: 100, outcome_only: 100, neither: 400"),
    ("both: 40, exposed_only: 20, outcome_only: 50, neither: 90",
     "both: 5, exposed_only: 495, outcome_only: 250, neither: 250"),
)  # fmt: skip
BEYOND = (
    ("correlation: [0, 0.2]", "correlation: 0.25, level: 0.9"),
    ("n: 200, exposed: 0.7, outcome: 0.5", "n: 1000, exposed: 0.6, outcome: 0.8"),
    ("n: 200, exposed: 0.3, outcome: 0.4", "n: 1000, exposed: 0.2, outcome: 0.2"),
)


def replaced(text, pairs):
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return run_summary(summary_from(parse_document(text, "trial.yaml")))


@pytest.mark.parametrize(("form", "pairs"), [("counts", NO_FIRST_STAGE), ("shares", BEYOND)])
def test_lead_stamp_and_section_agree_that_no_possible_effect_is_left(forms, form, pairs):
    result = replaced(forms[form], pairs)
    page = " ".join(rendered_summary(result)["report.md"].decode().split())
    assert result.chief.possible == []
    assert result.diagnostics[-1].name == "impossible_ratio"
    assert result.diagnostics[-1].verdict == "FAIL"
    assert lead(result).startswith("These numbers contradict the instrument")
    assert short_verdict(result) == "the numbers contradict the instrument"
    stamp = page[page.index("**Checks not passed:**") : page.index("## In short")]
    assert "holds no effect there can be on a probability" in stamp
    assert "moved it too little" not in page
    assert "leaves out 0" not in page
    assert "Chance is excluded" in page
    assert "Two readings are left, exclusion violated or coarsened dose" in page
    assert "Chance:" not in page


def test_recoding_the_outcome_leaves_what_is_said_of_an_impossible_ratio(forms):
    turned = (
        (BEYOND[0][0], BEYOND[0][1].replace("0.25", "-0.25")),
        (BEYOND[1][0], BEYOND[1][1].replace("outcome: 0.8", "outcome: 0.2")),
        (BEYOND[2][0], BEYOND[2][1].replace("outcome: 0.2", "outcome: 0.8")),
    )
    here, there = replaced(forms["shares"], BEYOND), replaced(forms["shares"], turned)
    assert there.wald == pytest.approx(-here.wald)
    assert there.chief.chance == pytest.approx(here.chief.chance)
    assert there.chief.readings == here.chief.readings
    assert there.diagnostics[-1].value == pytest.approx(here.diagnostics[-1].value)


def test_a_set_contradicted_at_the_leading_correlation_only_is_said_to_be_so(forms):
    result = replaced(forms["shares"], BEYOND)
    others = result.sets[0].model_copy(update={"possible": [(0.9, 1.0)]})
    both = result.model_copy(update={"sets": [result.chief, others]})
    assert "though not at every one tried" in lead(both)
    assert "though not at every one tried" not in lead(result)


def test_an_assumed_denominator_is_never_said_to_be_printed():
    for name, of in (("trial_timko", "all those randomised"), ("trial_manning", "those followed")):
        result, text = page_of(name)
        said = randomised_sentences(result)
        assert f"taken as of {of}" in said
        assert "the paper does not say" in said
        assert "The arms are taken as equally large" in said
        assert "as printed" not in said
        assert "Persons, assumed" in text
    assert "as printed" in randomised_sentences(page_of("trial_vederhus")[0])


def test_an_assumed_denominator_is_taken_as_such_by_check(forms, tmp_path, capsys):
    path = tmp_path / "trial.yaml"
    text = forms["shares"].replace("of: randomised", "of: randomised, assumed: [denominator]")
    path.write_text(text, encoding="utf-8")
    assert main(["check", str(path)]) == OK
    assert "The numbers are taken as of all those randomised" in capsys.readouterr().out


def test_the_footer_claims_no_more_than_holds():
    _, text = page_of("trial_timko")
    assert "Outside references, fixed limits (−1, 1 and 10) and the specification, every" in text


def test_html_says_what_markdown_says():
    for folder in TRIALS:
        result = load_result(folder / "results.json")
        html = rendered_summary_html(result).decode()
        for section in compose_summary(result).sections:
            assert to_text(section.title) in html
        assert html.count("<table>") == len(re.findall(r"^\| -", _markdown(result), re.MULTILINE))


def test_the_index_has_no_table_without_trials():
    assert index_rows([]) == ""


def _markdown(result):
    return rendered_summary(result)["report.md"].decode()

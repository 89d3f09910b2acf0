"""Published trials through the command line: check, run, render, verify, why; and their pages."""

import json
import re
from pathlib import Path

import pytest

from causal.cli import DIFFERS, GATED, INVALID, OK, main
from causal.kinds import load_result
from causal.report.inline import to_text
from causal.summary.document import SummaryResult
from causal.summary.page import compose_summary, index_rows, rendered_summary, rendered_summary_html

ROOT = Path(__file__).parents[3]
TRIALS = sorted((ROOT / "reports").glob("trial_*"))
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
        for name in ("results.json", "report.md", "report.html")
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
    assert "Identified by randomisation: the effect of facilitation on meetings" in said
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
    assert "below 23.1: the ratio plus or minus standard errors would be no 95 % interval" in text
    assert "It is not the effect of weekly attendance" in text
    assert "Nothing is adjusted for" in text


def test_an_impossible_ratio_has_three_readings_and_none_is_asserted():
    _, text = page_of("trial_timko")
    assert "these numbers cannot tell them apart" in text
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

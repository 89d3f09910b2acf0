"""What is asked in vain is said once, by check and by run, and on the first page."""

from __future__ import annotations

from pathlib import Path

import pytest

from causal.cli import INVALID, OK, main
from causal.pipeline import run
from causal.planning import plan_analysis
from causal.registry import describe
from causal.remarks import remarks
from causal.report.short import short_page
from causal.spec import load_analysis

ROOT = Path(__file__).parents[2]
ARMS = f"""\
question: Do kinds of groups differ?
dataset: simulated_groups
options: {{scenario: kinds, n: 600, seed: 2}}
design:
  kind: baseline
  exposure: group
  exposure_wave: 0
  outcome: use
  outcome_at: next_scheduled
  arms: {{reference: neither, compared: twelve_step, others: [smart]}}
chosen: before_estimates
dag: {ROOT}/analyses/dags/simulated_groups.yaml
ladder:
  - {{name: crude, estimator: {{kind: arm_means}}}}
  - {{name: full, adjust: dag, estimator: {{kind: arm_contrasts, method: aipw}}}}
refuters:
  - {{kind: placebo_exposure, draws: 20}}
  - {{kind: dummy_outcome, draws: 20}}
sensitivity: [{{kind: e_value}}]
seed: 1
"""
TWO = f"""\
question: Does one of two arms differ?
dataset: simulated
options: {{n: 300, seed: 3}}
design: {{kind: baseline, exposure: mhg_weekly, exposure_wave: 6, outcome: abstinent}}
chosen: before_estimates
dag: {ROOT}/analyses/dags/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: dag, estimator: {{kind: g_computation}}}}
refuters: [{{kind: placebo_exposure, draws: 20}}]
sensitivity: [{{kind: e_value}}]
seed: 1
"""


def write(tmp_path: Path, text: str, name: str = "spec") -> Path:
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def said_of(path: Path) -> tuple[str, ...]:
    specification = load_analysis(path)
    return remarks(plan_analysis(specification, describe(specification.analysis.dataset)))


def test_what_cannot_look_at_several_arms_is_said_once_with_the_reason(tmp_path, capsys):
    path = write(tmp_path, ARMS)
    (said,) = said_of(path)
    assert said.startswith(f"{path}:16: refuters: 3 of 3 refuters and sensitivity analyses")
    assert "(placebo_exposure, dummy_outcome, e_value)" in said
    assert "for the headline 'full': the rung compares 3 arms" in said
    assert main(["check", str(path)]) == OK
    assert f"warning: {said}" in capsys.readouterr().out


def test_run_warns_too_and_the_first_page_says_that_nothing_could_be_tried(tmp_path, capsys):
    path = write(tmp_path, ARMS)
    assert main(["run", str(path), "--out", str(tmp_path / "reports")]) == OK
    assert capsys.readouterr().err.startswith(f"warning: {path}:16: refuters: 3 of 3")
    page = (tmp_path / "reports" / "spec" / "report.md").read_text(encoding="utf-8")
    said = "None of the 3 refuters and sensitivity analyses declared can be evaluated here"
    assert f"{said} (section 8)." in page


def test_where_everything_can_be_tried_nothing_is_said(tmp_path):
    path = write(tmp_path, TWO)
    assert not said_of(path)
    assert "None of the" not in dict(short_page(run(load_analysis(path)), {}))["Attempts to refute"]


def test_the_reason_foretold_is_the_one_the_result_gives(tmp_path):
    path = write(tmp_path, ARMS)
    (said,) = said_of(path)
    result = run(load_analysis(path))
    reasons = {one.reason for one in result.refutations}
    (reason,) = reasons
    assert reason.removeprefix("Not evaluated: ").rstrip(".") in said
    assert (
        result.sensitivity[0].sentence.removeprefix("This analysis does not apply: ")[:-1] in said
    )


def test_of_an_instrument_only_what_is_of_no_use_there_is_named(tmp_path):
    text = TWO.replace(
        "{name: full, adjust: dag, estimator: {kind: g_computation}}",
        "{name: full, adjust: dag, instrument: facilitation, estimator: {kind: iv}}",
    ).replace("chosen:", "estimand: {target: LATE}\nchosen:")
    text = text.replace(
        "[{kind: e_value}]", "[{kind: e_value}, {kind: instrument_omitted_variable}]"
    )
    placebo, analyses = said_of(write(tmp_path, text))
    assert "1 of 3 refuters and sensitivity analyses (placebo_exposure)" in placebo
    assert ":12: sensitivity: 1 of 3" in analyses
    assert "(e_value)" in analyses


def test_a_subgroup_by_the_outcome_may_turn_out_unknown(tmp_path, capsys):
    subgroup = "subgroups: [{column: %s, at: baseline, levels: {a: [0], b: [1]}, reason: r}]\nseed"
    path = write(tmp_path, TWO.replace("seed: 1", subgroup % "abstinent" + ": 1"))
    (said,) = said_of(path)
    assert said.startswith(f"{path}:12: subgroups[0]: 'abstinent' is the outcome")
    assert main(["run", str(path), "--out", str(tmp_path / "reports")]) == INVALID
    warned, failed = capsys.readouterr().err.splitlines()
    assert warned == f"warning: {said}"
    assert failed.startswith(
        f"error: {path}:12: subgroups[0]: 'abstinent' is not known at baseline"
    )
    assert not said_of(write(tmp_path, TWO.replace("seed: 1", subgroup % "female" + ": 1")))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "seed: 1",
            "restrict: [{column: severity_score, at: baseline, low: 99, reason: r}]\nseed: 1",
            "{path}:12: restrict[0]: nobody is left after the step 'severity_score@baseline",
        ),
        (
            "dag:",
            "population: severity_score > 99\ndag:",
            "{path}:6: population: nobody is left after the step 'population",
        ),
        (
            "exposure_wave: 6",
            "exposure_wave: 18",
            "{path}:4: design: nobody is left after the step 'interviewed at wave 18'",
        ),
    ],
)
def test_an_error_of_the_run_names_the_specification_and_the_key(tmp_path, capsys, old, new, said):
    fine, path = write(tmp_path, TWO, "fine"), write(tmp_path, TWO.replace(old, new, 1), "faulty")
    assert main(["run", str(path), str(fine), "--out", str(tmp_path / "reports")]) == INVALID
    assert f"error: {said.format(path=path)}" in capsys.readouterr().err


def test_what_lies_elsewhere_is_named_beside_the_specification(tmp_path, capsys):
    path = write(tmp_path, TWO.replace("dataset: simulated", "dataset: simulatd"))
    assert main(["check", str(path)]) == INVALID
    assert capsys.readouterr().err.startswith(f"error: {path}: there is no data set")
    dag = tmp_path / "dag.yaml"
    dag.write_text("nonsense: true\n", encoding="utf-8")
    path = write(tmp_path, TWO.replace(f"{ROOT}/analyses/dags/simulated.yaml", "dag.yaml"))
    assert main(["check", str(path)]) == INVALID
    assert capsys.readouterr().err.startswith(f"error: {path}: {dag}:1:")
    odd = write(tmp_path, TWO, "odd name!")
    assert main(["check", str(odd)]) == INVALID
    assert capsys.readouterr().err.startswith(f"error: {odd}: the file name 'odd name!.yaml'")


def test_verify_names_the_specification_of_an_error(tmp_path, capsys):
    reports, dag = tmp_path / "reports", tmp_path / "dag.yaml"
    text = (ROOT / "analyses" / "dags" / "simulated.yaml").read_text(encoding="utf-8")
    dag.write_text(text, encoding="utf-8")
    path = write(tmp_path, TWO.replace(f"{ROOT}/analyses/dags/simulated.yaml", "dag.yaml"))
    assert main(["run", str(path), "--out", str(reports)]) == OK
    capsys.readouterr()
    dag.write_text("nonsense: true\n", encoding="utf-8")
    assert main(["verify", str(reports / "spec"), "--analyses", str(tmp_path)]) == INVALID
    assert capsys.readouterr().err.startswith(f"error: {path}: {dag}:1:")

"""Bad input as a user meets it: exit code, one short message, nothing half-written."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import causal.datasets
from causal.cli import DIFFERS, GATED, INTERRUPTED, INVALID, OK, main

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "analyses" / "dags"

SPEC = f"""\
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
dag: {DAGS}/simulated.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - name: full
    adjust: [severity, motivation]
    estimator: {{kind: g_computation}}
seed: 1
"""

LAGGED = f"""\
question: Does it refuse?
dataset: simulated
options: {{scenario: reverse_only, n: 200, seed: 3}}
design:
  kind: lagged_intervals
  exposure: mhg_weekly
  outcome: drug_use
chosen: before_estimates
dag: {DAGS}/relapse.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: full, adjust: [prior_use, use_at_end], estimator: {{kind: g_computation}}}}
seed: 1
"""

TOML = """\
title = "Two waves made up for a test"
unit = "person"
wave_unit = "months"
wave_days = 30
waves = [0, 6, 12]
access = "open"
licence = "none"
citation = "none"
min_cell = 0
t0_rule = "enrolment"
how_to_get = "nowhere"

[sources.main]
columns = 1
rows = 1

[populations.all]
reason = "Everybody."
"""

CODEBOOK = """\
column,description,kind,unit,low,high,levels,recall,concept
person_id,person,id,,,,,,
wave,months,count,months,0,12,,,
joined,joined a group,binary,,,,0=no; 1=yes,interval,
clean,no use,binary,,,,0=no; 1=yes,30,
worry,worry,continuous,score,0,10,,now,severity@baseline
"""


def write(tmp_path: Path, text: str, name: str = "spec") -> Path:
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a verb that must exit 2 with one message and no traceback; give the message."""
    assert main([str(a) for a in arguments]) == INVALID
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert len(said.err) < 900
    return said.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("question:", "qestion:", r"spec.yaml:1: qestion: unknown key.*mean 'question'"),
        ("    adjust:", "    ajust:", r"spec.yaml:15: .*unknown key 'ajust'.*mean 'adjust'"),
        ("seed: 1", "seed: 1\nseed: 2", r"spec.yaml:18: seed: key given twice \(first on line 17"),
        ("g_computation", "g_comptation", r"spec.yaml:16: .*mean 'g_computation'.*Choices"),
        ("{kind: g_computation}", "{kind: g_computation, targt: ATT}", r"mean 'target'"),
        ("[severity,", "[sevrity,", r"spec.yaml:15: ladder\[1\].adjust: .*mean 'severity'"),
        ("mhg_weekly", "mhg_weakly", r"spec.yaml:6: design.exposure: .*mean 'mhg_weekly'"),
        ("abstinent", "abstinant", r"spec.yaml:8: design.outcome: .*mean 'abstinent'"),
        ("dataset: simulated", "dataset: simulatd", r"no data set 'simulatd'.*mean 'simulated'"),
        ("n: 400", "n: 4", r"spec.yaml:3: options: option 'n' is 4; expected 50"),
        ("n: 400", "m: 400", r"no option 'm'"),
        ("exposure_wave: 6", "exposure_wave: 7", r"no wave 7; waves are 0, 6, 12"),
        ("seed: 1", "seed: !!python/object:os.system 1", r"YAML tag"),
        ("seed: 1", "seed: -1", r"spec.yaml:17: seed: found -1"),
        ("seed: 1", "population: exit(1)\nseed: 1", r"spec.yaml:17: population: .*a call"),
        ("seed: 1", "population: nobody\nseed: 1", r"no population 'nobody'.*Choices: all"),
        ("simulated.yaml", "simulatd.yaml", r"spec.yaml:11: dag: there is no file"),
        ("kind: mean_difference", "kind: aipw", r"the first rung .*must be crude"),
        ("name: full", "name: crude", r"'crude' stands twice"),
        (
            "{kind: g_computation}",
            "{kind: g_computation, variance: {kind: classical}}",
            r"no classical standard error",
        ),
        (
            "{kind: g_computation}",
            "{kind: ipw, propensity: {terms: [motivation_scor]}}",
            r"no term 'motivation_scor'.*mean 'motivation_score'",
        ),
        ("seed: 1", "estimand: {scale: mean_difference}\nseed: 1", r"called risk_difference"),
        ("seed: 1", "estimand: {target: ATO}\nseed: 1", r"no adjusted rung has the target 'ATO'"),
        ("seed: 1", "headline: crude\nseed: 1", r"headline 'crude' is not a rung"),
        ("question: Does", "question: a: Does", r"spec.yaml:1: is not valid YAML.*quotes"),
    ],
)
def test_a_fault_in_the_specification_is_said_with_place_choices_and_remedy(
    tmp_path, capsys, old, new, said
):
    import re

    assert old in SPEC
    path = write(tmp_path, SPEC.replace(old, new, 1))
    out = tmp_path / "reports"
    message = fails(capsys, "run", path, "--out", out)
    assert re.search(said, message.replace("\n", " ")), message
    assert not list(out.glob("**/*.*"))


def test_adjusting_for_what_follows_exposure_is_refused_unless_marked_as_a_bracket(
    tmp_path, capsys
):
    message = fails(capsys, "check", write(tmp_path, LAGGED))
    assert "'use_at_end' (drug_use) is measured after exposure begins" in message
    assert "role: bracket" in message
    marked = LAGGED.replace("name: full,", "name: full, role: bracket,").replace(
        "seed: 1", "estimand: {target: ATE}\nseed: 1"
    )
    assert main(["check", str(write(tmp_path, marked))]) == OK


def test_a_column_left_out_on_purpose_is_refused_with_the_reason(tmp_path, capsys):
    text = (ROOT / "analyses" / "help_first_interval.yaml").read_text(encoding="utf-8")
    text = text.replace("outcome: drug_use", "outcome: DEAD").replace("dags/", f"{DAGS}/")
    assert "without a date" in fails(capsys, "check", write(tmp_path, text))


@pytest.fixture
def made_up(tmp_path):
    """Offer a data set folder whose CSV a test writes."""
    folder = tmp_path / "sets" / "made_up"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "adapter.py").write_text("def build(raw):\n    return raw['main']\n")
    (folder / "card.md").write_text("# Made up\n")
    (folder / "codebook.csv").write_text(CODEBOOK)
    (folder / "dataset.toml").write_text(TOML)
    causal.datasets.__path__.append(str(folder.parent))
    yield folder
    causal.datasets.__path__.remove(str(folder.parent))
    for name in [n for n in sys.modules if n.startswith("causal.datasets.made_up")]:
        del sys.modules[name]


def rows(n: int = 40) -> list[dict[str, object]]:
    """Make persons whose exposure and outcome vary."""
    made = []
    for i in range(n):
        made.append({"person_id": f"p{i:03d}", "wave": 0, "worry": (i * 7) % 10})
        made.append({"person_id": f"p{i:03d}", "wave": 6, "joined": i % 2})
        made.append({"person_id": f"p{i:03d}", "wave": 12, "clean": (i // 2) % 2})
    return made


def run_made_up(folder: Path, tmp_path: Path, made: list[dict[str, object]]) -> list[str]:
    """Write the CSV and its size, and give the arguments that run on it."""
    import pandas as pd

    columns = ["person_id", "wave", "joined", "clean", "worry"]
    table = pd.DataFrame(made).reindex(columns=columns)
    table.to_csv(tmp_path / "main.csv", index=False)
    toml = TOML.replace("columns = 1\nrows = 1", f"columns = {len(columns)}\nrows = {len(table)}")
    (folder / "dataset.toml").write_text(toml)
    spec = SPEC.replace("dataset: simulated\noptions: {n: 400, seed: 3}", "dataset: made_up")
    spec = spec.replace("mhg_weekly", "joined").replace("abstinent", "clean")
    spec = spec.replace("[severity, motivation]", "[severity]")
    data = str(tmp_path / "main.csv")
    return ["run", str(write(tmp_path, spec)), "--out", str(tmp_path / "out"), "--data", data]


def changed(column: str, value: object, wave: int, every: int = 1) -> list[dict[str, object]]:
    """Set a column at a wave, for every so many persons."""
    made = rows()
    at = [row for row in made if row["wave"] == wave]
    for row in at[::every]:
        row[column] = value
    return made


def test_the_made_up_data_run_when_nothing_is_wrong(made_up, tmp_path, capsys):
    assert main(run_made_up(made_up, tmp_path, rows())) == OK
    assert (tmp_path / "out" / "spec" / "report.md").is_file()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (changed("joined", 1, 6), "everyone has exposure 1"),
        (changed("clean", 1, 12), "the outcome 'clean' is 1 in all 40 rows"),
        (changed("joined", None, 6, 4), "the exposure 'joined' is missing (NaN) in 10 of 40 rows"),
        ([*rows(), rows()[0]], "repeat a person and wave, first person p000"),
        (changed("clean", 2, 12, 5), "8 values are outside the codebook, first"),
        (changed("worry", 11, 0, 5), "expected 0 to 10"),
        ([{**row, "wave": row["wave"] or 3} for row in rows()], "wave 3, which is not among"),
    ],
    ids=["empty arm", "constant", "NaN exposure", "repeated", "code", "range", "wave"],
)
def test_bad_data_are_refused_with_place_and_remedy(made_up, tmp_path, capsys, made, said):
    message = fails(capsys, *run_made_up(made_up, tmp_path, made))
    assert said in message
    assert not list((tmp_path / "out").glob("*"))


def test_perfect_separation_names_the_rung_and_the_term(made_up, tmp_path, capsys):
    made = rows()
    for row in made:
        if row["wave"] == 0:
            row["worry"] = 9 if int(str(row["person_id"])[1:]) % 2 else 1
    arguments = run_made_up(made_up, tmp_path, made)
    spec = Path(arguments[1])
    spec.write_text(spec.read_text().replace("g_computation", "ipw"))
    message = fails(capsys, *arguments)
    assert "ladder[1].name: perfect separation" in message
    assert "'worry'" in message


def test_a_dropped_column_is_named(made_up, tmp_path, capsys):
    arguments = run_made_up(
        made_up, tmp_path, [{k: v for k, v in r.items() if k != "worry"} for r in rows()]
    )
    csv = tmp_path / "main.csv"
    csv.write_text(
        "\n".join(",".join(line.split(",")[:-1]) for line in csv.read_text().splitlines())
    )
    toml = made_up / "dataset.toml"
    toml.write_text(toml.read_text().replace("columns = 5", "columns = 4"))
    assert "worry" in fails(capsys, *arguments)


def test_an_output_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    message = fails(capsys, "run", write(tmp_path, SPEC), "--out", blocked / "reports")
    assert "cannot be written to" in message


def test_no_specification_is_run_when_one_of_them_is_bad(tmp_path, capsys):
    good, bad = write(tmp_path, SPEC, "good"), write(tmp_path, SPEC.replace("seed: 1", ""), "bad")
    assert "missing key 'seed'" in fails(capsys, "run", good, bad, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_gate_exits_3_only_when_the_design_is_required(tmp_path, capsys):
    strict = SPEC.replace("{kind: g_computation}", "{kind: ipw}").replace(
        "seed: 1", "gates: {effective_sample_size: 1000}\nseed: 1"
    )
    path, out = write(tmp_path, strict), str(tmp_path / "out")
    assert main(["run", str(path), "--out", out]) == OK
    assert "effective_sample_size of rung full" in capsys.readouterr().err
    assert main(["run", str(path), "--out", out, "--require-design"]) == GATED


def test_verify_passes_on_a_report_and_names_the_first_field_once_a_number_is_changed(
    tmp_path, capsys
):
    import json

    path, out = write(tmp_path, SPEC), tmp_path / "out"
    assert main(["run", str(path), "--out", str(out)]) == OK
    verify = ["verify", str(out / "spec"), "--analyses", str(tmp_path)]
    assert main(verify) == OK
    assert "equals that of a re-run" in capsys.readouterr().out
    results = out / "spec" / "results.json"
    body = json.loads(results.read_text(encoding="utf-8"))
    body["rungs"][1]["estimate"] += 0.01
    results.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert main(verify) == DIFFERS
    assert "/rungs/1/estimate: found" in capsys.readouterr().err
    elsewhere = ["verify", str(out / "spec"), "--analyses", str(tmp_path / "nowhere")]
    assert main(elsewhere) == DIFFERS  # without specification or data the checksum tells
    assert "checksum" in capsys.readouterr().err


def test_verify_names_a_report_that_was_edited_by_hand(tmp_path, capsys):
    path, out = write(tmp_path, SPEC), tmp_path / "out"
    assert main(["run", str(path), "--out", str(out)]) == OK
    report = out / "spec" / "report.md"
    report.write_text(report.read_text(encoding="utf-8").replace("association", "effect"))
    assert main(["verify", str(out / "spec"), "--analyses", str(tmp_path)]) == DIFFERS
    assert "report.md:" in capsys.readouterr().err


def test_render_gives_the_same_report_from_the_result_alone(tmp_path):
    path, out = write(tmp_path, SPEC), tmp_path / "out"
    assert main(["run", str(path), "--out", str(out)]) == OK
    files = {p: p.read_bytes() for p in (out / "spec").rglob("*") if p.is_file()}
    for file in files:
        if file.name != "results.json":
            file.unlink()
    assert main(["render", str(out / "spec")]) == OK
    assert {p: p.read_bytes() for p in (out / "spec").rglob("*") if p.is_file()} == files


def bytes_at(jobs, path, tmp_path):
    """Run a specification with some processes; give what it wrote, by file."""
    folder = tmp_path / jobs
    assert main(["run", str(path), "--out", str(folder), "--jobs", jobs]) == OK
    return {one.relative_to(folder): one.read_bytes() for one in folder.rglob("*.*")}


def test_one_and_two_jobs_give_the_same_bytes(tmp_path):
    path = write(tmp_path, SPEC)
    assert bytes_at("1", path, tmp_path) == bytes_at("2", path, tmp_path)


EVERYTHING = """
question: Does whatever is drawn hang on the number of processes?
dataset: simulated
options: {scenario: strong_facilitation, n: 400, seed: 1}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
dag: DAGS/simulated_controls.yaml
ladder:
  - {name: crude, estimator: {kind: mean_difference}}
  - {name: full, adjust: [severity, motivation, network_support], estimator: {kind: g_computation}}
  - {name: folds, adjust: [severity], estimator: {kind: aipw, cross_fit: {folds: 2}}}
  - {name: through, instrument: [facilitation], estimator: {kind: iv, method: tsls}}
headline: full
refuters:
  - {kind: placebo_exposure, draws: 20}
  - {kind: data_subset, draws: 20}
  - {kind: bootstrap, draws: 50, method: multiplier}
  - {kind: simulated_confounder, draws: 1, k: [1]}
  - kind: negative_control_outcome
    outcome: ailment_12
    concept: bodily_illness
    rationale: Meetings do nothing to complaints of body.
  - kind: negative_control_exposure
    exposure: clinic_weekly
    concept: clinic
    rationale: Visits to a clinic do nothing to abstinence.
  - {kind: graph_falsification, permutations: 20, max_given: 1}
power: {strengths: [0, 2], cohorts: 52, draws: 20, costly_cohorts: 20}
sensitivity:
  - {kind: e_value}
  - {kind: omitted_variable}
  - {kind: reliability, terms: [motivation_score], reliabilities: [0.9, 0.8]}
  - {kind: bounds}
seed: 1
"""


def test_whatever_is_drawn_is_the_same_at_any_number_of_processes(tmp_path):
    """Fifty-two cohorts are two tasks; strengths and refuters are further ones."""
    path = write(tmp_path, EVERYTHING.replace("DAGS", str(ROOT / "analyses" / "dags")))
    one, two = bytes_at("1", path, tmp_path), bytes_at("2", path, tmp_path)
    assert one == two
    result = json.loads(next(v for k, v in one.items() if k.name == "results.json"))
    curves = {found["kind"]: found["curve"] for found in result["refutations"]}
    assert all(curves[kind]["points"] for kind in curves if kind != "simulated_confounder")
    assert result["instruments"]
    assert all(found["verdict"] != "NOT_EVALUATED" for found in result["refutations"])


def test_ctrl_c_exits_130_and_leaves_the_last_good_report(tmp_path):
    path, out = write(tmp_path, SPEC), tmp_path / "out"
    assert main(["run", str(path), "--out", str(out)]) == OK
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    write(tmp_path, SPEC.replace("n: 400", "n: 2000000").replace("seed: 1", "seed: 2"))
    command = [sys.executable, "-m", "causal.cli", "run", str(path), "--out", str(out)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT)
    time.sleep(4)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == INTERRUPTED, said
    assert b"Traceback" not in said
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


FAST = 7
"""Times the processor's seconds that importing numpy and pydantic takes; 4 to 5 are measured, and
pandas, scipy or scikit-learn would add 3 or more."""


def seconds_of(command):
    """Give the least processor seconds of two runs; the first may have to compile."""
    kept = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = []
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=False, cwd=ROOT, env=kept)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


@pytest.mark.parametrize("arguments", [["--help"], ["check", "BAD"]])
def test_help_and_a_bad_check_answer_fast(tmp_path, arguments):
    """Held against what any run has to import, so that a slow or busy machine cancels."""
    bad = write(tmp_path, SPEC.replace("seed: 1", "sed: 1"))
    command = [sys.executable, "-m", "causal.cli", *arguments]
    command = [str(bad) if part == "BAD" else part for part in command]
    unavoidable = seconds_of([sys.executable, "-c", "import numpy, pydantic"])
    assert seconds_of(command) < FAST * unavoidable


def test_datasets_are_listed_and_shown(capsys):
    assert main(["datasets"]) == OK
    assert "simulated" in capsys.readouterr().out
    assert main(["datasets", "simulated"]) == OK
    assert "motivation_score@baseline (proxy)" in capsys.readouterr().out


def test_files_beside_the_reports_are_passed_over(tmp_path, capsys):
    path, out = write(tmp_path, SPEC), tmp_path / "out"
    assert main(["run", str(path), "--out", str(out)]) == OK
    both = [str(out / "README.md"), str(out / "spec")]
    assert main(["verify", *both, "--analyses", str(tmp_path)]) == OK
    assert main(["render", *both]) == OK


def test_companions_of_an_earlier_version_are_run_again_whichever_comes_first(tmp_path, capsys):
    specs = [
        str(write(tmp_path, f"{SPEC}companions: [{other}]\n", name))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    out = tmp_path / "reports"
    arguments = ["--out", str(out)]
    assert main(["run", *specs, *arguments]) == OK
    pages = [out / name / "report.md" for name in ("one", "two")]
    whole = [page.read_text(encoding="utf-8") for page in pages]
    assert "[two](../two/report.md)" in whole[0]
    for page in pages:
        stored = page.with_name("results.json")
        older = json.loads(stored.read_text(encoding="utf-8"))
        del older["question"]
        stored.write_text(json.dumps(older), encoding="utf-8")
        page.unlink()
    capsys.readouterr()
    assert main(["run", specs[0], *arguments]) == OK  # the other one is still of old
    assert "two: is of another version and stands in no index" in capsys.readouterr().err
    index = (out / "README.md").read_text(encoding="utf-8")
    assert "one/report.md" in index
    assert "two/report.md" not in index
    assert main(["run", *specs, *arguments]) == OK
    assert [page.read_text(encoding="utf-8") for page in pages] == whole
    assert (
        main(["verify", *map(str, (out / "one", out / "two")), "--analyses", str(tmp_path)]) == OK
    )


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            "variants: [{name: v, reason: why, outcome: abstinant}]",
            r"variants\[0\]: .*mean 'abstinent'",
        ),
        (
            "refuters: [{kind: negative_control_outcome, outcome: prior_outcome_control, "
            "concept: motivation, rationale: long enough}]",
            r"refuters\[0\]: 'motivation' is no negative control",
        ),
        ("refuters: [{kind: placebo}]", r"unknown kind 'placebo'.*placebo_exposure"),
        (
            "sensitivity: [{kind: omitted_variable, benchmarks: [severty]}]",
            r"sensitivity\[0\].*mean 'severity'",
        ),
        (
            "sensitivity: [{kind: omitted_variable, benchmarks: [[severity, followed]]}]",
            r"sensitivity\[0\].*'followed' has no column.*measured: .*severity",
        ),
        ("power: {strengths: [1, 2]}", r"power.*must start with 0"),
        (
            "refuters: [{kind: placebo_exposure}]\npower: {benchmark: severty}",
            r"power\.benchmark.*mean 'severity'",
        ),
        (
            "refuters: [{kind: placebo_exposure}]\npower: {benchmark: followed}",
            r"power\.benchmark.*'full' does not adjust for 'followed'.*Choices: motivation, sev",
        ),
        ("power: {cohorts: 20}", r"power: .*that of refuters, and there are none"),
        (
            "refuters: [{kind: simulated_confounder, benchmark: followed}]",
            r"refuters\[0\].*'full' does not adjust for 'followed'",
        ),
        (
            "sensitivity: [{kind: reliability, terms: [motivation_scor]}]",
            r"sensitivity\[0\].*no rung has a term.*mean 'motivation_score'",
        ),
        ("companions: [no_such]", r"spec.yaml:17: companions\[0\]: .*no analysis 'no_such' beside"),
        ("companions: [spec]", r"companions\[0\]: 'spec' is this very analysis"),
        (
            "variants:\n  - {name: v, reason: why}",
            r"spec.yaml:18: variants\[0\]: the variant 'v' changes nothing. Say with restrict",
        ),
        (
            "variants:\n  - {name: v, reason: why, weights: rows, outcome: abstinent}",
            r"spec.yaml:18: variants\[0\]: .*changes nothing",
        ),
        (
            "variants:\n  - name: v\n    reason: why\n    weights: persons\n    rungs: [ful]",
            r"spec.yaml:21: variants\[0\].rungs: there is no rung 'ful'.*mean 'full'",
        ),
        (
            "variants:\n  - {name: v, reason: why, weights: persons}\n"
            "  - {name: v, reason: again, outcome: drug_use}",
            r"spec.yaml:19: variants\[1\].name: the variant name 'v' stands twice",
        ),
        ("headline: fll", r"spec.yaml:17: headline: headline 'fll' is not a rung.*mean 'full'"),
        (
            "restrict:\n  - {column: female, at: baseline, low: 2, high: 0, reason: women}",
            r"spec.yaml:18: restrict\[0\]: low is 2, above high, 0, so nobody is left",
        ),
        (
            "restrict: [{column: female, at: baseline, reason: women}]",
            r"restrict\[0\]: a restriction keeps a range: say low, high or both",
        ),
        (
            "restrict: [{column: femal, at: baseline, low: 1, reason: women}]",
            r"restrict\[0\].*mean 'female'",
        ),
    ],
)
def test_check_finds_faults_of_variants_refuters_and_sensitivity(tmp_path, capsys, added, said):
    import re

    path = write(tmp_path, SPEC.replace("seed: 1", f"{added}\nseed: 1"))
    message = fails(capsys, "check", path).replace("\n", " ")
    assert re.search(said, message), message


WEIGHED = SPEC.replace("{kind: g_computation}", "{kind: ipw}")


@pytest.mark.parametrize(
    ("missing", "rung", "said"),
    [
        ("", "followed: {adjust: [severity]}", r"followed: followed weighs .*outcome: keep"),
        (
            "missing: {outcome: keep}\n",
            "followed: {adjust: [severity], interactions: [severity_scor]}",
            r"spec.yaml:16: ladder\[1\].followed: .*'severity_scor'.*mean 'severity_score'",
        ),
        (
            "missing: {outcome: keep}\n",
            "followed: {adjust: [severity]}\n    entered: {adjust: [severity]}",
            r"spec.yaml:17: ladder\[1\].entered: entered weighs .*exposure: keep",
        ),
    ],
)
def test_weights_for_those_lost_need_the_lost_and_terms_there_are(
    tmp_path, capsys, missing, rung, said
):
    import re

    text = WEIGHED.replace("    adjust:", f"    {rung}\n    adjust:").replace(
        "ladder:", f"{missing}ladder:"
    )
    message = fails(capsys, "check", write(tmp_path, text)).replace("\n", " ")
    assert re.search(said, message), message


def test_a_variant_whose_missing_leaves_out_the_lost_is_named(tmp_path, capsys):
    text = WEIGHED.replace("    adjust:", "    followed: {adjust: [severity]}\n    adjust:")
    text = text.replace("ladder:", "missing: {outcome: keep}\nladder:")
    varied = "variants:\n  - {name: v, reason: why, missing: {outcome: complete_case}}\nseed: 1"
    message = fails(capsys, "check", write(tmp_path, text.replace("seed: 1", varied)))
    assert "spec.yaml:20: variants[0]: followed weighs" in message


REFUSED_CONTROL = (
    "refuters: [{kind: negative_control_outcome, outcome: abstinent, concept: prior_outcome, "
    "rationale: long enough}]\nseed: 1"
)
NOBODY = (
    "variants: [{name: v, reason: why, restrict: "
    "[{column: severity_score, at: baseline, low: 9999, reason: old}]}]\nseed: 1"
)


def test_run_checks_the_refuters_of_every_specification_before_the_first_runs(tmp_path, capsys):
    good, out = write(tmp_path, SPEC), tmp_path / "out"
    bad = tmp_path / "bad.yaml"
    bad.write_text(SPEC.replace("seed: 1", REFUSED_CONTROL), encoding="utf-8")
    message = fails(capsys, "run", good, bad, "--out", out)
    assert "bad.yaml:17: refuters[0]" in message
    assert not out.exists()


def test_a_variant_without_anybody_is_named_and_the_index_lists_what_was_written(tmp_path, capsys):
    good, out = write(tmp_path, SPEC), tmp_path / "out"
    bad = tmp_path / "bad.yaml"
    bad.write_text(SPEC.replace("seed: 1", NOBODY), encoding="utf-8")
    assert main(["run", str(good), str(bad), "--out", str(out)]) == INVALID
    assert "bad.yaml:17: variants[0]: nobody is left after" in capsys.readouterr().err
    assert not (out / "bad").exists()
    assert "(spec/report.md)" in (out / "README.md").read_text(encoding="utf-8")


def test_the_package_runs_as_the_command(tmp_path):
    path = write(tmp_path, SPEC)
    command = [sys.executable, "-m", "causal", "check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout.startswith(f"{path} is valid.")
    path.write_text("nonsense: 1\n", encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == INVALID

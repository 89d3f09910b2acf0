"""Residual inclusion and the control function on the page: no LATE by form, no bare interval."""

from pathlib import Path

import pytest

from causal.pipeline import run
from causal.report.page import report_page
from causal.result import Reason, Result
from causal.spec import load_analysis

DAGS = Path(__file__).parents[2] / "analyses" / "dags"
SPEC = f"""\
question: Does residual inclusion escape what is said of weak instruments?
dataset: simulated
options: {{scenario: SCENARIO, n: 800, seed: 1}}
design:
  kind: baseline
  exposure: mhg_weekly
  exposure_wave: 6
  outcome: abstinent
  outcome_at: next_scheduled
chosen: before_estimates
estimand: {{target: functional form, scale: risk_difference}}
dag: {DAGS}/facilitation_valid.yaml
ladder:
  - {{name: crude, estimator: {{kind: mean_difference}}}}
  - {{name: control, instrument: [facilitation], estimator: {{kind: control_function}}}}
  - {{name: residual, instrument: [facilitation], estimator: {{kind: residual_inclusion}}}}
headline: residual
seed: 1
"""


def ran(tmp_path: Path, scenario: str) -> Result:
    path = tmp_path / "made.yaml"
    path.write_text(SPEC.replace("SCENARIO", scenario), encoding="utf-8")
    return run(load_analysis(path))


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return ran(tmp_path_factory.mktemp("weak"), "base")


def test_a_weak_instrument_leaves_neither_an_interval(weak):
    strength = {d.rung: d.verdict for d in weak.diagnostics if d.name == "effective_f"}
    assert strength == {"control": "FAIL", "residual": "FAIL"}
    for name in ("control", "residual"):
        rung = weak.rung(name)
        assert rung.interval is None
        assert "is no interval" in rung.interval_withheld
    assert weak.rung("residual").region == [(None, None)]
    assert "no set is known" in weak.rung("residual").region_note
    assert "Anderson-Rubin" in weak.rung("control").region_note


def test_it_is_an_effect_by_functional_form_only_and_has_no_share(weak):
    rung = weak.rung("residual")
    assert (rung.target, rung.label) == ("functional form", "association")
    assert "by functional form only" in rung.label_reason
    assert isinstance(rung.remaining, Reason)
    assert "by functional form only" in rung.remaining.not_estimable


def test_the_first_page_says_that_it_is_no_late(weak):
    first = report_page(weak, ()).split("## 1. The ladder")[0]
    assert "`residual` is no average effect in those an instrument moves (LATE)" in first
    assert "by functional form only" in first
    assert "Of `control`, the first rung that leans on an instrument" in first


def test_with_a_strong_instrument_it_has_its_interval(tmp_path):
    rung = ran(tmp_path, "strong_facilitation").rung("residual")
    assert rung.interval is not None
    assert rung.interval_withheld == ""

"""Instruments on their way into the sample: never filled in, and no covariates."""

import json
from pathlib import Path

import numpy as np
import pytest

from causal.errors import DataNotAvailableError
from causal.pipeline import estimate
from causal.planning import plan_analysis
from causal.registry import describe, load_cohort
from causal.report.caveats import caveats
from causal.report.files import rendered
from causal.report.headline import headline
from causal.report.words import estimate_sentences
from causal.result import Result, RungBlock, dump
from causal.sampling import draw_sample
from causal.spec import load_analysis

pytestmark = pytest.mark.data

SPEC = Path(__file__).parents[1] / "reference" / "specs" / "help_p1_iv.yaml"


def drawn(tmp_path: Path, rungs: str, headline: str = "iv"):
    """Plan and load the HELP analysis with rungs of one's own after the crude one."""
    head = SPEC.read_text(encoding="utf-8").split("ladder:")[0]
    head = head.replace("../../../analyses", str(Path(__file__).parents[2] / "analyses"))
    text = f"{head}ladder:\n  - {{name: crude, estimator: {{kind: mean_difference}}}}\n{rungs}"
    path = tmp_path / "made.yaml"
    path.write_text(f"{text}headline: {headline}\nseed: 1\n", encoding="utf-8")
    specification = load_analysis(path)
    plan = plan_analysis(specification, describe(specification.analysis.dataset))
    try:
        return plan, load_cohort("help_cohort", {})
    except DataNotAvailableError as absent:
        pytest.skip(absent.message)


ASSUMED = "assume: [exclusion, independence], estimator: {kind: iv}}\n"
BOTH = f"  - {{name: iv, adjust: depression, instrument: [group, severity], {ASSUMED}"
ALONE = f"  - {{name: iv, adjust: [demographics, severity], instrument: group, {ASSUMED}"


def test_rows_without_an_instrument_are_left_out_and_counted(tmp_path):
    """Covariates are filled with medians here; the same columns as instruments are not."""
    plan, cohort = drawn(tmp_path, BOTH)
    made = draw_sample(cohort, plan)
    sample = made.sample
    assert "alcohol_severity" in sample.instruments
    assert not {"alcohol_severity", "randomised_clinic"} & set(sample.terms)
    assert sample.z.shape == (sample.n, len(sample.instruments))
    assert not np.isnan(sample.z).any()
    steps = {one.step: one for one in made.attrition}
    assert steps["severity known"].rows == sample.n < 174
    _, filled = drawn(tmp_path, ALONE)
    plain = draw_sample(filled, drawn(tmp_path, ALONE)[0])
    assert plain.sample.n == 174
    assert plain.sample.instruments == ("randomised_clinic",)
    assert plain.filled["alcohol_severity"] > 0


def ran(tmp_path: Path) -> tuple[Result, RungBlock]:
    plan, cohort = drawn(tmp_path, ALONE)
    result = estimate(plan, cohort)
    return result, result.rung("iv")


def test_the_first_page_says_what_is_assumed_and_prints_the_set(tmp_path):
    result, rung = ran(tmp_path)
    said = " ".join(estimate_sentences(result))
    assert "95 % set: every value" in said
    assert "assuming exclusion and independence" in said
    assert "Anderson-Rubin set" in said
    assert "No other interval is given" in said
    assert "has no two ends and holds 0" in headline(result)
    assert any("assuming exclusion and independence" in one for one in caveats(result))
    assert rung.interval is None
    assert [curve.name for curve in rung.curves] == ["Anderson-Rubin"]
    assert rung.instruments == ["randomised_clinic"]


def test_the_pages_print_the_set_in_the_place_of_the_interval(tmp_path):
    result, _ = ran(tmp_path)
    pages = rendered(result)
    page = pages["report.md"].decode()
    assert "| every value |" in page
    assert "With an instrument, what drives both exposure and outcome need not be measured" in page
    assert "effective f" in page
    assert json.loads(dump(result))["rungs"][1]["interval"] is None

"""The report says of every attempt to refute how often it would have failed."""

from __future__ import annotations

import re

import pytest

from causal.report.challenges import challenge_sentences
from causal.report.figures import FIGURES
from causal.report.page import report_page
from causal.report.tables import TABLES
from causal.result import (
    PowerCurveBlock,
    PowerPointBlock,
    Reason,
    RefutationBlock,
    Result,
    dump,
)

PARTS = [f"figures/{name}" for name in FIGURES] + [f"tables/{name}" for name in TABLES]


def tried(kind: str, curve: PowerCurveBlock | Reason | None) -> RefutationBlock:
    return RefutationBlock(
        kind=kind, rung="full", subject="", expected=0.0, mean=0.0, interval=None, draws=9,
        p_value=0.5, verdict="PASS", power=0.9, reason="It found nothing.", sees="leaks",
        cannot_see="unmeasured confounding", rows=[], curve=curve,
    )  # fmt: skip


def curve(*rates: float) -> PowerCurveBlock:
    points = [
        PowerPointBlock(k=k, r2_exposure=0.02 * k, r2_outcome=0.03 * k, rejected=rate, error=0.02,
                        bias=0.01 * k, cohorts=100, capped=k == 3)
        for k, rate in zip((0.0, 1.0, 3.0), rates, strict=True)
    ]  # fmt: skip
    return PowerCurveBlock(
        benchmark="severity", cohorts=100, draws=20, points=points,
        sentence="This test cannot see unmeasured confounding: it fails alike.",
        note="A wrong model is invisible here.",
    )  # fmt: skip


@pytest.fixture
def measured(help_like: Result) -> Result:
    attempts = [
        tried("placebo_exposure", curve(0.04, 0.05, 0.06)),
        tried("dowhy", Reason(not_estimable="it compares two programs")),
    ]
    return help_like.model_copy(update={"refutations": attempts})


def test_power_at_the_benchmark_and_at_the_largest_strength_stands_beside_the_verdict(measured):
    text = report_page(measured, PARTS)
    assert re.search(r"\| Attempt \| Verdict \| Power at 1x / 3x \| What it found", text)
    assert re.search(r"\| placebo exposure \| pass \| 0\.05 / 0\.06 \|", text)
    assert re.search(r"\| dowhy \| pass \| – \|", text)


def test_what_each_test_can_see_is_said_in_a_sentence(measured):
    text = report_page(measured, PARTS)
    assert "placebo exposure: This test cannot see unmeasured confounding" in text
    assert "dowhy: power not measured: it compares two programs." in text
    assert "A wrong model is invisible here" in text
    assert re.search(r"\| 3x \(capped\) \| 0\.060 \| 0\.090 \| 0\.06 \(0\.02\) \| 0\.030 \|", text)


def test_power_that_was_not_asked_for_leaves_no_column(help_like):
    result = help_like.model_copy(update={"refutations": [tried("bootstrap", None)]})
    text = report_page(result, PARTS)
    assert "Power at" not in text
    assert "power not measured" not in text


def test_curves_come_back_from_the_document(measured):
    assert Result.model_validate_json(dump(measured)).refutations == measured.refutations


def test_two_settings_of_one_attempt_are_named_once(help_like):
    attempts = [tried(kind, None) for kind in ("bootstrap", "bootstrap", "dowhy")]
    said = challenge_sentences(help_like.model_copy(update={"refutations": attempts}))
    assert "Passed: bootstrap (2 settings) and dowhy." in said
    assert not any(
        "bootstrap, bootstrap" in one or "bootstrap and bootstrap" in one for one in said
    )


def test_an_attempt_with_a_fault_of_its_own_has_a_column_and_may_have_fewer_strengths(measured):
    ends = curve(0.02, 0.02, 0.03)
    own = [
        point.model_copy(update={"own_fault": share})
        for point, share in zip(ends.points[::2], (0.04, 0.91), strict=True)
    ]
    graph = tried("graph_falsification", ends.model_copy(update={"points": own}))
    result = measured.model_copy(update={"refutations": [*measured.refutations, graph]})
    text = report_page(result, PARTS)
    assert re.search(r"\| graph falsification \| pass \| – / 0\.03 \|", text)
    assert "| Fails (Monte-Carlo error) | Fails at its own fault | Bias |" in text
    assert re.search(r"\| graph falsification \| 3x \(capped\) .* \| 0\.91 \| 0\.030 \|", text)
    assert re.search(r"\| placebo exposure \| 1x \| .* \| – \| 0\.010 \|", text)
    assert "Fails at its own fault" not in report_page(measured, PARTS)

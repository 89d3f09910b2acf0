"""What three published trials of facilitation say through their first stages: writes a page.

Run as ``python -m benchmarks.published_trials``. It reads ``analyses/trial_*.yaml``, where every
number typed from an abstract stands, and no number of a trial stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causal.report.markdown import plain, sentence, table
from causal.report.numbers import number, percent
from causal.result_parts import Reason
from causal.summary import words
from causal.summary.composing import run_summary
from causal.summary.document import ByExposureBlock, SummaryResult
from causal.summary.measures import measure_of, ratio_measure
from causal.summary.specification import load_summary

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "published_trials.md"
TRIALS = ("trial_timko", "trial_manning", "trial_vederhus")


def results() -> list[SummaryResult]:
    """Read the trials."""
    return [run_summary(load_summary(ROOT / "analyses" / f"{name}.yaml")) for name in TRIALS]


def page(trials: Sequence[SummaryResult]) -> str:
    """Write the page."""
    needed = words.f_of(trials[0].diagnostics[0].threshold or 0.0)
    stages = [stage for one in trials for stage in (one.first_stage, *one.further)]
    parts = [
        "# Published trials, read through their first stage",
        "Written by `python -m benchmarks.published_trials` from the specifications "
        "`analyses/trial_*.yaml`, which hold numbers of three abstracts; `causal run` writes the "
        "report of each. Random facilitation is the instrument, attendance the exposure. Nothing "
        "of this is adjusted, and none of it was computed by the authors.",
        "## First stages",
        first_stages(trials),
        f"The largest F is {words.f_of(max(one.f for one in stages))}. {needed} is needed "
        f"({words.BIBLIOGRAPHY['critical']}), 10 by the older rule ({words.BIBLIOGRAPHY['ten']}): "
        "normal intervals for a ratio over these are not to be trusted, so sets below are Anderson "
        "and Rubin's.",
        "## Ratios",
        "The abstracts do not cross attendance with the outcome; the set needs their correlation "
        "within arms, so three are shown (of opposite sign where the outcome is days of use).",
        ratios(trials),
        *(part for one in trials for part in _alarm(one)),
        *(part for one in trials for part in _denominator(one)),
        "## Sources, and what is assumed",
        "\n".join(_source(one) for one in trials),
    ]
    return "\n\n".join(parts) + "\n"


def first_stages(trials: Sequence[SummaryResult]) -> str:
    """List every first stage the abstracts allow to compute."""
    rows = []
    for one in trials:
        for stage in (one.first_stage, *one.further):
            measure = measure_of(stage.exposure, stage.std_error)
            cells = (plain(stage.exposure.name), plain(stage.read_from))
            rows.append((_link(one), *cells, measure.amount(stage.value), words.f_of(stage.f)))
    return table(("Trial", "Exposure", "Read from", "Difference", "F"), rows, "   rr")


def ratios(trials: Sequence[SummaryResult]) -> str:
    """List every ratio with its set, under each correlation."""
    header = ("Trial", "Outcome", "Ratio", "Correlation", f"{percent(trials[0].level)} set")
    rows = []
    for one in trials:
        measure = ratio_measure(one)
        ratio = "none" if isinstance(one.wald, Reason) else measure.amount(one.wald)
        for under in one.sets:
            known = under.correlation
            shown = "from counts" if isinstance(known, Reason) else number(known, 2)
            rows.append(
                (_link(one), plain(one.outcome.name), ratio, shown, measure.region(under.region))
            )
    return table(header, rows, "  rr")


def _alarm(result: SummaryResult) -> list[str]:
    """Write how an impossible ratio can be read."""
    said = words.alarm_sentence(result)
    if not said:
        return []
    readings = [f"{i}. {plain(one)}" for i, one in enumerate(result.chief.readings, 1)]
    return [f"## An impossible ratio: {_authors(result)}", said, "\n".join(readings)]


def _denominator(result: SummaryResult) -> list[str]:
    """Write what a missing denominator does to outcomes by exposure."""
    if not isinstance(result.by_exposure, ByExposureBlock):
        return []
    return [
        f"## A missing denominator: {_authors(result)}",
        words.denominator_sentences(result, result.by_exposure)
        + " For that reason an arm without a denominator is refused, and one that is assumed is "
        "named as such (`assumed`).",
    ]


def _source(result: SummaryResult) -> str:
    """Write where the numbers are from, and what is assumed."""
    notes = " ".join(sentence(plain(note)) for note in result.notes)
    return f"- {plain(result.source)}. {notes}"


def _authors(result: SummaryResult) -> str:
    return plain(result.source.split(",")[0])


def _link(result: SummaryResult) -> str:
    return f"[{_authors(result)}](../reports/{result.name}/report.md)"


if __name__ == "__main__":
    PAGE.write_text(page(results()), encoding="utf-8")

"""One line on what was found, worded by the label, the intervals and the checks."""

from __future__ import annotations

from causal.report.markdown import code, joined
from causal.report.numbers import covers, measure_of, percent, within
from causal.report.reading import (
    brackets,
    chief,
    interval_of,
    label_of,
    manner,
    phrase,
    proxied,
    simulated,
    truth_of,
)
from causal.report.vanishing import fate_of
from causal.result import Result, RungBlock

ASSOCIATIONS = {
    "Adjusted": "An adjusted association",
    "By instrument": "An association by an instrument",
    "Within persons": "An association within persons",
    "Unadjusted": "An unadjusted association",
}


def headline(result: Result) -> str:
    """Say in one line what was found, and in which words it may be told."""
    rung = chief(result)
    if rung is None:
        told = " The data are simulated." if simulated(result) else ""
        return f"A crude association; nothing is adjusted for.{told}"
    if label_of(result) == "association":
        head = f"{ASSOCIATIONS[manner(rung)]}, not an effect"
    elif weak := proxied(result):
        head = f"An effect only if the diagram holds and {phrase(weak)} were measured without error"
    else:
        head = "An effect, if the diagram holds"
    return (
        f"{head}{_certainty(result, rung)}{_weakness(result, rung)}.{_against_truth(result, rung)}"
    )


def short_verdict(result: Result) -> str:
    """Say in a few words how certain the chief rung is, and which checks it fails."""
    rung = chief(result)
    if rung is None:
        return "crude only"
    excluded = f"interval excludes {measure_of(result).null:g}"
    parts = [_certainty(result, rung).strip(" ;:") or excluded]
    verdicts = [one.verdict for one in result.diagnostics]
    verdicts += [one.verdict for one in result.instruments]
    failed = verdicts.count("FAIL")
    if failed:
        parts.append(f"{failed} {'check' if failed == 1 else 'checks'} not passed")
    return "; ".join(parts)


def _weakness(result: Result, rung: RungBlock) -> str:
    """Say that a check of the chief rung failed, if one did."""
    checks = [one.verdict for one in result.diagnostics if one.rung == rung.name]
    checks += [one.verdict for one in result.instruments if one.rung == rung.name]
    return "; a check of it is not passed, so do not lean on it" if "FAIL" in checks else ""


def _certainty(result: Result, rung: RungBlock) -> str:
    """Say whether the intervals of the chief rung and of the brackets cover 0."""
    pair = interval_of(rung)
    if pair is None:
        null = measure_of(result).null
        verb = "holds" if within(rung.region, null) else "excludes"
        return f"; its {percent(rung.level)} set has no two ends and {verb} {null:g}"
    measure = measure_of(result)
    if measure.silent(pair):
        return f"; inconclusive: its {percent(rung.level)} interval covers {measure.null:g}"
    fates = [(code(one.name), fate_of(result, one, rung)) for one in brackets(result)]
    gone = [name for name, fate in fates if fate == "gone"]
    open_ = [name for name, fate in fates if fate in ("unsure", "open")]
    said = f"; it is gone in the {_many('bracket', gone)} {joined(gone)}" if gone else ""
    if open_:
        where = f"{_many('bracket', open_)} {joined(open_)}"
        said += f"; the interval covers {measure.null:g} in the {where}"
    return said


def _against_truth(result: Result, rung: RungBlock) -> str:
    """Say that data are simulated, and where the truth lies if it is known."""
    truth, pair, measure = truth_of(result, rung), interval_of(rung), measure_of(result)
    if truth is None or pair is None:
        return " The data are simulated." if simulated(result) else ""
    where = "inside" if covers(pair, truth) else "outside"
    return (
        f" The data are simulated: the truth, {measure.amount(truth)}, lies {where} the interval."
    )


def _many(noun: str, things: list[str]) -> str:
    """Give the plural where there is more than one."""
    return noun if len(things) == 1 else f"{noun}s"

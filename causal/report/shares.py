"""What may be said of the share that remains, and what it is not."""

from __future__ import annotations

from causal.report.markdown import code, joined, plain, sentence
from causal.report.numbers import (
    bounded,
    covers,
    difference_interval,
    difference_measure,
    difference_of,
    of_difference,
    percent,
    share,
    share_set,
    within,
)
from causal.report.reading import chief, left_out, manner, phrase, proxied, unmeasured
from causal.result import Remaining, Result, RungBlock

MUCH = 0.9
"""From here on a reader may take the share as a sign that nothing was to be adjusted for."""


FEW = 3
"""How many unmeasured concepts are named here; all are named in the next paragraph."""


def share_sentences(result: Result) -> list[str]:
    """Say which share of the crude difference remains, its set, and what it does not show."""
    rung = chief(result)
    if rung is None:
        return []
    if not isinstance(rung.remaining, Remaining):
        return [sentence(f"Not estimable: {plain(rung.remaining.not_estimable)}")]
    return [
        _share_sentence(result, rung, rung.remaining),
        *_set_sentences(result, rung.remaining),
        *_not_absent(result, rung.remaining),
        _not_evidence(result, rung.remaining),
    ]


def share_cell(rung: RungBlock) -> str:
    """Write the share and its set for a table; or the reason why there is none."""
    remaining = rung.remaining
    if not isinstance(remaining, Remaining):
        return f"not estimable: {plain(remaining.not_estimable)}"
    mixed = ", mixed targets" if remaining.mixed else ""
    joint = " " if bounded(remaining.set) else "; "
    return f"{share(remaining.value)}{joint}{share_set(remaining.set)}{mixed}"


def _share_sentence(result: Result, rung: RungBlock, remaining: Remaining) -> str:
    """Give the share, never alone: with its set, and the difference beside it."""
    measure, level = difference_measure(result), percent(rung.level)
    crude, adjusted = difference_of(result.crude), difference_of(rung)
    moved = ""
    if crude is not None and adjusted is not None:
        moved = f"{measure.amount(crude - adjusted)} "
    mixed = (
        " The share is mixed: the two do not average over the same persons."
        if remaining.mixed
        else ""
    )
    return (
        f"{manner(rung)} over crude in {code(rung.name)}: {share(remaining.value)}"
        f"{of_difference(result)} ({level} Fieller set: {share_set(remaining.set)}); "
        f"crude − {manner(rung).lower()}: "
        f"{moved}({level} CI {measure.span(remaining.difference)}).{mixed}"
    )


def _set_sentences(result: Result, remaining: Remaining) -> list[str]:
    """Say what an unbounded or wide set means."""
    said = []
    if not bounded(remaining.set):
        said.append(f"{_no_two_ends(result)}: read the difference, not the share.")
    elif within(remaining.set, 0) and within(remaining.set, 1):
        said.append("The set holds both 0 (nothing remains) and 1 (adjustment changes nothing).")
    elif within(remaining.set, 0):
        said.append("The set holds 0: that nothing remains is not excluded.")
    if remaining.value < 0:
        said.append("A negative share means that adjustment turns the sign of the difference.")
    return said


def _no_two_ends(result: Result) -> str:
    """Say why the set has no two ends: what the crude interval shows, or what it does not.

    A set is unbounded where the crude difference is not told from 0 by the degrees of freedom of
    the pair. The crude rung alone may have more, so that its interval excludes 0 all the same.
    """
    own = difference_interval(result.crude)
    if own is None or covers(own, 0):
        return "The set has no two ends because the crude difference is not distinguishable from 0"
    return (
        "The set has no two ends though the interval of the crude difference excludes 0: crude and "
        "adjusted together have fewer degrees of freedom than the crude difference alone, and "
        "with these it is not told from 0"
    )


def _not_absent(result: Result, remaining: Remaining) -> list[str]:
    """Say that a large share is not a finding that selection is absent."""
    said = []
    if covers(remaining.difference, 0):
        said.append("The data do not tell adjustment from no change: crude − adjusted covers 0.")
    if remaining.value >= MUCH:
        why = (
            f"a proxy ({phrase(proxied(result))}) takes away only what it measures"
            if proxied(result)
            else "confounders may pull in opposite directions"
        )
        said.append(
            f"{100 * remaining.value:.0f} % remaining is not a finding that selection is absent: "
            f"{why}."
        )
    return said


def _not_evidence(result: Result, remaining: Remaining) -> str:
    """Say why the rest may remain though exposure does nothing."""
    weak, missing, out = proxied(result), unmeasured(result), left_out(result)
    causes = []
    if weak:
        causes.append(f"{phrase(weak)} measured with error")
    if missing:
        what = phrase(missing) if len(missing) <= FEW else f"{len(missing)} concepts"
        causes.append(f"{what} not measured at all")
    if out:
        causes.append(f"{phrase(out)} not adjusted for")
    if result.timing.label == "association":
        causes.append("exposure and outcome not ordered in time")
    if not causes:
        return (
            "The share tells how far adjustment moves the crude difference; what the rest is "
            "depends on the diagram being right."
        )
    what = "That much remains" if remaining.value > 0 else "Whatever remains"
    return (
        f"{what} is not evidence of an effect: with {joined(causes)}, "
        "a share remains even when the exposure does nothing."
    )

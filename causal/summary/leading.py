"""The first line of a published trial's report, and its short form: what the set comes to."""

from __future__ import annotations

from causal.report.markdown import joined, plain
from causal.report.numbers import number, percent, within
from causal.result_parts import Piece, Reason
from causal.summary.document import SummaryResult
from causal.summary.measures import ratio_measure
from causal.summary.words import (
    contradicted,
    excluded,
    f_of,
    from_to,
    offer,
    weak,
)


def effects(result: SummaryResult) -> list[Piece]:
    """Give what the set holds of the effects there can be."""
    possible = result.chief.possible
    return result.chief.region if isinstance(possible, Reason) else possible


def lead(result: SummaryResult) -> str:
    """Say in one line what the trial tells of exposure."""
    pieces, measure, exposure = effects(result), ratio_measure(result), plain(result.exposure.name)
    strength, level = f"F {f_of(result.first_stage.f)}", percent(result.level)
    if contradicted(result):
        return _contradiction(result)
    region = result.chief.region
    if (_open(region) and within(pieces, 0.0)) or _open(pieces):
        return (
            f"This trial cannot tell what {exposure} does: {offer(result)} moved it too little "
            f"({strength}), and {_left(result)}."
        )
    spread = measure.region(pieces)
    if pieces != region:
        spread += f" (cut to {number(-1, 0)} to 1)"
    thin = f"; the first stage is weak ({strength}), so no other interval is given"
    tail = thin if weak(result) else f" ({strength})"
    if within(pieces, 0.0):
        return f"Inconclusive about {exposure}: the {level} set, {spread}, holds 0{tail}."
    unit = f" {measure.unit}" if measure.unit else ""
    return (
        f"If {offer(result)} works through {exposure} alone, the {level} set of its effect is "
        f"{spread}{unit} and leaves out 0{tail}."
    )


def _contradiction(result: SummaryResult) -> str:
    """Say that the set holds no effect there can be, and what that is a sign of."""
    exposure, outcome = plain(result.exposure.name), plain(result.outcome.name)
    under = ""
    if any(one.possible for one in result.sets):
        under = ", at the correlation that leads though not at every one tried,"
    return (
        f"These numbers contradict the instrument: the {percent(result.level)} set of the ratio"
        f"{under} is {ratio_measure(result).region(result.chief.region)} and holds no effect there "
        f"can be on a probability ({number(-1, 0)} to 1). Chance apart, {offer(result)} reaches "
        f"{outcome} in another way than {exposure} (exclusion), or moves a dose that "
        f"{exposure} cuts in two, or moves some the other way (monotonicity)."
    )


def _open(pieces: list[Piece]) -> bool:
    """Tell whether a set is in several pieces or without an end."""
    return len(pieces) != 1 or None in pieces[0]


def _left(result: SummaryResult) -> str:
    """Say what the set leaves of the effects there can be."""
    pieces, measure = effects(result), ratio_measure(result)
    if isinstance(result.chief.possible, Reason):
        return excluded(pieces, measure)
    spans = joined([from_to(one, measure) for one in pieces])
    return f"of the effects there can be the {percent(result.level)} set leaves those {spans}"


def short_verdict(result: SummaryResult) -> str:
    """Say in a few words what the set comes to."""
    pieces = effects(result)
    if contradicted(result):
        return "the numbers contradict the instrument"
    if (_open(result.chief.region) and within(pieces, 0.0)) or _open(pieces):
        return _left(result)
    said = "inconclusive: the set holds 0" if within(pieces, 0.0) else "the set excludes 0"
    return f"{said}; weak first stage" if weak(result) else said

"""What contrasts within and between persons say, and what they rest on, by rule."""

from __future__ import annotations

from collections.abc import Iterator

from causal.report.markdown import code
from causal.report.numbers import measure_of, number
from causal.report.words import with_interval
from causal.result import Result, RungBlock

WITHIN, BETWEEN = "within persons", "between persons"


def within_sentences(result: Result) -> list[str]:
    """Say what is found within and between persons, on whom it rests, and why it is no headline."""
    measure, said = measure_of(result), []
    for rung in _of(result, WITHIN):
        again = f", {with_interval(rung, measure)}," if rung.name != result.headline else ""
        said.append(f"{code(rung.name)}{again} {_switchers(result, rung)}.")
    for rung in _of(result, BETWEEN):
        said.append(
            f"What differs between persons beyond that, {code(rung.name)}: "
            f"{with_interval(rung, measure)}."
        )
    if said:
        pooled = next((r for r in result.rungs if r.target == "linear projection"), None)
        if pooled is not None:
            said.append(
                f"Rows compared whoever they are of, {code(pooled.name)}: "
                f"{with_interval(pooled, measure)}."
            )
    return [*said, *strictness(result)]


def strictness(result: Result) -> Iterator[str]:
    """Say what a contrast within persons takes for granted that this design breaks."""
    if not _of(result, WITHIN):
        return
    lagged = result.design.unit == "intervals"
    driven = any(one.state_of == result.dag.outcome for one in result.dag.concepts)
    if lagged:
        shares = (
            "The exposure of a person's next interval is asked at the interview that gives this "
            "interval's outcome"
        )
        because = (
            ", and the outcome's own state may drive it: relapse enters both"
            if driven
            else ", so what disturbs the one may enter the other"
        )
        yield (
            f"{shares}{because}. Fixed effects assume it does not (strict exogeneity); in "
            "simulated cohorts of this kind they are off, also where exposure does nothing."
        )


def _of(result: Result, target: str) -> list[RungBlock]:
    """Give the rungs with a target."""
    return [one for one in result.rungs if one.target == target]


def _switchers(result: Result, rung: RungBlock) -> str:
    """Say how many persons change exposure: only they are in the contrast."""
    found = next(
        (one for one in result.diagnostics if one.name == "switchers" and one.rung == rung.name),
        None,
    )
    if found is None:
        return "rests on those who change exposure"
    if found.value is None:
        return f"rests on those who change exposure alone (their number is {found.reason})"
    whole = f" of {rung.n_clusters}" if rung.n_clusters is not None else ""
    return f"rests on the {number(found.value, 0)}{whole} persons who change exposure"

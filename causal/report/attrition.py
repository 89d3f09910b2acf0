"""From everybody in the data to the outcome, step by step: who left, and who is kept without."""

from __future__ import annotations

from dataclasses import dataclass

from causal.result import AttritionBlock, Count, Result

NEVER_MEANT = {
    "in one of the arms": "in none of the arms",
    "an outcome was due": "with none due",
    "without the event at the start": "never at risk",
}
"""Steps of the attrition table at which nobody is lost: who leaves was not to be analysed."""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step, and in words who is no longer there, or is kept without an outcome.

    Attributes
    ----------
    persons : None where only rows are counted.
    change : empty at the first step, and where a count is hidden.
    kept : of a step that leaves nobody out: the rows it is a part of; else None.
    lost : persons were lost here, rather than never meant or kept.
    """

    name: str
    why: str
    persons: Count | None
    rows: Count
    change: str
    kept: int | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Followed:
    """Rows of the analysis: how many, how many never seen, how many with a known outcome."""

    rows: int
    unseen: int
    known: int


def flow_steps(result: Result) -> list[FlowStep]:
    """Give the steps of the attrition table, then those that are kept without an outcome."""
    steps: list[FlowStep] = []
    for i, one in enumerate(result.attrition):
        before = result.attrition[i - 1].persons if i else None
        change = "" if before is None else change_of(before, one)
        steps.append(
            FlowStep(one.step, one.reason, one.persons, one.rows, change, lost="lost" in change)
        )
    return [*steps, *_kept_steps(result)] if steps else []


def change_of(before: Count, after: AttritionBlock) -> str:
    """Say how many persons a step leaves out, and as what; empty where a count is hidden."""
    if not isinstance(before, int) or not isinstance(after.persons, int):
        return ""
    number = before - after.persons
    if number == 0:
        return "nobody lost"
    return f"{number} {'person' if number == 1 else 'persons'} {_as_what(after.step)}"


def followed(result: Result) -> Followed | None:
    """Count known outcomes among the rows of the analysis; None where a count is hidden.

    Follow-up is counted by arm of a 0/1 exposure. Of others the crude rung tells how many outcomes
    are known, since it leaves out the rest.
    """
    whole = [one for one in result.follow_up if not one.stratum]
    rows = [one.rows for one in whole if isinstance(one.rows, int)]
    known = [one.known for one in whole if isinstance(one.known, int)]
    if not whole and result.attrition:
        rows, known = (
            [n] if isinstance(n, int) else [] for n in (result.attrition[-1].rows, result.crude.n)
        )
    if not rows or len(rows) < len(whole) or len(known) < max(1, len(whole)):
        return None
    unseen = sum(n for n, one in zip(rows, whole, strict=False) if one.arm == "not seen")
    return Followed(sum(rows), unseen, sum(known))


def _as_what(step: str) -> str:
    """Say as what persons leave at a step: a population or a restriction loses nobody."""
    if step.startswith("population "):
        return "outside the population"
    if "@" in step:  # a restriction names its column and moment
        return "not eligible"
    return NEVER_MEANT.get(step, "lost")


def _kept_steps(result: Result) -> list[FlowStep]:
    """Give who was seen, and whose outcome is known, where the others are in the analysis too."""
    count, missing = followed(result), result.design.missing
    if count is None or count.known == count.rows:
        return []
    alone = result.design.unit == "persons"  # one row a person
    steps = []
    seen = count.rows - count.unseen
    if count.unseen:
        said = f"{count.unseen} never seen"
        steps.append(
            FlowStep(
                "seen at the exposure interview", _why(said, missing.get("exposure", "")),
                seen if alone else None, seen, f"{said}: kept", kept=count.rows,
            )
        )  # fmt: skip
    if seen > count.known:
        unit = "" if alone else " intervals"
        said = f"{seen - count.known}{unit} without one"
        steps.append(
            FlowStep(
                "outcome known", _why(said, missing.get("outcome", "")),
                count.known if alone else None, count.known, f"{said}: {_as_kept(result)}",
                kept=count.rows,
            )
        )  # fmt: skip
    return steps


def _why(said: str, how: str) -> str:
    """Say how many lack it, and what is done for them."""
    return f"{said}; {how}" if how else said


def _as_kept(result: Result) -> str:
    """Say in a few words what becomes of rows without an outcome."""
    if "missing outcomes counted as use" in result.design.missing:
        return "counted as use"
    filled = result.crude.n == result.attrition[-1].rows  # else the crude rung leaves them out
    return "imputed" if filled else "kept, weighed for or predicted"

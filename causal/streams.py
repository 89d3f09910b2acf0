"""Which random stream a part of a result document was drawn from, as code one can run."""

from __future__ import annotations

from collections.abc import Iterator

from causal.documents import KeyPath
from causal.result import InstrumentBlock, RefutationBlock, Result, RungBlock, SensitivityBlock

UNUSED = "unused where nothing is drawn"


def stream_lines(result: Result, pointer: str, rung: RungBlock | None) -> tuple[str, ...]:
    """Give the streams behind a part of the document; empty where there can be none.

    Parameters
    ----------
    pointer : a JSON pointer that leads somewhere.
    rung : the rung the part is about, if it is about one.
    """
    seed = result.provenance.seed
    named = [_call(seed, names) for names in _streams(result, pointer, rung)]
    return (*named, UNUSED) if named else ()


def written_at(result: Result, pointer: str) -> KeyPath | None:
    """Give the entry of the specification a block follows from; None where blocks have none.

    Sensitivity analyses stand in the document once a rung (the headline and the brackets), and
    checks of instruments once an instrument, so their places are counted back.
    """
    head, at = _head_and_number(pointer)
    if at is None:
        return None
    if head == "refutations":
        return ("refuters", at)
    if head == "variants":
        return ("variants", at)
    if head == "subgroups":
        return ("subgroups", at)
    if head == "sensitivity":
        return ("sensitivity", at // len(_examined(result)))
    if head == "instruments":
        return ("instrument_checks", _check_number(result, at))
    return None


def examination(
    result: Result, pointer: str
) -> RefutationBlock | SensitivityBlock | InstrumentBlock | None:
    """Give the refutation, sensitivity analysis or check of an instrument a part belongs to."""
    head, at = _head_and_number(pointer)
    if at is None:
        return None
    if head == "refutations":
        return result.refutations[at]
    if head == "sensitivity":
        return result.sensitivity[at]
    return result.instruments[at] if head == "instruments" else None


def _streams(
    result: Result, pointer: str, rung: RungBlock | None
) -> Iterator[tuple[str | int, ...]]:
    """Give the names of each stream, as the library gives them to ``generator``."""
    _, at = _head_and_number(pointer)
    place = written_at(result, pointer)
    block = examination(result, pointer)
    if at is None or (place is None and rung is None):
        return
    number = place[1] if place is not None else 0
    if isinstance(block, RefutationBlock):
        point = _power_point(block, pointer)
        yield ("refuter", block.kind, at) if point is None else ("power", block.kind, at, point)
    elif isinstance(block, SensitivityBlock):
        yield ("sensitivity", block.kind, number, block.rung)
    elif isinstance(block, InstrumentBlock):
        yield ("instrument", block.kind, number, block.instrument)
    elif rung is not None:
        yield ("rung", rung.name)


def _power_point(block: RefutationBlock, pointer: str) -> str | None:
    """Give the strength whose cohorts a number of a power curve comes from."""
    parts = pointer.split("/")[3:]
    points = getattr(block.curve, "points", ())
    if parts[:2] == ["curve", "points"] and len(parts) > 2:
        return f"{points[int(parts[2])].k:g}"
    return None


def _examined(result: Result) -> list[str]:
    """Name the rungs every sensitivity analysis looks at, in the order of the document."""
    return [
        one.name for one in result.rungs if one.role == "bracket" or one.name == result.headline
    ]


def _check_number(result: Result, at: int) -> int:
    """Give the position of a check among those made of one instrument."""
    blocks = result.instruments
    return sum(one.instrument == blocks[at].instrument for one in blocks[:at])


def _head_and_number(pointer: str) -> tuple[str, int | None]:
    """Split a pointer into the part of the document and the position in it."""
    head, *rest = pointer.split("/")[1:]
    return head, int(rest[0]) if rest and rest[0].isdigit() else None


def _call(seed: int, names: tuple[str | int, ...]) -> str:
    """Write the call that gives a stream."""
    listed = ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in names)
    return f"causal.seeding.generator({seed}, {listed})"

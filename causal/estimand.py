"""What a set of covariates identifies, as plain data, and the sentences that say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["identified", "identified if measured without error", "not identified"]


@dataclass(frozen=True, slots=True)
class OrientationCheck:
    """Whether a set suffices once disputed edges are turned, unmeasured concepts granted."""

    turned: tuple[str, ...]
    sufficient: bool


@dataclass(frozen=True, slots=True)
class Estimand:
    """What adjusting for a set identifies, in the orientation of the file.

    Attributes
    ----------
    sufficient : the set satisfies the adjustment criterion, errors of measurement set aside.
    open_path, open_through : one non-causal path the set leaves open, and the concepts on it;
        empty when there is none.
    mediators_adjusted : concepts in the set that lie on a causal path or follow from one.
    proxied : concepts in the set that are measured by proxies only.
    after_exposure : concepts in the set whose columns were taken after exposure began.
    unmeasured, needs_after_exposure : what a sufficient set has besides, and cannot be had.
    omitted : what a sufficient set has besides, and this data set could give.
    orientations : the same set judged with disputed edges turned, the file's way first.
    sentences : all this in plain words.
    selective : consequences of exposure or instrument that no column measures, such as being
        interviewed: where they decide whose rows are left, the instruments are none.
    """

    exposure: str
    outcome: str
    verdict: Verdict
    adjusted: tuple[str, ...]
    sufficient: bool
    open_path: str
    open_through: tuple[str, ...]
    mediators_adjusted: tuple[str, ...]
    proxied: tuple[str, ...]
    after_exposure: tuple[str, ...]
    unmeasured: tuple[str, ...]
    needs_after_exposure: tuple[str, ...]
    omitted: tuple[str, ...]
    orientations: tuple[OrientationCheck, ...]
    sentences: tuple[str, ...] = ()
    selective: tuple[str, ...] = ()


def sentences(facts: Estimand, *, causal_path: bool, reversed_cause: bool) -> tuple[str, ...]:
    """Say in plain words what is identified, what is not, and which measurement would help.

    Parameters
    ----------
    causal_path : the diagram has a causal path from exposure to outcome.
    reversed_cause : the diagram lets the outcome cause the exposure.
    """
    said = [_verdict(facts)]
    if reversed_cause:
        said.append(f"In this orientation {facts.outcome} causes {facts.exposure}.")
    if not causal_path:
        said.append(
            f"The diagram has no causal path from {facts.exposure} to {facts.outcome}: it assumes "
            "the effect to be zero, and what remains after adjustment speaks against the diagram."
        )
    return (*said, *_obstacles(facts), *_remedy(facts), *_orientations(facts))


def _verdict(facts: Estimand) -> str:
    """Say the verdict."""
    effect = f"the effect of {facts.exposure} on {facts.outcome}"
    doing = (
        f"Adjusting for {_listed(facts.adjusted)}" if facts.adjusted else "Adjusting for nothing"
    )
    if facts.verdict == "identified":
        return f"{doing} identifies {effect}, if the diagram is right."
    if facts.verdict == "not identified":
        return f"{doing} does not identify {effect}."
    flawed = [name for name in facts.adjusted if name in (*facts.proxied, *facts.after_exposure)]
    return (
        f"{doing} would identify {effect}, if the diagram is right and {_listed(flawed)} were "
        "measured without error before exposure."
        if facts.after_exposure
        else f"{doing} would identify {effect}, if the diagram is right and {_listed(flawed)} were "
        "measured without error."
    )


def _obstacles(facts: Estimand) -> Iterator[str]:
    """Say what is wrong with the set."""
    if facts.open_path:
        yield f"A non-causal path stays open: {facts.open_path}."
    if facts.mediators_adjusted:
        yield (
            f"{_listed(facts.mediators_adjusted)} may be changed by {facts.exposure} on its way "
            f"to {facts.outcome}, or follow from what is: adjusting removes part of the effect "
            "or opens a path."
        )
    if facts.proxied:
        yield (
            f"{_listed(facts.proxied)} {_is(facts.proxied)} measured by proxy, with error: "
            "adjusting for a proxy closes its paths in part only."
        )
    if facts.after_exposure:
        yield (
            f"The columns of {_listed(facts.after_exposure)} were taken after exposure began and "
            "may record what it did."
        )


def _remedy(facts: Estimand) -> Iterator[str]:
    """Say which measurement would change the verdict."""
    if facts.sufficient:
        if facts.proxied:
            yield f"A measurement of {_listed(facts.proxied)} without error would change this."
        return
    if facts.omitted:
        yield (f"Measured here, needed, but not in this set: {_listed(facts.omitted)}.")
    if facts.unmeasured:
        yield f"Needed, but not measured here: {_listed(facts.unmeasured)}."
    if facts.needs_after_exposure:
        yield (
            f"Needed, but only known after exposure began: {_listed(facts.needs_after_exposure)}. "
            "Measurements that give its order with exposure inside the window would change this."
        )
        return
    steps = [
        template.format(_listed(concepts))
        for template, concepts in (
            ("measure {} before exposure", facts.unmeasured),
            ("add {}", facts.omitted),
            ("leave out {}", facts.mediators_adjusted),
        )
        if concepts
    ]
    if steps:
        yield f"To identify the effect: {'; '.join(steps)}."


def _orientations(facts: Estimand) -> Iterator[str]:
    """Say what disputed edges do to the verdict."""
    total = len(facts.orientations)
    if total < 2:
        return
    holding = sum(one.sufficient for one in facts.orientations)
    granted = ", the unmeasured concepts granted," if facts.unmeasured else ""
    yield (
        f"With disputed edges turned round this set{granted} suffices in {holding} of {total} "
        "orientations."
    )
    first = facts.orientations[0]
    ways = [(_changes(first, one), one.sufficient) for one in facts.orientations]
    if first.sufficient:
        failing = [changes[0] for changes, holds in ways if len(changes) == 1 and not holds]
        if failing:
            yield f"It no longer does if {_listed(failing, 'or')}."
    elif holding:
        yield f"It does if {_listed(next(changes for changes, holds in ways if holds))}."


def _changes(first: OrientationCheck, other: OrientationCheck) -> list[str]:
    """Give the edges that stand otherwise than in the first way, as they stand in the other."""
    back = [" -> ".join(reversed(edge.split(" -> "))) for edge in first.turned]
    returned = [
        now for edge, now in zip(first.turned, back, strict=True) if edge not in other.turned
    ]
    return [*(edge for edge in other.turned if edge not in first.turned), *returned]


def _listed(words: Sequence[str], joint: str = "and") -> str:
    """Write ``a, b and c``."""
    *head, last = words
    return f"{', '.join(head)} {joint} {last}" if head else last


def _is(words: Sequence[str]) -> str:
    """Give the verb for one or for several."""
    return "is" if len(words) == 1 else "are"

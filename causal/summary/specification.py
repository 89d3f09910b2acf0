"""The specification of a published trial, read and held against itself before any number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from causal.documents import Document, KeyPath, read_document, report_name, validated
from causal.errors import SpecError, did_you_mean
from causal.estimate import NotEstimable
from causal.instrumental.two_by_two import share_overall
from causal.summary.settings import KIND, PublishedDifference, Summary, Variable

ROUNDING = 0.015
"""Shares printed in whole per cent: half a unit each of exposure and of both kinds of outcome."""


@dataclass(frozen=True, slots=True)
class SummarySpecification:
    """A validated specification of a published trial, the file it came from, and its name."""

    name: str
    summary: Summary
    document: Document

    @property
    def sha256(self) -> str:
        """Give the hash of the text."""
        return sha256(self.document.text.encode()).hexdigest()


class _Fault(NamedTuple):
    """What does not fit, and the key it stands at."""

    path: KeyPath
    message: str


def is_summary(document: Document) -> bool:
    """Tell whether a document asks for a published trial to be read."""
    design = document.tree.get("design") if isinstance(document.tree, dict) else None
    return isinstance(design, dict) and design.get("kind") == KIND


def load_summary(path: Path) -> SummarySpecification:
    """Read and validate the specification of a published trial."""
    return summary_from(read_document(path))


def summary_from(document: Document) -> SummarySpecification:
    """Validate a document that is read already.

    Raises
    ------
    SpecError
        With file, line and key; what was found, expected and the choices.
    """
    summary = validated(document, Summary)
    for path, message in _faults(summary):
        raise document.error(path, message)
    return SummarySpecification(report_name(document), summary, document)


def _faults(summary: Summary) -> Iterator[_Fault]:
    """Give what does not fit together, most fundamental first, with its place."""
    if summary.arms and summary.differences is not None:
        yield _Fault(
            ("differences",), "stands beside `arms`, which give differences. Keep one of the two."
        )
    if not summary.arms and summary.differences is None:
        yield _Fault(
            (), "missing key 'arms'. Give the arms, or the two `differences` the paper prints."
        )
    yield from _contrast_faults(summary)
    if summary.arms:
        yield from _arm_faults(summary)
    yield from _assumed_faults(summary)
    yield from _difference_faults(summary)
    yield from _correlation_faults(summary)
    yield from _by_exposure_faults(summary)


def _contrast_faults(summary: Summary) -> Iterator[_Fault]:
    """Say what is wrong with which arms are compared."""
    names, contrast = [arm.name for arm in summary.arms], summary.contrast
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        yield _Fault(("arms",), f"two arms are called '{twice}'. Give each its own name.")
    if len(names) == 1:
        yield _Fault(("arms",), "there is one arm, and nothing to compare it with. Add the other.")
    if contrast is None and len(names) != 2:
        found = f"{len(names)} arms do not say" if names else "differences do not say"
        yield _Fault(
            (),
            f"missing key 'contrast': {found} which is compared with which. Add "
            "`contrast: [with facilitation, without]`.",
        )
    if contrast is not None and contrast[0] == contrast[1]:
        yield _Fault(("contrast",), f"compares '{contrast[0]}' with itself. Name two arms.")
    for name in (contrast or ()) if names else ():
        if name not in names:
            yield _Fault(("contrast",), f"no arm is called '{name}'. {did_you_mean(name, names)}")


def _arm_faults(summary: Summary) -> Iterator[_Fault]:
    """Say what is wrong with the arms and the persons their numbers are of."""
    for key in ("exposure", "outcome"):
        if getattr(summary, key).kind != "binary":
            yield _Fault(
                (key, "kind"),
                "is continuous, and arms give counts or shares. Give the two `differences` the "
                "paper prints instead.",
            )
    for i, arm in enumerate(summary.arms):
        if arm.of is not None and summary.design.of not in (None, arm.of):
            yield _Fault(
                ("arms", i, "of"),
                f"arm '{arm.name}' is of those {arm.of}, and the design says those "
                f"{summary.design.of}. Bring both to one denominator.",
            )
        if summary.denominator(arm) is None:
            yield _Fault(
                ("arms", i),
                f"arm '{arm.name}' does not say whether its numbers are of all randomised or "
                "of those followed. Add `of: randomised` or `of: followed`, from the paper's "
                "text or its flow chart: the two differ by the loss to follow-up.",
            )
        else:
            try:
                summary.numbers(arm)
            except SpecError as error:
                yield _Fault(("arms", i), f"arm '{arm.name}': {error.message}")
    known = {summary.denominator(arm) for arm in summary.arms}
    if len(known) > 1:
        yield _Fault(
            ("arms",),
            "the numbers of one arm are of all randomised and those of another of those "
            "followed: they cannot be compared. Bring all to one denominator.",
        )
    if known == {"randomised"} and summary.design.share_followed not in (None, 1.0):
        yield _Fault(
            ("design", "share_followed"),
            "is below 1, and the numbers are of all randomised: then those lost were counted "
            "as something. Say what as a note, and take this key away.",
        )


def _assumed_faults(summary: Summary) -> Iterator[_Fault]:
    """Say where something is called assumed that is printed, or not given at all."""
    path, assumed = ("design", "assumed"), summary.design.assumed
    if "denominator" in assumed and not summary.arms and summary.design.of is None:
        yield _Fault(
            path, "names the denominator, and none is given. Add `of`, or take 'denominator' away."
        )
    if "arm_sizes" not in assumed:
        return
    if not summary.arms or any(arm.cells is not None for arm in summary.arms):
        yield _Fault(
            path,
            "names the sizes of the arms, and there are none, or one gives counts, which add to "
            "its size. Take 'arm_sizes' away.",
        )
    elif len({arm.n for arm in summary.arms}) > 1:
        yield _Fault(
            path,
            "names the sizes of the arms, which differ: sizes the paper does not print are taken "
            "as equal. Give every arm the same `n`, or take 'arm_sizes' away.",
        )


def _difference_faults(summary: Summary) -> Iterator[_Fault]:
    """Say where a difference of shares is none."""
    printed = [
        (("first_stages", i), one, one.exposure) for i, one in enumerate(summary.first_stages)
    ]
    both: list[tuple[KeyPath, PublishedDifference, Variable]] = [*printed]
    if summary.differences is not None:
        both.append((("differences", "exposure"), summary.differences.exposure, summary.exposure))
        both.append((("differences", "outcome"), summary.differences.outcome, summary.outcome))
    for path, one, variable in both:
        if variable.kind == "binary" and abs(one.value) > 1:
            yield _Fault(
                (*path, "value"),
                f"found {one.value:g}; a difference of shares lies between -1 and 1. Divide "
                "percentages, or say `kind: continuous`.",
            )


def _correlation_faults(summary: Summary) -> Iterator[_Fault]:
    """Say where a correlation is missing, or stands for nothing."""
    design = summary.design
    for one in design.correlation:
        if not -1 < one < 1:
            yield _Fault(
                ("design", "correlation"), f"found {one:g}; expected above -1 and below 1."
            )
    crossed = bool(summary.arms) and all(
        not isinstance(summary.numbers(summary.arms[i]).both, NotEstimable) for i in summary.pair
    )
    if crossed and design.correlation:
        yield _Fault(
            ("design", "correlation"),
            "is not used: the arms cross exposure with outcome, or leave one way to. Take it away.",
        )
    if not crossed and not design.correlation:
        yield _Fault(
            ("design",),
            "missing key 'correlation': the paper does not cross exposure with outcome within "
            "arms, and the confidence set of their ratio depends on it. Add several, such as "
            "`correlation: [0, 0.25, 0.5]`.",
        )


def _by_exposure_faults(summary: Summary) -> Iterator[_Fault]:
    """Say where outcomes by exposure contradict the arms they are said to be of."""
    printed = summary.by_exposure
    if printed is None or not summary.arms:
        if printed is not None:
            yield _Fault(
                ("by_exposure",), "is held against the arms, and there are none. Take it away."
            )
        return
    of = summary.denominator(summary.arms[0])
    if printed.of not in ("unsaid", of):
        yield _Fault(
            ("by_exposure", "of"),
            f"is of those {printed.of}, and the arms of those {of}: the two cannot be held "
            "against each other. Bring both to one denominator, or say `of: unsaid`.",
        )
    exposed, outcome = summary.pooled()
    implied = share_overall(exposed, printed.exposed, printed.unexposed)
    if printed.of == of and abs(implied - outcome) > ROUNDING:
        yield _Fault(
            ("by_exposure",),
            f"with {exposed:.0%} exposed these shares make {implied:.2f} with the outcome, "
            f"where the arms make {outcome:.2f}: they are not of the same persons. Find out of "
            "whom, or say `of: unsaid`.",
        )

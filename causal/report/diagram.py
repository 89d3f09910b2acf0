"""The section on the causal diagram: what it assumes, and what it says of each rung."""

from __future__ import annotations

from collections.abc import Sequence

from causal.report.blocks import Bullets, Fold, Table
from causal.report.markdown import code, codes, plain, sentence, words
from causal.report.reading import chief
from causal.result import ConceptBlock, EstimandBlock, OrientationBlock, Result, Status

STATUS: dict[Status, str] = {
    "measured": "measured",
    "proxy": "by proxy only",
    "after_exposure": "measured after exposure began",
    "unmeasured": "**unmeasured**",
}


def identification(result: Result) -> tuple[Fold, ...]:
    """Give rungs with verdict and sentences.

    Rungs of which the diagram says the same stand together; those of the first page stay open.
    """
    groups: list[tuple[EstimandBlock, list[str]]] = []
    for one in result.estimands:
        for known, rungs in groups:
            if known.model_copy(update={"rung": one.rung}) == one:
                rungs.append(one.rung)
                break
        else:
            groups.append((one, [one.rung]))
    main = chief(result)
    return tuple(
        Fold(
            _estimand_head(one, rungs),
            (Bullets(tuple(_estimand_lines(one))),),
            open=main is not None and main.name in rungs,
        )
        for one, rungs in groups
    )


def concept_table(result: Result) -> Table:
    """Give what each concept of the diagram is and how it is measured here."""
    header = ("Concept", "What it is", "Here", "Columns")
    rows = [
        (code(one.name) + _part(result, one), plain(one.description), STATUS[one.status],
         codes(one.columns))
        for one in result.dag.concepts
    ]  # fmt: skip
    return Table(header, rows, "", "Concepts of the diagram, and how they are measured")


def edge_table(result: Result) -> Table:
    """Give every arrow with its reason and source."""
    rows = [
        (code(one.cause), code(one.effect), "disputed" if one.disputed else "",
         plain(one.reason), plain(one.source))
        for one in result.dag.edges
    ]  # fmt: skip
    header = ("From", "To", "", "Why it is drawn", "Source")
    return Table(header, rows, "", "Arrows of the diagram, with reasons and sources")


def dag_sentences(result: Result) -> list[str]:
    """Say which diagram was assumed, and what else was found on it."""
    said = [f"Diagram {code(result.dag.name)}, sha256 {code(result.dag.sha256)}."]
    if result.dag.instruments:
        said += [sentence(plain(reason)) for reason in result.dag.instruments]
    else:
        said.append("It offers no instrument.")
    if result.dag.cross_check:
        said.append(sentence(plain(result.dag.cross_check)))
    return said


def _estimand_head(one: EstimandBlock, rungs: Sequence[str]) -> str:
    """Give rungs and verdict."""
    return f"{codes(rungs)}: {words(one.verdict)}"


def _estimand_lines(one: EstimandBlock) -> list[str]:
    """Give what the diagram says of a set; the bare fields where it says nothing."""
    if one.sentences:
        return [sentence(plain(text)) for text in one.sentences]
    lines = [f"Adjusted for: {codes(one.adjusted)}."]
    if len(one.orientations) > 1:
        enough = [turn for turn in one.orientations if turn.sufficient]
        lines.append(
            f"Of the {len(one.orientations)} ways of turning the disputed arrows, it suffices in: "
            f"{_turns(enough)}."
        )
    return lines


def _turns(turns: Sequence[OrientationBlock]) -> str:
    """Say which arrows are turned where the set suffices."""
    return "; ".join(codes(one.reversed) if one.reversed else "as drawn" for one in turns) or "none"


def _part(result: Result, concept: ConceptBlock) -> str:
    """Name the part a concept plays where it is exposure, outcome or a state of the outcome."""
    if concept.name == result.dag.exposure:
        return " (exposure)"
    if concept.name == result.dag.outcome:
        return " (outcome)"
    return f" (state of {code(concept.state_of)})" if concept.state_of else ""

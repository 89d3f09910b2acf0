"""Blocks of the result document: the design, the diagram, and what it says of each rung."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from causal.result_parts import Block, Count, Label, Status


class ColumnBlock(Block):
    """A column that plays a part, and what it is."""

    column: str
    description: str
    unit: str
    kind: str
    self_reported: bool = False


class DesignBlock(Block):
    """How the cohort was turned into analysis units, in words.

    ``cluster`` is the column whose values are the clusters; empty where persons are, or nothing.
    ``weights`` says whether rows or persons weigh alike.
    ``arms`` are those of an exposure that has several, the two compared first, and ``risk_of`` is
    what the risks compared are of, where the outcome is a time to an event.
    """

    kind: str
    exposure: ColumnBlock
    outcome: ColumnBlock
    outcome_at: str
    population: str
    population_reason: str
    sentences: list[str]
    chosen: str
    unit: Literal["persons", "intervals"]
    missing: dict[str, str]
    cluster: str = ""
    weights: str = "rows"
    arms: list[str] = Field(default_factory=list)
    risk_of: str = ""


class LabelBlock(Block):
    """Whether the design allows causal wording at all, and why not if not."""

    label: Label
    reasons: list[str]


class ConceptBlock(Block):
    """A node of the diagram, and how it is measured here."""

    name: str
    description: str
    status: Status
    columns: list[str]
    state_of: str | None = None


class EdgeBlock(Block):
    """An arrow of the diagram, why it is drawn, and who says so."""

    cause: str
    effect: str
    reason: str
    source: str
    disputed: bool


class DagBlock(Block):
    """The causal diagram assumed."""

    name: str
    exposure: str
    outcome: str
    sha256: str
    concepts: list[ConceptBlock]
    edges: list[EdgeBlock]
    cross_check: str
    instruments: list[str]


class OrientationBlock(Block):
    """One way of turning the disputed arrows, and whether the set would then suffice."""

    reversed: list[str]
    sufficient: bool


class EstimandBlock(Block):
    """What the diagram says of one rung's adjustment set."""

    rung: str
    adjusted: list[str]
    verdict: str
    proxied: list[str]
    unmeasured: list[str]
    omitted: list[str]
    mediators: list[str]
    orientations: list[OrientationBlock]
    sentences: list[str]


class AttritionBlock(Block):
    """One step from everybody in the data to the rows analysed."""

    step: str
    reason: str
    persons: Count
    rows: Count


class FollowUpBlock(Block):
    """Rows of one arm, in one stratum: whose outcome is known, and whose was read late."""

    stratum: str
    arm: Literal["exposed", "unexposed", "not seen"]
    rows: Count
    known: Count
    late: Count

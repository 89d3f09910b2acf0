"""The result document of a published trial: every number its report prints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from causal.result import DiagnosticBlock, Provenance
from causal.result_challenges import CurveBlock
from causal.result_parts import Block, Pair, Piece, Reason
from causal.summary.associations import AssociationBlock
from causal.summary.settings import Assumed


class VariableBlock(Block):
    """Exposure or outcome; ``unit`` of a continuous one."""

    name: str
    kind: Literal["binary", "continuous"]
    unit: str


class PrintedBlock(Block):
    """How the paper prints the trial: in which form, of whom, and which arms are compared.

    ``assumed`` names what the paper does not say and the specification takes it to be.
    """

    kind: Literal["summary"]
    form: Literal["counts", "shares", "differences"]
    of: Literal["randomised", "followed", "unsaid"]
    share_followed: float | None
    assumed: list[Assumed]
    contrast: tuple[str, str]


class ArmBlock(Block):
    """One arm: persons, and the shares exposed, with the outcome, and with both.

    The intervals are Wilson's, for the figure.
    """

    name: str
    n: float
    exposed: float
    outcome: float
    both: float | Reason
    exposed_interval: Pair
    outcome_interval: Pair


class DifferenceBlock(Block):
    """A difference between the arms, with facilitation minus without."""

    value: float
    std_error: float
    interval: Pair


class StageBlock(DifferenceBlock):
    """A difference in exposure, and the F statistic of the arms for it; none without error."""

    exposure: VariableBlock
    read_from: str
    f: float | Reason


class SetBlock(Block):
    """The Anderson-Rubin set of the ratio under one correlation within arms.

    ``possible`` is the part of it an effect on a probability can have; ``interval`` the normal one,
    or why it is not shown; ``chance`` the probability of a ratio as far beyond -1 or 1, and
    ``readings`` how it can be read, else empty; ``curve`` the p-value of every effect.
    """

    correlation: float | Reason
    region: list[Piece]
    possible: list[Piece] | Reason
    interval: Pair | Reason
    chance: float | Reason
    readings: list[str]
    curve: CurveBlock


class BoundsBlock(Block):
    """Bounds of the average effect in everybody, with an interval for the whole set.

    ``correlation`` within arms, or why none is assumed.
    """

    assuming: str
    correlation: float | Reason
    bounds: Pair
    interval: Pair


class InequalityBlock(Block):
    """The test of what any valid instrument implies for the counts."""

    statistic: float
    p: float
    sentence: str


class ByExposureBlock(Block):
    """Printed outcomes by exposure, and what they come to on the denominators they may have.

    ``differences`` are exposed minus unexposed, as printed and turned; ``lost_as_none`` the share
    with the outcome among those followed, had the arms counted those lost as without it.
    """

    printed: Pair
    of: Literal["randomised", "followed", "unsaid"]
    exposed: float
    outcome: float
    implied: float
    lost_as_none: float | Reason
    turned: Pair | Reason
    differences: Pair | Reason


class SummaryResult(Block):
    """The whole document.

    ``sets`` has one entry a correlation, ``leading`` is the place of the one that leads, and
    ``whatever`` holds what is in the set under any of them.
    """

    schema_version: Literal[1] = 1
    name: str
    question: str
    specification: str
    specification_sha256: str
    source: str
    design: PrintedBlock
    exposure: VariableBlock
    outcome: VariableBlock
    level: float
    arms: list[ArmBlock]
    first_stage: StageBlock
    itt: DifferenceBlock
    wald: float | Reason
    sets: Annotated[list[SetBlock], Field(min_length=1)]
    leading: int
    whatever: list[Piece]
    bounds: list[BoundsBlock | Reason]
    inequality: InequalityBlock | Reason
    further: list[StageBlock]
    by_exposure: ByExposureBlock | Reason
    associations: list[AssociationBlock] = Field(default_factory=list)
    diagnostics: list[DiagnosticBlock]
    notes: list[str]
    provenance: Provenance
    checksum: str = ""

    @property
    def chief(self) -> SetBlock:
        """Give the set that leads."""
        return self.sets[self.leading]

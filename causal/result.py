"""The result document: the only way out of a run, and all that a report or a reviewer needs.

Aggregate numbers with 12 significant digits; no timestamps, paths or commits, so that the same
versions on the same kind of machine give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from causal.result_assumptions import (
    AttritionBlock,
    ColumnBlock,
    ConceptBlock,
    DagBlock,
    DesignBlock,
    EdgeBlock,
    EstimandBlock,
    FollowUpBlock,
    LabelBlock,
    OrientationBlock,
)
from causal.result_challenges import (
    ContourBlock,
    CurveBlock,
    InstrumentBlock,
    MarkBlock,
    NumberBlock,
    PowerCurveBlock,
    PowerPointBlock,
    RefutationBlock,
    SensitivityBlock,
    TableRow,
)
from causal.result_heterogeneity import (
    EffectGroupBlock,
    EqualityBlock,
    HeterogeneityBlock,
    MedianBlock,
    ModifierBlock,
    RefusedHeterogeneityBlock,
    SlopeBlock,
)
from causal.result_parts import (
    Block,
    Count,
    Label,
    Pair,
    Piece,
    Provenance,
    Reason,
    Role,
    Status,
    Verdict,
)
from causal.result_profiles import (
    CovariateProfileBlock,
    ProfileBlock,
    ProfileContrastBlock,
    ProfilePointBlock,
)
from causal.result_stages import BothStagesBlock, InstrumentStagesBlock
from causal.result_subgroups import (
    ContrastBlock,
    DifferenceBlock,
    InteractionTestBlock,
    LevelBlock,
    SubgroupBlock,
)
from causal.result_weights import WeightBlock, WeightsBlock
from causal.sealing import read_sealed, seal, sealed, unseal

__all__ = [
    "AttritionBlock",
    "BalanceBlock",
    "Block",
    "BothStagesBlock",
    "CeilingBlock",
    "ColumnBlock",
    "ConceptBlock",
    "ContourBlock",
    "ContrastBlock",
    "Count",
    "CovarianceBlock",
    "CovariateBlock",
    "CovariateProfileBlock",
    "CurveBlock",
    "DagBlock",
    "DatasetBlock",
    "DesignBlock",
    "DiagnosticBlock",
    "DifferenceBlock",
    "EdgeBlock",
    "EffectGroupBlock",
    "EqualityBlock",
    "EstimandBlock",
    "FollowUpBlock",
    "HeterogeneityBlock",
    "InstrumentBlock",
    "InstrumentStagesBlock",
    "InteractionTestBlock",
    "Label",
    "LabelBlock",
    "LevelBlock",
    "MarkBlock",
    "MedianBlock",
    "ModifierBlock",
    "NumberBlock",
    "OrientationBlock",
    "OverlapBlock",
    "Pair",
    "ParameterBlock",
    "Piece",
    "PowerCurveBlock",
    "PowerPointBlock",
    "ProfileBlock",
    "ProfileContrastBlock",
    "ProfilePointBlock",
    "Provenance",
    "Reason",
    "RefusedHeterogeneityBlock",
    "RefutationBlock",
    "Remaining",
    "RestrictionBlock",
    "Result",
    "Role",
    "RungBlock",
    "RungCovariateBlock",
    "ScaleBlock",
    "SensitivityBlock",
    "SlopeBlock",
    "Status",
    "SubgroupBlock",
    "TableRow",
    "VariantBlock",
    "Verdict",
    "WeightBlock",
    "WeightsBlock",
    "dump",
    "load",
    "sealed",
    "suppressed",
]


class DatasetBlock(Block):
    """Which data were used, and under which terms."""

    name: str
    title: str
    access: str
    licence: str
    citation: str
    options: dict[str, str | int | float | bool]
    sha256: str
    min_cell: int


class CovariateBlock(Block):
    """One adjustment column: its means by exposure, and how it was completed."""

    term: str
    concept: str
    mean_unexposed: float
    mean_exposed: float
    smd: float | None
    filled: Count


class Remaining(Block):
    """The share of the crude difference that remains."""

    value: float
    set: list[Piece]
    difference: Pair
    mixed: bool


class ScaleBlock(Block):
    """The same fit on another scale; the standard error of a ratio is that of its log."""

    scale: str
    estimate: float
    std_error: float
    interval: Pair


class ParameterBlock(Block):
    """One parameter of the model a rung's contrast is taken from, with its interval.

    The interval is None where degrees of freedom are too few for one.
    """

    name: str
    estimate: float
    std_error: float
    interval: Pair | None


class RungCovariateBlock(Block):
    """The columns, and the terms made of them, that stand for one concept in one rung."""

    concept: str
    columns: list[str]
    terms: list[str]


class RungBlock(Block):
    """One rung of the ladder.

    ``region`` is the set to be printed, ``region_note`` what it is where it is not the interval of
    the standard error, and ``interval_withheld`` why that is not shown where it is not. ``assumed``
    is what is taken for granted of ``instruments`` against the diagram. ``wald_interval`` is the
    estimate plus and minus standard errors where ``interval`` is withheld: for comparison with
    printed ones, never to be read as an interval, since the instruments are too weak for it.
    ``beside`` has what the instruments do themselves, for an effect through them. ``covariates``
    are the rung's own: another rung may measure the same concept by other columns. ``divisions`` is
    how often the sample was divided for cross-fitting (None where it was not), ``split_sd`` how
    much the estimate differs between divisions (None for one). ``parameters`` are those of the
    model the estimate is taken from, where it has any worth reading; ``profile`` holds all means of
    a rung that has more than the two compared.
    """

    name: str
    role: Role
    estimator: str
    settings: str
    target: str
    target_note: str
    scale: str
    estimate: float
    std_error: float
    interval: Pair | None
    region: list[Piece]
    level: float
    n: Count
    n_clusters: Count | None
    label: Label
    label_reason: str
    adjusted: list[str]
    missing: list[str]
    means: Pair | None
    split_sd: float | None = None
    other_scales: list[ScaleBlock | Reason]
    remaining: Remaining | Reason
    instruments: list[str] = Field(default_factory=list)
    assumed: list[str] = Field(default_factory=list)
    region_note: str = ""
    interval_withheld: str = ""
    wald_interval: Pair | None = None
    beside: BothStagesBlock | None = None
    curves: list[CurveBlock] = Field(default_factory=list)
    divisions: int | None = None
    parameters: list[ParameterBlock] = Field(default_factory=list)
    covariates: list[RungCovariateBlock] = Field(default_factory=list)
    profile: ProfileBlock | None = None


class RestrictionBlock(Block):
    """Rows kept by a column in a range at a moment; both ends are included."""

    column: str
    at: str
    low: float | None
    high: float | None


class CeilingBlock(Block):
    """A proxy, and the share of rows in the last tenth of its range; None where it is hidden."""

    concept: str
    column: str
    highest: float
    share: float | None


class VariantBlock(Block):
    """The crude and the headline rung once more, under one changed choice, on its own rows.

    ``verdicts`` says what the diagram makes of each adjusted rung, where its arrows were turned;
    ``restrictions`` are those of the variant itself.
    """

    name: str
    reason: str
    verdicts: list[str]
    persons: Count
    rungs: list[RungBlock]
    restrictions: list[RestrictionBlock] = Field(default_factory=list)


class DiagnosticBlock(Block):
    """One check of a rung, with the threshold set before results were seen."""

    name: str
    rung: str
    value: float | None
    threshold: float | None
    verdict: Verdict
    reason: str


class BalanceBlock(Block):
    """Standardised mean difference of one covariate before and after a rung's weighting."""

    rung: str
    term: str
    concept: str
    crude: float
    weighted: float


class OverlapBlock(Block):
    """Distribution of the propensity in both arms, as shares in equal bins of [0, 1]."""

    rung: str
    exposed: list[float | None]
    unexposed: list[float | None]


class CovarianceBlock(Block):
    """Covariance of the rungs' estimates, for pooling."""

    rungs: list[str]
    matrix: list[list[float]]


class Result(Block):
    """The whole document."""

    schema_version: Literal[1] = 1
    name: str
    question: str
    specification: str
    specification_sha256: str
    dataset: DatasetBlock
    design: DesignBlock
    timing: LabelBlock
    dag: DagBlock
    estimands: list[EstimandBlock]
    attrition: list[AttritionBlock]
    follow_up: list[FollowUpBlock]
    covariates: list[CovariateBlock]
    covariate_profiles: list[CovariateProfileBlock] = Field(default_factory=list)
    rungs: Annotated[list[RungBlock], Field(min_length=1)]
    headline: str
    variants: list[VariantBlock]
    subgroups: list[SubgroupBlock] = Field(default_factory=list)
    heterogeneity: list[HeterogeneityBlock | RefusedHeterogeneityBlock] = Field(
        default_factory=list
    )
    instruments: list[InstrumentBlock] = Field(default_factory=list)
    refutations: list[RefutationBlock]
    sensitivity: list[SensitivityBlock]
    covariance: CovarianceBlock
    diagnostics: list[DiagnosticBlock]
    balance: list[BalanceBlock]
    overlap: list[OverlapBlock]
    ceilings: list[CeilingBlock] = Field(default_factory=list)
    weights: list[WeightsBlock] = Field(default_factory=list)
    truth: dict[str, float]
    companions: list[str]
    provenance: Provenance
    checksum: str = ""

    def rung(self, name: str) -> RungBlock:
        """Give a rung by name."""
        return next(one for one in self.rungs if one.name == name)

    @property
    def crude(self) -> RungBlock:
        """Give the rung everything is compared with."""
        return self.rungs[0]


def suppressed(count: int, min_cell: int) -> Count:
    """Hide a count that is positive and below the data set's smallest publishable cell."""
    return f"<{min_cell}" if 0 < count < min_cell else count


def dump(result: Result) -> str:
    """Write the document as JSON text, sealed with the checksum of its own content."""
    return seal(result)


def load(path: Path) -> Result:
    """Read a result document.

    Raises
    ------
    VerificationError
        The file is missing, is not JSON, or does not follow the schema.
    """
    return unseal(read_sealed(path), path, Result)

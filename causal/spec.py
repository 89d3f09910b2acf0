"""The specification: one YAML file that says cohort, question, diagram and rungs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator, model_validator

from causal.design import AnyDesign, OutcomeAt
from causal.documents import Document, Settings, read_document, report_name, validated
from causal.estimate import Scale, Target
from causal.features import Form
from causal.heterogeneity_settings import DRLearner
from causal.instrumental import ALL_CHECKS, AnyInstrumentCheck
from causal.missing_settings import MissingData
from causal.refuters import AnyRefuter
from causal.refuters.power import PowerStudy
from causal.rungs import Rung
from causal.sensitivity import AnySensitivity
from causal.subgroup_settings import Subgroup

Value: TypeAlias = str | int | float | bool
UnitWeights: TypeAlias = Literal["rows", "persons"]
WeightFactor: TypeAlias = Literal["persons", "survey", "attrition", "exposure"]
Weights: TypeAlias = UnitWeights | tuple[WeightFactor, ...]


class EstimandChoice(Settings):
    """What the headline is about.

    Attributes
    ----------
    target : the population the headline rung averages over.
    scale : a difference for the headline; ratios and odds stand beside it in the report.
    """

    target: Target = "ATE"
    scale: Scale = "risk_difference"


class Restriction(Settings):
    """Keep the units whose column lies in a range at a moment; the step is in the attrition table.

    Attributes
    ----------
    column : a column of the cohort, or ``wave``.
    at : ``baseline``, ``start``, ``end`` of the exposure window, or ``outcome`` interview.
    low, high : both ends included; at least one of them.
    missing : whether units without a value are kept.
    reason : why one would look at these units.
    """

    column: str
    at: Literal["baseline", "start", "end", "outcome"]
    low: float | None = None
    high: float | None = None
    missing: Literal["keep", "leave_out"] = "leave_out"
    reason: str

    @model_validator(mode="after")
    def _is_a_range(self) -> Restriction:
        if self.low is None and self.high is None:
            raise ValueError("a restriction keeps a range: say low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(
                f"low is {self.low:g}, above high, {self.high:g}, so nobody is left; swap them"
            )
        return self


class Variant(Settings):
    """The crude and the headline rung once more, under one changed choice.

    Attributes
    ----------
    name : unique among the variants.
    reason : what the reader learns from it.
    restrict, weights, exposure, outcome, outcome_at, missing : replace the analysis's own.
    reverse : disputed edges of the diagram, such as ``mhg -> use_at_end``, to be turned round;
        the set that ``adjust: dag`` stands for is then found anew.
    rungs : the rungs to show; the crude and the headline one when left out.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    reason: str
    restrict: tuple[Restriction, ...] | None = None
    weights: Weights | None = None
    exposure: str | None = None
    outcome: str | None = None
    outcome_at: OutcomeAt | None = None
    missing: MissingData | None = None
    reverse: tuple[str, ...] = ()
    rungs: tuple[str, ...] = ()


class Gates(Settings):
    """Thresholds of the diagnostics, set before results are seen.

    Attributes
    ----------
    effective_sample_size : smallest of the two arms after weighting.
    smd : largest absolute standardised mean difference after weighting.
    least_chance, common_support : with several arms, and of two in rungs that do not weigh, a
        chance of an arm below the first is hardly any, and the largest share of rows that may have
        hardly any chance of some arm.
    max_weight_share : largest share of an arm's weight one row may carry.
    effective_f : strength of instruments below which no interval by standard errors is shown;
        ``critical`` for the critical value that belongs to them, which a number may only raise.
    """

    effective_sample_size: float = Field(default=50, gt=0)
    smd: float = Field(default=0.1, gt=0)  # Austin 2009, doi:10.1002/sim.3697
    max_weight_share: float = Field(default=0.1, gt=0, le=1)
    least_chance: float = Field(default=0.02, gt=0, lt=0.5)
    common_support: float = Field(default=0.05, ge=0, lt=1)
    effective_f: Annotated[float, Field(gt=0)] | Literal["critical"] = "critical"


class Analysis(Settings):
    """A whole specification; every field is a key of the YAML file.

    Attributes
    ----------
    chosen : whether this analysis was chosen before or after estimates had been seen.
    reverse : disputed edges of the diagram, to be turned round from the way the file has them.
    headline : the rung the first page leads with; the last one with the target when left out.
    restrict : units to keep, beyond the population.
    weights : ``rows`` weighs every unit alike, ``persons`` every person; or the list of all the
        factors that rungs multiply, of ``persons``, ``survey``, ``attrition`` (followed, entered)
        and ``exposure``, which a survey asks to be declared where there is more than one.
    variants : the same question under one changed choice each, shown beside the ladder.
    subgroups : levels of columns known before exposure, within each of which the headline rung is
        estimated anew and between which it is compared.
    heterogeneity : explorations of how the effect differs by modifiers known before exposure; shown
        apart and labelled so, never on the first page.
    refuters : attempts to break the headline rung.
    power : how often each refuter would fail as an unmeasured confounder grows; not measured when
        left out.
    sensitivity : what could overturn the headline rung and the brackets.
    instrument_checks : what is looked at of the instruments of the headline rung, or of the first
        rung with any where that has none; everything there is unless said otherwise.
    companions : analyses to be read beside this one.
    """

    question: str
    dataset: str
    options: Mapping[str, Value] = Field(default_factory=dict)
    population: str = "all"
    design: AnyDesign
    chosen: Literal["before_estimates", "after_estimates"]
    estimand: EstimandChoice = EstimandChoice()
    dag: str
    reverse: tuple[str, ...] = ()
    features: Mapping[str, Form | tuple[Form, ...]] = Field(default_factory=dict)
    restrict: tuple[Restriction, ...] = ()
    weights: Weights = "rows"
    missing: MissingData = MissingData()
    ladder: Annotated[tuple[Rung, ...], Field(min_length=1)]
    headline: str | None = None
    variants: tuple[Variant, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    heterogeneity: tuple[DRLearner, ...] = ()
    refuters: tuple[AnyRefuter, ...] = ()
    power: PowerStudy | None = None
    sensitivity: tuple[AnySensitivity, ...] = ()
    instrument_checks: tuple[AnyInstrumentCheck, ...] = ALL_CHECKS
    gates: Gates = Gates()
    companions: tuple[str, ...] = ()
    seed: int = Field(ge=0)

    @field_validator("subgroups")
    @classmethod
    def _not_imputed(
        cls, subgroups: tuple[Subgroup, ...], found: ValidationInfo
    ) -> tuple[Subgroup, ...]:
        missing = found.data.get("missing")
        if subgroups and isinstance(missing, MissingData) and missing.imputes:
            raise ValueError(
                "subgroups are not pooled over imputations; take them away, or fill in otherwise"
            )
        return subgroups

    @field_validator("heterogeneity")
    @classmethod
    def _explores_what_was_seen(
        cls, heterogeneity: tuple[DRLearner, ...], found: ValidationInfo
    ) -> tuple[DRLearner, ...]:
        missing = found.data.get("missing")
        if heterogeneity and isinstance(missing, MissingData) and missing.imputes:
            raise ValueError(
                "explorations are not pooled over imputations; take heterogeneity away, or fill in "
                "otherwise"
            )
        return heterogeneity

    @field_validator("power")
    @classmethod
    def _has_refuters(cls, power: PowerStudy | None, found: ValidationInfo) -> PowerStudy | None:
        if power is not None and found.data.get("refuters") == ():
            raise ValueError(
                "power is that of refuters, and there are none; name refuters, or take power away"
            )
        return power

    @field_validator("ladder")
    @classmethod
    def _begins_crude(cls, ladder: tuple[Rung, ...]) -> tuple[Rung, ...]:
        if ladder[0].role == "bracket":
            raise ValueError("the first rung is what the others are compared with, no bracket")
        if ladder[0].estimator.estimand not in ("crude", "linear projection") or ladder[0].adjust:
            raise ValueError(
                "the first rung is what the others are compared with: it must be crude "
                "(mean_difference; for a dose linear_probability without adjust, or dose_means; "
                "arm_means for several arms; kaplan_meier for a time to an event)"
            )
        names = [rung.name for rung in ladder]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the rung name '{twice[0]}' stands twice; give each its own")
        return ladder

    def varied(self, variant: Variant) -> Analysis:
        """Give the analysis a variant stands for: its choice changed, its rungs only."""
        names = variant.rungs or (self.headline_rung,)
        ladder = (self.ladder[0], *(r for r in self.ladder[1:] if r.name in names))
        design = {
            key: value
            for key, value in (
                ("exposure", variant.exposure),
                ("outcome", variant.outcome),
                ("outcome_at", variant.outcome_at),
            )
            if value is not None
        }
        changes = {
            key: value
            for key in ("restrict", "weights", "missing")
            if (value := getattr(variant, key)) is not None
        }
        return self.model_copy(
            update={
                **changes,
                "design": self.design.model_copy(update=design),
                "reverse": variant.reverse,
                "ladder": ladder,
                "headline": None,
                "variants": (),
                "subgroups": (),
                "heterogeneity": (),
                "refuters": (),
                "power": None,
                "sensitivity": (),
                "instrument_checks": (),
            }
        )

    @property
    def unit_weights(self) -> UnitWeights:
        """Tell whether rows or persons weigh alike before anything else weighs."""
        if isinstance(self.weights, tuple):
            return "persons" if "persons" in self.weights else "rows"
        return self.weights

    @property
    def headline_rung(self) -> str:
        """Give the name of the rung the first page leads with."""
        if self.headline is not None:
            return self.headline
        return [self.ladder[0].name, *self.answering][-1]

    @property
    def answering(self) -> list[str]:
        """Name the rungs of the ladder proper that have the headline's target."""
        return [
            rung.name
            for rung in self.ladder[1:]
            if rung.role == "ladder" and rung.estimator.estimand == self.estimand.target
        ]


@dataclass(frozen=True, slots=True)
class Specification:
    """A validated specification, the file it came from, and its name."""

    name: str
    analysis: Analysis
    document: Document

    @property
    def sha256(self) -> str:
        """Give the hash of the text."""
        return sha256(self.document.text.encode()).hexdigest()

    @property
    def dag_path(self) -> Path:
        """Give the diagram's file, named relative to the specification."""
        return Path(self.document.file).parent / self.analysis.dag


def load_analysis(path: Path) -> Specification:
    """Read and validate a specification; looks at no data.

    Raises
    ------
    SpecError
        With file, line and key; what was found, expected and the choices.
    """
    return analysis_from(read_document(path))


def analysis_from(document: Document) -> Specification:
    """Validate a document that is read already; see ``load_analysis``."""
    analysis = validated(document, Analysis)
    return Specification(report_name(document), analysis, document)

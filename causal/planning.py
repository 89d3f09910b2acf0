"""What a specification comes to on a codebook and a diagram: checked, and said before any data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from causal.codebook import Codebook, Measurement, Variable
from causal.dag import Concept, Dag, load_dag, reversing
from causal.dagitty import read_dagitty
from causal.dataset_info import DatasetInfo
from causal.documents import Document
from causal.errors import CausalError, SpecError, did_you_mean
from causal.estimate import DIFFERENCES
from causal.expressions import Expression, parse
from causal.features import check_features, term_names
from causal.identify import (
    AdjustmentSet,
    Availability,
    Estimand,
    adjustment_set,
    availability,
    judge,
)
from causal.instruments import Instrument, conditional_instruments
from causal.planning_concepts import concepts_of, entered_of, followed_of, refuse_late
from causal.planning_design import check_kept, check_query, check_restrictions, check_schedule
from causal.planning_heterogeneity import check_explorations
from causal.planning_instruments import judge_rung
from causal.planning_roles import check_dose, check_exposure, check_outcome
from causal.planning_subgroups import check_choice, row_choices
from causal.planning_variance import check_variances
from causal.planning_weights import check_weights
from causal.registry import chosen_options
from causal.roles import check_as_use, check_cluster, check_role
from causal.rungs import Rung
from causal.spec import Analysis, Specification, Variant
from causal.spec_checks import check_entered, check_followed, check_interactions, check_names
from causal.surveying import check_survey
from causal.time_to_event import check_times
from causal.timing import association_reasons, refuse_unbalanced_entry


@dataclass(frozen=True, slots=True)
class PlannedRung:
    """A rung with what it will use: concepts, the columns that measure them, and the verdict.

    Attributes
    ----------
    measurements : what exposure and outcome are adjusted for.
    followed : what being followed up is taken to depend on, besides exposure.
    entered : what being seen at the exposure interview is taken to depend on.
    moving : the columns that are the instruments.
    assumed : what is taken for granted of them against the diagram, in words.
    """

    rung: Rung
    concepts: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    followed: tuple[Measurement, ...]
    entered: tuple[Measurement, ...]
    estimand: Estimand
    moving: tuple[Measurement, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Measurement, ...]:
        """Give every measurement the rung adjusts or weighs by; instruments stand apart."""
        return self.measurements + self.followed + self.entered


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked specification: everything that can be known without data.

    Attributes
    ----------
    available : how each concept of the diagram is measured by the default columns.
    full : the set ``adjust: dag`` stands for.
    association : why the design allows an association only; empty when it allows an effect.
    population : the parsed query, and its reason.
    """

    specification: Specification
    info: DatasetInfo
    dag: Dag
    available: dict[str, Availability]
    full: AdjustmentSet
    rungs: tuple[PlannedRung, ...]
    association: tuple[str, ...]
    instruments: tuple[Instrument, ...]
    population: Expression
    population_reason: str

    @property
    def analysis(self) -> Analysis:
        """Give the specification's content."""
        return self.specification.analysis

    def dag_concept(self, name: str) -> Concept:
        """Give a concept of the diagram, or raise with the choices."""
        if name not in self.dag.covariates:
            raise SpecError(f"unknown concept '{name}'. {did_you_mean(name, self.dag.covariates)}")
        return self.dag.concepts[name]

    @property
    def shared_measurements(self) -> frozenset[Measurement]:
        """Give the measurements whose absence leaves a row out of every rung.

        What only bracket rungs use leaves a row out of these rungs alone.
        """
        return frozenset(
            one for planned in self.rungs for one in planned.used if planned.rung.role != "bracket"
        )

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Give every measurement some rung uses, once, in the codebook's order."""
        used = {one for rung in self.rungs for one in rung.used}
        return tuple(one for one in self.info.codebook.measurements if one in used)

    @property
    def moving(self) -> tuple[Measurement, ...]:
        """Give every instrument some rung uses, once, in the codebook's order."""
        used = {one for rung in self.rungs for one in rung.moving}
        return tuple(one for one in self.info.codebook.measurements if one in used)

    @property
    def shared_moving(self) -> frozenset[Measurement]:
        """Give the instruments whose absence leaves a row out of every rung."""
        return frozenset(
            one for rung in self.rungs for one in rung.moving if rung.rung.role != "bracket"
        )


def plan_analysis(specification: Specification, info: DatasetInfo) -> Plan:
    """Check a specification against codebook and diagram.

    Raises
    ------
    SpecError, TimingError, IdentificationError
        The first thing that does not fit, with file, line and key.
    """
    analysis, document = specification.analysis, specification.document
    dag = _diagram(specification)
    codebook = info.codebook
    check_names(analysis, document)
    with located(document, "options"):
        chosen_options(info, analysis.options)
    check_schedule(analysis, info, document)
    for role in ("exposure", "outcome"):
        with located(document, "design", role):
            arms = analysis.design.arms if role == "exposure" else None
            check_role(info, getattr(analysis.design, role), arms)
    check_dose(specification, codebook)
    with located(document, "design", "cluster"):
        check_cluster(info, analysis.design.cluster)
    with located(document, "missing", "outcome"):
        check_as_use(info, analysis)
    check_kept(analysis, info, document)
    with located(document, "design", "survey"):
        check_survey(info, analysis.design.survey)
    check_weights(specification)
    if analysis.design.time_to_event is not None:
        with located(document, "design", "time_to_event"):
            check_times(analysis.design.time_to_event, codebook, analysis.design.outcome)
    with located(document, "features"):
        check_features(analysis.features, codebook.variables)
    for path, choice in row_choices(analysis):
        with located(document, *path):
            check_choice(choice, analysis, info)
    check_restrictions(analysis, info, document)
    with located(document, "population"):
        population, reason = _population(info, analysis.population)
    available = availability(codebook, dag)
    full = adjustment_set(dag, available)
    rungs = tuple(_plan_rungs(specification, info, dag, full))
    _check_targets(specification, codebook[analysis.design.outcome])
    check_variances(specification)
    check_explorations(specification, info, {p.rung.name: p.measurements for p in rungs})
    return Plan(
        specification=specification,
        info=info,
        dag=dag,
        available=available,
        full=full,
        rungs=rungs,
        association=tuple(
            association_reasons(analysis.design, codebook, dag, info.waves, info.wave_days)
        ),
        instruments=tuple(conditional_instruments(dag, available)),
        population=population,
        population_reason=reason,
    )


def rung_terms(plan: Plan, measurements: tuple[Measurement, ...]) -> tuple[str, ...]:
    """Name the terms of a rung's measurements, the design's own time indicators apart."""
    return _terms(measurements, plan.info.codebook, plan.analysis)


def plan_variant(plan: Plan, variant: Variant) -> Plan:
    """Plan the analysis a variant of the specification stands for."""
    number = plan.analysis.variants.index(variant)
    try:
        return plan_variant_of(plan, variant)
    except CausalError as error:  # what does not fit came in by the variant, wherever it shows
        error.place = plan.specification.document.place(("variants", number))
        raise


def plan_variant_of(plan: Plan, variant: Variant) -> Plan:
    """Plan the analysis with one choice changed."""
    specification = replace(plan.specification, analysis=plan.analysis.varied(variant))
    return plan_analysis(specification, plan.info)


def measured_name(one: Measurement) -> str:
    """Name a column at its moment: bare at baseline, else ``drug_use@start``."""
    return one.column if one.when == "baseline" else f"{one.column}@{one.when}"


@contextmanager
def located(document: Document, *path: str | int) -> Iterator[None]:
    """Give an error raised inside the place of a key, when it has none of its own."""
    try:
        yield
    except CausalError as error:
        if not str(error.place):
            error.place = document.place(path)
        raise


def _diagram(specification: Specification) -> Dag:
    """Read the diagram: YAML, or DAGitty text when the file is not YAML by its name."""
    path = specification.dag_path
    if not path.is_file():
        known = [f"{path.parent.name}/{one.name}" for one in path.parent.glob("*.yaml")]
        raise specification.document.error(
            ("dag",),
            f"there is no file '{specification.analysis.dag}' beside the specification. "
            f"{did_you_mean(specification.analysis.dag, known)}",
        )
    dag = load_dag(path) if path.suffix in (".yaml", ".yml") else read_dagitty(path)
    return reversing(dag, specification.analysis.reverse)


def _population(info: DatasetInfo, text: str) -> tuple[Expression, str]:
    """Find a named population, or parse the query written in its place."""
    if text in info.populations or text.isidentifier():
        named = info.population(text)
        return named.expression, named.reason
    query = parse(text)
    check_query(query, info.codebook)
    return query, "as the specification asks"


def _plan_rungs(
    specification: Specification, info: DatasetInfo, dag: Dag, full: AdjustmentSet
) -> Iterator[PlannedRung]:
    """Plan each rung, checking concepts, columns, time, terms and exposure."""
    document, codebook = specification.document, info.codebook
    for number, rung in enumerate(specification.analysis.ladder):
        with located(document, "ladder", number, "columns"):
            available = availability(codebook, dag, rung.columns)
        with located(document, "ladder", number, "adjust"):
            concepts = concepts_of(rung, full, dag)
            refuse_late(rung, concepts, available, dag, codebook)
            estimand = judge(dag, concepts, available)
        measurements = tuple(
            one
            for concept in concepts
            for one in codebook.measuring(concept, rung.columns.get(concept))
            if rung.role == "bracket" or one.before_exposure
        )
        with located(document, "ladder", number, "followed"):
            check_followed(rung, specification.analysis)
            followed = followed_of(rung, full, dag, codebook)
            check_interactions(rung, _terms(followed, codebook, specification.analysis))
        with located(document, "ladder", number, "entered"):
            check_entered(rung, specification.analysis)
            entered = entered_of(rung, full, dag, codebook)
            refuse_unbalanced_entry(entered, measurements)
        with located(document, "ladder", number, "instrument"):
            judged = judge_rung(rung, concepts, estimand, dag, available, codebook)
        with located(document, "ladder", number, "estimator"):
            terms = _terms(measurements, codebook, specification.analysis)
            check_exposure(rung.estimator, specification.analysis.design, codebook)
            check_outcome(rung.estimator, specification.analysis.design, codebook)
            _check_terms(rung, terms)
        yield PlannedRung(
            rung,
            concepts,
            measurements,
            followed,
            entered,
            judged.estimand,
            judged.moving,
            judged.assumed,
        )


def _terms(
    measurements: tuple[Measurement, ...], codebook: Codebook, analysis: Analysis
) -> tuple[str, ...]:
    """Name the terms of measurements."""
    return tuple(
        term
        for one in measurements
        for term in term_names(codebook[one.column], measured_name(one), analysis.features)
    )


def _check_terms(rung: Rung, terms: tuple[str, ...]) -> None:
    """Refuse an estimator that names terms that are not there."""
    for named in rung.estimator.named_terms:
        if named not in terms:
            raise SpecError(f"there is no term '{named}'. {did_you_mean(named, terms)}")


def _check_targets(specification: Specification, outcome: Variable) -> None:
    """Refuse a headline that no rung answers, or a scale the outcome does not have."""
    analysis, document = specification.analysis, specification.document
    binary = outcome.kind == "binary" or analysis.design.time_to_event is not None
    scale = analysis.estimand.scale
    wanted = "risk_difference" if binary else "mean_difference"
    if scale in DIFFERENCES and scale != wanted:
        raise document.error(
            ("estimand", "scale"),
            f"'{outcome.column}' is {outcome.kind}; its difference is called {wanted}.",
        )
    if not binary and scale not in DIFFERENCES:
        raise document.error(
            ("estimand", "scale"), f"'{outcome.column}' is {outcome.kind}; it has no {scale}."
        )
    targets = {rung.estimator.estimand for rung in analysis.ladder[1:]}
    if targets and analysis.estimand.target not in targets:
        raise document.error(
            ("estimand", "target"),
            f"no adjusted rung has the target '{analysis.estimand.target}'; they have "
            f"{', '.join(sorted(targets))}.",
        )

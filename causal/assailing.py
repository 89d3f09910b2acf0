"""Hands the rungs of a plan to refuters and sensitivity analyses, with the samples they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causal.cohort import HELD, TIME, Cohort, Sample
from causal.control_checks import check_controls, check_repeated
from causal.errors import CausalError, OutcomeError, PositivityError, SpecError, did_you_mean
from causal.estimate import Scale
from causal.examining import (
    Attempt,
    Inquiry,
    Inspection,
    analyse_sensitivity,
    inspect_instruments,
    refute_rung,
    trace_power,
)
from causal.fitting import FittedRung, RungTask, usable_rows
from causal.identify import Availability
from causal.implications import imply, measured_as
from causal.imputing import check_imputation
from causal.instrumental import InstrumentFinding
from causal.planning import Plan, located, plan_variant, plan_variant_of, rung_terms
from causal.refuters import AnyRefuter, Auxiliary, GraphFalsification, Refutation
from causal.refuters.control_settings import ControlExposure, ControlOutcome
from causal.refuters.independence import Implied
from causal.sampling import draw_concepts, draw_sample
from causal.sensitivity import SensitivityFinding
from causal.spec import Variant
from causal.spec_checks import check_companions
from causal.subject import Subject


def check_assaults(plan: Plan) -> None:
    """Refuse controls, benchmarks, terms and variants that are not known or not allowed.

    Raises
    ------
    SpecError
        An unknown column, concept or term.
    IdentificationError
        The diagram does not allow a negative control.
    """
    analysis, document = plan.analysis, plan.specification.document
    check_companions(plan.specification)
    check_imputation(plan)
    for number, variant in enumerate(analysis.variants):
        try:
            check_imputation(plan_variant(plan, variant))
        except CausalError as error:
            error.place = document.place(("variants", number))
            raise
    for number, refuter in enumerate(analysis.refuters):
        with located(document, "refuters", number):
            for concept in refuter.named_concepts:
                _check_benchmark(plan, concept)
            check_controls(plan, refuter)
            if isinstance(refuter, GraphFalsification):
                for concept in refuter.selected:
                    plan.dag_concept(concept)
                measured_as(plan.dag, plan.info.codebook, refuter.columns)
    check_repeated(plan)
    if analysis.power is not None and analysis.power.benchmark is not None:
        with located(document, "power", "benchmark"):
            _check_benchmark(plan, analysis.power.benchmark)
    if "instrument_checks" in analysis.model_fields_set and analysis.instrument_checks:
        with located(document, "instrument_checks"):
            if leaning_rung(plan) is None:
                raise SpecError(
                    "there is nothing to check: no rung has an instrument and estimates an effect "
                    "with it. Give a rung an instrument, or take instrument_checks away."
                )
    for number, settings in enumerate(analysis.sensitivity):
        with located(document, "sensitivity", number):
            for concept in settings.named_concepts:
                plan.dag_concept(concept)
            for concept in settings.benchmark_concepts:
                _check_measured(plan, concept)
            terms = {t for one in plan.rungs for t in rung_terms(plan, one.measurements)}
            for term in settings.named_terms:
                if term not in terms:
                    raise SpecError(f"no rung has a term '{term}'. {did_you_mean(term, terms)}")


def refute_headline(
    plan: Plan,
    cohort: Cohort,
    tasks: Sequence[RungTask],
    fits: Sequence[FittedRung],
    sample: Sample,
    *,
    jobs: int = 1,
) -> list[Refutation]:
    """Try every refuter of the specification on the headline rung, and measure their power."""
    analysis = plan.analysis
    names = [task.name for task in tasks]
    number = names.index(analysis.headline_rung)
    subject = subject_of(plan, tasks[number], fits[number], sample)
    auxiliary = _auxiliary(plan, cohort, tasks[number])
    attempts = [
        Attempt(
            number=position,
            refuter=refuter,
            subject=subject,
            auxiliary=_with_implications(plan, cohort, refuter, auxiliary),
            seed=analysis.seed,
            place=plan.specification.document.place(("refuters", position)),
        )
        for position, refuter in enumerate(analysis.refuters)
    ]
    found = refute_rung(attempts, jobs=jobs)
    if analysis.power is None:
        return found
    curves = trace_power(attempts, analysis.power, jobs=jobs)
    return [replace(one, curve=curve) for one, curve in zip(found, curves, strict=True)]


def find_sensitivity(
    plan: Plan,
    cohort: Cohort,
    tasks: Sequence[RungTask],
    fits: Sequence[FittedRung],
    sample: Sample,
    *,
    jobs: int = 1,
) -> list[SensitivityFinding]:
    """Ask what could overturn the headline rung, and each bracket."""
    analysis, document = plan.analysis, plan.specification.document
    chosen = [
        (task, fitted)
        for planned, task, fitted in zip(plan.rungs, tasks, fits, strict=True)
        if planned.rung.role == "bracket" or task.name == analysis.headline_rung
    ]
    asked = any(settings.needs_unfollowed for settings in analysis.sensitivity)
    everybody = _unfollowed(plan, cohort) if asked else None
    subjects = [
        replace(
            subject_of(plan, task, fitted, sample),
            unfollowed=None if everybody is None else everybody.with_terms(task.terms),
        )
        for task, fitted in chosen
    ]
    inquiries = [
        Inquiry(number, settings, one, analysis.seed, document.place(("sensitivity", number)))
        for number, settings in enumerate(analysis.sensitivity)
        for one in subjects
    ]
    findings = analyse_sensitivity(inquiries, jobs=jobs)
    # figures are drawn of the headline only; a bracket's would double the document
    return [
        one if one.rung == analysis.headline_rung else replace(one, curves=(), contours=())
        for one in findings
    ]


def inspect_rung(
    plan: Plan,
    tasks: Sequence[RungTask],
    fits: Sequence[FittedRung],
    sample: Sample,
    *,
    jobs: int = 1,
) -> list[InstrumentFinding]:
    """Look at every instrument of the rung that leans on one; nothing where none does."""
    analysis, document = plan.analysis, plan.specification.document
    leaning = leaning_rung(plan)
    if leaning is None:
        return []
    number = [task.name for task in tasks].index(leaning)
    subject = subject_of(plan, tasks[number], fits[number], sample)
    return inspect_instruments(
        [
            Inspection(
                number=position,
                check=check,
                subject=subject,
                instrument=instrument,
                seed=analysis.seed,
                place=document.place(("instrument_checks", position)),
            )
            for instrument in subject.sample.instruments
            for position, check in enumerate(analysis.instrument_checks)
        ],
        jobs=jobs,
    )


def leaning_rung(plan: Plan) -> str | None:
    """Name the headline if its effect leans on instruments, else the first rung that does."""
    names = [
        one.rung.name for one in plan.rungs if one.moving and one.rung.estimator.estimand == "LATE"
    ]
    headline = plan.analysis.headline_rung
    return headline if headline in names else next(iter(names), None)


def subject_of(plan: Plan, task: RungTask, fitted: FittedRung, sample: Sample) -> Subject:
    """Give a rung with the rows and columns it was fitted on."""
    own = sample.with_terms(task.terms).with_instruments(task.instruments)
    shared = sample.with_terms(_ladder_terms(plan, sample)).with_instruments(task.instruments)
    known = usable_rows(own, task.estimator)
    return Subject(
        rung=task.name,
        estimator=task.estimator,
        sample=own if known.all() else own.rows(known),
        estimates=fitted.estimates,
        crude=fitted.crude,
        shared=shared if known.all() else shared.rows(known),
        scale=plan.analysis.estimand.scale,
    )


def _ladder_terms(plan: Plan, sample: Sample) -> list[str]:
    """Name the terms that rungs of the ladder proper adjust for; brackets may use mediators."""
    used = {
        one
        for planned in plan.rungs
        if planned.rung.role != "bracket"
        for one in planned.measurements
    }
    terms = rung_terms(plan, tuple(one for one in plan.measurements if one in used))
    return [
        term
        for term, concept in zip(sample.terms, sample.concepts, strict=True)
        if term in terms or concept == TIME
    ]


def _unfollowed(plan: Plan, cohort: Cohort) -> Sample:
    """Draw the sample without leaving out the rows whose outcome is not known."""
    kept = plan.analysis.missing.model_copy(update={"outcome": "keep"})
    variant = Variant(name="unfollowed", reason="rows without an outcome", missing=kept)
    everything = tuple(rung.name for rung in plan.analysis.ladder)
    varied = plan_variant_of(plan, variant.model_copy(update={"rungs": everything}))
    return draw_sample(cohort, varied).sample


def _with_implications(
    plan: Plan, cohort: Cohort, refuter: AnyRefuter, auxiliary: Auxiliary
) -> Auxiliary:
    """Add what the diagram implies of the data, where a refuter asks for it."""
    if not isinstance(refuter, GraphFalsification):
        return auxiliary
    dag = plan.dag
    measured, proxied = measured_as(dag, plan.info.codebook, refuter.columns)
    direct = {dag.exposure, dag.outcome, *measured} - proxied
    found = imply(dag, direct, proxied, selected=refuter.selected, max_given=refuter.max_given)
    drawn = replace(
        draw_concepts(cohort, plan, measured),
        implied=tuple(Implied(one.one, one.other, one.given) for one in found.tested),
        proxied=proxied,
        untestable=found.untestable,
        sentences=found.sentences,
        edges=tuple((edge.cause, edge.effect) for edge in dag.edges),
        effect_of=(dag.exposure, dag.outcome),
    )
    return replace(auxiliary, implications=drawn)


def _check_measured(plan: Plan, concept: str) -> None:
    """Refuse a benchmark that is unknown, or that no column measures; brackets may name columns."""
    plan.dag_concept(concept)
    rungs = {one.concept for one in plan.measurements}
    measured = [
        one
        for one in plan.dag.covariates
        if one in rungs or plan.available[one] is not Availability.UNMEASURED
    ]
    if concept not in measured:
        raise SpecError(
            f"'{concept}' has no column in {plan.info.name}, so nothing can be compared with it. "
            f"Name a concept that is measured: {', '.join(measured)}"
        )


def _check_benchmark(plan: Plan, concept: str) -> None:
    """Refuse a benchmark that is unknown, or that the headline rung does not adjust for."""
    plan.dag_concept(concept)
    headline = next(one for one in plan.rungs if one.rung.name == plan.analysis.headline_rung)
    held = sorted({one.concept for one in headline.measurements})
    if concept not in held:
        raise SpecError(
            f"the rung '{headline.rung.name}' does not adjust for '{concept}', so nothing can be "
            f"counted in it. {did_you_mean(concept, held)}"
        )


def _auxiliary(plan: Plan, cohort: Cohort, task: RungTask) -> Auxiliary:
    """Draw the samples of the negative controls: other outcomes and exposures, so other rows."""
    outcomes: dict[str, Sample] = {}
    exposures: dict[str, Sample] = {}
    absent: dict[str, str] = {}
    for refuter in plan.analysis.refuters:
        for outcome in refuter.control_outcomes:
            if outcome.key not in outcomes:
                try:
                    outcomes[outcome.key] = _with_outcome(plan, cohort, task, outcome)
                except (PositivityError, OutcomeError) as problem:
                    absent[outcome.key] = problem.message
        for exposure in refuter.control_exposures:
            if exposure.key not in exposures:
                try:
                    exposures[exposure.key] = _with_exposure(plan, cohort, task, exposure)
                except (PositivityError, OutcomeError) as problem:
                    absent[exposure.key] = problem.message
    return Auxiliary(outcomes, exposures, absent)


def _with_outcome(plan: Plan, cohort: Cohort, task: RungTask, control: ControlOutcome) -> Sample:
    """Draw the sample of a negative control outcome, whatever its kind."""
    kind = plan.info.codebook[control.outcome].kind
    scale: Scale = "risk_difference" if kind == "binary" else "mean_difference"
    choice = plan.analysis.estimand.model_copy(update={"scale": scale})
    asked = replace(
        plan.specification, analysis=plan.analysis.model_copy(update={"estimand": choice})
    )
    variant = Variant(
        name="control", reason=control.rationale, outcome=control.outcome, outcome_at=control.at
    )
    varied = plan_variant_of(replace(plan, specification=asked), variant)
    drawn = draw_sample(cohort, varied).sample
    kept = [term for term in task.terms if term in drawn.terms]
    return drawn.with_terms(kept).with_instruments(task.instruments)


def _with_exposure(plan: Plan, cohort: Cohort, task: RungTask, control: ControlExposure) -> Sample:
    """Draw the sample of a negative control exposure, with the exposure itself as a covariate."""
    varied = plan_variant_of(plan, Variant(name="control", reason=control.rationale))
    drawn = draw_sample(cohort, varied, control).sample
    kept = [*(term for term in task.terms if term in drawn.terms), HELD]
    return drawn.with_terms(kept).with_instruments(task.instruments)
